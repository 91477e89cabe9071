"""The launch page: one HTML file with every template's form, which makes the links, commands and parameter files.

The page asks no other host or file for anything. The skeleton, the style and the script stand beside this module, the
texts in ``texts/``.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..catalog import RenderSettings
from ..cfn.evaluation import possible_values
from ..cfn.limits import MAX_BODY_BYTES
from ..cfn.partitions import PARTITIONS
from ..cfn.regions import partition_of, regions
from ..environments import Scope, scopes
from ..launch.bundle import (
    DEFAULT_PREFIX,
    DEFAULT_SETTINGS,
    Folder,
    Publication,
    flat_templates,
    publication,
    published_templates,
)
from ..launch.links import Parameters, templates_folder
from ..launch.quick_create import MAX_ADDRESS_LENGTH, names_roles, stack_name
from ..settings import PipelineSettings
from ..stacks.deployment_pipeline import PIPELINE, REPOSITORY
from ..texts import LANGUAGES, Text, in_language, words

_PARTS = Path(__file__).parent

# The folder's version is the same wherever the bucket is.
_ANY_REGION = "us-east-1"

# What the IDs of these types of parameter begin with; for the other types CloudFormation alone knows what is right.
_ID_PREFIXES = {
    "AWS::EC2::SecurityGroup::Id": "sg",
    "AWS::EC2::Subnet::Id": "subnet",
    "AWS::EC2::VPC::Id": "vpc",
}

# An action that is no build and no source: its kind, what it is called and which names it shows, by its provider.
_ACTIONS: dict[str, tuple[str, Text, tuple[str, ...]]] = {
    "Manual": ("approval", Text("picture.approval"), ("NotificationArn",)),
    "ECS": ("deploy", Text("picture.deploy"), ("ClusterName", "ServiceName")),
}

# What begins the keys of the page's own words.
_OWN_WORDS = "page."

_Texts = dict[tuple[str, ...], int]
"""Each text in every language, and where it is in the list of all."""


@dataclass(frozen=True, kw_only=True)
class PageSettings:
    """What was published, and where to, as the page has it until somebody types something else there.

    ``region`` is the bucket's own and, unless there is a ``launch_region``, the one to launch in; None leaves the
    choice to the page.
    ``templates`` and ``nested`` are what :func:`publication` takes. ``filled_in``: by template, the values that its
    form begins with, and its stack's name. ``account``: where the stacks are made, if that is known. ``folder``: where
    the files of the service are rendered to.

    Raises :class:`BucketError` and :class:`RegionError`.
    """

    bucket: str
    prefix: str = DEFAULT_PREFIX
    region: str | None = None
    templates: RenderSettings = field(default_factory=RenderSettings)
    nested: bool = False
    filled_in: Mapping[str, Parameters] = field(default_factory=dict, hash=False)
    launch_region: str | None = None
    account: str | None = None
    folder: str | None = None

    def __post_init__(self) -> None:
        _folder(self)


def to_html(settings: PageSettings) -> str:
    """The page's text, the same for the same settings.

    Raises :class:`MissingExtraError` without botocore, which knows the regions.
    """
    style, script = _part("page.css"), _part("page.js")
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    filled = {
        "policy": policy,
        "title": html.escape(Text("page.title")),
        "style": style,
        "script": script,
        # Inside a script element only < can begin anything.
        "data": json.dumps(_data(settings), ensure_ascii=False).replace("<", "\\u003c"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: filled[match.group(1)], _part("page.html"))


def _part(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")


def _strings(code: str) -> dict[str, str]:
    """The page's own words in the language."""
    return {key.removeprefix(_OWN_WORDS): text for key, text in words(code).items() if key.startswith(_OWN_WORDS)}


def _index(text: str, texts: _Texts) -> int:
    """Where the text is in the list of all; a new one goes to its end."""
    return texts.setdefault(tuple(in_language(text, code) for code in LANGUAGES), len(texts))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _folder(settings: PageSettings) -> Folder:
    region = _ANY_REGION if settings.region is None else settings.region
    return Folder(bucket=settings.bucket, region=region, prefix=settings.prefix)


def _data(settings: PageSettings) -> dict[str, Any]:
    """What the script reads."""
    folder = _folder(settings)
    published = publication(folder, settings.templates, nested=settings.nested)
    builders = published_templates(settings.templates, published.url, nested=settings.nested)
    templates = {name: build().to_dict() for name, build in builders.items()}
    texts: _Texts = {}
    flat = flat_templates(settings.templates)
    forms = {
        name: {
            **_form(name, template, flat[name]().to_dict(), published, settings.templates, texts),
            **_filled_in(name, settings),
        }
        for name, template in templates.items()
    }
    used = sorted({region for form in forms.values() for region in form["regions"]} | {folder.region})
    proposed = next(iter(forms))
    return {
        "languages": [{"code": code, "name": words(code)["language.name"]} for code in LANGUAGES],
        "strings": {code: _strings(code) for code in LANGUAGES},
        "texts": {code: [text[number] for text in texts] for number, code in enumerate(LANGUAGES)},
        "templates": forms,
        "regions": dict(sorted(((region, partition_of(region)) for region in used), key=lambda pair: pair[::-1])),
        "partitions": {
            name: {"suffix": partition.url_suffix, "console": partition.console_domain}
            for name, partition in PARTITIONS.items()
        },
        "where": {
            "template": proposed,
            "stackName": forms[proposed]["stackName"],
            "region": settings.launch_region or settings.region or "",
            "bucketRegion": settings.region or "",
            "bucket": folder.bucket,
            "prefix": folder.key(published.version),
        },
        "usualSettings": settings.templates == DEFAULT_SETTINGS,
        "nested": settings.nested,
        "tags": settings.templates.tags,
        "account": settings.account or "",
        "folder": settings.folder or "",
        "templatesFolder": templates_folder(settings.folder),
        "largestFromFile": MAX_BODY_BYTES,
        "longestAddress": MAX_ADDRESS_LENGTH,
        "idPrefixes": _ID_PREFIXES,
    }


def _form(
    name: str,
    template: Mapping[str, Any],
    flat: Mapping[str, Any],
    published: Publication,
    settings: RenderSettings,
    texts: _Texts,
) -> dict[str, Any]:
    """One template's form, as CloudFormation reads it from the template; its texts are indexes into all of them.

    ``flat`` is the template as one stack, with all that its nested stacks use.
    """
    interface = template.get("Metadata", {}).get("AWS::CloudFormation::Interface", {})
    labels = {key: label["default"] for key, label in interface.get("ParameterLabels", {}).items()}
    fields = template.get("Parameters", {})
    groups = [
        {"label": _index(group["Label"]["default"], texts), "parameters": group["Parameters"]}
        for group in interface.get("ParameterGroups", [])
    ]
    ungrouped = [key for key in fields if not any(key in group["parameters"] for group in groups)]
    if ungrouped:
        groups.append({"label": _index(Text("group.other"), texts), "parameters": ungrouped})
    return {
        "description": _index(template.get("Description", ""), texts),
        "size": len(published.files[name]),
        "namesRoles": names_roles(flat),
        "groups": groups,
        "parameters": {
            key: _parameter({"Label": labels.get(key, key), **value}, texts) for key, value in fields.items()
        },
        "rules": [_rule(rule, texts) for rule in template.get("Rules", {}).values()],
        "regions": [region for those in regions(flat).values() for region in those],
        "pipelines": _pipelines(flat, settings, texts),
    }


def _filled_in(name: str, settings: PageSettings) -> dict[str, Any]:
    """The values that the template's form begins with, where they are not the defaults, and the stack's name."""
    given = settings.filled_in.get(name, Parameters(values={}))
    return {"stackName": given.stack_name or stack_name(name), "values": dict(given.values)}


def _parameter(parameter: Mapping[str, Any], texts: _Texts) -> dict[str, Any]:
    spoken = ("Label", "Description", "ConstraintDescription")
    return {key: _index(value, texts) if key in spoken else value for key, value in parameter.items()}


def _rule(rule: Mapping[str, Any], texts: _Texts) -> dict[str, Any]:
    assertions = [
        {**assertion, "AssertDescription": _index(assertion["AssertDescription"], texts)}
        for assertion in rule["Assertions"]
    ]
    return {**rule, "Assertions": assertions}


def _pipelines(template: Mapping[str, Any], settings: RenderSettings, texts: _Texts) -> list[dict[str, Any]]:
    """What the picture shows: the pipelines of the environments, or the only one."""
    possible = [*scopes(settings.environments), Scope(settings.environments[0], only=True)]
    return [
        _pipeline(template, scope, settings.pipeline, texts)
        for scope in possible
        if scope.name(PIPELINE) in template["Resources"]
    ]


def _pipeline(template: Mapping[str, Any], scope: Scope, pipeline: PipelineSettings, texts: _Texts) -> dict[str, Any]:
    """One pipeline; in its texts ``${Name}`` stands for the value of a parameter."""
    properties = template["Resources"][scope.name(PIPELINE)]["Properties"]
    repository = template["Resources"][scope.name(REPOSITORY)]["Properties"]["RepositoryName"]
    actions = [action for stage in properties["Stages"] for action in stage["Actions"]]
    return {
        "environment": None if scope.only else _index(scope.environment.display_name, texts),
        "name": _text(template, properties["Name"]),
        "steps": [_action(template, action, repository, pipeline, texts) for action in actions],
    }


def _action(
    template: Mapping[str, Any], action: Mapping[str, Any], repository: Any, pipeline: PipelineSettings, texts: _Texts
) -> dict[str, Any]:
    """An action of the pipeline whose images go to the ECR repository."""
    configuration = action["Configuration"]
    for step in pipeline.steps:
        if step.action == action["Name"]:
            shown = [configuration["ProjectName"], *([repository] if step.pushes_image else [])]
            values = [_text(template, name) for name in shown]
            return {"kind": "build", "title": _index(step.title, texts), "values": values}
    source = {pipeline.source.action_provider: ("source", Text("picture.source"), pipeline.source.shown)}
    kind, title, keys = (_ACTIONS | source)[action["ActionTypeId"]["Provider"]]
    values = [_text(template, configuration[key]) for key in keys]
    if kind == "approval":
        # Of the topic's ARN, the name.
        values = [value.rpartition(":")[2] for value in values]
    return {"kind": kind, "title": _index(title, texts), "values": values}


def _text(template: Mapping[str, Any], node: Any) -> str:
    """The text that the node makes, where its conditions hold."""
    return str(possible_values(template, node)[0])
