"""The inputs of a pipeline: their parameters, and their values from a form or from other resources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import parameters
from .cfn.intrinsics import Named
from .environments import Scope
from .parameters import Form, ParameterSpec
from .sources import Source
from .sources.provider import Values
from .steps import BuildStep


@dataclass(frozen=True, kw_only=True)
class BuildInput:
    """A build of the pipeline, and the name of its CodeBuild project."""

    step: BuildStep
    project: Named


@dataclass(frozen=True, kw_only=True)
class PipelineInputs:
    """The name of each thing that one pipeline works with, and its lifecycle policy.

    ``key`` is the ARN of the KMS key that encrypts what the pipeline makes, None for keys of AWS's own.
    ``source`` has a value for each of the source's parameters, and for the role with which it starts the pipeline.
    ``approval_topic`` is None for a pipeline that does not wait for an approval. ``task_roles`` are the
    roles that the service's tasks have, as far as they are known: they matter to permissions only. A
    ``ValueError`` unless one of the builds pushes the image.
    """

    pipeline: Named
    pipeline_role: Named
    artifact_bucket: Named
    key: Named | None
    approval_topic: Named | None
    source: Values
    builds: Sequence[BuildInput]
    ecr_repository: Named
    container: Named
    lifecycle_policy: Named
    cluster: Named
    service: Named
    task_roles: Sequence[Named]

    def __post_init__(self) -> None:
        if sum(build.step.pushes_image for build in self.builds) != 1:
            raise ValueError("one of a pipeline's builds pushes the image")


def pipeline_parameters(
    source: Source, steps: Sequence[BuildStep], *, approval: bool, own_key: bool
) -> tuple[ParameterSpec, ...]:
    """The parameters of a pipeline's inputs, in the order of the reference's forms."""
    return (
        parameters.PIPELINE_NAME,
        parameters.PIPELINE_ROLE,
        parameters.ARTIFACT_BUCKET,
        *([parameters.KMS_KEY] if own_key else []),
        *([parameters.APPROVAL_TOPIC] if approval else []),
        *source.parameters,
        *(step.project for step in steps),
        parameters.ECR_REPOSITORY,
        parameters.CONTAINER,
        parameters.LIFECYCLE_POLICY,
        parameters.CLUSTER,
        parameters.SERVICE,
        *(part.spec for part in source.role_parts),
    )


def inputs_from_form(
    form: Form, scope: Scope, source: Source, steps: Sequence[BuildStep], *, own_key: bool
) -> PipelineInputs:
    """What the form says about the pipeline of one environment."""
    return PipelineInputs(
        pipeline=form.of(parameters.PIPELINE_NAME, scope),
        pipeline_role=form.of(parameters.PIPELINE_ROLE),
        artifact_bucket=form.of(parameters.ARTIFACT_BUCKET),
        key=form.of(parameters.KMS_KEY) if own_key else None,
        approval_topic=form.of(parameters.APPROVAL_TOPIC) if scope.environment.approval else None,
        source={
            spec: form.of(spec, scope) for spec in (*source.parameters, *(part.spec for part in source.role_parts))
        },
        builds=[BuildInput(step=step, project=form.of(step.project)) for step in steps],
        ecr_repository=form.of(parameters.ECR_REPOSITORY, scope),
        container=form.of(parameters.CONTAINER),
        lifecycle_policy=form.of(parameters.LIFECYCLE_POLICY, scope),
        cluster=form.of(parameters.CLUSTER, scope),
        service=form.of(parameters.SERVICE, scope),
        task_roles=(),
    )
