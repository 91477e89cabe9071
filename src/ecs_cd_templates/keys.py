"""What a key of the settings file takes, as msgspec reads it, with the words that editors and errors have for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

from msgspec import Meta, UnsetType

from .cfn.constraint import Constraint

_T = TypeVar("_T")
Maybe: TypeAlias = _T | UnsetType
"""What a key takes that may be left out."""


def about(description: str) -> Meta:
    """What the key means."""
    return Meta(description=description)


def text(description: str, constraint: Constraint | None = None, *examples: str) -> Meta:
    """A text, within the constraint."""
    return Meta(
        description=description,
        examples=list(examples) or None,
        **({} if constraint is None else limits(constraint)),
    )


def limits(constraint: Constraint) -> dict[str, Any]:
    """The constraint, as the arguments of :class:`msgspec.Meta`."""
    return {
        "pattern": constraint.pattern,
        "min_length": constraint.min_length,
        "max_length": constraint.max_length,
        "extra": {"remedy": constraint.message},
    }


def choice(description: str, choices: Sequence[str]) -> Meta:
    """One of these texts."""
    # The pattern is what msgspec checks; editors offer what a list has.
    pattern = f"^(?:{'|'.join(map(re.escape, choices))})$(?!\n)"
    remedy = f"must be one of {', '.join(choices)}"
    return Meta(
        description=description,
        pattern=pattern,
        extra={"remedy": remedy},
        extra_json_schema={"enum": list(choices)},
    )


def number(description: str, least_and_most: tuple[int, int]) -> Meta:
    """A whole number within these, both included."""
    least, most = least_and_most
    return Meta(description=f"{description}; {least} to {most}", ge=least, le=most)
