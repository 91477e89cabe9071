"""What the rules share: what a part of a template can become, and the pipelines in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd_templates.cfn.evaluation import Evaluator, possible_values

Path = list[str | int]

PIPELINE = "AWS::CodePipeline::Pipeline"
PROJECT = "AWS::CodeBuild::Project"

GUIDE = "https://docs.aws.amazon.com/codepipeline/latest/userguide"

# So many ways in which conditions can turn out are looked at, and no more.
_MOST_WAYS = 64


def values(cfn: Any, node: Any) -> list[Any]:
    """What the node can become: a text like ``${Name}`` or ``<Name>`` stands for what is not known.

    Nothing where that cannot be told: for references that lead nowhere or intrinsics that are not known.
    """
    try:
        found = possible_values(cfn.template, node, _Tolerant)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError):
        return []
    return found if len(found) <= _MOST_WAYS else []


class _Tolerant(Evaluator):
    """To whom an intrinsic that cannot be told is not known, and the rest is."""

    def _function(self, name: str, argument: Any) -> Any:
        try:
            return super()._function(name, argument)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError):
            return "<Unknown>"


def is_known(text: Any) -> bool:
    """Whether the text is all there: nothing in it stands for what is not known."""
    return isinstance(text, str) and not re.search(r"\$\{|<[A-Za-z0-9.]+>|\{\{resolve:", text)


def properties(cfn: Any, kind: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The properties of each resource of the type, as they stand in the template, with their path."""
    for title, resource in cfn.get_resources(kind).items():
        if isinstance(resource.get("Properties"), dict):
            yield ["Resources", title, "Properties"], resource["Properties"]


@dataclass(frozen=True)
class Action:
    """An action of a pipeline as it can become, with its path and the number of its stage."""

    path: Path
    stage: int
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name, for messages."""
        return str(self.values.get("Name", "an action"))

    @property
    def kind(self) -> tuple[str, str, str]:
        """Category, owner and provider."""
        type_id = self.values.get("ActionTypeId", {})
        return tuple(str(type_id.get(key, "")) for key in ("Category", "Owner", "Provider"))  # type: ignore[return-value]

    @property
    def configuration(self) -> Mapping[str, Any]:
        """Its configuration; empty where there is none, or it is none that could be read."""
        found = self.values.get("Configuration", {})
        return found if isinstance(found, dict) else {}

    @property
    def run_order(self) -> int:
        """Its place in the stage: 1 where it says nothing."""
        order = str(self.values.get("RunOrder", 1))
        return int(order) if order.isdigit() else 1

    def artifacts(self, direction: str) -> list[str]:
        """The names of its ``Input`` or ``Output`` artifacts."""
        found = self.values.get(f"{direction}Artifacts", [])
        return [str(each.get("Name")) for each in found if isinstance(each, dict)]


def actions(cfn: Any, pipeline: Mapping[str, Any], path: Path) -> list[Action] | None:
    """The actions of the pipeline, the first of the ways in which each can turn out; None if some cannot be told."""
    stages = pipeline.get("Stages")
    if not isinstance(stages, list):
        return None
    found = []
    for number, stage in enumerate(stages):
        those = stage.get("Actions") if isinstance(stage, dict) else None
        if not isinstance(those, list):
            return None
        for place, action in enumerate(those):
            ways = [way for way in values(cfn, action) if isinstance(way, dict)]
            if not ways:
                return None
            found += [Action([*path, "Stages", number, "Actions", place], number, way) for way in ways]
    return found


def environment_variables(action: Action) -> Any:
    """What an action's variables are as JSON; a ``ValueError`` if they are none, None where they cannot be known."""
    text = action.configuration.get("EnvironmentVariables")
    if not isinstance(text, str):
        return None
    # What is not known stands inside a text of the JSON, or is all of it.
    if re.fullmatch(r"\s*(\$\{[^}]*\}|<[^>]*>)\s*", text):
        return None
    return json.loads(text)


def named_resources(cfn: Any, kind: str, key: str) -> dict[str, tuple[Path, Mapping[str, Any]]]:
    """The resources of the type by what others call them: the text that ``Ref`` gives, and their name."""
    found = {}
    for path, its in properties(cfn, kind):
        known: list[Any] = values(cfn, {"Ref": path[1]})
        known += values(cfn, its[key]) if key in its else []
        for name in known:
            if isinstance(name, str):
                found[name] = path, its
    return found
