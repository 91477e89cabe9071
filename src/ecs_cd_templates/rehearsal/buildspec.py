"""A build specification: what it says, checked as CodeBuild checks it.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")

_OF_FILE = {"version", "run-as", "env", "phases", "reports", "artifacts", "cache"}
_OF_ENV = {"shell", "variables", "parameter-store", "secrets-manager", "exported-variables", "git-credential-helper"}
_OF_PHASE = {"run-as", "on-failure", "runtime-versions", "commands", "finally"}
_OF_REPORT = {"files", "base-directory", "discard-paths", "file-format"}
_OF_ARTIFACTS = {
    "base-directory",
    "discard-paths",
    "enable-symlinks",
    "exclude-paths",
    "files",
    "name",
    "s3-prefix",
    "secondary-artifacts",
}
_SHELLS = ("bash", "sh")
_ON_FAILURE = re.compile(r"ABORT|CONTINUE|RETRY(-[0-9]+)?(-.+)?")


class BuildspecError(Exception):
    """What CodeBuild says of a file that it refuses."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """The commands of a phase, those that run whatever became of them, and what a failure does."""

    commands: tuple[str, ...] = ()
    finally_: tuple[str, ...] = ()
    on_failure: str = "ABORT"
    runtimes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Artifacts:
    """Which files are handed on: patterns, and those that are left out, below a folder."""

    files: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    base: str = ""
    discard_paths: bool = False


@dataclass(frozen=True, kw_only=True)
class Report:
    """Which files a report is made of, below a folder, and their format."""

    files: tuple[str, ...]
    base: str = ""
    format: str = "JUNITXML"


@dataclass(frozen=True, kw_only=True)
class Buildspec:
    """A build specification of version 0.2."""

    shell: str
    variables: Mapping[str, str]
    parameters: Mapping[str, str]
    secrets: Mapping[str, str]
    exported: tuple[str, ...]
    phases: Mapping[str, Phase]
    reports: Mapping[str, Report]
    artifacts: Artifacts | None


def read(text: str) -> Buildspec:
    """What the text says. Raises :class:`BuildspecError`, worded as CodeBuild does, for what it refuses.

    Version 0.1, which runs each command in a shell of its own, and batches are not rehearsed, and refused as well.
    """
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BuildspecError(f"YAML_FILE_ERROR: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise BuildspecError("YAML_FILE_ERROR: the file is no mapping with version and phases")
    _known(data, _OF_FILE, "the buildspec")
    if str(data.get("version")) != "0.2":
        raise BuildspecError(f"YAML_FILE_ERROR: invalid buildspec version {data.get('version')!r}: expected 0.2")
    env = _mapping(data.get("env"), "env")
    _known(env, _OF_ENV, "env")
    shell = str(env.get("shell", "sh"))
    if shell not in _SHELLS:
        raise BuildspecError(f"YAML_FILE_ERROR: invalid shell {shell!r}: only {', '.join(_SHELLS)} can be rehearsed")
    phases = _mapping(data.get("phases"), "phases")
    if not phases:
        raise BuildspecError("YAML_FILE_ERROR: there are no phases")
    _known(phases, set(PHASES), "phases")
    artifacts = data.get("artifacts")
    return Buildspec(
        shell=shell,
        variables=_texts(env.get("variables"), "variables"),
        parameters=_texts(env.get("parameter-store"), "parameter-store"),
        secrets=_texts(env.get("secrets-manager"), "secrets-manager"),
        exported=_list(env.get("exported-variables"), "exported-variables"),
        phases={name: _phase(name, _mapping(phases[name], name)) for name in PHASES if name in phases},
        reports={
            name: _report(name, _mapping(report, name))
            for name, report in _mapping(data.get("reports"), "reports").items()
        },
        artifacts=None if artifacts is None else _artifacts(_mapping(artifacts, "artifacts")),
    )


def matches(pattern: str, path: str) -> bool:
    """Whether the path of a file, below the folder that patterns are for, is of the pattern.

    ``*`` stands for anything within a folder's name, ``**/`` for any folders, as many as there are
    (https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.artifacts.files).
    """
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    expression = "".join(
        parts.get(part) or re.escape(part)
        for part in re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", pattern.removeprefix("./"))
    )
    return re.fullmatch(expression, path, re.DOTALL) is not None


def _phase(name: str, said: Mapping[str, Any]) -> Phase:
    _known(said, _OF_PHASE, f"the phase {name}")
    on_failure = str(said.get("on-failure", "ABORT"))
    if not _ON_FAILURE.fullmatch(on_failure):
        raise BuildspecError(f"YAML_FILE_ERROR: invalid on-failure {on_failure!r} in the phase {name}")
    if "runtime-versions" in said and name != "install":
        raise BuildspecError(f"YAML_FILE_ERROR: runtime-versions are for the phase install only, not {name}")
    return Phase(
        commands=_list(said.get("commands"), f"commands of {name}"),
        finally_=_list(said.get("finally"), f"finally of {name}"),
        on_failure=on_failure,
        runtimes=_texts(said.get("runtime-versions"), "runtime-versions"),
    )


def _report(name: str, said: Mapping[str, Any]) -> Report:
    _known(said, _OF_REPORT, f"the report {name}")
    return Report(
        files=_list(said.get("files"), f"files of {name}"),
        base=str(said.get("base-directory", "")),
        format=str(said.get("file-format", "JUNITXML")),
    )


def _artifacts(said: Mapping[str, Any]) -> Artifacts:
    _known(said, _OF_ARTIFACTS, "artifacts")
    if not said.get("files"):
        raise BuildspecError("YAML_FILE_ERROR: artifacts need files")
    return Artifacts(
        files=_list(said["files"], "files of artifacts"),
        exclude=_list(said.get("exclude-paths"), "exclude-paths"),
        base=str(said.get("base-directory", "")),
        discard_paths=str(said.get("discard-paths", "no")).lower() in ("yes", "true"),
    )


def _known(said: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(map(str, said)) - known)
    if unknown:
        raise BuildspecError(f"YAML_FILE_ERROR: unknown key {', '.join(unknown)} in {where}")


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BuildspecError(f"YAML_FILE_ERROR: {where} is no mapping")
    return value


def _texts(value: Any, where: str) -> dict[str, str]:
    return {str(key): _text(its, where) for key, its in _mapping(value, where).items()}


def _list(value: Any, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        raise BuildspecError(f"YAML_FILE_ERROR: {where} is no list of texts")
    return tuple(_text(item, where) for item in value)


def _text(value: Any, where: str) -> str:
    if isinstance(value, (dict, list)) or value is None:
        raise BuildspecError(f"YAML_FILE_ERROR: Expected Commands[0] to be of string type: found {value!r} in {where}")
    return str(value).lower() if isinstance(value, bool) else str(value)
