"""``policies``: writes the roles' policies, and the developers', as plain JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..catalog import RenderSettings
from ..cfn.evaluation import Target
from ..cfn.partitions import PARTITIONS
from ..errors import NOT_GIVEN, ParameterError, SettingsError
from ..launch import developers_policy, key_policy, role_policies
from .options import OK, Commands, add_settings, directory, render_settings, write


def add_to(commands: Commands) -> None:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "policies",
        help="write the roles' policies, and one for developers, as JSON",
        description="Writes the policies of the roles in prerequisites.yaml as plain JSON with real ARNs: ROLE.json, "
        "and its trust policy ROLE.trust.json, for organisations where another team makes the roles. Where a pipeline "
        f"waits for an approval, {developers_policy.FILE_NAME} is for those who must not release anything past it. "
        f"Where the pipelines have a KMS key of yours, {key_policy.FILE_NAME} has the statements for its policy.",
    )
    parser.add_argument("--account", required=True, metavar="ID", help="the account's 12 digits")
    parser.add_argument("--region", required=True, metavar="R", help="the pipelines' region, such as us-east-1")
    parser.add_argument("--partition", choices=PARTITIONS, default="aws", help=f"{', '.join(PARTITIONS)}; default: aws")
    parser.add_argument(
        "--params",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="parameter files of prerequisites.yaml, or of the templates that use the same names; "
        "what they leave out has the default of prerequisites.yaml. The developers' policy needs the branches of the "
        "pipelines that wait for an approval",
    )
    parser.add_argument(
        "--quick-start",
        action="store_true",
        help=f"write {developers_policy.FILE_NAME} alone, for the pipelines of quick-start.yaml, whose parameter "
        "files then follow --params",
    )
    parser.add_argument("--output-dir", type=directory, required=True, metavar="DIR")
    add_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes the policies."""
    settings = render_settings(options)
    target = role_policies.target(options.account, options.region, options.partition)
    documents = (_of_quick_start if options.quick_start else _of_prerequisites)(options.params, target, settings)
    write(options.output_dir, {name: json.dumps(document, indent=2) + "\n" for name, document in documents.items()})
    return OK


def _of_prerequisites(paths: Sequence[Path], target: Target, settings: RenderSettings) -> dict[str, dict[str, Any]]:
    """The roles' policies, the key's and the developers'."""
    values = role_policies.values_from_files(paths, settings)
    of_roles = role_policies.role_policies(values, target, settings)
    others: dict[str, dict[str, Any]] = {}
    if settings.pipeline.own_key:
        others[key_policy.FILE_NAME] = key_policy.key_policy(values, target, settings)
    try:
        denied = developers_policy.developers_policy(values, target, settings)
    except ParameterError as error:
        if error.value is not NOT_GIVEN:
            raise
        print(f"{developers_policy.FILE_NAME} is not written: {error}", file=sys.stderr)
        denied = None
    if denied is not None:
        others[developers_policy.FILE_NAME] = denied
    for name in of_roles:
        # Some file systems take names that differ in case for one.
        if name.lower() in others:
            role = name.removesuffix(".json")
            raise ParameterError(
                "role name", role, f"its file would be {name.lower()}, which is another: choose another"
            )
    return {**of_roles, **others}


def _of_quick_start(paths: Sequence[Path], target: Target, settings: RenderSettings) -> dict[str, dict[str, Any]]:
    """The developers' policy: the quick start makes its roles itself."""
    denied = developers_policy.quick_start_policy(role_policies.given(paths, settings), target, settings)
    if denied is None:
        environments = [environment.id for environment in settings.environments]
        raise SettingsError("--environment", environments, "nothing to deny: add approval to one of them")
    return {developers_policy.FILE_NAME: denied}
