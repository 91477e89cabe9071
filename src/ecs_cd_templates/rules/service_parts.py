"""A service's containers, ports and target groups fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from ecs_cd_templates.rules._template import Path, is_known, named_resources, properties, values

_SERVICE, _TASK = "AWS::ECS::Service", "AWS::ECS::TaskDefinition"
_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"


class ServiceParts(CloudFormationLintRule):
    """See the module."""

    id = "E9713"
    shortdesc = "A service's containers, ports and target groups fit together"
    description = (
        "The container that a service's load balancer names is in its task definition and has the port, and a target "
        "group for tasks with addresses of their own is of the type ip"
    )
    source_url = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html"
    tags = ["resources", "ecs", "elasticloadbalancingv2"]  # noqa: RUF012 - cfn-lint's own form

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for each part that does not fit another of the template."""
        tasks, groups = named_resources(cfn, _TASK, "Family"), named_resources(cfn, _GROUP, "Name")
        found = []
        for path, service in properties(cfn, _SERVICE):
            for way in values(cfn, service):
                if isinstance(way, dict):
                    found += [RuleMatch(where, text) for where, text in _wrong(cfn, way, path, tasks, groups)]
        for path, group in properties(cfn, _GROUP):
            for way in values(cfn, group):
                if isinstance(way, dict):
                    found += [RuleMatch(path, text) for text in _health_check(way)]
        return list({(tuple(each.path), each.message): each for each in found}.values())


Named = Mapping[str, tuple[Path, Mapping[str, Any]]]


def _wrong(cfn: Any, service: Mapping[str, Any], path: Path, tasks: Named, groups: Named) -> Iterator[tuple[Path, str]]:
    task = _task(cfn, service, tasks)
    entries = service.get("LoadBalancers", [])
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
        where: Path = [*path, "LoadBalancers", number]
        if not isinstance(entry, dict):
            continue
        if task is not None:
            yield from ((where, text) for text in _container(entry, task))
        group = groups.get(str(entry.get("TargetGroupArn")))
        mode = None if task is None else task.get("NetworkMode")
        for way in values(cfn, group[1]) if group is not None else []:
            kind = way.get("TargetType", "instance") if isinstance(way, dict) else None
            if mode == "awsvpc" and is_known(kind) and kind != "ip":
                yield (
                    where,
                    f"its tasks have their own addresses, but its target group is of the type {kind}: use ip",
                )
            if mode in ("bridge", "host", None) and task is not None and kind == "ip":
                yield (
                    where,
                    "its tasks share their instance's address, but its target group is of the type ip",
                )


def _task(cfn: Any, service: Mapping[str, Any], tasks: Named) -> Mapping[str, Any] | None:
    """The service's task definition as it can become, if that is one."""
    reference = str(service.get("TaskDefinition", ""))
    for name, (path, task) in tasks.items():
        # A family may be cut out of the reference, without its revision.
        if reference in {name, f"<{path[1]}>"} or reference.partition(":")[0] == name:
            ways = [way for way in values(cfn, task) if isinstance(way, dict)]
            return ways[0] if len(ways) == 1 else None
    return None


def _container(entry: Mapping[str, Any], task: Mapping[str, Any]) -> Iterator[str]:
    containers = task.get("ContainerDefinitions", [])
    if not isinstance(containers, list) or not all(isinstance(each, dict) for each in containers):
        return
    names = [str(each.get("Name")) for each in containers]
    wanted = str(entry.get("ContainerName"))
    if wanted not in names:
        if is_known(wanted) and all(map(is_known, names)):
            yield f"names the container {wanted}, but the task definition has {', '.join(names)}"
        return
    mappings = containers[names.index(wanted)].get("PortMappings", [])
    ports = [str(each.get("ContainerPort")) for each in mappings if isinstance(each, dict)]
    port = str(entry.get("ContainerPort"))
    if is_known(port) and all(map(is_known, ports)) and port not in ports:
        yield f"names the port {port}, but the container {wanted} maps {', '.join(ports) or 'none'}"


def _health_check(group: Mapping[str, Any]) -> Iterator[str]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html."""
    timeout, interval = (str(group.get(f"HealthCheck{part}Seconds", "")) for part in ("Timeout", "Interval"))
    if timeout.isdigit() and interval.isdigit() and int(timeout) >= int(interval):
        yield f"its health check's time limit of {timeout} seconds is not shorter than its interval of {interval}"
