"""Addresses in the AWS console, whose domain depends on the partition that a stack is launched in."""

from __future__ import annotations

from troposphere import FindInMap, Ref, Sub, Template

from .intrinsics import Named, sub
from .partitions import PARTITIONS

PARTITIONS_MAPPING = "Partitions"

# After the console's domain; in the console's own words, a form to review and create.
FORM = "cloudformation/home?region={region}#/stacks/create/review?{query}"


def console_url(path: str, **values: Named) -> Sub:
    """The address of a page of the console of the stack's own region and partition.

    The template needs :func:`add_partitions`.
    """
    console = FindInMap(PARTITIONS_MAPPING, Ref("AWS::Partition"), "Console")
    return sub(f"https://${{AWS::Region}}.${{Console}}/{path}", Console=console, **values)


def add_partitions(template: Template) -> None:
    """Adds the mapping that :func:`console_url` looks the console's domain up in."""
    template.add_mapping(
        PARTITIONS_MAPPING, {name: {"Console": partition.console_domain} for name, partition in PARTITIONS.items()}
    )
