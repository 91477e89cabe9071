"""The files of a service, and what rolls all of them out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecs_cd_templates import catalog
from ecs_cd_templates.catalog import QUICK_START
from ecs_cd_templates.errors import SettingsError
from ecs_cd_templates.launch.bundle import Folder, publication, version
from ecs_cd_templates.services.files import PARAMS, TEMPLATES, files, folder, rollout
from ecs_cd_templates.services.stacks import stacks

from .files import ACCOUNT, CONNECTION, services

OTHER = "444455556666"
DEV = {"id": "Dev", "account": ACCOUNT, "region": "eu-west-1"}
PROD = {"id": "Prod", "account": OTHER, "region": "eu-central-1"}
TWO: dict[str, Any] = {
    "defaults": {"source": {"connection": "acme", "repository": "acme/shop"}},
    "environments": [DEV, PROD],
    "services": {"shop": {"tags": {"team": "checkout"}}},
    "rollout": {"permissions": "self_managed"},
}


def test_folders_tell_accounts_and_regions_apart() -> None:
    data = {key: value for key, value in TWO.items() if key != "rollout"}

    def folders(*environments: dict[str, Any]) -> list[str]:
        (service,) = services({**data, "environments": list(environments)}).services
        return [folder(service, target) for target in service.targets]

    assert folders({"id": "Dev"}) == ["shop"]
    assert folders(DEV) == ["shop"]
    assert folders(DEV, PROD) == [f"shop/{ACCOUNT}-eu-west-1", f"shop/{OTHER}-eu-central-1"]
    assert folders(DEV, {**PROD, "account": ACCOUNT}) == [f"shop/{ACCOUNT}-eu-west-1", f"shop/{ACCOUNT}-eu-central-1"]
    assert folders({"id": "Dev"}, {"id": "Prod", "region": "eu-west-1"}) == ["shop/default", "shop/eu-west-1"]


def test_a_target_has_its_templates_and_a_file_for_each_stack() -> None:
    (service,) = services({"services": {"shop": {}}}).services
    (target,) = service.targets
    found = files(target)
    templates = {name: text for name, text in found.items() if name.startswith(f"{TEMPLATES}/")}
    assert templates == {f"{TEMPLATES}/{name}": text for name, text in catalog.render(target.settings).items()}
    for stack in stacks(target):
        rows = json.loads(found[f"{PARAMS}/{stack.file}"])
        assert {row["ParameterKey"]: row["ParameterValue"] for row in rows} == stack.values
    assert len(found) == len(templates) + len(stacks(target))


def test_the_rollout_launches_what_is_published() -> None:
    said = services(TWO)
    (service,) = said.services
    bucket = Folder(bucket="my-bucket", region="eu-west-1")
    settings = rollout(said, published_url=bucket.url("").rstrip("/"))
    assert settings is not None
    assert [(each.name, each.account, each.region) for each in settings.launches] == [
        ("shop", ACCOUNT, "eu-west-1"),
        ("shop", OTHER, "eu-central-1"),
    ]
    for launch, target in zip(settings.launches, service.targets, strict=True):
        published = publication(bucket, target.settings)
        assert f"{settings.published_url}/{launch.template_path}" == f"{published.url}/{QUICK_START}"
        assert published.version == version(target.settings)
        assert launch.parameters["ApplicationName"] == "shop"
        assert launch.tags == (("team", "checkout"),)


def test_no_rollout_where_the_file_says_nothing_of_one() -> None:
    assert rollout(services({key: value for key, value in TWO.items() if key != "rollout"})) is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"environments": [DEV, {"id": "Prod", "account": OTHER}]},
            "rollout of shop: 'Prod': no region: say both of each environment, or leave out rollout",
        ),
        ({"environments": [DEV, {"id": "Prod", "region": "eu-west-1"}]}, "rollout of shop: 'Prod': no account: "),
        ({"environments": [{"id": "Dev"}, {"id": "QA"}]}, "rollout of shop: 'Dev, QA': no account and no region: "),
        (
            {"environments": [DEV, {**PROD, "region": "cn-north-1"}]},
            "rollout: 'cn-north-1': is in another partition than eu-west-1: ",
        ),
        (
            {"services": {"shop": {"health_check_path": "/{{resolve:ssm:x}}"}}},
            "rollout of shop: Launch.parameters['HealthCheckPath']: '/{{resolve:ssm:x}}': dynamic references",
        ),
        (
            {"environments": [DEV], "services": {f"shop-{number}": {} for number in range(200)}},
            "rollout: '200 launches': a template holds 199 at most: split the services over several files",
        ),
    ],
)
def test_what_cannot_be_rolled_out(changes: dict[str, Any], told: str) -> None:
    defaults = {"source": {"connection": CONNECTION, "repository": "acme/shop"}}
    with pytest.raises(SettingsError) as error:
        rollout(services({**TWO, "defaults": defaults, **changes}))
    assert str(error.value).startswith(told)
