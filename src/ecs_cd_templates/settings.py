"""What changes the shape of a template: frozen settings that are checked when they are made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import urlsplit

from .checks import flag, instance, one_of, text, whole_number
from .environments import THREE_ENVIRONMENTS, Environment
from .errors import SettingsError
from .parameters import pipeline_fields
from .partitions import PARTITIONS

TagMutability = Literal["IMMUTABLE", "MUTABLE"]
PipelineType = Literal["V1", "V2"]
Architecture = Literal["X86_64", "ARM64"]
BuildKind = Literal["nodejs", "containerImage"]

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_PARAMETERS = 200
MAX_RESOURCES = 500
MAX_OUTPUTS = 200
MAX_BODY_BYTES = 51_200
MAX_BODY_BYTES_FROM_S3 = 1_048_576

# CodeBuild's maintained Linux images: an image outside this list no longer gets security updates.
# https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html
MAINTAINED_IMAGES: dict[Architecture, tuple[str, ...]] = {
    "X86_64": (
        "aws/codebuild/amazonlinux-x86_64-standard:6.0",
        "aws/codebuild/amazonlinux-x86_64-standard:5.0",
        "aws/codebuild/standard:8.0",
        "aws/codebuild/standard:7.0",
    ),
    "ARM64": (
        "aws/codebuild/amazonlinux-aarch64-standard:4.0",
        "aws/codebuild/amazonlinux-aarch64-standard:3.0",
    ),
}


@dataclass(frozen=True, kw_only=True)
class PipelineSettings:
    """How every pipeline behaves, whatever its environment.

    ``pipeline_type``: V2 pipelines are billed by the action minute and can roll back, V1 pipelines
    are billed by the month (https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-types.html).
    ``rollback_on_failure``: a failed Deploy stage returns to the last revision that succeeded; V2 only
    (https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html).
    ``deployment_timeout_minutes``: 1 to 60, how long the ECS deploy action waits for a stable service
    (https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html).
    ``approval_shows_message``: the approval request quotes the commit's message beside its ID and link.
    An action's configuration value ends at 1,000 characters, so a team that writes longer messages
    turns it off (https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html).
    ``image_tag_mutability``: with IMMUTABLE a pushed tag never changes its image
    (https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html); MUTABLE keeps
    applications working that push the same tag again, so it is the one to update an older stack with.
    ``scan_on_push``: ECR scans each pushed image.

    Raises :class:`SettingsError`.
    """

    pipeline_type: PipelineType = "V2"
    rollback_on_failure: bool = True
    deployment_timeout_minutes: int = 20
    approval_shows_message: bool = True
    image_tag_mutability: TagMutability = "IMMUTABLE"
    scan_on_push: bool = True

    def __post_init__(self) -> None:
        one_of("PipelineSettings.pipeline_type", self.pipeline_type, get_args(PipelineType))
        one_of("PipelineSettings.image_tag_mutability", self.image_tag_mutability, get_args(TagMutability))
        for name in ("rollback_on_failure", "approval_shows_message", "scan_on_push"):
            flag(f"PipelineSettings.{name}", getattr(self, name))
        if self.rollback_on_failure and self.pipeline_type != "V2":
            raise SettingsError(
                "PipelineSettings.rollback_on_failure",
                self.rollback_on_failure,
                "only V2 pipelines roll back: set it to False, or pipeline_type to 'V2'",
            )
        whole_number("PipelineSettings.deployment_timeout_minutes", self.deployment_timeout_minutes, 1, 60)


@dataclass(frozen=True, kw_only=True)
class DeploymentPipelineSettings:
    """The template of a single pipeline: its one environment, and how the pipeline behaves."""

    environment: Environment
    pipeline: PipelineSettings = field(default_factory=PipelineSettings)

    def __post_init__(self) -> None:
        instance("DeploymentPipelineSettings.environment", self.environment, Environment)
        instance("DeploymentPipelineSettings.pipeline", self.pipeline, PipelineSettings)


@dataclass(frozen=True, kw_only=True)
class AllEnvironmentsSettings:
    """The template of several pipelines at once.

    ``environments``: any number that fits CloudFormation's 200 parameters (32 at most), each key and
    each words once. ``nested_base_url``: None for a self-contained template; otherwise the S3
    address of the folder that holds the two single-pipeline templates, which then become nested stacks.

    Raises :class:`SettingsError`.
    """

    environments: Sequence[Environment] = THREE_ENVIRONMENTS
    pipeline: PipelineSettings = field(default_factory=PipelineSettings)
    nested_base_url: str | None = None

    def __post_init__(self) -> None:
        name = "AllEnvironmentsSettings.environments"
        if isinstance(self.environments, (str, Environment)) or not isinstance(self.environments, Sequence):
            raise SettingsError(name, self.environments, "give a list or a tuple of Environment")
        object.__setattr__(self, "environments", tuple(self.environments))
        if not self.environments:
            raise SettingsError(name, (), "give at least one Environment")
        for environment in self.environments:
            instance(name, environment, Environment)
        for attribute in ("key", "words"):
            values = [getattr(environment, attribute) for environment in self.environments]
            for value in values:
                if values.count(value) > 1:
                    raise SettingsError(
                        f"Environment.{attribute}", value, "appears twice: give each environment its own"
                    )
        instance("AllEnvironmentsSettings.pipeline", self.pipeline, PipelineSettings)
        _within_limits(name, self.environments)
        if self.nested_base_url is not None:
            url = s3_folder_url("AllEnvironmentsSettings.nested_base_url", self.nested_base_url)
            object.__setattr__(self, "nested_base_url", url)


@dataclass(frozen=True, kw_only=True)
class CodeBuildSettings:
    """The template of one CodeBuild project.

    ``kind``: what it builds, which decides its buildspec and whether Docker may run in it.
    ``architecture``: the processor that the images run on; it also picks the build image.
    ``image``: a maintained CodeBuild image of that architecture, or an image of your own (its
    registry address); None takes the newest maintained Amazon Linux image.
    ``compute_type``: new accounts may be refused anything larger than the smallest.
    ``timeout_minutes``: 5 to 2160
    (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html).
    ``build_logs``: builds write to the log group ``/aws/codebuild/PROJECT``.

    Raises :class:`SettingsError`.
    """

    kind: BuildKind
    architecture: Architecture = "X86_64"
    image: str | None = None
    compute_type: str = "BUILD_GENERAL1_SMALL"
    timeout_minutes: int = 30
    build_logs: bool = True

    def __post_init__(self) -> None:
        one_of("CodeBuildSettings.kind", self.kind, get_args(BuildKind))
        one_of("CodeBuildSettings.architecture", self.architecture, get_args(Architecture))
        whole_number("CodeBuildSettings.timeout_minutes", self.timeout_minutes, 5, 2160)
        flag("CodeBuildSettings.build_logs", self.build_logs)
        if not re.fullmatch(r"BUILD_[A-Z0-9_]+", text("CodeBuildSettings.compute_type", self.compute_type)):
            raise SettingsError("CodeBuildSettings.compute_type", self.compute_type, "such as 'BUILD_GENERAL1_SMALL'")
        maintained = MAINTAINED_IMAGES[self.architecture]
        if self.image is None:
            object.__setattr__(self, "image", maintained[0])
        elif not re.fullmatch(r"[!-~]+", text("CodeBuildSettings.image", self.image)):
            raise SettingsError("CodeBuildSettings.image", self.image, "give an image address without spaces")
        elif self.image.startswith("aws/codebuild/") and self.image not in maintained:
            raise SettingsError(
                "CodeBuildSettings.image",
                self.image,
                f"is no maintained {self.architecture} image; use one of {', '.join(maintained)}",
            )


def s3_folder_url(name: str, value: str) -> str:
    """The address without its closing slash, if CloudFormation can read nested templates below it.

    CloudFormation takes nested templates from https addresses of S3 only
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stack.html),
    at most 5,120 characters long with the file's name. Raises :class:`SettingsError`.
    """
    example = "such as https://BUCKET.s3.REGION.amazonaws.com/PREFIX"
    try:
        parts = urlsplit(text(name, value))
        host = parts.hostname or ""
    except ValueError:
        raise SettingsError(name, value, f"is no address: give an https address of S3, {example}") from None
    suffixes = "|".join(re.escape(partition.url_suffix) for partition in PARTITIONS.values())
    if parts.scheme != "https" or not re.search(rf"(?:^|\.)s3[.-](?:[a-z0-9-]+\.)*(?:{suffixes})$", host):
        raise SettingsError(
            name, value, f"CloudFormation reads nested templates from https addresses of S3 only, {example}"
        )
    if parts.query or parts.fragment or parts.username or not re.fullmatch(r"[!-~]{1,4096}", value):
        raise SettingsError(name, value, f"leave out query, fragment, user and spaces: {example}")
    return value.rstrip("/")


def _within_limits(name: str, environments: Sequence[Environment]) -> None:
    """Refuses more environments than fit into one template; the counts come from the contract itself."""
    for what, count, limit in (
        ("parameters", len(pipeline_fields(environments)), MAX_PARAMETERS),
        ("resources", 3 * len(environments), MAX_RESOURCES),
        ("outputs", 2 * len(environments), MAX_OUTPUTS),
    ):
        if count > limit:
            raise SettingsError(
                name,
                f"{len(environments)} environments",
                f"need {count} {what}, and CloudFormation takes {limit}: split the list over several templates",
            )
