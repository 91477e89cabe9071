"""Which events an event pattern matches, and which patterns EventBridge refuses.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html and
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html say how patterns match; where
they are silent, https://github.com/aws/event-ruler, which EventBridge matches with, decides.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from .calls import ServiceError

# Decides about a value of an event, or about _ABSENT where the event has none.
_Matcher = Callable[[Any], bool]

_ABSENT = object()


def matches(pattern: str | Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether the pattern, as JSON or read from it, matches the event.

    Numbers are compared by their value. Of objects in an array, one alone must have all that the pattern asks of them.
    Raises :class:`~.calls.ServiceError`, as PutRule does, if the pattern is not valid.
    """
    return _read(pattern if isinstance(pattern, str) else json.dumps(pattern))(event)


def check(pattern: str) -> None:
    """Raises :class:`~.calls.ServiceError`, as PutRule does, if the pattern is not valid.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
    """
    _read(pattern)


@lru_cache(maxsize=256)
def _read(pattern: str) -> _Matcher:
    try:
        parsed = json.loads(pattern)
    except ValueError:
        raise _invalid("The pattern is not JSON") from None
    if not isinstance(parsed, dict):
        raise _invalid("Filter is not an object")
    return _fields(parsed)


def _fields(pattern: Mapping[str, Any]) -> _Matcher:
    """All the fields must match; in an array, those of one object, while what must be absent is in none."""
    if not pattern:
        raise _invalid("Empty objects are not allowed")
    wanted = [_field(name, value) for name, value in pattern.items()]
    enough = all if _asks_for_absence(pattern) else any

    def match(node: Any) -> bool:
        if isinstance(node, list) and node:
            return enough(match(each) for each in node)
        fields = node if isinstance(node, Mapping) else {}
        return all(each(fields) for each in wanted)

    return match


def _asks_for_absence(pattern: Any) -> bool:
    """Whether it asks for nothing else."""
    if isinstance(pattern, dict):
        return all(_asks_for_absence(each) for each in pattern.values())
    return bool(pattern == [{"exists": False}])


def _field(name: str, value: Any) -> _Matcher:
    if name == "$or" and _is_alternatives(value):
        alternatives = [_fields(each) for each in value]
        return lambda fields: any(each(fields) for each in alternatives)
    if isinstance(value, dict):
        inner = _fields(value)
    elif isinstance(value, list):
        inner = _values(value)
    else:
        raise _invalid(f'"{name}" must be an object or an array')
    return lambda fields: inner(fields.get(name, _ABSENT))


def _is_alternatives(value: Any) -> bool:
    """Whether the value of ``$or`` is two or more patterns; else ``$or`` is a field of that name."""
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(each, dict) and not _OPERATORS.keys() & each.keys() for each in value)
    )


def _values(pattern: Sequence[Any]) -> _Matcher:
    """One of the values of a field must match one of the pattern's."""
    if not pattern:
        raise _invalid("Empty arrays are not allowed")
    wanted = [_value(each) for each in pattern]

    def match(value: Any) -> bool:
        leaves = list(_leaves(value)) or [_ABSENT]
        return any(each(leaf) for each in wanted for leaf in leaves)

    return match


def _leaves(value: Any) -> list[Any]:
    """The values of a field, out of however many arrays; an object is none."""
    if isinstance(value, list):
        return [leaf for each in value for leaf in _leaves(each)]
    return [] if value is _ABSENT or isinstance(value, Mapping) else [value]


def _value(pattern: Any) -> _Matcher:
    if isinstance(pattern, list):
        raise _invalid("Match value must be String, number, true, false, or null")
    if not isinstance(pattern, dict):
        return lambda value: _same(pattern, value)
    name, operand = _one(pattern)
    if name not in _OPERATORS:
        raise _invalid(f"Unrecognized match type {name}")
    return _OPERATORS[name](operand)


def _one(expression: Mapping[str, Any]) -> tuple[str, Any]:
    if not expression:
        raise _invalid("Match expression name not found")
    if len(expression) > 1:
        raise _invalid("Only one key allowed in match expression")
    return next(iter(expression.items()))


def _same(pattern: Any, value: Any) -> bool:
    if _is_number(pattern):
        return _is_number(value) and bool(pattern == value)
    return type(pattern) is type(value) and bool(pattern == value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _invalid(f"{name} match pattern must be a string")
    return value


def _of_text(test: Callable[[str], bool]) -> _Matcher:
    return lambda value: isinstance(value, str) and test(value)


def _affix(name: str, at: Callable[[str, str], bool]) -> Callable[[Any], _Matcher]:
    """``prefix`` or ``suffix`` of a text, or of one whose case is ignored."""

    def matcher(operand: Any) -> _Matcher:
        if not isinstance(operand, dict):
            affix = _text(name, operand)
            return _of_text(lambda value: at(value, affix))
        inner, text = _one(operand)
        if inner != "equals-ignore-case":
            raise _invalid(f"Unsupported {name} pattern: {inner}")
        folded = _text(inner, text).lower()
        return _of_text(lambda value: at(value.lower(), folded))

    return matcher


def _ignore_case(operand: Any) -> _Matcher:
    folded = _text("equals-ignore-case", operand).lower()
    return _of_text(lambda value: value.lower() == folded)


def _wildcard(operand: Any) -> _Matcher:
    r"""``*`` stands for any characters, ``\*`` and ``\\`` for themselves."""
    text = _text("wildcard", operand)
    parts = re.findall(r"\\?.", text, re.DOTALL)
    for position, part in enumerate(parts):
        if part[0] == "\\" and part not in ("\\*", "\\\\"):
            raise _invalid("Invalid escape character in wildcard")
        if part == "*" and parts[position - 1 : position] == ["*"]:
            raise _invalid("Consecutive wildcard characters")
    compiled = re.compile("".join(".*" if part == "*" else re.escape(part[-1]) for part in parts), re.DOTALL)
    return _of_text(lambda value: compiled.fullmatch(value) is not None)


def _exists(operand: Any) -> _Matcher:
    """Of a value: an object with fields of its own does not exist as one."""
    if not isinstance(operand, bool):
        raise _invalid("exists match pattern must be either true or false.")
    return lambda value: (value is not _ABSENT) == operand


def _cidr(operand: Any) -> _Matcher:
    text = _text("cidr", operand)
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise _invalid(f"Malformed CIDR: {text}") from None
    if "/" not in text:
        raise _invalid("Malformed CIDR, one '/' required")

    def inside(value: str) -> bool:
        try:
            return ip_address(value) in network
        except ValueError:
            return False

    return _of_text(inside)


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def _numeric(operand: Any) -> _Matcher:
    """One comparison, or a lower and an upper bound in this order."""
    if not isinstance(operand, list):
        raise _invalid("Value of numeric must be an array.")
    signs, numbers = operand[::2], operand[1::2]
    for sign in signs:
        if not isinstance(sign, str) or sign not in _COMPARISONS:
            raise _invalid(f"Unrecognized numeric range operator: {sign}")
    if not all(map(_is_number, numbers)) or len(numbers) != len(signs):
        raise _invalid("Value of numeric range must be numeric")
    comparisons = [(_COMPARISONS[sign], number) for sign, number in zip(signs, numbers, strict=True)]
    if len(signs) not in (1, 2):
        raise _invalid("Too few or too many terms in numeric range expression")
    if len(signs) > 1:
        if signs[0][0] != ">" or signs[1][0] != "<":
            raise _invalid(f"Bad numeric range operator: {signs[1]}")
        if numbers[0] >= numbers[1]:
            raise _invalid("Bottom must be less than top")
    return lambda value: _is_number(value) and all(compare(value, number) for compare, number in comparisons)


def _anything_but(operand: Any) -> _Matcher:
    """Any value there is that is none of these, of any type."""
    if isinstance(operand, dict):
        name, inner = _one(operand)
        if name not in _OF_TEXTS:
            raise _invalid(f"Unsupported anything-but pattern: {name}")
        texts = inner if isinstance(inner, list) else [inner]
        refused = [_OF_TEXTS[name](_text(name, text)) for text in texts]
        if "" in texts and name in ("prefix", "suffix"):
            raise _invalid("Null prefix/suffix not allowed")
    else:
        values = operand if isinstance(operand, list) else [operand]
        if not (all(isinstance(each, str) for each in values) or all(map(_is_number, values))):
            raise _invalid(
                "Inside anything but list, either all values are number or string, mixed type is not supported"
            )
        refused = [_value(each) for each in values]
    if not refused:
        raise _invalid("Empty arrays are not allowed")
    return lambda value: value is not _ABSENT and not any(each(value) for each in refused)


_OF_TEXTS: Mapping[str, Callable[[Any], _Matcher]] = {
    "prefix": _affix("prefix", str.startswith),
    "suffix": _affix("suffix", str.endswith),
    "equals-ignore-case": _ignore_case,
    "wildcard": _wildcard,
}

_OPERATORS: Mapping[str, Callable[[Any], _Matcher]] = {
    **_OF_TEXTS,
    "anything-but": _anything_but,
    "cidr": _cidr,
    "exists": _exists,
    "numeric": _numeric,
}


def _invalid(reason: str) -> ServiceError:
    return ServiceError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")
