"""Builds: a buildspec's commands in a real shell, with the role of the project."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd_templates.rehearsal.calls import Job
from ecs_cd_templates.rehearsal.cloud import Cloud
from ecs_cd_templates.rehearsal.code_build import Build, CodeBuild
from ecs_cd_templates.rehearsal.roles import Roles

ROLE = "arn:aws:iam::123456789012:role/builds"
COMMIT = "1" * 40


def archive(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    return buffer.getvalue()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as cloud:
        Roles(cloud)
        cloud.client("s3").create_bucket(Bucket="artifacts")
        trust = {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        cloud.client("iam").create_role(RoleName="builds", AssumeRolePolicyDocument=document)
        allow(cloud, "s3:*", "logs:*", "codebuild:*")
        yield cloud


def allow(cloud: Cloud, *actions: str) -> None:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("iam").put_role_policy(RoleName="builds", PolicyName="own", PolicyDocument=document)


@pytest.fixture
def builds(cloud: Cloud) -> Iterator[CodeBuild]:
    builds = CodeBuild(cloud, minute=0.2)
    yield builds
    builds.close()


def create(cloud: Cloud, **changes: Any) -> None:
    project = {
        "name": "app",
        "serviceRole": ROLE,
        "source": {"type": "CODEPIPELINE", "buildspec": "buildspec.yml"},
        "artifacts": {"type": "CODEPIPELINE"},
        "environment": {
            "type": "LINUX_CONTAINER",
            "computeType": "BUILD_GENERAL1_SMALL",
            "image": "aws/codebuild/standard:8.0",
            "environmentVariables": [{"name": "P", "value": "project"}, {"name": "O", "value": "project"}],
        },
        **changes,
    }
    cloud.client("codebuild").create_project(**project)


def run(cloud: Cloud, builds: CodeBuild, spec: str, *, override: dict[str, str] | None = None) -> Build:
    """The build of a source with this buildspec, at its end."""
    body = archive({"buildspec.yml": spec, "app.js": "1", "sub/file": "2"})
    cloud.client("s3").put_object(Bucket="artifacts", Key="in", Body=body)
    cloud.jobs["token"] = Job(
        pipeline="shop", execution="1", commit=COMMIT, inputs=(("artifacts", "in"),), output=("artifacts", "out")
    )
    started = cloud.client("codebuild").start_build(
        projectName="app",
        idempotencyToken="token",
        environmentVariablesOverride=[{"name": key, "value": value} for key, value in (override or {}).items()],
    )["build"]
    end = time.monotonic() + 30
    while time.monotonic() < end:
        (found,) = cloud.client("codebuild").batch_get_builds(ids=[started["id"]])["builds"]
        if found["buildComplete"]:
            return builds.builds[started["id"]]
        time.sleep(0.02)
    raise AssertionError(found)


def spec_of(*commands: str, **phases: Any) -> str:
    return json.dumps(
        {"version": "0.2", "phases": {"build": {"commands": list(commands)}, **phases}, "artifacts": {"files": "**/*"}}
    )


def output(cloud: Cloud) -> dict[str, str]:
    body = cloud.client("s3").get_object(Bucket="artifacts", Key="out")["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as made:
        return {name: made.read(name).decode() for name in made.namelist()}


def test_projects_are_read_back_and_refused(cloud: Cloud, builds: CodeBuild) -> None:
    create(cloud, timeoutInMinutes=30, tags=[{"key": "a", "value": "b"}])
    client = cloud.client("codebuild")
    (project,) = client.batch_get_projects(names=["app", "other"])["projects"]
    assert (project["timeoutInMinutes"], project["tags"]) == (30, [{"key": "a", "value": "b"}])
    assert project["arn"].endswith(":project/app")
    client.update_project(name="app", timeoutInMinutes=5)
    assert client.batch_get_projects(names=["app"])["projects"][0]["timeoutInMinutes"] == 5
    assert client.list_projects()["projects"] == ["app"]
    for changes, message in (
        ({}, "already exists"),
        ({"name": "other", "artifacts": {"type": "NO_ARTIFACTS"}}, "Invalid artifacts"),
        ({"name": "other", "serviceRole": ROLE + "x"}, "not authorized to perform: sts:AssumeRole"),
    ):
        with pytest.raises(ClientError, match=message):
            create(cloud, **changes)
    with pytest.raises(ClientError, match="started by a pipeline only"):
        client.start_build(projectName="app")
    client.delete_project(name="app")
    assert client.list_projects()["projects"] == []


@pytest.mark.slow
def test_one_shell_runs_all_commands_and_the_artifact_is_handed_on(cloud: Cloud, builds: CodeBuild) -> None:
    create(cloud)
    spec = {
        "version": "0.2",
        "env": {"variables": {"V": "spec", "P": "spec", "O": "spec"}, "exported-variables": ["MADE"]},
        "phases": {
            "install": {"commands": ["export MADE=here", "cd sub"]},
            "build": {
                "commands": ['printf "%s %s %s %s %s" "$V" "$P" "$O" "$MADE" "$PWD" > result'],
                "finally": ["true"],
            },
            "post_build": {"commands": ['echo "$CODEBUILD_BUILD_SUCCEEDING" >> result']},
        },
        "artifacts": {"files": ["**/*"], "exclude-paths": ["app.js"]},
    }
    build = run(cloud, builds, json.dumps(spec), override={"O": "override"})
    assert (build.status, build.failure) == ("SUCCEEDED", None)
    assert build.exported == {"MADE": "here"}
    files = output(cloud)
    assert sorted(files) == ["buildspec.yml", "sub/file", "sub/result"]
    assert files["sub/result"].startswith("spec project override here ")
    assert files["sub/result"].endswith("/src/sub1\n")
    streams = cloud.client("logs").describe_log_streams(logGroupName="/aws/codebuild/app")["logStreams"]
    assert [each["logStreamName"] for each in streams] == [build.id.partition(":")[2]]


@pytest.mark.slow
def test_a_build_knows_what_codebuild_tells_it_and_nothing_of_the_machine(
    cloud: Cloud, builds: CodeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("SECRET_TOKEN", "mine")
    create(cloud)
    build = run(cloud, builds, spec_of("env > variables", "aws sts get-caller-identity --query Account > account"))
    assert build.failure is None, build.failure
    files = output(cloud)
    variables = dict(line.split("=", 1) for line in files["variables"].splitlines() if "=" in line)
    assert "mine" not in variables.values()
    assert variables["CODEBUILD_BUILD_ID"] == build.id
    assert variables["CODEBUILD_RESOLVED_SOURCE_VERSION"] == COMMIT
    assert variables["CODEBUILD_INITIATOR"] == "codepipeline/shop"
    assert variables["AWS_ENDPOINT_URL"] == cloud.endpoint


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "phase", "message", "log"),
    [
        (spec_of("echo before", "false", "echo after"), "BUILD", "command: false. Reason: exit status 1", ["before"]),
        (spec_of("exit 3"), "BUILD", "exit status 3", []),
        (
            spec_of("false", post_build={"commands": ["echo post"]}),
            "BUILD",
            "exit status 1",
            ["post"],
        ),
        (
            spec_of("echo build", pre_build={"commands": ["false"]}, post_build={"commands": ["echo post"]}),
            "PRE_BUILD",
            "exit status 1",
            [],
        ),
        (
            spec_of("true", build={"commands": ["false"], "finally": ["echo finally"]}),
            "BUILD",
            "exit status 1",
            ["finally"],
        ),
        (spec_of("true", install={"runtime-versions": {"cobol": 1}}), "DOWNLOAD_SOURCE", "Unknown runtime", []),
        ("version: 0.2", "DOWNLOAD_SOURCE", "YAML_FILE_ERROR", []),
        (spec_of("docker build ."), "BUILD", "exit status 1", ["Cannot connect to the Docker daemon"]),
        (
            json.dumps({"version": "0.2", "phases": {"build": {"commands": "true"}}, "artifacts": {"files": "x"}}),
            "UPLOAD_ARTIFACTS",
            "no matching artifact paths found: x",
            [],
        ),
    ],
)
def test_what_fails_says_where_and_why(
    cloud: Cloud, builds: CodeBuild, spec: str, phase: str, message: str, log: list[str]
) -> None:
    create(cloud)
    build = run(cloud, builds, spec)
    assert build.status == "FAILED"
    assert build.failure is not None
    assert build.failure.phase == phase
    assert message in build.failure.message
    said = [line for line in build.log if not line.startswith("[Container]")]
    assert len(said) == len(log)
    assert all(part in line for part, line in zip(log, said, strict=True))


@pytest.mark.slow
def test_a_build_that_takes_too_long_is_ended(cloud: Cloud, builds: CodeBuild) -> None:
    create(cloud, timeoutInMinutes=5)
    started = time.monotonic()
    build = run(cloud, builds, spec_of("sleep 60"))
    assert build.status == "TIMED_OUT"
    assert time.monotonic() - started < 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("allowed", "message"),
    [
        (["logs:*", "codebuild:*", "s3:Get*"], "is not authorized to perform: s3:PutObject"),
        (["s3:*", "codebuild:*"], "is not authorized to perform: logs:CreateLogGroup"),
    ],
)
def test_a_role_that_lacks_a_permission_fails_the_build(
    cloud: Cloud, builds: CodeBuild, allowed: list[str], message: str
) -> None:
    create(cloud)
    allow(cloud, *allowed)
    build = run(cloud, builds, spec_of("true"))
    assert build.status == "FAILED"
    assert build.failure is not None
    assert message in build.failure.message


@pytest.mark.slow
def test_reports_are_counted(cloud: Cloud, builds: CodeBuild) -> None:
    create(cloud)
    report = '<testsuite><testcase name="a"/><testcase name="b"><failure/></testcase></testsuite>'
    spec = json.loads(spec_of(f"echo '{report}' > report.xml"))
    spec["reports"] = {"unit": {"files": ["report.xml"]}}
    assert run(cloud, builds, json.dumps(spec)).tests == {"unit": (1, 1)}
