"""An action's provider exists, in its category, owner and version."""

from __future__ import annotations

from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from ecs_cd_templates.rules._template import GUIDE, PIPELINE, actions, is_known, properties

# Providers of AWS's and of third parties by category. Custom ones are an account's own.
PROVIDERS = {
    "Source": {"CodeCommit", "CodeStarSourceConnection", "ECR", "GitHub", "S3"},
    "Build": {"CodeBuild", "ECRBuildAndPublish"},
    "Test": {"BlazeMeter", "CodeBuild", "DeviceFarm", "GhostInspector", "StormRunnerLoad", "Nouvola", "Runscope"},
    "Deploy": {
        "AlexaSkillsKit",
        "AppConfig",
        "CloudFormation",
        "CloudFormationStackInstances",
        "CloudFormationStackSet",
        "CodeDeploy",
        "CodeDeployToECS",
        "EC2",
        "ECS",
        "EKS",
        "ElasticBeanstalk",
        "Lambda",
        "OpsWorks",
        "S3",
        "ServiceCatalog",
        "XebiaLabs",
    },
    "Approval": {"Manual"},
    "Invoke": {"CodePipeline", "InspectorScan", "Lambda", "Snyk", "StepFunctions"},
    "Compute": {"Commands"},
}
_OWNERS = ("AWS", "Custom", "ThirdParty")
# The category's usual source is of AWS's; these are of third parties in some accounts' tables.
_THIRD_PARTY = {"AlexaSkillsKit", "BlazeMeter", "GhostInspector", "GitHub", "Nouvola", "Runscope", "Snyk"}
_THIRD_PARTY |= {"StormRunnerLoad", "XebiaLabs"}


class ActionProviders(CloudFormationLintRule):
    """See the module."""

    id = "E9701"
    shortdesc = "The provider of a pipeline's action exists"
    description = "An action's provider is one that CodePipeline has in its category, of its owner and version"
    source_url = f"{GUIDE}/actions-valid-providers.html"
    tags = ["resources", "codepipeline"]  # noqa: RUF012 - cfn-lint's own form

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for each action with another provider, owner or version."""
        found = []
        for path, pipeline in properties(cfn, PIPELINE):
            for action in actions(cfn, pipeline, path) or []:
                message = _wrong(*action.kind, action.values.get("ActionTypeId", {}).get("Version", "1"))
                if message is not None:
                    found.append(RuleMatch([*action.path, "ActionTypeId"], f"{action.name}: {message}"))
        return found


def _wrong(category: str, owner: str, provider: str, version: Any) -> str | None:  # noqa: PLR0911 - a case each
    if not all(map(is_known, (category, owner, provider))) or owner == "Custom":
        return None
    if owner not in _OWNERS:
        return f"there is no owner {owner}: use {', '.join(_OWNERS)}"
    known = PROVIDERS.get(category)
    if known is None:
        return f"there is no category {category}: use {', '.join(PROVIDERS)}"
    if provider not in known:
        others = [name for name, those in PROVIDERS.items() if provider in those]
        where = f"it is in {' and '.join(others)}" if others else f"use {', '.join(sorted(known))}"
        return f"{category} has no provider {provider}: {where}"
    if owner == "ThirdParty" and provider not in _THIRD_PARTY:
        return f"{provider} is of the owner AWS"
    if is_known(str(version)) and str(version) != "1" and provider != "CodeStarSourceConnection":
        return f"{provider} has no version {version}: use 1"
    return None
