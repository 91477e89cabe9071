"""The chain from one published template to the next: an output that opens the next form, filled in.

CloudFormation has no function that percent-encodes. A value is therefore filled in only where the
constraint on it leaves no character that an address would have to encode, or only such that ``Split``
and ``Join`` replace: what may stand in an address is in
https://www.rfc-editor.org/rfc/rfc3986#section-3.5, and a form's address gives ``+ = & %`` meanings of
their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from troposphere import AWSHelperFn, Join, Output, Split, Template

from .. import constraints
from ..cfn.console import FORM, PARTITIONS_MAPPING, add_partitions, console_url
from ..cfn.evaluation import NAME_PROPERTY
from ..constraints import or_existing
from .quick_create import stack_name

# The constraints on values that are filled in, and the characters to replace in such a value.
REPLACED = {
    constraints.PIPELINE_NAME: "",
    constraints.BUCKET_NAME: "",
    constraints.NEW_BUCKET_NAME: "",
    constraints.TOPIC_NAME: "",
    constraints.CODECOMMIT_REPOSITORY: "",
    constraints.BUILD_PROJECT: "",
    constraints.ECR_REPOSITORY: "",
    constraints.ECS_NAME: "",
    constraints.NEW_ROLE_NAME: "+=",
    constraints.NAMED_ROLE: "+=",
}
_BY_PATTERN = {constraint.pattern: characters for constraint, characters in REPLACED.items()} | {
    or_existing(one, other).pattern: REPLACED[one] or REPLACED[other] for one in REPLACED for other in REPLACED
}

_SAFE_PSEUDO_PARAMETERS = {"AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::StackName"}


@dataclass(frozen=True)
class NextStep:
    """The template to launch next.

    Its parameters are filled in with the outputs of the same names. ``outputs`` says under which other
    name an output is, by parameter.
    """

    template: str
    outputs: Mapping[str, str] = field(default_factory=dict)


def add_next_step(template: Template, step: NextStep, parameters: Mapping[str, Any], published_url: str) -> None:
    """Adds the output that opens the form of the next template, which has these parameters.

    ``published_url``: the folder that the next template is in.
    """
    if PARTITIONS_MAPPING not in template.mappings:
        add_partitions(template)
    name = stack_name(step.template)
    query = f"templateURL={quote(f'{published_url}/{step.template}', safe='')}&stackName={name}"
    values: dict[str, AWSHelperFn] = {}
    for parameter in parameters:
        output = template.outputs.get(step.outputs.get(parameter, parameter))
        value = _encoded(template, output.Value) if output is not None else None
        if value is not None:
            values[parameter] = value
            query += f"&param_{parameter}=${{{parameter}}}"
    share = f"{len(values)} of its {len(parameters)} fields filled in"
    template.add_output(
        Output(
            "Launch" + "".join(word.capitalize() for word in name.split("-")),
            Description=f"Opens the form of {step.template} with {share}",
            Value=console_url(FORM.format(region="${AWS::Region}", query=query), **values),
        )
    )


def _encoded(template: Template, value: Any) -> AWSHelperFn | None:
    """The value as it may stand in an address, or None where that cannot be said for every value."""
    patterns = set(_patterns(template, _data(value)))
    if not (isinstance(value, AWSHelperFn) and patterns <= _BY_PATTERN.keys()):
        return None
    encoded = value
    for character in sorted({character for pattern in patterns for character in _BY_PATTERN[pattern]}):
        encoded = Join(quote(character, safe=""), Split(character, encoded))
    return encoded


def _patterns(template: Template, node: Any) -> Iterator[str | None]:
    """The pattern of each parameter that the text is made of; None for what else may not stand in an address."""
    if isinstance(node, list):
        for item in node:
            yield from _patterns(template, item)
    elif isinstance(node, dict) and len(node) == 1:
        ((function, argument),) = node.items()
        if function == "Ref":
            yield from _patterns_of_name(template, argument)
        elif function == "Fn::Sub":
            text, local = argument if isinstance(argument, list) else (argument, {})
            for name in re.findall(r"\$\{([^}]+)\}", text):
                yield from _patterns(template, local.get(name, {"Ref": name}))
            yield from _patterns(template, re.sub(r"\$\{[^}]+\}", "", text))
        elif function == "Fn::If":
            yield from _patterns(template, argument[1:])
        elif function == "Fn::Join":
            yield from _patterns(template, argument)
        elif function == "Fn::Split":
            # What a text is split at is no longer in it.
            yield from _patterns(template, argument[1])
        else:
            yield None
    elif not re.fullmatch(r"[A-Za-z0-9._~/-]*", str(node)):
        yield None


def _patterns_of_name(template: Template, name: str) -> Iterator[str | None]:
    if name in template.parameters:
        yield template.parameters[name].resource.get("AllowedPattern")
    elif name in template.resources:
        resource = template.resources[name]
        named = resource.properties.get(NAME_PROPERTY.get(str(resource.resource_type), ""))
        yield from [None] if named is None else _patterns(template, _data(named))
    elif name not in _SAFE_PSEUDO_PARAMETERS:
        yield None


def _data(value: Any) -> Any:
    """A troposphere object as plain data."""
    return value.to_dict() if hasattr(value, "to_dict") else value
