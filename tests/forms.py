"""Reads a console form's address as a browser and the form's script would."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ecs_cd_templates.launch.quick_create import quick_create


@dataclass(frozen=True)
class Form:
    """What an address says, read as a browser and a form's script would."""

    host: str
    region: str
    template_url: str
    stack_name: str
    parameters: dict[str, str]


def decode(address: str) -> Form:
    assert re.fullmatch(r"[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+", address), "characters that no address has"
    parts = urlsplit(address)
    assert (parts.scheme, parts.path) == ("https", "/cloudformation/home")
    ((key, region),) = parse_qsl(parts.query, strict_parsing=True)
    assert key == "region"
    route, _, query = parts.fragment.partition("?")
    assert route == "/stacks/create/review"
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    found = dict(pairs)
    assert len(found) == len(pairs), "something is said twice"
    url, name = found.pop("templateURL"), found.pop("stackName")
    assert all(key.startswith("param_") for key in found)
    return Form(
        host=parts.netloc,
        region=region,
        template_url=url,
        stack_name=name,
        parameters={key.removeprefix("param_"): value for key, value in found.items()},
    )


def quick(values: Mapping[str, str], template: Mapping[str, Any], **changes: Any) -> Any:
    arguments = {
        "template_url": "https://my-bucket.s3.eu-west-1.amazonaws.com/p/v/t.yaml",
        "template": template,
        "region": "eu-west-1",
        "partition": "aws",
        "stack_name": "t",
        "values": values,
    }
    return quick_create(**(arguments | changes))
