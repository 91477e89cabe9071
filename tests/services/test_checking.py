"""The shape of a settings file: the schema that editors have and what is read are the same."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ecs_cd_templates.errors import SettingsFileError
from ecs_cd_templates.services.checking import checked
from ecs_cd_templates.services.schema import SCHEMA_FILE_NAME, schema, text
from services.files import CODECOMMIT, FULL, document, refused

SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA)
RECORDS = {"SettingsFile": SCHEMA, **SCHEMA["$defs"]}
VALUES = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        1,
        2,
        60,
        10**17,
        -1,
        "",
        "a",
        "Dev",
        "new",
        "none",
        "V2",
        "EC2",
        "EC2\n",
        "11112222333",
        "shop",
    ]
) | st.sampled_from([[], {}, [{}], ["a"], {"a": "b"}, {"min": 1, "max": 2}, {"min": 0, "max": 2}, [[]], ["v*", 1]])


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_file_in_the_package_is_what_the_command_prints() -> None:
    # ecs-cd-templates schema > src/ecs_cd_templates/ecs-cd.schema.json
    assert (files("ecs_cd_templates") / SCHEMA_FILE_NAME).read_text(encoding="utf-8") == text()
    assert json.loads(text()) == SCHEMA


@pytest.mark.parametrize("name", RECORDS)
def test_every_key_is_described_and_no_other_is_taken(name: str) -> None:
    record = RECORDS[name]
    assert record["title"]
    assert record["description"]
    assert record["additionalProperties"] is False
    assert [key for key, property_ in record["properties"].items() if not property_.get("description")] == []


def test_every_example_is_one() -> None:
    for record in RECORDS.values():
        for key, property_ in record["properties"].items():
            for example in property_.get("examples", []):
                assert Draft202012Validator({**property_, "$defs": SCHEMA["$defs"]}).is_valid(example), key


def _keys(data: Any) -> set[str]:
    if isinstance(data, dict):
        return set(data).union(*map(_keys, data.values()))
    return set().union(*map(_keys, data)) if isinstance(data, list) else set()


def test_the_examples_here_have_every_key() -> None:
    every = {key for record in RECORDS.values() for key in record["properties"]}
    assert every - _keys(FULL) - _keys(CODECOMMIT) == set()


@pytest.mark.parametrize("data", [FULL, CODECOMMIT])
def test_what_is_right_is_taken_by_both(data: Any) -> None:
    VALIDATOR.validate(data)
    checked(document(data))


def _containers(data: Any) -> list[Any]:
    inner = data.values() if isinstance(data, dict) else data
    return [data, *(each for item in inner if isinstance(item, dict | list) for each in _containers(item))]


def _changed(data: Any, draw: st.DataObject) -> Any:
    data = copy.deepcopy(data)
    container = draw.draw(st.sampled_from(_containers(data)))
    value = draw.draw(VALUES)
    keys = list(container) if isinstance(container, dict) else list(range(len(container)))
    match draw.draw(st.sampled_from(["replace", "remove", "add"])):
        case "replace" if keys:
            container[draw.draw(st.sampled_from(keys))] = value
        case "remove" if keys:
            del container[draw.draw(st.sampled_from(keys))]
        case _ if isinstance(container, dict):
            every = sorted({key for record in RECORDS.values() for key in record["properties"]})
            container[draw.draw(st.sampled_from([*every, "a", "A-", "shop2"]))] = value
        case _:
            container.append(value)
    return data


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_the_schema_and_what_is_read_take_the_same(draw: st.DataObject) -> None:
    data = _changed(draw.draw(st.sampled_from([FULL, CODECOMMIT])), draw)
    try:
        checked(document(data))
    except SettingsFileError as error:
        told = str(error)
    else:
        told = ""
    assert VALIDATOR.is_valid(data) == (told == ""), data
    assert "has not the right shape" not in told, "it is not known where"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("services: {}", "1:11: services: a mapping: is empty: say at least one"),
        ("services: {Shop: {}}", "1:12: services.Shop: 'Shop': Use 2 to 20 lower-case"),
        ("services: {shop: }", "1:18: services.shop: nothing: must be a mapping, with keys such as source"),
        ("services: {shop: {sorce: {}}}", "1:19: services.shop.sorce: 'sorce': is no key here: is source meant?"),
        ("rollout: {x: y}\nservices: {shop: {}}", "1:11: rollout.x: 'x': is no key here: use one of permissions, "),
        ("services: {shop: {network: new}}", "1:19: services.shop.network: 'network': is a key of an environment: "),
        ("services: {shop: {connection: c}}", "services.shop.connection: 'connection': is a key of source: "),
        ("servces: {}", "1:1: servces: 'servces': is no key here: is services meant?"),
        ("defaults: {}", "1:1: services: not given: is missing: say it here"),
        ("services:\n  shop:\n    port: '80'", "3:11: services.shop.port: '80': must be a whole number, with neither"),
        ("services: {shop: {port: 0}}", "1:25: services.shop.port: 0: must be a whole number from 1 to 65535"),
        ("services: {shop: {port: true}}", "1:25: services.shop.port: true: must be a whole number"),
        ("services: {shop: {scan_on_push: yes}}", "1:33: services.shop.scan_on_push: yes: write true or false"),
        ("services: {shop: {scan_on_push: 1}}", "1:33: services.shop.scan_on_push: 1: write true or false"),
        ("services: {shop: {approval_email: }}", "1:35: services.shop.approval_email: nothing: nothing is said here"),
        ("services: {shop: {health_check_path: {}}}", "services.shop.health_check_path: a mapping: must be a text"),
        (
            "services: {shop: {tags: {a: 1}}}",
            "1:29: services.shop.tags.a: 1: YAML does not read this as text: put it in quotes",
        ),
        ("services: {shop: {tags: a}}", "1:25: services.shop.tags: 'a': must be a mapping of names"),
        ("services: {shop: {steps: {}}}", "1:26: services.shop.steps: a mapping: must be a list"),
        ("services: {shop: {steps: [{}]}}", "1:27: services.shop.steps[0].name: not given: is missing"),
        (
            "services: {shop: {launch_type: fargate}}",
            "services.shop.launch_type: 'fargate': must be one of FARGATE, EC2",
        ),
        ("services: {shop: {architecture: arm}}", "services.shop.architecture: 'arm': must be one of ARM64, X86_64"),
        (
            "environments: [{id: Dev, account: 012345670123}]\nservices: {shop: {}}",
            "1:35: environments[0].account: 012345670123: YAML does not read this as text: put it in quotes",
        ),
        (
            "environments: [{id: Dev, account: '123'}]\nservices: {shop: {}}",
            "1:35: environments[0].account: '123': give the 12 digits in quotes",
        ),
        (
            "environments: [{id: Dev, network: old}]\nservices: {shop: {}}",
            "1:35: environments[0].network: 'old': must be one of new, or a mapping, with keys such as vpc",
        ),
        (
            "environments: [{id: Dev, tasks: 11}]\nservices: {shop: {}}",
            "environments[0].tasks: 11: must be a whole number from 0 to 10, or a mapping, with keys such as min, max",
        ),
        ("services: {shop: {steps: [{}, {}, {}, {}, {}, {}]}}", "services.shop.steps: a list: has 6: give at most 5"),
        (
            "environments: [{id: A, network: {vpc: vpc-12345678, public_subnets: [a]}}]\nservices: {shop: {}}",
            "environments[0].network.public_subnets: a list: has 1: give 2",
        ),
        ("environments: []\nservices: {shop: {}}", "1:15: environments: a list: has 0: give 1 or more"),
    ],
)
def test_an_error_says_where_what_and_what_to_do(text: str, told: str) -> None:
    assert told in refused(text)
