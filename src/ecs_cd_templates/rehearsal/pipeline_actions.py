"""What each provider's action of a pipeline does, call by call, with the pipeline's role.

The calls are those of each action's page under
https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference.html.
"""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from ..cfn.partitions import PARTITIONS
from .calls import Credentials, Job, ServiceError
from .cloud import Cloud

# A configuration's value, measured after its variables are resolved
# (https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionDeclaration.html).
LONGEST_VALUE = 1000

_APPROVAL_MINUTES = 7 * 24 * 60


class ActionError(Exception):
    """An action that failed, with the code and the message that its state tells."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Artifact:
    """Where an artifact is."""

    bucket: str
    key: str


@dataclass(kw_only=True)
class Approval:
    """A request that is waited for; ``answer`` is what ``by`` said, in PutApprovalResult's form."""

    token: str
    message: str
    by: str = ""
    answer: Mapping[str, str] | None = None


@dataclass(kw_only=True)
class Work:
    """One run of an action: what it is given, and what it leaves."""

    cloud: Cloud
    account: str
    region: str
    pipeline: Mapping[str, Any]
    stage: str
    action: Mapping[str, Any]
    execution: str
    action_execution: str
    configuration: Mapping[str, str]
    credentials: Credentials
    commit: str | None
    revision: str | None
    inputs: tuple[Artifact, ...]
    output: Artifact | None
    builds_source: bool
    stopped: Callable[[], bool]
    poll: float
    minute: float
    variables: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    external_id: str = ""
    ask: Callable[[Approval], None] = field(default=lambda _request: None)

    def client(self, service: str) -> Any:
        """The service's client, with the pipeline's role."""
        return self.cloud.client(service, region=self.region, credentials=self.credentials)

    def check(self, service: str, operation: str, **parameters: Any) -> None:
        """Whether the role may do what is no operation of an API."""
        self.cloud.check(self.credentials, service, operation, region=self.region, **parameters)

    @property
    def key(self) -> str | None:
        """The key that artifacts are encrypted with, if the pipeline names one."""
        found: str | None = self.pipeline["artifactStore"].get("encryptionKey", {}).get("id")
        return found

    def wait(self) -> None:
        """Waits a moment. Raises :class:`ActionError` if the execution was stopped meanwhile."""
        if self.stopped():
            raise ActionError("Abandoned", "The execution was stopped")
        time.sleep(self.poll)


def code_commit(work: Work) -> None:
    """Fetches the newest commit of the branch.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeCommit.html
    """
    client, said = work.client("codecommit"), work.configuration
    repository, branch = said["RepositoryName"], said["BranchName"]
    client.get_repository(repositoryName=repository)
    newest = work.revision or client.get_branch(repositoryName=repository, branchName=branch)["branch"]["commitId"]
    commit = client.get_commit(repositoryName=repository, commitId=newest)["commit"]
    for operation in ("UploadArchive", "GetUploadArchiveStatus"):
        work.check("codecommit", operation, repositoryName=repository)
    if work.stopped():
        work.check("codecommit", "CancelUploadArchive", repositoryName=repository)
        raise ActionError("Abandoned", "The execution was stopped")
    body = work.cloud.archives["CodeCommit"](work.account, work.region, repository, newest)
    message = commit.get("message", "").strip()
    work.commit = newest
    work.variables = {
        "AuthorDate": commit["author"].get("date", ""),
        "BranchName": branch,
        "CommitId": newest,
        "CommitMessage": message,
        "CommitterDate": commit["committer"].get("date", ""),
        "RepositoryName": repository,
    }
    work.summary = message
    _put(work, body)


def connection(work: Work) -> None:
    """Fetches a commit through a connection.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html
    """
    said = work.configuration
    arn, repository, branch = said["ConnectionArn"], said["FullRepositoryId"], said["BranchName"]
    service = arn.split(":")[2]
    for named in ({}, {"fullRepositoryId": repository}):
        work.check(service, "UseConnection", connectionArn=arn, **named)
    fetch = work.cloud.archives["CodeStarSourceConnection"]
    commit, message, body = fetch(repository, work.revision or branch)
    work.commit = commit
    work.variables = {
        "BranchName": branch,
        "CommitId": commit,
        "CommitMessage": message.strip(),
        "ConnectionArn": arn,
        "FullRepositoryName": repository,
    }
    work.summary = message.strip()
    _put(work, body, ACL="bucket-owner-full-control")


def code_build(work: Work) -> None:
    """Runs a build and waits for it.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
    """
    client = work.client("codebuild")
    variables = json.loads(work.configuration.get("EnvironmentVariables", "[]"))
    work.cloud.jobs[work.action_execution] = Job(
        pipeline=work.pipeline["name"],
        execution=work.execution,
        commit=work.commit if work.builds_source else None,
        inputs=tuple((each.bucket, each.key) for each in work.inputs),
        output=(work.output.bucket, work.output.key) if work.output else None,
        kms_key=work.key,
    )
    build = client.start_build(
        projectName=work.configuration["ProjectName"],
        idempotencyToken=work.action_execution,
        environmentVariablesOverride=variables,
    )["build"]
    work.external_id = build["id"]
    while not build["buildComplete"]:
        work.wait()
        (build,) = client.batch_get_builds(ids=[build["id"]])["builds"]
    work.variables = {each["name"]: each["value"] for each in build.get("exportedEnvironmentVariables", [])}
    if build["buildStatus"] != "SUCCEEDED":
        contexts = [context for phase in build["phases"] for context in phase.get("contexts", [])]
        said = [context["message"] for context in contexts if context.get("message")]
        message = f"Build terminated with state: {build['buildStatus']}"
        raise ActionError("JobFailed", f"{message}. {said[0]}" if said else message)
    if work.output is not None:
        # The build has put its artifact into the bucket; the pipeline looks at it.
        _look(work, work.output)


def approval(work: Work) -> None:
    """Asks for approval and waits for an answer.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-manual-approval.html
    """
    minutes = int(work.action.get("timeoutInMinutes", _APPROVAL_MINUTES))
    token, said = work.action_execution, work.configuration
    expires = datetime.now(UTC) + timedelta(minutes=minutes)
    console = PARTITIONS[work.cloud.partition].console_domain
    place = f"{work.region}.{console}/codesuite/codepipeline/pipelines/{work.pipeline['name']}"
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals-json-format.html
    request = {
        "region": work.region,
        "consoleLink": f"https://{place}/view",
        "approval": {
            "pipelineName": work.pipeline["name"],
            "stageName": work.stage,
            "actionName": work.action["name"],
            "token": token,
            "expires": f"{expires:%Y-%m-%dT%H:%MZ}",
            "externalEntityLink": said.get("ExternalEntityLink", ""),
            "approvalReviewLink": f"https://{place}/view#/{work.stage}/{work.action['name']}/approve/{token}",
            "customData": said.get("CustomData", ""),
        },
    }
    message = json.dumps(request)
    if said.get("NotificationArn"):
        subject = f"APPROVAL NEEDED: AWS CodePipeline {work.pipeline['name']} for action {work.action['name']}"
        work.client("sns").publish(TopicArn=said["NotificationArn"], Subject=subject[:100], Message=message)
    asked = Approval(token=token, message=message)
    work.ask(asked)
    end = time.monotonic() + minutes * work.minute
    while asked.answer is None:
        if time.monotonic() > end:
            raise ActionError("ApprovalTimedOut", "The approval was not given in time")
        work.wait()
    work.summary = asked.answer.get("summary", "")
    if asked.answer["status"] != "Approved":
        raise ActionError("Rejected", f"Rejected by {asked.by}: {work.summary}")


def ecs(work: Work) -> None:
    """Deploys the images to the service.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html
    """
    said, client = work.configuration, work.client("ecs")
    images = _images(work, said.get("FileName", "imagedefinitions.json"))
    where = {"cluster": said["ClusterName"], "services": [said["ServiceName"]]}
    found = client.describe_services(**where)["services"]
    if not found or found[0]["status"] != "ACTIVE":
        raise ActionError("ConfigurationError", f"The service {said['ServiceName']} is not in {said['ClusterName']}")
    old = client.describe_task_definition(taskDefinition=found[0]["taskDefinition"], include=["TAGS"])
    definition = _with_images(old["taskDefinition"], images)
    tags = {"tags": old["tags"]} if old.get("tags") else {}
    new = client.register_task_definition(**definition, **tags)["taskDefinition"]
    client.update_service(
        cluster=said["ClusterName"], service=said["ServiceName"], taskDefinition=new["taskDefinitionArn"]
    )
    revisions = [
        arn.rpartition(":")[2] for arn in (old["taskDefinition"]["taskDefinitionArn"], new["taskDefinitionArn"])
    ]
    minutes = float(said.get("DeploymentTimeout", 60))
    end = time.monotonic() + minutes * work.minute
    while True:
        (service,) = client.describe_services(**where)["services"]
        if _is_steady(service, new["taskDefinitionArn"]):
            break
        # ECS's circuit breaker ends the deployment, and the action still waits
        # (https://github.com/aws/containers-roadmap/issues/1399).
        if time.monotonic() > end:
            message = f"The deployment did not become stable within {minutes:g} minutes"
            events = [event["message"] for event in service.get("events", [])[:1]]
            raise ActionError("DeploymentTimedOut", ". ".join([message, *events]))
        work.wait()
    work.external_id = new["taskDefinitionArn"]
    running, desired = service["runningCount"], service["desiredCount"]
    work.summary = f"{running} of {desired} healthy; task definition {revisions[0]} → {revisions[1]}: image only"


PROVIDERS: Mapping[tuple[str, str], Callable[[Work], None]] = {
    ("Source", "CodeCommit"): code_commit,
    ("Source", "CodeStarSourceConnection"): connection,
    ("Build", "CodeBuild"): code_build,
    ("Test", "CodeBuild"): code_build,
    ("Approval", "Manual"): approval,
    ("Deploy", "ECS"): ecs,
}
"""What an action of each category and provider does."""


def resolved(text: str, variables: Mapping[str, Mapping[str, str]]) -> str:
    """The text with the variables of earlier actions.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html

    Raises :class:`ActionError` for a variable that there is not, and for what becomes too long.
    """

    def value(match: re.Match[str]) -> str:
        namespace, _, name = match.group(1).partition(".")
        if name not in variables.get(namespace, {}):
            raise ActionError("InvalidVariable", f"The variable {match.group()} cannot be resolved")
        return variables[namespace][name]

    result = re.sub(r"#\{([A-Za-z0-9@_-]+\.[A-Za-z0-9@_./-]+)\}", value, text)
    if len(result) > LONGEST_VALUE:
        message = (
            f"The value has {len(result)} characters after its variables were resolved; {LONGEST_VALUE} are allowed"
        )
        raise ActionError("ConfigurationError", message)
    return result


def _put(work: Work, body: bytes, **parameters: str) -> None:
    """Puts the source into the artifact bucket, as the pipeline's role."""
    if work.output is None:
        return
    s3, bucket = work.client("s3"), work.output.bucket
    s3.get_bucket_acl(Bucket=bucket)
    s3.get_bucket_location(Bucket=bucket)
    s3.get_bucket_versioning(Bucket=bucket)
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": work.key} if work.key else {}
    s3.put_object(Bucket=bucket, Key=work.output.key, Body=body, **encryption, **parameters)
    tags = [{"Key": "pipeline", "Value": work.pipeline["name"]}]
    s3.put_object_tagging(Bucket=bucket, Key=work.output.key, Tagging={"TagSet": tags})
    _look(work, work.output)


def _look(work: Work, artifact: Artifact) -> bytes:
    """The artifact, with its tags and version, as the pipeline reads it."""
    s3, where = work.client("s3"), {"Bucket": artifact.bucket, "Key": artifact.key}
    answer = s3.get_object(**where)
    body: bytes = answer["Body"].read()
    s3.get_object_tagging(**where)
    if version := answer.get("VersionId"):
        s3.get_object(**where, VersionId=version)
        s3.get_object_tagging(**where, VersionId=version)
    return body


def _images(work: Work, name: str) -> dict[str, str]:
    """The image of each container that the file names."""
    body = _look(work, work.inputs[0])
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            text = archive.read(name)
    except KeyError:
        place = f"{work.inputs[0].bucket} key: {work.inputs[0].key}"
        message = (
            f"Did not find the image definition file {name} in the input artifacts ZIP file. "
            f"Verify the file is stored in your pipeline's Amazon S3 artifact bucket: {place}"
        )
        raise ActionError("ConfigurationError", message) from None
    try:
        return {each["name"]: each["imageUri"] for each in json.loads(text)}
    except (ValueError, TypeError, KeyError):
        raise ActionError(
            "ConfigurationError", f"The image definition file {name} contains invalid JSON format"
        ) from None


# What RegisterTaskDefinition takes of what DescribeTaskDefinition tells.
_NOT_REGISTERED = {
    "compatibilities",
    "deregisteredAt",
    "registeredAt",
    "registeredBy",
    "requiresAttributes",
    "revision",
    "status",
    "taskDefinitionArn",
}


def _with_images(definition: Mapping[str, Any], images: Mapping[str, str]) -> dict[str, Any]:
    names = [container["name"] for container in definition["containerDefinitions"]]
    unknown = [name for name in images if name not in names]
    if unknown:
        message = f"The container {unknown[0]} is not in the task definition, which has {', '.join(names)}"
        raise ActionError("ConfigurationError", f"The AWS ECS container {unknown[0]} does not exist. {message}")
    containers = [
        {**container, "image": images.get(container["name"], container["image"])}
        for container in definition["containerDefinitions"]
    ]
    kept = {name: value for name, value in definition.items() if name not in _NOT_REGISTERED}
    return {**kept, "containerDefinitions": containers}


def _is_steady(service: Mapping[str, Any], task_definition: str) -> bool:
    """Whether the service runs the new revision, and nothing else."""
    deployments = service.get("deployments", [])
    return (
        len(deployments) == 1
        and deployments[0]["taskDefinition"] == task_definition
        and deployments[0].get("rolloutState", "COMPLETED") == "COMPLETED"
        and service["runningCount"] == service["desiredCount"]
    )


def said_of(error: Exception) -> ActionError:
    """The failure of an action whose call was refused, in the API's words."""
    if isinstance(error, ClientError):
        said = error.response["Error"]
        return ActionError(said["Code"], said["Message"])
    if isinstance(error, ServiceError):
        return ActionError(error.code, error.message)
    if isinstance(error, ActionError):
        return error
    return ActionError("InternalError", f"{type(error).__name__}: {error}")
