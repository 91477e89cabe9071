"""``page``: writes the launch page."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..page import PageSettings, to_html
from .options import OK, Commands, add_bucket, add_published_settings, render_settings, write


def add_to(commands: Commands) -> None:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "page",
        help="write a page that fills in the forms",
        description="Writes one HTML file with the forms of all templates, which checks what is typed and makes the "
        "link, the command and the parameter file of it. Makes no call to AWS: give the same settings as to publish.",
    )
    add_bucket(parser)
    parser.add_argument("--region", metavar="R", help="the bucket's, and the one to launch in unless another is chosen")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("launch.html"), metavar="FILE", help="default: launch.html"
    )
    add_published_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes the page."""
    settings = PageSettings(
        bucket=options.bucket,
        prefix=options.prefix,
        region=options.region,
        templates=render_settings(options),
        nested=options.nested,
    )
    write(options.output.parent, {options.output.name: to_html(settings)})
    return OK
