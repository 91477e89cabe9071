"""The command render: what it writes and leaves alone, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from commands import COMMAND, Command, assert_one_line, contents, state
from ecs_cd_templates import AllEnvironmentsSettings, PipelineSettings, RenderSettings
from support import rendered


def _lines(word: str, names: Iterable[str], directory: str = "output") -> str:
    return "".join(f"{word}: {os.path.join(directory, name)}\n" for name in names)


def test_render_writes_the_catalogue_and_then_leaves_it_alone(command: Command) -> None:
    assert command("render", "--output-dir", "output") == 0
    assert (command.out, command.err) == (_lines("written", rendered()), "")
    assert contents(Path("output")) == rendered()

    before = state(Path("output"))
    assert command("render", "--output-dir", "output") == 0
    assert (command.out, command.err) == (_lines("unchanged", rendered()), "")
    assert state(Path("output")) == before


def test_render_writes_into_templates_if_not_told_otherwise(command: Command) -> None:
    assert command("render") == 0
    assert command.out == _lines("written", rendered(), "templates")
    assert contents(Path("templates")) == rendered()


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (["--tag-mutability", "MUTABLE"], RenderSettings(pipeline=PipelineSettings(image_tag_mutability="MUTABLE"))),
        (["--tag-mutability", "IMMUTABLE"], RenderSettings()),
        (
            ["--pipeline-type", "V1"],
            RenderSettings(pipeline=PipelineSettings(pipeline_type="V1", rollback_on_failure=False)),
        ),
        (["--pipeline-type", "V2"], RenderSettings()),
        (["--architecture", "ARM64"], RenderSettings(architecture="ARM64")),
        (["--architecture", "X86_64"], RenderSettings()),
        (
            ["--nested-base-url", "https://bucket.s3.amazonaws.com/a"],
            RenderSettings(nested_base_url="https://bucket.s3.amazonaws.com/a"),
        ),
    ],
)
def test_render_does_what_each_option_says(command: Command, options: list[str], settings: RenderSettings) -> None:
    assert command("render", "--output-dir", "output", *options) == 0
    assert contents(Path("output")) == rendered(settings)
    if settings != RenderSettings():
        assert contents(Path("output")) != rendered()


def test_check_finds_what_differs_and_writes_nothing(command: Command) -> None:
    assert command("render", "--output-dir", "output", "--check") == 1
    assert (command.out, command.err) == (_lines("differs", rendered()), "")
    assert not Path("output").exists()

    command("render", "--output-dir", "output")
    assert command("render", "--output-dir", "output", "--check") == 0
    assert (command.out, command.err) == ("", "")

    edited, deleted = "code-build-nodejs.yaml", "deployment-pipeline-with-approval.yaml"
    Path("output", edited).write_text(rendered()[edited] + "\n")
    Path("output", deleted).unlink()
    before = state(Path("output"))
    assert command("render", "--output-dir", "output", "--check") == 1
    assert (command.out, command.err) == (_lines("differs", [edited, deleted]), "")
    assert state(Path("output")) == before

    assert command("render", "--output-dir", "output") == 0
    written = [line for line in command.out.splitlines(keepends=True) if not line.startswith("unchanged: ")]
    assert "".join(written) == _lines("written", [edited, deleted])
    assert contents(Path("output")) == rendered()


def test_check_compares_with_the_options(command: Command) -> None:
    command("render", "--output-dir", "output")
    assert command("render", "--output-dir", "output", "--check", "--architecture", "ARM64") == 1
    arm64 = rendered(RenderSettings(architecture="ARM64"))
    assert command.out == _lines("differs", [name for name in rendered() if rendered()[name] != arm64[name]])
    assert "code-build-nodejs.yaml" in command.out
    assert "deployment-pipeline" not in command.out


def test_check_and_diff_name_what_is_left_over(command: Command) -> None:
    command("render", "--output-dir", "output")
    for name in ("old.yaml", "notes.txt"):
        Path("output", name).write_text("x")
    assert command("render", "--output-dir", "output", "--check") == 1
    assert (command.out, command.err) == (_lines("left over", ["old.yaml"]), "")
    assert command("render", "--output-dir", "output", "--diff") == 1
    assert command.out == _lines("left over", ["old.yaml"]) + (
        f"differ: 0, new: 0, left over: 1, the same: {len(rendered())}\n"
    )


def test_diff_says_what_changes_and_writes_nothing(command: Command) -> None:
    assert command("render", "--output-dir", "output", "--diff") == 1
    assert command.out == _lines("new file", rendered()) + (
        f"differ: 0, new: {len(rendered())}, left over: 0, the same: 0\n"
    )
    assert not Path("output").exists()

    command("render", "--output-dir", "output")
    assert command("render", "--output-dir", "output", "--diff") == 0
    assert command.out == f"differ: 0, new: 0, left over: 0, the same: {len(rendered())}\n"

    before = state(Path("output"))
    assert command("render", "--output-dir", "output", "--diff", "--architecture", "ARM64") == 1
    assert state(Path("output")) == before
    lines = command.out.splitlines()
    assert os.path.join("output", "ecs-service.yaml") in lines
    assert (
        "  changed: resource ECSTaskDefinition (AWS::ECS::TaskDefinition): RuntimePlatform.CpuArchitecture: "
        '"X86_64" → "ARM64": REPLACED' in lines
    )
    assert os.path.join("output", "vpc.yaml") not in lines
    assert lines[-1].endswith("; REPLACED: 5")


def test_diff_sees_a_file_that_differs_in_its_form_only(command: Command) -> None:
    command("render", "--output-dir", "output")
    name = "vpc.yaml"
    Path("output", name).write_text(rendered()[name] + "# mine\n")
    assert command("render", "--output-dir", "output", "--diff") == 1
    assert command.out.splitlines()[:2] == [
        os.path.join("output", name),
        "  changed: nothing but its form, such as comments or the order",
    ]


@pytest.mark.parametrize(
    "content", [b"", b"x: 1\n", b"\xff", b"x" * 1_100_000], ids=["empty", "other", "binary", "large"]
)
def test_diff_refuses_what_is_no_template(command: Command, content: bytes) -> None:
    command("render", "--output-dir", "output")
    Path("output", "vpc.yaml").write_bytes(content)
    command.assert_refuses("render", "--output-dir", "output", "--diff")
    assert f"'{os.path.join('output', 'vpc.yaml')}'" in command.err


def test_diff_refuses_what_is_no_file(command: Command) -> None:
    os.makedirs(os.path.join("output", "vpc.yaml"))
    command.assert_refuses("render", "--output-dir", "output", "--diff")


@pytest.mark.parametrize(
    "url",
    [
        *("", " ", "/", "templates", "https://", "https:///x", "https", "//bucket.s3.amazonaws.com/x"),
        *("http://bucket.s3.amazonaws.com/x", "s3://bucket/x", "ftp://bucket.s3.amazonaws.com/x", "file:///x"),
        *("https://example.com/x", "https://amazonaws.com/x", "https://bucket.amazonaws.com", "https://s3/x"),
        *("https://bucket.s3.example.com/x", "https://bucket.s3.amazonaws.com.example.com/x", "https://s3.com/x"),
        *("https://bucket.s3.amazonaws.example.com/x", "https://bucket.notamazonaws.com/s3.amazonaws.com"),
        *("https://notes3.amazonaws.com/x", "https://bucket.s3.amazonaws.com./x", "https://s3amazonaws.com/x"),
        *("https://example.com/bucket.s3.amazonaws.com", "https://example.com\\@bucket.s3.amazonaws.com/x"),
        *("https://bucket.s3.amazonaws.com@example.com/x", "https://bucket.s3.amazonaws.com\\.example.com/x"),
        # No certificate and no API, but pages.
        "https://bucket.s3-website-eu-west-1.amazonaws.com/x",
        *("https://bucket.s3.amazonaws.com/x?versionId=1", "https://bucket.s3.amazonaws.com/x?"),
        *("https://bucket.s3.amazonaws.com/x#y", "https://bucket.s3.amazonaws.com/x#"),
        *("https://user@bucket.s3.amazonaws.com/x", "https://user:word@bucket.s3.amazonaws.com/x"),
        *("https://:word@bucket.s3.amazonaws.com/x", "https://@bucket.s3.amazonaws.com/x"),
        *("https://bucket.s3.amazonaws.com:80/x", "https://bucket.s3.amazonaws.com:99999/x", "https://[::1/x"),
        *(
            "https://bucket.s3.amazonaws.com/a b",
            " https://bucket.s3.amazonaws.com",
            "https://bucket.s3.amazonaws.com ",
        ),
        *(
            "https://bucket.s3.amazonaws.com/x\n",
            "https://bucket.s3.amazonaws.com/\nx",
            "https://b.s3.amazonaws.com/\t",
        ),
        *("https://bucket.s3.amazonaws.com/\u00fc", "https://b\u00fccket.s3.amazonaws.com/x", "https://b\u2024s3.com"),
        *('https://bucket.s3.amazonaws.com/"x', "https://bucket.s3.amazonaws.com/\\x"),
        # A literal address, in which CloudFormation replaces nothing.
        *("https://bucket.s3.${AWS::Region}.amazonaws.com/x", "https://bucket.s3.amazonaws.com/${AWS::Region}"),
        f"https://bucket.s3.amazonaws.com/{'x' * 5000}",
    ],
    ids=lambda url: url[:60].encode("unicode_escape").decode(),
)
def test_refuses_an_address_without_templates_for_cloudformation(command: Command, url: str) -> None:
    command.assert_refuses("render", "--output-dir", "output", "--nested-base-url", url)
    assert "--nested-base-url: " in command.err
    assert "https://BUCKET.s3.REGION.amazonaws.com/PREFIX" in command.err


@pytest.mark.parametrize(
    "url",
    [
        "https://bucket.s3.amazonaws.com",
        "https://bucket.s3.amazonaws.com/",
        "https://my.bucket.s3.eu-west-1.amazonaws.com/a/b-c_d.e/",
        "https://bucket.s3.dualstack.eu-west-1.amazonaws.com/a%20b",
        "https://bucket.s3-fips.us-gov-west-1.amazonaws.com/a",
        "https://s3.eu-west-1.amazonaws.com/bucket/a",
        "https://s3-eu-west-1.amazonaws.com/bucket",
        "https://bucket.s3.cn-north-1.amazonaws.com.cn/a",
    ],
)
def test_takes_the_addresses_that_s3_has(url: str) -> None:
    assert AllEnvironmentsSettings(nested_base_url=url).nested_base_url == url.rstrip("/")


@pytest.mark.parametrize("place", ["file", "file/below", "link", "n" * 300])
def test_refuses_an_output_directory_that_cannot_be(command: Command, place: str) -> None:
    Path("file").write_text("mine")
    Path("link").symlink_to("file")
    command.assert_refuses("render", "--output-dir", place)
    assert f"'{place}'" in command.err


# A long path must not hide which file it is.
@pytest.mark.parametrize("directory", ["output", "d" * 200], ids=["", "long"])
def test_refuses_to_replace_a_directory_by_a_file(command: Command, directory: str) -> None:
    # The last one: everything before it could be written.
    place = Path(directory, list(rendered())[-1])
    place.mkdir(parents=True)
    command.assert_refuses("render", "--output-dir", directory)
    assert f"'{place}'" in command.err


# Root is above the modes of files. The first run loads what nobody may not be allowed to read.
AS_NOBODY = """
import contextlib, io, os, sys
from ecs_cd_templates.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    main(["list"])
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def anyones() -> Iterator[Path]:
    """A directory that every user may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o777)
        yield directory
        directory.chmod(0o700)


def _assert_refuses_nobody(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, *arguments], capture_output=True, text=True, check=False, timeout=10
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr)
    assert "(Permission denied)" in done.stderr


@pytest.mark.parametrize("mode", [0o555, 0o444], ids=["not writable", "not searchable"])
@pytest.mark.parametrize("place", [".", "below"])
@pytest.mark.slow
def test_refuses_a_directory_that_it_may_not_write_to(anyones: Path, place: str, mode: int) -> None:
    anyones.chmod(mode)
    _assert_refuses_nobody("render", "--output-dir", str(anyones / place))
    anyones.chmod(0o700)
    assert list(anyones.iterdir()) == []


@pytest.mark.parametrize("options", [[], ["--check"], ["--diff"]], ids=["", "check", "diff"])
def test_refuses_a_file_that_it_may_not_read(anyones: Path, options: list[str]) -> None:
    name = next(iter(rendered()))
    (anyones / name).touch(mode=0)
    _assert_refuses_nobody("render", "--output-dir", str(anyones), *options)
    assert [path.name for path in anyones.iterdir()] == [name]


# In each of them, also where the terminal does not have the characters of the directory's name.
ENVIRONMENTS: tuple[dict[str, str], ...] = (
    {"PYTHONHASHSEED": "0"},
    {"PYTHONHASHSEED": "1"},
    {"PYTHONHASHSEED": "42"},
    {"PYTHONHASHSEED": "random"},
    {"LC_ALL": "C", "PYTHONUTF8": "0"},
    {"LC_ALL": "C.UTF-8"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONOPTIMIZE": "2"},
    {"TZ": "Pacific/Kiritimati", "COLUMNS": "20", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_PROFILE": "none"},
)


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: " ".join(environment.values()))
@pytest.mark.slow
def test_renders_the_same_bytes_everywhere(tmp_path: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [*COMMAND, "render", "--output-dir", "\u00fcber"],
        cwd=tmp_path,
        env=os.environ | environment,
        capture_output=True,
        check=False,
        timeout=10,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(done.stdout.splitlines()) == len(rendered())
    assert contents(tmp_path / "\u00fcber") == rendered()
