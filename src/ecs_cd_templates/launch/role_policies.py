"""The roles' policies as plain JSON, for organisations where another team makes the roles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..cfn.evaluation import Target, resolve
from ..cfn.partitions import PARTITIONS
from ..cfn.regions import partition_of
from ..constraints import EXISTING
from ..errors import MissingExtraError, ParameterError, RegionError
from ..settings import PrerequisitesSettings
from ..stacks import prerequisites

# What other templates ask for about one thing, and the policies need to know of each.
NAMES_OF_ONE = {
    "CodeBuildProjectName": "CodeBuildNodejsProjectName or CodeBuildContainerImageProjectName",
    "CodeBuildServiceRoleName": "CodeBuildNodejsServiceRoleName or CodeBuildContainerImageServiceRoleName",
    **{
        name: f"{name}ForDevEnv, {name}ForQAEnv or {name}ForProdEnv"
        for name in (
            "CodePipelineName",
            "ECRRepositoryName",
            "ECSClusterName",
            "ECSServiceName",
            "ECSTaskRoleName",
            "ECSTaskExecutionRoleName",
        )
    },
}


def target(account: str, region: str, partition: str = "aws") -> Target:
    """Where the roles are, checked.

    Raises :class:`ParameterError` for an account that is not 12 digits, an unknown partition, and a region
    that is none of that partition's. Without botocore, which knows them, the region's name has to look right.
    """
    if not re.fullmatch(r"[0-9]{12}", account):
        raise ParameterError("account", account, "give the account's ID, 12 digits without hyphens")
    if partition not in PARTITIONS:
        raise ParameterError("partition", partition, f"give one of {', '.join(PARTITIONS)}")
    try:
        known = partition_of(region) == partition
    except RegionError:
        known = False
    except MissingExtraError:
        known = re.fullmatch(PARTITIONS[partition].region_pattern, region) is not None
    if not known:
        example = PARTITIONS[partition].example_region
        raise ParameterError("region", region, f"is no region of the partition {partition}: give one such as {example}")
    return Target(account=account, region=region, partition=partition)


def role_policies(
    values: Mapping[str, str], place: Target, settings: PrerequisitesSettings | None = None
) -> dict[str, dict[str, Any]]:
    """The trust policy and the permissions of each role, as ``{file name: policy document}``.

    They are those of ``prerequisites.yaml`` for these parameter values, whether or not a role's name
    is marked as existing: ``ROLE.json`` and, beside it, ``ROLE.trust.json``. Raises
    :class:`ParameterError` for a value that the template's form refuses.
    """
    template = prerequisites.build(settings or PrerequisitesSettings()).to_dict()
    made = dict(values)
    for part in prerequisites.PARTS:
        name = values.get(part.name, "").removeprefix(EXISTING)
        if name and part in prerequisites.ROLES:
            if not part.existing.accepts(name):
                raise ParameterError(part.name, values[part.name], part.existing.words)
            # A role that is there already is not in the stack; here it is the point. No policy names its path.
            made[part.name] = name.rpartition("/")[2]
        elif name:
            # Whoever makes the rest, the policies are the same.
            made[part.name] = EXISTING + name
    resources = resolve(template, made, place).resources
    documents: dict[str, dict[str, Any]] = {}
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::Role":
            role = resource["Properties"]
            (policy,) = role["Policies"]
            own = {
                f"{role['RoleName']}.json": policy["PolicyDocument"],
                f"{role['RoleName']}.trust.json": role["AssumeRolePolicyDocument"],
            }
            if own.keys() & documents.keys():
                remedy = "would be written over the policies of another role: give each role a name of its own"
                raise ParameterError("role name", role["RoleName"], remedy)
            documents |= own
    return documents
