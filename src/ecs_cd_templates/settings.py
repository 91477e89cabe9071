"""What changes the shape of a template: frozen settings that are checked when they are made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from .cfn.limits import MAX_PARAMETER_VALUE_BYTES, MAX_PARAMETERS
from .cfn.partitions import PARTITIONS
from .checks import flag, instance, one_of, same_fields, text, whole_number
from .constraints import BUCKET_NAME, CONTAINER_IMAGE, LOG_RETENTION
from .environments import ENVIRONMENTS, Environment, each_once
from .errors import SettingsError
from .inputs import pipeline_parameters
from .sources import KINDS, CodeCommit, Source
from .steps import BUILD_STEPS, BuildStep, checked_steps

TagMutability = Literal["IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE"]
PipelineType = Literal["V1", "V2"]
Architecture = Literal["X86_64", "ARM64"]

# NGINX for x86-64 and ARM that runs without root and answers 200 on / at this port, which is the sample
# application's too; from a registry that needs no sign-in (https://gallery.ecr.aws/nginx/nginx-unprivileged).
FIRST_IMAGE = "public.ecr.aws/nginx/nginx-unprivileged:stable-alpine"
FIRST_IMAGE_PORT = 8080

# These are ours, see where they are used.
MAX_ENVIRONMENTS_OF_A_ROLE = 12
MAX_ENVIRONMENTS_AT_ONCE = 8

# The least and the most; where they come from is said at the fields.
DEPLOY_MINUTES = 1, 60
APPROVAL_MINUTES = 1440, 86400
CPU_TARGET_PERCENT = 10, 90
PORTS = 1, 65535

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html: 1,024 bytes; we take ASCII that prints.
_OBJECT_KEY = r"(?!/)[!-~]{1,1024}"

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
    (https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html). When ECS has given a
    deployment up, the action still waits until then, so the default is little longer than ECS takes for that.
    ``approval_timeout_minutes``: 1,440 (a day, which is our limit) to 86,400, after which a request that nobody
    answered fails the run; the default of three days outlasts a weekend
    (https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionDeclaration.html).
    ``approval_shows_message``: the approval request quotes the commit's message beside its ID and link.
    An action's configuration value ends at 1,000 characters, counted with the message in it, and a longer
    one fails every run: so this is off, and for teams whose messages are short
    (https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html).
    ``image_tag_mutability``: with IMMUTABLE a pushed tag never changes its image
    (https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html); with
    IMMUTABLE_WITH_EXCLUSION only ``latest`` can; MUTABLE keeps applications working that push any tag
    again, so it is the one to update an older stack with.
    ``scan_on_push``: ECR scans each pushed image.
    ``steps``: the builds that run one after the other, at most 7, one of which pushes the image.
    ``source``: where the application is, and what starts the pipelines.
    ``own_key``: artifacts, approval requests and images are encrypted with a KMS key of yours, whose ARN the forms
    ask for. It is for new stacks: an ECR repository keeps the encryption that it was made with, and another one of
    its name stops the update (https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html).

    Raises :class:`SettingsError`.
    """

    pipeline_type: PipelineType = "V2"
    rollback_on_failure: bool = True
    deployment_timeout_minutes: int = 15
    approval_timeout_minutes: int = 4320
    approval_shows_message: bool = False
    image_tag_mutability: TagMutability = "IMMUTABLE"
    scan_on_push: bool = True
    steps: Sequence[BuildStep] = BUILD_STEPS
    source: Source = field(default_factory=CodeCommit)
    own_key: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", checked_steps("PipelineSettings.steps", self.steps))
        one_of("PipelineSettings.pipeline_type", self.pipeline_type, get_args(PipelineType))
        one_of("PipelineSettings.image_tag_mutability", self.image_tag_mutability, get_args(TagMutability))
        for name in ("rollback_on_failure", "approval_shows_message", "scan_on_push", "own_key"):
            flag(f"PipelineSettings.{name}", getattr(self, name))
        instance("PipelineSettings.source", self.source, *KINDS)
        if self.rollback_on_failure and self.pipeline_type != "V2":
            raise SettingsError(
                "PipelineSettings.rollback_on_failure",
                self.rollback_on_failure,
                "only V2 pipelines roll back: set it to False, or pipeline_type to 'V2'",
            )
        if self.source.needs_v2 and self.pipeline_type != "V2":
            remedy = f"only V2 pipelines are started through a {type(self.source).__name__}: set it to 'V2'"
            raise SettingsError("PipelineSettings.pipeline_type", self.pipeline_type, remedy)
        whole_number("PipelineSettings.deployment_timeout_minutes", self.deployment_timeout_minutes, *DEPLOY_MINUTES)
        whole_number("PipelineSettings.approval_timeout_minutes", self.approval_timeout_minutes, *APPROVAL_MINUTES)


@dataclass(frozen=True, kw_only=True)
class DeploymentPipelineSettings:
    """The template of a single pipeline.

    ``environment``: the one that it deploys to. ``pipeline``: how the pipeline behaves, and its builds.

    Raises :class:`SettingsError`.
    """

    environment: Environment
    pipeline: PipelineSettings = field(default_factory=PipelineSettings)

    def __post_init__(self) -> None:
        instance("DeploymentPipelineSettings.environment", self.environment, Environment)
        instance("DeploymentPipelineSettings.pipeline", self.pipeline, PipelineSettings)
        _check_source("DeploymentPipelineSettings.environment", [self.environment], self.pipeline.source)


@dataclass(frozen=True, kw_only=True)
class AllEnvironmentsSettings:
    """The template of several pipelines at once.

    ``environments``: any number that fits CloudFormation's 200 parameters (32 at most with the two usual
    steps), each ID and each display name once. ``nested_base_url``: None for a self-contained template;
    otherwise the S3 address of the folder that holds the two single-pipeline templates, which then
    become nested stacks.

    Raises :class:`SettingsError`.
    """

    environments: Sequence[Environment] = ENVIRONMENTS
    pipeline: PipelineSettings = field(default_factory=PipelineSettings)
    nested_base_url: str | None = None

    def __post_init__(self) -> None:
        environments = each_once("AllEnvironmentsSettings.environments", self.environments)
        object.__setattr__(self, "environments", environments)
        instance("AllEnvironmentsSettings.pipeline", self.pipeline, PipelineSettings)
        _check_source("AllEnvironmentsSettings.environments", environments, self.pipeline.source)
        # Each also has three resources and two outputs: the parameters run out first.
        approval = any(environment.approval is not None for environment in environments)
        specs = pipeline_parameters(
            self.pipeline.source, self.pipeline.steps, approval=approval, own_key=self.pipeline.own_key
        )
        count = sum(len(environments) if spec.per_environment else 1 for spec in specs)
        if count > MAX_PARAMETERS:
            raise SettingsError(
                "AllEnvironmentsSettings.environments",
                f"{len(environments)} environments",
                f"need {count} parameters, and CloudFormation takes {MAX_PARAMETERS}: split the list over several "
                "templates",
            )
        if self.nested_base_url is not None:
            if any(environment.release_tags for environment in environments):
                remedy = "nested templates are the same for all environments: leave this out, or their release_tags"
                raise SettingsError("AllEnvironmentsSettings.nested_base_url", self.nested_base_url, remedy)
            url = s3_folder_url("AllEnvironmentsSettings.nested_base_url", self.nested_base_url)
            object.__setattr__(self, "nested_base_url", url)


@dataclass(frozen=True, kw_only=True)
class PrerequisitesSettings:
    """The template of the pipelines' prerequisites: bucket, topic, repository, roles and log groups.

    ``environments``: those of the pipelines, at most 12: with more, the policies of CodePipeline's role
    can outgrow IAM's 10,240 characters
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html). ``pipeline``: how every
    pipeline behaves, and its builds.

    Raises :class:`SettingsError`.
    """

    environments: Sequence[Environment] = ENVIRONMENTS
    pipeline: PipelineSettings = field(default_factory=PipelineSettings)

    def __post_init__(self) -> None:
        name = "PrerequisitesSettings.environments"
        object.__setattr__(self, "environments", each_once(name, self.environments))
        instance("PrerequisitesSettings.pipeline", self.pipeline, PipelineSettings)
        _check_source(name, self.environments, self.pipeline.source)
        if len(self.environments) > MAX_ENVIRONMENTS_OF_A_ROLE:
            raise SettingsError(
                name,
                f"{len(self.environments)} environments",
                f"one role's policies hold {MAX_ENVIRONMENTS_OF_A_ROLE} at most: split the list over several templates",
            )


@dataclass(frozen=True, kw_only=True)
class CodeBuildSettings:
    """The template of one CodeBuild project.

    ``step``: the build that it is for, which decides its buildspec and whether Docker may run in it.
    ``architecture``: the processor that the images run on; it also picks the build image where the step names none.
    ``build_logs``: builds write to the log group ``/aws/codebuild/PROJECT``.
    ``own_key``: see :class:`PipelineSettings`.

    Raises :class:`SettingsError`.
    """

    step: BuildStep
    architecture: Architecture = "X86_64"
    build_logs: bool = True
    own_key: bool = False

    def __post_init__(self) -> None:
        instance("CodeBuildSettings.step", self.step, BuildStep)
        one_of("CodeBuildSettings.architecture", self.architecture, get_args(Architecture))
        flag("CodeBuildSettings.build_logs", self.build_logs)
        flag("CodeBuildSettings.own_key", self.own_key)
        build_image(self.step, self.architecture)


@dataclass(frozen=True, kw_only=True)
class EcsEnvironmentSettings:
    """The templates of one ECS environment: network, load balancer, cluster and service, apart or together.

    ``environment``: the one whose names the forms propose, and whose kind of network they ask for or make.
    ``architecture``: the processor that the image is built for; it also picks the instances and their image.
    ``container_port``: 1 to 65535, where the application listens, as its Dockerfile says.
    ``first_image``: what the service runs until the first deployment. It must answer 200 on
    ``container_port`` as it is, because a deployment replaces the image and nothing else. It comes from a registry
    that needs no sign-in, or from one whose own policy lets the role pull that ECS starts tasks with; without a NAT
    gateway, from an ECR repository of the account (``stacks/vpc.py``).
    ``cpu_target_percent``: 10 to 90, the use of CPU that Application Auto Scaling keeps where the form asks for
    least and most tasks (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-targettracking.html).
    ``log_retention_days``: one of the numbers of days that CloudWatch Logs offers.

    Raises :class:`SettingsError`.
    """

    environment: Environment = ENVIRONMENTS[0]
    architecture: Architecture = "X86_64"
    container_port: int = FIRST_IMAGE_PORT
    first_image: str = FIRST_IMAGE
    cpu_target_percent: int = 60
    log_retention_days: int = 30

    def __post_init__(self) -> None:
        instance("EcsEnvironmentSettings.environment", self.environment, Environment)
        one_of("EcsEnvironmentSettings.architecture", self.architecture, get_args(Architecture))
        whole_number("EcsEnvironmentSettings.cpu_target_percent", self.cpu_target_percent, *CPU_TARGET_PERCENT)
        whole_number("EcsEnvironmentSettings.container_port", self.container_port, *PORTS)
        # A default that the parameter's own pattern refuses would fail every launch.
        if not CONTAINER_IMAGE.accepts(text("EcsEnvironmentSettings.first_image", self.first_image)):
            raise SettingsError("EcsEnvironmentSettings.first_image", self.first_image, CONTAINER_IMAGE.message)
        if self.first_image == FIRST_IMAGE and self.container_port != FIRST_IMAGE_PORT:
            raise SettingsError(
                "EcsEnvironmentSettings.container_port",
                self.container_port,
                f"the first image listens on {FIRST_IMAGE_PORT}: set first_image to one that answers on this port",
            )
        whole_number("EcsEnvironmentSettings.log_retention_days", self.log_retention_days, 1, 3653)
        one_of(
            "EcsEnvironmentSettings.log_retention_days",
            str(self.log_retention_days),
            LOG_RETENTION.allowed_values or (),
        )


@dataclass(frozen=True, kw_only=True)
class QuickStartSettings:
    """The template of everything at once: prerequisites, environments, build projects and pipelines.

    ``environments``: 1 to 8, which is our limit. Each has its place in the list of images, and its part of the
    addresses by its place among those with a new network, so a new one goes to the end. A region has five VPCs
    unless more are asked for (https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html).
    ``pipeline``: how every pipeline behaves, and its builds. ``architecture``: the processor that images
    are built for and run on. ``sample_app``: the S3 bucket and key of an archive that becomes the
    repository's first commit, or None for an empty repository. ``container_port``, ``first_image`` and
    ``cpu_target_percent``: see :class:`EcsEnvironmentSettings`.

    Raises :class:`SettingsError`.
    """

    environments: Sequence[Environment] = ENVIRONMENTS
    pipeline: PipelineSettings = field(default_factory=PipelineSettings)
    architecture: Architecture = "X86_64"
    sample_app: tuple[str, str] | None = None
    container_port: int = FIRST_IMAGE_PORT
    first_image: str = FIRST_IMAGE
    cpu_target_percent: int = 60

    def __post_init__(self) -> None:
        name = "QuickStartSettings.environments"
        object.__setattr__(self, "environments", each_once(name, self.environments))
        instance("QuickStartSettings.pipeline", self.pipeline, PipelineSettings)
        _check_source(name, self.environments, self.pipeline.source)
        with same_fields(QuickStartSettings):
            self.ecs_environment(self.environments[0])
        match self.sample_app:
            case None:
                pass
            case tuple((str(bucket), str(key))) if BUCKET_NAME.accepts(bucket) and re.fullmatch(_OBJECT_KEY, key):
                pass
            case _:
                remedy = "give the bucket's name and the object's key, as a tuple"
                raise SettingsError("QuickStartSettings.sample_app", self.sample_app, remedy)
        for step in self.pipeline.steps:
            build_image(step, self.architecture)
        if self.sample_app is not None and not self.pipeline.source.takes_first_commit:
            remedy = "no stack can push to this source: leave it out, and push the application yourself"
            raise SettingsError("QuickStartSettings.sample_app", self.sample_app, remedy)
        if len(self.environments) > MAX_ENVIRONMENTS_AT_ONCE:
            raise SettingsError(
                name,
                f"{len(self.environments)} environments",
                f"a stack of everything holds {MAX_ENVIRONMENTS_AT_ONCE} at most: launch the others by themselves",
            )

    def ecs_environment(self, environment: Environment) -> EcsEnvironmentSettings:
        """The settings of the environment, as its own template has them."""
        return EcsEnvironmentSettings(
            environment=environment,
            architecture=self.architecture,
            container_port=self.container_port,
            first_image=self.first_image,
            cpu_target_percent=self.cpu_target_percent,
        )


def build_image(step: BuildStep, architecture: Architecture) -> str:
    """What the step runs in: its own image, or the newest maintained Amazon Linux image for the processor.

    An image of CodeBuild's is one that is still maintained, for this very processor. Raises :class:`SettingsError`.
    """
    maintained = MAINTAINED_IMAGES[architecture]
    if step.image is None:
        return maintained[0]
    if step.image.startswith("aws/codebuild/") and step.image not in maintained:
        raise SettingsError(
            "BuildStep.image",
            step.image,
            f"is not a maintained {architecture} image: use one of {', '.join(maintained)}",
        )
    return step.image


def _check_source(name: str, environments: Sequence[Environment], source: Source) -> None:
    """Refuses environments whose branch or tags the source cannot have. Raises :class:`SettingsError`."""
    for environment in environments:
        if environment.release_tags and not source.takes_tags:
            remedy = f"of {environment.id} need a Connection as the source, not {type(source).__name__}: leave them out"
            raise SettingsError(name, f"release_tags {', '.join(environment.release_tags)}", remedy)
        branch = environment.default_branch
        if branch is not None and not source.branch.constraint.accepts(branch):
            raise SettingsError(name, f"default_branch {branch}", source.branch.constraint.message)


def s3_folder_url(name: str, value: str) -> str:
    """The address without its closing slash, if CloudFormation can read nested templates below it.

    CloudFormation takes nested templates from https addresses of S3 only
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stack.html),
    at most 5,120 characters long with the file's name. Raises :class:`SettingsError`.
    """
    example = "such as https://BUCKET.s3.REGION.amazonaws.com/PREFIX"
    # What RFC 3986 allows in a path, and nothing before or after the host and the path.
    address = re.fullmatch(r"https://([A-Za-z0-9.-]+)(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?", text(name, value))
    if not address or len(value) > MAX_PARAMETER_VALUE_BYTES:
        raise SettingsError(
            name, value, f"give an https address without user, port, query, fragment or spaces, {example}"
        )
    suffixes = "|".join(re.escape(partition.url_suffix) for partition in PARTITIONS.values())
    if not re.fullmatch(rf"(?:.+\.)?s3[.-](?!website)(?:[a-z0-9-]+\.)*(?:{suffixes})", address[1].lower()):
        raise SettingsError(name, value, f"CloudFormation reads nested templates from S3 only, {example}")
    return value.rstrip("/")
