from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import pytest
from botocore.exceptions import ClientError

from ecs_cd_templates.rehearsal import git
from ecs_cd_templates.rehearsal.calls import Call, Credentials, Decision, ServiceError
from ecs_cd_templates.rehearsal.cloud import Cloud
from ecs_cd_templates.rehearsal.code_commit import CodeCommit, _password

# Everything here has Git make and change repositories.
pytestmark = pytest.mark.slow

ACCOUNT, REGION = "123456789012", "eu-west-1"
ARN = f"arn:aws:codecommit:{REGION}:{ACCOUNT}:app"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud(account=ACCOUNT, region=REGION) as made:
        yield made


@pytest.fixture
def code_commit(cloud: Cloud) -> CodeCommit:
    service = CodeCommit(cloud)
    cloud.client("codecommit").create_repository(repositoryName="app", repositoryDescription="An app", tags={"a": "1"})
    return service


@pytest.fixture
def events(cloud: Cloud) -> list[Mapping[str, Any]]:
    seen: list[Mapping[str, Any]] = []
    cloud.subscribers.append(seen.append)
    return seen


def _zip(files: Mapping[str, bytes], executable: str = "") -> bytes:
    written = BytesIO()
    with ZipFile(written, "w") as archive:
        for path, content in files.items():
            entry = ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100755 if path == executable else 0o100644) << 16
            archive.writestr(entry, content)
    return written.getvalue()


def _files(archive: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(archive)) as opened:
        return {entry.filename: opened.read(entry) for entry in opened.infolist() if not entry.is_dir()}


def _refused(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def _put(cloud: Cloud, path: str, content: bytes, **more: Any) -> str:
    put = cloud.client("codecommit").put_file(
        repositoryName="app", branchName="main", filePath=path, fileContent=content, **more
    )
    return str(put["commitId"])


def test_a_repository_is_described_as_aws_does(cloud: Cloud, code_commit: CodeCommit) -> None:
    client = cloud.client("codecommit")
    about = client.get_repository(repositoryName="app")["repositoryMetadata"]
    assert about["Arn"] == ARN
    assert about["repositoryDescription"] == "An app"
    assert about["cloneUrlHttp"] == f"https://git-codecommit.{REGION}.amazonaws.com/v1/repos/app"
    assert "defaultBranch" not in about
    assert client.list_tags_for_resource(resourceArn=ARN)["tags"] == {"a": "1"}
    client.tag_resource(resourceArn=ARN, tags={"b": "2"})
    client.untag_resource(resourceArn=ARN, tagKeys=["a"])
    assert client.list_tags_for_resource(resourceArn=ARN)["tags"] == {"b": "2"}
    client.update_repository_description(repositoryName="app", repositoryDescription="Other")
    client.update_repository_name(oldName="app", newName="app2")
    assert client.list_repositories()["repositories"] == [
        {"repositoryName": "app2", "repositoryId": about["repositoryId"]}
    ]
    assert client.get_repository(repositoryName="app2")["repositoryMetadata"]["repositoryDescription"] == "Other"
    folder = code_commit.repository(ACCOUNT, REGION, "app2").folder
    assert folder.is_dir()
    assert client.delete_repository(repositoryName="app2")["repositoryId"] == about["repositoryId"]
    assert not folder.exists()
    assert "repositoryId" not in client.delete_repository(repositoryName="app2")


def test_accounts_and_regions_have_repositories_of_their_own(cloud: Cloud, code_commit: CodeCommit) -> None:
    del code_commit
    for account, region in ((ACCOUNT, "us-east-1"), ("210987654321", REGION)):
        client = cloud.client("codecommit", account=account, region=region)
        assert client.list_repositories()["repositories"] == []
        client.create_repository(repositoryName="app")
    with pytest.raises(ClientError) as refusal:
        cloud.client("codecommit").create_repository(repositoryName="app")
    assert _refused(refusal) == "RepositoryNameExistsException"
    assert "Repository named app already exists" in str(refusal.value)


# An operation, its parameters beside the repository, and the error.
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("get_repository", {"repositoryName": "none"}, "RepositoryDoesNotExistException"),
    ("create_repository", {"repositoryName": "app.git"}, "InvalidRepositoryNameException"),
    ("create_repository", {"repositoryName": "a b"}, "InvalidRepositoryNameException"),
    ("get_branch", {"branchName": "none"}, "BranchDoesNotExistException"),
    ("get_commit", {"commitId": "0" * 40}, "CommitIdDoesNotExistException"),
    ("get_commit", {"commitId": "main"}, "InvalidCommitIdException"),
    ("get_file", {"filePath": "none"}, "FileDoesNotExistException"),
    ("get_file", {"filePath": "a", "commitSpecifier": "b"}, "CommitDoesNotExistException"),
    ("delete_branch", {"branchName": "main"}, "DefaultBranchCannotBeDeletedException"),
    (
        "create_branch",
        {"branchName": "qa", "commitId": "0" * 40},
        "CommitDoesNotExistException",
    ),
    (
        "create_branch",
        {"branchName": "a..b", "commitId": "0" * 40},
        "InvalidBranchNameException",
    ),
    (
        "create_branch",
        {"branchName": "main", "commitId": "0" * 40},
        "BranchNameExistsException",
    ),
    (
        "update_default_branch",
        {"defaultBranchName": "none"},
        "BranchDoesNotExistException",
    ),
    (
        "put_file",
        {"branchName": "main", "filePath": "b", "fileContent": b"b"},
        "ParentCommitIdRequiredException",
    ),
    (
        "put_file",
        {
            "branchName": "main",
            "filePath": "b",
            "fileContent": b"b",
            "parentCommitId": "0" * 40,
        },
        "ParentCommitIdOutdatedException",
    ),
    (
        "create_commit",
        {"branchName": "main", "putFiles": [{"filePath": "a/../../b", "fileContent": b"b"}]},
        "InvalidPathException",
    ),
    ("create_commit", {"branchName": "main"}, "FileEntryRequiredException"),
    ("list_tags_for_resource", {"resourceArn": "arn:aws:s3:::app"}, "InvalidResourceArnException"),
]


def test_what_cannot_be_done_is_refused_by_name(
    cloud: Cloud, code_commit: CodeCommit, events: list[Mapping[str, Any]]
) -> None:
    code_commit.first_commit(ACCOUNT, REGION, "app", "main", _zip({"a": b"a"}))
    events.clear()
    client = cloud.client("codecommit")
    for operation, parameters, code in REFUSED:
        where = {} if "resourceArn" in parameters else {"repositoryName": "app"}
        with pytest.raises(ClientError) as refusal:
            getattr(client, operation)(**where | parameters)
        assert _refused(refusal) == code
    assert events == []


def test_the_first_commit_is_the_archive(
    cloud: Cloud, code_commit: CodeCommit, events: list[Mapping[str, Any]]
) -> None:
    files = {
        "app/run.sh": b"#!/bin/sh\r\n",
        'odd "name"\\ \xc3\xa9.txt': b"$Id$",
        ".gitattributes": b"* text=auto\nsecret export-ignore\n*.txt ident\n",
        "secret": b"is there\r\n",
        "empty": b"",
    }
    files = {path.encode("latin-1").decode(): content for path, content in files.items()}
    assert cloud.first_commit == code_commit.first_commit
    code_commit.first_commit(ACCOUNT, REGION, "app", "trunk", _zip(files, executable="app/run.sh"))
    client = cloud.client("codecommit")
    assert client.get_repository(repositoryName="app")["repositoryMetadata"]["defaultBranch"] == "trunk"
    commit = client.get_branch(repositoryName="app", branchName="trunk")["branch"]["commitId"]
    archive = code_commit.archive(ACCOUNT, REGION, "app", commit)
    assert _files(archive) == files
    assert code_commit.archive(ACCOUNT, REGION, "app", "trunk") == archive
    about = client.get_commit(repositoryName="app", commitId=commit)["commit"]
    assert (about["message"], about["parents"]) == ("Initial commit\n", [])
    assert about["author"]["date"].endswith(" +0000")
    assert client.get_file(repositoryName="app", filePath="app/run.sh")["fileMode"] == "EXECUTABLE"
    (event,) = events
    assert (event["detail"]["event"], event["detail"]["commitId"]) == ("referenceCreated", commit)


def test_each_change_of_a_reference_is_an_event(
    cloud: Cloud, code_commit: CodeCommit, events: list[Mapping[str, Any]]
) -> None:
    client = cloud.client("codecommit")
    first = _put(cloud, "a", b"1")
    second = _put(cloud, "a", b"2", parentCommitId=first, name="Ann", email="ann@example.com", commitMessage="Two")
    client.create_branch(repositoryName="app", branchName="release/1", commitId=first)
    client.delete_branch(repositoryName="app", branchName="release/1")
    assert client.list_branches(repositoryName="app")["branches"] == ["main"]
    common = {
        "callerUserArn": f"arn:aws:iam::{ACCOUNT}:user/launcher",
        "referenceType": "branch",
        "repositoryId": code_commit.repository(ACCOUNT, REGION, "app").id,
        "repositoryName": "app",
    }
    main = {"referenceName": "main", "referenceFullName": "refs/heads/main"}
    release = {"referenceName": "release/1", "referenceFullName": "refs/heads/release/1"}
    assert [event["detail"] for event in events] == [
        {**common, **main, "event": "referenceCreated", "commitId": first},
        {**common, **main, "event": "referenceUpdated", "commitId": second, "oldCommitId": first},
        {**common, **release, "event": "referenceCreated", "commitId": first},
        {**common, **release, "event": "referenceDeleted", "oldCommitId": first},
    ]
    assert {event["source"] for event in events} == {"aws.codecommit"}
    assert {event["detail-type"] for event in events} == {"CodeCommit Repository State Change"}
    assert all(event["resources"] == [ARN] and event["account"] == ACCOUNT for event in events)
    assert all(event["region"] == REGION and event["time"].endswith("Z") for event in events)
    assert len({event["id"] for event in events}) == len(events)
    about = client.get_commit(repositoryName="app", commitId=second)["commit"]
    assert (about["message"], about["author"]["name"], about["parents"]) == ("Two", "Ann", [first])


def test_a_commit_puts_in_changes_and_removes_files(cloud: Cloud, code_commit: CodeCommit) -> None:
    client = cloud.client("codecommit")
    one = client.create_commit(
        repositoryName="app",
        branchName="main",
        putFiles=[{"filePath": path, "fileContent": path.encode()} for path in ("keep", "gone", "mode")],
    )["commitId"]
    made = client.create_commit(
        repositoryName="app",
        branchName="main",
        parentCommitId=one,
        putFiles=[{"filePath": "copy/of", "sourceFile": {"filePath": "keep"}}],
        deleteFiles=[{"filePath": "gone"}],
        setFileModes=[{"filePath": "mode", "fileMode": "EXECUTABLE"}],
    )
    assert _files(code_commit.archive(ACCOUNT, REGION, "app", "main")) == {
        "keep": b"keep",
        "mode": b"mode",
        "copy/of": b"keep",
    }
    told = {kind: [each["absolutePath"] for each in made[kind]] for kind in made if kind.startswith("files")}
    assert told == {"filesAdded": ["copy/of"], "filesUpdated": ["mode"], "filesDeleted": ["gone"]}
    with pytest.raises(ClientError) as refusal:
        client.create_commit(
            repositoryName="app",
            branchName="main",
            parentCommitId=made["commitId"],
            putFiles=[{"filePath": "keep", "fileContent": b"keep"}],
        )
    assert _refused(refusal) == "NoChangeException"


def _git(folder: Path, variables: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    who = {f"GIT_{role}_{what}": f"ann@{what}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**known, **who, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _work_tree(folder: Path, variables: Mapping[str, str]) -> Path:
    folder.mkdir()
    assert _git(folder, variables, "init", "--quiet", "--initial-branch=main").returncode == 0
    (folder / "file").write_text("one")
    assert _git(folder, variables, "add", ".").returncode == 0
    assert _git(folder, variables, "commit", "--quiet", "--message=One").returncode == 0
    return folder


def test_git_pushes_and_clones_with_the_clis_credential_helper(
    cloud: Cloud, code_commit: CodeCommit, events: list[Mapping[str, Any]], tmp_path: Path
) -> None:
    calls: list[Call] = []

    def decide(call: Call) -> Decision:
        calls.append(call)
        return Decision(call=call)

    cloud.decider = decide
    variables = code_commit.git_environment(cloud.launcher())
    work, remote = _work_tree(tmp_path / "work", variables), code_commit.remote("app")
    _git(work, variables, "tag", "--annotate", "--message=v1", "v1")
    pushed = _git(work, variables, "push", "--quiet", remote, "main", "v1")
    assert (pushed.returncode, pushed.stderr) == (0, "")
    commit = _git(work, variables, "rev-parse", "HEAD").stdout.strip()
    assert (
        cloud.client("codecommit").get_branch(repositoryName="app", branchName="main")["branch"]["commitId"] == commit
    )
    assert [(event["detail"]["referenceFullName"], event["detail"]["commitId"]) for event in events] == [
        ("refs/heads/main", commit),
        ("refs/tags/v1", commit),
    ]
    assert [event["detail"]["referenceType"] for event in events] == ["branch", "tag"]
    pushes = [call.parameters for call in calls if call.operation == "GitPush"]
    assert pushes[0] == {"repositoryName": "app"}
    assert sorted(pushes[-1]["references"]) == ["refs/heads/main", "refs/tags/v1"]
    cloned = _git(tmp_path, variables, "clone", "--quiet", remote, "clone")
    assert cloned.returncode == 0, cloned.stderr
    assert (tmp_path / "clone" / "file").read_text() == "one"
    assert {call.operation for call in calls} >= {"GitPull", "GitPush"}
    # The default branch is refused by Git itself, another goes.
    _git(work, variables, "push", "--quiet", remote, "main:other")
    assert _git(work, variables, "push", "--quiet", remote, ":main").returncode != 0
    assert _git(work, variables, "push", "--quiet", remote, ":other").returncode == 0
    assert [event["detail"]["event"] for event in events[2:]] == ["referenceCreated", "referenceDeleted"]


def test_a_push_that_is_denied_for_a_branch_changes_nothing(
    cloud: Cloud, code_commit: CodeCommit, events: list[Mapping[str, Any]], tmp_path: Path
) -> None:
    def decide(call: Call) -> Decision:
        if "refs/heads/main" in call.parameters.get("references", []):
            raise ServiceError("AccessDeniedException", "is not authorized to perform: codecommit:GitPush")
        return Decision(call=call)

    cloud.decider = decide
    variables = code_commit.git_environment(cloud.launcher())
    work, remote = _work_tree(tmp_path / "work", variables), code_commit.remote("app")
    denied = _git(work, variables, "push", "--quiet", remote, "main", "main:free")
    assert denied.returncode != 0
    assert "403" in denied.stderr
    assert events == []
    assert _git(work, variables, "push", "--quiet", remote, "main:free").returncode == 0
    assert [event["detail"]["referenceName"] for event in events] == ["free"]


def test_a_large_push_comes_in_chunks_and_a_long_question_compressed(
    cloud: Cloud, code_commit: CodeCommit, tmp_path: Path
) -> None:
    asked: list[Call] = []

    def decide(call: Call) -> Decision:
        asked.append(call)
        return Decision(call=call)

    cloud.decider = decide
    variables = code_commit.git_environment(cloud.launcher())
    work, remote = _work_tree(tmp_path / "work", variables), code_commit.remote("app")
    noise = os.urandom(3 << 20)
    (work / "noise").write_bytes(noise)
    _git(work, variables, "add", ".")
    _git(work, variables, "commit", "--quiet", "--message=Noise")
    for number in range(40):
        _git(work, variables, "commit", "--quiet", "--allow-empty", f"--message={number}")
        _git(work, variables, "branch", f"b{number}")
    pushed = _git(work, variables, "push", "--quiet", "--all", remote)
    assert (pushed.returncode, pushed.stderr) == (0, "")
    assert len(asked[-1].parameters["references"]) == 41
    cloned = _git(tmp_path, variables, "clone", "--quiet", remote, "clone")
    assert (cloned.returncode, cloned.stderr) == (0, "")
    assert (tmp_path / "clone" / "noise").read_bytes() == noise


def test_only_who_is_known_here_signs_in(cloud: Cloud, code_commit: CodeCommit, tmp_path: Path) -> None:
    known = cloud.launcher()
    other = Credentials(access_key=known.access_key, secret_key="x" * 40, token=None, caller=known.caller)
    refused = _git(tmp_path, code_commit.git_environment(other), "ls-remote", code_commit.remote("app"))
    assert "403" in refused.stderr
    no_helper = {**code_commit.git_environment(known), "GIT_CONFIG_COUNT": "0"}
    assert "could not read Username" in _git(tmp_path, no_helper, "ls-remote", code_commit.remote("app")).stderr
    variables = code_commit.git_environment(known)
    assert _git(tmp_path, variables, "ls-remote", code_commit.remote("app")).returncode == 0
    assert "not found" in _git(tmp_path, variables, "ls-remote", code_commit.remote("none")).stderr
    elsewhere = code_commit.git_environment(known, "us-east-1")
    assert _git(tmp_path, elsewhere, "ls-remote", code_commit.remote("app")).returncode != 0


def test_a_password_is_good_for_some_minutes() -> None:
    secret, path = "secret", "/v1/repos/app"
    now = datetime.now(UTC)
    for minutes, good in ((-14, True), (0, True), (-16, False), (16, False)):
        time = (now + timedelta(minutes=minutes)).strftime("%Y%m%dT%H%M%S")
        assert (_password(secret, REGION, "127.0.0.1", path, time) is not None) == good
    assert _password(secret, REGION, "127.0.0.1", path, "now") is None


def test_a_role_signs_in_with_its_token(cloud: Cloud, code_commit: CodeCommit, tmp_path: Path) -> None:
    trust = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
        '"Principal": {"Service": "codebuild.amazonaws.com"}}]}'
    )
    role = cloud.client("iam").create_role(RoleName="build", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    credentials = cloud.assume(role, "codebuild")
    listed = _git(tmp_path, code_commit.git_environment(credentials), "ls-remote", code_commit.remote("app"))
    assert listed.returncode == 0, listed.stderr


def test_changed_files_name_what_differs(cloud: Cloud, code_commit: CodeCommit) -> None:
    first = _put(cloud, "a/1", b"1")
    second = _put(cloud, "a/2", b"2", parentCommitId=first)
    folder = code_commit.repository(ACCOUNT, REGION, "app").folder
    assert git.changed_files(folder, first, second) == ("a/2",)
