"""A repository on a Git host, reached through a connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ..checks import one_of, patterns

# https://docs.aws.amazon.com/codeconnections/latest/APIReference/API_CreateConnection.html
Host = Literal["GitHub", "GitHubEnterpriseServer", "GitLab", "GitLabSelfManaged", "Bitbucket"]


@dataclass(frozen=True, kw_only=True)
class Connection:
    """The application is in a repository on a Git host; a trigger of each pipeline starts it.

    ``host``: what kind of host it is. ``paths``: files, as patterns such as ``services/cart/**``, of which a push must
    change one to start a pipeline; none means any file.

    Raises :class:`SettingsError`.
    """

    host: Host = "GitHub"
    paths: Sequence[str] = ()

    def __post_init__(self) -> None:
        one_of("Connection.host", self.host, get_args(Host))
        object.__setattr__(self, "paths", patterns("Connection.paths", self.paths, "services/cart/**"))
