"""What AWS accepts as a name, as constraints that a CloudFormation form can check.

Each constraint is the service's own rule, from the API model that botocore ships or from the page
named beside it. A pattern matches the whole value and is written in the part of regular-expression
syntax that Java (CloudFormation), Python (cfn-lint) and JavaScript read alike: ASCII classes
spelled out, no possessive or named groups.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .cfn.partitions import PARTITIONS


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """What a value must be, and the same in words.

    Text: a pattern for the whole value and its length in characters. A choice: the allowed values.
    A whole number (of a parameter whose type is Number): its least and greatest value.
    """

    words: str
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    allowed_values: tuple[str, ...] | None = None
    min_value: int | None = None
    max_value: int | None = None

    def properties(self) -> dict[str, Any]:
        """The constraint as properties of a CloudFormation parameter."""
        properties = {
            "AllowedPattern": self.pattern,
            "MinLength": self.min_length,
            "MaxLength": self.max_length,
            "AllowedValues": self.allowed_values and list(self.allowed_values),
            "MinValue": self.min_value,
            "MaxValue": self.max_value,
            "ConstraintDescription": self.words,
        }
        return {name: value for name, value in properties.items() if value is not None}

    def accepts(self, value: str) -> bool:
        """Whether CloudFormation would take the value for a parameter with this constraint."""
        if self.allowed_values is not None:
            return value in self.allowed_values
        if self.min_value is not None or self.max_value is not None:
            if not re.fullmatch(r"-?[0-9]{1,15}", value):
                return False
            least = int(value) if self.min_value is None else self.min_value
            return least <= int(value) <= (int(value) if self.max_value is None else self.max_value)
        shortest, longest = self.min_length or 0, self.max_length or len(value)
        return shortest <= len(value) <= longest and re.fullmatch(self.pattern or r"[\s\S]*", value) is not None


# codepipeline PipelineName allows 100 characters and @; events RuleName allows 64 and no @. The rule
# that starts the pipeline carries the pipeline's name, so that a role can trust exactly that rule.
PIPELINE_NAME = Constraint(
    pattern=r"^[A-Za-z0-9._-]+$",
    min_length=1,
    max_length=64,
    words="Use 1 to 64 letters, digits, dots, hyphens or underscores: the pipeline and its event rule share this name.",
)

# iam roleNameType, with the pathType before it that iam:PassRole and the ARN need
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
ROLE_NAME = Constraint(
    pattern=r"^(?!arn:|existing:)(?:[!-.0-~][!-~]{0,509}/)?[A-Za-z0-9_+=,.@-]{1,64}$",
    min_length=1,
    max_length=575,
    words=(
        "Give the role's name, not its ARN: up to 64 letters, digits or +=,.@_- characters, "
        "after its path if it has one (service-role/MyRole, with no slash in front)."
    ),
)

# codepipeline ArtifactStoreLocation.
BUCKET_NAME = Constraint(
    pattern=r"^[a-zA-Z0-9.-]+$",
    min_length=3,
    max_length=63,
    words="Give the bucket's name, not its ARN or address: 3 to 63 letters, digits, dots or hyphens.",
)

# sns CreateTopic (https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html). FIFO topics end in
# .fifo and want a message group, which an approval request does not have.
TOPIC_NAME = Constraint(
    pattern=r"^[A-Za-z0-9_-]+$",
    min_length=1,
    max_length=256,
    words=("Give the name of a standard topic, not its ARN: up to 256 letters, digits, hyphens or underscores."),
)

# codecommit RepositoryName; a name cannot end in .git
# (https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html).
CODECOMMIT_REPOSITORY = Constraint(
    pattern=r"^(?![\s\S]*\.git$)[A-Za-z0-9_.-]+$",
    min_length=1,
    max_length=100,
    words="Use 1 to 100 letters, digits, dots, hyphens or underscores, not ending in .git.",
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
    words=(
        "Give a branch's name as Git accepts it, such as master or release/1.2: up to 256 characters, "
        "no spaces, none of ~ ^ : ? * [ \\, no .. or //, no slash or dot at either end, no hyphen in front."
    ),
)

# codebuild ProjectName.
BUILD_PROJECT = Constraint(
    pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]+$",
    min_length=2,
    max_length=150,
    words="Use 2 to 150 letters, digits, hyphens or underscores, starting with a letter or digit.",
)

# ecr RepositoryName.
ECR_REPOSITORY = Constraint(
    pattern=r"^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$",
    min_length=2,
    max_length=256,
    words=(
        "Give the repository's name, not its address: 2 to 256 lowercase letters, digits and single "
        "separators (. _ - /) between them, such as team/app-dev."
    ),
)

# ecr LifecyclePolicyText, whose least length is 100; CloudFormation ends a value at 4,096 bytes.
LIFECYCLE_POLICY = Constraint(
    pattern=r"^(?:|[ \t\r\n]*\{[\s\S]{98,}\}[ \t\r\n]*)$",
    max_length=4096,
    words=(
        "Give an ECR lifecycle policy as JSON in braces (100 to 4096 characters), "
        "or leave it blank if the ECR repository exists already."
    ),
)

# ecs ClusterName, ServiceName and ContainerDefinition.name: the model has no pattern, the pages say
# up to 255 letters, digits, underscores and hyphens
# (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html,
# .../API_CreateService.html, .../API_ContainerDefinition.html).
ECS_NAME = Constraint(
    pattern=r"^[A-Za-z0-9_-]+$",
    min_length=1,
    max_length=255,
    words="Give the name, not the ARN: up to 255 letters, digits, hyphens or underscores.",
)

# A role that we make has no path: a name and a path are two properties, and a form's value is one.
NEW_ROLE_NAME = Constraint(
    pattern=r"^[A-Za-z0-9_+=,.@-]{1,64}$",
    min_length=1,
    max_length=64,
    words="Use 1 to 64 letters, digits or +=,.@_- characters, and no path.",
)

# A role that a policy names: in a policy, * and ? would stand for other roles, and ${ for a variable.
NAMED_ROLE = Constraint(
    pattern=r"^(?:[A-Za-z0-9_+=,.@-][A-Za-z0-9_+=,.@/-]{0,509}/)?[A-Za-z0-9_+=,.@-]{1,64}$",
    min_length=1,
    max_length=575,
    words=ROLE_NAME.words,
)

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
NEW_BUCKET_NAME = Constraint(
    pattern=(
        r"^(?:|(?!xn--|sthree-|amzn-s3-demo-)(?![0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$)(?![\s\S]*\.\.)"
        r"(?![\s\S]*(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3|-an)$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$"
    ),
    max_length=63,
    words=(
        "Use 3 to 63 lowercase letters, digits, dots or hyphens, as S3 takes them for a new bucket, "
        "or leave it blank for a name that is made up of the account and the region."
    ),
)

# A blank means that nobody is asked by e-mail. SNS itself refuses an address it cannot deliver to.
EMAIL = Constraint(
    pattern=r"^(?:|[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)$",
    max_length=254,
    words="Give one e-mail address, or leave it blank.",
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
    words="Choose one of the numbers of days that CloudWatch Logs offers.",
)

DAYS = Constraint(min_value=1, max_value=3650, words="Give a number of days from 1 to 3650.")

# Networks of https://datatracker.ietf.org/doc/html/rfc1918 as a VPC takes them, each of which starts where its length
# lets it start. 172.17.0.0/16 is Docker's own, and some AWS services use it
# (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html).
VPC_CIDR = Constraint(
    pattern=(
        r"^(?:10\.(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])|172\.(?:1[689]|2[0-9]|3[01])|192\.168)"
        r"\.(?:0\.0/(?:1[6-9]|20)|128\.0/(?:1[7-9]|20)|(?:64|192)\.0/(?:18|19|20)"
        r"|(?:32|96|160|224)\.0/(?:19|20)|(?:16|48|80|112|144|176|208|240)\.0/20)$"
    ),
    max_length=18,
    words=(
        "Give a private network of length /16 to /20 by its first address, such as 10.0.0.0/16 or 192.168.16.0/20: "
        "within 10.0.0.0/8, 172.16.0.0/12 (but not 172.17.0.0/16) or 192.168.0.0/16."
    ),
)

_PARTITION = f"(?:{'|'.join(PARTITIONS)})"
_REGION = "[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}"

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscertificatemanager.html
CERTIFICATE_ARN = Constraint(
    pattern=(
        f"^(?:|arn:{_PARTITION}:acm:{_REGION}:[0-9]{{12}}:certificate/"
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"
    ),
    max_length=200,
    words=(
        "Give the ARN of a certificate of AWS Certificate Manager in the region of this stack, "
        "ending in certificate/ and the certificate's ID, or leave it blank for HTTP."
    ),
)

# elasticloadbalancingv2 HealthCheckPath; a path starts with a slash
# (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html).
HEALTH_CHECK_PATH = Constraint(
    pattern=r"^/[!-~]*$",
    min_length=1,
    max_length=1024,
    words="Give a path that starts with a slash, such as / or /healthz, without spaces.",
)

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
TARGET_GROUP_ARN = Constraint(
    pattern=(
        f"^arn:{_PARTITION}:elasticloadbalancing:{_REGION}:[0-9]{{12}}:targetgroup/[A-Za-z0-9-]{{1,32}}/[0-9a-f]{{16}}$"
    ),
    min_length=1,
    max_length=200,
    words="Give the ARN of a target group, as the load balancer's stack puts it out.",
)

# ecs ContainerDefinition.image
# (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html).
CONTAINER_IMAGE = Constraint(
    pattern=(
        r"^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::[0-9]{1,5}(?=/))?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
        r"(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$"
    ),
    min_length=1,
    max_length=255,
    words="Give an image's address with its tag or digest, such as public.ecr.aws/nginx/nginx-unprivileged:stable.",
)

# What Environment.words may be.
ENVIRONMENT_WORDS = Constraint(
    pattern=r"^[^\x00-\x20\x7F]+(?: +[^\x00-\x20\x7F]+)*$",
    min_length=1,
    max_length=80,
    words="Give 1 to 80 characters on one line, with no space at either end.",
)

OPTIONAL_BUCKET_NAME = Constraint(
    pattern=r"^(?:|[a-zA-Z0-9.-]{3,63})$",
    max_length=63,
    words="Give the bucket's name, not its ARN: 3 to 63 letters, digits, dots or hyphens; or leave it blank.",
)

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html: 1,024 bytes; we take ASCII that prints.
OBJECT_KEY = Constraint(
    pattern=r"^(?:|(?!/)[!-~]+)$",
    max_length=1024,
    words="Give the object's key, without a slash in front and without spaces, or leave it blank.",
)

EXISTING = "existing:"


def or_existing(new: Constraint, existing: Constraint) -> Constraint:
    """What a name must be if it may be marked as that of something that is there already (``existing:NAME``).

    No name of a service that we use it for has a colon in it, so the two cannot be confused.
    """
    new_pattern, existing_pattern = (_with_length(each) for each in (new, existing))
    return Constraint(
        pattern=f"^(?:(?:{new_pattern})|{EXISTING}(?:{existing_pattern}))$",
        min_length=new.min_length,
        max_length=len(EXISTING) + max(new.max_length or 0, existing.max_length or 0),
        words=f"{new.words} If it is there already, put {EXISTING} in front of its name and path.",
    )


def _with_length(constraint: Constraint) -> str:
    """The pattern without its anchors, and with the length in it: that of the parameter is for both names."""
    pattern = (constraint.pattern or "").removeprefix("^").removesuffix("$")
    return rf"(?=[\s\S]{{{constraint.min_length or 0},{constraint.max_length or ''}}}$){pattern}"
