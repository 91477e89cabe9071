"""The roles' policies as plain JSON, for organisations where another team makes the roles."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import catalog
from ..catalog import PREREQUISITES, RenderSettings
from ..cfn.evaluation import Target, resolve, unknowns
from ..cfn.partitions import PARTITIONS
from ..cfn.regions import partition_of
from ..constraints import ResourceName
from ..environments import scopes
from ..errors import MissingExtraError, ParameterError, RegionError
from ..parameters import name_of
from ..stacks import prerequisites
from .parameter_files import merged


def target(account: str, region: str, partition: str = "aws") -> Target:
    """Where the roles are, checked.

    Raises :class:`ParameterError` for an account that is not 12 digits, an unknown partition, and a region
    that is not one of that partition's. Without botocore, which knows them, the region's name has to look right.
    """
    if not re.fullmatch(r"[0-9]{12}", account):
        raise ParameterError("account", account, "give the account's ID, 12 digits without hyphens")
    if partition not in PARTITIONS:
        raise ParameterError("partition", partition, f"give one of {', '.join(PARTITIONS)}")
    try:
        known = partition_of(region) == partition
    except RegionError:
        known = False
    except MissingExtraError:
        known = re.fullmatch(PARTITIONS[partition].region_pattern, region) is not None
    if not known:
        example = PARTITIONS[partition].example_region
        remedy = f"is not a region of the partition {partition}: give one such as {example}"
        raise ParameterError("region", region, remedy)
    return Target(account=account, region=region, partition=partition)


def values_from_files(paths: Sequence[Path], settings: RenderSettings) -> dict[str, str]:
    """The values for ``prerequisites.yaml`` in the parameter files, which may be of the other templates.

    Raises :class:`ParameterError` and :class:`ParameterFileError`.
    """
    parameters = {name: build().parameters for name, build in catalog.templates(settings).items()}
    values = merged(paths, {name for each in parameters.values() for name in each})
    for name, names in _ambiguous(settings).items():
        if name in values:
            remedy = f"say which it is, as {PREREQUISITES} asks for it: {_either(names)}"
            raise ParameterError(name, values[name], remedy)
    return {name: value for name, value in values.items() if name in parameters[PREREQUISITES]}


def role_policies(
    values: Mapping[str, str], target: Target, settings: RenderSettings | None = None
) -> dict[str, dict[str, Any]]:
    """The trust policy and the permissions of each role, as ``{file name: policy document}``.

    They are those of ``prerequisites.yaml`` for these parameter values, whether or not a role's name
    is marked as existing: ``ROLE.json`` and, beside it, ``ROLE.trust.json``. Raises
    :class:`ParameterError` for a value that the template's form refuses.
    """
    settings = settings or RenderSettings()
    steps = settings.pipeline.steps
    roles = prerequisites.roles(steps)
    template = catalog.templates(settings)[PREREQUISITES]().to_dict()
    complete = dict(values)
    for part in prerequisites.parts(settings.environments, steps):
        spec = part.spec
        name = ResourceName.parse(values.get(spec.name, "")).name
        if name and part in roles:
            constraint = spec.allowed or spec.constraint
            if not constraint.accepts(name):
                raise ParameterError(spec.name, values[spec.name], constraint.message)
            # A role that exists already is not in the stack; here it is what is wanted. No policy names its path.
            complete[spec.name] = name.rpartition("/")[2]
        elif name:
            # Whoever makes the rest, the policies are the same.
            complete[spec.name] = str(ResourceName(name, existing=True))
    resources = resolve(template, complete, target).resources
    documents: dict[str, dict[str, Any]] = {}
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::Role":
            role = resource["Properties"]
            (policy,) = role["Policies"]
            own = {
                f"{role['RoleName']}.json": policy["PolicyDocument"],
                f"{role['RoleName']}.trust.json": role["AssumeRolePolicyDocument"],
            }
            if own.keys() & documents.keys():
                remedy = "would be written over the policies of another role: give each role a name of its own"
                raise ParameterError("role name", role["RoleName"], remedy)
            if unknowns(own):
                raise ValueError(f"the policies of {role['RoleName']} name what is not known: {unknowns(own)}")
            documents |= own
    return documents


def _ambiguous(settings: RenderSettings) -> dict[str, list[str]]:
    """Parameters of other templates that stand for several of ``prerequisites.yaml``, with the names of those."""
    steps = settings.pipeline.steps
    names: dict[str, list[str]] = {}
    for step in steps:
        names.setdefault(step.own_project.name, []).append(step.project.name)
        names.setdefault(step.own_role.name, []).append(step.role.name)
    for spec in prerequisites.ALLOWED:
        names[spec.name] = [name_of(spec, scope) for scope in scopes(settings.environments)]
    return names


def _either(names: Sequence[str]) -> str:
    *before, last = names
    return f"{', '.join(before)} or {last}" if before else last
