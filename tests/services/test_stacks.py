"""The stacks of services: their names, and the values that tell them apart."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from ecs_cd_templates.errors import SettingsFileError
from ecs_cd_templates.services import read_settings_text
from ecs_cd_templates.services.stacks import stacks
from ecs_cd_templates.stacks import prerequisites

from .files import ACCOUNT, CONNECTION, written

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
