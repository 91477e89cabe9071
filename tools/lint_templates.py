"""Runs cfn-lint over each template with its parameter file, in every region that has its services.

Exits with 1 if cfn-lint finds anything, from an error down to a piece of information.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ecs_cd_templates.catalog import templates
from ecs_cd_templates.cfn.regions import regions


def lint(name: str) -> tuple[str, int]:
    """What to print about the template, and cfn-lint's exit status."""
    everywhere = [region for those in regions(templates()[name]().to_dict()).values() for region in those]
    parameters = Path("params", name).with_suffix(".json")
    command = ["cfn-lint", str(Path("templates", name)), "--parameter-files", str(parameters)]
    command += ["--include-checks", "I", "--non-zero-exit-code", "informational", "--regions", *everywhere]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    verdict = "findings" if result.returncode else "no findings"
    return f"{result.stdout}{result.stderr}{name}: {verdict} in {len(everywhere)} regions", result.returncode


def main() -> int:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lint, templates()))
    for text, _ in results:
        print(text)
    return 1 if any(status for _, status in results) else 0


if __name__ == "__main__":
    sys.exit(main())
