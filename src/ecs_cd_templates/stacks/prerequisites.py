"""The template of the pipelines' prerequisites: artifact bucket, approval topic, repository, roles, log groups.

Each of them can belong to another team already. Its name is then given as ``existing:NAME``; it is used
by that name and not made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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

from .. import grants, parameters
from ..cfn.intrinsics import RETAIN, Named, Unknown, ref, sub
from ..checks import instance
from ..constraints import EXISTING
from ..environments import Environment, Scope, scopes
from ..grants import BuildResources, Grant
from ..inputs import BuildInput, PipelineInputs
from ..parameters import Entry, Form, ParameterSpec, Purpose, add_form, entry
from ..settings import PrerequisitesSettings
from ..steps import BuildStep
from ..texts import Text
from .deployment_pipeline import stage_actions
from .rules import require_distinct


@dataclass(frozen=True)
class Part:
    """Something that is new or exists already: the parameter that names it, and its part of logical IDs."""

    spec: ParameterSpec
    title: str

    @property
    def condition(self) -> str:
        """The condition that it is made."""
        return f"Make{self.title}"


# What each environment has of its own that a role must be able to reach.
ALLOWED = (
    parameters.PIPELINE_NAME,
    parameters.ECR_REPOSITORY,
    parameters.CLUSTER,
    parameters.SERVICE,
    parameters.TASK_ROLE,
    parameters.TASK_EXECUTION_ROLE,
)

BUCKET = Part(parameters.ARTIFACT_BUCKET, "CodePipelineArtifactBucket")
TOPIC = Part(parameters.APPROVAL_TOPIC, "SNSTopic")
REPOSITORY = Part(parameters.REPOSITORY, "CodeCommitRepository")
PIPELINE_ROLE = Part(parameters.PIPELINE_ROLE, "CodePipelineServiceRole")
EVENT_ROLE = Part(parameters.EVENT_ROLE, "CloudWatchEventRole")


def build_role(step: BuildStep) -> Part:
    """The role that the step's project works with."""
    return Part(step.role, f"CodeBuild{step.name}ServiceRole")


def build_project(step: BuildStep) -> Part:
    """The step's project, of which the log group is made here."""
    return Part(step.project, f"CodeBuild{step.name}Project")


def roles(steps: Sequence[BuildStep]) -> list[Part]:
    """The roles."""
    return [PIPELINE_ROLE, *map(build_role, steps), EVENT_ROLE]


def parts(environments: Sequence[Environment], steps: Sequence[BuildStep]) -> list[Part]:
    """All parts; the topic only if there is something to approve."""
    topic = [TOPIC] if any(environment.approval for environment in environments) else []
    return [BUCKET, *topic, REPOSITORY, *roles(steps), *map(build_project, steps)]


@dataclass(frozen=True, kw_only=True)
class Prerequisites:
    """The name of each part, by its parameter, and the resources that other resources must wait for."""

    names: Mapping[ParameterSpec, Named]
    bucket: Bucket
    topic: Topic | None
    repository: Repository
    roles: Mapping[ParameterSpec, Role]


def build(settings: PrerequisitesSettings) -> Template:
    """A template that makes the pipelines' prerequisites, as far as they do not exist already.

    Its outputs carry the names under which the other templates ask for the same things. Raises
    :class:`SettingsError` for what is not settings.
    """
    instance("settings", settings, PrerequisitesSettings)
    template = Template(Description=Text("template.prerequisites"))
    form = add_form(template, entries(settings, existing=True))
    names = add_prerequisites(template, form, settings, existing=True).names
    outputs = {spec.name: ref(name) for spec, name in names.items()}
    for scope in scopes(settings.environments):
        for spec in ALLOWED:
            outputs[scope.name(spec.name)] = Ref(form.of(spec, scope))
    for name, value in outputs.items():
        template.add_output(Output(name, Description=f"The value of {name} for the other templates", Value=value))
    return template


def entries(settings: PrerequisitesSettings, *, existing: bool) -> list[Entry]:
    """The form: the parts, which may be marked as ``existing``, and the names of what the roles may work on."""
    form: list[Entry] = []
    for part in parts(settings.environments, settings.pipeline.steps):
        form.append(entry(part.spec, Purpose.MAKE, existing=existing))
        if part is BUCKET:
            form.append(entry(parameters.ARTIFACT_EXPIRATION, Purpose.MAKE))
        if part is TOPIC:
            form.append(entry(parameters.APPROVAL_EMAIL, Purpose.MAKE))
    form.append(entry(parameters.LOG_RETENTION, Purpose.MAKE))
    for spec in ALLOWED:
        form += [entry(spec, Purpose.ALLOW, scope) for scope in scopes(settings.environments)]
    return form


def add_prerequisites(
    template: Template,
    form: Form,
    settings: PrerequisitesSettings,
    *,
    existing: bool,
    code: AWSHelperFn | None = None,
) -> Prerequisites:
    """Adds the parts. With ``existing``, each is made only if its name is not marked so.

    ``code`` is what the CodeCommit repository starts with.
    """
    steps = settings.pipeline.steps
    every = parts(settings.environments, steps)
    names = {part.spec: _name(part, form, existing=existing) for part in every}
    if not existing:
        # An existing role may serve twice, and a rule cannot tell: so only where all are new.
        own_roles = [form.of(part.spec) for part in roles(steps)]
        require_distinct(template, "DistinctRoles", own_roles, Text("rule.own_role"))
    else:
        for part in every:
            # Taking existing: away changes a name that is marked so, and no other.
            is_new = Equals(_unmarked(form.of(part.spec)), Ref(form.of(part.spec)))
            template.add_condition(part.condition, is_new)
    template.add_condition("NameArtifactBucket", Equals(Ref(form.of(BUCKET.spec)), ""))

    def add(part: Part, resource: AWSObject) -> None:
        if existing:
            resource.Condition = part.condition
        template.add_resource(resource)

    bucket, bucket_policy = _bucket(names[BUCKET.spec], form.of(parameters.ARTIFACT_EXPIRATION))
    add(BUCKET, bucket)
    add(BUCKET, bucket_policy)
    topic = _topic(names[TOPIC.spec]) if TOPIC in every else None
    if topic is not None:
        add(TOPIC, topic)
    repository = _repository(names[REPOSITORY.spec], code)
    add(REPOSITORY, repository)
    for step in steps:
        add(build_project(step), _logs(step, names[step.project], form.of(parameters.LOG_RETENTION)))
    role_resources = _roles(names, form, settings)
    for part, role in role_resources.items():
        add(part, role)
    if topic is not None:
        arn = If(TOPIC.condition, Ref(topic), grants.topic_arn(names[TOPIC.spec])) if existing else Ref(topic)
        _add_subscription(template, arn, form.of(parameters.APPROVAL_EMAIL))
    return Prerequisites(
        names=names,
        bucket=bucket,
        topic=topic,
        repository=repository,
        roles={part.spec: role for part, role in role_resources.items()},
    )


def _roles(names: Mapping[ParameterSpec, Named], form: Form, settings: PrerequisitesSettings) -> dict[Part, Role]:
    """The roles, each with its trust policy and one policy."""
    steps = settings.pipeline.steps
    every = scopes(settings.environments)
    pipelines = [form.of(parameters.PIPELINE_NAME, scope) for scope in every]
    repositories = [form.of(parameters.ECR_REPOSITORY, scope) for scope in every]
    bucket = names[BUCKET.spec]
    pipeline_grants = grants.pipeline_artifacts(bucket)
    for scope in every:
        pipeline_grants += _pipeline_grants(names, form, scope, settings)
    pipeline_arns = [grants.pipeline_arn(pipeline) for pipeline in pipelines]
    # CodePipeline is not documented to send these keys with every call: where it does, they must be ours.
    ours_if_said = Condition(
        [
            StringEqualsIfExists({"aws:SourceAccount": grants.ACCOUNT}),
            ArnLikeIfExists({"aws:SourceArn": pipeline_arns}),
        ]
    )
    resources = {
        PIPELINE_ROLE: _role(
            PIPELINE_ROLE,
            names,
            "The role that CodePipeline works with",
            grants.trust("codepipeline", ours_if_said),
            pipeline_grants,
        )
    }
    for step in steps:
        part = build_role(step)
        build = BuildResources(project=names[step.project], bucket=bucket, repositories=repositories)
        trust = grants.trust("codebuild", grants.own_resource([grants.project_arn(build.project)]))
        # IAM takes no text outside Latin-1 here, so the step's name and not what labels call it.
        description = f"The role that the build {step.name} works with"
        resources[part] = _role(part, names, description, trust, step.grants_for(build))
    # A pipeline's event rule has the pipeline's name.
    trust = grants.trust("events", grants.own_resource([grants.rule_arn(pipeline) for pipeline in pipelines]))
    description = "The role with which event rules start the pipelines"
    resources[EVENT_ROLE] = _role(EVENT_ROLE, names, description, trust, grants.start_pipelines(pipelines))
    return resources


def _pipeline_grants(
    names: Mapping[ParameterSpec, Named], form: Form, scope: Scope, settings: PrerequisitesSettings
) -> list[Grant]:
    """What the environment's actions bring with them."""
    inputs = PipelineInputs(
        pipeline=form.of(parameters.PIPELINE_NAME, scope),
        pipeline_role=names[PIPELINE_ROLE.spec],
        artifact_bucket=names[BUCKET.spec],
        approval_topic=names[TOPIC.spec] if scope.environment.approval else None,
        repository=names[REPOSITORY.spec],
        branch=Unknown("the branch"),
        builds=[BuildInput(step=step, project=names[step.project]) for step in settings.pipeline.steps],
        ecr_repository=form.of(parameters.ECR_REPOSITORY, scope),
        container=Unknown("the container's name"),
        lifecycle_policy=Unknown("the lifecycle policy"),
        cluster=form.of(parameters.CLUSTER, scope),
        service=form.of(parameters.SERVICE, scope),
        event_role=names[EVENT_ROLE.spec],
        task_roles=[form.of(spec, scope) for spec in (parameters.TASK_ROLE, parameters.TASK_EXECUTION_ROLE)],
    )
    stages = stage_actions(inputs, scope.environment, settings.pipeline)
    return [grant for stage in stages.values() for action in stage for grant in action.grants]


def _role(
    part: Part, names: Mapping[ParameterSpec, Named], description: str, trust: PolicyDocument, allowed: Sequence[Grant]
) -> Role:
    return Role(
        part.title,
        RoleName=ref(names[part.spec]),
        Description=description,
        AssumeRolePolicyDocument=trust,
        Policies=[Policy(PolicyName="pipelines", PolicyDocument=grants.document(allowed))],
    )


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


def _topic(name: Named) -> Topic:
    return Topic(
        "ApprovalTopic",
        TopicName=ref(name),
        # Amazon's own key: whoever may publish may use it, so CodePipeline's role needs no permission for KMS
        # (https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html).
        KmsMasterKeyId="alias/aws/sns",
    )


def _repository(name: Named, code: AWSHelperFn | None) -> Repository:
    """The repository, retained: it holds the application."""
    starts_with: dict[str, Any] = {} if code is None else {"Code": code}
    return Repository(
        REPOSITORY.title,
        DeletionPolicy=RETAIN,
        UpdateReplacePolicy="Retain",
        RepositoryName=ref(name),
        **starts_with,
    )


def _logs(step: BuildStep, project: Named, retention: Parameter) -> LogGroup:
    """The project's log group, deleted with the stack: one that stayed would be in the way of the next."""
    return LogGroup(
        f"{step.name}BuildLogs",
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


def _name(part: Part, form: Form, *, existing: bool) -> Named:
    """The part's own name, without the mark."""
    parameter = form.of(part.spec)
    name: Named = _unmarked(parameter) if existing else parameter
    if part is not BUCKET:
        return name
    made_up = sub("ecs-cd-artifacts-${AWS::AccountId}-${AWS::Region}")
    return If("NameArtifactBucket", made_up, ref(name))


def _unmarked(parameter: Parameter) -> AWSHelperFn:
    """The value without ``existing:``, if it has it: split there and joined again."""
    return Join("", Split(EXISTING, Ref(parameter)))
