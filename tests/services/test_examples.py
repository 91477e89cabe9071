"""The settings files that people start from."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from ecs_cd_templates import read_settings
from ecs_cd_templates.services.schema import SCHEMA_FILE_NAME, schema
from support import ROOT

EXAMPLES = sorted([*(ROOT / "examples").glob("*.yaml"), ROOT / "examples" / "python-app" / "ecs-cd.yaml"])


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_can_be_read_and_fits_the_schema(example: Path) -> None:
    text = example.read_text(encoding="utf-8")
    Draft202012Validator(schema()).validate(yaml.safe_load(text))
    schema_of_it = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (example.parent / schema_of_it).resolve() == ROOT / "src" / "ecs_cd_templates" / SCHEMA_FILE_NAME
    assert read_settings(example)


def test_an_example_of_many_services() -> None:
    services = {service.name: service for service in read_settings(ROOT / "examples" / "many-services.yaml")}
    assert list(services) == ["web", "cart", "mail", "pictures"]
    assert {service.name: [target.account for target in service.targets] for service in services.values()} == {
        name: ["111122223333", "444455556666"] for name in services
    }
    assert [service.targets[0].values.source["repository"] for service in services.values()] == [
        *["acme/shop"] * 3,
        "acme/pictures",
    ]
    counts = [
        target.values.environments["Prod"].task_count
        for target in (service.targets[1] for service in services.values())
    ]
    assert counts == ["2-6", "4-10", "2-6", "2-6"]
