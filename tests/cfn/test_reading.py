"""A template's text is read back as what it was rendered from."""

from __future__ import annotations

import json

import pytest
import yaml

from ecs_cd_templates import to_yaml
from ecs_cd_templates.catalog import templates
from ecs_cd_templates.cfn.reading import from_yaml


@pytest.mark.parametrize("name", templates())
def test_every_template_comes_back_as_it_was(name: str) -> None:
    template = templates()[name]()
    assert from_yaml(to_yaml(template)) == {"AWSTemplateFormatVersion": "2010-09-09"} | json.loads(template.to_json())


def test_each_short_intrinsic_becomes_its_long_form() -> None:
    text = "[!Ref A, !Condition B, !GetAtt C.D.E, !GetAtt [C, D], !Sub 'x', !Split [',', !Ref A], !Transform {Name: x}]"
    assert from_yaml(text) == [
        {"Ref": "A"},
        {"Condition": "B"},
        {"Fn::GetAtt": ["C", "D.E"]},
        {"Fn::GetAtt": ["C", "D"]},
        {"Fn::Sub": "x"},
        {"Fn::Split": [",", {"Ref": "A"}]},
        {"Fn::Transform": {"Name": "x"}},
    ]


def test_what_is_no_yaml_is_an_error() -> None:
    for text in ("[", "!Ref", "!!python/object/apply:os.getcwd []"):
        if text == "!Ref":
            assert from_yaml(text) == {"Ref": ""}
        else:
            with pytest.raises(yaml.YAMLError):
                from_yaml(text)
