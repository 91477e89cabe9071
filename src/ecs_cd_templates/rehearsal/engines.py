"""Container engines: what builds an application's image, pushes it, and runs it, on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import NOT_GIVEN, RehearsalError
from .containers import Container, Image, PullError
from .registry import Registry

# In the order in which they are tried: as root, buildah keeps all that it makes in the rehearsal's own folder.
KINDS = ("docker", "buildah", "podman")

_HERE = Path(__file__).parent

# As root, buildah remembers outside of its folder in which repositories a layer is, and asks for it there: the next
# build would ask for what its role may not. So it has a place of its own for that, which goes with it.
_CACHE = "/var/lib/containers/cache"
_OWN_CACHE = ("unshare", "--mount", "sh", "-c", f'mkdir -p {_CACHE} && mount -t tmpfs none {_CACHE} && exec "$@"', "sh")
_REMEDY = (
    "install Docker, Podman or buildah (on Debian and Ubuntu: apt-get install buildah docker-registry), or give "
    "--engine none to stop before the image"
)


@dataclass(kw_only=True)
class Engine:
    """An engine that works here; ``images`` is a folder of archives that base images are taken from.

    :meth:`tools` comes first: it says where the registry is, and where the engine may write.
    """

    kind: str
    images: Path | None = None
    _registry: Registry | None = field(default=None, repr=False)
    # How buildah stores layers: as the kernel lays them over each other, or, where it cannot, as whole copies.
    _driver: str = "overlay"

    def tools(self, registry: Registry) -> Path:
        """A folder with a program ``docker`` that builds call, which knows the rehearsal's registry by ECR's names."""
        self._registry = registry
        folder = self._folder / "bin"
        folder.mkdir(parents=True)
        # buildah wants the file of its sign-ins to be there.
        (self._folder / "auth.json").write_text("{}", encoding="utf-8")
        if self.kind == "buildah" and not _succeeds([*self._command(), "from", "scratch"]):
            self._driver = "vfs"
        for archive in sorted(self.images.glob("*.tar")) if self.images is not None else ():
            self._load(archive)
        environment = {
            "REHEARSAL_REGISTRY": registry.address,
            "REHEARSAL_BUILDAH": json.dumps(self._command()),
            "REHEARSAL_STATE": str(self._folder),
            **self._environment,
        }
        lines = "".join(f"export {name}={_quoted(value)}\n" for name, value in environment.items())
        program = f"{_quoted(sys.executable)} {_quoted(str(_HERE / 'docker_tool.py'))}"
        if self.kind != "buildah":
            program = f"{_quoted(sys.executable)} {_quoted(str(_HERE / 'renaming.py'))} {_quoted(self.kind)}"
        (folder / "docker").write_text(f'#!/bin/sh\n{lines}exec {program} "$@"\n', encoding="utf-8")
        (folder / "docker").chmod(0o755)
        return folder

    def run(self, image: Image, *, environment: Mapping[str, str], port: int, log: Path) -> Container:
        """A container of an image in the rehearsal's registry. Raises :class:`PullError`."""
        name = self._reg.name(image.name)
        if name is None or image.credentials is None:
            raise PullError(f"{image.name}: is not in the rehearsal's registry")
        password = self._reg.password(image.credentials)
        if self.kind == "buildah":
            return self._run_with_buildah(name, password, environment, port, log)
        return self._run_with_docker(name, password, environment, port, log)

    @property
    def _reg(self) -> Registry:
        if self._registry is None:
            raise RuntimeError("tools() comes first")
        return self._registry

    @property
    def _folder(self) -> Path:
        return self._reg.cloud.folder / "engine"

    @property
    def _environment(self) -> dict[str, str]:
        """Where sign-ins are kept, and nothing that the machine has configured."""
        return {"REGISTRY_AUTH_FILE": str(self._folder / "auth.json"), "DOCKER_CONFIG": str(self._folder / "docker")}

    def _command(self) -> list[str]:
        if self.kind != "buildah":
            return [self.kind]
        where = ["--root", str(self._folder / "storage"), "--runroot", str(self._folder / "run")]
        return [*_OWN_CACHE, "buildah", *where, "--storage-driver", self._driver]

    def _call(self, *arguments: str, text: str | None = None) -> str:
        result = subprocess.run(
            [*self._command(), *arguments],
            check=False,
            capture_output=True,
            text=True,
            input=text,
            env={**os.environ, **self._environment},
        )
        if result.returncode != 0:
            raise PullError(result.stderr.strip().splitlines()[-1] if result.stderr.strip() else "failed")
        return result.stdout.strip()

    def _load(self, archive: Path) -> None:
        if self.kind == "buildah":
            self._call("pull", "--quiet", f"docker-archive:{archive}")
        else:
            self._call("load", "--input", str(archive))

    def _run_with_buildah(
        self, name: str, password: str, environment: Mapping[str, str], port: int, log: Path
    ) -> Container:
        container = self._call("from", "--tls-verify=false", "--creds", f"AWS:{password}", name)
        its = json.loads(self._call("inspect", container))["OCIv1"]["config"]
        command = [*its.get("Entrypoint", []), *its.get("Cmd", [])]
        variables = [part for key, value in environment.items() for part in ("--env", f"{key}={value}")]
        program = [*self._command(), "run", "--isolation", "chroot", *variables, container, "--", *command]
        path = self._folder / f"{container}.sock"
        unshare = shutil.which("unshare") or "unshare"
        inside = [unshare, "--net", sys.executable, str(_HERE / "in_namespace.py"), str(path), str(port), *program]
        with log.open("wb") as output:
            process = subprocess.Popen(
                inside,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, **self._environment},
            )
        return _InNamespace(process, path)

    def _run_with_docker(
        self, name: str, password: str, environment: Mapping[str, str], port: int, log: Path
    ) -> Container:
        insecure = ["--tls-verify=false"] if self.kind == "podman" else []
        self._call("login", *insecure, "--username", "AWS", "--password-stdin", self._reg.address, text=password)
        self._call("pull", "--quiet", *insecure, name)
        variables = [part for key, value in environment.items() for part in ("--env", f"{key}={value}")]
        identifier = self._call("run", "--detach", "--publish", f"127.0.0.1::{port}", *variables, name)
        address = self._call("port", identifier, str(port)).splitlines()[0]
        return _OfDocker(self._command(), identifier, address, log)


def find(kind: str = "auto", *, images: Path | None = None) -> Engine:
    """The engine of this kind, or the first that works here. Raises :class:`RehearsalError` if it does not."""
    for each in KINDS if kind == "auto" else (kind,):
        if _works(each):
            return Engine(kind=each, images=images)
    raise RehearsalError(
        "--engine", kind if kind != "auto" else NOT_GIVEN, f"no container engine works here: {_REMEDY}"
    )


def _works(kind: str) -> bool:
    if shutil.which(kind) is None:
        return False
    if kind == "buildah":
        # A network of its own for each container takes root, and so does its file system.
        return os.geteuid() == 0 and _succeeds(["unshare", "--net", *_OWN_CACHE, "true"])
    return _succeeds([kind, "info"])


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class _InNamespace:
    """A program in a network of its own, and a port of the loopback interface that leads to it."""

    def __init__(self, process: subprocess.Popen[bytes], path: Path) -> None:
        self._process = process
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def poll(self) -> int | None:
        """Its exit status."""
        return self._process.poll()

    def stop(self, seconds: float) -> int:
        """Its exit status, after SIGTERM, and SIGKILL so many seconds later."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                break
        self._listener.close()
        return self._process.wait(10)

    def _accept(self) -> None:
        while True:
            try:
                outside, _ = self._listener.accept()
            except OSError:
                return
            inside = socket.socket(socket.AF_UNIX)
            try:
                inside.connect(str(self._path))
            except OSError:
                inside.close()
                outside.close()
                continue
            for source, target in ((outside, inside), (inside, outside)):
                threading.Thread(target=_pass, args=(source, target), daemon=True).start()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class _OfDocker:
    """A container of Docker's or Podman's."""

    def __init__(self, command: Sequence[str], identifier: str, address: str, log: Path) -> None:
        self._command = list(command)
        self._id = identifier
        self._log = log
        self.address = address

    def _told(self, *arguments: str) -> str:
        result = subprocess.run([*self._command, *arguments], check=False, capture_output=True, text=True)
        return result.stdout.strip()

    def poll(self) -> int | None:
        """Its exit status."""
        running, _, status = self._told(
            "inspect", "--format", "{{.State.Running}} {{.State.ExitCode}}", self._id
        ).partition(" ")
        return None if running == "true" else int(status or 1)

    def stop(self, seconds: float) -> int:
        """Its exit status, after it was told to stop."""
        self._told("stop", "--time", str(int(seconds)), self._id)
        status = self.poll()
        self._log.write_text(self._told("logs", self._id), encoding="utf-8")
        self._told("rm", "--force", self._id)
        return 1 if status is None else status


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
