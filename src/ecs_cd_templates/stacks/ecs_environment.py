"""The template of an ECS environment: network, load balancer, cluster and service together."""

from __future__ import annotations

from collections.abc import Sequence

from troposphere import And, Equals, Not, Template
from troposphere.ecs import Service

from .. import parameters
from ..cfn.intrinsics import ref
from ..checks import instance
from ..constraints import EC2, TASK_SIZES, task_size
from ..environments import Environment, Scope
from ..environments import Network as NetworkKind
from ..parameters import Entry, Form, add_form
from ..settings import Architecture, EcsEnvironmentSettings
from ..texts import Text
from . import ecs_cluster, ecs_service, load_balancer, vpc
from .vpc import Network

# What an instance keeps for itself, as a part of its memory: the kernel and the ECS agent
# (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/memory-management.html).
KEPT_MEMORY = 0.1


def build(settings: EcsEnvironmentSettings) -> Template:
    """A template with all that a pipeline needs to deploy to.

    Raises :class:`SettingsError` for what is not settings.
    """
    instance("settings", settings, EcsEnvironmentSettings)
    scope = Scope(settings.environment, only=True)
    key = "template.ecs-environment" if settings.environment.new_network else "template.ecs-environment-in-vpc"
    template = Template(Description=Text(key))
    form = add_form(template, entries(settings, scope))
    if settings.environment.new_network:
        vpc.add_zones(template, form)
    add_environment(template, form, settings, scope)
    return template


def file_names(environments: Sequence[Environment]) -> dict[NetworkKind, str]:
    """The file that a template of an environment is rendered to, by the kinds of network that there are.

    The first environment's kind has the usual name.
    """
    kinds: dict[NetworkKind, str] = {
        "new": "-in-new-vpc",
        "public": "-in-public-subnets",
        "private_tasks": "-with-private-tasks",
        "private": "-in-private-subnets",
    }
    first = environments[0].network
    every = dict.fromkeys(environment.network for environment in environments)
    return {kind: f"ecs-environment{'' if kind == first else kinds[kind]}.yaml" for kind in every}


def entries(settings: EcsEnvironmentSettings, scope: Scope) -> list[Entry]:
    """The form of a new environment."""
    return [
        *(vpc.entries(scope) if settings.environment.new_network else existing_network_entries(scope)),
        *load_balancer.entries(scope),
        *ecs_cluster.entries(settings, scope),
        *ecs_service.entries(settings, scope),
    ]


def existing_network_entries(scope: Scope) -> list[Entry]:
    """The form of the network of an environment that gets none of its own."""
    return vpc.existing_entries(scope, vpc.every_subnet(scope.environment))


def add_environment(template: Template, form: Form, settings: EcsEnvironmentSettings, scope: Scope) -> Service:
    """Adds network, load balancer, cluster and service, each with its outputs, and returns the service.

    With a new network, the template needs ``vpc.add_zones``.
    """
    _require_fitting_instances(template, form, settings.architecture, scope)
    front, back = _networks(template, form, scope)
    balancer = load_balancer.add_load_balancer(template, form, front, settings, scope)
    cluster = ecs_cluster.add_cluster(template, form, back, scope)
    return ecs_service.add_service(template, form, back, balancer, cluster, settings, scope)


def _networks(template: Template, form: Form, scope: Scope) -> tuple[Network, Network]:
    """The network of the load balancer, and that of the cluster and its service."""
    environment = scope.environment
    if environment.new_network:
        network = vpc.add_vpc(template, form, scope)
        return network, network
    vpc.require_distinct_subnets(template, form, scope, vpc.every_subnet(environment))
    return (
        vpc.existing_network(form, scope, public=environment.public_load_balancer),
        vpc.existing_network(form, scope, public=environment.public_tasks),
    )


def _require_fitting_instances(template: Template, form: Form, architecture: Architecture, scope: Scope) -> None:
    """Refuses tasks that are larger than the instances: they would wait for room for ever."""
    assertions = [
        {
            "Assert": Not(
                And(
                    Equals(ref(form.of(parameters.INSTANCE_TYPE)), instance_type),
                    Equals(ref(form.of(parameters.TASK_SIZE, scope)), task_size(cpu, memory)),
                )
            ),
            "AssertDescription": Text(
                "rule.no_room", instance_type=instance_type, memory=str(memory), scope=scope.in_label
            ),
        }
        for instance_type, available in ecs_cluster.instance_memory(architecture).items()
        for cpu, memory in TASK_SIZES
        if memory > available * (1 - KEPT_MEMORY)
    ]
    rule = {"RuleCondition": Equals(ref(form.of(parameters.LAUNCH_TYPE)), EC2), "Assertions": assertions}
    template.add_rule(scope.name("TasksFitInstances"), rule)
