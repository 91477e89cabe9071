"""CodeCommit: repositories that its API and Git over HTTP work on, and the events of what changes in them.

https://docs.aws.amazon.com/codecommit/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any

from moto.core.utils import get_service_model

from ..cfn.partitions import PARTITIONS
from . import git
from .calls import Call, Caller, Credentials, Handler, ServiceError
from .cloud import Cloud

# https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html
_NAME = re.compile(r"(?!.*\.git$)[\w.-]{1,100}", re.ASCII)
_ADDRESS = re.compile(r"/v1/repos/(?P<name>[^/]+)/(?P<rest>info/refs|git-upload-pack|git-receive-pack)")
_COMMAND = re.compile(rb"[0-9a-f]{40} [0-9a-f]{40} ([^\0\n]+)")
_MODES = {"NORMAL": "100644", "EXECUTABLE": "100755", "SYMLINK": "120000"}
# For how long a password is good: https://docs.aws.amazon.com/codecommit/latest/userguide/troubleshooting-ch.html
_PASSWORD_LIFE = timedelta(minutes=15)


@dataclass(kw_only=True)
class Repository:
    """A repository; ``folder`` is a bare one of Git's, ``default_branch`` None until it has a branch."""

    account: str
    region: str
    name: str
    arn: str
    folder: Path
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    description: str | None = None
    default_branch: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    changed: datetime = field(default_factory=lambda: datetime.now(UTC))
    lock: RLock = field(default_factory=RLock)


class CodeCommit:
    """Serves CodeCommit's API and its Git over HTTP in a cloud, and publishes the events of its repositories.

    A push has been answered when its events were delivered.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._repositories: dict[tuple[str, str, str], Repository] = {}
        self._lock = RLock()
        operations: Mapping[str, Handler] = {
            "CreateBranch": self._create_branch,
            "CreateCommit": self._create_commit,
            "CreateRepository": self._create_repository,
            "DeleteBranch": self._delete_branch,
            "DeleteRepository": self._delete_repository,
            "GetBranch": self._get_branch,
            "GetCommit": self._get_commit,
            "GetFile": self._get_file,
            "GetRepository": self._get_repository,
            "ListBranches": self._list_branches,
            "ListRepositories": self._list_repositories,
            "ListTagsForResource": self._list_tags,
            "PutFile": self._put_file,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "UpdateDefaultBranch": self._update_default_branch,
            "UpdateRepositoryDescription": self._update_description,
            "UpdateRepositoryName": self._update_name,
        }
        cloud.serve("codecommit", operations)
        cloud.mount("/v1/repos/", self._answer_git)
        cloud.first_commit = self.first_commit

    def remote(self, name: str) -> str:
        """The address for Git of the repositories with this name: whoever signs in reaches their account's."""
        return f"{self.cloud.endpoint}/v1/repos/{name}"

    def git_environment(self, credentials: Credentials, region: str | None = None) -> dict[str, str]:
        """The variables with which Git signs in as this caller, with the AWS CLI's credential helper.

        https://docs.aws.amazon.com/codecommit/latest/userguide/setting-up-https-unixes.html
        """
        beside = Path(sys.executable).with_name("aws")
        program = f'"{beside}"' if beside.exists() else "aws"
        # It keeps nothing, so it need not be told what to keep.
        helper = f'f() {{ test "$1" != get || {program} codecommit credential-helper get --ignore-host-check; }}; f'
        settings = [
            # An empty one drops those that other settings name.
            ("credential.helper", ""),
            ("credential.helper", f"!{helper}"),
            ("credential.useHttpPath", "true"),
            ("http.proxy", ""),
        ]
        variables = {**self.cloud.environment(credentials, region), **git.ALONE, "GIT_CONFIG_COUNT": str(len(settings))}
        for number, (name, value) in enumerate(settings):
            variables |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        return variables

    def repository(self, account: str, region: str, name: str) -> Repository:
        """The repository; raises :class:`~.calls.ServiceError` as the API does if there is none of this name."""
        if not _NAME.fullmatch(name):
            raise _refusal("InvalidRepositoryName")
        with self._lock:
            found = self._repositories.get((account, region, name))
        if found is None:
            raise ServiceError("RepositoryDoesNotExistException", f"{name} does not exist")
        return found

    def commit(self, account: str, region: str, name: str, revision: str) -> git.Commit:
        """The commit that a branch, a tag or a hash names.

        Raises :class:`~.calls.ServiceError` as GetCommit does if none does.
        """
        repository = self.repository(account, region, name)
        found = git.find(repository.folder, revision)
        if found is None:
            raise _refusal("CommitIdDoesNotExist")
        return git.commit(repository.folder, found)

    def archive(self, account: str, region: str, name: str, commit: str) -> bytes:
        """The files of a commit as a ZIP archive, without Git's own: what a pipeline's source action puts out.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeCommit.html. Raises as
        :meth:`commit`.
        """
        found = self.commit(account, region, name, commit)
        return git.archive(self.repository(account, region, name).folder, found.id)

    def first_commit(self, account: str, region: str, name: str, branch: str, archive: bytes) -> None:
        """Commits the files of a ZIP archive to a branch of a new repository, as CloudFormation does with ``Code``.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-codecommit-repository-code.html.
        Like any other new branch it is an event; a pipeline that is not there yet misses it.
        """
        repository = self.repository(account, region, name)
        author = git.Person(name="AWS CloudFormation", email="", date=_now())
        with self._changing(repository, self.cloud.launcher(account).caller):
            files = git.files_of_archive(archive)
            git.add_commit(repository.folder, branch, files, message="Initial commit\n", author=author)

    # The API

    def _create_repository(self, call: Call) -> Mapping[str, Any]:
        name = call.parameters["repositoryName"]
        if not _NAME.fullmatch(name):
            raise _refusal("InvalidRepositoryName")
        key = (call.account, call.region, name)
        repository = Repository(
            account=call.account,
            region=call.region,
            name=name,
            arn=f"arn:{self.cloud.partition}:codecommit:{call.region}:{call.account}:{name}",
            folder=self.cloud.folder / "codecommit" / str(uuid.uuid4()),
            description=call.parameters.get("repositoryDescription"),
            tags=dict(call.parameters.get("tags") or {}),
        )
        with self._lock:
            if key in self._repositories:
                raise ServiceError("RepositoryNameExistsException", f"Repository named {name} already exists")
            git.create(repository.folder)
            self._repositories[key] = repository
        return {"repositoryMetadata": self._metadata(repository)}

    def _get_repository(self, call: Call) -> Mapping[str, Any]:
        return {"repositoryMetadata": self._metadata(self._of(call))}

    def _list_repositories(self, call: Call) -> Mapping[str, Any]:
        """All of them on one page, by name."""
        with self._lock:
            found = [each for key, each in sorted(self._repositories.items()) if key[:2] == (call.account, call.region)]
        return {"repositories": [{"repositoryName": each.name, "repositoryId": each.id} for each in found]}

    def _delete_repository(self, call: Call) -> Mapping[str, Any]:
        try:
            repository = self._of(call)
        except ServiceError as error:
            if error.code == "RepositoryDoesNotExistException":
                return {}
            raise
        with self._lock:
            self._repositories.pop((repository.account, repository.region, repository.name), None)
        with repository.lock:
            shutil.rmtree(repository.folder)
        return {"repositoryId": repository.id}

    def _update_description(self, call: Call) -> Mapping[str, Any]:
        repository = self._of(call)
        repository.description = call.parameters.get("repositoryDescription")
        repository.changed = datetime.now(UTC)
        return {}

    def _update_name(self, call: Call) -> Mapping[str, Any]:
        old, new = call.parameters["oldName"], call.parameters["newName"]
        repository = self.repository(call.account, call.region, old)
        if not _NAME.fullmatch(new):
            raise _refusal("InvalidRepositoryName")
        with self._lock:
            if (call.account, call.region, new) in self._repositories:
                raise ServiceError("RepositoryNameExistsException", f"Repository named {new} already exists")
            self._repositories[call.account, call.region, new] = repository
            del self._repositories[call.account, call.region, old]
            repository.name, repository.changed = new, datetime.now(UTC)
            repository.arn = f"{repository.arn.rpartition(':')[0]}:{new}"
        return {}

    def _get_branch(self, call: Call) -> Mapping[str, Any]:
        repository, branch = self._of(call), call.parameters["branchName"]
        return {"branch": {"branchName": branch, "commitId": _newest(repository, branch)}}

    def _list_branches(self, call: Call) -> Mapping[str, Any]:
        names = git.references(self._of(call).folder)
        return {"branches": [name.removeprefix("refs/heads/") for name in names if name.startswith("refs/heads/")]}

    def _create_branch(self, call: Call) -> Mapping[str, Any]:
        repository, branch, commit = self._of(call), call.parameters["branchName"], call.parameters["commitId"]
        with self._changing(repository, call.caller):
            _check_branch(branch)
            if f"refs/heads/{branch}" in git.references(repository.folder):
                raise _refusal("BranchNameExists")
            if not re.fullmatch(r"[0-9a-f]{40}", commit):
                raise _refusal("InvalidCommitId")
            if git.find(repository.folder, commit) != commit:
                raise _refusal("CommitDoesNotExist")
            git.run(repository.folder, "update-ref", f"refs/heads/{branch}", commit, "")
        return {}

    def _delete_branch(self, call: Call) -> Mapping[str, Any]:
        repository, branch = self._of(call), call.parameters["branchName"]
        if branch == repository.default_branch:
            raise _refusal("DefaultBranchCannotBeDeleted")
        with self._changing(repository, call.caller):
            commit = git.references(repository.folder).get(f"refs/heads/{branch}")
            if commit is None:
                return {}
            git.run(repository.folder, "update-ref", "-d", f"refs/heads/{branch}", commit)
        return {"deletedBranch": {"branchName": branch, "commitId": commit}}

    def _update_default_branch(self, call: Call) -> Mapping[str, Any]:
        repository, branch = self._of(call), call.parameters["defaultBranchName"]
        with repository.lock:
            _newest(repository, branch)
            _set_default(repository, branch)
        return {}

    def _get_commit(self, call: Call) -> Mapping[str, Any]:
        commit = call.parameters["commitId"]
        if not re.fullmatch(r"[0-9a-f]{40}", commit):
            raise _refusal("InvalidCommitId")
        found = self.commit(call.account, call.region, call.parameters["repositoryName"], commit)
        people = {
            role: {"name": who.name, "email": who.email, "date": who.date}
            for role, who in (("author", found.author), ("committer", found.committer))
        }
        return {
            "commit": {
                "commitId": found.id,
                "treeId": found.tree,
                "parents": list(found.parents),
                "message": found.message,
                "additionalData": "",
                **people,
            }
        }

    def _get_file(self, call: Call) -> Mapping[str, Any]:
        """Of the default branch's newest commit unless the call names another."""
        repository = self._of(call)
        revision = call.parameters.get("commitSpecifier") or repository.default_branch or ""
        commit = git.find(repository.folder, revision)
        if commit is None:
            raise _refusal("CommitDoesNotExist")
        path = call.parameters["filePath"].strip("/")
        mode, blob = _blob(repository, commit, path)
        content = git.run(repository.folder, "cat-file", "blob", blob)
        return {
            "commitId": commit,
            "blobId": blob,
            "filePath": path,
            "fileMode": next(name for name, known in _MODES.items() if known == mode),
            "fileSize": len(content),
            "fileContent": content,
        }

    def _put_file(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        file = git.File(
            path=given["filePath"].strip("/"),
            mode=_MODES[given.get("fileMode") or "NORMAL"],
            content=given["fileContent"],
        )
        repository = self._of(call)
        commit = self._commit(call, repository, [file], "name", unchanged="SameFileContent")
        return {"commitId": commit.id, "treeId": commit.tree, "blobId": _blob(repository, commit.id, file.path)[1]}

    def _create_commit(self, call: Call) -> Mapping[str, Any]:
        given, repository = call.parameters, self._of(call)
        parent = given.get("parentCommitId")
        before = _files(repository, parent) if parent else {}
        put = [_entry(repository, parent, entry) for entry in given.get("putFiles") or []]
        modes = [
            replace(_content(repository, parent, entry["filePath"]), mode=_MODES[entry["fileMode"]])
            for entry in given.get("setFileModes") or []
        ]
        removed = [
            git.File(path=_content(repository, parent, entry["filePath"]).path, content=None)
            for entry in given.get("deleteFiles") or []
        ]
        files = [*put, *modes, *removed]
        if not files:
            raise _refusal("FileEntryRequired")
        if len({file.path for file in files}) < len(files):
            raise _refusal("SamePathRequest")
        commit = self._commit(call, repository, files, "authorName", unchanged="NoChange")
        after = _files(repository, commit.id)
        names = {mode: name for name, mode in _MODES.items()}

        def told(paths: Iterable[str], tree: Mapping[str, tuple[str, str]]) -> list[dict[str, str]]:
            return [
                {"absolutePath": path, "blobId": tree[path][1], "fileMode": names[tree[path][0]]}
                for path in sorted(paths)
            ]

        return {
            "commitId": commit.id,
            "treeId": commit.tree,
            "filesAdded": told(after.keys() - before.keys(), after),
            "filesUpdated": told((path for path in after.keys() & before.keys() if after[path] != before[path]), after),
            "filesDeleted": told(before.keys() - after.keys(), before),
        }

    def _commit(
        self, call: Call, repository: Repository, files: list[git.File], name: str, *, unchanged: str
    ) -> git.Commit:
        """The new commit; on the branch that there is, after the parent that the call names as its newest commit."""
        given = call.parameters
        branch, parent = given["branchName"], given.get("parentCommitId")
        if any({"", ".", "..", ".git"} & set(file.path.lower().split("/")) for file in files):
            raise _refusal("InvalidPath")
        author = git.Person(name=given.get(name) or call.caller.arn, email=given.get("email") or "", date=_now())
        with self._changing(repository, call.caller):
            _check_branch(branch)
            newest = git.references(repository.folder).get(f"refs/heads/{branch}")
            if newest is None and git.references(repository.folder):
                raise _refusal("BranchDoesNotExist")
            if newest is not None and parent is None:
                raise _refusal("ParentCommitIdRequired")
            if parent != newest:
                raise _refusal("ParentCommitIdOutdated")
            before = _files(repository, newest) if newest else {}
            if all(_is_there(repository, before, file) for file in files):
                raise _refusal(unchanged)
            message = given.get("commitMessage") or ""
            made = git.add_commit(repository.folder, branch, files, message=message, author=author)
        return git.commit(repository.folder, made)

    def _list_tags(self, call: Call) -> Mapping[str, Any]:
        return {"tags": dict(self._by_arn(call).tags)}

    def _tag(self, call: Call) -> Mapping[str, Any]:
        self._by_arn(call).tags.update(call.parameters["tags"])
        return {}

    def _untag(self, call: Call) -> Mapping[str, Any]:
        tags = self._by_arn(call).tags
        for key in call.parameters["tagKeys"]:
            tags.pop(key, None)
        return {}

    def _of(self, call: Call) -> Repository:
        return self.repository(call.account, call.region, call.parameters["repositoryName"])

    def _by_arn(self, call: Call) -> Repository:
        arn = call.parameters["resourceArn"]
        if not arn.startswith(f"arn:{self.cloud.partition}:codecommit:{call.region}:{call.account}:"):
            raise _refusal("InvalidResourceArn")
        return self.repository(call.account, call.region, arn.rpartition(":")[2])

    def _metadata(self, repository: Repository) -> dict[str, Any]:
        host = f"git-codecommit.{repository.region}.{PARTITIONS[self.cloud.partition].url_suffix}"
        optional = {"repositoryDescription": repository.description, "defaultBranch": repository.default_branch}
        return {
            "accountId": repository.account,
            "repositoryId": repository.id,
            "repositoryName": repository.name,
            "lastModifiedDate": repository.changed,
            "creationDate": repository.created,
            "cloneUrlHttp": f"https://{host}/v1/repos/{repository.name}",
            "cloneUrlSsh": f"ssh://{host}/v1/repos/{repository.name}",
            "Arn": repository.arn,
            **{name: value for name, value in optional.items() if value is not None},
        }

    # What changes

    @contextmanager
    def _changing(self, repository: Repository, caller: Caller) -> Iterator[None]:
        """Around whatever changes references: one change at a time, and then its events.

        The first branch becomes the default branch
        (https://docs.aws.amazon.com/codecommit/latest/userguide/how-to-change-branch.html).
        """
        with repository.lock:
            before = git.references(repository.folder)
            yield
            after = git.references(repository.folder)
            branches = [name.removeprefix("refs/heads/") for name in after if name.startswith("refs/heads/")]
            if repository.default_branch is None and branches:
                usual = [name for name in ("main", "master") if name in branches]
                _set_default(repository, (usual or branches)[0])
            changes = git.changes(before, after)
            if changes:
                repository.changed = datetime.now(UTC)
        for name, old, new in changes:
            self.cloud.publish(_event(repository, caller, name, old, new))

    # Git over HTTP

    def _answer_git(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            status, headers, body = self._git(environ)
        except ServiceError as error:
            status, headers, body = f"{error.status} {error.code}", [], error.message.encode()
            if error.status == _UNAUTHORIZED:
                headers = [("WWW-Authenticate", 'Basic realm="AWS CodeCommit"')]
            headers.append(("Content-Type", "text/plain"))
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def _git(self, environ: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        match = _ADDRESS.fullmatch(environ["PATH_INFO"])
        service = "" if match is None else _service(match["rest"], environ.get("QUERY_STRING", ""))
        # Read to its end, whatever becomes of it, as the connection is used again.
        body = _body(environ)
        if match is None or service not in ("git-upload-pack", "git-receive-pack"):
            raise ServiceError("NotFound", "Only Git's smart protocol is served here.", 404)
        credentials, region = self._signed_in(environ, match["name"])
        try:
            repository = self.repository(credentials.caller.account, region, match["name"])
        except ServiceError as error:
            raise ServiceError(error.code, error.message, 404) from None
        pushes = service == "git-receive-pack"
        changed = _pushed(body) if pushes and match["rest"] != "info/refs" else []
        try:
            self.cloud.check(
                credentials,
                "codecommit",
                "GitPush" if pushes else "GitPull",
                region=region,
                repositoryName=repository.name,
                **({"references": changed} if changed else {}),
            )
        except ServiceError as error:
            raise ServiceError(error.code, error.message, 403) from None
        if not changed:
            return _backend(repository, match["rest"], environ, body, credentials)
        with self._changing(repository, credentials.caller):
            return _backend(repository, match["rest"], environ, body, credentials)

    def _signed_in(self, environ: Mapping[str, Any], name: str) -> tuple[Credentials, str]:
        """Who made the user name and password, and for which region, as the AWS CLI's credential helper makes them.

        https://docs.aws.amazon.com/cli/latest/reference/codecommit/credential-helper/get.html and its source,
        https://github.com/aws/aws-cli/blob/develop/awscli/customizations/codecommit.py
        """
        scheme, _, encoded = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "basic":
            raise ServiceError("Unauthorized", "Sign in with the AWS CLI's credential helper.", _UNAUTHORIZED)
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().rpartition(":")
        except ValueError:
            user, password = "", ""
        key, _, token = user.partition("%")
        credentials = self.cloud.known.get(key)
        host = environ.get("HTTP_HOST", "").partition(":")[0]
        if credentials is not None and token == (credentials.token or ""):
            with self._lock:
                regions = {known[1] for known in self._repositories if known[0] == credentials.caller.account}
            for region in sorted(regions | {self.cloud.region}):
                signed = _password(
                    credentials.secret_key, region, host, f"/v1/repos/{name}", password.partition("Z")[0]
                )
                if signed is not None and hmac.compare_digest(signed, password):
                    return credentials, region
        raise ServiceError("Forbidden", "The user name and password are not those of anyone known here.", 403)


_UNAUTHORIZED = 401


def _service(rest: str, query: str) -> str:
    return query.removeprefix("service=") if rest == "info/refs" else rest


def _body(environ: Mapping[str, Any]) -> bytes:
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        body: bytes = stream.read()
    else:
        body = stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    return gzip.decompress(body) if environ.get("HTTP_CONTENT_ENCODING") == "gzip" else body


def _pushed(body: bytes) -> list[str]:
    """The references that a push is to change, before its pack (https://git-scm.com/docs/gitprotocol-pack)."""
    names, position = [], 0
    while len(size := body[position : position + 4]) == 4 and size != b"0000":  # noqa: PLR2004 - a line's size has four digits
        command = _COMMAND.match(body[position + 4 : position + int(size, 16)])
        if command is not None:
            names.append(command[1].decode("utf-8", "replace"))
        position += int(size, 16)
    return names


def _password(secret: str, region: str, host: str, path: str, time: str) -> str | None:
    """The password that the secret makes for the address; None if the time is not one of the last minutes."""
    try:
        made = datetime.strptime(time, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    if abs(datetime.now(UTC) - made) > _PASSWORD_LIFE:
        return None
    request = f"GIT\n{path}\n\nhost:{host}\n\nhost\n"
    scope = [time[:8], region, "codecommit", "aws4_request"]
    text = "\n".join(["AWS4-HMAC-SHA256", time, "/".join(scope), hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (*scope, text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return f"{time}Z{key.hex()}"


def _backend(
    repository: Repository, rest: str, environ: Mapping[str, Any], body: bytes, credentials: Credentials
) -> tuple[str, list[tuple[str, str]], bytes]:
    """What Git answers (https://git-scm.com/docs/git-http-backend): the status, the headers and the body."""
    variables = {
        **git.environment(),
        "GIT_PROJECT_ROOT": str(repository.folder.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": environ.get("HTTP_GIT_PROTOCOL", ""),
        "PATH_INFO": f"/{repository.folder.name}/{rest}",
        "REQUEST_METHOD": environ["REQUEST_METHOD"],
        "QUERY_STRING": environ.get("QUERY_STRING", ""),
        "CONTENT_TYPE": environ.get("CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": environ.get("REMOTE_ADDR", ""),
        "REMOTE_USER": credentials.caller.arn,
    }
    done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, check=True, env=variables)
    head, _, answer = done.stdout.partition(b"\r\n\r\n")
    headers = [line.partition(": ")[::2] for line in head.decode().split("\r\n")]
    status = next((value for name, value in headers if name.lower() == "status"), "200 OK")
    return status, [(name, value) for name, value in headers if name.lower() != "status"], answer


def _event(repository: Repository, caller: Caller, name: str, old: str | None, new: str | None) -> dict[str, Any]:
    """The event of a reference that is new, changed or gone.

    https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
    """
    change = "referenceCreated" if old is None else "referenceDeleted" if new is None else "referenceUpdated"
    kind, short = ("branch", name.removeprefix("refs/heads/"))
    if name.startswith("refs/tags/"):
        kind, short = "tag", name.removeprefix("refs/tags/")
    commits = {"commitId": new, "oldCommitId": old}
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "CodeCommit Repository State Change",
        "source": "aws.codecommit",
        "account": repository.account,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": repository.region,
        "resources": [repository.arn],
        "detail": {
            "callerUserArn": caller.arn,
            **{key: commit for key, commit in commits.items() if commit is not None},
            "event": change,
            "referenceFullName": name,
            "referenceName": short,
            "referenceType": kind,
            "repositoryId": repository.id,
            "repositoryName": repository.name,
        },
    }


def _newest(repository: Repository, branch: str) -> str:
    commit = git.references(repository.folder).get(f"refs/heads/{branch}")
    if commit is None:
        raise _refusal("BranchDoesNotExist")
    return commit


def _set_default(repository: Repository, branch: str) -> None:
    git.run(repository.folder, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
    repository.default_branch = branch


def _check_branch(branch: str) -> None:
    try:
        git.run(Path(), "check-ref-format", f"refs/heads/{branch}")
    except subprocess.CalledProcessError:
        raise _refusal("InvalidBranchName") from None


def _files(repository: Repository, commit: str) -> dict[str, tuple[str, str]]:
    """The mode and the blob of each file of the commit, by its path."""
    if git.find(repository.folder, commit) != commit:
        raise _refusal("ParentCommitDoesNotExist")
    entries = git.run(repository.folder, "ls-tree", "-r", "-z", commit).decode("utf-8", "replace").split("\0")
    fields = [(path, about.split(" ")) for about, _, path in (entry.partition("\t") for entry in entries if entry)]
    return {path: (mode, blob) for path, (mode, kind, blob) in fields if kind == "blob"}


def _blob(repository: Repository, commit: str, path: str) -> tuple[str, str]:
    try:
        return _files(repository, commit)[path]
    except KeyError:
        raise _refusal("FileDoesNotExist") from None


def _content(repository: Repository, commit: str | None, path: str) -> git.File:
    """A file as it is in the commit."""
    path = path.strip("/")
    if commit is None:
        raise _refusal("FileDoesNotExist")
    mode, blob = _blob(repository, commit, path)
    return git.File(path=path, mode=mode, content=git.run(repository.folder, "cat-file", "blob", blob))


def _entry(repository: Repository, parent: str | None, entry: Mapping[str, Any]) -> git.File:
    """A file to put in, with the content that the call gives or that another file has."""
    source, content = entry.get("sourceFile"), entry.get("fileContent")
    if (source is None) == (content is None):
        raise _refusal("SourceFileOrContentRequired" if source is None else "FileContentAndSourceFileSpecified")
    if source is not None:
        content = _content(repository, parent, source["filePath"]).content
    return git.File(path=entry["filePath"].strip("/"), mode=_MODES[entry.get("fileMode") or "NORMAL"], content=content)


def _is_there(repository: Repository, files: Mapping[str, tuple[str, str]], file: git.File) -> bool:
    if file.content is None:
        return file.path not in files
    blob = git.run(repository.folder, "hash-object", "--stdin", data=file.content).decode().strip()
    return files.get(file.path) == (file.mode, blob)


def _now() -> str:
    return f"{int(datetime.now(UTC).timestamp())} +0000"


def _refusal(kind: str) -> ServiceError:
    """The error as the API Reference words it."""
    name = f"{kind}Exception"
    return ServiceError(name, re.sub(r"<[^>]+>", "", get_service_model("codecommit").shape_for(name).documentation))
