"""Where an application is, and what starts its pipelines: one module for each kind of source."""

from __future__ import annotations

from typing import TypeAlias

from .codecommit import CodeCommit
from .connection import Connection

__all__ = ["CodeCommit", "Connection", "Source"]

Source: TypeAlias = CodeCommit | Connection
