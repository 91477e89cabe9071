"""A build that calls docker is privileged."""

from __future__ import annotations

import re
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from ecs_cd_templates.rules._template import PROJECT, properties, values

_CALLS_DOCKER = re.compile(r"(?:^|[\s;&|(\"'\[])docker(?:-compose)? +(?:build|buildx|compose|pull|push|run|up)\b")


class PrivilegedBuilds(CloudFormationLintRule):
    """See the module."""

    id = "E9706"
    shortdesc = "A build that calls docker is privileged"
    description = "A CodeBuild project whose buildspec in the template calls docker has PrivilegedMode: true"
    source_url = "https://docs.aws.amazon.com/codebuild/latest/userguide/sample-docker.html"
    tags = ["resources", "codebuild"]  # noqa: RUF012 - cfn-lint's own form

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for each project that calls docker in vain; a buildspec in a file is not looked at."""
        found = []
        for path, project in properties(cfn, PROJECT):
            source = project.get("Source")
            specs = values(cfn, source.get("BuildSpec", "")) if isinstance(source, dict) else []
            environment = project.get("Environment")
            if not isinstance(environment, dict) or not any(_CALLS_DOCKER.search(str(each)) for each in specs):
                continue
            kinds = values(cfn, environment.get("Type", "LINUX_CONTAINER"))
            privileged = values(cfn, environment.get("PrivilegedMode", False))
            if all(str(each).lower() == "false" for each in privileged) and "WINDOWS" not in str(kinds):
                message = "the build calls docker, which needs PrivilegedMode: true"
                found.append(RuleMatch([*path, "Environment"], message))
        return found
