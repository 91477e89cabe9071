"""Which of a stack's tasks an update would start anew, told before the update is made.

A deployment registers a revision of the task definition with another image, of which CloudFormation hears nothing.
An update that makes a task definition itself takes the image that the form names, so that has to be the one that
runs. Any other update leaves the image alone.
"""

from __future__ import annotations

from typing import Any

from ..cfn.evaluation import Resolved, unknowns

# The properties whose change makes another resource, with another name or ARN, of what a task definition refers to
# (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html and
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html).
_REPLACED_WITH = {"AWS::IAM::Role": ("Path", "RoleName"), "AWS::Logs::LogGroup": ("LogGroupName",)}


def images_needed(before: Resolved, after: Resolved) -> list[str]:
    """The task definitions that the update registers anew: for these the form has to name the image that runs.

    Any change of a task definition makes another revision
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-taskdefinition.html).
    """
    return [
        title
        for title, resource in after.resources.items()
        if resource["Type"] == "AWS::ECS::TaskDefinition" and _registered_anew(title, before, after)
    ]


def _registered_anew(title: str, before: Resolved, after: Resolved) -> bool:
    old, new = (resolved.resources.get(title, {}).get("Properties") for resolved in (before, after))
    if old != new:
        return True
    referred = {unknown.strip("<>").partition(".")[0] for unknown in unknowns(new)}
    return any(_made_again(before.resources[each], after.resources[each]) for each in referred)


def _made_again(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether the update puts another resource in the old one's place; in doubt it does."""
    one, other = (resource.get("Properties", {}) for resource in (old, new))
    names = _REPLACED_WITH.get(new["Type"], (*one, *other))
    return old["Type"] != new["Type"] or any(one.get(name) != other.get(name) for name in names)
