"""ECR's registry: a real one that images are pushed to and pulled from, behind a door that refuses what ECR refuses.

The registry is distribution's (https://distribution.github.io/distribution/), which Debian packages as docker-registry.
The door asks for a token of GetAuthorizationToken, and decides each request by the role that the token is of
(https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import ClientError

from ..errors import NOT_GIVEN, RehearsalError
from .calls import Call, Credentials, ServiceError
from .cloud import Cloud

_PROGRAMS = ("docker-registry", "registry")
_CONFIGURATION = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""

# /v2/ACCOUNT/REGION/NAME/…: the engines' names for ACCOUNT.dkr.ecr.REGION.SUFFIX/NAME.
_PATH = re.compile(
    r"/v2/(?P<account>\d{12})/(?P<region>[a-z0-9-]+)/(?P<name>.+?)/"
    r"(?P<kind>blobs/uploads|blobs|manifests|tags)(?:/(?P<reference>[^?]*))?(?:\?.*)?"
)
_CHUNK = 1 << 20

# Headers that are about the connection, and not about what is sent.
_OF_CONNECTION = {"connection", "content-length", "date", "host", "server", "transfer-encoding"}


class Registry:
    """A context: inside it the registry answers at ``address``; requires distribution's program.

    Raises :class:`RehearsalError` where that is missing.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.refusals: list[int] = []
        self._tokens: dict[str, Credentials] = {}
        cloud.serve("ecr", {"GetAuthorizationToken": self._token})

    def __enter__(self) -> Self:
        program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
        if program is None:
            remedy = "install a registry: on Debian and Ubuntu, apt-get install docker-registry"
            raise RehearsalError("docker-registry", NOT_GIVEN, remedy)
        folder = self.cloud.folder / "registry"
        folder.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        configuration = folder / "config.yml"
        text = _CONFIGURATION.format(folder=json.dumps(str(folder / "images")), port=self._port)
        configuration.write_text(text, encoding="utf-8")
        self._process = subprocess.Popen(
            [program, "serve", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._wait()
        except RehearsalError:
            self._process.kill()
            raise
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _door(self))
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._process.terminate()
        self._process.wait(10)

    def refuse(self, status: int, times: int) -> None:
        """Has the next requests answered with this status, such as 429."""
        self.refusals += [status] * times

    def name(self, image: str) -> str | None:
        """The image's name for an engine: that of ECR, where the registry is; None for one of another registry."""
        match = re.fullmatch(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(.+)", image)
        return f"{self.address}/{match[1]}/{match[2]}/{match[3]}" if match else None

    def password(self, credentials: Credentials) -> str:
        """The password that signs in with these credentials."""
        password = secrets.token_hex(32)
        self._tokens[password] = credentials
        return password

    def _wait(self) -> None:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
                return
            time.sleep(0.05)
        raise RehearsalError("docker-registry", NOT_GIVEN, "did not start: try it by hand")

    def _token(self, call: Call) -> Mapping[str, Any]:
        credentials = next(each for each in self.cloud.known.values() if each.caller == call.caller)
        token = base64.b64encode(f"AWS:{self.password(credentials)}".encode()).decode()
        host = f"{call.account}.dkr.ecr.{call.region}.{self.cloud.url_suffix}"
        expires = datetime.now(UTC) + timedelta(hours=12)
        return {
            "authorizationData": [
                {"authorizationToken": token, "expiresAt": expires, "proxyEndpoint": f"https://{host}"}
            ]
        }

    def signed_in(self, header: str) -> Credentials | None:
        """Whose the password in an ``Authorization`` header is."""
        kind, _, encoded = header.partition(" ")
        if kind.lower() != "basic":
            return None
        with contextlib.suppress(ValueError):
            user, _, password = base64.b64decode(encoded).decode().partition(":")
            return self._tokens.get(password) if user == "AWS" else None
        return None

    def connection(self) -> HTTPConnection:
        """A connection to the registry itself."""
        return HTTPConnection("127.0.0.1", self._port, timeout=300)

    def check(self, credentials: Credentials, method: str, where: re.Match[str]) -> None:
        """Raises :class:`ServiceError` for what ECR refuses."""
        repository = {"repositoryName": where["name"], "region": where["region"]}
        operation = _CALLED.get((where["kind"], method), "BatchDeleteImage")
        self.cloud.check(credentials, "ecr", operation, **repository)
        client = self.cloud.behind("ecr", account=where["account"], region=where["region"])
        try:
            (found,) = client.describe_repositories(repositoryNames=[where["name"]])["repositories"]
        except ClientError:
            message = f"The repository with name '{where['name']}' does not exist"
            raise ServiceError("NAME_UNKNOWN", message, 404) from None
        tag = where["reference"] or ""
        if method == "PUT" and where["kind"] == "manifests" and not tag.startswith("sha256:"):
            self._check_tag(client, found, where["name"], tag)

    def _check_tag(self, client: Any, repository: Mapping[str, Any], name: str, tag: str) -> None:
        """An immutable tag is taken once, even for the same image."""
        mutability = repository["imageTagMutability"]
        filters = [each["filter"] for each in repository.get("imageTagMutabilityExclusionFilters", [])]
        excluded = any(fnmatchcase(tag, pattern) for pattern in filters)
        if excluded != mutability.startswith("MUTABLE"):
            return
        there = client.list_images(repositoryName=name)["imageIds"]
        if any(image.get("imageTag") == tag for image in there):
            message = (
                f"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because "
                "the tag is immutable."
            )
            raise ServiceError("TAG_INVALID", message, 400)

    def keep(self, where: re.Match[str], manifest: bytes, media_type: str) -> None:
        """Has ECR's API tell the image that was pushed."""
        client = self.cloud.behind("ecr", account=where["account"], region=where["region"])
        tag = where["reference"] or ""
        tags = {} if tag.startswith("sha256:") else {"imageTag": tag}
        with contextlib.suppress(ClientError):
            # The same image under a second tag, or none.
            client.put_image(
                repositoryName=where["name"],
                imageManifest=manifest.decode(),
                imageManifestMediaType=media_type,
                imageDigest=f"sha256:{hashlib.sha256(manifest).hexdigest()}",
                **tags,
            )


# What ECR calls each request of a registry, by what it is about; other requests read.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
_CALLED = {
    ("blobs", "HEAD"): "BatchCheckLayerAvailability",
    ("blobs", "GET"): "GetDownloadUrlForLayer",
    ("blobs/uploads", "POST"): "InitiateLayerUpload",
    ("blobs/uploads", "PATCH"): "UploadLayerPart",
    ("blobs/uploads", "PUT"): "CompleteLayerUpload",
    ("manifests", "PUT"): "PutImage",
    ("manifests", "GET"): "BatchGetImage",
    ("manifests", "HEAD"): "BatchGetImage",
    ("tags", "GET"): "ListImages",
}


def _door(registry: Registry) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - a handler, and not one function
    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            if registry.refusals:
                status = registry.refusals.pop(0)
                self._refuse(status, "TOOMANYREQUESTS", "Rate exceeded")
                return
            credentials = registry.signed_in(self.headers.get("Authorization", ""))
            if credentials is None:
                self._refuse(401, "UNAUTHORIZED", "no basic auth credentials")
                return
            where = _PATH.fullmatch(self.path)
            if where is None and self.path.rstrip("/") != "/v2":
                self._refuse(404, "NAME_UNKNOWN", "there is nothing of that name")
                return
            if where is not None:
                try:
                    registry.check(credentials, self.command, where)
                except ServiceError as error:
                    status = 403 if error.code.startswith("AccessDenied") else error.status
                    code = "DENIED" if error.code.startswith("AccessDenied") else error.code
                    self._refuse(status, code, error.message)
                    return
            self._hand_on(where)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - http.server's own names

        def _hand_on(self, where: re.Match[str] | None) -> None:
            body = self._body()
            manifest = body.rest() if where is not None and where["kind"] == "manifests" else None
            connection = registry.connection()
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in {*_OF_CONNECTION, "authorization", "expect"}
            }
            headers["Host"] = registry.address
            content: Any = manifest if manifest is not None else body
            length = None if manifest is not None else body.length
            if length is not None:
                headers["Content-Length"] = str(length)
            try:
                connection.request(
                    self.command, self.path, content, headers, encode_chunked=manifest is None and length is None
                )
                answer = connection.getresponse()
                data = answer.read()
            finally:
                connection.close()
            if where is not None and manifest and self.command == "PUT" and answer.status < 300:  # noqa: PLR2004
                registry.keep(where, manifest, self.headers.get("Content-Type", ""))
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OF_CONNECTION:
                    self.send_header(name, value)
            size = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
            self.send_header("Content-Length", size or "0")
            self.end_headers()
            self.wfile.write(data)

        def _body(self) -> _Body:
            chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
            length = None if chunked else int(self.headers.get("Content-Length", 0))
            return _Body(self.rfile, length)

        def _refuse(self, status: int, code: str, message: str) -> None:
            self._body().rest()
            data = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
            self.send_response(status)
            if status == 401:  # noqa: PLR2004
                self.send_header("WWW-Authenticate", 'Basic realm="ECR"')
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Door


class _Body:
    """A request's body, read piece by piece: of a length that is known, or in chunks."""

    def __init__(self, stream: Any, length: int | None) -> None:
        self._stream = stream
        self.length = length
        self._left = length
        self._ended = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if self._left is None:
            data = self._chunk()
        else:
            data = self._stream.read(min(_CHUNK, self._left))
            self._left -= len(data)
        if not data:
            raise StopIteration
        return data

    def rest(self) -> bytes:
        """All that is left."""
        return b"".join(self)

    def _chunk(self) -> bytes:
        if self._ended:
            return b""
        size = int(self._stream.readline().split(b";")[0].strip() or b"0", 16)
        data: bytes = self._stream.read(size)
        self._stream.readline()
        self._ended = size == 0
        return data
