"""A template's text as data: what :mod:`.rendering` wrote, back again."""

from __future__ import annotations

from typing import Any

import yaml


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads short intrinsics as their long forms; libyaml's loader is the quicker one, where PyYAML has it."""


def from_yaml(text: str) -> Any:
    """The template as data, with every intrinsic in its long form. Raises PyYAML's ``YAMLError``."""
    return yaml.load(text, _Loader)  # noqa: S506 - it is a safe loader


def _intrinsic(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    argument: Any
    if isinstance(node, yaml.ScalarNode):
        argument = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        argument = loader.construct_sequence(node, deep=True)
    else:
        argument = loader.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(argument, str):
        argument = argument.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": argument}


_Loader.add_multi_constructor("!", _intrinsic)
