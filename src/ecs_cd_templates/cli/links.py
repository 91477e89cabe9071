"""``links``: prints the links that launch what was published."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from ..errors import NOT_GIVEN, RegionError
from ..launch.bundle import Folder
from ..launch.links import BUTTON, Link, links, read_parameters_for, to_html, to_json, to_markdown, to_text
from .options import OK, Commands, add_bucket, add_published_settings, render_settings

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
    parser.add_argument("--template", nargs="+", default=[], metavar="T", help="as list names them; default: all")
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
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the links in the format asked for."""
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
