"""The policy for developers: what would release something past an approval is denied to them, as plain JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from awacs import codepipeline
from awacs.aws import Action, Deny, PolicyDocument, Statement
from troposphere import AWSHelperFn, encode_to_dict

from .. import catalog
from ..catalog import ALL_ENVIRONMENTS, QUICK_START, RenderSettings
from ..cfn.evaluation import Evaluator, Target, check_parameters
from ..environments import scopes
from ..errors import NOT_GIVEN, ParameterError
from ..grants import pipeline_arn
from ..parameters import ParameterSpec, name_of
from ..sources import Source
from .role_policies import resolved

FILE_NAME = "developers.deny.json"

# A run can be started with any commit of the repository instead of the branch's newest
# (https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-trigger-source-overrides.html).
_PIPELINE_CHANGES = (
    codepipeline.DeletePipeline,
    codepipeline.StartPipelineExecution,
    codepipeline.UpdatePipeline,
)


@dataclass(frozen=True, kw_only=True)
class _Approved:
    """A pipeline that waits for an approval; its actions as ``PIPELINE/STAGE/ACTION``, as in their ARNs."""

    pipeline: str
    source: str
    configuration: Mapping[str, Any]
    approvals: Sequence[str]


def developers_policy(
    values: Mapping[str, str], target: Target, settings: RenderSettings | None = None
) -> dict[str, Any] | None:
    """What is denied around the approvals of ``deployment-pipeline-for-all-env.yaml``; None if there is none.

    ``values`` are those of :func:`role_policies.role_policies`, and the branches as the pipelines' form asks for
    them. Raises :class:`ParameterError` for a value that a form refuses, and where an approval's branch is not known.
    """
    settings = settings or RenderSettings()
    branches: dict[str, str] = {}
    for scope in scopes(settings.environments):
        if scope.environment.approval:
            spec = settings.pipeline.source.branch
            name = name_of(spec, scope)
            branches[name] = _branch(spec, name, values.get(name, scope.environment.default_branch))
    if not branches:
        return None
    template = catalog.templates(settings)[ALL_ENVIRONMENTS]().to_dict()
    names = {**resolved(values, target, settings).outputs, **branches}
    return _policy(template, names, target, settings.pipeline.source)


def quick_start_policy(
    values: Mapping[str, str], target: Target, settings: RenderSettings | None = None
) -> dict[str, Any] | None:
    """What is denied around the approvals of ``quick-start.yaml``; None if there is none.

    Raises :class:`ParameterError` for a value that the template's form refuses.
    """
    settings = settings or RenderSettings()
    template = catalog.templates(settings)[QUICK_START]().to_dict()
    return _policy(template, check_parameters(template, values), target, settings.pipeline.source)


def _branch(spec: ParameterSpec, name: str, branch: str | None) -> str:
    if branch is None:
        remedy = "developers must not push to this branch: name it in one of the parameter files"
        raise ParameterError(name, NOT_GIVEN, remedy)
    if not spec.constraint.accepts(branch):
        raise ParameterError(name, branch, spec.constraint.message)
    return branch


def _policy(
    template: Mapping[str, Any], names: Mapping[str, str], target: Target, source: Source
) -> dict[str, Any] | None:
    """The policy for the template's pipelines, with a value for each parameter that names one of them or its source."""
    approved = list(_approved(template, Evaluator(template, {**names, **target.pseudo_parameters()})))
    if not approved:
        return None
    pipelines = [pipeline_arn(each.pipeline) for each in approved]
    sources = [pipeline_arn(each.source) for each in approved]
    approvals = [pipeline_arn(approval) for each in approved for approval in each.approvals]
    statements = [
        *source.denied([each.configuration for each in approved]),
        _denied("ApprovedPipelines", _PIPELINE_CHANGES, pipelines),
        _denied("Sources", [codepipeline.PutActionRevision], sources),
        _denied("Approvals", [codepipeline.PutApprovalResult], approvals),
    ]
    document = encode_to_dict(PolicyDocument(Version="2012-10-17", Statement=statements))
    policy: dict[str, Any] = Evaluator({}, target.pseudo_parameters()).value(document)
    return policy


def _denied(sid: str, actions: Sequence[Action], resources: Sequence[AWSHelperFn]) -> Statement:
    return Statement(Sid=sid, Effect=Deny, Action=list(actions), Resource=list(resources))


def _approved(template: Mapping[str, Any], evaluator: Evaluator) -> Iterator[_Approved]:
    """The template's pipelines that have an approval, read off what is rendered."""
    for resource in template["Resources"].values():
        if resource["Type"] != "AWS::CodePipeline::Pipeline":
            continue
        pipeline = evaluator.value(resource["Properties"]["Name"])
        actions = [
            (action["ActionTypeId"]["Category"], f"{pipeline}/{stage['Name']}/{action['Name']}", action)
            for stage in resource["Properties"]["Stages"]
            for action in stage["Actions"]
        ]
        approvals = [path for category, path, _ in actions if category == "Approval"]
        if approvals:
            ((source, configuration),) = [
                (path, action["Configuration"]) for category, path, action in actions if category == "Source"
            ]
            yield _Approved(
                pipeline=pipeline,
                source=source,
                configuration=evaluator.value(configuration),
                approvals=approvals,
            )
