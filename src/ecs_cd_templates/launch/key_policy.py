"""What the policy of the KMS key must allow, as plain JSON for the key's owner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from awacs import kms

from .. import parameters
from ..catalog import RenderSettings
from ..cfn.evaluation import Target
from ..constraints import ResourceName
from ..stacks import prerequisites
from .role_policies import resolved

FILE_NAME = "key-policy.json"


def key_policy(values: Mapping[str, str], target: Target, settings: RenderSettings) -> dict[str, Any]:
    """Statements for the key's policy that let the roles of ``prerequisites.yaml`` use it as their own policies do.

    A policy that lets the account's IAM policies decide, as a key's does by default, needs none of them
    (https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html). The roles must be there before
    their names are in it. Whoever makes the ECR repositories has ECR make a grant for each, and needs the same in IAM
    (https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates-custom.html). Raises
    :class:`ParameterError` for a value that the template's form refuses.
    """
    resources = resolved(values, target, settings).resources
    iam = f"arn:{target.partition}:iam::{target.account}"
    statements: dict[str, dict[str, Any]] = {}
    for part in prerequisites.roles(settings.pipeline):
        role = resources[part.title]["Properties"]
        (policy,) = role["Policies"]
        # With its path, which no policy of a role names.
        name = ResourceName.parse(values.get(part.spec.name, "")).name or role["RoleName"]
        for own in policy["PolicyDocument"]["Statement"]:
            if own["Resource"] == [values[parameters.KMS_KEY.name]]:
                wanted = {**own, "Resource": "*"}
                statement = statements.setdefault(own["Sid"], {**wanted, "Principal": {"AWS": []}})
                if {**wanted, "Principal": statement["Principal"]} != statement:
                    raise ValueError(f"two different permissions for the key are called {own['Sid']}")
                statement["Principal"]["AWS"].append(f"{iam}:role/{name}")
    repositories = {"Effect": "Allow", "Principal": {"AWS": [f"{iam}:root"]}, "Resource": "*"}
    for_aws = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    grants = [
        {"Sid": "ImagesGrant", **repositories, "Action": [kms.CreateGrant.JSONrepr()], "Condition": for_aws},
        {"Sid": "ImagesKey", **repositories, "Action": [kms.DescribeKey.JSONrepr(), kms.RetireGrant.JSONrepr()]},
    ]
    return {"Version": "2012-10-17", "Statement": [*statements.values(), *grants]}
