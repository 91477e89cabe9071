"""The checks that settings are made of: each raises :class:`SettingsError` or says nothing."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import SettingsError


def text(name: str, value: object) -> str:
    """The value, which is a string."""
    # What is a string and is written out as another one, such as a member of an enumeration, would be rendered so.
    if not isinstance(value, str) or str(value) != value:
        raise SettingsError(name, value, "must be a string")
    return value


def flag(name: str, value: object) -> None:
    """True or False."""
    if not isinstance(value, bool):
        raise SettingsError(name, value, "must be True or False")


def whole_number(name: str, value: object, least: int, most: int) -> None:
    """A whole number within these, both included."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise SettingsError(name, value, f"must be a whole number from {least} to {most}")


def one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    """One of the allowed texts."""
    if value not in allowed or str(value) != value:
        raise SettingsError(name, value, f"must be one of {', '.join(allowed)}")


def instance(name: str, value: object, kind: type) -> None:
    """An instance of the class."""
    if not isinstance(value, kind):
        raise SettingsError(name, value, f"must be of type {kind.__name__}")
