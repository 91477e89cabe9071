"""Each rule finds what it is for, in words that say what to do, and nothing else."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint as cfn_lint
from cfnlint.rules import RulesCollection
from rule_cases import CASES, GOOD

from ecs_cd_templates.rules import RULES

DOCS = Path(__file__).parents[2] / "docs" / "rules.md"


def findings(template: Mapping[str, Any], only: str | None = None) -> list[tuple[str, str]]:
    collection = RulesCollection()
    for rule in RULES:
        if only in (None, rule.id):
            collection.register(rule())
    return [(match.rule.id, match.message) for match in cfn_lint(json.dumps(template), rules=collection)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule} {case.what}")
def test_a_rule_finds_what_it_is_for(case: Any) -> None:
    template = copy.deepcopy(GOOD)
    case.make(template)
    assert template != GOOD
    found = findings(template)
    assert {rule for rule, _ in found} == {case.rule}
    assert [message for _, message in found if re.search(case.message, message)], found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_nothing_is_found_in_what_is_right(rule: Any) -> None:
    assert findings(GOOD, rule.id) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_has_cases_and_says_what_it_is_for(rule: Any) -> None:
    assert [case for case in CASES if case.rule == rule.id]
    assert re.fullmatch("E97[0-9]{2}", rule.id)
    assert rule.shortdesc
    assert not rule.shortdesc.endswith(".")
    assert rule.source_url.startswith("https://docs.aws.amazon.com/")
    assert f"| {rule.id} | {rule.shortdesc} | [page]({rule.source_url}) |" in DOCS.read_text(encoding="utf-8")


def test_ids_are_their_own() -> None:
    ids = [rule.id for rule in RULES]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(
    "template",
    [
        {"Resources": {}},
        {"Resources": {"A": {"Type": "AWS::CodePipeline::Pipeline"}}},
        {"Resources": {"A": {"Type": "AWS::CodePipeline::Pipeline", "Properties": {"Stages": {"Ref": "B"}}}}},
        {"Resources": {"A": {"Type": "AWS::CodePipeline::Pipeline", "Properties": {"Stages": [None, {"Actions": 1}]}}}},
        {"Resources": {"A": {"Type": "AWS::CodeBuild::Project", "Properties": {"Source": 1, "Environment": "x"}}}},
        {"Resources": {"A": {"Type": "AWS::ECS::Service", "Properties": {"LoadBalancers": {"Ref": "B"}}}}},
        {"Resources": {"A": {"Type": "AWS::Events::Rule", "Properties": {"Targets": [1], "EventPattern": "x"}}}},
        {"Resources": {"A": {"Type": "AWS::ECR::Repository", "Properties": {"LifecyclePolicy": []}}}},
    ],
    ids=json.dumps,
)
def test_what_is_of_no_form_is_passed_over(template: dict[str, Any]) -> None:
    assert findings(template) == []


def test_what_is_not_known_is_passed_over() -> None:
    template = copy.deepcopy(GOOD)
    template["Parameters"] = {name: {"Type": "String"} for name in ("Text", "Name", "Image")}
    pipeline = template["Resources"]["Pipeline"]["Properties"]
    pipeline["Stages"][1]["Actions"][0]["Configuration"]["EnvironmentVariables"] = {"Ref": "Text"}
    pipeline["Stages"][2]["Actions"][0]["ActionTypeId"]["Provider"] = {"Ref": "Name"}
    template["Resources"]["Project"]["Properties"]["Environment"]["Image"] = {"Ref": "Image"}
    template["Resources"]["Repository"]["Properties"]["LifecyclePolicy"] = {"LifecyclePolicyText": {"Ref": "Text"}}
    assert findings(template) == []
