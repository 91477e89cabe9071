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
    folder = _folder(options)
    settings = render_settings(options)
    result = links(
        folder,
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
    folder = _folder(options, *(target.region for _, _, target in every if target.region))
    result: list[Link] = []
    for path, _, target in every:
        if options.region and target.region not in {None, *options.region}:
            continue
        regions = [target.region] if target.region else options.region or [folder.region]
        wanted = options.template or [QUICK_START]
        of_target = parameters_of(path, target)
        known = dict.fromkeys(template for template, _ in of_target)
        missing = set(wanted) - known.keys()
        if missing:
            remedy = f"{path} is not launched from it: give one of {', '.join(known)}"
            raise SettingsError("--template", min(missing), remedy)
        for template, parameters in of_target:
            if template in wanted:
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


def _folder(options: argparse.Namespace, *regions: str) -> Folder:
    """The folder of the bucket, which is in the region that the options name, or else in the first of these."""
    region = next(filter(None, [options.bucket_region, *options.region, *regions]), None)
    if region is None:
        raise RegionError("bucket region", NOT_GIVEN, "say where the bucket is, with --bucket-region")
    return Folder(bucket=options.bucket, region=region, prefix=options.prefix)
