"""Runs cfn-lint over each template with its parameter file, in every region that has its services, with our rules too.

The templates of the examples are linted as well, each in the region that it is launched in. Exits with 1 if cfn-lint
finds anything, from an error down to a piece of information.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import examples

from ecs_cd_templates.catalog import templates
from ecs_cd_templates.cfn.regions import regions
from ecs_cd_templates.review.linting import RULES


def lint(template: Path, parameters: Path, where: Sequence[str]) -> tuple[str, int]:
    """What to print about the template, and cfn-lint's exit status."""
    command = ["cfn-lint", str(template), "--include-checks", "I", "--non-zero-exit-code", "informational"]
    command += ["--append-rules", RULES]
    command += ["--parameter-files", str(parameters), "--regions", *where]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    verdict = "findings" if result.returncode else "no findings"
    place = where[0] if len(where) == 1 else f"{len(where)} regions"
    return f"{result.stdout}{result.stderr}{template}: {verdict} in {place}", result.returncode


def lint_everywhere(name: str) -> tuple[str, int]:
    """The same for a template of the catalogue."""
    everywhere = [region for those in regions(templates()[name]().to_dict()).values() for region in those]
    return lint(Path("templates", name), Path("params", name).with_suffix(".json"), everywhere)


def main() -> int:
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(os.cpu_count()) as pool:
        started = [pool.submit(lint_everywhere, name) for name in templates()]
        started += [
            pool.submit(lint, example.template, example.parameters, [example.place.region])
            for example in examples.write(Path(directory))
        ]
        results = [each.result() for each in started]
    for text, _ in results:
        print(text)
    return 1 if any(status for _, status in results) else 0


if __name__ == "__main__":
    sys.exit(main())
