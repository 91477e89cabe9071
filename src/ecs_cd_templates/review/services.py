"""Whether the parts of a deployment fit together: the build and the service, the load balancer and the container."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .finding import Finding
from .parts import Resources, by_type, task_definition

_IMAGE_DEFINITIONS = "https://docs.aws.amazon.com/codepipeline/latest/userguide/file-reference.html"
_ARCHITECTURE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-arm64.html"
_GROUPS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-register-targets.html"

# The kinds of build environments, and the processor of each.
# https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectEnvironment.html
_PROCESSORS = {
    "ARM_CONTAINER": "ARM64",
    "ARM_LAMBDA_CONTAINER": "ARM64",
    "LINUX_CONTAINER": "X86_64",
    "LINUX_GPU_CONTAINER": "X86_64",
    "LINUX_LAMBDA_CONTAINER": "X86_64",
}


def check(resources: Resources) -> Iterator[Finding]:
    """What does not fit; ``resources`` are resolved, by title."""
    of = by_type(resources)
    definitions = of.get("AWS::ECS::TaskDefinition", {})
    services = {
        str(each.get("ServiceName")): (title, each, task_definition(definitions, each))
        for title, each in of.get("AWS::ECS::Service", {}).items()
    }
    projects = {each["Name"]: each for each in of.get("AWS::CodeBuild::Project", {}).values() if "Name" in each}
    for title, pipeline in of.get("AWS::CodePipeline::Pipeline", {}).items():
        yield from _deployed(title, pipeline, services, projects)
    for title, service, definition in services.values():
        yield from _reached(title, service, definition, of)


def _deployed(
    title: str,
    pipeline: Mapping[str, Any],
    services: Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, Any] | None]],
    projects: Mapping[str, Mapping[str, Any]],
) -> Iterator[Finding]:
    actions = [action for stage in pipeline["Stages"] for action in stage["Actions"]]
    for deployment in actions:
        configuration = deployment.get("Configuration", {})
        if deployment["ActionTypeId"]["Provider"] != "ECS" or configuration.get("ServiceName") not in services:
            continue
        name, service, definition = services[configuration["ServiceName"]]
        if str(service.get("Cluster")).rpartition("/")[2] != str(configuration.get("ClusterName")):
            text = f"deploys to {configuration.get('ClusterName')}, but {name} is in {service.get('Cluster')}"
            yield Finding(where=title, check="deployment", text=text)
        if definition is None:
            continue
        containers = {each.get("Name") for each in definition.get("ContainerDefinitions", [])}
        processor = definition.get("RuntimePlatform", {}).get("CpuArchitecture", "X86_64")
        for action in actions:
            variables = _variables(action)
            said = variables.get("CONTAINER_NAME")
            if said is not None and said not in containers:
                runs = ", ".join(sorted(map(str, containers)))
                text = f"{action['Name']} names the container {said}, but {name} runs {runs}"
                yield Finding(where=title, check="deployment", text=text, source=_IMAGE_DEFINITIONS)
            project = projects.get(action.get("Configuration", {}).get("ProjectName", ""))
            if project is not None and "ECR_REPOSITORY_URI" in variables:
                built = _PROCESSORS.get(project["Environment"].get("Type", ""))
                if built is not None and built != processor:
                    text = f"{action['Name']} builds for {built}, but {name} runs on {processor}"
                    yield Finding(where=title, check="deployment", text=text, source=_ARCHITECTURE)


def _variables(action: Mapping[str, Any]) -> dict[str, str]:
    try:
        listed = json.loads(action.get("Configuration", {}).get("EnvironmentVariables", "[]"))
        return {each["name"]: each["value"] for each in listed}
    except (KeyError, TypeError, ValueError):
        # Rule by rule, the linter says what is wrong with them.
        return {}


def _reached(
    title: str,
    service: Mapping[str, Any],
    definition: Mapping[str, Any] | None,
    of: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> Iterator[Finding]:
    """Whether the load balancer's security group is let in at the container's port, and lets out to it."""
    network = service.get("NetworkConfiguration", {}).get("AwsvpcConfiguration", {})
    own = set(map(str, network.get("SecurityGroups", [])))
    if definition is None or not own or any(not each.startswith("<") for each in own):
        return
    for entry in service.get("LoadBalancers", []):
        port = int(entry.get("ContainerPort", 0))
        for balancer, groups in _balancers(str(entry.get("TargetGroupArn")), of):
            if not groups or any(not each.startswith("<") for each in groups):
                continue
            inward = list(_rules(own, "Ingress", of))
            if not any(_lets(rule, port, groups) for rule in inward):
                text = f"lets nothing of {balancer} in at its container's port {port}"
                yield Finding(where=title, check="network", text=text, source=_GROUPS)
            outward = list(_rules(groups, "Egress", of))
            if outward and not any(_lets(rule, port, own) for rule in outward):
                text = f"gets nothing of {balancer}, which may send nothing to port {port}"
                yield Finding(where=title, check="network", text=text, source=_GROUPS)


def _balancers(target_group: str, of: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[tuple[str, set[str]]]:
    """The load balancers that forward to the target group, with their security groups."""
    balancers = of.get("AWS::ElasticLoadBalancingV2::LoadBalancer", {})
    seen = set()
    for listener in of.get("AWS::ElasticLoadBalancingV2::Listener", {}).values():
        forwarded = {str(action.get("TargetGroupArn")) for action in listener.get("DefaultActions", [])}
        name = str(listener.get("LoadBalancerArn", "")).strip("<>")
        if target_group in forwarded and name in balancers and name not in seen:
            seen.add(name)
            yield name, set(map(str, balancers[name].get("SecurityGroups", [])))


def _rules(
    groups: set[str], direction: str, of: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> Iterator[Mapping[str, Any]]:
    for title, group in of.get("AWS::EC2::SecurityGroup", {}).items():
        if groups & {f"<{title}>", f"<{title}.GroupId>"}:
            yield from group.get(f"SecurityGroup{direction}", [])
    for rule in of.get(f"AWS::EC2::SecurityGroup{direction}", {}).values():
        if str(rule.get("GroupId")) in groups:
            yield rule


def _lets(rule: Mapping[str, Any], port: int, others: set[str]) -> bool:
    protocol = str(rule.get("IpProtocol"))
    if protocol != "-1" and not int(rule.get("FromPort", 0)) <= port <= int(rule.get("ToPort", 65535)):
        return False
    other = rule.get("SourceSecurityGroupId", rule.get("DestinationSecurityGroupId"))
    # Whatever is not a group is a range of addresses, which may hold the others.
    return other is None or _same(str(other), others)


def _same(group: str, groups: set[str]) -> bool:
    return group.removesuffix(".GroupId>").rstrip(">") in {
        each.removesuffix(".GroupId>").rstrip(">") for each in groups
    }
