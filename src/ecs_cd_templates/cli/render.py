"""``render``: writes the templates."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import catalog
from ..files import changed
from .differences import TEMPLATES, compared, left_over, show
from .options import DIFFERENT, OK, Commands, add_settings, directory, on_one_line, render_settings, write


def add_to(commands: Commands) -> None:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "render",
        help="write the templates",
        description="Writes the templates, replacing each file whole and only if its content changes.",
    )
    parser.add_argument(
        "--output-dir", type=directory, default=Path("templates"), metavar="DIR", help="default: templates"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 and name the files that differ or are left over"
    )
    instead.add_argument(
        "--diff",
        action="store_true",
        help="write nothing; exit 1 and say what changes in each file that is there, and which resources of a stack "
        "CloudFormation would replace or delete because of it",
    )
    parser.add_argument(
        "--nested-base-url",
        metavar="URL",
        help="make the template of all environments of nested stacks, with the single-pipeline templates read "
        "from below this S3 address; the shape for updating a stack that was launched from nested templates",
    )
    add_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes the templates, or says which differ (--check) and in what (--diff)."""
    contents = catalog.render(render_settings(options, options.nested_base_url))
    if options.check:
        differing = [("differs", name) for name in changed(options.output_dir, contents)]
        differing += [("left over", name) for name in left_over(options.output_dir, contents, TEMPLATES)]
        for word, name in differing:
            print(f"{word}: {on_one_line(options.output_dir / name)}")
        return DIFFERENT if differing else OK
    if options.diff:
        return show(options.output_dir, compared(options.output_dir, contents, TEMPLATES))
    write(options.output_dir, contents)
    return OK
