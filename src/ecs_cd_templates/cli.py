"""The command ``ecs-cd-templates``: the only module that reads arguments, prints, and decides on exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn, TypeAlias, get_args

from . import catalog
from .catalog import RenderSettings
from .errors import EcsCdTemplatesError
from .files import changed, replace_all
from .settings import Architecture, PipelineSettings, PipelineType, TagMutability

PROGRAM = "ecs-cd-templates"
OK, DIFFERENT, REFUSED = 0, 1, 2


class _Parser(argparse.ArgumentParser):
    """argparse, but an error is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(REFUSED, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or 1 where --check finds a difference, or 2 where it refuses to go on."""
    options = _parser().parse_args(arguments)
    try:
        result: int = options.run(options)
    except EcsCdTemplatesError as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return REFUSED
    return result


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description="Generates the CloudFormation templates of a continuous-delivery pipeline for Amazon ECS.",
        epilog="Exit status: 0 done, 1 --check found a difference, 2 refused with nothing written.",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version(PROGRAM)}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    _add_render(commands)
    _add_list(commands)
    return parser


def _add_render(commands: Commands) -> None:
    render = commands.add_parser(
        "render",
        help="write the templates",
        description="Writes the templates, replacing each file whole and only if its content changes.",
    )
    render.add_argument("--output-dir", type=Path, default=Path("templates"), metavar="DIR", help="default: templates")
    render.add_argument("--check", action="store_true", help="write nothing; exit 1 and name the files that differ")
    render.add_argument(
        "--nested-base-url",
        metavar="URL",
        help="make the template of all environments of nested stacks, with the single-pipeline templates read "
        "from below this S3 address; the shape for updating a stack that was launched from nested templates",
    )
    _add_choice(
        render, "--tag-mutability", TagMutability, PipelineSettings.image_tag_mutability, "of the ECR repositories"
    )
    _add_choice(render, "--pipeline-type", PipelineType, PipelineSettings.pipeline_type, "V1 cannot roll back")
    _add_choice(render, "--architecture", Architecture, RenderSettings.architecture, "of the build image")
    render.set_defaults(run=_render)


def _add_list(commands: Commands) -> None:
    listing = commands.add_parser(
        "list", help="list the templates", description="Lists the templates that render writes."
    )
    listing.set_defaults(run=_list)


def _add_choice(parser: argparse.ArgumentParser, flag: str, kind: object, default: str, what: str) -> None:
    choices = get_args(kind)
    parser.add_argument(
        flag, choices=choices, default=default, help=f"{what}: {' or '.join(choices)}; default: {default}"
    )


def _render(options: argparse.Namespace) -> int:
    pipeline = PipelineSettings(
        pipeline_type=options.pipeline_type,
        rollback_on_failure=options.pipeline_type == "V2",
        image_tag_mutability=options.tag_mutability,
    )
    settings = RenderSettings(
        pipeline=pipeline, architecture=options.architecture, nested_base_url=options.nested_base_url
    )
    contents = catalog.render(settings)
    if options.check:
        different = changed(options.output_dir, contents)
        for name in different:
            print(f"differs: {options.output_dir / name}")
        return DIFFERENT if different else OK
    written = replace_all(options.output_dir, contents)
    for name in contents:
        print(f"{'written' if name in written else 'unchanged'}: {options.output_dir / name}")
    return OK


def _list(options: argparse.Namespace) -> int:
    for name, build in catalog.templates().items():
        print(f"{name:42} {build().description}")
    return OK
