"""A rollout that cannot work is refused when its settings are made, in one line that says what to do."""

from __future__ import annotations

from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from ecs_cd_templates import Launch, RolloutSettings, SettingsError

# Read through Any: a type checker would refuse this before we could.
untyped: Any = Launch
rollout: Any = RolloutSettings
LAUNCH: dict[str, Any] = {
    "name": "cart",
    "account": "111122223333",
    "region": "eu-west-1",
    "template_path": "v/quick-start.yaml",
}
CHINA = Launch(**{**LAUNCH, "region": "cn-north-1"})
UNITS = ["ou-ab12-cdef3456"]
SERVICE_MANAGED = {"permissions": "service_managed", "organizational_units": UNITS}


def test_keeps_what_it_is_given() -> None:
    launch = Launch(**LAUNCH, parameters={"A": ""}, tags=[("team", "a b")])
    assert (launch.stack_set, launch.partition) == ("cart-111122223333-eu-west-1", "aws")
    assert (launch.parameters, launch.tags) == ({"A": ""}, (("team", "a b"),))
    settings = RolloutSettings(launches=[launch], published_url="https://b.s3.amazonaws.com/p/")
    assert (settings.launches, settings.published_url) == ((launch,), "https://b.s3.amazonaws.com/p")


# By field.
REFUSED: dict[str, list[Any]] = {
    "name": ["", "1a", "-a", "a-", "a--b", "a_b", "\u00fc", "a" * 106, 1],
    "account": ["", "11112222333", "1111222233334", "x" * 12, 111122223333],
    "region": ["", "eu", "eu-west", "EU-WEST-1", "us-iso-east-1", "eu-west-1 ", None],
    "template_path": [
        *("", "a.json", ".yaml", "/a.yaml", "../a.yaml", "a/../b.yaml", "a//b.yaml", "a b.yaml", "${a}.yaml"),
        *(f"{'a' * 512}.yaml", 1),
    ],
    "parameters": [[], {"": "a"}, {"a-b": "a"}, {f"A{n}": "a" for n in range(201)}],
    "tags": [
        *("ab", {"a": "b"}, [("a", "b")] * 2, [("aws:a", "b")], [("a",)], [("a", "")], [("a@", "b")]),
        *([("a", "b" * 257)], [(f"a{n}", "b") for n in range(51)]),
    ],
}


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in REFUSED.items() for value in values],
    ids=lambda value: repr(value)[:40],
)
def test_a_launch_that_cannot_be_is_refused(field: str, value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        untyped(**{**LAUNCH, field: value})
    assert caught.value.field == f"Launch.{field}"


@pytest.mark.parametrize("value", [1, "a" * 4097, "{{resolve:ssm:a:1}}"], ids=["number", "long", "reference"])
def test_a_value_that_no_parameter_can_have_is_refused(value: object) -> None:
    with pytest.raises(SettingsError, match=r"^Launch\.parameters\['A'\]: "):
        untyped(**LAUNCH, parameters={"A": value})


@pytest.mark.parametrize(
    ("changes", "field", "remedy"),
    [
        ({"launches": []}, "launches", "at least one"),
        ({"launches": "cart"}, "launches", "at least one"),
        ({"launches": [1]}, "launches", "must be of type Launch"),
        ({"launches": [Launch(**LAUNCH)] * 200}, "launches", "split the list"),
        ({"launches": [Launch(**LAUNCH), Launch(**LAUNCH)]}, "launches", "is as good as cart-111122223333-eu-west-1"),
        (
            {"launches": [Launch(**{**LAUNCH, "name": name}) for name in ("my-cart", "myCart")]},
            "launches",
            "is as good as my-cart-",
        ),
        ({"launches": [Launch(**LAUNCH), CHINA]}, "launches", "is in another partition than eu-west-1"),
        ({"permissions": "own"}, "permissions", "must be one of"),
        ({"permissions": "service_managed"}, "organizational_units", "service_managed needs them"),
        ({**SERVICE_MANAGED, "organizational_units": ["x"]}, "organizational_units", "such as 'ou-ab12-cdef3456'"),
        ({**SERVICE_MANAGED, "organizational_units": UNITS * 51}, "organizational_units", "at most 50"),
        ({**SERVICE_MANAGED, "execution_role": "Mine"}, "execution_role", "has roles of its own"),
        ({**SERVICE_MANAGED, "administration_role": "Mine"}, "administration_role", "has roles of its own"),
        ({**SERVICE_MANAGED, "launches": [CHINA]}, "permissions", "use 'self_managed'"),
        ({"organizational_units": UNITS}, "organizational_units", "is for permissions='service_managed'"),
        ({"delegated_admin": True}, "delegated_admin", "is for permissions='service_managed'"),
        ({"delegated_admin": 1}, "delegated_admin", "must be True or False"),
        ({"administration_role": "a b"}, "administration_role", ""),
        ({"execution_role": "path/Mine"}, "execution_role", "without its path"),
        ({"published_url": "http://example.com"}, "published_url", "give an https address"),
    ],
)
def test_a_rollout_that_cannot_work_is_refused(changes: dict[str, Any], field: str, remedy: str) -> None:
    with pytest.raises(SettingsError) as caught:
        rollout(**{"launches": [Launch(**LAUNCH)], **changes})
    assert caught.value.field == f"RolloutSettings.{field}"
    assert remedy in caught.value.remedy
    assert "\n" not in str(caught.value)


def test_the_rules_are_the_registrys() -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", "AWS::CloudFormation::StackSet").schema
    definitions, properties = schema["definitions"], schema["properties"]
    assert properties["StackSetName"] == {**properties["StackSetName"], "maxLength": 128}
    assert properties["Tags"]["maxItems"] == 50
    assert definitions["Tag"]["properties"]["Value"]["maxLength"] == 256
    assert definitions["OrganizationalUnitId"]["pattern"] == "^(ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32})$"
    assert properties["TemplateURL"]["maxLength"] >= 4096 + 1 + 512
