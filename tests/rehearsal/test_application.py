"""The application in its folder, as it is rehearsed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ecs_cd_templates.errors import RehearsalError
from ecs_cd_templates.rehearsal.application import refresh, state, take

pytestmark = pytest.mark.slow


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


def test_a_folder_without_git_is_taken_whole(tmp_path: Path) -> None:
    folder = write(tmp_path / "app", app="1", lib__a="2", node_modules__b="3", __pycache____c="4")
    application = take(folder, tmp_path / "copy")
    assert application.files() == ["app", "lib/a"]
    assert application.uncommitted is None
    assert not (folder / ".git").exists()


def test_a_work_tree_is_taken_as_it_is_now(tmp_path: Path) -> None:
    folder = write(tmp_path / "app", app="1", gone="2", _dot_gitignore="ignored\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "first")
    assert take(folder, tmp_path / "clean").uncommitted == 0
    write(folder, app="changed", new="3", ignored="4")
    (folder / "gone").unlink()
    application = take(folder, tmp_path / "copy")
    assert application.files() == [".gitignore", "app", "new"]
    assert (application.copy / "app").read_text(encoding="utf-8") == "changed"
    assert application.uncommitted == 3
    status = subprocess.run(["git", "-C", folder, "status", "--porcelain"], check=True, capture_output=True, text=True)
    assert status.stdout.split() == ["M", "app", "D", "gone", "??", "new"]


def test_a_folder_of_a_larger_repository_is_taken_alone(tmp_path: Path) -> None:
    write(tmp_path / "all", services__cart__app="1", other="2")
    git(tmp_path / "all", "init", "--quiet")
    application = take(tmp_path / "all" / "services" / "cart", tmp_path / "copy")
    assert application.files() == ["app"]


def test_modes_and_links_are_kept(tmp_path: Path) -> None:
    folder = write(tmp_path / "app", run="#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("run")
    application = take(folder, tmp_path / "copy")
    assert os.access(application.copy / "run", os.X_OK)
    assert (application.copy / "link").readlink() == Path("run")


def test_every_commit_is_new_and_nothing_configured_plays_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "app", app="1")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text("[commit]\n\tgpgsign = true\n[core]\n\thooksPath = /nowhere\n", "utf-8")
    application = take(folder, tmp_path / "copy")
    assert len({application.commit("one"), application.commit("two")}) == 2


def test_what_changes_is_seen_and_taken_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "app", app="1", gone="2")
    application = take(folder, tmp_path / "copy")
    before = state(folder)
    assert state(folder) == before
    write(folder, new="12345")
    (folder / "gone").unlink()
    assert state(folder) != before
    refresh(application)
    application.commit("again")
    assert application.files() == ["app", "new"]


@pytest.mark.parametrize(("name", "message"), [("missing", "is no folder"), ("empty", "holds no file")])
def test_a_folder_that_cannot_be_taken_is_named(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RehearsalError, match=message) as error:
        take(tmp_path / name, tmp_path / "copy")
    assert str(tmp_path / name) in str(error.value)
