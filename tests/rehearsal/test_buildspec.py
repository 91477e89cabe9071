"""Build specifications: what they say, what is refused, and which files their patterns are for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecs_cd_templates.rehearsal.buildspec import BuildspecError, matches, read

ROOT = Path(__file__).parents[2]
WHOLE = """
version: 0.2
env:
  shell: bash
  variables: {A: 1, B: true}
  parameter-store: {C: /c}
  secrets-manager: {D: "d:key"}
  exported-variables: [A]
phases:
  install: {runtime-versions: {nodejs: 24}, commands: npm ci}
  build: {commands: [make, make install], finally: [make clean], on-failure: CONTINUE}
reports:
  unit: {files: [r.xml], base-directory: out, file-format: JUNITXML}
artifacts: {files: ["**/*"], exclude-paths: ["a/**/*"], base-directory: dist, discard-paths: yes}
"""


def test_everything_is_kept() -> None:
    spec = read(WHOLE)
    assert (spec.shell, spec.variables, spec.exported) == ("bash", {"A": "1", "B": "true"}, ("A",))
    assert (spec.parameters, spec.secrets) == ({"C": "/c"}, {"D": "d:key"})
    assert list(spec.phases) == ["install", "build"]
    assert spec.phases["install"].runtimes == {"nodejs": "24"}
    assert spec.phases["install"].commands == ("npm ci",)
    build = spec.phases["build"]
    assert (build.commands, build.finally_, build.on_failure) == (
        ("make", "make install"),
        ("make clean",),
        "CONTINUE",
    )
    assert spec.reports["unit"].files == ("r.xml",)
    assert spec.artifacts is not None
    assert (spec.artifacts.files, spec.artifacts.exclude, spec.artifacts.base) == (("**/*",), ("a/**/*",), "dist")
    assert spec.artifacts.discard_paths


@pytest.mark.parametrize("path", sorted([*ROOT.glob("sample-app/buildspec*"), *ROOT.glob("examples/*/buildspec*")]))
def test_the_buildspecs_of_our_applications_are_read(path: Path) -> None:
    assert read(path.read_text(encoding="utf-8")).artifacts is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: [", "YAML_FILE_ERROR: while parsing"),
        ("- a", "is no mapping with version and phases"),
        ("version: 0.1\nphases: {build: {commands: [a]}}", "invalid buildspec version 0.1"),
        ("version: 0.2", "there are no phases"),
        ("version: 0.2\nphases: {deploy: {commands: [a]}}", "unknown key deploy in phases"),
        ("version: 0.2\nphases: {build: {command: [a]}}", "unknown key command in the phase build"),
        ("version: 0.2\nphases: {build: {commands: [{a: b}]}}", "of string type"),
        ("version: 0.2\nphases: {build: {commands: [a], on-failure: STOP}}", "invalid on-failure 'STOP'"),
        ("version: 0.2\nphases: {build: {runtime-versions: {nodejs: 24}}}", "for the phase install only"),
        ("version: 0.2\nenv: {shell: zsh}\nphases: {build: {commands: [a]}}", "invalid shell 'zsh'"),
        ("version: 0.2\nphases: {build: {commands: [a]}}\nartifacts: {name: a}", "artifacts need files"),
        ("version: 0.2\nphase: {}\nphases: {build: {commands: [a]}}", "unknown key phase in the buildspec"),
    ],
)
def test_what_is_wrong_is_refused(text: str, message: str) -> None:
    with pytest.raises(BuildspecError) as error:
        read(text)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("**/*", "a", True),
        ("**/*", "a/b/c", True),
        ("*", "a", True),
        ("*", "a/b", False),
        ("a/*", "a/b", True),
        ("a/**/*", "a/b/c", True),
        ("a/**/*", "b/a/c", False),
        ("*.json", "imagedefinitions.json", True),
        ("*.json", "imagedefinitionsXjson", False),
        ("./a", "a", True),
        ("?.js", "a.js", True),
        ("node_modules/**/*", "node_modules/a/b.js", True),
        (".git/**/*", "sub/.git/a", False),
    ],
)
def test_patterns(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected
