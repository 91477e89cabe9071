"""The template of a pipeline for each environment: self-contained, or as nested stacks."""

from __future__ import annotations

from troposphere import Template
from troposphere.cloudformation import Stack

from ..cfn.console import add_partitions
from ..cfn.intrinsics import ref
from ..checks import instance
from ..environments import Scope, scopes
from ..inputs import inputs_from_form, pipeline_parameters
from ..parameters import Form, add_form
from ..settings import AllEnvironmentsSettings
from ..texts import Text
from .deployment_pipeline import (
    OUTPUTS,
    add_outputs,
    add_pipelines,
    file_name,
    pipeline_entries,
    require_distinct_projects,
)
from .rules import OWN_ECR_REPOSITORIES, OWN_PIPELINES, require_own


def build(settings: AllEnvironmentsSettings) -> Template:
    """A template with a pipeline, its trigger and its ECR repository for each environment.

    Raises :class:`SettingsError` for what is not settings.
    """
    instance("settings", settings, AllEnvironmentsSettings)
    pipeline, source, steps = settings.pipeline, settings.pipeline.source, settings.pipeline.steps
    every = scopes(settings.environments)
    template = Template(Description=Text("template.deployment-pipeline-for-all-env"))
    form = add_form(template, pipeline_entries(every, pipeline))
    require_distinct_projects(template, form, steps)
    for own in (OWN_PIPELINES, OWN_ECR_REPOSITORIES):
        require_own(template, form, every, own)
    if settings.nested_base_url is None:
        add_partitions(template)
        inputs = {scope: inputs_from_form(form, scope, source, steps, own_key=pipeline.own_key) for scope in every}
        add_pipelines(template, inputs, pipeline)
    else:
        for scope in every:
            _add_nested_pipeline(template, form, scope, settings, settings.nested_base_url)
    return template


def _add_nested_pipeline(
    template: Template, form: Form, scope: Scope, settings: AllEnvironmentsSettings, base_url: str
) -> None:
    """Adds the stack of one pipeline under the reference's logical ID, so that it can be updated in place."""
    pipeline, approval = settings.pipeline, scope.environment.approval is not None
    specs = pipeline_parameters(pipeline.source, pipeline.steps, approval=approval, own_key=pipeline.own_key)
    stack = template.add_resource(
        Stack(
            scope.name("CodePipeLine"),
            TemplateURL=f"{base_url}/{file_name(scope.environment)}",
            Parameters={spec.name: ref(form.of(spec, scope)) for spec in specs},
        )
    )
    add_outputs(template, scope, {name: stack.get_att(f"Outputs.{name}") for name in OUTPUTS})
