"""Whether the roles in a template may do what its pipelines, builds and event rules call, and no service but theirs.

A role that is not in the template is not looked at, nor is one with policies that are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..cfn.evaluation import Target
from ..iam.evaluator import PolicyError, Request, is_allowed, may_assume
from ..iam.pipeline_calls import TASK_CALLS, RoleCall, assumptions, calls, image_repository
from .finding import Finding
from .parts import Resources, by_type, task_definition

_PASSED_ROLES = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"
_CONFUSED = "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html"
_NARROW = "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"

# Calls that name no resource, or whose resource is reported not to be looked at.
_UNSCOPED = {
    "ecr:GetAuthorizationToken",
    "ecs:DescribeTaskDefinition",
    "ecs:RegisterTaskDefinition",
    "ecs:DiscoverPollEndpoint",
}


def check(resources: Resources, target: Target) -> Iterator[Finding]:
    """What is wrong with the roles; ``resources`` are resolved, by title."""
    roles = _roles(resources, target)
    made = [*calls(resources, target, _task_roles(resources)), *_of_tasks(resources, target)]
    made = [call for call in made if call.role in roles]
    for call in made:
        title, policies = roles[call.role]
        yield from _missing(title, policies, call)
    used = {call.role for call in made}
    for arn, requests in assumptions(resources, target).items():
        if arn in roles:
            used.add(arn)
            title, _ = roles[arn]
            yield from _trust(title, resources[title]["Properties"]["AssumeRolePolicyDocument"], requests)
    for arn in sorted(used):
        title, policies = roles[arn]
        for policy in policies:
            yield from _too_wide(title, policy)


def _of_tasks(resources: Resources, target: Target) -> Iterator[RoleCall]:
    """What is called to start the tasks of each service that a pipeline of the template deploys to."""
    definitions = by_type(resources).get("AWS::ECS::TaskDefinition", {})
    for pipeline in resources.values():
        if pipeline["Type"] != "AWS::CodePipeline::Pipeline":
            continue
        actions = [action for stage in pipeline["Properties"]["Stages"] for action in stage["Actions"]]
        repositories = [name for name in map(image_repository, actions) if name is not None]
        deployed = {action.get("Configuration", {}).get("ServiceName") for action in actions}
        for service in resources.values():
            properties = service.get("Properties", {})
            if service["Type"] != "AWS::ECS::Service" or properties.get("ServiceName") not in deployed:
                continue
            role = (task_definition(definitions, properties) or {}).get("ExecutionRoleArn")
            for repository in repositories if role is not None else ():
                images = f"arn:{target.partition}:ecr:{target.region}:{target.account}:repository/{repository}"
                for call, resource, source in TASK_CALLS:
                    by = f"a task of {properties['ServiceName']}"
                    yield RoleCall(str(role), Request(call, resource.format(images=images)), source, by)


def _missing(title: str, policies: list[Any], call: RoleCall) -> Iterator[Finding]:
    try:
        allowed = is_allowed(policies, call.request)
    except PolicyError as error:
        yield Finding(where=title, check="roles", text=f"its policy cannot be decided about: {error}")
        return
    if not allowed:
        on = "" if call.request.resource == "*" else f" on {call.request.resource}"
        text = f"may not {call.request.action}{on}, which {call.by} calls"
        yield Finding(where=title, check="roles", text=text, source=call.source)


def _trust(title: str, policy: Any, requests: list[Request]) -> Iterator[Finding]:
    try:
        for request in requests:
            if request.context and not may_assume(policy, request):
                text = f"cannot be assumed by {request.principal} for {request.context['aws:SourceArn']}"
                yield Finding(where=title, check="trust", text=text, source=_CONFUSED)
        with_source = [request for request in requests if request.context]
        foreign = [replace(each, context={**each.context, "aws:SourceAccount": "999999999999"}) for each in with_source]
        if foreign and requests == with_source and all(may_assume(policy, _elsewhere(each)) for each in foreign):
            text = f"can be assumed by {foreign[0].principal} for any account: name aws:SourceAccount and aws:SourceArn"
            yield Finding(where=title, check="trust", text=text, source=_CONFUSED)
        other = [
            service
            for service in ("ec2.amazonaws.com", "lambda.amazonaws.com")
            if all(request.principal != service for request in requests)
            and may_assume(policy, replace(requests[0], principal=service))
        ]
    except PolicyError as error:
        yield Finding(where=title, check="trust", text=f"its trust policy cannot be decided about: {error}")
        return
    for service in other:
        yield Finding(where=title, check="trust", text=f"can be assumed by {service}, which has no use for it")


def _elsewhere(request: Request) -> Request:
    source = request.context["aws:SourceArn"].split(":")
    source[4] = "999999999999"
    return replace(request, context={**request.context, "aws:SourceArn": ":".join(source)})


def _too_wide(title: str, policy: Any) -> Iterator[Finding]:
    """Wildcards where pipelines need none: every action of a service, every resource for a call that names one."""
    for statement in policy.get("Statement", []):
        if statement.get("Effect") != "Allow":
            continue
        actions, resources = _listed(statement.get("Action", [])), _listed(statement.get("Resource", []))
        for action in actions:
            if action == "*" or action.endswith(":*"):
                text = f"may call {action}: name the calls that it needs"
                yield Finding(where=title, check="roles", text=text, source=_NARROW)
            elif "*" in resources and _writes(action) and action not in _UNSCOPED:
                text = f"may {action} on every resource: name those that it needs"
                yield Finding(where=title, check="roles", text=text, source=_NARROW)
        if "iam:PassRole" in actions and not _names_service(statement):
            text = "may pass roles to any service: name it with the condition key iam:PassedToService"
            yield Finding(where=title, check="roles", text=text, source=_PASSED_ROLES)


def _writes(action: str) -> bool:
    """Whether the call does more than to list or describe, which many services allow on nothing less than all."""
    return not action.partition(":")[2].startswith(("List", "Describe", "Get"))


def _names_service(statement: Mapping[str, Any]) -> bool:
    conditions = statement.get("Condition", {})
    return any(
        key.lower() == "iam:passedtoservice"
        for operator, keys in conditions.items()
        if not operator.endswith("IfExists")
        for key in keys
    )


def _roles(resources: Resources, target: Target) -> dict[str, tuple[str, list[Any]]]:
    """The title and the policies of each role, by its ARN; not of those with policies of AWS's, which are not here."""
    apart: dict[str, list[Any]] = {}
    for resource in resources.values():
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
            properties = resource["Properties"]
            for name in _listed(properties.get("Roles", properties.get("RoleName", []))):
                apart.setdefault(name, []).append(properties["PolicyDocument"])
    result = {}
    for title, resource in resources.items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        properties = resource["Properties"]
        if properties.get("ManagedPolicyArns"):
            continue
        name = properties["RoleName"]
        arn = f"arn:{target.partition}:iam::{target.account}:role{properties.get('Path', '/')}{name}"
        inline = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        result[arn] = title, [*inline, *apart.get(name, [])]
    return result


def _task_roles(resources: Resources) -> dict[str, tuple[str, ...]]:
    """The ARNs of the roles of each service's tasks, by its name, where its task definition is there too."""
    definitions = by_type(resources).get("AWS::ECS::TaskDefinition", {})
    result = {}
    for resource in resources.values():
        if resource["Type"] != "AWS::ECS::Service":
            continue
        properties = resource["Properties"]
        definition = task_definition(definitions, properties) or {}
        roles = [definition[key] for key in ("TaskRoleArn", "ExecutionRoleArn") if key in definition]
        result[str(properties.get("ServiceName"))] = tuple(role for role in roles if role.startswith("arn:"))
    return result


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
