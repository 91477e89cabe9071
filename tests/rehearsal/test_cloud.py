"""The rehearsal's AWS: who may call, and who answers."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

from ecs_cd_templates.rehearsal.calls import Call, Credentials, ServiceError
from ecs_cd_templates.rehearsal.cloud import Cloud
from ecs_cd_templates.rehearsal.roles import Roles

pytestmark = pytest.mark.slow

SOURCE = {"aws:SourceAccount": "123456789012"}
ROLE = "arn:aws:iam::123456789012:role/builds"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "codebuild.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": SOURCE},
        }
    ],
}


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as cloud:
        Roles(cloud)
        yield cloud


def with_role(cloud: Cloud, *statements: dict[str, Any]) -> Credentials:
    iam = cloud.client("iam")
    iam.create_role(RoleName="builds", AssumeRolePolicyDocument=json.dumps(TRUST))
    if statements:
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}
        iam.put_role_policy(RoleName="builds", PolicyName="own", PolicyDocument=json.dumps(policy))
    return cloud.assume(ROLE, "codebuild", SOURCE)


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


@pytest.mark.parametrize("key", ["a", "a/b c+d/é~.txt", "ünïcode/(1)*'!"])
def test_objects_of_any_name_come_back(cloud: Cloud, key: str) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="artifacts")
    s3.put_object(Bucket="artifacts", Key=key, Body=b"hello")
    assert s3.get_object(Bucket="artifacts", Key=key)["Body"].read() == b"hello"
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="artifacts", Prefix=key)["Contents"]] == [key]


def test_accounts_and_regions_are_apart(cloud: Cloud) -> None:
    cloud.client("ecs", region="eu-west-1").create_cluster(clusterName="one")
    assert cloud.client("ecs", region="eu-west-1").list_clusters()["clusterArns"] == [
        "arn:aws:ecs:eu-west-1:123456789012:cluster/one"
    ]
    assert cloud.client("ecs").list_clusters()["clusterArns"] == []
    assert cloud.client("ecs", account="999999999999", region="eu-west-1").list_clusters()["clusterArns"] == []


def test_a_wrong_secret_or_token_is_refused(cloud: Cloud) -> None:
    role = with_role(cloud, {"Action": "ecs:ListClusters", "Resource": "*"})
    assert cloud.client("ecs", credentials=role).list_clusters()["clusterArns"] == []
    wrongs: list[dict[str, Any]] = [
        {"secret_key": "other"},
        {"token": "other"},
        {"token": None},
        {"access_key": "ASIAUNKNOWN"},
    ]
    for wrong in wrongs:
        with pytest.raises(ClientError) as error:
            cloud.client("ecs", credentials=dataclasses.replace(role, **wrong)).list_clusters()
        assert refusal(error)[0] == "SignatureDoesNotMatch"


def test_an_unsigned_request_is_refused(cloud: Cloud) -> None:
    with pytest.raises(HTTPError, match="403") as error:
        urlopen(cloud.endpoint)  # noqa: S310 - the rehearsal's own address
    error.value.close()


def test_a_role_may_do_what_its_policies_say(cloud: Cloud) -> None:
    cloud.client("s3").create_bucket(Bucket="artifacts")
    cloud.client("s3").put_object(Bucket="artifacts", Key="mine/a", Body=b"a")
    role = with_role(cloud, {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::artifacts/mine/*"})
    s3 = cloud.client("s3", credentials=role)
    assert s3.get_object(Bucket="artifacts", Key="mine/a")["Body"].read() == b"a"
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="artifacts", Key="other")
    code, message = refusal(error)
    assert code == "AccessDenied"
    assert message == (
        "User: arn:aws:sts::123456789012:assumed-role/builds/codebuild is not authorized to perform: s3:GetObject on "
        "resource: arn:aws:s3:::artifacts/other because no identity-based policy allows the s3:GetObject action"
    )


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("ecs", lambda client: client.list_clusters(), "AccessDeniedException"),
        ("sns", lambda client: client.publish(TopicArn="arn:aws:sns:us-east-1:1:a", Message="a"), "AccessDenied"),
        ("ec2", lambda client: client.describe_vpcs(), "AccessDeniedException"),
        ("iam", lambda client: client.list_roles(), "AccessDenied"),
    ],
)
def test_a_denied_call_is_refused_in_the_form_of_its_service(cloud: Cloud, service: str, call: Any, code: str) -> None:
    role = with_role(cloud)
    with pytest.raises(ClientError) as error:
        call(cloud.client(service, credentials=role))
    assert refusal(error)[0] == code
    assert "is not authorized to perform" in refusal(error)[1]


def test_a_bucket_denies_what_its_policy_denies(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="artifacts")
    always = {"Effect": "Deny", "Principal": "*", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::artifacts/*"]}
    without_tls = {**always, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    role = with_role(cloud, {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::artifacts/*"})
    own = cloud.client("s3", credentials=role)
    s3.put_bucket_policy(Bucket="artifacts", Policy=json.dumps({"Version": "2012-10-17", "Statement": [without_tls]}))
    assert json.loads(s3.get_bucket_policy(Bucket="artifacts")["Policy"])["Statement"] == [without_tls]
    own.put_object(Bucket="artifacts", Key="a", Body=b"a")
    s3.put_bucket_policy(Bucket="artifacts", Policy=json.dumps({"Version": "2012-10-17", "Statement": [always]}))
    with pytest.raises(ClientError, match="AccessDenied"):
        own.put_object(Bucket="artifacts", Key="a", Body=b"a")
    s3.delete_bucket_policy(Bucket="artifacts")
    own.put_object(Bucket="artifacts", Key="a", Body=b"a")
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="artifacts")


def test_a_key_is_used_if_its_policy_lets_the_role(cloud: Cloud) -> None:
    s3, kms = cloud.client("s3"), cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]
    s3.create_bucket(Bucket="artifacts")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["Arn"]}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket="artifacts", ServerSideEncryptionConfiguration={"Rules": [rule]})
    context = {"ArnLike": {"kms:EncryptionContext:aws:s3:arn": ["arn:aws:s3:::artifacts"]}}
    role = with_role(
        cloud,
        {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::artifacts/*"},
        {"Action": "kms:GenerateDataKey", "Resource": key["Arn"], "Condition": context},
    )
    own = cloud.client("s3", credentials=role)

    def allow(identity: str) -> None:
        statement = {"Effect": "Allow", "Principal": {"AWS": [identity]}, "Action": "kms:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy)

    allow("arn:aws:iam::123456789012:root")
    own.put_object(Bucket="artifacts", Key="a", Body=b"a")
    allow("arn:aws:iam::123456789012:role/other")
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        own.put_object(Bucket="artifacts", Key="a", Body=b"a")


def test_a_role_is_assumed_by_whom_it_trusts(cloud: Cloud) -> None:
    with_role(cloud)
    for service, context in (("codepipeline", SOURCE), ("codebuild", {}), ("codebuild", {"aws:SourceAccount": "9"})):
        with pytest.raises(ServiceError, match="not authorized to perform: sts:AssumeRole"):
            cloud.assume(ROLE, service, context)
    with pytest.raises(ServiceError, match="not authorized"):
        cloud.assume("arn:aws:iam::123456789012:role/missing", "codebuild", SOURCE)


def test_what_no_call_needed_is_told(cloud: Cloud) -> None:
    roles = Roles(cloud)
    statement = {
        "Sid": "Log",
        "Action": ["logs:CreateLogGroup", "logs:PutLogEvents"],
        "Resource": ["arn:aws:logs:us-east-1:123456789012:log-group:/a", "*"],
    }
    role = with_role(cloud, statement)
    cloud.client("logs", credentials=role).create_log_group(logGroupName="/b")
    assert [grant.what for grant in roles.unused()] == [
        "logs:PutLogEvents",
        "arn:aws:logs:us-east-1:123456789012:log-group:/a",
    ]
    assert [decision.call.operation for decision in roles.made()] == ["CreateLogGroup"]


def test_what_is_no_operation_of_an_api_is_decided_alike(cloud: Cloud) -> None:
    repository = "arn:aws:codecommit:us-east-1:123456789012:app"
    role = with_role(cloud, {"Action": "codecommit:UploadArchive", "Resource": repository})
    cloud.check(role, "codecommit", "UploadArchive", repositoryName="app")
    with pytest.raises(ServiceError, match=r"codecommit:UploadArchive on resource: .*:other because"):
        cloud.check(role, "codecommit", "UploadArchive", repositoryName="other")


def test_own_handlers_answer_first_and_behind_them_is_moto(cloud: Cloud) -> None:
    def describe(call: Call) -> dict[str, Any]:
        clusters = cloud.behind("ecs").describe_clusters(clusters=call.parameters["clusters"])["clusters"]
        return {"clusters": [{**each, "status": "REHEARSED"} for each in clusters]}

    cloud.serve("ecs", {"DescribeClusters": describe})
    cloud.client("ecs").create_cluster(clusterName="one")
    (cluster,) = cloud.client("ecs").describe_clusters(clusters=["one"])["clusters"]
    assert (cluster["clusterName"], cluster["status"]) == ("one", "REHEARSED")


def test_what_the_machine_has_configured_plays_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_PROFILE", "missing"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"), ("AWS_REGION", "x")):
        monkeypatch.setenv(name, value)
    with Cloud() as cloud:
        assert cloud.client("ecs").list_clusters()["clusterArns"] == []


def test_nothing_is_left_and_nothing_listens_outside() -> None:
    with Cloud() as cloud:
        (cloud.folder / "file").write_text("a", encoding="utf-8")
        assert cloud.endpoint.startswith("http://127.0.0.1:")
    assert not os.path.exists(cloud.folder)
    with pytest.raises(URLError, match="refused"):
        urlopen(cloud.endpoint)  # noqa: S310 - the rehearsal's own address
