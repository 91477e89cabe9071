"""The template of a single pipeline, and the three resources that each pipeline consists of."""

from __future__ import annotations

from collections.abc import Mapping

from troposphere import Equals, Not, Output, Parameter, Ref, Template
from troposphere.codepipeline import Actions, ArtifactStore, FailureConditions, Pipeline, Stages
from troposphere.ecr import ImageScanningConfiguration, LifecyclePolicy, Repository
from troposphere.events import Rule, Target

from .. import actions
from ..environments import Environment
from ..parameters import add_fields, for_environment, single_pipeline_fields
from ..settings import DeploymentPipelineSettings, PipelineSettings
from ..substitution import add_partitions, console_url, role_arn, sub
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
    parameters: Mapping[str, Parameter],
    environment: Environment,
    settings: PipelineSettings,
    suffix: str = "",
) -> None:
    """Adds an environment's ECR repository, trigger and pipeline, and the outputs that lead to them.

    The template needs ``add_partitions``.
    """
    asked = for_environment(parameters, suffix)
    make_repository = f"MakeECRRepository{suffix}"
    template.add_condition(make_repository, Not(Equals(Ref(asked["LifecyclePolicyText"]), "")))
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


def _repository(title: str, asked: Mapping[str, Parameter], settings: PipelineSettings, condition: str) -> Repository:
    """The repository; retained, because a stack that is deleted must not take the releases with it."""
    return Repository(
        title,
        Condition=condition,
        DeletionPolicy="Retain",
        UpdateReplacePolicy="Retain",
        RepositoryName=Ref(asked["ECRRepositoryName"]),
        ImageScanningConfiguration=ImageScanningConfiguration(ScanOnPush=settings.scan_on_push),
        ImageTagMutability=settings.image_tag_mutability,
        LifecyclePolicy=LifecyclePolicy(LifecyclePolicyText=Ref(asked["LifecyclePolicyText"])),
    )


def _trigger(title: str, asked: Mapping[str, Parameter], pipeline: Pipeline) -> Rule:
    """The event rule that starts the pipeline on a push to exactly its branch.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/triggering.html
    """
    repository = asked["CodeCommitRepositoryName"]
    return Rule(
        title,
        Name=Ref(asked["CodePipelineName"]),
        Description=sub("Starts the pipeline ${name}", name=asked["CodePipelineName"]),
        EventPattern={
            "source": ["aws.codecommit"],
            "detail-type": ["CodeCommit Repository State Change"],
            "resources": [
                sub(
                    "arn:${AWS::Partition}:codecommit:${AWS::Region}:${AWS::AccountId}:${repository}",
                    repository=repository,
                )
            ],
            "detail": {
                "event": ["referenceCreated", "referenceUpdated"],
                "referenceType": ["branch"],
                "referenceName": [Ref(asked["CodeCommitBranchName"])],
            },
        },
        Targets=[
            Target(
                Arn=sub(
                    "arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:${pipeline}",
                    pipeline=pipeline,
                ),
                Id="Pipeline",
                RoleArn=role_arn(asked["CloudWatchEventRoleName"]),
            )
        ],
    )


def _pipeline(
    title: str, asked: Mapping[str, Parameter], environment: Environment, settings: PipelineSettings
) -> Pipeline:
    deploy = Stages(
        Name="Deploy",
        Actions=[
            actions.deploy(
                cluster=asked["ECSClusterName"],
                service=asked["ECSServiceName"],
                source=BUILD_CONTAINER_ARTIFACT,
                settings=settings,
            )
        ],
    )
    if settings.rollback_on_failure:
        deploy.OnFailure = FailureConditions(Result="ROLLBACK")
    return Pipeline(
        title,
        Name=Ref(asked["CodePipelineName"]),
        PipelineType=settings.pipeline_type,
        RoleArn=role_arn(asked["CodePipelineServiceRoleName"]),
        ArtifactStore=ArtifactStore(Type="S3", Location=Ref(asked["CodePipelineArtifactBucketName"])),
        Stages=[
            Stages(
                Name="Source",
                Actions=[
                    actions.source(
                        repository=asked["CodeCommitRepositoryName"],
                        branch=asked["CodeCommitBranchName"],
                        output=SOURCE_ARTIFACT,
                    )
                ],
            ),
            Stages(Name="Build", Actions=_build_actions(asked, environment, settings)),
            deploy,
        ],
    )


def _build_actions(
    asked: Mapping[str, Parameter], environment: Environment, settings: PipelineSettings
) -> list[Actions]:
    """The approval, if there is one, then the unit tests, then the image: one after the other."""
    steps = []
    if environment.approval:
        steps.append(
            actions.approval(
                topic=asked["SNSTopicName"],
                repository=asked["CodeCommitRepositoryName"],
                branch=asked["CodeCommitBranchName"],
                settings=settings,
            )
        )
    steps.append(
        actions.build_app(
            project=asked["CodeBuildNodejsProjectName"], source=SOURCE_ARTIFACT, output=BUILD_APP_ARTIFACT
        )
    )
    steps.append(
        actions.build_container(
            project=asked["CodeBuildContainerImageProjectName"],
            container=asked["ECSTaskContainerName"],
            repository=asked["ECRRepositoryName"],
            source=BUILD_APP_ARTIFACT,
            output=BUILD_CONTAINER_ARTIFACT,
        )
    )
    for run_order, step in enumerate(steps, start=1):
        step.RunOrder = run_order
    return steps


def _approval(environment: Environment) -> str:
    return "with approval" if environment.approval else "without approval"
