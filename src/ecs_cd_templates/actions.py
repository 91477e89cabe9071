"""The actions of a pipeline: one function for each, from what it needs to its declaration and permissions.

What an action's configuration may hold is described action by action in
https://docs.aws.amazon.com/codepipeline/latest/userguide/structure-action-reference.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from troposphere import AWSHelperFn, Sub
from troposphere.codepipeline import Actions, ActionTypeId, InputArtifacts, OutputArtifacts

from . import grants
from .cfn.intrinsics import Named, ref, sub
from .grants import Grant
from .steps import APPROVAL, DEPLOY, SOURCE, BuildStep

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
REPOSITORY_URI = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/${repository}"

SOURCE_NAMESPACE = "SourceVariables"
COMMIT_ID = f"#{{{SOURCE_NAMESPACE}.CommitId}}"
COMMIT_MESSAGE = f"#{{{SOURCE_NAMESPACE}.CommitMessage}}"


@dataclass(frozen=True)
class Action:
    """An action's declaration, and what the pipeline's role must be allowed because of it."""

    declaration: Actions
    grants: list[Grant]


def source(
    *, provider: str, configuration: Mapping[str, AWSHelperFn | str], output: str, grants: list[Grant]
) -> Action:
    """The newest commit as an artifact, fetched when something says so and never by polling.

    Its variables (``CommitId``, ``CommitMessage``) are there for the actions after it.
    """
    declaration = Actions(
        Name=SOURCE,
        ActionTypeId=_type("Source", provider),
        Namespace=SOURCE_NAMESPACE,
        Configuration=dict(configuration),
        OutputArtifacts=[OutputArtifacts(Name=output)],
    )
    return Action(declaration, grants)


def approval(
    *, topic: Named, key: Named | None, link: AWSHelperFn | None, comment: AWSHelperFn, timeout_minutes: int
) -> Action:
    """A manual approval that says what it is about, leads to it if there is a link, and sends its request to the topic.

    The key encrypts the topic.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ManualApproval.html
    """
    declaration = Actions(
        Name=APPROVAL,
        ActionTypeId=_type("Approval", "Manual"),
        Configuration={
            "NotificationArn": grants.topic_arn(topic),
            **({} if link is None else {"ExternalEntityLink": link}),
            "CustomData": comment,
        },
        TimeoutInMinutes=timeout_minutes,
    )
    return Action(declaration, grants.request_approval(topic, key))


def build(step: BuildStep, *, project: Named, sources: Sequence[str], variables: Sub | None = None) -> Action:
    """A build in the step's CodeBuild project, from the first artifact, which has its buildspec.

    The build finds a further artifact in the directory ``$CODEBUILD_SRC_DIR_ARTIFACT``
    (https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html).
    """
    outputs: dict[str, Any] = {"OutputArtifacts": [OutputArtifacts(Name=step.output)]} if step.output else {}
    declaration = Actions(
        Name=step.action,
        ActionTypeId=_type("Build", "CodeBuild"),
        Configuration={
            "ProjectName": ref(project),
            **({"PrimarySource": sources[0]} if len(sources) > 1 else {}),
            **({} if variables is None else {"EnvironmentVariables": variables}),
        },
        InputArtifacts=[InputArtifacts(Name=source) for source in sources],
        **outputs,
    )
    return Action(declaration, grants.start_build(project))


def image_variables(*, container: Named, repository: Named) -> Sub:
    """What a build that pushes the container image gets: for which container, and to which ECR repository.

    It is JSON inside a string, which the parameters' patterns keep intact.
    """
    return sub(
        '[{"name":"CONTAINER_NAME","value":"${container}","type":"PLAINTEXT"},'
        f'{{"name":"ECR_REPOSITORY_URI","value":"{REPOSITORY_URI}","type":"PLAINTEXT"}}]',
        container=container,
        repository=repository,
    )


def deploy(*, cluster: Named, service: Named, task_roles: Sequence[Named], source: str, timeout_minutes: int) -> Action:
    """The images that the artifact's ``imagedefinitions.json`` names, deployed to the ECS service.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html
    """
    declaration = Actions(
        Name=DEPLOY,
        ActionTypeId=_type("Deploy", "ECS"),
        Configuration={
            "ClusterName": ref(cluster),
            "ServiceName": ref(service),
            "FileName": "imagedefinitions.json",
            "DeploymentTimeout": str(timeout_minutes),
        },
        InputArtifacts=[InputArtifacts(Name=source)],
    )
    return Action(declaration, grants.ecs_deployment(cluster, service, task_roles))


def _type(category: str, provider: str) -> ActionTypeId:
    return ActionTypeId(Category=category, Owner="AWS", Provider=provider, Version="1")
