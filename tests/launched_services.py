"""The services of a settings file as they would be launched: each stack resolved in its account and region."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest

import test_steps
from ecs_cd_templates import constraints
from ecs_cd_templates.catalog import ALL_ENVIRONMENTS, PREREQUISITES, QUICK_START
from ecs_cd_templates.cfn.constraint import Constraint
from ecs_cd_templates.cfn.evaluation import Resolved, Target, resolve
from ecs_cd_templates.environments import scopes
from ecs_cd_templates.services import Service, read_file
from ecs_cd_templates.services import Target as Part
from ecs_cd_templates.services.files import files, folder
from ecs_cd_templates.services.stacks import Stack, stacks
from least_privilege import System
from support import ROOT, load

EXAMPLES = sorted([*(ROOT / "examples").glob("*.yaml"), ROOT / "examples" / "python-app" / "ecs-cd.yaml"])

# Where a target is that says nothing of its account or region.
ACCOUNT = "111122223333"
REGION = "eu-west-1"

ROLE = "AWS::IAM::Role"
BUCKET = "AWS::S3::Bucket"

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
_LOG_GROUP_NAME = Constraint(pattern=r"^[.\-_/#A-Za-z0-9]+$", min_length=1, max_length=512, message="")

# Where each kind of resource says its name, and what the service takes.
NAMED = test_steps.NAMED | {
    "AWS::Logs::LogGroup": ("LogGroupName", _LOG_GROUP_NAME),
    BUCKET: ("BucketName", constraints.NEW_BUCKET_NAME),
}

Resources = Mapping[str, Mapping[str, Any]]
Named = tuple[str, str, str]
"""The type, where there is only one of the name, and the name."""


@dataclass(frozen=True, eq=False)
class Launch:
    """One target of a service, with its files as they are rendered."""

    service: Service
    target: Part

    @property
    def name(self) -> str:
        """The path of its files."""
        return folder(self.service, self.target)

    @property
    def place(self) -> Target:
        """Where it is launched."""
        return Target(account=self.target.account or ACCOUNT, region=self.target.region or REGION)

    @property
    def ids(self) -> list[str]:
        """The IDs of its environments."""
        return [environment.id for environment in self.target.settings.environments]

    @cached_property
    def stacks(self) -> list[Stack]:
        """The stacks that it can be launched as."""
        return stacks(self.target)

    @cached_property
    def files(self) -> dict[str, str]:
        """The texts of its files, by path."""
        return files(self.target)

    def template(self, stack: Stack) -> dict[str, Any]:
        """The stack's template, read back."""
        return _loaded(self.files[f"templates/{stack.template}"])

    def values(self, stack: Stack) -> dict[str, str]:
        """The values in the stack's file."""
        rows = json.loads(self.files[f"params/{stack.file}"])
        return {row["ParameterKey"]: row["ParameterValue"] for row in rows}

    @cached_property
    def resolved(self) -> dict[str, Resolved]:
        """What each stack makes, by the name of its file."""
        return {
            stack.file: resolve(self.template(stack), self.values(stack), self.place_of(stack)) for stack in self.stacks
        }

    def place_of(self, stack: Stack) -> Target:
        """Where the stack is launched, and under which name."""
        return Target(account=self.place.account, region=self.place.region, stack_name=stack.name)

    def of(self, template: str) -> list[Resolved]:
        """What the stacks of this template make."""
        return [self.resolved[stack.file] for stack in self.stacks if stack.template == template]

    @cached_property
    def quick_start(self) -> System:
        """All that the quick start makes."""
        (everything,) = self.of(QUICK_START)
        # What CloudFormation names is this stack's, and no other one's of the same title.
        text = re.sub(r"<(\w+)>", rf"<{self.service.name} \1>", json.dumps(everything.resources))
        resources = json.loads(text)
        return System(self.place, resources, _task_roles(resources, self))

    @cached_property
    def parts(self) -> System:
        """All that the parts make when they are launched one by one, with the template of all pipelines."""
        (common,), (pipelines,) = self.of(PREREQUISITES), self.of(ALL_ENVIRONMENTS)
        resources = {**common.resources, **pipelines.resources}
        for step in self.target.settings.pipeline.steps:
            (project,) = self.of(step.file_name)
            resources |= {f"{step.name}{title}": each for title, each in project.resources.items()}
        for stack in self.stacks:
            if stack.template.startswith("ecs-environment"):
                key = stack.file.split(".")[1]
                (id_,) = (each for each in self.ids if each.lower() == key)
                own = self.resolved[stack.file].resources
                resources |= {f"{title}For{id_}Env": each for title, each in own.items()}
        return System(self.place, resources, _task_roles(resources, self))


def _task_roles(resources: Resources, launch: Launch) -> dict[str, tuple[str, str]]:
    """The two roles of each service's tasks."""
    return {
        resources[scope.name("ECSService")]["Properties"]["ServiceName"]: (
            resources[scope.name("ECSTaskRole")]["Properties"]["RoleName"],
            resources[scope.name("ECSTaskExecutionRole")]["Properties"]["RoleName"],
        )
        for scope in scopes(launch.target.settings.environments)
    }


@cache
def _loaded(text: str) -> dict[str, Any]:
    return load(text)


@cache
def launches(path: Path) -> tuple[Launch, ...]:
    """All targets of all services of the file."""
    return launches_of(read_file(path).services)


def launches_of(services: tuple[Service, ...]) -> tuple[Launch, ...]:
    """All targets of the services."""
    return tuple(Launch(service, target) for service in services for target in service.targets)


EVERY_LAUNCH = [
    pytest.param(launch, id=f"{path.parent.name if path.stem == 'ecs-cd' else path.stem}, {launch.name}")
    for path in EXAMPLES
    for launch in launches(path)
]


def names(system: System) -> Iterator[Named]:
    """What is named in the system, each as often as it is made."""
    for resource in system.resources.values():
        kind, properties = resource["Type"], resource.get("Properties", {})
        key, constraint = NAMED.get(kind, ("", None))
        if constraint is not None and key in properties:
            name = properties[key]
            assert constraint.accepts(name), f"{kind} {name}"
            where = {ROLE: system.target.account, BUCKET: ""}
            yield kind, where.get(kind, f"{system.target.account}/{system.target.region}"), name


def shared_names(every: tuple[Launch, ...]) -> list[str]:
    """What more than one service or target would make, or one of them twice."""
    owners: dict[Named, str] = {}
    found = []
    for launch in every:
        ways = [list(names(system)) for system in (launch.quick_start, launch.parts)]
        found += [f"{launch.name} twice: {each}" for way in ways for each in set(way) if way.count(each) > 1]
        for each in {*ways[0], *ways[1]}:
            other = owners.setdefault(each, launch.name)
            if other != launch.name:
                found.append(f"{other} and {launch.name}: {each}")
    return found
