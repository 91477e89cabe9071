"""The application that is rehearsed: what is in its folder now, committed or not, as one commit.

In a Git work tree these are the files that Git knows and the new ones that it does not ignore, as ``git add --all``
would take them; elsewhere all files but those of the folders that no one commits.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import NOT_GIVEN, RehearsalError

# What is made by tools, and never part of an application.
_NOT_COMMITTED = frozenset({".git", "node_modules", "__pycache__", ".venv", "venv", ".pytest_cache", ".mypy_cache"})

# What a commit is made with: nobody's configuration, and no hook.
GIT_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Rehearsal",
    "GIT_AUTHOR_EMAIL": "rehearsal@localhost",
    "GIT_COMMITTER_NAME": "Rehearsal",
    "GIT_COMMITTER_EMAIL": "rehearsal@localhost",
}


@dataclass(frozen=True, kw_only=True)
class Application:
    """The folder that the application is in, and its copy in the rehearsal: a work tree of a repository of its own.

    ``uncommitted`` is how many files differ from the last commit, None where the folder is in no Git work tree.
    """

    folder: Path
    copy: Path
    uncommitted: int | None

    def git(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        """What Git prints, called in the copy. Raises :class:`RehearsalError` with what it says otherwise."""
        return _git(self.copy, *arguments, environment=environment)

    def commit(self, message: str) -> str:
        """The ID of a new commit of all that the copy holds; an empty one where nothing has changed."""
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD").strip()

    def files(self) -> list[str]:
        """The paths of the files of the last commit."""
        return self.git("ls-tree", "-r", "--name-only", "-z", "HEAD").split("\0")[:-1]


def take(folder: Path, into: Path) -> Application:
    """The application in the folder, copied into a folder that does not exist yet, and committed.

    Raises :class:`RehearsalError` where the folder does not exist, holds no file, or Git is missing.
    """
    if not folder.is_dir():
        raise RehearsalError("--app", str(folder), "is no folder: name the one that your application is in")
    if shutil.which("git") is None:
        raise RehearsalError("git", NOT_GIVEN, "is missing: install it with your system's packages")
    _, uncommitted = _of_git(folder)
    _copy(folder, into)
    _git(into, "init", "--quiet", "--initial-branch", "rehearsal")
    application = Application(folder=folder, copy=into, uncommitted=uncommitted)
    application.commit("Rehearse")
    return application


def refresh(application: Application) -> None:
    """Makes the copy what the folder is now; what is gone there is gone here. Raises as :func:`take`."""
    for path in application.files():
        (application.copy / path).unlink(missing_ok=True)
    _copy(application.folder, application.copy)


def _copy(folder: Path, into: Path) -> None:
    paths, _ = _of_git(folder)
    paths = _every_file(folder) if paths is None else paths
    paths = [path for path in paths if (folder / path).is_file() or (folder / path).is_symlink()]
    if not paths:
        raise RehearsalError("--app", str(folder), "holds no file: name the folder that your application is in")
    for path in paths:
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(folder / path, target, follow_symlinks=False)


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """What tells whether a file of the folder has changed: the size and the time of each, by path."""
    paths, _ = _of_git(folder)
    result = {}
    for path in paths if paths is not None else _every_file(folder):
        try:
            status = (folder / path).lstat()
        except OSError:
            continue
        result[path] = (status.st_size, status.st_mtime_ns)
    return result


def _of_git(folder: Path) -> tuple[list[str] | None, int | None]:
    """The paths below the folder that Git would commit, and how many differ from the last commit."""
    listed = _run(folder, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    if listed is None:
        return None, None
    changed = _run(folder, "status", "--porcelain", "--untracked-files=all", "-z", ".") or ""
    return sorted(set(listed.split("\0")[:-1])), len([entry for entry in changed.split("\0") if entry[2:3] == " "])


def _every_file(folder: Path) -> list[str]:
    paths = []
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - _NOT_COMMITTED)
        paths += [str((Path(here) / name).relative_to(folder)) for name in sorted(files)]
    return paths


def _run(folder: Path, *arguments: str) -> str | None:
    """What Git prints in the folder as its owner has it, None if it fails."""
    result = _called(folder, arguments, {})
    return result.stdout if result.returncode == 0 else None


def _git(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    result = _called(folder, arguments, {**GIT_ENVIRONMENT, **(environment or {})})
    if result.returncode != 0:
        raise RehearsalError(f"git {arguments[0]}", str(folder), f"failed: {result.stderr.strip()}")
    return result.stdout


def _called(folder: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Git, called in the folder with this environment added, and nothing that would lead it elsewhere."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "AWS_"))}
    return subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        errors="surrogateescape",
        env={**inherited, **environment},
    )
