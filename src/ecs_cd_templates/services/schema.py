"""The JSON Schema of settings files, for editors: what :mod:`.shape` takes, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from .shape import SettingsFile

SCHEMA_FILE_NAME = "ecs-cd.schema.json"
SCHEMA_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE_NAME}"
"""What tells an editor with YAML's language server which schema a file follows.

https://github.com/redhat-developer/yaml-language-server#using-inlined-schema
"""


def schema() -> dict[str, Any]:
    """The schema, in the dialect of https://json-schema.org/draft/2020-12/schema."""
    made = msgspec.json.schema(SettingsFile)
    records = made["$defs"]
    top = records.pop(SettingsFile.__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **top,
        "title": "Settings of ecs-cd-templates",
        "$defs": _without_doubles(records),
    }


def text() -> str:
    """The schema as the text of a file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _without_doubles(node: Any) -> Any:
    """The part of a schema, without the pattern beside a list of what is possible."""
    if isinstance(node, list):
        return [_without_doubles(each) for each in node]
    if not isinstance(node, dict):
        return node
    doubled = {"pattern"} if "enum" in node else set()
    return {key: _without_doubles(each) for key, each in node.items() if key not in doubled}
