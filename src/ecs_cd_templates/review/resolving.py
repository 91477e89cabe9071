"""A template's resources as they would be in an account: names and ARNs like those that AWS gives.

The name of what the template does not name is made of its title, so that what is the same stays the same. What cannot
be foreseen, such as an ID, is a text like ``<VPC>``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cfn.evaluation import NAME_PROPERTY, Evaluator, Resolved, Target, check_parameters

# The ARN of a resource by its name: service and resource.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_ARNS = {
    "AWS::CodeBuild::Project": ("codebuild", "project/{name}"),
    "AWS::CodeCommit::Repository": ("codecommit", "{name}"),
    "AWS::CodePipeline::Pipeline": ("codepipeline", "{name}"),
    "AWS::ECR::Repository": ("ecr", "repository/{name}"),
    "AWS::ECS::Cluster": ("ecs", "cluster/{name}"),
    "AWS::Events::Rule": ("events", "rule/{name}"),
    "AWS::KMS::Key": ("kms", "key/{name}"),
    "AWS::Lambda::Function": ("lambda", "function:{name}"),
    "AWS::Logs::LogGroup": ("logs", "log-group:{name}:*"),
    "AWS::SNS::Topic": ("sns", "{name}"),
}

# Which property names what is not in the table that our own templates need.
_NAMES = {
    **NAME_PROPERTY,
    "AWS::CodeCommit::Repository": "RepositoryName",
    "AWS::ECS::Service": "ServiceName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::SNS::Topic": "TopicName",
}

# Those whose Ref is their ARN.
_REF_IS_ARN = ("AWS::SNS::Topic",)

_ARN_ATTRIBUTES = ("Arn", "TopicArn")
_NAME_ATTRIBUTES = ("Name", "RepositoryName", "TopicName")


class Foreseen(Evaluator):
    """Evaluates references as they would turn out."""

    def _ref(self, name: str) -> Any:
        if name in self.names or name == "AWS::NoValue":
            return super()._ref(name)
        resource = self.template["Resources"][name]
        if resource["Type"] in _REF_IS_ARN:
            return self._arn(name, resource)
        if resource["Type"] in _NAMES:
            super()._ref(name)
            return self._name(name, resource)
        return super()._ref(name)

    def _attribute(self, name: str, attribute: str) -> str:
        resource = self.template["Resources"][name]
        if attribute in _ARN_ATTRIBUTES and (resource["Type"] in _ARNS or resource["Type"] in _GLOBAL):
            super()._ref(name)
            return self._arn(name, resource)
        if attribute in _NAME_ATTRIBUTES and resource["Type"] in _NAMES:
            super()._ref(name)
            return self._name(name, resource)
        return super()._attribute(name, attribute)

    def _name(self, title: str, resource: Mapping[str, Any]) -> str:
        named = resource.get("Properties", {}).get(_NAMES[resource["Type"]])
        given = None if named is None else self.value(named)
        return str(given) if isinstance(given, str) else f"{self.names['AWS::StackName']}-{title}"

    def _arn(self, title: str, resource: Mapping[str, Any]) -> str:
        kind = resource["Type"]
        name = self._name(title, resource) if kind in _NAMES else title
        partition = self.names["AWS::Partition"]
        if kind in _GLOBAL:
            path = self.value(resource.get("Properties", {}).get("Path", "/")) if kind == "AWS::IAM::Role" else ""
            return _GLOBAL[kind].format(partition=partition, account=self.names["AWS::AccountId"], path=path, name=name)
        service, pattern = _ARNS[kind]
        region, account = self.names["AWS::Region"], self.names["AWS::AccountId"]
        return f"arn:{partition}:{service}:{region}:{account}:{pattern.format(name=name)}"


# The ARN of what is in no region.
_GLOBAL = {
    "AWS::IAM::Role": "arn:{partition}:iam::{account}:role{path}{name}",
    "AWS::S3::Bucket": "arn:{partition}:s3:::{name}",
}


def foreseen(template: Mapping[str, Any], values: Mapping[str, str], target: Target) -> Foreseen:
    """What evaluates the template with these values. Raises :class:`ParameterError` for one that it refuses."""
    names = {
        **check_parameters(template, values),
        **target.pseudo_parameters(),
        "AWS::StackId": f"<{target.stack_name}>",
        "AWS::NotificationARNs": "",
    }
    return Foreseen(template, names)


def foresee(template: Mapping[str, Any], values: Mapping[str, str], target: Target) -> Resolved:
    """The template's resources, resolved; its parameters are checked first, and its outputs resolved as well.

    Raises :class:`ParameterError` for a value that the template refuses, and ``KeyError`` or ``ValueError`` for what
    cannot be resolved.
    """
    evaluator = foreseen(template, values, target)
    resources = {
        title: evaluator.value({key: value for key, value in resource.items() if key != "Condition"})
        for title, resource in template["Resources"].items()
        if evaluator.condition(resource.get("Condition"))
    }
    outputs = {
        name: evaluator.value(output["Value"])
        for name, output in template.get("Outputs", {}).items()
        if evaluator.condition(output.get("Condition"))
    }
    for title, resource in resources.items():
        # A resource goes by the name that others know it by.
        if resource["Type"] in _NAMES:
            properties = resource.setdefault("Properties", {})
            properties.setdefault(_NAMES[resource["Type"]], f"{target.stack_name}-{title}")
    return Resolved(resources, outputs)
