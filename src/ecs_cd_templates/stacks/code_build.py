"""The template of one CodeBuild project: the unit tests, or the container image."""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import Output, Ref, Template
from troposphere.codebuild import Artifacts, CloudWatchLogs, LogsConfig, Project, Source
from troposphere.codebuild import Environment as BuildEnvironment

from ..cfn.intrinsics import Named, ref, role_arn, sub
from ..parameters import add_fields, code_build_fields
from ..settings import Architecture, BuildKind, CodeBuildSettings


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """What tells one kind of build from the other."""

    builds: str
    description: str
    buildspec: str
    privileged: bool


_KINDS: dict[BuildKind, _Kind] = {
    "nodejs": _Kind(
        builds="Node.js application",
        description="This template deploys a CodeBuild project to build a Node.js application",
        buildspec="buildspec_nodejs.yml",
        privileged=False,
    ),
    "containerImage": _Kind(
        builds="Container images",
        description="This template deploys a CodeBuild project to build a container image",
        buildspec="buildspec_containerImage.yml",
        # Docker's daemon starts inside the build container in privileged mode only
        # (https://docs.aws.amazon.com/codebuild/latest/userguide/sample-docker.html).
        privileged=True,
    ),
}

_CONTAINER_TYPES: dict[Architecture, str] = {"X86_64": "LINUX_CONTAINER", "ARM64": "ARM_CONTAINER"}


def build(settings: CodeBuildSettings) -> Template:
    """A template with the CodeBuild project for the unit tests or for the container image."""
    kind = _KINDS[settings.kind]
    template = Template(Description=kind.description)
    parameters = add_fields(template, code_build_fields(kind.builds))
    project = add_project(
        template,
        "CodeBuildProject",
        name=parameters["CodeBuildProjectName"],
        role=parameters["CodeBuildServiceRoleName"],
        settings=settings,
    )
    template.add_output(
        Output(
            "CodeBuildProjectName", Description="The CodeBuild project's name, for the pipelines", Value=Ref(project)
        )
    )
    return template


def add_project(template: Template, title: str, *, name: Named, role: Named, settings: CodeBuildSettings) -> Project:
    """Adds the CodeBuild project, which works with the role."""
    kind = _KINDS[settings.kind]
    logs = CloudWatchLogs(Status="DISABLED")
    if settings.build_logs:
        logs = CloudWatchLogs(Status="ENABLED", GroupName=sub("/aws/codebuild/${project}", project=name))
    return template.add_resource(
        Project(
            title,
            Name=ref(name),
            ServiceRole=role_arn(role),
            Source=Source(Type="CODEPIPELINE", BuildSpec=kind.buildspec),
            Artifacts=Artifacts(Type="CODEPIPELINE"),
            Environment=BuildEnvironment(
                Type=_CONTAINER_TYPES[settings.architecture],
                ComputeType=settings.compute_type,
                Image=settings.image,
                PrivilegedMode=kind.privileged,
            ),
            LogsConfig=LogsConfig(CloudWatchLogs=logs),
            TimeoutInMinutes=settings.timeout_minutes,
        )
    )
