"""What cfn-lint finds in a template, with its own rules and with ours."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import INSTALL_CHECK, MissingExtraError
from .finding import Finding

RULES = "ecs_cd_templates.rules"
"""The module of our rules, as ``cfn-lint --append-rules`` takes it."""


def lint(text: str, values: Mapping[str, str], region: str, *, own_rules: bool = True) -> list[Finding]:
    """The findings of cfn-lint, down to pieces of information.

    ``own_rules`` adds ours. Raises :class:`MissingExtraError` where cfn-lint is not installed.
    """
    try:
        from cfnlint.api import lint as run
        from cfnlint.config import ManualArgs
    except ImportError:
        raise MissingExtraError("package", "cfn-lint", INSTALL_CHECK) from None
    config = ManualArgs(include_checks=["I"], regions=[region])
    if values:
        config["parameters"] = [dict(values)]
    if own_rules:
        config["append_rules"] = [RULES]
    found = run(text, regions=[region], config=config)
    return sorted(
        {
            Finding(
                where="/".join(map(str, match.path)) or f"line {match.linenumber}",
                check=match.rule.id,
                text=match.message,
                source=match.rule.source_url,
            )
            for match in found
        }
    )
