"""Each stack opens the form of the next, filled in with what it made."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecs_cd_templates import RenderSettings, SettingsError, constraints, to_yaml
from ecs_cd_templates.cfn.constraint import Constraint
from ecs_cd_templates.cfn.evaluation import resolve
from ecs_cd_templates.cfn.partitions import PARTITIONS
from ecs_cd_templates.launch.bundle import (
    Folder,
    published_templates,
)
from ecs_cd_templates.launch.next_steps import REPLACED, NextStep, add_next_step, next_steps
from ecs_cd_templates.launch.parameter_files import check_some
from ecs_cd_templates.launch.quick_create import stack_name
from ecs_cd_templates.steps import BUILD_STEPS
from forms import decode
from support import BUCKET_REGIONS, data, parameters, published_data, rendered
from support import PARTITIONS as TARGETS

PUBLISHED_URL = {
    partition: Folder(bucket="my-bucket", region=region, prefix="(a)").url("0123456789ab")
    for partition, region in BUCKET_REGIONS.items()
}


def _linked(partition: str) -> Mapping[str, dict[str, Any]]:
    """The catalogue as it is published in a partition."""
    return published_data(PUBLISHED_URL[partition])


NEXT_STEPS = next_steps(BUILD_STEPS)

# What no template before the pipelines asks for.
NEW_TO_THE_PIPELINES = {"CodeCommitBranchName", "ECSTaskContainerName", "LifecyclePolicyText"}


def _launches(template: Mapping[str, Any]) -> list[str]:
    return [name for name in template.get("Outputs", {}) if name.startswith("Launch")]


def test_a_template_that_is_not_published_names_no_address() -> None:
    for name, text in rendered().items():
        assert _launches(data()[name]) == []
        assert "templateURL" not in text, name


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("name", NEXT_STEPS)
def test_each_stack_opens_the_next_form_with_what_it_made(name: str, partition: str) -> None:
    template, target = _linked(partition)[name], TARGETS[partition]
    outputs = resolve(template, parameters(name), target).outputs
    steps = NEXT_STEPS[name]
    assert len(_launches(template)) == len(steps)
    for output, step in zip(_launches(template), steps, strict=True):
        form = decode(outputs[output])
        assert form.host == f"{target.region}.{PARTITIONS[partition].console_domain}"
        assert form.region == target.region
        assert form.template_url == f"{PUBLISHED_URL[partition]}/{step.template}"
        assert form.stack_name == stack_name(step.template)
        asked = _linked(partition)[step.template]["Parameters"]
        known = {
            each: outputs[step.outputs.get(each, each)] for each in asked if step.outputs.get(each, each) in outputs
        }
        assert form.parameters == known, "everything that the stack knows, and nothing else"
        assert known
        share = f"{len(known)} of its {len(asked)} fields filled in"
        assert template["Outputs"][output]["Description"] == f"Opens the form of {step.template} with {share}"
        check_some(_linked(partition)[step.template], known)


def test_after_the_prerequisites_nobody_types_a_name_twice() -> None:
    outputs = resolve(_linked("aws")["prerequisites.yaml"], {}, TARGETS["aws"]).outputs
    for step in NEXT_STEPS["prerequisites.yaml"]:
        launch = next(name for name in outputs if decode_if_launch(name, outputs, step))
        left = set(_linked("aws")[step.template]["Parameters"]) - set(decode(outputs[launch]).parameters)
        assert {re.sub(r"For[A-Za-z]+Env$", "", each) for each in left} <= NEW_TO_THE_PIPELINES


def decode_if_launch(name: str, outputs: Mapping[str, str], step: NextStep) -> bool:
    return name.startswith("Launch") and decode(outputs[name]).template_url.endswith(f"/{step.template}")


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    project=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_-]{1,20}\Z"),
    role=st.text("+=,.@_-aZ9", min_size=1, max_size=64),
    path=st.sampled_from(["", "a/", "service-role/", "+=/@,/"]),
    existing=st.booleans(),
)
def test_names_survive_the_chain(project: str, role: str, path: str, existing: bool) -> None:
    values = {
        "CodeBuildNodejsProjectName": project,
        "CodeBuildNodejsServiceRoleName": f"{constraints.EXISTING}{path}{role}" if existing else role,
    }
    outputs = resolve(_linked("aws")["prerequisites.yaml"], values, TARGETS["aws"]).outputs
    assert decode(outputs["LaunchCodeBuildNodejs"]).parameters == {
        "CodeBuildProjectName": project,
        "CodeBuildServiceRoleName": path + role if existing else role,
    }


# What is itself in an address's fragment (RFC 3986) and also where a form's decoder reads it.
PLAIN = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:@,")
_parser: Any = importlib.import_module("re._parser")


def _alphabet(parsed: Any) -> Iterator[str]:
    """Every character that a match can have; what looks ahead only takes some away."""
    for kind, argument in parsed:
        match str(kind):
            case "LITERAL":
                yield chr(argument)
            case "RANGE":
                yield from map(chr, range(argument[0], argument[1] + 1))
            case "IN":
                yield from _alphabet(argument)
            case "MAX_REPEAT" | "MIN_REPEAT":
                yield from _alphabet(argument[2])
            case "SUBPATTERN":
                yield from _alphabet(argument[3])
            case "BRANCH":
                for branch in argument[1]:
                    yield from _alphabet(branch)
            case "ASSERT" | "ASSERT_NOT" | "AT":
                pass
            case _:
                raise ValueError(f"{kind}: no end of characters")


@pytest.mark.parametrize("constraint", REPLACED, ids=lambda constraint: constraint.message[:40])
def test_a_name_that_is_filled_in_has_only_characters_of_an_address(constraint: Constraint) -> None:
    alphabet = set(_alphabet(_parser.parse(constraint.pattern)))
    assert alphabet - PLAIN == set(REPLACED[constraint])


@pytest.mark.parametrize("constraint", [constraints.BRANCH, constraints.ROLE_NAME, constraints.LIFECYCLE_POLICY])
def test_other_values_are_not_filled_in(constraint: Constraint) -> None:
    assert constraint not in REPLACED
    with suppress(ValueError):
        assert set(_alphabet(_parser.parse(constraint.pattern))) - PLAIN > {"+", "="}


@pytest.mark.parametrize(
    ("value", "filled_in"),
    [
        ("a literal", False),
        ({"Ref": "Name"}, True),
        ({"Ref": "Branch"}, False),
        ({"Ref": "Project"}, True),
        ({"Ref": "Unnamed"}, False),
        ({"Ref": "AWS::StackName"}, True),
        ({"Ref": "AWS::Partition"}, True),
        ({"Ref": "AWS::AccountId"}, True),
        ({"Ref": "AWS::NotificationARNs"}, False),
        ({"Fn::Sub": "x-${Name}-${AWS::Region}"}, True),
        ({"Fn::Sub": "x ${Name}"}, False),
        ({"Fn::Sub": "x-${Branch}"}, False),
        ({"Fn::Sub": ["${Name}", {"Name": {"Ref": "Branch"}}]}, False),
        ({"Fn::If": ["Condition of any name", "a", {"Ref": "Name"}]}, True),
        ({"Fn::If": ["C", "a", {"Ref": "Branch"}]}, False),
        ({"Fn::Join": ["&", [{"Ref": "Name"}, "b"]]}, False),
        ({"Fn::Join": ["", {"Fn::Split": ["=", {"Ref": "Name"}]}]}, True),
        ({"Fn::GetAtt": ["Project", "Arn"]}, False),
    ],
)
def test_only_what_may_stand_in_an_address_is_filled_in(value: Any, filled_in: bool) -> None:
    from troposphere import AWSHelperFn, Output, Parameter, Ref, Template
    from troposphere.codebuild import Project

    class Raw(AWSHelperFn):
        def __init__(self, data: Any) -> None:
            self.data = data

    template = Template()
    template.add_parameter(Parameter("Name", Type="String", AllowedPattern=constraints.BUILD_PROJECT.pattern))
    template.add_parameter(Parameter("Branch", Type="String", AllowedPattern=constraints.BRANCH.pattern))
    template.add_resource(Project("Project", validation=False, Name=Ref("Name")))
    template.add_resource(Project("Unnamed", validation=False))
    template.add_output(Output("Value", Value=Raw(value) if isinstance(value, dict) else value))
    add_next_step(template, NextStep("next.yaml"), {"Value": None, "Other": None}, "https://b.s3.amazonaws.com/p")
    launch = json.dumps(template.outputs["LaunchNext"].to_dict())
    assert ("&param_Value=${Value}" in launch) == filled_in
    assert "param_Other" not in launch


def test_the_address_must_be_one_of_s3() -> None:
    with pytest.raises(SettingsError, match=r"published address: 'https://example\.com': CloudFormation reads"):
        published_templates(RenderSettings(), "https://example.com", nested=False)


@pytest.mark.slow
def test_linked_templates_lint_without_findings(tmp_path: Path) -> None:
    for name, build in published_templates(RenderSettings(), PUBLISHED_URL["aws"], nested=False).items():
        if name in NEXT_STEPS:
            (tmp_path / name).write_text(to_yaml(build()), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("cfn-lint")), *map(str, tmp_path.iterdir()), "--include-checks", "I"]
    # I3042 is about the regions of other partitions; E3002 and the like are what this is for.
    linted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")
