"""Names get into intrinsics from objects, and every walk over intrinsics reads them alike."""

from __future__ import annotations

from typing import Any

import pytest
from troposphere import AWSHelperFn, GetAtt, If, NoValue, Output, Parameter, Ref, Template
from troposphere.sns import Topic

from ecs_cd_templates.cfn.evaluation import possible_values, unknowns
from ecs_cd_templates.cfn.intrinsics import Unknown, intrinsic, names_in, ref, references, role_arn, sub, substitute
from ecs_cd_templates.cfn.rendering import to_yaml

NAME = Parameter("Name", Type="String")


def test_names_come_from_objects() -> None:
    topic = Topic("Topic")
    assert sub("${AWS::Region}/${a}/${b}", a=NAME, b=topic).to_dict() == {"Fn::Sub": "${AWS::Region}/${Name}/${Topic}"}
    attribute = GetAtt(topic, "TopicName")
    assert sub("${a}!", a=attribute).to_dict() == {"Fn::Sub": ["${a}!", {"a": {"Fn::GetAtt": ["Topic", "TopicName"]}}]}
    for value in (ref(NAME), ref(Ref(NAME))):
        assert isinstance(value, AWSHelperFn)
        assert value.to_dict() == {"Ref": "Name"}
    # A name that is known is itself, and nothing in it is read as a place.
    assert ref("${literal}") == "${literal}"
    assert sub("${a}-${b}", a="x${y}", b=NAME).to_dict() == {"Fn::Sub": "x${!y}-${Name}"}
    with pytest.raises(KeyError, match="missing"):
        sub("${missing}")


def test_what_is_escaped_stays_escaped_until_it_is_evaluated() -> None:
    text = "${!Literal} ${Name} ${!Name}"
    assert sub(text, Name=NAME).to_dict() == {"Fn::Sub": text}
    assert names_in(text) == ["Name"]
    assert substitute(text, str.upper) == "${!Literal} NAME ${!Name}"
    assert substitute(text, str.upper, unescape=True) == "${Literal} NAME ${Name}"
    # What a value has in it is not read again.
    assert substitute("${a}", lambda name: "${!x}", unescape=True) == "${!x}"


@pytest.mark.parametrize("make", [lambda: sub("${a}", a=NoValue), lambda: ref(NoValue), lambda: role_arn(NoValue)])
def test_no_value_is_no_name(make: Any) -> None:
    with pytest.raises(ValueError, match="AWS::NoValue is not a name"):
        make()


def test_what_is_unknown_cannot_be_rendered() -> None:
    unknown = Unknown("the branch")
    template = Template(Description="d")
    template.add_resource(Topic("Topic", TopicName=sub("x-${branch}", branch=unknown)))
    for render in (to_yaml, Template.to_dict):
        with pytest.raises(ValueError, match="this template does not know the branch"):
            render(template)
    template = Template(Description="d")
    template.add_output(Output("Branch", Value=If("Any", unknown, "x")))
    with pytest.raises(ValueError, match="the branch"):
        template.to_dict()


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"Ref": "A"}, ("Ref", "A")),
        ({"Fn::Join": ["", []]}, ("Join", ["", []])),
        ({"Condition": "C"}, ("Condition", "C")),
        ({"Condition": {"a": "b"}}, None),
        ({"Ref": "A", "Other": 1}, None),
        ({}, None),
        ("Ref", None),
        (["Ref"], None),
    ],
)
def test_intrinsics_are_told_from_data(node: Any, expected: Any) -> None:
    assert intrinsic(node) == expected


def test_references_are_those_of_every_function_in_order() -> None:
    node = {
        "One": {"Ref": "A"},
        "Two": [{"Fn::GetAtt": ["B", "Arn"]}, {"Fn::GetAtt": "C.Outputs.X"}],
        "Three": {"Fn::Sub": ["${D}-${E.Arn}-${local}-${!F}-${AWS::Region}", {"local": {"Ref": "G"}}]},
        "Four": {"Fn::If": ["Condition", {"Fn::Sub": "${H}"}, {"Ref": "A"}]},
    }
    assert list(references(node)) == ["A", "B", "C", "D", "E", "AWS::Region", "G", "H", "A"]


TEMPLATE = {
    "Parameters": {"Name": {"Type": "String"}, "Other": {"Type": "String"}},
    "Resources": {
        "Project": {
            "Type": "AWS::CodeBuild::Project",
            "Condition": "Never",
            "Properties": {"Name": {"Fn::If": ["Inner", {"Ref": "Name"}, "fixed"]}},
        },
        "Topic": {"Type": "AWS::SNS::Topic"},
    },
}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("text", ["text"]),
        ({"Ref": "Name"}, ["${Name}"]),
        ({"Ref": "AWS::Region"}, ["${AWS::Region}"]),
        ({"Ref": "AWS::StackId"}, ["${AWS::StackId}"]),
        ({"Fn::Sub": ["${Name}/${x}", {"x": {"Ref": "Other"}}]}, ["${Name}/${Other}"]),
        ({"Fn::Join": ["", {"Fn::Split": ["existing:", {"Ref": "Name"}]}]}, ["${Name}"]),
        ({"Fn::If": ["A", "yes", {"Ref": "Name"}]}, ["yes", "${Name}"]),
        ({"Fn::If": ["A", {"Fn::If": ["B", "ab", "a"]}, "none"]}, ["ab", "a", "none"]),
        # Not a value for each pair: what is not reached is not decided.
        ({"Fn::Join": ["", [{"Fn::If": ["A", "1", "2"]}, {"Fn::If": ["A", "3", "4"]}]]}, ["13", "24"]),
        ({"Ref": "Project"}, ["${Name}", "fixed"]),
        ({"Ref": "Topic"}, ["<Topic>"]),
        ({"Fn::GetAtt": ["Project", "Arn"]}, ["<Project.Arn>", "<Project.Arn>"]),
    ],
)
def test_all_that_a_node_can_become(node: Any, expected: list[str]) -> None:
    assert possible_values(TEMPLATE, node) == expected


def test_what_only_aws_can_say_is_found() -> None:
    node = {"a": ["<Topic>", "x/<Project.Arn>/y", "a < b > c", {"b": "<Stack.Outputs.Url>"}], "<Key>": "none"}
    assert unknowns(node) == ["<Topic>", "<Project.Arn>", "<Stack.Outputs.Url>"]
