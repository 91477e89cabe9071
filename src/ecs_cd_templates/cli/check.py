"""``check``: says what is wrong in templates, ours or others', edited by hand or not."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..cfn.differences import template_from
from ..cfn.evaluation import Target
from ..cfn.limits import MAX_BODY_BYTES_FROM_S3
from ..cfn.partitions import partition_by_name
from ..errors import ParameterFileError, RegionError, TemplateFileError
from ..files import beginning
from ..launch.parameter_files import read_parameters
from ..review import Finding, review
from ..review.linting import lint
from .options import DIFFERENT, OK, PROGRAM, Commands, on_one_line

# What stands for the account, which no finding depends on.
_ACCOUNT = "123456789012"


def add_to(commands: Commands) -> None:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "check",
        help="say what is wrong in a template, also one that was edited by hand",
        description="Runs cfn-lint over templates with rules that know pipelines, and checks with the parameters' "
        "values what no linter sees: the template's rules, whether each role may do what the pipelines call, whether "
        "everything is made in an order that works, and whether build, service and load balancer fit together. Exits "
        "with 1 if something is found.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a template, as YAML or JSON")
    parser.add_argument(
        "--params",
        type=Path,
        metavar="FILE",
        help="the values of the template's parameters, as aws cloudformation takes them; without it, what needs "
        "values is left out for a template that has no default for each parameter",
    )
    parser.add_argument("--region", default="us-east-1", metavar="R", help="where it is launched; default: us-east-1")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the findings, and how many there are; returns the exit status."""
    partition = partition_by_name(options.region)
    if partition is None:
        raise RegionError("--region", options.region, "is no region: give one such as us-east-1")
    if options.params is not None and len(options.files) > 1:
        raise ParameterFileError("--params", str(options.params), "is for one template: check them one by one")
    target = Target(account=_ACCOUNT, region=options.region, partition=partition)
    values = {} if options.params is None else read_parameters(options.params)
    findings = {path: _findings(path, values, target) for path in options.files}
    if options.format == "json":
        rows = [{"file": str(path), **asdict(each)} for path, those in findings.items() for each in those]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for path, those in findings.items():
            for each in those:
                print(f"{on_one_line(path)}: {each}")
        count = sum(map(len, findings.values()))
        print(f"{count} finding{'' if count == 1 else 's'}", file=sys.stderr)
    return DIFFERENT if any(findings.values()) else OK


def _findings(path: Path, values: Mapping[str, str], target: Target) -> list[Finding]:
    text = _text(path)
    template = template_from(on_one_line(path), text)
    found = lint(text, values, target.region)
    if not values and _needs_values(template):
        print(f"{PROGRAM}: {on_one_line(path)}: without --params, only linted", file=sys.stderr)
        return found
    return [*found, *review(template, values, target)]


def _needs_values(template: Mapping[str, Any]) -> bool:
    return any("Default" not in parameter for parameter in template.get("Parameters", {}).values())


def _text(path: Path) -> str:
    """The text of the file. Raises :class:`TemplateFileError`."""
    try:
        content = beginning(path, MAX_BODY_BYTES_FROM_S3 + 1)
    except OSError as error:
        raise TemplateFileError("template", str(path), f"cannot be read ({error.strerror})") from None
    if content is None:
        raise TemplateFileError("template", str(path), "is no file: name a template")
    if len(content) > MAX_BODY_BYTES_FROM_S3:
        raise TemplateFileError("template", str(path), "is larger than CloudFormation reads: 1 MB")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise TemplateFileError("template", str(path), "is no text: name a template") from None
