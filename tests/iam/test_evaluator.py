"""The policy evaluator: each rule in a table, what it leaves undecided, and what must hold for any policy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_cd_templates.iam.evaluator import Policy, PolicyError, Request, is_allowed, may_assume, may_use_key

ACCOUNT = "111122223333"
OTHER = "444455556666"
OBJECT = "arn:aws:s3:::bucket/home/ann/notes.txt"
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:jobs"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:releases"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/deploy"
BUILD = "codebuild.amazonaws.com"
ARN_OPERATORS = ("ArnLike", "ArnEquals")
UNDECIDED = "is not something this evaluator decides"
Context = Mapping[str, str]


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


def resource_matches(pattern: object, resource: str) -> bool:
    return is_allowed([policy(allow(Resource=pattern))], Request("s3:GetObject", resource))


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
        ([policy(allow(), deny(Condition={"StringEquals": {"aws:key": "x"}}))], True),
    ],
)
def test_a_deny_beats_every_allow_and_nothing_is_allowed_by_default(policies: list[Policy], expected: bool) -> None:
    assert is_allowed(policies, Request("s3:GetObject", OBJECT)) is expected


# Actions


@pytest.mark.parametrize(
    ("pattern", "matched", "others"),
    [
        ("*", ["s3:GetObject", "S3:GetObject"], []),
        ("s3:*", ["s3:GetObject", "S3:GETOBJECT"], ["s3express:CreateSession", "sqs:SendMessage"]),
        ("s3:GetObject", ["s3:GetObject", "S3:GETOBJECT"], ["s3:GetObjectVersion", "s3:GetObjec", "sqs:GetObject"]),
        ("S3:getobject", ["s3:GetObject"], ["s3:PutObject"]),
        ("s3:Get*", ["s3:GetObjectVersion", "s3:Get"], ["s3:PutObject"]),
        ("s3:get*version", ["s3:GetObjectVersion"], ["s3:GetObjectVersionAcl"]),
        ("s3:GetObject?", ["s3:GetObjects"], ["s3:GetObject", "s3:GetObjectAcl"]),
        ("s3:Object", [], ["s3:GetObject"]),
        (["sqs:*", "s3:GetObject"], ["s3:GetObject", "sqs:GetObject"], ["s3:PutObject"]),
    ],
)
def test_action(pattern: object, matched: list[str], others: list[str]) -> None:
    for action in matched + others:
        request = Request(action, OBJECT)
        assert is_allowed([policy(allow(Action=pattern))], request) is (action in matched)
        assert is_allowed([policy(allow(Action=None, NotAction=pattern))], request) is (action in others)


def test_a_deny_with_not_action_leaves_only_what_it_lists() -> None:
    policies = [policy(allow(), deny(Action=None, NotAction="s3:Get*"))]
    assert is_allowed(policies, Request("s3:GetObject", OBJECT))
    assert not is_allowed(policies, Request("s3:PutObject", OBJECT))


# Resources


BUCKET = "arn:aws:s3:::bucket"


@pytest.mark.parametrize(
    ("pattern", "matched", "others"),
    [
        ("*", [OBJECT, "*"], []),
        ("arn:aws:s3:::*", [OBJECT], ["*", QUEUE]),
        (OBJECT, [OBJECT], [OBJECT.upper().replace("ARN:AWS:S3", "arn:aws:s3"), f"{OBJECT}~", "*"]),
        (BUCKET, [BUCKET], [OBJECT]),
        (f"{BUCKET}/*", [OBJECT, f"{BUCKET}/", f"{BUCKET}/a:b\nc"], [BUCKET, f"{BUCKET}2/a"]),
        (f"{BUCKET}/*/test/*", [f"{BUCKET}/1/2/test/3/object.jpg", f"{BUCKET}//test/"], []),
        (f"{BUCKET}/*/test/*", [], [f"{BUCKET}/1-test/object.jpg", f"{BUCKET}/test/object.jpg"]),
        (f"{BUCKET}/?.txt", [f"{BUCKET}/a.txt"], [f"{BUCKET}/.txt", f"{BUCKET}/ab.txt", f"{BUCKET}/a_txt"]),
        (f"{BUCKET}/[ab].txt", [f"{BUCKET}/[ab].txt"], [f"{BUCKET}/a.txt"]),
        (f"{BUCKET}/a+.txt", [f"{BUCKET}/a+.txt"], [f"{BUCKET}/aa.txt"]),
        (f"{BUCKET}/$a{{b}}", [f"{BUCKET}/$a{{b}}"], [BUCKET]),
        ("arn:aws:s3:*:*:bucket", [BUCKET], [OBJECT]),
        ("arn:*:sqs:*:*:jobs", [QUEUE], [TOPIC]),
        ("arn:aws:sqs:eu-*-1:*:*", [QUEUE], [TOPIC]),
        ("arn:aws:sqs:eu-west-?:*:jobs", [QUEUE], [QUEUE.replace("-1", "-10")]),
        (f"arn:aws:sqs:*:{OTHER}:*", [], [QUEUE]),
        ("arn:aws-cn:sqs:*:*:*", [], [QUEUE]),
        (["arn:aws:s3:::other", "arn:aws:s3:::buck*"], [OBJECT, "arn:aws:s3:::other"], ["arn:aws:s3:::another"]),
    ],
)
def test_resource(pattern: object, matched: list[str], others: list[str]) -> None:
    for resource in matched + others:
        request = Request("s3:GetObject", resource)
        assert is_allowed([policy(allow(Resource=pattern))], request) is (resource in matched)
        assert is_allowed([policy(allow(Resource=None, NotResource=pattern))], request) is (resource in others)


def test_a_deny_with_not_resource_leaves_only_what_it_lists() -> None:
    policies = [policy(allow(), deny(Resource=None, NotResource=QUEUE))]
    assert is_allowed(policies, Request("sqs:SendMessage", QUEUE))
    assert not is_allowed(policies, Request("sqs:SendMessage", TOPIC))
    assert not is_allowed(policies, Request("sqs:ListQueues", "*"))


# The name of a log group or a queue is its owner's choice, and may look like the end of an ARN.
DISGUISED = f"arn:aws:sqs:eu-west-1:{OTHER}:x:{ACCOUNT}:jobs"


@pytest.mark.parametrize(
    ("pattern", "resource"),
    [
        (f"arn:aws:sqs:*:{ACCOUNT}:jobs", DISGUISED),
        ("arn:aws:sqs:eu-west-1:*:jobs", DISGUISED),
        (f"arn:*:{ACCOUNT}:*:*:jobs", f"arn:aws:s3:::{ACCOUNT}:::jobs"),
    ],
)
@pytest.mark.parametrize("element", ["Resource", "NotResource"])
def test_a_wildcard_that_would_have_to_cross_a_colon_is_refused(pattern: str, resource: str, element: str) -> None:
    for patterns in ([pattern, "*"], ["*", pattern]):
        document = policy(allow(**{"Resource": None} | {element: patterns}))
        with pytest.raises(PolicyError, match=f"crosses a colon .* {UNDECIDED}"):
            is_allowed([document], Request("sqs:SendMessage", resource))


def test_a_wildcard_that_need_not_cross_a_colon_before_the_name_is_not_refused() -> None:
    stream = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/build/app:log-stream:1"
    assert resource_matches(f"arn:aws:logs:*:{ACCOUNT}:log-group:/build/*", stream)
    assert resource_matches("arn:aws:logs:*:*:*", stream)
    assert not resource_matches(f"arn:aws:logs:*:{OTHER}:log-group:/build/*", stream)


# Condition operators

ARN_PATTERN = f"arn:aws:sns:*:{ACCOUNT}:rel*"
ARN_LOOKALIKE = f"arn:aws:sns:eu-west-1:{OTHER}:x:{ACCOUNT}:releases"
ONE_LETTER = f"arn:aws:sns:?:{ACCOUNT}:x"


@pytest.mark.parametrize("end", ["", "IfExists"])
@pytest.mark.parametrize(
    ("operator", "values", "matched", "others"),
    [
        ("StringEquals", "red", ["red"], ["Red", "redder", "re", "", "blue"]),
        ("StringEquals", "r*", ["r*"], ["red", "r"]),
        ("StringEquals", "r?d", ["r?d"], ["red"]),
        ("StringEquals", ["red", "blue"], ["red", "blue"], ["green"]),
        ("StringEquals", "", [""], ["red"]),
        *((name, ARN_PATTERN, [TOPIC], [ARN_LOOKALIKE, TOPIC.replace("rel", "Rel"), QUEUE]) for name in ARN_OPERATORS),
        *((name, ONE_LETTER, [ONE_LETTER], [f"arn:aws:sns:::{ACCOUNT}:x"]) for name in ARN_OPERATORS),
        *((name, "arn:aws:sns:*:*:*", [ARN_LOOKALIKE, "arn:aws:sns:::x"], [QUEUE]) for name in ARN_OPERATORS),
        *((name, [QUEUE, TOPIC], [QUEUE, TOPIC], [ROLE]) for name in ARN_OPERATORS),
    ],
)
def test_operator(operator: str, values: object, matched: list[str], others: list[str], end: str) -> None:
    holds = {f"{operator}{end}": {"aws:PrincipalTag/colour": values}}
    fails = {re.sub("^(String|Arn)", r"\1Not", f"{operator}{end}"): {"aws:principaltag/COLOUR": values}}
    for value in matched + others:
        context = {"aws:PrincipalTag/Colour": value}
        assert condition_holds(holds, context) is (value in matched)
        assert condition_holds(fails, context) is (value in others)
    # Without the key, only a negated operator holds, or one that ends in IfExists.
    assert condition_holds(holds) is (end == "IfExists")
    assert condition_holds(fails)


@pytest.mark.parametrize(
    ("user", "region", "source", "expected"),
    [
        ("ann", "eu-west-1", TOPIC, True),
        ("eve", "eu-west-1", TOPIC, True),
        ("bob", "eu-west-1", TOPIC, False),
        ("ann", "us-east-1", TOPIC, False),
        ("ann", "eu-west-1", QUEUE, False),
    ],
)
def test_operators_and_keys_are_joined_by_and(user: str, region: str, source: str, expected: bool) -> None:
    condition = {
        "StringEquals": {"aws:username": ["ann", "eve"], "aws:RequestedRegion": "eu-west-1"},
        "ArnLike": {"aws:SourceArn": TOPIC},
    }
    context = {"aws:username": user, "aws:RequestedRegion": region, "aws:SourceArn": source}
    assert condition_holds(condition, context) is expected
    assert not condition_holds(condition, {"aws:username": user})


@pytest.mark.parametrize("value", ["red", "", "true", "false"])
def test_null_asks_whether_the_key_is_absent(value: str) -> None:
    for text, absent in (("true", True), ("false", False), (["false"], False)):
        assert condition_holds({"Null": {"aws:KEY": text}}) is absent
        assert condition_holds({"Null": {"aws:KEY": text}}, {"aws:key": value}) is not absent
        assert condition_holds({"Null": {"aws:KEY": text}}, {"aws:other": value}) is absent


@pytest.mark.parametrize(
    ("context", "expected"),
    [({"aws:key": "red"}, True), ({"aws:key": "blue"}, False), ({}, False), ({"aws:other": "red"}, False)],
)
def test_if_exists_with_null_asks_that_the_key_is_there_and_matches(context: Context, expected: bool) -> None:
    condition = {"StringEqualsIfExists": {"aws:key": "red"}, "Null": {"aws:key": "false"}}
    assert condition_holds(condition, context) is expected
    denied = not is_allowed([policy(allow(), deny(Condition=condition))], Request("s3:GetObject", OBJECT, context))
    assert denied is expected


# Trust policies


def trust(principal: object, **elements: object) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"} | elements
    return policy(statement)


@pytest.mark.parametrize(
    ("named", "trusted", "others"),
    [
        (BUILD, [BUILD], ["codepipeline.amazonaws.com", f"x{BUILD}", f"{BUILD}.cn"]),
        (BUILD, [], [ROLE, f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws-cn:iam::{ACCOUNT}:user/ann"]),
        ([BUILD, "ecs.amazonaws.com"], [BUILD, "ecs.amazonaws.com"], ["ec2.amazonaws.com"]),
        ("ec2.amazonaws.com.cn", ["ec2.amazonaws.com.cn"], ["ec2.amazonaws.com"]),
    ],
)
def test_principal(named: object, trusted: list[str], others: list[str]) -> None:
    (allowing,) = trust({"Service": named})["Statement"]
    (denying,) = trust({"Service": named}, Effect="Deny")["Statement"]
    (denying_another,) = trust({"Service": "lambda.amazonaws.com"}, Effect="Deny")["Statement"]
    for principal in trusted + others:
        request = Request("sts:AssumeRole", ROLE, principal=principal)
        assert may_assume(policy(allowing, denying_another), request) is (principal in trusted)
        assert not may_assume(policy(allowing, denying), request)


@pytest.mark.parametrize(
    ("elements", "context", "expected"),
    [
        ({}, {}, True),
        ({"Action": ["sts:TagSession", "STS:assume*"]}, {}, True),
        ({"Action": "sts:TagSession"}, {}, False),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}, {}, False),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}, {"aws:SourceAccount": ACCOUNT}, True),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}, {"aws:SourceAccount": OTHER}, False),
    ],
)
def test_trust_depends_on_action_and_condition(elements: dict[str, object], context: Context, expected: bool) -> None:
    for action, role in (("sts:AssumeRole", ROLE), ("STS:assumerole", "*")):
        request = Request(action, role, context, BUILD)
        assert may_assume(trust({"Service": BUILD}, **elements), request) is expected


SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/session"


@pytest.mark.parametrize("principal", [None, "", "codebuild", ACCOUNT, SESSION, f"{ROLE}*"])
def test_whoever_assumes_a_role_is_a_service_a_role_or_a_user(principal: str | None) -> None:
    with pytest.raises(PolicyError, match="neither a service nor a user"):
        may_assume(trust({"Service": BUILD}), Request("sts:AssumeRole", ROLE, principal=principal))


# What raises


# AWS has all of these, and in each of them somebody might have read an Allow or a Deny.
OTHERS = (
    *("IpAddress", "NotIpAddress", "NumericEquals", "DateGreaterThan", "BinaryEquals"),
    *("StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
    *("ForAllValues:StringEquals", "ForAnyValue:StringEquals", "ForAllValues:ArnLike", "ForAnyValue:ArnNotLike"),
)
VARIABLES = (
    *("${aws:username}", "${aws:username, 'ann'}", "x-${aws:PrincipalTag/team}-*", "${*}", "${?}", "${$}"),
    *("${AWS::AccountId}", "${Bucket}", "${!aws:username}", "${aws:username", "${}"),
)


@pytest.mark.parametrize(
    ("element", "value"),
    [
        *(("Condition", {f"{name}{end}": {"aws:key": "true"}}) for name in OTHERS for end in ("", "IfExists")),
        ("Condition", {"NullIfExists": {"aws:key": "true"}}),
        *(("Condition", {"StringEquals": {"aws:key": [text]}}) for text in VARIABLES),
        *(("Condition", {"ArnLike": {"aws:key": f"arn:aws:sns:::{text}"}}) for text in VARIABLES),
        *(("Resource", ["*", f"arn:aws:s3:::{text}"]) for text in VARIABLES),
        ("Resource", "arn:${AWS::Partition}:s3:::bucket"),
        ("Action", "s3:${aws:username}"),
        ("Principal", {"AWS": "*"}),
        ("NotPrincipal", {"AWS": "*"}),
    ],
)
def test_what_is_not_decided_raises_wherever_it_stands(element: str, value: object) -> None:
    for statement in (allow(), allow(Action="ec2:StartInstances")):
        for document in (policy(statement | {element: value}), policy(deny(), statement | {element: value})):
            with pytest.raises(PolicyError, match=UNDECIDED):
                is_allowed([policy(allow()), document], Request("s3:GetObject", OBJECT, {"aws:key": "true"}))


NOT_LISTS: tuple[object, ...] = (allow(), (allow(),), [], None, "Allow")


@pytest.mark.parametrize(
    "document",
    [
        *(policy(allow(), version=version) for version in ("2008-10-17", None)),
        {"Statement": [allow()]},
        *({"Version": "2012-10-17", "Statement": found} for found in NOT_LISTS),
        {"Version": "2012-10-17"},
        policy(allow()) | {"Id": "x"},
        *(policy(allow(**{name: "*"})) for name in ("Resources", "action", "")),
        policy({"Fn::If": ["Prod", allow(), deny()]}),
    ],
)
def test_a_policy_of_another_form_is_not_decided(document: Policy) -> None:
    with pytest.raises(PolicyError, match=UNDECIDED):
        is_allowed([policy(allow()), document], Request("s3:GetObject", OBJECT))


@pytest.mark.parametrize(
    ("principal", "elements"),
    [
        *(({"AWS": name}, {}) for name in ("*", ACCOUNT, ROLE, f"arn:aws:iam::{ACCOUNT}:root", ["*", ROLE])),
        ({"Service": BUILD, "AWS": "*"}, {}),
        ({"Federated": "accounts.google.com"}, {}),
        ({"CanonicalUser": "79a59df900b949e5"}, {}),
        ({"Service": "codebuild.${AWS::URLSuffix}"}, {}),
        ({"Service": BUILD}, {"Resource": "*"}),
        ({"Service": BUILD}, {"NotResource": "*"}),
        ({"Service": BUILD}, {"NotPrincipal": {"Service": BUILD}}),
    ],
)
@pytest.mark.parametrize("asking", [BUILD, ROLE])
def test_other_trust_is_not_decided(principal: object, elements: dict[str, object], asking: str) -> None:
    with pytest.raises(PolicyError, match=UNDECIDED):
        may_assume(trust(principal, **elements), Request("sts:AssumeRole", ROLE, principal=asking))


def test_other_requests_are_not_decided() -> None:
    with pytest.raises(PolicyError, match=f"sts:GetCallerIdentity {UNDECIDED}"):
        may_assume(trust({"Service": BUILD}), Request("sts:GetCallerIdentity", ROLE, principal=BUILD))
    values: list[Any] = [["red"], ("red", "blue"), [], None, True, 1, {"Ref": "a"}]
    for value in values:
        with pytest.raises(PolicyError, match=f"aws:TagKeys with the value .* {UNDECIDED}"):
            Request("s3:GetObject", OBJECT, {"aws:TagKeys": value})


WRONG_RESOURCES: tuple[object, ...] = (
    *("", "bucket/*", "**", "ARN:aws:s3:::bucket", "*:aws:s3:::bucket", "arn:aws:s3:*", "arn:aws:s3::bucket"),
    *("arn:aws:s3:::", "arn::s3:::bucket", "arn:aws::::bucket", "arn:aws:*:::bucket", "arn:aws:s?:::bucket"),
    *(None, [], 7, [OBJECT, {"Ref": "Bucket"}], (OBJECT,)),
)
WRONG_CONDITIONS: tuple[object, ...] = (
    *({}, None, [], {"StringEquals": {}}, {"StringEquals": "aws:key"}),
    *({"StringEquals": {"aws:key": value}} for value in ([], 1, True, None, ["x", {"Ref": "Name"}], [["x"]])),
    *({"StringEquals": {key: "x"}} for key in (5, "Fn::If", "Ref", "key", "aws:", ":key", "${aws:username}")),
    *({"ArnLike": {"aws:key": pattern}} for pattern in ("*", "arn:aws:sns:*", [TOPIC, ACCOUNT])),
    {"ArnNotEqualsIfExists": {"aws:key": [TOPIC, "x:aws:sns:::x"]}},
    *({name: {"aws:key": "x"}} for name in (5, "", "IfExists", "Fn::If", "Ref", "stringequals", "StringEquals ")),
    *({name: {"aws:key": "x"}} for name in ("StringEqualsIfExistsIfExists", "StringNotNotEquals", "ForAllValues:")),
    *({"Null": {"aws:key": value}} for value in ("True", "no", "", ["true", "false"], False, [])),
)


@pytest.mark.parametrize(
    "statement",
    [
        *("Allow", None, {}, [], {5: "x"} | allow(), policy(allow())["Statement"]),
        *(allow(Effect=effect) for effect in ("allow", None, {"Ref": "Effect"})),
        *(allow(Sid=value) for value in (1, {"Ref": "Name"})),
        *(allow(Action=value) for value in (None, [], 7, {"Ref": "Action"}, ["s3:*", {"Ref": "Action"}], ("s3:*",))),
        *(allow(Action=text) for text in ("s3", "s3*:GetObject", "*:*", "s3:", " s3:GetObject", "s3:GetObject\n")),
        *(allow(Resource=value) for value in WRONG_RESOURCES),
        *(allow(**{f"Not{element}": "*"}) for element in ("Action", "Resource")),
        allow(Resource=None, NotResource=[OBJECT, "bucket"]),
        allow(Action=None, NotAction=["s3:*", "s3"]),
        # The action would not let these apply, and the condition is wrong all the same.
        *(allow(Action="ec2:StartInstances") | {"Condition": value} for value in WRONG_CONDITIONS),
    ],
)
def test_a_statement_that_is_wrong_raises_whatever_the_request(statement: object) -> None:
    with pytest.raises(PolicyError):
        is_allowed([policy(allow(), statement)], Request("s3:GetObject", OBJECT))


@pytest.mark.parametrize("operator", ["ArnLike", "ArnNotLike", "ArnEqualsIfExists"])
@pytest.mark.parametrize("value", ["releases", "urn:a:b:c:d:e", "arn:aws:sns", ""])
def test_a_key_that_is_no_arn_raises_wherever_an_arn_operator_meets_it(operator: str, value: str) -> None:
    condition = {operator: {"aws:key": TOPIC}}
    never = {"StringEquals": {"aws:absent": "x"}}
    for block in (condition, {**never, **condition}, {**condition, **never}):
        with pytest.raises(PolicyError, match="not an ARN"):
            condition_holds(block, {"aws:key": value})


@pytest.mark.parametrize(
    "principal",
    [
        *("*", None, {}, BUILD, [{"Service": BUILD}]),
        *({"Service": name} for name in ("*", "*.amazonaws.com", "codebuild", f"{BUILD}*", ROLE, ACCOUNT)),
        *({"Service": name} for name in (None, [], [BUILD, "*"], (BUILD,))),
        {"Service": {"Fn::Sub": "codebuild.${AWS::URLSuffix}"}},
    ],
)
def test_a_principal_that_is_wrong(principal: object) -> None:
    with pytest.raises(PolicyError):
        may_assume(trust(principal), Request("sts:AssumeRole", ROLE, principal=BUILD))


def test_a_trust_policy_and_permissions_do_not_stand_in_for_each_other() -> None:
    request = Request("sts:AssumeRole", ROLE, principal=BUILD)
    for document in (policy(allow()), policy({"Effect": "Allow", "Action": "sts:AssumeRole"})):
        with pytest.raises(PolicyError):
            may_assume(document, request)
    with pytest.raises(PolicyError):
        is_allowed([trust({"Service": BUILD})], request)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        *((action, OBJECT, {}) for action in ("s3:Get*", "s3", "*", "s3:GetObject\n")),
        *(("s3:GetObject", resource, {}) for resource in ("bucket/key", "", "arn:aws:s3", "arn:aws:s3:::")),
        ("s3:GetObject", OBJECT, {"aws:key": "a", "AWS:Key": "b"}),
    ],
)
def test_a_request_that_is_wrong(action: str, resource: str, context: Context) -> None:
    with pytest.raises(PolicyError):
        Request(action, resource, context)


# Properties. Names are short and of few letters, so that patterns often match.

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
OPERATORS = st.sampled_from(["StringEquals", "StringNotEquals"])
CONDITIONS = st.dictionaries(
    st.builds("{}{}".format, OPERATORS, st.sampled_from(["", "IfExists"])),
    st.dictionaries(KEYS, texts(WORDS), min_size=1),
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


@given(st.lists(POLICIES, max_size=2), STATEMENTS, REQUESTS, st.integers(0, 2))
def test_adding_a_deny_never_allows_more(
    policies: list[Policy], statement: Policy, request: Request, place: int
) -> None:
    denying = policy({**statement, "Effect": "Deny"})
    after = is_allowed([*policies[:place], denying, *policies[place:]], request)
    assert not after or is_allowed(policies, request)
    assert not (after and is_allowed([policy({**statement, "Effect": "Allow"})], request))


@given(st.lists(POLICIES, max_size=2), STATEMENTS, REQUESTS, st.data())
def test_adding_an_allow_or_widening_it_never_allows_less(
    policies: list[Policy], statement: Policy, request: Request, data: st.DataObject
) -> None:
    narrow = {**statement, "Effect": "Allow"}
    name = data.draw(st.sampled_from(sorted(narrow.keys() - {"Effect"})))
    wide = {key: value for key, value in narrow.items() if key != name}
    if name != "Condition":
        wide[name.removeprefix("Not")] = "*"
    before = is_allowed([*policies, policy(narrow)], request)
    assert before or not is_allowed(policies, request)
    assert is_allowed([*policies, policy(wide)], request) or not before


@given(POLICIES, POLICIES, REQUESTS)
def test_neither_the_order_nor_the_grouping_of_statements_matters(one: Policy, two: Policy, request: Request) -> None:
    merged = policy(*reversed([*one["Statement"], *two["Statement"]]))
    expected = is_allowed([one, two], request)
    assert is_allowed([two, one], request) == expected == is_allowed([merged], request)


PLAIN = st.text(st.characters(exclude_characters="*?$", codec="utf-8"), min_size=1, max_size=8)


@given(PLAIN, PLAIN)
def test_a_pattern_without_wildcards_matches_itself_only(one: str, two: str) -> None:
    first, second = f"arn:aws:s3:::{one}", f"arn:aws:s3:::{two}"
    assert resource_matches(first, first)
    assert resource_matches(first, second) == (first == second)
    assert condition_holds({"ArnLike": {"aws:key": first}}, {"aws:key": second}) == (one == two)
    assert condition_holds({"StringEquals": {"aws:key": one}}, {"aws:key": two}) == (one == two)


def glob(pattern: str, text: str) -> bool:
    """The plain definition of the wildcards, one character at a time."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return glob(pattern[1:], text) or (text != "" and glob(pattern, text[1:]))
    return text != "" and pattern[0] in ("?", text[0]) and glob(pattern[1:], text[1:])


ARN_TAILS = st.lists(st.text("aA\\*?", max_size=3), min_size=5, max_size=7).map(":".join)
ARN_TEXTS = st.lists(st.text("aA\\", max_size=2), min_size=5, max_size=7).map(":".join)


@given(ARN_TAILS, ARN_TEXTS)
def test_an_arn_operator_matches_what_its_segments_do(pattern: str, text: str) -> None:
    pairs = zip(pattern.split(":", 4), text.split(":", 4), strict=True)
    expected = all(glob(*pair) for pair in pairs)
    context = {"aws:SourceArn": f"arn:{text}"}
    assert condition_holds({"ArnLike": {"aws:SourceArn": f"arn:{pattern}"}}, context) == expected
    assert condition_holds({"ArnNotEquals": {"aws:SourceArn": f"arn:{pattern}"}}, context) != expected


@given(ARN_TAILS, ARN_TEXTS)
def test_a_resource_matches_both_by_text_and_by_segment_or_is_refused(pattern: str, text: str) -> None:
    pattern, resource = f"arn:aws:s3:{pattern}", f"arn:aws:s3:{text}"
    by_segment = all(map(glob, pattern.split(":", 5), resource.split(":", 5)))
    if by_segment == glob(pattern, resource):
        assert resource_matches(pattern, resource) == by_segment
    else:
        with pytest.raises(PolicyError, match=UNDECIDED):
            resource_matches(pattern, resource)


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


# Key policies

KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
NAMED = allow(Principal={"AWS": [ROLE]})
DELEGATED = allow(Principal={"AWS": ROOT})
DECRYPT = Request("kms:Decrypt", KEY, {}, ROLE)


@pytest.mark.parametrize(
    ("of_key", "identity", "expected"),
    [
        ([NAMED], [], True),
        ([NAMED], [policy(allow())], True),
        ([NAMED], [policy(deny())], False),
        ([DELEGATED], [], False),
        ([DELEGATED], [policy(allow())], True),
        ([DELEGATED], [policy(allow(Action="kms:Encrypt"))], False),
        ([DELEGATED], [policy(allow(), deny())], False),
        ([DELEGATED | {"Action": "kms:Encrypt"}], [policy(allow())], False),
        ([NAMED, deny(Principal={"AWS": ROLE})], [policy(allow())], False),
        # Whoever belongs to the account is meant with it.
        ([NAMED, deny(Principal={"AWS": ROOT})], [policy(allow())], False),
        ([allow(Principal={"AWS": f"{ROLE}er"})], [policy(allow())], False),
        ([allow(Principal={"AWS": f"arn:aws:iam::{OTHER}:root"})], [policy(allow())], False),
        ([NAMED | {"Condition": {"StringEquals": {"kms:EncryptionContext:a": "b"}}}], [], False),
    ],
)
def test_key_policy_names_roles_or_leaves_it_to_the_account(
    of_key: list[object], identity: list[Policy], *, expected: bool
) -> None:
    assert may_use_key(policy(*of_key), identity, DECRYPT) is expected


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ({"Principal": {"AWS": ROLE}, "Resource": KEY}, UNDECIDED),
        ({"Principal": {"AWS": "*"}}, "not an account, user or role"),
        ({"Principal": {"Service": BUILD}}, UNDECIDED),
        ({}, "not an object"),
    ],
)
def test_key_policy_that_is_not_decided(elements: dict[str, object], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        may_use_key(policy(allow(**elements)), [], DECRYPT)


@pytest.mark.parametrize("principal", [None, BUILD, ROOT])
def test_only_a_user_or_role_asks_for_a_key(principal: str | None) -> None:
    with pytest.raises(PolicyError, match="not a user or role"):
        may_use_key(policy(NAMED), [], Request("kms:Decrypt", KEY, {}, principal))


@pytest.mark.parametrize(
    ("context", "expected"),
    [({}, False), ({"kms:GrantIsForAWSResource": "true"}, True), ({"kms:grantisforawsresource": "False"}, False)],
)
def test_bool(context: Context, *, expected: bool) -> None:
    assert condition_holds({"Bool": {"kms:GrantIsForAWSResource": "true"}}, context) is expected
