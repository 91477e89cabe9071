from __future__ import annotations

import json
from typing import Any

import pytest

from ecs_cd_templates.rehearsal.calls import ServiceError
from ecs_cd_templates.rehearsal.event_patterns import check, matches

PUSH = {
    "version": "0",
    "detail-type": "CodeCommit Repository State Change",
    "source": "aws.codecommit",
    "resources": ["arn:aws:codecommit:us-east-1:123456789012:app", "arn:aws:codecommit:us-east-1:123456789012:other"],
    "detail": {"event": "referenceUpdated", "referenceType": "branch", "referenceName": "main", "count": 5},
}


def _detail(values: Any) -> dict[str, Any]:
    return {"detail": {"name": values}}


# A pattern's values for a field, the field's values that match, and those that do not; None stands for null.
OPERATORS: list[tuple[list[Any], list[Any], list[Any]]] = [
    (["main"], ["main", ["x", "main"], [["main"]]], ["Main", "maine", "", None, ["x"], [], {"main": 1}]),
    (["a", "b"], ["a", "b", ["b", "c"]], ["ab", "c"]),
    ([""], ["", ["", "a"]], [None, "a", []]),
    ([None], [None, [None]], ["", "null", 0, False]),
    ([True], [True], [1, "true", False]),
    ([1], [1, 1.0], [True, "1", 2]),
    ([3.018e2], [301.8], [302]),
    ([{"prefix": "rel"}], ["release", "rel"], ["Release", "xrel", None, 5]),
    ([{"prefix": {"equals-ignore-case": "REL"}}], ["release", "Rel"], ["xrel", 5]),
    ([{"prefix": ""}], ["", "x"], [5, None]),
    ([{"suffix": ".png"}], ["a.png", ".png"], ["a.PNG", "png", 5]),
    ([{"suffix": {"equals-ignore-case": ".PNG"}}], ["a.png", "a.PnG"], ["png"]),
    ([{"equals-ignore-case": "MAIN"}], ["main", "Main"], ["maine", 1]),
    ([{"wildcard": "a*c*e"}], ["ace", "abcde", "a\nce"], ["abcd", "xace", 5]),
    ([{"wildcard": r"a\*b\\*"}], [r"a*b\c", "a*b\\"], ["axb\\", "a*b"]),
    ([{"wildcard": "literal.+"}], ["literal.+"], ["literalxx"]),
    ([{"anything-but": "init"}], ["x", "", None, 5, ["init", "x"]], ["init", ["init"], [], {"a": 1}]),
    ([{"anything-but": ["a", "b"]}], ["c", 1], ["a", "b", ["a", "b"]]),
    ([{"anything-but": 5}], [6, "5", None], [5, 5.0]),
    ([{"anything-but": [100, 200]}], [300, "100"], [100, 200.0]),
    ([{"anything-but": {"prefix": "us-"}}], ["eu-1", 5], ["us-1"]),
    ([{"anything-but": {"prefix": ["us-", "eu-"]}}], ["ap-1"], ["us-1", "eu-1"]),
    ([{"anything-but": {"suffix": ".png"}}], ["a.gif"], ["a.png"]),
    ([{"anything-but": {"suffix": [".png", ".gif"]}}], ["a.txt"], ["a.png", "a.gif"]),
    ([{"anything-but": {"equals-ignore-case": "init"}}], ["x"], ["INIT", "init"]),
    ([{"anything-but": {"equals-ignore-case": ["init", "stop"]}}], ["x"], ["INIT", "Stop"]),
    ([{"anything-but": {"wildcard": "*/lib/*"}}], ["/bin/a"], ["/lib/a"]),
    ([{"anything-but": {"wildcard": ["*.jar", "*.class"]}}], ["a.c"], ["a.jar", "a.class"]),
    ([{"numeric": ["=", 5]}], [5, 5.0], [6, "5", True]),
    ([{"numeric": [">", 0, "<=", 5]}], [0.1, 5, [9, 5]], [0, 5.1, "3", None]),
    ([{"numeric": ["<", -1]}], [-2], [-1, 0]),
    ([{"numeric": [">=", 2]}], [2, 3], [1]),
    ([{"exists": True}], ["x", "", None, 0, False, ["x"]], [[], {"a": 1}]),
    ([{"exists": False}], [[], {"a": 1}], ["x", "", None, 0, ["x"]]),
    ([{"exists": False}, "x"], [[], "x"], ["y"]),
    ([{"cidr": "10.0.0.0/24"}], ["10.0.0.255"], ["10.0.1.0", "::1", "ten", 10]),
    ([{"cidr": "2001:db8::/32"}], ["2001:db8::1"], ["2001:db9::1", "10.0.0.1"]),
    ([{"prefix": "a"}, {"numeric": [">", 1]}], ["ab", 2], ["b", 1]),
]


@pytest.mark.parametrize(("values", "matching", "others"), OPERATORS, ids=lambda each: json.dumps(each)[:40])
def test_a_fields_values_match_as_documented(values: list[Any], matching: list[Any], others: list[Any]) -> None:
    for value in matching:
        assert matches(_detail(values), _detail(value)), value
    for value in others:
        assert not matches(_detail(values), _detail(value)), value


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["x"], False),
        ([None], False),
        ([{"anything-but": "x"}], False),
        ([{"exists": True}], False),
        ([{"exists": False}], True),
    ],
)
@pytest.mark.parametrize("event", [{}, {"detail": {}}, {"detail": "text"}, {"detail": []}, {"detail": {"other": "x"}}])
def test_only_absence_matches_a_field_that_is_not_there(
    values: list[Any], expected: bool, event: dict[str, Any]
) -> None:
    assert matches(_detail(values), event) == expected


EMPLOYEES = {
    "staff": [[{"first": "John", "last": "Doe"}, {"first": "Anna", "last": "Smith"}], [{"first": "Peter", "roles": []}]]
}

STAFF = {"staff": [{"first": "Eve", "more": [{"a": 1}]}, {"first": "Bob", "more": [{"a": 1}, {"b": 1}]}]}


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        ({"source": ["aws.codecommit"], "detail": {"referenceName": ["main"]}}, PUSH, True),
        ({"source": ["aws.codecommit"], "detail": {"referenceName": ["qa"]}}, PUSH, False),
        ({"resources": ["arn:aws:codecommit:us-east-1:123456789012:app"]}, PUSH, True),
        ({"resources": ["arn:aws:codecommit:us-east-1:123456789012:ap"]}, PUSH, False),
        # What is asked of an array's objects, one of them has alone.
        ({"staff": {"first": ["Anna"]}}, EMPLOYEES, True),
        ({"staff": {"first": ["Anna"], "last": ["Smith"]}}, EMPLOYEES, True),
        ({"staff": {"first": ["Anna"], "last": ["Doe"]}}, EMPLOYEES, False),
        ({"staff": {"first": ["Peter"], "last": [{"exists": False}]}}, EMPLOYEES, True),
        ({"staff": {"first": ["Anna"], "last": [{"exists": False}]}}, EMPLOYEES, False),
        ({"staff": {"roles": [{"exists": False}]}}, EMPLOYEES, True),
        ({"staff": {"last": [{"exists": False}]}}, EMPLOYEES, False),
        ({"staff": {"first": ["Eve"], "more": {"b": [{"exists": False}]}}}, STAFF, True),
        ({"staff": {"first": ["Bob"], "more": {"b": [{"exists": False}]}}}, STAFF, False),
        # One of several patterns.
        ({"$or": [{"source": ["x"]}, {"detail": {"count": [{"numeric": ["=", 5]}]}}]}, PUSH, True),
        ({"$or": [{"source": ["x"]}, {"detail": {"count": [6]}}]}, PUSH, False),
        ({"source": ["x"], "$or": [{"version": ["0"]}, {"version": ["1"]}]}, PUSH, False),
        (
            {"detail": {"$or": [{"event": ["x"]}, {"referenceName": ["main"], "event": ["referenceUpdated"]}]}},
            PUSH,
            True,
        ),
        ({"$or": [{"source": ["x"]}, {"$or": [{"version": ["1"]}, {"version": ["0"]}]}]}, PUSH, True),
        # Where it is not that, a field of this name.
        ({"$or": ["a", "b"]}, {"$or": "b"}, True),
        ({"$or": {"a": ["b"]}}, {"$or": {"a": "b"}}, True),
        ({"$or": [{"prefix": "a"}, {"prefix": "b"}]}, {"$or": "bc"}, True),
    ],
)
def test_fields_match_together(pattern: dict[str, Any], event: dict[str, Any], expected: bool) -> None:
    assert matches(pattern, event) == expected
    assert matches(json.dumps(pattern), event) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "not JSON",
        "[]",
        "{}",
        '{"source": "aws.codecommit"}',
        '{"source": null}',
        '{"source": []}',
        '{"detail": {}}',
        '{"source": [["a"]]}',
        '{"source": [{}]}',
        '{"source": [{"like": "a"}]}',
        '{"source": [{"prefix": "a", "suffix": "b"}]}',
        '{"source": [{"prefix": 1}]}',
        '{"source": [{"prefix": {"wildcard": "a"}}]}',
        '{"source": [{"suffix": null}]}',
        '{"source": [{"equals-ignore-case": ["a"]}]}',
        '{"source": [{"wildcard": "a**"}]}',
        '{"source": [{"wildcard": "a\\\\b"}]}',
        '{"source": [{"exists": "true"}]}',
        '{"source": [{"cidr": "10.0.0.0"}]}',
        '{"source": [{"cidr": "10.0.0.0/33"}]}',
        '{"source": [{"numeric": ">"}]}',
        '{"source": [{"numeric": []}]}',
        '{"source": [{"numeric": [">"]}]}',
        '{"source": [{"numeric": [">", "5"]}]}',
        '{"source": [{"numeric": ["!=", 5]}]}',
        '{"source": [{"numeric": ["<", 5, ">", 1]}]}',
        '{"source": [{"numeric": [">", 5, "<", 1]}]}',
        '{"source": [{"numeric": [">", 1, "<", 5, "<", 6]}]}',
        '{"source": [{"anything-but": null}]}',
        '{"source": [{"anything-but": []}]}',
        '{"source": [{"anything-but": ["a", 1]}]}',
        '{"source": [{"anything-but": {"cidr": "10.0.0.0/8"}}]}',
        '{"source": [{"anything-but": {"prefix": ""}}]}',
        '{"source": [{"anything-but": {"prefix": [1]}}]}',
        '{"$or": [{"source": ["a"]}]}',
        '{"$or": []}',
    ],
)
def test_a_pattern_that_is_not_valid_is_refused_as_eventbridge_does(pattern: str) -> None:
    with pytest.raises(ServiceError, match=r"^Event pattern is not valid\. Reason: ") as refusal:
        check(pattern)
    assert refusal.value.code == "InvalidEventPatternException"
