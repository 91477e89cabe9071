"""The stacks of a service: their names, their files, and values that the templates take."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from ecs_cd_templates import catalog
from ecs_cd_templates.cfn.evaluation import check_parameters
from ecs_cd_templates.errors import SettingsError, SettingsFileError
from ecs_cd_templates.services import Target, read_settings_text
from ecs_cd_templates.services.stacks import stacks
from ecs_cd_templates.stacks import prerequisites

from .files import ACCOUNT, CONNECTION, services, written

REGIONS: dict[str, Any] = {
    "environments": [
        {"id": "Dev", "display_name": "development", "account": ACCOUNT, "region": "eu-west-1"},
        {"id": "Prod", "display_name": "production", "account": ACCOUNT, "region": "us-east-1"},
    ],
    "services": {"shop": {"source": {"connection": CONNECTION, "repository": "acme/shop"}}},
}


def test_no_two_regions_of_an_account_make_a_role_of_the_same_name() -> None:
    """A role's name is taken in all of them."""
    (service,) = read_settings_text("ecs-cd.yaml", written(REGIONS).encode()).services
    assert len(service.targets) == 2
    made: Counter[str] = Counter()
    for target in service.targets:
        (own,) = [each for each in stacks(target) if each.template == "prerequisites.yaml"]
        made.update(own.values[part.spec.name] for part in prerequisites.roles(target.settings.pipeline))
    assert set(made.values()) == {1}, made


@pytest.mark.parametrize("taken", ["shared", "Shared", "sharedEuWest1"])
def test_no_environment_is_called_like_what_environments_share(taken: str) -> None:
    text = written({**REGIONS, "environments": [{"id": taken, "display_name": "development"}]})
    with pytest.raises(SettingsFileError, match="means what environments share"):
        read_settings_text("ecs-cd.yaml", text.encode())


def _target(service: dict[str, Any], **others: Any) -> Target:
    (found,) = services({"services": {"shop": service}, **others}).services
    (target,) = found.targets
    return target


def test_each_stack_has_all_values_that_its_template_takes() -> None:
    target = _target({"health_check_path": "/health"})
    every = stacks(target)
    builders = catalog.templates(target.settings)
    assert len({stack.name for stack in every}) == len({stack.file for stack in every}) == len(every)
    for stack in every:
        template = builders[stack.template]().to_dict()
        assert list(stack.values) == list(template["Parameters"])
        assert check_parameters(template, stack.differing) == stack.values
        assert stack.name.startswith("shop-")
    named = [(stack.name, stack.file) for stack in every if stack.template == "ecs-environment.yaml"]
    assert named == [(f"shop-ecs-environment-{id_}", f"ecs-environment.{id_}.json") for id_ in ("dev", "qa", "prod")]


def test_a_connection_that_is_only_made_has_no_pipelines_yet() -> None:
    source = {"connection": "acme", "repository": "acme/shop"}
    pipelines = {each.template for each in stacks(_target({"source": {**source, "connection": CONNECTION}}))}
    made = {each.template for each in stacks(_target({"source": source}))}
    assert pipelines - made == {
        "deployment-pipeline-for-all-env.yaml",
        "deployment-pipeline-with-approval.yaml",
        "deployment-pipeline-without-approval.yaml",
    }


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("container_insights", "enhanced", "container_insights: "),
        ("deletion_protection", True, "deletion_protection: "),
    ],
)
def test_what_the_quick_start_cannot_say(key: str, value: object, told: str) -> None:
    target = _target({"environments": {"Dev": {key: value}}})
    with pytest.raises(SettingsError) as error:
        stacks(target)
    assert str(error.value).startswith(told)
