"""The roles in a template may do what its pipelines, builds and event rules call."""

from __future__ import annotations

from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from ecs_cd_templates.cfn.evaluation import Target
from ecs_cd_templates.errors import EcsCdTemplatesError
from ecs_cd_templates.review import roles
from ecs_cd_templates.review.resolving import foresee
from ecs_cd_templates.rules._template import GUIDE

_TARGET = Target(account="123456789012", region="us-east-1")


class PipelineRoles(CloudFormationLintRule):
    """See the module."""

    id = "E9712"
    shortdesc = "A role may do what its pipeline's actions call"
    description = (
        "A role in the template allows every call that the pipelines, builds and event rules in the template make with "
        "it. Decided with the parameters' defaults; ecs-cd-templates check does so with any values"
    )
    source_url = f"{GUIDE}/how-to-custom-role.html"
    tags = ["resources", "iam", "codepipeline"]  # noqa: RUF012 - cfn-lint's own form

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for each call that a role lacks; none where a parameter has no default."""
        try:
            resources = foresee(cfn.template, {}, _TARGET).resources
            findings = [each for each in roles.check(resources, _TARGET) if each.text.startswith("may not ")]
        except (EcsCdTemplatesError, KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError):
            return []
        return [RuleMatch(["Resources", each.where], each.text) for each in sorted(set(findings))]
