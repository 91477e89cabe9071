"""The templates that are rendered: each file's name, its builder and its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from troposphere import Template

from .cfn.rendering import to_yaml
from .cfn.tags import add_tags, checked_tags
from .checks import instance, one_of, same_fields
from .environments import ENVIRONMENTS, Environment, each_once
from .settings import (
    FIRST_IMAGE,
    FIRST_IMAGE_PORT,
    AllEnvironmentsSettings,
    Architecture,
    CodeBuildSettings,
    DeploymentPipelineSettings,
    PipelineSettings,
    PrerequisitesSettings,
    QuickStartSettings,
)
from .stacks import (
    all_environments,
    code_build,
    deployment_pipeline,
    ecs_cluster,
    ecs_environment,
    ecs_service,
    load_balancer,
    prerequisites,
    quick_start,
    vpc,
)
from .steps import BuildStep

QUICK_START = "quick-start.yaml"
PREREQUISITES = "prerequisites.yaml"
ALL_ENVIRONMENTS = "deployment-pipeline-for-all-env.yaml"

# The names and numbers are those of the reference's single pipelines.
_WITHOUT_APPROVAL = Environment(id="Hotfix", display_name="hotfix")
_WITH_APPROVAL = Environment(id="NonApproval", display_name="non-approval", approval="before_build")


@dataclass(frozen=True, kw_only=True)
class RenderSettings:
    """What one rendering of the whole catalogue has in common.

    ``environments``: 1 to 8, because the quick start holds no more. ``pipeline``: how every pipeline
    behaves, and which builds it runs. ``nested_base_url``: see :class:`AllEnvironmentsSettings`.
    ``sample_app``: the S3 bucket and key of the sample application's archive, if it was published.
    ``container_port``, ``first_image`` and ``cpu_target_percent``: see :class:`EcsEnvironmentSettings`. ``tags``: at
    most 40 pairs of a key and a value, on everything that takes tags, see :func:`checked_tags`.

    Raises :class:`SettingsError`.
    """

    environments: Sequence[Environment] = ENVIRONMENTS
    pipeline: PipelineSettings = field(default_factory=PipelineSettings)
    architecture: Architecture = "X86_64"
    nested_base_url: str | None = None
    sample_app: tuple[str, str] | None = None
    container_port: int = FIRST_IMAGE_PORT
    first_image: str = FIRST_IMAGE
    cpu_target_percent: int = 60
    tags: Sequence[tuple[str, str]] = ()

    def __post_init__(self) -> None:
        environments = each_once("RenderSettings.environments", self.environments)
        object.__setattr__(self, "environments", environments)
        instance("RenderSettings.pipeline", self.pipeline, PipelineSettings)
        one_of("RenderSettings.architecture", self.architecture, get_args(Architecture))
        object.__setattr__(self, "tags", checked_tags("RenderSettings.tags", self.tags))
        with same_fields(RenderSettings, but=BuildStep):
            templates(self)


def templates(settings: RenderSettings | None = None) -> Mapping[str, Callable[[], Template]]:
    """Each file's name with a function that builds its template; functions that build the same are equal.

    Raises :class:`SettingsError` for what is not settings.
    """
    if settings is None:
        settings = RenderSettings()
    instance("settings", settings, RenderSettings)
    pipeline, architecture = settings.pipeline, settings.architecture
    every = AllEnvironmentsSettings(
        environments=settings.environments, pipeline=pipeline, nested_base_url=settings.nested_base_url
    )
    common = PrerequisitesSettings(environments=settings.environments, pipeline=pipeline)
    everything = QuickStartSettings(
        environments=settings.environments,
        pipeline=pipeline,
        architecture=architecture,
        sample_app=settings.sample_app,
        container_port=settings.container_port,
        first_image=settings.first_image,
        cpu_target_percent=settings.cpu_target_percent,
    )
    first = everything.ecs_environment(settings.environments[0])
    networks = {each.network: everything.ecs_environment(each) for each in reversed(settings.environments)}
    projects = [
        CodeBuildSettings(step=step, architecture=architecture, own_key=pipeline.own_key) for step in pipeline.steps
    ]
    one_each = [_WITHOUT_APPROVAL, _WITH_APPROVAL]
    if any(environment.approval == "before_deploy" for environment in settings.environments):
        one_each.append(replace(_WITH_APPROVAL, approval="before_deploy"))
    single = [DeploymentPipelineSettings(environment=environment, pipeline=pipeline) for environment in one_each]
    builders: dict[str, tuple[Callable[[Any], Template], object]] = {
        QUICK_START: (quick_start.build, everything),
        PREREQUISITES: (prerequisites.build, common),
        **{project.step.file_name: (code_build.build, project) for project in projects},
        ALL_ENVIRONMENTS: (all_environments.build, every),
        **{deployment_pipeline.file_name(one.environment): (deployment_pipeline.build, one) for one in single},
        "vpc.yaml": (vpc.build, first),
        "load-balancer.yaml": (load_balancer.build, first),
        "ecs-cluster.yaml": (ecs_cluster.build, first),
        "ecs-service.yaml": (ecs_service.build, first),
        **{
            name: (ecs_environment.build, networks[kind])
            for kind, name in ecs_environment.file_names(settings.environments).items()
        },
    }
    return {name: _Builder(build, own, tuple(settings.tags)) for name, (build, own) in builders.items()}


@dataclass(frozen=True)
class _Builder:
    """Builds one template. Two are equal where they build the same."""

    build: Callable[[Any], Template]
    settings: object
    tags: Sequence[tuple[str, str]]

    def __call__(self) -> Template:
        return add_tags(self.build(self.settings), self.tags)


def render(settings: RenderSettings | None = None) -> dict[str, str]:
    """Each file's name with its YAML text. Raises :class:`SettingsError` for what is not settings."""
    return {name: to_yaml(build()) for name, build in templates(settings).items()}
