"""Where an application is, and what starts its pipelines: one module for each kind of source.

A further kind is a module with a :class:`Provider`, and its name in the list below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, get_args

from .codecommit import CodeCommit
from .connection import Connection
from .provider import Provider

__all__ = ["ENVIRONMENT_KEYS", "KEYS", "KINDS", "CodeCommit", "Connection", "Provider", "Source"]

Source: TypeAlias = CodeCommit | Connection

KINDS: tuple[type[Source], ...] = get_args(Source)
"""The kinds of source; the first is the one of a service of whose source a settings file says nothing."""

KEYS: Mapping[str, Any] = {key: takes for kind in KINDS for key, takes in kind.keys.items()}
"""All that a settings file may say of a source."""

ENVIRONMENT_KEYS: Mapping[str, Any] = {key: KEYS[key] for kind in KINDS for key in kind.environment_keys}
"""What of it an environment may say otherwise."""
