"""The permissions of each role: the sum of what the things that it works on bring with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from awacs import codebuild, ecr, ecs, iam, kms, logs, s3, sns, sts
from awacs.aws import Action, Allow, ArnLike, Condition, PolicyDocument, Principal, Statement, StringEquals
from troposphere import AWSHelperFn, Ref

from .cfn.intrinsics import Named, ref, role_arn, sub

ACCOUNT = Ref("AWS::AccountId")


@dataclass(frozen=True, kw_only=True)
class BuildResources:
    """What a build works on: its project, the pipelines' artifact bucket, and the repositories for images.

    ``key`` is the ARN of the KMS key that artifacts are encrypted with, if it is one of yours. ``passes_on``: the build
    has an artifact to pass on.
    """

    project: Named
    bucket: Named
    repositories: Sequence[Named]
    key: Named | None = None
    passes_on: bool = True


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Each of the actions on each of the resources, where the condition holds. ``sid`` says what for."""

    sid: str
    actions: tuple[Action, ...]
    resources: tuple[AWSHelperFn | str, ...]
    condition: Condition | None = None


def document(grants: Iterable[Grant]) -> PolicyDocument:
    """A policy with one statement for each ``sid``, on the resources of all grants of that name.

    Two grants of one name that differ in actions or condition are a ``ValueError``.
    """
    merged: dict[str, list[Grant]] = {}
    for grant in grants:
        merged.setdefault(grant.sid, []).append(grant)
    return PolicyDocument(Version="2012-10-17", Statement=[_statement(same) for same in merged.values()])


def trust(service: str, condition: Condition) -> PolicyDocument:
    """A trust policy for one service, whose principal has this name in every partition."""
    statement = Statement(
        Effect=Allow,
        Principal=Principal("Service", f"{service}.amazonaws.com"),
        Action=[sts.AssumeRole],
        Condition=condition,
    )
    return PolicyDocument(Version="2012-10-17", Statement=[statement])


def own_resource(resources: Sequence[AWSHelperFn]) -> Condition:
    """The caller acts for exactly these resources of this account, and not for somebody else's.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    return Condition([StringEquals({"aws:SourceAccount": ACCOUNT}), ArnLike({"aws:SourceArn": list(resources)})])


def in_own_account() -> Condition:
    """The resource belongs to this account: a bucket's ARN names none.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceaccount
    """
    return Condition(StringEquals({"aws:ResourceAccount": ACCOUNT}))


# CodePipeline: https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html and, for each
# action, its page under https://docs.aws.amazon.com/codepipeline/latest/userguide/structure-action-reference.html


def pipeline_artifacts(bucket: Named, key: Named | None) -> list[Grant]:
    """What a pipeline calls to pass artifacts from action to action, encrypted with the key of this ARN if any."""
    return [
        Grant(
            sid="ArtifactBucket",
            actions=(s3.GetBucketAcl, s3.GetBucketLocation, s3.GetBucketVersioning),
            resources=(bucket_arn(bucket),),
            condition=in_own_account(),
        ),
        Grant(
            sid="Artifacts",
            actions=(
                s3.GetObject,
                s3.GetObjectTagging,
                s3.GetObjectVersion,
                s3.GetObjectVersionTagging,
                s3.PutObject,
                s3.PutObjectTagging,
            ),
            resources=(objects_arn(bucket),),
            condition=in_own_account(),
        ),
        *artifacts_key(bucket, key),
    ]


def start_build(project: Named) -> list[Grant]:
    """What a build action calls."""
    return [
        Grant(
            sid="Build",
            actions=(codebuild.BatchGetBuilds, codebuild.StartBuild),
            resources=(project_arn(project),),
        )
    ]


def request_approval(topic: Named, key: Named | None) -> list[Grant]:
    """What an approval action calls: the topic, and the key of this ARN if the topic is encrypted with one.

    What SNS asks KMS for with the publisher's permissions names the topic
    (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html).
    """
    publish = Grant(sid="Approval", actions=(sns.Publish,), resources=(topic_arn(topic),))
    if key is None:
        return [publish]
    context = Condition(StringEquals({f"{_CONTEXT}:aws:sns:topicArn": topic_arn(topic)}))
    return [publish, Grant(sid="ApprovalKey", actions=_ENCRYPT, resources=(ref(key),), condition=context)]


# KMS ------------------------------------------------------------------------------------------------------------------

# What S3 and SNS call for whoever writes: a data key for each, and its decryption; for whoever reads, this alone. Each
# names what the data is for, and only with the same name can it be decrypted again; so it is this that a role's
# permission is limited to, and not the service in between, whose name AWS documents for some partitions only
# (https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html).
_ENCRYPT = (kms.Decrypt, kms.GenerateDataKey)
_DECRYPT = (kms.Decrypt,)
_CONTEXT = "kms:EncryptionContext"


def artifacts_key(bucket: Named, key: Named | None, *, writes: bool = True) -> list[Grant]:
    """What S3 calls for whoever reads artifacts, and ``writes`` them or not; nothing without the ARN of a key.

    What is encrypted is named by its bucket where the bucket has a key of its own, and by itself otherwise
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html).
    """
    if key is None:
        return []
    context = Condition(ArnLike({f"{_CONTEXT}:aws:s3:arn": [bucket_arn(bucket), objects_arn(bucket)]}))
    sid, calls = ("ArtifactsKey", _ENCRYPT) if writes else ("ReadArtifactsKey", _DECRYPT)
    return [Grant(sid=sid, actions=calls, resources=(ref(key),), condition=context)]


def ecs_deployment(cluster: Named, service: Named, roles: Sequence[Named]) -> list[Grant]:
    """What the ECS deploy action calls: a new revision of the service's task definition, and the service set to it.

    ``roles`` are the task and execution roles that the task definition names, and may be passed to tasks only.
    """
    arn_prefix = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}"
    grants = [
        Grant(
            sid="TaskDefinitions",
            actions=(ecs.DescribeTaskDefinition, ecs.RegisterTaskDefinition),
            # DescribeTaskDefinition has no resource types, and scoping RegisterTaskDefinition is reported not to work
            # (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html).
            resources=("*",),
        ),
        Grant(
            sid="TaskDefinitionTags",
            actions=(ecs.TagResource,),
            resources=(sub(f"{arn_prefix}:task-definition/*:*"),),
            condition=Condition(StringEquals({"ecs:CreateAction": "RegisterTaskDefinition"})),
        ),
        Grant(
            sid="Services",
            actions=(ecs.DescribeServices, ecs.UpdateService),
            resources=(sub(f"{arn_prefix}:service/${{cluster}}/${{service}}", cluster=cluster, service=service),),
        ),
    ]
    if roles:
        grants.append(
            Grant(
                sid="TaskRoles",
                actions=(iam.PassRole,),
                resources=tuple(role_arn(role) for role in roles),
                condition=Condition(StringEquals({"iam:PassedToService": "ecs-tasks.amazonaws.com"})),
            )
        )
    return grants


# CodeBuild: https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html


def build_basics(build: BuildResources) -> list[Grant]:
    """What every build in a pipeline calls: its log, and its artifacts.

    One that passes nothing on, such as a scan of the image, writes none: so it cannot change what is deployed. AWS CDK
    grants the same (https://github.com/aws/aws-cdk/tree/main/packages/aws-cdk-lib/aws-codepipeline-actions/lib/codebuild).
    """
    put = (s3.PutObject,) if build.passes_on else ()
    group = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/codebuild/${project}"
    return [
        Grant(
            sid="Log",
            actions=(logs.CreateLogGroup, logs.CreateLogStream, logs.PutLogEvents),
            resources=(sub(group, project=build.project), sub(f"{group}:*", project=build.project)),
        ),
        Grant(
            sid="ArtifactBucket",
            actions=(s3.GetBucketAcl, s3.GetBucketLocation),
            resources=(bucket_arn(build.bucket),),
            condition=in_own_account(),
        ),
        Grant(
            sid="Artifacts",
            actions=(s3.GetObject, s3.GetObjectVersion, *put),
            resources=(objects_arn(build.bucket),),
            condition=in_own_account(),
        ),
        *artifacts_key(build.bucket, build.key, writes=build.passes_on),
    ]


def report_tests(build: BuildResources) -> list[Grant]:
    """What a build calls to publish test reports; their group's name starts with the project's.

    https://docs.aws.amazon.com/codebuild/latest/userguide/test-permissions.html
    """
    return [
        Grant(
            sid="TestReports",
            actions=(
                codebuild.BatchPutTestCases,
                codebuild.CreateReport,
                codebuild.CreateReportGroup,
                codebuild.UpdateReport,
            ),
            resources=(
                sub(
                    "arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:report-group/${project}-*",
                    project=build.project,
                ),
            ),
        )
    ]


def registry_token() -> Grant:
    """What it takes to sign in to the registry.

    A registry's token has no resource: AWS allows no less than *
    (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html).
    """
    return Grant(sid="RegistryToken", actions=(ecr.GetAuthorizationToken,), resources=("*",))


def image_push(build: BuildResources) -> list[Grant]:
    """What a build calls to push an image: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html."""
    return [
        registry_token(),
        Grant(
            sid="Images",
            actions=(
                ecr.BatchCheckLayerAvailability,
                ecr.BatchGetImage,
                ecr.CompleteLayerUpload,
                ecr.InitiateLayerUpload,
                ecr.PutImage,
                ecr.UploadLayerPart,
            ),
            resources=tuple(ecr_repository_arn(repository) for repository in build.repositories),
        ),
    ]


def image_pull(build: BuildResources) -> list[Grant]:
    """What a build calls to pull the image that was pushed.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html
    """
    return [
        registry_token(),
        Grant(
            sid="ImagePull",
            actions=(ecr.BatchGetImage, ecr.GetDownloadUrlForLayer),
            resources=tuple(ecr_repository_arn(repository) for repository in build.repositories),
        ),
    ]


def image_scan_findings(build: BuildResources) -> list[Grant]:
    """What a build calls to wait for ECR's basic scan of the image that was pushed, and to read what it found.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
    """
    return [
        Grant(
            sid="ImageScanFindings",
            actions=(ecr.DescribeImageScanFindings,),
            resources=tuple(ecr_repository_arn(repository) for repository in build.repositories),
        )
    ]


PERMISSIONS: Mapping[str, Callable[[BuildResources], list[Grant]]] = MappingProxyType(
    {"test_reports": report_tests, "image_pull": image_pull, "image_scan_findings": image_scan_findings}
)
"""What a further build may be granted by name; each function says what for."""


def bucket_arn(bucket: Named) -> AWSHelperFn:
    """The ARN of the bucket with this name."""
    return sub("arn:${AWS::Partition}:s3:::${bucket}", bucket=bucket)


def objects_arn(bucket: Named) -> AWSHelperFn:
    """The ARN of all objects in the bucket with this name."""
    return sub("arn:${AWS::Partition}:s3:::${bucket}/*", bucket=bucket)


def pipeline_arn(pipeline: Named) -> AWSHelperFn:
    """The ARN of the pipeline with this name."""
    return sub("arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:${pipeline}", pipeline=pipeline)


def project_arn(project: Named) -> AWSHelperFn:
    """The ARN of the CodeBuild project with this name."""
    return sub("arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:project/${project}", project=project)


def ecr_repository_arn(repository: Named) -> AWSHelperFn:
    """The ARN of the ECR repository with this name."""
    return sub(
        "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/${repository}", repository=repository
    )


def topic_arn(topic: Named) -> AWSHelperFn:
    """The ARN of the SNS topic with this name."""
    return sub("arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:${topic}", topic=topic)


def _statement(grants: Sequence[Grant]) -> Statement:
    first = grants[0]
    for grant in grants[1:]:
        if (grant.actions, _plain(grant.condition)) != (first.actions, _plain(first.condition)):
            raise ValueError(f"two different grants are called {first.sid}")
    resources = {_plain(resource): resource for grant in grants for resource in grant.resources}
    condition = {} if first.condition is None else {"Condition": first.condition}
    return Statement(
        Sid=first.sid, Effect=Allow, Action=list(first.actions), Resource=list(resources.values()), **condition
    )


def _plain(value: Any) -> str:
    """What tells two values of a template apart."""
    return json.dumps(
        value, default=lambda part: part.to_dict() if hasattr(part, "to_dict") else part.JSONrepr(), sort_keys=True
    )
