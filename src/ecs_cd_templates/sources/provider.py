"""What every kind of source has to say of itself; the other modules ask for nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from awacs.aws import PolicyDocument, Statement
from troposphere import AWSHelperFn, AWSObject, Template
from troposphere.codepipeline import PipelineTriggerDeclaration

from ..actions import Action
from ..cfn.intrinsics import Named
from ..environments import Environment, Scope
from ..grants import Grant
from ..parameters import Entry, Form, ParameterSpec, Part
from ..texts import Text

Values = Mapping[ParameterSpec, Named]
"""What a pipeline is told of its source: a value for each of the source's parameters."""


@dataclass(frozen=True)
class Review:
    """What an approval request says: where it leads, if that is known, and its words.

    ``commit`` and ``hint`` are parts of a sentence, in which ``${branch}`` stands for the branch.
    """

    link: AWSHelperFn | None
    commit: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a settings file says of the source of an application: values, by those of its keys that are no fields."""

    application: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class StartingRole:
    """A role with which something starts the pipelines."""

    part: Part
    description: str
    trust: PolicyDocument
    grants: Sequence[Grant]


class Provider(ABC):
    """A kind of source.

    ``action_provider`` is CodePipeline's name for it, and ``shown`` the keys of its action's configuration that the
    launch page's picture shows. ``title`` says what a stack makes for it. ``needs_v2``: its triggers take pipelines of
    type V2. ``takes_tags``: a Git tag can start a pipeline. ``takes_first_commit``: a repository of this kind can start
    with an archive. ``pipeline_texts`` is the middle of the keys of the texts about a pipeline's name, where they are
    not the usual ones. ``called`` is what errors about a settings file call it.
    """

    called: ClassVar[str]
    keys: ClassVar[Mapping[str, Any]]
    """What a settings file may say of it: keys that no other kind has, and what each takes (see :mod:`..keys`).

    One of the name of a field of the class sets this; what the others say are values.
    """
    environment_keys: ClassVar[tuple[str, ...]] = ()
    """Those of the values that an environment may say otherwise."""

    action_provider: ClassVar[str]
    shown: ClassVar[tuple[str, ...]]
    needs_v2: ClassVar[bool] = False
    takes_tags: ClassVar[bool] = False
    takes_first_commit: ClassVar[bool] = False
    pipeline_texts: ClassVar[str] = ""

    branch: ClassVar[ParameterSpec]
    shared: ClassVar[tuple[ParameterSpec, ...]]
    """What all pipelines of an application have in common."""
    parts: ClassVar[tuple[Part, ...]] = ()
    """What the prerequisites make unless its name is marked as that of one that exists."""
    role_parts: ClassVar[tuple[Part, ...]] = ()
    """The roles with which something starts the pipelines."""
    role_words: ClassVar[Mapping[ParameterSpec, str]] = {}
    """The word for each of these roles in the names that are made of an application's."""
    known_first: ClassVar[tuple[ParameterSpec, ...]] = ()
    """What a policy that is written before anything is made cannot leave blank."""

    @property
    @abstractmethod
    def title(self) -> Text:
        """What a stack makes for it, in a list of what it makes."""

    @property
    def parameters(self) -> tuple[ParameterSpec, ...]:
        """What a pipeline's form asks about the source, but for the roles, in its order."""
        return (*self.shared, self.branch)

    @abstractmethod
    def action(self, values: Values, output: str) -> Action:
        """The action that fetches the source into the artifact of this name, with its permissions."""

    def artifact_grants(self, bucket: Named) -> list[Grant]:
        """What its action calls on the artifact bucket of this name, beside what every pipeline calls there."""
        del bucket
        return []

    @abstractmethod
    def review(self, values: Values, environment: Environment) -> Review:
        """What an approval request says of the commit."""

    def triggers(self, values: Values, environment: Environment) -> list[PipelineTriggerDeclaration]:
        """What starts the pipeline and is a part of it."""
        del values, environment
        return []

    def rule(self, scope: Scope, pipeline: Named, values: Values) -> AWSObject | None:
        """What starts the pipeline of this name and stands beside it, if anything does."""
        del scope, pipeline, values
        return None

    def starting_roles(self, pipelines: Sequence[Named]) -> list[StartingRole]:
        """The roles of :attr:`role_parts`, which may start these pipelines."""
        del pipelines
        return []

    @abstractmethod
    def prerequisite_entries(self, only: Scope | None) -> list[Entry]:
        """What the form of the prerequisites asks; ``only`` is whose they are, if one environment's."""

    @abstractmethod
    def add_prerequisites(self, template: Template, form: Form, names: Values) -> dict[ParameterSpec, Named]:
        """Adds what the prerequisites make; returns the values of :attr:`shared`.

        ``names`` are those of :attr:`parts`, without the mark.
        """

    @abstractmethod
    def quick_start_entries(self) -> list[Entry]:
        """What the form of the quick start asks."""

    @abstractmethod
    def add_quick_start(
        self, template: Template, form: Form, first_branch: Named, archive: tuple[str, str] | None
    ) -> dict[ParameterSpec, Named]:
        """Adds what the quick start makes; returns the values of :attr:`shared`.

        ``archive`` is the S3 bucket and key of what the first branch starts with, if anything.
        """

    @abstractmethod
    def check_said(self, said: Mapping[str, Said], places: int) -> None:
        """Refuses what does not go together in a settings file. Raises :class:`SettingsError` about one of the keys.

        ``said`` is what it says, for each environment by its ID; these are in so many accounts and regions.
        """

    def made_by_name(self, said: Said) -> Mapping[str, str]:
        """What is made under a name that a settings file gives, by the key: no two services make the same."""
        del said
        return {}

    @abstractmethod
    def quick_start_values(self, said: Said) -> dict[ParameterSpec, str | None]:
        """What the quick start's form is filled in with."""

    @abstractmethod
    def prerequisite_values(self, said: Said) -> dict[ParameterSpec, str | None]:
        """What the prerequisites' form is filled in with."""

    @abstractmethod
    def pipeline_values(self, said: Said) -> dict[ParameterSpec, str | None]:
        """What a pipeline's form is filled in with; None for what is not known before it is made."""

    @abstractmethod
    def denied(self, configurations: Sequence[Mapping[str, Any]]) -> list[Statement]:
        """What is denied to developers around the sources of pipelines that wait for an approval.

        ``configurations`` are those of their source actions, resolved. Raises :class:`ParameterError` for what no
        policy can name.
        """
