"""The program ``docker`` of a rehearsed build where Docker or Podman is there: ECR's names become the registry's.

Run as a file of its own: ``renaming.py PROGRAM ARGUMENTS…``. What the engine prints has ECR's names again.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?)")


def main(arguments: list[str]) -> int:
    """The engine's exit status."""
    registry = os.environ["REHEARSAL_REGISTRY"]
    program, *words = arguments
    suffixes = {match[3] for word in words for match in _ECR.finditer(word)} or {"amazonaws.com"}
    renamed = [_ECR.sub(lambda match: f"{registry}/{match[1]}/{match[2]}", word) for word in words]
    if words[:1] == ["login"]:
        renamed = [registry if word.startswith(f"{registry}/") else word for word in renamed]
    if program == "podman" and words[:1] in (["login"], ["push"], ["pull"]):
        renamed.insert(1, "--tls-verify=false")
    if words[:1] == ["pull"] and _is_here(program, renamed[-1]):
        print(words[-1])
        return 0
    result = subprocess.run([program, *renamed], check=False, stdout=subprocess.PIPE)
    back = re.compile(re.escape(registry) + r"/(\d{12})/([a-z0-9-]+)")
    text = result.stdout.decode(errors="replace")
    sys.stdout.write(back.sub(rf"\1.dkr.ecr.\2.{min(suffixes)}", text))
    return result.returncode


def _is_here(program: str, image: str) -> bool:
    """Whether the engine has the image: a base image may come from an archive, and be in no registry in reach."""
    result = subprocess.run([program, "image", "inspect", image], check=False, capture_output=True)
    return result.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
