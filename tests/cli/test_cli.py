"""The command as a whole: its help, what it refuses, and with which status it ends."""

from __future__ import annotations

import array
import fcntl
import os
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from commands import COMMAND, Command, assert_one_line, contents


def test_version(command: Command) -> None:
    assert command("--version") == 0
    assert (command.out, command.err) == (f"ecs-cd-templates {version('ecs-cd-templates')}\n", "")


@pytest.mark.parametrize(
    ("arguments", "mentioned"),
    [
        (
            ["--help"],
            [
                "render",
                "list",
                "--help",
                "--version",
                "Exit status: 0 ",
                "1 --check or --diff",
                "2 refused",
                "130 interrupted",
            ],
        ),
        (
            ["render", "--help"],
            [
                *("--output-dir", "--check", "--diff", "--nested-base-url", "--tag-mutability", "--pipeline-type"),
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
        (["render", "--check", "--diff"], "--diff"),
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


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with a virtual environment, and one with another program of the name that is on PATH."""
    for place, text in (
        ("a b/.venv/bin", f"#!{sys.executable}\nimport sys\nfrom ecs_cd_templates.cli import main\nsys.exit(main())\n"),
        ("other/bin", "#!/bin/sh\nexit 99\n"),
    ):
        (tmp_path / place).mkdir(parents=True)
        script = tmp_path / place / "ecs-cd-templates"
        script.write_text(text)
        script.chmod(0o755)
    (tmp_path / "a b" / "sub").mkdir()
    (tmp_path / "a b" / "x=y").symlink_to(".venv/bin")
    (tmp_path / "a b" / "link").symlink_to("../other")
    (tmp_path / "a b" / ".venv" / "bin" / "short").symlink_to("ecs-cd-templates")
    return tmp_path / "a b"


@pytest.mark.parametrize(
    ("typed", "path", "directory", "said"),
    [
        (".venv/bin/ecs-cd-templates", "", ".", ".venv/bin/ecs-cd-templates"),
        (".venv/bin/ecs-cd-templates", "{}/../other/bin", ".", ".venv/bin/ecs-cd-templates"),
        ("'{}/.venv/bin/ecs-cd-templates'", "", ".", ".venv/bin/ecs-cd-templates"),
        ("'{}/.venv/bin/ecs-cd-templates'", "", "sub", "../.venv/bin/ecs-cd-templates"),
        ("'{}/.venv/bin/ecs-cd-templates'", "", "/", "'{}/.venv/bin/ecs-cd-templates'"),
        ("../.venv/bin/ecs-cd-templates", "", "sub", "../.venv/bin/ecs-cd-templates"),
        ("./ecs-cd-templates", "", ".venv/bin", "./ecs-cd-templates"),
        ("./x=y/ecs-cd-templates", "", ".", "./x=y/ecs-cd-templates"),
        ("link/../'a b'/.venv/bin/ecs-cd-templates", "", ".", "'./link/../a b/.venv/bin/ecs-cd-templates'"),
        ("ecs-cd-templates", "{}/.venv/bin", ".", "ecs-cd-templates"),
        ("ecs-cd-templates", "{}/x=y/", ".", "ecs-cd-templates"),
        ("ecs-cd-templates", ".venv/bin", ".", "ecs-cd-templates"),
        (".venv/bin/ecs-cd-templates", "{}/.venv/bin", ".", "ecs-cd-templates"),
        ("{python} -m ecs_cd_templates", "", ".", "{python} -m ecs_cd_templates"),
        ("python -m ecs_cd_templates", "{bin}", ".", "python -m ecs_cd_templates"),
        ("{python} '{}/.venv/bin/short'", "", ".", "{python} -m ecs_cd_templates"),
        ("{python} ecs-cd-templates", "", ".venv/bin", "./ecs-cd-templates"),
    ],
)
@pytest.mark.slow
def test_what_it_says_to_type_is_found_right_there(
    project: Path, typed: str, path: str, directory: str, said: str
) -> None:
    python = Path(sys.executable)
    names = {"python": python, "bin": python.parent}
    typed, path, said = (text.format(project, **names) for text in (typed, path, said))

    def type_in(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", line],
            cwd=project / directory,
            env=os.environ | {"PATH": f"{path or '/usr/bin'}:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    refused = type_in(f"{typed} links")
    _, _, hint = refused.stderr.rpartition("(see ")
    assert hint == f"{said} links --help)\n"
    done = type_in(hint.removesuffix(")\n"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ecs-cd-templates links")


def test_a_directory_that_is_gone_changes_nothing(project: Path) -> None:
    program = str(project / ".venv" / "bin" / "ecs-cd-templates")
    line = f"cd sub && rmdir ../sub && exec '{program}' links"
    done = subprocess.run(["sh", "-c", line], cwd=project, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 2
    assert_one_line(done.stderr)
    assert done.stderr.endswith(f"(see '{program}' links --help)\n")


@pytest.mark.parametrize(("arguments", "status"), [([], 2), (["render", "--check"], 1), (["list"], 0)])
def test_the_module_ends_with_the_status(tmp_path: Path, arguments: list[str], status: int) -> None:
    done = subprocess.run([*COMMAND, *arguments], cwd=tmp_path, capture_output=True, check=False, timeout=10)
    assert done.returncode == status
    assert bool(done.stdout) != bool(done.stderr)


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    "arguments",
    [["list"], ["render"], ["--help"], ["--version"], ["links", "--help"]],
    ids=" ".join,
)
@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error_to_report(tmp_path: Path, arguments: list[str], unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as closed:
        done = _run_into(closed.fileno(), tmp_path, arguments, unbuffered)
    assert done.stderr == ""
    assert done.returncode in (0, 2)


# argparse itself passes over what it cannot write at once.
@pytest.mark.parametrize(
    ("arguments", "unbuffered"),
    [(["list"], ""), (["list"], "1"), (["--version"], "")],
    ids=["buffered", "unbuffered", "version"],
)
def test_an_output_that_cannot_be_written_is_one(tmp_path: Path, arguments: list[str], unbuffered: str) -> None:
    with open("/dev/full", "wb") as full:
        done = _run_into(full.fileno(), tmp_path, arguments, unbuffered)
    assert done.returncode == 2
    assert_one_line(done.stderr)


INTERRUPTED = "ecs-cd-templates: interrupted\n"


@pytest.mark.slow
def test_an_interruption_while_it_waits_for_aws_is_no_traceback(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        aws = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }
        with _started(tmp_path, ["publish", "--bucket", "my-bucket"], aws) as running:
            silent.settimeout(20)
            connection, _ = silent.accept()
            running.send_signal(signal.SIGINT)
            assert running.communicate(timeout=20) == ("", INTERRUPTED)
            connection.close()
    assert running.returncode == 130


@pytest.mark.slow
def test_an_interruption_while_nobody_reads_is_no_traceback(tmp_path: Path) -> None:
    with _started(tmp_path, ["links", "--bucket", "my-bucket", "--bucket-region", "eu-west-1"]) as running:
        assert running.stdout is not None
        _wait_until_nothing_more_fits(running.stdout.fileno())
        running.send_signal(signal.SIGINT)
        assert running.stderr is not None
        # Nobody reads what was left of the output: it must not wait for that.
        assert running.stderr.read() == INTERRUPTED
        assert running.wait(timeout=20) == 130


@pytest.mark.slow
def test_an_interruption_in_a_pipe_that_ends_as_well_is_no_traceback(tmp_path: Path) -> None:
    with _started(tmp_path, ["links", "--bucket", "my-bucket", "--bucket-region", "eu-west-1"]) as running:
        assert running.stdout is not None
        _wait_until_nothing_more_fits(running.stdout.fileno())
        running.send_signal(signal.SIGSTOP)
        running.send_signal(signal.SIGINT)
        running.stdout.close()
        running.send_signal(signal.SIGCONT)
        assert running.stderr is not None
        assert running.stderr.read() in ("", INTERRUPTED)
        assert running.wait(timeout=20) in (2, 130)


def test_an_interruption_leaves_every_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "vpc.yaml").write_text("mine")
    # The third file that is moved to its place is as far as it gets.
    interrupted = """
import sys
from pathlib import Path
from ecs_cd_templates.cli import main
moves = iter("..")
move = Path.replace
def replace(self, target):
    if not self.name.endswith(".old") and next(moves, None) is None:
        raise KeyboardInterrupt
    return move(self, target)
Path.replace = replace
sys.exit(main(["render"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", interrupted], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=20
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", INTERRUPTED)
    assert contents(tmp_path / "templates") == {"vpc.yaml": "mine"}


@contextmanager
def _started(cwd: Path, arguments: list[str], environment: dict[str, str] | None = None) -> Iterator[Any]:
    running = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pipesize=4096,
    )
    with running:
        try:
            yield running
        finally:
            running.kill()


def _wait_until_nothing_more_fits(pipe: int) -> None:
    """Until the pipe of one page is full."""
    room = array.array("i", [0])
    for _ in range(400):
        fcntl.ioctl(pipe, termios.FIONREAD, room)
        if room[0] == 4096:
            return
        time.sleep(0.05)
    raise TimeoutError


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
