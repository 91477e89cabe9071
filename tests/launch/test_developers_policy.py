"""Developers release nothing past an approval, and do everything else: proven on every action of both services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data

from ecs_cd_templates import ENVIRONMENTS, Environment, ParameterError, RenderSettings
from ecs_cd_templates.catalog import ALL_ENVIRONMENTS, QUICK_START
from ecs_cd_templates.cfn.evaluation import resolve
from ecs_cd_templates.iam.evaluator import Policy, Request, is_allowed
from ecs_cd_templates.launch.developers_policy import developers_policy, quick_start_policy
from least_privilege import actions_of
from support import PARTITIONS, ROOT, TARGET, data, parameters

# Somebody who may do everything, but for what the policy denies.
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

# How a push begins, before it says to which branch; the branch; and what is not that branch.
PROD = "refs/heads/prod"
OTHERS = (None, "refs/heads/master", "refs/heads/qa", "refs/heads/feature/prod", "refs/heads/prod2", "refs/tags/prod")


@dataclass(frozen=True)
class World:
    """One application's repository and pipelines, as rendered, and the policy for its developers."""

    place: str
    repository: str
    pipelines: dict[str, dict[str, Any]]
    policy: Policy

    def arn(self, service: str, name: str) -> str:
        return f"arn:{self.place.replace('SERVICE', service)}:{name}"


@cache
def world(template: str, partition: str) -> World:
    target = PARTITIONS[partition]
    values = parameters(template)
    resources = resolve(data()[template], values, target).resources.values()
    pipelines = {each["Properties"]["Name"]: each["Properties"] for each in resources if "Stages" in each["Properties"]}
    sources = [pipeline["Stages"][0]["Actions"][0]["Configuration"] for pipeline in pipelines.values()]
    (repository,) = {source["RepositoryName"] for source in sources}
    policy = (quick_start_policy if template == QUICK_START else developers_policy)(values, target)
    assert policy is not None
    return World(f"{target.partition}:SERVICE:{target.region}:{target.account}", repository, pipelines, policy)


def codecommit_requests(world: World) -> Iterator[tuple[Request, bool]]:
    """Every action on the repository and others, each branch; and whether it must be denied."""
    own = world.arn("codecommit", world.repository)
    elsewhere = (
        world.arn("codecommit", f"{world.repository}2"),
        own.replace("111122223333", "444455556666"),
        own.replace("-1:", "-9:"),
        "*",
    )
    for action in actions_of("codecommit"):
        name = action.partition(":")[2]
        rows = get_action_data("codecommit", name)["codecommit"]
        says_branch = any("codecommit:References" in row["condition_keys"] for row in rows)
        changes = says_branch and rows[0]["access_level"] == "Write"
        for resource in (own, *elsewhere):
            for reference in (PROD, *OTHERS) if says_branch else (None,):
                context = {} if reference is None else {"codecommit:References": reference}
                # The commit that CreateUnreferencedMergeCommit makes is on no branch.
                pushed = changes and reference == PROD and name != "CreateUnreferencedMergeCommit"
                removed = name in {"DeleteRepository", "UpdateRepositoryName"}
                yield Request(action, resource, context), resource == own and (pushed or removed)


def codepipeline_requests(world: World) -> Iterator[tuple[Request, bool]]:
    """Every action on every pipeline, stage and action; and whether it must be denied."""
    denied = set()
    names = ["*"]
    for pipeline, properties in world.pipelines.items():
        for stage in properties["Stages"]:
            names += [pipeline, f"{pipeline}2", f"{pipeline}/{stage['Name']}"]
            for action in stage["Actions"]:
                place = f"{pipeline}/{stage['Name']}/{action['Name']}"
                names += [place, f"{place}2"]
                if action["ActionTypeId"]["Category"] == "Approval":
                    denied |= {("codepipeline:PutApprovalResult", place)}
                    denied |= {("codepipeline:PutActionRevision", f"{pipeline}/Source/Source")}
                    for call in ("DeletePipeline", "StartPipelineExecution", "UpdatePipeline"):
                        denied |= {(f"codepipeline:{call}", pipeline)}
    assert len(denied) == 5
    for action in actions_of("codepipeline"):
        for name in dict.fromkeys(names):
            resource = name if name == "*" else world.arn("codepipeline", name)
            yield Request(action, resource), (action, name) in denied


@cache
def requests(template: str, partition: str) -> tuple[tuple[Request, bool], ...]:
    own = world(template, partition)
    return *codecommit_requests(own), *codepipeline_requests(own)


def problems(policy: Policy, template: str, partition: str = "aws") -> Iterator[str]:
    """What developers can do and must not, or cannot do and may: lazily, for the mutants."""
    for request, denied in requests(template, partition):
        if is_allowed([EVERYTHING, policy], request) is denied:
            verdict = "allowed" if denied else "denied"
            yield f"{request.action} on {request.resource} with {dict(request.context)} is {verdict}"


@pytest.mark.parametrize("template", [ALL_ENVIRONMENTS, QUICK_START])
@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.slow
def test_denied_is_what_goes_past_the_approval_and_nothing_else(partition: str, template: str) -> None:
    assert list(problems(world(template, partition).policy, template, partition)) == []


def mutants(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """The policy without one statement, action, resource or condition."""

    def with_statement(index: int, *statements: dict[str, Any]) -> Policy:
        every = policy["Statement"]
        return {**policy, "Statement": [*every[:index], *statements, *every[index + 1 :]]}

    for index, statement in enumerate(policy["Statement"]):
        yield f"{statement['Sid']} dropped", with_statement(index)
        for element in ("Action", "Resource"):
            for value in statement[element]:
                others = [each for each in statement[element] if each != value]
                # A statement without any would be none.
                changed = [{**statement, element: others}] if others else []
                yield f"{element} {value} of {statement['Sid']} dropped", with_statement(index, *changed)
        condition = statement.get("Condition", {})
        for operator in condition:
            remaining = {name: keys for name, keys in condition.items() if name != operator}
            yield f"{operator} dropped", with_statement(index, {**statement, "Condition": remaining})
        if condition:
            without = {key: value for key, value in statement.items() if key != "Condition"}
            yield "condition dropped", with_statement(index, without)


@pytest.mark.slow
def test_whatever_is_dropped_is_noticed() -> None:
    changed = dict(mutants(world(ALL_ENVIRONMENTS, "aws").policy))
    assert len(changed) > 30
    survivors = [words for words, mutant in changed.items() if next(problems(mutant, ALL_ENVIRONMENTS), None) is None]
    assert survivors == []


@pytest.mark.parametrize(
    ("action", "resource", "reference", "allowed"),
    [
        ("codecommit:GitPush", "{repository}", PROD, False),
        ("codecommit:MergePullRequestBySquash", "{repository}", PROD, False),
        ("codecommit:PutFile", "{repository}", PROD, False),
        ("codecommit:DeleteBranch", "{repository}", PROD, False),
        ("codepipeline:PutApprovalResult", "{pipeline}/Build/Approval", None, False),
        # With a commit of their own choice.
        ("codepipeline:StartPipelineExecution", "{pipeline}", None, False),
        # The first step of every push, to whatever branch.
        ("codecommit:GitPush", "{repository}", None, True),
        ("codecommit:GitPush", "{repository}", "refs/heads/feature/x", True),
        ("codecommit:GitPull", "{repository}", None, True),
        ("codecommit:CreatePullRequest", "{repository}", None, True),
        ("codepipeline:GetPipelineState", "{pipeline}", None, True),
        ("codepipeline:RetryStageExecution", "{pipeline}/Deploy", None, True),
        ("codepipeline:StopPipelineExecution", "{pipeline}", None, True),
        # Back to what ran before, which was approved.
        ("codepipeline:RollbackStage", "{pipeline}/Deploy", None, True),
    ],
)
def test_in_plain_words(action: str, resource: str, reference: str | None, allowed: bool) -> None:
    own = world(ALL_ENVIRONMENTS, "aws")
    names = {
        "repository": own.arn("codecommit", "ecs-cd-sample-app"),
        "pipeline": own.arn("codepipeline", "ecs-cd-prod"),
    }
    context = {} if reference is None else {"codecommit:References": reference}
    assert is_allowed([EVERYTHING, own.policy], Request(action, resource.format(**names), context)) is allowed


def test_what_it_does_not_cover_is_what_the_page_says() -> None:
    """Who may do these things goes round the pipeline as a whole."""
    page = (ROOT / "docs/least-privilege.md").read_text(encoding="utf-8")
    own = world(ALL_ENVIRONMENTS, "aws")
    for action in (
        "ecs:UpdateService",
        "ecr:PutImage",
        "s3:PutObject",
        "codebuild:UpdateProject",
        "codebuild:StartBuild",
        "cloudformation:UpdateStack",
        "iam:PassRole",
    ):
        assert f"`{action}`" in page
        assert is_allowed([EVERYTHING, own.policy], Request(action, "*"))


def approving(*environments: Environment) -> RenderSettings:
    return RenderSettings(environments=environments)


def statements(policy: Policy | None) -> dict[str, dict[str, Any]]:
    assert policy is not None
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def references(policy: Policy | None) -> list[str]:
    condition = statements(policy)["ApprovedBranches"]["Condition"]
    found: list[str] = condition["StringEqualsIfExists"]["codecommit:References"]
    return found


def test_several_approvals_wherever_they_stand() -> None:
    settings = approving(
        Environment(id="Dev", display_name="development", default_branch="master"),
        Environment(id="Stage", display_name="staging", approval="before_deploy", default_branch="next"),
        Environment(id="Prod", display_name="production", approval="before_build"),
    )
    policy = developers_policy({"CodeCommitBranchNameForProdEnv": "live/eu"}, TARGET, settings)
    assert references(policy) == ["refs/heads/next", "refs/heads/live/eu"]
    arn = "arn:aws:codepipeline:us-east-1:111122223333:ecs-cd-"
    own = statements(policy)
    assert own["ApprovedPipelines"]["Resource"] == [f"{arn}stage", f"{arn}prod"]
    assert own["Approvals"]["Resource"] == [f"{arn}stage/Build/Approval", f"{arn}prod/Build/Approval"]
    assert own["Sources"]["Resource"] == [f"{arn}stage/Source/Source", f"{arn}prod/Source/Source"]


def test_names_are_those_of_the_values() -> None:
    values = {
        "CodeCommitBranchNameForProdEnv": "prod",
        "CodeCommitRepositoryName": "existing:theirs",
        "CodePipelineNameForProdEnv": "release",
    }
    text = json.dumps(developers_policy(values, TARGET))
    assert "arn:aws:codecommit:us-east-1:111122223333:theirs" in text
    assert "arn:aws:codepipeline:us-east-1:111122223333:release/Build/Approval" in text
    assert "ecs-cd" not in text
    for values in ({"ApplicationName": "shop"}, {"CodeCommitRepositoryName": "existing:shop"}):
        text = json.dumps(quick_start_policy({"CodeCommitBranchNameForProdEnv": "live", **values}, TARGET))
        assert "arn:aws:codecommit:us-east-1:111122223333:shop" in text
        assert "refs/heads/live" in text
    assert references(quick_start_policy({}, TARGET)) == [PROD]


def test_two_approvals_of_one_branch_name_it_once() -> None:
    first = Environment(id="EU", display_name="Europe", approval="before_build", default_branch="live")
    second = Environment(id="US", display_name="America", approval="before_build", default_branch="live")
    assert references(developers_policy({}, TARGET, approving(first, second))) == ["refs/heads/live"]


def test_without_an_approval_there_is_nothing_to_deny() -> None:
    settings = approving(ENVIRONMENTS[0])
    assert developers_policy({}, TARGET, settings) is None
    assert quick_start_policy({}, TARGET, settings) is None


@pytest.mark.parametrize("branch", ["", "a b", "a*", "a?", "/a", "x${aws", "x${$}", "${}"])
def test_a_branch_that_git_or_a_policy_would_read_otherwise(branch: str) -> None:
    for policy in (developers_policy, quick_start_policy):
        with pytest.raises(ParameterError) as caught:
            policy({"CodeCommitBranchNameForProdEnv": branch}, TARGET)
        assert caught.value.field in {"CodeCommitBranchNameForProdEnv", "branch"}


def test_fits_into_a_managed_policy() -> None:
    """6,144 characters, without white space (reference_iam-quotas.html); here with ordinary names."""
    ids = [f"Stage{number}" for number in range(8)]
    environments = [
        Environment(id=each, display_name=each, approval="before_build", default_branch=each.lower()) for each in ids
    ]
    for target in PARTITIONS.values():
        policy = developers_policy({}, target, approving(*environments))
        assert len(json.dumps(policy, separators=(",", ":"))) <= 6_144
