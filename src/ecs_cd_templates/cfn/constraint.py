"""What CloudFormation can check of a parameter's value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .limits import MAX_PARAMETER_VALUE_BYTES


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """What a value must be, and the same in a message.

    Text: a pattern for the whole value and its length in characters. A choice: the allowed values.
    A whole number (of a parameter whose type is Number): its least and greatest value.
    """

    message: str
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    allowed_values: tuple[str, ...] | None = None
    min_value: int | None = None
    max_value: int | None = None

    def properties(self) -> dict[str, Any]:
        """The constraint as properties of a CloudFormation parameter."""
        properties = {
            "AllowedPattern": self.pattern,
            "MinLength": self.min_length,
            "MaxLength": self.max_length,
            "AllowedValues": self.allowed_values and list(self.allowed_values),
            "MinValue": self.min_value,
            "MaxValue": self.max_value,
            "ConstraintDescription": self.message,
        }
        return {name: value for name, value in properties.items() if value is not None}

    @classmethod
    def of_parameter(cls, parameter: Mapping[str, Any]) -> Constraint:
        """The constraint of a parameter in a template."""

        def number(name: str) -> int | None:
            return None if parameter.get(name) is None else int(parameter[name])

        allowed = parameter.get("AllowedValues")
        return cls(
            message=parameter.get("ConstraintDescription", ""),
            pattern=parameter.get("AllowedPattern"),
            min_length=number("MinLength"),
            max_length=number("MaxLength"),
            allowed_values=None if allowed is None else tuple(map(str, allowed)),
            min_value=number("MinValue"),
            max_value=number("MaxValue"),
        )

    def accepts(self, value: str) -> bool:
        """Whether CloudFormation would take the value for a parameter with this constraint."""
        if self.allowed_values is not None:
            return value in self.allowed_values
        if self.min_value is not None or self.max_value is not None:
            if not re.fullmatch(r"-?[0-9]{1,15}", value):
                return False
            least = int(value) if self.min_value is None else self.min_value
            return least <= int(value) <= (int(value) if self.max_value is None else self.max_value)
        shortest, longest = self.min_length or 0, self.max_length or MAX_PARAMETER_VALUE_BYTES
        return shortest <= len(value) <= longest and re.fullmatch(self.pattern or r"[\s\S]*", value) is not None
