"""The template of one CodeBuild project: the unit tests, the container image, or another build."""

from __future__ import annotations

from typing import Any

from troposphere import Output, Ref, Template
from troposphere.codebuild import Artifacts, CloudWatchLogs, LogsConfig, Project, ProjectCache, Source
from troposphere.codebuild import Environment as BuildEnvironment

from .. import parameters
from ..cfn.intrinsics import Named, ref, role_arn, sub
from ..checks import instance
from ..parameters import Purpose, add_form, entry
from ..settings import Architecture, CodeBuildSettings, build_image
from ..steps import BuildStep

_CONTAINER_TYPES: dict[Architecture, str] = {"X86_64": "LINUX_CONTAINER", "ARM64": "ARM_CONTAINER"}


def build(settings: CodeBuildSettings) -> Template:
    """A template with the CodeBuild project of one step.

    Raises :class:`SettingsError` for what is not settings.
    """
    instance("settings", settings, CodeBuildSettings)
    step = settings.step
    template = Template(Description=step.text("description"))
    entries = [entry(step.own_project, Purpose.MAKE, propose=False), entry(step.own_role, Purpose.USE)]
    if settings.own_key:
        entries.append(entry(parameters.KMS_KEY, Purpose.USE))
    form = add_form(template, entries)
    project = add_project(
        template,
        "CodeBuildProject",
        name=form.of(step.own_project),
        role=form.of(step.own_role),
        key=form.of(parameters.KMS_KEY) if settings.own_key else None,
        settings=settings,
    )
    template.add_output(
        Output(step.own_project.name, Description="The CodeBuild project's name, for the pipelines", Value=Ref(project))
    )
    return template


def add_project(
    template: Template, title: str, *, name: Named, role: Named, key: Named | None, settings: CodeBuildSettings
) -> Project:
    """Adds the CodeBuild project, which works with the role and encrypts artifacts with the key of this ARN, if any.

    https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-kms.html
    """
    encryption: dict[str, Any] = {} if key is None else {"EncryptionKey": ref(key)}
    step = settings.step
    logs = CloudWatchLogs(Status="DISABLED")
    if settings.build_logs:
        logs = CloudWatchLogs(Status="ENABLED", GroupName=sub("/aws/codebuild/${project}", project=name))
    return template.add_resource(
        Project(
            title,
            Name=ref(name),
            ServiceRole=role_arn(role),
            Source=Source(Type="CODEPIPELINE", BuildSpec=step.buildspec),
            Artifacts=Artifacts(Type="CODEPIPELINE"),
            Environment=BuildEnvironment(
                Type=_CONTAINER_TYPES[settings.architecture],
                ComputeType=step.compute_type,
                Image=build_image(step, settings.architecture),
                PrivilegedMode=step.privileged,
            ),
            LogsConfig=LogsConfig(CloudWatchLogs=logs),
            TimeoutInMinutes=step.timeout_minutes,
            **_cache(step),
            **encryption,
        )
    )


def _cache(step: BuildStep) -> dict[str, Any]:
    """The cache of the step's project, if it wants one.

    What CodeBuild calls the source cache is for Git repositories only, and a pipeline's artifact is none
    (https://docs.aws.amazon.com/codebuild/latest/userguide/caching-local.html).
    """
    if not step.cache:
        return {}
    modes = ["LOCAL_CUSTOM_CACHE", *(["LOCAL_DOCKER_LAYER_CACHE"] if step.privileged else [])]
    return {"Cache": ProjectCache(Type="LOCAL", Modes=modes)}
