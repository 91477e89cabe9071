"""The chain from one published template to the next: an output that opens the next form, filled in.

CloudFormation has no function that percent-encodes. A value is therefore filled in only where the
constraint on it leaves no character that an address would have to encode, or only such that ``Split``
and ``Join`` replace: what may stand in an address is in
https://www.rfc-editor.org/rfc/rfc3986#section-3.5, and a form's address gives ``+ = & %`` meanings of
their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from troposphere import AWSHelperFn, Join, Output, Split, Template

from .. import constraints
from ..catalog import ALL_ENVIRONMENTS, PREREQUISITES
from ..cfn.console import FORM, PARTITIONS_MAPPING, add_partitions, console_url
from ..cfn.evaluation import possible_values
from ..cfn.intrinsics import names_in, substitute
from ..constraints import or_existing
from ..steps import BuildStep
from .quick_create import stack_name

# The constraints on values that are filled in, and the characters to replace in such a value.
REPLACED = {
    constraints.PIPELINE_NAME: "",
    constraints.BUCKET_NAME: "",
    constraints.NEW_BUCKET_NAME: "",
    constraints.KMS_KEY_ARN: "",
    constraints.TOPIC_NAME: "",
    constraints.CODECOMMIT_REPOSITORY: "",
    constraints.CONNECTION_ARN: "",
    constraints.CONNECTION_ARN_OR_BLANK: "",
    constraints.FULL_REPOSITORY_ID: "",
    constraints.BUILD_PROJECT: "",
    constraints.ECR_REPOSITORY: "",
    constraints.ECS_NAME: "",
    constraints.NEW_ROLE_NAME: "+=",
    constraints.NAMED_ROLE: "+=",
}
_BY_PATTERN = {constraint.pattern: characters for constraint, characters in REPLACED.items()} | {
    or_existing(one, other).pattern: "".join(sorted({*REPLACED[one], *REPLACED[other]}))
    for one in REPLACED
    for other in REPLACED
}

# What a resource says of itself, as possible_values has it.
_SAFE_ATTRIBUTES = r"<[A-Za-z0-9]+\.ConnectionArn>"
_SAFE_PSEUDO_PARAMETERS = {"AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::StackName"}


@dataclass(frozen=True)
class NextStep:
    """The template to launch next.

    Its parameters are filled in with the outputs of the same names. ``outputs`` says under which other
    name an output is, by parameter.
    """

    template: str
    outputs: Mapping[str, str] = field(default_factory=dict)


def next_steps(steps: Sequence[BuildStep]) -> dict[str, list[NextStep]]:
    """What to launch after each template. The prerequisites know the names of all that follows."""
    builds = [
        NextStep(step.file_name, {step.own_project.name: step.project.name, step.own_role.name: step.role.name})
        for step in steps
    ]
    return {
        PREREQUISITES: [*builds, NextStep(ALL_ENVIRONMENTS)],
        **{step.file_name: [NextStep(ALL_ENVIRONMENTS, {step.project.name: step.own_project.name})] for step in steps},
    }


def add_next_step(template: Template, step: NextStep, parameters: Iterable[str], published_url: str) -> None:
    """Adds the output that opens the form of the next template, which has these parameters.

    ``published_url``: the folder that the next template is in.
    """
    data = template.to_dict()
    if PARTITIONS_MAPPING not in template.mappings:
        add_partitions(template)
    name = stack_name(step.template)
    query = f"templateURL={quote(f'{published_url}/{step.template}', safe='')}&stackName={name}"
    values: dict[str, AWSHelperFn] = {}
    count = 0
    for parameter in parameters:
        count += 1
        output = step.outputs.get(parameter, parameter)
        if output not in template.outputs:
            continue
        characters = _to_encode(data, data["Outputs"][output]["Value"])
        value = template.outputs[output].Value
        if characters is None or not isinstance(value, AWSHelperFn):
            continue
        for character in characters:
            value = Join(quote(character, safe=""), Split(character, value))
        values[parameter] = value
        query += f"&param_{parameter}=${{{parameter}}}"
    template.add_output(
        Output(
            "Launch" + "".join(word.capitalize() for word in name.split("-")),
            Description=f"Opens the form of {step.template} with {len(values)} of its {count} fields filled in",
            Value=console_url(FORM.format(region="${AWS::Region}", query=query), **values),
        )
    )


def _to_encode(template: Mapping[str, Any], value: Any) -> list[str] | None:
    """The characters to encode for the value to stand in an address; None where that cannot be said for every value."""
    characters: set[str] = set()
    for possible in possible_values(template, value):
        text = re.sub(_SAFE_ATTRIBUTES, "", possible) if isinstance(possible, str) else possible
        if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9._~/-]*", substitute(text, lambda _name: "")):
            return None
        for name in names_in(text):
            if name in _SAFE_PSEUDO_PARAMETERS:
                continue
            pattern = template["Parameters"].get(name, {}).get("AllowedPattern")
            if pattern not in _BY_PATTERN:
                return None
            characters.update(_BY_PATTERN[pattern])
    return sorted(characters)
