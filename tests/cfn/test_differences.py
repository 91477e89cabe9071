"""What differs between templates is said in short lines, with what CloudFormation replaces, deletes or refuses."""

from __future__ import annotations

from typing import Any

import create_only
import pytest

from ecs_cd_templates import Environment, RenderSettings, TemplateFileError
from ecs_cd_templates.catalog import templates
from ecs_cd_templates.cfn.differences import of_parameters, of_templates, template_from
from ecs_cd_templates.cfn.rendering import SECTIONS
from support import data, rendered


def _template(*resources: tuple[str, str, dict[str, Any]], **sections: Any) -> dict[str, Any]:
    return {"Resources": {name: {"Type": kind, **more} for name, kind, more in resources}, **sections}


def _one(kind: str, properties: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return _template(("X", kind, {"Properties": properties}), **sections)


def _said(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [str(difference) for difference in of_templates(old, new)]


PROJECT = "AWS::CodeBuild::Project"
GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
ROUTES = "AWS::EC2::RouteTable"
REF = {"Ref": "P"}


@pytest.mark.parametrize("name", templates())
def test_nothing_differs_from_itself(name: str) -> None:
    assert of_templates(template_from(name, rendered()[name]), data()[name]) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"Description": "a"}, {"Description": "b"}, ['Description: "a" → "b"']),
        ({}, {"Description": REF}, ["Description: added !Ref P"]),
        ({"TimeoutInMinutes": 5}, {}, ["TimeoutInMinutes: removed 5"]),
        ({"A": {"B": [1, 2]}}, {"A": {"B": [1, 3]}}, ["A.B[1]: 2 → 3"]),
        ({"A": True}, {"A": "true"}, ['A: true → "true"']),
        ({"A": 1}, {"A": True}, ["A: 1 → true"]),
        ({"A": {"Fn::GetAtt": ["B", "C.D"]}}, {"A": {"Fn::Sub": "x"}}, ['A: !GetAtt B.C.D → !Sub "x"']),
        (
            {"A": {"Fn::If": ["C", {"B": 1}, {"Ref": "N"}]}},
            {"A": {"Fn::If": ["C", {"B": 2}, {"Ref": "N"}]}},
            ['A: !If ["C", {B: 1}, !Ref N] → !If ["C", {B: 2}, !Ref N]'],
        ),
        # An item before the others moves them, and is one difference.
        ({"A": ["b", "c"]}, {"A": ["a", "b", "c"]}, ['A[0]: added "a"']),
        ({"A": ["a", "b", "c"]}, {"A": ["a", "c"]}, ['A[1]: removed "b"']),
        (
            {"S": [{"Name": "a", "B": 1}, {"Name": "b", "B": 2}]},
            {"S": [{"Name": "x"}, {"Name": "a", "B": 1}, {"Name": "b", "B": 3}]},
            ['S[0]: added {Name: "x"}', "S[2].B: 2 → 3"],
        ),
        ({"S": [{"Name": "a", "B": 1}]}, {"S": [{"Name": "b", "B": 1}]}, ['S[0].Name: "a" → "b"']),
        # What both begin with is left out, and what is long is cut.
        (
            {"A": "0123456789" * 8 + "left"},
            {"A": "0123456789" * 8 + "right"},
            ['A: …01234567890123456789left" → …01234567890123456789right"'],
        ),
        ({}, {"A": "x" * 99}, [f'A: added "{"x" * 58}…']),
    ],
)
def test_says_where_values_differ(old: dict[str, Any], new: dict[str, Any], said: list[str]) -> None:
    assert _said(_one(PROJECT, old), _one(PROJECT, new)) == [
        f"changed: resource X (AWS::CodeBuild::Project): {each}" for each in said
    ]


def test_says_what_differs_in_every_section() -> None:
    old = _template(
        Parameters={"A": {"Type": "String", "Default": "a", "AllowedValues": ["a"]}, "B": {"Type": "String"}},
        Rules={"R": {"Assertions": [{"Assert": {"Fn::Equals": [REF, "a"]}, "AssertDescription": "x"}]}},
        Mappings={"M": {"a": {"b": "c"}}},
        Conditions={"C": {"Fn::Equals": [REF, "a"]}},
        Outputs={"O": {"Value": "a", "Description": "x"}},
        Description="x",
    )
    new = _template(
        Parameters={
            "A": {"Type": "Number", "Default": "b", "AllowedValues": ["a", "b"], "Description": "new"},
            "P": {"Type": "String", "Description": "asked"},
            "Q": {"Type": "String", "Default": ""},
        },
        Rules={"R": {"Assertions": [{"Assert": {"Fn::Equals": [REF, "b"]}, "AssertDescription": "y"}]}},
        Mappings={"M": {"a": {"b": "d"}}},
        Conditions={"C": {"Fn::Equals": [REF, "b"]}, "D": {"Condition": "C"}},
        Outputs={"N": {"Value": "a"}},
        Description="y",
    )
    assert _said(old, new) == [
        'changed: parameter A: Type: "String" → "Number"',
        'changed: parameter A: Default: "a" → "b"',
        'changed: parameter A: AllowedValues[1]: added "b"',
        "removed: parameter B",
        "added: parameter P: it has no default, so an update needs a value",
        "added: parameter Q",
        'changed: rule R: Assertions[0].Assert: !Equals [!Ref P, "a"] → !Equals [!Ref P, "b"]',
        'changed: mapping M: a.b: "c" → "d"',
        'changed: condition C: !Equals [!Ref P, "a"] → !Equals [!Ref P, "b"]',
        "added: condition D",
        "removed: output O",
        "added: output N",
        "changed: texts or order of the form: 3",
    ]


def test_knows_every_section() -> None:
    """What is in a section that is not compared would differ unseen."""
    compared = {"Parameters", "Rules", "Mappings", "Conditions", "Resources", "Outputs", "Description", "Metadata"}
    assert set(SECTIONS) - compared == {"AWSTemplateFormatVersion"}


@pytest.mark.parametrize(
    ("kind", "old", "new", "effect"),
    [
        (ROUTES, {"VpcId": "a"}, {"VpcId": "b"}, ': "a" → "b": REPLACED'),
        (ROUTES, {"VpcId": "a"}, {"VpcId": REF}, ': "a" → !Ref P: REPLACED unless the value stays the same'),
        (GROUP, {"Port": 80}, {"Port": 81}, ": 80 → 81: REPLACED"),
        (GROUP, {"Port": 80, "Name": REF}, {"Port": 81, "Name": REF}, ": REPLACED, which FAILS while its name stays"),
        (GROUP, {"Port": 80, "Name": "a"}, {"Port": 80, "Name": "b"}, ': Name: "a" → "b": REPLACED'),
        ("AWS::ECS::Service", {"LaunchType": "EC2"}, {"LaunchType": "FARGATE"}, ": may be REPLACED"),
        (
            "AWS::ECR::Repository",
            {"EncryptionConfiguration": {"EncryptionType": "AES256"}},
            {"EncryptionConfiguration": {"EncryptionType": "KMS"}},
            ': EncryptionConfiguration.EncryptionType: "AES256" → "KMS": REPLACED',
        ),
        (
            "AWS::ECS::CapacityProvider",
            {"AutoScalingGroupProvider": {"AutoScalingGroupArn": "a"}},
            {"AutoScalingGroupProvider": {"AutoScalingGroupArn": "b"}},
            ": REPLACED",
        ),
        # The whole of what the property is in may be another.
        ("AWS::ECS::CapacityProvider", {"AutoScalingGroupProvider": {"AutoScalingGroupArn": "a"}}, {}, ": REPLACED"),
        (
            "AWS::ECS::CapacityProvider",
            {"AutoScalingGroupProvider": {"AutoScalingGroupArn": "a"}},
            {"AutoScalingGroupProvider": {"Fn::If": ["C", {}, {}]}},
            ": REPLACED unless the value stays the same",
        ),
        ("Acme::Own::Thing", {"A": 1}, {"A": 2}, ": A: 1 → 2: may be REPLACED: nothing is known of this type"),
    ],
)
def test_says_what_is_replaced(kind: str, old: dict[str, Any], new: dict[str, Any], effect: str) -> None:
    (said,) = _said(_one(kind, old), _one(kind, new))
    assert said.endswith(effect)


@pytest.mark.parametrize(
    ("policy", "end"),
    [
        ({}, ""),
        ({"UpdateReplacePolicy": "Delete"}, ""),
        ({"UpdateReplacePolicy": "Retain"}, ", and the old one is kept"),
    ],
)
def test_says_what_becomes_of_what_is_replaced(policy: dict[str, str], end: str) -> None:
    def template(**properties: str) -> dict[str, Any]:
        return _template(("X", "AWS::ECR::Repository", {"Properties": properties, **policy}))

    (difference,) = of_templates(template(RepositoryName="a"), template(RepositoryName="b"))
    assert difference.effect == f"REPLACED{end}"


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        (GROUP, {"HealthCheckPath": "/"}, {"HealthCheckPath": "/x"}),
        (
            "AWS::ECS::CapacityProvider",
            {"AutoScalingGroupProvider": {"AutoScalingGroupArn": "a", "ManagedDraining": "ENABLED"}},
            {"AutoScalingGroupProvider": {"AutoScalingGroupArn": "a", "ManagedDraining": "DISABLED"}},
        ),
        ("AWS::EC2::InternetGateway", {}, {"Tags": []}),
    ],
)
def test_says_nothing_more_of_what_is_updated_in_place(kind: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    (difference,) = of_templates(_one(kind, old), _one(kind, new))
    assert difference.effect == ""


def test_a_value_that_is_said_otherwise_replaces_nothing() -> None:
    def template(count: int, block: str = "10.0.0.0/16") -> dict[str, Any]:
        cidr = {"Fn::Select": ["0", {"Fn::Cidr": [REF, str(count), "12"]}]}
        vpc = ("X", "AWS::EC2::VPC", {"Properties": {"CidrBlock": cidr}})
        return _template(vpc, Parameters={"P": {"Type": "String", "Default": block}})

    (same,) = of_templates(template(1), template(2))
    assert same.effect == "updated in place, as the value is the same with the defaults"
    *_, another = of_templates(template(1), template(2, "10.16.0.0/16"))
    assert another.effect == "REPLACED unless the value stays the same"
    # What it is cannot be told: the block is too small.
    (unknown,) = of_templates(template(1), template(17))
    assert unknown.effect == "REPLACED unless the value stays the same"


def test_another_type_under_one_logical_id_fails() -> None:
    (said,) = _said(_one(GROUP, {}), _one(ROUTES, {}))
    assert ": FAILS: CloudFormation changes no resource's type" in said


@pytest.mark.parametrize(
    ("attributes", "effect"),
    [
        ({}, "DELETED"),
        ({"DeletionPolicy": "Delete"}, "DELETED"),
        ({"DeletionPolicy": "Retain"}, "kept"),
        ({"DeletionPolicy": "RetainExceptOnCreate"}, "kept"),
        ({"DeletionPolicy": "Snapshot"}, "a snapshot is kept"),
    ],
)
def test_says_what_becomes_of_what_is_removed(attributes: dict[str, Any], effect: str) -> None:
    assert _said(_template(("A", ROUTES, attributes)), _template()) == [f"removed: resource A ({ROUTES}): {effect}"]


def test_a_name_that_moves_to_another_logical_id_is_taken() -> None:
    properties = {"Properties": {"TopicName": {"Ref": "P"}}}
    old, new = _template(("A", "AWS::SNS::Topic", properties)), _template(("B", "AWS::SNS::Topic", properties))
    assert _said(old, new) == [
        "removed: resource A (AWS::SNS::Topic): DELETED",
        "added: resource B (AWS::SNS::Topic): FAILS: A has the same name, and is deleted last",
    ]


def test_a_name_is_free_where_it_is_within_something_else() -> None:
    def hook(title: str, group: str) -> dict[str, Any]:
        properties = {"AutoScalingGroupName": {"Ref": group}, "LifecycleHookName": "draining"}
        return _template((title, "AWS::AutoScaling::LifecycleHook", {"Properties": properties}))

    assert "FAILS" not in str(_said(hook("A", "One"), hook("B", "Two")))
    assert "FAILS" in str(_said(hook("A", "One"), hook("B", "One")))


def test_follows_what_a_property_refers_to() -> None:
    def template(default: str, choice: str, number: str) -> dict[str, Any]:
        return _template(
            ("Vpc", "AWS::EC2::VPC", {"Properties": {"CidrBlock": {"Fn::Sub": "${Block}"}}}),
            ("Routes", ROUTES, {"Properties": {"VpcId": {"Ref": "Vpc"}}}),
            ("Way", "AWS::EC2::Route", {"Properties": {"RouteTableId": {"Fn::GetAtt": ["Routes", "RouteTableId"]}}}),
            ("Group", GROUP, {"Properties": {"Port": {"Fn::If": ["C", 1, 2]}, "Name": "a"}}),
            ("Other", GROUP, {"Properties": {"Port": {"Fn::FindInMap": ["M", "a", "b"]}}}),
            ("Topic", "AWS::SNS::Topic", {"Condition": "C", "Properties": {"DisplayName": {"Ref": "Block"}}}),
            Parameters={"Block": {"Type": "String", "Default": default}, "P": {"Type": "String", "Default": choice}},
            Conditions={"C": {"Condition": "D"}, "D": {"Fn::Equals": [REF, "x"]}},
            Mappings={"M": {"a": {"b": number}}},
        )

    used = "REPLACED if its default is used"
    topic = "changed: resource Topic (AWS::SNS::Topic): Condition: follows parameter P"
    assert _said(template("10.0.0.0/16", "x", "1"), template("10.1.0.0/16", "y", "2")) == [
        'changed: parameter Block: Default: "10.0.0.0/16" → "10.1.0.0/16"',
        'changed: parameter P: Default: "x" → "y"',
        'changed: mapping M: a.b: "1" → "2"',
        f"changed: resource Vpc (AWS::EC2::VPC): CidrBlock: follows parameter Block: {used}",
        f"changed: resource Routes ({ROUTES}): VpcId: follows resource Vpc: REPLACED if that is",
        "changed: resource Way (AWS::EC2::Route): RouteTableId: follows resource Routes: REPLACED if that is",
        f"changed: resource Group ({GROUP}): Port: follows parameter P: {used}, which FAILS while its name stays",
        f"changed: resource Other ({GROUP}): Port: follows mapping M: REPLACED if its value is another",
        f"{topic}: may be made or DELETED if its default is used",
    ]


def test_follows_a_condition() -> None:
    def template(value: str) -> dict[str, Any]:
        group = ("X", GROUP, {"Properties": {"Name": {"Fn::If": ["C", "a", "b"]}}})
        return _template(group, Conditions={"C": {"Fn::Equals": [{"Ref": "AWS::Region"}, value]}})

    assert _said(template("a"), template("b"))[1:] == [
        f"changed: resource X ({GROUP}): Name: follows condition C: REPLACED if it turns out otherwise"
    ]
    assert _said(_one(GROUP, {}), _template(("X", GROUP, {"Condition": "C"}))) == [
        f'changed: resource X ({GROUP}): Condition: added "C": may be made or DELETED'
    ]


def test_another_name_of_an_application_of_ours_replaces_what_has_it() -> None:
    old = data()["quick-start.yaml"]
    changed = data(RenderSettings(environments=[Environment(id="Dev", display_name="development")]))["quick-start.yaml"]
    effects = {difference.effect for difference in of_templates(old, changed)}
    assert {"DELETED", "kept"} <= effects
    assert not any("FAILS" in effect for effect in effects)
    named = {**old, "Parameters": {**old["Parameters"]}}
    named["Parameters"]["ApplicationName"] = {**old["Parameters"]["ApplicationName"], "Default": "shop"}
    said = _said(old, named)
    assert (
        "changed: resource ECRRepositoryForDevEnv (AWS::ECR::Repository): RepositoryName: follows parameter "
        "ApplicationName: REPLACED if its default is used, and the old one is kept" in said
    )


def test_compares_parameter_files_by_parameter() -> None:
    assert [str(each) for each in of_parameters({"A": "a", "B": "b", "C": "c"}, {"A": "a", "B": "x", "D": ""})] == [
        'changed: parameter B: "b" → "x"',
        'removed: parameter C: removed "c"',
        'added: parameter D: added ""',
    ]


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "[]", "{}", "a: b", "[", "\0", "Resources:", "Resources: []", "Resources: {A: b}"),
        *("Resources: {A: {Type: 1}}", "Resources: {A: {}}", "Resources: {A: {Type: T, Properties: x}}"),
        *("{Resources: {}, Parameters: []}", "{Resources: {}, Parameters: {A: b}}", "{Resources: {}, Outputs: x}"),
        *("Resources: {A: {Type: T, Properties: {B: !Sub 1, C: !Sub [a]}}}", "Resources: &a {A: *a}"),
        "Resources: {A: {Type: T, Properties: {B: " + "[" * 2000 + "]" * 2000 + "}}}",
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(TemplateFileError, match=r"^template: 'a\.yaml': is not a CloudFormation template: "):
        template_from("a.yaml", text)


def test_the_data_are_the_registrys() -> None:
    """If this fails, run tools/create_only.py, and commit what it writes."""
    assert create_only.FILE.read_text(encoding="utf-8") == create_only.contents()


def test_the_data_have_every_type_that_is_used() -> None:
    known = create_only.contents()
    for template in data().values():
        assert [each["Type"] for each in template["Resources"].values() if f'"{each["Type"]}"' not in known] == []
