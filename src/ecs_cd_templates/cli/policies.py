"""``policies``: writes the roles' policies as plain JSON."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..cfn.partitions import PARTITIONS
from ..launch import role_policies
from .options import OK, Commands, add_settings, directory, render_settings, write


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
    parser.add_argument("--output-dir", type=directory, required=True, metavar="DIR")
    add_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes the policies."""
    settings = render_settings(options)
    values = role_policies.values_from_files(options.params, settings)
    target = role_policies.target(options.account, options.region, options.partition)
    documents = role_policies.role_policies(values, target, settings)
    write(options.output_dir, {name: json.dumps(document, indent=2) + "\n" for name, document in documents.items()})
    return OK
