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
        "--output-dir",
        type=directory,
        metavar="DIR",
        help=f"default: templates, or {DEFAULT_OUTPUT} for the services of a settings file, each in a folder of its own",
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
    add_service_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes the templates, or says which differ (--check) and in what (--diff)."""
    file = settings_file(options)
    if file is not None:
        return _services(options, file)
    output = options.output_dir or Path("templates")
    contents = catalog.render(render_settings(options, options.nested_base_url))
    if options.check:
        return _check([(output, changed(output, contents), left_over(output, contents, TEMPLATES))])
    if options.diff:
        return show(output, compared(output, contents, TEMPLATES))
    write(output, contents)
    return OK


def _services(options: argparse.Namespace, file: SettingsFile) -> int:
    """The same for the services of a settings file, one after the other: none waits in memory for the others."""
    if options.nested_base_url is not None:
        remedy = "nested stacks are not for the services of a settings file: leave it out"
        raise SettingsError("--nested-base-url", options.nested_base_url, remedy)
    output = options.output_dir or DEFAULT_OUTPUT
    every = list(file.targets)
    written: list[str] = []
    for number, (folder, _, target) in enumerate(every, start=1):
        ...
    return OK


def _check(directories: Iterable[tuple[Path, Sequence[str], Sequence[str]]]) -> int:
    """Names the files that differ, and those that are left over."""
    status = OK
    for output, differing, left in directories:
        for word, names in (("differs", differing), ("left over", left)):
            for name in names:
                print(f"{word}: {on_one_line(output / name)}")
                status = DIFFERENT
    return status
