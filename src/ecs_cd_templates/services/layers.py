"""Records of the file one above the other: an override above an environment, a service above the defaults."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from .reading import KeyPath


@dataclass(frozen=True)
class Layered:
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

    def inner(self, key: str) -> Layered:
        """The records below this key, which are merged key by key."""
        inner = ((path, getattr(record, key)) for path, record in self.layers)
        return Layered(tuple(((*path, key), record) for path, record in inner if record is not UNSET))

    def path(self, key: str) -> KeyPath:
        """Where the key is said, or where it could be."""
        for path, record in self.layers:
            if getattr(record, key, UNSET) is not UNSET:
                return (*path, key)
        return (*self.layers[0][0], key)


def items(said: Collection[Any] | UnsetType) -> Collection[Any]:
    """What a list or a mapping has in it: nothing where it is not there."""
    return () if isinstance(said, UnsetType) else said
