"""``rehearse``: deploys the templates and runs the pipelines on this machine."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import INSTALL_REHEARSE, NOT_GIVEN, LaunchError, MissingExtraError, SettingsError
from ..rehearsal.application import state
from ..rehearsal.report import Line
from ..services import FILE_NAME, Target, read_settings_text
from .options import DIFFERENT, OK, Commands
from .settings_file import add_service_settings, services_file

if TYPE_CHECKING:
    from ..rehearsal.engines import Engine
    from ..rehearsal.walkthrough import Approval, Decide, Rehearsal

# The service that is rehearsed where there is no settings file: it has the usual settings.
_USUAL = b"services: {app: {source: {codecommit: app}}}"

ENGINES = ("auto", "docker", "buildah", "podman", "none")

# How often --watch looks whether files have changed, in seconds.
_LOOK_EVERY = 0.5


def add_to(commands: Commands) -> None:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "rehearse",
        help="deploy the templates and run the pipelines on this machine, without an AWS account",
        description="Launches the quick start on this machine, pushes an application to it, and runs its pipelines: "
        "the builds' commands, the image, the deployment, with each call decided by the role that makes it. No AWS "
        "credentials are read, and nothing is sent to AWS; the builds themselves fetch what they need. Exits with 1 if "
        "something fails, and with 2 if it cannot be tried.",
    )
    parser.add_argument(
        "--app", type=Path, default=Path(), metavar="DIR", help="the folder with the application; default: this one"
    )
    add_service_settings(parser)
    parser.add_argument(
        "--environment",
        action="append",
        default=[],
        metavar="ID",
        help="only this environment; give the option once for each. Default: all, in their order",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default="auto",
        help="what builds and runs the image; none: stop before the image. Default: the first of these that works",
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="a folder of image archives (docker save) that base images are taken from, where no registry is reached",
    )
    parser.add_argument("--approve", action="store_true", help="approve what waits for approval, instead of asking")
    parser.add_argument("--serve", action="store_true", help="leave the application open until Ctrl-C")
    parser.add_argument("--watch", action="store_true", help="rehearse again when files of the application change")
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="json: one object a line; default: text"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Rehearses, and tells each step as it happens; returns the exit status."""
    try:
        from ..rehearsal import engines  # noqa: PLC0415 - what an extra installs may be missing
    except ImportError as error:
        raise MissingExtraError("package", error.name, INSTALL_REHEARSE) from None
    targets = _targets(options)
    engine = None if options.engine == "none" else engines.find(options.engine, images=options.images)
    show = _as_json if options.format == "json" else _as_text
    passed = True
    for target, environments in targets:
        try:
            passed = _one(options, target, environments, engine, show) and passed
        except LaunchError as error:
            show(Line(step="launch", text=str(error), failed=True))
            passed = False
    return OK if passed else DIFFERENT


def _one(
    options: argparse.Namespace,
    target: Target,
    environments: Sequence[str],
    engine: Engine | None,
    show: Callable[[Line], None],
) -> bool:
    """Rehearses one target; whether all went well."""
    from ..rehearsal import walkthrough  # noqa: PLC0415 - as above

    with walkthrough.rehearsal(
        options.app, target, engine=engine, tell=show, decide=_decide(approve=options.approve)
    ) as rehearsal:
        passed = _rehearse(rehearsal, environments)
        while options.watch:
            _wait_for_change(options.app)
            rehearsal.take_again()
            passed = _rehearse(rehearsal, environments)
        if options.serve:
            _serve(show)
    return passed


def _targets(options: argparse.Namespace) -> list[tuple[Target, list[str]]]:
    """What is rehearsed: each account and region of the service, with its environments that the options ask for.

    The settings file is that of the option, or of the working directory, or of the application's folder; without one,
    the usual settings serve.
    """
    if options.settings is None and not os.path.lexists(FILE_NAME) and os.path.lexists(options.app / FILE_NAME):
        options.settings = options.app / FILE_NAME
    file = services_file(options)
    services = (read_settings_text("the usual settings", _USUAL) if file is None else file.services).services
    if len(services) != 1:
        names = ", ".join(service.name for service in services)
        raise SettingsError("--service", options.service or NOT_GIVEN, f"name one of them: {names}")
    every = [each.id for target in services[0].targets for each in target.settings.environments]
    for name in options.environment:
        if name not in every:
            raise SettingsError("--environment", name, f"is none of {', '.join(every)}")
    wanted = options.environment or every
    chosen = [
        (target, [each.id for each in target.settings.environments if each.id in wanted])
        for target in services[0].targets
    ]
    return [(target, ids) for target, ids in chosen if ids]


def _rehearse(rehearsal: Rehearsal, environments: Sequence[str]) -> bool:
    """Pushes to each environment, and tells about the roles at the end; whether all went well."""
    outcomes = [rehearsal.push(environment) for environment in rehearsal.environments(environments)]
    return all([*outcomes, rehearsal.roles()])


def _as_text(line: Line) -> None:
    seconds = "" if line.seconds is None else f"{line.seconds:6.1f} s"
    text = f"{line.subject}  {line.text}" if line.subject else line.text
    mark = "✗ " if line.failed else ""
    print(f"{line.step:<12} {mark}{text:<70} {seconds}".rstrip(), flush=True)


def _as_json(line: Line) -> None:
    values = {name: value for name, value in asdict(line).items() if value not in (None, "")}
    print(json.dumps(values, ensure_ascii=False), flush=True)


def _decide(*, approve: bool) -> Decide:
    """How requests for approval are answered: approved, or asked about on a terminal.

    Without either, they are rejected, so that nothing is approved by accident.
    """

    def decide(request: Approval) -> bool:
        print(request.message, file=sys.stderr)
        if approve:
            return True
        if not sys.stdin.isatty():
            print("Rejected: nobody can be asked here. Give --approve to approve.", file=sys.stderr)
            return False
        print(f"Approve {request.pipeline}? [approve/reject] ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in ("approve", "a", "yes", "y")

    return decide


def _wait_for_change(folder: Path) -> None:
    before = state(folder)
    while state(folder) == before:
        time.sleep(_LOOK_EVERY)


def _serve(show: Callable[[Line], None]) -> None:
    show(Line(step="serve", text="open until Ctrl-C"))
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        return
