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
        """Whether CloudFormation would take the text for a parameter with this constraint."""
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
    pattern=r"^(?!arn:)(?:[!-.0-~][!-~]{0,509}/)?[A-Za-z0-9_+=,.@-]{1,64}$",
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
