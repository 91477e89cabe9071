"""The templates that are rendered: each file's name, its builder and its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from troposphere import Template

from .cfn.rendering import to_yaml
from .environments import Environment
from .launch.next_steps import NextStep, add_next_step
from .settings import (
    AllEnvironmentsSettings,
    Architecture,
    CodeBuildSettings,
    DeploymentPipelineSettings,
    EcsEnvironmentSettings,
    PipelineSettings,
    PrerequisitesSettings,
    QuickStartSettings,
    s3_folder_url,
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

# The words and numbers are those of the reference's single pipelines.
_WITHOUT_APPROVAL = Environment(key="Hotfix", words="hotfix")
_WITH_APPROVAL = Environment(key="NonApproval", words="non-approval", approval=True)

# What to launch after a template. The prerequisites know the names of all that follows.
NEXT_STEPS = {
    "prerequisites.yaml": (
        NextStep(
            "code-build-nodejs.yaml",
            {
                "CodeBuildProjectName": "CodeBuildNodejsProjectName",
                "CodeBuildServiceRoleName": "CodeBuildNodejsServiceRoleName",
            },
        ),
        NextStep(
            "code-build-containerImage.yaml",
            {
                "CodeBuildProjectName": "CodeBuildContainerImageProjectName",
                "CodeBuildServiceRoleName": "CodeBuildContainerImageServiceRoleName",
            },
        ),
        NextStep("deployment-pipeline-for-all-env.yaml"),
    ),
    "code-build-nodejs.yaml": (
        NextStep("deployment-pipeline-for-all-env.yaml", {"CodeBuildNodejsProjectName": "CodeBuildProjectName"}),
    ),
    "code-build-containerImage.yaml": (
        NextStep(
            "deployment-pipeline-for-all-env.yaml", {"CodeBuildContainerImageProjectName": "CodeBuildProjectName"}
        ),
    ),
}


@dataclass(frozen=True, kw_only=True)
class RenderSettings:
    """What one rendering of the whole catalogue has in common."""

    pipeline: PipelineSettings = field(default_factory=PipelineSettings)
    architecture: Architecture = "X86_64"
    nested_base_url: str | None = None
    # The S3 address of the folder that the templates are read from: each then leads to the next steps.
    published_url: str | None = None
    # The S3 bucket and key of the sample application's archive.
    sample_app: tuple[str, str] | None = None


def templates(settings: RenderSettings = RenderSettings()) -> dict[str, Callable[[], Template]]:
    """Each file's name with a function that builds its template.

    Raises :class:`SettingsError`.
    """
    builders = _builders(settings)
    if settings.published_url is None:
        return builders
    url = s3_folder_url("RenderSettings.published_url", settings.published_url)
    return {name: partial(_linked, name, builders, url) for name in builders}


def render(settings: RenderSettings = RenderSettings()) -> dict[str, str]:
    """Each file's name with its YAML text."""
    return {name: to_yaml(build()) for name, build in templates(settings).items()}


def _linked(name: str, builders: Mapping[str, Callable[[], Template]], published_url: str) -> Template:
    """The template, with outputs that open the forms of the next steps."""
    template = builders[name]()
    for step in NEXT_STEPS.get(name, ()):
        add_next_step(template, step, builders[step.template]().parameters, published_url)
    return template


def _builders(settings: RenderSettings) -> dict[str, Callable[[], Template]]:
    nodejs = CodeBuildSettings(kind="nodejs", architecture=settings.architecture)
    container_image = CodeBuildSettings(kind="containerImage", architecture=settings.architecture)
    every = AllEnvironmentsSettings(pipeline=settings.pipeline, nested_base_url=settings.nested_base_url)
    without_approval = DeploymentPipelineSettings(environment=_WITHOUT_APPROVAL, pipeline=settings.pipeline)
    with_approval = DeploymentPipelineSettings(environment=_WITH_APPROVAL, pipeline=settings.pipeline)
    needed = PrerequisitesSettings(pipeline=settings.pipeline)
    place = EcsEnvironmentSettings(architecture=settings.architecture)
    everything = QuickStartSettings(
        pipeline=settings.pipeline, architecture=settings.architecture, sample_app=settings.sample_app
    )
    return {
        "quick-start.yaml": partial(quick_start.build, everything),
        "prerequisites.yaml": partial(prerequisites.build, needed),
        "code-build-nodejs.yaml": partial(code_build.build, nodejs),
        "code-build-containerImage.yaml": partial(code_build.build, container_image),
        "deployment-pipeline-for-all-env.yaml": partial(all_environments.build, every),
        deployment_pipeline.file_name(_WITHOUT_APPROVAL): partial(deployment_pipeline.build, without_approval),
        deployment_pipeline.file_name(_WITH_APPROVAL): partial(deployment_pipeline.build, with_approval),
        "vpc.yaml": partial(vpc.build, place),
        "load-balancer.yaml": partial(load_balancer.build, place),
        "ecs-cluster.yaml": partial(ecs_cluster.build, place),
        "ecs-service.yaml": partial(ecs_service.build, place),
        "ecs-environment.yaml": partial(ecs_environment.build, place),
    }
