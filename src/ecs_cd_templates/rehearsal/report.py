"""What a rehearsal says while it works: a line for each step, with its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Line:
    """One step: what it is (``tests``), for whom (a pipeline), what came of it, and the seconds it took."""

    step: str
    subject: str = ""
    text: str
    seconds: float | None = None
    failed: bool = False


Tell = Callable[[Line], None]


def silent(_line: Line) -> None:
    """Says nothing."""
