"""``policies``: writes the roles' policies, and the developers', as plain JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..catalog import ALL_ENVIRONMENTS, PREREQUISITES, QUICK_START, RenderSettings
from ..cfn.evaluation import Target
from ..cfn.partitions import PARTITIONS, partition_by_name
from ..errors import NOT_GIVEN, ParameterError, SettingsError
from ..launch import developers_policy, key_policy, role_policies
from ..services import Target as ServiceTarget
from .options import OK, Commands, add_settings, directory, render_settings, write
from .settings_file import SettingsFile, add_service_settings, parameters_of, settings_file


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
    parser.add_argument("--account", metavar="ID", help="the account's 12 digits, unless a settings file says them")
    parser.add_argument(
        "--region", metavar="R", help="the pipelines' region, such as us-east-1, unless a settings file says it"
    )
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
    add_service_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes the policies."""
    file = settings_file(options)
    if file is not None:
        return _of_services(options, file)
    settings = render_settings(options)
    target = _target(options, None)
    if options.quick_start:
        documents = _of_quick_start(role_policies.given(options.params, settings), target, settings)
    else:
        documents = _of_prerequisites(role_policies.values_from_files(options.params, settings), target, settings)
    return _written(options, documents)


def _of_services(options: argparse.Namespace, file: SettingsFile) -> int:
    """Writes the policies of each service into a folder of its own, as its stacks' values make them."""
    if options.params:
        raise SettingsError(
            "--params", list(map(str, options.params)), "the settings file has the values: leave it out"
        )
    every: dict[str, dict[str, Any]] = {}
    for path, _, service_target in file.targets:
        target = _target(options, service_target)
        stacks = {template: values.values for template, values in reversed(parameters_of(path, service_target))}
        if options.quick_start:
            denied = developers_policy.quick_start_policy(stacks[QUICK_START], target, service_target.settings)
            documents = {} if denied is None else {developers_policy.FILE_NAME: denied}
        else:
            _require_known(path, service_target)
            of_roles = {**stacks.get(ALL_ENVIRONMENTS, {}), **stacks[PREREQUISITES]}
            documents = _of_prerequisites(of_roles, target, service_target.settings)
        every |= {f"{path}/{name}": document for name, document in documents.items()}
    if not every:
        remedy = "nothing to deny: add approval to an environment"
        raise SettingsError("services", [service.name for service in file.services.services], remedy)
    return _written(options, every)


def _written(options: argparse.Namespace, documents: Mapping[str, dict[str, Any]]) -> int:
    write(options.output_dir, {name: json.dumps(document, indent=2) + "\n" for name, document in documents.items()})
    return OK


def _require_known(path: str, target: ServiceTarget) -> None:
    """Refuses a source of which policies need something that nobody knows before it is made, such as its ARN."""
    source = target.settings.pipeline.source
    values = source.prerequisite_values(target.values.said)
    for spec in source.known_first:
        if not values.get(spec):
            remedy = "the policies name it: make it first, and give its ARN in the settings file"
            raise SettingsError(f"{spec.name} of {path}", NOT_GIVEN, remedy)


def _target(options: argparse.Namespace, service: ServiceTarget | None) -> Target:
    """Where the roles are: as the settings file says, or else the options."""
    found = {}
    for name in ("account", "region"):
        said = service and getattr(service, name)
        given = getattr(options, name)
        if said and given and said != given:
            raise SettingsError(f"--{name}", given, f"the settings file says {said}: leave it out")
        found[name] = said or given
        if found[name] is None:
            raise SettingsError(f"--{name}", NOT_GIVEN, f"say which {name} the pipelines are in")
    partition = options.partition
    if service and service.region:
        partition = partition_by_name(service.region) or partition
    return role_policies.target(found["account"], found["region"], partition)


def _of_prerequisites(values: Mapping[str, str], target: Target, settings: RenderSettings) -> dict[str, dict[str, Any]]:
    """The roles' policies, the key's and the developers'."""
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


def _of_quick_start(values: Mapping[str, str], target: Target, settings: RenderSettings) -> dict[str, dict[str, Any]]:
    """The developers' policy: the quick start makes its roles itself."""
    denied = developers_policy.quick_start_policy(values, target, settings)
    if denied is None:
        environments = [environment.id for environment in settings.environments]
        raise SettingsError("--environment", environments, "nothing to deny: add approval to one of them")
    return {developers_policy.FILE_NAME: denied}
