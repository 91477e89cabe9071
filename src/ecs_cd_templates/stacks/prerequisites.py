"""The template of the pipelines' prerequisites: artifact bucket, approval topic, source, roles, log groups.

Each of them can belong to another team already. Its name is then given as ``existing:NAME``; it is used
by that name and not made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from awacs.aws import ArnLikeIfExists, Bool, Condition, Deny, PolicyDocument, Principal, Statement, StringEqualsIfExists
from awacs.s3 import Action as S3Action
from troposphere import AWSHelperFn, AWSObject, Equals, If, Join, Not, Output, Ref, Split, Template
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
from ..parameters import Entry, Form, ParameterSpec, Part, Purpose, add_form, entry
from ..settings import PipelineSettings, PrerequisitesSettings
from ..steps import BuildStep
from ..texts import Text
from .deployment_pipeline import stage_actions

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
PIPELINE_ROLE = Part(parameters.PIPELINE_ROLE, "CodePipelineServiceRole")


def build_role(step: BuildStep) -> Part:
    """The role that the step's project works with."""
    return Part(step.role, f"CodeBuild{step.name}ServiceRole")


def build_project(step: BuildStep) -> Part:
    """The step's project, of which the log group is made here."""
    return Part(step.project, f"CodeBuild{step.name}Project")


def roles(pipeline: PipelineSettings) -> list[Part]:
    """The roles."""
    return [PIPELINE_ROLE, *map(build_role, pipeline.steps), *pipeline.source.role_parts]


def parts(environments: Sequence[Environment], pipeline: PipelineSettings) -> list[Part]:
    """All parts; the topic only if there is something to approve."""
    return [*_shared(environments), *pipeline.source.parts, *_own(pipeline)]


def _shared(environments: Sequence[Environment]) -> list[Part]:
    return [BUCKET, *([TOPIC] if any(environment.approval for environment in environments) else [])]


def _own(pipeline: PipelineSettings) -> list[Part]:
    return [*roles(pipeline), *map(build_project, pipeline.steps)]


def build(settings: PrerequisitesSettings) -> Template:
    """A template that makes the pipelines' prerequisites, as far as they do not exist already.

    Its outputs carry the names under which the other templates ask for the same things. Raises
    :class:`SettingsError` for what is not settings.
    """
    instance("settings", settings, PrerequisitesSettings)
    template = Template(Description=Text("template.prerequisites", source=settings.pipeline.source.title))
    form = add_form(template, entries(settings))
    names = _add_parts(template, form, settings)
    outputs = {spec.name: ref(name) for spec, name in names.items()}
    if settings.pipeline.own_key:
        outputs[parameters.KMS_KEY.name] = ref(form.of(parameters.KMS_KEY))
    for scope in scopes(settings.environments):
        for spec in ALLOWED:
            outputs[scope.name(spec.name)] = ref(form.of(spec, scope))
    for name, value in outputs.items():
        template.add_output(Output(name, Description=f"The value of {name} for the other templates", Value=value))
    return template


def entries(settings: PrerequisitesSettings) -> list[Entry]:
    """The form: the parts, which may be marked as ``existing``, and the names of what the roles may work on."""
    # Beside the prerequisites of other environments, of which an environment's own are to be independent.
    alone = scopes(settings.environments)[0] if len(settings.environments) == 1 else None
    pipeline = settings.pipeline
    form: list[Entry] = []
    for part in _shared(settings.environments):
        form.append(entry(part.spec, Purpose.MAKE, alone, existing=True))
        if part is BUCKET:
            form.append(entry(parameters.ARTIFACT_EXPIRATION, Purpose.MAKE))
            if settings.pipeline.own_key:
                form.append(entry(parameters.KMS_KEY, Purpose.USE))
        if part is TOPIC:
            form.append(entry(parameters.APPROVAL_EMAIL, Purpose.MAKE))
    form += pipeline.source.prerequisite_entries(alone)
    form += [entry(part.spec, Purpose.MAKE, alone, existing=True) for part in _own(pipeline)]
    form.append(entry(parameters.LOG_RETENTION, Purpose.MAKE))
    for spec in ALLOWED:
        form += [entry(spec, Purpose.ALLOW, scope) for scope in scopes(settings.environments)]
    return form


def _add_parts(template: Template, form: Form, settings: PrerequisitesSettings) -> dict[ParameterSpec, Named]:
    """Adds each part unless its name is marked as that of one that exists, and returns the names without the mark."""
    steps, source = settings.pipeline.steps, settings.pipeline.source
    every = parts(settings.environments, settings.pipeline)
    names = {part.spec: _name(part, form, settings.environments) for part in every}
    for part in every:
        # Taking existing: away changes a name that is marked so, and no other.
        parameter = ref(form.of(part.spec))
        template.add_condition(part.condition, Equals(_unmarked(parameter), parameter))
    template.add_condition("NameArtifactBucket", Equals(ref(form.of(BUCKET.spec)), ""))
    key = key_of(form, settings.pipeline)
    expiration = form.of(parameters.ARTIFACT_EXPIRATION)
    add_bucket(template, names[BUCKET.spec], expiration, key, condition=BUCKET.condition)
    if TOPIC in every:
        topic = add_topic(template, names[TOPIC.spec], key, condition=TOPIC.condition)
        arn = If(TOPIC.condition, Ref(topic), grants.topic_arn(names[TOPIC.spec]))
        add_subscription(template, arn, form.of(parameters.APPROVAL_EMAIL))
    names |= source.add_prerequisites(template, form, names)
    for step in steps:
        condition = build_project(step).condition
        add_logs(template, step, names[step.project], form.of(parameters.LOG_RETENTION), condition=condition)
    conditions = {part.spec: part.condition for part in roles(settings.pipeline)}
    add_roles(template, names, form, settings, conditions=conditions)
    return names


def add_bucket(
    template: Template,
    name: Named | None,
    expiration: Named,
    key: Named | None,
    *,
    titled: Callable[[str], str] = str,
    condition: str | None = None,
) -> Bucket:
    """Adds the artifact bucket and its policy, both retained: a rollback of a release needs what is in it.

    Without a name CloudFormation makes one that is new. With the ARN of a key, the key encrypts it, and S3 asks for it
    now and then instead of once for each object (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html).
    """
    encryption = ServerSideEncryptionRule(
        ServerSideEncryptionByDefault=ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
    )
    if key is not None:
        encryption = ServerSideEncryptionRule(
            ServerSideEncryptionByDefault=ServerSideEncryptionByDefault(
                SSEAlgorithm="aws:kms", KMSMasterKeyID=ref(key)
            ),
            BucketKeyEnabled=True,
        )
    bucket = Bucket(
        titled("ArtifactBucket"),
        PublicAccessBlockConfiguration=PublicAccessBlockConfiguration(
            BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
        ),
        OwnershipControls=OwnershipControls(Rules=[OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]),
        BucketEncryption=BucketEncryption(ServerSideEncryptionConfiguration=[encryption]),
        VersioningConfiguration=VersioningConfiguration(Status="Enabled"),
        LifecycleConfiguration=LifecycleConfiguration(
            Rules=[
                LifecycleRule(
                    Id="ExpireArtifacts",
                    Status="Enabled",
                    ExpirationInDays=ref(expiration),
                    NoncurrentVersionExpiration=NoncurrentVersionExpiration(NoncurrentDays=1),
                    AbortIncompleteMultipartUpload=AbortIncompleteMultipartUpload(DaysAfterInitiation=1),
                )
            ]
        ),
        DeletionPolicy=RETAIN,
        UpdateReplacePolicy="Retain",
    )
    if name is not None:
        bucket.BucketName = ref(name)
    encrypted_requests_only = Statement(
        Sid="EncryptedRequestsOnly",
        Effect=Deny,
        Principal=Principal("*"),
        Action=[S3Action("*")],
        Resource=[grants.bucket_arn(bucket), grants.objects_arn(bucket)],
        Condition=Condition(Bool({"aws:SecureTransport": "false"})),
    )
    policy = BucketPolicy(
        titled("ArtifactBucketPolicy"),
        Bucket=Ref(bucket),
        PolicyDocument=PolicyDocument(Version="2012-10-17", Statement=[encrypted_requests_only]),
        DeletionPolicy=RETAIN,
        UpdateReplacePolicy="Retain",
    )
    for resource in (bucket, policy):
        _add(template, resource, condition)
    return bucket


def key_of(form: Form, settings: PipelineSettings) -> Named | None:
    """The ARN of the KMS key that the form asks for, if it does."""
    return form.of(parameters.KMS_KEY) if settings.own_key else None


def add_topic(template: Template, name: Named, key: Named | None, *, condition: str | None = None) -> Topic:
    """Adds the topic for approval requests, encrypted with the key of this ARN if there is one."""
    # Amazon's own key: whoever may publish may use it, so CodePipeline's role needs no permission for KMS
    # (https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html).
    topic = Topic("ApprovalTopic", TopicName=ref(name), KmsMasterKeyId="alias/aws/sns" if key is None else ref(key))
    _add(template, topic, condition)
    return topic


def add_logs(
    template: Template,
    step: BuildStep,
    project: Named,
    retention: Named,
    *,
    titled: Callable[[str], str] = str,
    condition: str | None = None,
) -> None:
    """Adds the project's log group, deleted with the stack: one that stayed would be in the way of the next."""
    logs = LogGroup(
        titled(f"{step.name}BuildLogs"),
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Delete",
        LogGroupName=sub("/aws/codebuild/${project}", project=project),
        RetentionInDays=ref(retention),
    )
    _add(template, logs, condition)


def add_subscription(template: Template, topic_arn: AWSHelperFn, address: Named) -> None:
    """Adds the subscription of the address, unless it is blank."""
    template.add_condition("HasApprovalEmailAddress", Not(Equals(ref(address), "")))
    template.add_resource(
        SubscriptionResource(
            "ApprovalSubscription",
            Condition="HasApprovalEmailAddress",
            TopicArn=topic_arn,
            Protocol="email",
            Endpoint=ref(address),
        )
    )


def add_roles(
    template: Template,
    names: Mapping[ParameterSpec, Named],
    form: Form,
    settings: PrerequisitesSettings,
    *,
    titled: Callable[[str], str] = str,
    conditions: Mapping[ParameterSpec, str] | None = None,
) -> dict[ParameterSpec, Role]:
    """Adds the roles, each with its trust policy and one policy.

    ``names`` are those of the parts, in the form those of what each environment has of its own.
    """
    every = scopes(settings.environments)
    pipelines = [form.of(parameters.PIPELINE_NAME, scope) for scope in every]
    repositories = [form.of(parameters.ECR_REPOSITORY, scope) for scope in every]
    bucket, key = names[BUCKET.spec], key_of(form, settings.pipeline)
    pipeline_grants = [*grants.pipeline_artifacts(bucket, key), *settings.pipeline.source.artifact_grants(bucket)]
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
    added: dict[ParameterSpec, Role] = {}

    def add(part: Part, description: str, trust: PolicyDocument, allowed: Sequence[Grant]) -> None:
        role = Role(
            titled(part.title),
            RoleName=ref(names[part.spec]),
            Description=description,
            AssumeRolePolicyDocument=trust,
            Policies=[Policy(PolicyName="pipelines", PolicyDocument=grants.document(allowed))],
        )
        _add(template, role, (conditions or {}).get(part.spec))
        added[part.spec] = role

    trust = grants.trust("codepipeline", ours_if_said)
    add(PIPELINE_ROLE, "The role that CodePipeline works with", trust, pipeline_grants)
    for step in settings.pipeline.steps:
        build = BuildResources(
            project=names[step.project],
            bucket=bucket,
            repositories=repositories,
            key=key,
            passes_on=step.output is not None,
        )
        trust = grants.trust("codebuild", grants.own_resource([grants.project_arn(build.project)]))
        # IAM takes no text outside Latin-1 here, so the step's name and not what labels call it.
        add(build_role(step), f"The role that the build {step.name} works with", trust, step.grants_for(build))
    for role in settings.pipeline.source.starting_roles(pipelines):
        add(role.part, role.description, role.trust, role.grants)
    return added


def _pipeline_grants(
    names: Mapping[ParameterSpec, Named], form: Form, scope: Scope, settings: PrerequisitesSettings
) -> list[Grant]:
    """What the environment's actions bring with them."""
    source = settings.pipeline.source
    inputs = PipelineInputs(
        pipeline=form.of(parameters.PIPELINE_NAME, scope),
        pipeline_role=names[PIPELINE_ROLE.spec],
        artifact_bucket=names[BUCKET.spec],
        key=key_of(form, settings.pipeline),
        approval_topic=names[TOPIC.spec] if scope.environment.approval else None,
        source={**{spec: names[spec] for spec in source.shared}, source.branch: Unknown("the branch")},
        builds=[BuildInput(step=step, project=names[step.project]) for step in settings.pipeline.steps],
        ecr_repository=form.of(parameters.ECR_REPOSITORY, scope),
        container=Unknown("the container's name"),
        lifecycle_policy=Unknown("the lifecycle policy"),
        cluster=form.of(parameters.CLUSTER, scope),
        service=form.of(parameters.SERVICE, scope),
        task_roles=[form.of(spec, scope) for spec in (parameters.TASK_ROLE, parameters.TASK_EXECUTION_ROLE)],
    )
    stages = stage_actions(inputs, scope.environment, settings.pipeline)
    return [grant for stage in stages.values() for action in stage for grant in action.grants]


def _add(template: Template, resource: AWSObject, condition: str | None) -> None:
    if condition is not None:
        resource.Condition = condition
    template.add_resource(resource)


def _name(part: Part, form: Form, environments: Sequence[Environment]) -> Named:
    """The part's own name, without the mark."""
    parameter = form.of(part.spec)
    name = _unmarked(ref(parameter))
    if part is not BUCKET:
        return name
    only = f"-{environments[0].id.lower()}" if len(environments) == 1 else ""
    return If("NameArtifactBucket", sub(f"ecs-cd-artifacts-${{AWS::AccountId}}-${{AWS::Region}}{only}"), name)


def _unmarked(value: AWSHelperFn | str) -> AWSHelperFn:
    """The value without ``existing:``, if it has it: split there and joined again."""
    return Join("", Split(EXISTING, value))
