"""The template of a pipeline for each environment: self-contained, or as nested stacks."""

from __future__ import annotations

from collections.abc import Mapping

from troposphere import Parameter, Template
from troposphere.cloudformation import Stack

from ..cfn.console import add_partitions
from ..cfn.intrinsics import ref
from ..environments import Environment
from ..parameters import add_fields, environment_suffix, for_environment, pipeline_fields
from ..settings import AllEnvironmentsSettings
from .deployment_pipeline import OUTPUTS, add_outputs, add_pipeline, file_name, require_distinct_projects
from .rules import OWN_ECR_REPOSITORIES, OWN_PIPELINES, require_own


def build(settings: AllEnvironmentsSettings) -> Template:
    """A template with a pipeline, its trigger and its ECR repository for each environment."""
    template = Template(
        Description="This template deploys CI/CD pipelines to deploy to a ECS cluster for all environment"
    )
    parameters = add_fields(template, pipeline_fields(settings.environments))
    require_distinct_projects(template, parameters)
    for own in (OWN_PIPELINES, OWN_ECR_REPOSITORIES):
        require_own(template, parameters, settings.environments, own)
    if settings.nested_base_url is None:
        add_partitions(template)
    for environment in settings.environments:
        suffix = environment_suffix(environment)
        if settings.nested_base_url is None:
            add_pipeline(template, parameters, environment, settings.pipeline, suffix)
        else:
            _add_nested_pipeline(template, parameters, environment, settings.nested_base_url, suffix)
    return template


def _add_nested_pipeline(
    template: Template, parameters: Mapping[str, Parameter], environment: Environment, base_url: str, suffix: str
) -> None:
    """Adds the stack of one pipeline under the reference's logical ID, so that it can be updated in place."""
    asked = for_environment(parameters, suffix)
    if not environment.approval:
        asked.pop("SNSTopicName", None)
    stack = template.add_resource(
        Stack(
            f"CodePipeLine{suffix}",
            TemplateURL=f"{base_url}/{file_name(environment)}",
            Parameters={name: ref(value) for name, value in asked.items()},
        )
    )
    add_outputs(template, environment, {name: stack.get_att(f"Outputs.{name}") for name in OUTPUTS}, suffix)
