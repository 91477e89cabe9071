"""``list``: lists the templates."""

from __future__ import annotations

import argparse

from .. import catalog
from .options import OK, Commands, add_settings, render_settings


def add_to(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "list", help="list the templates", description="Lists the templates that render writes."
    )
    add_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints a line for each template."""
    templates = catalog.templates(render_settings(options))
    width = max(map(len, templates))
    for name, build in templates.items():
        print(f"{name:{width}}  {build().description}")
    return OK
