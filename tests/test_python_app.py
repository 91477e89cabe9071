"""The example in Python: its tests, its image, and its two builds by CodeBuild's rules."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from buildspecs import BUILD, COMMIT, REPOSITORY, Build, Tools, artifact, fake_tools, files, run, run_in_pipeline
from ecs_cd_templates import read_settings, unit_tests
from support import ROOT

# They run shells, and the application.
pytestmark = pytest.mark.slow

APP = ROOT / "examples" / "python-app"
LEFTOVERS = shutil.ignore_patterns("__pycache__", "commit-id", "imagedefinitions.json", "test-report.xml")


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    """The usual ones, and this Python, in which pytest is installed."""
    tools = fake_tools(tmp_path / "tools")
    python = tools.folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return tools


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The application as a source action hands it over, a Git folder included."""
    folder = tmp_path / "source"
    shutil.copytree(APP, folder, ignore=LEFTOVERS)
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").touch()
    return folder


def run_tests_build(folder: Path, tools: Tools, commit: str = COMMIT) -> Build:
    return run("buildspec_tests.yml", folder, CODEBUILD_RESOLVED_SOURCE_VERSION=commit, **tools.environment())


def arguments(instruction: str) -> list[str]:
    lines = (APP / "Dockerfile").read_text(encoding="utf-8").splitlines()
    return [line.partition(" ")[2] for line in lines if line.startswith(f"{instruction} ")]


def test_both_builds_bring_a_commit_to_the_deployment(source: Path, tools: Tools) -> None:
    build = run_tests_build(source, tools)
    assert build.phases == {"install": True, "pre_build": True, "build": True}, build.output
    report = ElementTree.parse(source / "test-report.xml")
    assert len(list(report.iter("testcase"))) >= 4
    assert not list(report.iter("failure"))

    handed_on = artifact("buildspec_tests.yml", source)
    assert (handed_on / "commit-id").read_text() == f"{COMMIT}\n"
    assert {"app.py", "Dockerfile", "buildspec_image.yml"} <= files(handed_on)
    assert not [file for file in files(handed_on) if ".git/" in file or "__pycache__" in file]
    assert run_in_pipeline("buildspec_image.yml", handed_on, **tools.environment()).succeeded

    image = f"{REPOSITORY}:{COMMIT}-{BUILD}"
    assert tools.registry() == tools.built()
    result = artifact("buildspec_image.yml", handed_on)
    assert files(result) == {"imagedefinitions.json"}
    definitions = json.loads((result / "imagedefinitions.json").read_text())
    assert definitions == [{"name": "app", "imageUri": f"{REPOSITORY}@{tools.built()[image]}"}]


def test_the_image_is_built_as_that_of_the_sample_application() -> None:
    """Whose test tries what can go wrong."""
    sample = ROOT / "sample-app" / "buildspec_containerImage.yml"
    assert (APP / "buildspec_image.yml").read_bytes() == sample.read_bytes()


def test_failing_tests_fail_the_first_build(source: Path, tools: Tools) -> None:
    text = (source / "app.py").read_text()
    (source / "app.py").write_text(text.replace("return 200, f", "return 500, f"))
    build = run_tests_build(source, tools)
    assert build.phases == {"install": True, "pre_build": True, "build": False}
    assert "2 failed" in build.output


@pytest.mark.parametrize("commit", ["", "main", COMMIT[:12]])
def test_the_first_build_stops_without_a_commit(source: Path, tools: Tools, commit: str) -> None:
    build = run_tests_build(source, tools, commit)
    assert build.phases == {"install": True, "pre_build": False}
    assert "CodeBuild knows no commit" in build.output


def test_what_the_image_runs_greets_with_its_environment_and_stops_when_it_is_told_to(tmp_path: Path) -> None:
    for pattern in arguments("COPY"):
        name, _target = pattern.split()
        shutil.copy(APP / name, tmp_path)
    (command,) = arguments("CMD")
    program, *parts = json.loads(command)
    assert program == "python"
    environment = {"PATH": os.environ["PATH"], "PORT": "0", "ENVIRONMENT": "development"}
    with subprocess.Popen(
        [sys.executable, *parts], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().rpartition(" ")[2].strip()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as response:
                assert (response.status, response.read()) == (200, b"Hello from development!\n")
            server.terminate()
            assert server.wait(timeout=10) == 0
        finally:
            server.kill()


def test_the_image_fits_any_processor_and_does_not_run_as_root() -> None:
    (image,) = arguments("FROM")
    spec = yaml.safe_load((APP / "buildspec_tests.yml").read_text(encoding="utf-8"))
    version = spec["phases"]["install"]["runtime-versions"]["python"]
    # The Python that the tests ran on.
    assert image == f"public.ecr.aws/docker/library/python:{version}-alpine"
    assert not re.search(r"--platform|amd64|x86_64|aarch64", (APP / "Dockerfile").read_text(encoding="utf-8"))
    assert arguments("USER") == ["nobody"]
    assert arguments("EXPOSE") == re.findall(r'get\("PORT"\) or (\d+)', (APP / "app.py").read_text(encoding="utf-8"))


def test_it_is_tested_with_the_version_that_it_names() -> None:
    (needed,) = (APP / "requirements-test.txt").read_text(encoding="utf-8").split()
    assert needed == f"pytest=={pytest.__version__}"


def test_the_readme_names_every_file() -> None:
    readme = (APP / "README.md").read_text(encoding="utf-8")
    for path in APP.iterdir():
        assert path.name in readme or path.name in {".gitignore", "__pycache__"}


def test_the_settings_file_names_the_buildspecs_that_are_there() -> None:
    (service,) = read_settings(APP / "ecs-cd.yaml")
    (target,) = service.targets
    tests, image = target.settings.pipeline.steps
    assert tests.buildspec == unit_tests().buildspec == "buildspec_tests.yml"
    assert image.buildspec == "buildspec_image.yml"
    assert all((APP / str(step.buildspec)).is_file() for step in (tests, image))
