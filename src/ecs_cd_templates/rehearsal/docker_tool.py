"""The program ``docker`` of a rehearsed build, for an engine that is not Docker's: buildah.

Does what buildspecs call, with ECR's names for what is in the rehearsal's registry. Run as a file of its own: its
settings are in the environment.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?(/.+)?")


def main(arguments: list[str]) -> int:  # noqa: PLR0911 - a case for each command
    """Does what the arguments ask for; returns the exit status."""
    match arguments:
        case ["login", *options]:
            return _login(options)
        case ["build", *options] | ["buildx", "build", *options] | ["image", "build", *options]:
            return _build(options)
        case ["pull", *options]:
            return _pull(next(each for each in options if not each.startswith("-")))
        case ["push", *options]:
            return _push([each for each in options if not each.startswith("-")][-1])
        case ["tag", old, new]:
            return _buildah("tag", _mapped(old), _mapped(new))
        case ["image", "inspect", *options] | ["inspect", *options]:
            return _inspect(options)
        case ["images", *_] | ["image", "ls", *_]:
            return _buildah("images")
        case ["logout", *_] | ["buildx", *_]:
            return 0
        case ["version" | "--version" | "-v" | "info", *_]:
            print("Docker version 0 (buildah stands in for it)")
            return 0
    print(f"docker {' '.join(arguments)}: cannot be rehearsed with buildah: use Docker or Podman", file=sys.stderr)
    return 1


def _mapped(image: str) -> str:
    """The image's name where it really is."""
    match = _ECR.fullmatch(image)
    if match is None:
        return image
    return f"{os.environ['REHEARSAL_REGISTRY']}/{match[1]}/{match[2]}{match[3] or ''}"


def _buildah(*arguments: str, stdin: bytes | None = None) -> int:
    command = [*json.loads(os.environ["REHEARSAL_BUILDAH"]), *arguments]
    return subprocess.run(command, check=False, input=stdin).returncode


def _login(options: list[str]) -> int:
    host = options[-1]
    password = sys.stdin.buffer.read() if "--password-stdin" in options else b""
    if not _ECR.fullmatch(host):
        print(f"{host}: only the rehearsal's own registry can be signed in to", file=sys.stderr)
        return 1
    where = os.environ["REHEARSAL_REGISTRY"]
    status = _buildah("login", "--tls-verify=false", "--username", "AWS", "--password-stdin", where, stdin=password)
    if status == 0:
        print("Login Succeeded")
    return status


def _build(options: list[str]) -> int:
    mapped = []
    for number, option in enumerate(options):
        if option in ("--load", "--provenance=false", "--sbom=false"):
            continue
        name, equals, value = option.partition("=")
        if name in ("--tag", "-t") and equals:
            mapped.append(f"{name}={_mapped(value)}")
        elif number and options[number - 1] in ("--tag", "-t"):
            mapped.append(_mapped(option))
        else:
            mapped.append(option)
    return _buildah("bud", "--isolation", "chroot", "--format", "docker", "--layers", *mapped)


def _pull(image: str) -> int:
    name = _mapped(image)
    quiet = subprocess.run(
        [*json.loads(os.environ["REHEARSAL_BUILDAH"]), "inspect", "--type", "image", name],
        check=False,
        capture_output=True,
    )
    if quiet.returncode == 0:
        print(image)
        return 0
    return _buildah("pull", "--tls-verify=false", name)


def _push(image: str) -> int:
    state = Path(os.environ["REHEARSAL_STATE"])
    digest = state / "digest"
    name = _mapped(image)
    status = _buildah("push", "--tls-verify=false", "--digestfile", str(digest), name, f"docker://{name}")
    if status == 0:
        known = _digests(state)
        repository = re.sub(r":[^:/]+$", "", image)
        known[image] = f"{repository}@{digest.read_text(encoding='utf-8').strip()}"
        (state / "digests.json").write_text(json.dumps(known), encoding="utf-8")
        print(f"{image}: digest: {known[image].partition('@')[2]}")
    return status


def _digests(state: Path) -> dict[str, str]:
    path = state / "digests.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _inspect(options: list[str]) -> int:
    """Tells where the image was pushed: of its other data, buildspecs ask for nothing."""
    image = options[-1]
    known = _digests(Path(os.environ["REHEARSAL_STATE"])).get(image)
    if "RepoDigests" not in " ".join(options[:-1]):
        return _buildah("inspect", "--type", "image", _mapped(image))
    if known is None:
        print(f"Error: no such image or not pushed: {image}", file=sys.stderr)
        return 1
    print(known)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
