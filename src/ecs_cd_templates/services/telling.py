"""Errors about settings, told as errors about the keys of the file that made them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import ParameterError, SettingsError, SettingsFileError
from ..sources import KINDS
from .checking import written_value
from .layers import items
from .reading import Document, KeyPath
from .shape import SettingsFile

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
# The settings that belong to one of several things of their kind.
_ENVIRONMENT, _BUILD = "Environment", "BuildStep"
_OF_NO_ENVIRONMENT = {_BUILD, *(kind.__name__ for kind in KINDS)}


@contextmanager
def told(document: Document, file: SettingsFile, service: str) -> Iterator[None]:
    """Raises what is wrong with a setting of the service as a :class:`SettingsFileError`."""
    try:
        yield
    except SettingsError as error:
        raise _of_file(document, file, service, error) from None


@contextmanager
def told_of(document: Document, *path: str | int) -> Iterator[None]:
    """Raises what a template or a rollout refuses as a :class:`SettingsFileError` about this key of the file."""
    try:
        yield
    except (ParameterError, SettingsError) as error:
        raise document.error(path, error.value, f"{error.field}: {error.remedy}", key=True) from None


def _of_file(document: Document, file: SettingsFile, service: str, error: SettingsError) -> SettingsFileError:
    """The error about the key that has the value, or that has another value where the value was made of several."""
    kind, _, attribute = error.field.rpartition(".")
    key = _KEYS.get(attribute, attribute)
    paths = [(*path, key) for path in _paths(document, file, service, kind) if (*path, key) in document.values]
    same = (path for path in paths if _has(document.at(path), error.value))
    path = next(same, next(iter(paths), ("services", service, key)))
    return document.error(path, written_value(error.value), error.remedy)


def _paths(document: Document, file: SettingsFile, service: str, kind: str) -> Iterator[KeyPath]:
    """What a setting of this kind may have come from: what counts more first, and in a list what comes later."""
    own: KeyPath = ("services", service)
    tops: tuple[KeyPath, ...] = (own, ("defaults",))
    if kind not in _OF_NO_ENVIRONMENT:
        yield from ((*own, "environments", id_) for id_ in items(file.services[service].environments))
        yield from (("environments", number) for number in reversed(range(len(items(file.environments)))))
    if kind != _ENVIRONMENT:
        # A service's steps take the place of those in the defaults.
        steps = next(((*top, "steps") for top in tops if (*top, "steps") in document.values), None)
        if steps is not None:
            yield from ((*steps, number) for number in reversed(range(len(document.at(steps)))))
        yield from ((*top, key) for top in tops for key in ("tests", "image", "source"))
    if kind not in {_ENVIRONMENT, *_OF_NO_ENVIRONMENT}:
        yield from tops


def _has(said: Any, value: object) -> bool:
    return bool(said == value) or (isinstance(said, list) and value in said)
