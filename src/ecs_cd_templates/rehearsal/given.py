"""What the settings say is there already, made in the rehearsal before the stack is launched: networks and a key.

moto gives what it makes IDs of its own, so here its records get those that the settings name.
"""

from __future__ import annotations

import json
from typing import Any

from moto.ec2.models import ec2_backends
from moto.kms.models import kms_backends

from ..services.service import EnvironmentValues, Target

_NETWORK = "10.{number}.0.0/16"
_SUBNET = "10.{number}.{part}.0/24"


def make(target: Target, *, account: str, region: str) -> list[str]:
    """Makes what the target's settings say is there; returns what was made, as a person calls it."""
    made = []
    if target.values.key is not None:
        _key(target.values.key)
        made.append(f"key {target.values.key}")
    networks: dict[str, EnvironmentValues] = {}
    for values in target.values.environments.values():
        if values.vpc is not None and values.vpc not in networks:
            networks[values.vpc] = values
    for number, (vpc, values) in enumerate(networks.items()):
        _network(account, region, vpc, values, number)
        made.append(f"network {vpc}")
    return made


def _network(account: str, region: str, vpc: str, values: EnvironmentValues, number: int) -> None:
    backend = ec2_backends[account][region]
    network = backend.create_vpc(_NETWORK.format(number=number))
    zones = [f"{region}{letter}" for letter in "ab"]
    for kind, subnets in enumerate((values.public_subnets, values.private_subnets)):
        for part, (zone, name) in enumerate(zip(zones, subnets, strict=False)):
            block = _SUBNET.format(number=number, part=10 * kind + part)
            subnet = backend.create_subnet(network.id, block, availability_zone=zone)
            _rename(backend.subnets[zone], subnet, name)
    belongings: tuple[Any, ...] = (
        *backend.subnets.values(),
        backend.network_acls,
        backend.route_tables,
        backend.groups[network.id],
    )
    backend.groups[vpc] = backend.groups.pop(network.id)
    for record in (record for records in belongings for record in records.values()):
        if record.vpc_id == network.id:
            record.vpc_id = vpc
    _rename(backend.vpcs, network, vpc)


def _rename(records: dict[str, Any], record: Any, name: str) -> None:
    records[name] = records.pop(record.id)
    record.id = name


def _key(arn: str) -> None:
    """A key whose policy lets the account's roles use it as theirs say: what a new key has.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    _, partition, _, region, account, resource = arn.split(":", 5)
    root = f"arn:{partition}:iam::{account}:root"
    statement = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    backend = kms_backends[account][region]
    key = backend.create_key(
        policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        key_usage="ENCRYPT_DECRYPT",
        key_spec="SYMMETRIC_DEFAULT",
        description="",
        tags=[],
    )
    _rename(backend.keys, key, resource.partition("/")[2])
    key.arn = arn
