"""What pipelines, their builds and their event rules call with which role, read off the resources of a template.

The tables are written from AWS's documentation, row by row, and know nothing of the code that makes the policies: so
they can tell whether a policy allows enough, and whether it allows more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..cfn.evaluation import Target
from .evaluator import Request

GUIDE = "https://docs.aws.amazon.com"
PIPELINE_ROLE_PAGE = f"{GUIDE}/codepipeline/latest/userguide/how-to-custom-role.html"
BUILD_ROLE_PAGE = f"{GUIDE}/codebuild/latest/userguide/setting-up-service-role.html"
CONNECTIONS_PAGE = f"{GUIDE}/dtconsole/latest/userguide/security-iam.html"
ACTION_PAGES = f"{GUIDE}/codepipeline/latest/userguide/action-reference"

# What S3 and SNS call KMS for, with the permissions of whoever calls them, where they encrypt with a key of yours; and
# what the call says it is for: a bucket with a key of its own, an object otherwise, or a topic.
KEY_CALLS = [
    (f"kms:{call}", f"kms:EncryptionContext:aws:{kind}", page)
    for kind, page in (
        ("s3:arn", f"{GUIDE}/AmazonS3/latest/userguide/UsingKMSEncryption.html"),
        ("sns:topicArn", f"{GUIDE}/sns/latest/dg/sns-key-management.html"),
    )
    for call in ("Decrypt", "GenerateDataKey")
]

# What each action of a pipeline calls with the pipeline's role, by the action's provider: the calls, the resource
# they are for ("*" where the call has none), the condition keys they come with, and where it says so.
PIPELINE_CALLS: dict[str, list[tuple[str, str, dict[str, str], str]]] = {
    "CodeCommit": [
        (f"codecommit:{call}", "{repository}", {}, f"{ACTION_PAGES}-CodeCommit.html")
        for call in (
            "GetBranch",
            "GetCommit",
            "GetRepository",
            "UploadArchive",
            "GetUploadArchiveStatus",
            "CancelUploadArchive",
        )
    ],
    # Only some of the calls to the host are about a repository, and say so; older connections have the older prefix.
    # What was fetched is put into the bucket with an ACL (https://github.com/aws/aws-cdk/issues/13557).
    "CodeStarSourceConnection": [
        *(
            (f"{prefix}:UseConnection", "{connection}", context, CONNECTIONS_PAGE)
            for prefix in ("codeconnections", "codestar-connections")
            for context in ({}, {f"{prefix}:FullRepositoryId": "{full_repository}"})
        ),
        ("s3:PutObjectAcl", "{object}", {"aws:ResourceAccount": "{account}"}, PIPELINE_ROLE_PAGE),
    ],
    "CodeBuild": [
        (f"codebuild:{call}", "{project}", {}, f"{ACTION_PAGES}-CodeBuild.html")
        for call in ("StartBuild", "BatchGetBuilds")
    ],
    "Manual": [("sns:Publish", "{topic}", {}, f"{GUIDE}/codepipeline/latest/userguide/approvals-iam-permissions.html")],
    "ECS": [
        ("ecs:DescribeTaskDefinition", "*", {}, f"{ACTION_PAGES}-ECS.html"),
        ("ecs:RegisterTaskDefinition", "*", {}, f"{ACTION_PAGES}-ECS.html"),
        ("ecs:DescribeServices", "{service}", {}, f"{ACTION_PAGES}-ECS.html"),
        ("ecs:UpdateService", "{service}", {}, f"{ACTION_PAGES}-ECS.html"),
        (
            "ecs:TagResource",
            "{task_definition}",
            {"ecs:CreateAction": "RegisterTaskDefinition"},
            f"{ACTION_PAGES}-ECS.html",
        ),
        (
            "iam:PassRole",
            "{task_roles}",
            {"iam:PassedToService": "ecs-tasks.amazonaws.com"},
            f"{ACTION_PAGES}-ECS.html",
        ),
    ],
}

# What the artifact store of a pipeline is used for with the pipeline's role, whatever its source. The tags are those
# that CodePipeline gives its artifacts.
ARTIFACT_CALLS = [
    *(
        (f"s3:{call}", "{bucket}", PIPELINE_ROLE_PAGE)
        for call in ("GetBucketAcl", "GetBucketLocation", "GetBucketVersioning")
    ),
    *(
        (f"s3:{call}", "{object}", PIPELINE_ROLE_PAGE)
        for call in (
            "GetObject",
            "GetObjectVersion",
            "PutObject",
            "GetObjectTagging",
            "GetObjectVersionTagging",
            "PutObjectTagging",
        )
    ),
]

# What a build calls with its project's role, by the buildspec it runs; "" for every build, and all that a build calls
# whose buildspec is not here.
BUILD_CALLS: dict[str, list[tuple[str, str, str]]] = {
    "": [
        ("logs:CreateLogGroup", "{log_group}", BUILD_ROLE_PAGE),
        ("logs:CreateLogStream", "{log_stream}", BUILD_ROLE_PAGE),
        ("logs:PutLogEvents", "{log_stream}", BUILD_ROLE_PAGE),
        ("s3:GetBucketAcl", "{bucket}", BUILD_ROLE_PAGE),
        ("s3:GetBucketLocation", "{bucket}", BUILD_ROLE_PAGE),
        ("s3:GetObject", "{object}", BUILD_ROLE_PAGE),
        ("s3:GetObjectVersion", "{object}", BUILD_ROLE_PAGE),
    ],
    "buildspec_nodejs.yml": [
        (f"codebuild:{call}", "{report_group}", f"{GUIDE}/codebuild/latest/userguide/test-permissions.html")
        for call in ("CreateReportGroup", "CreateReport", "UpdateReport", "BatchPutTestCases")
    ],
    "buildspec_containerImage.yml": [
        ("ecr:GetAuthorizationToken", "*", f"{GUIDE}/AmazonECR/latest/userguide/image-push-iam.html"),
        *(
            (f"ecr:{call}", "{images}", f"{GUIDE}/AmazonECR/latest/userguide/image-push-iam.html")
            for call in (
                "BatchCheckLayerAvailability",
                "BatchGetImage",
                "CompleteLayerUpload",
                "InitiateLayerUpload",
                "PutImage",
                "UploadLayerPart",
            )
        ),
    ],
    # A scanner that pulls the image, and then waits for what ECR's own scan has found.
    "buildspec_imageScan.yml": [
        ("ecr:GetAuthorizationToken", "*", f"{GUIDE}/AmazonECR/latest/userguide/registry_auth.html"),
        *(
            (f"ecr:{call}", "{images}", f"{GUIDE}/AmazonECR/latest/userguide/repository-policy-examples.html")
            for call in ("BatchGetImage", "GetDownloadUrlForLayer")
        ),
        (
            "ecr:DescribeImageScanFindings",
            "{images}",
            f"{GUIDE}/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html",
        ),
    ],
}
BUILD_CALLS["buildspec_tests.yml"] = BUILD_CALLS["buildspec_nodejs.yml"]
BUILD_CALLS["buildspec_image.yml"] = BUILD_CALLS["buildspec_containerImage.yml"]
# A scanner that only pulls the image.
BUILD_CALLS["buildspec_image_scan.yml"] = [
    call for call in BUILD_CALLS["buildspec_imageScan.yml"] if call[0] != "ecr:DescribeImageScanFindings"
]

# What a build calls as well if it passes an artifact on.
OUTPUT_CALLS = [("s3:PutObject", "{object}", BUILD_ROLE_PAGE)]

# What starting a task calls with its execution role, for an image in ECR.
TASK_CALLS = [
    (f"ecr:{call}", resource, f"{GUIDE}/AmazonECS/latest/developerguide/task_execution_IAM_role.html")
    for call, resource in (
        ("GetAuthorizationToken", "*"),
        ("BatchCheckLayerAvailability", "{images}"),
        ("BatchGetImage", "{images}"),
        ("GetDownloadUrlForLayer", "{images}"),
    )
]

EVENT_CALLS = [
    (
        "codepipeline:StartPipelineExecution",
        "{pipeline}",
        f"{GUIDE}/eventbridge/latest/userguide/eb-use-identity-based.html",
    )
]


@dataclass(frozen=True)
class RoleCall:
    """A request that is made with the role of this ARN, by whom, and where AWS says so."""

    role: str
    request: Request
    source: str
    by: str = ""


Resources = Mapping[str, Mapping[str, Any]]


def calls(resources: Resources, target: Target, task_roles: Mapping[str, tuple[str, ...]]) -> list[RoleCall]:
    """Every call that the pipelines among the resources make with a role, each once.

    ``resources`` are resolved, by title; ``task_roles`` are the ARNs of the roles of a service's tasks, by its name. A
    build whose project is not among the resources is left out, and so are the roles of a service that is not in
    ``task_roles``.
    """
    projects = {each["Name"]: each for each in _of_type(resources, "AWS::CodeBuild::Project") if "Name" in each}
    made: list[RoleCall] = []
    for pipeline in _of_type(resources, "AWS::CodePipeline::Pipeline"):
        made += _pipeline_calls(pipeline, projects, target, task_roles)
    for rule in _of_type(resources, "AWS::Events::Rule"):
        for to in rule.get("Targets", []):
            if to["Arn"].split(":")[2:3] == ["codepipeline"] and "RoleArn" in to:
                made += [
                    RoleCall(to["RoleArn"], Request(action, to["Arn"]), source, f"rule {rule.get('Name', to['Id'])}")
                    for action, _, source in EVENT_CALLS
                ]
    return list({repr(call): call for call in made}.values())


def image_repository(action: Mapping[str, Any]) -> str | None:
    """The name of the repository that an action has its build push to; None where its variables do not say."""
    try:
        variables = json.loads(action.get("Configuration", {}).get("EnvironmentVariables", "[]"))
        uris = [each["value"] for each in variables if each["name"] == "ECR_REPOSITORY_URI"]
    except (KeyError, TypeError, ValueError):
        return None
    return str(uris[-1]).partition("/")[2] if uris else None


def assumptions(resources: Resources, target: Target) -> dict[str, list[Request]]:
    """For the ARN of each role, the requests with which its service takes it on.

    CodePipeline's is reported to come without condition keys as well.
    """
    place = f"{target.region}:{target.account}"
    requests: dict[str, list[Request]] = {}

    def by(role: str, service: str, resource: str) -> None:
        arn = f"arn:{target.partition}:{service}:{place}:{resource}"
        context = {"aws:SourceAccount": target.account, "aws:SourceArn": arn}
        requests.setdefault(role, []).append(Request("sts:AssumeRole", "*", context, f"{service}.amazonaws.com"))

    for pipeline in _of_type(resources, "AWS::CodePipeline::Pipeline"):
        by(pipeline["RoleArn"], "codepipeline", pipeline["Name"])
    for role in list(requests):
        requests[role].append(Request("sts:AssumeRole", "*", {}, "codepipeline.amazonaws.com"))
    for project in _of_type(resources, "AWS::CodeBuild::Project"):
        by(project["ServiceRole"], "codebuild", f"project/{project['Name']}")
    for rule in _of_type(resources, "AWS::Events::Rule"):
        for to in rule.get("Targets", []):
            if "RoleArn" in to:
                by(to["RoleArn"], "events", f"rule/{rule['Name']}")
    return requests


def _of_type(resources: Resources, kind: str) -> Iterator[Mapping[str, Any]]:
    return (each.get("Properties", {}) for each in resources.values() if each["Type"] == kind)


def _pipeline_calls(
    pipeline: Mapping[str, Any],
    projects: Mapping[str, Mapping[str, Any]],
    target: Target,
    task_roles: Mapping[str, tuple[str, ...]],
) -> Iterator[RoleCall]:
    partition, account = target.partition, target.account
    place = f"{target.region}:{account}"
    own_role = pipeline["RoleArn"]
    actions = [action for stage in pipeline["Stages"] for action in stage["Actions"]]
    bucket = f"arn:{partition}:s3:::{pipeline['ArtifactStore']['Location']}"
    names = {"account": account, "bucket": bucket, "object": f"{bucket}/{pipeline['Name'][:20]}/SourceArti/aBcDeF1"}
    for action in actions:
        repository = image_repository(action)
        if repository is not None:
            names["images"] = f"arn:{partition}:ecr:{place}:repository/{repository}"
    key = pipeline["ArtifactStore"].get("EncryptionKey", {}).get("Id")
    by = f"pipeline {pipeline['Name']}"
    own = {"aws:ResourceAccount": account}
    for call, resource, source in ARTIFACT_CALLS:
        yield RoleCall(own_role, Request(call, resource.format(**names), own), source, by)
    yield from _key_calls(own_role, key, by, names["bucket"], names["object"])
    for action in actions:
        provider = action["ActionTypeId"]["Provider"]
        configuration = action.get("Configuration", {})
        by = f"action {action['Name']} of {pipeline['Name']}"
        here = {**names, **_named(configuration, f"{partition}:{{service}}:{place}")}
        for call, resource, context, source in PIPELINE_CALLS.get(provider, []):
            for each in _each_role(resource, here, task_roles.get(configuration.get("ServiceName", ""), ())):
                said = {name: value.format(**here) for name, value in context.items()}
                yield RoleCall(own_role, Request(call, each, said), source, by)
        if here["topic"]:
            yield from _key_calls(own_role, key, by, here["topic"])
        project = projects.get(configuration.get("ProjectName", ""))
        if provider == "CodeBuild" and project is not None:
            yield from _build_calls(project, here, key, by, passes_on=bool(action.get("OutputArtifacts")))


def _named(configuration: Mapping[str, Any], place: str) -> dict[str, str | None]:
    """The ARNs of what an action's configuration names."""
    project = configuration.get("ProjectName")

    def arn(service: str, resource: str) -> str:
        return f"arn:{place.format(service=service)}:{resource}"

    log_group = arn("logs", f"log-group:/aws/codebuild/{project}")
    service = configuration.get("ServiceName")
    return {
        "repository": arn("codecommit", f"{configuration.get('RepositoryName')}"),
        "connection": configuration.get("ConnectionArn"),
        "full_repository": configuration.get("FullRepositoryId"),
        "project": arn("codebuild", f"project/{project}"),
        "topic": configuration.get("NotificationArn"),
        "service": arn("ecs", f"service/{configuration.get('ClusterName')}/{service}"),
        "task_definition": arn("ecs", f"task-definition/{service}:3"),
        "log_group": log_group,
        "log_stream": f"{log_group}:log-stream:0a1b",
        "report_group": arn("codebuild", f"report-group/{project}-unit-tests"),
    }


def _each_role(resource: str, names: Mapping[str, str | None], roles: tuple[str, ...]) -> list[str]:
    """The ARN that the resource stands for, or of each of the roles; none for a topic that there is not."""
    if resource == "{task_roles}":
        return list(roles)
    arn = resource.format(**names)
    return [] if arn == "None" else [arn]


def _build_calls(
    project: Mapping[str, Any], names: Mapping[str, str | None], key: str | None, by: str, *, passes_on: bool
) -> Iterator[RoleCall]:
    role, own = project["ServiceRole"], {"aws:ResourceAccount": names["account"] or ""}
    buildspec = project["Source"].get("BuildSpec", "")
    for call, resource, source in (
        BUILD_CALLS[""] + BUILD_CALLS.get(buildspec, []) + (OUTPUT_CALLS if passes_on else [])
    ):
        if resource == "{images}" and "images" not in names:
            continue
        context = own if call.startswith("s3:") else {}
        yield RoleCall(role, Request(call, resource.format(**names), context), source, by)
    yield from _key_calls(role, key, by, names["bucket"] or "", names["object"] or "", writes=passes_on)


def _key_calls(role: str, key: str | None, by: str, *about: str, writes: bool = True) -> Iterator[RoleCall]:
    """What is asked of the key about these ARNs, each with the condition key of its service."""
    for call, context, source in KEY_CALLS if key else ():
        for arn in about:
            if arn.split(":")[2] == context.split(":")[3] and (writes or call == "kms:Decrypt"):
                yield RoleCall(role, Request(call, key or "", {context: arn}), source, by)
