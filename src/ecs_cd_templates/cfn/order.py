"""In which order CloudFormation makes a template's resources.

A resource comes after those that it refers to anywhere, its metadata included, or names in ``DependsOn``
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-dependson.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from troposphere import AWSObject, If, NoValue, Ref, Template

from .intrinsics import references


def last_resources(template: Template) -> dict[str, str | None]:
    """The resources that no other surely waits for, each with its condition: what comes after these comes last."""
    resources = {title: resource.to_dict() for title, resource in template.resources.items()}
    waited_for: set[str] = set()
    for resource in resources.values():
        condition = resource.get("Condition")
        for title in _surely_before(resource):
            if title in resources and condition in (None, resources[title].get("Condition")):
                waited_for.add(title)
    return {title: resource.get("Condition") for title, resource in resources.items() if title not in waited_for}


def come_after(resource: AWSObject, others: Mapping[str, str | None]) -> None:
    """Makes the resource wait for the others, each of which has a condition or None.

    ``DependsOn`` takes no resource whose condition may not hold; a reference in the metadata does the same.
    """
    own = set(_surely_before(resource.to_dict()))
    always = sorted(title for title, condition in others.items() if condition is None and title not in own)
    if always:
        resource.DependsOn = always
    conditional = [If(condition, Ref(title), NoValue) for title, condition in others.items() if condition is not None]
    if conditional:
        resource.Metadata = {"CreatedAfter": conditional}


def _surely_before(resource: dict[str, Any]) -> Iterator[str]:
    """The titles that the resource refers to, whatever its conditions say."""
    depends_on = resource.get("DependsOn", [])
    yield from [depends_on] if isinstance(depends_on, str) else depends_on
    yield from references(_without_ifs(resource))


def _without_ifs(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_ifs(value) for key, value in node.items() if key != "Fn::If"}
    if isinstance(node, list):
        return [_without_ifs(item) for item in node]
    return node
