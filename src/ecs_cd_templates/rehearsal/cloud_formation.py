"""CloudFormation: makes, changes and takes away stacks, in its order and with its failures.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacks.html
"""

from __future__ import annotations

import secrets
import string
import uuid
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ..cfn.evaluation import Evaluator, Target, check_parameters
from ..cfn.reading import from_yaml
from ..errors import LaunchError
from ..review.order import waits_for
from . import schemas
from .calls import ServiceError
from .cloud import Cloud
from .resource_types import TYPES, Made, Place, ResourceType

NESTED = "AWS::CloudFormation::Stack"

_LETTERS = string.ascii_uppercase + string.digits
_KEPT = ("Retain", "RetainExceptOnCreate", "Snapshot")


@dataclass(kw_only=True)
class Resource:
    """A resource of a stack: what it is, and the properties that it was made or last changed with."""

    logical_id: str
    type: str
    made: Made
    properties: dict[str, Any]
    deletion_policy: str = "Delete"


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a resource of a stack; ``reason`` says why it failed."""

    logical_id: str
    type: str
    status: str
    reason: str = ""


@dataclass(kw_only=True)
class Stack:
    """A stack: ``template`` and ``parameters`` are those that it was made of last, ``retained`` what deletion left."""

    name: str
    id: str
    status: str
    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    retained: list[Resource] = field(default_factory=list)


class _FailedError(Exception):
    """A resource that could not be made or changed."""

    def __init__(self, logical_id: str, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.logical_id = logical_id
        self.type = kind
        self.reason = reason


class CloudFormation:
    """The stacks of an account and region; ``types`` are those of the resources that it can make."""

    def __init__(
        self,
        cloud: Cloud,
        *,
        account: str | None = None,
        region: str | None = None,
        types: Mapping[str, ResourceType] = TYPES,
    ) -> None:
        self.cloud = cloud
        self.account = account or cloud.account
        self.region = region or cloud.region
        self.types = types
        self.stacks: dict[str, Stack] = {}

    def create(self, name: str, template: Mapping[str, Any] | str, parameters: Mapping[str, str]) -> Stack:
        """The stack, made. What was made of one that fails is taken away again, and the stack left to be deleted.

        Raises :class:`ParameterError` before anything is made, and :class:`LaunchError` for what failed first.
        """
        if name in self.stacks:
            raise LaunchError("stack", name, "already exists: update it, or delete it first")
        read = _read(template)
        evaluator = self._evaluator(name, read, parameters)
        order = self._order(read, evaluator)
        stack = Stack(
            name=name,
            id=evaluator.names["AWS::StackId"],
            status="CREATE_IN_PROGRESS",
            template=read,
            parameters=parameters,
        )
        self.stacks[name] = stack
        try:
            for logical_id in order:
                stack.resources[logical_id] = self._make(stack, evaluator, logical_id)
            self._set_outputs(stack, evaluator)
        except _FailedError as failed:
            stack.events.append(_event(failed, "CREATE_FAILED"))
            stack.status = "ROLLBACK_IN_PROGRESS"
            self._take_away(stack, list(reversed(stack.resources.values())), rolls_back=True)
            stack.status = "ROLLBACK_COMPLETE"
            raise _launch_error(failed) from None
        stack.status = "CREATE_COMPLETE"
        return stack

    def update(self, name: str, template: Mapping[str, Any] | str, parameters: Mapping[str, str]) -> Stack:
        """The stack, changed to what the template says; what fails is changed back.

        Raises :class:`LaunchError` also if nothing is to be changed, and for a stack that cannot be updated.
        """
        stack = self.stacks.get(name)
        if stack is None or stack.status not in _CAN_BE_UPDATED:
            raise LaunchError("stack", name, f"cannot be updated: {stack.status if stack else 'it does not exist'}")
        read = _read(template)
        if read == stack.template and dict(parameters) == dict(stack.parameters):
            raise LaunchError("stack", name, "No updates are to be performed.")
        evaluator = self._evaluator(name, read, parameters)
        order = self._order(read, evaluator)
        before, outputs = deepcopy(stack.resources), dict(stack.outputs)
        made: list[Resource] = []
        replaced: list[Resource] = []
        changed: list[tuple[Resource, dict[str, Any]]] = []
        stack.status = "UPDATE_IN_PROGRESS"
        try:
            for logical_id in order:
                old = stack.resources.get(logical_id)
                new = self._changed(stack, evaluator, logical_id, old, replaced, changed)
                if new is not old:
                    made.append(new)
                stack.resources[logical_id] = new
                evaluator.made[logical_id] = new.made
            self._set_outputs(stack, evaluator)
        except _FailedError as failed:
            stack.events.append(_event(failed, "UPDATE_FAILED"))
            self._change_back(stack, before, made, changed)
            stack.outputs = outputs
            stack.status = "UPDATE_ROLLBACK_COMPLETE"
            raise _launch_error(failed) from None
        stack.template, stack.parameters = read, parameters
        gone = [stack.resources.pop(logical_id) for logical_id in list(before) if logical_id not in order]
        self._take_away(stack, [*reversed(replaced), *reversed(gone)])
        stack.status = "UPDATE_COMPLETE"
        return stack

    def delete(self, name: str) -> Stack:
        """The stack, deleted; what its policies keep is in ``retained``.

        Raises :class:`LaunchError` for what could not be deleted, such as a bucket that is not empty; the rest is gone.
        """
        stack = self.stacks[name]
        using = sorted(
            {other.name for other in self.stacks.values() for export in stack.exports if _imports(other, export)}
        )
        if using:
            raise LaunchError("stack", name, f"cannot be deleted: {', '.join(using)} imports from it")
        left = self._take_away(stack, list(reversed(stack.resources.values())), deletes=True)
        if left:
            stack.status = "DELETE_FAILED"
            raise _launch_error(left[0])
        stack.status = "DELETE_COMPLETE"
        del self.stacks[name]
        return stack

    # What a template becomes ------------------------------------------------------------------------------------------

    def _evaluator(self, name: str, template: Mapping[str, Any], parameters: Mapping[str, str]) -> _Live:
        target = Target(account=self.account, region=self.region, partition=self.cloud.partition, stack_name=name)
        complete = check_parameters(template, parameters)
        values: dict[str, Any] = dict(complete)
        for key, parameter in template.get("Parameters", {}).items():
            kind = parameter["Type"]
            if kind.startswith("AWS::SSM::Parameter::Value"):
                values[key] = self._of_ssm(key, complete[key])
            elif kind.startswith("List<") or kind == "CommaDelimitedList":
                values[key] = [item.strip() for item in complete[key].split(",")] if complete[key] else []
        known = self.stacks.get(name)
        stack_id = (
            known.id
            if known
            else f"arn:{self.cloud.partition}:cloudformation:{self.region}:{self.account}:stack/{name}/{uuid.uuid4()}"
        )
        pseudo = {**target.pseudo_parameters(), "AWS::StackId": stack_id, "AWS::NotificationARNs": []}
        zones = self.cloud.client("ec2", account=self.account, region=self.region).describe_availability_zones()
        return _Live(
            template, values | pseudo, sorted(zone["ZoneName"] for zone in zones["AvailabilityZones"]), self._import
        )

    def _of_ssm(self, parameter: str, name: str) -> str:
        client = self.cloud.client("ssm", account=self.account, region=self.region)
        try:
            value: str = client.get_parameter(Name=name)["Parameter"]["Value"]
        except ClientError:
            if name.startswith("/aws/service/ecs/optimized-ami/"):
                # moto knows AWS's own parameters of some regions only; any image will do where no instance starts.
                ec2 = self.cloud.client("ec2", account=self.account, region=self.region)
                return str(ec2.describe_images()["Images"][0]["ImageId"])
            raise LaunchError(parameter, name, "is no parameter of Systems Manager") from None
        return value

    def _import(self, name: str) -> str:
        for stack in self.stacks.values():
            if name in stack.exports:
                return stack.exports[name]
        raise ValueError(f"No export named {name} found.")

    def _order(self, template: Mapping[str, Any], evaluator: _Live) -> list[str]:
        """The titles of what is made, each after what it waits for. Raises :class:`LaunchError`."""
        resources = {
            title: each for title, each in template["Resources"].items() if evaluator.condition(each.get("Condition"))
        }
        for title, resource in resources.items():
            kind = resource["Type"]
            if kind != NESTED and (kind not in self.types or schemas.schema_of(kind, self.region) is None):
                raise LaunchError(title, kind, "is no resource type that can be rehearsed")
        waits = {title: set(waits_for(each, evaluator)) & set(resources) for title, each in resources.items()}
        try:
            return list(TopologicalSorter(waits).static_order())
        except CycleError as error:
            circle = ", ".join(error.args[1][:-1])
            raise LaunchError("template", circle, "Circular dependency between resources") from None

    def _properties(self, evaluator: _Live, logical_id: str) -> tuple[str, dict[str, Any]]:
        resource = evaluator.template["Resources"][logical_id]
        kind = resource["Type"]
        try:
            properties: dict[str, Any] = evaluator.value(resource.get("Properties", {}))
        except (KeyError, ValueError, IndexError) as error:
            raise _FailedError(logical_id, kind, f"Template error: {error}") from None
        schema = schemas.schema_of(kind, self.region)
        found = list(schemas.problems(schema, properties)) if schema is not None and kind != NESTED else []
        if found:
            raise _FailedError(logical_id, kind, f"Properties validation failed for resource {logical_id}: {found[0]}")
        return kind, properties

    # Resources --------------------------------------------------------------------------------------------------------

    def _make(self, stack: Stack, evaluator: _Live, logical_id: str) -> Resource:
        kind, properties = self._properties(evaluator, logical_id)
        stack.events.append(Event(logical_id=logical_id, type=kind, status="CREATE_IN_PROGRESS"))
        place = self._place(stack, logical_id)
        try:
            if kind == NESTED:
                made = self._make_nested(place, properties)
            else:
                made = self.types[kind].create(place, properties)
        except _REFUSALS as error:
            raise _FailedError(logical_id, kind, _said(error)) from None
        evaluator.made[logical_id] = made
        stack.events.append(Event(logical_id=logical_id, type=kind, status="CREATE_COMPLETE"))
        policy = evaluator.template["Resources"][logical_id].get("DeletionPolicy", "Delete")
        return Resource(logical_id=logical_id, type=kind, made=made, properties=properties, deletion_policy=policy)

    def _place(self, stack: Stack, logical_id: str) -> Place:
        return Place(
            cloud=self.cloud,
            account=self.account,
            region=self.region,
            stack_name=stack.name,
            logical_id=logical_id,
            token="".join(secrets.choice(_LETTERS) for _ in range(12)),
        )

    def _changed(
        self,
        stack: Stack,
        evaluator: _Live,
        logical_id: str,
        old: Resource | None,
        replaced: list[Resource],
        changed: list[tuple[Resource, dict[str, Any]]],
    ) -> Resource:
        """The resource as the new template has it; ``old`` itself where nothing changes or it changes in place."""
        if old is None:
            return self._make(stack, evaluator, logical_id)
        kind, properties = self._properties(evaluator, logical_id)
        resource = evaluator.template["Resources"][logical_id]
        old.deletion_policy = resource.get("DeletionPolicy", "Delete")
        if kind == old.type and properties == old.properties:
            return old
        schema = schemas.schema_of(kind, self.region) or {}
        differing = {key for key in {*properties, *old.properties} if properties.get(key) != old.properties.get(key)}
        if kind == NESTED:
            return self._update_nested(old, properties)
        update = self.types[kind].update
        if kind != old.type or differing & schemas.create_only(schema) or update is None:
            return self._replace(stack, evaluator, old, properties, schema, replaced, resource)
        stack.events.append(Event(logical_id=logical_id, type=kind, status="UPDATE_IN_PROGRESS"))
        try:
            made = update(self._place(stack, logical_id), old.made, old.properties, properties)
        except _REFUSALS as error:
            raise _FailedError(logical_id, kind, _said(error)) from None
        changed.append((old, old.properties))
        old.made = Made(physical_id=made.physical_id, attributes={**old.made.attributes, **made.attributes})
        old.properties = properties
        stack.events.append(Event(logical_id=logical_id, type=kind, status="UPDATE_COMPLETE"))
        return old

    def _replace(
        self,
        stack: Stack,
        evaluator: _Live,
        old: Resource,
        properties: Mapping[str, Any],
        schema: Mapping[str, Any],
        replaced: list[Resource],
        resource: Mapping[str, Any],
    ) -> Resource:
        """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html."""
        same = [key for key in schemas.identifiers(schema) if properties.get(key) == old.properties.get(key, object())]
        if same and old.type == resource["Type"]:
            reason = (
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {properties[same[0]]} and update the stack again."
            )
            raise _FailedError(old.logical_id, old.type, reason)
        new = self._make(stack, evaluator, old.logical_id)
        old.deletion_policy = resource.get("UpdateReplacePolicy", "Delete")
        replaced.append(old)
        return new

    def _change_back(
        self,
        stack: Stack,
        before: dict[str, Resource],
        made: list[Resource],
        changed: list[tuple[Resource, dict[str, Any]]],
    ) -> None:
        for resource, properties in reversed(changed):
            update = self.types[resource.type].update
            if update is not None:
                update(self._place(stack, resource.logical_id), resource.made, resource.properties, properties)
            resource.properties = properties
        self._take_away(stack, list(reversed(made)), rolls_back=True)
        stack.resources = {
            logical_id: next((each for each, _ in changed if each.logical_id == logical_id), old)
            for logical_id, old in before.items()
        }

    def _take_away(
        self, stack: Stack, resources: list[Resource], *, deletes: bool = False, rolls_back: bool = False
    ) -> list[_FailedError]:
        """Takes the resources away, in this order, but for those that are kept; what could not be.

        What was made by a launch that fails is not kept with the policy RetainExceptOnCreate
        (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html).
        """
        left = []
        for resource in resources:
            keeps = resource.deletion_policy in _KEPT
            if keeps and not (rolls_back and resource.deletion_policy == "RetainExceptOnCreate"):
                stack.retained.append(resource)
                status, reason = "DELETE_SKIPPED", ""
            else:
                status, reason = "DELETE_COMPLETE", ""
                try:
                    self._delete(stack, resource)
                except _REFUSALS as error:
                    status, reason = "DELETE_FAILED", _said(error)
                    left.append(_FailedError(resource.logical_id, resource.type, reason))
            stack.events.append(Event(logical_id=resource.logical_id, type=resource.type, status=status, reason=reason))
            if (deletes or rolls_back) and status != "DELETE_FAILED":
                stack.resources.pop(resource.logical_id, None)
        return left

    def _delete(self, stack: Stack, resource: Resource) -> None:
        if resource.type == NESTED:
            self.delete(resource.made.physical_id.split("/")[1])
            return
        self.types[resource.type].delete(self._place(stack, resource.logical_id), resource.made, resource.properties)

    def _set_outputs(self, stack: Stack, evaluator: _Live) -> None:
        outputs, exports = {}, {}
        for name, output in evaluator.template.get("Outputs", {}).items():
            if not evaluator.condition(output.get("Condition")):
                continue
            try:
                outputs[name] = evaluator.value(output["Value"])
                if "Export" in output:
                    exports[str(evaluator.value(output["Export"]["Name"]))] = outputs[name]
            except (KeyError, ValueError, IndexError) as error:
                raise _FailedError(name, "Output", f"Template error: {error}") from None
        for other in self.stacks.values():
            for export in exports:
                if other is not stack and export in other.exports:
                    raise _FailedError(
                        export, "Export", f"Export with name {export} is already exported by {other.name}"
                    )
        stack.outputs, stack.exports = outputs, exports

    # Nested stacks ----------------------------------------------------------------------------------------------------

    def _make_nested(self, place: Place, properties: Mapping[str, Any]) -> Made:
        name = place.name(128)
        values = {key: str(value) for key, value in properties.get("Parameters", {}).items()}
        inner = self.create(name, self._published(properties["TemplateURL"]), values)
        return _made_of(inner)

    def _update_nested(self, old: Resource, properties: dict[str, Any]) -> Resource:
        name = old.made.physical_id.split("/")[1]
        values = {key: str(value) for key, value in properties.get("Parameters", {}).items()}
        try:
            inner = self.update(name, self._published(properties["TemplateURL"]), values)
        except LaunchError as error:
            if error.remedy != "No updates are to be performed.":
                raise _FailedError(old.logical_id, old.type, str(error)) from None
            inner = self.stacks[name]
        old.made, old.properties = _made_of(inner), properties
        return old

    def _published(self, url: str) -> str:
        """The text of the template at an address in S3: https://BUCKET.s3.REGION.SUFFIX/KEY."""
        host, _, key = url.removeprefix("https://").partition("/")
        bucket = host.partition(".s3")[0]
        client = self.cloud.client("s3", account=self.account, region=self.region)
        text: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return text.decode()


_CAN_BE_UPDATED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
_REFUSALS = (ClientError, BotoCoreError, ServiceError, LaunchError)


class _Live(Evaluator):
    """Evaluates references to what was made."""

    def __init__(self, template: Mapping[str, Any], names: Mapping[str, Any], zones: list[str], imported: Any) -> None:
        super().__init__(template, names)
        self.made: dict[str, Made] = {}
        self.zones = zones
        self.imported = imported

    def _function(self, name: str, argument: Any) -> Any:
        if name == "GetAZs":
            return self.zones
        if name == "ImportValue":
            return self.imported(str(self.value(argument)))
        return super()._function(name, argument)

    def _ref(self, name: str) -> Any:
        if name in self.names or name == "AWS::NoValue":
            return super()._ref(name)
        resource = self.template["Resources"][name]
        if not self.condition(resource.get("Condition")):
            raise ValueError(f"Unresolved resource dependencies [{name}]")
        return self.made[name].physical_id

    def _attribute(self, name: str, attribute: str) -> Any:
        self._ref(name)
        attributes = self.made[name].attributes
        if attribute not in attributes:
            kind = self.template["Resources"][name]["Type"]
            raise ValueError(f"Requested attribute {attribute} does not exist in schema for {kind}")
        return attributes[attribute]


def _read(template: Mapping[str, Any] | str) -> Mapping[str, Any]:
    read: Mapping[str, Any] = from_yaml(template) if isinstance(template, str) else template
    return read


def _made_of(inner: Stack) -> Made:
    return Made(physical_id=inner.id, attributes={f"Outputs.{name}": value for name, value in inner.outputs.items()})


def _imports(stack: Stack, export: str) -> bool:
    return any(value == {"Fn::ImportValue": export} for value in _nodes(stack.template))


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(child)


def _event(failed: _FailedError, status: str) -> Event:
    return Event(logical_id=failed.logical_id, type=failed.type, status=status, reason=failed.reason)


def _launch_error(failed: _FailedError) -> LaunchError:
    return LaunchError(failed.logical_id, failed.type, failed.reason)


def _said(error: Exception) -> str:
    if isinstance(error, ClientError):
        said = error.response["Error"]
        return f"{said['Message']} (Error Code: {said['Code']})"
    return str(error)
