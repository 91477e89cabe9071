"""Least privilege, proven: every call is allowed, nothing else is, and the proof notices any change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import compare_policies
import pytest

from ecs_cd_templates.cfn.evaluation import Target
from ecs_cd_templates.steps import BUILD_STEPS
from iam_evaluator import PolicyError
from least_privilege import ROLE_TITLES, permission_problems, rendered, trust_problems
from mutants import mutants
from support import PARTITIONS, ROOT, TARGET

Proof = Callable[[str, dict[str, Any], Target], Iterator[str]]


PROOFS: dict[str, Proof] = {"permissions": permission_problems, "trust": trust_problems}


@pytest.mark.parametrize("kind", PROOFS)
@pytest.mark.parametrize("role", ROLE_TITLES)
@pytest.mark.parametrize("partition", PARTITIONS)
def test_each_role_may_do_what_its_pipeline_calls_and_nothing_else(partition: str, role: str, kind: str) -> None:
    target = PARTITIONS[partition]
    assert list(PROOFS[kind](role, getattr(rendered(target), kind)[role], target)) == []


@pytest.mark.parametrize("role", ROLE_TITLES)
def test_mutants_die(role: str, record_property: Callable[[str, object], None]) -> None:
    """Whatever is dropped from a policy or widened in it, the proof fails; at least 99 % of the mutants must die."""
    survivors: list[str] = []
    count = 0
    for kind, proof in PROOFS.items():
        for words, mutant in mutants(getattr(rendered(TARGET), kind)[role]):
            count += 1
            if not _dies(proof, role, mutant):
                survivors.append(f"{kind}: {words}")
    record_property("summary", f"{role}: {count - len(survivors)} of {count} mutants died")
    assert count > 50
    assert len(survivors) <= count * 0.01, survivors


def _dies(proof: Proof, role: str, mutant: dict[str, Any]) -> bool:
    try:
        return next(proof(role, mutant, TARGET), None) is not None
    except PolicyError:
        # No policy language at all, or a case that AWS's documentation leaves open: nobody would take it for proven.
        return True


def test_documented_figures_are_those_of_the_rendered_policies() -> None:
    builds = [f"ours: CodeBuild, {step.display_name}" for step in BUILD_STEPS]
    names = ("ours: CodePipeline", *builds, "ours: EventBridge")
    policies = dict(zip(names, (rendered(TARGET).permissions[role] for role in ROLE_TITLES), strict=True))
    page = (ROOT / "docs/least-privilege.md").read_text(encoding="utf-8")
    for line in compare_policies.table(policies):
        assert f"{line}\n" in page


def test_comparison_counts_what_a_policy_opens() -> None:
    policy = {
        "Statement": [
            {"Effect": "Allow", "Action": ["sts:AssumeRole", "ecr:PutImage"], "Resource": "*"},
            {"Effect": "Allow", "Action": "codepipeline:*Approval*", "Resource": ["arn:aws:codepipeline:r:1:p"]},
            {"Effect": "Deny", "Action": "s3:*", "Resource": "*"},
        ]
    }
    actions, wildcards, everywhere, writing, managing = compare_policies.figures(policy)
    assert (wildcards, everywhere, writing, managing) == (1, 2, 2, 0)
    assert actions == 2 + len(compare_policies.expanded(["codepipeline:*Approval*"])) > 2
