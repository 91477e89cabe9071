"""Files are replaced whole or not at all, and all of them or none."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecs_cd_templates import files
from ecs_cd_templates.errors import OutputError
from ecs_cd_templates.files import beginning, changed, create, replace_all, replace_each

OLD = {"a.yaml": "old a\n", "c.yaml": "old c\n"}
# The first and the last are there already, the one between them is not.
NEW = {"a.yaml": "new a\n", "b.yaml": "new b, \u00fcber\n", "c.yaml": "new c\n"}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    directory = tmp_path / "output"
    directory.mkdir()
    for name, text in OLD.items():
        (directory / name).write_text(text)
    return directory


def _contents(directory: Path) -> dict[str, str]:
    """What is in the directory: with this, a temporary file that was left behind is a difference, too."""
    return {
        str(path.relative_to(directory)): path.read_text("utf-8") for path in directory.rglob("*") if path.is_file()
    }


def test_writes_every_file_into_a_directory_that_it_makes(tmp_path: Path) -> None:
    directory = tmp_path / "not" / "there yet"
    assert replace_all(directory, NEW) == list(NEW)
    assert _contents(directory) == NEW
    assert (directory / "b.yaml").read_bytes() == b"new b, \xc3\xbcber\n"


def test_makes_no_directory_for_nothing(tmp_path: Path) -> None:
    assert replace_all(tmp_path / "output", {}) == []
    assert not (tmp_path / "output").exists()


def test_a_file_that_is_larger_differs_without_being_read(output: Path) -> None:
    os.truncate(output / "a.yaml", 1 << 40)
    assert changed(output, OLD) == ["a.yaml"]


def test_reads_a_regular_file_from_its_beginning_and_nothing_else(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size, content in ((0, b""), (3, b"old"), (100, b"old a\n")):
        assert beginning(output / "a.yaml", size) == content
    os.mkfifo(output / "pipe")
    assert beginning(output / "pipe", 1) is None
    # A file that became a pipe after the look at it, like some files under /proc, would wait for somebody to write.
    regular = (output / "a.yaml").stat()
    monkeypatch.setattr(Path, "stat", lambda self: regular)
    assert beginning(output / "pipe", 1) == b""
    writer = os.open(output / "pipe", os.O_RDWR)
    assert beginning(output / "pipe", 1) == b""
    os.close(writer)


def test_writes_only_what_changes(output: Path) -> None:
    os.utime(output / "a.yaml", (1, 1))
    before = (output / "a.yaml").stat()
    assert replace_all(output, NEW | {"a.yaml": OLD["a.yaml"]}) == ["b.yaml", "c.yaml"]
    after = (output / "a.yaml").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert _contents(output) == NEW | {"a.yaml": OLD["a.yaml"]}


def test_leaves_other_files_alone(output: Path) -> None:
    (output / "mine.txt").write_text("mine")
    replace_all(output, NEW)
    assert _contents(output) == NEW | {"mine.txt": "mine"}


def test_a_reader_goes_on_with_the_old_file(output: Path) -> None:
    with (output / "a.yaml").open() as reader:
        replace_all(output, NEW)
        assert reader.read() == OLD["a.yaml"]


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (b"new a\n", []),
        (b"new a", ["a.yaml"]),
        (b"new a\r\n", ["a.yaml"]),
        (b"\xef\xbb\xbfnew a\n", ["a.yaml"]),
        (b"", ["a.yaml"]),
        (None, ["a.yaml"]),
    ],
)
def test_changed_compares_bytes(tmp_path: Path, there: bytes | None, expected: list[str]) -> None:
    if there is not None:
        (tmp_path / "a.yaml").write_bytes(there)
    assert changed(tmp_path, {"a.yaml": "new a\n"}) == expected


def test_changed_names_every_file_of_a_directory_that_is_not_there(tmp_path: Path) -> None:
    assert changed(tmp_path / "output", NEW) == list(NEW)
    assert not (tmp_path / "output").exists()


def _failing(function: Callable[..., object], call: int, error: BaseException) -> Callable[..., object]:
    """The function, which raises the error at its call of that number."""
    calls = 0

    def replacement(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call:
            raise error
        return function(*arguments, **options)

    return replacement


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize(
    ("module", "name"),
    [(tempfile, "mkstemp"), (os, "fchmod"), (os, "fsync"), (os, "replace")],
    ids=["mkstemp", "fchmod", "fsync", "replace"],
)
@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), OutputError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=["disk full", "interrupted"],
)
def test_a_failure_at_any_file_leaves_all_as_they_were(
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    raised: type[BaseException],
    module: object,
    name: str,
    call: int,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, name, _failing(getattr(module, name), call, error))
        with pytest.raises(raised) as caught:
            replace_all(output, NEW)
    assert _contents(output) == OLD
    if isinstance(caught.value, OutputError):
        assert caught.value.value == str(output)
        assert "(No space left on device)" in str(caught.value)


def test_the_parts_of_many_are_written_one_by_one_and_moved_together(output: Path) -> None:
    seen = []

    def parts() -> Iterator[dict[str, str]]:
        for name in ("one", "two"):
            seen.append(sorted(_contents(output).keys() - OLD.keys()))
            yield {f"{name}/x.yaml": name, "a.yaml" if name == "one" else "b.yaml": name}
        assert not (output / "b.yaml").exists()

    assert replace_each(output, parts()) == [["one/x.yaml", "a.yaml"], ["two/x.yaml", "b.yaml"]]
    assert _contents(output) == OLD | {"one/x.yaml": "one", "two/x.yaml": "two", "a.yaml": "one", "b.yaml": "two"}
    # The files of the first part lie beside their places while the second is made.
    assert [len(names) for names in seen] == [0, 2]


def _of_two_parts(last: BaseException | None) -> Iterator[dict[str, str]]:
    yield {"one/deep/x.yaml": "one", "a.yaml": "one"}
    if last is not None:
        raise last
    yield {"file/x.yaml": "two"}


@pytest.mark.parametrize("last", [None, KeyboardInterrupt(), OSError(errno.EIO, "x")])
def test_a_failure_in_the_last_part_leaves_all_as_it_was(output: Path, last: BaseException | None) -> None:
    (output / "file").write_text("mine")
    with pytest.raises((OutputError, KeyboardInterrupt)):
        replace_each(output, _of_two_parts(last))
    assert _contents(output) == OLD | {"file": "mine"}
    # Not even directories are left.
    assert sorted(os.listdir(output)) == ["a.yaml", "c.yaml", "file"]


def test_a_directory_that_others_use_meanwhile_stays(output: Path) -> None:
    def parts() -> Iterator[dict[str, str]]:
        yield {"one/deep/x.yaml": "one"}
        (output / "one" / "theirs").write_text("theirs")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_each(output, parts())
    assert _contents(output) == OLD | {"one/theirs": "theirs"}
    assert not (output / "one" / "deep").exists()


def test_two_parts_may_not_lead_to_one_file(output: Path) -> None:
    (output / "one").mkdir()
    (output / "two").symlink_to("one")
    with pytest.raises(OutputError, match=r"leads to .* like another; remove the link"):
        replace_each(output, [{"one/x.yaml": "one"}, {"two/x.yaml": "two"}])
    assert _contents(output) == OLD


def test_the_directory_may_not_be_a_file(tmp_path: Path) -> None:
    place = tmp_path / "output"
    place.write_text("mine")
    for directory in (place, place / "below"):
        with pytest.raises(OutputError) as caught:
            replace_all(directory, NEW)
        assert caught.value.value == str(directory)
    assert _contents(tmp_path) == {"output": "mine"}


def test_the_directory_may_not_have_an_impossible_name(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="File name too long"):
        replace_all(tmp_path / ("n" * 300), NEW)


def test_the_directory_may_be_a_link(output: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("output")
    replace_all(tmp_path / "link", NEW)
    assert _contents(output) == NEW
    assert (tmp_path / "link").is_symlink()


def test_the_directory_may_not_be_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nothing")
    with pytest.raises(OutputError) as caught:
        replace_all(tmp_path / "link", NEW)
    assert caught.value.value == str(tmp_path / "link")
    assert os.listdir(tmp_path) == ["link"]


@pytest.mark.parametrize("name", NEW)
def test_a_directory_at_the_place_of_a_file_is_left_there(output: Path, name: str) -> None:
    (output / name).unlink(missing_ok=True)
    (output / name / "mine").mkdir(parents=True)
    before = _contents(output)
    assert name in changed(output, NEW)
    with pytest.raises(OutputError) as caught:
        replace_all(output, NEW)
    assert caught.value.value == str(output / name)
    assert _contents(output) == before
    assert (output / name / "mine").is_dir()


def test_a_link_stays_a_link(output: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = (output / "a.yaml").rename(tmp_path / "elsewhere" / "target")
    (output / "a.yaml").symlink_to("../elsewhere/target")
    (output / "b.yaml").symlink_to("../elsewhere/not there yet")
    replace_all(output, NEW)
    assert os.readlink(output / "a.yaml") == "../elsewhere/target"
    assert target.read_text() == NEW["a.yaml"]
    assert _contents(output) == NEW
    assert sorted(os.listdir(tmp_path / "elsewhere")) == ["not there yet", "target"]


def test_a_link_to_itself_is_refused(output: Path) -> None:
    (output / "b.yaml").symlink_to("b.yaml")
    for function in (changed, replace_all):
        with pytest.raises(OutputError, match="Too many levels of symbolic links"):
            function(output, NEW)
    (output / "b.yaml").unlink()
    assert _contents(output) == OLD


def test_two_names_may_not_be_one_file(output: Path) -> None:
    (output / "b.yaml").symlink_to("a.yaml")
    before = _contents(output)
    with pytest.raises(OutputError) as caught:
        replace_all(output, NEW)
    assert caught.value.value == str(output / "b.yaml")
    assert _contents(output) == before


@pytest.fixture
def umask() -> Iterator[int]:
    mask = 0o027
    previous = os.umask(mask)
    yield mask
    assert os.umask(previous) == mask, "the umask is not what it was"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o444])
def test_a_file_keeps_its_mode(output: Path, umask: int, mode: int) -> None:
    (output / "a.yaml").chmod(mode)
    replace_all(output, NEW)
    assert stat.S_IMODE((output / "a.yaml").stat().st_mode) == mode
    assert _contents(output) == NEW


def test_a_new_file_and_directory_get_the_mode_that_the_umask_leaves(tmp_path: Path, umask: int) -> None:
    replace_all(tmp_path / "output", NEW)
    assert stat.S_IMODE((tmp_path / "output").stat().st_mode) == 0o777 & ~umask
    for path in (tmp_path / "output").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


# What the system itself refuses, in a process that it may refuse: root is above the modes of files.
REFUSED_BY_THE_SYSTEM = """
import json, os, resource, sys
from pathlib import Path
from ecs_cd_templates import files
from ecs_cd_templates.errors import OutputError
from ecs_cd_templates.files import beginning, changed, create, replace_all, replace_each

function, directory, largest, contents = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), int(largest)))
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    {"changed": changed, "replace_all": replace_all}[function](Path(directory), json.loads(contents))
except OutputError as error:
    print(error, end="")
"""


def _refusal(function: str, directory: Path, contents: dict[str, str], largest: int = 1_000_000) -> str:
    arguments = [function, str(directory), str(largest), json.dumps(contents)]
    done = subprocess.run(
        [sys.executable, "-c", REFUSED_BY_THE_SYSTEM, *arguments],
        capture_output=True,
        text=True,
        timeout=5,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def anyones() -> Iterator[Path]:
    """A directory that every user may write to; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o777)
        for file, text in OLD.items():
            (directory / file).write_text(text)
        yield directory
        directory.chmod(0o700)


def test_a_full_disk_leaves_all_as_they_were(anyones: Path) -> None:
    """A real write that fails: the limit on the size of a file stands for the disk's."""
    message = _refusal("replace_all", anyones, NEW | {"b.yaml": "b" * 100}, largest=50)
    assert message.endswith("cannot be written (File too large): choose another directory")
    assert _contents(anyones) == OLD


def test_a_directory_without_write_permission_is_refused(anyones: Path) -> None:
    anyones.chmod(0o555)
    for directory in (anyones, anyones / "below"):
        assert "(Permission denied)" in _refusal("replace_all", directory, NEW)
    assert _contents(anyones) == OLD


def test_a_directory_without_search_permission_is_refused(anyones: Path) -> None:
    anyones.chmod(0o600)
    for directory in (anyones, anyones / "below", anyones / "below" / "that"):
        for function in ("changed", "replace_all"):
            assert "(Permission denied)" in _refusal(function, directory, NEW)


def test_a_file_without_read_permission_is_refused(anyones: Path) -> None:
    (anyones / "c.yaml").chmod(0)
    for function in ("changed", "replace_all"):
        message = _refusal(function, anyones, NEW)
        assert message == f"file: '{anyones / 'c.yaml'}': cannot be read (Permission denied)"
    (anyones / "c.yaml").chmod(0o644)
    assert _contents(anyones) == OLD


def test_a_pipe_at_the_place_of_a_file_is_refused(anyones: Path) -> None:
    """Reading it would wait for ever, and replacing a device would break more than the templates."""
    os.mkfifo(anyones / "b.yaml")
    assert str(anyones / "b.yaml") in _refusal("replace_all", anyones, NEW)
    assert _contents(anyones) == OLD
    assert (anyones / "b.yaml").is_fifo()


def test_creates_what_is_not_there_and_replaces_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "not" / "there yet"
    assert create(directory, NEW) == list(NEW)
    assert _contents(directory) == NEW
    assert create(directory, NEW) == []
    with pytest.raises(OutputError, match="is there already with another content: move it away, or write elsewhere"):
        create(directory, {"d.yaml": "d", "a.yaml": "other"})
    assert _contents(directory) == NEW
    (directory / "a.yaml").unlink()
    (directory / "a.yaml").symlink_to("nowhere")
    with pytest.raises(OutputError, match="is there already"):
        create(directory, NEW)
    assert not (directory / "nowhere").exists()


def test_an_interruption_leaves_nothing_that_was_to_be_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path, NEW)
    assert list(tmp_path.iterdir()) == []


def test_what_others_write_in_the_meantime_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def then_somebody_writes(directory: Path, contents: object) -> list[str]:
        (directory / "a.yaml").write_text("mine")
        return list(NEW)

    monkeypatch.setattr(files, "changed", then_somebody_writes)
    with pytest.raises(OutputError, match="is there already"):
        create(tmp_path, NEW)
    assert _contents(tmp_path) == {"a.yaml": "mine"}
