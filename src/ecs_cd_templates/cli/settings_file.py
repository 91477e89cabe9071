"""What the commands share that take a settings file: its options, and the services that they ask for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import SettingsError
from ..launch.links import Parameters
from ..services import FILE_NAME, Service, Services, Target, read_file
from ..services.checking import unknown
from ..services.files import PARAMS, folder, rollout
from ..services.stacks import stacks
from ..services.telling import told_of
from .options import PROGRAM, arguments_of, on_one_line

DEFAULT_OUTPUT = Path("services")
"""Where the files of services are rendered to."""


@dataclass(frozen=True, kw_only=True)
class SettingsFile:
    """A settings file, and what it says of the services that the options ask for, which ``only`` names if not all."""

    path: Path
    services: Services
    only: tuple[str, ...] = ()

    @property
    def targets(self) -> Iterator[tuple[str, Service, Target]]:
        """Each target with the path of its files and its service."""
        for service in self.services.services:
            for target in service.targets:
                yield folder(service, target), service, target

    @property
    def arguments(self) -> list[str]:
        """The options that lead another command to the same services."""
        named = [] if self.path == Path(FILE_NAME) else ["--settings", str(self.path)]
        return [*named, *(argument for name in self.only for argument in ("--service", name))]

    def check(self) -> None:
        """Refuses what no template takes before anything is made of any of the services.

        Raises :class:`SettingsFileError`, about the service or the rollout.
        """
        every = list(self.targets)
        document = self.services.document
        for number, (path, service, target) in enumerate(every, start=1):
            progress(number, len(every), path)
            with told_of(document, "services", service.name):
                stacks(target)
        # Which version of the templates is rolled out makes no difference here, and takes a rendering to find out.
        with told_of(document, "rollout"):
            rollout(self.services, version_of=lambda _settings: "version")


def add_service_settings(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a settings file; :func:`settings_file` reads it."""
    parser.add_argument(
        "--settings",
        type=Path,
        metavar="FILE",
        help=f"the settings file of your services; default: {FILE_NAME} in the working directory, if it is there",
    )
    parser.add_argument(
        "--service",
        action="append",
        default=[],
        metavar="NAME",
        help="only this service of the settings file; give the option once for each",
    )


def settings_file(options: argparse.Namespace) -> SettingsFile | None:
    """What the settings file says, checked; None where no file is named, nor one in the working directory.

    Raises :class:`SettingsError` for a service that is not in the file, or where there is no file, and for an option
    that says what the file says; :class:`SettingsFileError` for what is wrong in the file, and for a value that a
    template refuses.
    """
    path = _path(options)
    if path is None:
        return None
    given = arguments_of(options)
    if given:
        raise SettingsError(given[0], given[1], f"the settings are in {on_one_line(path)}: say it there")
    return services_file(options)


def services_file(options: argparse.Namespace) -> SettingsFile | None:
    """The same for a command without options for settings."""
    path = _path(options)
    if path is None:
        return None
    file = SettingsFile(path=path, services=read_file(path))
    only = tuple(dict.fromkeys(options.service))
    if only:
        services = {service.name: service for service in file.services.services}
        for name in only:
            if name not in services:
                raise SettingsError("--service", name, unknown(name, services, f"service of {on_one_line(path)}"))
        chosen = replace(file.services, services=tuple(services[name] for name in only), rollout=None)
        file = replace(file, services=chosen, only=only)
    file.check()
    return file


def refuse_nested(options: argparse.Namespace) -> None:
    """Raises :class:`SettingsError` for --nested, which the services of a settings file do not have."""
    if options.nested:
        raise SettingsError("--nested", "given", "nested stacks are not for services of a settings file: leave it out")


def _path(options: argparse.Namespace) -> Path | None:
    if options.settings is not None or os.path.lexists(FILE_NAME):
        return options.settings or Path(FILE_NAME)
    if options.service:
        remedy = f"there is no {FILE_NAME} here: give --settings, or write one with {PROGRAM} init"
        raise SettingsError("--service", options.service[0], remedy)
    return None


def parameters_of(path: str, target: Target, output: Path = DEFAULT_OUTPUT) -> list[tuple[str, Parameters]]:
    """Each template that the target is launched from, with its stack.

    The values are those that are not its defaults, the file is where all are, as ``render`` writes it.
    """
    return [
        (
            stack.template,
            Parameters(
                values=stack.differing,
                file=str(output / path / PARAMS / stack.file),
                stack_name=stack.name,
                account=target.account,
                folder=str(output / path),
            ),
        )
        for stack in stacks(target)
    ]


def progress(number: int, count: int, what: str) -> None:
    """Shows on a terminal how far the command is; the last call clears the line."""
    if sys.stderr.isatty():
        text = f"[{number}/{count}] {what}" if number < count else ""
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
