"""The parameters of the templates: each one's name, label, group, default and constraint, in one place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from troposphere import Parameter, Template

from . import constraints
from .cfn.intrinsics import Named
from .constraints import Constraint
from .environments import Environment


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a template's form."""

    name: str
    label: str
    group: str
    description: str
    constraint: Constraint
    default: str | None = None
    type: str = "String"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a pipeline has to be told: a field for each environment, or one field that they share.

    In ``label`` and ``description``, ``{scope}`` and ``{environment}`` stand for the words of the
    environment; a template with a single pipeline has nothing to tell apart and leaves the scope out.
    """

    name: str
    label: str
    group: str
    description: str
    constraint: Constraint
    per_environment: bool = False
    for_approvals: bool = False


AnyNamed = TypeVar("AnyNamed", bound=Named)

PIPELINE_GROUP = "CodePipeline Settings"
CODECOMMIT_GROUP = "CodeCommit Settings"
CODEBUILD_GROUP = "CodeBuild Settings"
ECS_GROUP = "ECS Settings"
NETWORK_GROUP = "Network Settings"
LOAD_BALANCER_GROUP = "Load Balancer Settings"

PIPELINE_QUESTIONS: tuple[Question, ...] = (
    Question(
        name="CodePipelineName",
        label="What is the Code Pipeline Name{scope}?",
        group=PIPELINE_GROUP,
        description="Name for the pipeline that deploys to {environment}; the event rule that starts it gets the same.",
        constraint=constraints.PIPELINE_NAME,
        per_environment=True,
    ),
    Question(
        name="CodePipelineServiceRoleName",
        label="Which CodePipeline service role should be used?",
        group=PIPELINE_GROUP,
        description="Existing IAM role that CodePipeline works with.",
        constraint=constraints.ROLE_NAME,
    ),
    Question(
        name="CodePipelineArtifactBucketName",
        label="Which s3 bucket should be used for a codepipeline artifact store?",
        group=PIPELINE_GROUP,
        description="Existing S3 bucket, in the region of this stack, that holds what one action hands to the next.",
        constraint=constraints.BUCKET_NAME,
    ),
    Question(
        name="SNSTopicName",
        label="Which SNS Topic should be used{scope}?",
        group=PIPELINE_GROUP,
        description="Existing SNS topic, in the region of this stack, that approval requests are sent to.",
        constraint=constraints.TOPIC_NAME,
        for_approvals=True,
    ),
    Question(
        name="CodeCommitRepositoryName",
        label="Which CodeCommit Repository should be used?",
        group=CODECOMMIT_GROUP,
        description="Existing CodeCommit repository, in the region of this stack, that holds the application.",
        constraint=constraints.CODECOMMIT_REPOSITORY,
    ),
    Question(
        name="CodeCommitBranchName",
        label="Which CodeCommit Branch should be used{scope}?",
        group=CODECOMMIT_GROUP,
        description="Branch whose pushes are deployed to {environment}.",
        constraint=constraints.BRANCH,
        per_environment=True,
    ),
    Question(
        name="CodeBuildNodejsProjectName",
        label="Which CodeBuild Project should be used for Node.js application build?",
        group=CODEBUILD_GROUP,
        description="Existing CodeBuild project that runs the unit tests (buildspec_nodejs.yml).",
        constraint=constraints.BUILD_PROJECT,
    ),
    Question(
        name="CodeBuildContainerImageProjectName",
        label="Which CodeBuild Project should be used for container image build?",
        group=CODEBUILD_GROUP,
        description="Existing CodeBuild project that builds and pushes the image (buildspec_containerImage.yml).",
        constraint=constraints.BUILD_PROJECT,
    ),
    Question(
        name="ECRRepositoryName",
        label="What is the ECR Repository Name{scope}?",
        group=ECS_GROUP,
        description="ECR repository that gets the images of {environment}: made by this stack, unless the "
        "lifecycle policy text is blank.",
        constraint=constraints.ECR_REPOSITORY,
        per_environment=True,
    ),
    Question(
        name="ECSTaskContainerName",
        label="What is the ECS Container Name?",
        group=ECS_GROUP,
        description="Name of the container in the service's task definition whose image each deployment replaces.",
        constraint=constraints.ECS_NAME,
    ),
    Question(
        name="LifecyclePolicyText",
        label="Describe lifecycle policy text{scope}?",
        group=ECS_GROUP,
        description="Which images of {environment} ECR expires; keep enough of them that the running one stays. "
        "Blank: the ECR repository exists already and is left alone.",
        constraint=constraints.LIFECYCLE_POLICY,
        per_environment=True,
    ),
    Question(
        name="ECSClusterName",
        label="Which ECS Cluster should a container image be deployed to{scope}?",
        group=ECS_GROUP,
        description="Existing ECS cluster of {environment}, in the region of this stack.",
        constraint=constraints.ECS_NAME,
        per_environment=True,
    ),
    Question(
        name="ECSServiceName",
        label="Which ECS Service should a container image be deployed to{scope}?",
        group=ECS_GROUP,
        description="Existing ECS service of {environment}, in that cluster.",
        constraint=constraints.ECS_NAME,
        per_environment=True,
    ),
    Question(
        name="CloudWatchEventRoleName",
        label="Which Role should be used for CloudWatch Event?",
        group=PIPELINE_GROUP,
        description="Existing IAM role with which the event rule starts the pipeline.",
        constraint=constraints.ROLE_NAME,
    ),
)


def environment_suffix(environment: Environment) -> str:
    """What tells an environment's parameters, resources and outputs from those of the others."""
    return f"For{environment.key}Env"


def pipeline_fields(environments: Sequence[Environment]) -> list[Field]:
    """The fields of a template with a pipeline for each environment, in the contract's order."""
    fields: list[Field] = []
    approved = [environment for environment in environments if environment.approval]
    for question in PIPELINE_QUESTIONS:
        if question.per_environment:
            fields += [
                _field(
                    question,
                    name=question.name + environment_suffix(environment),
                    scope=f" for the {environment.words} environment",
                    environment=environment,
                )
                for environment in environments
            ]
        elif approved or not question.for_approvals:
            deployments = " or ".join(_with_article(environment.words) for environment in approved)
            fields.append(_field(question, name=question.name, scope=f" for the approval of {deployments} deployment"))
    return fields


def single_pipeline_fields(environment: Environment) -> list[Field]:
    """The fields of a template with a single pipeline, in the contract's order."""
    return [
        _field(question, name=question.name, scope="", environment=environment)
        for question in PIPELINE_QUESTIONS
        if environment.approval or not question.for_approvals
    ]


def code_build_fields(what: str) -> list[Field]:
    """The fields of a template with one CodeBuild project, which builds ``what``."""
    return [
        Field(
            name="CodeBuildProjectName",
            label=f"What is the CodeBuild Project Name for {what} build?",
            group=CODEBUILD_GROUP,
            description="Name for the CodeBuild project; the pipelines ask for it.",
            constraint=constraints.BUILD_PROJECT,
        ),
        Field(
            name="CodeBuildServiceRoleName",
            label="Which CodeBuild service role should be used?",
            group=CODEBUILD_GROUP,
            description="Existing IAM role that the builds work with.",
            constraint=constraints.ROLE_NAME,
        ),
    ]


def add_fields(template: Template, fields: Iterable[Field]) -> dict[str, Parameter]:
    """Adds the parameters with their labels and groups, in the order given; returns them by name."""
    parameters: dict[str, Parameter] = {}
    for field in fields:
        default = {} if field.default is None else {"Default": field.default}
        parameter = Parameter(
            field.name, Type=field.type, Description=field.description, **default, **field.constraint.properties()
        )
        parameters[field.name] = template.add_parameter(parameter)
        template.add_parameter_to_group(parameters[field.name], field.group)
        template.set_parameter_label(parameters[field.name], field.label)
    return parameters


def for_scope(fields: Iterable[Field], environment: Environment, suffix: str) -> list[Field]:
    """The fields as one environment's: with a suffix, names and labels tell them from those of the others.

    In a label, ``{scope}`` is where the environment's words go.
    """
    scope = f" for the {environment.words} environment" if suffix else ""
    return [replace(field, name=field.name + suffix, label=field.label.format(scope=scope)) for field in fields]


def own_or_shared(parameters: Mapping[str, AnyNamed], suffix: str) -> dict[str, AnyNamed]:
    """The parameters under the fields' own names: the environment's, and where it has none the shared one."""
    own = {name.removesuffix(suffix): each for name, each in parameters.items() if suffix and name.endswith(suffix)}
    return {**parameters, **own}


def for_environment(parameters: Mapping[str, Named], suffix: str) -> dict[str, Named]:
    """What one pipeline was told, under the questions' own names: its own answers and the shared ones."""
    told = own_or_shared(parameters, suffix)
    return {question.name: told[question.name] for question in PIPELINE_QUESTIONS if question.name in told}


def _field(question: Question, *, name: str, scope: str, environment: Environment | None = None) -> Field:
    words = f"the {environment.words} environment" if scope and environment else "the environment"
    return Field(
        name=name,
        label=question.label.format(scope=scope),
        group=question.group,
        description=question.description.format(environment=words),
        constraint=question.constraint,
        default=_default(question, environment),
    )


def _default(question: Question, environment: Environment | None) -> str | None:
    if environment is None:
        return None
    if question.name == "CodeCommitBranchName":
        return environment.default_branch
    if question.name == "LifecyclePolicyText":
        return _lifecycle_policy(environment)
    return None


def _lifecycle_policy(environment: Environment) -> str:
    """A policy that expires all but the newest images.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """
    rule = {
        "action": {"type": "expire"},
        "selection": {
            "countType": "imageCountMoreThan",
            "countNumber": environment.images_to_keep,
            "tagStatus": "any",
        },
        "description": f"LifeCycle policy for {_with_article(environment.words)} environment",
        "rulePriority": 1,
    }
    return json.dumps({"rules": [rule]}, separators=(",", ":"))


def _with_article(words: str) -> str:
    return f"{'an' if words[0].lower() in 'aeio' else 'a'} {words}"
