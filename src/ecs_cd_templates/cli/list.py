"""``list``: lists the templates."""

from __future__ import annotations

import argparse

from .. import catalog
from .options import OK, Commands, add_settings, render_settings
from .settings_file import add_service_settings, settings_file


def add_to(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "list",
        help="list the templates, or the services of a settings file",
        description="Lists the templates that render writes, or the services of a settings file with their "
        "environments.",
    )
    add_settings(parser)
    add_service_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints a line for each template, or for each service in each account and region."""
    file = settings_file(options)
    if file is not None:
        lines = {path: [each.id for each in target.settings.environments] for path, _, target in file.targets}
        width = max(map(len, lines))
        for path, environments in lines.items():
            print(f"{path:{width}}  {', '.join(environments)}")
        return OK
    templates = catalog.templates(render_settings(options))
    width = max(map(len, templates))
    for name, build in templates.items():
        print(f"{name:{width}}  {build().description}")
    return OK
