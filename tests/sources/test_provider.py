"""A kind of source is one module: here a further one, of which no other module knows."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ecs_cd_templates
from ecs_cd_templates import (
    ENVIRONMENTS,
    PipelineSettings,
    RenderSettings,
    settings,
)
from ecs_cd_templates.catalog import templates
from ecs_cd_templates.cfn.evaluation import resolve
from ecs_cd_templates.launch.bundle import Folder
from ecs_cd_templates.launch.links import links
from ecs_cd_templates.page import PageSettings, to_html
from ecs_cd_templates.sources import KEYS, KINDS
from sources import shelf
from sources.shelf import Shelf
from support import TARGET, load

PACKAGE = Path(ecs_cd_templates.__file__).parent


def test_a_further_kind_of_source_needs_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "KINDS", (*KINDS, Shelf))
    chosen = RenderSettings(pipeline=PipelineSettings(source=Shelf()))  # type: ignore[arg-type]
    built = {name: build().to_dict() for name, build in templates(chosen).items()}
    values = {"ShelfName": "shelf", **{f"ArchiveKeyFor{each.id}Env": f"{each.id}.zip" for each in ENVIRONMENTS}}
    resources = resolve(built["quick-start.yaml"], values, TARGET).resources
    for each in ENVIRONMENTS:
        pipeline = resources[f"PipelineFor{each.id}Env"]["Properties"]
        (source,) = pipeline["Stages"][0]["Actions"]
        assert source["ActionTypeId"]["Provider"] == "S3"
        assert source["Configuration"] == {
            "S3Bucket": "shelf",
            "S3ObjectKey": f"{each.id}.zip",
            "PollForSourceChanges": "false",
        }
        assert "Triggers" not in pipeline
        role = resources[f"CodePipelineServiceRoleFor{each.id}Env"]["Properties"]
        statements = {found["Sid"]: found for found in role["Policies"][0]["PolicyDocument"]["Statement"]}
        assert statements["Source"]["Action"] == ["s3:GetObject"]
        assert statements["Source"]["Resource"] == ["arn:aws:s3:::shelf/*"]
    assert not any(each["Type"].startswith(("AWS::Events", "AWS::CodeC")) for each in resources.values())
    for name in ("prerequisites.yaml", "deployment-pipeline-for-all-env.yaml"):
        assert "ShelfName" in built[name]["Parameters"]


def test_links_and_the_page_launch_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "KINDS", (*KINDS, Shelf))
    chosen = RenderSettings(pipeline=PipelineSettings(source=Shelf()))  # type: ignore[arg-type]
    folder = Folder(bucket="templates-bucket", region="eu-west-1", prefix="p")
    (link,) = links(folder, chosen, only_templates=["quick-start.yaml"], only_regions=["eu-west-1"])
    assert "quick-start.yaml" in link.address
    page = to_html(PageSettings(bucket="templates-bucket", region="eu-west-1", templates=chosen))
    assert "ArchiveKeyForDevEnv" in page


@pytest.fixture(scope="module")
def with_a_shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the package in which the further kind of source is one more module, and in the list."""
    directory = tmp_path_factory.mktemp("with_a_shelf")
    sources = shutil.copytree(PACKAGE, directory / PACKAGE.name) / "sources"
    shutil.copy(shelf.__file__, sources)
    kinds = sources / "__init__.py"
    text = kinds.read_text(encoding="utf-8")
    listed = text.replace("= CodeCommit | Connection\n", "= CodeCommit | Connection | Shelf\n")
    assert listed != text
    kinds.write_text(listed.replace("from .provider", "from .shelf import Shelf\nfrom .provider"), encoding="utf-8")
    return directory


def _command(directory: Path, file: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (directory / "ecs-cd.yaml").write_text(file, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", PACKAGE.name, *arguments],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_settings_file_may_say_what_a_further_kind_of_source_takes(with_a_shelf: Path) -> None:
    file = """\
environments:
  - {id: Dev, branch: dev.zip, account: "111122223333"}
  - {id: Live, branch: live.zip, account: "444455556666", shelf: live-shelf}
services:
  shop: {source: {shelf: usual-shelf, polled: true}}
"""
    done = _command(with_a_shelf, file, "render")
    assert (done.returncode, done.stderr) == (0, "")
    for account, name in (("111122223333", "usual-shelf"), ("444455556666", "live-shelf")):
        folder = with_a_shelf / "services" / "shop" / account
        quick_start = load((folder / "templates" / "quick-start.yaml").read_text(encoding="utf-8"))
        rows = json.loads((folder / "params" / "quick-start.json").read_text(encoding="utf-8"))
        values = {row["ParameterKey"]: row["ParameterValue"] for row in rows}
        assert values["ShelfName"] == name
        resources = resolve(quick_start, values, TARGET).resources.values()
        (pipeline,) = (each["Properties"] for each in resources if each["Type"] == "AWS::CodePipeline::Pipeline")
        configuration = pipeline["Stages"][0]["Actions"][0]["Configuration"]
        assert (configuration["S3Bucket"], configuration["PollForSourceChanges"]) == (name, "true")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("shelf: A", "ecs-cd.yaml:1:35: services.shop.source.shelf: 'A': "),
        ("shelves: a", "ecs-cd.yaml:1:28: services.shop.source.shelves: 'shelves': is no key here: is shelf meant?"),
        ("polled: true", "ecs-cd.yaml:1:27: services.shop.source.shelf: not given: say where Dev finds archives"),
        (
            "codecommit: shop, shelf: abc",
            "services.shop.source.shelf: 'abc': belongs to a shelf, and the source is a CodeCommit repository",
        ),
    ],
)
def test_what_is_wrong_with_it_is_told_as_for_the_others(with_a_shelf: Path, source: str, told: str) -> None:
    done = _command(with_a_shelf, f"services: {{shop: {{source: {{{source}}}}}}}\n", "list")
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


@pytest.mark.slow
def test_editors_know_its_keys(with_a_shelf: Path) -> None:
    made = json.loads(_command(with_a_shelf, "", "schema").stdout)
    assert {"shelf", "polled"} <= made["$defs"]["SourceEntry"]["properties"].keys()
    assert "shelf" in made["$defs"]["EnvironmentOverride"]["properties"]


def test_a_key_tells_which_kind_of_source_is_meant() -> None:
    """No two kinds have one in common; and what an environment may say otherwise is no setting of the source."""
    assert sum(len(kind.keys) for kind in KINDS) == len(KEYS)
    for kind in KINDS:
        assert kind.keys.keys() - kind.__dataclass_fields__.keys() >= set(kind.environment_keys)


def test_what_is_no_source_is_refused() -> None:
    with pytest.raises(ecs_cd_templates.SettingsError, match="must be of type CodeCommit or Connection"):
        PipelineSettings(source=Shelf())  # type: ignore[arg-type]


def test_other_modules_ask_the_source_and_do_not_look_what_it_is() -> None:
    """None imports one kind of source, but the settings for their default, the package for its users, and ``init``.

    What that writes to begin with is of the usual kinds.
    """
    importing: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name != "sources":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sources"):
                    names = {*(node.module or "").split("."), *(each.name for each in node.names)}
                    importing.setdefault(path.relative_to(PACKAGE).as_posix(), set()).update(names)
    kinds = {
        name: names & {"CodeCommit", "Connection", "codecommit", "connection"} for name, names in importing.items()
    }
    assert {name: names for name, names in kinds.items() if names} == {
        "__init__.py": {"CodeCommit", "Connection"},
        "settings.py": {"CodeCommit"},
        "cli/init.py": {"connection"},
        "services/starting.py": {"connection"},
    }
    assert len(importing) > 4
