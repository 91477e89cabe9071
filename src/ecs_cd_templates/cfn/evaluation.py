"""What a template becomes for certain parameter values, in an account and a region.

This is the part of CloudFormation that our own templates use, and it raises on anything else: a
value that the form refuses, a rule that fails, a reference that leads nowhere, an intrinsic that it
does not know. It creates nothing and calls nothing: what only AWS can say, such as the ID of a VPC,
is a text like ``<VPC>``, which :func:`unknowns` finds.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import islice
from typing import Any

from ..errors import NOT_GIVEN, ParameterError
from .constraint import Constraint
from .intrinsics import arguments_of_sub, intrinsic, references, substitute, walk
from .partitions import PARTITIONS

_NO_VALUE = object()

# What Ref returns for a resource: the property that holds its name
# (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html).
NAME_PROPERTY = {
    "AWS::CodeBuild::Project": "Name",
    "AWS::CodePipeline::Pipeline": "Name",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
}

# The attributes of a resource that are a name, and the property that holds it.
_NAME_ATTRIBUTE = {
    ("AWS::CodeCommit::Repository", "Name"): "RepositoryName",
    ("AWS::EC2::VPC", "CidrBlock"): "CidrBlock",
    ("AWS::ECS::Service", "Name"): "ServiceName",
    ("AWS::SNS::Topic", "TopicName"): "TopicName",
}


PSEUDO_PARAMETERS = ("AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::StackName", "AWS::URLSuffix")


# Those that only a stack which exists has.
_OTHER_PSEUDO_PARAMETERS = ("AWS::NotificationARNs", "AWS::StackId")


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a template is launched: 12-digit account, region, partition, and the stack's name."""

    account: str
    region: str
    partition: str = "aws"
    stack_name: str = "stack"

    def pseudo_parameters(self) -> dict[str, str]:
        """The values of the ``AWS::`` names."""
        values = (self.account, self.partition, self.region, self.stack_name, PARTITIONS[self.partition].url_suffix)
        return dict(zip(PSEUDO_PARAMETERS, values, strict=True))


@dataclass(frozen=True)
class Resolved:
    """The resources whose conditions hold and the outputs, free of intrinsics."""

    resources: dict[str, dict[str, Any]]
    outputs: dict[str, Any]


def check_parameters(template: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str]:
    """The value of each parameter, defaults filled in.

    Raises :class:`ParameterError` for what CloudFormation refuses before it makes anything: an
    unknown or a missing parameter, a value outside its length, pattern or allowed values, a rule
    that does not hold.
    """
    parameters = template.get("Parameters", {})
    for name in values:
        if name not in parameters:
            raise ParameterError(name, values[name], "the template has no such parameter: leave it out")
    complete: dict[str, str] = {}
    for name, parameter in parameters.items():
        constraint = Constraint.of_parameter(parameter)
        value = values.get(name, parameter.get("Default"))
        if value is None:
            raise ParameterError(name, NOT_GIVEN, f"has no default: give a value. {constraint.message}")
        complete[name] = str(value)
        if not constraint.accepts(complete[name]):
            raise ParameterError(name, value, constraint.message)
    evaluator = Evaluator(template, complete)
    for name, rule in template.get("Rules", {}).items():
        if evaluator.value(rule.get("RuleCondition", True)) is not True:
            continue
        for assertion in rule["Assertions"]:
            if evaluator.value(assertion["Assert"]) is not True:
                concerned = {parameter: complete[parameter] for parameter in references(assertion["Assert"])}
                raise ParameterError(f"rule {name}", concerned, assertion["AssertDescription"])
    return complete


def resolve(template: Mapping[str, Any], values: Mapping[str, str], target: Target) -> Resolved:
    """The template's resources and outputs for these parameter values.

    Raises :class:`ParameterError` as :func:`check_parameters` does, and ``KeyError`` or
    ``ValueError`` for a reference or an intrinsic that CloudFormation would not resolve either.
    """
    evaluator = Evaluator(template, check_parameters(template, values) | target.pseudo_parameters())
    resources = {
        name: evaluator.value({key: value for key, value in resource.items() if key != "Condition"})
        for name, resource in template["Resources"].items()
        if evaluator.condition(resource.get("Condition"))
    }
    outputs = {
        name: evaluator.value(output["Value"])
        for name, output in template.get("Outputs", {}).items()
        if evaluator.condition(output.get("Condition"))
    }
    return Resolved(resources, outputs)


def unknowns(node: Any) -> list[str]:
    """What only AWS can say in resolved data, each as it stands there."""
    texts = [each for each in walk(node) if isinstance(each, str)]
    return [unknown for text in texts for unknown in re.findall(r"<[A-Za-z0-9]+(?:\.[A-Za-z0-9.]+)?>", text)]


def possible_values(
    template: Mapping[str, Any], node: Any, evaluator: Callable[..., Evaluator] | None = None
) -> list[Any]:
    """What the node can become, to whom the value of a parameter is its name: ``${Name}``.

    One value for each way in which the conditions that it depends on can turn out, first the one in which they
    hold. A resource is taken to be there whether or not its own condition holds. ``evaluator`` makes another evaluator
    than this module's.
    """
    made = evaluator or Evaluator
    names = {
        name: f"${{{name}}}"
        for name in (*template.get("Parameters", {}), *PSEUDO_PARAMETERS, *_OTHER_PSEUDO_PARAMETERS)
    }

    def values(conditions: dict[str, bool]) -> list[Any]:
        try:
            return [made(template, names, conditions).value(node)]
        except _UndecidedError as undecided:
            name = undecided.condition
        return values({**conditions, name: True}) + values({**conditions, name: False})

    return values({})


class _UndecidedError(Exception):
    """Whether a condition holds has to be decided first."""

    def __init__(self, condition: str) -> None:
        self.condition = condition


def _subnets(block: str, count: str, bits: str) -> list[str]:
    """The first blocks of ``2 ** bits`` addresses of the block; ``ValueError`` if it has fewer than ``count``.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-cidr.html
    """
    network = IPv4Network(block)
    subnets = list(islice(network.subnets(new_prefix=network.max_prefixlen - int(bits)), int(count)))
    if len(subnets) < int(count):
        raise ValueError(f"{block} does not hold {count} blocks of {bits} bits")
    return [str(subnet) for subnet in subnets]


class Evaluator:
    """The names that are known in one template, and the intrinsics that look them up.

    With ``conditions``, these are taken for granted instead of evaluated; about another one it raises.
    """

    def __init__(
        self, template: Mapping[str, Any], names: Mapping[str, str], conditions: Mapping[str, bool] | None = None
    ) -> None:
        self.template = template
        self.names = names
        self.conditions = conditions

    def condition(self, name: str | None) -> bool:
        """Whether the condition holds; none always does."""
        if name is None:
            return True
        if self.conditions is not None:
            if name not in self.conditions:
                raise _UndecidedError(name)
            return self.conditions[name]
        return bool(self.value(self.template["Conditions"][name]))

    def value(self, node: Any) -> Any:
        """The node without intrinsics."""
        function = intrinsic(node)
        if function is not None:
            return self._function(*function)
        if isinstance(node, dict):
            values = {key: self.value(value) for key, value in node.items()}
            return {key: value for key, value in values.items() if value is not _NO_VALUE}
        if isinstance(node, list):
            return [item for item in map(self.value, node) if item is not _NO_VALUE]
        return node

    def _function(self, name: str, argument: Any) -> Any:  # noqa: C901, PLR0911, PLR0912 - a case for each function
        match name:
            case "Ref":
                return self._ref(argument)
            case "Condition":
                return self.condition(argument)
            case "Sub":
                text, local = arguments_of_sub(argument)
                known = {key: self.value(value) for key, value in local.items()}
                return substitute(text, lambda name: self._substituted(name, known), unescape=True)
            case "If":
                condition, yes, no = argument
                return self.value(yes if self.condition(condition) else no)
            case "GetAtt":
                resource, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
                return self._attribute(resource, attribute)
            case "FindInMap":
                mapping, top, second = map(self.value, argument)
                return self.template["Mappings"][mapping][top][second]
            case "Not":
                return not self.value(argument[0])
            case "And":
                return all(map(self.value, argument))
            case "Or":
                return any(map(self.value, argument))
            case "Equals":
                one, other = map(self.value, argument)
                return str(one) == str(other)
            case "Join":
                separator, items = argument
                return separator.join(map(str, self.value(items)))
            case "Split":
                separator, text = argument
                return self.value(text).split(separator)
            case "Select":
                index, items = argument
                return self.value(items)[int(index)]
            case "Base64":
                return b64encode(str(self.value(argument)).encode()).decode()
            case "Cidr":
                return _subnets(*map(str, self.value(argument)))
            case "GetAZs":
                region = self.value(argument) or self._ref("AWS::Region")
                return [f"{region}{letter}" for letter in "abc"]
        raise ValueError(f"unknown intrinsic Fn::{name}")

    def _substituted(self, name: str, local: Mapping[str, Any]) -> str:
        if name in local:
            value = local[name]
        elif "." in name:
            value = self._attribute(*name.split(".", 1))
        else:
            value = self._ref(name)
        if value is _NO_VALUE:
            raise ValueError(f"${{{name}}} stands for AWS::NoValue, which is not text")
        return str(value)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self.names:
            return self.names[name]
        resource = self.template["Resources"][name]
        if self.conditions is None and not self.condition(resource.get("Condition")):
            raise ValueError(f"{name} is referred to, but its condition {resource['Condition']} does not hold")
        named = resource.get("Properties", {}).get(NAME_PROPERTY.get(resource["Type"], ""))
        if named is not None:
            return self.value(named)
        if resource["Type"] == "AWS::ECS::TaskDefinition":
            # The template takes the ARN apart. Without a name of ours, each is the first of its family.
            place = self.value({"Fn::Sub": "${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}"})
            return f"arn:{place}:task-definition/<{name}>:1"
        return f"<{name}>"

    def _attribute(self, name: str, attribute: str) -> str:
        self._ref(name)
        resource = self.template["Resources"][name]
        named = resource.get("Properties", {}).get(_NAME_ATTRIBUTE.get((resource["Type"], attribute), ""))
        return f"<{name}.{attribute}>" if named is None else str(self.value(named))
