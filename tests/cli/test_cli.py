"""The command as a whole: its help, what it refuses, and with which status it ends."""

from __future__ import annotations

import os
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from commands import COMMAND, Command, assert_one_line


def test_version(command: Command) -> None:
    assert command("--version") == 0
    assert (command.out, command.err) == (f"ecs-cd-templates {version('ecs-cd-templates')}\n", "")


@pytest.mark.parametrize(
    ("arguments", "mentioned"),
    [
        (["--help"], ["render", "list", "--help", "--version", "Exit status: 0 ", "1 --check", "2 refused"]),
        (
            ["render", "--help"],
            [
                *("--output-dir", "--check", "--nested-base-url", "--tag-mutability", "--pipeline-type"),
                *("--architecture", "IMMUTABLE", "MUTABLE", "V1", "V2", "X86_64", "ARM64", "default: templates"),
            ],
        ),
        (["list", "--help"], ["usage: ecs-cd-templates list", "--help"]),
    ],
    ids=["command", "render", "list"],
)
def test_help_mentions_everything(command: Command, arguments: list[str], mentioned: list[str]) -> None:
    assert command(*arguments) == 0
    assert command.err == ""
    # Where the lines are broken depends on the terminal.
    text = " ".join(command.out.split())
    assert [word for word in mentioned if word not in text] == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "COMMAND"),
        (["frobnicate"], "'frobnicate'"),
        ([""], "''"),
        (["Render"], "'Render'"),
        (["a\nb"], "'a\\nb'"),
        (["--frobnicate"], "COMMAND"),
        (["render", "--frobnicate"], "--frobnicate"),
        (["render", "--a\nb\rc\x85d\u2028e"], "--a"),
        (["render", "extra"], "extra"),
        (["list", "extra"], "extra"),
        (["list", "--check"], "--check"),
        (["render", "--check=yes"], "--check"),
        (["render", "--output-dir"], "--output-dir"),
        (["render", "--nested-base-url"], "--nested-base-url"),
        (["render", "--tag-mutability"], "--tag-mutability"),
        (["render", "--tag-mutability", "immutable"], "'immutable'"),
        (["render", "--tag-mutability", ""], "--tag-mutability"),
        (["render", "--tag-mutability", "MUTABLE\n"], "'MUTABLE\\n'"),
        (["render", "--pipeline-type", "V3"], "'V3'"),
        (["render", "--architecture", "arm64"], "'arm64'"),
    ],
)
def test_refuses_a_command_line_that_it_does_not_know(command: Command, arguments: list[str], named: str) -> None:
    command.assert_refuses(*arguments)
    assert named in command.err
    assert "--help)" in command.err


@pytest.mark.parametrize(("arguments", "status"), [([], 2), (["render", "--check"], 1), (["list"], 0)])
def test_the_module_ends_with_the_status(tmp_path: Path, arguments: list[str], status: int) -> None:
    done = subprocess.run([*COMMAND, *arguments], cwd=tmp_path, capture_output=True, check=False, timeout=10)
    assert done.returncode == status
    assert bool(done.stdout) != bool(done.stderr)


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("arguments", [["list"], ["render"]], ids=lambda arguments: arguments[0])
def test_a_reader_that_goes_away_is_no_error_to_report(tmp_path: Path, arguments: list[str], unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as closed:
        done = _run_into(closed.fileno(), tmp_path, arguments, unbuffered)
    assert done.stderr == ""


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_an_output_that_cannot_be_written_is_one(tmp_path: Path, unbuffered: str) -> None:
    with open("/dev/full", "wb") as full:
        done = _run_into(full.fileno(), tmp_path, ["list"], unbuffered)
    assert done.returncode == 2
    assert_one_line(done.stderr)


def _run_into(stdout: int, cwd: Path, arguments: list[str], unbuffered: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=10,
    )
