"""What cannot lead to a working template is refused when the settings are made."""

from __future__ import annotations

import copy
import dataclasses
import enum
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import ecs_cd_templates
from ecs_cd_templates import (
    ENVIRONMENTS,
    AllEnvironmentsSettings,
    EcsCdTemplatesError,
    Environment,
    PipelineSettings,
    SettingsError,
    TemplateSizeError,
    build_all_environments,
    to_yaml,
)
from ecs_cd_templates.cfn.limits import MAX_BODY_BYTES_FROM_S3
from ecs_cd_templates.constraints import DISPLAY_NAME
from ecs_cd_templates.environments import MAX_ID_LENGTH
from ecs_cd_templates.errors import NOT_GIVEN
from ecs_cd_templates.steps import CONTAINER_IMAGE, UNIT_TESTS

# Read through Any: much of what is tried here a type checker would refuse before we could.
untyped: Any = ecs_cd_templates

DEV = Environment(id="Dev", display_name="development")


def many(count: int, **changes: Any) -> list[Environment]:
    return [
        Environment(**{"id": f"E{number}", "display_name": f"number {number}", **changes}) for number in range(count)
    ]


@pytest.mark.parametrize(
    ("make", "field"),
    [
        *(
            (lambda id_=id_: untyped.Environment(id=id_, display_name="w"), "Environment.id")
            for id_ in ("", "a-b", "a b", "é", "x" * 19, 7, None)
        ),
        *(
            (lambda words=words: untyped.Environment(id="A", display_name=words), "Environment.display_name")
            for words in ("", " a", "a ", "a\nb", "x" * 81, None, "\u200b")
        ),
        *(
            (
                lambda approval=approval: untyped.Environment(id="A", display_name="a", approval=approval),
                "Environment.approval",
            )
            for approval in ("yes", "", "Before_build", True, False, 1)
        ),
        *(
            (lambda flag=flag: untyped.Environment(id="A", display_name="a", production=flag), "Environment.production")
            for flag in ("yes", None, 1)
        ),
        *(
            (
                lambda branch=branch: untyped.Environment(id="A", display_name="a", default_branch=branch),
                "Environment.default_branch",
            )
            for branch in ("", "a b", "a..b", "/a", "a.lock", 1)
        ),
        *(
            (
                lambda count=count: untyped.Environment(id="A", display_name="a", images_to_keep=count),
                "Environment.images_to_keep",
            )
            for count in (0, 1001, True, 1.5, "5")
        ),
        (lambda: untyped.PipelineSettings(pipeline_type="V3"), "PipelineSettings.pipeline_type"),
        (lambda: untyped.PipelineSettings(pipeline_type="V1"), "PipelineSettings.rollback_on_failure"),
        (lambda: untyped.PipelineSettings(rollback_on_failure=None), "PipelineSettings.rollback_on_failure"),
        *(
            (
                lambda m=m: untyped.PipelineSettings(deployment_timeout_minutes=m),
                "PipelineSettings.deployment_timeout_minutes",
            )
            for m in (0, 61, "20", None)
        ),
        *(
            (
                lambda m=m: untyped.PipelineSettings(approval_timeout_minutes=m),
                "PipelineSettings.approval_timeout_minutes",
            )
            for m in (0, 1439, 86401, "4320", True, None)
        ),
        (lambda: untyped.PipelineSettings(approval_shows_message="shown"), "PipelineSettings.approval_shows_message"),
        *(
            (
                lambda percent=percent: untyped.EcsEnvironmentSettings(cpu_target_percent=percent),
                "EcsEnvironmentSettings.cpu_target_percent",
            )
            for percent in (0, 9, 91, 100, 60.0, "60", True, None)
        ),
        *(
            (lambda kind=kind, change=change: getattr(untyped, kind)(**change), f"{kind}.{field}")
            for kind in ("QuickStartSettings", "RenderSettings")
            for field, change in (
                ("container_port", {"container_port": 80}),
                ("container_port", {"container_port": 0, "first_image": "own:1"}),
                ("first_image", {"first_image": "a,b"}),
                ("cpu_target_percent", {"cpu_target_percent": 9}),
                ("architecture", {"architecture": "arm"}),
            )
        ),
        (lambda: untyped.PipelineSettings(image_tag_mutability="immutable"), "PipelineSettings.image_tag_mutability"),
        (lambda: untyped.PipelineSettings(image_tag_mutability=[]), "PipelineSettings.image_tag_mutability"),
        (lambda: untyped.DeploymentPipelineSettings(environment="Dev"), "DeploymentPipelineSettings.environment"),
        (
            lambda: untyped.DeploymentPipelineSettings(environment=DEV, pipeline=None),
            "DeploymentPipelineSettings.pipeline",
        ),
        *(
            (lambda e=e: untyped.AllEnvironmentsSettings(environments=e), "AllEnvironmentsSettings.environments")
            for e in ([], (), "Dev", DEV, None, ["Dev"], [DEV, None])
        ),
        (lambda: untyped.AllEnvironmentsSettings(environments=[DEV, DEV]), "Environment.id"),
        (
            lambda: untyped.AllEnvironmentsSettings(
                environments=[DEV, untyped.Environment(id="D2", display_name="development")]
            ),
            "Environment.display_name",
        ),
        (
            lambda: untyped.AllEnvironmentsSettings(
                environments=[DEV, untyped.Environment(id="DEV", display_name="other")]
            ),
            "Environment.id",
        ),
        (lambda: untyped.AllEnvironmentsSettings(environments=many(33)), "AllEnvironmentsSettings.environments"),
        (
            lambda: untyped.AllEnvironmentsSettings(environments=many(33, approval="before_build")),
            "AllEnvironmentsSettings.environments",
        ),
        *(
            (
                lambda url=url: untyped.AllEnvironmentsSettings(nested_base_url=url),
                "AllEnvironmentsSettings.nested_base_url",
            )
            for url in (
                "",
                "templates",
                "http://b.s3.us-east-1.amazonaws.com/p",
                "https://example.com/p",
                "https://b.s3.us-east-1.amazonaws.com.example.com/p",
                "https://evil-s3.amazonaws.com.co/p",
                "https://b.s3.us-east-1.amazonaws.com/p?versionId=1",
                "https://b.s3.us-east-1.amazonaws.com/p#f",
                "https://u@b.s3.us-east-1.amazonaws.com/p",
                "https://b.s3.us-east-1.amazonaws.com/a b",
                "https://[b/p",
                5,
            )
        ),
        (lambda: untyped.CodeBuildSettings(step="nodejs"), "CodeBuildSettings.step"),
        (lambda: untyped.CodeBuildSettings(step=UNIT_TESTS, architecture="arm"), "CodeBuildSettings.architecture"),
        *(
            (
                lambda make=make, image=image: make(dataclasses.replace(UNIT_TESTS, image=image)),
                "BuildStep.image",
            )
            for image in (
                "aws/codebuild/nodejs:10.14.1-1.7.0",
                "aws/codebuild/docker:18.09.0-1.7.0",
                "aws/codebuild/amazonlinux-aarch64-standard:4.0",
            )
            for make in (
                lambda step: untyped.CodeBuildSettings(step=step),
                lambda step: untyped.QuickStartSettings(pipeline=PipelineSettings(steps=[step, CONTAINER_IMAGE])),
                lambda step: untyped.RenderSettings(pipeline=PipelineSettings(steps=[step, CONTAINER_IMAGE])),
            )
        ),
        (lambda: untyped.QuickStartSettings(architecture="arm"), "QuickStartSettings.architecture"),
        (lambda: untyped.CodeBuildSettings(step=UNIT_TESTS, build_logs=1), "CodeBuildSettings.build_logs"),
    ],
)
def test_refused_with_field_value_and_remedy_in_one_line(make: Any, field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make()
    error = caught.value
    assert isinstance(error, EcsCdTemplatesError)
    assert error.field == field
    assert error.remedy
    assert str(error).startswith(f"{field}: ")
    assert "\n" not in str(error)
    assert len(str(error)) < 400


def test_defaults_are_those_that_people_would_choose() -> None:
    pipeline = PipelineSettings()
    # The action's value ends at 1,000 characters, counted with the message in it: a long one would break every run.
    assert not pipeline.approval_shows_message
    # A request that nobody answers does not block the stage for the seven days that CodePipeline waits by itself.
    assert 24 * 60 <= pipeline.approval_timeout_minutes < 7 * 24 * 60
    assert pipeline.deployment_timeout_minutes == 15
    assert [environment.id for environment in ENVIRONMENTS if environment.approval] == ["Prod"]
    assert [environment.id for environment in ENVIRONMENTS if environment.production] == ["Prod"]


def test_words_may_hold_what_json_and_yaml_escape() -> None:
    environment = Environment(id="A", display_name="quo\"ted \\ {x}: 'y' #z")
    assert to_yaml(build_all_environments(AllEnvironmentsSettings(environments=[environment])))


def test_settings_are_frozen_and_compare_by_value() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DEV.id = "Other"  # type: ignore[misc]
    assert AllEnvironmentsSettings(environments=list(ENVIRONMENTS)) == AllEnvironmentsSettings()
    assert hash(AllEnvironmentsSettings(environments=[DEV]))


def test_a_slash_at_the_end_of_the_address_makes_no_difference() -> None:
    url = "https://b.s3.cn-north-1.amazonaws.com.cn/p"
    assert AllEnvironmentsSettings(nested_base_url=f"{url}/").nested_base_url == url


@pytest.mark.parametrize("nested_base_url", [None, "https://b.s3.us-east-1.amazonaws.com/p"])
def test_the_largest_settings_fit_into_one_template(nested_base_url: str | None) -> None:
    """32 environments with approval, the longest keys and words: below every limit of CloudFormation."""
    environments = [
        Environment(
            id=f"{number:0{MAX_ID_LENGTH}}",
            display_name="\U0001f680" * ((DISPLAY_NAME.max_length or 0) - 2) + f"{number:02}",
            approval=("before_build", "before_deploy")[number % 2],
            images_to_keep=1000,
        )
        for number in range(32)
    ]
    template = build_all_environments(
        AllEnvironmentsSettings(
            environments=environments,
            # Each further build takes a parameter, and so an environment.
            pipeline=PipelineSettings(steps=(UNIT_TESTS, CONTAINER_IMAGE)),
            nested_base_url=nested_base_url,
        )
    )
    assert len(template.parameters) == 32 * 6 + 8
    assert max(map(len, template.parameters)) <= 255
    assert all(len(properties.Description) <= 4000 for properties in template.parameters.values())
    assert len(to_yaml(template).encode()) <= MAX_BODY_BYTES_FROM_S3


def test_a_template_that_outgrows_cloudformation_is_not_rendered() -> None:
    template = build_all_environments(AllEnvironmentsSettings())
    template.description = "x" * MAX_BODY_BYTES_FROM_S3
    with pytest.raises(TemplateSizeError, match="use fewer environments"):
        to_yaml(template)


class Member(str, enum.Enum):  # noqa: UP042 - one that is written out by its name
    MUTABLE = "MUTABLE"


def test_a_string_that_is_written_out_as_another_is_refused() -> None:
    makers: list[Callable[[], object]] = [
        lambda: untyped.PipelineSettings(image_tag_mutability=Member.MUTABLE),
        lambda: untyped.Environment(id=Member.MUTABLE, display_name="a"),
        lambda: untyped.Environment(id="A", display_name=Member.MUTABLE),
    ]
    for make in makers:
        with pytest.raises(SettingsError):
            make()


@pytest.mark.parametrize(
    "name", ["${AWS::Region}", "{{resolve:ssm:/x}}", "#{SourceVariables.CommitId}", "\u3000x", "a\u00a0b"]
)
def test_names_that_something_would_replace_or_nobody_sees_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"^Environment\.display_name: "):
        Environment(id="A", display_name=name)


def test_errors_can_be_copied_and_come_back_from_another_process() -> None:
    error = SettingsError("field", NOT_GIVEN, "remedy")
    for each in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301 - our own
        assert (str(each), type(each), each.value) == (str(error), SettingsError, NOT_GIVEN)
        assert each.value is NOT_GIVEN


def test_any_value_is_shown_on_one_line() -> None:
    class Lines:
        def __repr__(self) -> str:
            return "two\nlines"

    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert str(SettingsError("f", Lines(), "r")) == "f: two lines: r"
    assert str(SettingsError("f", Broken(), "r")) == "f: a Broken: r"
    assert str(SettingsError("f", 10**5000, "r")) == "f: a int: r"


def test_only_templates_are_rendered() -> None:
    values: list[Any] = [None, 5, {}]
    for value in values:
        with pytest.raises(SettingsError, match=r"template: .*: must be of type Template"):
            untyped.to_yaml(value)
