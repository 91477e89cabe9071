"""The templates that are rendered: each file's name, its builder and its settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from troposphere import Template

from .environments import Environment
from .rendering import to_yaml
from .settings import (
    AllEnvironmentsSettings,
    Architecture,
    CodeBuildSettings,
    DeploymentPipelineSettings,
    PipelineSettings,
)
from .stacks import all_environments, code_build, deployment_pipeline

# The words and numbers are those of the reference's single pipelines.
_WITHOUT_APPROVAL = Environment(key="Hotfix", words="hotfix")
_WITH_APPROVAL = Environment(key="NonApproval", words="non-approval", approval=True)


@dataclass(frozen=True, kw_only=True)
class RenderSettings:
    """What one rendering of the whole catalogue has in common."""

    pipeline: PipelineSettings = field(default_factory=PipelineSettings)
    architecture: Architecture = "X86_64"
    nested_base_url: str | None = None


def templates(settings: RenderSettings = RenderSettings()) -> dict[str, Callable[[], Template]]:
    """Each file's name with a function that builds its template."""
    nodejs = CodeBuildSettings(kind="nodejs", architecture=settings.architecture)
    container_image = CodeBuildSettings(kind="containerImage", architecture=settings.architecture)
    every = AllEnvironmentsSettings(pipeline=settings.pipeline, nested_base_url=settings.nested_base_url)
    without_approval = DeploymentPipelineSettings(environment=_WITHOUT_APPROVAL, pipeline=settings.pipeline)
    with_approval = DeploymentPipelineSettings(environment=_WITH_APPROVAL, pipeline=settings.pipeline)
    return {
        "code-build-nodejs.yaml": partial(code_build.build, nodejs),
        "code-build-containerImage.yaml": partial(code_build.build, container_image),
        "deployment-pipeline-for-all-env.yaml": partial(all_environments.build, every),
        deployment_pipeline.file_name(_WITHOUT_APPROVAL): partial(deployment_pipeline.build, without_approval),
        deployment_pipeline.file_name(_WITH_APPROVAL): partial(deployment_pipeline.build, with_approval),
    }


def render(settings: RenderSettings = RenderSettings()) -> dict[str, str]:
    """Each file's name with its YAML text."""
    return {name: to_yaml(build()) for name, build in templates(settings).items()}
