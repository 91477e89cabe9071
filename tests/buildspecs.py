"""Runs an application's buildspecs as CodeBuild does, with programs that stand in for those that reach out."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/my/app-dev"
BUILD = "b1e6661e-e4f2-4156-9ab9-82a19e2d3c4b"
RETRY = "0c2d9f1a-7b3e-4d5f-8a6b-1c2d3e4f5a6b"

# Stands in for aws, docker, npm, pip and sleep: notes each call, fails where FAKE_FAILS says so, and otherwise does
# what the builds count on. Its registry takes a tag once, as ECR does with immutable tags, unless FAKE_MUTABLE is set.
FAKE_TOOL = """
import hashlib, json, os, pathlib, sys

state = pathlib.Path(os.environ["FAKE_STATE"])
call = [pathlib.Path(sys.argv[0]).name, *sys.argv[1:]]
with (state / "calls").open("a") as calls:
    calls.write(json.dumps(call) + "\\n")
if " ".join(call).startswith(os.environ.get("FAKE_FAILS", "nothing")):
    sys.exit("AccessDeniedException")

def read(name):
    return json.loads((state / name).read_text()) if (state / name).exists() else {}

def note(name, key, value):
    (state / name).write_text(json.dumps({**read(name), key: value}))

match call:
    case ["aws", "ecr", "get-login-password", *_]:
        print("sesame")
    case ["docker", "login", *_]:
        (state / "password").write_text(sys.stdin.read())
    case ["docker", "pull", "--quiet", image]:
        if (refused := read("refusals").get(image, 0)) < int(os.environ.get("FAKE_REFUSALS", 0)):
            note("refusals", image, refused + 1)
            sys.exit("toomanyrequests: Rate exceeded")
    case ["docker", "build", "--tag", image, "."]:
        content = b"".join(file.read_bytes() for file in sorted(pathlib.Path().glob("*.[jp][sy]")))
        assert pathlib.Path("Dockerfile").exists()
        note("built", image, "sha256:" + hashlib.sha256(content).hexdigest())
    case ["docker", "push", image]:
        if image in read("registry") and "FAKE_MUTABLE" not in os.environ:
            sys.exit("tag invalid: cannot be overwritten because the repository is immutable")
        note("registry", image, read("built")[image])
        note("pushed", image, read("built")[image])
        if other := os.environ.get("FAKE_OVERTAKEN_BY"):
            note("registry", image, other)
    case ["docker", "image", "inspect", "--format", '{{join .RepoDigests "\\\\n"}}', image]:
        # An image may have been pushed to more than one repository.
        print("another.example/app@sha256:" + 64 * "0")
        if image in read("pushed") and "FAKE_FORGETS" not in os.environ:
            print(image.rpartition(":")[0] + "@" + read("pushed")[image])
    case ["sleep", _]:
        pass
    case ["pip", "install", "--quiet", "--requirement", _]:
        pass
    case ["npm", "ci"]:
        pathlib.Path("node_modules/express").mkdir(parents=True)
        pathlib.Path("node_modules/express/index.js").touch()
    case ["npm", "run", "test:report"]:
        pathlib.Path("test-report.xml").touch()
    case _:
        sys.exit(f"unexpected: {call}")
"""


@dataclass(frozen=True)
class Tools:
    """Fake aws, docker, npm, pip and sleep, ahead of the real ones on PATH."""

    folder: Path

    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.folder}:{os.environ['PATH']}", "FAKE_STATE": str(self.folder)}

    def calls(self, start: str = "") -> list[str]:
        log = self.folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        return [call for line in lines if (call := " ".join(json.loads(line))).startswith(start)]

    def password(self) -> str:
        return (self.folder / "password").read_text()

    def built(self) -> dict[str, str]:
        """Returns the digest of each image that was built, by its name and tag."""
        return self._table("built")

    def registry(self) -> dict[str, str]:
        """Returns the digest that each tag stands for now."""
        return self._table("registry")

    def push(self, image: str, digest: str) -> None:
        """Pushes an image as somebody else would."""
        (self.folder / "registry").write_text(json.dumps({**self.registry(), image: digest}))

    def deployed(self, folder: Path) -> str:
        """Returns the digest that ECS gets for the image that the build in `folder` names."""
        (definition,) = json.loads((folder / "imagedefinitions.json").read_text())
        image: str = definition["imageUri"]
        return image.partition("@")[2] or self.registry()[image]

    def _table(self, name: str) -> dict[str, str]:
        file = self.folder / name
        table: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        return table


@dataclass(frozen=True)
class Build:
    """Whether each phase that ran succeeded, and everything that the build printed."""

    phases: dict[str, bool]
    output: str

    @property
    def succeeded(self) -> bool:
        return all(self.phases.values())


def fake_tools(folder: Path) -> Tools:
    """The tools in a new folder."""
    folder.mkdir()
    for name in ("aws", "docker", "npm", "pip", "sleep"):
        (folder / name).write_text(f"#!{sys.executable}\n{FAKE_TOOL}")
        (folder / name).chmod(0o755)
    return Tools(folder)


def run(buildspec: str, folder: Path, **variables: str) -> Build:
    """Runs a buildspec's commands as CodeBuild does, and says which phases ran and how they ended.

    Each command is a script of its own: the folder and the exported variables outlast it, options
    such as pipefail do not. A phase ends with its first failure, and so does the build, except that
    post_build follows a failed build phase, too.

    https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
    https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
    """
    spec = yaml.safe_load((folder / buildspec).read_text())
    assert spec["version"] == 0.2
    assert spec["env"]["shell"] == "bash"
    environment = {**os.environ, **spec["env"].get("variables", {}), **variables}
    state = folder.parent / f"state-{folder.name}"
    state.mkdir(exist_ok=True)
    (state / "folder").write_text(str(folder))
    (state / "exports").write_text("")
    phases: dict[str, bool] = {}
    output = ""
    for phase in ("install", "pre_build", "build", "post_build"):
        follows = "build" in phases if phase == "post_build" else all(phases.values())
        if phase not in spec["phases"] or not follows:
            continue
        phases[phase] = True
        for command in spec["phases"][phase]["commands"]:
            (state / "script").write_text(
                f'. "{state}/exports"; cd "$(cat "{state}/folder")" || exit\n{command}\n'
                f'status=$?; export -p > "{state}/exports"; pwd > "{state}/folder"; exit $status\n'
            )
            done = subprocess.run(
                ["bash", state / "script"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=120,
                check=False,
            )
            output += done.stdout
            if done.returncode != 0:
                phases[phase] = False
                break
    return Build(phases, output)


def run_in_pipeline(buildspec: str, folder: Path, **variables: str) -> Build:
    """Runs the build that pushes the image, with the variables that its pipeline and CodeBuild set."""
    given = {
        "CONTAINER_NAME": "app",
        "ECR_REPOSITORY_URI": REPOSITORY,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "CODEBUILD_BUILD_ID": f"app-container-image:{BUILD}",
        "CODEBUILD_RESOLVED_SOURCE_VERSION": "",  # an artifact has no commit
    }
    return run(buildspec, folder, **{**given, **variables})


def matches(path: str, pattern: str) -> bool:
    """Says whether a pattern covers a path: `*` stays in a folder, `**/` is any folders or none."""
    expression = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.fullmatch(expression, path) is not None


def artifact(buildspec: str, folder: Path) -> Path:
    """Returns a new folder with the files that the build in `folder` hands on."""
    spec = yaml.safe_load((folder / buildspec).read_text())["artifacts"]
    target = folder.parent / f"artifact-of-{folder.name}"
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder).as_posix()
        if (
            file.is_file()
            and any(matches(path, pattern) for pattern in spec["files"])
            and not any(matches(path, pattern) for pattern in spec.get("exclude-paths", []))
        ):
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target / path)
    return target


def files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
