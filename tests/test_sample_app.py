"""The sample application: its tests, lock file, image, and its two builds by CodeBuild's rules."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

SAMPLE = Path(__file__).resolve().parent.parent / "sample-app"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/my/app-dev"
LEFTOVERS = shutil.ignore_patterns("node_modules", "commit-id", "imagedefinitions.json", "test-report.xml")

# Stands in for aws, docker and npm: notes each call, fails where FAKE_FAILS says so, and otherwise
# does what the builds count on. Its registry takes a tag once, as ECR does with immutable tags.
FAKE_TOOL = """
import json, os, pathlib, sys

state = pathlib.Path(os.environ["FAKE_STATE"])
call = [pathlib.Path(sys.argv[0]).name, *sys.argv[1:]]
with (state / "calls").open("a") as calls:
    calls.write(json.dumps(call) + "\\n")
if " ".join(call).startswith(os.environ.get("FAKE_FAILS", "nothing")):
    sys.exit("AccessDeniedException")
images = state / "images"
pushed = images.read_text().split() if images.exists() else []
match call:
    case ["aws", "ecr", "get-login-password", *_]:
        print("sesame")
    case ["aws", "ecr", "batch-get-image", *options]:
        import jmespath
        given = dict(zip(options[::2], options[1::2]))
        assert given["--output"] == "text"
        tag = given["--image-ids"].removeprefix("imageTag=")
        answer = {"images": [], "failures": []}
        if f"{given['--repository-name']}:{tag}" in pushed:
            answer["images"] = [{"imageId": {"imageDigest": "sha256:0", "imageTag": tag}}]
        elif code := os.environ.get("FAKE_CODE", "ImageNotFound"):
            answer["failures"] = [{"imageId": {"imageTag": tag}, "failureCode": code}]
        print(jmespath.search(given["--query"], answer))
    case ["docker", "login", *_]:
        (state / "password").write_text(sys.stdin.read())
    case ["docker", "build", *_]:
        assert pathlib.Path("Dockerfile").exists()
    case ["docker", "push", image]:
        name = image.partition("/")[2]
        if name in pushed:
            sys.exit("tag invalid: cannot be overwritten because the repository is immutable")
        images.write_text("\\n".join([*pushed, name]))
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
    """Fake aws, docker and npm, ahead of the real ones on PATH."""

    folder: Path

    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.folder}:{os.environ['PATH']}", "FAKE_STATE": str(self.folder)}

    def calls(self, start: str = "") -> list[str]:
        log = self.folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        return [call for line in lines if (call := " ".join(json.loads(line))).startswith(start)]

    def password(self) -> str:
        return (self.folder / "password").read_text()


@dataclass(frozen=True)
class Build:
    """Whether each phase that ran succeeded, and everything that the build printed."""

    phases: dict[str, bool]
    output: str

    @property
    def succeeded(self) -> bool:
        return all(self.phases.values())


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("aws", "docker", "npm"):
        (folder / name).write_text(f"#!{sys.executable}\n{FAKE_TOOL}")
        (folder / name).chmod(0o755)
    return Tools(folder)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The sample application as a source action hands it over, a Git folder included."""
    folder = tmp_path / "source"
    shutil.copytree(SAMPLE, folder, ignore=LEFTOVERS)
    (folder / ".git" / "refs").mkdir(parents=True)
    (folder / ".git" / "refs" / "head").touch()
    return folder


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


def run_tests_build(folder: Path, commit: str = COMMIT, **variables: str) -> Build:
    variables["CODEBUILD_RESOLVED_SOURCE_VERSION"] = commit
    return run("buildspec_nodejs.yml", folder, **variables)


def run_image_build(folder: Path, container: str = "app", repository: str = REPOSITORY, **variables: str) -> Build:
    return run(
        "buildspec_containerImage.yml",
        folder,
        CONTAINER_NAME=container,
        ECR_REPOSITORY_URI=repository,
        AWS_DEFAULT_REGION="eu-west-1",
        CODEBUILD_RESOLVED_SOURCE_VERSION="",  # an artifact has no commit
        **variables,
    )


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


def dockerfile() -> list[tuple[str, str]]:
    """Returns the Dockerfile's instructions and their arguments, in order."""
    lines = (SAMPLE / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    instructions = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return [(instruction, arguments) for instruction, arguments in instructions]


def arguments(instruction: str) -> list[str]:
    return [given for name, given in dockerfile() if name == instruction]


def image_files(context: Path) -> Iterator[Path]:
    """Yields what the Dockerfile copies from its context, which .dockerignore must not hide."""
    ignored = (context / ".dockerignore").read_text().split()
    for given in arguments("COPY"):
        *patterns, _target = given.split()
        if patterns[0].startswith("--from="):
            continue
        for pattern in patterns:
            found = sorted(context.glob(pattern))
            assert found, f"the artifact has nothing for COPY {pattern}"
            for file in found:
                assert file.name not in ignored
                yield file


@pytest.fixture(scope="module")
def npm() -> None:
    if shutil.which("npm") and shutil.which("node"):
        return
    message = "npm and node are needed to test the sample application"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.mark.usefixtures("npm")
def test_the_first_build_passes_with_real_tools_and_its_artifact_runs(source: Path, tmp_path: Path) -> None:
    build = run_tests_build(source)
    assert build.succeeded, build.output
    report = ElementTree.parse(source / "test-report.xml")
    assert len(list(report.iter("testcase"))) >= 10
    assert not list(report.iter("failure"))

    image = tmp_path / "image"
    image.mkdir()
    for file in image_files(artifact("buildspec_nodejs.yml", source)):
        shutil.copyfile(file, image / file.name)
    shutil.move(source / "node_modules", image)
    (command,) = arguments("CMD")
    with subprocess.Popen(
        json.loads(command),
        cwd=image,
        env={"PATH": os.environ["PATH"], "PORT": "0", "ENVIRONMENT": "development"},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().rpartition(" ")[2].strip()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as response:
                assert b"development" in response.read()
            server.terminate()
            assert server.wait(timeout=10) == 0
        finally:
            server.kill()


@pytest.fixture(scope="module")
def packages(npm: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages that the sample application needs, installed once."""
    folder = tmp_path_factory.mktemp("packages")
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(SAMPLE / name, folder / name)
    subprocess.run(["npm", "ci"], cwd=folder, check=True, capture_output=True, timeout=120)
    return folder / "node_modules"


def unit_tests_after(source: Path, packages: Path, old: str, new: str, *only: str) -> subprocess.CompletedProcess[str]:
    """Runs the application's tests after one change in app.js, to something that is there once."""
    text = (source / "app.js").read_text()
    assert text.count(old) == 1
    (source / "app.js").write_text(text.replace(old, new))
    (source / "node_modules").symlink_to(packages)
    command = ["npm", "test", "--", *only]
    return subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("greeting", ["Good morning", "It's 25 °C in 東京: <b>welcome</b>"])
def test_one_line_changes_the_greeting_and_the_tests_pass(source: Path, packages: Path, greeting: str) -> None:
    done = unit_tests_after(source, packages, "Hello", greeting)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"Hello"', '" "'),
        ("send(environment", "send('Hi!') && (environment"),
        (": `${greeting}!", ": `${environment}!"),
        ("'text/plain').send(env", "'text/html').send(env"),
        (" from ${environment}", ""),
        ("environment ?", "true ?"),
    ],
)
def test_the_applications_tests_notice_a_greeting_that_is_not_served(
    source: Path, packages: Path, old: str, new: str
) -> None:
    done = unit_tests_after(source, packages, old, new, "test/app.test.js")
    assert done.returncode != 0
    assert "AssertionError" in done.stdout


def test_the_first_build_hands_on_what_the_second_needs(source: Path, tools: Tools) -> None:
    build = run_tests_build(source, **tools.environment())
    assert build.phases == {"install": True, "pre_build": True, "build": True}, build.output
    assert tools.calls() == ["npm ci", "npm run test:report"]
    handed_on = artifact("buildspec_nodejs.yml", source)
    assert files(source) > files(handed_on)
    assert not [file for file in files(handed_on) if file.startswith((".git/", "node_modules/"))]
    assert (handed_on / "commit-id").read_text() == f"{COMMIT}\n"
    assert {"buildspec_containerImage.yml", "Dockerfile", ".dockerignore"} <= files(handed_on)
    assert {file.name for file in image_files(handed_on)} >= {"app.js", "server.js", "package.json"}


@pytest.mark.parametrize(
    ("container", "repository"),
    [
        ("app", REPOSITORY),
        ("_My-App_9--", REPOSITORY),
        ("-" * 255, REPOSITORY),
        ("app", "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/app"),
    ],
)
def test_both_builds_bring_a_commit_to_a_new_tag(source: Path, tools: Tools, container: str, repository: str) -> None:
    assert run_tests_build(source, **tools.environment()).succeeded
    handed_on = artifact("buildspec_nodejs.yml", source)
    build = run_image_build(handed_on, container, repository, **tools.environment())
    assert build.phases == {"pre_build": True, "build": True}, build.output

    image = f"{repository}:{COMMIT}"
    registry, _, name = repository.partition("/")
    assert tools.calls("aws ecr get-login-password") == ["aws ecr get-login-password --region eu-west-1"]
    assert tools.password() == "sesame\n"
    assert tools.calls("docker") == [
        f"docker login --username AWS --password-stdin {registry}",
        f"docker build --tag {image} .",
        f"docker push {image}",
    ]
    (question,) = tools.calls("aws ecr batch-get-image")
    assert f"--region eu-west-1 --repository-name {name} --image-ids imageTag={COMMIT} " in question

    result = artifact("buildspec_containerImage.yml", handed_on)
    assert files(result) == {"imagedefinitions.json"}
    definitions = json.loads((result / "imagedefinitions.json").read_text())
    assert definitions == [{"name": container, "imageUri": image}]


@pytest.fixture
def tested(source: Path) -> Path:
    """The second build's source, without running the first."""
    (source / "commit-id").write_text(f"{COMMIT}\n")
    return source


def test_a_second_run_of_a_commit_builds_and_pushes_nothing(tested: Path, tools: Tools) -> None:
    assert run_image_build(tested, **tools.environment()).succeeded
    (tested / "imagedefinitions.json").unlink()
    again = run_image_build(tested, **tools.environment())
    assert again.succeeded, again.output
    assert len(tools.calls("docker build")) == len(tools.calls("docker push")) == 1
    definitions = json.loads((tested / "imagedefinitions.json").read_text())
    assert definitions == [{"name": "app", "imageUri": f"{REPOSITORY}:{COMMIT}"}]


@pytest.mark.parametrize(
    ("fails", "phases", "last"),
    [
        ("aws ecr get-login-password", {"pre_build": False}, "docker login"),
        ("docker login", {"pre_build": False}, "docker login"),
        ("aws ecr batch-get-image", {"pre_build": True, "build": False}, "aws ecr batch-get-image"),
        ("docker build", {"pre_build": True, "build": False}, "docker build"),
        ("docker push", {"pre_build": True, "build": False}, "docker push"),
    ],
)
def test_a_failure_ends_the_second_build(
    tested: Path, tools: Tools, fails: str, phases: dict[str, bool], last: str
) -> None:
    build = run_image_build(tested, FAKE_FAILS=fails, **tools.environment())
    assert build.phases == phases
    assert "AccessDeniedException" in build.output
    # Both ends of a pipe start at once, and note their calls in either order.
    assert any(call.startswith(last) for call in tools.calls()[-2:])
    assert not (tools.folder / "images").exists()
    assert not (tested / "imagedefinitions.json").exists()


@pytest.mark.parametrize("code", ["KmsError", "ImageInaccessible", ""])
def test_an_unclear_answer_of_ecr_is_not_taken_for_a_missing_image(tested: Path, tools: Tools, code: str) -> None:
    build = run_image_build(tested, FAKE_CODE=code, **tools.environment())
    assert build.phases == {"pre_build": True, "build": False}
    assert f"ECR answered {code or None}" in build.output
    assert not tools.calls("docker build")
    assert not (tested / "imagedefinitions.json").exists()


@pytest.mark.parametrize(
    "commit",
    [
        "",
        "main",
        COMMIT[:12],
        f"refs/heads/main^{{{COMMIT}}}",
        "rYcx1gIWk6bqWr.6jK2c5lZlDzyWmOJy",  # a version in S3
    ],
)
def test_the_first_build_stops_without_a_commit(source: Path, tools: Tools, commit: str) -> None:
    build = run_tests_build(source, commit, **tools.environment())
    assert build.phases == {"install": True, "pre_build": False}
    assert "CodeBuild knows no commit" in build.output


@pytest.mark.parametrize("content", [None, "", "main\n"])
def test_the_second_build_stops_without_a_commit(source: Path, tools: Tools, content: str | None) -> None:
    if content is not None:
        (source / "commit-id").write_text(content)
    build = run_image_build(source, **tools.environment())
    assert build.phases == {"pre_build": False}
    assert "left no commit" in build.output
    assert not tools.calls()


@pytest.mark.parametrize("missing", ["CONTAINER_NAME", "ECR_REPOSITORY_URI"])
def test_the_second_build_names_the_variable_that_it_lacks(tested: Path, tools: Tools, missing: str) -> None:
    given = {"CONTAINER_NAME": "app", "ECR_REPOSITORY_URI": REPOSITORY, missing: ""}
    build = run("buildspec_containerImage.yml", tested, **given, **tools.environment())
    assert build.phases == {"pre_build": False}
    assert f"{missing}: is not set" in build.output
    assert not tools.calls()


def test_failing_tests_fail_the_first_build(source: Path, tools: Tools) -> None:
    build = run_tests_build(source, FAKE_FAILS="npm run", **tools.environment())
    assert build.phases == {"install": True, "pre_build": True, "build": False}


def test_the_report_is_the_file_that_the_tests_write() -> None:
    scripts = json.loads((SAMPLE / "package.json").read_text())["scripts"]
    (report,) = yaml.safe_load((SAMPLE / "buildspec_nodejs.yml").read_text())["reports"].values()
    assert report["file-format"] == "JUNITXML"
    (file,) = report["files"]
    assert scripts["test:report"].endswith(f"=junit --test-reporter-destination={file}")


def lock() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((SAMPLE / "package-lock.json").read_text())
    return content


def test_the_lock_file_has_checksums_and_no_addresses() -> None:
    assert "omit-lockfile-registry-resolved=true" in (SAMPLE / ".npmrc").read_text().splitlines()
    packages = lock()["packages"]
    for path, package in packages.items():
        assert "resolved" not in package
        assert not path or package["integrity"].startswith("sha512-")
        # Whom to thank is the only address that a package may bring.
        assert "://" not in json.dumps({key: package[key] for key in package if key != "funding"})


def test_the_lock_file_fits_the_package() -> None:
    package = json.loads((SAMPLE / "package.json").read_text())
    assert package["private"] is True
    assert package["engines"] == {"node": ">=22"}
    assert re.fullmatch(r"5\.\d+\.\d+", package["dependencies"]["express"])
    packages = lock()["packages"]
    assert packages[""]["dependencies"] == package["dependencies"]
    assert packages["node_modules/express"]["version"] == package["dependencies"]["express"]


def test_the_image_avoids_docker_hubs_limits_and_fits_any_processor() -> None:
    stages: set[str] = set()
    for given in arguments("FROM"):
        image, *name = given.split(" AS ")
        known = r"public\.ecr\.aws/docker/library/node:\d+-(alpine|slim)"
        assert image in stages or re.fullmatch(known, image)
        stages.update(name)
    text = (SAMPLE / "Dockerfile").read_text()
    assert not re.search(r"@sha256:|--platform|amd64|x86_64|arm64|aarch64", text)


def test_the_image_does_not_run_as_root() -> None:
    users = arguments("USER")
    assert users
    assert not set(users) & {"root", "0"}
    last_stage = max(i for i, (name, _) in enumerate(dockerfile()) if name == "FROM")
    assert "USER" in [name for name, _ in dockerfile()[last_stage:]]


def test_the_image_listens_where_the_application_does() -> None:
    (default,) = re.findall(r"process\.env\.PORT \|\| (\d+)", (SAMPLE / "server.js").read_text())
    assert arguments("EXPOSE") == [default]
    assert not [given for given in arguments("ENV") if "PORT" in given]


def test_the_image_runs_the_nodejs_that_the_tests_ran_on() -> None:
    spec = yaml.safe_load((SAMPLE / "buildspec_nodejs.yml").read_text())
    version = spec["phases"]["install"]["runtime-versions"]["nodejs"]
    assert f"/node:{version}-" in arguments("FROM")[0]


def test_the_readme_quotes_the_sign_in_that_the_buildspec_uses() -> None:
    spec = yaml.safe_load((SAMPLE / "buildspec_containerImage.yml").read_text())
    sign_in = spec["phases"]["pre_build"]["commands"][-1].removeprefix("set -o pipefail; ")
    assert f"    - {sign_in}\n" in (SAMPLE / "README.md").read_text()
