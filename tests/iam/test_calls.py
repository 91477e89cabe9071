"""What the calls of pipelines, builds and tasks ask IAM for."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd_templates.cfn.evaluation import Target
from ecs_cd_templates.iam.calls import Bucket, Place, requests
from ecs_cd_templates.iam.evaluator import Request
from least_privilege import apart, calls, connected_apart, quick_start

TARGET = Target(account="123456789012", region="eu-west-1")
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1a"
OWN = {"aws:ResourceAccount": "123456789012"}


def place(**changes: Any) -> Place:
    values: dict[str, Any] = {
        "partition": "aws",
        "region": "eu-west-1",
        "account": "123456789012",
        "bucket": lambda _name: Bucket(account="123456789012"),
        "topic_key": lambda _arn: None,
    }
    return Place(**values | changes)


def operation_of(request: Request) -> tuple[str, str, dict[str, Any]] | None:  # noqa: PLR0911 - a case for each service
    """A call that asks for what the proof's table says that a role must be allowed; None if it is part of another."""
    service, _, operation = request.action.partition(":")
    resource = request.resource.split(":", 5)[-1]
    match service:
        case "s3":
            bucket, _, key = resource.partition("/")
            versioned = "Version" in operation and operation != "GetBucketVersioning"
            version = {"VersionId": "1"} if versioned else {}
            parameters = {"Bucket": bucket, **({"Key": key} if key else {}), **version}
            if operation == "PutObjectAcl":
                return service, "PutObject", {**parameters, "ACL": "bucket-owner-full-control"}
            return service, operation.replace("Version", "") if version else operation, parameters
        case "codecommit":
            return service, operation, {"repositoryName": resource}
        case "codeconnections" | "codestar-connections":
            repository = request.context.get(f"{service}:FullRepositoryId")
            named = {} if repository is None else {"fullRepositoryId": repository}
            return service, operation, {"connectionArn": request.resource, **named}
        case "codebuild":
            kind, _, name = resource.partition("/")
            if kind == "report-group":
                return service, operation, {"reportGroupName": name}
            return service, operation, {"projectName": name, "ids": [f"{name}:0a"]}
        case "codepipeline":
            return service, operation, {"name": resource}
        case "sns":
            return service, operation, {"TopicArn": request.resource}
        case "ecs" if operation in ("DescribeServices", "UpdateService"):
            _, cluster, name = resource.split("/")
            return service, operation, {"cluster": cluster, "services": [name], "service": name}
        case "ecs" if operation == "TagResource":
            family = resource.partition("/")[2].partition(":")[0]
            return service, "RegisterTaskDefinition", {"family": family, "tags": [{"key": "a"}]}
        case "ecs":
            return service, operation, {"family": "app"}
        case "iam":
            return "ecs", "RegisterTaskDefinition", {"family": "app", "taskRoleArn": request.resource}
        case "logs":
            group, _, stream = resource.removeprefix("log-group:").partition(":log-stream:")
            return service, operation, {"logGroupName": group, "logStreamName": stream}
        case "ecr":
            return service, operation, {"repositoryName": resource.partition("/")[2]}
    return None


@pytest.mark.parametrize("system", [apart, quick_start, connected_apart])
def test_each_call_of_the_proof_is_asked_for_by_a_call_of_an_api(system: Any) -> None:
    for call in calls(system(TARGET)):
        operation = operation_of(call.request)
        assert operation is not None, call
        asked = [
            (each.action, each.resource.rpartition(":")[0] if each.action == "ecs:TagResource" else each.resource)
            for each in requests(*operation, place())
        ]
        wanted = call.request
        # A connection's call comes with the prefix of its ARN.
        if wanted.action.endswith(":UseConnection"):
            assert [each.partition(":")[2] for each, _ in asked] == ["UseConnection"]
            continue
        resource = wanted.resource.rpartition(":")[0] if wanted.action == "ecs:TagResource" else wanted.resource
        assert (wanted.action, resource) in asked
        contexts = [each.context for each in requests(*operation, place()) if each.action == wanted.action]
        assert dict(wanted.context) in [dict(each) for each in contexts]


def test_a_call_that_is_not_known_is_for_no_resource() -> None:
    assert requests("ec2", "TerminateInstances", {}, place()) == [Request("ec2:TerminateInstances", "*")]
    (request,) = requests("elbv2", "DescribeRules", {}, place())
    assert request.action == "elasticloadbalancing:DescribeRules"


def test_a_push_is_for_each_of_its_references() -> None:
    asked = requests("codecommit", "GitPush", {"repositoryName": "app", "references": ["refs/heads/main"]}, place())
    assert asked == [
        Request(
            "codecommit:GitPush",
            "arn:aws:codecommit:eu-west-1:123456789012:app",
            {"codecommit:References": "refs/heads/main"},
        )
    ]
    (pull,) = requests("codecommit", "GitPull", {"repositoryName": "app"}, place())
    assert pull.context == {}


@pytest.mark.parametrize(
    ("has_own_key", "about"), [(True, "arn:aws:s3:::artifacts"), (False, "arn:aws:s3:::artifacts/a/b")]
)
def test_an_encrypted_object_takes_its_key(has_own_key: bool, about: str) -> None:
    there = place(bucket=lambda _name: Bucket(account="123456789012", key=KEY, has_own_key=has_own_key))
    parameters = {"Bucket": "artifacts", "Key": "a/b"}
    context = {"kms:EncryptionContext:aws:s3:arn": about}
    assert requests("s3", "GetObject", parameters, there)[1:] == [Request("kms:Decrypt", KEY, context)]
    assert requests("s3", "PutObject", parameters, there)[1:] == [Request("kms:GenerateDataKey", KEY, context)]
    assert len(requests("s3", "HeadObject", parameters, there)) == 1


def test_writing_with_tags_or_an_acl_asks_for_more() -> None:
    parameters = {"Bucket": "artifacts", "Key": "a", "ACL": "private", "Tagging": "a=b"}
    actions = [each.action for each in requests("s3", "PutObject", parameters, place())]
    assert actions == ["s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging"]


def test_a_topic_with_a_key_takes_the_key() -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:approvals"
    asked = requests("sns", "Publish", {"TopicArn": topic}, place(topic_key=lambda _arn: KEY))
    assert [each.action for each in asked] == ["sns:Publish", "kms:GenerateDataKey", "kms:Decrypt"]
    assert all(each.context == {"kms:EncryptionContext:aws:sns:topicArn": topic} for each in asked[1:])
