"""Policies with one part dropped or widened: for each of them the proof has to fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Policy = dict[str, Any]
Statement = Mapping[str, Any]

_INVERSE = {"StringEquals": "StringNotEquals", "ArnLike": "ArnNotLike"}


def mutants(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """Each mutant of the policy, with what was changed in words."""
    for index, statement in enumerate(policy["Statement"]):
        name = statement.get("Sid", f"statement {index}")
        yield f"{name}: dropped", {**policy, "Statement": _with(policy["Statement"], index)}
        for words, changed in _changed(statement):
            yield f"{name}: {words}", {**policy, "Statement": _with(policy["Statement"], index, changed)}


def _changed(statement: Statement) -> Iterator[tuple[str, Statement]]:
    yield "denies", {**statement, "Effect": "Deny"}
    if "Principal" in statement:
        for words, principal in _principals(statement["Principal"]["Service"]):
            yield words, {**statement, "Principal": principal}
    else:
        for words, actions in _actions(statement["Action"]):
            yield words, {**statement, "Action": actions}
        for words, resources in _resources(statement["Resource"]):
            yield words, {**statement, "Resource": resources}
        yield "every action but these", _renamed(statement, "Action", "NotAction")
        if statement["Resource"] != ["*"]:
            yield "every resource but these", _renamed(statement, "Resource", "NotResource")
    if "Condition" in statement:
        yield "condition dropped", _without(statement, "Condition")
        for words, condition in _conditions(statement["Condition"]):
            yield words, {**statement, "Condition": condition}


def _actions(actions: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    for position, action in enumerate(actions):
        service, _, call = action.partition(":")
        verb = call[: next((at for at, letter in enumerate(call) if at and letter.isupper()), len(call))]
        yield f"{action} dropped", _with(actions, position)
        for wider in (f"{service}:*", f"{service}:{verb}*", f"{service}:*{call.removeprefix(verb)}", "*"):
            yield f"{action} widened to {wider}", _with(actions, position, wider)
    service = actions[0].partition(":")[0]
    for extra in ("iam:CreateUser", f"{service}:TagResource", "sts:AssumeRole"):
        if extra not in actions:
            yield f"{extra} added", [*actions, extra]


def _resources(resources: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    for position, resource in enumerate(resources):
        if resource != "*":
            yield f"{resource} dropped", _with(resources, position)
            for wider in [*_wider(resource), "*"]:
                yield f"{resource} widened to {wider}", _with(resources, position, wider)


def _wider(arn: str) -> Iterator[str]:
    """Patterns that match the ARN and more."""
    parts = arn.split(":", 5)
    for position in (1, 3, 4):
        if parts[position]:
            yield ":".join(_with(parts, position, "*"))
    name = parts[5].rstrip("*").rstrip("/:-")
    for resource in (
        "*",
        f"*{parts[5]}",
        f"{parts[5]}*",
        parts[5].replace(name, f"{name[:-1]}?"),
        parts[5].replace(name[-4:], "*"),
        parts[5].replace("-", "*", 1),
    ):
        if not resource.endswith("**") and resource != parts[5]:
            yield ":".join(_with(parts, 5, resource))


def _conditions(condition: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for operator, keys in condition.items():
        if not operator.endswith("IfExists"):
            yield f"{operator} only where it exists", _renamed(condition, operator, f"{operator}IfExists")
        yield f"{operator} inverted", _renamed(condition, operator, _INVERSE[operator.removesuffix("IfExists")])
        for key, value in keys.items():
            yield f"{operator} {key} dropped", {**condition, operator: _without(keys, key)}
            values = value if isinstance(value, list) else [value]
            for words, changed in _values(values, arns=operator.startswith("Arn")):
                yield f"{operator} {key} {words}", {**condition, operator: {**keys, key: changed}}


def _values(values: Sequence[str], *, arns: bool) -> Iterator[tuple[str, list[str]]]:
    for position, value in enumerate(values):
        if len(values) > 1:
            yield f"without {value}", _with(values, position)
        yield f"not {value}", _with(values, position, f"{value}x")
        for wider in _wider(value) if arns else ():
            yield f"widened to {wider}", _with(values, position, wider)
    if not arns:
        yield "also another", [*values, "444455556666", "lambda.amazonaws.com", "CreateService"]


def _principals(service: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "another service", {"Service": "ec2.amazonaws.com"}
    yield "one more service", {"Service": [service, "lambda.amazonaws.com"]}
    yield "everyone", {"Service": service, "AWS": "*"}
    yield "another account too", {"Service": service, "AWS": "arn:aws:iam::444455556666:root"}
    yield "a user too", {"Service": service, "AWS": "arn:aws:iam::111122223333:user/eve"}


def _with(items: Sequence[Any], position: int, *new: Any) -> list[Any]:
    """The items with new ones, or none, in the place of one."""
    return [*items[:position], *new, *items[position + 1 :]]


def _without(mapping: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}


def _renamed(mapping: Mapping[str, Any], key: str, new: str) -> dict[str, Any]:
    return {**_without(mapping, key), new: mapping[key]}
