"""The template of a single pipeline, and the three resources that each pipeline consists of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from troposphere import Equals, Not, Output, Template
from troposphere.codepipeline import ArtifactStore, EncryptionKey, FailureConditions, Pipeline, Stages
from troposphere.ecr import (
    EncryptionConfiguration,
    ImageScanningConfiguration,
    ImageTagMutabilityExclusionFilter,
    LifecyclePolicy,
    Repository,
)

from .. import actions, parameters
from ..cfn.console import add_partitions, console_url
from ..cfn.intrinsics import RETAIN, ref, role_arn, sub
from ..cfn.order import come_after, last_resources
from ..checks import instance
from ..environments import Approval, Environment, Scope
from ..inputs import PipelineInputs, inputs_from_form, pipeline_parameters
from ..parameters import Entry, Form, ParameterSpec, Purpose, add_form, entry
from ..settings import DeploymentPipelineSettings, PipelineSettings
from ..sources import Source
from ..steps import SOURCE_ARTIFACT, BuildStep
from ..texts import Text, either, with_article
from .rules import require_distinct

PIPELINE = "Pipeline"
REPOSITORY = "ECRRepository"

OUTPUTS = {
    "PipelineUrl": "The pipeline that deploys to {environment}, in the console",
    "ECRRepositoryUri": "The ECR repository that gets the images of {environment}",
}

# What a pipeline's template makes; it uses what all other parameters name.
_CREATED = (parameters.PIPELINE_NAME, parameters.ECR_REPOSITORY, parameters.LIFECYCLE_POLICY)


def build(settings: DeploymentPipelineSettings) -> Template:
    """A template with one pipeline, its trigger and, unless it exists already, its ECR repository.

    Raises :class:`SettingsError` for what is not settings.
    """
    instance("settings", settings, DeploymentPipelineSettings)
    scope = Scope(settings.environment, only=True)
    pipeline = settings.pipeline
    described = "with" if settings.environment.approval else "without"
    template = Template(Description=Text(f"template.deployment-pipeline-{described}-approval"))
    form = add_form(template, pipeline_entries([scope], pipeline))
    require_distinct_projects(template, form, pipeline.steps)
    add_partitions(template)
    inputs = inputs_from_form(form, scope, pipeline.source, pipeline.steps, own_key=pipeline.own_key)
    add_pipelines(template, {scope: inputs}, pipeline)
    return template


def file_name(environment: Environment) -> str:
    """The file that a template with a pipeline like this environment's is rendered to."""
    kinds: dict[Approval | None, str] = {
        None: "without-approval",
        "before_build": "with-approval",
        "before_deploy": "with-approval-before-deploy",
    }
    return f"deployment-pipeline-{kinds[environment.approval]}.yaml"


def pipeline_entries(scopes: Sequence[Scope], pipeline: PipelineSettings) -> list[Entry]:
    """The form of a template with a pipeline for each scope, in the order of the reference's forms."""
    approved = [scope for scope in scopes if scope.environment.approval]
    source = pipeline.source
    entries: list[Entry] = []
    for spec in pipeline_parameters(source, pipeline.steps, approval=bool(approved), own_key=pipeline.own_key):
        if spec.per_environment:
            entries += [_entry(source, spec, scope) for scope in scopes]
        elif spec is parameters.APPROVAL_TOPIC and not approved[0].only:
            environments = either([with_article(scope.environment.display_name) for scope in approved])
            entries.append(_entry(source, spec, scope_text=Text("scope.approval", environments=environments)))
        else:
            entries.append(_entry(source, spec))
    return entries


def require_distinct_projects(template: Template, form: Form, steps: Sequence[BuildStep]) -> None:
    """Refuses one CodeBuild project for two builds: it has one buildspec, and each build its own."""
    projects = [form.of(step.project) for step in steps]
    require_distinct(template, "DistinctBuildProjects", projects, Text("rule.own_project"))


def add_pipelines(
    template: Template,
    inputs: Mapping[Scope, PipelineInputs],
    settings: PipelineSettings,
) -> None:
    """Adds each environment's ECR repository, trigger and pipeline, and the outputs that lead to them.

    A pipeline runs as soon as it is made, and what it has put into its bucket and repository would be in the
    way of a launch that fails later. So the pipelines come after everything else in the template, and the
    first environment's last of all: where the repository is new, that one alone has a branch to run from. The
    template needs ``add_partitions``.
    """
    for scope, own in inputs.items():
        repository = template.add_resource(_repository(scope, own, settings))
        if not isinstance(own.lifecycle_policy, str):
            given = Not(Equals(ref(own.lifecycle_policy), ""))
            repository.Condition = template.add_condition(scope.name("MakeECRRepository"), given)
        rule = settings.source.rule(scope, own.pipeline, own.source)
        if rule is not None:
            template.add_resource(rule)
    pipelines = {scope: _pipeline(scope, own, settings) for scope, own in inputs.items()}
    before = last_resources(template)
    for pipeline in reversed(pipelines.values()):
        come_after(pipeline, before)
        before = {str(pipeline.title): None}
    for scope, own in inputs.items():
        pipeline = template.add_resource(pipelines[scope])
        path = "codesuite/codepipeline/pipelines/${pipeline}/view?region=${AWS::Region}"
        uri = sub(actions.REPOSITORY_URI, repository=own.ecr_repository)
        add_outputs(template, scope, {"PipelineUrl": console_url(path, pipeline=pipeline), "ECRRepositoryUri": uri})


def add_outputs(template: Template, scope: Scope, values: dict[str, object]) -> None:
    """Adds an environment's outputs, each of which :data:`OUTPUTS` describes."""
    for name, description in OUTPUTS.items():
        template.add_output(
            Output(scope.name(name), Description=description.format(environment=scope.in_sentence), Value=values[name])
        )


def stage_actions(
    inputs: PipelineInputs, environment: Environment, settings: PipelineSettings
) -> dict[str, list[actions.Action]]:
    """The actions of each stage, in order; in the Build stage they run one after the other."""
    source = settings.source.action(inputs.source, SOURCE_ARTIFACT)
    build: list[actions.Action] = []
    if environment.approval == "before_build":
        build.append(_approval(inputs, environment, settings))
    variables = actions.image_variables(container=inputs.container, repository=inputs.ecr_repository)
    application, images = SOURCE_ARTIFACT, ""
    for each in inputs.builds:
        step = each.step
        build.append(
            actions.build(
                step,
                project=each.project,
                # With the image definitions, what comes after the image can find it.
                sources=[application, images] if images else [application],
                variables=variables if step.pushes_image else None,
            )
        )
        # What the image's build passes on is not the application any more.
        if step.pushes_image:
            images = str(step.output)
        elif step.output:
            application = step.output
    # In the stage before, because a deployment stage that fails deploys what ran before once more.
    if environment.approval == "before_deploy":
        build.append(_approval(inputs, environment, settings))
    deploy = actions.deploy(
        cluster=inputs.cluster,
        service=inputs.service,
        task_roles=inputs.task_roles,
        source=images,
        timeout_minutes=settings.deployment_timeout_minutes,
    )
    for run_order, action in enumerate(build, start=1):
        action.declaration.RunOrder = run_order
    return {"Source": [source], "Build": build, "Deploy": [deploy]}


def _entry(source: Source, spec: ParameterSpec, scope: Scope | None = None, scope_text: str = "") -> Entry:
    purpose = Purpose.MAKE if spec in _CREATED else Purpose.USE
    # The only parameters for which the reference proposes anything.
    propose = spec in (source.branch, parameters.LIFECYCLE_POLICY)
    wording = source.pipeline_texts if spec is parameters.PIPELINE_NAME else ""
    fill = {"scope": scope_text} if scope_text else {}
    return entry(spec, purpose, scope, propose=propose, wording=wording, fill=fill)


def _approval(inputs: PipelineInputs, environment: Environment, settings: PipelineSettings) -> actions.Action:
    if inputs.approval_topic is None:
        raise ValueError(f"the pipeline of {environment.id} waits for an approval, and has no topic for its request")
    review = settings.source.review(inputs.source, environment)
    message = f" ({actions.COMMIT_MESSAGE})" if settings.approval_shows_message else ""
    comment = (
        f"Commit {actions.COMMIT_ID} {review.commit}{message}. What goes out is all that the branch has gained "
        f"since it was last deployed{review.hint}."
    )
    return actions.approval(
        topic=inputs.approval_topic,
        key=inputs.key,
        link=review.link,
        comment=sub(comment, branch=inputs.source[settings.source.branch]),
        timeout_minutes=settings.approval_timeout_minutes,
    )


def _repository(scope: Scope, inputs: PipelineInputs, settings: PipelineSettings) -> Repository:
    """The repository; retained, because a stack that is deleted must not take the releases with it."""
    encryption: dict[str, Any] = {}
    if inputs.key is not None:
        # Whoever pushes and pulls needs no permission for the key: ECR has a grant, which it makes with the repository
        # (https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html).
        encryption = {"EncryptionConfiguration": EncryptionConfiguration(EncryptionType="KMS", KmsKey=ref(inputs.key))}
    exclusions: dict[str, Any] = {}
    if settings.image_tag_mutability == "IMMUTABLE_WITH_EXCLUSION":
        latest = ImageTagMutabilityExclusionFilter(
            ImageTagMutabilityExclusionFilterType="WILDCARD", ImageTagMutabilityExclusionFilterValue="latest"
        )
        exclusions = {"ImageTagMutabilityExclusionFilters": [latest]}
    return Repository(
        scope.name(REPOSITORY),
        DeletionPolicy=RETAIN,
        UpdateReplacePolicy="Retain",
        RepositoryName=ref(inputs.ecr_repository),
        ImageScanningConfiguration=ImageScanningConfiguration(ScanOnPush=settings.scan_on_push),
        ImageTagMutability=settings.image_tag_mutability,
        **exclusions,
        **encryption,
        LifecyclePolicy=LifecyclePolicy(LifecyclePolicyText=ref(inputs.lifecycle_policy)),
    )


def _pipeline(scope: Scope, inputs: PipelineInputs, settings: PipelineSettings) -> Pipeline:
    stages = [
        Stages(Name=name, Actions=[action.declaration for action in actions_of_stage])
        for name, actions_of_stage in stage_actions(inputs, scope.environment, settings).items()
    ]
    encryption: dict[str, Any] = (
        {} if inputs.key is None else {"EncryptionKey": EncryptionKey(Id=ref(inputs.key), Type="KMS")}
    )
    if settings.rollback_on_failure:
        stages[-1].OnFailure = FailureConditions(Result="ROLLBACK")
    pipeline = Pipeline(
        scope.name(PIPELINE),
        Name=ref(inputs.pipeline),
        PipelineType=settings.pipeline_type,
        RoleArn=role_arn(inputs.pipeline_role),
        ArtifactStore=ArtifactStore(Type="S3", Location=ref(inputs.artifact_bucket), **encryption),
        Stages=stages,
    )
    triggers = settings.source.triggers(inputs.source, scope.environment)
    if triggers:
        pipeline.Triggers = triggers
    return pipeline
