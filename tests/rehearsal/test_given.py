"""What the settings say is there before the launch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecs_cd_templates import read_settings
from ecs_cd_templates.rehearsal import given
from ecs_cd_templates.rehearsal.cloud import Cloud

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"


def values_of(name: str) -> Any:
    return read_settings(EXAMPLES / name)[0].targets[0]


def test_networks_have_the_ids_that_the_settings_name() -> None:
    target = values_of("private-subnets.yaml")
    with Cloud(region="eu-west-1") as cloud:
        made = given.make(target, account=cloud.account, region=cloud.region)
        subnets = {each["SubnetId"]: each for each in cloud.client("ec2").describe_subnets()["Subnets"]}
        groups = cloud.client("ec2").describe_security_groups()["SecurityGroups"]
        vpcs = {each["VpcId"]: each for each in cloud.client("ec2").describe_vpcs()["Vpcs"]}
    environments = [each for each in target.values.environments.values() if each.vpc is not None]
    assert environments
    assert made == [f"network {vpc}" for vpc in dict.fromkeys(each.vpc for each in environments)]
    for each in environments:
        assert each.vpc in vpcs
        assert each.vpc in {group["VpcId"] for group in groups}
        zones = set()
        for name in (*each.public_subnets, *each.private_subnets):
            assert subnets[name]["VpcId"] == each.vpc
            zones.add(subnets[name]["AvailabilityZone"])
        assert len(zones) == 2


def test_a_key_has_the_arn_that_the_settings_name() -> None:
    target = values_of("own-key.yaml")
    with Cloud(region="eu-west-1", account="111122223333") as cloud:
        assert given.make(target, account=cloud.account, region=cloud.region) == [f"key {target.values.key}"]
        assert cloud.client("kms").describe_key(KeyId=target.values.key)["KeyMetadata"]["Arn"] == target.values.key


@pytest.mark.parametrize("name", ["many-services.yaml", "github-paths.yaml"])
def test_nothing_is_made_where_nothing_has_to_be_there(name: str) -> None:
    with Cloud() as cloud:
        assert given.make(values_of(name), account=cloud.account, region=cloud.region) == []
