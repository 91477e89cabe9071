"""Strings that CloudFormation completes: every name in them is taken from an object, never retyped."""

from __future__ import annotations

import re
from collections.abc import Mapping

from troposphere import AWSObject, FindInMap, Parameter, Ref, Sub, Template

from .partitions import PARTITIONS

PARTITIONS_MAPPING = "Partitions"


def sub(text: str, **objects: Parameter | AWSObject) -> Sub:
    """``Fn::Sub`` of the text, in which ``${name}`` stands for the object passed as ``name``.

    Pseudo parameters (``${AWS::Region}``) stand for themselves. A name without an object is a
    ``KeyError``.
    """
    return Sub(_with_titles(text, objects))


def role_arn(role_name: Parameter) -> Sub:
    """The ARN of the role whose name, after its path if it has one, is the parameter's value."""
    return sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${role}", role=role_name)


def console_url(path: str, **objects: Parameter | AWSObject) -> Sub:
    """The address of a page of the console of the stack's own region and partition.

    The template needs :func:`add_partitions`.
    """
    return Sub(
        _with_titles(f"https://${{AWS::Region}}.${{Console}}/{path}", objects, local="Console"),
        Console=FindInMap(PARTITIONS_MAPPING, Ref("AWS::Partition"), "Console"),
    )


def add_partitions(template: Template) -> None:
    """Adds the mapping that :func:`console_url` looks the console's domain up in."""
    template.add_mapping(
        PARTITIONS_MAPPING, {name: {"Console": partition.console_domain} for name, partition in PARTITIONS.items()}
    )


def _with_titles(text: str, objects: Mapping[str, Parameter | AWSObject], local: str | None = None) -> str:
    def title(match: re.Match[str]) -> str:
        name = match.group(1)
        if name.startswith("AWS::") or name == local:
            return match.group()
        return f"${{{objects[name].title}}}"

    return re.sub(r"\$\{([^}]+)\}", title, text)
