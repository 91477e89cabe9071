"""The command schema."""

from __future__ import annotations

import json

from commands import Command
from ecs_cd_templates.services.schema import schema


def test_it_prints_the_schema(command: Command) -> None:
    assert command("schema") == 0
    assert command.err == ""
    assert json.loads(command.out) == schema()
