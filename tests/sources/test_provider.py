"""A kind of source is one module: here a further one, of which no other module knows."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from awacs import s3
from awacs.aws import Statement
from troposphere import Template

import ecs_cd_templates
from ecs_cd_templates import (
    ENVIRONMENTS,
    CodeCommit,
    Connection,
    PipelineSettings,
    RenderSettings,
    actions,
    constraints,
    settings,
)
from ecs_cd_templates.actions import Action
from ecs_cd_templates.catalog import templates
from ecs_cd_templates.cfn.evaluation import resolve
from ecs_cd_templates.cfn.intrinsics import Named, ref
from ecs_cd_templates.environments import Environment, Scope
from ecs_cd_templates.grants import Grant, objects_arn
from ecs_cd_templates.parameters import ARTIFACTS_GROUP, Entry, Form, ParameterSpec, Purpose, entry
from ecs_cd_templates.sources.provider import Provider, Review, Said, Values
from ecs_cd_templates.texts import Text
from support import TARGET

SHELF = ParameterSpec(
    name="ShelfName", group=ARTIFACTS_GROUP, constraint=constraints.BUCKET_NAME, texts="parameter.FullRepositoryId"
)
ARCHIVE = ParameterSpec(
    name="ArchiveKey",
    group=ARTIFACTS_GROUP,
    constraint=constraints.BRANCH,
    per_environment=True,
    texts="parameter.BranchName",
)


@dataclass(frozen=True, kw_only=True)
class Shelf(Provider):
    """An archive in a bucket, deployed by hand."""

    action_provider: ClassVar[str] = "S3"
    shown: ClassVar[tuple[str, ...]] = ("S3Bucket", "S3ObjectKey")
    branch: ClassVar[ParameterSpec] = ARCHIVE
    shared: ClassVar[tuple[ParameterSpec, ...]] = (SHELF,)

    @property
    def title(self) -> Text:
        return Text("source.codecommit")

    def action(self, values: Values, output: str) -> Action:
        configuration = {"S3Bucket": ref(values[SHELF]), "S3ObjectKey": ref(values[ARCHIVE])}
        read = Grant(sid="Source", actions=(s3.GetObject,), resources=(objects_arn(values[SHELF]),))
        return actions.source(provider="S3", configuration=configuration, output=output, grants=[read])

    def review(self, values: Values, environment: Environment) -> Review:
        del values, environment
        return Review(link=None, commit="of ${branch}", hint="")

    def prerequisite_entries(self, only: Scope | None) -> list[Entry]:
        del only
        return [entry(SHELF, Purpose.USE)]

    def add_prerequisites(self, template: Template, form: Form, names: Values) -> dict[ParameterSpec, Named]:
        del template, names
        return {SHELF: form.of(SHELF)}

    def quick_start_entries(self) -> list[Entry]:
        return [entry(SHELF, Purpose.USE)]

    def add_quick_start(
        self, template: Template, form: Form, first_branch: Named, archive: tuple[str, str] | None
    ) -> dict[ParameterSpec, Named]:
        del template, first_branch, archive
        return {SHELF: form.of(SHELF)}

    def quick_start_values(self, said: Said) -> dict[ParameterSpec, str | None]:
        return {SHELF: said.repository}

    prerequisite_values = pipeline_values = quick_start_values

    def denied(self, configurations: Sequence[Mapping[str, Any]]) -> list[Statement]:
        del configurations
        return []


def test_a_further_kind_of_source_needs_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "Source", CodeCommit | Connection | Shelf)
    chosen = RenderSettings(pipeline=PipelineSettings(source=Shelf()))  # type: ignore[arg-type]
    built = {name: build().to_dict() for name, build in templates(chosen).items()}
    values = {"ShelfName": "shelf", **{f"ArchiveKeyFor{each.id}Env": f"{each.id}.zip" for each in ENVIRONMENTS}}
    resources = resolve(built["quick-start.yaml"], values, TARGET).resources
    for each in ENVIRONMENTS:
        pipeline = resources[f"PipelineFor{each.id}Env"]["Properties"]
        (source,) = pipeline["Stages"][0]["Actions"]
        assert source["ActionTypeId"]["Provider"] == "S3"
        assert source["Configuration"] == {"S3Bucket": "shelf", "S3ObjectKey": f"{each.id}.zip"}
        assert "Triggers" not in pipeline
        role = resources[f"CodePipelineServiceRoleFor{each.id}Env"]["Properties"]
        statements = {found["Sid"]: found for found in role["Policies"][0]["PolicyDocument"]["Statement"]}
        assert statements["Source"]["Action"] == ["s3:GetObject"]
        assert statements["Source"]["Resource"] == ["arn:aws:s3:::shelf/*"]
    assert not any(each["Type"].startswith(("AWS::Events", "AWS::CodeC")) for each in resources.values())
    for name in ("prerequisites.yaml", "deployment-pipeline-for-all-env.yaml"):
        assert "ShelfName" in built[name]["Parameters"]


def test_what_is_no_source_is_refused() -> None:
    with pytest.raises(ecs_cd_templates.SettingsError, match="must be of type CodeCommit or Connection"):
        PipelineSettings(source=Shelf())  # type: ignore[arg-type]


def test_other_modules_ask_the_source_and_do_not_look_what_it_is() -> None:
    """None imports one kind of source, but the settings for their default and the package for its users."""
    package = Path(ecs_cd_templates.__file__).parent
    importing: dict[str, set[str]] = {}
    for path in package.rglob("*.py"):
        if path.parent.name != "sources":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sources"):
                    importing.setdefault(path.relative_to(package).as_posix(), set()).update(n.name for n in node.names)
    kinds = {
        name: names & {"CodeCommit", "Connection", "codecommit", "connection"} for name, names in importing.items()
    }
    assert {name: names for name, names in kinds.items() if names} == {
        "__init__.py": {"CodeCommit", "Connection"},
        "settings.py": {"CodeCommit"},
    }
    assert len(importing) > 4
