"""The key's policy lets each role use the key for what its pipelines encrypt, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ecs_cd_templates import ParameterError, PipelineSettings, RenderSettings
from ecs_cd_templates.cfn.evaluation import Target
from ecs_cd_templates.grants import BuildResources, Grant
from ecs_cd_templates.iam.evaluator import Request, may_use_key
from ecs_cd_templates.launch.key_policy import key_policy
from ecs_cd_templates.steps import CONTAINER_IMAGE, UNIT_TESTS, BuildStep
from least_privilege import System, apart, calls, forbidden
from support import PARTITIONS, TARGET, key_arn, parameters

OWN_KEY = RenderSettings(pipeline=PipelineSettings(own_key=True))


def policy_for(target: Target, **changes: str) -> dict[str, Any]:
    """The statements for the example parameters."""
    return key_policy(parameters("prerequisites.yaml") | {"KmsKeyArn": key_arn(target)} | changes, target, OWN_KEY)


def delegating(target: Target) -> dict[str, Any]:
    """What a key's policy is by default."""
    root = f"arn:{target.partition}:iam::{target.account}:root"
    statement = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def requests(system: System) -> Iterator[tuple[str, Request, bool]]:
    """Requests to the key that a role makes, and others, each with its principal and whether it is to be allowed."""
    every = calls(system)
    for role in system.roles:
        name = system.resources[role]["Properties"]["RoleName"]
        arn = f"arn:{system.target.partition}:iam::{system.target.account}:role/{name}"
        own = [call for call in every if call.role == role]
        for call in own:
            if call.request.action.startswith("kms:"):
                yield role, replace(call.request, principal=arn), True
        for request in forbidden(own, tuple(every), system.target):
            # A key's policy is about no other key.
            if request.action.startswith("kms:") and request.resource == key_arn(system.target):
                yield role, replace(request, principal=arn), False


@pytest.mark.parametrize("partition", PARTITIONS)
def test_each_role_may_use_the_key_whichever_policy_says_so(partition: str) -> None:
    target = PARTITIONS[partition]
    system = apart(target, own_key=True)
    naming, default = policy_for(target), delegating(target)
    verdicts = set()
    for role, request, allowed in requests(system):
        verdicts.add((role, allowed))
        identity = [system.permissions(role)]
        assert may_use_key(naming, [], request) == allowed, request
        assert may_use_key(naming, identity, request) == allowed, request
        assert may_use_key(default, identity, request) == allowed, request
        assert not may_use_key(default, [], request)
    # Event rules encrypt nothing.
    assert verdicts == {(role, allowed) for role in system.roles[:-1] for allowed in (True, False)} | {
        (system.roles[-1], False)
    }


def test_nobody_else_may_use_it() -> None:
    policy = policy_for(TARGET)
    for _, request, _ in requests(apart(TARGET, own_key=True)):
        stranger = f"arn:aws:iam::{TARGET.account}:role/other"
        assert not may_use_key(policy, [], replace(request, principal=stranger))


def test_a_grant_is_for_ecr_to_have_made_by_whom_iam_lets() -> None:
    policy = policy_for(TARGET)
    maker = f"arn:aws:iam::{TARGET.account}:role/maker"
    allowed = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["kms:CreateGrant", "kms:DescribeKey"], "Resource": "*"}],
    }
    for context, expected in (({"kms:GrantIsForAWSResource": "true"}, True), ({}, False)):
        request = Request("kms:CreateGrant", key_arn(TARGET), context, maker)
        assert may_use_key(policy, [allowed], request) == expected
        assert not may_use_key(policy, [], request)
    assert may_use_key(policy, [allowed], Request("kms:DescribeKey", key_arn(TARGET), {}, maker))


def test_role_with_a_path_is_named_with_it() -> None:
    policy = policy_for(TARGET, CodePipelineServiceRoleName="existing:service-role/Pipe")
    for statement in policy["Statement"][:2]:
        assert f"arn:aws:iam::{TARGET.account}:role/service-role/Pipe" in statement["Principal"]["AWS"]


def test_key_has_to_be_said() -> None:
    with pytest.raises(ParameterError, match="KmsKeyArn"):
        key_policy(parameters("prerequisites.yaml"), TARGET, OWN_KEY)
    for other in ("alias/own", "arn:aws:kms:us-east-1:111122223333:alias/own", "12345678-90ab-cdef-1234-567890abcdef"):
        with pytest.raises(ParameterError, match="not that of an alias"):
            policy_for(TARGET, KmsKeyArn=other)


def test_another_key_of_a_build_is_not_in_it() -> None:
    def other_key(_build: BuildResources) -> list[Grant]:
        (own,) = [grant for grant in UNIT_TESTS.grants_for(build) if grant.sid == "ArtifactsKey"]
        return [replace(own, sid="OtherKey", resources=("arn:aws:kms:us-east-1:111122223333:key/other",))]

    build = BuildResources(project="p", bucket="b", repositories=[], key="k")
    steps = [UNIT_TESTS, BuildStep(name="Sign", grants=[other_key]), CONTAINER_IMAGE]
    settings = RenderSettings(pipeline=PipelineSettings(own_key=True, steps=steps))
    policy = key_policy({"KmsKeyArn": key_arn(TARGET)}, TARGET, settings)
    assert [statement["Sid"] for statement in policy["Statement"]] == [
        *("ArtifactsKey", "ApprovalKey", "ReadArtifactsKey", "ImagesGrant", "ImagesKey")
    ]
