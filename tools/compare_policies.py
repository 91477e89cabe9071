"""Prints a Markdown table of how much each IAM policy opens.

    python tools/compare_policies.py NAME=FILE [NAME=FILE …]

Each FILE is a policy document in JSON. Wildcards are expanded with policy_sentry's copy of AWS's
service authorization reference, so the figures grow with the services.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from policy_sentry.querying.actions import get_actions_with_access_level
from policy_sentry.querying.all import get_all_actions

HEADINGS = ("policy", "actions", "wildcards", "actions on `*`", "of these, writing", "of these, managing permissions")


@cache
def known_actions() -> tuple[str, ...]:
    return tuple(sorted(get_all_actions()))


@cache
def at_level(level: str) -> frozenset[str]:
    return frozenset(action.lower() for action in get_actions_with_access_level("all", level))


def expanded(patterns: list[str]) -> set[str]:
    """The actions that the patterns stand for; a name that the reference does not have stands for itself."""
    found: set[str] = set()
    for pattern in patterns:
        matches = [action for action in known_actions() if fnmatchcase(action.lower(), pattern.lower())]
        found.update(action.lower() for action in matches or [pattern])
    return found


def figures(policy: dict[str, Any]) -> tuple[int, ...]:
    """The figures under HEADINGS: allowed actions, patterns with a wildcard, and what is allowed on every resource."""
    actions: set[str] = set()
    everywhere: set[str] = set()
    wildcards: set[str] = set()
    for statement in as_list(policy["Statement"]):
        if statement["Effect"] != "Allow":
            continue
        patterns = as_list(statement["Action"])
        wildcards.update(pattern for pattern in patterns if re.search(r"[*?]", pattern))
        found = expanded(patterns)
        actions |= found
        if "*" in as_list(statement["Resource"]):
            everywhere |= found
    levels = (len(everywhere & at_level(level)) for level in ("Write", "Permissions management"))
    return len(actions), len(wildcards), len(everywhere), *levels


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def table(policies: dict[str, dict[str, Any]]) -> Iterator[str]:
    """The lines of the table."""
    yield f"| {' | '.join(HEADINGS)} |"
    yield f"| --- |{' ---: |' * (len(HEADINGS) - 1)}"
    for name, policy in policies.items():
        yield f"| {name} | {' | '.join(f'{figure:,}' for figure in figures(policy))} |"


def main() -> int:
    parser = argparse.ArgumentParser(description="Prints how much each IAM policy opens, as a Markdown table.")
    parser.add_argument("policies", nargs="+", metavar="NAME=FILE")
    policies = {}
    for argument in parser.parse_args().policies:
        name, separator, file = argument.rpartition("=")
        try:
            policies[name if separator else Path(file).stem] = json.loads(Path(file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            parser.error(f"{file}: {error}")
    print(*table(policies), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
