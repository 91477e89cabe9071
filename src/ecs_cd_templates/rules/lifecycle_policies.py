"""The text of an ECR repository's lifecycle policy is one that ECR takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from ecs_cd_templates.rules._template import is_known, properties, values

_STATUS = ("any", "tagged", "untagged")
_COUNTS = ("imageCountMoreThan", "sinceImagePulled", "sinceImagePushed", "sinceImageTransitioned")
_ACTIONS = ("expire", "transition")


class LifecyclePolicies(CloudFormationLintRule):
    """See the module."""

    id = "E9708"
    shortdesc = "A repository's lifecycle policy is one that ECR takes"
    description = "LifecyclePolicyText is JSON with rules that ECR takes, each with a priority of its own"
    source_url = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html"
    tags = ["resources", "ecr"]  # noqa: RUF012 - cfn-lint's own form

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for each thing that ECR refuses in a text that is known."""
        found = []
        for path, repository in properties(cfn, "AWS::ECR::Repository"):
            policy = repository.get("LifecyclePolicy")
            text = policy.get("LifecyclePolicyText") if isinstance(policy, dict) else None
            for way in [] if text is None else values(cfn, text):
                if is_known(way):
                    where = [*path, "LifecyclePolicy", "LifecyclePolicyText"]
                    found += [RuleMatch(where, message) for message in problems(way)]
        return found


def problems(text: str) -> Iterator[str]:
    """What ECR refuses in the text, in words."""
    try:
        rules = json.loads(text)["rules"]
    except ValueError as error:
        yield f"is not valid JSON ({error}): correct it"
        return
    except (KeyError, TypeError):
        yield 'has no rules: begin it with {"rules": [{'
        return
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        yield "its rules are not a list of rules"
        return
    priorities = [rule.get("rulePriority") for rule in rules]
    for priority in sorted({str(each) for each in priorities if priorities.count(each) > 1}):
        yield f"has two rules of the priority {priority}: give each its own"
    for rule in rules:
        for problem in _of_rule(rule):
            yield f"rule {rule.get('rulePriority', 'without a priority')}: {problem}"
    last = max((each for each in priorities if isinstance(each, int)), default=0)
    for rule in rules:
        selection = rule.get("selection", {})
        if isinstance(selection, dict) and selection.get("tagStatus") == "any" and rule.get("rulePriority") != last:
            yield f"rule {rule.get('rulePriority')}: is for any image, so give it the highest priority"


def _of_rule(rule: dict[str, Any]) -> Iterator[str]:
    if not isinstance(rule.get("rulePriority"), int) or rule["rulePriority"] < 1:
        yield "its priority is not a number from 1"
    selection = rule.get("selection")
    if not isinstance(selection, dict):
        yield "has no selection"
        return
    status = selection.get("tagStatus")
    if status not in _STATUS:
        yield f"there is no tagStatus {status}: use {', '.join(_STATUS)}"
    tags = [key for key in ("tagPrefixList", "tagPatternList") if selection.get(key)]
    if status == "tagged" and len(tags) != 1:
        yield "is for tagged images, and needs either tagPrefixList or tagPatternList"
    if status != "tagged" and tags:
        yield f"has {tags[0]}, which is for tagStatus tagged only"
    yield from _of_count(selection)
    action = rule.get("action")
    if not isinstance(action, dict) or action.get("type") not in _ACTIONS:
        yield "its action is not of the type expire or transition"


def _of_count(selection: dict[str, Any]) -> Iterator[str]:
    count = selection.get("countType")
    if count not in _COUNTS:
        yield f"there is no countType {count}: use {', '.join(_COUNTS)}"
    elif count == "imageCountMoreThan" and "countUnit" in selection:
        yield "counts images, and takes no countUnit"
    elif count != "imageCountMoreThan" and selection.get("countUnit") != "days":
        yield "counts days, and needs countUnit days"
    number = selection.get("countNumber")
    if not isinstance(number, int) or number < 1:
        yield f"its countNumber is {number}: use a number from 1"
