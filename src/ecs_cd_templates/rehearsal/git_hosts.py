"""Repositories on a Git host behind a connection, and which pipelines a push to one starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from threading import RLock
from typing import Any

from . import git
from .calls import ServiceError
from .cloud import Cloud

_PROVIDER = "CodeStarSourceConnection"
_HEADS, _TAGS = "refs/heads/", "refs/tags/"
_GLOB = re.compile(
    r"(?P<folders>(?:(?<=/)|^)\*\*/)|(?P<all>\*\*)|(?P<some>\*)|(?P<one>\?)|\\(?P<literal>.)"
    r"|\[(?P<not>!?)(?P<set>[^\]]+)\]|\{(?P<group>[^{}]*)\}|(?P<other>.)",
    re.DOTALL,
)


class GitHosts:
    """The repositories of a cloud's Git hosts, by their full names (``owner/name``).

    What starts after a push is looked for in ``places``, accounts with their regions: the cloud's own unless they are
    given.
    """

    def __init__(self, cloud: Cloud, places: Sequence[tuple[str, str]] | None = None) -> None:
        self.cloud = cloud
        self.places = tuple(places or [(cloud.account, cloud.region)])
        self._folders: dict[str, Path] = {}
        self._lock = RLock()

    def add(self, full_repository_id: str) -> Path:
        """The folder of the repository, a bare one of Git's: a new, empty one if there is none of this name."""
        with self._lock:
            folder = self._folders.get(full_repository_id)
            if folder is None:
                folder = self.cloud.folder / "git-hosts" / str(len(self._folders))
                git.create(folder)
                self._folders[full_repository_id] = folder
            return folder

    def first_commit(self, full_repository_id: str, branch: str, archive: bytes, *, author: git.Person) -> str:
        """The hash of a commit of a ZIP archive's files to the branch, which starts no pipeline."""
        folder, files = self.add(full_repository_id), git.files_of_archive(archive)
        with self._lock:
            return git.add_commit(folder, branch, files, message="Initial commit\n", author=author)

    def push(self, full_repository_id: str, source: Path, *refspecs: str) -> list[str]:
        """Pushes from the repository at ``source``, and starts the pipelines that wait for it: their execution ids.

        Each gets the commit that was pushed. Raises :class:`~..errors.PushError` if Git refuses the push.
        """
        folder = self.add(full_repository_id)
        with self._lock:
            before = git.references(folder)
            git.push(source, folder, refspecs)
            changes = git.changes(before, git.references(folder))
        started: list[str] = []
        for reference, old, new in changes:
            if new is not None:
                files = None if old is None else git.changed_files(folder, old, new)
                started += self._start(full_repository_id, reference, new, files)
        return started

    def archive(self, full_repository_id: str, revision: str) -> tuple[str, str, bytes]:
        """The hash, message and files, as a ZIP archive, of the commit that a branch, a tag or a hash names.

        Without anything of Git's: ``OutputArtifactFormat`` CODE_ZIP
        (https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html).
        Raises :class:`~.calls.ServiceError` if there is no such repository or commit.
        """
        with self._lock:
            folder = self._folders.get(full_repository_id)
        commit = None if folder is None else git.find(folder, revision)
        if folder is None or commit is None:
            message = f"No Branch [{revision}] found for FullRepositoryName [{full_repository_id}]"
            raise ServiceError("ResourceNotFoundException", message)
        return commit, git.commit(folder, commit).message, git.archive(folder, commit)

    def _start(
        self, full_repository_id: str, reference: str, commit: str, files: Sequence[str] | None
    ) -> Iterator[str]:
        for account, region in self.places:
            client = self.cloud.client("codepipeline", account=account, region=region)
            names = [
                each["name"] for page in client.get_paginator("list_pipelines").paginate() for each in page["pipelines"]
            ]
            for name in names:
                pipeline = client.get_pipeline(name=name)["pipeline"]
                action = triggered(pipeline, full_repository_id, reference, files)
                if action is not None:
                    revision = {"actionName": action, "revisionType": "COMMIT_ID", "revisionValue": commit}
                    answer = client.start_pipeline_execution(name=name, sourceRevisions=[revision])
                    yield answer["pipelineExecutionId"]


def triggered(
    pipeline: Mapping[str, Any], full_repository_id: str, reference: str, changed_files: Sequence[str] | None
) -> str | None:
    """The source action for which a push of the branch or tag starts the pipeline; None if it does not start.

    ``pipeline`` is a declaration as GetPipeline returns it, ``reference`` a full name (``refs/tags/v1``), and
    ``changed_files`` are the paths that differ from what the branch was, None if it is new. A source action with a
    trigger starts for what that lets through, and otherwise, unless ``DetectChanges`` is false, for any push to its
    branch (https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-triggers.html,
    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html).
    """
    configurations = [each["gitConfiguration"] for each in pipeline.get("triggers") or [] if "gitConfiguration" in each]
    triggers = {each["sourceActionName"]: each for each in configurations}
    for action in (action for stage in pipeline["stages"] for action in stage["actions"]):
        settings = action.get("configuration", {})
        if action["actionTypeId"]["provider"] != _PROVIDER or settings.get("FullRepositoryId") != full_repository_id:
            continue
        trigger = triggers.get(action["name"])
        if trigger is not None and ("push" in trigger or "pullRequest" in trigger):
            starts = any(_lets_through(push, reference, changed_files) for push in trigger.get("push") or [])
        else:
            detects = trigger is not None or settings.get("DetectChanges", "true").lower() != "false"
            starts = detects and reference == _HEADS + settings["BranchName"]
        if starts:
            return str(action["name"])
    return None


def _lets_through(push: Mapping[str, Any], reference: str, changed_files: Sequence[str] | None) -> bool:
    """One filter of several, of which any lets a push through: for tags, or for branches and perhaps files.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-filter.html. Of a new branch the changed files
    are not known, so a filter for files stops it
    (https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-triggers.html#pipelines-filter-considerations).
    """
    if reference.startswith(_TAGS):
        return "tags" in push and _is_among(push["tags"], reference.removeprefix(_TAGS))
    if "tags" in push or not _is_among(push.get("branches") or {}, reference.removeprefix(_HEADS)):
        return False
    if "filePaths" not in push:
        return True
    return any(_is_among(push["filePaths"], path) for path in changed_files or [])


def _is_among(criteria: Mapping[str, Sequence[str]], name: str) -> bool:
    """Whether it is included, by all patterns being absent or one that matches, and not excluded, which goes first.

    https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_codepipeline.GitPushFilter.html says the order.
    """
    includes = criteria.get("includes")
    return (not includes or _any(includes, name)) and not _any(criteria.get("excludes") or [], name)


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(glob_matches(pattern, name) for pattern in patterns)


def glob_matches(pattern: str, name: str) -> bool:
    """Whether a glob pattern, as CodePipeline's triggers have them, is for all of this name.

    ``*`` stays within a folder, ``**`` does not, and ``**/`` is any number of folders, none too
    (https://docs.aws.amazon.com/codepipeline/latest/userguide/syntax-glob.html).
    """
    return re.fullmatch(_expression(pattern), name, re.DOTALL) is not None


@lru_cache(maxsize=256)
def _expression(pattern: str) -> str:
    return "".join(_part(match) for match in _GLOB.finditer(pattern))


def _part(match: re.Match[str]) -> str:
    fixed = {"folders": "(?:.*/)?", "all": ".*", "some": "[^/]*", "one": "[^/]"}
    kind = match.lastgroup or ""
    if kind in fixed:
        return fixed[kind]
    if kind == "group":
        return f"(?:{'|'.join(map(_expression, match['group'].split(',')))})"
    if kind == "set":
        # A hyphen between two characters makes a range; everything else stands for itself.
        inside = re.sub(r"[\\\[\]^&~|]", r"\\\g<0>", match["set"])
        return f"(?!/)[{'^' if match['not'] else ''}{inside}]"
    return re.escape(match["literal"] or match["other"] or "")
