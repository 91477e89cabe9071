"""A variable of another action is of a namespace that an earlier action declares, and one that the action has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from ecs_cd_templates.rules._template import GUIDE, PIPELINE, Action, actions, is_known, properties

_VARIABLE = re.compile(r"#\{([A-Za-z0-9@_-]+)\.([A-Za-z0-9@_./-]+)\}")
_ALWAYS = {"codepipeline", "variables"}

# The variables of each provider's action; those of others are not known.
VARIABLES = {
    "CodeCommit": {
        "AuthorDate",
        "BranchName",
        "CommitId",
        "CommitMessage",
        "CommitterDate",
        "RepositoryName",
    },
    "CodeStarSourceConnection": {
        "AuthorDate",
        "AuthorDisplayName",
        "AuthorEmail",
        "AuthorId",
        "BranchName",
        "CommitId",
        "CommitMessage",
        "CommitUrl",
        "ConnectionArn",
        "FullRepositoryName",
        "ProviderType",
        "PullRequestId",
        "SourceType",
        "TagName",
    },
    "ECR": {"ImageDigest", "ImageTag", "ImageURI", "RegistryId", "RepositoryName"},
    "S3": {"BucketName", "ETag", "ObjectKey", "VersionId"},
}


class VariableNamespaces(CloudFormationLintRule):
    """See the module."""

    id = "E9711"
    shortdesc = "A pipeline's variable is of a namespace that an earlier action declares"
    description = "#{Namespace.Name} names the namespace of an action that runs before, and a variable of this action"
    source_url = f"{GUIDE}/reference-variables.html"
    tags = ["resources", "codepipeline"]  # noqa: RUF012 - cfn-lint's own form

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for each variable that no action before makes."""
        found = []
        for path, pipeline in properties(cfn, PIPELINE):
            every = actions(cfn, pipeline, path) or []
            for action in every:
                found += [
                    RuleMatch([*action.path, "Configuration"], f"{action.name}: {message}")
                    for message in _wrong(action, every)
                ]
        return found


def _wrong(action: Action, every: list[Action]) -> Iterator[str]:
    declared: dict[str, Action] = {}
    for other in every:
        namespace = str(other.values.get("Namespace", ""))
        if namespace and not is_known(namespace):
            return
        declared[namespace] = other
    text = json.dumps(action.configuration)
    for namespace, name in sorted(set(_VARIABLE.findall(text))):
        if namespace.lower() in _ALWAYS:
            continue
        maker = declared.get(namespace)
        if maker is None:
            known = ", ".join(sorted(filter(None, declared))) or "none is declared"
            yield f"#{{{namespace}.{name}}}: no action has the namespace {namespace} ({known})"
        elif (maker.stage, maker.run_order) >= (action.stage, action.run_order) and maker.path != action.path:
            yield f"#{{{namespace}.{name}}}: {maker.name} runs no earlier than this action"
        elif name not in VARIABLES.get(maker.kind[2], {name}):
            known = ", ".join(sorted(VARIABLES[maker.kind[2]]))
            yield f"#{{{namespace}.{name}}}: {maker.kind[2]} has no variable {name}: use {known}"
