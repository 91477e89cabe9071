"""The environments that pipelines deploy to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from .checks import flag, instance, one_of, patterns, text, whole_number
from .constraints import BRANCH, DISPLAY_NAME
from .errors import SettingsError
from .texts import Text

# IDs end up in logical IDs, which are alphanumeric and at most 255 characters long. This tighter length is ours: with
# it the names that are made of the ID stay within the 63 characters of a bucket's and the 64 of a role's.
MAX_ID_LENGTH = 18

IMAGES_TO_KEEP = 1, 1000

Approval = Literal["before_build", "before_deploy"]
Network = Literal["new", "public", "private_tasks", "private"]


def checked_display_name(field: str, value: object, example: str) -> None:
    """Refuses what is no name to put into a label. Raises :class:`SettingsError`."""
    name = text(field, value)
    if not (DISPLAY_NAME.accepts(name) and name.isprintable()):
        most = DISPLAY_NAME.max_length
        remedy = f"use 1 to {most} printable characters on a line, with plain spaces between words, such as {example!r}"
        raise SettingsError(field, name, remedy)
    if re.search(r"[$#]\{|\{\{", name):
        raise SettingsError(field, name, "leave out ${, #{ and {{, which CloudFormation and CodePipeline replace")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One environment that a pipeline deploys to.

    ``id`` goes into parameter names and logical IDs (``CodePipelineNameFor{id}Env``): 1 to 18 ASCII
    letters and digits. ``display_name`` goes into the labels ("… for the {display_name}
    environment?"): 1 to 80 characters on one line. ``approval`` says what waits until a person approves:
    ``before_build`` everything after the source, ``before_deploy`` the deployment, so that tests and image are
    there to look at; with None nothing waits. ``production`` is an environment whose metrics are worth their
    price (Container Insights), and whose load balancer can be protected from deletion. ``default_branch`` is the
    branch that the form proposes, if any.
    ``images_to_keep`` (1 to 1000) is the number of images that the proposed lifecycle policy leaves
    in the ECR repository. ``network``: ``new`` makes a VPC; the others ask for a VPC that exists, and put load balancer
    and tasks into its public subnets (``public``), the load balancer into public and the tasks into private subnets
    (``private_tasks``), or both into private subnets, where nothing has a public address (``private``). It is chosen
    before the launch: a load balancer that has another scheme is another load balancer
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancingv2-loadbalancer.html).
    ``release_tags``: Git tags, as patterns such as ``v*``, whose push starts the pipeline as a push to its branch does,
    whichever commit they are at; with a connection as the source only.

    Raises :class:`SettingsError`.
    """

    id: str
    display_name: str
    approval: Approval | None = None
    production: bool = False
    default_branch: str | None = None
    images_to_keep: int = 5
    network: Network = "new"
    release_tags: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(rf"[A-Za-z0-9]{{1,{MAX_ID_LENGTH}}}", text("Environment.id", self.id)):
            remedy = f"use 1 to {MAX_ID_LENGTH} ASCII letters and digits, such as 'Dev'"
            raise SettingsError("Environment.id", self.id, remedy)
        checked_display_name("Environment.display_name", self.display_name, "quality assurance")
        if self.approval is not None:
            one_of("Environment.approval", self.approval, get_args(Approval))
        flag("Environment.production", self.production)
        branch = self.default_branch
        # A default that the parameter's own pattern refuses would fail every launch.
        if branch is not None and not BRANCH.accepts(text("Environment.default_branch", branch)):
            raise SettingsError("Environment.default_branch", branch, BRANCH.message)
        whole_number("Environment.images_to_keep", self.images_to_keep, *IMAGES_TO_KEEP)
        one_of("Environment.network", self.network, get_args(Network))
        object.__setattr__(self, "release_tags", patterns("Environment.release_tags", self.release_tags, "v*"))

    @property
    def new_network(self) -> bool:
        """Whether the environment gets a VPC of its own."""
        return self.network == "new"

    @property
    def public_load_balancer(self) -> bool:
        """Whether the load balancer has public addresses."""
        return self.network != "private"

    @property
    def public_tasks(self) -> bool:
        """Whether tasks on Fargate, or EC2 instances, have public addresses."""
        return self.network in ("new", "public")


ENVIRONMENTS: tuple[Environment, ...] = (
    Environment(id="Dev", display_name=Text("environment.development"), default_branch="master"),
    Environment(id="QA", display_name=Text("environment.quality_assurance")),
    Environment(
        id="Prod",
        display_name=Text("environment.production"),
        approval="before_build",
        production=True,
        images_to_keep=100,
    ),
)
"""The usual environments: development, quality assurance and production, which waits for an approval."""


@dataclass(frozen=True)
class Scope:
    """Whose a parameter, a resource or an output is: one environment's among several, or the only one's."""

    environment: Environment
    only: bool = False

    def name(self, name: str) -> str:
        """The name of the parameter, or the logical ID, that this environment has."""
        return name if self.only else f"{name}For{self.environment.id}Env"

    @property
    def in_label(self) -> str:
        """What a label says of the environment: nothing where there is nothing to tell apart."""
        return "" if self.only else Text("scope.label", environment=self.environment.display_name)

    @property
    def in_sentence(self) -> Text:
        """What a sentence calls the environment."""
        return Text("scope.only") if self.only else Text("scope.one", environment=self.environment.display_name)


def scopes(environments: Sequence[Environment]) -> list[Scope]:
    """The scope of each environment in a template of several."""
    return [Scope(environment) for environment in environments]


def each_once(name: str, environments: object) -> tuple[Environment, ...]:
    """The environments as a tuple, if there are any and none has another's ID or display name.

    Raises :class:`SettingsError` with this name.
    """
    if not isinstance(environments, Sequence) or isinstance(environments, str):
        raise SettingsError(name, environments, "give a list or a tuple of Environment")
    if not environments:
        raise SettingsError(name, (), "give at least one Environment")
    for environment in environments:
        instance(name, environment, Environment)
    for attribute in ("id", "display_name"):
        first: dict[str, Environment] = {}
        for environment in environments:
            value = getattr(environment, attribute)
            # Names are proposed in lower case.
            if value.lower() in first:
                other = first[value.lower()].id
                remedy = f"is also that of the environment {other}: give each environment its own"
                raise SettingsError(f"Environment.{attribute}", value, remedy)
            first[value.lower()] = environment
    return tuple(environments)
