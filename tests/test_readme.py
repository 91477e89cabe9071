"""What the README tells people to do works."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ecs_cd_templates import ENVIRONMENTS
from support import ROOT, load

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_library_examples_render_what_cfn_lint_accepts(tmp_path: Path) -> None:
    for example in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        subprocess.run([sys.executable, "-c", example], cwd=tmp_path, check=True)
    template = load((tmp_path / "five-environments.yaml").read_text(encoding="utf-8"))
    assert len([name for name in template["Resources"] if name.startswith("PipelineFor")]) == len(ENVIRONMENTS) + 2
    command = [str(Path(sys.executable).with_name("cfn-lint")), "five-environments.yaml", "--include-checks", "I"]
    command += ["--non-zero-exit-code", "informational"]
    linted = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")


@pytest.mark.parametrize("command", re.findall(r"^\$ ecs-cd-templates ((?:.*\\\n)*.*)$", README, re.MULTILINE))
def test_commands_run(command: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "params", tmp_path / "params")
    arguments = command.replace("\\\n", " ").split()
    subprocess.run([sys.executable, "-m", "ecs_cd_templates", *arguments], cwd=tmp_path, check=True)


def test_files_and_targets_that_it_names_are_there() -> None:
    for name in re.findall(r"(?:file://|--template-file )(\S+)", README):
        assert (ROOT / name).is_file(), name
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|\$ )make ([a-z-]+)", README)) <= targets


def test_every_template_and_parameter_is_explained() -> None:
    for path in (ROOT / "templates").iterdir():
        assert f"`{path.name}`" in README
        for parameter in load(path.read_text())["Parameters"]:
            assert f"`{re.sub(r'For[A-Za-z0-9]+Env$', '', parameter)}`" in README
