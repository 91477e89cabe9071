"""YAML for people, and the same data for every reader."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from cfnlint.decode import cfn_yaml
from troposphere import Base64, GetAtt, Join, Output, Parameter, Ref, Select, Split, Sub, Template
from troposphere.sns import Topic

from ecs_cd_templates import to_yaml
from ecs_cd_templates.catalog import templates
from ecs_cd_templates.cfn.rendering import SECTIONS
from support import ROOT, built, data, load, rendered


def plain(node: Any) -> Any:
    """cfn-lint's nodes as plain data."""
    if isinstance(node, dict):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(item) for item in node]
    return str(node) if isinstance(node, str) else node


@pytest.mark.parametrize("name", templates())
def test_committed_templates_are_what_is_rendered(name: str) -> None:
    assert (ROOT / "templates" / name).read_text(encoding="utf-8") == rendered()[name]


def test_no_committed_template_is_left_over() -> None:
    assert {path.name for path in (ROOT / "templates").iterdir()} == set(templates())


@pytest.mark.parametrize("name", templates())
def test_text_reads_back_as_the_template(name: str) -> None:
    wanted = {"AWSTemplateFormatVersion": "2010-09-09", **built()[name]}
    assert data()[name] == wanted
    # A second reader, the one that CI lints with.
    assert plain(cfn_yaml.loads(rendered()[name])) == wanted


@pytest.mark.parametrize("name", templates())
def test_sections_and_parameters_are_in_reading_order(name: str) -> None:
    template = data()[name]
    assert list(template) == [section for section in SECTIONS if section in template]
    for resource in template["Resources"].values():
        assert (next(iter(resource)), list(resource)[-1]) == ("Type", "Properties")


@pytest.mark.parametrize("name", templates())
def test_style(name: str) -> None:
    text = rendered()[name]
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    # A node has one tag at most, and this function's argument is always another function.
    assert "Fn::" not in text.replace("Fn::Base64: !Sub |", "")
    assert not re.search(r"^\s*(?:- )?Ref:", text, re.MULTILINE)
    assert not re.search(r"(?:^|\s)[&*][A-Za-z0-9]+\s*$", text, re.MULTILINE), "an anchor or an alias"
    assert not re.search(r": [\[{]", re.sub(r"'(?:[^']|'')*'", "''", text)), "flow style"
    assert not re.search(r"[ \t]$", text, re.MULTILINE)


@pytest.mark.parametrize(
    "value",
    [
        "012345678901",
        "123e456",
        "1_000",
        "0x1f",
        "0o17",
        "1:30",
        ".5",
        "+1",
        "-1",
        "=",
        "-",
        "yes",
        "No",
        "on",
        "OFF",
        "y",
        "null",
        "~",
        "true",
        "",
        " lead",
        "trail ",
        "a: b",
        "a #b",
        "# a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "'a'",
        '"a"',
        "{a}",
        "[a]",
        "2012-10-17",
        "line\nline\n",
        "line\n\n  indented",
        "tab\there",
        "é\u2028\u0085\ufeff",
        "\U0001f680",
        "x" * 5000 + " " + "y" * 5000,
    ],
)
def test_awkward_text_stays_text(value: str) -> None:
    template = Template(Description="d")
    template.add_resource(Topic("Topic", DisplayName=value, TopicName=Sub(value or "x")))
    text = to_yaml(template)
    properties = load(text)["Resources"]["Topic"]["Properties"]
    assert properties == {"DisplayName": value, "TopicName": {"Fn::Sub": value or "x"}}
    assert plain(cfn_yaml.loads(text))["Resources"]["Topic"]["Properties"] == properties
    # YAML's base schema: a plain scalar would be read as another type by some reader.
    if re.match(r"[0-9.+=-]", value):
        assert f"DisplayName: '{value}'" in text


def test_shared_objects_do_not_become_anchors() -> None:
    template = Template(Description="d")
    shared = {"a": ["b"]}
    template.set_metadata({"One": shared, "Two": shared})
    template.add_resource(Topic("Topic"))
    assert load(to_yaml(template))["Metadata"] == {"One": shared, "Two": shared}
    assert "&" not in to_yaml(template)


def test_intrinsics_inside_intrinsics() -> None:
    template = Template(Description="d")
    name = template.add_parameter(Parameter("Name", Type="String"))
    topic = template.add_resource(Topic("Topic"))
    values = {
        "A": Base64(Sub("${Name}")),
        "B": Join("-", [Ref(name), GetAtt(topic, "TopicArn")]),
        "C": Select(0, Split(",", Ref(name))),
        "D": Sub("${x}", x=GetAtt("Topic", "TopicArn.Nested")),
    }
    for title, value in values.items():
        template.add_output(Output(title, Value=value))
    text = to_yaml(template)
    assert load(text)["Outputs"] == {
        "A": {"Value": {"Fn::Base64": {"Fn::Sub": "${Name}"}}},
        "B": {"Value": {"Fn::Join": ["-", [{"Ref": "Name"}, {"Fn::GetAtt": ["Topic", "TopicArn"]}]]}},
        "C": {"Value": {"Fn::Select": [0, {"Fn::Split": [",", {"Ref": "Name"}]}]}},
        "D": {"Value": {"Fn::Sub": ["${x}", {"x": {"Fn::GetAtt": ["Topic", "TopicArn.Nested"]}}]}},
    }


def test_text_is_safe_yaml_without_our_tags() -> None:
    class Ignoring(yaml.SafeLoader):
        pass

    Ignoring.add_multi_constructor("!", lambda loader, suffix, node: None)
    for text in rendered().values():
        assert yaml.load(text, Ignoring)
