"""Runs the command and keeps what came of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ecs_cd_templates.cli import main

COMMAND = (sys.executable, "-m", "ecs_cd_templates")


class Command:
    """Runs ``main`` with the arguments and keeps what came of it."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> object:
        try:
            status: object = main(arguments)
        except SystemExit as end:
            status = end.code
        self.out, self.err = self._capsys.readouterr()
        return status

    def assert_refuses(self, *arguments: str) -> None:
        """Status 2, one line that says why, and nothing else anywhere below the working directory."""
        before = state(Path.cwd())
        assert self(*arguments) == 2
        assert_one_line(self.err)
        assert self.out == ""
        assert state(Path.cwd()) == before


def assert_one_line(err: str) -> None:
    assert err.startswith("ecs-cd-templates")
    assert ": error: " in err
    assert err.endswith("\n")
    assert len(err.splitlines()) == 1


def state(directory: Path) -> dict[str, tuple[int, int, bytes] | None]:
    """Every file below, with what shows that it was written, and every directory."""
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) if path.is_file() else None
        for path in directory.rglob("*")
    }


def contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_bytes().decode() for path in directory.iterdir()}


SERVICES = """\
environments:
  - {id: Dev, branch: main}
  - {id: Prod, branch: live, approval: before_build}
services:
  shop: {source: {codecommit: shop}, tags: {team: checkout}}
  cart: {source: {codecommit: "existing:cart"}, health_check_path: /health}
"""
"""A settings file of two services."""

ACCOUNTS = """\
environments:
  - {id: Dev, account: "111122223333", region: eu-west-1}
  - {id: Prod, account: "444455556666", region: eu-central-1, approval: before_build}
services:
  shop: {source: {connection: acme, repository: acme/shop}}
rollout: {permissions: self_managed}
"""
"""A settings file of a service in two accounts."""


def settings(text: str, name: str = "ecs-cd.yaml") -> str:
    """Writes a settings file into the working directory, where commands find it."""
    Path(name).write_text(text, encoding="utf-8")
    return name
