"""A CodeCommit repository in the pipelines' own account."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CodeCommit:
    """The application is in a CodeCommit repository of the account; an event rule starts each pipeline."""
