"""A model of what ECS, CloudFormation and CodePipeline do to the tasks of a service.

It reads rendered templates: what a resource is set to comes from them. What AWS does with it is written here, each
rule with the page that says so. Where the pages leave something open, the model takes what is worse for us.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from graphlib import TopologicalSorter
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from ecs_cd_templates.cfn.evaluation import NAME_PROPERTY, Resolved, resolve
from ecs_cd_templates.cfn.intrinsics import references
from support import TARGET

TASK_DEFINITION = "AWS::ECS::TaskDefinition"
SERVICE = "AWS::ECS::Service"
SCALABLE_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
PIPELINE = "AWS::CodePipeline::Pipeline"
SUBNET = "AWS::EC2::Subnet"

# A task whose definition has this environment variable does not become healthy, whatever its image.
BROKEN = {"Name": "BROKEN", "Value": "yes"}

UPDATED, ROLLED_BACK, STUCK = "updated", "rolled back", "stuck"
# An update fails after everything in it was changed.
LAST = -1


class RefusedError(Exception):
    """AWS does not do it."""


class FailedDeploymentError(RefusedError):
    """ECS gave the deployment up."""


@dataclass(eq=False)
class Revision:
    """A revision of a task definition: its one image, and everything else."""

    family: str
    number: int
    definition: dict[str, Any]
    image: str
    active: bool = True

    @property
    def arn(self) -> str:
        return f"arn:aws:ecs:{TARGET.region}:{TARGET.account}:task-definition/{self.family}:{self.number}"


@dataclass(eq=False)
class Service:
    """An ECS service: which revision tasks are started from, and which deployment completed last."""

    revision: Revision
    completed: Revision | None = None
    desired: int = 1
    limits: tuple[int, int] = (0, 1000)
    configuration: dict[str, Any] = field(default_factory=dict)


class Ecs:
    """The part of ECS that registers task definitions and deploys services."""

    def __init__(self) -> None:
        self.revisions: list[Revision] = []
        self.services: dict[str, Service] = {}
        self.broken: set[str] = set()
        self.stacks = itertools.count(1)

    def register(self, family: str, definition: dict[str, Any], image: str) -> Revision:
        """Numbers go on where they stopped, also after the newest was deregistered.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#family
        """
        number = 1 + max((each.number for each in self.revisions if each.family == family), default=0)
        revision = Revision(family, number, definition, image)
        self.revisions.append(revision)
        return revision

    def first(self, family: str) -> Revision:
        return next(each for each in self.revisions if (each.family, each.number) == (family, 1))

    def active(self, family: str) -> list[Revision]:
        return [each for each in self.revisions if each.family == family and each.active]

    def revision(self, name: str) -> Revision:
        """A revision by its ARN, or a family's newest active one.

        "You can't update an existing service to reference an INACTIVE task definition"
        (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html); "If a revision
        isn't specified, the latest ACTIVE revision is used"
        (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html). CloudFormation's schema of
        the service knows both: its propertyTransform takes a family for any revision of it.
        """
        found = [each for each in self.revisions if each.active and name in (each.arn, each.family)]
        if not found:
            raise RefusedError(f"{name} has no active revision")
        return max(found, key=lambda each: each.number)

    def deregister(self, arn: str) -> None:
        """Services that use the revision go on with it, and scale.

        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html
        """
        next(each for each in self.revisions if each.arn == arn).active = False

    def create_service(self, properties: dict[str, Any]) -> str:
        """Starts with one task where no number is given, and fails where nothing becomes healthy.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html#cfn-ecs-service-desiredcount
        """
        name = service_name(properties)
        if name in self.services:
            raise RefusedError(f"{name} is there already")
        service = Service(self.revision(properties["TaskDefinition"]), desired=int(properties.get("DesiredCount", 1)))
        service.configuration = properties["DeploymentConfiguration"]
        self._deploy(service, service.revision)
        self.services[name] = service
        return name

    def update_service(self, name: str, properties: dict[str, Any]) -> None:
        """Sets the service to what the properties say, and starts a deployment.

        CloudFormation passes the task definition on also where it stays the same
        (https://github.com/aws/aws-cdk/issues/26983), the number of tasks only where the template has it. Not each
        property starts a deployment; that each does is worse for us.
        """
        service = self.services[name]
        revision = self.revision(properties["TaskDefinition"])
        service.desired = int(properties.get("DesiredCount", service.desired))
        service.configuration = properties["DeploymentConfiguration"]
        self._deploy(service, revision)

    def deploy(self, name: str, image: str) -> None:
        """What CodePipeline's action does: the revision that the service uses, with another image.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html
        """
        service = self.services[name]
        used = service.revision
        self._deploy(service, self.register(used.family, used.definition, image))

    def scale(self, name: str, limits: tuple[int, int]) -> None:
        """Moves the number of tasks into the limits at once, to 0 as well, without a deployment.

        https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
        """
        least, most = limits
        service = self.services[name]
        service.limits = limits
        service.desired = min(max(service.desired, least), most)

    def healthy(self, revision: Revision) -> bool:
        environment = revision.definition["ContainerDefinitions"][0].get("Environment", [])
        return revision.image not in self.broken and BROKEN not in environment

    def _deploy(self, service: Service, revision: Revision) -> None:
        """A deployment completes when its tasks are healthy, which none are where none are wanted.

        One that is given up goes back to the last that completed, if there is one and the service says so; the old
        tasks stay until then
        (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html). CloudFormation's
        update fails with it either way (https://github.com/aws/containers-roadmap/issues/1205).
        """
        service.revision = revision
        if service.desired == 0 or self.healthy(revision):
            service.completed = revision
            return
        breaker = service.configuration.get("DeploymentCircuitBreaker", {"Enable": False, "Rollback": False})
        last = service.completed
        if breaker["Enable"] and breaker["Rollback"] and last:
            service.revision = last
        raise FailedDeploymentError(f"{revision.arn} does not become healthy")


def service_name(properties: Mapping[str, Any]) -> str:
    return f"{properties['Cluster']}/{properties['ServiceName']}"


@dataclass
class Pipeline:
    """A pipeline's deployments, and the last image that it deployed well in its present structure."""

    properties: dict[str, Any]
    good: str | None = None

    @property
    def service(self) -> str:
        configuration = self._stage()[1]
        return f"{configuration['ClusterName']}/{configuration['ServiceName']}"

    def deploy_to(self, service: str) -> None:
        configuration = self._stage()[1]
        configuration["ClusterName"], _, configuration["ServiceName"] = service.partition("/")

    def release(self, ecs: Ecs, image: str) -> bool:
        """Deploys the image, and where that fails the last good one again; whether the image was deployed well.

        "the stage is rolled back to the most recent successful execution", if it "was started in the current pipeline
        structure version" (https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback-auto.html).
        """
        try:
            ecs.deploy(self.service, image)
        except FailedDeploymentError:
            if self._stage()[0].get("OnFailure", {}).get("Result") == "ROLLBACK" and self.good:
                with suppress(FailedDeploymentError):
                    ecs.deploy(self.service, self.good)
            return False
        self.good = image
        return True

    def _stage(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return next(
            (stage, action["Configuration"])
            for stage in self.properties["Stages"]
            for action in stage["Actions"]
            if action["ActionTypeId"]["Provider"] == "ECS"
        )


class Version:
    """A version of a template."""

    def __init__(self, name: str, template: dict[str, Any]) -> None:
        self.name = name
        self.template = template

    def __repr__(self) -> str:
        return self.name

    @cache  # noqa: B019 - as long as the tests run
    def order(self) -> list[str]:
        """An order in which CloudFormation may make the resources."""
        resources = self.template["Resources"]
        graph = {}
        for title, resource in resources.items():
            depends_on = resource.get("DependsOn", [])
            named = {depends_on} if isinstance(depends_on, str) else set(depends_on)
            graph[title] = sorted((named | set(references(resource))) & set(resources))
        return list(TopologicalSorter(graph).static_order())

    def resolved(self, values: Mapping[str, str]) -> Resolved:
        """The template for the values. Raises :class:`ParameterError`."""
        return self._resolved(tuple(sorted(values.items())))

    def resources(self, values: Mapping[str, str]) -> list[tuple[str, str, str]]:
        """Title, type and properties of each resource that is there for the values, in order."""
        return self._resources(tuple(sorted(values.items())))

    @cache  # noqa: B019 - as long as the tests run
    def _resolved(self, values: tuple[tuple[str, str], ...]) -> Resolved:
        return resolve(self.template, dict(values), TARGET)

    @cache  # noqa: B019 - as long as the tests run
    def _resources(self, values: tuple[tuple[str, str], ...]) -> list[tuple[str, str, str]]:
        resources = self._resolved(values).resources
        return [
            (title, resources[title]["Type"], json.dumps(resources[title].get("Properties", {}), sort_keys=True))
            for title in self.order()
            if title in resources
        ]


@dataclass(frozen=True)
class Made:
    """A resource that is there."""

    type: str
    text: str
    physical: str

    @property
    def properties(self) -> dict[str, Any]:
        properties: dict[str, Any] = json.loads(self.text)
        return properties


@dataclass
class Change:
    """An update under way: what there was, what there is, and what was changed in which order."""

    before: dict[str, Made]
    after: dict[str, Made] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)


class Stack:
    """A stack, and the pipelines in it."""

    def __init__(self, ecs: Ecs, version: Version, values: Mapping[str, str]) -> None:
        """Launches it. Raises :class:`RefusedError` where ECS gives the first deployment up: nothing is left then."""
        self.ecs = ecs
        self.version = version
        self.values = dict(values)
        self.pipelines: dict[str, Pipeline] = {}
        self.under_way: Change | None = None
        self.name = f"stack{next(ecs.stacks)}"
        self._names = 0
        change = Change({})
        self._apply(version.resources(values), change, None)
        self.made = change.after

    def update(self, version: Version, values: Mapping[str, str], fail_after: int | None = None) -> str:
        """How the update ends. ``fail_after``: so many resources are changed, then one fails for another reason.

        Raises :class:`ParameterError` for values that are refused, and :class:`RefusedError` where nothing changes.
        """
        if self.under_way:
            raise RefusedError("UPDATE_ROLLBACK_FAILED")
        change = Change(self.made)
        wanted = version.resources(values)
        try:
            self._apply(wanted, change, fail_after)
        except RefusedError:
            self.under_way = change
            return self.roll_back()
        if not change.touched and set(change.after) == set(change.before):
            raise RefusedError("No updates are to be performed")
        self.made, self.version, self.values = change.after, version, dict(values)
        self._clean_up(change.before, change.after)
        return UPDATED

    def roll_back(self) -> str:
        """Sets everything back that was touched, the service among it, and then removes what was new.

        The service is updated once more, also where its own update failed
        (https://github.com/aws/containers-roadmap/issues/117). Where that fails too the rollback waits to be
        continued (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-continueupdaterollback.html).
        """
        change = self.under_way
        assert change
        try:
            for title in change.touched:
                if title in change.before:
                    self._restore(title, change.before[title], change.after.get(title))
        except RefusedError:
            return STUCK
        self._clean_up(change.after, change.before)
        self.under_way = None
        return ROLLED_BACK

    def task_definitions(self) -> dict[str, Made]:
        return {title: made for title, made in self.made.items() if made.type == TASK_DEFINITION}

    def _apply(self, wanted: list[tuple[str, str, str]], change: Change, fail_after: int | None) -> None:
        """Changes each resource that resolves differently, in order."""
        for title, kind, unresolved in wanted:
            text = _UNKNOWN.sub(lambda found: change.after[found[1]].physical + found[2], unresolved)
            old = change.before.get(title)
            if old and (old.type, old.text) == (kind, text):
                change.after[title] = old
                continue
            if len(change.touched) == fail_after:
                raise RefusedError("another resource failed")
            change.touched.append(title)
            change.after[title] = self._set(title, Made(kind, text, ""), old)
        if fail_after in (len(change.touched), LAST):
            raise RefusedError("another resource failed")

    def _set(self, title: str, new: Made, old: Made | None) -> Made:
        """Makes or updates one resource.

        One that has to be replaced is made anew first and removed in the end
        (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html).
        """
        replaced = old is None or old.type != new.type or _needs_replacement(old, new)
        properties = new.properties
        if old and replaced:
            _refuse_same_name(old, new)
        physical = old.physical if old and not replaced else self._new_name(title)
        match new.type:
            case "AWS::ECS::TaskDefinition":
                # "If you don't specify a value, CloudFormation generates a new task definition each time that you
                # update it": the first of a family of its own
                # (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-taskdefinition.html).
                assert "Family" not in properties
                self.ecs.register(physical, *split_image(properties))
            case "AWS::ECS::Service":
                if replaced:
                    physical = self.ecs.create_service(properties)
                else:
                    self.ecs.update_service(physical, properties)
            case _:
                self._follow(title, new)
        return Made(new.type, new.text, physical)

    def _restore(self, title: str, old: Made, new: Made | None) -> None:
        if old.type == SERVICE and (new is None or new.physical == old.physical):
            self.ecs.update_service(old.physical, old.properties)
        elif old.type not in (SERVICE, TASK_DEFINITION):
            self._follow(title, old)

    def _follow(self, title: str, new: Made) -> None:
        """What other resources have to do with what runs: how many tasks there are, and the pipelines' structure."""
        if new.type == SCALABLE_TARGET:
            target = new.properties
            limits = int(target["MinCapacity"]), int(target["MaxCapacity"])
            self.ecs.scale(target["ResourceId"].removeprefix("service/"), limits)
        elif new.type == PIPELINE:
            self.pipelines[title] = Pipeline(new.properties)

    def _clean_up(self, old: Mapping[str, Made], new: Mapping[str, Made]) -> None:
        """Removes what is no longer there: a task definition is deregistered.

        https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1056
        """
        left = {made.physical for made in new.values()}
        for made in old.values():
            if made.physical in left:
                continue
            if made.type == TASK_DEFINITION:
                self.ecs.deregister(self.ecs.first(made.physical).arn)
            elif made.type == SERVICE:
                del self.ecs.services[made.physical]

    def _new_name(self, title: str) -> str:
        self._names += 1
        return f"{self.name}-{title}-{self._names}"


# What only AWS can say, in a resolved template.
_UNKNOWN = re.compile(r"<([A-Za-z0-9]+)((?:\.[A-Za-z0-9.]+)?)>")


def split_image(properties: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """A task definition without the image of its one container, and the image."""
    (container,) = properties["ContainerDefinitions"]
    rest = {key: value for key, value in container.items() if key != "Image"}
    return {**properties, "ContainerDefinitions": [rest]}, container["Image"]


@cache
def _create_only(kind: str) -> list[tuple[str, ...]]:
    """The paths of the properties that cannot be updated, as AWS's own schema has them."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(TARGET.region, kind).schema
    paths = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
    return [tuple(path.removeprefix("/properties/").split("/")) for path in paths]


def _needs_replacement(old: Made, new: Made) -> bool:
    one, other = old.properties, new.properties
    return any(_at(one, path) != _at(other, path) for path in _create_only(new.type))


def _at(node: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        node = node.get(key) if isinstance(node, dict) else None
    return node


def _refuse_same_name(old: Made, new: Made) -> None:
    """CloudFormation cannot replace what has a name of ours that stays; a subnet, what has an address block that stays.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html and
    https://github.com/buildkite/elastic-ci-stack-for-aws/issues/319
    """
    one, other = old.properties, new.properties
    keys = ("VpcId", "CidrBlock") if new.type == SUBNET else (NAME_PROPERTY.get(new.type, ""),)
    same = [key for key in keys if key and key in one and one[key] == other.get(key)]
    if same and len(same) == len(keys):
        raise RefusedError(f"{new.type} with the same {' and '.join(same)}")


def changed(template: dict[str, Any], kind: str, *path: Any, value: Any) -> dict[str, Any]:
    """The template with another value at one place in the properties of each resource of a type; None removes it."""
    copied: dict[str, Any] = json.loads(json.dumps(template))
    for resource in copied["Resources"].values():
        if resource["Type"] == kind:
            node = resource["Properties"]
            for key in path[:-1]:
                node = node[key]
            if value is None:
                del node[path[-1]]
            else:
                node[path[-1]] = value
    return copied
