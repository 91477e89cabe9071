"""Writes src/ecs_cd_templates/cfn/create_only.json: the properties whose change replaces a resource.

They are the registry's, as cfn-lint has them, for all resource types of the services in cfn/regions.py. Under
"within" is what, besides a name, tells a resource from the others of its type: the cluster of a service.
"""

from __future__ import annotations

import json
from pathlib import Path

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from ecs_cd_templates.cfn import differences
from ecs_cd_templates.cfn.differences import own_names
from ecs_cd_templates.cfn.regions import _SERVICES

FILE = Path(differences.__file__).with_name("create_only.json")

# The region that has every type.
_REGION = "us-east-1"

# https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
_KEYS = {"always": "createOnlyProperties", "sometimes": "conditionalCreateOnlyProperties"}


def contents() -> str:
    """The text of the file, a line for each type."""
    lines = []
    for kind in sorted(PROVIDER_SCHEMA_MANAGER.get_resource_types(_REGION)):
        if kind.rpartition("::")[0] in _SERVICES:
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, kind).schema
            places = {when: _outermost(schema[key]) for when, key in _KEYS.items() if schema.get(key)}
            identifier = {place.removeprefix("/properties/") for place in schema.get("primaryIdentifier", [])}
            within = sorted(identifier.intersection(places.get("always", [])) - set(own_names(kind)))
            if within:
                places["within"] = within
            lines.append(f"  {json.dumps(kind)}: {json.dumps(places)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _outermost(pointers: list[str]) -> list[str]:
    """The places without those that lie within another."""
    places = sorted(pointer.removeprefix("/properties/") for pointer in pointers)
    return [place for place in places if not any(place.startswith(f"{other}/") for other in places)]


if __name__ == "__main__":
    FILE.write_text(contents(), encoding="utf-8")
