"""``page``: writes the launch page."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from ..files import replace_each
from ..page import PageSettings, to_html
from .options import OK, Commands, add_bucket, add_published_settings, print_written, render_settings, write
from .settings_file import (
    DEFAULT_OUTPUT,
    SettingsFile,
    add_service_settings,
    parameters_of,
    progress,
    refuse_nested,
    settings_file,
)


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
    add_service_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes the page."""
    file = settings_file(options)
    if file is not None:
        return _of_service(options, file)
    settings = PageSettings(
        bucket=options.bucket,
        prefix=options.prefix,
        region=options.region,
        templates=render_settings(options),
        nested=options.nested,
    )
    write(options.output.parent, {options.output.name: to_html(settings)})
    return OK


def _of_service(options: argparse.Namespace, file: SettingsFile) -> int:
    """Writes a page of each service, and of each account and region of it, with its forms filled in."""
    refuse_nested(options)
    every = list(file.targets)
    output: Path = options.output
    # No service has a dot in its name, so no two pages have the same.
    names = [f"{output.stem}-{path.replace('/', '.')}{output.suffix}" for path, _, _ in every]
    if len(every) == 1:
        names = [output.name]

    def pages() -> Iterator[dict[str, str]]:
        for number, (name, (path, _, target)) in enumerate(zip(names, every, strict=True), start=1):
            progress(number, len(every), name)
            settings = PageSettings(
                bucket=options.bucket,
                prefix=options.prefix,
                region=options.region or target.region,
                templates=target.settings,
                # A template that is launched for each environment has the first one's values.
                filled_in=dict(reversed(parameters_of(path, target))),
                launch_region=target.region,
                account=target.account,
                folder=str(DEFAULT_OUTPUT / path),
            )
            yield {name: to_html(settings)}

    written = replace_each(output.parent, pages())
    print_written(output.parent, names, [name for each in written for name in each])
    return OK
