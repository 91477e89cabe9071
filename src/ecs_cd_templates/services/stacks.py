"""The stacks of a service: the template of each, its name, and the values of its parameters.

Every name is made of the service's and the environment's, see :mod:`..names`, so a template's values agree with those
of the templates that it works with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

from troposphere import Template, encode_to_dict

from .. import catalog, names, parameters
from ..catalog import ALL_ENVIRONMENTS, PREREQUISITES, QUICK_START, RenderSettings
from ..cfn.evaluation import check_parameters
from ..environments import Environment, Scope, scopes
from ..errors import ParameterError, SettingsError
from ..launch.quick_create import stack_name
from ..parameters import ParameterSpec
from ..stacks import deployment_pipeline, ecs_environment, quick_start
from .service import EnvironmentValues, Target


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack of a service, for one of its environments or for all.

    ``file`` is the name of its parameter file. ``values`` are complete: a default that changes later changes nothing
    in a stack whose file is not rendered again. ``differing`` are those that are not the template's defaults.
    """

    template: str
    name: str
    file: str
    values: Mapping[str, str]
    differing: Mapping[str, str]


def stacks(target: Target) -> list[Stack]:
    """The stacks that a service can be launched as in the target: the quick start, or the parts of it one by one.

    The parts that ask for what nobody knows before another stack is made, such as the ARN of a new connection, are not
    among them, nor the template of one pipeline for an environment with release tags, which it does not have. Raises
    :class:`SettingsError` for values that go together in no template, and :class:`ParameterError` for one that a
    template refuses.
    """
    return list(_stacks(target))


def quick_start_stack(target: Target) -> Stack:
    """The first of them alone, at a fraction of the time. Raises what :func:`stacks` raises."""
    return next(_stacks(target))


def _stacks(target: Target) -> Iterator[Stack]:
    settings = target.settings
    shared = _shared(target)
    every = scopes(settings.environments)
    own = {scope: _of_environment(target, scope) for scope in every}
    together = {**{name: value for values in own.values() for name, value in values.items()}, **shared}
    yield from _stack(target, QUICK_START, {**together, **_of_quick_start(target)})
    yield from _stack(target, PREREQUISITES, {**together, **_of_prerequisites(target)})
    for step in settings.pipeline.steps:
        named = {
            step.own_project.name: shared[step.project.name],
            step.own_role.name: shared[step.role.name],
        }
        yield from _stack(target, step.file_name, {**shared, **named})
    yield from _stack(target, ALL_ENVIRONMENTS, together)
    networks = ecs_environment.file_names(settings.environments)
    for environment in settings.environments:
        alone = Scope(environment, only=True)
        values = {**_of_environment(target, alone), **shared}
        # The template of one pipeline is made for any environment, and so without the Git tags that start it.
        if not environment.release_tags:
            yield from _stack(target, deployment_pipeline.file_name(environment), values, environment)
        yield from _stack(target, networks[environment.network], values, environment)


def _stack(
    target: Target, template: str, known: Mapping[str, str | None], environment: Environment | None = None
) -> Iterator[Stack]:
    """The stack of a template with those of the values that it asks for, and its defaults; none if one is missing."""
    form = _form(builders(target.settings)[template])
    values: dict[str, str] = {}
    for name, parameter in form["Parameters"].items():
        value = known.get(name)
        if value is None and "Default" in parameter:
            value = str(parameter["Default"])
        if value is None:
            return
        values[name] = value
    suffix = f"-{environment.id.lower()}" if environment else ""
    stack = Stack(
        template=template,
        name=f"{target.values.application}-{stack_name(template)}{suffix}",
        file=f"{PurePath(template).stem}{suffix.replace('-', '.')}.json",
        values=MappingProxyType(values),
        differing=MappingProxyType(
            {name: value for name, value in values.items() if value != str(form["Parameters"][name].get("Default"))}
        ),
    )
    try:
        check_parameters(form, values)
    except ParameterError as error:
        remedy = f"{error.remedy} ({target.values.application}'s {template})"
        raise ParameterError(error.field, error.value, remedy) from None
    yield stack


# Whatever else services have of their own, most of their templates are the same: so it is remembered by template.
@lru_cache(maxsize=128)
def _form(build: Callable[[], Template]) -> Mapping[str, Any]:
    """What the template asks for: its parameters and rules."""
    template = build()
    # The rest, which is most of it, is not needed here.
    return {"Parameters": encode_to_dict(template.parameters), "Rules": encode_to_dict(template.rules)}


@lru_cache(maxsize=8)
def builders(settings: RenderSettings) -> Mapping[str, Callable[[], Template]]:
    """The catalogue's templates, by file name."""
    return MappingProxyType(dict(catalog.templates(settings)))


def _shared(target: Target) -> dict[str, str | None]:
    """The values that all environments share, by their parameters' names."""
    values, pipeline = target.values, target.settings.pipeline
    made = names.shared(values.application, pipeline.source, pipeline.steps, target.region)
    return {
        **{name: str(value) for name, value in made.items()},
        parameters.ARTIFACT_BUCKET.name: _bucket(target),
        parameters.KMS_KEY.name: values.key,
        **_named(pipeline.source.pipeline_values(values.said)),
        parameters.CONTAINER.name: quick_start.CONTAINER,
        parameters.APPROVAL_EMAIL.name: values.approval_email,
        parameters.LOG_RETENTION.name: _number(values.log_retention_days),
        parameters.ARTIFACT_EXPIRATION.name: _number(values.artifact_expiration_days),
        parameters.LAUNCH_TYPE.name: values.launch_type,
        parameters.INSTANCE_TYPE.name: values.instance_type,
        parameters.HEALTH_CHECK_PATH.name: values.health_check_path,
    }


def _of_environment(target: Target, scope: Scope) -> dict[str, str | None]:
    """The values of one environment, by the names that their parameters have in its scope."""
    said = target.values.environments[scope.environment.id]
    source = target.settings.pipeline.source
    made = names.of_environment(target.values.application, scope, source, ())
    values = {
        source.branch: said.branch,
        parameters.TASK_COUNT: said.task_count,
        parameters.TASK_SIZE: said.task_size,
        parameters.CERTIFICATE: said.certificate,
        parameters.CONTAINER_INSIGHTS: said.container_insights,
        parameters.DELETION_PROTECTION: _flag(said.deletion_protection),
        parameters.VPC: said.vpc,
        **dict(zip(parameters.PUBLIC_SUBNETS, said.public_subnets, strict=False)),
        **dict(zip(parameters.PRIVATE_SUBNETS, said.private_subnets, strict=False)),
    }
    return {
        **{name: str(value) for name, value in made.items()},
        **{parameters.name_of(spec, scope): value for spec, value in values.items()},
    }


def _of_quick_start(target: Target) -> dict[str, str | None]:
    """What the quick start asks for otherwise than the templates of its parts."""
    values = target.values
    return {
        parameters.APPLICATION.name: values.application,
        **_named(target.settings.pipeline.source.quick_start_values(values.said)),
        parameters.NETWORK_CIDR.name: values.network_cidr,
        parameters.INSIGHTS_IN.name: _insights(target),
        parameters.PRODUCTION_PROTECTION.name: _protection(target),
    }


def _of_prerequisites(target: Target) -> dict[str, str | None]:
    """What the prerequisites ask for otherwise than the templates that use them."""
    return _named(target.settings.pipeline.source.prerequisite_values(target.values.said))


def _named(values: Mapping[ParameterSpec, str | None]) -> dict[str, str | None]:
    return {spec.name: value for spec, value in values.items()}


def _bucket(target: Target) -> str:
    """The name of the prerequisites' bucket.

    It has to be the only one in the world, and the templates that use it have to know it before it is made: so a part
    of it is made of all that tells this service from another team's of the same name.
    """
    application, source = target.values.application, target.settings.pipeline.source.pipeline_values(target.values.said)
    told = [application, target.account, target.region, *source.values()]
    digest = hashlib.sha256("\0".join(map(str, told)).encode()).hexdigest()
    return f"{application}-{names.SHARED}-artifacts-{digest[:12]}"


def _insights(target: Target) -> str | None:
    """In which environments Container Insights is on, as the quick start asks for it."""
    said = {id_: own.container_insights for id_, own in target.values.environments.items()}
    if not any(said.values()):
        return None
    usual = {each.id: "enabled" if each.production else "disabled" for each in target.settings.environments}
    on = {id_ for id_, value in said.items() if (value or usual[id_]) != "disabled"}
    productive = {each.id for each in target.settings.environments if each.production}
    for choice, which in (("none", set()), ("production", productive), ("all", set(said))):
        if on == which:
            return choice
    remedy = "set it for all environments, for those with production: true, or for none"
    raise SettingsError("container_insights", sorted(on), remedy)


def _protection(target: Target) -> str | None:
    """Whether the load balancers of production are protected from deletion, as the quick start asks for it."""
    said: dict[str, EnvironmentValues] = dict(target.values.environments)
    flags = {said[each.id].deletion_protection for each in target.settings.environments if each.production} - {None}
    others = [
        each.id for each in target.settings.environments if not each.production and said[each.id].deletion_protection
    ]
    if others or len(flags) > 1:
        remedy = "protect the load balancers of all environments with production: true, or none"
        raise SettingsError("deletion_protection", others or sorted(map(str, flags)), remedy)
    return _flag(next(iter(flags), None))


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)


def _flag(value: bool | None) -> str | None:  # noqa: FBT001 - the value is all that it is about
    return None if value is None else str(value).lower()
