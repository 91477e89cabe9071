"""From what a settings file says to settings and values: defaults, overrides, and what only makes sense together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from .. import names
from ..catalog import RenderSettings
from ..cfn.intrinsics import Named
from ..constraints import LOG_RETENTION
from ..environments import scopes
from ..errors import NOT_GIVEN, SettingsError
from ..grants import PERMISSIONS, report_tests
from ..settings import PipelineSettings
from ..sources import ENVIRONMENT_KEYS, KEYS, KINDS, Source
from ..sources.provider import Said
from ..stacks.ecs_cluster import instance_memory
from ..steps import CONTAINER_IMAGE, UNIT_TESTS, BuildStep, placed, unit_tests, usual_further
from .checking import unknown
from .layers import Layered, items
from .reading import Document, KeyPath
from .service import Rollout, Service, Services, ServiceValues, Target
from .shape import Build, EnvironmentEntry, ServiceEntry, SettingsFile, Step
from .stages import Stage, entries, stage
from .telling import told

_Place: TypeAlias = tuple[str | None, str | None]

# The settings that a key of the service makes as it is, and the values that are a key's.
_PIPELINE = {
    "pipeline_type": "pipeline_type",
    "rollback_on_failure": "rollback_on_failure",
    "deployment_timeout_minutes": "deployment_timeout_minutes",
    "approval_timeout_minutes": "approval_timeout_minutes",
    "tag_mutability": "image_tag_mutability",
    "scan_on_push": "scan_on_push",
}
_RENDERING = {
    "architecture": "architecture",
    "port": "container_port",
    "first_image": "first_image",
    "cpu_target_percent": "cpu_target_percent",
}
_VALUES = (
    "approval_email",
    "launch_type",
    "instance_type",
    "health_check_path",
    "log_retention_days",
    "artifact_expiration_days",
    "network_cidr",
)


@dataclass(frozen=True)
class _Entry:
    """What the file says of a service: its entry above the defaults, and its source above theirs."""

    document: Document
    name: str
    settings: Layered
    source: Layered


def resolved(document: Document, file: SettingsFile) -> Services:
    """The services that the file describes, in its order. Raises :class:`SettingsFileError`.

    Names need no check beyond the service's own: none is too long (see :mod:`..steps`), and different services never
    share one (see :mod:`..names`), but for what the file names, such as connections, and what a permission begins with.
    """
    rollout = _rollout(document, file)
    usual = entries(document, file)
    makers: dict[tuple[_Place, str, str], str] = {}
    services = []
    for name, said in file.services.items():
        entry = _entry(document, file, name, said)
        service = _service(entry, file, said, usual)
        for target in service.targets:
            for key, value in target.settings.pipeline.source.made_by_name(target.values.said).items():
                other = makers.setdefault(((target.account, target.region), key, value), name)
                if other != name:
                    remedy = f"would be made for {other} as well: make it once, and give its ARN to {other} and {name}"
                    raise document.error(_source_path(entry, key), value, remedy)
        services.append(service)
    _check_test_reports(document, services)
    return Services(services=tuple(services), rollout=rollout, document=document)


def _check_test_reports(document: Document, services: Sequence[Service]) -> None:
    """Refuses a service that is called like another's build project, or like that and more words.

    A build may write to the report groups whose names begin with its project's, see :func:`..grants.report_tests`.
    """
    reporting = {
        str(made[step.project.name]): service.name
        for service in services
        for target in service.targets
        for step in target.settings.pipeline.steps
        if report_tests in step.grants
        for made in _project_names(target, step)
    }
    for service in services:
        words = service.name.split("-")
        for count in range(1, len(words) + 1):
            other = reporting.get("-".join(words[:count]))
            if other is not None and other != service.name:
                remedy = f"builds of {other} may write test reports under this name: choose another"
                raise document.error(("services", service.name), service.name, remedy, key=True)


def _project_names(target: Target, step: BuildStep) -> Iterator[Mapping[str, Named]]:
    """The names around the step's project: each environment's, and what all environments share."""
    application, source = target.values.application, target.settings.pipeline.source
    for scope in scopes(target.settings.environments):
        yield names.of_environment(application, scope, source, [step])
    yield names.shared(application, source, [step], target.region)


def _entry(document: Document, file: SettingsFile, name: str, said: ServiceEntry) -> _Entry:
    own: tuple[KeyPath, Struct] = (("services", name), said)
    defaults = file.defaults
    settings = Layered((own,) if isinstance(defaults, UnsetType) else (own, (("defaults",), defaults)))
    source = settings.inner("source")
    kinds = [found[0] for layer in source.layers if (found := _kinds(Layered((layer,)).said(KEYS)))]
    # Of a source of another kind nothing is left.
    return _Entry(document, name, settings, source if kinds[:1] == kinds[-1:] else Layered(source.layers[:1]))


def _service(
    entry: _Entry, file: SettingsFile, said: ServiceEntry, usual: Mapping[str, tuple[KeyPath, EnvironmentEntry]]
) -> Service:
    document, settings = entry.document, entry.settings
    path: KeyPath = ("services", entry.name)
    overrides = {} if isinstance(said.environments, UnsetType) else said.environments
    for id_ in overrides:
        if id_ not in usual:
            raise document.error((*path, "environments", id_), id_, unknown(id_, usual, "environment"), key=True)
    groups: dict[_Place, list[Stage]] = {}
    with told(document, file, entry.name):
        for id_, (place, record) in usual.items():
            above = ((*path, "environments", id_), overrides[id_]) if id_ in overrides else None
            layers = Layered(((above,) if above else ()) + ((place or path, record),))
            each = stage(document, id_, layers, settings, entry.source)
            groups.setdefault((each.account, each.region), []).append(each)
        pipeline = _pipeline(entry, groups)
        _check_values(document, settings)
        targets = [_target(entry, place, stages, pipeline) for place, stages in groups.items()]
    return Service(name=entry.name, targets=tuple(targets))


def _target(entry: _Entry, place: _Place, stages: Sequence[Stage], pipeline: PipelineSettings) -> Target:
    account, region = place
    settings, first = entry.settings, stages[0]
    for each in stages:
        own = {key: (each.source.get(key), first.source.get(key)) for key in ENVIRONMENT_KEYS}
        for key, (value, other) in {**own, "key": (each.key, first.key)}.items():
            if value != other:
                both = f"{each.environment.id} and {first.environment.id}"
                remedy = f"{both} are in one account and region: give both the same"
                raise entry.document.error(each.said.path(key), value or NOT_GIVEN, remedy)
    return Target(
        account=account,
        region=region,
        settings=RenderSettings(
            environments=[each.environment for each in stages],
            pipeline=replace(pipeline, own_key=True) if first.key else pipeline,
            tags=tuple(_tags(settings).items()),
            **_fields(settings, _RENDERING),
        ),
        values=ServiceValues(
            application=entry.name,
            source=_values(type(pipeline.source), first),
            key=first.key,
            environments={each.environment.id: each.values for each in stages},
            **{key: settings.get(key) for key in _VALUES},
        ),
    )


def _fields(said: Layered, fields: Mapping[str, str]) -> dict[str, Any]:
    """The fields that the keys make, as far as they are said."""
    return {fields[key]: value for key, value in said.said(fields).items()}


def _tags(settings: Layered) -> dict[str, str]:
    tags: dict[str, str] = {}
    for _, record in reversed(settings.layers):
        own = getattr(record, "tags", UNSET)
        tags.update({} if own is UNSET else own)
    return tags


def _check_values(document: Document, settings: Layered) -> None:
    """What the shape of a value does not say."""
    days = settings.get("log_retention_days")
    if days is not None and not LOG_RETENTION.accepts(str(days)):
        raise document.error(settings.path("log_retention_days"), days, LOG_RETENTION.message)
    kind = settings.get("instance_type")
    architecture = settings.get("architecture", RenderSettings.architecture)
    types = instance_memory(architecture)
    if kind is not None and kind not in types:
        remedy = f"must be one of {', '.join(types)}, as the architecture is {architecture}"
        raise document.error(settings.path("instance_type"), kind, remedy)


# The pipelines -------------------------------------------------------------------------------------------------------


def _pipeline(entry: _Entry, groups: Mapping[_Place, Sequence[Stage]]) -> PipelineSettings:
    settings = entry.settings
    changes = _fields(settings, _PIPELINE)
    changes.setdefault("rollback_on_failure", changes.get("pipeline_type", PipelineSettings.pipeline_type) == "V2")
    return PipelineSettings(
        source=_source(entry, groups),
        approval_shows_message=settings.get("approval_message") == "shown",
        steps=_steps(settings),
        **changes,
    )


def _steps(settings: Layered) -> Sequence[BuildStep]:
    tests = settings.inner("tests").said(Build.__struct_fields__)
    image = settings.inner("image").said(Build.__struct_fields__)
    further = [(_step(each), "tests" if each.after is UNSET else each.after) for each in settings.get("steps", [])]
    return placed(
        # The usual tests are those of Node.js.
        unit_tests(**tests) if "buildspec" in tests else replace(UNIT_TESTS, **tests),
        replace(CONTAINER_IMAGE, **image),
        [*further, *usual_further()],
    )


def _step(said: Step) -> BuildStep:
    keys = ("name", "display_name", "privileged", *Build.__struct_fields__)
    fields = {key: value for key in keys if (value := getattr(said, key)) is not UNSET}
    return BuildStep(**fields, grants=[PERMISSIONS[name] for name in dict.fromkeys(items(said.permissions))])


# Where the application is --------------------------------------------------------------------------------------------


def _source(entry: _Entry, groups: Mapping[_Place, Sequence[Stage]]) -> Source:
    stages = [each for group in groups.values() for each in group]
    said = {key: value for each in stages for key, value in each.source.items()}
    kind, *others = _kinds(said) or KINDS[:1]
    if others:
        key = next(key for key in others[0].keys if key in said)
        path = next(each.path(key) for each in (entry.source, *(each.said for each in stages)) if each.said([key]))
        remedy = f"belongs to {others[0].called}, and the source is {kind.called}: leave one of them out"
        raise entry.document.error(path, entry.document.at(path), remedy)
    source = kind(**{field.name: said[field.name] for field in fields(kind) if field.name in said})
    by_environment = {each.environment.id: Said(application=entry.name, values=_values(kind, each)) for each in stages}
    try:
        source.check_said(by_environment, len(groups))
    except SettingsError as error:
        raise entry.document.error(_source_path(entry, error.field), error.value, error.remedy) from None
    return source


def _kinds(said: Collection[str]) -> list[type[Source]]:
    """The kinds of source that the keys belong to."""
    return [kind for kind in KINDS if any(key in said for key in kind.keys)]


def _values(kind: type[Source], stage: Stage) -> dict[str, str]:
    """What the file says of the environment's source, but for what is a setting of it."""
    settings = {field.name for field in fields(kind)}
    return {key: value for key, value in stage.source.items() if key not in settings}


def _source_path(entry: _Entry, key: str) -> KeyPath:
    """Where the key of the source is said, or where the service could say it; the source itself if it has no such."""
    path: KeyPath = ("services", entry.name, "source")
    if entry.source.said([key]):
        return entry.source.path(key)
    return (*path, key) if key in KEYS else path


# Rollout -------------------------------------------------------------------------------------------------------------


def _rollout(document: Document, file: SettingsFile) -> Rollout | None:
    said = file.rollout
    if isinstance(said, UnsetType):
        return None
    units = tuple(items(said.organizational_units))
    roles = {
        key: value for key in ("administration_role", "execution_role") if (value := getattr(said, key)) is not UNSET
    }
    delegated = said.delegated_admin is True
    if said.permissions == "service_managed":
        if not units:
            raise document.error(("rollout", "organizational_units"), NOT_GIVEN, "say which units the accounts are in")
        for key, value in roles.items():
            raise document.error(("rollout", key), value, "AWS Organizations brings its own roles: leave it out")
    elif units:
        path = ("rollout", "organizational_units")
        raise document.error(path, list(units), "is for service_managed: leave it out, or change permissions")
    elif delegated:
        path = ("rollout", "delegated_admin")
        raise document.error(path, delegated, "is for service_managed: leave it out, or change permissions")
    return Rollout(permissions=said.permissions, organizational_units=units, delegated_admin=delegated, **roles)
