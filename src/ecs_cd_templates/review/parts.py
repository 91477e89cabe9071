"""What several checks look up among a template's resolved resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Properties = Mapping[str, Any]
Resources = Mapping[str, Mapping[str, Any]]


def by_type(resources: Resources) -> dict[str, dict[str, Properties]]:
    """The properties of the resources by their type, and then by title."""
    result: dict[str, dict[str, Properties]] = {}
    for title, resource in resources.items():
        result.setdefault(resource["Type"], {})[title] = resource.get("Properties", {})
    return result


def task_definition(definitions: Mapping[str, Properties], service: Properties) -> Properties | None:
    """The task definition that the service names by a reference or by its family; None where it is not among these."""
    reference = str(service.get("TaskDefinition", ""))
    for title, definition in definitions.items():
        if f"<{title}>" in reference or reference.split(":", maxsplit=1)[0] == definition.get("Family"):
            return definition
    return None
