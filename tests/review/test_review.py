"""What is found in edited templates that no linter sees, and that nothing is found in those that are right."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest
from edits import MISTAKES, RIGHT, Edit

from ecs_cd_templates.catalog import RenderSettings
from ecs_cd_templates.cfn.evaluation import Target
from ecs_cd_templates.review import review
from support import NETWORKS, data, network_values, parameters

TARGET = Target(account="123456789012", region="eu-west-1")

# The kinds of mistakes that are found without cfn-lint; of the others, its rules are the judge.
OURS = {
    "permission missing",
    "permission too wide",
    "trust",
    "security group",
    "processor",
    "order of creation",
    "rule",
    "deployment",
    "reference",
}


@cache
def quick_start() -> Any:
    return data()["quick-start.yaml"]


def edited(edit: Edit) -> Any:
    template = copy.deepcopy(quick_start())
    edit.make(template)
    assert template != quick_start(), "the edit changes nothing"
    return template


def test_there_are_enough_edits() -> None:
    assert len(MISTAKES) >= 60
    assert len({edit.kind for edit in MISTAKES}) >= 25
    assert len(RIGHT) >= 20
    assert len({(edit.kind, edit.what) for edit in MISTAKES}) == len(MISTAKES)


@pytest.mark.parametrize("edit", [each for each in MISTAKES if each.kind in OURS], ids=lambda edit: edit.what)
def test_a_mistake_is_found(edit: Edit) -> None:
    findings = review(edited(edit), {}, TARGET)
    assert findings
    assert not [each for each in findings if "cannot be checked" in each.text]


@pytest.mark.parametrize("edit", [each for each in MISTAKES if each.kind not in OURS], ids=lambda edit: edit.what)
def test_no_mistake_makes_it_fail(edit: Edit) -> None:
    review(edited(edit), {}, TARGET)


@pytest.mark.parametrize("edit", RIGHT, ids=lambda edit: edit.what)
def test_nothing_is_found_in_what_is_right(edit: Edit) -> None:
    assert review(edited(edit), {}, TARGET) == []


@pytest.mark.slow
@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "us-gov-west-1"])
@pytest.mark.parametrize("name", data())
def test_nothing_is_found_in_our_templates(name: str, region: str) -> None:
    partition = {"us-east-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}[region]
    target = Target(account="123456789012", region=region, partition=partition)
    assert review(data()[name], parameters(name), target) == []


@pytest.mark.slow
@pytest.mark.parametrize("launch_type", ["FARGATE", "EC2"])
@pytest.mark.parametrize("network", NETWORKS)
def test_nothing_is_found_in_any_kind_of_quick_start(network: str, launch_type: str) -> None:
    template = data(NETWORKS[network])["quick-start.yaml"]
    values = {"ECSLaunchType": launch_type, "ECSTaskCountForDevEnv": "1-3", **network_values(template)}
    assert review(template, values, TARGET) == []


def test_a_missing_value_is_the_only_finding() -> None:
    (finding,) = review(data()["code-build-nodejs.yaml"], {}, TARGET)
    assert (finding.where, finding.check) == ("CodeBuildProjectName", "values")


def test_a_role_that_is_not_in_the_template_is_not_looked_at() -> None:
    template = copy.deepcopy(data()["deployment-pipeline-with-approval.yaml"])
    assert review(template, parameters("deployment-pipeline-with-approval.yaml"), TARGET) == []


def test_settings_of_other_kinds_are_found_right() -> None:
    for settings in (
        RenderSettings(architecture="ARM64"),
        RenderSettings(container_port=3000, first_image="public.ecr.aws/docker/library/httpd:2"),
    ):
        assert review(data(settings)["quick-start.yaml"], {}, TARGET) == []
