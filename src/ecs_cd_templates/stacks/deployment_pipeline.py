"""The template of a single pipeline, and the three resources that each pipeline consists of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from troposphere import Equals, Not, Output, Parameter, Template
from troposphere.codepipeline import ArtifactStore, FailureConditions, Pipeline, Stages
from troposphere.ecr import ImageScanningConfiguration, LifecyclePolicy, Repository
from troposphere.events import Rule, Target

from .. import actions
from ..cfn.console import add_partitions, console_url
from ..cfn.intrinsics import RETAIN, Named, ref, role_arn, sub
from ..environments import Environment
from ..grants import pipeline_arn, repository_arn
from ..parameters import add_fields, for_environment, single_pipeline_fields
from ..settings import DeploymentPipelineSettings, PipelineSettings
from .rules import require_distinct

SOURCE_ARTIFACT = "SourceArtifact"
BUILD_APP_ARTIFACT = "BuildAppArtifact"
BUILD_CONTAINER_ARTIFACT = "BuildContainerArtifact"

OUTPUTS = {
    "PipelineUrl": "The pipeline that deploys to {environment}, in the console",
    "ECRRepositoryUri": "The ECR repository that gets the images of {environment}",
}


def build(settings: DeploymentPipelineSettings) -> Template:
    """A template with one pipeline, its trigger and, unless it exists already, its ECR repository."""
    approval = _approval(settings.environment)
    template = Template(Description=f"This template deploys a CI/CD pipeline to deploy to a ECS cluster {approval}")
    parameters = add_fields(template, single_pipeline_fields(settings.environment))
    require_distinct_projects(template, parameters)
    add_partitions(template)
    add_pipeline(template, parameters, settings.environment, settings.pipeline)
    return template


def file_name(environment: Environment) -> str:
    """The file that a template with a pipeline like this environment's is rendered to."""
    return f"deployment-pipeline-{_approval(environment).replace(' ', '-')}.yaml"


def require_distinct_projects(template: Template, parameters: Mapping[str, Parameter]) -> None:
    """Refuses one CodeBuild project for both builds: it has one buildspec, and each build its own."""
    projects = [parameters["CodeBuildNodejsProjectName"], parameters["CodeBuildContainerImageProjectName"]]
    require_distinct(template, "DistinctBuildProjects", projects, "The two builds need a CodeBuild project each")


def add_pipeline(
    template: Template,
    parameters: Mapping[str, Named],
    environment: Environment,
    settings: PipelineSettings,
    suffix: str = "",
) -> None:
    """Adds an environment's ECR repository, trigger and pipeline, and the outputs that lead to them.

    The template needs ``add_partitions``.
    """
    asked = for_environment(parameters, suffix)
    make_repository = f"MakeECRRepository{suffix}"
    template.add_condition(make_repository, Not(Equals(ref(asked["LifecyclePolicyText"]), "")))
    template.add_resource(_repository(f"ECRRepository{suffix}", asked, settings, make_repository))
    pipeline = _pipeline(f"Pipeline{suffix}", asked, environment, settings)
    template.add_resource(_trigger(f"CWEventTrigger{suffix}", asked, pipeline))
    template.add_resource(pipeline)
    url = console_url("codesuite/codepipeline/pipelines/${pipeline}/view?region=${AWS::Region}", pipeline=pipeline)
    uri = sub(actions.REPOSITORY_URI, repository=asked["ECRRepositoryName"])
    add_outputs(template, environment, {"PipelineUrl": url, "ECRRepositoryUri": uri}, suffix)


def add_outputs(template: Template, environment: Environment, values: Mapping[str, object], suffix: str) -> None:
    """Adds an environment's outputs, each of which :data:`OUTPUTS` describes."""
    words = f"the {environment.words} environment" if suffix else "the environment"
    for name, description in OUTPUTS.items():
        template.add_output(
            Output(f"{name}{suffix}", Description=description.format(environment=words), Value=values[name])
        )


def _repository(title: str, asked: Mapping[str, Named], settings: PipelineSettings, condition: str) -> Repository:
    """The repository; retained, because a stack that is deleted must not take the releases with it."""
    return Repository(
        title,
        Condition=condition,
        DeletionPolicy=RETAIN,
        UpdateReplacePolicy="Retain",
        RepositoryName=ref(asked["ECRRepositoryName"]),
        ImageScanningConfiguration=ImageScanningConfiguration(ScanOnPush=settings.scan_on_push),
        ImageTagMutability=settings.image_tag_mutability,
        LifecyclePolicy=LifecyclePolicy(LifecyclePolicyText=ref(asked["LifecyclePolicyText"])),
    )


def _trigger(title: str, asked: Mapping[str, Named], pipeline: Pipeline) -> Rule:
    """The event rule that starts the pipeline on a push to exactly its branch.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/triggering.html
    """
    return Rule(
        title,
        Name=ref(asked["CodePipelineName"]),
        Description=sub("Starts the pipeline ${name}", name=asked["CodePipelineName"]),
        EventPattern={
            "source": ["aws.codecommit"],
            "detail-type": ["CodeCommit Repository State Change"],
            "resources": [repository_arn(asked["CodeCommitRepositoryName"])],
            "detail": {
                "event": ["referenceCreated", "referenceUpdated"],
                "referenceType": ["branch"],
                "referenceName": [ref(asked["CodeCommitBranchName"])],
            },
        },
        Targets=[
            Target(
                Arn=pipeline_arn(pipeline),
                Id="Pipeline",
                RoleArn=role_arn(asked["CloudWatchEventRoleName"]),
            )
        ],
    )


def _pipeline(title: str, asked: Mapping[str, Named], environment: Environment, settings: PipelineSettings) -> Pipeline:
    stages = [
        Stages(Name=name, Actions=[action.declaration for action in actions_of_stage])
        for name, actions_of_stage in stage_actions(asked, environment, settings).items()
    ]
    if settings.rollback_on_failure:
        stages[-1].OnFailure = FailureConditions(Result="ROLLBACK")
    return Pipeline(
        title,
        Name=ref(asked["CodePipelineName"]),
        PipelineType=settings.pipeline_type,
        RoleArn=role_arn(asked["CodePipelineServiceRoleName"]),
        ArtifactStore=ArtifactStore(Type="S3", Location=ref(asked["CodePipelineArtifactBucketName"])),
        Stages=stages,
    )


def stage_actions(
    asked: Mapping[str, Named],
    environment: Environment,
    settings: PipelineSettings,
    task_roles: Sequence[Named] = (),
) -> dict[str, list[actions.Action]]:
    """The actions of each stage, in order; in the Build stage they run one after the other.

    ``asked`` has a name for each pipeline question; ``task_roles`` matter to the deploy action's permissions only.
    """
    source = actions.source(
        repository=asked["CodeCommitRepositoryName"], branch=asked["CodeCommitBranchName"], output=SOURCE_ARTIFACT
    )
    build_app = actions.build_app(
        project=asked["CodeBuildNodejsProjectName"], source=SOURCE_ARTIFACT, output=BUILD_APP_ARTIFACT
    )
    build_container = actions.build_container(
        project=asked["CodeBuildContainerImageProjectName"],
        container=asked["ECSTaskContainerName"],
        repository=asked["ECRRepositoryName"],
        source=BUILD_APP_ARTIFACT,
        output=BUILD_CONTAINER_ARTIFACT,
    )
    deploy = actions.deploy(
        cluster=asked["ECSClusterName"],
        service=asked["ECSServiceName"],
        task_roles=task_roles,
        source=BUILD_CONTAINER_ARTIFACT,
        settings=settings,
    )
    build = [build_app, build_container]
    if environment.approval:
        approval = actions.approval(
            topic=asked["SNSTopicName"],
            repository=asked["CodeCommitRepositoryName"],
            branch=asked["CodeCommitBranchName"],
            settings=settings,
        )
        build.insert(0, approval)
    for run_order, action in enumerate(build, start=1):
        action.declaration.RunOrder = run_order
    return {"Source": [source], "Build": build, "Deploy": [deploy]}


def _approval(environment: Environment) -> str:
    return "with approval" if environment.approval else "without approval"
