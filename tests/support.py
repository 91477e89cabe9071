"""What several tests need: the catalogue as text and as data, parameter files, and a place to launch in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from itertools import cycle
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import pytest
import yaml
from troposphere import Template

from ecs_cd_templates import (
    ENVIRONMENTS,
    Environment,
    PipelineSettings,
    RenderSettings,
    catalog,
    render,
    to_yaml,
)
from ecs_cd_templates import parameters as specs
from ecs_cd_templates.cfn.evaluation import Target
from ecs_cd_templates.environments import Network, scopes
from ecs_cd_templates.launch import bundle, links
from ecs_cd_templates.launch.bundle import Folder, Publication, publication, published_templates
from ecs_cd_templates.parameters import ParameterSpec, name_of
from ecs_cd_templates.sources import codecommit
from ecs_cd_templates.steps import (
    BUILD_STEPS,
    CONTAINER_IMAGE,
    MAX_STEP_NAME_LENGTH,
    MAX_STEPS,
    UNIT_TESTS,
    BuildStep,
)
from ecs_cd_templates.texts import Text

ROOT = Path(__file__).parents[1]
TARGET = Target(account="111122223333", region="us-east-1")
PARTITIONS = {
    "aws": TARGET,
    "aws-cn": Target(account="111122223333", region="cn-north-1", partition="aws-cn"),
    "aws-us-gov": Target(account="111122223333", region="us-gov-west-1", partition="aws-us-gov"),
}

BUCKET_REGIONS = {"aws": "eu-west-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}
# The example values for each template.
FILES = {name: str((ROOT / "params" / name).with_suffix(".json")) for name in catalog.templates()}
DEFAULT = RenderSettings()
# The environments and builds of the reference and of the files under params/, whatever the defaults become.
REFERENCE = RenderSettings(
    environments=(
        Environment(id="Dev", display_name=Text("environment.development"), default_branch="master"),
        Environment(id="QA", display_name=Text("environment.quality_assurance")),
        Environment(
            id="Prod",
            display_name=Text("environment.production"),
            approval="before_build",
            production=True,
            images_to_keep=100,
        ),
    ),
    pipeline=PipelineSettings(steps=(UNIT_TESTS, CONTAINER_IMAGE)),
)


def key_arn(target: Target) -> str:
    """The ARN of a KMS key there."""
    return f"arn:{target.partition}:kms:{target.region}:{target.account}:key/12345678-90ab-cdef-1234-567890abcdef"


def with_networks(*networks: Network) -> RenderSettings:
    """The usual environments with these kinds of network, one after the other and then from the start."""
    return RenderSettings(environments=[replace(e, network=n) for e, n in zip(ENVIRONMENTS, cycle(networks))])


# Each kind of network alone, and in a mix in which the new ones are not the first.
NETWORKS = {kind: with_networks(kind) for kind in get_args(Network)} | {
    "mixed": with_networks("private", "new", "private_tasks")
}


def network_values(template: Mapping[str, Any]) -> dict[str, str]:
    """An ID for each VPC, subnet and security group that the template asks for, no two alike."""
    prefixes = {"AWS::EC2::VPC::Id": "vpc", "AWS::EC2::Subnet::Id": "subnet", "AWS::EC2::SecurityGroup::Id": "sg"}
    return {
        name: f"{prefixes[asked['Type']]}-{number:017x}"
        for number, (name, asked) in enumerate(template["Parameters"].items())
        if asked["Type"] in prefixes
    }


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads short intrinsics as their long forms, independently of the code that wrote them."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: text.split(".", 1) if suffix == "GetAtt" else text}
    assert isinstance(node, yaml.SequenceNode)
    return {name: loader.construct_sequence(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)


def load(text: str) -> dict[str, Any]:
    """A template's text as data."""
    data: dict[str, Any] = yaml.load(text, _Loader)
    return data


def most_steps() -> list[BuildStep]:
    """As many build steps as there may be, whose names are as long as they may be."""
    further = MAX_STEPS - 2
    letters = "ABCDEFGH"
    own = [BuildStep(name=letters[n] + "x" * (MAX_STEP_NAME_LENGTH - 1)) for n in range(further)]
    return [UNIT_TESTS, *own, CONTAINER_IMAGE]


def branch_of(environment: Environment) -> str:
    """The branch that the environment's pipeline deploys, in the examples."""
    return environment.default_branch or environment.id.lower()


def example_values(template: str) -> dict[str, str]:
    """The example values for a template, from its file under params/; none if it has no file."""
    path = Path(FILES[template])
    rows = json.loads(path.read_text()) if path.exists() else []
    return {row["ParameterKey"]: row["ParameterValue"] for row in rows}


def parameters(template: str) -> dict[str, str]:
    """The example values for a template.

    An environment or a build that is new has no values in the files: those have what the specifications propose.
    """
    values = example_values(template)
    asked = data()[template]["Parameters"]
    left = [name for name, properties in asked.items() if "Default" not in properties and name not in values]
    return values | {name: _proposed(template)[name] for name in left}


@cache
def _proposed(template: str) -> Mapping[str, str]:
    """What the specifications propose, by the name of the template's parameter."""
    every = [spec for room in (specs, codecommit) for spec in vars(room).values() if isinstance(spec, ParameterSpec)]
    proposed: dict[str, str | None] = {}
    for scope in scopes(ENVIRONMENTS):
        for spec in every:
            proposed[name_of(spec, scope)] = spec.default_for(scope.environment)
        proposed[name_of(codecommit.BRANCH, scope)] = branch_of(scope.environment)
    for step in BUILD_STEPS:
        for spec, own in ((step.project, step.own_project), (step.role, step.own_role)):
            proposed[own.name if template == step.file_name else spec.name] = spec.default_for(None)
    return MappingProxyType({name: value for name, value in proposed.items() if value is not None})


# Rendering is slow, and many tests read the same: each text is made once in a process. Who changes what these
# functions return changes it for all tests that follow, so copy it first.


@cache
def rendered(settings: RenderSettings = DEFAULT) -> Mapping[str, str]:
    """The catalogue's texts by file name."""
    return MappingProxyType(render(settings))


@cache
def data(settings: RenderSettings = DEFAULT) -> Mapping[str, dict[str, Any]]:
    """The catalogue's texts, read back as data."""
    return MappingProxyType({name: load(text) for name, text in rendered(settings).items()})


@cache
def published_data(url: str) -> Mapping[str, dict[str, Any]]:
    """The catalogue as it is published under the address, as data."""
    builders = published_templates(DEFAULT, url, nested=False)
    return MappingProxyType({name: load(to_yaml(build())) for name, build in builders.items()})


def replace_catalogue(monkeypatch: pytest.MonkeyPatch, builders: Mapping[str, Callable[[], Template]]) -> None:
    """Puts other templates in the place of the catalogue's, and remembers none of what was rendered."""
    monkeypatch.setattr(catalog, "templates", lambda settings=None: builders)
    monkeypatch.setattr(bundle, "_rendered", bundle._rendered.__wrapped__)
    monkeypatch.setattr(links, "local_size", bundle.local_size.__wrapped__)


@cache
def published(folder: Folder, *, nested: bool = False) -> Publication:
    """What is published to the folder."""
    return publication(folder, nested=nested)


@cache
def built() -> Mapping[str, dict[str, Any]]:
    """The catalogue as data, as it is built."""
    return MappingProxyType({name: build().to_dict() for name, build in catalog.templates().items()})
