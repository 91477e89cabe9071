"""The parameters of a launched stack's next update: those that it has, with the images that run.

A pipeline deploys images of which CloudFormation hears nothing (``stacks/ecs_service.py``). To CloudFormation a stack's
image is that of its last launch or update, so an update that changes the tasks would bring that one back.
Here the running images are read and put in its place, for ``aws cloudformation deploy --parameter-overrides`` and
``update-stack --parameters``. The availability zones are written down as well where the stack was launched without:
``Fn::GetAZs`` is asked anew at every update, and another answer makes the update fail.

Where the stack has a policy for it, CloudFormation refuses an update that touches what runs; the README has one
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from .. import parameters
from ..catalog import QUICK_START
from ..cfn.constraint import Constraint
from ..cfn.evaluation import Evaluator, Target, resolve
from ..cfn.intrinsics import intrinsic, references
from ..cfn.reading import from_yaml
from ..errors import StackError
from .aws import AnsweredError, clients, refusals
from .updates import images_needed

_AGAIN = "and run this again"

# The states in which nothing of a stack runs, and those in which it takes no update, with what to do
# (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html).
_EMPTY = {
    "REVIEW_IN_PROGRESS": "execute its change set first",
    "ROLLBACK_COMPLETE": "delete it, and launch it again",
    "DELETE_COMPLETE": "launch it again",
}
_STUCK = {
    "UPDATE_ROLLBACK_FAILED": "run aws cloudformation continue-update-rollback first",
    "ROLLBACK_FAILED": "delete it, and launch it again",
    "DELETE_FAILED": "delete it, and launch it again",
}


@dataclass(frozen=True, kw_only=True)
class NextUpdate:
    """The values for a stack's next update in its template's order, its region, and what to know before: sentences.

    ``restarted`` are the task definitions of which the new template makes another revision, if one was given: by
    their tasks the images in the values are needed. ``changed`` are the parameters that get another value because
    somebody wants it.
    """

    values: Mapping[str, str]
    region: str
    warnings: tuple[str, ...]
    restarted: tuple[str, ...] | None = None
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Service:
    """A service of the stack: which it is, and where the parameters say its image."""

    arn: str
    name: str
    cluster: str
    container: str
    parameter: str
    position: int


def deploy_parameters(
    stack_name: str,
    *,
    region: str | None = None,
    profile: str | None = None,
    new_template: str | None = None,
    wanted: Callable[[Target], Mapping[str, str]] = lambda _target: {},
) -> NextUpdate:
    """The values for the next update of the stack, which was launched from one of the templates with a service.

    ``new_template``: the text of the template that the update is to bring, if it brings one. ``wanted``: the values
    that the update is to bring, but for images and zones, which stay those of the stack.

    An image is that of the service's newest deployment that completed: one that is under way or failed
    is none that serves. A parameter that is a Systems Manager parameter's name stays that name; a hidden
    one (``NoEcho``) is left out. Nothing is changed: the calls are ``cloudformation:DescribeStacks``,
    ``GetTemplate`` and ``ListStackResources``, ``ecs:DescribeServices`` and ``DescribeTaskDefinition``.

    Raises the base error.
    """
    if not stack_name:
        raise StackError("stack", stack_name, "give the stack's name")
    cloudformation, ecs = clients("cloudformation", "ecs", what="stack", region=region, profile=profile)
    own_region = cloudformation.meta.region_name
    stack = _stack(cloudformation, stack_name, own_region)
    given = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", ())}
    template, services = _read(cloudformation, stack, stack_name, given)
    asked = template["Parameters"]
    # While another template comes into force, the values may still be the old one's.
    values = {name: given[name] for name in asked if name in given}
    warnings = []
    remedy = _remedy(stack)
    if remedy:
        warnings.append(f"the stack is in the state {stack['StackStatus']} and takes no update: {remedy}")
    for service in services:
        image, in_the_way = _running(ecs, service)
        images = values[service.parameter].split(",")
        images[service.position] = image
        values[service.parameter] = ",".join(images)
        warnings += in_the_way
    values |= _zones(template, values, stack, warnings)
    new = template if new_template is None else _new_template(new_template)
    target = _target(stack)
    running = {service.parameter for service in services} | {spec.name for spec in parameters.AVAILABILITY_ZONES}
    changes = {
        name: _longer(values[name], value) if name in running and name in values else value
        for name, value in wanted(target).items()
        if name in new["Parameters"]
    }
    changed = tuple(name for name, value in changes.items() if value != values.get(name))
    if changes:
        asked = new["Parameters"]
        values = {name: (values | changes)[name] for name in asked if name in values or name in changes}
    warnings += _doubtful(asked, values)
    for name in [name for name in values if str(asked[name].get("NoEcho")).lower() == "true"]:
        del values[name]
        warnings.append(f"{name} is hidden, so the file is without it: have the update use its previous value")
    own = {
        name: _longer(given[name], value) if name in running and name in given else value
        for name, value in changes.items()
    }
    restarted = None if new_template is None else tuple(_restarted(target, template, new_template, given, own))
    return NextUpdate(values=values, region=own_region, warnings=tuple(warnings), restarted=restarted, changed=changed)


def _longer(running: str, wanted: str) -> str:
    """What runs, and of a list that grows what is wanted at its end."""
    images = running.split(",")
    return ",".join([*images, *wanted.split(",")[len(images) :]])


def _new_template(text: str) -> Mapping[str, Any]:
    try:
        template: Mapping[str, Any] = from_yaml(text)
        if isinstance(template["Parameters"], Mapping):
            return template
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, yaml.YAMLError):
        pass
    raise _no_template(text)


def _no_template(text: str) -> StackError:
    return StackError("template", text[:40], "is not one of these templates: give its file")


def _target(stack: Mapping[str, Any]) -> Target:
    """Where the stack is, which is in its ARN."""
    _, partition, _, region, account, _ = stack["StackId"].split(":", 5)
    return Target(account=account, region=region, partition=partition, stack_name=stack["StackName"])


def _restarted(
    target: Target,
    template: Mapping[str, Any],
    text: str,
    given: Mapping[str, str],
    changes: Mapping[str, str],
) -> list[str]:
    """The task definitions that the new template with these changes, and else the same values, would register anew."""
    own = {name: value for name, value in given.items() if name in template["Parameters"]}
    before = resolve(template, own, target)
    new = _new_template(text)
    try:
        kept = {name: value for name, value in own.items() if name in new["Parameters"]}
        after = resolve(new, {**kept, **changes}, target)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, yaml.YAMLError):
        raise _no_template(text) from None
    return images_needed(before, after)


def _lacks(permission: str) -> str:
    return f"the permission {permission} is missing: get it, {_AGAIN}"


def _stack(cloudformation: Any, name: str, region: str) -> Mapping[str, Any]:
    """What CloudFormation says of the stack, of which something runs."""
    try:
        with refusals("stack", name, _lacks("cloudformation:DescribeStacks")):
            (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except AnsweredError as error:
        if "does not exist" not in error.remedy:
            raise
        remedy = f"there is no such stack in {region}: check the name, --region and --profile"
        raise StackError("stack", name, remedy) from None
    state = stack["StackStatus"]
    if state in _EMPTY:
        raise StackError("stack", name, f"is in the state {state}, and nothing of it runs: {_EMPTY[state]}")
    return dict(stack)


def _remedy(stack: Mapping[str, Any]) -> str | None:
    """What to do before the stack takes an update; None if it does."""
    state = stack["StackStatus"]
    return f"wait until that is over, {_AGAIN}" if state.endswith("_IN_PROGRESS") else _STUCK.get(state)


def _read(
    cloudformation: Any, stack: Mapping[str, Any], stack_name: str, given: Mapping[str, str]
) -> tuple[Mapping[str, Any], list[_Service]]:
    """The stack's template and its services, if it is one of the templates that make a service."""
    identity = {"StackName": stack["StackId"]}
    with refusals("stack", stack_name, _lacks("cloudformation:GetTemplate")):
        body = cloudformation.get_template(**identity)["TemplateBody"]
    # DescribeStackResources ends after a hundred, and the quick start has more
    # (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html).
    with refusals("stack", stack_name, _lacks("cloudformation:ListStackResources")):
        pages = list(cloudformation.get_paginator("list_stack_resources").paginate(**identity))
    ids = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for page in pages
        for each in page["StackResourceSummaries"]
        if each.get("PhysicalResourceId") and each["ResourceStatus"] != "DELETE_COMPLETE"
    }
    try:
        # botocore has read JSON already.
        template = from_yaml(body) if isinstance(body, str) else body
        services = list(_services(template, given, ids))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, yaml.YAMLError):
        services = []
    if not services:
        ours = f"{QUICK_START}, ecs-environment.yaml or ecs-service.yaml"
        raise StackError("stack", stack_name, f"was not launched from {ours}: give the name of a stack that was")
    for service in services:
        if not service.arn:
            remedy = _remedy(stack) or "delete it, and launch it again"
            state = f"is in the state {stack['StackStatus']} and has no service {service.name}"
            raise StackError("stack", stack_name, f"{state}: {remedy}")
    return template, services


def _services(template: Mapping[str, Any], given: Mapping[str, str], ids: Mapping[str, str]) -> Iterator[_Service]:
    """The services, each with what the template itself says of it, which of several images is its own among that.

    One that is not there has no ARN. Raises ``ValueError`` and the like for what is not as our templates have it.
    """
    resources = template["Resources"]
    known = Evaluator(template, given)
    for name, resource in resources.items():
        if resource["Type"] != "AWS::ECS::Service":
            continue
        used = {each for each in references(resource["Properties"]) if each in resources}
        (definition,) = (each for each in used if resources[each]["Type"] == "AWS::ECS::TaskDefinition")
        properties = resources[definition]["Properties"]
        (container,) = properties["ContainerDefinitions"]
        (parameter,) = set(references(container["Image"]))
        # With numbers instead of images, the task's image is its own number.
        numbers = ",".join(map(str, range(given[parameter].count(",") + 1)))
        yield _Service(
            arn=ids.get(name, ""),
            name=known.value(resource["Properties"]["ServiceName"]),
            cluster=known.value(resource["Properties"]["Cluster"]),
            container=known.value(container["Name"]),
            parameter=parameter,
            position=int(Evaluator(template, {parameter: numbers}).value(container["Image"])),
        )


def _running(ecs: Any, service: _Service) -> tuple[str, list[str]]:
    """The image that the service runs, and what is in the way of an update.

    A deployment is ``IN_PROGRESS`` until it is ``COMPLETED`` or ``FAILED``, and until it has completed the one
    before it serves (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html).
    """
    with refusals("service", service.name, _lacks("ecs:DescribeServices")):
        found = ecs.describe_services(cluster=service.cluster, services=[service.arn])["services"]
    deployments = [deployment for each in found for deployment in each["deployments"]]
    if not deployments:
        remedy = "was deleted outside of its stack, so no image of it runs: delete the stack, and launch it again"
        raise StackError("service", service.name, remedy)
    newest = max(deployments, key=_created)
    completed = [each for each in deployments if each.get("rolloutState") == "COMPLETED"]
    if not completed:
        # The tasks of the deployment before may be gone a while before the new one counts as completed
        # (https://github.com/aws-actions/amazon-ecs-deploy-task-definition/issues/838).
        first = "deploy a good commit" if newest.get("rolloutState") == "FAILED" else "wait until one has"
        remedy = f"no deployment of it has completed, so no image is known to work: {first}, {_AGAIN}"
        raise StackError("service", service.name, remedy)
    serving = max(completed, key=_created)
    revision = _revision(ecs, service, serving["taskDefinition"])
    images = {each["name"]: each["image"] for each in revision["containerDefinitions"]}
    if service.container not in images:
        remedy = f"runs no container {service.container!r}: deploy a commit with its pipeline, {_AGAIN}"
        raise StackError("service", service.name, remedy)
    in_the_way = None
    subject, good = f"service {service.name}", "deploy a good commit first, then update"
    if newest is serving:
        # The service names the family, hence its newest active revision.
        last = _revision(ecs, service, revision["family"])
        if last["taskDefinitionArn"] != revision["taskDefinitionArn"]:
            in_the_way = (
                f"{subject}: revision {revision['revision']} runs, and an update may start {last['revision']} instead: "
                f"{good}"
            )
    elif newest.get("rolloutState") == "FAILED":
        in_the_way = f"{subject}: the newest deployment failed, and the file has the image from before it: {good}"
    else:
        in_the_way = (
            f"{subject}: a deployment is under way, and the file has the image from before it: wait until it is over, "
            f"{_AGAIN}"
        )
    return images[service.container], [in_the_way] if in_the_way else []


def _created(deployment: Mapping[str, Any]) -> Any:
    return deployment["createdAt"]


def _revision(ecs: Any, service: _Service, name: str) -> dict[str, Any]:
    """The task definition; by its family's name, the newest active revision."""
    with refusals("service", service.name, _lacks("ecs:DescribeTaskDefinition")):
        return dict(ecs.describe_task_definition(taskDefinition=name)["taskDefinition"])


def _zones(
    template: Mapping[str, Any], values: Mapping[str, str], stack: Mapping[str, Any], warnings: list[str]
) -> dict[str, str]:
    """The zones that the stack's subnets are in, where it was left to CloudFormation to choose them."""
    blank = [spec.name for spec in parameters.AVAILABILITY_ZONES if values.get(spec.name) == ""]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}
    found = {name: {outputs[output] for output in _zone_outputs(template, name) if output in outputs} for name in blank}
    if all(len(zones) == 1 for zones in found.values()):
        return {name: zone for name, (zone,) in found.items()}
    warnings.append(
        f"{' and '.join(blank)} stay blank, as the outputs do not name one zone for each: an update fails if AWS "
        "proposes other zones than those of the subnets"
    )
    return {}


def _zone_outputs(template: Mapping[str, Any], parameter: str) -> Iterator[str]:
    """The outputs that say in which zone a subnet is, of the subnets whose zone is the parameter's."""
    for name, output in template.get("Outputs", {}).items():
        match intrinsic(output["Value"]):
            case ("GetAtt", [subnet, "AvailabilityZone"]) if parameter in references(template["Resources"][subnet]):
                yield name


def _doubtful(asked: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[str]:
    """The values that CloudFormation may not have told whole, and those that the template does not take."""
    for name, value in values.items():
        constraint = Constraint.of_parameter(asked[name])
        # https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/814
        if "?" in value and constraint.accepts(value.replace("?", "é")):
            yield f"{name}: {value!r} may have lost letters, as CloudFormation tells é and the like as ?: look at it"
        elif not constraint.accepts(value):
            yield f"{name}: the template does not take {value!r}: {constraint.message}"
