"""The launch page: one HTML file with every template's form, which makes the links, commands and parameter files.

The page asks no other host or file for anything. Its parts stand beside this module: the skeleton, the style, the
script, and the words in every language.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from .. import catalog
from ..catalog import RenderSettings
from ..cfn.limits import MAX_BODY_BYTES
from ..cfn.partitions import PARTITIONS
from ..cfn.regions import partition_of, regions
from ..launch.bundle import DEFAULT_PREFIX, SAMPLE_APP_ARCHIVE, Folder, Publication, publication, published_settings
from ..launch.quick_create import MAX_ADDRESS_LENGTH, stack_name

_PARTS = Path(__file__).parent

# The folder's version is the same wherever the bucket is.
_ANY_REGION = "us-east-1"

# The languages in the order of the page's buttons, each by its own name. The templates are written in the first.
_LANGUAGES = {"en": "English", "ja": "日本語"}

# What the IDs of these types of parameter begin with; for the other types CloudFormation alone knows what is right.
_ID_PREFIXES = {
    "AWS::EC2::SecurityGroup::Id": "sg",
    "AWS::EC2::Subnet::Id": "subnet",
    "AWS::EC2::VPC::Id": "vpc",
}

# An action's kind, what it is called and which names it shows, by its provider.
_STEPS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "CodeCommit": ("source", "Source", ("RepositoryName", "BranchName")),
    "CodeStarSourceConnection": ("source", "Source", ("FullRepositoryId", "BranchName")),
    "Manual": ("approval", "Approval", ("NotificationArn",)),
    "CodeBuild": ("tests", "Unit tests", ("ProjectName",)),
    "ECS": ("deploy", "Deploy", ("ClusterName", "ServiceName")),
}

# A build that knows an ECR repository makes an image.
_IMAGE_STEP = ("image", "Container image")


@dataclass(frozen=True, kw_only=True)
class PageSettings:
    """What was published, and where to, as the page has it until somebody types something else there.

    ``region`` is the bucket's own and the one to launch in; None leaves the choice to the page.
    ``templates`` and ``nested`` are what :func:`publication` takes.

    Raises :class:`BucketError` and :class:`RegionError`.
    """

    bucket: str
    prefix: str = DEFAULT_PREFIX
    region: str | None = None
    templates: RenderSettings = field(default_factory=RenderSettings)
    nested: bool = False

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
        "title": html.escape(_strings()[next(iter(_LANGUAGES))]["title"]),
        "style": style,
        "script": script,
        # Inside a script element only < can begin anything.
        "data": json.dumps(_data(settings), ensure_ascii=False).replace("<", "\\u003c"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: filled[match.group(1)], _part("page.html"))


def _part(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")


@cache
def _strings() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(_part("strings.json"))
    return found


def translated(text: str, code: str) -> str:
    """A template's text in the language with that code, or as it is where it has no translation."""
    if code != "ja":
        return text
    known = _strings()["japanese"]
    names: dict[str, str] = {}

    def environment(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        names["environment"] = known.get(name, name)
        return "{environment}"

    def pair(match: re.Match[str]) -> str:
        names.update(match.groupdict())
        return "{one} and {other} are the same."

    general = re.sub(r"\bthe ((?:(?!the )[\w-]+ )*)environment\b", environment, text, count=1)
    general = re.sub(r"\b(?P<one>\w+) and (?P<other>\w+) are the same\.$", pair, general)
    if general not in known:
        return text
    return re.sub(r"\{(\w+)\}", lambda match: names[match.group(1)], known[general])


def _index(text: str, texts: dict[str, int]) -> int:
    """Where the text is in the list of all; a new one goes to its end."""
    return texts.setdefault(text, len(texts))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _folder(settings: PageSettings) -> Folder:
    region = _ANY_REGION if settings.region is None else settings.region
    return Folder(bucket=settings.bucket, region=region, prefix=settings.prefix)


def _data(settings: PageSettings) -> dict[str, Any]:
    """What the script reads."""
    folder = _folder(settings)
    published = publication(folder, settings.templates, nested=settings.nested)
    builders = catalog.templates(published_settings(settings.templates, published.url, nested=settings.nested))
    templates = {name: build().to_dict() for name, build in builders.items()}
    texts: dict[str, int] = {}
    forms = {name: _form(name, template, published, texts) for name, template in templates.items()}
    used = sorted({region for form in forms.values() for region in form["regions"]} | {folder.region})
    proposed = next(iter(forms))
    return {
        "languages": [{"code": code, "name": name} for code, name in _LANGUAGES.items()],
        "strings": {code: _strings()[code] for code in _LANGUAGES},
        "texts": {code: [translated(text, code) for text in texts] for code in _LANGUAGES},
        "templates": forms,
        "regions": dict(sorted(((region, partition_of(region)) for region in used), key=lambda pair: pair[::-1])),
        "partitions": {
            name: {"suffix": partition.url_suffix, "console": partition.console_domain}
            for name, partition in PARTITIONS.items()
        },
        "where": {
            "template": proposed,
            "stackName": forms[proposed]["stackName"],
            "region": settings.region or "",
            "bucketRegion": settings.region or "",
            "bucket": folder.bucket,
            "prefix": folder.key(published.version),
        },
        "archive": {"bucket": "SampleAppBucketName", "key": "SampleAppKey", "file": SAMPLE_APP_ARCHIVE},
        "largestFromFile": MAX_BODY_BYTES,
        "longestAddress": MAX_ADDRESS_LENGTH,
        "idPrefixes": _ID_PREFIXES,
    }


def _form(name: str, template: Mapping[str, Any], published: Publication, texts: dict[str, int]) -> dict[str, Any]:
    """One template's form, as CloudFormation reads it from the template; its words are indexes into the texts."""
    interface = template.get("Metadata", {}).get("AWS::CloudFormation::Interface", {})
    labels = {key: label["default"] for key, label in interface.get("ParameterLabels", {}).items()}
    parameters = template.get("Parameters", {})
    groups = [
        {"label": _index(group["Label"]["default"], texts), "parameters": group["Parameters"]}
        for group in interface.get("ParameterGroups", [])
    ]
    ungrouped = [key for key in parameters if not any(key in group["parameters"] for group in groups)]
    if ungrouped:
        # The console's own words.
        groups.append({"label": _index("Other parameters", texts), "parameters": ungrouped})
    resources = template["Resources"]
    return {
        "description": _index(template.get("Description", ""), texts),
        "stackName": stack_name(name),
        "size": len(published.files[name]),
        "namesRoles": any(resource["Type"].startswith("AWS::IAM::") for resource in resources.values()),
        "groups": groups,
        "parameters": {
            key: _parameter({"Label": labels.get(key, key), **value}, texts) for key, value in parameters.items()
        },
        "rules": [_rule(rule, texts) for rule in template.get("Rules", {}).values()],
        "regions": [region for those in regions(template).values() for region in those],
        "pipelines": [
            _pipeline(title, resource["Properties"], resources, texts)
            for title, resource in resources.items()
            if resource["Type"] == "AWS::CodePipeline::Pipeline"
        ],
    }


def _parameter(parameter: Mapping[str, Any], texts: dict[str, int]) -> dict[str, Any]:
    words = ("Label", "Description", "ConstraintDescription")
    return {key: _index(value, texts) if key in words else value for key, value in parameter.items()}


def _rule(rule: Mapping[str, Any], texts: dict[str, int]) -> dict[str, Any]:
    assertions = [
        {**assertion, "AssertDescription": _index(assertion["AssertDescription"], texts)}
        for assertion in rule["Assertions"]
    ]
    return {**rule, "Assertions": assertions}


def _pipeline(
    title: str, properties: Mapping[str, Any], resources: Mapping[str, Any], texts: dict[str, int]
) -> dict[str, Any]:
    """What the picture shows of a pipeline; in its texts ``${Name}`` stands for the value of a parameter."""
    environment = re.fullmatch(r".*For(\w+)Env", title)
    return {
        "environment": _index(environment.group(1), texts) if environment else None,
        "name": _text(properties.get("Name", title), resources),
        "steps": [_step(action, resources, texts) for stage in properties["Stages"] for action in stage["Actions"]],
    }


def _step(action: Mapping[str, Any], resources: Mapping[str, Any], texts: dict[str, int]) -> dict[str, Any]:
    configuration = {name: _text(value, resources) for name, value in action["Configuration"].items()}
    kind, title, shown = _STEPS.get(action["ActionTypeId"]["Provider"], ("other", action["Name"], ()))
    values = [configuration[name] for name in shown if name in configuration]
    if kind == "approval":
        # Of the topic's ARN, the name.
        values = [re.sub(r"^arn:.*:", "", value) for value in values]
    image = next(_repositories(configuration.get("EnvironmentVariables", "[]")), None)
    if image is not None:
        kind, title = _IMAGE_STEP
        values.append(image)
    return {"kind": kind, "title": _index(title, texts), "values": values}


def _repositories(variables: str) -> Iterator[str]:
    """The names of the ECR repositories among a build's variables."""
    for variable in json.loads(variables):
        _, found, path = variable["value"].partition(".dkr.ecr.")
        if found:
            yield path.partition("/")[2]


def _text(node: Any, resources: Mapping[str, Any]) -> str:
    """The text that an intrinsic makes, in the notation of ``Fn::Sub``; blank where that cannot be said."""
    if isinstance(node, str):
        return node
    if not isinstance(node, dict) or len(node) != 1:
        return ""
    ((name, argument),) = node.items()
    if name == "Ref":
        return _named(argument, resources)
    if name == "Fn::GetAtt":
        return _named(argument[0], resources)
    if name == "Fn::Sub":
        pattern, local = argument if isinstance(argument, list) else (argument, {})
        return re.sub(
            r"\$\{([^}!]+)\}",
            lambda match: _text(local.get(match.group(1), {"Ref": match.group(1)}), resources),
            pattern,
        )
    if name == "Fn::If":
        return _text(argument[1], resources)
    if name == "Fn::Join" and isinstance(argument[1], list):
        return str(argument[0]).join(_text(item, resources) for item in argument[1])
    if name == "Fn::Join" and "Fn::Split" in argument[1]:
        return _text(argument[1]["Fn::Split"][1], resources)
    return ""


def _named(name: str, resources: Mapping[str, Any]) -> str:
    """A parameter, or what a resource is named, or its logical ID if nobody named it."""
    title = name.partition(".")[0]
    if title not in resources:
        return f"${{{name}}}"
    properties = resources[title].get("Properties", {})
    for key in ("Name", *(key for key in properties if key.endswith("Name"))):
        if key in properties:
            return _text(properties[key], resources) or title
    return title
