"""CloudFormation templates of a continuous-delivery pipeline for Amazon ECS.

Settings go in, a troposphere ``Template`` comes out, and :func:`to_yaml` makes text of it::

    from ecs_cd_templates import AllEnvironmentsSettings, Environment, build_all_environments, to_yaml

    staging = Environment(key="Staging", words="staging", approval=True)
    print(to_yaml(build_all_environments(AllEnvironmentsSettings(environments=[staging]))))
"""

from .catalog import RenderSettings, render
from .environments import THREE_ENVIRONMENTS, Environment
from .errors import EcsCdTemplatesError, OutputError, ParameterError, SettingsError, TemplateSizeError
from .rendering import to_yaml
from .settings import AllEnvironmentsSettings, CodeBuildSettings, DeploymentPipelineSettings, PipelineSettings
from .stacks.all_environments import build as build_all_environments
from .stacks.code_build import build as build_code_build
from .stacks.deployment_pipeline import build as build_deployment_pipeline

__all__ = [
    "THREE_ENVIRONMENTS",
    "AllEnvironmentsSettings",
    "CodeBuildSettings",
    "DeploymentPipelineSettings",
    "EcsCdTemplatesError",
    "Environment",
    "OutputError",
    "ParameterError",
    "PipelineSettings",
    "RenderSettings",
    "SettingsError",
    "TemplateSizeError",
    "build_all_environments",
    "build_code_build",
    "build_deployment_pipeline",
    "render",
    "to_yaml",
]
