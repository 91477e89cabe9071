"""Policies with one part dropped or widened: for each of them the proof has to fail."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

Policy = dict[str, Any]
Change = tuple[str, Callable[[Policy], None]]


def mutants(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """Each mutant of the policy, with what was changed in words."""
    for words, change in _changes(policy):
        mutant = copy.deepcopy(policy)
        change(mutant)
        yield words, mutant


def _changes(policy: Policy) -> Iterator[Change]:
    for index, statement in enumerate(policy["Statement"]):
        name = statement.get("Sid", f"statement {index}")

        def on(change: Callable[[dict[str, Any]], object], index: int = index) -> Callable[[Policy], None]:
            return lambda mutant: change(mutant["Statement"][index]) and None

        yield f"{name} dropped", lambda mutant, index=index: mutant["Statement"].pop(index)
        yield f"{name} denies", on(lambda now: now.update(Effect="Deny"))
        yield from ((f"{name}: {words}", on(change)) for words, change in _action_changes(statement))
        yield from ((f"{name}: {words}", on(change)) for words, change in _resource_changes(statement))
        yield from ((f"{name}: {words}", on(change)) for words, change in _condition_changes(statement))
        yield from ((f"{name}: {words}", on(change)) for words, change in _principal_changes(statement))


def _action_changes(statement: dict[str, Any]) -> Iterator[tuple[str, Callable[[dict[str, Any]], object]]]:
    actions = statement["Action"]
    if actions == ["sts:AssumeRole"]:
        return
    for position, action in enumerate(actions):
        service, _, call = action.partition(":")
        verb = call[: next((at for at, letter in enumerate(call) if at and letter.isupper()), len(call))]
        yield f"{action} dropped", lambda now, position=position: now["Action"].pop(position)
        for wider in (f"{service}:*", f"{service}:{verb}*", f"{service}:*{call[len(verb) :]}", "*"):
            if wider != action:
                yield (
                    f"{action} widened to {wider}",
                    lambda now, position=position, wider=wider: now["Action"].__setitem__(position, wider),
                )
    service = actions[0].partition(":")[0]
    for extra in ("iam:CreateUser", f"{service}:TagResource", "sts:AssumeRole"):
        if extra not in actions:
            yield f"{extra} added", lambda now, extra=extra: now["Action"].append(extra)
    yield "every action but these", lambda now: now.update(NotAction=now.pop("Action"))


def _resource_changes(statement: dict[str, Any]) -> Iterator[tuple[str, Callable[[dict[str, Any]], object]]]:
    resources = statement.get("Resource", [])
    for position, resource in enumerate(resources):
        if len(resources) > 1 or resource != "*":
            yield f"{resource} dropped", lambda now, position=position: now["Resource"].pop(position)
        for wider in _wider(resource):
            yield (
                f"{resource} widened to {wider}",
                lambda now, position=position, wider=wider: now["Resource"].__setitem__(position, wider),
            )
    if resources and resources != ["*"]:
        yield "every resource but these", lambda now: now.update(NotResource=now.pop("Resource"))


def _wider(arn: str) -> Iterator[str]:
    if arn == "*":
        return
    parts = arn.split(":", 5)
    for position in (1, 3, 4):
        if parts[position] and parts[position] != "*":
            yield ":".join([*parts[:position], "*", *parts[position + 1 :]])
    if not parts[5].endswith("*"):
        yield f"{arn}*"
    name = parts[5].rstrip("*").rstrip("/:-")
    for candidate in (f"*{parts[5]}", parts[5].replace(name, name[:-1] + "?"), parts[5].replace(name[-4:], "*")):
        if candidate != parts[5]:
            yield ":".join([*parts[:5], candidate])
    yield ":".join([*parts[:5], "*"])
    yield "*"


def _condition_changes(statement: dict[str, Any]) -> Iterator[tuple[str, Callable[[dict[str, Any]], object]]]:
    condition = statement.get("Condition", {})
    if condition:
        yield "condition dropped", lambda now: now.pop("Condition")
    for operator, keys in condition.items():
        if not operator.endswith("IfExists"):
            yield (
                f"{operator} only where it exists",
                lambda now, operator=operator: now["Condition"].__setitem__(
                    f"{operator}IfExists", now["Condition"].pop(operator)
                ),
            )
        inverse = {"StringEquals": "StringNotEquals", "ArnLike": "ArnNotLike"}[operator.removesuffix("IfExists")]
        yield (
            f"{operator} inverted",
            lambda now, operator=operator, inverse=inverse: now["Condition"].__setitem__(
                inverse, now["Condition"].pop(operator)
            ),
        )
        for key, value in keys.items():
            where = f"{operator} {key}"
            yield f"{where} dropped", lambda now, operator=operator, key=key: now["Condition"][operator].pop(key)
            values = value if isinstance(value, list) else [value]
            for position, one in enumerate(values):
                if len(values) > 1:
                    yield (
                        f"{where} without {one}",
                        lambda now, operator=operator, key=key, position=position: now["Condition"][operator][key].pop(
                            position
                        ),
                    )
                yield f"{where} not {one}", _with_value(operator, key, values, position, f"{one}x")
                if operator.startswith("Arn"):
                    for wider in _wider(one):
                        if wider != "*":
                            yield f"{where} widened to {wider}", _with_value(operator, key, values, position, wider)
                else:
                    yield (
                        f"{where} also another",
                        lambda now, operator=operator, key=key, values=values: now["Condition"][operator].__setitem__(
                            key, [*values, "999999999999", "ec2.amazonaws.com", "RunTask"]
                        ),
                    )


def _with_value(
    operator: str, key: str, values: list[str], position: int, value: str
) -> Callable[[dict[str, Any]], object]:
    changed = [*values[:position], value, *values[position + 1 :]]
    return lambda now: now["Condition"][operator].__setitem__(key, changed)


def _principal_changes(statement: dict[str, Any]) -> Iterator[tuple[str, Callable[[dict[str, Any]], object]]]:
    if "Principal" not in statement:
        return
    service = statement["Principal"]["Service"]
    yield "another service", lambda now: now.update(Principal={"Service": "ec2.amazonaws.com"})
    yield "one more service", lambda now: now.update(Principal={"Service": [service, "lambda.amazonaws.com"]})
    yield "everyone", lambda now: now.update(Principal={"Service": service, "AWS": "*"})
