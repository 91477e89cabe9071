"""The partitions that the templates work in, and the domains that differ between them."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Partition:
    """A partition's domains: of its services (``AWS::URLSuffix``) and of its console (``REGION.DOMAIN``).

    ``region_pattern`` is what its regions' names look like, from botocore's ``partitions.json``.
    """

    url_suffix: str
    console_domain: str
    region_pattern: str
    example_region: str


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html,
# https://docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-arns.html and
# https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/using-govcloud-endpoints.html
PARTITIONS = {
    "aws": Partition(
        url_suffix="amazonaws.com",
        console_domain="console.aws.amazon.com",
        region_pattern=r"(?:us|eu|ap|sa|ca|me|af|il|mx)-(?!gov-|iso)[a-z]+-[0-9]+",
        example_region="us-east-1",
    ),
    "aws-cn": Partition(
        url_suffix="amazonaws.com.cn",
        console_domain="console.amazonaws.cn",
        region_pattern=r"cn-[a-z]+-[0-9]+",
        example_region="cn-north-1",
    ),
    "aws-us-gov": Partition(
        url_suffix="amazonaws.com",
        console_domain="console.amazonaws-us-gov.com",
        region_pattern=r"us-gov-[a-z]+-[0-9]+",
        example_region="us-gov-west-1",
    ),
}


def partition_by_name(region: str) -> str | None:
    """The partition whose regions have names like this one, or None."""
    return next((name for name, each in PARTITIONS.items() if re.fullmatch(each.region_pattern, region)), None)


def region_of(arn: str) -> str:
    """The region that the ARN names, blank for what is in none.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    return arn.split(":")[3]
