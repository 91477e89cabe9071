"""What several commands share: options, the settings that they make, and how files are written."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NoReturn, TypeAlias, get_args

from ..catalog import RenderSettings
from ..files import replace_all
from ..launch.bundle import DEFAULT_PREFIX
from ..settings import Architecture, PipelineSettings, PipelineType, TagMutability

PROGRAM = "ecs-cd-templates"
OK, DIFFERENT, REFUSED = 0, 1, 2

ApprovalMessage = Literal["shown", "hidden"]

# The options of every command that renders: their choices, default and meaning.
SETTINGS: tuple[tuple[str, object, str, str], ...] = (
    ("--tag-mutability", TagMutability, PipelineSettings.image_tag_mutability, "of the ECR repositories"),
    ("--pipeline-type", PipelineType, PipelineSettings.pipeline_type, "V1 cannot roll back"),
    ("--architecture", Architecture, RenderSettings.architecture, "of the build image"),
    ("--approval-message", ApprovalMessage, "shown", "of the commit, in approval requests"),
)


class Parser(argparse.ArgumentParser):
    """argparse, but an error is one line."""

    def error(self, message: str) -> NoReturn:
        line = " ".join(message.splitlines())
        self.exit(REFUSED, f"{self.prog}: error: {line} (see {self.prog} --help)\n")


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def add_bucket(parser: argparse.ArgumentParser) -> None:
    """Adds the options that name the folder of a bucket."""
    parser.add_argument("--bucket", required=True, metavar="B", help="a bucket of your own account")
    parser.add_argument(
        "--prefix", default=DEFAULT_PREFIX, metavar="P", help=f"the folder in the bucket; default: {DEFAULT_PREFIX}"
    )


def add_published_settings(parser: argparse.ArgumentParser) -> None:
    """Adds the options of what is published."""
    parser.add_argument(
        "--nested",
        action="store_true",
        help="make the template of all environments of nested stacks, read from the published folder",
    )
    add_settings(parser)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Adds the options of what is rendered."""
    for flag, kind, default, what in SETTINGS:
        choices = get_args(kind)
        parser.add_argument(
            flag, choices=choices, default=default, help=f"{what}: {' or '.join(choices)}; default: {default}"
        )


def render_settings(options: argparse.Namespace, nested_base_url: str | None = None) -> RenderSettings:
    """The settings that the options ask for."""
    pipeline = PipelineSettings(
        pipeline_type=options.pipeline_type,
        rollback_on_failure=options.pipeline_type == "V2",
        image_tag_mutability=options.tag_mutability,
        approval_shows_message=options.approval_message == "shown",
    )
    return RenderSettings(pipeline=pipeline, architecture=options.architecture, nested_base_url=nested_base_url)


def write(directory: Path, contents: Mapping[str, str]) -> None:
    """Writes the files whose content changes, and prints a line for each file."""
    written = replace_all(directory, contents)
    for name in contents:
        print(f"{'written' if name in written else 'unchanged'}: {directory / name}")
