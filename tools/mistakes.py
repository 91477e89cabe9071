"""Counts how many mistakes in an edited quick start each gate finds, and what it says of edits that are right.

The gates: cfn-lint with its own rules, AWS's cloudformation-validate, and ``ecs-cd-templates check``. Exits with 1 if
``check`` misses more than two mistakes of each sixty, or says anything of what is right.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from cloudformation_validate import CompositeEngine, TemplateContent

from ecs_cd_templates.catalog import RenderSettings, templates
from ecs_cd_templates.cfn.evaluation import Target
from ecs_cd_templates.cfn.reading import from_yaml
from ecs_cd_templates.cfn.rendering import to_yaml
from ecs_cd_templates.environments import ENVIRONMENTS
from ecs_cd_templates.review import review
from ecs_cd_templates.review.linting import lint
from ecs_cd_templates.rules import RULES

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "review"))
from edits import MISTAKES, RIGHT

GATES = ("cfn-lint", "cloudformation-validate", "check")
TARGET = Target(account="123456789012", region="us-east-1")
# Of sixty mistakes, so many may be missed.
MISSED_OF_SIXTY = 2


def template() -> Any:
    """The quick start of development and production: what the edits are made in, without what they leave alone."""
    settings = RenderSettings(environments=[each for each in ENVIRONMENTS if each.id != "QA"])
    return from_yaml(to_yaml(templates(settings)["quick-start.yaml"]()))


def found(number: int) -> dict[str, list[str]]:
    """What each gate says of the edit of this number that it does not say of the template."""
    edit = [*MISTAKES, *RIGHT][number]
    edited = template()
    edit.make(edited)
    return {gate: sorted(said - _before()[gate]) for gate, said in _said(edited).items()}


def _said(edited: Any) -> dict[str, set[str]]:
    text = json.dumps(edited, indent=1)
    every = lint(text, {}, TARGET.region)
    own = {rule.id for rule in RULES}
    stock = {each.check + each.text for each in every if each.check not in own}
    return {
        "cfn-lint": stock,
        "cloudformation-validate": _validate(text),
        "check": {each.check + each.text for each in every} | {str(each) for each in review(edited, {}, TARGET)},
    }


def _validate(text: str) -> set[str]:
    report = _engine().validate_template(TemplateContent(text, "template.json"))
    return {f"{each.rule_id} {each.message}" for each in report.diagnostics}


@cache
def _engine() -> Any:
    """Made once in each process: that takes longer than a validation."""
    return CompositeEngine()


BEFORE: dict[str, set[str]] = {}


def _before() -> dict[str, set[str]]:
    if not BEFORE:
        BEFORE.update(_said(template()))
    return BEFORE


def main() -> int:
    """Prints the counts, and what was missed; returns the exit status."""
    edits = [*MISTAKES, *RIGHT]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(found, range(len(edits)), chunksize=4))
    count: Counter[str] = Counter()
    wrong, missed = [], []
    for edit, result in zip(edits, results, strict=True):
        for gate in GATES:
            count[f"{gate} {edit.kind == 'right'}"] += bool(result[gate])
        if edit.kind == "right" and result["check"]:
            wrong.append((edit, result["check"]))
        if edit.kind != "right" and not result["check"]:
            missed.append(edit)
    kinds = len({edit.kind for edit in MISTAKES})
    print(f"{len(MISTAKES)} mistakes of {kinds} kinds, {len(RIGHT)} edits that are right")
    for gate in GATES:
        print(f"{gate:24} finds {count[f'{gate} False']:3} mistakes, objects to {count[f'{gate} True']:2} right edits")
    for edit in missed:
        print(f"check misses: {edit.kind}: {edit.what}")
    for edit, said in wrong:
        print(f"check objects: {edit.what}: {said}")
    return 1 if wrong or len(missed) * 60 > MISSED_OF_SIXTY * len(MISTAKES) else 0


if __name__ == "__main__":
    sys.exit(main())
