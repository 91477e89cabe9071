"""The environments of a service: what the file says of each, and where they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from msgspec import UnsetType

from ..cfn.partitions import region_of
from ..cfn.regions import partition_of
from ..constraints import TASK_SIZE, TASK_SIZES, task_size
from ..environments import ENVIRONMENTS, Environment
from ..errors import MissingExtraError, RegionError
from ..names import SHARED
from ..sources import ENVIRONMENT_KEYS, KEYS
from .layers import Layered, items
from .reading import Document, KeyPath, shown
from .service import EnvironmentValues
from .shape import EnvironmentEntry, ExistingNetwork, SettingsFile, TaskRange

# Names of what all environments of a service share have this word, with the region, where the others have the
# environment's ID.
RESERVED_IDS = rf"{SHARED}(?:[a-z]+[0-9]+)?"

_USUAL = {environment.id: environment for environment in ENVIRONMENTS}

# An environment's key with the field of the same meaning, where Environment has one.
_FIELDS = {
    "display_name": "display_name",
    "branch": "default_branch",
    "approval": "approval",
    "production": "production",
    "images_to_keep": "images_to_keep",
    "release_tags": "release_tags",
}


@dataclass(frozen=True)
class Stage:
    """An environment of a service: its settings, its values, where it is, its source, and where the file says so."""

    environment: Environment
    values: EnvironmentValues
    account: str | None
    region: str | None
    source: Mapping[str, Any]
    key: str | None
    said: Layered


def entries(document: Document, file: SettingsFile) -> dict[str, tuple[KeyPath, EnvironmentEntry]]:
    """The environments' entries by ID, each with its path in the file, which is () for a usual one of a file with none.

    Raises :class:`SettingsFileError` for an ID that is reserved, or that another one has.
    """
    if isinstance(file.environments, UnsetType):
        return {environment.id: ((), EnvironmentEntry(id=environment.id)) for environment in ENVIRONMENTS}
    found: dict[str, tuple[KeyPath, EnvironmentEntry]] = {}
    written = {usual.lower(): usual for usual in _USUAL}
    for number, entry in enumerate(file.environments):
        path: KeyPath = ("environments", number)
        id_ = entry.id
        other = written.setdefault(id_.lower(), id_)
        if re.fullmatch(RESERVED_IDS, id_.lower()):
            raise document.error((*path, "id"), id_, "means what environments share: choose another")
        if id_ in found:
            raise document.error((*path, "id"), id_, "is also that of another environment: give each its own")
        if other != id_:
            raise document.error((*path, "id"), id_, f"differs in case only from {other}: write that")
        found[id_] = (path, entry)
    return found


def stage(document: Document, id_: str, said: Layered, settings: Layered, source: Layered) -> Stage:
    """An environment of a service, from what the file says of it."""
    changes = {_FIELDS[key]: value for key, value in said.said(_FIELDS).items()}
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
        raise document.error(said.path("region"), region, "there is no region of this name: give one such as eu-west-1")
    key = said.get("key", settings.get("key"))
    key_path = said.path("key") if said.get("key") else settings.path("key")
    for path, arn in ((key_path, key), (said.path("certificate"), said.get("certificate"))):
        # An empty text takes a certificate away.
        if arn and region is not None and region_of(arn) != region:
            raise document.error(path, arn, f"is in another region than the environment {id_}: give one in {region}")
    return Stage(
        environment=environment,
        values=EnvironmentValues(
            branch=str(environment.default_branch),
            task_count=_task_count(document, said),
            task_size=_task_size(document, said),
            certificate=said.get("certificate"),
            vpc=None if existing is None else existing.vpc,
            public_subnets=() if existing is None else tuple(items(existing.public_subnets)),
            private_subnets=() if existing is None else tuple(items(existing.private_subnets)),
            container_insights=said.get("container_insights"),
            deletion_protection=said.get("deletion_protection"),
        ),
        account=said.get("account"),
        region=region,
        source={**source.said(KEYS), **said.said(ENVIRONMENT_KEYS)},
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


def _network_kind(document: Document, said: Layered, network: str | ExistingNetwork) -> str:
    if isinstance(network, str):
        return network
    path = said.path("network")
    subnets = [*items(network.public_subnets), *items(network.private_subnets)]
    if not subnets:
        raise document.error(path, shown({}), "has no subnets: give public_subnets, private_subnets or both")
    for subnet in subnets:
        if subnets.count(subnet) > 1:
            raise document.error(path, subnet, "stands here twice: give subnets in two availability zones")
    if not items(network.public_subnets):
        return "private"
    return "private_tasks" if items(network.private_subnets) else "public"


def _task_count(document: Document, said: Layered) -> str | None:
    tasks = said.get("tasks")
    if tasks is None:
        return None
    if not isinstance(tasks, TaskRange):
        return str(tasks)
    if tasks.min > tasks.max:
        value = f"min {tasks.min}, max {tasks.max}"
        raise document.error(said.path("tasks"), value, "the least is above the most: exchange the two")
    return f"{tasks.min}-{tasks.max}"


def _task_size(document: Document, said: Layered) -> str | None:
    size = said.get("size")
    if size is None:
        return None
    text = task_size(size.cpu, size.memory)
    if not TASK_SIZE.accepts(text):
        sizes = ", ".join(f"{cpu} and {memory}" for cpu, memory in TASK_SIZES)
        raise document.error(said.path("size"), text, f"is no size: give cpu and memory as {sizes}")
    return text
