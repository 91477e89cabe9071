"""What a call of an API asks IAM for: the actions, the resource of each, and the condition keys that come with it.

The table has the calls that pipelines, builds, event rules and tasks make with their roles. The actions and resources
of each service are those of the service authorization reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html),
and where a call asks for more than the action of its name, the page is beside it. A call that is not in the table asks
for the action of its name on no resource in particular, which none but a grant on ``*`` allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .evaluator import Request

Parameters = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """What deciding about an object takes to know of its bucket: its account, and the key that it encrypts with."""

    account: str
    key: str | None = None
    has_own_key: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a call is made, and what is known there of buckets and of the keys of topics, by name and by ARN."""

    partition: str
    region: str
    account: str
    bucket: Callable[[str], Bucket]
    topic_key: Callable[[str], str | None]

    def arn(self, service: str, resource: str) -> str:
        """The ARN of what the service has here by this name."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


Asks = Callable[[str, Parameters, Place], Iterator[Request]]


def requests(service: str, operation: str, parameters: Parameters, place: Place) -> list[Request]:
    """What the call asks for, each of which must be allowed; nothing for a call that everybody may make.

    ``service`` and ``operation`` are botocore's names, ``parameters`` those of the operation.
    """
    asks = _ASKS.get(service, {}).get(operation)
    if asks is None:
        return [Request(f"{_PREFIXES.get(service, service)}:{operation}", "*")]
    return list(asks(operation, parameters, place))


# The prefix of a service's actions, where it is not botocore's name of the service.
_PREFIXES = {"elbv2": "elasticloadbalancing"}


def _on(service: str, resource: str, *names: str) -> Asks:
    """The action of the call's name on what ``resource`` says, for each of the values of these parameters."""

    def ask(operation: str, parameters: Parameters, place: Place) -> Iterator[Request]:
        values = [parameters.get(name) or "" for name in names]
        yield Request(f"{service}:{operation}", place.arn(service, resource.format(*values)))

    return ask


def _anywhere(service: str) -> Asks:
    """The action of the call's name, which is for no resource."""

    def ask(operation: str, _parameters: Parameters, _place: Place) -> Iterator[Request]:
        yield Request(f"{service}:{operation}", "*")

    return ask


def _git(operation: str, parameters: Parameters, place: Place) -> Iterator[Request]:
    """A push is for each of its references, which the condition key ``codecommit:References`` names.

    https://docs.aws.amazon.com/codecommit/latest/userguide/how-to-conditional-branch.html
    """
    repository = place.arn("codecommit", parameters["repositoryName"])
    for reference in parameters.get("references") or [None]:
        context = {} if reference is None else {"codecommit:References": reference}
        yield Request(f"codecommit:{operation}", repository, context)


def _use_connection(operation: str, parameters: Parameters, _place: Place) -> Iterator[Request]:
    """The service of a connection is that of its ARN: older ones have the older name.

    https://docs.aws.amazon.com/dtconsole/latest/userguide/security-iam.html
    """
    connection = parameters["connectionArn"]
    service = connection.split(":")[2]
    repository = parameters.get("fullRepositoryId")
    context = {} if repository is None else {f"{service}:FullRepositoryId": repository}
    yield Request(f"{service}:{operation}", connection, context)


def _of_builds(operation: str, parameters: Parameters, place: Place) -> Iterator[Request]:
    for build in parameters["ids"]:
        yield Request(f"codebuild:{operation}", place.arn("codebuild", f"project/{build.partition(':')[0]}"))


def _bucket(action: str) -> Asks:
    def ask(_operation: str, parameters: Parameters, place: Place) -> Iterator[Request]:
        bucket = parameters["Bucket"]
        context = {"aws:ResourceAccount": place.bucket(bucket).account}
        yield Request(action, f"arn:{place.partition}:s3:::{bucket}", context)

    return ask


def _object(action: str, *, of_version: str | None = None, encrypts: bool = False, reads: bool = False) -> Asks:
    """The action on an object, ``of_version`` if a version is named; and what S3 asks of KMS for it.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """

    def ask(_operation: str, parameters: Parameters, place: Place) -> Iterator[Request]:
        name = parameters["Bucket"]
        bucket = place.bucket(name)
        context = {"aws:ResourceAccount": bucket.account}
        arn = f"arn:{place.partition}:s3:::{name}/{parameters['Key']}"
        versioned = of_version if parameters.get("VersionId") else None
        yield Request(versioned or action, arn, context)
        if parameters.get("ACL"):
            yield Request("s3:PutObjectAcl", arn, context)
        if action == "s3:PutObject" and parameters.get("Tagging"):
            yield Request("s3:PutObjectTagging", arn, context)
        key = parameters.get("SSEKMSKeyId") or bucket.key
        if key is not None and (encrypts or reads):
            about = f"arn:{place.partition}:s3:::{name}" if bucket.has_own_key else arn
            calls = ("GenerateDataKey",) if encrypts else ("Decrypt",)
            for call in calls:
                yield Request(f"kms:{call}", key, {"kms:EncryptionContext:aws:s3:arn": about})

    return ask


def _publish(operation: str, parameters: Parameters, place: Place) -> Iterator[Request]:
    """To a topic that is encrypted with a key of yours it takes the use of this key.

    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """
    topic = parameters["TopicArn"]
    yield Request(f"sns:{operation}", topic)
    key = place.topic_key(topic)
    for call in ("GenerateDataKey", "Decrypt") if key is not None else ():
        yield Request(f"kms:{call}", key or "", {"kms:EncryptionContext:aws:sns:topicArn": topic})


def _services(operation: str, parameters: Parameters, place: Place) -> Iterator[Request]:
    names = parameters.get("services") or [parameters.get("service")]
    cluster = str(parameters.get("cluster") or "default").rpartition("/")[2]
    for name in names:
        service = str(name).rpartition("/")[2]
        yield Request(f"ecs:{operation}", place.arn("ecs", f"service/{cluster}/{service}"))


def _register_task_definition(operation: str, parameters: Parameters, place: Place) -> Iterator[Request]:
    """With roles it takes passing them, with tags to set them.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_id-based-policy-examples.html,
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
    """
    yield Request(f"ecs:{operation}", "*")
    for name in ("taskRoleArn", "executionRoleArn"):
        if parameters.get(name):
            yield Request("iam:PassRole", parameters[name], {"iam:PassedToService": "ecs-tasks.amazonaws.com"})
    if parameters.get("tags"):
        # The revision's number is not known before it is made; no policy can depend on it.
        arn = place.arn("ecs", f"task-definition/{parameters['family']}:1")
        yield Request("ecs:TagResource", arn, {"ecs:CreateAction": operation})


_LOG_STREAM = _on("logs", "log-group:{}:log-stream:{}", "logGroupName", "logStreamName")
_CODECOMMIT = _on("codecommit", "{}", "repositoryName")
_REPORT_GROUP = _on("codebuild", "report-group/{}", "reportGroupName")
_IMAGES = _on("ecr", "repository/{}", "repositoryName")
_PIPELINE = _on("codepipeline", "{}", "name")

_ASKS: Mapping[str, Mapping[str, Asks]] = {
    "codecommit": {
        **dict.fromkeys(
            (
                "CancelUploadArchive",
                "GetBranch",
                "GetCommit",
                "GetRepository",
                "GetUploadArchiveStatus",
                "UploadArchive",
            ),
            _CODECOMMIT,
        ),
        "GitPull": _git,
        "GitPush": _git,
    },
    "codeconnections": {"UseConnection": _use_connection},
    "codestar-connections": {"UseConnection": _use_connection},
    "codebuild": {
        "StartBuild": _on("codebuild", "project/{}", "projectName"),
        "BatchGetBuilds": _of_builds,
        **dict.fromkeys(("CreateReportGroup", "CreateReport", "UpdateReport", "BatchPutTestCases"), _REPORT_GROUP),
    },
    "codepipeline": {"StartPipelineExecution": _PIPELINE},
    "s3": {
        "GetBucketAcl": _bucket("s3:GetBucketAcl"),
        "GetBucketLocation": _bucket("s3:GetBucketLocation"),
        "GetBucketVersioning": _bucket("s3:GetBucketVersioning"),
        "ListObjectsV2": _bucket("s3:ListBucket"),
        "GetObject": _object("s3:GetObject", of_version="s3:GetObjectVersion", reads=True),
        "HeadObject": _object("s3:GetObject", of_version="s3:GetObjectVersion"),
        "PutObject": _object("s3:PutObject", encrypts=True),
        "GetObjectTagging": _object("s3:GetObjectTagging", of_version="s3:GetObjectVersionTagging"),
        "PutObjectTagging": _object("s3:PutObjectTagging", of_version="s3:PutObjectVersionTagging"),
    },
    "sns": {"Publish": _publish},
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    "sts": {"GetCallerIdentity": lambda _operation, _parameters, _place: iter(())},
    "ecs": {
        "DescribeTaskDefinition": _anywhere("ecs"),
        "RegisterTaskDefinition": _register_task_definition,
        "DescribeServices": _services,
        "UpdateService": _services,
    },
    "logs": {
        "CreateLogGroup": _on("logs", "log-group:{}", "logGroupName"),
        "CreateLogStream": _LOG_STREAM,
        "PutLogEvents": _LOG_STREAM,
    },
    "ecr": {
        "GetAuthorizationToken": _anywhere("ecr"),
        **dict.fromkeys(
            (
                "BatchCheckLayerAvailability",
                "BatchGetImage",
                "CompleteLayerUpload",
                "DescribeImageScanFindings",
                "GetDownloadUrlForLayer",
                "InitiateLayerUpload",
                "PutImage",
                "UploadLayerPart",
            ),
            _IMAGES,
        ),
    },
}
