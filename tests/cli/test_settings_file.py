"""The options of a settings file, which commands share."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecs_cd_templates.cli.options import Parser, add_settings
from ecs_cd_templates.cli.settings_file import add_service_settings, settings_file
from ecs_cd_templates.errors import SettingsError, SettingsFileError
from ecs_cd_templates.services import Service


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _services(*arguments: str) -> list[Service]:
    parser = Parser()
    add_settings(parser)
    add_service_settings(parser)
    file = settings_file(parser.parse_args(arguments))
    return [] if file is None else list(file.services.services)


def _names(*arguments: str) -> list[str]:
    return [service.name for service in _services(*arguments)]


def test_the_file_is_found_in_the_working_directory_or_named() -> None:
    assert _names() == []
    Path("ecs-cd.yaml").write_text("services: {shop: {}, cart: {}}", encoding="utf-8")
    Path("other.yaml").write_text("services: {other: {}}", encoding="utf-8")
    assert _names() == ["shop", "cart"]
    assert _names("--service", "cart") == ["cart"]
    assert _names("--service", "cart", "--service", "shop", "--service", "cart") == ["cart", "shop"]
    assert _names("--settings", "other.yaml") == ["other"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--service", "shp"], "--service: 'shp': is no service of ecs-cd.yaml: is shop meant?"),
        (["--service", "zzz"], "--service: 'zzz': is no service of ecs-cd.yaml: use one of shop, cart"),
        (["--environment", "Dev"], "--environment: 'Dev': the settings are in ecs-cd.yaml: say it there"),
        (["--build-step", "Scan"], "--build-step: 'Scan': the settings are in ecs-cd.yaml"),
        (["--architecture", "ARM64"], "--architecture: 'ARM64': the settings are in ecs-cd.yaml"),
    ],
)
def test_what_is_refused_with_a_file(arguments: list[str], told: str) -> None:
    Path("ecs-cd.yaml").write_text("services: {shop: {}, cart: {}}", encoding="utf-8")
    with pytest.raises(SettingsError) as error:
        _services(*arguments)
    assert told in str(error.value)


def test_a_service_without_a_file() -> None:
    with pytest.raises(
        SettingsError, match=r"--service: 'shop': there is no ecs-cd\.yaml here: give --settings, or write"
    ):
        _services("--service", "shop")


def test_a_file_that_is_not_there_or_wrong() -> None:
    with pytest.raises(SettingsFileError, match=r"settings file: 'no\.yaml': cannot be read"):
        _services("--settings", "no.yaml")
    Path("ecs-cd.yaml").write_text("services: {}", encoding="utf-8")
    with pytest.raises(SettingsFileError, match=r"ecs-cd\.yaml:1:11: services: "):
        _services()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "services:\n  shop:\n    environments: {Dev: {deletion_protection: true}}\n",
            "ecs-cd.yaml:2:3: services.shop: ['Dev']: deletion_protection: protect the load balancers of all",
        ),
        (
            'services:\n  cart: {}\n  shop: {steps: [{name: A, display_name: "${x"}]}\n',
            "ecs-cd.yaml:3:",
        ),
        (
            "rollout: {permissions: self_managed}\nservices: {shop: {}}\n",
            "ecs-cd.yaml:1:1: rollout: 'Dev, QA, Prod': rollout of shop: no account and no region: say both",
        ),
    ],
)
def test_what_comes_out_only_when_stacks_are_made_is_told_of_a_place_too(text: str, told: str) -> None:
    Path("ecs-cd.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsFileError) as error:
        _services()
    assert str(error.value).startswith(told)
