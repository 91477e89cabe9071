"""CloudFormation's intrinsic functions: how names get into them, and how to walk over them.

Every name in a template is taken from an object, never retyped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from troposphere import AWSHelperFn, AWSObject, Parameter, Ref, Sub

# ${Name} stands for a value, ${!Name} for the text ${Name}
# (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html).
_PLACE = re.compile(r"\$\{(!?)([^}]+)\}")

# Deleting the stack keeps the resource. A launch that fails does not: what it left would be in the way of the next
# (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html).
RETAIN = "RetainExceptOnCreate"

Named = Parameter | AWSObject | AWSHelperFn | str
"""What a name in a template can be: a parameter, a resource, an intrinsic that makes a name of them, or the name."""


class Unknown(AWSHelperFn):
    """Stands for a name that the template does not know. Whatever contains it cannot be rendered: a ``ValueError``.

    So a role can be derived from actions whose declarations it does not need, and a permission that does
    need the name cannot be rendered without it.
    """

    def __init__(self, what: str) -> None:
        self.what = what

    def to_dict(self) -> NoReturn:
        """Nothing: it cannot be rendered."""
        raise ValueError(f"this template does not know {self.what}, and something in it needs it")


def sub(text: str, **values: Named) -> Sub:
    """``Fn::Sub`` of the text, in which ``${name}`` stands for the value passed as ``name``.

    Pseudo parameters (``${AWS::Region}``) stand for themselves. A name without a value is a
    ``KeyError``, ``AWS::NoValue`` a ``ValueError``.
    """
    local: dict[str, Any] = {}

    def in_template(name: str) -> str:
        if name.startswith("AWS::"):
            return f"${{{name}}}"
        value = _valued(values[name])
        if isinstance(value, str):
            return value.replace("${", "${!")
        if isinstance(value, AWSHelperFn):
            local[name] = value
            return f"${{{name}}}"
        return f"${{{value.title}}}"

    return Sub(substitute(text, in_template), **local)


def ref(value: Named) -> AWSHelperFn | str:
    """The value itself, where no text surrounds it. ``AWS::NoValue`` is a ``ValueError``."""
    _valued(value)
    return value if isinstance(value, AWSHelperFn | str) else Ref(value)


def role_arn(role_name: Named) -> Sub:
    """The ARN of the role with this name, which may have its path before it."""
    return sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${role}", role=role_name)


def substitute(text: str, value: Callable[[str], str], *, unescape: bool = False) -> str:
    """The text of an ``Fn::Sub`` with the value of each name in it; with ``unescape``, ``${!Name}`` is ``${Name}``."""

    def replaced(match: re.Match[str]) -> str:
        escaped, name = match.groups()
        if not escaped:
            return value(name)
        return f"${{{name}}}" if unescape else match.group()

    return _PLACE.sub(replaced, text)


def names_in(text: str) -> list[str]:
    """The names in the text of an ``Fn::Sub``, in order, each as often as it is there."""
    return [name for escaped, name in _PLACE.findall(text) if not escaped]


def arguments_of_sub(argument: Any) -> tuple[str, dict[str, Any]]:
    """The text of an ``Fn::Sub``, and the names that it defines itself."""
    text, local = argument if isinstance(argument, list) else (argument, {})
    return text, local


def intrinsic(node: Any) -> tuple[str, Any] | None:
    """The intrinsic function that the node is, without ``Fn::``, with its argument; None for anything else."""
    if isinstance(node, dict) and len(node) == 1:
        ((name, argument),) = node.items()
        if name.startswith("Fn::"):
            return name.removeprefix("Fn::"), argument
        if name == "Ref" or (name == "Condition" and isinstance(argument, str)):
            return name, argument
    return None


def walk(node: Any) -> Iterator[Any]:
    """The node and every node below it, from the outside in and in order."""
    yield node
    if isinstance(node, dict):
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, list):
        for item in node:
            yield from walk(item)


def references(node: Any) -> Iterator[str]:
    """The parameters, resources and pseudo parameters that the node refers to, as often as it does."""
    for each in walk(node):
        function = intrinsic(each)
        if function is None:
            continue
        name, argument = function
        if name == "Ref":
            yield argument
        elif name == "GetAtt":
            yield argument[0] if isinstance(argument, list) else argument.partition(".")[0]
        elif name == "Sub":
            text, local = arguments_of_sub(argument)
            yield from (name.partition(".")[0] for name in names_in(text) if name not in local)


def _valued(value: Named) -> Named:
    if isinstance(value, Ref) and value.data == {"Ref": "AWS::NoValue"}:
        raise ValueError("AWS::NoValue is not a name")
    return value
