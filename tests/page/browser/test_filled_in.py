"""The page of a service: it starts with the service's values, and what comes of it carries them."""

from __future__ import annotations

from playwright.sync_api import expect

from commands import ACCOUNTS
from ecs_cd_templates.launch.links import Parameters
from ecs_cd_templates.page import PageSettings
from ecs_cd_templates.services import Target, read_settings_text
from ecs_cd_templates.services.stacks import stacks

from .conftest import LaunchPages
from .reading import address, command_parameters, command_words, decoded, file_parameters, link_parameters

FOLDER = "services/shop/444455556666-eu-central-1"


def _settings(target: Target) -> PageSettings:
    return PageSettings(
        bucket="my-templates",
        region="eu-west-1",
        launch_region=target.region,
        templates=target.settings,
        filled_in={
            stack.template: Parameters(values=stack.differing, stack_name=stack.name)
            for stack in reversed(stacks(target))
        },
        account=target.account,
        folder=FOLDER,
    )


def test_a_services_page_starts_with_its_values(launch_page: LaunchPages) -> None:
    text = ACCOUNTS.replace("repository: acme/shop}", "repository: acme/shop}, health_check_path: /health")
    (service,) = read_settings_text("ecs-cd.yaml", text.encode()).services
    _, target = service.targets
    every = {stack.template: stack for stack in reversed(stacks(target))}
    page = launch_page(_settings(target))
    stack = every["quick-start.yaml"]
    assert page.input_value("#w-stackName") == "shop-quick-start"
    assert page.input_value("#w-region") == "eu-central-1"
    assert page.input_value("#p-HealthCheckPath") == "/health"
    assert page.input_value("#p-ApplicationName") == "shop"
    expect(page.locator("#sign-in")).to_contain_text("Sign in to account 444455556666 before")
    form = decoded(address(page))
    assert form["stackName"] == "shop-quick-start"
    assert address(page).startswith("https://eu-central-1.console.aws.amazon.com/")
    assert form["templateURL"].startswith("https://my-templates.s3.eu-west-1.amazonaws.com/")
    # What has the default needs no word in an address.
    assert stack.differing.items() <= link_parameters(address(page)).items()
    assert command_parameters(page).items() >= stack.differing.items()
    words = command_words(page)
    assert words[words.index("--stack-name") + 1] == "shop-quick-start"
    assert file_parameters(page) == stack.values

    page.select_option("#w-template", "ecs-environment.yaml")
    assert page.input_value("#w-stackName") == "shop-ecs-environment-prod"
    assert file_parameters(page) == every["ecs-environment.yaml"].values
    page.select_option("#w-template", "code-build-nodejs.yaml")
    words = command_words(page)
    assert words[words.index("--template-file") + 1] == f"{FOLDER}/templates/code-build-nodejs.yaml"
    expect(page.locator("#command-note")).to_have_text(
        f"The command reads {FOLDER}/: render it from the same settings file."
    )


def test_other_pages_name_no_account(launch_page: LaunchPages) -> None:
    page = launch_page()
    expect(page.locator("#sign-in")).to_be_empty()
    assert page.input_value("#w-stackName") == "quick-start"
