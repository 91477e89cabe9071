"""The command ``ecs-cd-templates``: the only package that reads arguments, prints, and decides on exit codes."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from .. import __version__
from ..errors import EcsCdTemplatesError
from . import check, deploy_parameters, init, links, page, policies, publish, rehearse, render, schema
from . import list as list_
from .options import INTERRUPTED, OK, PROGRAM, REFUSED, Parser, of_option

COMMANDS = (init, schema, render, check, rehearse, list_, policies, publish, links, page, deploy_parameters)

__all__ = ["OK", "PROGRAM", "REFUSED", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status, which the help explains."""
    try:
        status = _run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        message, status = "interrupted", INTERRUPTED
    except BrokenPipeError:
        message, status = None, REFUSED
    except OSError as error:
        # Files raise OutputError, so this is standard output.
        message, status = f"error: standard output cannot be written ({error.strerror})", REFUSED
    else:
        return status
    if sys.stdout is not None:
        # Python would try at its end to write what is left, and wait for a reader, or complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if message:
        print(f"{PROGRAM}: {message}", file=sys.stderr)
    return status


def _run(arguments: Sequence[str] | None) -> int:
    try:
        options = _parser().parse_args(arguments)
        if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
            # A directory's name may have characters that the terminal has not.
            sys.stdout.reconfigure(errors="backslashreplace")
        status: int = options.run(options)
    except EcsCdTemplatesError as error:
        print(f"{PROGRAM}: error: {of_option(error)}", file=sys.stderr)
        return REFUSED
    except SystemExit as end:
        # argparse has printed the help, the version, or what is wrong with the arguments.
        return OK if end.code == OK else REFUSED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=PROGRAM,
        description="Generates the CloudFormation templates of a continuous-delivery pipeline for Amazon ECS.",
        epilog="Exit status: 0 done, 1 --check or --diff found a difference, 2 refused with nothing written, "
        "130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}", help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return parser
