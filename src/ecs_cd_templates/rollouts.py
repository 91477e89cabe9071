"""What a rollout launches, where, and in which order: frozen settings that are checked when they are made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from .cfn.limits import MAX_OUTPUTS, MAX_PARAMETER_VALUE_BYTES, MAX_PARAMETERS, MAX_STACK_SET_NAME_LENGTH
from .cfn.partitions import partition_by_name
from .checks import flag, instance, one_of, text
from .constraints import NEW_ROLE_NAME, ROLE_NAME
from .errors import SettingsError
from .settings import s3_folder_url

Permissions = Literal["self_managed", "service_managed"]

# The names that StackSets itself takes where none are given
# (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html).
ADMINISTRATION_ROLE = "AWSCloudFormationStackSetAdministrationRole"
EXECUTION_ROLE = "AWSCloudFormationStackSetExecutionRole"

# One output is the console's address. A template holds more resources, and an account more stack sets.
MAX_LAUNCHES = MAX_OUTPUTS - 1

# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackInstances.html
MAX_ORGANIZATIONAL_UNITS = 50

# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html
UNIT_ID = r"(?:ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32})"

# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
MAX_TAGS = 50
MAX_TAG_VALUE_LENGTH = 256

# With the folder's address, well below the 5,120 characters of a template's.
MAX_TEMPLATE_PATH_LENGTH = 512
_PART = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One template in one account and region.

    ``name``: what is launched, such as ``cart``; the launches of one name come one after the other.
    ``account``: 12 digits. ``region``: such as ``eu-west-1``. ``template_path``: the template below the published
    folder, such as ``VERSION/quick-start.yaml``. ``parameters``: the values of its form; those that are left out
    have their defaults. ``tags``: at most 50 pairs of a key and a value, on the stack and all in it that takes tags.

    The stack set's name is made of the name, the account and the region, and ends at 128 characters
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html).
    Raises :class:`SettingsError`.
    """

    name: str
    account: str
    region: str
    template_path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Sequence[tuple[str, str]] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*", text("Launch.name", self.name)):
            remedy = "use ASCII letters, digits and single hyphens, and begin with a letter, such as 'cart'"
            raise SettingsError("Launch.name", self.name, remedy)
        if not re.fullmatch(r"[0-9]{12}", text("Launch.account", self.account)):
            raise SettingsError("Launch.account", self.account, "give the 12 digits of an account, as a string")
        if self.partition is None:
            raise SettingsError("Launch.region", self.region, "give the name of a region, such as 'eu-west-1'")
        path = text("Launch.template_path", self.template_path)
        if len(path) > MAX_TEMPLATE_PATH_LENGTH or not re.fullmatch(rf"(?:{_PART}/)*{_PART}\.yaml", path):
            remedy = "give the path of a .yaml file below the published folder, such as 'quick-start.yaml'"
            raise SettingsError("Launch.template_path", path, remedy)
        if len(self.stack_set) > MAX_STACK_SET_NAME_LENGTH:
            remedy = (
                f"is too long: a stack set's name, {self.stack_set}, ends at {MAX_STACK_SET_NAME_LENGTH} characters"
            )
            raise SettingsError("Launch.name", self.name, remedy)
        object.__setattr__(self, "parameters", _parameters(self.parameters))
        object.__setattr__(self, "tags", _tags(self.tags))

    @property
    def stack_set(self) -> str:
        """The stack set's name."""
        return f"{self.name}-{self.account}-{self.region}"

    @property
    def partition(self) -> str | None:
        """The partition that the region is in, or None if its name is that of no region."""
        return partition_by_name(text("Launch.region", self.region))


@dataclass(frozen=True, kw_only=True)
class RolloutSettings:
    """The template that rolls published templates out to several accounts.

    ``launches``: 1 to 199, in order: the launches of one name come one after the other, those of different names at
    the same time. All are in one partition. An account has 1,000 stack sets at most, unless more are asked for
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
    ``permissions``: ``self_managed`` works with two roles that you make, ``administration_role`` in the account of
    the rollout and ``execution_role`` in each of the others
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html);
    ``service_managed`` with AWS Organizations: the accounts are in one of the ``organizational_units``, and none is
    the management account
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html). A unit that a later
    template leaves out has its stacks deleted, an account that has moved between units among them
    (https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-cloudformation/tree/master/aws-cloudformation-stackset):
    give the root, of which only the accounts of the launches are reached. China's regions
    have only the former (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs.html).
    ``delegated_admin``: the rollout's own account is a delegated administrator, not the management account
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html).
    ``published_url``: the address of the published folder if it is known, which the form then proposes.

    Raises :class:`SettingsError`.
    """

    launches: Sequence[Launch]
    permissions: Permissions = "self_managed"
    organizational_units: Sequence[str] = ()
    administration_role: str = ADMINISTRATION_ROLE
    execution_role: str = EXECUTION_ROLE
    delegated_admin: bool = False
    published_url: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "launches", _launches(self.launches))
        one_of("RolloutSettings.permissions", self.permissions, get_args(Permissions))
        flag("RolloutSettings.delegated_admin", self.delegated_admin)
        object.__setattr__(self, "organizational_units", _units(self.organizational_units))
        if self.permissions == "service_managed":
            self._check_service_managed()
        else:
            self._check_self_managed()
        if self.published_url is not None:
            url = s3_folder_url("RolloutSettings.published_url", self.published_url)
            object.__setattr__(self, "published_url", url)

    def _check_service_managed(self) -> None:
        if not self.organizational_units:
            remedy = "service_managed needs them: give those that the accounts are in, such as ['ou-ab12-cdef3456']"
            raise SettingsError("RolloutSettings.organizational_units", (), remedy)
        for name, usual in (("administration_role", ADMINISTRATION_ROLE), ("execution_role", EXECUTION_ROLE)):
            if getattr(self, name) != usual:
                remedy = (
                    "service_managed has roles of its own: leave this one out, or set permissions to 'self_managed'"
                )
                raise SettingsError(f"RolloutSettings.{name}", getattr(self, name), remedy)
        if self.launches[0].partition == "aws-cn":
            remedy = "China's regions have no service_managed permissions: use 'self_managed'"
            raise SettingsError("RolloutSettings.permissions", self.permissions, remedy)

    def _check_self_managed(self) -> None:
        if not ROLE_NAME.accepts(text("RolloutSettings.administration_role", self.administration_role)):
            raise SettingsError("RolloutSettings.administration_role", self.administration_role, ROLE_NAME.message)
        execution_role = text("RolloutSettings.execution_role", self.execution_role)
        if not NEW_ROLE_NAME.accepts(execution_role):
            raise SettingsError("RolloutSettings.execution_role", execution_role, "give a role's name without its path")
        for name in ("organizational_units", "delegated_admin"):
            if getattr(self, name):
                remedy = "is for permissions='service_managed': leave it out, or set that"
                raise SettingsError(f"RolloutSettings.{name}", getattr(self, name), remedy)


def _launches(launches: object) -> tuple[Launch, ...]:
    name = "RolloutSettings.launches"
    if not isinstance(launches, Sequence) or isinstance(launches, str) or not launches:
        raise SettingsError(name, launches, "give a list with at least one Launch")
    if len(launches) > MAX_LAUNCHES:
        remedy = f"a template holds {MAX_LAUNCHES} at most: split the list over several templates"
        raise SettingsError(name, f"{len(launches)} launches", remedy)
    seen: dict[str, Launch] = {}
    for launch in launches:
        instance(name, launch, Launch)
        # Logical IDs have no hyphens.
        alike = seen.setdefault(launch.stack_set.replace("-", "").lower(), launch)
        if alike is not launch:
            remedy = f"is as good as {alike.stack_set}: launch one template of a name in an account and region"
            raise SettingsError(name, launch.stack_set, remedy)
        if launch.partition != launches[0].partition:
            remedy = f"is in another partition than {launches[0].region}: make a rollout for each partition"
            raise SettingsError(name, launch.region, remedy)
    return tuple(launches)


def _units(units: object) -> tuple[str, ...]:
    name = "RolloutSettings.organizational_units"
    if not isinstance(units, Sequence) or isinstance(units, str) or len(units) > MAX_ORGANIZATIONAL_UNITS:
        raise SettingsError(name, units, f"give a list of at most {MAX_ORGANIZATIONAL_UNITS} IDs")
    for unit in units:
        if not re.fullmatch(UNIT_ID, text(name, unit)):
            raise SettingsError(
                name, unit, "give the ID of an organizational unit or a root, such as 'ou-ab12-cdef3456'"
            )
    return tuple(units)


def _parameters(parameters: object) -> dict[str, str]:
    name = "Launch.parameters"
    if not isinstance(parameters, Mapping) or len(parameters) > MAX_PARAMETERS:
        raise SettingsError(name, parameters, f"give a mapping of at most {MAX_PARAMETERS} parameters to their values")
    for key, value in parameters.items():
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
        if not re.fullmatch(r"[A-Za-z0-9]{1,255}", text(name, key)):
            raise SettingsError(name, key, "a parameter's name has 1 to 255 letters and digits")
        if len(text(f"{name}[{key!r}]", value).encode()) > MAX_PARAMETER_VALUE_BYTES:
            raise SettingsError(
                f"{name}[{key!r}]", value, f"has more than {MAX_PARAMETER_VALUE_BYTES} bytes: shorten it"
            )
        if "{{" in value:
            # It would be looked up in the account of the rollout, and the value shown in the other's.
            raise SettingsError(f"{name}[{key!r}]", value, "dynamic references are not passed on: give the value")
    return dict(parameters)


def _tags(tags: object) -> tuple[tuple[str, str], ...]:
    name = "Launch.tags"
    if not isinstance(tags, Sequence) or isinstance(tags, str) or len(tags) > MAX_TAGS:
        raise SettingsError(name, tags, f"give a list of at most {MAX_TAGS} pairs of a key and a value")
    keys = set()
    for tag in tags:
        match tag:
            case (str(key), str(value)) if key not in keys:
                keys.add(key)
            case _:
                raise SettingsError(name, tag, "give each key once, with a value")
        if not re.fullmatch(r"(?!aws:)[A-Za-z0-9 :_./=+-]{1,128}", key):
            remedy = "a stack set takes letters, digits, spaces and :_./=+- in a key, and none that begins with aws:"
            raise SettingsError(name, tag, remedy)
        if not 1 <= len(value) <= MAX_TAG_VALUE_LENGTH:
            raise SettingsError(name, tag, f"a value has 1 to {MAX_TAG_VALUE_LENGTH} characters")
    return tuple((key, value) for key, value in tags)
