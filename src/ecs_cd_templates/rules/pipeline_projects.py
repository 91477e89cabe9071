"""A build project that a pipeline uses takes its source from the pipeline and gives its artifacts back."""

from __future__ import annotations

from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from ecs_cd_templates.rules._template import PIPELINE, PROJECT, actions, is_known, named_resources, properties, values


class PipelineProjects(CloudFormationLintRule):
    """See the module."""

    id = "E9705"
    shortdesc = "A pipeline's build project has source and artifacts of the pipeline"
    description = "Source and artifacts of a CodeBuild project that a pipeline uses are of the type CODEPIPELINE"
    source_url = "https://docs.aws.amazon.com/codebuild/latest/userguide/how-to-create-pipeline.html"
    tags = ["resources", "codebuild"]  # noqa: RUF012 - cfn-lint's own form

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for each source and artifacts of another type, and for one of the two alone."""
        projects = named_resources(cfn, PROJECT, "Name")
        used = {
            str(projects[name][0][1])
            for path, pipeline in properties(cfn, PIPELINE)
            for action in actions(cfn, pipeline, path) or []
            if (name := action.configuration.get("ProjectName")) in projects and action.kind[2] == "CodeBuild"
        }
        found = []
        for path, project in properties(cfn, PROJECT):
            types = {part: _types(cfn, project.get(part, {})) for part in ("Source", "Artifacts")}
            if any(not all(map(is_known, those)) for those in types.values()):
                continue
            either = any("CODEPIPELINE" in those for those in types.values())
            for part, those in types.items():
                if (either or path[1] in used) and those != ["CODEPIPELINE"] and those:
                    message = f"{part} is of the type {those[0]}, but a pipeline uses this project: use CODEPIPELINE"
                    found.append(RuleMatch([*path, part], message))
        return found


def _types(cfn: Any, part: Any) -> list[Any]:
    found = [way.get("Type") for way in values(cfn, part) if isinstance(way, dict)]
    return list(dict.fromkeys(found))
