"""A resource's properties as an operation of an API takes them: the same names in another spelling.

CloudFormation's property names are the API's, but for their capitals
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .calls import ServiceError


def parameters(
    client: Any, operation: str, properties: Mapping[str, Any], *, renamed: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The parameters of the client's operation; ``renamed`` are properties that the API calls otherwise.

    Raises :class:`ServiceError` for a property that the operation does not take: nothing is left out.
    """
    shape = client.meta.service_model.operation_model(operation).input_shape
    names = renamed or {}
    return _structure(shape, {names.get(name, name): value for name, value in properties.items()}, operation)


def _structure(shape: Any, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    members = {name.lower(): (name, member) for name, member in shape.members.items()}
    result = {}
    for key, value in values.items():
        if key.lower() not in members:
            raise ServiceError("ValidationException", f"{where} takes no {key}")
        name, member = members[key.lower()]
        result[name] = _value(member, value, f"{where}.{name}")
    return result


def _value(shape: Any, value: Any, where: str) -> Any:  # noqa: PLR0911 - a case for each type of the models
    match shape.type_name:
        case "structure":
            return _structure(shape, value, where)
        case "list":
            return [_value(shape.member, item, where) for item in value]
        case "map":
            if isinstance(value, list):
                # Tags, of which some services take a map.
                return {str(tag["Key"]): str(tag["Value"]) for tag in value}
            return {str(key): _value(shape.value, item, f"{where}.{key}") for key, item in value.items()}
        case "integer" | "long":
            return int(value)
        case "float" | "double":
            return float(value)
        case "boolean":
            return value if isinstance(value, bool) else str(value).lower() == "true"
        case _:
            if isinstance(value, (dict, list)):
                return json.dumps(value)
            return str(value).lower() if isinstance(value, bool) else str(value)
