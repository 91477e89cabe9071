"""The checks that settings are made of: each raises :class:`SettingsError` or says nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .errors import SettingsError

# https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GitFilePathFilterCriteria.html
MAX_PATTERNS = 8


@contextmanager
def same_fields(settings: type, *, but: type | None = None) -> Iterator[None]:
    """Makes an error about a field of other settings one about the field of the same name of these.

    What is wrong with a ``but`` stays as it is.
    """
    try:
        yield
    except SettingsError as error:
        owner, _, name = error.field.rpartition(".")
        field = error.field if but is not None and owner == but.__name__ else f"{settings.__name__}.{name}"
        raise SettingsError(field, error.value, error.remedy) from None


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


def instance(name: str, value: object, kind: type, *others: type) -> None:
    """An instance of one of the classes."""
    if not isinstance(value, (kind, *others)):
        raise SettingsError(name, value, f"must be of type {' or '.join(each.__name__ for each in (kind, *others))}")


def patterns(name: str, value: object, example: str) -> tuple[str, ...]:
    """The patterns of Git tags or files as a tuple: at most 8, of 1 to 255 characters each.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-filter.html
    """
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MAX_PATTERNS:
        raise SettingsError(name, value, f"give a list of at most {MAX_PATTERNS} patterns, such as [{example!r}]")
    for each in value:
        if not re.fullmatch(r"[!-~]{1,255}", text(name, each)):
            raise SettingsError(name, each, f"use 1 to 255 ASCII characters without spaces, such as {example!r}")
    return tuple(value)
