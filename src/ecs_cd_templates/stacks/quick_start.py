"""The template of everything at once: from an empty account to running environments with their pipelines.

It holds all of its resources itself. As nested stacks it would need a folder to read them from, and
every name would have to be passed down; here each name is a reference, which also puts things in order.
"""

from __future__ import annotations

from dataclasses import replace

from troposphere import And, Equals, If, Not, NoValue, Or, Output, Ref, Template
from troposphere.codecommit import S3, Code

from .. import parameters
from ..cfn.console import add_partitions
from ..checks import instance
from ..environments import Scope, scopes
from ..inputs import BuildInput, PipelineInputs
from ..parameters import Entry, Form, ParameterSpec, Purpose, add_form, described, entry
from ..settings import CodeBuildSettings, EcsEnvironmentSettings, PrerequisitesSettings, QuickStartSettings
from ..texts import Text
from . import code_build, ecs_environment, prerequisites
from .deployment_pipeline import add_pipeline, require_distinct_projects
from .rules import (
    OWN_ADDRESSES,
    OWN_CLUSTERS,
    OWN_ECR_REPOSITORIES,
    OWN_PIPELINES,
    OWN_TASK_EXECUTION_ROLES,
    OWN_TASK_ROLES,
    require_own,
)

# Where the archive is that the repository starts with; both are named, or neither.
_SAMPLE_APP = (parameters.SAMPLE_APP_BUCKET, parameters.SAMPLE_APP_KEY)
_HAS_SAMPLE_APP = "HasSampleApp"


def build(settings: QuickStartSettings) -> Template:
    """A template that makes all that the pipelines need and deploy to, and the pipelines.

    Raises :class:`SettingsError` for what is not settings.
    """
    instance("settings", settings, QuickStartSettings)
    template = Template(Description=Text("template.quick-start", count=str(len(settings.environments))))
    form = add_form(template, entries(settings))
    _add_rules(template, form, settings)
    add_partitions(template)
    every = scopes(settings.environments)
    common = prerequisites.add_prerequisites(
        template, form, _prerequisites(settings), existing=False, code=_first_commit(form, every[0])
    )
    template.add_condition(_HAS_SAMPLE_APP, And(*(Not(blank) for blank in _blank_sample_app(form))))
    template.add_output(
        Output(
            "CodeCommitCloneUrl",
            Description="Where to push the application to",
            Value=common.repository.get_att("CloneUrlHttp"),
        )
    )
    builds = []
    for step in settings.pipeline.steps:
        project = code_build.add_project(
            template,
            prerequisites.build_project(step).title,
            name=form.of(step.project),
            role=common.roles[step.role],
            settings=CodeBuildSettings(step=step, architecture=settings.architecture),
        )
        builds.append(BuildInput(step=step, project=project))
    for scope in every:
        environment = ecs_environment.add_environment(template, form, _ecs_environment(scope, settings), scope)
        # Names are read off the resources where there are such, so that these are there before what uses them.
        inputs = PipelineInputs(
            pipeline=form.of(parameters.PIPELINE_NAME, scope),
            pipeline_role=common.roles[parameters.PIPELINE_ROLE],
            artifact_bucket=common.bucket,
            approval_topic=common.topic and common.topic.get_att("TopicName"),
            repository=common.repository.get_att("Name"),
            branch=form.of(parameters.BRANCH, scope),
            builds=builds,
            ecr_repository=form.of(parameters.ECR_REPOSITORY, scope),
            container=form.of(parameters.CONTAINER),
            lifecycle_policy=form.of(parameters.LIFECYCLE_POLICY, scope),
            cluster=form.of(parameters.CLUSTER, scope),
            service=environment.service.get_att("Name"),
            event_role=common.roles[parameters.EVENT_ROLE],
            task_roles=(),
        )
        add_pipeline(template, inputs, scope, settings.pipeline)
    return template


def entries(settings: QuickStartSettings) -> list[Entry]:
    """The form of everything, each parameter once and all with a default: first what the environments share."""
    every = scopes(settings.environments)
    environments: list[Entry] = []
    for number, scope in enumerate(every):
        own = ecs_environment.entries(_ecs_environment(scope, settings), scope)
        cidr = f"10.{number}.0.0/16"
        environments += [replace(each, default=cidr) if each.spec is parameters.VPC_CIDR else each for each in own]
    shared = [
        parameters.LAUNCH_TYPE,
        parameters.INSTANCE_TYPE,
        parameters.INSTANCE_IMAGE,
        parameters.CONTAINER,
        parameters.TASK_SIZE,
        parameters.HEALTH_CHECK_PATH,
    ]
    ordered = [
        *sorted((each for each in environments if each.spec in shared), key=lambda each: shared.index(each.spec)),
        *(_branch(scope) for scope in every),
        *(entry(parameters.LIFECYCLE_POLICY, Purpose.MAKE, scope) for scope in every),
        *_sample_app(settings),
        *prerequisites.entries(_prerequisites(settings), existing=False),
        # Where two have a parameter of one name, the environment's says what it may be.
        *environments,
    ]
    return described({each.name: each for each in ordered}.values(), _descriptions(settings))


def _descriptions(settings: QuickStartSettings) -> dict[ParameterSpec, Text]:
    """What is made here, where by itself it would be another template's."""
    return {
        parameters.PIPELINE_NAME: Text("quick_start.pipeline"),
        parameters.ECR_REPOSITORY: Text("quick_start.ecr_repository"),
        parameters.INSTANCE_TYPE: Text("quick_start.instance_type"),
        **{step.project: step.text("project.quick_start.description") for step in settings.pipeline.steps},
    }


def _branch(scope: Scope) -> Entry:
    branch = scope.environment.default_branch or scope.environment.id.lower()
    return replace(entry(parameters.BRANCH, Purpose.USE, scope), default=branch)


def _sample_app(settings: QuickStartSettings) -> list[Entry]:
    defaults = settings.sample_app or ("", "")
    return [
        replace(entry(spec, Purpose.USE), default=default) for spec, default in zip(_SAMPLE_APP, defaults, strict=True)
    ]


def _blank_sample_app(form: Form) -> list[Equals]:
    """For each part of where the archive is, whether it is left blank."""
    return [Equals(Ref(form.of(spec)), "") for spec in _SAMPLE_APP]


def _prerequisites(settings: QuickStartSettings) -> PrerequisitesSettings:
    return PrerequisitesSettings(environments=settings.environments, pipeline=settings.pipeline)


def _ecs_environment(scope: Scope, settings: QuickStartSettings) -> EcsEnvironmentSettings:
    return EcsEnvironmentSettings(environment=scope.environment, architecture=settings.architecture)


def _first_commit(form: Form, first: Scope) -> If:
    """The archive that the repository starts with, if one is named."""
    bucket, key = (Ref(form.of(spec)) for spec in _SAMPLE_APP)
    archive = S3(Bucket=bucket, Key=key)
    return If(_HAS_SAMPLE_APP, Code(S3=archive, BranchName=Ref(form.of(parameters.BRANCH, first))), NoValue)


def _add_rules(template: Template, form: Form, settings: QuickStartSettings) -> None:
    """Refuses one name for two things of the same kind, which could not both be made."""
    require_distinct_projects(template, form, settings.pipeline.steps)
    for own in (
        OWN_PIPELINES,
        OWN_ECR_REPOSITORIES,
        OWN_CLUSTERS,
        OWN_TASK_ROLES,
        OWN_TASK_EXECUTION_ROLES,
        OWN_ADDRESSES,
    ):
        require_own(template, form, scopes(settings.environments), own)
    blank = _blank_sample_app(form)
    whole = {
        "Assert": Or(And(*blank), Not(Or(*blank))),
        "AssertDescription": Text("rule.whole_sample_app"),
    }
    template.add_rule("WholeSampleApp", {"Assertions": [whole]})
