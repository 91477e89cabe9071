"""A build's variables are JSON of the right form, and no value of a configuration is too long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from ecs_cd_templates.rules._template import (
    GUIDE,
    PIPELINE,
    Action,
    actions,
    environment_variables,
    is_known,
    properties,
)

# https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionDeclaration.html
LONGEST = 1000
_TYPES = ("PARAMETER_STORE", "PLAINTEXT", "SECRETS_MANAGER")


class ActionVariables(CloudFormationLintRule):
    """See the module."""

    id = "E9703"
    shortdesc = "A build's variables are JSON, and no configuration value is too long"
    description = (
        "EnvironmentVariables is a JSON list of objects with name, value and type, and a value of an action's "
        "configuration has 1,000 characters at most"
    )
    source_url = f"{GUIDE}/action-reference-CodeBuild.html"
    tags = ["resources", "codepipeline", "codebuild"]  # noqa: RUF012 - cfn-lint's own form

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for each list of variables, and each value, that CodePipeline refuses."""
        return [
            RuleMatch([*action.path, "Configuration"], f"{action.name}: {message}")
            for path, pipeline in properties(cfn, PIPELINE)
            for action in actions(cfn, pipeline, path) or []
            for message in (*_too_long(action), *_variables(action))
        ]


def _too_long(action: Action) -> Iterator[str]:
    for key, value in action.configuration.items():
        # What is not known has no length.
        known = re.sub(r"\$\{[^}]*\}|<[A-Za-z0-9.]+>|#\{[^}]*\}", "", value) if isinstance(value, str) else ""
        if len(known) > LONGEST:
            yield f"{key} has {len(known)} characters, {LONGEST} at most are allowed: shorten it"


def _variables(action: Action) -> Iterator[str]:
    try:
        listed = environment_variables(action)
    except ValueError as error:
        yield f"EnvironmentVariables is not valid JSON ({error}): correct it"
        return
    if listed is None:
        return
    if not isinstance(listed, list):
        yield "EnvironmentVariables is not a list: begin it with ["
        return
    for each in listed:
        if not isinstance(each, dict) or not isinstance(each.get("name"), str) or "value" not in each:
            yield f"EnvironmentVariables has an entry without name and value: {each}"
        elif unknown := sorted(set(each) - {"name", "value", "type"}):
            yield f"the variable {each['name']} has {', '.join(unknown)}: give name, value and type only"
        elif is_known(str(each.get("type", "PLAINTEXT"))) and each.get("type", "PLAINTEXT") not in _TYPES:
            yield f"the variable {each['name']} has the type {each['type']}: use {', '.join(_TYPES)}"
