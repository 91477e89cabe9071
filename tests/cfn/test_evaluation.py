"""The stand-in for CloudFormation raises where CloudFormation would, and on all that it does not know."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from ecs_cd_templates import ParameterError
from ecs_cd_templates.cfn.evaluation import resolve
from support import TARGET


def template(value: Any, **sections: Any) -> dict[str, Any]:
    return {
        "Parameters": {
            "Name": {"Type": "String", "AllowedPattern": "[a-z]*", "MaxLength": 5, "ConstraintDescription": "lower"},
            "Size": {"Type": "Number", "Default": "2", "MinValue": 1, "MaxValue": 3, "ConstraintDescription": "1 to 3"},
            "Kind": {"Type": "String", "Default": "A", "AllowedValues": ["A", "B"], "ConstraintDescription": "A or B"},
        },
        "Mappings": {"M": {"us-east-1": {"k": "mapped"}}},
        "Conditions": {
            "IsB": {"Fn::Equals": [{"Ref": "Kind"}, "B"]},
            "IsA": {"Fn::Not": [{"Condition": "IsB"}]},
            "Both": {"Fn::And": [{"Condition": "IsA"}, {"Condition": "IsB"}]},
            "Either": {"Fn::Or": [{"Condition": "IsA"}, {"Condition": "IsB"}]},
        },
        "Resources": {
            "Repo": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": {"Ref": "Name"}, "X": value}},
            "OnlyB": {"Type": "AWS::SNS::Topic", "Condition": "IsB", "Properties": {}},
        },
        **sections,
    }


def resolved(value: Any, **values: str) -> Any:
    return resolve(template(value), {"Name": "abc", **values}, TARGET).resources["Repo"]["Properties"].get("X")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Size"}, "2"),
        ({"Ref": "Repo"}, "abc"),
        ({"Ref": "AWS::NoValue"}, None),
        ([1, {"Ref": "AWS::NoValue"}, "x"], [1, "x"]),
        ({"Fn::Sub": "${Name}-${AWS::Region}-${!Literal}"}, "abc-us-east-1-${Literal}"),
        ({"Fn::Sub": ["${v}/${Repo.Arn}", {"v": {"Ref": "Kind"}}]}, "A/<Repo.Arn>"),
        ({"Fn::GetAtt": ["Repo", "Arn"]}, "<Repo.Arn>"),
        ({"Fn::If": ["IsA", "yes", {"Ref": "OnlyB"}]}, "yes"),
        ({"Fn::If": ["Both", "yes", "no"]}, "no"),
        ({"Fn::If": ["Either", "yes", "no"]}, "yes"),
        ({"Fn::FindInMap": ["M", {"Ref": "AWS::Region"}, "k"]}, "mapped"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Name"}]]}, "a-abc"),
        ({"Fn::Select": ["1", ["a", "b"]]}, "b"),
        ({"Fn::Select": [1, {"Fn::Split": ["-", {"Fn::Join": ["-", [{"Ref": "Size"}, {"Ref": "Name"}]]}]}]}, "abc"),
        ({"Condition": {"not": "a condition"}}, {"Condition": {"not": "a condition"}}),
    ],
)
def test_intrinsics(value: Any, expected: Any) -> None:
    assert resolved(value) == expected


def test_resources_of_conditions_that_do_not_hold_are_left_out() -> None:
    assert set(resolve(template(1), {"Name": "a"}, TARGET).resources) == {"Repo"}
    assert set(resolve(template(1), {"Name": "a", "Kind": "B"}, TARGET).resources) == {"Repo", "OnlyB"}


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"Ref": "Nope"}, KeyError),
        ({"Fn::Sub": "${Nope}"}, KeyError),
        ({"Fn::GetAtt": ["Nope", "Arn"]}, KeyError),
        ({"Fn::If": ["Nope", 1, 2]}, KeyError),
        ({"Fn::FindInMap": ["M", "eu-west-1", "k"]}, KeyError),
        ({"Fn::ImportValue": "x"}, ValueError),
        ({"Ref": "OnlyB"}, ValueError),
    ],
)
def test_what_cloudformation_would_not_resolve(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        resolved(value)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "Name"),
        ({"Name": "abc", "Nope": "x"}, "Nope"),
        ({"Name": "ABC"}, "Name"),
        ({"Name": "abc\n"}, "Name"),
        ({"Name": "abcdef"}, "Name"),
        ({"Name": "a", "Size": "4"}, "Size"),
        ({"Name": "a", "Size": "0"}, "Size"),
        ({"Name": "a", "Size": "2.5"}, "Size"),
        ({"Name": "a", "Size": "two"}, "Size"),
        ({"Name": "a", "Kind": "C"}, "Kind"),
    ],
)
def test_refused_parameters(values: dict[str, str], field: str) -> None:
    with pytest.raises(ParameterError) as caught:
        resolve(template(1), values, TARGET)
    assert caught.value.field == field


@pytest.mark.parametrize(("name", "kind", "holds"), [("", "A", True), ("a", "A", False), ("a", "B", True)])
def test_rules_combine_what_they_compare(name: str, kind: str, holds: bool) -> None:
    blank, first = {"Fn::Equals": [{"Ref": "Name"}, ""]}, {"Fn::Equals": [{"Ref": "Kind"}, "A"]}
    both, neither = {"Fn::And": [blank, first]}, {"Fn::Not": [{"Fn::Or": [blank, first]}]}
    rule = {"Assertions": [{"Assert": {"Fn::Or": [both, neither]}, "AssertDescription": "both or neither"}]}
    with nullcontext() if holds else pytest.raises(ParameterError, match="both or neither"):
        resolve(template(1, Rules={"R": rule}), {"Name": name, "Kind": kind}, TARGET)


def test_rules_apply_where_their_condition_holds() -> None:
    assertion = {"Assert": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Name"}, "bad"]}]}, "AssertDescription": "not bad"}
    rules = {"R": {"RuleCondition": {"Fn::Equals": [{"Ref": "Kind"}, "B"]}, "Assertions": [assertion]}}
    guarded = template(1, Rules=rules)
    resolve(guarded, {"Name": "bad"}, TARGET)
    resolve(guarded, {"Name": "good", "Kind": "B"}, TARGET)
    with pytest.raises(ParameterError, match="not bad"):
        resolve(guarded, {"Name": "bad", "Kind": "B"}, TARGET)
