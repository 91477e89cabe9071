"""The command links: what it prints, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands import COMMAND, assert_one_line
from ecs_cd_templates.cli import main
from support import FILES


@pytest.mark.parametrize("kind", ["markdown", "html", "json", "text"])
def test_links_prints_each_format_without_credentials_or_network(
    kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setattr("socket.socket.connect", None)
    arguments = ["links", "--bucket", "my-bucket", "--region", "us-east-1", "--template", "code-build-nodejs.yaml"]
    assert main([*arguments, "--params", FILES["code-build-nodejs.yaml"], "--format", kind]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    address = out.replace("&amp;", "&")
    assert "https://us-east-1.console.aws.amazon.com/" in address
    assert "&param_CodeBuildProjectName=ecs-cd-build-nodejs" in address
    assert "my-bucket.s3.us-east-1.amazonaws.com" in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--bucket"),
        (["--bucket", "my-bucket"], "--bucket-region"),
        (["--bucket", "my.bucket", "--region", "eu-west-1"], "'my.bucket'"),
        (["--bucket", "BUCKET", "--region", "eu-west-1"], "'BUCKET'"),
        (["--bucket", "my-bucket", "--region", "eu-west-9"], "'eu-west-9'"),
        (["--bucket", "my-bucket", "--region", "eu-west-1", "cn-north-1"], "'cn-north-1'"),
        (["--bucket", "my-bucket", "--bucket-region", "cn-north-1", "--region", "eu-west-1"], "'eu-west-1'"),
        (["--bucket", "my-bucket", "--region", "eu-west-1", "--prefix", "a//b"], "'a//b'"),
        (["--bucket", "my-bucket", "--region", "eu-west-1", "--template", "x.yaml"], "'x.yaml'"),
        (["--bucket", "my-bucket", "--region", "eu-west-1", "--format", "xml"], "'xml'"),
        (["--bucket", "my-bucket", "--region", "eu-west-1", "--params", "x.json"], "'x.json'"),
        (["--bucket", "my-bucket", "--region", "eu-west-1", "--params", "code-build-nodejs=/none"], "'/none'"),
    ],
)
def test_links_refuses_in_one_line(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status: object = main(["links", *arguments])
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert ": error: " in err
    assert named in err


def test_values_that_the_form_refuses_are_refused_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "code-build-nodejs.json"
    for name, value in (("CodeBuildProjectName", "no spaces"), ("NoSuchParameter", "x")):
        path.write_text(json.dumps([{"ParameterKey": name, "ParameterValue": value}]))
        assert main(["links", "--bucket", "my-bucket", "--region", "eu-west-1", "--params", str(path)]) == 2
        out, err = capsys.readouterr()
        assert (out, len(err.splitlines())) == ("", 1)
        assert name in err


@pytest.mark.parametrize(
    "command",
    [
        ("links", "--bucket", "my-bucket", "--region", "eu-west-1", "--params", "vpc.yaml={}"),
        ("policies", "--account", "111122223333", "--region", "us-east-1", "--output-dir", "out", "--params", "{}"),
    ],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("file", ["/dev/zero", "pipe", "process substitution"])
@pytest.mark.slow
def test_a_parameter_file_without_an_end_is_refused(tmp_path: Path, command: tuple[str, ...], file: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader, writer = os.pipe()
    # Should it read on, it ends before the machine's memory does.
    limited = ["sh", "-c", 'ulimit -v 1000000 && exec "$@"', "sh", *COMMAND]
    try:
        done = subprocess.run(
            [*limited, *(word.format(f"/dev/fd/{reader}" if " " in file else file) for word in command)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
            pass_fds=[reader],
        )
    finally:
        os.close(reader)
        os.close(writer)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr)
    assert "is not a regular file: save the values in one" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
