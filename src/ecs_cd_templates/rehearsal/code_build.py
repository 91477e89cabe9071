"""CodeBuild: its projects, and builds that really run their buildspec's commands, each with its project's role.

The commands run in this machine's own shell, with its programs, and not in CodeBuild's image
(https://docs.aws.amazon.com/codebuild/latest/userguide/welcome.html).
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from xml.etree import ElementTree as ET

from botocore.exceptions import ClientError

from .buildspec import PHASES, Buildspec, BuildspecError, matches, read
from .calls import Call, Credentials, Job, ServiceError
from .cloud import Cloud
from .report import Line, Tell, silent

# A zip archive's oldest time, so that the same files make the same archive.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)

# What a build gets of the machine's environment.
_INHERITED = ("LANG", "LC_ALL", "TZ", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_INHERITED_PREFIXES = ("npm_config_", "NPM_CONFIG_", "PIP_", "SSL_CERT_", "REQUESTS_CA_", "NODE_EXTRA_CA_")

# https://docs.aws.amazon.com/codebuild/latest/userguide/runtime-versions.html
RUNTIMES = ("android", "dotnet", "golang", "java", "nodejs", "php", "python", "ruby")
_PROGRAMS = {"nodejs": "node", "python": "python3", "golang": "go", "java": "java", "php": "php", "ruby": "ruby"}

NO_DOCKER = """#!/bin/sh
echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?" >&2
exit 1
"""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a build failed: in which phase, at which command, what its last lines were, and what CodeBuild says."""

    phase: str
    command: str
    last_lines: tuple[str, ...]
    message: str


@dataclass(kw_only=True)
class Build:
    """A build: what its API tells, and what it wrote."""

    id: str
    arn: str
    project: Mapping[str, Any]
    number: int
    variables: dict[str, str]
    job: Job | None
    credentials: Credentials
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    status: str = "IN_PROGRESS"
    phases: list[dict[str, Any]] = field(default_factory=list)
    exported: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    failure: Failure | None = None
    differences: list[str] = field(default_factory=list)
    tests: dict[str, tuple[int, int]] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    stopped: bool = False


class _PhaseError(Exception):
    """A phase that failed, with CodeBuild's code and message."""

    def __init__(self, code: str, message: str, command: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.command = command


class CodeBuild:
    """Serves CodeBuild's API. ``tools`` are folders of programs for privileged builds, ahead of the machine's own.

    ``minute`` is how many seconds a minute of a project's time limit lasts.
    """

    def __init__(self, cloud: Cloud, *, tools: Sequence[Path] = (), tell: Tell = silent, minute: float = 60.0) -> None:
        self.cloud = cloud
        self.tools = tuple(tools)
        self.tell = tell
        self.minute = minute
        self.builds: dict[str, Build] = {}
        self._projects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.RLock()
        cloud.serve(
            "codebuild",
            {
                "CreateProject": self._create_project,
                "UpdateProject": self._update_project,
                "DeleteProject": self._delete_project,
                "BatchGetProjects": self._batch_get_projects,
                "ListProjects": self._list_projects,
                "StartBuild": self._start_build,
                "BatchGetBuilds": self._batch_get_builds,
                "ListBuildsForProject": self._list_builds,
                "StopBuild": self._stop_build,
            },
        )

    def close(self) -> None:
        """Stops the builds that run."""
        for build in list(self.builds.values()):
            build.stopped = True
            _kill(build)
        for thread in self._threads:
            thread.join(10)

    # Projects ---------------------------------------------------------------------------------------------------------

    def _create_project(self, call: Call) -> Mapping[str, Any]:
        key = (call.account, call.region, call.parameters["name"])
        with self._lock:
            if key in self._projects:
                raise ServiceError("ResourceAlreadyExistsException", f"Project already exists: {self._arn(key)}")
            project = self._checked(key, dict(call.parameters))
            self._projects[key] = project
        return {"project": project}

    def _update_project(self, call: Call) -> Mapping[str, Any]:
        key = (call.account, call.region, call.parameters["name"])
        with self._lock:
            old = self._projects.get(key)
            if old is None:
                raise ServiceError("ResourceNotFoundException", f"Project cannot be found: {self._arn(key)}")
            self._projects[key] = self._checked(key, {**old, **call.parameters})
        return {"project": self._projects[key]}

    def _checked(self, key: tuple[str, str, str], project: dict[str, Any]) -> dict[str, Any]:
        """The project as its API tells it; what must go together does."""
        source, artifacts = project["source"]["type"], project["artifacts"]["type"]
        if (source == "CODEPIPELINE") != (artifacts == "CODEPIPELINE"):
            message = "Invalid artifacts: artifact type CODEPIPELINE is only for source type CODEPIPELINE"
            raise ServiceError("InvalidInputException", message)
        if self.cloud.role(project["serviceRole"]) is None:
            message = f"CodeBuild is not authorized to perform: sts:AssumeRole on service role {project['serviceRole']}"
            raise ServiceError("InvalidInputException", message)
        now = datetime.now(UTC)
        return {
            "timeoutInMinutes": 60,
            "queuedTimeoutInMinutes": 480,
            "created": now,
            **project,
            "arn": self._arn(key),
            "lastModified": now,
        }

    def _arn(self, key: tuple[str, str, str]) -> str:
        account, region, name = key
        return f"arn:{self.cloud.partition}:codebuild:{region}:{account}:project/{name}"

    def _delete_project(self, call: Call) -> Mapping[str, Any]:
        with self._lock:
            self._projects.pop((call.account, call.region, call.parameters["name"]), None)
        return {}

    def _batch_get_projects(self, call: Call) -> Mapping[str, Any]:
        names = [name.rpartition("/")[2] for name in call.parameters["names"]]
        found = {name: self._projects.get((call.account, call.region, name)) for name in names}
        return {
            "projects": [project for project in found.values() if project is not None],
            "projectsNotFound": [name for name, project in found.items() if project is None],
        }

    def _list_projects(self, call: Call) -> Mapping[str, Any]:
        here = (call.account, call.region)
        return {"projects": sorted(name for *place, name in self._projects if tuple(place) == here)}

    # Builds -----------------------------------------------------------------------------------------------------------

    def _start_build(self, call: Call) -> Mapping[str, Any]:
        key = (call.account, call.region, call.parameters["projectName"])
        project = self._projects.get(key)
        if project is None:
            raise ServiceError("ResourceNotFoundException", f"Project cannot be found: {self._arn(key)}")
        job = self.cloud.jobs.pop(call.parameters.get("idempotencyToken", ""), None)
        if job is None and project["source"]["type"] == "CODEPIPELINE":
            raise ServiceError(
                "InvalidInputException", "Build project source type CODEPIPELINE is started by a pipeline only"
            )
        context = {"aws:SourceArn": self._arn(key), "aws:SourceAccount": call.account}
        try:
            credentials = self.cloud.assume(project["serviceRole"], "codebuild", context)
        except ServiceError as error:
            raise ServiceError("InvalidInputException", error.message) from None
        identifier = f"{project['name']}:{uuid.uuid4()}"
        arn = self._arn(key).replace(":project/", ":build/").rpartition("/")[0] + f"/{identifier}"
        override = {each["name"]: each for each in call.parameters.get("environmentVariablesOverride", [])}
        own = {each["name"]: each for each in project["environment"].get("environmentVariables", [])}
        with self._lock:
            number = 1 + sum(build.project["name"] == project["name"] for build in self.builds.values())
            build = Build(
                id=identifier,
                arn=arn,
                project=project,
                number=number,
                variables={},
                job=job,
                credentials=credentials,
            )
            self.builds[identifier] = build
        thread = threading.Thread(target=self._run, args=(build, call.region, {**own, **override}), daemon=True)
        self._threads.append(thread)
        thread.start()
        return {"build": _told(build)}

    def _batch_get_builds(self, call: Call) -> Mapping[str, Any]:
        found = {name: self.builds.get(name) for name in call.parameters["ids"]}
        return {
            "builds": [_told(build) for build in found.values() if build is not None],
            "buildsNotFound": [name for name, build in found.items() if build is None],
        }

    def _list_builds(self, call: Call) -> Mapping[str, Any]:
        name = call.parameters["projectName"]
        return {"ids": [build.id for build in reversed(self.builds.values()) if build.project["name"] == name]}

    def _stop_build(self, call: Call) -> Mapping[str, Any]:
        build = self.builds.get(call.parameters["id"])
        if build is None:
            raise ServiceError("ResourceNotFoundException", f"Build cannot be found: {call.parameters['id']}")
        build.stopped = True
        _kill(build)
        return {"build": _told(build)}

    # One build --------------------------------------------------------------------------------------------------------

    def _run(self, build: Build, region: str, variables: Mapping[str, Mapping[str, str]]) -> None:
        """Runs the build from its source to its artifacts; never raises."""
        folder = self.cloud.folder / "builds" / build.id.partition(":")[2]
        started = time.monotonic()
        limit = build.project["timeoutInMinutes"] * self.minute
        timer = threading.Timer(limit, _time_out, (build,))
        timer.daemon = True
        timer.start()
        outcome = "SUCCEEDED"
        try:
            outcome = self._phases(build, folder, region, variables)
        except Exception as error:  # noqa: BLE001 - whatever it is, the build has failed, and says so
            build.failure = Failure(
                phase="INTERNAL", command="", last_lines=(), message=f"{type(error).__name__}: {error}"
            )
            outcome = "FAULT"
        finally:
            timer.cancel()
            _kill(build)
            build.ended = datetime.now(UTC)
            build.status = outcome
            shutil.rmtree(folder, ignore_errors=True)
        self._say(build, time.monotonic() - started)

    def _phases(self, build: Build, folder: Path, region: str, variables: Mapping[str, Mapping[str, str]]) -> str:
        source = folder / "src"
        failed: _PhaseError | None = None
        spec: Buildspec | None = None
        log = _Log(self.cloud, build, region)
        try:
            with _phase(build, "DOWNLOAD_SOURCE"):
                log.open()
                self._download(build, source, region)
                spec = self._spec(build, source)
                build.variables = self._environment(build, spec, region, folder, variables)
                _check_runtimes(build, spec)
        except _PhaseError as error:
            self._note(build, "DOWNLOAD_SOURCE", error)
            log.send()
            return "FAILED"
        with _Shell(build, spec.shell, source, folder) as shell:
            for name in PHASES:
                phase = spec.phases.get(name)
                # After a build that failed, post_build runs; after anything else, nothing does.
                # https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
                if phase is None or (failed is not None and not (name == "post_build" and _of_build(build))):
                    continue
                shell.set("CODEBUILD_BUILD_SUCCEEDING", "0" if failed else "1")
                try:
                    with _phase(build, name.upper()):
                        shell.run(phase.commands, phase.finally_)
                except _PhaseError as error:
                    self._note(build, name.upper(), error)
                    if phase.on_failure != "CONTINUE":
                        failed = failed or error
                log.send()
            for name in spec.exported:
                build.exported[name] = shell.value(name)
        try:
            with _phase(build, "UPLOAD_ARTIFACTS"):
                self._reports(build, spec, source, region)
                if failed is None:
                    self._upload(build, spec, source, region)
        except _PhaseError as error:
            self._note(build, "UPLOAD_ARTIFACTS", error)
            failed = failed or error
        log.send()
        if build.stopped:
            return "TIMED_OUT" if build.status == "TIMED_OUT" else "STOPPED"
        return "FAILED" if failed else "SUCCEEDED"

    def _note(self, build: Build, phase: str, error: _PhaseError) -> None:
        if build.failure is None:
            last = tuple(line for line in build.log if not line.startswith("[Container]"))[-12:]
            build.failure = Failure(phase=phase, command=error.command, last_lines=last, message=error.message)

    def _download(self, build: Build, source: Path, region: str) -> None:
        source.mkdir(parents=True)
        if build.job is None:
            return
        s3 = self.cloud.client("s3", region=region, credentials=build.credentials)
        try:
            for bucket, key in build.job.inputs[:1]:
                s3.get_bucket_acl(Bucket=bucket)
                s3.get_bucket_location(Bucket=bucket)
                version = s3.get_object(Bucket=bucket, Key=key).get("VersionId")
                # What is read is the version that the pipeline made; without versioning there is the one.
                where = {"VersionId": version} if version else {}
                body = s3.get_object(Bucket=bucket, Key=key, **where)["Body"].read()
                _unpack(body, source)
        except ClientError as error:
            said = error.response["Error"]["Message"]
            raise _PhaseError("CLIENT_ERROR", f"{said} for primary source and source version {key}") from None

    def _spec(self, build: Build, source: Path) -> Buildspec:
        said = build.project["source"].get("buildspec") or "buildspec.yml"
        if "\n" not in said:
            path = source / said
            if not path.is_file():
                message = f"YAML_FILE_ERROR: stat {said}: no such file or directory"
                raise _PhaseError("YAML_FILE_ERROR", message)
            said = path.read_text(encoding="utf-8")
        try:
            return read(said)
        except BuildspecError as error:
            raise _PhaseError("YAML_FILE_ERROR", str(error)) from None

    def _environment(
        self,
        build: Build,
        spec: Buildspec,
        region: str,
        folder: Path,
        variables: Mapping[str, Mapping[str, str]],
    ) -> dict[str, str]:
        """https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
        }
        home, temporary = self.cloud.folder / "home", folder / "tmp"
        home.mkdir(exist_ok=True)
        temporary.mkdir(parents=True)
        tools = self.tools if build.project["environment"].get("privilegedMode") else (self._no_docker(),)
        path = [*map(str, tools), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        job = build.job
        started = str(int(build.started.timestamp() * 1000))
        own = {
            "CI": "true",
            "CODEBUILD_CI": "true",
            "CODEBUILD_BUILD_ARN": build.arn,
            "CODEBUILD_BUILD_ID": build.id,
            "CODEBUILD_BUILD_IMAGE": build.project["environment"]["image"],
            "CODEBUILD_BUILD_NUMBER": str(build.number),
            "CODEBUILD_INITIATOR": f"codepipeline/{job.pipeline}" if job else "rehearsal",
            "CODEBUILD_LOG_PATH": build.id.partition(":")[2],
            "CODEBUILD_PROJECT_UUID": str(uuid.uuid5(uuid.NAMESPACE_URL, build.project["arn"])),
            "CODEBUILD_PUBLIC_BUILD_URL": "",
            "CODEBUILD_SOURCE_REPO_URL": "",
            "CODEBUILD_SRC_DIR": str(folder / "src"),
            "CODEBUILD_START_TIME": started,
            "HOME": str(home),
            "PATH": os.pathsep.join(path),
            "PWD": str(folder / "src"),
            "TMPDIR": str(temporary),
        }
        if job is not None:
            own["CODEBUILD_SOURCE_VERSION"] = f"arn:{self.cloud.partition}:s3:::{'/'.join(job.inputs[0])}"
        if job is not None and job.commit is not None:
            # Only a build whose source is the pipeline's knows the commit.
            own["CODEBUILD_RESOLVED_SOURCE_VERSION"] = job.commit
        signed = self.cloud.environment(build.credentials, region)
        fetched = {
            **{name: self._parameter(build, region, value) for name, value in spec.parameters.items()},
            **{name: self._secret(build, region, value) for name, value in spec.secrets.items()},
        }
        given = {name: self._given(build, region, each) for name, each in variables.items()}
        return {**inherited, **own, **signed, **spec.variables, **fetched, **given}

    def _given(self, build: Build, region: str, variable: Mapping[str, str]) -> str:
        match variable.get("type", "PLAINTEXT"):
            case "PARAMETER_STORE":
                return self._parameter(build, region, variable["value"])
            case "SECRETS_MANAGER":
                return self._secret(build, region, variable["value"])
        return variable["value"]

    def _parameter(self, build: Build, region: str, name: str) -> str:
        client = self.cloud.client("ssm", region=region, credentials=build.credentials)
        try:
            value: str = client.get_parameters(Names=[name], WithDecryption=True)["Parameters"][0]["Value"]
        except (ClientError, IndexError) as error:
            raise _PhaseError("CLIENT_ERROR", f"Error while fetching the parameter {name}: {error}") from None
        return value

    def _secret(self, build: Build, region: str, name: str) -> str:
        client = self.cloud.client("secretsmanager", region=region, credentials=build.credentials)
        try:
            value: str = client.get_secret_value(SecretId=name.partition(":")[0])["SecretString"]
        except ClientError as error:
            raise _PhaseError("CLIENT_ERROR", f"Secrets Manager Error Message: {error}") from None
        return value

    def _no_docker(self) -> Path:
        """A folder with a docker that has no daemon, as in a build that is not privileged."""
        folder = self.cloud.folder / "no-docker"
        if not folder.exists():
            folder.mkdir()
            (folder / "docker").write_text(NO_DOCKER, encoding="utf-8")
            (folder / "docker").chmod(0o755)
        return folder

    def _reports(self, build: Build, spec: Buildspec, source: Path, region: str) -> None:
        for name, report in spec.reports.items():
            base = source / report.base
            files = [path for path in _files(base) if any(matches(pattern, path) for pattern in report.files)]
            if not files:
                build.log.append(f"[Container] no matching report files found for {name}")
                continue
            group = f"{build.project['name']}-{name}"
            try:
                for operation in ("CreateReportGroup", "CreateReport", "BatchPutTestCases", "UpdateReport"):
                    self.cloud.check(build.credentials, "codebuild", operation, reportGroupName=group, region=region)
            except ServiceError as error:
                raise _PhaseError("CLIENT_ERROR", f"Error in UPLOAD_ARTIFACTS phase: {error.message}") from None
            build.tests[name] = _counted([base / path for path in files])

    def _upload(self, build: Build, spec: Buildspec, source: Path, region: str) -> None:
        if build.job is None or build.job.output is None:
            return
        artifacts = spec.artifacts
        if artifacts is None:
            message = "no artifacts are declared in the buildspec, but the pipeline's action has an output artifact"
            raise _PhaseError("CLIENT_ERROR", message)
        base = source / artifacts.base
        chosen = [
            path
            for path in _files(base)
            if any(matches(pattern, path) for pattern in artifacts.files)
            and not any(matches(pattern, path) for pattern in artifacts.exclude)
        ]
        if not chosen:
            message = f"no matching artifact paths found: {', '.join(artifacts.files)}"
            raise _PhaseError("CLIENT_ERROR", message)
        body = _pack(base, chosen, discard_paths=artifacts.discard_paths)
        bucket, key = build.job.output
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": build.job.kms_key} if build.job.kms_key else {}
        try:
            client = self.cloud.client("s3", region=region, credentials=build.credentials)
            client.put_object(Bucket=bucket, Key=key, Body=body, **encryption)
        except ClientError as error:
            raise _PhaseError(
                "CLIENT_ERROR", f"Error in UPLOAD_ARTIFACTS phase: {error.response['Error']['Message']}"
            ) from None

    def _say(self, build: Build, seconds: float) -> None:
        commands = [line.partition(" Running command ")[2] for line in build.log if " Running command " in line]
        subject = build.job.pipeline if build.job else build.project["name"]
        if build.failure is None:
            passed = [f"{passed} passed" for passed, _ in build.tests.values()]
            text = "; ".join([f"{build.project['name']}: {len(commands)} commands", *passed])
        else:
            text = f"{build.project['name']}: {build.failure.phase}: {build.failure.message}"
        self.tell(Line(step="build", subject=subject, text=text, seconds=seconds, failed=build.failure is not None))
        for line in build.failure.last_lines if build.failure else ():
            self.tell(Line(step="", text=line))


class _Log:
    """A build's log in CloudWatch, written with the build's role."""

    def __init__(self, cloud: Cloud, build: Build, region: str) -> None:
        self._client = cloud.client("logs", region=region, credentials=build.credentials)
        self._build = build
        settings = build.project.get("logsConfig", {}).get("cloudWatchLogs", {})
        self._group = settings.get("groupName") or f"/aws/codebuild/{build.project['name']}"
        self._stream = build.id.partition(":")[2]
        self._sent = 0

    def open(self) -> None:
        try:
            with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsException):
                self._client.create_log_group(logGroupName=self._group)
            self._client.create_log_stream(logGroupName=self._group, logStreamName=self._stream)
        except ClientError as error:
            message = f"Service role does not allow logs: {error.response['Error']['Message']}"
            raise _PhaseError("ACCESS_DENIED", message) from None

    def send(self) -> None:
        lines, self._sent = self._build.log[self._sent :], len(self._build.log)
        if lines:
            now = int(time.time() * 1000)
            events = [{"timestamp": now, "message": line or " "} for line in lines]
            with contextlib.suppress(ClientError):
                # A build goes on without its log; that it may not write it, the decisions say.
                self._client.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=events)


class _Shell:
    """One shell for all commands of a build, so that what a command sets is there for the next."""

    def __init__(self, build: Build, name: str, source: Path, folder: Path) -> None:
        self._build = build
        self._name = name
        self._source = source
        self._folder = folder
        self._number = 0
        self._reader: threading.Thread | None = None
        self._answers = -1
        self._path = folder / "answers"
        self._settings: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def set(self, name: str, value: str) -> None:
        self._settings[name] = value

    def run(self, commands: Sequence[str], finally_: Sequence[str]) -> None:
        """Runs the commands one after the other until one fails, and those of ``finally`` in any case."""
        error: _PhaseError | None = None
        for each in commands:
            error = self._command(each)
            if error is not None:
                break
        for each in finally_:
            error = self._command(each) or error
        if error is not None:
            raise error

    def value(self, name: str) -> str:
        """What the variable has in the shell at the end."""
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            return ""
        path = self._folder / "value"
        self._command(f'printf %s "${name}" > "{path}"', quiet=True)
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _start(self) -> None:
        # By its name, since sh knows no descriptors of two digits.
        self._path = self._folder / "answers"
        self._path.unlink(missing_ok=True)
        os.mkfifo(self._path)
        self._answers = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)
        program = shutil.which(self._name) or self._name
        process = subprocess.Popen(
            [program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._source,
            env=self._build.variables,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._build.process = process
        self._reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self._build.log.append(line.rstrip("\n"))

    def _end(self) -> None:
        process = self._build.process
        if process is None:
            return
        with contextlib.suppress(OSError):
            if process.stdin:
                process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            _kill(self._build)
        if self._reader is not None:
            self._reader.join(5)
        os.close(self._answers)
        if process.stdout:
            process.stdout.close()
        self._build.process = None

    def _command(self, command: str, *, quiet: bool = False) -> _PhaseError | None:
        """Runs one command; why it failed, if it did."""
        if self._build.stopped:
            return _PhaseError("BUILD_STOPPED", "the build was stopped or took too long", command)
        if self._build.process is None:
            self._start()
        process = self._build.process
        assert process is not None  # noqa: S101 - it was just started
        self._number += 1
        path = self._folder / f"command-{self._number}"
        settings = "".join(f"export {name}={value}\n" for name, value in self._settings.items())
        path.write_text(f"{settings}{command}\n", encoding="utf-8")
        if not quiet:
            self._build.log.append(f"[Container] {datetime.now(UTC):%Y/%m/%d %H:%M:%S} Running command {command}")
        status = self._feed(process, path)
        # What the command wrote may still be on its way.
        time.sleep(0.01)
        if status == 0:
            return None
        if status is None:
            self._end()
            status = process.returncode
        first = command.strip().splitlines()[0] if command.strip() else ""
        message = f"Error while executing command: {first}. Reason: exit status {status}"
        return None if status == 0 else _PhaseError("COMMAND_EXECUTION_ERROR", message, command)

    def _feed(self, process: subprocess.Popen[str], path: Path) -> int | None:
        """The command's status; None if the shell ended with it."""
        try:
            if process.stdin:
                process.stdin.write(f". '{path}' </dev/null\nprintf '%s\\n' $? > '{self._path}'\n")
                process.stdin.flush()
        except (OSError, ValueError):
            return None
        answer = b""
        while not answer.endswith(b"\n"):
            if select.select([self._answers], [], [], 0.1)[0]:
                answer += os.read(self._answers, 64)
            elif process.poll() is not None:
                return None
        return int(answer)


def _kill(build: Build) -> None:
    process = build.process
    if process is not None and process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _time_out(build: Build) -> None:
    build.stopped = True
    build.status = "TIMED_OUT"
    _kill(build)


@contextlib.contextmanager
def _phase(build: Build, name: str) -> Iterator[None]:
    """Notes the phase with its time and what came of it."""
    phase: dict[str, Any] = {"phaseType": name, "startTime": datetime.now(UTC)}
    build.phases.append(phase)
    started = time.monotonic()
    try:
        yield
    except _PhaseError as error:
        phase["phaseStatus"] = "FAILED"
        phase["contexts"] = [{"statusCode": error.code, "message": error.message}]
        raise
    else:
        phase["phaseStatus"] = "SUCCEEDED"
        phase["contexts"] = [{"statusCode": "", "message": ""}]
    finally:
        phase["endTime"] = datetime.now(UTC)
        phase["durationInSeconds"] = int(time.monotonic() - started)


def _of_build(build: Build) -> bool:
    """Whether it was the phase build that failed, and no earlier one."""
    return build.failure is not None and build.failure.phase == "BUILD"


def _told(build: Build) -> dict[str, Any]:
    """The build as its API tells it."""
    return {
        "id": build.id,
        "arn": build.arn,
        "buildNumber": build.number,
        "startTime": build.started,
        **({"endTime": build.ended} if build.ended else {}),
        "currentPhase": "COMPLETED" if build.ended else (build.phases or [{"phaseType": "QUEUED"}])[-1]["phaseType"],
        "buildStatus": build.status if build.ended else "IN_PROGRESS",
        "buildComplete": build.ended is not None,
        "projectName": build.project["name"],
        "serviceRole": build.project["serviceRole"],
        "source": build.project["source"],
        "environment": build.project["environment"],
        "phases": list(build.phases),
        "initiator": f"codepipeline/{build.job.pipeline}" if build.job else "rehearsal",
        "exportedEnvironmentVariables": [{"name": name, "value": value} for name, value in build.exported.items()],
        **({"resolvedSourceVersion": build.job.commit} if build.job and build.job.commit else {}),
        "logs": {"groupName": f"/aws/codebuild/{build.project['name']}", "streamName": build.id.partition(":")[2]},
    }


def _check_runtimes(build: Build, spec: Buildspec) -> None:
    """A runtime that there is not fails the build; one of another version here is told, since it may matter."""
    install = spec.phases.get("install")
    for name, version in install.runtimes.items() if install else ():
        if name not in RUNTIMES:
            message = f"YAML_FILE_ERROR: Unknown runtime named '{name}'. This build image has the following runtimes: "
            raise _PhaseError("YAML_FILE_ERROR", message + ", ".join(RUNTIMES))
        here = _version(name)
        if here is None:
            build.differences.append(f"{name} {version} in AWS, and none here")
        elif version not in ("latest", here) and not here.startswith(f"{version}."):
            build.differences.append(f"{name} {version} in AWS, {here} here")
    build.log += [f"[Container] {difference}" for difference in build.differences]


def _version(runtime: str) -> str | None:
    program = shutil.which(_PROGRAMS.get(runtime, runtime))
    if program is None:
        return None
    argument = "version" if runtime == "golang" else "--version"
    result = subprocess.run([program, argument], capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", result.stdout + result.stderr)
    return found.group() if found else None


def _files(folder: Path) -> list[str]:
    """The paths of the files below the folder, in order."""
    paths = []
    for here, folders, names in os.walk(folder):
        folders.sort()
        paths += [str((Path(here) / name).relative_to(folder)) for name in sorted(names)]
    return paths


def _pack(base: Path, paths: Sequence[str], *, discard_paths: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            name = Path(path).name if discard_paths else path
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.external_attr = ((base / path).stat().st_mode & 0xFFFF) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (base / path).read_bytes())
    return buffer.getvalue()


def _unpack(body: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, folder))
            mode = entry.external_attr >> 16
            if mode and not entry.is_dir():
                path.chmod(mode & 0o777)


def _counted(files: Sequence[Path]) -> tuple[int, int]:
    """How many test cases of JUnit's XML passed, and how many did not."""
    passed = failed = 0
    for path in files:
        try:
            cases = list(ET.parse(path).getroot().iter("testcase"))  # noqa: S314 - the build's own report
        except ET.ParseError:
            continue
        bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
        skipped = [case for case in cases if case.find("skipped") is not None]
        passed += len(cases) - len(bad) - len(skipped)
        failed += len(bad)
    return passed, failed
