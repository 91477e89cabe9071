"""An action's configuration has the keys that its provider needs, and no others."""

from __future__ import annotations

import difflib
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from ecs_cd_templates.rules._template import GUIDE, PIPELINE, actions, properties

# What each provider needs, and what it takes as well, by category and provider. Others take what they take.
KEYS: dict[tuple[str, str], tuple[set[str], set[str]]] = {
    ("Source", "CodeCommit"): ({"RepositoryName", "BranchName"}, {"PollForSourceChanges", "OutputArtifactFormat"}),
    ("Source", "CodeStarSourceConnection"): (
        {"ConnectionArn", "FullRepositoryId", "BranchName"},
        {"OutputArtifactFormat", "DetectChanges"},
    ),
    ("Source", "ECR"): ({"RepositoryName"}, {"ImageTag"}),
    ("Source", "S3"): ({"S3Bucket", "S3ObjectKey"}, {"PollForSourceChanges", "AllowOverrideForS3ObjectKey"}),
    ("Source", "GitHub"): ({"Owner", "Repo", "Branch", "OAuthToken"}, {"PollForSourceChanges"}),
    **{
        (category, "CodeBuild"): (
            {"ProjectName"},
            {"PrimarySource", "BatchEnabled", "BuildspecOverride", "CombineArtifacts", "EnvironmentVariables"},
        )
        for category in ("Build", "Test")
    },
    ("Approval", "Manual"): (set(), {"NotificationArn", "ExternalEntityLink", "CustomData"}),
    ("Deploy", "ECS"): ({"ClusterName", "ServiceName"}, {"FileName", "DeploymentTimeout"}),
    ("Deploy", "CodeDeploy"): ({"ApplicationName", "DeploymentGroupName"}, set()),
    ("Deploy", "S3"): (
        {"BucketName", "Extract"},
        {"ObjectKey", "KMSEncryptionKeyARN", "CannedACL", "CacheControl"},
    ),
    ("Deploy", "ElasticBeanstalk"): ({"ApplicationName", "EnvironmentName"}, set()),
    ("Invoke", "Lambda"): ({"FunctionName"}, {"UserParameters"}),
    ("Invoke", "StepFunctions"): ({"StateMachineArn"}, {"ExecutionNamePrefix", "InputType", "Input"}),
}


class ActionConfigurations(CloudFormationLintRule):
    """See the module."""

    id = "E9702"
    shortdesc = "The configuration of a pipeline's action has its provider's keys"
    description = "An action's configuration has every key that its provider needs, and none that it does not know"
    source_url = f"{GUIDE}/action-reference.html"
    tags = ["resources", "codepipeline"]  # noqa: RUF012 - cfn-lint's own form

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for each key that is missing or not known."""
        found = []
        for path, pipeline in properties(cfn, PIPELINE):
            for action in actions(cfn, pipeline, path) or []:
                category, owner, provider = action.kind
                given = action.values.get("Configuration", {})
                if owner == "Custom" or (category, provider) not in KEYS or not isinstance(given, dict):
                    continue
                needed, taken = KEYS[category, provider]
                found += [
                    RuleMatch(action.path, f"{action.name}: {provider} needs {key}")
                    for key in sorted(needed - set(given))
                ]
                for key in sorted(set(given) - needed - taken):
                    close = difflib.get_close_matches(key, needed | taken, n=1)
                    remedy = f"use {close[0]}" if close else "leave it out"
                    message = f"{action.name}: {provider} knows no {key}: {remedy}"
                    found.append(RuleMatch([*action.path, "Configuration"], message))
        return found
