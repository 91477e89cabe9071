"""From what a settings file says to settings and values: defaults, overrides, and what only makes sense together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

from msgspec import UNSET, Struct, UnsetType

from ..catalog import RenderSettings
from ..cfn.regions import partition_of
from ..constraints import EXISTING, LOG_RETENTION, TASK_COUNT, TASK_SIZE, TASK_SIZES, ResourceName, task_size
from ..environments import ENVIRONMENTS, Environment
from ..errors import NOT_GIVEN, MissingExtraError, RegionError, SettingsError
from ..settings import PipelineSettings
from ..sources import CodeCommit, Connection, Source
from ..stacks.ecs_cluster import instance_memory
from ..steps import CONTAINER_IMAGE, UNIT_TESTS, BuildStep
from .checking import unknown, written_value
from .reading import Document, KeyPath, shown
from .service import EnvironmentValues, Rollout, Service, Services, ServiceValues, Target
from .shape import (
    SELF_HOSTED,
    Build,
    Defaults,
    EnvironmentEntry,
    ExistingNetwork,
    ServiceEntry,
    SettingsFile,
    SourceEntry,
    Step,
    TaskRange,
)
from .stand_ins import PERMISSIONS, placed, unit_tests

# Names of what all environments of a service share have this word where the others have the environment's ID.
RESERVED_IDS = ("shared",)

_USUAL = {environment.id: environment for environment in ENVIRONMENTS}

# What a setting is called in the file, where that is not its own name.
_KEYS = {
    "default_branch": "branch",
    "image_tag_mutability": "tag_mutability",
    "approval_shows_message": "approval_message",
    "container_port": "port",
    "grants": "permissions",
    "action": "name",
    "own_key": "key",
}

# An environment's key with the field of the same meaning, where Environment has one.
_ENVIRONMENT_FIELDS = {
    "display_name": "display_name",
    "branch": "default_branch",
    "approval": "approval",
    "production": "production",
    "images_to_keep": "images_to_keep",
    "release_tags": "release_tags",
}


@dataclass(frozen=True)
class _Layered:
    """Records of one kind, the one that counts most first, each with its path in the file."""

    layers: tuple[tuple[KeyPath, Struct], ...]

    def get(self, key: str, default: Any = None) -> Any:
        """What the first record says that says anything."""
        for _, record in self.layers:
            value = getattr(record, key, UNSET)
            if value is not UNSET:
                return value
        return default

    def said(self, keys: Iterable[str]) -> dict[str, Any]:
        """The keys of these that any record has, with their values."""
        return {key: value for key in keys if (value := self.get(key, UNSET)) is not UNSET}

    def inner(self, key: str) -> _Layered:
        """The records below this key, which are merged key by key."""
        inner = ((path, getattr(record, key)) for path, record in self.layers)
        return _Layered(tuple(((*path, key), record) for path, record in inner if record is not UNSET))

    def path(self, key: str) -> KeyPath:
        """Where the key is said, or where it could be."""
        for path, record in self.layers:
            if getattr(record, key, UNSET) is not UNSET:
                return (*path, key)
        return (*self.layers[0][0], key)


@dataclass(frozen=True)
class _Placed:
    """An environment of a service: its settings, its values, where it is, and where the file says so."""

    environment: Environment
    values: EnvironmentValues
    account: str | None
    region: str | None
    connection: str | None
    key: str | None
    said: _Layered


def resolved(document: Document, file: SettingsFile) -> Services:
    """The services that the file describes, in its order. Raises :class:`SettingsFileError`.

    Names need no check beyond the service's own: none is too long (see :mod:`..steps`), and different services never
    share one (see :mod:`..names`), but for connections, which the file names.
    """
    rollout = _rollout(document, file)
    usual = _environments(document, file)
    connections: dict[tuple[str | None, str | None, str], str] = {}
    services = []
    for name, entry in file.services.items():
        service = _service(document, file, name, entry, usual)
        for target in service.targets:
            made = target.values.connection if target.values.makes_connection else None
            if made is None:
                continue
            # https://docs.aws.amazon.com/codeconnections/latest/APIReference/API_CreateConnection.html
            other = connections.setdefault((target.account, target.region, made), name)
            if other != name:
                path = _Service(document, file, name, entry).settings.inner("source").path("connection")
                remedy = f"would be made for {other} as well: make it once, and give its ARN to {other} and {name}"
                raise document.error(path, made, remedy)
        services.append(service)
    return Services(services=tuple(services), rollout=rollout)


@dataclass(frozen=True)
class _Service:
    """A service's entry, and how errors about its settings become errors about the file."""

    document: Document
    file: SettingsFile
    name: str
    entry: ServiceEntry

    @property
    def path(self) -> KeyPath:
        return ("services", self.name)

    @property
    def settings(self) -> _Layered:
        defaults = self.file.defaults
        lower = () if defaults is UNSET else ((("defaults",), cast("Struct", defaults)),)
        layers = ((self.path, self.entry), *lower)
        if self.entry.source is not UNSET and self.entry.source.codecommit is not UNSET and lower:
            # Nothing of a connection in the defaults is left.
            layers = (layers[0], (("defaults",), cast("Struct", _without_source(cast("Defaults", defaults)))))
        return _Layered(layers)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Raises what is wrong with a setting as an error about the key in the file that made it."""
        try:
            yield
        except SettingsError as error:
            raise self._error(error) from None

    def _error(self, error: SettingsError) -> Exception:
        kind, _, attribute = error.field.rpartition(".")
        key = _KEYS.get(attribute, attribute)
        bases = [base for base in self._bases(kind) if (*base, key) in self.document.values]
        same = (base for base in bases if _same(self.document.at((*base, key)), error.value))
        base = next(same, next(iter(bases), self.path))
        return self.document.error((*base, key), written_value(error.value), error.remedy)

    def _bases(self, kind: str) -> Iterator[KeyPath]:
        """The paths that a setting of this class may come from, the one that counts most first."""
        known = self.document.values
        tops: list[KeyPath] = [self.path, ("defaults",)]
        if kind not in {"BuildStep", "Connection"}:
            yield from ((*self.path, "environments", id_) for id_ in _keys(self.entry.environments))
            yield from (("environments", number) for number in reversed(range(len(_items(self.file.environments)))))
        if kind != "Environment":
            for top in tops:
                if (*top, "steps") in known:
                    yield from ((*top, "steps", n) for n in reversed(range(len(self.document.at((*top, "steps"))))))
                    break
            for top in tops:
                yield from ((*top, key) for key in ("tests", "image", "source"))
        if kind not in {"BuildStep", "Connection", "Environment"}:
            yield from tops


def _same(said: Any, value: object) -> bool:
    return bool(said == value) or (isinstance(said, list) and (value in said or list(said) == value))


def _keys(mapping: Mapping[str, Any] | UnsetType) -> Iterable[str]:
    return () if isinstance(mapping, UnsetType) else mapping


def _items(items: Sequence[Any] | UnsetType) -> Sequence[Any]:
    return () if isinstance(items, UnsetType) else items


def _without_source(defaults: Defaults) -> Defaults:
    fields = {name: getattr(defaults, name) for name in Defaults.__struct_fields__ if name != "source"}
    return Defaults(**fields)


# Environments --------------------------------------------------------------------------------------------------------


def _environments(document: Document, file: SettingsFile) -> dict[str, tuple[KeyPath, EnvironmentEntry]]:
    """The environments' entries by ID, each with its path, once the IDs are right."""
    if isinstance(file.environments, UnsetType):
        return {environment.id: ((), EnvironmentEntry(id=environment.id)) for environment in ENVIRONMENTS}
    entries: dict[str, tuple[KeyPath, EnvironmentEntry]] = {}
    for number, entry in enumerate(file.environments):
        path: KeyPath = ("environments", number)
        id_ = entry.id
        others = {other.lower(): other for other in (*entries, *_USUAL)}
        if id_.lower() in RESERVED_IDS:
            raise document.error((*path, "id"), id_, "means what environments share: choose another")
        if id_ in entries:
            raise document.error((*path, "id"), id_, "is also that of another environment: give each its own")
        if others.get(id_.lower(), id_) != id_:
            raise document.error((*path, "id"), id_, f"differs in case only from {others[id_.lower()]}: write that")
        entries[id_] = (path, entry)
    return entries


def _placed(service: _Service, said: _Layered, id_: str, source: _Layered) -> _Placed:
    """An environment of a service, from what the file says of it."""
    document = service.document
    changes = {_ENVIRONMENT_FIELDS[key]: value for key, value in said.said(_ENVIRONMENT_FIELDS).items()}
    if changes.get("approval") == "none":
        changes["approval"] = None
    network = said.get("network", "new")
    changes["network"] = _network_kind(document, said, network)
    if id_ in _USUAL:
        base = _USUAL[id_]
        branch = base.default_branch or id_.lower()
        environment = replace(base, **{"default_branch": branch, **changes})
    else:
        environment = Environment(id=id_, **{"display_name": id_, "default_branch": id_.lower(), **changes})
    existing = network if isinstance(network, ExistingNetwork) else None
    region = said.get("region")
    if region is not None and not _exists(region):
        raise document.error(said.path("region"), region, "there is no region of this name")
    key = said.get("key", service.settings.get("key"))
    key_path = said.path("key") if said.get("key") else service.settings.path("key")
    for path, arn in ((key_path, key), (said.path("certificate"), said.get("certificate"))):
        # An empty text takes a certificate away.
        if arn and region is not None and arn.split(":")[3] != region:
            raise document.error(path, arn, f"is in another region than the environment {id_}: give one in {region}")
    return _Placed(
        environment=environment,
        values=EnvironmentValues(
            branch=str(environment.default_branch),
            task_count=_task_count(document, said),
            task_size=_task_size(document, said),
            certificate=said.get("certificate"),
            vpc=None if existing is None else existing.vpc,
            public_subnets=() if existing is None else tuple(_items(existing.public_subnets)),
            private_subnets=() if existing is None else tuple(_items(existing.private_subnets)),
            container_insights=said.get("container_insights"),
            deletion_protection=said.get("deletion_protection"),
        ),
        account=said.get("account"),
        region=region,
        connection=said.get("connection", source.get("connection")),
        key=key,
        said=said,
    )


@cache
def _exists(region: str) -> bool:
    """Whether there is such a region, as far as can be told: botocore, which knows, belongs to an extra."""
    try:
        partition_of(region)
    except RegionError:
        return False
    except MissingExtraError:
        return True
    return True


def _network_kind(document: Document, said: _Layered, network: str | ExistingNetwork) -> str:
    if isinstance(network, str):
        return network
    path = said.path("network")
    subnets = [*_items(network.public_subnets), *_items(network.private_subnets)]
    if not subnets:
        raise document.error(path, shown({}), "has no subnets: give public_subnets, private_subnets or both")
    for subnet in subnets:
        if subnets.count(subnet) > 1:
            raise document.error(path, subnet, "stands here twice: give subnets in two availability zones")
    if not _items(network.public_subnets):
        return "private"
    return "private_tasks" if _items(network.private_subnets) else "public"


def _task_count(document: Document, said: _Layered) -> str | None:
    tasks = said.get("tasks")
    if tasks is None:
        return None
    text = f"{tasks.min}-{tasks.max}" if isinstance(tasks, TaskRange) else str(tasks)
    if not TASK_COUNT.accepts(text):
        raise document.error(said.path("tasks"), text, TASK_COUNT.message)
    return text


def _task_size(document: Document, said: _Layered) -> str | None:
    size = said.get("size")
    if size is None:
        return None
    text = task_size(size.cpu, size.memory)
    if not TASK_SIZE.accepts(text):
        sizes = ", ".join(f"{cpu} and {memory}" for cpu, memory in TASK_SIZES)
        raise document.error(said.path("size"), text, f"is no size: give cpu and memory as {sizes}")
    return text


# Services ------------------------------------------------------------------------------------------------------------


def _service(
    document: Document,
    file: SettingsFile,
    name: str,
    entry: ServiceEntry,
    usual: Mapping[str, tuple[KeyPath, EnvironmentEntry]],
) -> Service:
    service = _Service(document, file, name, entry)
    overrides = {} if isinstance(entry.environments, UnsetType) else entry.environments
    for id_ in overrides:
        if id_ not in usual:
            path = (*service.path, "environments", id_)
            raise document.error(path, id_, unknown(id_, usual, "environment"), key=True)
    said = service.settings
    source = said.inner("source")
    with service.told():
        placed_environments = []
        for id_, (path, record) in usual.items():
            own = overrides.get(id_)
            above = () if own is None else (((*service.path, "environments", id_), own),)
            layers = _Layered((*above, (path or service.path, record)))
            placed_environments.append(_placed(service, layers, id_, source))
        groups: dict[tuple[str | None, str | None], list[_Placed]] = {}
        for each in placed_environments:
            groups.setdefault((each.account, each.region), []).append(each)
        pipeline = _pipeline(said, _source(service, source, groups))
        _check_values(service, said)
        targets = [
            _target(service, said, source, account, region, group, pipeline)
            for (account, region), group in groups.items()
        ]
    return Service(name=name, targets=tuple(targets))


def _target(
    service: _Service,
    said: _Layered,
    source: _Layered,
    account: str | None,
    region: str | None,
    group: Sequence[_Placed],
    pipeline: PipelineSettings,
) -> Target:
    first = group[0]
    for each in group:
        for key in ("connection", "key"):
            if getattr(each, key) != getattr(first, key):
                both = f"{each.environment.id} and {first.environment.id}"
                remedy = f"{both} are in one account and region: give both the same"
                raise service.document.error(each.said.path(key), getattr(each, key) or NOT_GIVEN, remedy)
    over = {"container_port": "port", "first_image": "first_image", "cpu_target_percent": "cpu_target_percent"}
    settings = RenderSettings(
        environments=[each.environment for each in group],
        pipeline=replace(pipeline, own_key=True) if first.key else pipeline,
        architecture=said.get("architecture", RenderSettings.architecture),
        tags=tuple(_tags(said).items()),
        **{field: said.get(key) for field, key in over.items() if said.get(key) is not None},
    )
    through_connection = isinstance(pipeline.source, Connection)
    codecommit = source.get("codecommit", "")
    return Target(
        account=account,
        region=region,
        settings=settings,
        values=ServiceValues(
            application=service.name,
            repository=source.get("repository")
            if through_connection
            else codecommit
            if ResourceName.parse(codecommit).existing
            else None,
            connection=first.connection,
            host_arn=source.get("host_arn"),
            key=first.key,
            environments={each.environment.id: each.values for each in group},
            **{key: said.get(key) for key in _VALUES},
        ),
    )


_VALUES = (
    "approval_email",
    "launch_type",
    "instance_type",
    "health_check_path",
    "log_retention_days",
    "artifact_expiration_days",
    "network_cidr",
)


def _tags(said: _Layered) -> dict[str, str]:
    tags: dict[str, str] = {}
    for _, record in reversed(said.layers):
        own = getattr(record, "tags", UNSET)
        tags.update({} if own is UNSET else own)
    return tags


def _check_values(service: _Service, said: _Layered) -> None:
    """What the shape of a value does not say."""
    document = service.document
    days = said.get("log_retention_days")
    if days is not None and not LOG_RETENTION.accepts(str(days)):
        raise document.error(said.path("log_retention_days"), days, LOG_RETENTION.message)
    kind = said.get("instance_type")
    types = instance_memory(said.get("architecture", RenderSettings.architecture))
    if kind is not None and kind not in types:
        raise document.error(
            said.path("instance_type"), kind, f"must be one of {', '.join(types)} with this architecture"
        )


def _pipeline(said: _Layered, source: Source) -> PipelineSettings:
    fields = {
        "pipeline_type": "pipeline_type",
        "rollback_on_failure": "rollback_on_failure",
        "deployment_timeout_minutes": "deployment_timeout_minutes",
        "approval_timeout_minutes": "approval_timeout_minutes",
        "image_tag_mutability": "tag_mutability",
        "scan_on_push": "scan_on_push",
    }
    changes = {field: value for field, key in fields.items() if (value := said.get(key)) is not None}
    changes.setdefault("rollback_on_failure", changes.get("pipeline_type", PipelineSettings.pipeline_type) == "V2")
    return PipelineSettings(
        source=source, approval_shows_message=said.get("approval_message") == "shown", steps=_steps(said), **changes
    )


def _steps(said: _Layered) -> Sequence[BuildStep]:
    tests = said.inner("tests").said(Build.__struct_fields__)
    image = said.inner("image").said(Build.__struct_fields__)
    further = [(_further(step), "tests" if step.after is UNSET else str(step.after)) for step in said.get("steps", [])]
    return placed(
        # The usual tests are those of Node.js.
        unit_tests(**tests) if "buildspec" in tests else replace(UNIT_TESTS, **tests),
        replace(CONTAINER_IMAGE, **image),
        further,
    )


def _further(step: Step) -> BuildStep:
    keys = ("name", "display_name", "privileged", *Build.__struct_fields__)
    fields = {key: value for key in keys if (value := getattr(step, key)) is not UNSET}
    return BuildStep(**fields, grants=[PERMISSIONS[name] for name in _items(step.permissions)])


def _source(
    service: _Service, source: _Layered, groups: Mapping[tuple[str | None, str | None], Sequence[_Placed]]
) -> Source:
    document = service.document
    every = [each for group in groups.values() for each in group]
    keys = ("connection", "repository", "host", "host_arn", "paths")
    said = source.said(keys)
    connected = said or [each for each in every if each.connection is not None]
    codecommit = source.get("codecommit")
    if codecommit is not None and connected:
        other = next(iter(said), None)
        path = source.path(other) if other else next(e for e in every if e.connection).said.path("connection")
        remedy = "belongs to a Git host, and the source is a CodeCommit repository: leave one of them out"
        raise document.error(path, document.at(path), remedy)
    if not connected:
        if len(groups) > 1:
            remedy = "is in one account and region, and the environments are in several: give a connection"
            where = source.path("codecommit") if codecommit is not None else (*service.path, "source")
            raise document.error(where, codecommit or "CodeCommit", remedy)
        name = codecommit or service.name
        if not name.startswith(EXISTING) and name != service.name:
            remedy = (
                f"is made for the service, and named like it: write {service.name}, or {EXISTING}{name} for another"
            )
            raise document.error(source.path("codecommit"), name, remedy)
        return CodeCommit()
    inside = source if source.layers else _Layered((((*service.path, "source"), SourceEntry()),))
    for each in every:
        if each.connection is None:
            raise document.error(
                inside.path("connection"), NOT_GIVEN, f"say which connection {each.environment.id} has"
            )
    if "repository" not in said:
        raise document.error((*service.path, "source", "repository"), NOT_GIVEN, "give the owner and the repository")
    connection = Connection(**{key: value for key, value in said.items() if key in {"host", "paths"}})
    makes = [each for each in every if not str(each.connection).startswith("arn:")]
    if makes and connection.host in SELF_HOSTED and "host_arn" not in said:
        remedy = f"a connection to {connection.host} is made to a host of yours: give its ARN, or that of a connection"
        raise document.error(inside.path("host_arn"), NOT_GIVEN, remedy)
    return connection


# Rollout -------------------------------------------------------------------------------------------------------------


def _rollout(document: Document, file: SettingsFile) -> Rollout | None:
    said = file.rollout
    if isinstance(said, UnsetType):
        return None
    units = tuple(_items(said.organizational_units))
    roles = {
        key: value for key in ("administration_role", "execution_role") if (value := getattr(said, key)) is not UNSET
    }
    if said.permissions == "service_managed":
        if not units:
            raise document.error(("rollout", "organizational_units"), NOT_GIVEN, "say which units the accounts are in")
        for key, value in roles.items():
            raise document.error(("rollout", key), value, "AWS Organizations brings its own roles: leave it out")
    elif units:
        path = ("rollout", "organizational_units")
        raise document.error(path, list(units), "is for service_managed: leave it out, or change permissions")
    return Rollout(permissions=said.permissions, organizational_units=units, **roles)
