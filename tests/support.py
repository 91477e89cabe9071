"""What several tests need: the catalogue as text and as data, parameter files, and a place to launch in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from ecs_cd_templates import RenderSettings, catalog, render, to_yaml
from ecs_cd_templates.cfn.evaluation import Target
from ecs_cd_templates.launch.bundle import Folder, Publication, publication, published_templates

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


def parameters(template: str) -> dict[str, str]:
    """The example values for a template, from its file under params/."""
    rows = json.loads((ROOT / "params" / template).with_suffix(".json").read_text())
    return {row["ParameterKey"]: row["ParameterValue"] for row in rows}


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


@cache
def published(folder: Folder, *, nested: bool = False) -> Publication:
    """What is published to the folder."""
    return publication(folder, nested=nested)


@cache
def built() -> Mapping[str, dict[str, Any]]:
    """The catalogue as data, as it is built."""
    return MappingProxyType({name: build().to_dict() for name, build in catalog.templates().items()})
