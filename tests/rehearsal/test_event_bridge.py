from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd_templates.cfn.evaluation import Target
from ecs_cd_templates.rehearsal.calls import Call, Decision, ServiceError
from ecs_cd_templates.rehearsal.cloud import Cloud
from ecs_cd_templates.rehearsal.code_commit import CodeCommit
from ecs_cd_templates.rehearsal.event_bridge import EventBridge
from least_privilege import apart

pytestmark = pytest.mark.slow

ACCOUNT, REGION = "123456789012", "eu-west-1"
PIPELINE = f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:shop"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/shop"
PATTERN = {"source": ["aws.codecommit"], "detail": {"referenceName": ["main"]}}
EVENT: dict[str, Any] = {
    "version": "0",
    "id": "1",
    "detail-type": "CodeCommit Repository State Change",
    "source": "aws.codecommit",
    "account": ACCOUNT,
    "time": "2026-01-01T00:00:00Z",
    "region": REGION,
    "resources": [],
    "detail": {"referenceName": "main"},
}


class Place:
    """A cloud with a rule that starts a pipeline; ``started`` are the calls that did."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.bridge = EventBridge(cloud)
        self.started: list[Call] = []
        cloud.serve("codepipeline", {"StartPipelineExecution": self._start})
        self.events = cloud.client("events")
        condition = {"ArnEquals": {"aws:SourceArn": RULE}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
        self.role = self._role("rule", condition)
        self.events.put_rule(Name="shop", EventPattern=json.dumps(PATTERN))
        self.target(PIPELINE, RoleArn=self.role)

    def _start(self, call: Call) -> Mapping[str, Any]:
        self.started.append(call)
        return {"pipelineExecutionId": "1"}

    def _role(self, name: str, condition: Mapping[str, Any]) -> str:
        statement = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "events.amazonaws.com"},
            "Condition": condition,
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made = self.cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        return str(made["Role"]["Arn"])

    def target(self, arn: str, **more: Any) -> None:
        self.events.put_targets(Rule="shop", Targets=[{"Id": "1", "Arn": arn, **more}])


@pytest.fixture(scope="module")
def shared() -> Iterator[Cloud]:
    with Cloud(account=ACCOUNT, region=REGION) as cloud:
        yield cloud


@pytest.fixture
def place(shared: Cloud) -> Iterator[Place]:
    yield Place(shared)
    events, iam = shared.client("events"), shared.client("iam")
    events.remove_targets(Rule="shop", Ids=["1"])
    events.delete_rule(Name="shop")
    iam.delete_role(RoleName="rule")
    shared.subscribers.clear()
    shared.decider = None


def test_a_matching_event_starts_the_pipeline_with_the_rules_role(place: Place) -> None:
    place.cloud.publish(EVENT)
    (call,) = place.started
    assert (call.parameters["name"], call.region, call.caller.role) == ("shop", REGION, place.role)
    assert place.bridge.deliveries == [(EVENT, RULE, PIPELINE, None)]


@pytest.mark.parametrize(
    "change", [{"detail": {"referenceName": "qa"}}, {"region": "us-east-1"}, {"account": "210987654321"}]
)
def test_no_other_event_does(place: Place, change: dict[str, Any]) -> None:
    place.cloud.publish({**EVENT, **change})
    assert place.started == []
    assert place.bridge.deliveries == []


def test_a_disabled_rule_does_not(place: Place) -> None:
    place.events.disable_rule(Name="shop")
    place.cloud.publish(EVENT)
    assert place.bridge.deliveries == []


def test_a_role_that_may_not_start_the_pipeline_is_told_with_awss_words(place: Place) -> None:
    def decide(call: Call) -> Decision:
        if call.service == "codepipeline":
            raise ServiceError("AccessDeniedException", f"not authorized to perform: codepipeline:{call.operation}")
        return Decision(call=call)

    place.cloud.decider = decide
    place.cloud.publish(EVENT)
    (delivery,) = place.bridge.deliveries
    assert "not authorized to perform: codepipeline:StartPipelineExecution" in (delivery.error or "")
    assert place.started == []


def test_a_role_that_trusts_another_rule_is_not_assumed(place: Place) -> None:
    place.events.remove_targets(Rule="shop", Ids=["1"])
    place.events.put_rule(Name="other", EventPattern=json.dumps(PATTERN))
    place.events.put_targets(Rule="other", Targets=[{"Id": "1", "Arn": PIPELINE, "RoleArn": place.role}])
    place.cloud.publish(EVENT)
    place.events.remove_targets(Rule="other", Ids=["1"])
    place.events.delete_rule(Name="other")
    (delivery,) = place.bridge.deliveries
    assert "is not authorized to perform: sts:AssumeRole" in (delivery.error or "")
    assert place.started == []


def test_a_topic_gets_the_event(place: Place) -> None:
    published: list[Call] = []

    def publish(call: Call) -> Mapping[str, Any]:
        published.append(call)
        return {"MessageId": "1"}

    place.cloud.serve("sns", {"Publish": publish})
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:topic"
    place.target(topic, RoleArn=place.role)
    place.cloud.publish(EVENT)
    (call,) = published
    assert json.loads(call.parameters["Message"]) == EVENT
    assert call.parameters["TopicArn"] == topic


@pytest.mark.parametrize(
    ("arn", "more", "words"),
    [
        (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f", {"RoleArn": "{role}"}, "of this kind"),
        (PIPELINE, {}, "without a role"),
        (PIPELINE, {"RoleArn": "{role}", "Input": "{}"}, "with Input"),
    ],
)
def test_what_is_not_rehearsed_is_told(place: Place, arn: str, more: dict[str, str], words: str) -> None:
    place.target(arn, **{key: value.replace("{role}", place.role) for key, value in more.items()})
    place.cloud.publish(EVENT)
    (delivery,) = place.bridge.deliveries
    assert delivery.error == f"A target {words} is not rehearsed: {arn}"
    assert place.started == []


def test_a_pattern_that_is_not_valid_makes_no_rule(place: Place) -> None:
    with pytest.raises(ClientError, match="Event pattern is not valid") as refusal:
        place.events.put_rule(Name="wrong", EventPattern='{"source": "aws.codecommit"}')
    assert refusal.value.response["Error"]["Code"] == "InvalidEventPatternException"
    assert [rule["Name"] for rule in place.events.list_rules()["Rules"]] == ["shop"]
    with pytest.raises(ClientError, match="EventPattern or ScheduleExpression must be specified"):
        place.events.put_rule(Name="wrong")


def test_events_of_an_applications_own_are_delivered(place: Place) -> None:
    place.events.put_rule(Name="shop", EventPattern='{"source": ["shop"], "detail": {"n": [1]}}')
    entry = {"Source": "shop", "DetailType": "Sold", "Detail": '{"n": 1}'}
    answer = place.events.put_events(
        Entries=[
            entry,
            {**entry, "Detail": "no"},
            {**entry, "Source": "aws.codecommit"},
            {**entry, "DetailType": ""},
            {**entry, "Detail": '{"n": 2}'},
        ]
    )
    codes = [each.get("ErrorCode") for each in answer["Entries"]]
    assert codes == [None, "MalformedDetail", "NotAuthorizedForSourceException", "InvalidArgument", None]
    assert answer["FailedEntryCount"] == 3
    (delivery,) = place.bridge.deliveries
    assert delivery.event["id"] == answer["Entries"][0]["EventId"]
    assert len(place.started) == 1


def test_a_pattern_is_tried_by_the_api(place: Place) -> None:
    for branch, expected in (("main", True), ("qa", False)):
        event = {**EVENT, "detail": {"referenceName": branch}}
        tried = place.events.test_event_pattern(EventPattern=json.dumps(PATTERN), Event=json.dumps(event))
        assert tried["Result"] == expected


def test_a_pipeline_that_is_not_there_is_told(place: Place) -> None:
    def missing(call: Call) -> Mapping[str, Any]:
        raise ServiceError("PipelineNotFoundException", f"no {call.parameters['name']}")

    place.cloud.serve("codepipeline", {"StartPipelineExecution": missing})
    place.cloud.publish(EVENT)
    assert "no shop" in (place.bridge.deliveries[0].error or "")


@pytest.mark.slow
def test_a_commit_starts_the_pipeline_of_its_branchs_environment_alone(shared: Cloud) -> None:
    system = apart(Target(account=ACCOUNT, region=REGION))
    iam, events, commits = (shared.client(service) for service in ("iam", "events", "codecommit"))
    bridge, started = EventBridge(shared), list[str]()
    CodeCommit(shared)

    def start(call: Call) -> Mapping[str, Any]:
        started.append(call.parameters["name"])
        return {"pipelineExecutionId": "1"}

    shared.serve("codepipeline", {"StartPipelineExecution": start})
    branches: dict[str, str] = {}
    for rule in system.of_type("AWS::Events::Rule").values():
        (target,) = rule["Targets"]
        (branch,) = rule["EventPattern"]["detail"]["referenceName"]
        branches[branch] = target["Arn"].rpartition(":")[2]
        events.put_rule(Name=rule["Name"], EventPattern=json.dumps(rule["EventPattern"]))
        events.put_targets(Rule=rule["Name"], Targets=rule["Targets"])
    role = system.resources[system.role(target["RoleArn"])]["Properties"]
    iam.create_role(RoleName=role["RoleName"], AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]))
    (repository,) = (each["RepositoryName"] for each in system.of_type("AWS::CodeCommit::Repository").values())
    commits.create_repository(repositoryName=repository)
    file = {"filePath": "a", "fileContent": b"1"}
    commit = commits.create_commit(repositoryName=repository, branchName="other", putFiles=[file])["commitId"]
    assert started == []
    for branch, pipeline in branches.items():
        commits.create_branch(repositoryName=repository, branchName=branch, commitId=commit)
        commits.put_file(
            repositoryName=repository, branchName=branch, filePath="a", fileContent=b"2", parentCommitId=commit
        )
        assert started == [pipeline] * 2
        started.clear()
        commits.create_branch(repositoryName=repository, branchName=f"{branch}x", commitId=commit)
        commits.delete_branch(repositoryName=repository, branchName=branch)
        assert started == []
    assert [delivery.error for delivery in bridge.deliveries] == [None] * 2 * len(branches)
    shared.subscribers.clear()
