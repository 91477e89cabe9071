"""What the README tells people to do works."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jmespath  # type: ignore[import-untyped]
import pytest

from ecs_cd_templates import ENVIRONMENTS, costs
from support import ROOT, load

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
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
@pytest.mark.slow
def test_commands_run(command: str, tmp_path: Path) -> None:
    for name in ("examples", "params", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name)
    arguments = command.replace("\\\n", " ").split()
    # Only an account can answer this one: it gets as far as asking for one.
    asks_aws = arguments[0] == "deploy-parameters"
    nobody = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    run = subprocess.run(
        [sys.executable, "-m", "ecs_cd_templates", *arguments],
        cwd=tmp_path,
        env={**{key: value for key, value in os.environ.items() if not key.startswith("AWS_")}, **nobody},
        capture_output=True,
        text=True,
        check=False,
    )
    # It shows what differs, and here all is new.
    differs = "--diff" in arguments
    assert run.returncode == (2 if asks_aws else 1 if differs else 0), run.stderr
    assert not asks_aws or "credentials" in run.stderr


def test_files_and_targets_that_it_names_are_there() -> None:
    written = {"policy.json", *re.findall(r"(?: -o|--output-dir) (\S+)", README)}
    for name in re.findall(r"(?:file://|--template-file )([^\s`]+)", README):
        if name.split("/")[0] in written:
            continue
        assert (ROOT / name).is_file(), name
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|\$ )make ([a-z-]+)", README)) <= targets


def test_every_template_and_parameter_is_explained() -> None:
    for path in (ROOT / "templates").iterdir():
        assert f"`{path.name}`" in README
        for parameter in load(path.read_text())["Parameters"]:
            assert f"`{re.sub(r'For[A-Za-z0-9]+Env$', '', parameter)}`" in README


def test_costs_are_those_of_the_table() -> None:
    for cost in costs.idle(ENVIRONMENTS):
        assert f"| {cost.what} | {cost.count} | {cost.each:.2f} | {cost.total:.2f} |\n" in README
    assert f"| **together** | | | **about {costs.total(ENVIRONMENTS)}** |\n" in README


def test_emptying_a_bucket_takes_every_version() -> None:
    """The README's query, over what S3 answers."""
    (query,) = re.findall(r"--query '(\[Versions.*?)'", README)
    versions = [{"Key": "a", "VersionId": "1", "Size": 3}, {"Key": "a", "VersionId": "2", "Size": 4}]
    marker = [{"Key": "b", "VersionId": "3", "IsLatest": True}]
    for answer, keys in (
        ({"Versions": versions, "DeleteMarkers": marker}, ["1", "2", "3"]),
        ({"Versions": versions}, ["1", "2"]),
        ({}, []),
    ):
        assert [each["VersionId"] for each in jmespath.search(query, answer)] == keys
        (script,) = re.findall(r"python3 -c '(.*?)'", README)
        found = json.dumps(jmespath.search(query, answer))
        parts = subprocess.run([sys.executable, "-c", script], input=found, capture_output=True, text=True, check=True)
        deleted = [each["VersionId"] for line in parts.stdout.splitlines() for each in json.loads(line)["Objects"]]
        assert deleted == keys


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_links_lead_somewhere(path: Path) -> None:
    """To a file that is there, and in the README also to a heading."""
    text = path.read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    headings = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, heading = target.partition("#")
        if target.startswith("https://"):
            continue
        assert not file or (path.parent / file).exists(), target
        assert file or heading in headings, target


def test_each_example_answers_a_question() -> None:
    answers = README[README.index("### Can I …?") : README.index("## Quick start")]
    for example in (ROOT / "examples").iterdir():
        assert f"(examples/{example.name})" in answers
