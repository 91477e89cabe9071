"""A pipeline of type V1 has nothing that takes V2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from ecs_cd_templates.rules._template import GUIDE, PIPELINE, Path, actions, properties, values

_OF_PIPELINE = ("ExecutionMode", "Triggers", "Variables")
_OF_STAGE = ("BeforeEntry", "OnFailure", "OnSuccess")
_PROVIDERS = ("Commands", "ECRBuildAndPublish", "InspectorScan", "EC2", "EKS")


class PipelineTypes(CloudFormationLintRule):
    """See the module."""

    id = "E9709"
    shortdesc = "A pipeline of type V1 has nothing of V2"
    description = "Triggers, variables, execution modes, conditions and rollbacks are for pipelines of type V2"
    source_url = f"{GUIDE}/pipeline-types-planning.html"
    tags = ["resources", "codepipeline"]  # noqa: RUF012 - cfn-lint's own form

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for each feature of V2; a pipeline that says nothing is of type V1."""
        found = []
        for path, pipeline in properties(cfn, PIPELINE):
            if values(cfn, pipeline.get("PipelineType", "V1")) == ["V1"]:
                found += [
                    RuleMatch(where, f"{what} takes PipelineType: V2") for where, what in _of_v2(cfn, pipeline, path)
                ]
        return found


def _of_v2(cfn: Any, pipeline: Any, path: Path) -> Iterator[tuple[Path, str]]:
    for key in _OF_PIPELINE:
        # What V1 does anyway is no feature.
        if key in pipeline and values(cfn, pipeline[key]) not in ([], [[]], ["SUPERSEDED"]):
            yield [*path, key], key
    stages = pipeline.get("Stages")
    for number, stage in enumerate(stages if isinstance(stages, list) else []):
        for key in _OF_STAGE:
            if isinstance(stage, dict) and key in stage:
                yield [*path, "Stages", number, key], key
    for action in actions(cfn, pipeline, path) or []:
        if action.kind[1:] in [("AWS", provider) for provider in _PROVIDERS]:
            yield action.path, f"the provider {action.kind[2]}"
