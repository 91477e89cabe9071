"""The command list."""

from __future__ import annotations

from commands import Command
from ecs_cd_templates import catalog
from support import rendered


def test_list_names_each_template_and_what_it_is_for(command: Command) -> None:
    assert command("list") == 0
    assert command.err == ""
    listed = dict(line.split(maxsplit=1) for line in command.out.splitlines())
    assert listed == {name: build().description for name, build in catalog.templates().items()}
    assert list(listed) == list(rendered())
