"""What AWS accepts as a name, as constraints that a CloudFormation form can check.

Each constraint is the service's own rule, from the API model that botocore ships or from the page
named beside it. A pattern matches the whole value and is written in the part of regular-expression
syntax that Java (CloudFormation), Python (cfn-lint) and JavaScript read alike: ASCII classes
spelled out, no possessive or named groups.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .cfn.constraint import Constraint
from .cfn.limits import MAX_PARAMETER_VALUE_BYTES
from .cfn.partitions import PARTITIONS
from .texts import Text

# codepipeline PipelineName allows 100 characters and @; events RuleName allows 64 and no @. The rule
# that starts the pipeline carries the pipeline's name, so that a role can trust exactly that rule.
PIPELINE_NAME = Constraint(
    pattern=r"^[A-Za-z0-9._-]+$",
    min_length=1,
    max_length=64,
    message=Text("constraint.PIPELINE_NAME"),
)

# iam roleNameType, with the pathType before it that iam:PassRole and the ARN need
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
ROLE_NAME = Constraint(
    pattern=r"^(?!arn:|existing:)(?:[!-.0-~][!-~]{0,509}/)?[A-Za-z0-9_+=,.@-]{1,64}$",
    min_length=1,
    max_length=575,
    message=Text("constraint.ROLE_NAME"),
)

# codepipeline ArtifactStoreLocation.
BUCKET_NAME = Constraint(
    pattern=r"^[a-zA-Z0-9.-]+$",
    min_length=3,
    max_length=63,
    message=Text("constraint.BUCKET_NAME"),
)

# sns CreateTopic (https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html). FIFO topics end in
# .fifo and want a message group, which an approval request does not have.
TOPIC_NAME = Constraint(
    pattern=r"^[A-Za-z0-9_-]+$",
    min_length=1,
    max_length=256,
    message=Text("constraint.TOPIC_NAME"),
)

# codecommit RepositoryName; a name cannot end in .git
# (https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html).
CODECOMMIT_REPOSITORY = Constraint(
    pattern=r"^(?![\s\S]*\.git$)[A-Za-z0-9_.-]+$",
    min_length=1,
    max_length=100,
    message=Text("constraint.CODECOMMIT_REPOSITORY"),
)

# codecommit BranchName, the rules for branches on the page above, and Git's own
# (https://git-scm.com/docs/git-check-ref-format). CodePipeline would read #{ as a variable
# (https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html).
BRANCH = Constraint(
    pattern=(
        r"^(?!@$)(?!HEAD$)(?![0-9a-fA-F]{40}$)(?![/.-])(?![\s\S]*(?:\.\.|//|/\.|@\{|#\{|\.lock/))"
        r"(?![\s\S]*(?:/|\.|\.lock)$)[^\x00-\x20\x7F~^:?*\[\\]+$"
    ),
    min_length=1,
    max_length=256,
    message=Text("constraint.BRANCH"),
)

# A branch as a trigger's filter, which is a pattern: a name with braces would stand for others
# (https://docs.aws.amazon.com/codepipeline/latest/userguide/syntax-glob.html). Its length is that of
# https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GitBranchFilterCriteria.html.
TRIGGER_BRANCH = replace(
    BRANCH,
    pattern=r"^(?![\s\S]*[{}])" + (BRANCH.pattern or "").removeprefix("^"),
    max_length=255,
    message=Text("constraint.TRIGGER_BRANCH"),
)

# codebuild ProjectName.
BUILD_PROJECT = Constraint(
    pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]+$",
    min_length=2,
    max_length=150,
    message=Text("constraint.BUILD_PROJECT"),
)

# ecr RepositoryName.
ECR_REPOSITORY = Constraint(
    pattern=r"^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$",
    min_length=2,
    max_length=256,
    message=Text("constraint.ECR_REPOSITORY"),
)

# ecr LifecyclePolicyText, whose least length is 100; CloudFormation ends a value at 4,096 bytes.
LIFECYCLE_POLICY = Constraint(
    pattern=r"^(?:|[ \t\r\n]*\{[\s\S]{98,}\}[ \t\r\n]*)$",
    max_length=4096,
    message=Text("constraint.LIFECYCLE_POLICY"),
)

# ecs ClusterName, ServiceName and ContainerDefinition.name: the model has no pattern, the pages say
# up to 255 letters, digits, underscores and hyphens
# (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html,
# .../API_CreateService.html, .../API_ContainerDefinition.html).
ECS_NAME = Constraint(
    pattern=r"^[A-Za-z0-9_-]+$",
    min_length=1,
    max_length=255,
    message=Text("constraint.ECS_NAME"),
)

# The name of a cluster that we make is in its capacity provider's, with four characters before it: that may have 255
# (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html).
NEW_CLUSTER_NAME = replace(ECS_NAME, max_length=251, message=Text("constraint.NEW_ECS_NAME", most="251"))

# What each name of the application begins with; this is short enough for all that is made of it.
APPLICATION_NAME = Constraint(
    pattern=r"^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$",
    min_length=2,
    max_length=20,
    message=Text("constraint.APPLICATION_NAME"),
)

# A role that we make has no path: a name and a path are two properties, and a form's value is one.
NEW_ROLE_NAME = Constraint(
    pattern=r"^[A-Za-z0-9_+=,.@-]{1,64}$",
    min_length=1,
    max_length=64,
    message=Text("constraint.NEW_ROLE_NAME"),
)

# A role that a policy names: in a policy, * and ? would stand for other roles, and ${ for a variable.
NAMED_ROLE = Constraint(
    pattern=r"^(?:[A-Za-z0-9_+=,.@-][A-Za-z0-9_+=,.@/-]{0,509}/)?[A-Za-z0-9_+=,.@-]{1,64}$",
    min_length=1,
    max_length=575,
    message=ROLE_NAME.message,
)

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
NEW_BUCKET_NAME = Constraint(
    pattern=(
        r"^(?:|(?!xn--|sthree-|amzn-s3-demo-)(?![0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$)(?![\s\S]*\.\.)"
        r"(?![\s\S]*(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3|-an)$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$"
    ),
    max_length=63,
    message=Text("constraint.NEW_BUCKET_NAME"),
)

# A blank means that nobody is asked by e-mail. SNS itself refuses an address it cannot deliver to.
EMAIL = Constraint(
    pattern=r"^(?:|[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)$",
    max_length=254,
    message=Text("constraint.EMAIL"),
)

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_RETENTION = Constraint(
    allowed_values=tuple(
        str(days)
        for days in (
            1,
            3,
            5,
            7,
            14,
            30,
            60,
            90,
            120,
            150,
            180,
            365,
            400,
            545,
            731,
            1096,
            1827,
            2192,
            2557,
            2922,
            3288,
            3653,
        )
    ),
    message=Text("constraint.LOG_RETENTION"),
)

DAYS = Constraint(min_value=1, max_value=3650, message=Text("constraint.DAYS"))


def vpc_cidr(longest: int) -> Constraint:
    """The networks of https://datatracker.ietf.org/doc/html/rfc1918 as a VPC takes them, of length /16 to this.

    Each starts where its length lets it start. 172.17.0.0/16 is Docker's own, and some AWS services use it
    (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html).
    """
    shortest = 16
    octets: dict[int, list[str]] = {}
    for octet in range(0, 256, 2 ** (24 - longest)):
        least = next(length for length in range(shortest, longest + 1) if octet % 2 ** (24 - length) == 0)
        octets.setdefault(least, []).append(str(octet))
    starts = "|".join(
        rf"(?:{'|'.join(octets[least])})\.0/(?:{'|'.join(map(str, range(least, longest + 1)))})" for least in octets
    )
    return Constraint(
        pattern=(
            r"^(?:10\.(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])|172\.(?:1[689]|2[0-9]|3[01])|192\.168)"
            rf"\.(?:{starts})$"
        ),
        max_length=18,
        message=Text("constraint.VPC_CIDR", longest=str(longest)),
    )


VPC_CIDR = vpc_cidr(20)


def _arn(service: str, resource: str) -> str:
    """The pattern of an ARN in a region of any partition, with the regions that each partition has."""
    regions = "|".join(f"{name}:{service}:{partition.region_pattern}" for name, partition in PARTITIONS.items())
    return f"arn:(?:{regions}):[0-9]{{12}}:{resource}"


_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

# codeconnections ConnectionArn and HostArn; older ones have the older prefix
# (https://docs.aws.amazon.com/dtconsole/latest/userguide/rename.html).
_CONNECTIONS = "(?:codeconnections|codestar-connections)"
CONNECTION_ARN = Constraint(
    pattern=f"^{_arn(_CONNECTIONS, f'connection/{_UUID}')}$",
    min_length=1,
    max_length=256,
    message=Text("constraint.CONNECTION_ARN"),
)
CONNECTION_ARN_OR_BLANK = Constraint(
    pattern=f"^(?:|{_arn(_CONNECTIONS, f'connection/{_UUID}')})$",
    max_length=256,
    message=Text("constraint.CONNECTION_ARN_OR_BLANK"),
)
HOST_ARN = Constraint(
    pattern=f"^{_arn(_CONNECTIONS, 'host/[A-Za-z0-9_.-]+')}$",
    max_length=256,
    message=Text("constraint.HOST_ARN_OR_BLANK"),
)
HOST_ARN_OR_BLANK = replace(HOST_ARN, pattern=f"^(?:|{_arn(_CONNECTIONS, 'host/[A-Za-z0-9_.-]+')})$")

# codeconnections ConnectionName, of which we take what needs no quoting.
CONNECTION_NAME = Constraint(
    pattern=r"^[A-Za-z0-9_-]{1,32}$",
    min_length=1,
    max_length=32,
    message=Text("constraint.CONNECTION_NAME"),
)
CONNECTION_NAME_OR_BLANK = replace(CONNECTION_NAME, pattern=r"^[A-Za-z0-9_-]{0,32}$", min_length=None)

# Owner and repository, with GitLab's subgroups between them
# (https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html). The
# length is ours, with which the link of an approval stays below its 1,000 characters.
FULL_REPOSITORY_ID = Constraint(
    pattern=r"^(?![\s\S]*\.git$)[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+$",
    min_length=3,
    max_length=255,
    message=Text("constraint.FULL_REPOSITORY_ID"),
)

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscertificatemanager.html
CERTIFICATE_ARN = Constraint(
    pattern=f"^(?:|{_arn('acm', f'certificate/{_UUID}')})$",
    max_length=200,
    message=Text("constraint.CERTIFICATE_ARN"),
)

# A key's ARN and no alias, which ECR and CodePipeline read differently; a multi-Region key's ID begins with mrk-
# (https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id).
KMS_KEY_ARN = Constraint(
    pattern=f"^{_arn('kms', f'key/(?:{_UUID}|mrk-[0-9a-f]{{32}})')}$",
    max_length=200,
    message=Text("constraint.KMS_KEY_ARN"),
)

# elasticloadbalancingv2 HealthCheckPath; a path starts with a slash
# (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html).
HEALTH_CHECK_PATH = Constraint(
    pattern=r"^/[!-~]*$",
    min_length=1,
    max_length=1024,
    message=Text("constraint.HEALTH_CHECK_PATH"),
)

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
TARGET_GROUP_ARN = Constraint(
    pattern=f"^{_arn('elasticloadbalancing', 'targetgroup/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}')}$",
    min_length=1,
    max_length=200,
    message=Text("constraint.TARGET_GROUP_ARN"),
)

# ecs ContainerDefinition.image
# (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html).
_IMAGE = (
    r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::[0-9]{1,5}(?=/))?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
# 255 characters, and a digest.
_IMAGE_LENGTH = 255 + len("@sha256:") + 64
CONTAINER_IMAGE = Constraint(
    pattern=f"^{_IMAGE}$", min_length=1, max_length=_IMAGE_LENGTH, message=Text("constraint.CONTAINER_IMAGE")
)


def container_images(count: int) -> Constraint:
    """As many images, with commas between them."""
    return Constraint(
        pattern=f"^(?:{_IMAGE}(?:,(?!$)|$)){{{count}}}$",
        min_length=1,
        max_length=(_IMAGE_LENGTH + 1) * count - 1,
        message=Text("constraint.CONTAINER_IMAGES"),
    )


# What Environment.display_name may be.
DISPLAY_NAME = Constraint(
    pattern=r"^[^\x00-\x20\x7F]+(?: +[^\x00-\x20\x7F]+)*$",
    min_length=1,
    max_length=80,
    message=Text("constraint.DISPLAY_NAME"),
)

# The pairs of CPU units and MiB that the form offers, all of which Fargate takes
# (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html).
TASK_SIZES = (
    (256, 512),
    (256, 1024),
    (512, 1024),
    (512, 2048),
    (1024, 2048),
    (1024, 4096),
    (2048, 4096),
    (2048, 8192),
)


def task_size(cpu: int, memory: int) -> str:
    """The size as the form shows it; its first and fourth word are the numbers that ECS wants."""
    return f"{cpu} CPU units, {memory} MiB"


TASK_SIZE = Constraint(
    allowed_values=tuple(task_size(*size) for size in TASK_SIZES),
    message=Text("constraint.TASK_SIZE"),
)

# The least and the most tasks, or one number for both; 0 pauses the service.
MAX_TASKS = 10
TASK_COUNT = Constraint(
    pattern="^(?:0|"
    + "|".join(
        f"{least}(?:-(?:{'|'.join(str(most) for most in range(least, MAX_TASKS + 1))}))?"
        for least in range(1, MAX_TASKS + 1)
    )
    + ")$",
    max_length=5,
    message=Text("constraint.TASK_COUNT", most=str(MAX_TASKS)),
)

# ecs ClusterSetting (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ContainerInsights.html).
CONTAINER_INSIGHTS = Constraint(
    allowed_values=("disabled", "enabled", "enhanced"), message=Text("constraint.CONTAINER_INSIGHTS")
)

# In which environments they are kept.
INSIGHTS_IN = Constraint(message=Text("constraint.INSIGHTS_IN"))

YES_OR_NO = Constraint(allowed_values=("false", "true"), message=Text("constraint.YES_OR_NO"))

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-regions-availability-zones.html
AVAILABILITY_ZONE = Constraint(
    pattern=r"^(?:|[a-z]{2}(?:-[a-z]+)+-[0-9]+[a-z])$",
    max_length=20,
    message=Text("constraint.AVAILABILITY_ZONE"),
)

FARGATE, EC2 = LAUNCH_TYPES = ("FARGATE", "EC2")
LAUNCH_TYPE = Constraint(allowed_values=LAUNCH_TYPES, message=Text("constraint.LAUNCH_TYPE"))

# Which types there are to choose from depends on the processor.
INSTANCE_TYPE = Constraint(message=Text("constraint.INSTANCE_TYPE"))

# What CloudFormation itself looks up in the account.
INSTANCE_IMAGE = Constraint(message=Text("constraint.INSTANCE_IMAGE"))
VPC = Constraint(message=Text("constraint.VPC"))
PUBLIC_SUBNET = Constraint(message=Text("constraint.PUBLIC_SUBNET"))
PRIVATE_SUBNET = Constraint(message=Text("constraint.PRIVATE_SUBNET"))
SECURITY_GROUP = Constraint(message=Text("constraint.SECURITY_GROUP"))

# The folder of the published templates. CloudFormation reads templates from S3 only, and not from its pages
# (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackSet.html).
TEMPLATES_URL = Constraint(
    pattern=(
        r"^https://(?:[A-Za-z0-9][A-Za-z0-9.-]{0,62}\.)?s3[.-](?!website)(?:[a-z0-9-]{1,63}\.){0,4}"
        rf"(?:{'|'.join(sorted({re.escape(each.url_suffix) for each in PARTITIONS.values()}))})"
        r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*$"
    ),
    min_length=1,
    max_length=MAX_PARAMETER_VALUE_BYTES,
    message=Text("constraint.TEMPLATES_URL"),
)

EXISTING = "existing:"


@dataclass(frozen=True)
class ResourceName:
    """The name of a resource, and whether the resource exists already, as a form takes them: ``existing:NAME``."""

    name: str
    existing: bool = False

    @classmethod
    def parse(cls, value: str) -> ResourceName:
        """The name that a form was given."""
        return cls(value.removeprefix(EXISTING), value.startswith(EXISTING))

    def __str__(self) -> str:
        return f"{EXISTING}{self.name}" if self.existing else self.name


def or_existing(new: Constraint, existing: Constraint) -> Constraint:
    """What a name must be where the resource may exist already (``existing:NAME``, see :class:`ResourceName`).

    No name of a service that we use it for has a colon in it, so the two cannot be confused.
    """
    new_pattern, existing_pattern = (_with_length(each) for each in (new, existing))
    return Constraint(
        pattern=f"^(?:(?:{new_pattern})|{EXISTING}(?:{existing_pattern}))$",
        min_length=new.min_length,
        max_length=len(EXISTING) + max(new.max_length or 0, existing.max_length or 0),
        message=Text("constraint.or_existing", message=new.message),
    )


def existing_only(existing: Constraint) -> Constraint:
    """What a name must be where the resource is made if it is blank, and exists already otherwise."""
    return Constraint(
        pattern=f"^(?:|{EXISTING}(?:{_with_length(existing)}))$",
        max_length=len(EXISTING) + (existing.max_length or 0),
        message=Text("constraint.existing_only"),
    )


def _with_length(constraint: Constraint) -> str:
    """The pattern without its anchors, and with the length in it: that of the parameter is for both names."""
    pattern = (constraint.pattern or "").removeprefix("^").removesuffix("$")
    return rf"(?=[\s\S]{{{constraint.min_length or 0},{constraint.max_length or ''}}}$){pattern}"
