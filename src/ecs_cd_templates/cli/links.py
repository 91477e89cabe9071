"""``links``: prints the links that launch what was published."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from ..catalog import QUICK_START
from ..errors import NOT_GIVEN, RegionError, SettingsError
from ..launch.bundle import Folder
from ..launch.links import BUTTON, Link, links, read_parameters_for, to_html, to_json, to_markdown, to_text
from .options import OK, Commands, add_bucket, add_published_settings, on_one_line, render_settings
from .settings_file import SettingsFile, add_service_settings, parameters_of, refuse_nested, settings_file

_FORMATS: dict[str, Callable[[Sequence[Link], str], str]] = {
    "markdown": to_markdown,
    "html": to_html,
    "json": lambda links, _button: to_json(links),
    "text": lambda links, _button: to_text(links),
}


def add_to(commands: Commands) -> None:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "links",
        help="print the links that launch what was published",
        description="Prints, for each template and region, the address of the console's form and the command that does "
        "the same. Makes no call to AWS: give the same settings as to publish.",
    )
    add_bucket(parser)
    parser.add_argument("--bucket-region", metavar="R", help="where the bucket is; default: the first --region")
    parser.add_argument(
        "--region", nargs="+", default=[], metavar="R", help="default: each that has what a template uses"
    )
    parser.add_argument(
        "--template",
        nargs="+",
        default=[],
        metavar="T",
        help=f"as list names them; default: all, or for the services of a settings file {QUICK_START}",
    )
    parser.add_argument(
        "--params",
        nargs="+",
        default=[],
        metavar="FILE",
        help="parameter files to fill the forms in with, each named like its template, or given as TEMPLATE=FILE",
    )
    parser.add_argument("--format", choices=_FORMATS, default="markdown", help="default: markdown")
    parser.add_argument("--button", default=BUTTON, metavar="URL", help=f"the buttons' picture; default: {BUTTON}")
    add_published_settings(parser)
    add_service_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the links in the format asked for."""
    file = settings_file(options)
    if file is not None:
        print(_FORMATS[options.format](_of_services(options, file), options.button), end="")
        return OK
    region = options.bucket_region or next(iter(options.region), None)
    if region is None:
        raise RegionError("bucket region", NOT_GIVEN, "say where the bucket is, with --bucket-region")
    settings = render_settings(options)
    result = links(
        Folder(bucket=options.bucket, region=region, prefix=options.prefix),
        settings,
        nested=options.nested,
        only_templates=options.template,
        only_regions=options.region,
        parameters=read_parameters_for(options.params, settings),
    )
    print(_FORMATS[options.format](result, options.button), end="")
    return OK


def _of_services(options: argparse.Namespace, file: SettingsFile) -> list[Link]:
    """The links of the services, in the regions that the file or the options name."""
    if options.params:
        raise SettingsError("--params", options.params, f"the values are in {on_one_line(file.path)}: say them there")
    refuse_nested(options)
    every = list(file.targets)
    named = (target.region for _, _, target in every if target.region)
    region = options.bucket_region or next(iter(options.region), None) or next(named, None)
    if region is None:
        raise RegionError("bucket region", NOT_GIVEN, "say where the bucket is, with --bucket-region")
    folder = Folder(bucket=options.bucket, region=region, prefix=options.prefix)
    result: list[Link] = []
    for path, _, target in every:
        if options.region and target.region not in {None, *options.region}:
            continue
        regions = [target.region] if target.region else options.region or [region]
        wanted = options.template or [QUICK_START]
        of_target = [each for each in parameters_of(path, target) if each[0] in wanted]
        missing = set(wanted) - {template for template, _ in of_target}
        if missing:
            known = ", ".join(dict.fromkeys(template for template, _ in parameters_of(path, target)))
            raise SettingsError("--template", min(missing), f"{path} is not launched from it: give one of {known}")
        for template, parameters in of_target:
            result += links(
                folder,
                target.settings,
                only_templates=[template],
                only_regions=regions,
                parameters={template: parameters},
            )
    if not result:
        raise SettingsError("--region", options.region, f"nothing of {on_one_line(file.path)} is there: leave it out")
    return result
