"""What an update of a stack would change of what runs, told before the update is made.

A deployment registers a revision of the task definition with another image, of which CloudFormation hears nothing.
An update leaves that image alone with two exceptions, and for each there is a function here:

- The update registers the task definition anew. The image is then the one that the form names.
- The newest active revision is not the one that runs: its deployment failed, or an update was rolled back, with
  which CloudFormation deregisters the revision that it made. An update that changes the service deploys the newest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..cfn.evaluation import Resolved, unknowns

# The properties whose change makes another resource, with another name or ARN, of what a task definition refers to
# (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html and
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html).
_REPLACED_WITH = {"AWS::IAM::Role": ("Path", "RoleName"), "AWS::Logs::LogGroup": ("LogGroupName",)}


@dataclass(frozen=True)
class Revision:
    """A revision of a task definition, by its ARN, with the images of its containers."""

    arn: str
    images: tuple[str, ...]


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


def revisions_in_the_way(used: Revision, active: Iterable[Revision]) -> list[str]:
    """The ARNs of the active revisions that an update of the service would try before the one that runs, newest first.

    ``used``: what the service uses; ``active``: the active revisions of the same family, of which the newest is what
    an update sets our services to (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html).
    With these deregistered, the newest is the one that the service uses, or if that is not active any more, the
    newest with the same images. If they are all that is active, a release makes another.
    """
    in_the_way: list[str] = []
    for each in sorted(active, key=_number, reverse=True):
        if each.arn == used.arn or (_number(each) < _number(used) and each.images == used.images):
            break
        in_the_way.append(each.arn)
    return in_the_way


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


def _number(revision: Revision) -> int:
    return int(revision.arn.rpartition(":")[2])
