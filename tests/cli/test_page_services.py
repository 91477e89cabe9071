"""The command page with a settings file: a page for each service, filled in with its values."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from commands import ACCOUNTS, SERVICES, Command, contents, settings, state
from ecs_cd_templates.catalog import templates
from ecs_cd_templates.services import read_settings
from ecs_cd_templates.services.stacks import stacks

PAGE = ["page", "--bucket", "my-bucket"]


def _data(path: str) -> dict[str, Any]:
    (found,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', Path(path).read_text(encoding="utf-8"), re.DOTALL
    )
    data: dict[str, Any] = json.loads(found)
    return data


def test_a_page_for_each_service(command: Command) -> None:
    settings(SERVICES)
    assert command(*PAGE, "--region", "eu-west-1") == 0
    assert (command.out, command.err) == ("written: launch-shop.html\nwritten: launch-cart.html\n", "")
    assert command(*PAGE, "--region", "eu-west-1") == 0
    assert command.out == "unchanged: launch-shop.html\nunchanged: launch-cart.html\n"
    assert command(*PAGE, "--service", "cart", "-o", "cart.html") == 0
    assert command.out == "written: cart.html\n"


def test_the_forms_begin_with_the_values_of_the_stacks(command: Command) -> None:
    settings(SERVICES)
    command(*PAGE, "--service", "cart")
    data = _data("launch.html")
    (_, cart) = read_settings("ecs-cd.yaml")
    (target,) = cart.targets
    assert list(data["templates"]) == list(templates(target.settings))
    first = {stack.template: stack for stack in reversed(stacks(target))}
    for name, form in data["templates"].items():
        stack = first.get(name)
        assert form["values"] == ({} if stack is None else stack.differing)
        assert stack is None or form["stackName"] == stack.name
    assert data["where"]["stackName"] == "cart-quick-start"
    assert data["templates"]["quick-start.yaml"]["values"]["HealthCheckPath"] == "/health"
    assert data["templates"]["ecs-environment.yaml"]["stackName"] == "cart-ecs-environment-dev"
    assert data["templatesFolder"] == "services/cart/templates"
    assert (data["account"], data["where"]["region"], data["where"]["bucketRegion"]) == ("", "", "")


def test_a_page_for_each_account_that_says_where_it_launches(command: Command) -> None:
    settings(ACCOUNTS)
    assert command(*PAGE, "--region", "us-east-1") == 0
    two = ["launch-shop.111122223333-eu-west-1.html", "launch-shop.444455556666-eu-central-1.html"]
    assert command.out == "".join(f"written: {name}\n" for name in two)
    where = [(data["account"], data["where"]["region"], data["where"]["bucketRegion"]) for data in map(_data, two)]
    assert where == [("111122223333", "eu-west-1", "us-east-1"), ("444455556666", "eu-central-1", "us-east-1")]


def test_no_two_pages_have_one_name(command: Command) -> None:
    settings(
        "environments: [{id: Dev}, {id: Prod, region: us-east-1}]\n"
        "defaults: {source: {connection: arn:aws:codeconnections:us-east-1:111122223333:connection/"
        "1234abcd-12ab-34cd-56ef-1234567890ab, repository: a/b}}\n"
        "services:\n  shop: {}\n  shop-us-east-1: {environments: {Prod: {network: new}}}\n"
    )
    assert command(*PAGE) == 0
    assert len(set(command.out.splitlines())) == len(contents(Path.cwd())) - 1 == 4


def test_nothing_ends_the_script_that_the_values_are_in(command: Command) -> None:
    hostile = "</script><script>alert(1)</script>"
    settings(f'services: {{shop: {{health_check_path: "/{hostile}"}}}}\n')
    assert command(*PAGE) == 0
    assert hostile not in Path("launch.html").read_text(encoding="utf-8")
    assert _data("launch.html")["templates"]["quick-start.yaml"]["values"]["HealthCheckPath"] == f"/{hostile}"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--nested"], "--nested: 'given': nested stacks are not for services of a settings file: leave it out"),
        (["--architecture", "ARM64"], "--architecture: 'ARM64': the settings are in ecs-cd.yaml"),
        (["--service", "none"], "--service: 'none': "),
        (["--region", "nowhere"], "'nowhere'"),
        (["-o", "page.d/x.html"], "'page.d'"),
    ],
)
def test_what_cannot_be_is_refused(command: Command, arguments: list[str], told: str) -> None:
    settings(SERVICES)
    Path("page.d").write_text("mine")
    command.assert_refuses(*PAGE, *arguments)
    assert told in command.err


def test_a_page_that_cannot_be_written_leaves_the_others_as_they_are(command: Command) -> None:
    settings(SERVICES)
    os.mkdir("launch-cart.html")
    command.assert_refuses(*PAGE)
    assert set(state(Path.cwd())) == {str(Path.cwd() / name) for name in ("ecs-cd.yaml", "launch-cart.html")}
