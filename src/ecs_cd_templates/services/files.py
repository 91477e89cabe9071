"""The files of a service, rendered: its templates, and the parameter file of each launch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from .. import catalog
from ..catalog import RenderSettings
from ..launch.parameter_files import to_text
from .launches import launches
from .service import Service, Target

TEMPLATES, PARAMS = "templates", "params"
"""The folders of a target's templates and of its parameter files."""


def folder(service: Service, target: Target) -> str:
    """The path of a target's files: the service's name, and where there are several targets, account and region."""
    if len(service.targets) == 1:
        return service.name
    return f"{service.name}/{'-'.join(filter(None, [target.account, target.region])) or 'default'}"


def files(target: Target) -> dict[str, str]:
    """The texts of a target's files, by their paths below its folder."""
    return {
        **{f"{TEMPLATES}/{name}": text for name, text in _rendered(target.settings).items()},
        **{f"{PARAMS}/{launch.file}": to_text(launch.values) for launch in launches(target)},
    }


# Services that want the same have the same templates; a few kinds of services are what one file has at a time.
@lru_cache(maxsize=16)
def _rendered(settings: RenderSettings) -> Mapping[str, str]:
    return MappingProxyType(catalog.render(settings))
