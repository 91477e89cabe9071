"""What several tests need: templates as data, parameter files, and a place to launch in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from ecs_cd_templates.cfn.evaluation import Target

ROOT = Path(__file__).parents[1]
TARGET = Target(account="111122223333", region="us-east-1")
PARTITIONS = {
    "aws": TARGET,
    "aws-cn": Target(account="111122223333", region="cn-north-1", partition="aws-cn"),
    "aws-us-gov": Target(account="111122223333", region="us-gov-west-1", partition="aws-us-gov"),
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


def parameters(template: str) -> dict[str, str]:
    """The example values for a template, from its file under params/."""
    rows = json.loads((ROOT / "params" / template).with_suffix(".json").read_text())
    return {row["ParameterKey"]: row["ParameterValue"] for row in rows}
