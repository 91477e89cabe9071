"""``schema``: prints the JSON Schema of settings files."""

from __future__ import annotations

import argparse

from ..services.schema import text
from .options import OK, Commands


def add_to(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "schema",
        help="print the JSON Schema of settings files",
        description="Prints the JSON Schema that editors check a settings file with; init puts it beside the file.",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:  # noqa: ARG001 - every command takes its options
    """Prints the schema."""
    print(text(), end="")
    return OK
