"""The sample application: its tests, lock file, image, and its two builds by CodeBuild's rules."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from buildspecs import (
    BUILD,
    COMMIT,
    REPOSITORY,
    RETRY,
    Build,
    Tools,
    artifact,
    fake_tools,
    files,
    run,
    run_in_pipeline,
)

# They run shells, Git and Node.js.
pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).resolve().parent.parent / "sample-app"
FOREIGN = f"sha256:{'f' * 64}"
PULL = "docker pull --quiet public.ecr.aws/docker/library/node:24-alpine"
LEFTOVERS = shutil.ignore_patterns("node_modules", "commit-id", "imagedefinitions.json", "test-report.xml")


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return fake_tools(tmp_path / "tools")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The sample application as a source action hands it over, a Git folder included."""
    folder = tmp_path / "source"
    shutil.copytree(SAMPLE, folder, ignore=LEFTOVERS)
    (folder / ".git" / "refs").mkdir(parents=True)
    (folder / ".git" / "refs" / "head").touch()
    return folder


def run_tests_build(folder: Path, commit: str = COMMIT, **variables: str) -> Build:
    variables["CODEBUILD_RESOLVED_SOURCE_VERSION"] = commit
    return run("buildspec_nodejs.yml", folder, **variables)


def run_image_build(folder: Path, **variables: str) -> Build:
    return run_in_pipeline("buildspec_containerImage.yml", folder, **variables)


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
def test_both_builds_bring_a_commit_to_the_deployment(
    source: Path, tools: Tools, container: str, repository: str
) -> None:
    assert run_tests_build(source, **tools.environment()).succeeded
    handed_on = artifact("buildspec_nodejs.yml", source)
    variables = {"CONTAINER_NAME": container, "ECR_REPOSITORY_URI": repository}
    build = run_image_build(handed_on, **variables, **tools.environment())
    assert build.phases == {"pre_build": True, "build": True}, build.output

    image = f"{repository}:{COMMIT}-{BUILD}"
    assert tools.calls("aws") == ["aws ecr get-login-password --region eu-west-1"]
    assert tools.password() == "sesame\n"
    *before, _inspection = tools.calls("docker")
    assert before == [
        f"docker login --username AWS --password-stdin {repository.partition('/')[0]}",
        PULL,
        f"docker build --tag {image} .",
        f"docker push {image}",
    ]

    result = artifact("buildspec_containerImage.yml", handed_on)
    assert files(result) == {"imagedefinitions.json"}
    definitions = json.loads((result / "imagedefinitions.json").read_text())
    # ECS knows an image by tag or by digest, not by both:
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
    assert definitions == [{"name": container, "imageUri": f"{repository}@{tools.built()[image]}"}]


@pytest.fixture
def tested(source: Path) -> Path:
    """The second build's source, without running the first."""
    (source / "commit-id").write_text(f"{COMMIT}\n")
    return source


@pytest.mark.parametrize("tag", [COMMIT, f"{COMMIT}-{RETRY}", "latest"])
def test_an_image_that_somebody_pushed_before_is_not_deployed(tested: Path, tools: Tools, tag: str) -> None:
    tools.push(f"{REPOSITORY}:{tag}", FOREIGN)
    build = run_image_build(tested, **tools.environment())
    assert build.succeeded, build.output
    (own,) = tools.built().values()
    assert tools.deployed(tested) == own != FOREIGN


def test_an_image_that_somebody_pushes_under_the_same_tag_afterwards_is_not_deployed(
    tested: Path, tools: Tools
) -> None:
    build = run_image_build(tested, FAKE_MUTABLE="1", FAKE_OVERTAKEN_BY=FOREIGN, **tools.environment())
    assert build.succeeded, build.output
    assert set(tools.registry().values()) == {FOREIGN}
    (own,) = tools.built().values()
    assert tools.deployed(tested) == own != FOREIGN


def test_a_tag_of_its_own_that_is_taken_ends_the_second_build(tested: Path, tools: Tools) -> None:
    tools.push(f"{REPOSITORY}:{COMMIT}-{BUILD}", FOREIGN)
    build = run_image_build(tested, **tools.environment())
    assert build.phases == {"pre_build": True, "build": False}
    assert "the repository is immutable" in build.output
    assert not (tested / "imagedefinitions.json").exists()


def test_a_second_run_of_a_commit_builds_and_pushes_again(tested: Path, tools: Tools) -> None:
    for build_id in (BUILD, RETRY):
        (tested / "imagedefinitions.json").unlink(missing_ok=True)
        build = run_image_build(tested, CODEBUILD_BUILD_ID=f"app-container-image:{build_id}", **tools.environment())
        assert build.succeeded, build.output
        assert tools.deployed(tested) in tools.registry().values()
    tags = [image.rpartition(":")[2] for image in tools.registry()]
    assert tags == [f"{COMMIT}-{BUILD}", f"{COMMIT}-{RETRY}"]
    # https://docs.docker.com/reference/cli/docker/image/tag/
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", tag) for tag in tags)


@pytest.mark.parametrize(
    "build_id",
    [
        None,
        "",
        BUILD,
        "app-container-image",
        "app-container-image:",
        "app-container-image:7",
        f"app-container-image:{BUILD}/1",
        f"app-container-image:{BUILD[:-1]}",
        f"app-container-image:{BUILD}\n{BUILD}",
    ],
)
def test_the_second_build_stops_without_a_uuid_of_its_own(tested: Path, tools: Tools, build_id: str | None) -> None:
    given = {"CONTAINER_NAME": "app", "ECR_REPOSITORY_URI": REPOSITORY, **tools.environment()}
    if build_id is not None:
        given["CODEBUILD_BUILD_ID"] = build_id
    build = run("buildspec_containerImage.yml", tested, **given)
    assert build.phases == {"pre_build": False}
    assert "CODEBUILD_BUILD_ID is not PROJECT:UUID" in build.output
    assert not tools.calls()


@pytest.mark.parametrize(
    ("fails", "phases", "last"),
    [
        ("aws ecr get-login-password", {"pre_build": False}, "docker login"),
        ("docker login", {"pre_build": False}, "docker login"),
        ("docker pull", {"pre_build": True, "build": False}, "docker pull"),
        ("docker build", {"pre_build": True, "build": False}, "docker build"),
        ("docker push", {"pre_build": True, "build": False}, "docker push"),
        ("docker image inspect", {"pre_build": True, "build": False}, "docker image inspect"),
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
    assert len(tools.calls("docker build")) <= 1
    assert not (tested / "imagedefinitions.json").exists()


def test_a_push_that_leaves_no_digest_ends_the_second_build(tested: Path, tools: Tools) -> None:
    build = run_image_build(tested, FAKE_FORGETS="1", **tools.environment())
    assert tools.calls()[-1].startswith("docker image inspect")
    assert build.phases == {"pre_build": True, "build": False}
    assert not (tested / "imagedefinitions.json").exists()


def pauses(tools: Tools) -> list[int]:
    return [int(call.split()[1]) for call in tools.calls("sleep")]


@pytest.mark.parametrize("refusals", [1, 2, 3])
def test_a_base_image_that_is_refused_for_a_while_is_asked_for_again(tested: Path, tools: Tools, refusals: int) -> None:
    build = run_image_build(tested, FAKE_REFUSALS=str(refusals), **tools.environment())
    assert build.succeeded, build.output
    assert build.output.count("toomanyrequests") == refusals
    assert tools.calls("docker pull") == [PULL] * (refusals + 1)
    assert pauses(tools) == sorted(set(pauses(tools)))
    assert len(tools.calls("docker build")) == len(tools.calls("docker push")) == 1


def test_a_base_image_that_is_refused_for_ever_ends_the_second_build(tested: Path, tools: Tools) -> None:
    build = run_image_build(tested, FAKE_REFUSALS="99", **tools.environment())
    assert build.phases == {"pre_build": True, "build": False}
    assert "toomanyrequests" in build.output
    assert 1 < len(tools.calls("docker pull")) <= 5
    assert sum(pauses(tools)) <= 60
    assert not tools.calls("docker build")
    assert not (tested / "imagedefinitions.json").exists()


def test_one_of_two_base_images_that_is_refused_ends_the_second_build(tested: Path, tools: Tools) -> None:
    (tested / "Dockerfile").write_text("FROM public.ecr.aws/a\nFROM public.ecr.aws/b\n")
    build = run_image_build(tested, FAKE_FAILS="docker pull --quiet public.ecr.aws/a", **tools.environment())
    assert build.phases == {"pre_build": True, "build": False}
    assert not tools.calls("docker build")


@pytest.mark.parametrize(
    ("dockerfile", "pulled"),
    [
        ("FROM public.ecr.aws/a/b:1\n", ["public.ecr.aws/a/b:1"]),
        (
            "FROM public.ecr.aws/a/b:1 AS x\nFROM x\nFROM public.ecr.aws/c\n",
            ["public.ecr.aws/a/b:1", "public.ecr.aws/c"],
        ),
        ("FROM node:24\n", []),
        # What only docker build can read is left to docker build.
        ("ARG V=1\nFROM public.ecr.aws/a/b:$V\n", []),
        ("ARG V=1\nFROM public.ecr.aws/a/b:${V} AS x\n", []),
        ("FROM --platform=linux/arm64 public.ecr.aws/a/b:1\n", []),
    ],
)
def test_only_base_images_from_where_pulls_are_refused_are_pulled_ahead(
    tested: Path, tools: Tools, dockerfile: str, pulled: list[str]
) -> None:
    (tested / "Dockerfile").write_text(dockerfile)
    build = run_image_build(tested, FAKE_REFUSALS="1", **tools.environment())
    assert build.succeeded, build.output
    assert tools.calls("docker pull") == [f"docker pull --quiet {image}" for image in pulled for _try in range(2)]


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
    build = run_image_build(tested, **{missing: ""}, **tools.environment())
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
