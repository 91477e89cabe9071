"""The policy evaluator: each rule in a table, and what must hold for any policy as properties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iam_evaluator import (
    Policy,
    PolicyError,
    Request,
    Undocumented,
    UnknownElement,
    UnknownOperator,
    UnresolvedIntrinsic,
    is_allowed,
    may_assume,
)

ACCOUNT = "111122223333"
OTHER = "444455556666"
OBJECT = "arn:aws:s3:::bucket/home/ann/notes.txt"
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:jobs"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:releases"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/deploy"
Context = Mapping[str, str | list[str]]


def policy(*statements: object, version: object = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements)}


def allow(**elements: object) -> dict[str, object]:
    """An Allow for everything, save for the elements given; None leaves one out."""
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"} | elements
    return {name: value for name, value in statement.items() if value is not None}


def deny(**elements: object) -> dict[str, object]:
    return allow(**elements) | {"Effect": "Deny"}


def condition_holds(condition: object, context: Context | None = None) -> bool:
    request = Request("s3:GetObject", OBJECT, context or {})
    return is_allowed([policy(allow(Condition=condition))], request)


def resource_matches(pattern: object, resource: str, context: Context | None = None) -> bool:
    request = Request("s3:GetObject", resource, context or {})
    return is_allowed([policy(allow(Resource=pattern))], request)


# Effects


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ([], False),
        ([policy(allow())], True),
        ([policy(deny())], False),
        ([policy(allow(), deny())], False),
        ([policy(deny(), allow())], False),
        ([policy(allow()), policy(deny())], False),
        ([policy(deny()), policy(allow())], False),
        ([policy(allow(Action="s3:PutObject")), policy(allow(Action="s3:GetObject"))], True),
        ([policy(allow(), deny(Action="s3:PutObject"))], True),
        ([policy(allow(), deny(Resource="arn:aws:s3:::other/*"))], True),
        ([policy(allow(), deny(Condition={"Bool": {"aws:SecureTransport": "false"}}))], True),
    ],
)
def test_a_deny_beats_every_allow_and_nothing_is_allowed_by_default(policies: list[Policy], expected: bool) -> None:
    assert is_allowed(policies, Request("s3:GetObject", OBJECT)) is expected


def test_a_single_statement_needs_no_list() -> None:
    document = {"Version": "2012-10-17", "Statement": allow()}
    assert is_allowed([document], Request("s3:GetObject", OBJECT))


# Actions


@pytest.mark.parametrize(
    ("pattern", "action", "expected"),
    [
        ("*", "s3:GetObject", True),
        ("s3:*", "s3:GetObject", True),
        ("s3:GetObject", "s3:GetObject", True),
        ("S3:getobject", "s3:GetObject", True),
        ("s3:GetObject", "S3:GETOBJECT", True),
        ("s3:Get*", "s3:GetObjectVersion", True),
        ("s3:get*version", "s3:GetObjectVersion", True),
        ("s3:GetObject?", "s3:GetObjects", True),
        ("s3:GetObject?", "s3:GetObject", False),
        ("s3:GetObject", "s3:GetObjectVersion", False),
        ("s3:Object", "s3:GetObject", False),
        ("sqs:*", "s3:GetObject", False),
        ("s3:*", "s3express:CreateSession", False),
        (["sqs:*", "s3:GetObject"], "s3:GetObject", True),
        (["sqs:*", "sns:*"], "s3:GetObject", False),
    ],
)
def test_action(pattern: object, action: str, expected: bool) -> None:
    request = Request(action, OBJECT)
    assert is_allowed([policy(allow(Action=pattern))], request) is expected
    assert is_allowed([policy(allow(Action=None, NotAction=pattern))], request) is not expected


def test_a_deny_with_not_action_leaves_only_what_it_lists() -> None:
    policies = [policy(allow(), deny(Action=None, NotAction="s3:Get*"))]
    assert is_allowed(policies, Request("s3:GetObject", OBJECT))
    assert not is_allowed(policies, Request("s3:PutObject", OBJECT))


# Resources


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("*", OBJECT, True),
        ("*", "*", True),
        ("arn:aws:s3:::*", "*", False),
        (OBJECT, OBJECT, True),
        (OBJECT, OBJECT.upper().replace("ARN:AWS:S3", "arn:aws:s3"), False),
        (OBJECT, OBJECT + "~", False),
        ("arn:aws:s3:::bucket", OBJECT, False),
        ("arn:aws:s3:::bucket/*", OBJECT, True),
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/", True),
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket", False),
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket2/a", False),
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a:b\nc", True),
        ("arn:aws:s3:::bucket/*/test/*", "arn:aws:s3:::bucket/1/2/test/3/object.jpg", True),
        ("arn:aws:s3:::bucket/*/test/*", "arn:aws:s3:::bucket//test/", True),
        ("arn:aws:s3:::bucket/*/test/*", "arn:aws:s3:::bucket/1-test/object.jpg", False),
        ("arn:aws:s3:::bucket/*/test/*", "arn:aws:s3:::bucket/test/object.jpg", False),
        ("arn:aws:s3:::bucket/?.txt", "arn:aws:s3:::bucket/a.txt", True),
        ("arn:aws:s3:::bucket/?.txt", "arn:aws:s3:::bucket/.txt", False),
        ("arn:aws:s3:::bucket/?.txt", "arn:aws:s3:::bucket/ab.txt", False),
        ("arn:aws:s3:::bucket/[ab].txt", "arn:aws:s3:::bucket/a.txt", False),
        ("arn:aws:s3:::bucket/a+.txt", "arn:aws:s3:::bucket/aa.txt", False),
        ("arn:aws:s3:*:*:bucket", "arn:aws:s3:::bucket", True),
        ("arn:*:sqs:*:*:jobs", QUEUE, True),
        ("arn:aws:sqs:eu-*-1:*:*", QUEUE, True),
        ("arn:aws:sqs:eu-west-?:*:jobs", QUEUE, True),
        (f"arn:aws:sqs:*:{OTHER}:*", QUEUE, False),
        ("arn:aws-cn:sqs:*:*:*", QUEUE, False),
        (["arn:aws:s3:::other", "arn:aws:s3:::buck*"], OBJECT, True),
        (["arn:aws:s3:::other", "arn:aws:s3:::another"], OBJECT, False),
    ],
)
def test_resource(pattern: object, resource: str, expected: bool) -> None:
    assert resource_matches(pattern, resource) is expected
    excluding = policy(allow(Resource=None, NotResource=pattern))
    assert is_allowed([excluding], Request("s3:GetObject", resource)) is not expected


def test_a_deny_with_not_resource_leaves_only_what_it_lists() -> None:
    policies = [policy(allow(), deny(Resource=None, NotResource=QUEUE))]
    assert is_allowed(policies, Request("sqs:SendMessage", QUEUE))
    assert not is_allowed(policies, Request("sqs:SendMessage", TOPIC))
    assert not is_allowed(policies, Request("sqs:ListQueues", "*"))


# The name of a log group or a queue is its owner's choice, and may look like the end of an ARN.
DISGUISED = f"arn:aws:sqs:eu-west-1:{OTHER}:x:{ACCOUNT}:jobs"


@pytest.mark.parametrize(
    "pattern",
    [f"arn:aws:sqs:*:{ACCOUNT}:jobs", "arn:aws:sqs:eu-west-1:*:jobs", f"arn:*:{ACCOUNT}:*:*:jobs"],
)
@pytest.mark.parametrize("element", ["Resource", "NotResource"])
def test_a_wildcard_that_would_have_to_cross_a_colon_is_refused(pattern: str, element: str) -> None:
    resource = DISGUISED if pattern.startswith("arn:aws:") else f"arn:aws:s3:::{ACCOUNT}:::jobs"
    for patterns in ([pattern, "*"], ["*", pattern]):
        with pytest.raises(Undocumented, match="crosses a colon"):
            is_allowed(
                [policy(allow(**{"Resource": None} | {element: patterns}))],
                Request("sqs:SendMessage", resource),
            )


def test_a_wildcard_that_need_not_cross_a_colon_before_the_name_is_not_refused() -> None:
    stream = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/build/app:log-stream:1"
    assert resource_matches(f"arn:aws:logs:*:{ACCOUNT}:log-group:/build/*", stream)
    assert resource_matches("arn:aws:logs:*:*:*", stream)
    assert not resource_matches(f"arn:aws:logs:*:{OTHER}:log-group:/build/*", stream)


# Condition operators: (operator, values, the key's value or None if it is absent, holds)

ARN_PATTERN = f"arn:aws:sns:*:{ACCOUNT}:rel*"
ARN_LOOKALIKE = f"arn:aws:sns:eu-west-1:{OTHER}:x:{ACCOUNT}:releases"
BOTH = ["red", "blue"]


@pytest.mark.parametrize(
    ("operator", "values", "value", "expected"),
    [
        ("StringEquals", "red", "red", True),
        ("StringEquals", "red", "Red", False),
        ("StringEquals", "red", "redder", False),
        ("StringEquals", "r*", "red", False),
        ("StringEquals", "r*", "r*", True),
        ("StringEquals", "r?d", "red", False),
        ("StringEquals", BOTH, "blue", True),
        ("StringEquals", BOTH, "green", False),
        ("StringEquals", "", "", True),
        ("StringEquals", "red", None, False),
        ("StringEquals", "red", [], False),
        ("StringNotEquals", "red", "blue", True),
        ("StringNotEquals", "red", "red", False),
        ("StringNotEquals", "red", "RED", True),
        ("StringNotEquals", BOTH, "blue", False),
        ("StringNotEquals", BOTH, "green", True),
        ("StringNotEquals", "red", None, True),
        ("StringEqualsIgnoreCase", "red", "ReD", True),
        ("StringEqualsIgnoreCase", "r*", "RED", False),
        ("StringEqualsIgnoreCase", "red", None, False),
        ("StringNotEqualsIgnoreCase", "red", "ReD", False),
        ("StringNotEqualsIgnoreCase", "red", "blue", True),
        ("StringNotEqualsIgnoreCase", "red", None, True),
        ("StringLike", "r*", "red", True),
        ("StringLike", "r*", "r", True),
        ("StringLike", "r*", "Red", False),
        ("StringLike", "r?d", "red", True),
        ("StringLike", "r?d", "rd", False),
        ("StringLike", ["b*", "r*"], "red", True),
        ("StringLike", ARN_PATTERN, ARN_LOOKALIKE, True),
        ("StringLike", "*", None, False),
        ("StringNotLike", "r*", "red", False),
        ("StringNotLike", "r*", "blue", True),
        ("StringNotLike", ["b*", "r*"], "red", False),
        ("StringNotLike", "*", None, True),
        ("ArnLike", ARN_PATTERN, TOPIC, True),
        ("ArnLike", ARN_PATTERN, ARN_LOOKALIKE, False),
        ("ArnLike", f"arn:aws:sns:?:{ACCOUNT}:x", f"arn:aws:sns:::{ACCOUNT}:x", False),
        ("ArnLike", "arn:aws:sns:*:*:*", ARN_LOOKALIKE, True),
        ("ArnLike", "arn:aws:sns:*:*:*", "arn:aws:sns:::x", True),
        ("ArnLike", ARN_PATTERN, TOPIC.replace("releases", "Releases"), False),
        ("ArnLike", [QUEUE, TOPIC], TOPIC, True),
        ("ArnLike", ARN_PATTERN, None, False),
        ("ArnEquals", ARN_PATTERN, TOPIC, True),
        ("ArnEquals", ARN_PATTERN, ARN_LOOKALIKE, False),
        ("ArnEquals", TOPIC, None, False),
        ("ArnNotLike", ARN_PATTERN, TOPIC, False),
        ("ArnNotLike", ARN_PATTERN, ARN_LOOKALIKE, True),
        ("ArnNotLike", [QUEUE, TOPIC], TOPIC, False),
        ("ArnNotLike", ARN_PATTERN, None, True),
        ("ArnNotEquals", ARN_PATTERN, TOPIC, False),
        ("ArnNotEquals", TOPIC, QUEUE, True),
        ("ArnNotEquals", TOPIC, None, True),
        ("Bool", "true", "true", True),
        ("Bool", True, "true", True),
        ("Bool", ["false"], "false", True),
        ("Bool", "true", "false", False),
        ("Bool", "false", None, False),
        ("Null", "true", None, True),
        ("Null", "true", [], True),
        ("Null", True, "red", False),
        ("Null", "false", "red", True),
        ("Null", "false", ["red", ""], True),
        ("Null", False, None, False),
        ("Null", "false", [], False),
    ],
)
def test_operator(operator: str, values: object, value: str | list[str] | None, expected: bool) -> None:
    context = {} if value is None else {"aws:PrincipalTag/colour": value}
    assert condition_holds({operator: {"aws:PrincipalTag/colour": values}}, context) is expected
    if operator != "Null":
        assert condition_holds({f"{operator}IfExists": {"aws:principaltag/COLOUR": values}}, context) is (
            expected or not context or value == []
        )


@pytest.mark.parametrize(
    ("operator", "values", "value", "expected"),
    [
        ("ForAllValues:StringEquals", BOTH, ["red"], True),
        ("ForAllValues:StringEquals", BOTH, ["red", "blue", "red"], True),
        ("ForAllValues:StringEquals", BOTH, ["red", "green"], False),
        ("ForAllValues:StringEquals", BOTH, ["red", ""], False),
        ("ForAllValues:StringEquals", BOTH, "red", True),
        ("ForAllValues:StringEquals", BOTH, [], True),
        ("ForAllValues:StringEquals", BOTH, [""], True),
        ("ForAllValues:StringEquals", BOTH, "", True),
        ("ForAllValues:StringEquals", BOTH, None, True),
        ("ForAllValues:StringEqualsIfExists", BOTH, ["green"], False),
        ("ForAllValues:StringEqualsIfExists", BOTH, None, True),
        ("ForAllValues:StringNotEquals", BOTH, ["green", "white"], True),
        ("ForAllValues:StringNotEquals", BOTH, ["green", "blue"], False),
        ("ForAllValues:StringNotEquals", BOTH, None, True),
        ("ForAllValues:StringEqualsIgnoreCase", BOTH, ["RED", "Blue"], True),
        ("ForAllValues:StringLike", ["r*", "b*"], ["red", "blue"], True),
        ("ForAllValues:StringNotLike", ["r*", "b*"], ["green", "blue"], False),
        ("ForAllValues:ArnLike", [ARN_PATTERN], [TOPIC, ARN_LOOKALIKE], False),
        ("ForAllValues:ArnNotEquals", [QUEUE], [TOPIC, ARN_LOOKALIKE], True),
        ("ForAllValues:Bool", "true", ["true", "false"], False),
        ("ForAnyValue:StringEquals", BOTH, ["green", "red"], True),
        ("ForAnyValue:StringEquals", BOTH, ["green", "white"], False),
        ("ForAnyValue:StringEquals", BOTH, [], False),
        ("ForAnyValue:StringEquals", ["", "red"], [""], False),
        ("ForAnyValue:StringEquals", BOTH, None, False),
        ("ForAnyValue:StringNotEquals", BOTH, ["red", "green"], True),
        ("ForAnyValue:StringNotEquals", BOTH, ["red", "blue"], False),
        ("ForAnyValue:StringNotEquals", BOTH, None, False),
        ("ForAnyValue:StringLike", "r*", ["blue", "red"], True),
        ("ForAnyValue:ArnLike", [ARN_PATTERN], [QUEUE, TOPIC], True),
        ("ForAnyValue:Bool", "true", ["true", "false"], True),
    ],
)
def test_set_operator(operator: str, values: object, value: str | list[str] | None, expected: bool) -> None:
    context = {} if value is None else {"aws:TagKeys": value}
    assert condition_holds({operator: {"aws:TagKeys": values}}, context) is expected


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (
            {
                "aws:username": "ann",
                "aws:RequestedRegion": "eu-west-1",
                "aws:SecureTransport": "true",
            },
            True,
        ),
        (
            {
                "aws:username": "bob",
                "aws:RequestedRegion": "eu-west-1",
                "aws:SecureTransport": "true",
            },
            False,
        ),
        (
            {
                "aws:username": "ann",
                "aws:RequestedRegion": "us-east-1",
                "aws:SecureTransport": "true",
            },
            False,
        ),
        (
            {
                "aws:username": "ann",
                "aws:RequestedRegion": "eu-west-1",
                "aws:SecureTransport": "false",
            },
            False,
        ),
        ({"aws:username": "ann"}, False),
    ],
)
def test_operators_and_keys_are_joined_by_and(context: Context, expected: bool) -> None:
    condition = {
        "StringEquals": {"aws:username": ["ann", "eve"], "aws:RequestedRegion": "eu-west-1"},
        "Bool": {"aws:SecureTransport": "true"},
    }
    assert condition_holds(condition, context) is expected


def test_a_request_may_give_its_values_as_a_tuple() -> None:
    request = Request("s3:GetObject", OBJECT, {"aws:TagKeys": ("red", "blue")})
    condition = {"ForAllValues:StringEquals": {"aws:TagKeys": ("red", "blue")}}
    assert is_allowed([policy(allow(Condition=condition))], request)
    assert not is_allowed([policy(allow(Condition=condition | {"Null": {"aws:TagKeys": True}}))], request)


def test_for_all_values_with_null_asks_for_the_key_too() -> None:
    condition = {
        "ForAllValues:StringEquals": {"aws:TagKeys": BOTH},
        "Null": {"aws:TagKeys": "false"},
    }
    assert condition_holds(condition, {"aws:TagKeys": ["red"]})
    assert not condition_holds(condition, {"aws:TagKeys": []})
    assert not condition_holds(condition)


# Policy variables


@pytest.mark.parametrize(
    ("pattern", "resource", "context", "expected"),
    [
        ("arn:aws:s3:::bucket/home/${aws:username}/*", OBJECT, {"aws:username": "ann"}, True),
        ("arn:aws:s3:::bucket/home/${AWS:UserName}/*", OBJECT, {"aws:username": "ann"}, True),
        ("arn:aws:s3:::bucket/home/${aws:username}/*", OBJECT, {"aws:username": "an"}, False),
        ("arn:aws:s3:::bucket/home/${aws:username}/*", OBJECT, {}, False),
        ("arn:aws:s3:::bucket/home/${aws:username}/*", OBJECT, {"aws:username": []}, False),
        ("arn:aws:s3:::*${aws:username}*", OBJECT, {}, False),
        ("arn:aws:s3:::bucket/home/${aws:username, 'ann'}/*", OBJECT, {}, True),
        ("arn:aws:s3:::bucket/home/${aws:username, 'ann'}/*", OBJECT, {"aws:username": "b"}, False),
        (
            "arn:aws:s3:::${aws:PrincipalTag/team}-*",
            "arn:aws:s3:::a.c-1",
            {"aws:PrincipalTag/team": "a.c"},
            True,
        ),
        (
            "arn:aws:s3:::${aws:PrincipalTag/team}-*",
            "arn:aws:s3:::abc-1",
            {"aws:PrincipalTag/team": "a.c"},
            False,
        ),
        ("arn:aws:s3:::bucket/${*}", "arn:aws:s3:::bucket/*", {}, True),
        ("arn:aws:s3:::bucket/${*}", "arn:aws:s3:::bucket/a", {}, False),
        ("arn:aws:s3:::bucket/${?}", "arn:aws:s3:::bucket/?", {}, True),
        ("arn:aws:s3:::bucket/${?}", "arn:aws:s3:::bucket/a", {}, False),
        (
            "arn:aws:s3:::bucket/${$}{aws:username}",
            "arn:aws:s3:::bucket/${aws:username}",
            {"aws:username": "a"},
            True,
        ),
        ("arn:aws:s3:::bucket/$a{b}", "arn:aws:s3:::bucket/$a{b}", {}, True),
        ("arn:aws:sqs:*:*:${aws:username}", "arn:aws:sqs:::a:b", {"aws:username": "a:b"}, True),
    ],
)
def test_variable_in_a_resource(pattern: str, resource: str, context: Context, expected: bool) -> None:
    assert resource_matches(pattern, resource, context) is expected
    excluding = policy(allow(Resource=None, NotResource=pattern))
    assert is_allowed([excluding], Request("s3:GetObject", resource, context)) is not expected


@pytest.mark.parametrize(
    ("operator", "values", "context", "expected"),
    [
        ("StringEquals", "${aws:PrincipalTag/team}", {"aws:PrincipalTag/team": "red"}, True),
        ("StringEquals", "${aws:PrincipalTag/team}", {"aws:PrincipalTag/team": "blue"}, False),
        ("StringEquals", "${aws:PrincipalTag/team}", {}, False),
        ("StringEquals", ["${aws:PrincipalTag/team}", "red"], {}, True),
        ("StringEqualsIfExists", "${aws:PrincipalTag/team}", {}, False),
        (
            "StringEqualsIgnoreCase",
            "${aws:PrincipalTag/team}",
            {"aws:PrincipalTag/team": "RED"},
            True,
        ),
        ("StringLike", "${aws:PrincipalTag/team}*", {"aws:PrincipalTag/team": "r"}, True),
        ("StringLike", "*${aws:PrincipalTag/team}*", {}, False),
        ("StringEquals", "r${*}d", {}, False),
        ("StringNotEquals", "${aws:PrincipalTag/team}", {"aws:PrincipalTag/team": "red"}, False),
        ("StringNotEquals", "${aws:PrincipalTag/team}", {"aws:PrincipalTag/team": "blue"}, True),
        ("StringNotEquals", "${aws:PrincipalTag/team}", {}, True),
        ("StringNotEquals", ["${aws:PrincipalTag/team}", "red"], {}, False),
        ("StringNotLike", "*${aws:PrincipalTag/team}*", {}, True),
    ],
)
def test_variable_in_a_condition(operator: str, values: object, context: Context, expected: bool) -> None:
    given_values = {"s3:ExistingObjectTag/team": "red", **context}
    assert condition_holds({operator: {"s3:ExistingObjectTag/team": values}}, given_values) is expected


@pytest.mark.parametrize(
    ("operator", "source", "account", "expected"),
    [
        ("ArnLike", TOPIC, ACCOUNT, True),
        ("ArnEquals", TOPIC, OTHER, False),
        ("ArnLike", ARN_LOOKALIKE, f"{OTHER}:x:{ACCOUNT}", False),
        ("ArnNotLike", TOPIC, ACCOUNT, False),
    ],
)
def test_variable_in_an_arn_condition_stays_in_its_segment(
    operator: str, source: str, account: str, expected: bool
) -> None:
    condition = {operator: {"aws:SourceArn": "arn:aws:sns:*:${aws:PrincipalAccount}:releases"}}
    context = {"aws:SourceArn": source, "aws:PrincipalAccount": account}
    assert condition_holds(condition, context) is expected


# Trust policies


def trust(principal: object, **elements: object) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"} | elements
    return policy(statement)


@pytest.mark.parametrize(
    ("named", "principal", "expected"),
    [
        ({"Service": "codebuild.amazonaws.com"}, "codebuild.amazonaws.com", True),
        ({"Service": "codebuild.amazonaws.com"}, "codepipeline.amazonaws.com", False),
        ({"Service": "codebuild.amazonaws.com"}, "xcodebuild.amazonaws.com", False),
        ({"Service": "codebuild.amazonaws.com"}, ROLE, False),
        ({"Service": ["ecs.amazonaws.com", "events.amazonaws.com"]}, "events.amazonaws.com", True),
        ({"Service": ["ecs.amazonaws.com", "events.amazonaws.com"]}, "ec2.amazonaws.com", False),
        ({"Service": "ecs.amazonaws.com", "AWS": ROLE}, ROLE, True),
        ({"Service": "ecs.amazonaws.com", "AWS": ROLE}, "ecs.amazonaws.com", True),
        ({"Service": "ec2.amazonaws.com.cn"}, "ec2.amazonaws.com.cn", True),
        ({"AWS": ROLE}, ROLE, True),
        ({"AWS": ROLE}, ROLE.replace("deploy", "Deploy"), False),
        ({"AWS": ROLE}, f"arn:aws:iam::{ACCOUNT}:root", False),
        ({"AWS": ROLE}, ROLE.replace(ACCOUNT, OTHER), False),
        ({"AWS": ACCOUNT}, ROLE, True),
        ({"AWS": [OTHER, ACCOUNT]}, ROLE, True),
        ({"AWS": ACCOUNT}, ROLE.replace(ACCOUNT, OTHER), False),
        ({"AWS": ACCOUNT}, "codebuild.amazonaws.com", False),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, ROLE, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, f"arn:aws:iam::{ACCOUNT}:user/ann", True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, ROLE.replace("arn:aws:", "arn:aws-cn:"), False),
        ({"AWS": f"arn:aws:iam::{OTHER}:root"}, ROLE, False),
        ({"AWS": "*"}, ROLE, True),
    ],
)
def test_principal(named: object, principal: str, expected: bool) -> None:
    request = Request("sts:AssumeRole", ROLE, principal=principal)
    assert may_assume(trust(named), request) is expected
    denied = trust(named)["Statement"] + trust(named, Effect="Deny")["Statement"]
    assert not may_assume(policy(*denied), request)


@pytest.mark.parametrize(
    ("elements", "context", "expected"),
    [
        ({}, {}, True),
        ({"Action": ["sts:TagSession", "STS:assume*"]}, {}, True),
        ({"Action": "sts:TagSession"}, {}, False),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}, {}, False),
        (
            {"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}},
            {"aws:SourceAccount": ACCOUNT},
            True,
        ),
        (
            {"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}},
            {"aws:SourceAccount": OTHER},
            False,
        ),
        (
            {"Condition": {"ArnLike": {"aws:SourceArn": ARN_PATTERN}}},
            {"aws:SourceArn": TOPIC},
            True,
        ),
        (
            {"Condition": {"ArnLike": {"aws:SourceArn": ARN_PATTERN}}},
            {"aws:SourceArn": ARN_LOOKALIKE},
            False,
        ),
    ],
)
def test_trust_depends_on_action_and_condition(elements: dict[str, object], context: Context, expected: bool) -> None:
    request = Request("sts:AssumeRole", ROLE, context, "codebuild.amazonaws.com")
    assert may_assume(trust({"Service": "codebuild.amazonaws.com"}, **elements), request) is expected


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (trust("*"), PolicyError),
        (trust(None), PolicyError),
        (trust({}), PolicyError),
        (trust({"Federated": "accounts.google.com"}), UnknownElement),
        (trust({"CanonicalUser": "79a59df900b949e5"}), UnknownElement),
        (trust({"Service": "*"}), PolicyError),
        (trust({"Service": "codebuild"}), PolicyError),
        (trust({"Service": ROLE}), PolicyError),
        (trust({"Service": []}), PolicyError),
        (trust({"Service": {"Fn::Sub": "codebuild.${AWS::URLSuffix}"}}), UnresolvedIntrinsic),
        (trust({"AWS": "codebuild.amazonaws.com"}), PolicyError),
        (trust({"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"}), PolicyError),
        (trust({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/session"}), PolicyError),
        (trust({"AWS": "AROA1234567890EXAMPLE"}), PolicyError),
        (trust({"AWS": "11112222333"}), PolicyError),
        (trust({"Service": "ec2.amazonaws.com"}, Resource="*"), UnknownElement),
        (trust({"Service": "ec2.amazonaws.com"}, NotPrincipal={"AWS": "*"}), UnknownElement),
        (policy({"Effect": "Allow", "Action": "sts:AssumeRole"}), PolicyError),
        (policy(allow()), UnknownElement),
    ],
)
def test_a_trust_policy_that_raises(document: Policy, error: type[PolicyError]) -> None:
    with pytest.raises(error):
        may_assume(document, Request("sts:AssumeRole", ROLE, principal=ROLE))


@pytest.mark.parametrize(
    "principal",
    [
        None,
        "",
        "codebuild",
        ACCOUNT,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/session",
        f"{ROLE}*",
    ],
)
def test_whoever_assumes_a_role_is_a_service_a_role_or_a_user(principal: str | None) -> None:
    with pytest.raises(PolicyError, match="neither a service nor a user"):
        may_assume(trust({"AWS": ACCOUNT}), Request("sts:AssumeRole", ROLE, principal=principal))


def test_a_trust_policy_says_nothing_of_other_actions() -> None:
    with pytest.raises(PolicyError, match="sts:GetCallerIdentity"):
        may_assume(trust({"AWS": ACCOUNT}), Request("sts:GetCallerIdentity", ROLE, principal=ROLE))


def test_whether_everyone_in_aws_includes_its_services_is_not_documented() -> None:
    with pytest.raises(Undocumented):
        may_assume(trust({"AWS": "*"}), Request("sts:AssumeRole", ROLE, principal="ec2.amazonaws.com"))


# What raises


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (policy(allow(), version="2008-10-17"), PolicyError),
        (policy(allow(), version=None), PolicyError),
        ({"Statement": [allow()]}, PolicyError),
        ({"Version": "2012-10-17"}, PolicyError),
        (policy(), PolicyError),
        (policy("Allow"), PolicyError),
        (policy({}), PolicyError),
        ({}, PolicyError),
        (policy(allow()) | {"Id": "x"}, UnknownElement),
        (policy(allow(Principal={"AWS": "*"})), UnknownElement),
        (policy(allow(NotPrincipal={"AWS": "*"})), UnknownElement),
        (policy(allow(Resources="*")), UnknownElement),
        (policy(allow(action="*")), UnknownElement),
        (policy({"Fn::If": ["Prod", allow(), deny()]}), UnknownElement),
        (policy(allow(**{"": "*"})), UnknownElement),
        (policy({5: "x"} | allow()), PolicyError),
        (policy(allow(Sid=1)), PolicyError),
        (policy(allow(Effect="allow")), PolicyError),
        (policy(allow(Effect=None)), PolicyError),
        (policy(allow(Effect={"Ref": "Effect"})), PolicyError),
        (policy(allow(Action=None)), PolicyError),
        (policy(allow(NotAction="s3:*")), PolicyError),
        (policy(allow(Action=[])), PolicyError),
        (policy(allow(Action=7)), PolicyError),
        (policy(allow(Action={"Ref": "Action"})), UnresolvedIntrinsic),
        (policy(allow(Action="s3")), PolicyError),
        (policy(allow(Action="s3*:GetObject")), PolicyError),
        (policy(allow(Action="*:*")), PolicyError),
        (policy(allow(Action="s3:${aws:username}")), PolicyError),
        (policy(allow(Action=" s3:GetObject")), PolicyError),
        (policy(allow(Resource=None)), PolicyError),
        (policy(allow(NotResource="*")), PolicyError),
        (policy(allow(Resource=[])), PolicyError),
        (policy(allow(Resource="")), PolicyError),
        (policy(allow(Resource="bucket/*")), PolicyError),
        (policy(allow(Resource="**")), PolicyError),
        (policy(allow(Resource="ARN:aws:s3:::bucket")), PolicyError),
        (policy(allow(Resource="*:aws:s3:::bucket")), PolicyError),
        (policy(allow(Resource="arn:aws:s3:*")), PolicyError),
        (policy(allow(Resource="arn:aws:s3::bucket")), PolicyError),
        (policy(allow(Resource="arn:aws:s3:::")), PolicyError),
        (policy(allow(Resource="arn::s3:::bucket")), PolicyError),
        (policy(allow(Resource="arn:aws::::bucket")), PolicyError),
        (policy(allow(Resource="arn:aws:*:::bucket")), PolicyError),
        (policy(allow(Resource="arn:aws:s?:::bucket")), PolicyError),
        (policy(allow(Resource="arn:aws:s3::${aws:PrincipalAccount}:bucket")), PolicyError),
        (policy(allow(Resource="arn:${AWS::Partition}:s3:::bucket")), PolicyError),
        (policy(allow(Resource="arn:aws:s3:::${AWS::AccountId}-bucket")), PolicyError),
        (policy(allow(Resource="arn:aws:s3:::${Bucket}")), PolicyError),
        (policy(allow(Resource="arn:aws:s3:::${!aws:username}")), PolicyError),
        (policy(allow(Resource="arn:aws:s3:::${aws:username")), PolicyError),
        (policy(allow(Resource="arn:aws:s3:::${aws: username}")), PolicyError),
        (policy(allow(Resource="arn:aws:s3:::${aws:username,'x'}")), PolicyError),
        (policy(allow(Resource="arn:aws:s3:::${}")), PolicyError),
        (policy(allow(Resource={"Fn::GetAtt": ["Bucket", "Arn"]})), UnresolvedIntrinsic),
        (policy(allow(Resource=[OBJECT, {"Fn::Sub": "${Bucket.Arn}/*"}])), UnresolvedIntrinsic),
        (policy(allow(Resource=None, NotResource=[OBJECT, "bucket"])), PolicyError),
    ],
)
def test_a_policy_that_raises(document: Policy, error: type[PolicyError]) -> None:
    with pytest.raises(error):
        is_allowed([policy(allow()), document], Request("s3:GetObject", OBJECT))


UNKNOWN_OPERATORS = [
    "NumericEquals",
    "NumericLessThanIfExists",
    "DateEquals",
    "DateGreaterThan",
    "IpAddress",
    "NotIpAddress",
    "ForAnyValue:IpAddress",
    "BinaryEquals",
    "NullIfExists",
    "ForAnyValue:Null",
    "ForAllValues:Null",
    "ForSomeValues:StringEquals",
    "ForAllValues:ForAnyValue:StringEquals",
    "ForAllValues:",
    "IfExists",
    "StringEqualsIfExistsIfExists",
    "StringLikeIgnoreCase",
    "StringNotNotEquals",
    "NotStringEquals",
    "BoolNot",
    "NotBool",
    "stringequals",
    "StringEquals ",
    "",
    "Ref",
    "Fn::If",
]


@pytest.mark.parametrize(
    ("condition", "error"),
    [
        *[({operator: {"aws:key": "1"}}, UnknownOperator) for operator in UNKNOWN_OPERATORS],
        ({"ForAnyValue:StringEqualsIfExists": {"aws:key": "1"}}, Undocumented),
        ({}, PolicyError),
        (None, PolicyError),
        ([], PolicyError),
        ({"StringEquals": {}}, PolicyError),
        ({"StringEquals": "aws:key"}, PolicyError),
        ({"StringEquals": {"aws:key": []}}, PolicyError),
        ({"StringEquals": {"aws:key": 111122223333}}, PolicyError),
        ({"StringEquals": {"aws:key": True}}, PolicyError),
        ({"StringEquals": {"aws:key": None}}, PolicyError),
        ({"StringEquals": {"aws:key": {"Ref": "AWS::AccountId"}}}, UnresolvedIntrinsic),
        ({"StringEquals": {"aws:key": ["x", {"Ref": "Name"}]}}, UnresolvedIntrinsic),
        ({"StringEquals": {"Fn::If": ["Prod", "x", "y"]}}, PolicyError),
        ({"StringEquals": {"Ref": "Tests"}}, PolicyError),
        ({"StringEquals": {"key": "x"}}, PolicyError),
        ({"StringEquals": {"aws:": "x"}}, PolicyError),
        ({"StringEquals": {"${aws:username}": "x"}}, PolicyError),
        ({"StringEquals": {"aws:key": "${AWS::AccountId}"}}, PolicyError),
        ({"StringLike": {"aws:key": "${name}"}}, PolicyError),
        ({"ArnLike": {"aws:key": "*"}}, PolicyError),
        ({"ArnLike": {"aws:key": "arn:aws:sns:*"}}, PolicyError),
        ({"ArnEquals": {"aws:key": [TOPIC, ACCOUNT]}}, PolicyError),
        ({"Bool": {"aws:key": "yes"}}, PolicyError),
        ({"Bool": {"aws:key": "True"}}, PolicyError),
        ({"Bool": {"aws:key": ["true", "false"]}}, PolicyError),
        ({"Bool": {"aws:key": "${aws:SecureTransport}"}}, PolicyError),
        ({"Null": {"aws:key": "maybe"}}, PolicyError),
        ({"Null": {"aws:key": ["true", "true"]}}, PolicyError),
    ],
)
def test_a_condition_that_raises_whatever_the_request(condition: object, error: type[PolicyError]) -> None:
    # Neither the action nor the condition before it would let the statement apply.
    statement = allow(Action="ec2:StartInstances") | {"Condition": condition}
    with pytest.raises(error):
        is_allowed([policy(allow(), statement)], Request("s3:GetObject", OBJECT))


@pytest.mark.parametrize(
    ("condition", "context", "error"),
    [
        ({"StringEquals": {"aws:TagKeys": "red"}}, {"aws:TagKeys": ["red"]}, PolicyError),
        ({"ArnNotLikeIfExists": {"aws:key": TOPIC}}, {"aws:key": [TOPIC, QUEUE]}, PolicyError),
        ({"Bool": {"aws:key": "true"}}, {"aws:key": "yes"}, PolicyError),
        (
            {"StringEquals": {"aws:key": "${aws:TagKeys}"}},
            {"aws:key": "x", "aws:TagKeys": ["x"]},
            PolicyError,
        ),
        (
            {"StringLike": {"aws:key": "${aws:userid}"}},
            {"aws:key": "x", "aws:userid": "*"},
            Undocumented,
        ),
        (
            {"StringEquals": {"aws:key": "${aws:userid}"}},
            {"aws:key": "x", "aws:userid": "?"},
            Undocumented,
        ),
        (
            {"StringEquals": {"aws:key": "${aws:userid}"}},
            {"aws:key": "x", "aws:userid": "${aws:key}"},
            Undocumented,
        ),
        (
            {"StringEquals": {"aws:key": "x${aws:userid}"}},
            {"aws:key": "x", "aws:userid": ""},
            Undocumented,
        ),
        ({"StringLike": {"aws:key": "${aws:userid, '*'}"}}, {"aws:key": "x"}, Undocumented),
        ({"ArnLike": {"aws:key": TOPIC}}, {"aws:key": "releases"}, Undocumented),
        ({"ArnNotLike": {"aws:key": TOPIC}}, {"aws:key": "urn:a:b:c:d:e"}, Undocumented),
        ({"Null": {"aws:key": "true"}}, {"aws:key": ""}, Undocumented),
        ({"Null": {"aws:key": "false"}}, {"aws:key": ["", ""]}, Undocumented),
    ],
)
def test_a_condition_that_raises_for_a_request(
    condition: Mapping[str, object], context: Context, error: type[PolicyError]
) -> None:
    false = {"StringEqualsIgnoreCase": {"aws:absent": "x"}}
    for block in (condition, {**false, **condition}, {**condition, **false}):
        with pytest.raises(error):
            condition_holds(block, context)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Request("s3:Get*", OBJECT),
        lambda: Request("s3", OBJECT),
        lambda: Request("*", OBJECT),
        lambda: Request("s3:GetObject\n", OBJECT),
        lambda: Request("s3:GetObject", "bucket/key"),
        lambda: Request("s3:GetObject", ""),
        lambda: Request("s3:GetObject", "arn:aws:s3"),
        lambda: Request("s3:GetObject", "arn:aws:s3:::"),
        lambda: Request("s3:GetObject", OBJECT, {"aws:key": "a", "AWS:Key": "b"}),
        lambda: Request("s3:GetObject", OBJECT, {"aws:key": None}),  # type: ignore[dict-item]
        lambda: Request("s3:GetObject", OBJECT, {"aws:key": True}),  # type: ignore[dict-item]
        lambda: Request("s3:GetObject", OBJECT, {"aws:key": ["a", 1]}),  # type: ignore[list-item]
        lambda: Request("s3:GetObject", OBJECT, {"aws:key": {"Ref": "a"}}),  # type: ignore[dict-item]
    ],
)
def test_a_request_that_raises(make: Callable[[], Request]) -> None:
    with pytest.raises(PolicyError):
        make()


# Properties. Names are short and of few letters, so that patterns often match.

# A busy machine may stall any example for longer than Hypothesis would allow by default.
UNHURRIED = settings(deadline=None)

WORDS = st.text("ab", max_size=3)
PATTERNS = st.text("ab*?", max_size=4)
SERVICES = st.sampled_from(["s3", "sqs"])


def arns(words: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("arn:aws:{}:{}:{}:x{}".format, SERVICES, words, words, words)


def texts(values: st.SearchStrategy[str]) -> st.SearchStrategy[str | list[str]]:
    return values | st.lists(values, min_size=1, max_size=3)


def either(name: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from([name, f"Not{name}"]), texts(values), min_size=1, max_size=1)


KEYS = st.sampled_from(["aws:one", "aws:two"])
OPERATORS = st.sampled_from(["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"])
CONDITIONS = st.dictionaries(
    st.builds("{}{}".format, OPERATORS, st.sampled_from(["", "IfExists"])),
    st.dictionaries(KEYS, texts(PATTERNS), min_size=1),
    min_size=1,
    max_size=2,
).map(lambda block: {"Condition": block})
ACTIONS = st.builds("{}:A{}".format, SERVICES, PATTERNS) | st.just("*")
STATEMENTS = st.builds(
    lambda effect, *parts: {"Effect": effect} | {k: v for part in parts for k, v in part.items()},
    st.sampled_from(["Allow", "Deny"]),
    either("Action", ACTIONS),
    either("Resource", arns(PATTERNS) | st.just("*")),
    st.just({}) | CONDITIONS,
)
POLICIES = st.lists(STATEMENTS, min_size=1, max_size=3).map(lambda found: policy(*found))
REQUESTS = st.builds(
    Request,
    st.builds("{}:A{}".format, SERVICES, WORDS),
    arns(WORDS),
    st.dictionaries(KEYS, WORDS),
)


@UNHURRIED
@given(st.lists(POLICIES, max_size=2), STATEMENTS, REQUESTS, st.integers(0, 2))
def test_adding_a_deny_never_allows_more(
    policies: list[Policy], statement: Policy, request: Request, place: int
) -> None:
    denying = policy({**statement, "Effect": "Deny"})
    after = is_allowed([*policies[:place], denying, *policies[place:]], request)
    assert not after or is_allowed(policies, request)
    assert not (after and is_allowed([policy({**statement, "Effect": "Allow"})], request))


@UNHURRIED
@given(st.lists(POLICIES, max_size=2), STATEMENTS, REQUESTS)
def test_adding_an_allow_never_allows_less(policies: list[Policy], statement: Policy, request: Request) -> None:
    allowing = policy({**statement, "Effect": "Allow"})
    assert is_allowed([*policies, allowing], request) or not is_allowed(policies, request)


@UNHURRIED
@given(st.lists(POLICIES, max_size=2), STATEMENTS, REQUESTS, st.data())
def test_widening_an_allow_never_allows_less(
    policies: list[Policy], statement: Policy, request: Request, data: st.DataObject
) -> None:
    narrow = {**statement, "Effect": "Allow"}
    name = data.draw(st.sampled_from(sorted(narrow.keys() - {"Effect"})))
    wide = {key: value for key, value in narrow.items() if key != name}
    if name != "Condition":
        wide[name.removeprefix("Not")] = "*"
    before = is_allowed([*policies, policy(narrow)], request)
    assert is_allowed([*policies, policy(wide)], request) or not before


@UNHURRIED
@given(POLICIES, POLICIES, REQUESTS)
def test_neither_the_order_nor_the_grouping_of_statements_matters(one: Policy, two: Policy, request: Request) -> None:
    merged = policy(*reversed([*one["Statement"], *two["Statement"]]))
    expected = is_allowed([one, two], request)
    assert is_allowed([two, one], request) == expected == is_allowed([merged], request)


PLAIN = st.text(st.characters(exclude_characters="*?$", codec="utf-8"), min_size=1, max_size=8)


@UNHURRIED
@given(PLAIN, PLAIN)
def test_a_pattern_without_wildcards_matches_itself_only(one: str, two: str) -> None:
    first, second = f"arn:aws:s3:::{one}", f"arn:aws:s3:::{two}"
    assert resource_matches(first, first)
    assert resource_matches(first, second) == (first == second)
    assert condition_holds({"StringLike": {"aws:key": one}}, {"aws:key": two}) == (one == two)


@UNHURRIED
@given(st.text("a*?$:/", min_size=1, max_size=8), st.text("a*?$:/", min_size=1, max_size=8))
def test_an_escaped_text_matches_itself_only(one: str, two: str) -> None:
    escaped = "".join(f"${{{c}}}" if c in "*?$" else c for c in one)
    assert resource_matches(f"arn:aws:s3:::{escaped}", f"arn:aws:s3:::{one}")
    assert condition_holds({"StringLike": {"aws:key": escaped}}, {"aws:key": two}) == (one == two)


def glob(pattern: str, text: str) -> bool:
    """The plain definition of the wildcards, one character at a time."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return glob(pattern[1:], text) or (text != "" and glob(pattern, text[1:]))
    return text != "" and pattern[0] in ("?", text[0]) and glob(pattern[1:], text[1:])


@UNHURRIED
@given(st.text("ab:*?", max_size=6), st.text("abA:", max_size=6))
def test_wildcards_agree_with_their_definition(pattern: str, text: str) -> None:
    assert condition_holds({"StringLike": {"aws:key": pattern}}, {"aws:key": text}) == glob(pattern, text)


ARN_TAILS = st.lists(st.text("a*?", max_size=2), min_size=5, max_size=7).map(":".join)
ARN_TEXTS = st.lists(st.text("a", max_size=2), min_size=5, max_size=7).map(":".join)


@UNHURRIED
@given(ARN_TAILS, ARN_TEXTS)
def test_an_arn_operator_never_matches_what_its_segments_do_not(pattern: str, text: str) -> None:
    pairs = zip(pattern.split(":", 4), text.split(":", 4), strict=True)
    expected = all(glob(*pair) for pair in pairs)
    context = {"aws:SourceArn": f"arn:{text}"}
    assert condition_holds({"ArnLike": {"aws:SourceArn": f"arn:{pattern}"}}, context) == expected
    assert condition_holds({"ArnNotEquals": {"aws:SourceArn": f"arn:{pattern}"}}, context) != expected
    # Text can only match more: the segments of an ARN and their colons are text as well.
    assert not expected or condition_holds({"StringLike": {"aws:SourceArn": f"arn:{pattern}"}}, context)


@UNHURRIED
@given(ARN_TAILS, ARN_TEXTS)
def test_a_resource_matches_both_by_text_and_by_segment_or_is_refused(pattern: str, text: str) -> None:
    pattern, resource = f"arn:aws:s3:{pattern}", f"arn:aws:s3:{text}"
    by_segment = all(map(glob, pattern.split(":", 5), resource.split(":", 5)))
    if by_segment == glob(pattern, resource):
        assert resource_matches(pattern, resource) == by_segment
    else:
        with pytest.raises(Undocumented):
            resource_matches(pattern, resource)


@UNHURRIED
@given(OPERATORS, texts(PATTERNS), st.none() | WORDS | st.lists(WORDS, max_size=3))
def test_operators_are_related_as_their_names_say(operator: str, values: object, value: str | list[str] | None) -> None:
    context = {} if value is None else {"aws:key": value}
    opposite = operator.replace("Not", "") if "Not" in operator else operator.replace("String", "StringNot")

    def holds(name: str) -> bool:
        return condition_holds({name: {"aws:key": values}}, context)

    assert holds(f"ForAllValues:{operator}") != holds(f"ForAnyValue:{opposite}")
    if not isinstance(value, list):
        assert holds(operator) != holds(opposite)
        assert holds(f"{operator}IfExists") == (holds(operator) or value is None)


@UNHURRIED
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.sampled_from(["*", "Allow", "aws:key", "${", OBJECT]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["Effect", "Action", "Resource", "Condition", "StringEquals", "aws:key", "Ref"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_nonsense_raises_a_policy_error(statement: object) -> None:
    sound = isinstance(statement, dict) and statement.keys() >= {"Effect", "Action", "Resource"}
    try:
        is_allowed([policy(statement)], Request("s3:GetObject", OBJECT))
    except PolicyError:
        return
    assert sound
