"""Strings that CloudFormation completes: every name in them is taken from an object, never retyped."""

from __future__ import annotations

import re
from typing import Any

from troposphere import AWSHelperFn, AWSObject, Parameter, Ref, Sub

# Deleting the stack keeps the resource. A launch that fails does not: what it left would be in the way of the next
# (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html).
RETAIN = "RetainExceptOnCreate"

Named = Parameter | AWSObject | AWSHelperFn
"""What a name in a template can be: a parameter, a resource, or an intrinsic that makes a name of them."""


def sub(text: str, **values: Named) -> Sub:
    """``Fn::Sub`` of the text, in which ``${name}`` stands for the value passed as ``name``.

    Pseudo parameters (``${AWS::Region}``) stand for themselves. A name without a value is a
    ``KeyError``.
    """
    local: dict[str, Any] = {}

    def name_in_template(match: re.Match[str]) -> str:
        name = match.group(1)
        if name.startswith("AWS::"):
            return match.group()
        value = values[name]
        if isinstance(value, AWSHelperFn):
            local[name] = value
            return match.group()
        return f"${{{value.title}}}"

    return Sub(re.sub(r"\$\{([^}]+)\}", name_in_template, text), **local)


def ref(value: Named) -> AWSHelperFn:
    """The value itself, where no text surrounds it."""
    return value if isinstance(value, AWSHelperFn) else Ref(value)


def role_arn(role_name: Named) -> Sub:
    """The ARN of the role with this name, which may have its path before it."""
    return sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${role}", role=role_name)
