"""Audits the rendered templates and the examples: checkov over their resources, parliament over their roles' policies.

What either finds has to stand in tools/audit-suppressions.yaml with a reason, and what stands there
has to be found; otherwise this exits with 1. Runs in an environment of its own (make audit).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import examples
import parliament
import yaml

from ecs_cd_templates.catalog import templates
from ecs_cd_templates.cfn.evaluation import Target, resolve
from ecs_cd_templates.launch.parameter_files import read_parameters

SUPPRESSIONS = Path(__file__).with_name("audit-suppressions.yaml")
TARGET = Target(account="111122223333", region="us-east-1")

Finding = tuple[str, str, str]
"""The check, where it failed (TEMPLATE:LOGICAL_ID), and in words."""


def checkov_findings(directory: Path) -> Iterator[Finding]:
    command = [str(Path(sys.executable).with_name("checkov")), "--directory", str(directory), "--output", "json"]
    command += ["--framework", "cloudformation", "--quiet", "--compact", "--skip-download"]
    output = subprocess.run(command, check=False, capture_output=True, text=True)
    try:
        report = json.loads(output.stdout)
        summary, failed = report["summary"], report["results"]["failed_checks"]
    except (ValueError, KeyError, TypeError):
        raise SystemExit(f"checkov gave no report: {output.stdout}{output.stderr}") from None
    if summary["parsing_errors"] or not summary["passed"]:
        raise SystemExit(f"checkov could not read the templates: {summary}")
    for check in failed:
        logical_id = check["resource"].rpartition(".")[2]
        yield check["check_id"], f"{Path(check['file_path']).name}:{logical_id}", check["check_name"]


def parliament_findings(name: str, template: Mapping[str, Any], values: Path, place: Target) -> Iterator[Finding]:
    for logical_id, resource in resolve(template, read_parameters(values), place).resources.items():
        for policy in policies(resource):
            for finding in parliament.analyze_policy_string(json.dumps(policy)).findings:
                detail = finding.detail if isinstance(finding.detail, str) else ", ".join(map(str, finding.detail))
                yield finding.issue, f"{name}:{logical_id}", detail


def findings() -> Iterator[Finding]:
    """What is found in the catalogue's templates, and in those of the examples."""
    yield from checkov_findings(Path("templates"))
    for name, build in templates().items():
        yield from parliament_findings(name, build().to_dict(), Path("params", name).with_suffix(".json"), TARGET)
    with tempfile.TemporaryDirectory() as directory:
        for example in examples.write(Path(directory)):
            yield from parliament_findings(example.template.name, example.content, example.parameters, example.place)
        yield from checkov_findings(Path(directory))


def policies(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The permissions of a role."""
    if resource["Type"] == "AWS::IAM::Role":
        for policy in resource["Properties"].get("Policies", []):
            yield policy["PolicyDocument"]


def main() -> int:
    suppressions = yaml.safe_load(SUPPRESSIONS.read_text(encoding="utf-8"))
    found = list(findings())
    used = set()
    unexplained = []
    for check, place, words in found:
        matching = [
            index
            for index, entry in enumerate(suppressions)
            if entry["check"] == check and any(fnmatchcase(place, pattern) for pattern in entry["at"])
        ]
        used.update(matching)
        if not matching:
            unexplained.append(f"{check} at {place}: {words}")
    idle = [f"{entry['check']} at {', '.join(entry['at'])}" for n, entry in enumerate(suppressions) if n not in used]
    for line in unexplained:
        print(f"found: {line}")
    for line in idle:
        print(f"suppressed for nothing: {line}")
    print(f"{len(unexplained)} findings; {len(found) - len(unexplained)} suppressed by {len(used)} reasons")
    return 1 if unexplained or idle else 0


if __name__ == "__main__":
    sys.exit(main())
