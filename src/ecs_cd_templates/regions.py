"""Where a template can be launched: the regions that have every service it uses.

The data is botocore's, so this needs the extra ``ecs-cd-templates[aws]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .partitions import PARTITIONS

# The service behind a resource type, under botocore's name for it.
_SERVICES = {
    "AWS::CloudFormation": "cloudformation",
    "AWS::CodeBuild": "codebuild",
    "AWS::CodePipeline": "codepipeline",
    "AWS::ECR": "ecr",
    "AWS::Events": "events",
}

# The services that a pipeline's actions call, by the provider that the action names.
_PROVIDERS = {"CodeBuild": "codebuild", "CodeCommit": "codecommit", "ECS": "ecs", "Manual": "sns"}


def services(template: Mapping[str, Any]) -> set[str]:
    """The services that the template's resources, and the actions of its pipelines, belong to."""
    types = {resource["Type"].rpartition("::")[0] for resource in template["Resources"].values()}
    return {_SERVICES[kind] for kind in types} | {_PROVIDERS[name] for name in _providers(template)}


def regions(template: Mapping[str, Any]) -> dict[str, list[str]]:
    """The regions that have all of the template's services, sorted, by partition."""
    from botocore.session import get_session

    session = get_session()
    found: dict[str, list[str]] = {}
    for partition in PARTITIONS:
        available = [
            set(session.get_available_regions(service, partition_name=partition)) for service in services(template)
        ]
        found[partition] = sorted(set.intersection(*available))
    return found


def _providers(node: Any) -> Iterator[str]:
    """The providers of all pipeline actions below the node."""
    if isinstance(node, dict):
        if "ActionTypeId" in node:
            yield node["ActionTypeId"]["Provider"]
        for value in node.values():
            yield from _providers(value)
    elif isinstance(node, list):
        for item in node:
            yield from _providers(item)
