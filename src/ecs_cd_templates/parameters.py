"""The parameters of the templates: each one's name, group, texts, constraint and default, in one place.

What a form says of a parameter depends on what its template does with the thing: it makes it, uses
what exists already, or lets its roles work on it, whoever makes it. The texts have keys
(``parameter.NAME.PURPOSE.label`` and ``.description``) and stand in ``texts/``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from troposphere import Parameter, Template

from . import constraints
from .cfn.constraint import Constraint
from .cfn.intrinsics import Named
from .constraints import or_existing
from .environments import Environment, Scope
from .texts import Text, with_article

APPLICATION_GROUP = Text("group.application")
CODEPIPELINE_GROUP = Text("group.codepipeline")
CODEBUILD_GROUP = Text("group.codebuild")
ECS_GROUP = Text("group.ecs")
NETWORK_GROUP = Text("group.network")
LOAD_BALANCER_GROUP = Text("group.load_balancer")
ARTIFACTS_GROUP = Text("group.artifacts")
ROLES_GROUP = Text("group.roles")
ALLOWED_GROUP = Text("group.allowed")
ROLLOUT_GROUP = Text("group.rollout")


@dataclass(frozen=True)
class Shared:
    """A name of what environments share, made of these words; or of what one of them has for itself.

    The environment's ID is not at the end of it: a build may write to report groups whose names begin with its
    project's.
    """

    words: str

    def proposed(self, environment: Environment | None) -> str:
        """The name that a form proposes: of the environment's own, if it is given."""
        own = environment.id.lower() if environment else ""
        return "-".join(filter(None, ["ecs-cd", own, self.words]))


Default = str | Shared | Callable[[Environment], str | None]


class Purpose(StrEnum):
    """What a template does with the thing that a parameter names."""

    MAKE = "make"
    USE = "use"
    # The roles of the template may work on it, whoever makes it.
    ALLOW = "allow"


@dataclass(frozen=True, kw_only=True)
class ParameterSpec:
    """A parameter, wherever a template asks for it.

    ``constraint`` is on the name of what exists; ``new`` and ``allowed``, where they differ, on the
    name of what is made, and of what a policy names. ``default`` is what a form proposes, if it
    proposes anything; one for each environment is a function of it. ``texts`` begins the keys of its
    texts, if it is not ``parameter.NAME``, and ``fill`` fills placeholders in them.
    """

    name: str
    group: Text
    constraint: Constraint
    new: Constraint | None = None
    allowed: Constraint | None = None
    per_environment: bool = False
    default: Default | None = None
    make_group: Text | None = None
    type: str = "String"
    texts: str = ""
    fill: tuple[tuple[str, str], ...] = ()

    def constraint_for(self, purpose: Purpose) -> Constraint:
        """What the value must be."""
        other = {Purpose.MAKE: self.new, Purpose.USE: None, Purpose.ALLOW: self.allowed}[purpose]
        return other or self.constraint

    def group_for(self, purpose: Purpose) -> Text:
        """The group that the parameter stands in."""
        if purpose == Purpose.ALLOW:
            return ALLOWED_GROUP
        return self.make_group or self.group if purpose == Purpose.MAKE else self.group

    def default_for(self, environment: Environment | None) -> str | None:
        """What a form proposes."""
        if isinstance(self.default, Shared):
            return self.default.proposed(environment)
        if callable(self.default):
            if environment is None:
                raise TypeError(f"{self.name} needs an environment")
            return self.default(environment)
        return self.default


@dataclass(frozen=True)
class Part:
    """Something that is new or exists already: the parameter that names it, and its part of logical IDs."""

    spec: ParameterSpec
    title: str

    @property
    def condition(self) -> str:
        """The condition that it is made."""
        return f"Make{self.title}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A parameter in the form of one template."""

    spec: ParameterSpec
    name: str
    label: Text
    description: Text
    group: Text
    constraint: Constraint
    default: str | None


def entry(
    spec: ParameterSpec,
    purpose: Purpose,
    scope: Scope | None = None,
    *,
    propose: bool = True,
    wording: str = "",
    existing: bool = False,
    fill: Mapping[str, str] | None = None,
) -> Entry:
    """The parameter as a form asks for it, in an environment's scope if it has one.

    With ``propose`` the form proposes the default. ``wording`` is the middle of the texts' keys, where
    it is not the purpose. With ``existing`` the thing is made unless its name is marked as that of
    one that exists already. ``fill`` fills further placeholders in the texts.
    """
    own_scope = scope if spec.per_environment else None
    constraint = spec.constraint_for(purpose)
    default = spec.default_for(scope.environment if scope else None) if propose else None
    hint = ""
    if existing:
        constraint = or_existing(constraint, spec.allowed or spec.constraint)
    if purpose == Purpose.MAKE and (existing or default == ""):
        hint = Text("hint." + "_or_".join(["blank"] * (default == "") + ["existing"] * existing))
    texts = f"{spec.texts or f'parameter.{spec.name}'}.{wording or purpose}"
    filled = {
        "scope": own_scope.in_label if own_scope else "",
        "environment": own_scope.in_sentence if own_scope else "",
        "hint": hint,
        **dict(spec.fill),
        **(fill or {}),
    }
    return Entry(
        spec=spec,
        name=name_of(spec, scope),
        label=Text(f"{texts}.label", **filled),
        description=Text(f"{texts}.description", **filled),
        group=spec.group_for(purpose),
        constraint=constraint,
        default=default,
    )


def name_of(spec: ParameterSpec, scope: Scope | None = None) -> str:
    """The parameter's name: an environment's own, or the one that all share."""
    if not spec.per_environment:
        return spec.name
    if scope is None:
        raise TypeError(f"{spec.name} is one for each environment: say whose")
    return scope.name(spec.name)


@dataclass(frozen=True)
class Form:
    """What each parameter of a template stands for.

    That is the parameter itself, or in a template that does not ask for it, what is made of others.
    """

    values: Mapping[str, Named]

    def of(self, spec: ParameterSpec, scope: Scope | None = None) -> Named:
        """The value of the parameter: the environment's own, or the one that all share.

        A ``KeyError`` if the form neither asks for it nor makes it.
        """
        return self.values[name_of(spec, scope)]

    def with_made(self, made: Mapping[str, Named]) -> Form:
        """The form with further values, by the names of the parameters that they stand for."""
        return Form({**self.values, **made})


def add_form(template: Template, entries: Iterable[Entry]) -> Form:
    """Adds the parameters with their labels and groups, in the order given."""
    parameters: dict[str, Parameter] = {}
    for each in entries:
        default = {} if each.default is None else {"Default": each.default}
        parameter = Parameter(
            each.name, Type=each.spec.type, Description=each.description, **default, **each.constraint.properties()
        )
        parameters[each.name] = template.add_parameter(parameter)
        template.add_parameter_to_group(parameter, each.group)
        template.set_parameter_label(parameter, each.label)
    return Form(parameters)


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
        "description": f"LifeCycle policy for {with_article(environment.display_name)} environment",
        "rulePriority": 1,
    }
    return json.dumps({"rules": [rule]}, separators=(",", ":"))


def _own(prefix: str) -> Default:
    """A name for each environment, from the words before its ID."""
    return lambda environment: f"{prefix}-{environment.id.lower()}"


# The application -----------------------------------------------------------------------------------------------------

APPLICATION = ParameterSpec(
    name="ApplicationName",
    group=APPLICATION_GROUP,
    constraint=constraints.APPLICATION_NAME,
    default="sample-app",
)

# The pipelines -------------------------------------------------------------------------------------------------------

PIPELINE_NAME = ParameterSpec(
    name="CodePipelineName",
    group=CODEPIPELINE_GROUP,
    constraint=constraints.PIPELINE_NAME,
    per_environment=True,
    default=_own("ecs-cd"),
)
PIPELINE_ROLE = ParameterSpec(
    name="CodePipelineServiceRoleName",
    group=CODEPIPELINE_GROUP,
    make_group=ROLES_GROUP,
    constraint=constraints.ROLE_NAME,
    new=constraints.NEW_ROLE_NAME,
    allowed=constraints.NAMED_ROLE,
    default=Shared("codepipeline"),
)
ARTIFACT_BUCKET = ParameterSpec(
    name="CodePipelineArtifactBucketName",
    group=CODEPIPELINE_GROUP,
    make_group=ARTIFACTS_GROUP,
    constraint=constraints.BUCKET_NAME,
    new=constraints.NEW_BUCKET_NAME,
    default="",
)
KMS_KEY = ParameterSpec(
    name="KmsKeyArn",
    group=ARTIFACTS_GROUP,
    constraint=constraints.KMS_KEY_ARN,
)
APPROVAL_TOPIC = ParameterSpec(
    name="SNSTopicName",
    group=CODEPIPELINE_GROUP,
    make_group=ARTIFACTS_GROUP,
    constraint=constraints.TOPIC_NAME,
    default=Shared("approvals"),
)
LIFECYCLE_POLICY = ParameterSpec(
    name="LifecyclePolicyText",
    group=ECS_GROUP,
    constraint=constraints.LIFECYCLE_POLICY,
    per_environment=True,
    default=_lifecycle_policy,
)

# What else the prerequisites need to know ----------------------------------------------------------------------------

ARTIFACT_EXPIRATION = ParameterSpec(
    name="ArtifactExpirationInDays",
    group=ARTIFACTS_GROUP,
    constraint=constraints.DAYS,
    default="365",
    type="Number",
)
APPROVAL_EMAIL = ParameterSpec(
    name="ApprovalEmailAddress",
    group=ARTIFACTS_GROUP,
    constraint=constraints.EMAIL,
    default="",
)
LOG_RETENTION = ParameterSpec(
    name="LogRetentionInDays",
    group=CODEBUILD_GROUP,
    constraint=constraints.LOG_RETENTION,
    default="90",
    type="Number",
)

# Where the pipelines deploy to ---------------------------------------------------------------------------------------

ECR_REPOSITORY = ParameterSpec(
    name="ECRRepositoryName",
    group=ECS_GROUP,
    constraint=constraints.ECR_REPOSITORY,
    per_environment=True,
    default=_own("ecs-cd-sample-app"),
)
CLUSTER = ParameterSpec(
    name="ECSClusterName",
    group=ECS_GROUP,
    constraint=constraints.ECS_NAME,
    new=constraints.NEW_CLUSTER_NAME,
    per_environment=True,
    default=_own("ecs-cd"),
)
SERVICE = ParameterSpec(
    name="ECSServiceName",
    group=ECS_GROUP,
    constraint=constraints.ECS_NAME,
    per_environment=True,
    default=_own("ecs-cd-sample-app"),
)
CONTAINER = ParameterSpec(
    name="ECSTaskContainerName",
    group=ECS_GROUP,
    constraint=constraints.ECS_NAME,
    default="app",
)
TASK_ROLE = ParameterSpec(
    name="ECSTaskRoleName",
    group=ECS_GROUP,
    constraint=constraints.ROLE_NAME,
    new=constraints.NEW_ROLE_NAME,
    allowed=constraints.NAMED_ROLE,
    per_environment=True,
    default=_own("ecs-cd-task"),
)
TASK_EXECUTION_ROLE = ParameterSpec(
    name="ECSTaskExecutionRoleName",
    group=ECS_GROUP,
    constraint=constraints.ROLE_NAME,
    new=constraints.NEW_ROLE_NAME,
    allowed=constraints.NAMED_ROLE,
    per_environment=True,
    default=_own("ecs-cd-task-execution"),
)
LAUNCH_TYPE = ParameterSpec(
    name="ECSLaunchType",
    group=ECS_GROUP,
    constraint=constraints.LAUNCH_TYPE,
    default=constraints.LAUNCH_TYPES[0],
)
INSTANCE_TYPE = ParameterSpec(
    name="ECSInstanceType",
    group=ECS_GROUP,
    constraint=constraints.INSTANCE_TYPE,
)
INSTANCE_IMAGE = ParameterSpec(
    name="ECSInstanceImageId",
    group=ECS_GROUP,
    constraint=constraints.INSTANCE_IMAGE,
    type="AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>",
)
TASK_IMAGE = ParameterSpec(
    name="ECSTaskImage",
    group=ECS_GROUP,
    constraint=constraints.CONTAINER_IMAGE,
    per_environment=True,
)
TASK_SIZE = ParameterSpec(
    name="ECSTaskSize",
    group=ECS_GROUP,
    constraint=constraints.TASK_SIZE,
    per_environment=True,
    default=constraints.task_size(*constraints.TASK_SIZES[0]),
)
TASK_COUNT = ParameterSpec(
    name="ECSTaskCount",
    group=ECS_GROUP,
    constraint=constraints.TASK_COUNT,
    per_environment=True,
    default="1",
)
CONTAINER_INSIGHTS = ParameterSpec(
    name="ContainerInsights",
    group=ECS_GROUP,
    constraint=constraints.CONTAINER_INSIGHTS,
    per_environment=True,
    default=lambda environment: "enabled" if environment.production else "disabled",
)
ENVIRONMENT_NAME = ParameterSpec(
    name="EnvironmentName",
    group=ECS_GROUP,
    constraint=constraints.DISPLAY_NAME,
    per_environment=True,
    default=lambda environment: str(environment.display_name),
)
VPC_CIDR = ParameterSpec(
    name="VpcCidr",
    group=NETWORK_GROUP,
    constraint=constraints.VPC_CIDR,
    per_environment=True,
    default="10.0.0.0/16",
)
AVAILABILITY_ZONES = tuple(
    ParameterSpec(
        name=f"AvailabilityZone{number}",
        group=NETWORK_GROUP,
        constraint=constraints.AVAILABILITY_ZONE,
        default="",
        texts="parameter.AvailabilityZone",
        fill=(("number", str(number)),),
    )
    for number in (1, 2)
)
VPC = ParameterSpec(
    name="VpcId",
    group=NETWORK_GROUP,
    constraint=constraints.VPC,
    per_environment=True,
    type="AWS::EC2::VPC::Id",
)
# An Application Load Balancer needs two availability zones.
PUBLIC_SUBNETS, PRIVATE_SUBNETS = (
    tuple(
        ParameterSpec(
            name=f"{kind}Subnet{number}Id",
            group=NETWORK_GROUP,
            constraint=constraint,
            per_environment=True,
            type="AWS::EC2::Subnet::Id",
            texts=f"parameter.{kind}SubnetId",
            fill=(("number", str(number)),),
        )
        for number in (1, 2)
    )
    for kind, constraint in (("Public", constraints.PUBLIC_SUBNET), ("Private", constraints.PRIVATE_SUBNET))
)
CERTIFICATE = ParameterSpec(
    name="CertificateArn",
    group=LOAD_BALANCER_GROUP,
    constraint=constraints.CERTIFICATE_ARN,
    per_environment=True,
    default="",
)
HEALTH_CHECK_PATH = ParameterSpec(
    name="HealthCheckPath",
    group=LOAD_BALANCER_GROUP,
    constraint=constraints.HEALTH_CHECK_PATH,
    default="/",
)
DELETION_PROTECTION = ParameterSpec(
    name="LoadBalancerDeletionProtection",
    group=LOAD_BALANCER_GROUP,
    constraint=constraints.YES_OR_NO,
    per_environment=True,
    default="false",
)
LOAD_BALANCER_SECURITY_GROUP = ParameterSpec(
    name="LoadBalancerSecurityGroupId",
    group=LOAD_BALANCER_GROUP,
    constraint=constraints.SECURITY_GROUP,
    type="AWS::EC2::SecurityGroup::Id",
)
TARGET_GROUP = ParameterSpec(
    name="TargetGroupArn",
    group=LOAD_BALANCER_GROUP,
    constraint=constraints.TARGET_GROUP_ARN,
)

# What the quick start asks for once, and an environment's own template for itself -----------------------------------

INSIGHTS_IN = ParameterSpec(
    name="ContainerInsights",
    group=ECS_GROUP,
    constraint=constraints.INSIGHTS_IN,
    texts="parameter.ContainerInsightsIn",
)
PRODUCTION_PROTECTION = ParameterSpec(
    name="LoadBalancerDeletionProtection",
    group=ECS_GROUP,
    constraint=constraints.YES_OR_NO,
    default="false",
    texts="parameter.ProductionProtection",
)
NETWORK_CIDR = ParameterSpec(
    name="VpcCidr",
    group=NETWORK_GROUP,
    constraint=constraints.VPC_CIDR,
    default="10.0.0.0/16",
    texts="parameter.NetworkCidr",
)
TASK_IMAGES = ParameterSpec(
    name="ECSTaskImages",
    group=ECS_GROUP,
    constraint=constraints.CONTAINER_IMAGE,
)

# A rollout -----------------------------------------------------------------------------------------------------------

TEMPLATES_URL = ParameterSpec(
    name="TemplatesUrl",
    group=ROLLOUT_GROUP,
    constraint=constraints.TEMPLATES_URL,
)
