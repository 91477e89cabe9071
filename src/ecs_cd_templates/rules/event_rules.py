"""An event rule starts a pipeline that there is, for the branch that is the pipeline's source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from ecs_cd_templates.rules._template import (
    GUIDE,
    PIPELINE,
    Path,
    actions,
    is_known,
    named_resources,
    properties,
    values,
)

_RULE = "AWS::Events::Rule"


class EventRules(CloudFormationLintRule):
    """See the module."""

    id = "E9710"
    shortdesc = "An event rule starts the pipeline whose source it watches"
    description = (
        "A rule for CodeCommit has a role and starts a pipeline of the template, if there are any, and it is for the "
        "branch of the pipeline's source"
    )
    source_url = f"{GUIDE}/create-cwe-codecommit.html"
    tags = ["resources", "events", "codepipeline"]  # noqa: RUF012 - cfn-lint's own form

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for each target without a role or of no pipeline, and each rule for another branch."""
        pipelines = named_resources(cfn, PIPELINE, "Name")
        found = []
        for path, rule in properties(cfn, _RULE):
            for way in values(cfn, rule):
                if isinstance(way, dict):
                    found += [RuleMatch(where, message) for where, message in _wrong(cfn, way, path, pipelines)]
        return list({(tuple(each.path), each.message): each for each in found}.values())


def _wrong(
    cfn: Any, rule: Mapping[str, Any], path: Path, pipelines: Mapping[str, tuple[Path, Mapping[str, Any]]]
) -> Iterator[tuple[Path, str]]:
    pattern = rule.get("EventPattern", {})
    targets = rule.get("Targets", [])
    if not isinstance(pattern, dict) or not isinstance(targets, list):
        return
    for number, target in enumerate(targets):
        # The names of pseudo parameters have colons, as the ARN has.
        arn = str(target.get("Arn", "")).replace("AWS::", "") if isinstance(target, dict) else ""
        if arn.split(":")[2:3] != ["codepipeline"]:
            continue
        where: Path = [*path, "Targets", number]
        if "RoleArn" not in target:
            yield where, "needs RoleArn: a role that may start the pipeline"
        name = arn.split(":", 5)[5]
        if name in pipelines:
            yield from _branch(cfn, pattern, [*path, "EventPattern"], pipelines[name][1], name)
        # A pipeline of another template is known by its whole name, or by a parameter.
        elif pipelines and "aws.codecommit" in pattern.get("source", []) and not _is_parameter(cfn, name):
            yield where, f"starts the pipeline {name}, which is not in the template"


def _is_parameter(cfn: Any, name: str) -> bool:
    return any(name == f"${{{parameter}}}" for parameter in cfn.template.get("Parameters", {}))


def _branch(
    cfn: Any, pattern: Mapping[str, Any], path: Path, pipeline: Mapping[str, Any], name: str
) -> Iterator[tuple[Path, str]]:
    detail = pattern.get("detail", {})
    branches = detail.get("referenceName") if isinstance(detail, dict) else None
    if "aws.codecommit" not in pattern.get("source", []) or not isinstance(branches, list):
        return
    if not all(isinstance(branch, str) for branch in branches):
        # A prefix or the like, of which more than one branch is.
        return
    sources = {
        str(action.configuration["BranchName"])
        for action in actions(cfn, pipeline, []) or []
        if action.kind[2] == "CodeCommit" and "BranchName" in action.configuration
    }
    if sources and not sources & set(branches) and _comparable(sources, branches):
        text = f"is for {', '.join(branches)}, but the source of {name} is {', '.join(sorted(sources))}"
        yield path, text


def _comparable(sources: set[str], branches: list[str]) -> bool:
    """Whether two texts that differ are different: a parameter may have the value that stands elsewhere."""
    every = [*sources, *branches]
    return all(map(is_known, every)) or not any(map(is_known, every))
