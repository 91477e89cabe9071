"""Files that are read as far as is sensible, and replaced whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from .errors import OutputError


def beginning(path: Path, size: int) -> bytes | None:
    """At most ``size`` bytes of a regular file; None for anything else, such as a pipe, which may have no end.

    Raises :class:`OSError`.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        return None
    # Some files under /proc are regular, and wait like a pipe.
    with open(path, "rb", opener=_open_without_waiting) as file:
        return file.read(size) or b""


def changed(directory: Path, contents: Mapping[str, str]) -> list[str]:
    """The names whose file in the directory is missing or has another content.

    Raises :class:`OutputError` for a directory that is a file, and for a file that cannot be read.
    """
    try:
        if not stat.S_ISDIR(directory.stat().st_mode):
            raise OutputError("output directory", str(directory), "is a file: give a directory")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _unwritable(directory, error) from None
    return [name for name, text in contents.items() if not _has(directory / name, text.encode())]


def replace_all(directory: Path, contents: Mapping[str, str]) -> list[str]:
    """Writes the files whose content changes, in UTF-8; returns their names.

    All of them are written beside their targets first and moved there last, and what was moved is put
    back if a move fails: after an error or an interruption every file is as it was. Names may have
    folders in them; directories that are missing are made. Raises :class:`OutputError`.
    """
    (names,) = replace_each(directory, [contents])
    return names


def replace_each(directory: Path, parts: Iterable[Mapping[str, str]]) -> list[list[str]]:
    """The same for the files of many parts, of which only one is in memory at a time; returns the names of each.

    Nothing is moved before all parts are written, so an error in the last one leaves the files of the first as well.
    """
    # The last with is left first: files are put back before what was put beside them is removed.
    with _undone() as made, ExitStack() as beside:
        moves: dict[Path, Path] = {}
        written: list[list[str]] = []
        try:
            for contents in parts:
                names = changed(directory, contents)
                for folder in dict.fromkeys((directory / name).parent for name in names):
                    _make(folder, made)
                for path, name in zip(_targets(directory, names, moves), names, strict=True):
                    moves[path] = _write_beside(path, contents[name].encode())
                    beside.callback(moves[path].unlink, missing_ok=True)
                written.append(names)
            _move(moves, beside)
        except OSError as error:
            raise _unwritable(directory, error) from None
    return written


def create(directory: Path, contents: Mapping[str, str]) -> list[str]:
    """Writes the files that are not there yet, in UTF-8; returns their names.

    A file that is there is left as it is if it has the content, and otherwise nothing is written. The directory is made
    if it is missing. Raises :class:`OutputError`.
    """
    names = changed(directory, contents)
    try:
        if names:
            directory.mkdir(parents=True, exist_ok=True)
        with ExitStack() as undo:
            for name in names:
                path = directory / name
                try:
                    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
                except FileExistsError:
                    remedy = "is there already with another content: move it away, or write elsewhere"
                    raise OutputError("output file", str(path), remedy) from None
                undo.callback(path.unlink, missing_ok=True)
            replace_all(directory, {name: contents[name] for name in names})
            undo.pop_all()
    except OSError as error:
        raise _unwritable(directory, error) from None
    return names


def _targets(directory: Path, names: Sequence[str], taken: Collection[Path] = ()) -> list[Path]:
    """Where the files are or will be. A link stays a link: what it leads to is replaced."""
    targets: list[Path] = []
    for name in names:
        path = (directory / name).resolve()
        if path.exists() and not path.is_file():
            raise OutputError("output file", str(directory / name), "is not a regular file: move it away")
        if path in targets or path in taken:
            raise OutputError("output file", str(directory / name), f"leads to {path} like another; remove the link")
        targets.append(path)
    return targets


@contextmanager
def _undone() -> Iterator[ExitStack]:
    """What is called after an error or an interruption, the last first, and not otherwise."""
    with ExitStack() as undo:
        yield undo
        undo.pop_all()


def _make(folder: Path, undo: ExitStack) -> None:
    """Makes the directory and those above it, as far as they are missing."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        undo.callback(_remove_empty, each)


def _remove_empty(directory: Path) -> None:
    # Somebody else may have put something there meanwhile.
    with suppress(OSError):
        directory.rmdir()


def _move(moves: Mapping[Path, Path], beside: ExitStack) -> None:
    """Moves what was written beside the targets there: all of it, or nothing."""
    with _undone() as undo:
        for path, temporary in moves.items():
            if path.exists():
                old = Path(f"{temporary}.old")
                beside.callback(old.unlink, missing_ok=True)
                shutil.copy2(path, old)
                undo.callback(old.replace, path)
            else:
                undo.callback(path.unlink, missing_ok=True)
            temporary.replace(path)


def _write_beside(path: Path, content: bytes) -> Path:
    """A new file in the same directory, complete and on disk, with the mode that ``path`` has or would get."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), _mode(path))
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _mode(path: Path) -> int:
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _has(path: Path, content: bytes) -> bool:
    try:
        return beginning(path, len(content) + 1) == content
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise OutputError("file", str(path), f"cannot be read ({error.strerror})") from None


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _unwritable(directory: Path, error: OSError) -> OutputError:
    return OutputError(
        "output directory", str(directory), f"cannot be written ({error.strerror}): choose another directory"
    )
