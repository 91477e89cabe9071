"""What comes after everything else does so whatever the conditions say."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troposphere import AWSObject, Equals, GetAtt, If, NoValue, Parameter, Ref, Sub, Template
from troposphere.sns import Topic

from creation_order import Order
from ecs_cd_templates.cfn.order import come_after, last_resources
from ecs_cd_templates.cfn.rendering import to_yaml
from support import load

CONDITIONS = ("One", "Other")


def template_of(*resources: AWSObject) -> Template:
    template = Template(Description="d")
    for name in CONDITIONS:
        parameter = template.add_parameter(Parameter(f"{name}Is", Type="String", Default="no"))
        template.add_condition(name, Equals(Ref(parameter), "yes"))
    for resource in resources:
        template.add_resource(resource)
    return template


def outcomes() -> list[dict[str, bool]]:
    return [dict(zip(CONDITIONS, each, strict=True)) for each in itertools.product((False, True), repeat=2)]


def made_before(template: Template, conditions: dict[str, bool]) -> dict[str, set[str]]:
    """The order, worked out from the text by the tests' own means."""
    return Order(load(to_yaml(template))).made_before(conditions)


def topic(title: str, name: Any = "name", **attributes: Any) -> Topic:
    return Topic(title, TopicName=name, **attributes)


@pytest.mark.parametrize(
    "reference",
    [
        {"name": Ref("First")},
        {"name": GetAtt("First", "TopicName")},
        {"name": Sub("x-${First.TopicName}")},
        {"name": Sub("x-${own}", own=Ref("First"))},
        {"DependsOn": "First"},
        {"DependsOn": ["First"]},
        {"Metadata": {"After": [Ref("First")]}},
    ],
)
def test_what_another_waits_for_is_not_the_last(reference: dict[str, Any]) -> None:
    assert last_resources(template_of(topic("First"), topic("Second", **reference))) == {"Second": None}


def test_what_another_may_not_wait_for_is_among_the_last() -> None:
    template = template_of(
        topic("Sides"),
        topic("InOne"),
        topic("Shared", Condition="One"),
        # Refers to either, as a condition says.
        topic("Either", If("One", Ref("Sides"), "none")),
        # Is not always there itself.
        topic("Sometimes", Ref("InOne"), Condition="One"),
        topic("WithShared", Ref("Shared"), Condition="One"),
    )
    assert last_resources(template) == {
        "Sides": None,
        "InOne": None,
        "Either": None,
        "Sometimes": "One",
        "WithShared": "One",
    }


def test_what_is_sometimes_there_is_waited_for_by_a_reference() -> None:
    """``DependsOn`` takes nothing whose condition may not hold."""
    last = topic("Last", Ref("Always"))
    come_after(last, {"Always": None, "Plain": None, "Sometimes": "One"})
    resource = last.to_dict()
    assert resource["DependsOn"] == ["Plain"], "what is referred to anyway is not said twice"
    assert resource["Metadata"] == {
        "CreatedAfter": [{"Fn::If": ["One", {"Ref": "Sometimes"}, {"Ref": "AWS::NoValue"}]}]
    }


def test_a_reference_that_may_not_be_taken_is_none_to_rely_on() -> None:
    last = topic("Last", If("One", Ref("First"), "none"))
    come_after(last, {"First": None})
    assert last.to_dict()["DependsOn"] == ["First"]


TITLES = [f"R{number}" for number in range(6)]


@st.composite
def templates(draw: st.DrawFn) -> Template:
    """Resources with and without conditions, each referring to some before it in some way."""
    resources: list[AWSObject] = []
    conditions: dict[str, str | None] = {}
    for title in TITLES:
        condition = draw(st.sampled_from((None, *CONDITIONS)))
        attributes: dict[str, Any] = {} if condition is None else {"Condition": condition}
        parts: list[Any] = []
        for earlier, its_condition in conditions.items():
            way = draw(st.sampled_from(("no", "ref", "depends", "if", "if not")))
            always = its_condition in (None, condition)
            if way == "ref" and always:
                parts.append(Ref(earlier))
            elif way == "depends" and always:
                attributes.setdefault("DependsOn", []).append(earlier)
            elif way == "if":
                parts.append(If(its_condition or "One", Ref(earlier), NoValue))
            elif way == "if not" and its_condition is None:
                parts.append(If("Other", NoValue, GetAtt(earlier, "TopicName")))
        conditions[title] = condition
        resources.append(topic(title, Metadata={"Uses": parts}, **attributes))
    return template_of(*resources)


@given(template=templates())
def test_what_comes_after_the_last_comes_after_all(template: Template) -> None:
    last = topic("Last")
    come_after(last, last_resources(template))
    template.add_resource(last)
    for conditions in outcomes():
        before = made_before(template, conditions)
        assert before["Last"] == before.keys() - {"Last"}


def test_the_order_that_the_tests_work_out_is_one() -> None:
    """A circle, and what is waited for and not there, are what CloudFormation refuses."""
    circle = template_of(topic("A", Ref("B")), topic("B", Ref("A")))
    with pytest.raises(AssertionError, match="a circle"):
        made_before(circle, outcomes()[0])
    missing = template_of(topic("A", Condition="One"), topic("B", Ref("A")))
    with pytest.raises(AssertionError, match=r"B waits for \['A'\], which is not made"):
        made_before(missing, outcomes()[0])
    assert made_before(missing, outcomes()[-1])["B"] == {"A"}


def test_no_list_of_nothing_to_wait_for() -> None:
    """Whether CloudFormation takes an empty one is not documented."""
    topic = Topic("Topic")
    come_after(topic, {})
    come_after(topic, {"Bucket": "Made"})
    assert "DependsOn" not in topic.to_dict()
