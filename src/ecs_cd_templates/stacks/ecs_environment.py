"""The template of an ECS environment: network, load balancer, cluster and service together."""

from __future__ import annotations

from troposphere import And, Equals, Not, Template
from troposphere.ecs import Service

from .. import parameters
from ..cfn.intrinsics import ref
from ..checks import instance
from ..constraints import EC2, TASK_SIZES, task_size
from ..environments import Scope
from ..parameters import Entry, Form, add_form
from ..settings import Architecture, EcsEnvironmentSettings
from ..texts import Text
from . import ecs_cluster, ecs_service, load_balancer, vpc

# What an instance keeps for itself, as a part of its memory: the kernel and the ECS agent
# (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/memory-management.html).
KEPT_MEMORY = 0.1


def build(settings: EcsEnvironmentSettings) -> Template:
    """A template with all that a pipeline needs to deploy to.

    Raises :class:`SettingsError` for what is not settings.
    """
    instance("settings", settings, EcsEnvironmentSettings)
    scope = Scope(settings.environment, only=True)
    template = Template(Description=Text("template.ecs-environment"))
    form = add_form(template, entries(settings, scope))
    vpc.add_zones(template, form)
    require_fitting_instances(template, form, settings.architecture)
    add_environment(template, form, settings, scope)
    return template


def entries(settings: EcsEnvironmentSettings, scope: Scope) -> list[Entry]:
    """The form of a new environment."""
    return [
        *vpc.entries(scope),
        *load_balancer.entries(scope),
        *ecs_cluster.entries(settings, scope),
        *ecs_service.entries(settings, scope),
    ]


def add_environment(template: Template, form: Form, settings: EcsEnvironmentSettings, scope: Scope) -> Service:
    """Adds network, load balancer, cluster and service, each with its outputs, and returns the service.

    The template needs ``vpc.add_zones``.
    """
    network = vpc.add_vpc(template, form, scope)
    balancer = load_balancer.add_load_balancer(template, form, network, settings, scope)
    cluster = ecs_cluster.add_cluster(template, form, network, scope)
    return ecs_service.add_service(template, form, network, balancer, cluster, settings, scope)


def require_fitting_instances(template: Template, form: Form, architecture: Architecture) -> None:
    """Refuses tasks that are larger than the instances: they would wait for room for ever."""
    assertions = [
        {
            "Assert": Not(
                And(
                    Equals(ref(form.of(parameters.INSTANCE_TYPE)), instance_type),
                    Equals(ref(form.of(parameters.TASK_SIZE)), task_size(cpu, memory)),
                )
            ),
            "AssertDescription": Text("rule.no_room", instance_type=instance_type, memory=str(memory)),
        }
        for instance_type, available in ecs_cluster.instance_memory(architecture).items()
        for cpu, memory in TASK_SIZES
        if memory > available * (1 - KEPT_MEMORY)
    ]
    rule = {"RuleCondition": Equals(ref(form.of(parameters.LAUNCH_TYPE)), EC2), "Assertions": assertions}
    template.add_rule("TasksFitInstances", rule)
