"""The command list."""

from __future__ import annotations

from commands import ACCOUNTS, SERVICES, Command, settings
from ecs_cd_templates import catalog
from support import rendered


def test_list_names_each_template_and_what_it_is_for(command: Command) -> None:
    assert command("list") == 0
    assert command.err == ""
    listed = dict(line.split(maxsplit=1) for line in command.out.splitlines())
    assert listed == {name: build().description for name, build in catalog.templates().items()}
    assert list(listed) == list(rendered())


def test_list_names_the_services_of_a_settings_file(command: Command) -> None:
    settings(SERVICES)
    assert command("list") == 0
    assert (command.out, command.err) == ("shop  Dev, Prod\ncart  Dev, Prod\n", "")
    assert command("list", "--service", "cart") == 0
    assert command.out == "cart  Dev, Prod\n"
    other = settings(ACCOUNTS, "other.yaml")
    assert command("list", "--settings", other) == 0
    assert command.out == "shop/111122223333-eu-west-1     Dev\nshop/444455556666-eu-central-1  Prod\n"
    command.assert_refuses("list", "--service", "none")
    command.assert_refuses("list", "--pipeline-type", "V1")
