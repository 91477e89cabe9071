"""Decides a request against IAM policies as the IAM User Guide describes it.

Each rule names its page under https://docs.aws.amazon.com/IAM/latest/UserGuide/. The policy language
has more than is decided here: the rest raises, so that no proof rests on a guess, and what the policy
alone shows to be wrong raises whatever the request. CloudFormation must be resolved first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from operator import eq
from typing import Any

Policy = Mapping[str, Any]


class PolicyError(ValueError):
    """A policy or a request that is wrong, or that is not decided here."""


_ARN = re.compile(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+", re.DOTALL)
_ARN_PARTS = 6
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")
_IDENTITY = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:(root|(role|user)/[A-Za-z0-9_+=,.@/-]+)")


@dataclass(frozen=True)
class Request:
    """One action on one resource ("*" if the action takes none), with its condition keys."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    principal: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9-]+:[A-Za-z0-9]+", self.action):
            raise PolicyError(f"not one action: {self.action!r}")
        if self.resource != "*" and not _ARN.fullmatch(self.resource):
            raise PolicyError(f"neither an ARN nor '*': {self.resource!r}")
        for key, value in self.context.items():
            if not isinstance(value, str):
                raise _undecided(f"{key} with the value {value!r}, which is not one text,")
        if len({key.lower() for key in self.context}) < len(self.context):
            raise PolicyError("condition keys that differ in case only are the same key")

    def value(self, key: str) -> str | None:
        """A key's value; key names ignore case (reference_policies_elements_condition.html)."""
        return {name.lower(): value for name, value in self.context.items()}.get(key.lower())


def is_allowed(policies: Sequence[Policy], request: Request) -> bool:
    """Whether these identity policies, together, allow the request.

    They belong to whoever asks, so the request's principal plays no part.
    """
    return _decide([s for policy in policies for s in _parse(policy)], request)


def may_assume(trust_policy: Policy, request: Request) -> bool:
    """Whether a role's trust policy lets the request's principal assume the role."""
    if request.action.lower() != "sts:assumerole":
        raise _undecided(f"a trust policy for {request.action}")
    if not any(known.fullmatch(request.principal or "") for known in (_SERVICE, _IDENTITY)):
        raise PolicyError(f"neither a service nor a user or role: {request.principal!r}")
    return _decide(_parse(trust_policy, trust=True), request)


def may_use_key(key_policy: Policy, policies: Sequence[Policy], request: Request) -> bool:
    """Whether a user or role of the key's own account, who has these identity policies, may use the key.

    A key policy that names the account lets identity policies decide; without such a statement they allow nothing
    (https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html). One that names a role allows
    without them (reference_policies_evaluation-logic_policy-eval-basics-single.html). A Deny anywhere beats both.
    """
    who = request.principal or ""
    if not _IDENTITY.fullmatch(who) or who.endswith(":root"):
        raise PolicyError(f"not a user or role: {request.principal!r}")
    account = ":".join([*who.split(":")[:5], "root"])
    of_key = _parse(key_policy, key=True)
    own = [s for policy in policies for s in _parse(policy)]
    if any(
        s.effect == "Deny" and _applies(s, asked)
        for s in of_key
        for asked in (request, replace(request, principal=account))
    ):
        return False
    if any(s.effect == "Deny" and _applies(s, request) for s in own):
        return False
    return _decide(of_key, request) or (_decide(of_key, replace(request, principal=account)) and _decide(own, request))


@dataclass(frozen=True)
class _Condition:
    matches: Callable[[str, str], bool]  # a text of the policy, and the key's value
    negated: bool
    if_exists: bool
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class _Statement:
    effect: str
    actions: tuple[bool, tuple[str, ...]]  # the flag says that it is NotAction (NotResource)
    resources: tuple[bool, tuple[str, ...]]
    principals: tuple[str, ...]  # none in an identity policy
    conditions: list[_Condition]


def _undecided(what: str) -> PolicyError:
    return PolicyError(f"{what} is not something this evaluator decides")


def _parse(policy: Policy, *, trust: bool = False, key: bool = False) -> list[_Statement]:
    """The statements, checked against reference_policies_grammar.html: an identity's, a role's trust or a key's."""
    if (version := _object(policy, {"Version", "Statement"}).get("Version")) != "2012-10-17":
        raise _undecided(f"the Version {version!r}")
    statements = policy.get("Statement")
    if not isinstance(statements, list) or not statements:
        raise _undecided(f"the Statement {statements!r}, which is not a list of statements,")
    elements = {"Principal"} if trust else {"Principal", "Resource"} if key else {"Resource", "NotResource"}
    elements |= {"Sid", "Effect", "Action", "NotAction", "Condition"}
    return [_parse_statement(_object(statement, elements), trust=trust, key=key) for statement in statements]


def _parse_statement(statement: Policy, *, trust: bool, key: bool) -> _Statement:
    _texts(statement.get("Sid", ""))
    if (effect := statement.get("Effect")) not in ("Allow", "Deny"):
        raise PolicyError(f"Effect must be Allow or Deny, not {effect!r}")
    actions = _either(statement, "Action")
    for action in actions[1]:
        if not re.fullmatch(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+", action):
            raise PolicyError(f"not an action: {action!r}")
    # A trust policy is about the role that it belongs to, whatever the role's name.
    resources = (False, ("*",)) if trust else _either(statement, "Resource")
    for resource in resources[1]:
        _check_resource(resource)
    if key and resources != (False, ("*",)):
        # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
        raise _undecided(f"a key policy about {resources}, and not *, which is its key,")
    principals = _parse_principal(statement.get("Principal"), key=key) if trust or key else ()
    conditions = _parse_conditions(statement["Condition"]) if "Condition" in statement else []
    return _Statement(effect, actions, resources, principals, conditions)


def _either(statement: Policy, name: str) -> tuple[bool, tuple[str, ...]]:
    present = [key for key in (name, f"Not{name}") if key in statement]
    if len(present) != 1:
        raise PolicyError(f"a statement needs either {name} or Not{name}")
    return present[0] != name, _texts(statement[present[0]])


def _check_resource(pattern: str) -> None:
    """The service takes no wildcard (reference_policies_elements_resource.html)."""
    if pattern != "*":
        _, partition, service, *_, name = _segments(pattern)
        if not (partition and service and name) or re.search(r"[*?]", service):
            raise PolicyError(f"not a resource pattern: {pattern!r}")


def _parse_principal(principal: object, *, key: bool) -> tuple[str, ...]:
    """No wildcard stands for part of a name (reference_policies_elements_principal.html)."""
    if key:
        identities = _texts(_object(principal, {"AWS"})["AWS"])
        for name in identities:
            if not _IDENTITY.fullmatch(name):
                raise PolicyError(f"not an account, user or role: {name!r}")
        return identities
    services = _texts(_object(principal, {"Service"})["Service"])
    for name in services:
        if not _SERVICE.fullmatch(name):
            raise PolicyError(f"not a service: {name!r}")
    return services


def _parse_conditions(block: object) -> list[_Condition]:
    conditions = []
    for operator, tests in _object(block).items():
        if operator == "Null":
            conditions += [_parse_null(key, value) for key, value in _object(tests).items()]
            continue
        name = operator.removesuffix("IfExists")
        positive = re.sub("^(String|Arn)Not", r"\1", name)
        if positive not in _COMPARISONS:
            raise _undecided(f"the condition operator {operator!r}")
        kind = (_COMPARISONS[positive], name != positive, name != operator)
        for key, value in _object(tests).items():
            _check_key(key)
            for text in _texts(value) if positive.startswith("Arn") else ():
                _segments(text)
            conditions.append(_Condition(*kind, key, _texts(value)))
    return conditions


def _parse_null(key: str, value: object) -> _Condition:
    """True: the key is absent; false: it is there, with whatever value.

    (Null in reference_policies_elements_condition_operators.html).
    """
    _check_key(key)
    if _texts(value) not in (("true",), ("false",)):
        raise PolicyError(f"Null takes true or false, not {value!r}")
    # Any value matches, so that the negation holds without one only.
    return _Condition(
        lambda _wanted, _value: True, _texts(value) == ("true",), if_exists=False, key=key, values=_texts(value)
    )


def _check_key(key: str) -> None:
    """No second colon after the first: Fn::If is CloudFormation's, not a condition key."""
    if not re.match("[A-Za-z0-9._/-]+:(?!:).", key):
        raise PolicyError(f"not a condition key: {key!r}")


def _object(value: object, keys: set[str] | None = None) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not value or not all(isinstance(k, str) for k in value):
        raise PolicyError(f"not an object with named entries: {value!r}")
    if keys and (unknown := set(value) - keys):
        raise _undecided(", ".join(map(repr, sorted(unknown))))
    return value


def _texts(value: object) -> tuple[str, ...]:
    items = tuple(value) if isinstance(value, list) else (value,)
    if not items or not all(isinstance(item, str) for item in items):
        raise PolicyError(f"neither text nor a list of texts: {value!r}")
    if any("${" in item for item in items):
        raise _undecided(f"a variable, as in {value!r},")
    return items


def _segments(arn: str) -> list[str]:
    """The six parts of an ARN or of a pattern of one."""
    segments = arn.split(":", 5)
    if len(segments) < _ARN_PARTS or segments[0] != "arn":
        raise PolicyError(f"not an ARN: {arn!r}")
    return segments


def _decide(statements: list[_Statement], request: Request) -> bool:
    """Nothing is allowed by default, and one Deny beats every Allow.

    (reference_policies_evaluation-logic_policy-eval-denyallow.html).
    """
    return {s.effect for s in statements if _applies(s, request)} == {"Allow"}


def _applies(statement: _Statement, request: Request) -> bool:
    """Actions ignore case (reference_policies_elements_action.html).

    NotAction and NotResource match all but what they list (reference_policies_elements_notaction.html,
    reference_policies_elements_notresource.html).
    """
    not_action, patterns = statement.actions
    if any(_like(pattern.lower(), request.action.lower()) for pattern in patterns) == not_action:
        return False
    if statement.principals and request.principal not in statement.principals:
        return False
    # These lists are evaluated to their end, so that whether a case raises does not depend on its place.
    holds = [_holds(condition, request) for condition in statement.conditions]
    if not all(holds):
        return False
    not_resource, patterns = statement.resources
    found = [_resource_matches(pattern, request.resource) for pattern in patterns]
    return any(found) != not_resource


def _resource_matches(pattern: str, resource: str) -> bool:
    """A pattern must match the ARN both as a text and segment by segment, or neither way.

    A * that ends a segment "can expand to match beyond the colon boundaries", says
    reference_policies_elements_resource.html; "a wildcard character can't span segments", says
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html.
    """
    if pattern == "*" or resource == "*":
        return pattern == "*"
    by_segment = _arn_like(pattern, resource)
    if by_segment != _like(pattern, resource):
        raise _undecided(f"whether {pattern} crosses a colon to match {resource}")
    return by_segment


def _holds(condition: _Condition, request: Request) -> bool:
    """One operator and key; several are joined by AND, a key's values by OR, if negated by NOR.

    (reference_policies_condition-logic-multiple-context-keys-or-values.html).

    Without a value, a negated operator holds, others do not, unless they end in IfExists
    (reference_policies_elements_condition_operators.html).
    """
    value = request.value(condition.key)
    if value is None:
        return condition.negated or condition.if_exists
    return any(condition.matches(wanted, value) for wanted in condition.values) != condition.negated


def _arn_like(pattern: str, arn: str) -> bool:
    """Segment by segment, so that before the resource part no wildcard matches a colon.

    (ArnLike in reference_policies_elements_condition_operators.html).
    """
    return all(map(_like, _segments(pattern), _segments(arn)))


def _like(pattern: str, text: str) -> bool:
    return _expression(pattern).fullmatch(text) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    wildcards = {"*": ".*", "?": "."}
    return re.compile("".join(wildcards.get(char, re.escape(char)) for char in pattern), re.DOTALL)


# What compares a policy's text with a key's value, by operator; Not and IfExists are added by _parse_conditions.
_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": eq,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "ArnEquals": _arn_like,  # documented to behave as ArnLike does, wildcards included
    "ArnLike": _arn_like,
}
