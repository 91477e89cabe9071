"""The actions of a pipeline: one function for each, from what it needs to its declaration and permissions.

What an action's configuration may hold is described action by action in
https://docs.aws.amazon.com/codepipeline/latest/userguide/structure-action-reference.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from troposphere import Sub
from troposphere.codepipeline import Actions, ActionTypeId, InputArtifacts, OutputArtifacts

from . import grants
from .cfn.console import console_url
from .cfn.intrinsics import Named, ref, sub
from .grants import Grant
from .settings import PipelineSettings
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


def source(*, repository: Named, branch: Named, output: str) -> Action:
    """The branch's newest commit as an artifact, fetched when an event says so and never by polling.

    Its variables (``CommitId``, ``CommitMessage``) are there for the actions after it.
    """
    declaration = Actions(
        Name=SOURCE,
        ActionTypeId=_type("Source", "CodeCommit"),
        Namespace=SOURCE_NAMESPACE,
        Configuration={
            "RepositoryName": ref(repository),
            "BranchName": ref(branch),
            "PollForSourceChanges": "false",
        },
        OutputArtifacts=[OutputArtifacts(Name=output)],
    )
    return Action(declaration, grants.codecommit_source(repository))


def approval(
    *, topic: Named, key: Named | None, repository: Named, branch: Named, settings: PipelineSettings
) -> Action:
    """A manual approval that shows what it is about and sends its request to the topic, which the key encrypts.

    A commit's own page shows what that commit changes, and not what other commits it brings along. So the request
    leads to the repository's history
    (https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ManualApproval.html).
    """
    message = f" ({COMMIT_MESSAGE})" if settings.approval_shows_message else ""
    declaration = Actions(
        Name=APPROVAL,
        ActionTypeId=_type("Approval", "Manual"),
        Configuration={
            "NotificationArn": grants.topic_arn(topic),
            "ExternalEntityLink": console_url(
                "codesuite/codecommit/repositories/${repository}/commits?region=${AWS::Region}", repository=repository
            ),
            "CustomData": sub(
                f"Commit {COMMIT_ID} on branch ${{branch}}{message}. What goes out is all that the branch has gained "
                "since it was last deployed: choose the branch in the linked history to see it.",
                branch=branch,
            ),
        },
        TimeoutInMinutes=settings.approval_timeout_minutes,
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


def deploy(
    *, cluster: Named, service: Named, task_roles: Sequence[Named], source: str, settings: PipelineSettings
) -> Action:
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
            "DeploymentTimeout": str(settings.deployment_timeout_minutes),
        },
        InputArtifacts=[InputArtifacts(Name=source)],
    )
    return Action(declaration, grants.ecs_deployment(cluster, service, task_roles))


def _type(category: str, provider: str) -> ActionTypeId:
    return ActionTypeId(Category=category, Owner="AWS", Provider=provider, Version="1")
