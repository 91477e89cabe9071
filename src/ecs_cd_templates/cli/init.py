"""``init``: writes a settings file to begin with."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from ..constraints import APPLICATION_NAME, CONNECTION_ARN, FULL_REPOSITORY_ID
from ..errors import NOT_GIVEN, SettingsError
from ..files import create
from ..services import FILE_NAME, read_settings_text
from ..services.schema import SCHEMA_FILE_NAME
from ..services.schema import text as schema_text
from ..services.starting import codecommit, on_host, text
from ..sources.connection import SELF_HOSTED, Host
from .options import OK, Commands, add_environments, environments_of, print_written

_CODECOMMIT = "codecommit"
_HOSTS: dict[str, Host] = {host.lower(): host for host in get_args(Host)}


def add_to(commands: Commands) -> None:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "init",
        help="write a settings file to begin with",
        description="Writes a settings file for one service, with comments, and beside it the JSON Schema that editors "
        "check it with. Replaces nothing.",
    )
    parser.add_argument("--service", required=True, metavar="NAME", help="the service's name, such as shop")
    parser.add_argument(
        "--source",
        type=str.lower,
        choices=[_CODECOMMIT, *_HOSTS],
        default=_CODECOMMIT,
        help=f"where the application is; default: {_CODECOMMIT}, in a repository that is made",
    )
    parser.add_argument("--repository", metavar="OWNER/NAME", help="the repository on the Git host")
    parser.add_argument(
        "--connection",
        metavar="NAME|ARN",
        help="the connection to the Git host: the ARN of one that there is, or a name, and then it is made; default: "
        "the service's name",
    )
    add_environments(parser)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(FILE_NAME), metavar="FILE", help=f"default: {FILE_NAME}"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes the two files."""
    output: Path = options.output
    if output.name in {"", SCHEMA_FILE_NAME}:
        raise SettingsError("--output", str(output), f"give a file for the settings, such as {FILE_NAME}")
    if not APPLICATION_NAME.accepts(options.service):
        raise SettingsError("--service", options.service, APPLICATION_NAME.message)
    content = text(options.service, _source(options), environments_of(options))
    # What cannot be read must not be written.
    read_settings_text(output.name, content.encode())
    contents = {output.name: content, SCHEMA_FILE_NAME: schema_text()}
    print_written(output.parent, contents, create(output.parent, contents))
    return OK


def _source(options: argparse.Namespace) -> str:
    if options.source == _CODECOMMIT:
        for option in ("repository", "connection"):
            value = getattr(options, option)
            if value is not None:
                raise SettingsError(f"--{option}", value, "is for a Git host: leave it out, or give --source")
        return codecommit(options.service)
    host = _HOSTS[options.source]
    repository = options.repository
    if repository is None or not FULL_REPOSITORY_ID.accepts(repository):
        raise SettingsError("--repository", NOT_GIVEN if repository is None else repository, FULL_REPOSITORY_ID.message)
    if host in SELF_HOSTED and not CONNECTION_ARN.accepts(options.connection or ""):
        remedy = f"give the ARN of a connection to {host}: one to a host of your own is not made without that"
        raise SettingsError("--connection", options.connection or NOT_GIVEN, remedy)
    return on_host(host, repository, options.connection or options.service)
