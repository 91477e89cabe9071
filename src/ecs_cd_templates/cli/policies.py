"""``policies``: writes the roles' policies as plain JSON."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .. import catalog
from ..cfn.partitions import PARTITIONS
from ..errors import ParameterError
from ..launch import parameter_files, role_policies
from .options import OK, Commands, write


def add_to(commands: Commands) -> None:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "policies",
        help="write the roles' policies as JSON",
        description="Writes the policies of the roles in prerequisites.yaml as plain JSON with real ARNs: ROLE.json, "
        "and its trust policy ROLE.trust.json, for organisations where another team makes the roles.",
    )
    parser.add_argument("--account", required=True, metavar="ID", help="the account's 12 digits")
    parser.add_argument("--region", required=True, metavar="R", help="the pipelines' region, such as us-east-1")
    parser.add_argument("--partition", choices=PARTITIONS, default="aws", help=f"{', '.join(PARTITIONS)}; default: aws")
    parser.add_argument(
        "--params",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="parameter files of prerequisites.yaml, or of the templates that use the same names; "
        "what they leave out has the default of prerequisites.yaml",
    )
    parser.add_argument("--output-dir", type=Path, required=True, metavar="DIR")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes the policies."""
    asked = {name: build().parameters for name, build in catalog.templates().items()}
    values = parameter_files.merged(options.params, {name for parameters in asked.values() for name in parameters})
    relevant = {name: value for name, value in values.items() if name in asked["prerequisites.yaml"]}
    for name in role_policies.NAMES_OF_ONE:
        if name in values:
            remedy = f"say which it is, as prerequisites.yaml asks for it: {role_policies.NAMES_OF_ONE[name]}"
            raise ParameterError(name, values[name], remedy)
    place = role_policies.target(options.account, options.region, options.partition)
    documents = role_policies.role_policies(relevant, place)
    contents = {name: json.dumps(document, indent=2) + "\n" for name, document in documents.items()}
    write(options.output_dir, contents)
    return OK
