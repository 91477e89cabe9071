"""Measures how ``render`` of one settings file grows with the number of its services.

For each number a file is written with so many services in the usual three environments, and rendered by the command
in a process of its own, into an empty folder: once services that share their templates, once services each of which
has its own, because it watches other files of the repository. What is printed of it: the seconds of CPU in all and,
without what an empty command takes to start, for each service; how long it took by the clock; and the most memory
that it held. The last column is CPU for each service, compared with that of one service alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

NUMBERS = (1, 10, 100, 1000)
PROGRAM = str(Path(sysconfig.get_path("scripts"), "ecs-cd-templates"))

_BEGINNING = """\
defaults: {architecture: ARM64, tag_mutability: IMMUTABLE}
environments:
  - {id: Dev, display_name: development, branch: main}
  - {id: QA, display_name: quality assurance, branch: qa}
  - {id: Prod, display_name: production, branch: prod, approval: before_build}
services:
"""
_CONNECTION = "arn:aws:codeconnections:eu-west-1:111122223333:connection/0aa1b2c3-4d5e-6f70-8a9b-0c1d2e3f4a5b"

# A service by its name, of each kind.
_SERVICES = {
    "share their templates": "  {name}: {{source: {{codecommit: {name}}}}}\n",
    "have templates of their own": (
        f"  {{name}}:\n    source: {{{{connection: '{_CONNECTION}', repository: acme/shop, paths: ['{{name}}/**']}}}}\n"
    ),
}


@dataclass(frozen=True)
class Measured:
    """What a process took: seconds of CPU, seconds by the clock, and its peak of memory in MiB."""

    cpu: float
    wall: float
    memory: float


def settings_file(service: str, number: int) -> str:
    """The text of a file with so many services of this kind."""
    return _BEGINNING + "".join(service.format(name=f"s{n:04}") for n in range(1, number + 1))


def measured(*arguments: str) -> Measured:
    """What one run of the command takes. Stops with the command's own words if it fails."""
    start = time.perf_counter()
    with subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.DEVNULL) as process:
        # Of this process alone: the children's usage that getrusage tells keeps the highest peak of all of them.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    # In KiB on Linux, in bytes on macOS (getrusage(2)).
    unit = 1024 if sys.platform == "darwin" else 1
    return Measured(
        cpu=usage.ru_utime + usage.ru_stime,
        wall=time.perf_counter() - start,
        memory=usage.ru_maxrss / unit / 1024,
    )


def rendering(service: str, number: int) -> Measured:
    """What rendering so many services of this kind takes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "ecs-cd.yaml")
        file.write_text(settings_file(service, number), encoding="utf-8")
        return measured("render", "--settings", str(file), "--output-dir", str(Path(folder, "services")))


def main() -> None:
    """Prints a table for each kind of services, and in it a line for each number."""
    numbers = [int(argument) for argument in sys.argv[1:]] or NUMBERS
    idle = measured("--version")
    print(f"to start: {idle.cpu:.2f} s of CPU, {idle.memory:.0f} MiB")
    for kind, service in _SERVICES.items():
        print(f"\nservices that {kind}")
        print(f"{'number':>8} {'CPU s':>8} {'each, ms':>9} {'wall s':>8} {'peak MiB':>9} {'each':>9}")
        alone = 0.0
        for number in numbers:
            taken = rendering(service, number)
            each = (taken.cpu - idle.cpu) / number
            alone = alone or each
            line = f"{number:8} {taken.cpu:8.2f} {each * 1000:9.1f} {taken.wall:8.1f} {taken.memory:9.1f}"
            print(f"{line} {each / alone:9.1%}", flush=True)


if __name__ == "__main__":
    main()
