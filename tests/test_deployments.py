"""An update never changes what runs: a state machine over everything that happens to a stack and its pipelines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from deployments import (
    BROKEN,
    LAST,
    PIPELINE,
    ROLLED_BACK,
    SERVICE,
    STUCK,
    TASK_DEFINITION,
    UPDATED,
    Ecs,
    Pipeline,
    RefusedError,
    Service,
    Stack,
    Version,
    changed,
    split_image,
)
from ecs_cd_templates import ENVIRONMENTS
from ecs_cd_templates.cfn.evaluation import resolve
from ecs_cd_templates.errors import ParameterError
from ecs_cd_templates.launch import updates
from support import NETWORKS, TARGET, data, network_values, parameters

QUICK_START, ENVIRONMENT, ONE_SERVICE = "quick-start.yaml", "ecs-environment.yaml", "ecs-service.yaml"

# Legal values to change a parameter to, beside those that the template lists itself.
OTHER_VALUES = {
    "ApplicationName": ["other-app"],
    "ApprovalEmailAddress": ["approver@example.com"],
    "AvailabilityZone": ["us-east-1"],
    "CertificateArn": [f"arn:aws:acm:us-east-1:{TARGET.account}:certificate/00000000-0000-0000-0000-000000000000"],
    "CodeCommitBranchName": ["other"],
    "CodeCommitRepositoryName": ["existing:other"],
    "ECRRepositoryName": ["other"],
    "ECSClusterName": ["other"],
    "ECSInstanceImageId": ["/other/image"],
    "ECSServiceName": ["other"],
    "ECSTaskContainerName": ["other"],
    "ECSTaskCount": ["0", "2", "1-4", "3-6"],
    "ECSTaskExecutionRoleName": ["other-execution"],
    "ECSTaskImage": ["public.ecr.aws/docker/library/httpd:2.4"],
    "ECSTaskImages": [",".join([f"public.ecr.aws/docker/library/httpd:2.{n}" for n in (2, 3, 4)])],
    "ECSTaskRoleName": ["other-task"],
    "EnvironmentName": ["other"],
    "HealthCheckPath": ["/healthz"],
    "LoadBalancerSecurityGroupId": ["sg-11111111111111111"],
    "PublicSubnet1Id": ["subnet-11111111111111111"],
    "PublicSubnet2Id": ["subnet-22222222222222222"],
    "PrivateSubnet1Id": ["subnet-33333333333333333"],
    "PrivateSubnet2Id": ["subnet-44444444444444444"],
    "TargetGroupArn": [f"arn:aws:elasticloadbalancing:us-east-1:{TARGET.account}:targetgroup/other/0123456789abcdef"],
    "VpcCidr": ["10.64.0.0/18"],
    "VpcId": ["vpc-11111111111111111"],
}


def first_values(name: str, template: Mapping[str, Any]) -> dict[str, str]:
    """A value for each parameter, as a stack remembers them."""
    asked = template["Parameters"]
    examples = parameters(name) | network_values(template)
    return {each: str(properties.get("Default", examples.get(each))) for each, properties in asked.items()}


def other_values(template: Mapping[str, Any]) -> list[dict[str, str]]:
    """Changes of one parameter each, or of those that only change together."""
    changes = []
    for name, properties in template["Parameters"].items():
        if name == "AvailabilityZone1":
            changes.append({"AvailabilityZone1": "us-east-1c", "AvailabilityZone2": "us-east-1d"})
        elif name != "AvailabilityZone2":
            listed = properties.get("AllowedValues") or OTHER_VALUES[name.partition("For")[0]]
            changes += [{name: str(value)} for value in listed if str(value) != properties.get("Default")]
    return changes


def passed_on(template: Mapping[str, Any], images: list[str]) -> dict[str, str]:
    """The parameter that names the images."""
    return {name: ",".join(images) for name in ("ECSTaskImage", "ECSTaskImages") if name in template["Parameters"]}


# How somebody updates a stack: with the values that it has; with the images that run, whatever the update is; or as
# the functions under test say.
AS_IT_IS, WITH_IMAGES, AS_TOLD = "as it is", "with the images", "as told"
WAYS = st.sampled_from([AS_IT_IS, WITH_IMAGES, AS_TOLD])
FAILURES = st.none() | st.integers(1, 6)


class World:
    """A stack with its pipelines, and what should run: the image that was deployed well last, else the first."""

    def __init__(self, name: str, version: Version) -> None:
        self.ecs = Ecs()
        self.stack = Stack(self.ecs, version, first_values(name, version.template))
        resources = version.template["Resources"].items()
        self.titles = [title for title, resource in resources if resource["Type"] == SERVICE]
        self.deployed = {title: self.service(title).revision.image for title in self.titles}
        self.images = 0
        self.outside = _outside_pipeline() if not self.stack.pipelines else None

    def service(self, title: str) -> Service:
        return self.ecs.services[self.stack.made[title].physical]

    def running(self) -> dict[str, str]:
        return {title: self.service(title).revision.image for title in self.titles}

    def in_the_way(self, title: str) -> list[str]:
        """The ARNs of the active revisions that an update of the service would try before what runs, newest first.

        ``deploy-parameters`` warns of such a service, by the newest active revision that is not what runs.
        """
        used = self.service(title).revision
        in_the_way: list[str] = []
        for each in sorted(self.ecs.active(used.family), key=lambda revision: -revision.number):
            if each.arn == used.arn or (each.number < used.number and each.image == used.image):
                break
            in_the_way.append(each.arn)
        return in_the_way

    def clear_the_way(self) -> None:
        """Does what one is told to before an update."""
        for title in self.titles:
            service = self.service(title)
            in_the_way = self.in_the_way(title)
            if len(in_the_way) == len(self.ecs.active(service.revision.family)):
                self.ecs.deploy(self.stack.made[title].physical, service.revision.image)
            else:
                for revision in in_the_way:
                    self.ecs.deregister(revision)

    def pipeline(self, title: str) -> Pipeline:
        physical = self.stack.made[title].physical
        if self.outside is None:
            return next(each for each in self.stack.pipelines.values() if each.service == physical)
        self.outside.deploy_to(physical)
        return self.outside

    def release(self, title: str, *, healthy: bool) -> bool:
        """Deploys a new image through the pipeline."""
        before = self.running()
        self.images += 1
        image = f"registry/app:{self.images}"
        if not healthy:
            self.ecs.broken.add(image)
        well = self.pipeline(title).release(self.ecs, image)
        if well:
            self.deployed[title] = image
        self.check(before, set())
        return well

    def update(self, version: Version, change: Mapping[str, str], way: str, fail_after: int | None = None) -> str:
        """Updates the stack, and holds what was said beforehand against what happened."""
        before = self.running()
        counts = {title: self.service(title).desired for title in self.titles}
        places = {title: made.physical for title, made in self.stack.made.items()}
        images = passed_on(version.template, list(before.values()))
        values = self.stack.values | dict(change) | (images if way == WITH_IMAGES else {})
        needed = updates.images_needed(self.stack.version.resolved(self.stack.values), version.resolved(values))
        if way == AS_TOLD:
            if needed:
                values |= images
                needed = updates.images_needed(self.stack.version.resolved(self.stack.values), version.resolved(values))
            self.clear_the_way()
        named = {title for title in self.titles if self.in_the_way(title)}
        wanted = version.resolved(values).resources
        for definition in needed:
            (title,) = (each for each in self.titles if definition.endswith(each.removeprefix("ECSService")))
            if split_image(wanted[definition]["Properties"])[1] != before[title]:
                named.add(title)
        broken = {title for title in self.titles if not self.ecs.healthy(self.service(title).revision)}
        broken |= {title for title in self.titles if version.name == "broken"}
        outcome = self.stack.update(version, values, fail_after)
        self.check(before, named)
        if outcome == STUCK:
            assert named | broken, "the stack is stuck, and nothing said so"
            return outcome
        for title in self.titles:
            service = self.service(title)
            least, most = service.limits
            assert least <= service.desired <= most
            if outcome == UPDATED and self.stack.made[title].physical == places[title]:
                assert service.desired == min(max(counts[title], least), most), "the number of tasks was set back"
        if outcome == UPDATED:
            made = self.stack.task_definitions()
            registered = {title for title in made if made[title].physical != places.get(title)}
            assert registered == set(needed), "what registers anew is not what was said"
            for definition in registered:
                (title,) = (each for each in self.titles if definition.endswith(each.removeprefix("ECSService")))
                uses = self.service(title).revision.definition
                assert uses == split_image(made[definition].properties)[0], "the update has no effect"
        return outcome

    def check(self, before: Mapping[str, str], named: set[str]) -> None:
        """What runs is what ran, or what was deployed well last, or it was said beforehand."""
        for title, image in self.running().items():
            if title not in named:
                assert image in (before[title], self.deployed[title]), f"{title} runs {image}, and nothing said so"


def _outside_pipeline() -> Pipeline:
    """A pipeline of a stack of its own."""
    name = "deployment-pipeline-without-approval.yaml"
    resources = resolve(data()[name], parameters(name), TARGET).resources
    return next(Pipeline(each["Properties"]) for each in resources.values() if each["Type"] == PIPELINE)


def versions(name: str, network: str = "new") -> list[Version]:
    """The template, and others that differ from it in one property of the services or of the task definitions."""
    template = data(NETWORKS[network])[name]
    resources = template["Resources"].values()
    service = next(each["Properties"] for each in resources if each["Type"] == SERVICE)
    definition = next(each["Properties"] for each in resources if each["Type"] == TASK_DEFINITION)
    (container,) = definition["ContainerDefinitions"]
    in_container = ("ContainerDefinitions", 0)
    environment = (*in_container, "Environment")
    changes: list[tuple[str, tuple[Any, ...], Any]] = [
        (SERVICE, ("HealthCheckGracePeriodSeconds",), 120),
        (SERVICE, ("EnableECSManagedTags",), True),
        (SERVICE, ("DeploymentConfiguration", "MaximumPercent"), 150),
        *((SERVICE, (key,), None) for key in service if key not in PROVEN),
        (TASK_DEFINITION, ("EphemeralStorage",), {"SizeInGiB": 30}),
        *((TASK_DEFINITION, (key,), None) for key in definition if key not in PROVEN),
        (TASK_DEFINITION, environment, [*container["Environment"], {"Name": "NEW", "Value": "1"}]),
        *((TASK_DEFINITION, (*in_container, key), None) for key in container if key not in PROVEN),
    ]
    return [
        Version("as rendered", template),
        *(Version(f"{kind} {path}", changed(template, kind, *path, value=value)) for kind, path, value in changes),
        Version("renamed", json.loads(json.dumps(template).replace('"ECSTaskDefinition', '"TaskDefinition'))),
        Version("broken", changed(template, TASK_DEFINITION, *environment, value=[*container["Environment"], BROKEN])),
    ]


# What the design rests on; every other property may change from one version to the next.
PROVEN = (
    *("Cluster", "ServiceName", "TaskDefinition", "DeploymentConfiguration"),
    *("ContainerDefinitions", "Image"),
)


class Updates(RuleBasedStateMachine):
    """Launch, deployments, updates and what goes wrong with them, in any order."""

    name: ClassVar[str]
    versions: ClassVar[list[Version]]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.name, self.versions[0])

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.world.release(data.draw(st.sampled_from(self.world.titles)), healthy=True)

    @rule(data=st.data())
    def release_what_is_broken(self, data: st.DataObject) -> None:
        self.world.release(data.draw(st.sampled_from(self.world.titles)), healthy=False)

    @rule()
    def what_was_broken_works(self) -> None:
        self.world.ecs.broken.clear()

    @rule(data=st.data())
    def cpu_is_used(self, data: st.DataObject) -> None:
        service = self.world.service(data.draw(st.sampled_from(self.world.titles)))
        service.desired = data.draw(st.integers(service.limits[0], service.limits[1]))

    @precondition(lambda self: not self.world.stack.under_way)
    @rule(data=st.data(), way=WAYS, fail_after=FAILURES)
    def change_a_parameter(self, data: st.DataObject, way: str, fail_after: int | None) -> None:
        stack = self.world.stack
        changes = [each for each in other_values(stack.version.template) if not each.items() <= stack.values.items()]
        self._update(stack.version, data.draw(st.sampled_from(changes)), way, fail_after)

    @precondition(lambda self: not self.world.stack.under_way)
    @rule(data=st.data(), way=WAYS, fail_after=FAILURES)
    def upgrade(self, data: st.DataObject, way: str, fail_after: int | None) -> None:
        others = [each for each in self.versions if each is not self.world.stack.version]
        self._update(data.draw(st.sampled_from(others)), {}, way, fail_after)

    @precondition(lambda self: not self.world.stack.under_way)
    @rule(data=st.data(), way=WAYS, fail_after=FAILURES)
    def upgrade_the_service_only(self, data: st.DataObject, way: str, fail_after: int | None) -> None:
        others = [each for each in self.versions if each.name.startswith(SERVICE)]
        self._update(data.draw(st.sampled_from(others)), {}, way, fail_after)

    @precondition(lambda self: not self.world.stack.under_way)
    @rule(data=st.data(), tasks=st.sampled_from(OTHER_VALUES["ECSTaskCount"]))
    def pause_or_scale(self, data: st.DataObject, tasks: str) -> None:
        version = self.world.stack.version
        name = data.draw(st.sampled_from([each for each in version.template["Parameters"] if "TaskCount" in each]))
        self._update(version, {name: tasks}, AS_IT_IS, None)

    def _update(self, version: Version, change: Mapping[str, str], way: str, fail_after: int | None) -> None:
        try:
            self.world.update(version, change, way, fail_after)
        except (ParameterError, RefusedError):
            return

    @precondition(lambda self: self.world.stack.under_way)
    @rule()
    def continue_the_rollback(self) -> None:
        before = self.world.running()
        named = {title for title in self.world.titles if self.world.in_the_way(title)}
        self.world.stack.roll_back()
        self.world.check(before, named)

    @precondition(lambda self: self.world.stack.under_way)
    @rule()
    def mend_the_stack(self) -> None:
        """Deregister what is in the way, and the rollback goes through."""
        world = self.world
        before = world.running()
        world.clear_the_way()
        broken = {title for title in world.titles if not world.ecs.healthy(world.service(title).revision)}
        assert world.stack.roll_back() != STUCK or broken
        world.check(before, set())


def run(name: str, versions: list[Version], how: settings) -> None:
    run_state_machine_as_test(type("Machine", (Updates,), {"name": name, "versions": versions}), settings=how)


FAST = settings(derandomize=True, database=None, deadline=None, max_examples=60, stateful_step_count=20)
FASTER = settings(FAST, max_examples=10, stateful_step_count=15)


@pytest.mark.parametrize(
    ("name", "network", "how"),
    [(ENVIRONMENT, "new", FAST), (ENVIRONMENT, "private", FASTER), (QUICK_START, "new", FASTER)],
)
def test_what_runs_is_what_was_deployed_well(name: str, network: str, how: settings) -> None:
    run(name, versions(name, network), how)


def old_design(template: dict[str, Any]) -> dict[str, Any]:
    """The service names the revision that the stack made, and says how many tasks run."""
    return with_number_of_tasks(with_revision(template))


def with_revision(template: dict[str, Any]) -> dict[str, Any]:
    copied = changed(template, SERVICE, "TaskDefinition", value="")
    for title, resource in copied["Resources"].items():
        if resource["Type"] == SERVICE:
            definition = title.replace("ECSService", "ECSTaskDefinition")
            resource["Properties"]["TaskDefinition"] = {"Ref": definition}
    return copied


def with_number_of_tasks(template: dict[str, Any]) -> dict[str, Any]:
    copied = changed(template, SERVICE, "DesiredCount", value=1)
    for title, resource in copied["Resources"].items():
        if resource["Type"] == SERVICE:
            target = copied["Resources"][title.replace("ECSService", "ScalableTarget")]
            resource["Properties"]["DesiredCount"] = target["Properties"]["MinCapacity"]
    return copied


def without(template: dict[str, Any], *path: str) -> dict[str, Any]:
    return changed(template, SERVICE, *path, value=None)


BREAKER = ("DeploymentConfiguration", "DeploymentCircuitBreaker")
# Other designs, each with what is wrong with it.
UNSAID, COUNT_SET_BACK = "nothing said so", "the number of tasks was set back"
DESIGNS: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "old": (old_design, f"{UNSAID}|{COUNT_SET_BACK}"),
    "revision": (with_revision, UNSAID),
    "number of tasks": (with_number_of_tasks, COUNT_SET_BACK),
    "no circuit breaker": (lambda template: without(template, *BREAKER), UNSAID),
    "no way back": (lambda template: changed(template, SERVICE, *BREAKER, "Rollback", value=False), UNSAID),
}


@pytest.mark.parametrize("design", DESIGNS)
def test_the_machine_fails_on_other_designs(design: str) -> None:
    build, wrong = DESIGNS[design]
    others = [Version(each.name, build(each.template)) for each in versions(ENVIRONMENT) if each.name != "renamed"]
    with pytest.raises(AssertionError, match=wrong):
        run(ENVIRONMENT, others, settings(FAST, max_examples=400, phases=[Phase.generate], report_multiple_bugs=False))


# What the form says of these: a change of them restarts the tasks with the image that it names, or they cannot change.
NEEDS_THE_IMAGE = {
    QUICK_START: {"ApplicationName", "ECSTaskImages", *(f"ECSTaskSizeFor{each.id}Env" for each in ENVIRONMENTS)},
    ENVIRONMENT: {
        "ECSTaskContainerName",
        "ECSTaskExecutionRoleName",
        "ECSTaskImage",
        "ECSTaskRoleName",
        "ECSTaskSize",
        "EnvironmentName",
    },
}
NEEDS_THE_IMAGE[ONE_SERVICE] = NEEDS_THE_IMAGE[ENVIRONMENT]


@pytest.mark.parametrize(
    ("name", "network"),
    [*((name, "new") for name in NEEDS_THE_IMAGE), (ENVIRONMENT, "private"), (QUICK_START, "mixed")],
)
@pytest.mark.slow
def test_each_parameter_in_turn(name: str, network: str) -> None:
    version = Version("as rendered", data(NETWORKS[network])[name])
    needs = set()
    for change in other_values(version.template):
        for way in (AS_IT_IS, WITH_IMAGES, AS_TOLD):
            for fail_after in (None, LAST):
                world = World(name, version)
                for title in world.titles:
                    world.release(title, healthy=True)
                released = world.running()
                with suppress(ParameterError, RefusedError):
                    world.update(version, change, way, fail_after)
                if world.running() != released:
                    needs |= set(change)
                    assert way == AS_IT_IS
    assert needs == NEEDS_THE_IMAGE[name]


def test_each_property_in_turn() -> None:
    first, *others = versions(ENVIRONMENT)
    for later in others:
        for way in (WITH_IMAGES, AS_TOLD):
            for fail_after in (None, 1, 2, LAST):
                world = World(ENVIRONMENT, first)
                world.release("ECSService", healthy=True)
                released = world.running()
                world.update(later, {}, way, fail_after)
                assert world.running() == released


def test_an_upgrade_from_the_old_design_needs_nothing() -> None:
    template = data()[ENVIRONMENT]
    world = World(ENVIRONMENT, Version("old", old_design(template)))
    world.release("ECSService", healthy=True)
    world.service("ECSService").limits, world.service("ECSService").desired = (1, 4), 1
    assert world.update(Version("new", template), {}, AS_IT_IS) == UPDATED
    assert world.running() == world.deployed


class TestWhatRemains:
    """Cases in which an update fails, or a deployment counts as good that is not: what runs stays, or it was named."""

    def world(self) -> World:
        self.versions = {each.name: each for each in versions(ENVIRONMENT)}
        return World(ENVIRONMENT, self.versions["as rendered"])

    def touched(self, world: World, way: str = AS_IT_IS) -> str:
        """Changes the service, and nothing else."""
        return world.update(self.versions[f"{SERVICE} ('EnableECSManagedTags',)"], {}, way)

    def test_a_broken_first_image_leaves_nothing(self) -> None:
        ecs, values = Ecs(), first_values(ENVIRONMENT, data()[ENVIRONMENT])
        ecs.broken.add(values["ECSTaskImage"])
        with pytest.raises(RefusedError):
            Stack(ecs, Version("as rendered", data()[ENVIRONMENT]), values)
        assert not ecs.services

    def test_a_first_release_that_failed_is_tried_again_by_an_update_of_the_service(self) -> None:
        world = self.world()
        first = world.running()
        assert not world.release("ECSService", healthy=False)
        assert len(world.in_the_way("ECSService")) == 1
        assert self.touched(world) == STUCK
        assert world.running() == first
        world.release("ECSService", healthy=True)
        assert world.stack.roll_back() == ROLLED_BACK
        assert world.running() == world.deployed != first

    def test_what_is_in_the_way_is_deregistered(self) -> None:
        world = self.world()
        world.release("ECSService", healthy=False)
        assert self.touched(world, AS_TOLD) == UPDATED
        assert world.running() == world.deployed

    def test_a_later_release_that_failed_is_not_in_the_way(self) -> None:
        world = self.world()
        world.release("ECSService", healthy=True)
        assert not world.release("ECSService", healthy=False)
        assert not world.in_the_way("ECSService")
        assert self.touched(world) == UPDATED
        assert world.running() == world.deployed

    def test_an_image_that_works_by_now_is_deployed_by_an_update_of_the_service(self) -> None:
        world = self.world()
        world.release("ECSService", healthy=False)
        world.ecs.broken.clear()
        assert world.in_the_way("ECSService")
        assert self.touched(world) == UPDATED
        assert world.running() != world.deployed

    def test_a_broken_version_is_rolled_back_to_what_ran(self) -> None:
        world = self.world()
        world.release("ECSService", healthy=True)
        assert world.update(self.versions["broken"], {}, AS_TOLD) == ROLLED_BACK
        assert world.running() == world.deployed

    def test_a_release_while_paused_counts_as_good(self) -> None:
        world = self.world()
        world.update(world.stack.version, {"ECSTaskCount": "0"}, AS_IT_IS)
        assert world.release("ECSService", healthy=False)
        world.update(world.stack.version, {"ECSTaskCount": "1"}, AS_IT_IS)
        assert not world.ecs.healthy(world.service("ECSService").revision)

    def test_a_rolled_back_update_leaves_the_revision_that_ran(self) -> None:
        world = self.world()
        world.release("ECSService", healthy=True)
        used = world.service("ECSService").revision
        for way in (AS_TOLD, AS_IT_IS):
            assert world.update(world.stack.version, LARGER, way, LAST) == ROLLED_BACK
            assert world.service("ECSService").revision is used
            assert used.active
            assert world.running() == world.deployed

    def test_services_of_one_name_in_two_clusters_do_not_reach_each_other(self) -> None:
        ecs, version = Ecs(), Version("as rendered", data()[ENVIRONMENT])
        values = first_values(ENVIRONMENT, version.template) | {"ECSServiceName": "web"}
        _, production = (Stack(ecs, version, values | {"ECSClusterName": cluster}) for cluster in ("dev", "prod"))
        ecs.deploy("prod/web", "prod:good")
        ecs.deploy("dev/web", "dev:anything")
        later = Version("later", changed(version.template, SERVICE, "HealthCheckGracePeriodSeconds", value=120))
        assert production.update(later, production.values) == UPDATED
        assert ecs.services["prod/web"].revision.image == "prod:good"

    def test_a_release_between_reading_and_updating_is_undone(self) -> None:
        world = self.world()
        world.release("ECSService", healthy=True)
        read = passed_on(world.stack.version.template, list(world.running().values()))
        world.release("ECSService", healthy=True)
        world.update(world.stack.version, LARGER | read, AS_IT_IS)
        assert world.running() != world.deployed


LARGER = {"ECSTaskSize": "256 CPU units, 1024 MiB"}
