"""One file for many services: read, checked, and turned into the settings and values of their templates."""

from __future__ import annotations

from pathlib import Path

from .checking import checked
from .reading import read, read_text
from .resolve import resolved
from .service import EnvironmentValues, Rollout, Service, Services, ServiceValues, Target

FILE_NAME = "ecs-cd.yaml"

__all__ = [
    "FILE_NAME",
    "EnvironmentValues",
    "Rollout",
    "Service",
    "ServiceValues",
    "Services",
    "Target",
    "read_file",
    "read_settings",
    "read_settings_text",
]


def read_settings(path: Path | str) -> list[Service]:
    """The services of the settings file, in its order.

    At most 2,000,000 bytes are read. Regions are checked against botocore's, where the extra ``aws`` is installed.
    Raises :class:`SettingsFileError`, whose one line names file, line, column and key.
    """
    return list(read_file(Path(path)).services)


def read_file(path: Path) -> Services:
    """All that the settings file says. Raises :class:`SettingsFileError`."""
    document = read(path)
    return resolved(document, checked(document))


def read_settings_text(name: str, content: bytes) -> Services:
    """All that the content of a settings file of this name says. Raises :class:`SettingsFileError`."""
    document = read_text(name, content)
    return resolved(document, checked(document))
