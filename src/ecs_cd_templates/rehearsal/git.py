"""Bare Git repositories, as CodeCommit and the hosts behind connections keep them."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

from ..errors import PushError

# No settings of the machine or its user play a part (https://git-scm.com/docs/git-config#ENVIRONMENT).
ALONE: Mapping[str, str] = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
}

# What is archived are the files as they were committed: none left out, rewritten or with other line ends
# (https://git-scm.com/docs/gitattributes; these attributes win over those in the tree).
_ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding -export-ignore -export-subst\n"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who made a commit; ``date`` in Git's own form, seconds since 1970 and the offset: ``1484167798 -0800``."""

    name: str
    email: str
    date: str


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit: ``id``, ``tree`` and ``parents`` as full hashes, ``message`` as it was given."""

    id: str
    tree: str
    parents: tuple[str, ...]
    message: str
    author: Person
    committer: Person


@dataclass(frozen=True, kw_only=True)
class File:
    """A file to be committed; without ``content`` it is removed. ``mode`` is 100644, 100755 or 120000 (a link)."""

    path: str
    mode: str = "100644"
    content: bytes | None


def environment() -> dict[str, str]:
    """The variables for Git on a repository of the rehearsal; none of those that point it at another."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("GIT_")}, **ALONE}


def run(folder: Path, *arguments: str, data: bytes = b"") -> bytes:
    """What Git prints; raises :class:`subprocess.CalledProcessError` if it fails."""
    command = ["git", f"--git-dir={folder}", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=True, env=environment()).stdout


def create(folder: Path) -> None:
    """Makes an empty bare repository there, which HTTP may push to."""
    folder.mkdir(parents=True)
    run(folder, "init", "--quiet", "--bare", "--initial-branch=main", "--template=", str(folder))
    run(folder, "config", "http.receivepack", "true")
    # Nothing goes on in the background when the folder is removed.
    run(folder, "config", "gc.auto", "0")
    run(folder, "config", "receive.autogc", "false")
    (folder / "info").mkdir(exist_ok=True)
    (folder / "info" / "attributes").write_text(_ATTRIBUTES, encoding="utf-8")


def push(source: Path, folder: Path, refspecs: Sequence[str]) -> None:
    """Pushes from the repository or work tree at ``source``, whose hooks are left out.

    Raises :class:`~..errors.PushError` if Git refuses.
    """
    command = ["git", "-C", str(source), "push", "--quiet", "--no-verify", str(folder), *refspecs]
    done = subprocess.run(command, capture_output=True, check=False, env=environment(), text=True)
    if done.returncode:
        raise PushError("push", " ".join(refspecs), f"Git says: {' '.join(done.stderr.split())}")


def references(folder: Path) -> dict[str, str]:
    """The commit of each branch and tag, by its full name (``refs/heads/main``)."""
    lines = run(folder, "for-each-ref", "--format=%(refname) %(objectname) %(*objectname)", "refs/heads", "refs/tags")
    fields = [line.split(" ") for line in lines.decode().splitlines()]
    return {name: peeled or itself for name, itself, peeled in fields}


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[tuple[str, str | None, str | None]]:
    """Each reference that is not the same in both, by name: its old commit and its new one, None where it is not."""
    names = sorted(before.keys() | after.keys())
    return [(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


def find(folder: Path, revision: str) -> str | None:
    """The full hash of the commit that a branch, tag, full reference or hash names; None if none does."""
    names = [f"refs/heads/{revision}", f"refs/tags/{revision}", revision]
    for name in names:
        try:
            return (
                run(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
                .decode()
                .strip()
            )
        except subprocess.CalledProcessError:
            continue
    return None


def commit(folder: Path, commit_id: str) -> Commit:
    """The commit with this hash, which there must be."""
    header, _, message = run(folder, "cat-file", "commit", commit_id).decode("utf-8", "replace").partition("\n\n")
    fields = [line.partition(" ")[::2] for line in header.splitlines()]
    first = dict(reversed(fields))
    return Commit(
        id=commit_id,
        tree=first["tree"],
        parents=tuple(value for name, value in fields if name == "parent"),
        message=message,
        author=_person(first["author"]),
        committer=_person(first["committer"]),
    )


def _person(text: str) -> Person:
    who, _, date = text.rpartition("> ")
    name, _, email = who.partition("<")
    return Person(name=name.rstrip(), email=email, date=date)


def archive(folder: Path, commit_id: str) -> bytes:
    """The commit's files as a ZIP archive, without anything of Git's."""
    return run(folder, "archive", "--format=zip", commit_id)


def changed_files(folder: Path, old: str, new: str) -> tuple[str, ...]:
    """The paths that differ between two commits; of a renamed file, both."""
    names = run(folder, "diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new)
    return tuple(name.decode("utf-8", "replace") for name in names.split(b"\0") if name)


def files_of_archive(archive: bytes) -> list[File]:
    """The files in a ZIP archive, with the modes that it notes for them."""
    with ZipFile(BytesIO(archive)) as opened:
        return [
            File(path=entry.filename, mode=_mode(entry.external_attr >> 16), content=opened.read(entry))
            for entry in opened.infolist()
            if not entry.is_dir()
        ]


def _mode(noted: int) -> str:
    if stat.S_ISLNK(noted):
        return "120000"
    return "100755" if noted & stat.S_IXUSR else "100644"


def add_commit(folder: Path, branch: str, files: Iterable[File], *, message: str, author: Person) -> str:
    """The hash of a new commit on the branch: its newest commit with these files put in or removed."""
    reference = f"refs/heads/{branch}"
    parent = references(folder).get(reference)
    who = f"{author.name} <{author.email}> {author.date}"
    text = message.encode()
    stream = [f"commit {reference}\nauthor {who}\ncommitter {who}\ndata {len(text)}\n".encode(), text, b"\n"]
    if parent is not None:
        stream.append(f"from {parent}\n".encode())
    for file in files:
        path = file.path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        if file.content is None:
            stream.append(f'D "{path}"\n'.encode())
        else:
            stream += [f'M {file.mode} inline "{path}"\ndata {len(file.content)}\n'.encode(), file.content, b"\n"]
    run(folder, "fast-import", "--quiet", "--date-format=raw", data=b"".join(stream))
    return references(folder)[reference]
