"""The files of a service, rendered: its templates, and the parameter file of each stack."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from troposphere import Template

from ..catalog import QUICK_START
from ..cfn.rendering import to_yaml
from ..launch.bundle import version
from ..launch.parameter_files import to_text
from ..rollouts import Launch, RolloutSettings
from .service import Rollout, Service, Services, Target
from .stacks import builders, quick_start_stack, stacks

ROLLOUT = "rollout.yaml"
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
        **{f"{TEMPLATES}/{name}": _text(build) for name, build in builders(target.settings).items()},
        **{f"{PARAMS}/{stack.file}": to_text(stack.values) for stack in stacks(target)},
    }


def rollout(services: Services, *, published_url: str | None = None) -> RolloutSettings | None:
    """What rolls out the quick start of every target whose account and region the file names; None if it names none.

    ``published_url``: where the versions of the templates are published, below which each quick start is in the folder
    of its version. Raises :class:`SettingsError`.
    """
    launches = [
        Launch(
            name=target.values.application,
            account=target.account,
            region=target.region,
            template_path=f"{version(target.settings)}/{QUICK_START}",
            parameters=quick_start_stack(target).differing,
            tags=target.settings.tags,
        )
        for service in services.services
        for target in service.targets
        if target.account is not None and target.region is not None
    ]
    if not launches:
        return None
    said = services.rollout or Rollout(permissions="self_managed")
    roles = {"administration_role": said.administration_role, "execution_role": said.execution_role}
    return RolloutSettings(
        launches=launches,
        permissions=said.permissions,
        organizational_units=said.organizational_units,
        delegated_admin=said.delegated_admin,
        published_url=published_url,
        **{key: value for key, value in roles.items() if value is not None},
    )


# Whatever else services have of their own, most of their templates are the same: so it is remembered by template.
@lru_cache(maxsize=64)
def _text(build: Callable[[], Template]) -> str:
    return to_yaml(build())
