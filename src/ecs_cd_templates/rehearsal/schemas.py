"""What the CloudFormation registry says of a resource type, from the schemas that cfn-lint ships."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cfnlint.schema._exceptions import ResourceNotFoundError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

Schema = Mapping[str, Any]


def schema_of(kind: str, region: str) -> Schema | None:
    """The type's schema in the region; None for a type that there is not."""
    try:
        found: Schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, kind).schema
    except ResourceNotFoundError:
        return None
    return found


def problems(schema: Schema, properties: Mapping[str, Any]) -> Iterator[str]:
    """What CloudFormation refuses in resolved properties: unknown and missing ones, and what is of another type."""
    yield from _of_object(schema, schema, properties, "")


def create_only(schema: Schema) -> set[str]:
    """The properties of the first level that cannot change without replacement."""
    return {path.split("/")[2] for path in schema.get("createOnlyProperties", []) if path.count("/") > 1}


def identifiers(schema: Schema) -> set[str]:
    """The properties that name the resource."""
    return {path.split("/")[2] for path in schema.get("primaryIdentifier", []) if path.count("/") > 1}


def _of_object(root: Schema, schema: Schema, value: Any, where: str) -> Iterator[str]:
    known = schema.get("properties")
    if not isinstance(value, dict):
        if known:
            yield f"{where or 'Properties'}: is no object"
        return
    if known is None:
        return
    patterns = schema.get("patternProperties")
    for key, its in value.items():
        at = f"{where}/{key}"
        if key in known:
            yield from _of_value(root, known[key], its, at)
        elif not patterns and schema.get("additionalProperties", True) is False:
            yield f"extraneous key [{at[1:]}] is not permitted"
    for key in schema.get("required", []):
        if key not in value:
            yield f"required key [{f'{where}/{key}'[1:]}] not found"


def _of_value(root: Schema, schema: Schema, value: Any, where: str) -> Iterator[str]:
    schema = _followed(root, schema)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "object" in kinds and isinstance(value, dict):
        yield from _of_object(root, schema, value, where)
    elif "array" in kinds and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _of_value(root, schema.get("items", {}), item, f"{where}/{number}")
    elif kinds and not _is_of(kinds, value):
        yield f"{where[1:]}: {value!r} is no {' or '.join(kinds)}"


def _followed(root: Schema, schema: Schema) -> Schema:
    while "$ref" in schema:
        node: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        schema = node
    return schema


def _is_of(kinds: list[str], value: Any) -> bool:
    """Whether the value can be taken for one of the types: CloudFormation takes numbers and booleans as text as well.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    text = str(value)
    if isinstance(value, dict):
        return "object" in kinds
    if isinstance(value, list):
        return "array" in kinds
    return (
        "string" in kinds
        or ("boolean" in kinds and text.lower() in ("true", "false"))
        or ("integer" in kinds and text.lstrip("-").isdigit())
        or ("number" in kinds and text.lstrip("-").replace(".", "", 1).isdigit())
    )
