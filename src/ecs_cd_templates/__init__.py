"""CloudFormation templates of a continuous-delivery pipeline for Amazon ECS.

Settings go in, a troposphere ``Template`` comes out, and :func:`to_yaml` makes text of it::

    from ecs_cd_templates import AllEnvironmentsSettings, Environment, build_all_environments, to_yaml

    staging = Environment(id="Staging", display_name="staging", approval=True)
    print(to_yaml(build_all_environments(AllEnvironmentsSettings(environments=[staging]))))
"""

from .catalog import RenderSettings, render
from .cfn.rendering import to_yaml
from .environments import ENVIRONMENTS, Environment
from .errors import (
    AwsError,
    BucketError,
    EcsCdTemplatesError,
    MissingExtraError,
    OutputError,
    ParameterError,
    ParameterFileError,
    PushError,
    RegionError,
    SettingsError,
    SettingsFileError,
    StackError,
    TemplateFileError,
    TemplateSizeError,
)
from .rollouts import Launch, RolloutSettings
from .services import Service, ServiceValues, Target, read_settings
from .settings import (
    AllEnvironmentsSettings,
    CodeBuildSettings,
    DeploymentPipelineSettings,
    EcsEnvironmentSettings,
    PipelineSettings,
    PrerequisitesSettings,
    QuickStartSettings,
)
from .sources import CodeCommit, Connection
from .stacks.all_environments import build as build_all_environments
from .stacks.code_build import build as build_code_build
from .stacks.deployment_pipeline import build as build_deployment_pipeline
from .stacks.ecs_cluster import build as build_ecs_cluster
from .stacks.ecs_environment import build as build_ecs_environment
from .stacks.ecs_service import build as build_ecs_service
from .stacks.load_balancer import build as build_load_balancer
from .stacks.prerequisites import build as build_prerequisites
from .stacks.quick_start import build as build_quick_start
from .stacks.rollout import build as build_rollout
from .stacks.vpc import build as build_vpc
from .steps import BUILD_STEPS, CONTAINER_IMAGE, UNIT_TESTS, BuildStep, unit_tests

__version__ = "0.1.0"

__all__ = [
    "BUILD_STEPS",
    "CONTAINER_IMAGE",
    "ENVIRONMENTS",
    "UNIT_TESTS",
    "AllEnvironmentsSettings",
    "AwsError",
    "BucketError",
    "BuildStep",
    "CodeBuildSettings",
    "CodeCommit",
    "Connection",
    "DeploymentPipelineSettings",
    "EcsCdTemplatesError",
    "EcsEnvironmentSettings",
    "Environment",
    "Launch",
    "MissingExtraError",
    "OutputError",
    "ParameterError",
    "ParameterFileError",
    "PipelineSettings",
    "PrerequisitesSettings",
    "PushError",
    "QuickStartSettings",
    "RegionError",
    "RenderSettings",
    "RolloutSettings",
    "Service",
    "ServiceValues",
    "SettingsError",
    "SettingsFileError",
    "StackError",
    "Target",
    "TemplateFileError",
    "TemplateSizeError",
    "__version__",
    "build_all_environments",
    "build_code_build",
    "build_deployment_pipeline",
    "build_ecs_cluster",
    "build_ecs_environment",
    "build_ecs_service",
    "build_load_balancer",
    "build_prerequisites",
    "build_quick_start",
    "build_rollout",
    "build_vpc",
    "read_settings",
    "render",
    "to_yaml",
    "unit_tests",
]
