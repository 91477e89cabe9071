"""Least privilege, proven: every call is allowed, nothing else is, and the proof notices any change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from typing import Any

import compare_policies
import pytest

from ecs_cd_templates import grants
from ecs_cd_templates.cfn.evaluation import Target, resolve
from ecs_cd_templates.environments import ENVIRONMENTS
from ecs_cd_templates.iam.evaluator import PolicyError
from ecs_cd_templates.settings import PipelineSettings
from ecs_cd_templates.steps import BUILD_STEPS, CONTAINER_IMAGE, BuildStep, placed, unit_tests
from least_privilege import (
    CONNECTED_ROLE_TITLES,
    ROLE_TITLES,
    System,
    apart,
    apart_for,
    attacks,
    belongings,
    build_roles,
    connected_apart,
    connected_quick_start,
    connection_values,
    other_grants,
    own_roles,
    permission_problems,
    quick_start,
    trust_problems,
)
from mutants import mutants
from support import PARTITIONS, ROOT, TARGET, data

Proof = Callable[[str, dict[str, Any], System], Iterator[str]]


PROOFS: dict[str, Proof] = {"permissions": permission_problems, "trust": trust_problems}
SYSTEMS: dict[str, Callable[[Target], System]] = {
    "apart": apart,
    "quick start": quick_start,
    "apart, own key": partial(apart, own_key=True),
    "quick start, own key": partial(quick_start, own_key=True),
    "quick start in private networks": partial(quick_start, launch_type="EC2", network="private"),
}
LAUNCHES = [("FARGATE", "new"), ("EC2", "new"), ("EC2", "private"), ("FARGATE", "mixed")]
PAIRS = list(permutations([environment.id for environment in ENVIRONMENTS], 2))


@pytest.mark.parametrize("kind", PROOFS)
@pytest.mark.parametrize(
    "way",
    [way if way in {"apart", "quick start"} else pytest.param(way, marks=pytest.mark.slow) for way in SYSTEMS],
)
@pytest.mark.parametrize("partition", PARTITIONS)
def test_each_role_may_do_what_its_pipeline_calls_and_nothing_else(partition: str, way: str, kind: str) -> None:
    system = SYSTEMS[way](PARTITIONS[partition])
    assert len(system.roles) == len(ROLE_TITLES) * (1 if way.startswith("apart") else len(ENVIRONMENTS))
    for role in system.roles:
        assert list(PROOFS[kind](role, getattr(system, kind)(role), system)) == []


CONNECTED = {"apart": connected_apart, "quick start": connected_quick_start}
# China has no connections.
CONNECTED_PARTITIONS = [name for name in PARTITIONS if name != "aws-cn"]


@pytest.mark.parametrize("kind", PROOFS)
@pytest.mark.parametrize("way", CONNECTED)
@pytest.mark.parametrize("partition", CONNECTED_PARTITIONS)
@pytest.mark.slow
def test_the_same_holds_of_pipelines_that_start_through_a_connection(partition: str, way: str, kind: str) -> None:
    system = CONNECTED[way](PARTITIONS[partition])
    assert len(system.roles) == len(CONNECTED_ROLE_TITLES) * (1 if way == "apart" else len(ENVIRONMENTS))
    for role in system.roles:
        assert list(PROOFS[kind](role, getattr(system, kind)(role), system)) == []


def test_the_same_holds_of_an_older_connection() -> None:
    system = connected_apart(TARGET, "codestar-connections")
    for role in system.roles:
        assert list(permission_problems(role, system.permissions(role), system)) == []


@pytest.mark.parametrize(("attacker", "victim"), PAIRS)
def test_nothing_of_one_environment_reaches_another_or_the_connection(attacker: str, victim: str) -> None:
    """Builds get the application as an archive, so that even their own environment's have no use for the connection."""
    system = connected_quick_start(TARGET)
    connection = connection_values(TARGET)["ConnectionArn"]
    for environment in (attacker, victim):
        assert connection in belongings(system, environment)
    for role in own_roles(system, attacker):
        policy = system.permissions(role)
        assert attacks(policy, TARGET, [*belongings(system, victim), connection]) == []


# An environment's own roles in the quick start differ from each other in names only.
MUTATED = [
    *((way, role) for way in ("apart", "apart, own key") for role in ROLE_TITLES),
    *((way, "CodeBuildContainerImageServiceRoleForProdEnv") for way in ("quick start", "quick start, own key")),
    ("connected", "CodePipelineServiceRole"),
]


@pytest.mark.parametrize(("way", "role"), MUTATED)
@pytest.mark.slow
def test_mutants_die(way: str, role: str, record_property: Callable[[str, object], None]) -> None:
    """Whatever is dropped from a policy or widened in it, the proof fails; at least 99 % of the mutants must die."""
    systems: dict[str, Callable[[Target], System]] = {**SYSTEMS, "connected": connected_apart}
    system = systems[way](TARGET)
    survivors: list[str] = []
    count = 0
    for kind, proof in PROOFS.items():
        for words, mutant in mutants(getattr(system, kind)(role)):
            count += 1
            if not _dies(proof, role, mutant, system):
                survivors.append(f"{kind}: {words}")
    record_property("summary", f"{way}, {role}: {count - len(survivors)} of {count} mutants died")
    assert count > 50
    assert len(survivors) <= count * 0.01, survivors


# A build before the tests, which are not in Node.js, one after them, and one that looks at the image.
FURTHER = PipelineSettings(
    steps=placed(
        unit_tests(),
        CONTAINER_IMAGE,
        [
            (BuildStep(name="Lint"), "source"),
            (BuildStep(name="ImageScan", grants=[grants.image_pull, grants.image_scan_findings]), "image"),
            (BuildStep(name="Docs"), "tests"),
        ],
    )
)
WITH_FURTHER: dict[str, Callable[[Target], System]] = {
    "apart": lambda target: apart_for(target, tuple(each.id for each in ENVIRONMENTS), FURTHER),
    "quick start": lambda target: quick_start(target, pipeline=FURTHER),
    "quick start with a key": lambda target: quick_start(target, pipeline=FURTHER, own_key=True),
}


@pytest.mark.parametrize("kind", PROOFS)
@pytest.mark.parametrize("way", WITH_FURTHER)
@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.slow
def test_each_role_of_further_builds_may_do_what_they_call_and_nothing_else(
    partition: str, way: str, kind: str
) -> None:
    system = WITH_FURTHER[way](PARTITIONS[partition])
    assert len(system.roles) == (2 + len(FURTHER.steps)) * (1 if way == "apart" else len(ENVIRONMENTS))
    for role in system.roles:
        assert list(PROOFS[kind](role, getattr(system, kind)(role), system)) == []


@pytest.mark.parametrize("name", ["Lint", "UnitTests", "ImageScan"])
def test_mutants_of_further_builds_die(name: str) -> None:
    system = WITH_FURTHER["quick start"](TARGET)
    role = f"CodeBuild{name}ServiceRoleForProdEnv"
    survivors = [
        f"{kind}: {words}"
        for kind, proof in PROOFS.items()
        for words, mutant in mutants(getattr(system, kind)(role))
        if not _dies(proof, role, mutant, system)
    ]
    assert survivors == []


@pytest.mark.parametrize(("attacker", "victim"), PAIRS)
def test_no_further_build_of_one_environment_reaches_another_in_the_quick_start(attacker: str, victim: str) -> None:
    system = WITH_FURTHER["quick start"](TARGET)
    roles = build_roles(system, attacker)
    assert len(roles) == len(FURTHER.steps)
    for role in roles:
        assert attacks(system.permissions(role), TARGET, belongings(system, victim)) == []
    own = {request.action for request in attacks(system.permissions(roles[-1]), TARGET, belongings(system, attacker))}
    assert {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:DescribeImageScanFindings"} < own
    assert "ecr:PutImage" not in own


def _dies(proof: Proof, role: str, mutant: dict[str, Any], system: System) -> bool:
    try:
        return next(proof(role, mutant, system), None) is not None
    except PolicyError:
        # No policy language at all, or a case that AWS's documentation leaves open: nobody would take it for proven.
        return True


# The launch type, the network, and whether the key is one's own.
@pytest.mark.parametrize(
    ("launch_type", "network", "own_key"), [*((*launch, False) for launch in LAUNCHES), ("FARGATE", "new", True)]
)
@pytest.mark.parametrize(("attacker", "victim"), PAIRS)
@pytest.mark.parametrize("partition", PARTITIONS)
def test_nothing_of_one_environment_reaches_another_in_the_quick_start(
    partition: str, attacker: str, victim: str, launch_type: str, network: str, *, own_key: bool
) -> None:
    """Whoever can push to one environment's branch has all that its builds and tasks may do: nothing elsewhere.

    With one key for all environments it is what is encrypted that tells them apart.
    """
    system = quick_start(PARTITIONS[partition], launch_type, own_key=own_key, network=network)
    victims = belongings(system, victim)
    assert len(victims) == len(set(victims)) > 15
    roles = own_roles(system, attacker)
    assert len(roles) == len(BUILD_STEPS) + (2 if launch_type == "FARGATE" else 3)
    for role in roles:
        assert attacks(system.permissions(role), system.target, victims) == []
    # Not even what it makes of its own environment is nothing: the check can fail.
    assert attacks(system.permissions(build_roles(system, attacker)[-1]), system.target, belongings(system, attacker))


@pytest.mark.parametrize(("attacker", "victim"), PAIRS)
def test_builds_that_share_a_project_reach_every_environment(attacker: str, victim: str) -> None:
    """The reference's shape, in which one project of each kind builds for all: README says what that means."""
    system = apart(TARGET)
    possible = [
        request.action
        for role in build_roles(system, attacker)
        for request in attacks(system.permissions(role), TARGET, belongings(system, victim))
    ]
    assert {"ecr:PutImage", "s3:GetObject", "s3:PutObject"} <= set(possible)


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.slow
def test_production_with_prerequisites_of_its_own_and_the_others_do_not_reach_each_other(partition: str) -> None:
    target = PARTITIONS[partition]
    others, production = apart_for(target, ("Dev", "QA")), apart_for(target, ("Prod",))
    for attacker, attacking, victim, attacked in (
        ("Dev", others, "Prod", production),
        ("QA", others, "Prod", production),
        ("Prod", production, "Dev", others),
        ("Prod", production, "QA", others),
    ):
        for role in build_roles(attacking, attacker):
            assert attacks(attacking.permissions(role), target, belongings(attacked, victim)) == []
    for system in (others, production):
        for role in system.roles:
            for kind, proof in PROOFS.items():
                assert list(proof(role, getattr(system, kind)(role), system)) == []


@pytest.mark.parametrize(("launch_type", "network"), LAUNCHES)
def test_roles_policies_are_all_that_allows_anything(launch_type: str, network: str) -> None:
    for system in (quick_start(TARGET, launch_type, network=network), apart(TARGET)):
        assert list(other_grants(system.resources)) == []
    environment = resolve(data()["ecs-environment.yaml"], {"ECSLaunchType": launch_type}, TARGET)
    assert list(other_grants(environment.resources)) == []


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::IAM::Role", {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"]}),
        ("AWS::IAM::Policy", {"PolicyDocument": {"Statement": [{"Effect": "Allow"}]}}),
        ("AWS::IAM::ManagedPolicy", {}),
        ("AWS::S3::BucketPolicy", {"PolicyDocument": {"Statement": [{"Effect": "Deny"}, {"Effect": "Allow"}]}}),
        ("AWS::ECR::Repository", {"RepositoryPolicyText": {}}),
        ("AWS::SNS::TopicPolicy", {"PolicyDocument": {"Statement": [{"Effect": "Allow"}]}}),
    ],
)
def test_other_grants_are_noticed(kind: str, properties: dict[str, Any]) -> None:
    assert len(list(other_grants({"A": {"Type": kind, "Properties": properties}}))) == 1


def test_attack_is_found_whatever_one_grant_reaches() -> None:
    """Each thing of production that a build of development could be let at, one at a time."""
    system = quick_start(TARGET)
    victims = belongings(system, "Prod")
    (role, *_) = build_roles(system, "Dev")
    policy = system.permissions(role)
    for victim in victims:
        service = victim.split(":")[2]
        wider = {"Effect": "Allow", "Action": [f"{service}:*"], "Resource": [victim]}
        found = attacks({**policy, "Statement": [*policy["Statement"], wider]}, TARGET, victims)
        assert {request.resource for request in found} == {victim}


@pytest.mark.parametrize("kind", ["s3:arn", "sns:topicArn", "ecr:arn"])
def test_attack_on_what_a_shared_key_encrypts_is_found(kind: str) -> None:
    """A build of development that could use the key for something of production, named or not."""
    system = quick_start(TARGET, own_key=True)
    victims = belongings(system, "Prod")
    (role, *_) = build_roles(system, "Dev")
    policy = system.permissions(role)
    (key,) = (victim for victim in victims if ":kms:" in victim)
    of_kind = [victim for victim in victims if victim.split(":")[2] == kind.partition(":")[0]]
    assert of_kind
    for victim in of_kind:
        context = {f"kms:EncryptionContext:aws:{kind}": victim}
        wider: dict[str, Any] = {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": [key]}
        found = attacks({**policy, "Statement": [*policy["Statement"], wider]}, TARGET, victims)
        assert context in [request.context for request in found]
        wider["Condition"] = {"StringEquals": context}
        found = attacks({**policy, "Statement": [*policy["Statement"], wider]}, TARGET, victims)
        assert [(request.action, request.context) for request in found] == [("kms:Decrypt", context)]


def test_documented_figures_are_those_of_the_rendered_policies() -> None:
    builds = [f"ours: CodeBuild, {step.display_name}" for step in BUILD_STEPS]
    names = ("ours: CodePipeline", *builds, "ours: EventBridge")
    policies = dict(zip(names, map(apart(TARGET).permissions, ROLE_TITLES), strict=True))
    page = (ROOT / "docs/least-privilege.md").read_text(encoding="utf-8")
    for line in compare_policies.table(policies):
        assert f"{line}\n" in page


def test_comparison_counts_what_a_policy_opens() -> None:
    policy = {
        "Statement": [
            {"Effect": "Allow", "Action": ["sts:AssumeRole", "ecr:PutImage"], "Resource": "*"},
            {"Effect": "Allow", "Action": "codepipeline:*Approval*", "Resource": ["arn:aws:codepipeline:r:1:p"]},
            {"Effect": "Deny", "Action": "s3:*", "Resource": "*"},
        ]
    }
    actions, wildcards, everywhere, writing, managing = compare_policies.figures(policy)
    assert (wildcards, everywhere, writing, managing) == (1, 2, 2, 0)
    assert actions == 2 + len(compare_policies.expanded(["codepipeline:*Approval*"])) > 2
