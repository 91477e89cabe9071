"""What a settings file comes to: services, where each of them goes, and the values of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..catalog import RenderSettings
from ..rollouts import Permissions
from ..sources.provider import Said
from .reading import Document


@dataclass(frozen=True, kw_only=True)
class EnvironmentValues:
    """One environment's values. None where the file says nothing: what the form proposes stands.

    ``task_count`` and ``task_size`` are as the forms take them, such as ``2-6`` and ``256 CPU units, 512 MiB``. ``vpc``
    and the subnets are those of a network that exists: two or none in each.
    """

    branch: str
    task_count: str | None = None
    task_size: str | None = None
    certificate: str | None = None
    vpc: str | None = None
    public_subnets: tuple[str, ...] = ()
    private_subnets: tuple[str, ...] = ()
    container_insights: str | None = None
    deletion_protection: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ServiceValues:
    """A service's values in one account and region. None where the file says nothing: what the form proposes stands.

    ``source`` is what the file says of the source, by its keys, such as ``repository``; but for what the settings have.
    ``environments`` are the values of each environment by its ID, in the order of the settings.
    """

    application: str
    source: Mapping[str, str]
    key: str | None
    approval_email: str | None
    launch_type: str | None
    instance_type: str | None
    health_check_path: str | None
    log_retention_days: int | None
    artifact_expiration_days: int | None
    network_cidr: str | None
    environments: Mapping[str, EnvironmentValues]

    @property
    def said(self) -> Said:
        """What the file says of the source, as the source takes it."""
        return Said(application=self.application, values=self.source)


@dataclass(frozen=True, kw_only=True)
class Target:
    """The environments of a service that are in one account and region, None standing for whichever is launched in.

    ``settings`` are those of these environments' templates, ``values`` those of their parameters.
    """

    account: str | None
    region: str | None
    settings: RenderSettings
    values: ServiceValues


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service, and its targets in the order in which its environments first name them."""

    name: str
    targets: tuple[Target, ...]


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """How stack sets reach the accounts: with roles of your own, or with those of AWS Organizations, unit by unit.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs.html
    """

    permissions: Permissions
    organizational_units: tuple[str, ...] = ()
    administration_role: str | None = None
    execution_role: str | None = None
    delegated_admin: bool = False


@dataclass(frozen=True, kw_only=True)
class Services:
    """All that a settings file says; ``document`` knows where it says it."""

    services: tuple[Service, ...]
    rollout: Rollout | None = None
    document: Document = field(repr=False, compare=False)
