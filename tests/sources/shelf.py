"""A kind of source that there is not: an archive in a bucket. It is one module, as that of a real one would be.

Tests put a copy of it beside the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from awacs import s3
from awacs.aws import Statement
from troposphere import Template

from ecs_cd_templates import actions, constraints
from ecs_cd_templates.actions import Action
from ecs_cd_templates.cfn.intrinsics import Named, ref
from ecs_cd_templates.environments import Environment, Scope
from ecs_cd_templates.errors import NOT_GIVEN, SettingsError
from ecs_cd_templates.grants import Grant, objects_arn
from ecs_cd_templates.keys import about, text
from ecs_cd_templates.parameters import ARTIFACTS_GROUP, Entry, Form, ParameterSpec, Purpose, entry
from ecs_cd_templates.sources.provider import Provider, Review, Said, Values
from ecs_cd_templates.texts import Text

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

    polled: bool = False

    called: ClassVar[str] = "a shelf"
    keys: ClassVar[Mapping[str, Any]] = {
        "shelf": Annotated[str, text("The bucket with the archives", constraints.BUCKET_NAME, "shelf")],
        "polled": Annotated[bool, about("Whether the pipeline looks for new archives by itself")],
    }
    environment_keys: ClassVar[tuple[str, ...]] = ("shelf",)

    action_provider: ClassVar[str] = "S3"
    shown: ClassVar[tuple[str, ...]] = ("S3Bucket", "S3ObjectKey")
    branch: ClassVar[ParameterSpec] = ARCHIVE
    shared: ClassVar[tuple[ParameterSpec, ...]] = (SHELF,)

    @property
    def title(self) -> Text:
        return Text("source.codecommit")

    def action(self, values: Values, output: str) -> Action:
        configuration = {
            "S3Bucket": ref(values[SHELF]),
            "S3ObjectKey": ref(values[ARCHIVE]),
            "PollForSourceChanges": str(self.polled).lower(),
        }
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

    def check_said(self, said: Mapping[str, Said], places: int) -> None:
        del places
        for id_, each in said.items():
            if "shelf" not in each.values:
                raise SettingsError("shelf", NOT_GIVEN, f"say where {id_} finds archives")

    def quick_start_values(self, said: Said) -> dict[ParameterSpec, str | None]:
        return {SHELF: said.values["shelf"]}

    prerequisite_values = pipeline_values = quick_start_values

    def denied(self, configurations: Sequence[Mapping[str, Any]]) -> list[Statement]:
        del configurations
        return []
