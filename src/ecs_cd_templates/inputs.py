"""The inputs of a pipeline: their parameters, and their values from a form or from other resources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import parameters
from .cfn.intrinsics import Named
from .environments import Scope
from .parameters import Form, ParameterSpec
from .steps import BuildStep


@dataclass(frozen=True, kw_only=True)
class BuildInput:
    """A build of the pipeline, and the name of its CodeBuild project."""

    step: BuildStep
    project: Named


@dataclass(frozen=True, kw_only=True)
class PipelineInputs:
    """The name of each thing that one pipeline works with, its branch and its lifecycle policy.

    ``key`` is the ARN of the KMS key that encrypts what the pipeline makes, None for keys of AWS's own.
    ``approval_topic`` is None for a pipeline that does not wait for an approval. ``task_roles`` are the
    roles that the service's tasks have, as far as they are known: they matter to permissions only. A
    ``ValueError`` unless one of the builds pushes the image.
    """

    pipeline: Named
    pipeline_role: Named
    artifact_bucket: Named
    key: Named | None
    approval_topic: Named | None
    repository: Named
    branch: Named
    builds: Sequence[BuildInput]
    ecr_repository: Named
    container: Named
    lifecycle_policy: Named
    cluster: Named
    service: Named
    event_role: Named
    task_roles: Sequence[Named]

    def __post_init__(self) -> None:
        if sum(build.step.pushes_image for build in self.builds) != 1:
            raise ValueError("one of a pipeline's builds pushes the image")


def pipeline_parameters(steps: Sequence[BuildStep], *, approval: bool, own_key: bool) -> tuple[ParameterSpec, ...]:
    """The parameters of a pipeline's inputs, in the order of the reference's forms."""
    return (
        parameters.PIPELINE_NAME,
        parameters.PIPELINE_ROLE,
        parameters.ARTIFACT_BUCKET,
        *([parameters.KMS_KEY] if own_key else []),
        *([parameters.APPROVAL_TOPIC] if approval else []),
        parameters.REPOSITORY,
        parameters.BRANCH,
        *(step.project for step in steps),
        parameters.ECR_REPOSITORY,
        parameters.CONTAINER,
        parameters.LIFECYCLE_POLICY,
        parameters.CLUSTER,
        parameters.SERVICE,
        parameters.EVENT_ROLE,
    )


def inputs_from_form(form: Form, scope: Scope, steps: Sequence[BuildStep], *, own_key: bool) -> PipelineInputs:
    """What the form says about the pipeline of one environment."""
    return PipelineInputs(
        pipeline=form.of(parameters.PIPELINE_NAME, scope),
        pipeline_role=form.of(parameters.PIPELINE_ROLE),
        artifact_bucket=form.of(parameters.ARTIFACT_BUCKET),
        key=form.of(parameters.KMS_KEY) if own_key else None,
        approval_topic=form.of(parameters.APPROVAL_TOPIC) if scope.environment.approval else None,
        repository=form.of(parameters.REPOSITORY),
        branch=form.of(parameters.BRANCH, scope),
        builds=[BuildInput(step=step, project=form.of(step.project)) for step in steps],
        ecr_repository=form.of(parameters.ECR_REPOSITORY, scope),
        container=form.of(parameters.CONTAINER),
        lifecycle_policy=form.of(parameters.LIFECYCLE_POLICY, scope),
        cluster=form.of(parameters.CLUSTER, scope),
        service=form.of(parameters.SERVICE, scope),
        event_role=form.of(parameters.EVENT_ROLE),
        task_roles=(),
    )
