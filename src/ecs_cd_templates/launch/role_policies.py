"""The roles' policies as plain JSON, for organisations where another team makes the roles."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import catalog
from ..catalog import ALL_ENVIRONMENTS, PREREQUISITES, QUICK_START, RenderSettings
from ..cfn.evaluation import Resolved, Target, resolve, unknowns
from ..cfn.partitions import PARTITIONS
from ..cfn.regions import partition_of
from ..constraints import ResourceName
from ..environments import scopes
from ..errors import NOT_GIVEN, MissingExtraError, ParameterError, RegionError
from ..parameters import APPLICATION, name_of
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


def given(paths: Sequence[Path], settings: RenderSettings) -> dict[str, str]:
    """The values in the parameter files, which may be of any template. Raises :class:`ParameterFileError`."""
    return merged(paths, {name for build in catalog.templates(settings).values() for name in build().parameters})


def values_from_files(paths: Sequence[Path], settings: RenderSettings) -> dict[str, str]:
    """The values in the parameter files, as the templates of all environments ask for them.

    Raises :class:`ParameterError` and :class:`ParameterFileError`.
    """
    values = given(paths, settings)
    if APPLICATION.name in values:
        remedy = f"is for {QUICK_START}, which names all by itself: add --quick-start, or leave this out"
        raise ParameterError(APPLICATION.name, values[APPLICATION.name], remedy)
    for name, names in _of_several(settings).items():
        if name not in values:
            continue
        if len(names) > 1:
            asking = ALL_ENVIRONMENTS if name == settings.pipeline.source.branch.name else PREREQUISITES
            remedy = f"say which it is, as {asking} asks for it: {_either(names)}"
            raise ParameterError(name, values[name], remedy)
        value = values.pop(name)
        if ResourceName.parse(values.setdefault(names[0], value)).name != ResourceName.parse(value).name:
            raise ParameterError(name, value, f"{names[0]} has another value: give one of the two")
    return values


def role_policies(
    values: Mapping[str, str], target: Target, settings: RenderSettings | None = None
) -> dict[str, dict[str, Any]]:
    """The trust policy and the permissions of each role, as ``{file name: policy document}``.

    They are those of ``prerequisites.yaml`` for these parameter values, whether or not a role's name
    is marked as existing: ``ROLE.json`` and, beside it, ``ROLE.trust.json``. Raises
    :class:`ParameterError` for a value that the template's form refuses.
    """
    documents: dict[str, dict[str, Any]] = {}
    for resource in resolved(values, target, settings or RenderSettings()).resources.values():
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


def resolved(values: Mapping[str, str], target: Target, settings: RenderSettings) -> Resolved:
    """``prerequisites.yaml`` for these values, as if it made the roles and nothing else.

    The values of other templates' parameters are passed over. Raises :class:`ParameterError`.
    """
    roles = prerequisites.roles(settings.pipeline)
    template = catalog.templates(settings)[PREREQUISITES]().to_dict()
    complete = {name: value for name, value in values.items() if name in template["Parameters"]}
    for part in prerequisites.parts(settings.environments, settings.pipeline):
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
    for spec in settings.pipeline.source.known_first:
        if not complete.get(spec.name):
            raise ParameterError(spec.name, NOT_GIVEN, f"the policies name it: {spec.constraint.message}")
    return resolve(template, complete, target)


def _of_several(settings: RenderSettings) -> dict[str, list[str]]:
    """Parameters of the templates for one thing, with the names that it can have where there are several."""
    steps = settings.pipeline.steps
    names: dict[str, list[str]] = {}
    for step in steps:
        names.setdefault(step.own_project.name, []).append(step.project.name)
        names.setdefault(step.own_role.name, []).append(step.role.name)
    for spec in (*prerequisites.ALLOWED, settings.pipeline.source.branch):
        names[spec.name] = [name_of(spec, scope) for scope in scopes(settings.environments)]
    return names


def _either(names: Sequence[str]) -> str:
    *before, last = names
    return f"{', '.join(before)} or {last}" if before else last
