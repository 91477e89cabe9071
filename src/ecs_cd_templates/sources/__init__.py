"""Where an application is, and what starts its pipelines: one module for each kind of source.

A further kind is a module with a :class:`Provider`, and its name in the list below.
"""

from __future__ import annotations

from typing import TypeAlias

from .codecommit import CodeCommit
from .connection import Connection
from .provider import Provider

__all__ = ["CodeCommit", "Connection", "Provider", "Source"]

Source: TypeAlias = CodeCommit | Connection
