"""What a template becomes for given parameter values, in a given account and region.

This is the part of CloudFormation that our own templates use, and it raises on anything else: a
value that the form refuses, a rule that fails, a reference that leads nowhere, an intrinsic that it
does not know. It makes nothing and asks nobody.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import islice
from typing import Any

from ..errors import ParameterError
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
    "AWS::S3::Bucket": "BucketName",
}

# The attributes of a resource that are a name, and the property that holds it.
_NAME_ATTRIBUTE = {
    ("AWS::CodeCommit::Repository", "Name"): "RepositoryName",
    ("AWS::ECS::Service", "Name"): "ServiceName",
    ("AWS::SNS::Topic", "TopicName"): "TopicName",
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a template is launched: 12-digit account, region, partition, and the stack's name."""

    account: str
    region: str
    partition: str = "aws"
    stack_name: str = "stack"

    def pseudo_parameters(self) -> dict[str, str]:
        """The values of the ``AWS::`` names."""
        return {
            "AWS::AccountId": self.account,
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::StackName": self.stack_name,
            "AWS::URLSuffix": PARTITIONS[self.partition].url_suffix,
        }


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
            raise ParameterError(name, values[name], "the template has no such parameter; leave it out")
    complete: dict[str, str] = {}
    for name, parameter in parameters.items():
        value = values.get(name, parameter.get("Default"))
        if value is None:
            raise ParameterError(name, None, f"has no default: give a value. {parameter['ConstraintDescription']}")
        complete[name] = str(value)
        if not _accepts(parameter, complete[name]):
            raise ParameterError(name, value, parameter["ConstraintDescription"])
    resolver = _Resolver(template, complete, {})
    for name, rule in template.get("Rules", {}).items():
        if resolver.resolve(rule.get("RuleCondition", True)) is not True:
            continue
        for assertion in rule["Assertions"]:
            if resolver.resolve(assertion["Assert"]) is not True:
                asked = [parameter for parameter in parameters if parameter in repr(assertion["Assert"])]
                shown = {parameter: complete[parameter] for parameter in asked}
                raise ParameterError(f"rule {name}", shown, assertion["AssertDescription"])
    return complete


def resolve(template: Mapping[str, Any], values: Mapping[str, str], target: Target) -> Resolved:
    """The template's resources and outputs for these parameter values.

    Raises :class:`ParameterError` as :func:`check_parameters` does, and ``KeyError`` or
    ``ValueError`` for a reference or an intrinsic that CloudFormation would not resolve either.
    """
    resolver = _Resolver(template, check_parameters(template, values), target.pseudo_parameters())
    resources = {
        name: resolver.resolve({key: value for key, value in resource.items() if key != "Condition"})
        for name, resource in template["Resources"].items()
        if resolver.condition(resource.get("Condition"))
    }
    outputs = {
        name: resolver.resolve(output["Value"])
        for name, output in template.get("Outputs", {}).items()
        if resolver.condition(output.get("Condition"))
    }
    return Resolved(resources, outputs)


def _accepts(parameter: Mapping[str, Any], value: str) -> bool:
    if "AllowedValues" in parameter and value not in map(str, parameter["AllowedValues"]):
        return False
    if "AllowedPattern" in parameter and re.fullmatch(parameter["AllowedPattern"], value) is None:
        return False
    if parameter["Type"] == "Number":
        return re.fullmatch(r"-?[0-9]+", value) is not None and (
            int(parameter.get("MinValue", value)) <= int(value) <= int(parameter.get("MaxValue", value))
        )
    return int(parameter.get("MinLength", 0)) <= len(value) <= int(parameter.get("MaxLength", 4096))


def _subnets(block: str, count: str, bits: str) -> list[str]:
    """The first blocks of ``2 ** bits`` addresses of the block; ``ValueError`` if it has fewer than ``count``.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-cidr.html
    """
    network = IPv4Network(block)
    found = list(islice(network.subnets(new_prefix=network.max_prefixlen - int(bits)), int(count)))
    if len(found) < int(count):
        raise ValueError(f"{block} does not hold {count} blocks of {bits} bits")
    return [str(subnet) for subnet in found]


class _Resolver:
    """The names that are known in one template, and the intrinsics that look them up."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str], pseudo: Mapping[str, str]) -> None:
        self.template = template
        self.names = {**parameters, **pseudo}

    def condition(self, name: str | None) -> bool:
        """Whether the condition holds; none always does."""
        return name is None or bool(self.resolve(self.template["Conditions"][name]))

    def resolve(self, node: Any) -> Any:
        if isinstance(node, dict):
            if len(node) == 1:
                ((name, argument),) = node.items()
                if name == "Ref":
                    return self.ref(argument)
                if name == "Condition" and isinstance(argument, str):
                    return self.condition(argument)
                if name.startswith("Fn::"):
                    return self.function(name.removeprefix("Fn::"), argument)
            resolved = {key: self.resolve(value) for key, value in node.items()}
            return {key: value for key, value in resolved.items() if value is not _NO_VALUE}
        if isinstance(node, list):
            return [item for item in map(self.resolve, node) if item is not _NO_VALUE]
        return node

    def function(self, name: str, argument: Any) -> Any:
        if name == "Sub":
            text, local = argument if isinstance(argument, list) else (argument, {})
            known = {key: self.resolve(value) for key, value in local.items()}
            return re.sub(r"\$\{([^!}]+)\}", lambda match: self.substitute(match.group(1), known), text)
        if name == "If":
            condition, yes, no = argument
            return self.resolve(yes if self.condition(condition) else no)
        if name == "GetAtt":
            resource, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
            return self.attribute(resource, attribute)
        if name == "FindInMap":
            mapping, top, second = map(self.resolve, argument)
            return self.template["Mappings"][mapping][top][second]
        if name == "Not":
            return not self.resolve(argument[0])
        if name == "And":
            return all(map(self.resolve, argument))
        if name == "Or":
            return any(map(self.resolve, argument))
        if name == "Equals":
            one, other = map(self.resolve, argument)
            return str(one) == str(other)
        if name == "Join":
            separator, items = argument
            return separator.join(map(str, self.resolve(items)))
        if name == "Split":
            separator, text = argument
            return self.resolve(text).split(separator)
        if name == "Select":
            index, items = argument
            return self.resolve(items)[int(index)]
        if name == "Base64":
            return b64encode(str(self.resolve(argument)).encode()).decode()
        if name == "Cidr":
            return _subnets(*map(str, self.resolve(argument)))
        if name == "GetAZs":
            region = self.resolve(argument) or self.ref("AWS::Region")
            return [f"{region}{letter}" for letter in "abc"]
        raise ValueError(f"unknown intrinsic Fn::{name}")

    def substitute(self, name: str, local: Mapping[str, str]) -> str:
        if name in local:
            return str(local[name])
        if "." in name:
            resource, attribute = name.split(".", 1)
            return str(self.attribute(resource, attribute))
        return str(self.ref(name))

    def ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self.names:
            return self.names[name]
        resource = self.template["Resources"][name]
        if not self.condition(resource.get("Condition")):
            raise ValueError(f"{name} is referred to, but its condition {resource['Condition']} does not hold")
        named = resource["Properties"].get(NAME_PROPERTY.get(resource["Type"], ""))
        return f"<{name}>" if named is None else self.resolve(named)

    def attribute(self, name: str, attribute: str) -> str:
        self.ref(name)
        resource = self.template["Resources"][name]
        named = resource["Properties"].get(_NAME_ATTRIBUTE.get((resource["Type"], attribute), ""))
        return f"<{name}.{attribute}>" if named is None else str(self.resolve(named))
