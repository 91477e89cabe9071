"""The template of everything at once: from an empty account to running environments with their pipelines.

It holds all of its resources itself. As nested stacks it would need a folder to read them from, and
every name would have to be passed down; here each name is made of the application's, or is a reference,
which also puts things in order.

The environments share the source, the topic for approval requests, and nothing that a build can
write to: whoever can push to one environment's branch has all that its builds may do, and that is
nothing in another environment.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from troposphere import Cidr, Equals, If, Not, Ref, Select, Split, Template

from .. import costs, names, parameters
from ..cfn.console import add_partitions
from ..cfn.intrinsics import Named, ref
from ..checks import instance
from ..constraints import container_images, vpc_cidr
from ..environments import Scope, scopes
from ..inputs import BuildInput, PipelineInputs
from ..parameters import Entry, Form, ParameterSpec, Purpose, add_form, entry
from ..settings import (
    CodeBuildSettings,
    PrerequisitesSettings,
    QuickStartSettings,
)
from ..texts import Text, in_order
from . import code_build, ecs_environment, prerequisites, vpc
from .deployment_pipeline import add_pipelines

# Each environment's VPC: four /22 subnets' worth of addresses.
VPC_BITS = 12

CONTAINER = "app"
ARTIFACT_EXPIRATION_DAYS = "365"

# In which environments Container Insights is on.
_INSIGHTS = ("none", "production", "all")
_INSIGHTS_EVERYWHERE = "ContainerInsightsEverywhere"
_INSIGHTS_SOMEWHERE = "ContainerInsightsSomewhere"


def build(settings: QuickStartSettings) -> Template:
    """A template that makes all that the pipelines need and deploy to, and the pipelines.

    Raises :class:`SettingsError` for what is not settings.
    """
    instance("settings", settings, QuickStartSettings)
    template = Template(Description=_description(settings))
    form = add_form(template, entries(settings))
    add_partitions(template)
    every = scopes(settings.environments)
    steps, source = settings.pipeline.steps, settings.pipeline.source
    application = form.of(parameters.APPLICATION)
    key = prerequisites.key_of(form, settings.pipeline)
    _add_conditions(template, form, every)
    if _with_new_network(every):
        vpc.add_zones(template, form)
    shared = source.add_quick_start(template, form, form.of(source.branch, every[0]), settings.sample_app)
    topic = None
    if _approved(every):
        topic = prerequisites.add_topic(template, names.topic(application), key)
        prerequisites.add_subscription(template, Ref(topic), form.of(parameters.APPROVAL_EMAIL))
    inputs: dict[Scope, PipelineInputs] = {}
    for scope in every:
        own = form.with_made(_made(form, settings, scope))
        known = {
            prerequisites.BUCKET.spec: prerequisites.add_bucket(
                template, None, ARTIFACT_EXPIRATION_DAYS, key, titled=scope.name
            ),
            **shared,
            **{part.spec: own.of(part.spec) for part in prerequisites.roles(settings.pipeline)},
            **{step.project: own.of(step.project) for step in steps},
        }
        if topic is not None:
            known[prerequisites.TOPIC.spec] = topic.get_att("TopicName")
        alone = PrerequisitesSettings(environments=[scope.environment], pipeline=settings.pipeline)
        roles = prerequisites.add_roles(template, known, own, alone, titled=scope.name)
        builds = []
        for step in steps:
            prerequisites.add_logs(
                template, step, known[step.project], form.of(parameters.LOG_RETENTION), titled=scope.name
            )
            project = code_build.add_project(
                template,
                scope.name(prerequisites.build_project(step).title),
                name=known[step.project],
                role=roles[step.role],
                key=key,
                settings=CodeBuildSettings(step=step, architecture=settings.architecture),
            )
            builds.append(BuildInput(step=step, project=project))
        service = ecs_environment.add_environment(template, own, settings.ecs_environment(scope.environment), scope)
        # Names are read off the resources where there are such, so that these are there before what uses them.
        inputs[scope] = PipelineInputs(
            pipeline=own.of(parameters.PIPELINE_NAME, scope),
            pipeline_role=roles[parameters.PIPELINE_ROLE],
            artifact_bucket=known[prerequisites.BUCKET.spec],
            key=key,
            approval_topic=topic and topic.get_att("TopicName"),
            source={
                **shared,
                source.branch: own.of(source.branch, scope),
                **{part.spec: roles[part.spec] for part in source.role_parts},
            },
            builds=builds,
            ecr_repository=own.of(parameters.ECR_REPOSITORY, scope),
            container=CONTAINER,
            lifecycle_policy=own.of(parameters.LIFECYCLE_POLICY, scope),
            cluster=own.of(parameters.CLUSTER, scope),
            service=service.get_att("Name"),
            task_roles=(),
        )
    add_pipelines(template, inputs, settings.pipeline)
    return template


def entries(settings: QuickStartSettings) -> list[Entry]:
    """The form: first what the environments share, then a group for each of them.

    Each parameter has a default, but for the KMS key, for which there is none.
    """
    every = scopes(settings.environments)
    ecs = {
        scope: {each.spec: each for each in ecs_environment.entries(settings.ecs_environment(scope.environment), scope)}
        for scope in every
    }
    common = ecs[every[0]]
    new = _with_new_network(every)
    application = [
        entry(parameters.APPLICATION, Purpose.MAKE),
        *settings.pipeline.source.quick_start_entries(),
        *([entry(parameters.APPROVAL_EMAIL, Purpose.MAKE)] if _approved(every) else []),
        entry(parameters.LOG_RETENTION, Purpose.MAKE),
        *([entry(parameters.KMS_KEY, Purpose.USE)] if settings.pipeline.own_key else []),
    ]
    containers = [
        common[parameters.LAUNCH_TYPE],
        replace(common[parameters.INSTANCE_TYPE], description=_instances(len(every))),
        *(common[spec] for spec in (parameters.INSTANCE_IMAGE, parameters.HEALTH_CHECK_PATH)),
        _insights_entry(every),
        *([entry(parameters.PRODUCTION_PROTECTION, Purpose.MAKE)] if _productive(every) else []),
        _images_entry(every, settings),
    ]
    network = [_network_entry(len(new)), *(ecs[new[0]][spec] for spec in parameters.AVAILABILITY_ZONES)] if new else []
    form = [
        *_grouped(application, parameters.APPLICATION_GROUP),
        *_grouped(containers, parameters.ECS_GROUP),
        *_grouped(network, parameters.NETWORK_GROUP),
    ]
    for scope in every:
        own = [
            replace(entry(settings.pipeline.source.branch, Purpose.USE, scope), default=_branch(scope)),
            *([] if scope in new else ecs_environment.existing_network_entries(scope)),
            *(ecs[scope][spec] for spec in (parameters.TASK_SIZE, parameters.TASK_COUNT, parameters.CERTIFICATE)),
        ]
        form += _grouped(own, Text("group.environment", environment=scope.environment.display_name))
    return form


def _grouped(entries: Iterable[Entry], group: Text) -> list[Entry]:
    return [replace(each, group=group) for each in entries]


def _insights_entry(every: list[Scope]) -> Entry:
    choices = [each for each in _INSIGHTS if each != "production" or _productive(every)]
    default = "production" if _productive(every) else "none"
    asked = entry(parameters.INSIGHTS_IN, Purpose.MAKE)
    return replace(asked, default=default, constraint=replace(asked.constraint, allowed_values=tuple(choices)))


def _images_entry(every: list[Scope], settings: QuickStartSettings) -> Entry:
    fill = {
        "port": str(settings.container_port),
        "environments": in_order([scope.environment.display_name for scope in every]),
    }
    asked = entry(parameters.TASK_IMAGES, Purpose.MAKE, fill=fill)
    images = ",".join([settings.first_image] * len(every))
    return replace(asked, default=images, constraint=container_images(len(every)))


def _network_entry(count: int) -> Entry:
    # As many blocks as there are environments with a new network, rounded up to a power of two.
    longest = 32 - VPC_BITS - math.ceil(math.log2(count))
    return replace(entry(parameters.NETWORK_CIDR, Purpose.MAKE), constraint=vpc_cidr(longest))


def _instances(count: int) -> Text:
    # ECS starts two instances for an environment's first task, of two vCPUs each at least.
    return Text("quick_start.instance_type", instances=str(2 * count), vcpus=str(4 * count))


def _branch(scope: Scope) -> str:
    return scope.environment.default_branch or scope.environment.id.lower()


def _approved(every: Iterable[Scope]) -> bool:
    return any(scope.environment.approval for scope in every)


def _productive(every: Iterable[Scope]) -> bool:
    return any(scope.environment.production for scope in every)


def _with_new_network(every: Iterable[Scope]) -> list[Scope]:
    return [scope for scope in every if scope.environment.new_network]


def _description(settings: QuickStartSettings) -> Text:
    """What is made, and what of it costs money."""
    environments = settings.environments
    new = sum(environment.new_network for environment in environments)
    networks = "all" if new == len(environments) else "some" if new else "none"
    addresses = sum(map(costs.public_addresses, environments))
    return Text(
        "template.quick-start",
        source=settings.pipeline.source.title,
        network=Text(f"quick_start.network.{networks}"),
        addresses=Text("quick_start.addresses") if addresses else "",
        price=str(costs.total(environments)),
    )


def _made(form: Form, settings: QuickStartSettings, scope: Scope) -> dict[str, Named]:
    """What stands for the parameters that an environment's own template asks for, and this one does not."""
    every = scopes(settings.environments)
    environment = scope.environment
    everywhere = If(_INSIGHTS_EVERYWHERE, "enabled", "disabled")
    made: dict[ParameterSpec, Named] = {
        parameters.CONTAINER: CONTAINER,
        parameters.ENVIRONMENT_NAME: str(environment.display_name),
        parameters.LIFECYCLE_POLICY: str(parameters.LIFECYCLE_POLICY.default_for(environment)),
        parameters.TASK_IMAGE: Select(every.index(scope), Split(",", ref(form.of(parameters.TASK_IMAGES)))),
        parameters.CONTAINER_INSIGHTS: (
            If(_INSIGHTS_SOMEWHERE, "enabled", "disabled") if environment.production else everywhere
        ),
        parameters.DELETION_PROTECTION: (
            form.of(parameters.PRODUCTION_PROTECTION) if environment.production else "false"
        ),
    }
    if environment.new_network:
        new = _with_new_network(every)
        blocks = Cidr(ref(form.of(parameters.NETWORK_CIDR)), len(new), VPC_BITS)
        made[parameters.VPC_CIDR] = Select(new.index(scope), blocks)
    application, pipeline = form.of(parameters.APPLICATION), settings.pipeline
    return {
        **names.of_environment(application, scope, pipeline.source, pipeline.steps),
        **{parameters.name_of(spec, scope): value for spec, value in made.items()},
    }


def _add_conditions(template: Template, form: Form, every: list[Scope]) -> None:
    """Adds the conditions of Container Insights, as far as an environment has them."""
    insights = ref(form.of(parameters.INSIGHTS_IN))
    if not all(scope.environment.production for scope in every):
        template.add_condition(_INSIGHTS_EVERYWHERE, Equals(insights, "all"))
    if _productive(every):
        template.add_condition(_INSIGHTS_SOMEWHERE, Not(Equals(insights, "none")))
