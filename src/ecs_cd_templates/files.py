"""Files that are replaced whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .errors import OutputError


def changed(directory: Path, contents: Mapping[str, str]) -> list[str]:
    """The names whose file in the directory is missing or has another content.

    Raises :class:`OutputError` for a file that cannot be read.
    """
    return [name for name, text in contents.items() if _read(directory / name) != text.encode()]


def replace_all(directory: Path, contents: Mapping[str, str]) -> list[str]:
    """Writes the files whose content changes, in UTF-8; returns their names.

    All of them are written beside their places first and moved there last, so an error before that
    leaves every file as it was. The directory is made if it is missing. Raises :class:`OutputError`.
    """
    if directory.exists() and not directory.is_dir():
        raise OutputError("output directory", str(directory), "is a file; give a directory")
    names = changed(directory, contents)
    written: dict[Path, Path] = {}
    try:
        if names:
            directory.mkdir(parents=True, exist_ok=True)
        for name in names:
            # A link stays a link: what it leads to is replaced.
            path = (directory / name).resolve()
            if path.is_dir():
                raise OutputError("output file", str(path), "is a directory; move it away")
            written[path] = _write_beside(path, contents[name].encode())
        for path, temporary in written.items():
            os.replace(temporary, path)
    except OSError as error:
        raise _unwritable(directory, error) from None
    finally:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)
    return names


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


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError("file", str(path), f"cannot be read ({error.strerror})") from None


def _unwritable(directory: Path, error: OSError) -> OutputError:
    return OutputError(
        "output directory", str(directory), f"cannot be written ({error.strerror}): choose another with --output-dir"
    )
