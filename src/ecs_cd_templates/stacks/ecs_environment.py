"""The template of one place to deploy to: network, load balancer, cluster and service together."""

from __future__ import annotations

from collections.abc import Mapping

from troposphere import And, Equals, Not, Parameter, Ref, Template

from ..parameters import Field, add_fields, own_or_shared
from ..settings import EcsEnvironmentSettings
from . import ecs_cluster, ecs_service, load_balancer, vpc
from .ecs_service import MadeService

# What an instance keeps for itself, as a part of its memory: the kernel and the ECS agent
# (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/memory-management.html).
KEPT_MEMORY = 0.1


def build(settings: EcsEnvironmentSettings) -> Template:
    """A template with all that a pipeline needs to deploy to."""
    template = Template(
        Description="This template deploys an environment for a CI/CD pipeline: VPC, load balancer, ECS cluster and "
        "service. Load balancer, containers and instances cost money while they are there"
    )
    add_environment(template, add_fields(template, fields(settings)), settings)
    return template


def fields(settings: EcsEnvironmentSettings, suffix: str = "", cidr: str = "10.0.0.0/16") -> list[Field]:
    """The fields of an environment that is made; ``cidr`` is what the form proposes for the VPC."""
    return [
        *vpc.fields(settings, suffix, cidr),
        *load_balancer.fields(settings, suffix),
        *ecs_cluster.fields(settings, suffix),
        *ecs_service.fields(settings, suffix),
    ]


def add_environment(
    template: Template, parameters: Mapping[str, Parameter], settings: EcsEnvironmentSettings, suffix: str = ""
) -> MadeService:
    """Adds network, load balancer, cluster and service, each with its outputs."""
    _require_fitting_instances(template, parameters, settings, suffix)
    network = vpc.add_vpc(template, parameters, settings, suffix)
    balancer = load_balancer.add_load_balancer(template, parameters, network, settings, suffix)
    cluster = ecs_cluster.add_cluster(template, parameters, network, settings, suffix)
    return ecs_service.add_service(template, parameters, network, balancer, cluster, settings, suffix)


def _require_fitting_instances(
    template: Template, parameters: Mapping[str, Parameter], settings: EcsEnvironmentSettings, suffix: str
) -> None:
    """Refuses tasks that are larger than the instances: they would wait for room for ever."""
    asked = own_or_shared(parameters, suffix)
    assertions = [
        {
            "Assert": Not(
                And(
                    Equals(Ref(asked["ECSInstanceType"]), instance_type),
                    Equals(Ref(asked["ECSTaskSize"]), ecs_service.task_size(cpu, memory)),
                )
            ),
            "AssertDescription": f"A {instance_type} instance has no room for a task with {memory} MiB.",
        }
        for instance_type, available in ecs_cluster.instance_memory(settings.architecture).items()
        for cpu, memory in ecs_service.TASK_SIZES
        if memory > available * (1 - KEPT_MEMORY)
    ]
    rule = {"RuleCondition": Equals(Ref(asked["ECSLaunchType"]), "EC2"), "Assertions": assertions}
    template.add_rule(f"TasksFitInstances{suffix}", rule)
