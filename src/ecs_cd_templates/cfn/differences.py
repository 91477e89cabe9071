"""What changes from one template to another, and which resources CloudFormation would replace because of it.

Only templates are compared: what a stack was launched with is not known here. So what hangs on a parameter's
value is said with an "if".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

import yaml

from ..errors import NOT_GIVEN, TemplateFileError
from .evaluation import PSEUDO_PARAMETERS, Evaluator
from .intrinsics import intrinsic, references, walk
from .reading import from_yaml

Template = Mapping[str, Any]

# What a form or a page shows, by section: these are counted, not quoted.
_TEXTS = {
    "Parameters": {"Description", "ConstraintDescription"},
    "Rules": {"AssertDescription"},
    "Outputs": {"Description"},
}
_SECTIONS = {
    "Parameters": "parameter",
    "Rules": "rule",
    "Mappings": "mapping",
    "Conditions": "condition",
    "Outputs": "output",
}

# What tells one item of a list from the others, if each item has it.
_IDENTITIES = ("Name", "Sid", "PolicyName", "Key", "ParameterKey", "Id")

# The kinds of create-only properties, and what a change of one does.
_KINDS = {"always": "REPLACED", "sometimes": "may be REPLACED"}

_LONGEST_SHOWN = 60

Steps = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A difference, which ``str()`` says in one line.

    ``thing``: what differs, such as ``resource Bucket (AWS::S3::Bucket)``. ``place``: where in it, blank for all
    of it. ``old`` and ``new``: the values, or :data:`NOT_GIVEN`. ``note``: what stands instead of values.
    ``effect``: what CloudFormation would do, if that is more than an update in place: it has the word REPLACED,
    DELETED, FAILS or kept in it.
    """

    kind: Literal["added", "removed", "changed"]
    thing: str
    place: str = ""
    old: Any = NOT_GIVEN
    new: Any = NOT_GIVEN
    note: str = ""
    effect: str = ""

    def __str__(self) -> str:
        parts = [f"{self.kind}: {self.thing}", self.place, self.note or _values(self.old, self.new), self.effect]
        return ": ".join(part for part in parts if part)


def template_from(name: str, text: str) -> dict[str, Any]:
    """The text of a template as data. Raises :class:`TemplateFileError`, which calls the text by the name."""
    try:
        template = from_yaml(text)
        valid = _is_template(template)
    # RecursionError: nested deeper than Python reads.
    except (yaml.YAMLError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        valid = False
    if not valid:
        remedy = "is not a CloudFormation template: move it away, or render it anew"
        raise TemplateFileError("template", name, remedy)
    return dict(template)


def _is_template(template: Any) -> bool:
    """Whether the data is of a template's form; for some of what is not, it raises."""
    sections = [template.get(section, {}).values() for section in _SECTIONS]
    resources = template["Resources"].values()
    _dependencies(template, template)
    _texts(template)
    return (
        all(isinstance(each, dict) for those in sections for each in those)
        and all(isinstance(each["Type"], str) for each in resources)
        and all(isinstance(each.get("Properties", {}), dict) for each in resources)
    )


def of_templates(old: Template, new: Template) -> list[Difference]:
    """What differs between two templates, section by section, and what CloudFormation would do to the resources.

    A resource is replaced where a property changes that the registry calls create-only, also because of a default,
    a condition, a mapping or a replaced resource that the property refers to
    (https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html).
    """
    found: list[Difference] = []
    for section in ("Parameters", "Rules", "Mappings", "Conditions"):
        found += _section(section, old, new)
    found += _resources(old, new)
    found += _section("Outputs", old, new)
    before, after = _texts(old), _texts(new)
    texts = sum(before[each] != after[each] for each in before.keys() & after.keys())
    if texts:
        found.append(Difference(kind="changed", thing="texts or order of the form", note=str(texts)))
    return found


def of_parameters(old: Mapping[str, str], new: Mapping[str, str]) -> list[Difference]:
    """What differs between the values of two parameter files."""
    return [
        Difference(
            kind=_kind(old, new, name),
            thing=f"parameter {name}",
            old=old.get(name, NOT_GIVEN),
            new=new.get(name, NOT_GIVEN),
        )
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]


def _kind(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> Literal["added", "removed", "changed"]:
    if name not in old:
        return "added"
    return "changed" if name in new else "removed"


def _section(section: str, old: Template, new: Template) -> Iterator[Difference]:
    before, after = old.get(section, {}), new.get(section, {})
    for name in {**before, **after}:
        kind, thing = _kind(before, after, name), f"{_SECTIONS[section]} {name}"
        if kind == "changed":
            for path, one, other in _changes(
                _without_texts(section, before[name]), _without_texts(section, after[name])
            ):
                yield Difference(kind=kind, thing=thing, place=_written(path), old=one, new=other)
        else:
            asks = section == "Parameters" and kind == "added" and "Default" not in after[name]
            yield Difference(kind=kind, thing=thing, note="it has no default, so an update needs a value" * asks)


def _texts(template: Template) -> dict[tuple[str, str], Any]:
    """The texts and the order of the form, by what they are for."""
    metadata = {**template.get("Metadata", {})}
    interface = {**metadata.pop("AWS::CloudFormation::Interface", {})}
    labels = interface.pop("ParameterLabels", {})
    found = {("Description", ""): template.get("Description"), ("Metadata", ""): [metadata, interface]}
    found |= {("Metadata", name): label for name, label in labels.items()}
    for section, keys in _TEXTS.items():
        for name, one in template.get(section, {}).items():
            parts = [each for each in walk(one) if isinstance(each, dict)]
            found[section, name] = [each[key] for each in parts for key in sorted(keys & each.keys())]
    return found


def _without_texts(section: str, node: Any) -> Any:
    if isinstance(node, dict):
        left = {key: _without_texts(section, value) for key, value in node.items()}
        return {key: value for key, value in left.items() if key not in _TEXTS.get(section, ())}
    return [_without_texts(section, item) for item in node] if isinstance(node, list) else node


# What happens to resources -------------------------------------------------------------------------------------------


def _resources(old: Template, new: Template) -> list[Difference]:
    before, after = old["Resources"], new["Resources"]
    replaced: dict[str, list[Difference]] = {}
    # Who refers to a replaced resource may be replaced as well, and so on.
    while True:
        found = {name: _resource(old, new, name, frozenset(replaced)) for name in {**before, **after}}
        now = {name: those for name, those in found.items() if any("REPLACED" in each.effect for each in those)}
        if now.keys() == replaced.keys():
            return [difference for those in found.values() for difference in those]
        replaced = now


def _resource(old: Template, new: Template, name: str, replaced: frozenset[str]) -> list[Difference]:
    """The differences of one resource, if these are replaced."""
    before, after = old["Resources"], new["Resources"]
    kind = _kind(before, after, name)
    one, other = before.get(name), after.get(name)
    thing = f"resource {name} ({(other or one)['Type']})"
    if kind == "removed":
        return [Difference(kind=kind, thing=thing, effect=_when_removed(one))]
    if kind == "added":
        return [Difference(kind=kind, thing=thing, effect=_when_added(other, before, after))]
    if one["Type"] != other["Type"]:
        effect = "FAILS: CloudFormation changes no resource's type; give the new one another logical ID"
        return [Difference(kind=kind, thing=thing, place="Type", old=one["Type"], new=other["Type"], effect=effect)]
    found = []
    for path, was, becomes in _changes(_flat(one), _flat(other)):
        effect = _effect(old, new, name, path)
        found.append(Difference(kind=kind, thing=thing, place=_written(path), old=was, new=becomes, effect=effect))
    return found + [
        Difference(kind=kind, thing=thing, place=place, note=note, effect=effect)
        for place, note, effect in _followed(old, new, name, replaced)
    ]


def _flat(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The resource's attributes beside its properties, so that a property's place begins with its name."""
    attributes = {key: value for key, value in resource.items() if key not in {"Type", "Properties"}}
    return {**resource.get("Properties", {}), **{f"({key})": value for key, value in attributes.items()}}


def _when_removed(resource: Mapping[str, Any]) -> str:
    """What becomes of a resource that is in the template no more.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
    """
    policy = resource.get("DeletionPolicy", "Delete")
    if policy == "Delete":
        return "DELETED"
    return "a snapshot is kept" if policy == "Snapshot" else "kept"


def _when_added(resource: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What is in the way of a new resource: CloudFormation makes it before it deletes the one that it is to follow."""
    name = _own_name(resource)
    for title, other in before.items():
        if title not in after and name is not None and name == _own_name(other):
            return f"FAILS: {title} has the same name, and is deleted last"
    return ""


def own_names(kind: str) -> tuple[str, str]:
    """The properties that may hold the name of a resource of the type: ``Name``, or the last part of it before that."""
    return "Name", f"{kind.rpartition('::')[2]}Name"


def _own_name(resource: Mapping[str, Any]) -> Any:
    """What tells the resource from every other, if the template gives it a name; otherwise None."""
    properties, kind = resource.get("Properties", {}), resource["Type"]
    for name in own_names(kind):
        if name in properties:
            within = _create_only().get(kind, {}).get("within", [])
            return [kind, properties[name], *(properties.get(each) for each in within)]
    return None


def _effect(old: Template, new: Template, name: str, path: Steps) -> str:
    """What a change at the place of a resource that stays does to it."""
    if str(path[0]).startswith("("):
        return "may be made or DELETED" if path == ("(Condition)",) else ""
    one, other = old["Resources"][name], new["Resources"][name]
    known = _create_only().get(other["Type"])
    if known is None:
        return "may be REPLACED: nothing is known of this type"
    for kind, may in _KINDS.items():
        for place in known.get(kind, []):
            parts = place.split("/")
            before, after = (list(_at(each.get("Properties", {}), parts)) for each in (one, other))
            if before == after or any(part not in ("*", step) for part, step in zip(parts, path, strict=False)):
                continue
            if not any(map(_has_intrinsic, (before, after))):
                return may + _with_old(one, other)
            if _usual_value(old, before) == _usual_value(new, after) is not NOT_GIVEN:
                return "updated in place, as the value is the same with the defaults"
            return f"{may} unless the value stays the same{_with_old(one, other)}"
    return ""


def _usual_value(template: Template, node: Any) -> Any:
    """What the node becomes with the defaults of the parameters, or NOT_GIVEN where that is not all there is to it."""
    parameters = template.get("Parameters", {})
    if any(section == "Conditions" for section, _ in _dependencies(template, node)):
        return NOT_GIVEN
    names = {name: str(each.get("Default", f"<{name}>")) for name, each in parameters.items()}
    pseudo = {name: f"<{name}>" for name in PSEUDO_PARAMETERS}
    try:
        return Evaluator(template, names | pseudo).value(node)
    except (LookupError, TypeError, ValueError):
        return NOT_GIVEN


def _with_old(old: Mapping[str, Any], new: Mapping[str, Any], *, renamed: bool = False) -> str:
    """The end of the effect for a replaced resource: what its name is in the way of, or whether the old one is kept.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html and
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatereplacepolicy.html
    """
    name = _own_name(new)
    if name is not None and name == _own_name(old) and not renamed:
        return ", which FAILS while its name stays"
    return "" if new.get("UpdateReplacePolicy", "Delete") == "Delete" else ", and the old one is kept"


def _at(node: Any, parts: list[str]) -> Iterator[Any]:
    """What is at the place in the properties; an intrinsic on the way, which may be anything."""
    if not parts or intrinsic(node) is not None:
        yield node
        return
    first, *rest = parts
    if isinstance(node, dict):
        for value in node.values() if first == "*" else [node[first]] if first in node else []:
            yield from _at(value, rest)
    elif isinstance(node, list) and first == "*":
        for item in node:
            yield from _at(item, rest)


def _has_intrinsic(node: Any) -> bool:
    return any(intrinsic(each) is not None for each in walk(node))


def _followed(old: Template, new: Template, name: str, replaced: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    """The places of a resource whose text stays, but not what they refer to: place, note and effect."""
    one, other = old["Resources"][name], new["Resources"][name]
    if "Condition" in other and one.get("Condition") == other["Condition"]:
        for what, when in _reasons(old, new, {"Condition": other["Condition"]}, replaced):
            yield "Condition", f"follows {what}", f"may be made or DELETED if {when}"
    known = _create_only().get(other["Type"], {})
    for kind, may in _KINDS.items():
        for place in known.get(kind, []):
            before, after = (list(_at(each.get("Properties", {}), place.split("/"))) for each in (one, other))
            if before != after:
                continue
            end = _with_old(one, other, renamed=place in own_names(other["Type"]))
            for what, when in _reasons(old, new, after, replaced):
                yield place.replace("/", "."), f"follows {what}", f"{may} if {when}{end}"


def _reasons(old: Template, new: Template, node: Any, replaced: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What the node refers to and is not what it was, each with the case in which that matters."""
    for section, name in _dependencies(new, node):
        one, other = (each.get(section, {}).get(name, {}) for each in (old, new))
        if section == "Parameters" and one.get("Default") != other.get("Default"):
            yield f"parameter {name}", "its default is used"
        elif section == "Conditions" and one != other:
            yield f"condition {name}", "it turns out otherwise"
        elif section == "Mappings" and one != other:
            yield f"mapping {name}", "its value is another"
        elif section == "Resources" and name in replaced:
            yield f"resource {name}", "that is"


def _dependencies(template: Template, node: Any) -> list[tuple[str, str]]:
    """The sections and names of all that decides what the node becomes, also by way of conditions."""
    found: dict[tuple[str, str], None] = {}

    def follow(node: Any) -> None:
        for each in walk(node):
            function = intrinsic(each)
            match function:
                case ("If", [str(condition), *_]) | ("Condition", str(condition)):
                    if ("Conditions", condition) not in found:
                        found["Conditions", condition] = None
                        follow(template.get("Conditions", {}).get(condition))
                case ("FindInMap", [str(mapping), *_]):
                    found["Mappings", mapping] = None
        for name in references(node):
            for section in ("Parameters", "Resources"):
                if name in template.get(section, {}):
                    found[section, name] = None

    follow(node)
    return list(found)


@cache
def _create_only() -> Mapping[str, Mapping[str, list[str]]]:
    """The places of each type's create-only properties: those that always are, and those that are sometimes."""
    data: dict[str, dict[str, list[str]]] = json.loads(
        Path(__file__).with_name("create_only.json").read_text(encoding="utf-8")
    )
    return data


# Any two values ------------------------------------------------------------------------------------------------------


def _changes(old: Any, new: Any, path: Steps = ()) -> Iterator[tuple[Steps, Any, Any]]:
    """The smallest parts that differ, each with its path; what is only on one side is NOT_GIVEN on the other."""
    if old == new and str(old) == str(new):  # True is 1, but not the same text
        return
    if isinstance(old, dict) and isinstance(new, dict) and intrinsic(old) is None and intrinsic(new) is None:
        for key in {**old, **new}:
            yield from _changes(old.get(key, NOT_GIVEN), new.get(key, NOT_GIVEN), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_changes(old, new, path)
    else:
        yield path, old, new


def _list_changes(old: list[Any], new: list[Any], path: Steps) -> Iterator[tuple[Steps, Any, Any]]:
    before, after = _identities(old, new)
    for _, start, end, new_start, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        for place, (one, other) in enumerate(zip_longest(old[start:end], new[new_start:new_end], fillvalue=NOT_GIVEN)):
            # Where it is now, or where it was if it is no more.
            at = start + place if other is NOT_GIVEN else new_start + place
            yield from _changes(one, other, (*path, at))


def _identities(old: list[Any], new: list[Any]) -> tuple[list[str], list[str]]:
    """What tells the items of either list from each other."""
    for key in _IDENTITIES:
        names = [
            [
                json.dumps(item[key], default=str, sort_keys=True)
                for item in items
                if isinstance(item, dict) and key in item
            ]
            for items in (old, new)
        ]
        if all(len(set(those)) == len(items) for those, items in zip(names, (old, new), strict=True)):
            return names[0], names[1]
    whole = [[json.dumps(item, default=str, sort_keys=True) for item in items] for items in (old, new)]
    return whole[0], whole[1]


def _written(path: Steps) -> str:
    """The path as people write it: ``Stages[1].Actions[0].Name``."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    if path and str(path[0]).startswith("("):
        steps[0] = str(path[0]).strip("()")
    return "".join(steps).removeprefix(".")


def _values(old: Any, new: Any) -> str:
    if old is NOT_GIVEN and new is NOT_GIVEN:
        return ""
    if old is NOT_GIVEN:
        return f"added {_cut(_said(new))}"
    if new is NOT_GIVEN:
        return f"removed {_cut(_said(old))}"
    one, other = _said(old), _said(new)
    # What two long texts begin with is the same for both.
    same = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, same - 20) if max(len(one), len(other)) > _LONGEST_SHOWN else 0
    return " → ".join(_cut("…" * bool(start) + text[start:]) for text in (one, other))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _said(node: Any) -> str:
    """The value on one line, with short intrinsics."""
    function = intrinsic(node)
    if function is not None:
        name, argument = function
        if name == "GetAtt" and isinstance(argument, list):
            argument = ".".join(map(str, argument))
        return f"!{name} {argument if name in ('Ref', 'GetAtt', 'Condition') else _said(argument)}"
    if isinstance(node, dict):
        return "{" + ", ".join(f"{key}: {_said(value)}" for key, value in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(map(_said, node)) + "]"
    return json.dumps(node, default=str, ensure_ascii=False)
