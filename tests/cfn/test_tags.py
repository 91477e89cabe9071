"""Tags are on everything that takes them, in every partition, and are those that every service takes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.session import get_session
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from troposphere import Tags, Template
from troposphere.applicationautoscaling import ScalableTarget
from troposphere.autoscaling import AutoScalingGroup
from troposphere.ec2 import VPC
from troposphere.elasticloadbalancingv2 import Listener
from troposphere.ssm import Parameter

from ecs_cd_templates import RenderSettings, SettingsError, render
from ecs_cd_templates.cfn.tags import MAX_TAGS, add_tags, checked_tags
from support import DEFAULT, PARTITIONS, data, rendered

TAGS = (("team", "shop"), ("Kosten-Stelle", "4711 /ü"), ("a", "b=c"))
TAGGED = RenderSettings(tags=TAGS)
NESTED = RenderSettings(tags=TAGS, nested_base_url="https://templates.s3.eu-west-1.amazonaws.com/p")
WANTED = [{"Key": key, "Value": value} for key, value in TAGS]
GROUP, LAUNCH_TEMPLATE, SERVICE = (
    *("AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::LaunchTemplate"),
    "AWS::ECS::Service",
)


def schema(kind: str, region: str) -> dict[str, Any]:
    found: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, kind).schema
    return found


@pytest.mark.parametrize("settings", [TAGGED, NESTED], ids=["flat", "nested"])
@pytest.mark.parametrize("name", data())
def test_everything_that_takes_tags_has_them(name: str, settings: RenderSettings) -> None:
    for title, resource in data(settings)[name]["Resources"].items():
        kind, properties = resource["Type"], resource["Properties"]
        tags = properties.get("Tags", [])
        if kind == GROUP:
            assert all(tag["PropagateAtLaunch"] is True for tag in tags)
            tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags]
        for target in PARTITIONS.values():
            assert ("Tags" in schema(kind, target.region)["properties"]) == bool(tags), title
        assert tags[-len(TAGS) :] == (WANTED if tags else [])
        if kind == LAUNCH_TEMPLATE:
            ours, started = properties["TagSpecifications"], properties["LaunchTemplateData"]["TagSpecifications"]
            assert [each["ResourceType"] for each in (*ours, *started)] == [
                *("launch-template", "volume", "network-interface")
            ]
            assert all(each["Tags"] == WANTED for each in (*ours, *started))
        if kind == SERVICE:
            assert properties["PropagateTags"] == "SERVICE"


@pytest.mark.parametrize("name", data())
def test_nothing_else_changes_and_nothing_is_replaced(name: str) -> None:
    """A new revision of a task definition, or a new service, would put another image in the deployed one's place."""
    before, after = data(DEFAULT)[name], data(TAGGED)[name]
    assert {key: value for key, value in before.items() if key != "Resources"} == {
        key: value for key, value in after.items() if key != "Resources"
    }
    for title, resource in before["Resources"].items():
        old, new = resource["Properties"], {**after["Resources"][title]["Properties"]}
        if resource["Type"] == LAUNCH_TEMPLATE:
            new["LaunchTemplateData"] = {**new["LaunchTemplateData"]}
            del new["LaunchTemplateData"]["TagSpecifications"]
        changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
        assert changed <= {"Tags", "TagSpecifications", "PropagateTags"}
        if resource["Type"] != LAUNCH_TEMPLATE:
            assert not changed & set(re.findall(r"/properties/(\w+)", str(_create_only(resource["Type"]))))
        assert after["Resources"][title] == {**resource, "Properties": after["Resources"][title]["Properties"]}


def _create_only(kind: str) -> list[str]:
    found = schema(kind, "us-east-1")
    return [*found.get("createOnlyProperties", []), *found.get("conditionalCreateOnlyProperties", [])]


def test_a_resource_keeps_its_own_tags() -> None:
    template = Template()
    template.add_resource(VPC("Vpc", CidrBlock="10.0.0.0/16", Tags=Tags(Name="mine")))
    group = AutoScalingGroup("Group", MinSize="0", MaxSize="1", VPCZoneIdentifier=["x"], LaunchConfigurationName="x")
    template.add_resource(group)
    group.Tags = [{"Key": "Name", "Value": "own", "PropagateAtLaunch": False}]
    add_tags(template, [("name", "other"), ("z", "1"), ("b", "2")])
    found = template.to_dict()["Resources"]
    others = [("z", "1"), ("b", "2")]
    assert found["Vpc"]["Properties"]["Tags"] == [
        {"Key": key, "Value": value} for key, value in [("Name", "mine"), *others]
    ]
    assert found["Group"]["Properties"]["Tags"] == [
        {"Key": "Name", "Value": "own", "PropagateAtLaunch": False},
        *({"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in others),
    ]


def test_without_tags_nothing_is_touched() -> None:
    template = Template()
    template.add_resource(VPC("Vpc", CidrBlock="10.0.0.0/16"))
    before = template.to_dict()
    assert add_tags(template, ()).to_dict() == before


def test_a_type_with_tags_in_another_form_is_noticed() -> None:
    template = Template()
    template.add_resource(Parameter("Value", Type="String", Value="x"))
    with pytest.raises(TypeError):
        add_tags(template, TAGS)


def test_an_older_troposphere_renders_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    known = rendered(TAGGED)
    for kind in (ScalableTarget, Listener):
        monkeypatch.delitem(kind.props, "Tags", raising=False)
    assert render(TAGGED) == dict(known)


ACCEPTED: tuple[object, ...] = (
    (),
    [],
    TAGS,
    [["team", "shop"]],
    [("k" * 127, "v" * 255)],
    [("a b_.:/+-@9", "a b_.:/+-@=9")],
    [("\u90e8\u9580", "\u30b7\u30e7\u30c3\u30d7")],
    [(f"k{number}", "v") for number in range(MAX_TAGS)],
    [("Name", "mine"), ("xaws:", "aws:")],
)
REFUSED: tuple[tuple[object, str], ...] = (
    (None, "give a list"),
    ("team=shop", "give a list"),
    ({"team": "shop"}, "give a list"),
    ([(f"k{number}", "v") for number in range(MAX_TAGS + 1)], "at most 40"),
    (["ab"], "give a pair"),
    ([("a",)], "give a pair"),
    ([("a", "b", "c")], "give a pair"),
    ([("a", 1)], "give a pair"),
    ([("", "v")], "key has 1 to 127"),
    ([("k" * 128, "v")], "key has 1 to 127"),
    ([("k", "")], "value has 1 to 255"),
    ([("k", "v" * 256)], "value has 1 to 255"),
    *(
        ([("k", value)], "value has 1 to 255")
        for value in (" v", "v ", "a,b", "a\n", "${A}", "'", "\u20ac", "a\u00a0b")
    ),
    *(([(key, "v")], "key has 1 to 127") for key in (" k", "k ", "k,", "k\t", "k\\", '"', "(k)", "k*", "k?")),
    ([("a=b", "v")], "no equals sign"),
    *(([(key, "v")], "begin with aws:") for key in ("aws:x", "AWS:x", "aWs:")),
    ([("Team", "v"), ("team", "v")], "two tags"),
    ([("team", "v"), ("team", "w")], "two tags"),
)


@pytest.mark.parametrize("tags", ACCEPTED)
def test_tags_that_every_service_takes(tags: Any) -> None:
    assert list(RenderSettings(tags=tags).tags) == [tuple(pair) for pair in tags]


@pytest.mark.parametrize(("tags", "remedy"), REFUSED)
def test_tags_that_some_service_refuses(tags: Any, remedy: str) -> None:
    with pytest.raises(SettingsError, match=remedy) as caught:
        RenderSettings(tags=tags)
    assert caught.value.field == "RenderSettings.tags"
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("service", "shapes"),
    [
        ("iam", ("tagKeyType", "tagValueType")),
        ("codebuild", ("KeyInput", "ValueInput")),
        ("codepipeline", ("TagKey", "TagValue")),
        ("codecommit", ("TagKey", "TagValue")),
        ("ecs", ("TagKey", "TagValue")),
        ("elbv2", ("TagKey", "TagValue")),
        ("events", ("TagKey", "TagValue")),
        ("logs", ("TagKey", "TagValue")),
        ("sns", ("TagKey", "TagValue")),
        ("application-autoscaling", ("TagKey", "TagValue")),
        ("cloudformation", ("TagKey", "TagValue")),
    ],
)
def test_lengths_are_those_of_the_services(service: str, shapes: tuple[str, str]) -> None:
    model = get_session().get_service_model(service)
    for shape, longest in zip(shapes, (127, 255), strict=True):
        limits = model.shape_for(shape).metadata
        assert limits.get("min", 0) <= 1
        assert limits["max"] >= longest


def test_checked_tags_names_the_field() -> None:
    with pytest.raises(SettingsError, match=r"^Some\.tags: "):
        checked_tags("Some.tags", 1)
