"""The files of a service, rendered: its templates, and the parameter file of each stack."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from troposphere import Template

from ..catalog import QUICK_START, RenderSettings
from ..cfn.rendering import to_yaml
from ..errors import SettingsError
from ..launch.bundle import version
from ..launch.parameter_files import to_text
from ..rollouts import MAX_LAUNCHES, Launch, RolloutSettings
from .service import Service, Services, Target
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


def rollout(
    services: Services, *, published_url: str | None = None, version_of: Callable[[RenderSettings], str] = version
) -> RolloutSettings | None:
    """What rolls out the quick start of every target; None where the file says nothing of a rollout.

    ``published_url``: where the versions of the templates are published, below which each quick start is in the folder
    of its version. ``version_of`` says which that is, for which the templates are rendered. Raises
    :class:`SettingsError`, also for a target whose account or region the file does not name.
    """
    said = services.rollout
    if said is None:
        return None
    targets = [target for service in services.services for target in service.targets]
    if len(targets) > MAX_LAUNCHES:
        remedy = f"a template holds {MAX_LAUNCHES} at most: split the services over several files"
        raise SettingsError("rollout", f"{len(targets)} launches", remedy)
    launches = [_launch(target, version_of) for target in targets]
    roles = {"administration_role": said.administration_role, "execution_role": said.execution_role}
    try:
        return RolloutSettings(
            launches=launches,
            permissions=said.permissions,
            organizational_units=said.organizational_units,
            delegated_admin=said.delegated_admin,
            published_url=published_url,
            **{key: value for key, value in roles.items() if value is not None},
        )
    except SettingsError as error:
        raise SettingsError("rollout", error.value, error.remedy) from None


def _launch(target: Target, version_of: Callable[[RenderSettings], str]) -> Launch:
    account, region = target.account, target.region
    name = f"rollout of {target.values.application}"
    if account is None or region is None:
        missing = " and no ".join(key for key, value in (("account", account), ("region", region)) if value is None)
        remedy = f"no {missing}: say both of each environment, or leave out rollout"
        raise SettingsError(name, ", ".join(target.values.environments), remedy)
    try:
        return Launch(
            name=target.values.application,
            account=account,
            region=region,
            template_path=f"{version_of(target.settings)}/{QUICK_START}",
            parameters=quick_start_stack(target).differing,
            tags=target.settings.tags,
        )
    except SettingsError as error:
        raise SettingsError(f"{name}: {error.field}", error.value, error.remedy) from None


# Whatever else services have of their own, most of their templates are the same: so it is remembered by template.
@lru_cache(maxsize=64)
def _text(build: Callable[[], Template]) -> str:
    return to_yaml(build())
