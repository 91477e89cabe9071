"""A launch that fails leaves nothing in the way, because nothing can fail any more once a pipeline runs.

A pipeline starts as soon as it is made, and what it puts into its bucket and its ECR repository keeps CloudFormation
from deleting these. The order is worked out here from the rendered templates alone.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from creation_order import Order, out_of_order
from ecs_cd_templates import (
    ENVIRONMENTS,
    Environment,
    PipelineSettings,
    QuickStartSettings,
    RenderSettings,
    build_quick_start,
    to_yaml,
)
from ecs_cd_templates.environments import Scope, scopes
from ecs_cd_templates.sources import Connection
from support import NETWORKS, TARGET, data, load, most_steps

QUICK_START = "quick-start.yaml"
TEMPLATE = data()[QUICK_START]
SCOPES = [Scope(environment) for environment in ENVIRONMENTS]
KEYS = [environment.id for environment in ENVIRONMENTS]
CERTIFICATE = f"arn:aws:acm:{TARGET.region}:{TARGET.account}:certificate/12345678-1234-1234-1234-123456789abc"


def every_outcome(order: Order) -> Iterator[dict[str, bool]]:
    """Each way in which the conditions can turn out: launch type, certificates, ranges of tasks, what exists already.

    With very many conditions: none, all, each alone, and all but each.
    """
    names = order.deciding()
    if len(names) <= 12:
        for outcome in itertools.product((False, True), repeat=len(names)):
            yield dict(zip(names, outcome, strict=True))
        return
    for odd, others in itertools.product((None, *names), (False, True)):
        yield {name: others != (name == odd) for name in names}


def of_type(template: Mapping[str, Any], kind: str, among: Mapping[str, Any]) -> list[str]:
    return [title for title in among if template["Resources"][title]["Type"] == kind]


def in_order(template: Mapping[str, Any], before: Mapping[str, set[str]]) -> list[str]:
    """The pipelines in the order in which they are made; each has to wait for the one before it."""
    pipelines = of_type(template, "AWS::CodePipeline::Pipeline", before)
    pipelines.sort(key=lambda title: len(before[title]))
    for number, title in enumerate(pipelines):
        assert before[title] & set(pipelines) == set(pipelines[:number])
    return pipelines


def may_fail_too_late(template: Mapping[str, Any], before: Mapping[str, set[str]]) -> set[str]:
    """What is not surely made when the first pipeline is."""
    pipelines = in_order(template, before)
    return before.keys() - set(pipelines) - before[pipelines[0]]


WITH_PIPELINES = [
    (RenderSettings(), name)
    for name, template in data().items()
    if any(each["Type"] == "AWS::CodePipeline::Pipeline" for each in template["Resources"].values())
]


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        *WITH_PIPELINES,
        (RenderSettings(sample_app=("bucket", "key")), QUICK_START),
        (NETWORKS["private"], QUICK_START),
        (NETWORKS["mixed"], QUICK_START),
        (RenderSettings(pipeline=PipelineSettings(source=Connection(host="GitLabSelfManaged"))), QUICK_START),
        (
            RenderSettings(environments=[Environment(id="Live", display_name="live", approval="before_deploy")]),
            QUICK_START,
        ),
        (
            RenderSettings(
                environments=[Environment(id=f"E{n}", display_name=f"{n}", approval="before_build") for n in range(8)],
                pipeline=PipelineSettings(steps=most_steps(), pipeline_type="V1", rollback_on_failure=False),
            ),
            QUICK_START,
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else f"{len(each.environments)} environments",
)
@pytest.mark.slow
def test_every_pipeline_comes_after_all_that_can_fail(settings: RenderSettings, name: str) -> None:
    template = data(settings)[name]
    order = Order(template)
    outcomes = 0
    for conditions in every_outcome(order):
        before = order.made_before(conditions)
        assert may_fail_too_late(template, before) == set(), conditions
        outcomes += 1
    assert outcomes >= 2 ** min(len(order.deciding()), 5)


def test_the_conditions_are_those_of_launch_types_certificates_ranges_and_what_exists() -> None:
    """None of them is one that nobody thought of above."""
    each = [scope.name(name) for scope in SCOPES for name in ("UseEC2", "UseHTTPS", "ScaleTasks")]
    assert Order(TEMPLATE).deciding() == sorted([*each, "MakeCodeCommitRepository", "HasApprovalEmailAddress"])


def test_the_first_environments_pipeline_comes_last() -> None:
    """A new repository has its branch only, and a pipeline without a branch fails its first run."""
    order = Order(TEMPLATE)
    for conditions in every_outcome(order):
        assert in_order(TEMPLATE, order.made_before(conditions)) == [f"PipelineFor{key}Env" for key in reversed(KEYS)]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.slow
def test_each_environment_is_made_in_order_beside_the_others(network: str) -> None:
    order = Order(data(NETWORKS[network])[QUICK_START])
    for conditions in every_outcome(order):
        before = order.made_before(conditions)
        for scope in scopes(NETWORKS[network].environments):
            cases = [
                *(["new"] if scope.environment.network == "new" else []),
                "EC2" if conditions[scope.name("UseEC2")] else "FARGATE",
                "HTTPS" if conditions[scope.name("UseHTTPS")] else "HTTP",
                *(["scales"] if conditions[scope.name("ScaleTasks")] else []),
            ]
            assert out_of_order(before, cases, scope.name) == [], conditions


@pytest.mark.parametrize("key", KEYS)
def test_a_choice_for_one_environment_is_made_for_that_one(key: str) -> None:
    order = Order(TEMPLATE)
    usual = order.made_before(order.conditions({})).keys()

    def added(values: dict[str, str]) -> set[str]:
        return order.made_before(order.conditions(values)).keys() - usual

    suffix = f"For{key}Env"
    certificate = {f"CertificateArn{suffix}": CERTIFICATE}
    assert added(certificate) == {f"HTTPSIngress{suffix}", f"HTTPSListener{suffix}"}
    assert added({f"ECSTaskCount{suffix}": "1-4"}) == {f"ScalingPolicy{suffix}"}
    assert f"CapacityProvider{suffix}" in added({"ECSLaunchType": "EC2"})
    assert added({"ApprovalEmailAddress": "name@example.com"}) == {"ApprovalSubscription"}
    existing = order.made_before(order.conditions({"CodeCommitRepositoryName": "existing:theirs"})).keys()
    assert usual - existing == {"CodeCommitRepository"}


@pytest.mark.parametrize("key", KEYS)
def test_a_dependency_that_is_missing_is_noticed(key: str) -> None:
    """Each of these was left out once, and everything but this stayed green."""
    suffix = f"For{key}Env"
    for title in ("LoadBalancer", "ECSService", "AutoScalingGroup", "CapacityProvider"):
        template = copy.deepcopy(TEMPLATE)
        del template["Resources"][f"{title}{suffix}"]["DependsOn"]
        order = Order(template)
        before = order.made_before(order.conditions({"ECSLaunchType": "EC2"}))
        assert {later for later, _ in out_of_order(before, ["new", "EC2", "HTTP"], f"{{}}{suffix}".format)} == {title}
    template = copy.deepcopy(TEMPLATE)
    del template["Resources"][f"ECSService{suffix}"]["Metadata"]
    order = Order(template)
    before = order.made_before(order.conditions({}))
    assert ("ECSService", "HTTPListener") in out_of_order(before, ["FARGATE", "HTTP"], f"{{}}{suffix}".format)


def test_a_pipeline_that_comes_too_early_is_noticed() -> None:
    first = f"PipelineFor{KEYS[-1]}Env"
    for attribute in ("DependsOn", "Metadata"):
        template = copy.deepcopy(TEMPLATE)
        del template["Resources"][first][attribute]
        order = Order(template)
        values = {"ApprovalEmailAddress": "name@example.com", "ECSTaskCountForQAEnv": "1-2"}
        assert may_fail_too_late(template, order.made_before(order.conditions(values))), attribute


@pytest.mark.parametrize("name", [QUICK_START, "prerequisites.yaml"])
def test_every_artifact_bucket_keeps_what_was_overwritten(name: str) -> None:
    """CodePipeline asks for versioning, and a rollback for the artifacts of the execution that it returns to.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/tutorials-simple-s3.html
    """
    template = data()[name]
    buckets = of_type(template, "AWS::S3::Bucket", template["Resources"])
    assert len(buckets) == (len(KEYS) if name == QUICK_START else 1)
    for bucket in buckets:
        assert template["Resources"][bucket]["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}


def test_what_is_retained_is_deleted_by_a_launch_that_fails() -> None:
    """A bucket or a repository that stayed would be in the way of the next launch."""
    settings = QuickStartSettings(sample_app=("bucket", "key"))
    resources = load(to_yaml(build_quick_start(settings)))["Resources"]
    retained = [each for each in resources.values() if "DeletionPolicy" in each]
    assert {each["Type"] for each in retained} >= {"AWS::S3::Bucket", "AWS::CodeCommit::Repository"}
    for each in retained:
        assert each["DeletionPolicy"] in ("RetainExceptOnCreate", "Delete")
