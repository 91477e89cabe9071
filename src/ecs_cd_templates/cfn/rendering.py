"""A template as YAML for people: short intrinsics, sections in reading order, the same bytes every time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from textwrap import indent
from typing import Any

import yaml
from troposphere import Template

from ..checks import instance
from ..errors import TemplateSizeError
from .limits import MAX_BODY_BYTES_FROM_S3

SECTIONS = (
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Resources",
    "Outputs",
)

# Wider than any line: CloudFormation's readers disagree on folded scalars.
_WIDTH = 2**31 - 1


def to_yaml(template: Template) -> str:
    """The template as block-style YAML text that ends in a newline.

    Raises :class:`TemplateSizeError` if it is larger than the 1 MB that CloudFormation reads from S3
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html), and
    troposphere's ``ValueError`` if a resource lacks a required property.
    """
    instance("template", template, Template)
    content = template.to_dict()
    content["AWSTemplateFormatVersion"] = "2010-09-09"
    ordered = {section: content.pop(section) for section in SECTIONS if section in content}
    if content:
        raise AssertionError(f"sections without a place in the order: {sorted(content)}")
    ordered["Resources"] = {name: _resource(resource) for name, resource in ordered["Resources"].items()}
    text = "".join(_section(name, entries) for name, entries in ordered.items())
    size = len(text.encode())
    if size > MAX_BODY_BYTES_FROM_S3:
        raise TemplateSizeError(
            "template",
            f"{size} bytes",
            f"CloudFormation reads {MAX_BODY_BYTES_FROM_S3} at most: use fewer environments, launches or tags",
        )
    return text


def _section(name: str, entries: Any) -> str:
    """The text of a section, made entry by entry, of which templates have many in common."""
    if not isinstance(entries, dict) or not entries:
        return _dumped(json.dumps({name: entries}))
    texts = (_dumped(json.dumps({key: entry})) for key, entry in entries.items())
    # A line of its own stands before and after each: nothing in an entry depends on its neighbours.
    return f"{name}:\n{''.join(indent(text, '  ') for text in texts)}"


# Emitting is most of the work. So many entries as the templates of a service have a few times over.
@lru_cache(maxsize=1024)
def _dumped(content: str) -> str:
    """The YAML text of what is JSON: a key like any other, unlike the data itself."""
    return yaml.dump(
        json.loads(content),
        Dumper=_Dumper,
        width=_WIDTH,
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=False,
    )


_RESOURCE_KEYS = (
    "Type",
    "Condition",
    "DependsOn",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "CreationPolicy",
    "UpdatePolicy",
    "Metadata",
    "Properties",
)


def _resource(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The resource with its type first and its properties last."""
    return {key: resource[key] for key in _RESOURCE_KEYS if key in resource}


class _Dumper(yaml.SafeDumper):
    """PyYAML's own emitter, not libyaml's: not every PyYAML has the latter, and the two differ in places."""

    def ignore_aliases(self, _data: object) -> bool:
        return True

    def choose_scalar_style(self) -> str:
        # PyYAML would quote every scalar with a tag: !Ref 'Name'.
        style: str = super().choose_scalar_style()
        event, analysis = self.event, self.analysis
        if isinstance(event, yaml.ScalarEvent) and event.tag and event.tag.startswith("!") and not event.style:
            return "" if analysis and analysis.allow_block_plain and not analysis.multiline else style
        return style

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's own
        # Lists are indented below their key.
        super().increase_indent(flow, indentless=False)


def _represent_mapping(dumper: _Dumper, data: dict[str, Any]) -> yaml.Node:
    if len(data) == 1:
        ((name, argument),) = data.items()
        if name in ("Ref", "Condition") or name.startswith("Fn::"):
            short = _short_form(dumper, name, argument)
            if short is not None:
                return short
    return dumper.represent_mapping("tag:yaml.org,2002:map", data)


def _short_form(dumper: _Dumper, name: str, argument: Any) -> yaml.Node | None:
    """The intrinsic as a tag, or None where YAML has no place for the tag."""
    tag = f"!{name.removeprefix('Fn::')}"
    if name == "Fn::GetAtt":
        argument = ".".join(argument)
    if isinstance(argument, str):
        return dumper.represent_scalar(tag, argument, style=_scalar_style(argument))
    if isinstance(argument, list):
        return dumper.represent_sequence(tag, argument)
    # A mapping argument may itself become a tag, and a node can have only one.
    return None


def _scalar_style(text: str) -> str | None:
    if "\n" in text:
        return "|"
    # YAML 1.1 and 1.2 readers disagree on 0123, 1_000, 12e3, .5 and the like: a quoted string is one for both.
    # With a tag before it, nothing at all would be empty text for one and null for the other.
    if not text or (text[0] in "0123456789.+-=" or text.lower() in ("y", "n", "yes", "no", "on", "off", "~", "null")):
        return "'"
    return None


def _represent_text(dumper: _Dumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=_scalar_style(text))


_Dumper.add_representer(dict, _represent_mapping)
_Dumper.add_representer(str, _represent_text)
# A text of a form knows more than its characters.
_Dumper.add_multi_representer(str, _represent_text)
