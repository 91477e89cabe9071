"""The template of what the pipelines lean on: artifact bucket, approval topic, repository, roles, log groups.

Each part can belong to another team already. Its name is then given as ``existing:NAME``; it is used
by that name and not made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from awacs.aws import ArnLikeIfExists, Bool, Condition, Deny, PolicyDocument, Principal, Statement, StringEqualsIfExists
from awacs.s3 import Action as S3Action
from troposphere import AWSHelperFn, AWSObject, Equals, If, Join, Not, Output, Parameter, Ref, Split, Template
from troposphere.codecommit import Repository
from troposphere.iam import Policy, Role
from troposphere.logs import LogGroup
from troposphere.s3 import (
    AbortIncompleteMultipartUpload,
    Bucket,
    BucketEncryption,
    BucketPolicy,
    LifecycleConfiguration,
    LifecycleRule,
    NoncurrentVersionExpiration,
    OwnershipControls,
    OwnershipControlsRule,
    PublicAccessBlockConfiguration,
    ServerSideEncryptionByDefault,
    ServerSideEncryptionRule,
    VersioningConfiguration,
)
from troposphere.sns import SubscriptionResource, Topic

from .. import constraints, grants
from ..cfn.intrinsics import RETAIN, Named, ref, sub
from ..constraints import EXISTING, Constraint, or_existing
from ..environments import Environment
from ..grants import Grant
from ..parameters import PIPELINE_QUESTIONS, Field, add_fields, environment_suffix
from ..settings import PrerequisitesSettings
from .deployment_pipeline import stage_actions
from .rules import require_distinct


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something that is made, or that is there already."""

    name: str
    what: str
    group: str
    description: str
    new: Constraint
    existing: Constraint
    default: str
    # Prerequisites that only an approval needs.
    for_approvals: bool = False

    @property
    def condition(self) -> str:
        """The condition that it is made."""
        return f"Make{self.name.removesuffix('Name')}"


ARTIFACTS_GROUP = "Artifacts and approvals"
SOURCE_GROUP = "CodeCommit Settings"
ROLES_GROUP = "Roles"
BUILDS_GROUP = "CodeBuild Settings"
USERS_GROUP = "What the roles may work on"

BUCKET = Part(
    name="CodePipelineArtifactBucketName",
    what="S3 bucket for artifacts",
    group=ARTIFACTS_GROUP,
    description="Bucket that holds what one action of a pipeline hands to the next. "
    "Blank: ecs-cd-artifacts-ACCOUNT-REGION.",
    new=constraints.NEW_BUCKET_NAME,
    existing=constraints.BUCKET_NAME,
    default="",
)
TOPIC = Part(
    name="SNSTopicName",
    what="SNS topic for approval requests",
    group=ARTIFACTS_GROUP,
    description="Topic that approval requests are sent to.",
    new=constraints.TOPIC_NAME,
    existing=constraints.TOPIC_NAME,
    default="ecs-cd-approvals",
    for_approvals=True,
)
REPOSITORY = Part(
    name="CodeCommitRepositoryName",
    what="CodeCommit repository",
    group=SOURCE_GROUP,
    description="Repository that holds the application. Deleting the stack keeps it.",
    new=constraints.CODECOMMIT_REPOSITORY,
    existing=constraints.CODECOMMIT_REPOSITORY,
    default="ecs-cd-sample-app",
)
NODEJS_PROJECT = Part(
    name="CodeBuildNodejsProjectName",
    what="CodeBuild project for the unit tests",
    group=BUILDS_GROUP,
    description="The project itself comes with code-build-nodejs.yaml; this makes its log group.",
    new=constraints.BUILD_PROJECT,
    existing=constraints.BUILD_PROJECT,
    default="ecs-cd-build-nodejs",
)
IMAGE_PROJECT = Part(
    name="CodeBuildContainerImageProjectName",
    what="CodeBuild project for the container image",
    group=BUILDS_GROUP,
    description="The project itself comes with code-build-containerImage.yaml; this makes its log group.",
    new=constraints.BUILD_PROJECT,
    existing=constraints.BUILD_PROJECT,
    default="ecs-cd-build-container-image",
)


def _role(name: str, what: str, default: str) -> Part:
    return Part(
        name=name,
        what=what,
        group=ROLES_GROUP,
        description="It may do what this takes, on the names given below, and nothing else.",
        new=constraints.NEW_ROLE_NAME,
        existing=constraints.NAMED_ROLE,
        default=default,
    )


PIPELINE_ROLE = _role("CodePipelineServiceRoleName", "role that CodePipeline works with", "ecs-cd-codepipeline")
NODEJS_ROLE = _role("CodeBuildNodejsServiceRoleName", "role that the unit tests run with", "ecs-cd-codebuild-nodejs")
IMAGE_ROLE = _role(
    "CodeBuildContainerImageServiceRoleName",
    "role that the container image is built with",
    "ecs-cd-codebuild-container-image",
)
EVENT_ROLE = _role("CloudWatchEventRoleName", "role with which event rules start the pipelines", "ecs-cd-events")

PARTS = (
    BUCKET,
    TOPIC,
    REPOSITORY,
    PIPELINE_ROLE,
    NODEJS_ROLE,
    IMAGE_ROLE,
    EVENT_ROLE,
    NODEJS_PROJECT,
    IMAGE_PROJECT,
)
ROLES = (PIPELINE_ROLE, NODEJS_ROLE, IMAGE_ROLE, EVENT_ROLE)

# What each environment has of its own that a role must be able to reach: the name's beginning, what it is, how
# the default begins, and what the name must be.
_PER_ENVIRONMENT: tuple[tuple[str, str, str, Constraint], ...] = (
    ("CodePipelineName", "the pipeline", "ecs-cd", constraints.PIPELINE_NAME),
    ("ECRRepositoryName", "the ECR repository", "ecs-cd-sample-app", constraints.ECR_REPOSITORY),
    ("ECSClusterName", "the ECS cluster", "ecs-cd", constraints.ECS_NAME),
    ("ECSServiceName", "the ECS service", "ecs-cd-sample-app", constraints.ECS_NAME),
    ("ECSTaskRoleName", "the role that the service's tasks have", "ecs-cd-task", constraints.NAMED_ROLE),
    (
        "ECSTaskExecutionRoleName",
        "the role that ECS starts the service's tasks with",
        "ecs-cd-task-execution",
        constraints.NAMED_ROLE,
    ),
)
_ROLES_OF_TASKS = ("ECSTaskRoleName", "ECSTaskExecutionRoleName")

# Permissions do not depend on the questions that this template leaves out (the branch, the container).
_NOT_ASKED = Ref("AWS::NoValue")


@dataclass(frozen=True, kw_only=True)
class Prerequisites:
    """The name under which each part is known, and the resource that it is, by the part's parameter."""

    names: Mapping[str, Named]
    resources: Mapping[str, AWSObject]


def build(settings: PrerequisitesSettings) -> Template:
    """A template that makes what the pipelines lean on, as far as it is not there already.

    Its outputs carry the names under which the other templates ask for the same things.
    """
    template = Template(
        Description="This template deploys what the CI/CD pipelines lean on: artifact bucket, approval topic, "
        "CodeCommit repository, roles and log groups"
    )
    parameters = add_fields(template, fields(settings.environments, existing=True))
    made = add_prerequisites(template, parameters, settings, existing=True)
    for name, value in made.names.items():
        template.add_output(Output(name, Description=f"What the other templates ask for as {name}", Value=ref(value)))
    return template


def fields(environments: Sequence[Environment], *, existing: bool) -> list[Field]:
    """The fields for the parts, which may be marked as ``existing``, and for the names that the roles work on."""
    found = []
    for part in _parts(environments):
        found.append(_part_field(part, existing))
        if part is BUCKET:
            found.append(
                Field(
                    name="ArtifactExpirationInDays",
                    label="After how many days should artifacts expire?",
                    group=ARTIFACTS_GROUP,
                    description="A rollback needs the artifacts of the revision that it returns to.",
                    constraint=constraints.DAYS,
                    default="365",
                    type="Number",
                )
            )
        if part is TOPIC:
            found.append(
                Field(
                    name="ApprovalEmailAddress",
                    label="Who should be asked for approvals by e-mail? (blank: nobody)",
                    group=ARTIFACTS_GROUP,
                    description="SNS asks the address to confirm before it gets the first request.",
                    constraint=constraints.EMAIL,
                    default="",
                )
            )
    found.append(
        Field(
            name="LogRetentionInDays",
            label="For how many days should build logs be kept?",
            group=BUILDS_GROUP,
            description="CloudWatch Logs deletes what is older.",
            constraint=constraints.LOG_RETENTION,
            default="90",
            type="Number",
        )
    )
    for name, what, default, constraint in _PER_ENVIRONMENT:
        for environment in environments:
            found.append(
                Field(
                    name=name + environment_suffix(environment),
                    label=f"What is the name of {what} for the {environment.words} environment?",
                    group=USERS_GROUP,
                    description=f"The roles may work on {what} of this name; it need not be there yet.",
                    constraint=constraint,
                    default=f"{default}-{environment.key.lower()}",
                )
            )
    return found


def add_prerequisites(
    template: Template, parameters: Mapping[str, Parameter], settings: PrerequisitesSettings, *, existing: bool
) -> Prerequisites:
    """Adds the parts. With ``existing``, each is made only if its name is not marked so."""
    names = {part.name: _name(part, parameters, existing) for part in _parts(settings.environments)}
    for environment in settings.environments:
        for name, *_ in _PER_ENVIRONMENT:
            names[name + environment_suffix(environment)] = parameters[name + environment_suffix(environment)]
    if not existing:
        # A role that is there already may serve twice, and a rule cannot tell it from one that is made.
        message = "Each role is trusted by one service and has its own permissions"
        require_distinct(template, "DistinctRoles", [parameters[part.name] for part in ROLES], message)
    for part in _parts(settings.environments):
        if existing:
            # Taking existing: away changes a name that is marked so, and no other.
            template.add_condition(part.condition, Equals(_unmarked(parameters[part.name]), Ref(parameters[part.name])))
    template.add_condition("NameArtifactBucket", Equals(Ref(parameters[BUCKET.name]), ""))
    made: list[tuple[Part, AWSObject]] = [
        *((BUCKET, resource) for resource in _bucket(names[BUCKET.name], parameters["ArtifactExpirationInDays"])),
        (REPOSITORY, _repository(names[REPOSITORY.name])),
        (NODEJS_PROJECT, _logs("NodejsBuildLogs", names[NODEJS_PROJECT.name], parameters["LogRetentionInDays"])),
        (IMAGE_PROJECT, _logs("ContainerImageBuildLogs", names[IMAGE_PROJECT.name], parameters["LogRetentionInDays"])),
        *zip(ROLES, _roles(names, settings), strict=True),
    ]
    if TOPIC.name in names:
        topic = Topic(
            "ApprovalTopic",
            TopicName=ref(names[TOPIC.name]),
            # Amazon's own key: whoever may publish may use it, so CodePipeline's role needs no permission for KMS
            # (https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html).
            KmsMasterKeyId="alias/aws/sns",
        )
        made.insert(2, (TOPIC, topic))
    for part, resource in made:
        if existing:
            resource.Condition = part.condition
        template.add_resource(resource)
    if TOPIC.name in names:
        arn = If(TOPIC.condition, Ref(topic), grants.topic_arn(names[TOPIC.name])) if existing else Ref(topic)
        _add_subscription(template, arn, parameters["ApprovalEmailAddress"])
    return Prerequisites(names=names, resources={part.name: resource for part, resource in reversed(made)})


def _roles(names: Mapping[str, Named], settings: PrerequisitesSettings) -> list[Role]:
    """The roles in the order of :data:`ROLES`, each with its trust policy and one policy."""
    suffixes = [environment_suffix(environment) for environment in settings.environments]
    pipelines = [names[f"CodePipelineName{suffix}"] for suffix in suffixes]
    repositories = [names[f"ECRRepositoryName{suffix}"] for suffix in suffixes]
    bucket = names[BUCKET.name]
    pipeline_grants = grants.pipeline_artifacts(bucket)
    for environment, suffix in zip(settings.environments, suffixes, strict=True):
        pipeline_grants += _pipeline_grants(names, environment, suffix, settings)
    nodejs_project, image_project = names[NODEJS_PROJECT.name], names[IMAGE_PROJECT.name]
    pipeline_arns = [grants.pipeline_arn(pipeline) for pipeline in pipelines]
    # CodePipeline is not documented to send these keys with every call: where it does, they must be ours.
    ours_if_said = Condition(
        [
            StringEqualsIfExists({"aws:SourceAccount": grants.ACCOUNT}),
            ArnLikeIfExists({"aws:SourceArn": pipeline_arns}),
        ]
    )
    return [
        _role_resource(PIPELINE_ROLE, names, grants.trust("codepipeline", ours_if_said), pipeline_grants),
        _role_resource(
            NODEJS_ROLE,
            names,
            grants.trust("codebuild", grants.own_resource([grants.project_arn(nodejs_project)])),
            grants.build_basics(nodejs_project, bucket) + grants.report_tests(nodejs_project),
        ),
        _role_resource(
            IMAGE_ROLE,
            names,
            grants.trust("codebuild", grants.own_resource([grants.project_arn(image_project)])),
            grants.build_basics(image_project, bucket) + grants.image_push(repositories),
        ),
        _role_resource(
            EVENT_ROLE,
            names,
            # A pipeline's event rule has the pipeline's name.
            grants.trust("events", grants.own_resource([grants.rule_arn(pipeline) for pipeline in pipelines])),
            grants.start_pipelines(pipelines),
        ),
    ]


def _pipeline_grants(
    names: Mapping[str, Named], environment: Environment, suffix: str, settings: PrerequisitesSettings
) -> list[Grant]:
    """What the environment's actions bring with them."""
    asked = {
        question.name: names.get(question.name + suffix) or names.get(question.name) or _NOT_ASKED
        for question in PIPELINE_QUESTIONS
    }
    task_roles = [names[name + suffix] for name in _ROLES_OF_TASKS]
    stages = stage_actions(asked, environment, settings.pipeline, task_roles)
    return [grant for stage in stages.values() for action in stage for grant in action.grants]


def _role_resource(part: Part, names: Mapping[str, Named], trust: PolicyDocument, granted: Sequence[Grant]) -> Role:
    return Role(
        _role_title(part),
        RoleName=ref(names[part.name]),
        Description=f"The {part.what}",
        AssumeRolePolicyDocument=trust,
        Policies=[Policy(PolicyName="pipelines", PolicyDocument=grants.document(granted))],
    )


def _role_title(part: Part) -> str:
    return part.name.removesuffix("Name")


def _bucket(name: Named, expiration: Parameter) -> tuple[Bucket, BucketPolicy]:
    """The bucket and its policy, both retained: a rollback needs what is in it."""
    bucket = Bucket(
        "ArtifactBucket",
        BucketName=ref(name),
        PublicAccessBlockConfiguration=PublicAccessBlockConfiguration(
            BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
        ),
        OwnershipControls=OwnershipControls(Rules=[OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]),
        BucketEncryption=BucketEncryption(
            ServerSideEncryptionConfiguration=[
                ServerSideEncryptionRule(
                    ServerSideEncryptionByDefault=ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
                )
            ]
        ),
        VersioningConfiguration=VersioningConfiguration(Status="Enabled"),
        LifecycleConfiguration=LifecycleConfiguration(
            Rules=[
                LifecycleRule(
                    Id="ExpireArtifacts",
                    Status="Enabled",
                    ExpirationInDays=Ref(expiration),
                    NoncurrentVersionExpiration=NoncurrentVersionExpiration(NoncurrentDays=1),
                    AbortIncompleteMultipartUpload=AbortIncompleteMultipartUpload(DaysAfterInitiation=1),
                )
            ]
        ),
        DeletionPolicy=RETAIN,
        UpdateReplacePolicy="Retain",
    )
    encrypted_requests_only = Statement(
        Sid="EncryptedRequestsOnly",
        Effect=Deny,
        Principal=Principal("*"),
        Action=[S3Action("*")],
        Resource=[grants.bucket_arn(bucket), grants.objects_arn(bucket)],
        Condition=Condition(Bool({"aws:SecureTransport": "false"})),
    )
    policy = BucketPolicy(
        "ArtifactBucketPolicy",
        Bucket=Ref(bucket),
        PolicyDocument=PolicyDocument(Version="2012-10-17", Statement=[encrypted_requests_only]),
        DeletionPolicy=RETAIN,
        UpdateReplacePolicy="Retain",
    )
    return bucket, policy


def _repository(name: Named) -> Repository:
    """The repository, retained: it holds the application."""
    return Repository(
        "CodeCommitRepository", DeletionPolicy=RETAIN, UpdateReplacePolicy="Retain", RepositoryName=ref(name)
    )


def _logs(title: str, project: Named, retention: Parameter) -> LogGroup:
    """The project's log group, deleted with the stack: one that stayed would be in the way of the next."""
    return LogGroup(
        title,
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Delete",
        LogGroupName=sub("/aws/codebuild/${project}", project=project),
        RetentionInDays=Ref(retention),
    )


def _add_subscription(template: Template, topic_arn: AWSHelperFn, address: Parameter) -> None:
    template.add_condition("HasApprovalEmailAddress", Not(Equals(Ref(address), "")))
    template.add_resource(
        SubscriptionResource(
            "ApprovalSubscription",
            Condition="HasApprovalEmailAddress",
            TopicArn=topic_arn,
            Protocol="email",
            Endpoint=Ref(address),
        )
    )


def _parts(environments: Sequence[Environment]) -> list[Part]:
    approved = any(environment.approval for environment in environments)
    return [part for part in PARTS if approved or not part.for_approvals]


def _part_field(part: Part, existing: bool) -> Field:
    hints = ["blank: a name is made up"] if part.default == "" else []
    hints += [f"{EXISTING}NAME if it is there already"] if existing else []
    hint = f" ({'; '.join(hints)})" if hints else ""
    return Field(
        name=part.name,
        label=f"What is the name of the {part.what}?{hint}",
        group=part.group,
        description=part.description,
        constraint=or_existing(part.new, part.existing) if existing else part.new,
        default=part.default,
    )


def _name(part: Part, parameters: Mapping[str, Parameter], existing: bool) -> Named:
    """The part's own name, without the mark."""
    parameter = parameters[part.name]
    name: Named = _unmarked(parameter) if existing else parameter
    if part is not BUCKET:
        return name
    made_up = sub("ecs-cd-artifacts-${AWS::AccountId}-${AWS::Region}")
    return If("NameArtifactBucket", made_up, ref(name))


def _unmarked(parameter: Parameter) -> AWSHelperFn:
    """The value without ``existing:``, if it has it: split there and joined again."""
    return Join("", Split(EXISTING, Ref(parameter)))
