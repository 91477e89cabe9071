"""Links that launch published templates: one for each template and region, as a table or as data."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Any

from .. import catalog
from ..catalog import RenderSettings
from ..cfn.limits import MAX_BODY_BYTES
from ..cfn.partitions import region_of
from ..cfn.regions import lacking, partition_of, regions
from ..errors import ParameterError, ParameterFileError, RegionError
from ..parameters import KMS_KEY
from .bundle import DEFAULT_SETTINGS, Folder, flat_templates, local_size, published_templates, version
from .parameter_files import check_some, read_parameters
from .quick_create import launch_command, quick_create, stack_name

# Where a table finds the picture of the button, seen from a README.
BUTTON = "docs/launch-stack.svg"

# Where `ecs-cd-templates render` writes the templates, for the command beside each link.
_TEMPLATES = "templates"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The values for a template, the file that they are from, if there is one, and the name of the stack to make.

    ``account``: where it is made, if that is known. ``folder``: where the files of its service are rendered to.
    """

    values: Mapping[str, str]
    file: str | None = None
    stack_name: str | None = None
    account: str | None = None
    folder: str | None = None


@dataclass(frozen=True, kw_only=True)
class Link:
    """A template's form in a region, and the command that launches the same."""

    template: str
    description: str
    region: str
    partition: str
    stack_name: str
    template_url: str
    address: str
    command: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    account: str | None = None


def links(
    folder: Folder,
    settings: RenderSettings = DEFAULT_SETTINGS,
    *,
    nested: bool = False,
    only_templates: Sequence[str] = (),
    only_regions: Sequence[str] = (),
    parameters: Mapping[str, Parameters] | None = None,
) -> list[Link]:
    """The links to what ``publish`` uploads to the folder with the same settings, in the catalogue's order.

    Each template comes with all regions of the folder's partition that have its services, or with
    ``only_regions``. No call to AWS is made. Raises :class:`RegionError` for a region that a template
    cannot be launched in from there, and :class:`ParameterError` for a value that a template refuses.
    """
    for region in only_regions:
        _require_partition(folder, region)
    url = folder.url(version(settings, nested=nested))
    builders = published_templates(settings, url, nested=nested)
    # As one stack a template uses what its nested stacks use otherwise.
    flat = flat_templates(settings)
    for name in (parameters or {}).keys() - set(only_templates or builders):
        file = str((parameters or {})[name].file)
        remedy = f"is for {name}, and the links are for other templates: leave it out"
        raise ParameterFileError("parameter file", file, remedy)
    for name in only_templates:
        if name not in builders:
            raise ParameterError("template", name, f"there is no such template: give one of {', '.join(builders)}")
    note = _note(url, settings, nested=nested)
    result = []
    for name in dict.fromkeys(only_templates or builders):
        template, uses = builders[name]().to_dict(), flat[name]().to_dict()
        values = (parameters or {}).get(name, Parameters(values={}))
        _check(template, values)
        size = local_size(settings, name)
        own = templates_folder(values.folder)
        stack = values.stack_name or stack_name(name)
        own_note = note if size <= MAX_BODY_BYTES else ""
        if values.folder:
            own_note = f"The command reads {values.folder}/: render it from the same settings file."
        for region in only_regions:
            _require_services(name, uses, region)
        for region in dict.fromkeys(only_regions or regions(uses)[folder.partition]):
            _require_key(values.values, region)
            form = quick_create(
                template_url=f"{url}/{name}",
                template=template,
                region=region,
                partition=folder.partition,
                stack_name=stack,
                values=values.values,
            )
            command = launch_command(
                template_file=f"{own}/{name}",
                template_url=f"{url}/{name}",
                template=uses,
                size=size,
                region=region,
                stack_name=stack,
                values=values.values,
                file=values.file,
                tags=settings.tags,
            )
            result.append(
                Link(
                    template=name,
                    description=template["Description"],
                    region=region,
                    partition=folder.partition,
                    stack_name=stack,
                    template_url=f"{url}/{name}",
                    address=form.address,
                    command=command,
                    parameters=form.filled_in,
                    left_out=form.left_out,
                    note=own_note,
                    account=values.account,
                )
            )
    return result


def read_parameters_for(arguments: Iterable[str], settings: RenderSettings = DEFAULT_SETTINGS) -> dict[str, Parameters]:
    """The values in parameter files, by template.

    Each argument is a file that is named like its template (``code-build-nodejs.json``), also with an environment
    (``ecs-environment.dev.json``), or ``TEMPLATE=FILE``. Raises :class:`ParameterFileError`.
    """
    names = list(catalog.templates(settings))
    templates = {PurePath(name).stem: name for name in names} | {name: name for name in names}
    result: dict[str, Parameters] = {}
    for argument in arguments:
        name, _, file = argument.partition("=")
        if not file or name not in templates:
            name, file = PurePath(argument).stem.partition(".")[0], argument
        if name not in templates:
            raise ParameterFileError(
                "parameter file",
                argument,
                "does not have the name of a template: say which it is for, as TEMPLATE=FILE",
            )
        if templates[name] in result:
            raise ParameterFileError("parameter file", argument, f"is the second for {templates[name]}: give one")
        result[templates[name]] = Parameters(values=read_parameters(Path(file)), file=file)
    return result


def to_markdown(links: Iterable[Link], button: str = BUTTON) -> str:
    """A section for each template with a table of buttons, as GitHub reads it."""
    parts = []
    for its in _by_stack(links).values():
        template = its[0].template
        parts.append(f"### {_whose(its[0])}`{template}`\n\n{_words(its[0].description)}.\n")
        rows = ["| region | launch | the same from a shell |", "| --- | --- | --- |"]
        for link in its:
            # In angle brackets Markdown takes an address with spaces and parentheses, too.
            target = button if re.fullmatch(r"[^\s()<>]+", button) else f"<{button}>"
            picture = f"![Launch {template} in {link.region}]({target})"
            rows.append(f"| {link.region} | [{picture}]({link.address}) | {_code(link.command)} |")
        parts.append("\n".join(rows) + "\n")
        notes = [f"- {note}" for note in _notes(its)]
        if notes:
            parts.append("\n".join(notes) + "\n")
    return "\n".join(parts)


def to_html(links: Iterable[Link], button: str = BUTTON) -> str:
    """The same sections and tables as elements of a page."""
    parts = []
    for its in _by_stack(links).values():
        template = its[0].template
        parts.append(f"<h3>{html.escape(_whose(its[0]))}<code>{html.escape(template)}</code></h3>")
        parts.append(f"<p>{html.escape(its[0].description)}.</p>")
        parts.append("<table>")
        headings = "".join(f'<th scope="col">{word}</th>' for word in ("region", "launch", "the same from a shell"))
        parts.append(f"<thead><tr>{headings}</tr></thead>\n<tbody>")
        for link in its:
            picture = f'<img src="{html.escape(button)}" alt="Launch {html.escape(template)} in {link.region}">'
            parts.append(
                f'<tr><th scope="row">{link.region}</th><td><a href="{html.escape(link.address)}">{picture}</a></td>'
                f"<td><code>{html.escape(link.command)}</code></td></tr>"
            )
        parts.append("</tbody>\n</table>")
        notes = [f"<li>{html.escape(note)}</li>" for note in _notes(its)]
        if notes:
            parts.append(f"<ul>{''.join(notes)}</ul>")
    return "\n".join(parts) + "\n"


def to_json(links: Iterable[Link]) -> str:
    """A list of objects, one for each link."""
    return json.dumps([asdict(link) for link in links], indent=2, ensure_ascii=False) + "\n"


def to_text(links: Iterable[Link]) -> str:
    """A paragraph for each link."""
    paragraphs = []
    for link in links:
        lines = [f"{_whose(link)}{link.template} in {link.region}", link.address, link.command, *_notes([link])]
        paragraphs.append("\n".join(lines) + "\n")
    return "\n".join(paragraphs)


def _require_partition(folder: Folder, region: str) -> None:
    if partition_of(region) != folder.partition:
        raise RegionError(
            "region",
            region,
            f"is in partition {partition_of(region)}, and bucket {folder.bucket!r} in {folder.partition}: "
            "CloudFormation reads templates of its own partition only, so publish to a bucket there, too",
        )


def _require_services(name: str, template: Mapping[str, Any], region: str) -> None:
    missing = lacking(template, region)
    if missing:
        remedy = f"has no {', '.join(missing)}, which {name} uses: leave out this region, or this template"
        raise RegionError("region", region, remedy)


def _require_key(values: Mapping[str, str], region: str) -> None:
    """Refuses a KMS key of another region than the stack's, as no form can."""
    arn = values.get(KMS_KEY.name)
    if arn and (own := region_of(arn)) != region:
        raise ParameterError(
            KMS_KEY.name, arn, f"is in {own}, and a stack in {region} needs a key there: give --region"
        )


def _check(template: Mapping[str, Any], parameters: Parameters) -> None:
    """Refuses values that the template refuses, and says which file they are from."""
    try:
        check_some(template, parameters.values)
    except ParameterError as error:
        where = f"{error.field} in {parameters.file}" if parameters.file else error.field
        raise ParameterError(where, error.value, error.remedy) from None


def _note(url: str, settings: RenderSettings, *, nested: bool) -> str:
    """What to know about the command, which reads a rendering of one's own."""
    if not nested and settings == DEFAULT_SETTINGS:
        return ""
    same = f"the same settings as here{f' and --nested-base-url {url}' if nested else ''}"
    return f"The command reads {_TEMPLATES}/: render it with {same}."


def templates_folder(folder: str | None) -> str:
    """Where ``render`` writes the templates, those of a service below its folder."""
    return f"{folder}/{_TEMPLATES}" if folder else _TEMPLATES


def _by_stack(links: Iterable[Link]) -> dict[tuple[str | None, ...], list[Link]]:
    """The links of each section: one stack, in one account, from one template."""
    sections: dict[tuple[str | None, ...], list[Link]] = {}
    for link in links:
        sections.setdefault((link.stack_name, link.account, link.template_url), []).append(link)
    return sections


def _whose(link: Link) -> str:
    """What a heading says beside the template of the stack, where it has a name or an account of its own."""
    name = "" if link.stack_name == stack_name(link.template) else link.stack_name
    account = f"account {link.account}" if link.account else ""
    words = " in ".join(filter(None, [name, account]))
    return f"{words}: " if words else ""


def _notes(its: Sequence[Link]) -> list[str]:
    """What the links do not fill in; each note once, whatever the number of regions."""
    notes = [f"{name} is not filled in: {reason}." for link in its for name, reason in link.left_out.items()]
    # Whether the console lets a blank value replace a default is not documented.
    blank = {name for link in its for name, value in link.parameters.items() if value == ""}
    notes += [f"{name} is blank: check that the form shows it blank." for name in sorted(blank)]
    notes += [link.note for link in its if link.note]
    # The console opens the form in the account that one is signed in to, and the template is in a bucket that one may
    # read (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-using-console-create-stack-template.html).
    notes += [
        f"Sign in to account {link.account} first. If the bucket is another account's, its policy has to let "
        f"{link.account} read it."
        for link in its
        if link.account
    ]
    return list(dict.fromkeys(notes))


def _words(text: str) -> str:
    """The text as words alone, whatever somebody called a build step.

    https://github.github.com/gfm/#backslash-escapes
    """
    return re.sub(r"([\\`*_\[\]<>&|~])", r"\\\1", text)


def _code(text: str) -> str:
    """The text as code in a cell of a table: between more backticks than it has itself, bars escaped."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text.replace('|', chr(92) + '|')}{space}{fence}"
