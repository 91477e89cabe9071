"""What the pipelines call, what is wrong with a set of policies for them, and what one build could do to others.

The table of calls (``ecs_cd_templates.iam.pipeline_calls``) is written from AWS's documentation and knows nothing of
the code that makes the policies; what it names is read off the pipelines as rendered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache, cached_property
from typing import Any

from policy_sentry.querying.actions import get_actions_for_service

from ecs_cd_templates.catalog import RenderSettings
from ecs_cd_templates.cfn.evaluation import Target, resolve
from ecs_cd_templates.environments import ENVIRONMENTS, Scope
from ecs_cd_templates.iam import pipeline_calls
from ecs_cd_templates.iam.evaluator import Request, is_allowed, may_assume
from ecs_cd_templates.settings import PipelineSettings
from ecs_cd_templates.sources import Connection
from ecs_cd_templates.stacks import prerequisites
from ecs_cd_templates.steps import BUILD_STEPS
from support import DEFAULT, NETWORKS, data, key_arn, network_values, parameters

# Calls whose resource cannot be narrowed down.
UNSCOPED = {"ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition", "ecr:GetAuthorizationToken"}


@dataclass(frozen=True)
class Call:
    """A request that one of the roles makes, and where AWS says that it does."""

    role: str
    request: Request
    source: str


@dataclass(frozen=True, eq=False)
class System:
    """Pipelines with all that they work with, resolved in one account: its resources by title.

    ``task_roles`` are the names of the two roles of a service's tasks, by the service's name.
    """

    target: Target
    resources: Mapping[str, dict[str, Any]]
    task_roles: Mapping[str, tuple[str, str]]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of the resources of this type, by title."""
        return {title: resource["Properties"] for title, resource in self.resources.items() if resource["Type"] == kind}

    def role(self, arn: str) -> str:
        """The title of the role with this ARN."""
        return self._titles[arn]

    @cached_property
    def _titles(self) -> dict[str, str]:
        prefix = f"arn:{self.target.partition}:iam::{self.target.account}:role/"
        return {
            prefix + role["RoleName"]: title
            for title, role in self.of_type("AWS::IAM::Role").items()
            if "RoleName" in role
        }

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """The titles of the roles that pipelines, builds and event rules work with."""
        arns = [each["RoleArn"] for each in self.of_type("AWS::CodePipeline::Pipeline").values()]
        arns += [each["ServiceRole"] for each in self.of_type("AWS::CodeBuild::Project").values()]
        arns += [each["Targets"][0]["RoleArn"] for each in self.of_type("AWS::Events::Rule").values()]
        return tuple(dict.fromkeys(map(self.role, arns)))

    def permissions(self, role: str) -> dict[str, Any]:
        """The role's one policy, or for a role that may do nothing, one without a statement."""
        policies = self.resources[role]["Properties"].get("Policies") or [{"PolicyDocument": {"Statement": []}}]
        (policy,) = policies
        document: dict[str, Any] = policy["PolicyDocument"]
        return document

    def trust(self, role: str) -> dict[str, Any]:
        """The role's trust policy."""
        document: dict[str, Any] = self.resources[role]["Properties"]["AssumeRolePolicyDocument"]
        return document


ROLE_TITLES = tuple(role.title for role in prerequisites.roles(PipelineSettings()))
PIPELINES = "deployment-pipeline-for-all-env.yaml"
USUAL = PipelineSettings()


def _settings(*, own_key: bool) -> RenderSettings:
    return RenderSettings(pipeline=PipelineSettings(own_key=True)) if own_key else DEFAULT


def _task_roles(names: Mapping[str, Any], ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The two roles of each service's tasks, from the outputs of the prerequisites."""
    return {
        names[f"ECSServiceNameFor{key}Env"]: (
            names[f"ECSTaskRoleNameFor{key}Env"],
            names[f"ECSTaskExecutionRoleNameFor{key}Env"],
        )
        for key in ids
    }


@cache
def apart(target: Target, *, own_key: bool = False) -> System:
    """The prerequisites, the build projects and the pipelines, each from its template with the example parameters."""
    templates = data(_settings(own_key=own_key))
    key = {"KmsKeyArn": key_arn(target)} if own_key else {}
    common = resolve(templates["prerequisites.yaml"], parameters("prerequisites.yaml") | key, target)
    resources = dict(common.resources)
    for step in BUILD_STEPS:
        values = parameters(step.file_name) | key
        project = resolve(templates[step.file_name], values, target).resources["CodeBuildProject"]
        resources[f"CodeBuild{step.name}Project"] = project
    resources |= resolve(templates[PIPELINES], parameters(PIPELINES) | key, target).resources
    return System(target, resources, _task_roles(common.outputs, [each.id for each in ENVIRONMENTS]))


@cache
def apart_for(target: Target, ids: tuple[str, ...], pipeline: PipelineSettings = USUAL) -> System:
    """The same for a part of the environments, with the names that their own prerequisites propose."""
    environments = [environment for environment in ENVIRONMENTS if environment.id in ids]
    templates = data(RenderSettings(environments=environments, pipeline=pipeline))
    common = resolve(templates["prerequisites.yaml"], {}, target)
    resources, names = dict(common.resources), common.outputs
    for step in pipeline.steps:
        own = {"CodeBuildProjectName": step.project.name, "CodeBuildServiceRoleName": step.role.name}
        values = {name: names[output] for name, output in own.items()}
        project = resolve(templates[step.file_name], values, target).resources["CodeBuildProject"]
        resources[f"CodeBuild{step.name}Project"] = project
    asked = templates[PIPELINES]["Parameters"]
    values = {name: names[name] for name in asked if name in names} | {"ECSTaskContainerName": "app"}
    values |= {
        Scope(each).name("CodeCommitBranchName"): each.default_branch or each.id.lower() for each in environments
    }
    resources |= resolve(templates[PIPELINES], values, target).resources
    return System(target, resources, _task_roles(names, ids))


@cache
def quick_start(
    target: Target,
    launch_type: str = "FARGATE",
    pipeline: PipelineSettings = USUAL,
    *,
    own_key: bool = False,
    network: str = "new",
) -> System:
    """Everything at once, with nothing else typed than the key, and the networks that exist."""
    settings = replace(NETWORKS[network], pipeline=replace(pipeline, own_key=own_key))
    template = data(settings)["quick-start.yaml"]
    values = {"ECSLaunchType": launch_type, **network_values(template)}
    resources = resolve(template, values | ({"KmsKeyArn": key_arn(target)} if own_key else {}), target).resources
    return System(target, resources, _own_task_roles(resources))


def _own_task_roles(resources: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """The two roles of each service's tasks, which the template makes."""
    return {
        resources[f"ECSServiceFor{each.id}Env"]["Properties"]["ServiceName"]: (
            resources[f"ECSTaskRoleFor{each.id}Env"]["Properties"]["RoleName"],
            resources[f"ECSTaskExecutionRoleFor{each.id}Env"]["Properties"]["RoleName"],
        )
        for each in ENVIRONMENTS
    }


# The same through a connection; no role starts the pipelines then.
CONNECTED = RenderSettings(
    environments=[replace(each, release_tags=("v*",) if each.production else ()) for each in ENVIRONMENTS],
    pipeline=PipelineSettings(source=Connection(paths=["services/cart/**"])),
)
CONNECTED_ROLE_TITLES = tuple(role.title for role in prerequisites.roles(CONNECTED.pipeline))


def connection_values(target: Target, service: str = "codeconnections") -> dict[str, str]:
    """The values of the source's parameters, but for the branches."""
    place = f"{target.partition}:{service}:{target.region}:{target.account}"
    connection = f"arn:{place}:connection/01234567-89ab-cdef-0123-456789abcdef"
    return {"ConnectionArn": connection, "FullRepositoryId": "acme/cart"}


@cache
def connected_apart(target: Target, service: str = "codeconnections") -> System:
    """What :func:`apart` has, with a connection as the source."""
    templates, source = data(CONNECTED), connection_values(target, service)
    values = {**parameters("prerequisites.yaml"), **parameters(PIPELINES), **source}
    values |= {Scope(each).name("BranchName"): each.default_branch or each.id.lower() for each in ENVIRONMENTS}

    def asked(name: str) -> dict[str, str]:
        return {key: value for key, value in values.items() if key in templates[name]["Parameters"]}

    common = resolve(templates["prerequisites.yaml"], asked("prerequisites.yaml"), target)
    resources = dict(common.resources)
    for step in BUILD_STEPS:
        project = resolve(templates[step.file_name], parameters(step.file_name), target).resources["CodeBuildProject"]
        resources[f"CodeBuild{step.name}Project"] = project
    resources |= resolve(templates[PIPELINES], asked(PIPELINES), target).resources
    return System(target, resources, _task_roles(common.outputs, [each.id for each in ENVIRONMENTS]))


@cache
def connected_quick_start(target: Target) -> System:
    """Everything at once, with a connection that exists."""
    resources = resolve(data(CONNECTED)["quick-start.yaml"], connection_values(target), target).resources
    return System(target, resources, _own_task_roles(resources))


def calls(system: System) -> list[Call]:
    """Every call that the system's pipelines make with a role."""
    prefix = f"arn:{system.target.partition}:iam::{system.target.account}:role/"
    task_roles = {service: tuple(f"{prefix}{role}" for role in roles) for service, roles in system.task_roles.items()}
    made = pipeline_calls.calls(system.resources, system.target, task_roles)
    found = [Call(system.role(call.role), call.request, call.source) for call in made]
    return list({repr(call): call for call in found}.values())


def assumptions(system: System) -> dict[str, list[Request]]:
    """For each role, the requests with which its service takes it on."""
    requests = pipeline_calls.assumptions(system.resources, system.target)
    return {system.role(arn): those for arn, those in requests.items()}


def permission_problems(role: str, policy: dict[str, Any], system: System) -> Iterator[str]:
    """What is wrong with a role's permissions: lazily, so that the first problem costs little."""
    own = _own(role, system)
    yield from _wildcards(role, policy)
    allows = _verdicts(policy)
    for call in own:
        if not allows(call.request):
            yield f"{role}: {call.request.action} on {call.request.resource} is not allowed, see {call.source}"
    yield from _excessive(role, policy, own)
    yield from _wider_than_named(role, policy, own)
    for request in _forbidden(role, system):
        if allows(request):
            yield f"{role}: {request.action} on {request.resource} with {dict(request.context)} is allowed"


@cache
def _calls(system: System) -> tuple[Call, ...]:
    return tuple(calls(system))


@cache
def _own(role: str, system: System) -> tuple[Call, ...]:
    return tuple(call for call in _calls(system) if call.role == role)


def _verdicts(policy: dict[str, Any]) -> Callable[[Request], bool]:
    """Whether the policy allows a request; what a statement says is remembered, for the mutants that share it.

    A policy without a Deny allows what any of its statements allows alone. None is passed over, so that a
    statement that the evaluator refuses is refused for every request.
    """
    if any(statement.get("Effect") != "Allow" for statement in policy["Statement"]):
        return lambda request: is_allowed([policy], request)
    alone = [_alone(json.dumps({**policy, "Statement": [statement]})) for statement in policy["Statement"]]

    def allows(request: Request) -> bool:
        verdicts = [verdict(request) for verdict in alone]
        return any(verdicts)

    return allows


@cache
def _alone(policy: str) -> Callable[[Request], bool]:
    read = json.loads(policy)
    verdicts: dict[int, tuple[Request, bool]] = {}

    def allows(request: Request) -> bool:
        # By identity, which costs less than comparing; the request is kept, so that no other has its identity.
        if id(request) not in verdicts:
            verdicts[id(request)] = request, is_allowed([read], request)
        return verdicts[id(request)][1]

    return allows


@cache
def _forbidden(role: str, system: System) -> tuple[Request, ...]:
    return tuple(forbidden(_own(role, system), _calls(system), system.target))


# A resource ends in * only where the rest of its name is not known: objects, log streams, report groups, revisions.
_OPEN_ENDS = (":task-definition/*:*", "/*", ":*", "-*")


def _wider_than_named(role: str, policy: dict[str, Any], own: Sequence[Call]) -> Iterator[str]:
    """A resource has no other wildcard, and a condition no value that comes with no call."""
    said = {(key, value) for call in own for key, value in call.request.context.items()}
    for statement in policy["Statement"]:
        for resource in statement.get("Resource", []):
            end = next((end for end in _OPEN_ENDS if resource.endswith(end)), "")
            named = resource.removesuffix(end)
            if resource != "*" and ("*" in named or "?" in named):
                yield f"{role}: {resource} has a wildcard inside"
        for operator, keys in statement.get("Condition", {}).items():
            for key, values in keys.items():
                # The key does not come with every call; what is encrypted in a bucket is not known by its name.
                special = {
                    "FullRepositoryId": "StringEqualsIfExists",
                    "kms:EncryptionContext:aws:s3:arn": "ArnLike",
                }
                name = key if key in special else key.rpartition(":")[2]
                expected = special.get(name, "StringEquals")
                patterns = expected == "ArnLike"
                if operator != expected:
                    yield f"{role}: {operator} is not {expected}"
                for value in values if isinstance(values, list) else [values]:
                    named = value.removesuffix("/*") if patterns else value
                    if "*" in named or "?" in named or (key, named) not in said:
                        yield f"{role}: {key} {value} comes with no call"


def _wildcards(role: str, policy: dict[str, Any]) -> Iterator[str]:
    """No action has one, and a resource is * only for calls that have no narrower one."""
    for statement in policy["Statement"]:
        for action in statement.get("Action", []):
            if "*" in action or "?" in action:
                yield f"{role}: {action} has a wildcard"
            if "*" in statement.get("Resource", []) and action not in UNSCOPED:
                yield f"{role}: {action} on every resource"


def _excessive(role: str, policy: dict[str, Any], own: Sequence[Call]) -> Iterator[str]:
    """Each action and each resource of each statement, alone, has to serve some call."""
    for statement in policy["Statement"]:
        for element in ("Action", "Resource"):
            for value in statement.get(element, []):
                allows = _verdicts({"Version": "2012-10-17", "Statement": [{**statement, element: [value]}]})
                if not any(allows(call.request) for call in own):
                    yield f"{role}: {element} {value} of {statement.get('Sid')} serves no call"


def forbidden(own: Sequence[Call], everything: tuple[Call, ...], target: Target) -> Iterator[Request]:
    """Requests that a role must not be allowed: near misses of its calls, and others of the same services."""
    legitimate = {_key(call.request) for call in own}
    for request in near_misses(own, target):
        if _key(request) not in legitimate:
            yield request
    for call in everything:
        if _key(call.request) not in legitimate and call.request.action not in {each.request.action for each in own}:
            yield call.request
    called = {call.request.action.lower() for call in own}
    for service in sorted({call.request.action.partition(":")[0] for call in own}):
        context = {"aws:ResourceAccount": target.account, "iam:PassedToService": "ecs-tasks.amazonaws.com"}
        context |= {key: value for call in own for key, value in call.request.context.items() if key.startswith("kms:")}
        resources = sorted({call.request.resource for call in own if call.request.action.startswith(f"{service}:")})
        for action in actions_of(service):
            if action.lower() not in called:
                # One resource of each kind will do: no pattern of a statement depends on the action.
                for resource in {_kind(resource): resource for resource in resources}.values():
                    yield Request(action, resource, context)


@cache
def actions_of(service: str) -> tuple[str, ...]:
    """All actions of the service, from policy_sentry's copy of the service authorization reference."""
    return tuple(sorted(get_actions_for_service(service)))


_OTHER_VALUES = ("999999999999", "RunTask", "ec2.amazonaws.com", "ecs.amazonaws.com")


def near_misses(own: Sequence[Call], target: Target) -> Iterator[Request]:
    """The role's calls with a sibling's name, in another account, region or partition, or with another condition."""
    for call in own:
        request = call.request
        for key in request.context:
            others = {name: value for name, value in request.context.items() if name != key}
            yield replace(request, context=others)
            others_of = _siblings(request.context[key], target) if key.startswith("kms:") else _OTHER_VALUES
            for value in others_of:
                yield replace(request, context={**others, key: value})
        if request.action in UNSCOPED:
            continue
        for resource in _siblings(request.resource, target):
            yield replace(request, resource=resource)


def _siblings(arn: str, target: Target) -> Iterator[str]:
    """ARNs like this one that are not the role's."""
    partition, service, region, account, resource = arn.split(":", 5)[1:]

    def changed(**parts: str) -> str:
        now = {"partition": partition, "region": region, "account": account, "resource": resource, **parts}
        return f"arn:{now['partition']}:{service}:{now['region']}:{now['account']}:{now['resource']}"

    yield changed(partition="aws-iso")
    yield changed(resource=f"x{resource}")
    if region:
        yield changed(region="eu-west-9")
    if account:
        yield changed(account="999999999999")
    kind, separator, name = resource.rpartition(":") if ":" in resource else resource.partition("/")
    if service == "ecs" and resource.startswith("task-definition/"):
        yield changed(resource="cluster/ecs-cd-dev")
        yield changed(resource=resource.replace("definition", "definitions"))
    elif service == "logs":
        group = resource.split(":")[1]
        yield changed(resource=resource.replace(group, f"{group}x"))
        yield changed(resource=resource.replace(group, f"{group[:-1]}x"))
        yield changed(resource=resource.replace(group, "/aws/lambda/other"))
        yield changed(resource=resource.replace(group, f"/other{group}"))
    elif resource.startswith("report-group/"):
        yield changed(resource="report-group/another-project-unit-tests")
        project = resource.removeprefix("report-group/").removesuffix("-unit-tests")
        yield changed(resource=f"report-group/{project[:-1]}x-unit-tests")
        yield changed(resource=f"report-group/{project[:-3]}x-unit-tests")
        yield changed(resource=resource.replace("report-group", "project"))
    elif service == "s3":
        bucket, slash, key = resource.partition("/")
        yield changed(resource=f"{bucket}x{slash}{key}")
        yield changed(resource=f"{bucket[:-1]}x{slash}{key}")
        yield changed(resource=f"x{bucket}{slash}{key}")
    else:
        yield changed(resource=f"{resource}x")
        yield changed(resource=f"{resource[:-1]}x")
        yield changed(resource=f"{resource}/x")
        yield changed(resource=f"{kind}{separator}x{name}")
        if service == "ecs":
            cluster, name = resource.removeprefix("service/").split("/")
            yield changed(resource=f"service/{cluster}x/{name}")


def trust_problems(role: str, trust: dict[str, Any], system: System) -> Iterator[str]:
    """What is wrong with a role's trust policy, lazily as well."""
    target = system.target
    wanted = assumptions(system)[role]
    legitimate = {_key(request) for request in wanted}
    alone = {"Service": wanted[0].principal}
    if any((each["Principal"], each["Action"]) != (alone, ["sts:AssumeRole"]) for each in trust["Statement"]):
        yield f"{role} is not trusted by {wanted[0].principal} alone"
    for request in wanted:
        if not may_assume(trust, request):
            yield f"{role} cannot be assumed by {request.principal} with {dict(request.context)}"
    for statement in trust["Statement"]:
        for key, values in _condition_values(statement):
            if isinstance(values, list):
                for value in values:
                    if not any(request.context.get(key) == value for request in wanted):
                        yield f"{role}: {value} assumes the role in vain"
    for request in wanted:
        for other in (
            "ec2.amazonaws.com",
            "lambda.amazonaws.com",
            "ecs-tasks.amazonaws.com",
            "codepipeline.amazonaws.com",
            "codebuild.amazonaws.com",
            "events.amazonaws.com",
            f"arn:{target.partition}:iam::{target.account}:root",
        ):
            changed = replace(request, principal=other)
            if _key(changed) not in legitimate and may_assume(trust, changed):
                yield f"{role} can be assumed by {other}"
        for key, value in request.context.items():
            variants = ["999999999999"] if key == "aws:SourceAccount" else list(_siblings(value, target))
            others = {name: text for name, text in request.context.items() if name != key}
            contexts = [{**others, key: variant} for variant in variants]
            if not role.startswith("CodePipelineServiceRole"):
                contexts.append(others)
            for context in contexts:
                changed = replace(request, context=context)
                if _key(changed) not in legitimate and may_assume(trust, changed):
                    yield f"{role} can be assumed with {context}"
    federated = Request("sts:AssumeRole", "*", {}, f"arn:{target.partition}:iam::{target.account}:role/other")
    if may_assume(trust, federated):
        yield f"{role} can be assumed by another role"


def _condition_values(statement: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for keys in statement.get("Condition", {}).values():
        yield from keys.items()


def _key(request: Request) -> tuple[str, str, str, str | None]:
    return request.action.lower(), request.resource, repr(sorted(request.context.items())), request.principal


def _kind(arn: str) -> str:
    return ":".join(arn.split(":")[2:3]) + str(arn.count("/")) + str(arn.count(":"))


# What one environment's builds could do to another ------------------------------------------------------------------

# Calls on no resource that are of no use by themselves: a registry's token lets in with the permissions of its role.
HARMLESS = {"ecr:GetAuthorizationToken", "ecs:DiscoverPollEndpoint"}


def belongings(system: System, environment: str) -> list[str]:
    """The ARNs of what the environment of this ID has, and of what decides what it runs.

    The repository is among them: a branch decides what is built, whoever can write to it.
    """
    target = system.target
    partition, account = target.partition, target.account
    place = f"{target.region}:{account}"
    (pipeline,) = (
        each
        for title, each in system.of_type("AWS::CodePipeline::Pipeline").items()
        if title == f"PipelineFor{environment}Env"
    )
    bucket = f"arn:{partition}:s3:::{pipeline['ArtifactStore']['Location']}"
    arns = [
        *([key["Id"]] if (key := pipeline["ArtifactStore"].get("EncryptionKey")) else []),
        f"arn:{partition}:codepipeline:{place}:{pipeline['Name']}",
        f"arn:{partition}:events:{place}:rule/{pipeline['Name']}",
        pipeline["RoleArn"],
        bucket,
        f"{bucket}/{pipeline['Name'][:20]}/SourceArti/aBcDeF1",
    ]
    for stage in pipeline["Stages"]:
        for action in stage["Actions"]:
            configuration = action["Configuration"]
            match action["ActionTypeId"]["Provider"]:
                case "CodeCommit":
                    arns.append(f"arn:{partition}:codecommit:{place}:{configuration['RepositoryName']}")
                case "CodeStarSourceConnection":
                    arns.append(configuration["ConnectionArn"])
                case "Manual":
                    arns += [
                        configuration["NotificationArn"],
                        f"arn:{partition}:codepipeline:{place}:{pipeline['Name']}/{stage['Name']}/{action['Name']}",
                    ]
                case "CodeBuild":
                    project = configuration["ProjectName"]
                    arns += [
                        f"arn:{partition}:codebuild:{place}:project/{project}",
                        f"arn:{partition}:logs:{place}:log-group:/aws/codebuild/{project}",
                        f"arn:{partition}:logs:{place}:log-group:/aws/codebuild/{project}:log-stream:0a1b",
                        f"arn:{partition}:codebuild:{place}:report-group/{project}-unit-tests",
                    ]
                    for variable in json.loads(configuration.get("EnvironmentVariables", "[]")):
                        if variable["name"] == "ECR_REPOSITORY_URI":
                            arns.append(f"arn:{partition}:ecr:{place}:repository/{variable['value'].partition('/')[2]}")
                case "ECS":
                    cluster, service = configuration["ClusterName"], configuration["ServiceName"]
                    roles = system.task_roles[service]
                    arns += [
                        f"arn:{partition}:ecs:{place}:cluster/{cluster}",
                        f"arn:{partition}:ecs:{place}:service/{cluster}/{service}",
                        f"arn:{partition}:ecs:{place}:container-instance/{cluster}/0a1b",
                        f"arn:{partition}:ecs:{place}:task-definition/{service}:3",
                        *(f"arn:{partition}:iam::{account}:role/{role}" for role in roles),
                    ]
    return arns


def own_roles(system: System, environment: str) -> list[str]:
    """The titles of the roles that whoever writes to the environment's branch works with: of builds and of tasks.

    With them those of the instances that tasks run on, if there are any.
    """
    running = (f"{role}For{environment}Env" for role in ("ECSTaskRole", "ECSTaskExecutionRole", "InstanceRole"))
    return [*build_roles(system, environment), *(role for role in running if role in system.resources)]


def other_grants(resources: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What allows something and is not in a role's own policies, which are all that is looked at here."""
    for title, resource in resources.items():
        properties = resource.get("Properties", {})
        for key in ("ManagedPolicyArns", "RepositoryPolicyText", "PolicyText", "ResourcePolicy", "KeyPolicy"):
            if key in properties:
                yield f"{title}: {key}"
        if resource["Type"].endswith("Policy") and resource["Type"] != "AWS::ApplicationAutoScaling::ScalingPolicy":
            statements = properties.get("PolicyDocument", {}).get("Statement", [{}])
            if resource["Type"] != "AWS::S3::BucketPolicy" or any(each["Effect"] != "Deny" for each in statements):
                yield f"{title}: {resource['Type']}"


def build_roles(system: System, environment: str) -> list[str]:
    """The titles of the roles that builds of the environment's pipeline work with."""
    pipeline = system.resources[f"PipelineFor{environment}Env"]["Properties"]
    projects = {each["Name"]: each["ServiceRole"] for each in system.of_type("AWS::CodeBuild::Project").values()}
    return [
        system.role(projects[action["Configuration"]["ProjectName"]])
        for stage in pipeline["Stages"]
        for action in stage["Actions"]
        if action["ActionTypeId"]["Provider"] == "CodeBuild"
    ]


def attacks(policy: dict[str, Any], target: Target, victims: Sequence[str]) -> list[Request]:
    """All that whoever has the policy may do to what belongs to others, reading included."""
    allows = _verdicts(policy)
    actions = sorted({action for statement in policy["Statement"] for action in _expanded(statement["Action"])})
    requests = [
        Request(action, arn, context)
        for action in actions
        if action not in HARMLESS
        for arn in victims
        if action.partition(":")[0] in (arn.split(":")[2], "sts")
        for context in _contexts(arn, target, victims)
    ]
    return [request for request in requests if allows(request)]


def _contexts(arn: str, target: Target, victims: Sequence[str]) -> Iterator[dict[str, str]]:
    """What a request about the resource says of it; one about a key, which of the others' it is for, or nothing."""
    if arn.split(":")[2] != "kms":
        yield _context(arn, target)
        return
    yield {}
    for victim in victims:
        for kind in ("s3:arn", "sns:topicArn", "ecr:arn"):
            if victim.split(":")[2] == kind.partition(":")[0]:
                yield {f"kms:EncryptionContext:aws:{kind}": victim}


def _context(arn: str, target: Target) -> dict[str, str]:
    """What a request about the resource says of it."""
    own = {"aws:ResourceAccount": target.account, "iam:PassedToService": "ecs-tasks.amazonaws.com"}
    before, kind, rest = arn.partition("container-instance/")
    return {**own, "ecs:cluster": f"{before}cluster/{rest.partition('/')[0]}"} if kind else own


def _expanded(actions: Sequence[str]) -> Iterator[str]:
    for action in actions:
        service, _, call = action.partition(":")
        if "*" in action or "?" in action:
            yield from (each for each in actions_of(service) if fnmatchcase(each.lower(), f"{service}:{call}".lower()))
        else:
            yield action
