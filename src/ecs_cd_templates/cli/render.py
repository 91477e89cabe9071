"""``render``: writes the templates."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .. import catalog
from ..cfn.rendering import to_yaml
from ..errors import SettingsError
from ..files import changed, replace_each
from ..services.files import PARAMS, ROLLOUT, files, rollout
from ..services.files import TEMPLATES as TEMPLATES_FOLDER
from ..stacks import rollout as rollout_template
from .differences import TEMPLATES, Comparison, compared, left_over, show
from .options import DIFFERENT, OK, Commands, add_settings, directory, on_one_line, render_settings, write
from .settings_file import DEFAULT_OUTPUT, SettingsFile, add_service_settings, progress, settings_file


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
        help=f"default: templates, or for the services of a settings file {DEFAULT_OUTPUT}, with a folder for each",
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
        return _named(output, changed(output, contents), left_over(output, contents, TEMPLATES))
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
    if options.check:
        differing: list[str] = []
        names: set[str] = set()
        for _, contents in _files(file):
            differing += changed(output, contents)
            names |= contents.keys()
        return _named(output, differing, left_over(output, names, _patterns(file)))
    if options.diff:
        return show(output, _compared(output, file))
    _write(output, file)
    return OK


def _write(output: Path, file: SettingsFile) -> None:
    """Writes the files, and prints a line for each target."""
    counts: dict[str, int] = {}

    def counted() -> Iterator[Mapping[str, str]]:
        for path, contents in _files(file):
            counts[path] = len(contents)
            yield contents

    written = replace_each(output, counted())
    for (path, count), names in zip(counts.items(), written, strict=True):
        print(f"{on_one_line(output / path)}: {len(names)} of {count} files written")


def _files(file: SettingsFile) -> Iterator[tuple[str, dict[str, str]]]:
    """The files of one target after the other, by their paths, and last what rolls all of them out.

    Before them stands the folder that they are in, or the name of the only one.
    """
    every = list(file.targets)
    for number, (folder, _, target) in enumerate(every, start=1):
        progress(number, len(every), folder)
        yield folder, {f"{folder}/{name}": text for name, text in files(target).items()}
    settings = rollout(file.services)
    if settings is not None:
        yield ROLLOUT, {ROLLOUT: to_yaml(rollout_template.build(settings))}


def _patterns(file: SettingsFile) -> list[str]:
    """Where files may be left over: in every folder, or in those of the services that are asked for."""
    folders = [f"{name}{below}" for name in file.only or ("*",) for below in ("", "/*")]
    inside = (f"{TEMPLATES_FOLDER}/*.yaml", f"{PARAMS}/*.json")
    return [*(f"{folder}/{each}" for folder in folders for each in inside), *([] if file.only else [ROLLOUT])]


def _compared(output: Path, file: SettingsFile) -> Comparison:
    """What writing the files of the services would change, of which what stays the same is only counted."""
    names: set[str] = set()
    parts = []
    for _, contents in _files(file):
        parts.append(compared(output, contents, ()))
        names |= contents.keys()
    return Comparison(
        differing={name: differences for part in parts for name, differences in part.differing.items()},
        new=[name for part in parts for name in part.new],
        left_over=left_over(output, names, _patterns(file)),
        same=sum(part.same for part in parts),
    )


def _named(output: Path, differing: Sequence[str], left: Sequence[str]) -> int:
    """Names the files that differ, and those that are left over."""
    for word, names in (("differs", differing), ("left over", left)):
        for name in names:
            print(f"{word}: {on_one_line(output / name)}")
    return DIFFERENT if differing or left else OK
