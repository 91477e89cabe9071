"""Where a template can be launched: the regions that have every service it uses.

The data is botocore's, so this needs the extra ``aws``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from ..errors import INSTALL_AWS, MissingExtraError, RegionError
from .intrinsics import walk
from .partitions import PARTITIONS

# The service behind a resource type, under botocore's name for it. None: it is the same in every region.
_SERVICES = {
    "AWS::ApplicationAutoScaling": "application-autoscaling",
    "AWS::AutoScaling": "autoscaling",
    "AWS::CloudFormation": "cloudformation",
    "AWS::CodeBuild": "codebuild",
    "AWS::CodeCommit": "codecommit",
    # Under its older name: botocore knows no regions under the new one.
    "AWS::CodeConnections": "codestar-connections",
    "AWS::CodePipeline": "codepipeline",
    "AWS::EC2": "ec2",
    "AWS::ECR": "ecr",
    "AWS::ECS": "ecs",
    "AWS::ElasticLoadBalancingV2": "elbv2",
    "AWS::Events": "events",
    "AWS::IAM": None,
    "AWS::Logs": "logs",
    "AWS::S3": "s3",
    "AWS::SNS": "sns",
}

# The services that a pipeline's actions call, by the provider that the action names: those that the pipelines here
# have, and every source of AWS's own
# (https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-valid-providers.html).
_PROVIDERS = {
    "CodeBuild": "codebuild",
    "CodeCommit": "codecommit",
    "CodeStarSourceConnection": "codestar-connections",
    "ECR": "ecr",
    "ECS": "ecs",
    "Manual": "sns",
    "S3": "s3",
}

# Where CloudFormation does not know a resource type although its service is there, from the registries of the regions
# as cfn-lint has them (its rule E3006). The test of this data fails when cfn-lint learns better.
_NOT_IN_CLOUDFORMATION = {
    "AWS::CodeCommit::Repository": {"af-south-1", "ap-south-2", "ap-southeast-3", "il-central-1", "me-central-1"},
}


def services(template: Mapping[str, Any]) -> set[str]:
    """The services that the template's resources, and the actions of its pipelines, belong to.

    Raises :class:`RegionError` for one that is in neither of the tables here.
    """
    types = {resource["Type"].rpartition("::")[0] for resource in template["Resources"].values()}
    used = {_known(_SERVICES, kind) for kind in types} | {_known(_PROVIDERS, name) for name in _providers(template)}
    return {service for service in used if service is not None}


def regions(template: Mapping[str, Any]) -> dict[str, list[str]]:
    """The regions that have all of the template's services and resource types, sorted, by partition."""
    session = _session()
    by_partition: dict[str, list[str]] = {}
    for partition in PARTITIONS:
        available = [
            set(session.get_available_regions(service, partition_name=partition)) for service in services(template)
        ]
        everywhere = sorted(_all_regions(partition).intersection(*available))
        by_partition[partition] = [region for region in everywhere if not _missing_types(template, region)]
    return by_partition


def lacking(template: Mapping[str, Any], region: str) -> list[str]:
    """The services and resource types that the template uses and the region does not have, sorted."""
    partition = partition_of(region)
    missing = [
        service
        for service in services(template)
        if region not in _session().get_available_regions(service, partition_name=partition)
    ]
    return sorted(missing + _missing_types(template, region))


def _all_regions(partition: str) -> set[str]:
    """The partition's regions: S3 is in each of them."""
    return set(_session().get_available_regions("s3", partition_name=partition))


def _known(services: Mapping[str, str | None], name: str) -> str | None:
    if name not in services:
        raise RegionError("service", name, "its regions are not known: add it to the tables in cfn/regions.py")
    return services[name]


def _missing_types(template: Mapping[str, Any], region: str) -> list[str]:
    used = {resource["Type"] for resource in template["Resources"].values()}
    return [kind for kind, without in _NOT_IN_CLOUDFORMATION.items() if kind in used and region in without]


def partition_of(region: str) -> str:
    """The partition that the region is in. Raises :class:`RegionError` for one that does not exist."""
    for partition in PARTITIONS:
        if region in _all_regions(partition):
            return partition
    raise RegionError("region", region, "there is no region of this name: give one such as eu-west-1")


@cache
def _session() -> Any:
    try:
        from botocore.session import get_session
    except ImportError:
        raise MissingExtraError("package", "botocore", INSTALL_AWS) from None
    return get_session()


def _providers(template: Mapping[str, Any]) -> Iterator[str]:
    """The providers of all pipeline actions of the template."""
    for node in walk(template):
        if isinstance(node, dict) and "ActionTypeId" in node:
            yield node["ActionTypeId"]["Provider"]
