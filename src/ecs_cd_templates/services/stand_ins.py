"""What the settings file needs of other rooms until they have it: the only module to change when they do."""

from __future__ import annotations

from ..cfn.constraint import Constraint
from ..cfn.partitions import PARTITIONS

_REGION = "(?:" + "|".join(partition.region_pattern for partition in PARTITIONS.values()) + ")"
_ARN = rf"arn:(?:{'|'.join(PARTITIONS)})"

# https://docs.aws.amazon.com/codeconnections/latest/APIReference/API_CreateConnection.html; older ones have another
# service's name in their ARN. What is made has a name that needs no quotes anywhere.
CONNECTION = Constraint(
    pattern=rf"^(?:{_ARN}:(?:codeconnections|codestar-connections):{_REGION}:[0-9]{{12}}:connection/[A-Za-z0-9-]{{1,64}}"
    r"|[A-Za-z0-9][A-Za-z0-9._-]{0,31})$",
    message="give the ARN of a connection, or a name of 1 to 32 letters, digits, hyphens, dots or underscores",
)
HOST_ARN = Constraint(
    pattern=rf"^{_ARN}:(?:codeconnections|codestar-connections):{_REGION}:[0-9]{{12}}:host/[A-Za-z0-9._/-]{{1,128}}$",
    message="give the ARN of a host",
)
# https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html
FULL_REPOSITORY_ID = Constraint(
    pattern=r"^[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)+$",
    max_length=256,
    message="give the owner and the repository, such as acme/cart",
)
