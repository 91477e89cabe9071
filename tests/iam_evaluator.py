"""Decides a request against IAM policies as the IAM User Guide describes it.

Each rule names its page under https://docs.aws.amazon.com/IAM/latest/UserGuide/. What is not
handled here raises, so that no proof rests on a guess; what the policy alone shows to be wrong
raises whatever the request. CloudFormation must be resolved first: ``${AWS::Region}`` raises too.
"""

# ruff: noqa: N818 (an error says what it is about; all of them are a PolicyError)

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Policy = Mapping[str, Any]


class PolicyError(ValueError):
    """A policy or a request that cannot be decided."""


class UnknownElement(PolicyError):
    """An element that the policy language does not have, or not in this kind of policy."""


class UnknownOperator(PolicyError):
    """A condition operator that does not exist, or that is not implemented here."""


class UnresolvedIntrinsic(PolicyError):
    """An object where IAM expects text, such as {"Ref": ...} or {"Fn::Sub": ...}."""


class Undocumented(PolicyError):
    """A case whose outcome AWS's documentation leaves open, or describes in two ways."""


_ARN = re.compile(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+", re.DOTALL)
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")
_IDENTITY = re.compile(r"(arn:[a-z-]+:iam::([0-9]{12})):(root|(role|user)/[A-Za-z0-9_+=,.@/-]+)")
_ACCOUNT = re.compile(r"\*|[0-9]{12}")
# No second colon after the first: AWS::Region and Fn::If are CloudFormation's, not condition keys.
_KEY = r"[A-Za-z0-9._/-]+:(?!:)"
_TOKEN = re.compile(
    r"\$\{(?P<escaped>[*?$])\}"
    rf"|\$\{{(?P<key>{_KEY}[^\s{{}}',$*?]+)(, '(?P<default>[^'{{}}]*)')?\}}"
    r"|(?P<broken>\$\{)|(?P<wildcard>[*?])|.",
    re.DOTALL,
)
_OPERATOR = re.compile(r"(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?")
_COMPARISONS = {
    "StringEquals": "equals",
    "StringEqualsIgnoreCase": "ignorecase",
    "StringLike": "like",
    "ArnEquals": "arn",  # documented to behave as ArnLike does, wildcards included
    "ArnLike": "arn",
    "Bool": "bool",
    "Null": "null",
}


@dataclass(frozen=True)
class Request:
    """One action on one resource ("*" if the action takes none), with its condition keys.

    A list as a key's value says that the key is multivalued; an empty list, that it has no value.
    """

    action: str
    resource: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    principal: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9-]+:[A-Za-z0-9]+", self.action):
            raise PolicyError(f"not one action: {self.action!r}")
        if self.resource != "*" and not _ARN.fullmatch(self.resource):
            raise PolicyError(f"neither an ARN nor '*': {self.resource!r}")
        for value in self.context.values():
            _texts("" if value in ([], ()) else value)
        if len({key.lower() for key in self.context}) < len(self.context):
            raise PolicyError("condition keys that differ in case only are the same key")

    def value(self, key: str) -> str | tuple[str, ...] | None:
        """A key's value; key names ignore case (reference_policies_elements_condition.html)."""
        value = {name.lower(): value for name, value in self.context.items()}.get(key.lower())
        return value if value is None or isinstance(value, str) else tuple(value) or None


def is_allowed(policies: Sequence[Policy], request: Request) -> bool:
    """Whether these identity policies, together, allow the request.

    They belong to whoever asks, so the request's principal plays no part.
    """
    return _decide([s for policy in policies for s in _parse(policy, trust=False)], request)


def may_assume(trust_policy: Policy, request: Request) -> bool:
    """Whether a role's trust policy lets the request's principal assume the role.

    A policy that names an account only delegates to it: the caller's own policies must allow
    sts:AssumeRole as well, which is for ``is_allowed`` to say.
    """
    if request.action.lower() != "sts:assumerole":
        raise PolicyError(f"a trust policy decides sts:AssumeRole, not {request.action}")
    if not any(known.fullmatch(request.principal or "") for known in (_SERVICE, _IDENTITY)):
        raise PolicyError(f"neither a service nor a user or role: {request.principal!r}")
    return _decide(_parse(trust_policy, trust=True), request)


@dataclass(frozen=True)
class _Condition:
    quantifier: str | None
    comparison: str
    negated: bool
    if_exists: bool
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class _Statement:
    effect: str
    actions: tuple[bool, tuple[str, ...]]  # the flag says that it is NotAction (NotResource)
    resources: tuple[bool, tuple[str, ...]] | None
    principals: tuple[str, ...]  # none in an identity policy
    conditions: list[_Condition]


def _parse(policy: Policy, *, trust: bool) -> list[_Statement]:
    """The statements, checked against reference_policies_grammar.html.

    An older Version takes policy variables literally (reference_policies_elements_version.html).
    """
    if (version := _object(policy, {"Version", "Statement"}).get("Version")) != "2012-10-17":
        raise PolicyError(f"Version must be 2012-10-17, not {version!r}")
    found = policy.get("Statement")
    statements = found if isinstance(found, list | tuple) and found else [found]
    elements = {"Principal"} if trust else {"Resource", "NotResource"}
    elements |= {"Sid", "Effect", "Action", "NotAction", "Condition"}
    return [_parse_statement(_object(statement, elements), trust=trust) for statement in statements]


def _parse_statement(statement: Policy, *, trust: bool) -> _Statement:
    _texts(statement.get("Sid", ""))
    if (effect := statement.get("Effect")) not in ("Allow", "Deny"):
        raise PolicyError(f"Effect must be Allow or Deny, not {effect!r}")
    actions = _either(statement, "Action")
    for action in actions[1]:
        if not re.fullmatch(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+", action):
            raise PolicyError(f"not an action: {action!r}")
    resources = None if trust else _either(statement, "Resource")
    for resource in resources[1] if resources else ():
        _check_resource(resource)
    principals = _parse_principal(statement.get("Principal")) if trust else ()
    conditions = _parse_conditions(statement["Condition"]) if "Condition" in statement else []
    return _Statement(effect, actions, resources, principals, conditions)


def _either(statement: Policy, name: str) -> tuple[bool, tuple[str, ...]]:
    present = [key for key in (name, f"Not{name}") if key in statement]
    if len(present) != 1:
        raise PolicyError(f"a statement needs either {name} or Not{name}")
    return present[0] != name, _texts(statement[present[0]])


def _check_resource(pattern: str) -> None:
    """The service takes no wildcard (reference_policies_elements_resource.html), and nothing before
    the fifth colon a variable (reference_policies_variables.html).
    """
    if pattern != "*":
        *head, name = _segments(pattern)
        if not (head[1] and head[2] and name) or re.search(r"[*?]", head[2]) or "${" in str(head):
            raise PolicyError(f"not a resource pattern: {pattern!r}")


def _parse_principal(principal: object) -> tuple[str, ...]:
    """No wildcard stands for part of a name (reference_policies_elements_principal.html), and a
    trust policy takes no bare "*" (access-analyzer-reference-policy-checks.html).
    """
    types = _object(principal, {"Service", "AWS"})
    named = [(kind, name) for kind in types for name in _texts(types[kind])]
    for kind, name in named:
        known = (_SERVICE,) if kind == "Service" else (_IDENTITY, _ACCOUNT)
        if not any(pattern.fullmatch(name) for pattern in known):
            raise PolicyError(f"not a principal of type {kind}: {name!r}")
    return tuple(name for _, name in named)


def _parse_conditions(block: object) -> list[_Condition]:
    conditions = []
    for operator, tests in _object(block).items():
        parts = _OPERATOR.fullmatch(operator)
        quantifier, name, if_exists = parts.groups() if parts else (None, "", None)
        positive = re.sub("^(String|Arn)Not", r"\1", name)
        comparison = _COMPARISONS.get(positive, "")
        if not comparison or (comparison == "null" and operator != "Null"):
            raise UnknownOperator(operator)
        if quantifier == "ForAnyValue" and if_exists:
            raise Undocumented(f"{operator}: without the key, IfExists is true, ForAnyValue false")
        kind = (quantifier, comparison, name != positive, bool(if_exists))
        for key, value in _object(tests).items():
            if not re.match(_KEY + ".", key):
                raise PolicyError(f"not a condition key: {key!r}")
            conditions.append(_Condition(*kind, key, _condition_values(comparison, value)))
    return conditions


def _condition_values(comparison: str, value: object) -> tuple[str, ...]:
    if comparison in ("bool", "null"):
        # One page lets Bool take a variable and another does not, so here it does not.
        values = _texts(str(value).lower() if isinstance(value, bool) else value)
        if values not in (("true",), ("false",)):
            raise PolicyError(f"{comparison} needs one of true and false, not {value!r}")
        return values
    for text in _texts(value):
        _segments(text) if comparison == "arn" else _tokens(text)
    return _texts(value)


def _object(value: object, keys: set[str] | None = None) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not value or not all(isinstance(k, str) for k in value):
        raise PolicyError(f"not an object with named entries: {value!r}")
    if keys and (unknown := set(value) - keys):
        raise UnknownElement(", ".join(sorted(unknown)))
    return value


def _texts(value: object) -> tuple[str, ...]:
    items = tuple(value) if isinstance(value, list | tuple) else (value,)
    if any(isinstance(item, Mapping) for item in items):
        raise UnresolvedIntrinsic(repr(value))
    if not items or not all(isinstance(item, str) for item in items):
        raise PolicyError(f"neither text nor a list of texts: {value!r}")
    return items


@cache
def _tokens(pattern: str) -> tuple[re.Match[str], ...]:
    tokens = tuple(_TOKEN.finditer(pattern))
    if any(token["broken"] for token in tokens):
        raise PolicyError(f"not a policy variable: {pattern!r}")
    return tokens


@cache
def _segments(pattern: str) -> list[str]:
    """The six parts of an ARN pattern; the colon inside ``${aws:username}`` separates nothing."""
    segments = [""]
    for token in _tokens(pattern):
        if token[0] == ":" and len(segments) < 6:
            segments.append("")
        else:
            segments[-1] += token[0]
    if len(segments) < 6 or segments[0] != "arn":
        raise PolicyError(f"not an ARN: {pattern!r}")
    return segments


def _decide(statements: list[_Statement], request: Request) -> bool:
    """Nothing is allowed by default, and one Deny beats every Allow
    (reference_policies_evaluation-logic_policy-eval-denyallow.html).
    """
    return {s.effect for s in statements if _applies(s, request)} == {"Allow"}


def _applies(statement: _Statement, request: Request) -> bool:
    """Actions ignore case (reference_policies_elements_action.html); NotAction and NotResource
    match all but what they list (reference_policies_elements_notaction.html, ..._notresource.html).
    """
    # Each list is evaluated to its end, so that whether a case raises does not depend on its place.
    not_action, patterns = statement.actions
    acts = [_like(pattern, request.action, request, "action") for pattern in patterns]
    trusts = [_trusts(name, request.principal) for name in statement.principals]
    if any(acts) == not_action or (statement.principals and not any(trusts)):
        return False
    holds = [_holds(condition, request) for condition in statement.conditions]
    if not all(holds) or not statement.resources:
        return all(holds)
    not_resource, patterns = statement.resources
    found = [_resource_matches(pattern, request) for pattern in patterns]
    return any(found) != not_resource


def _trusts(name: str, principal: str | None) -> bool:
    """An account, as its ID or as the ARN of its root, stands for everyone in it
    (reference_policies_elements_principal.html).
    """
    identity = _IDENTITY.fullmatch(principal or "")
    if name == "*" and not identity:
        raise Undocumented(f"whether AWS: * covers {principal}")
    if not identity:
        return name == principal
    return name in ("*", principal, f"{identity[1]}:root", identity[2])


def _resource_matches(pattern: str, request: Request) -> bool:
    """A pattern must match the ARN both as a text and segment by segment, or neither way.

    A * that ends a segment "can expand to match beyond the colon boundaries", says
    reference_policies_elements_resource.html; "a wildcard character can't span segments", says
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html.
    """
    if pattern == "*" or request.resource == "*":
        return pattern == "*"
    by_segment = _arn_like(pattern, request.resource, request)
    if by_segment != _like(pattern, request.resource, request, "like"):
        raise Undocumented(f"whether {pattern} crosses a colon to match {request.resource}")
    return by_segment


def _holds(condition: _Condition, request: Request) -> bool:
    """One operator and key; several are joined by AND, a key's values by OR, if negated by NOR
    (reference_policies_condition-logic-multiple-context-keys-or-values.html).

    Without a value, a negated operator holds, others do not, unless they end in IfExists
    (reference_policies_elements_condition_operators.html). ForAllValues then holds and ForAnyValue
    does not, and an empty text is no value to them
    (reference_policies_condition-single-vs-multi-valued-context-keys.html).
    """
    value = request.value(condition.key)
    values = (value,) if isinstance(value, str) else value or ()
    if condition.comparison == "null":
        if values and not any(values):
            raise Undocumented(f"whether {condition.key} is Null when it is empty")
        return (not values) == (condition.values == ("true",))
    if isinstance(value, tuple) and not condition.quantifier:
        raise PolicyError(f"{condition.key} is multivalued: use ForAllValues or ForAnyValue")
    if condition.quantifier and not any(values):
        return condition.quantifier == "ForAllValues"
    if not values:
        return condition.negated or condition.if_exists
    results = []
    for item in values:
        compared = [_compares(condition.comparison, w, item, request) for w in condition.values]
        results.append(any(compared) != condition.negated)
    return any(results) if condition.quantifier == "ForAnyValue" else all(results)


def _compares(comparison: str, wanted: str, value: str, request: Request) -> bool:
    if comparison == "bool" and value not in ("true", "false"):
        raise PolicyError(f"neither true nor false: {value!r}")
    if comparison == "arn":
        return _arn_like(wanted, value, request)
    return _like(wanted, value, request, comparison)


def _arn_like(pattern: str, arn: str, request: Request) -> bool:
    """Segment by segment, so that before the resource part no wildcard matches a colon
    (ArnLike in reference_policies_elements_condition_operators.html).
    """
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        raise Undocumented(f"how an ARN operator compares {arn!r}")
    pairs = zip(_segments(pattern), parts, strict=True)
    matches = [_like(segment, part, request, "like") for segment, part in pairs]
    return all(matches)


def _like(pattern: str, value: str, request: Request, comparison: str) -> bool:
    """Compare texts with policy variables replaced (reference_policies_variables.html).

    A variable without a value equals nothing, so that a negated operator holds. A multivalued key
    is no variable (reference_policies_condition-single-vs-multi-valued-context-keys.html).
    """
    values = tuple((token["key"], request.value(token["key"])) for token in _tokens(pattern) if token["key"])
    expression = _expression(pattern, comparison in ("like", "action"), values)
    flags = re.IGNORECASE if comparison in ("ignorecase", "action") else re.NOFLAG
    return expression is not None and re.fullmatch(expression, value, flags | re.DOTALL) is not None


@cache
def _expression(
    pattern: str, wildcards: bool, values: tuple[tuple[str, str | tuple[str, ...] | None], ...]
) -> str | None:
    """The pattern as a regular expression, or None if a variable has no value."""
    expression = ""
    for token in _tokens(pattern):
        if token["key"]:
            found = dict(values)[token["key"]]
            text = token["default"] if found is None else found
            if text is None:
                return None
            if isinstance(text, tuple):
                raise PolicyError(f"{token['key']} is multivalued and cannot be a variable")
            if not text or re.search(r"[*?]|\$\{", text):
                raise Undocumented(f"what a variable becomes whose value is {text!r}")
            expression += re.escape(text)
        elif token["wildcard"] and wildcards:
            expression += ".*" if token["wildcard"] == "*" else "."
        else:
            expression += re.escape(token["escaped"] or token[0])
    return expression
