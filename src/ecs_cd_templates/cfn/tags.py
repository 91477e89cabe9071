"""Tags on everything in a template that takes them."""

from __future__ import annotations

from collections.abc import Sequence

from troposphere import Tags, Template
from troposphere.autoscaling import AutoScalingGroup
from troposphere.ec2 import LaunchTemplate, TagSpecifications
from troposphere.ecs import Service

from ..checks import text
from ..errors import SettingsError

Pair = tuple[str, str]

# CloudFormation and most services take 50 for a resource; the rest is for those that templates and AWS itself add
# (https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html).
MAX_TAGS = 40

# The least that a service takes: CodeBuild is one character short of the others
# (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Tag.html), and a stack's tag has a value
# (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Tag.html).
_MAX_KEY_LENGTH = 127
_MAX_VALUE_LENGTH = 255
_PUNCTUATION = " _.:/=+-@"

# What a launch starts beside the instance, which has the tags of its group.
_STARTED = ("volume", "network-interface")

# What takes tags, and is not known to by each troposphere that this package takes.
_UNKNOWN_TO_TROPOSPHERE = ("AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ElasticLoadBalancingV2::Listener")


def checked_tags(name: str, tags: object) -> tuple[Pair, ...]:
    """The tags as a tuple, if every service takes them: at most 40, no two keys alike but for their case.

    A key has 1 to 127 and a value 1 to 255 letters, digits, spaces and ``_.:/=+-@``, without spaces at its ends. A key
    does not begin with ``aws:`` and has no equals sign, at which the AWS CLI would end it
    (https://docs.aws.amazon.com/cli/latest/reference/cloudformation/deploy.html). IAM tells no case apart
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html). Raises :class:`SettingsError` with this name.
    """
    if not isinstance(tags, Sequence) or isinstance(tags, str) or len(tags) > MAX_TAGS:
        raise SettingsError(name, tags, f"give a list of at most {MAX_TAGS} pairs, such as [('team', 'shop')]")
    checked: dict[str, Pair] = {}
    for pair in tags:
        match pair:
            case [str() as key, str() as value]:
                pass
            case _:
                raise SettingsError(name, pair, "give a pair of a key and a value, such as ('team', 'shop')")
        for each, what, most in ((key, "key", _MAX_KEY_LENGTH), (value, "value", _MAX_VALUE_LENGTH)):
            known = all(character.isalnum() or character in _PUNCTUATION for character in text(name, each))
            if not known or each != each.strip() or not 1 <= len(each) <= most:
                remedy = (
                    f"a tag's {what} has 1 to {most} letters, digits, {_PUNCTUATION.strip()} and spaces between them"
                )
                raise SettingsError(name, each, remedy)
        if "=" in key:
            raise SettingsError(name, key, "a tag's key has no equals sign here, at which the AWS CLI would end it")
        if key.lower().startswith("aws:"):
            raise SettingsError(name, key, "only AWS makes tags whose keys begin with aws: choose another")
        if key.lower() in checked:
            raise SettingsError(name, key, "is the key of two tags, whatever its case: give each key once")
        checked[key.lower()] = (key, value)
    return tuple(checked.values())


def add_tags(template: Template, tags: Sequence[Pair]) -> Template:
    """The template itself, with the tags on every resource that takes them.

    Of tags of one key, the one that a resource has already stays. What others start has them too: instances from
    their Auto Scaling group
    (https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html), what an instance comes with
    from its launch template, and tasks from their service, whose next deployment changes no tag
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html). A type that has a property
    for tags takes a list of them; another form is a ``TypeError``.
    """
    for resource in template.resources.values() if tags else ():
        if isinstance(resource, LaunchTemplate):
            resource.TagSpecifications = _specifications(["launch-template"], tags)
            resource.LaunchTemplateData.TagSpecifications = _specifications(_STARTED, tags)
        elif isinstance(resource, AutoScalingGroup):
            own = resource.properties.get("Tags", [])
            resource.Tags = [*own, *({**tag, "PropagateAtLaunch": True} for tag in _further(own, tags))]
        elif "Tags" in resource.props:
            own = resource.properties.get("Tags", Tags())
            resource.Tags = _list([*own.tags, *_further(own.tags, tags)])
        elif resource.resource_type in _UNKNOWN_TO_TROPOSPHERE:
            resource.properties["Tags"] = _list(_further([], tags))
        if isinstance(resource, Service):
            resource.PropagateTags = "SERVICE"
    return template


def _further(own: Sequence[dict[str, object]], tags: Sequence[Pair]) -> list[dict[str, object]]:
    """The tags with other keys than those that there are."""
    keys = {str(tag["Key"]).lower() for tag in own}
    return [{"Key": key, "Value": value} for key, value in tags if key.lower() not in keys]


def _specifications(kinds: Sequence[str], tags: Sequence[Pair]) -> list[TagSpecifications]:
    return [TagSpecifications(ResourceType=kind, Tags=_list(_further([], tags))) for kind in kinds]


def _list(tags: Sequence[dict[str, object]]) -> Tags:
    """The tags in this order: given to it, troposphere would sort them."""
    result = Tags()
    result.tags = list(tags)
    return result
