"""What is wrong in a template, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """What is wrong, where (a resource, a parameter or a line), which check says so, and the page of its rule."""

    where: str
    check: str
    text: str
    source: str = ""

    def __str__(self) -> str:
        """One line for people."""
        source = f" ({self.source})" if self.source else ""
        return f"{self.where}: {self.text}{source} [{self.check}]"
