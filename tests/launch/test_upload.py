"""Publishing to a local S3, with failures in the middle: nothing that was published is ever lost or replaced."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import botocore.loaders
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from commands import ACCOUNTS, SERVICES, settings
from ecs_cd_templates import catalog
from ecs_cd_templates.cfn.regions import lacking
from ecs_cd_templates.cli import main
from ecs_cd_templates.launch import bundle
from ecs_cd_templates.launch.bundle import SAMPLE_APP_ARCHIVE, Folder
from ecs_cd_templates.services import read_settings
from forms import decode
from support import ROOT, built, load

ACCOUNT = "123456789012"
OTHER_ACCOUNT = "999988887777"
REGION = "eu-west-1"
DROPPED = "DROPPED"


@dataclass
class Fault:
    """What one request gets instead of its answer: an error of AWS, or a connection that ends."""

    code: str
    status: int = 0


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]


Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class Aws:
    """moto's S3 and STS behind what it lacks: the bucket owner condition, and faults on demand."""

    application: Application
    owners: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    fault: Callable[[Request], Fault | None] = lambda request: None
    url: str = ""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(
            method=environ["REQUEST_METHOD"],
            path=environ["PATH_INFO"],
            headers={key: value for key, value in environ.items() if key.startswith("HTTP_")},
        )
        self.requests.append(request)
        fault = self.fault(request) or self._wrong_owner(request)
        if fault is None:
            return self.application(environ, start_response)
        if fault.code == DROPPED:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionError
        error = f"<Error><Code>{fault.code}</Code><Message>Because\nof this</Message></Error>"
        body = f"<ErrorResponse>{error}</ErrorResponse>" if request.path == "/" else error
        start_response(f"{fault.status} Refused", [("Content-Type", "text/xml")])
        return [b"" if request.method == "HEAD" else body.encode()]

    def _wrong_owner(self, request: Request) -> Fault | None:
        expected = request.headers.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER")
        owner = self.owners.get(request.path.split("/")[1], ACCOUNT)
        return Fault("AccessDenied", 403) if expected not in (None, owner) else None

    @property
    def uploads(self) -> list[str]:
        return [request.path for request in self.requests if request.method == "PUT"]


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[Aws]:
    aws = Aws(DomainDispatcherApplication(create_backend_app))
    running = make_server("127.0.0.1", 0, aws, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    aws.url = f"http://127.0.0.1:{running.server_port}"
    yield aws
    running.shutdown()
    thread.join()
    running.server_close()


# The models of S3 and STS, which every session would read again.
_loader = cache(botocore.loaders.create_loader)


@cache
def _client(url: str, region: str) -> Any:
    return boto3.session.Session().client("s3", endpoint_url=url, region_name=region)


class Bucket:
    """A bucket on the server, as its owner sees it."""

    def __init__(self, name: str, region: str = REGION) -> None:
        self.name = name
        self._s3 = _client(os.environ["AWS_ENDPOINT_URL"], region)
        configuration = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self._s3.create_bucket(Bucket=name, **configuration)

    def contents(self) -> dict[str, bytes]:
        return {key: self.get(key)["Body"].read() for key in self.names()}

    def names(self) -> list[str]:
        return [each["Key"] for each in self._s3.list_objects_v2(Bucket=self.name).get("Contents", [])]

    def get(self, key: str) -> Any:
        return self._s3.get_object(Bucket=self.name, Key=key)

    def put(self, key: str, content: bytes, **options: str) -> None:
        self._s3.put_object(Bucket=self.name, Key=key, Body=content, **options)

    def latest(self, prefix: str = "ecs-cd-templates/") -> str:
        return str(json.loads(self.get(f"{prefix}latest.json")["Body"].read())["version"])


@pytest.fixture
def aws(server: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    monkeypatch.setattr("botocore.session.create_loader", _loader)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        # A failure is a failure: waiting for the second try is boto3's business.
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    server.requests.clear()
    yield server
    server.fault = lambda request: None
    server.owners.clear()


@pytest.fixture
def bucket(aws: Aws, request: pytest.FixtureRequest) -> Bucket:
    made = Bucket(f"b{hashlib.sha256(request.node.name.encode()).hexdigest()[:20]}")
    aws.requests.clear()
    return made


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Two small templates instead of the real ones, to be changed at will."""
    texts = {"one.yaml": "one", "two.yaml": "two"}
    monkeypatch.setattr(bundle, "_files", lambda settings, url, nested: _small(texts, url))
    return texts


def _small(texts: dict[str, str], url: str) -> dict[str, bytes]:
    return {name: f"{text} {url}\n".encode() for name, text in texts.items()} | {SAMPLE_APP_ARCHIVE: b"PK"}


class Publish:
    """Runs the command and keeps what came of it."""

    def __init__(self, bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._bucket = bucket
        self._capsys = capsys

    def __call__(self, *arguments: str, bucket: str | None = None) -> int:
        status = main(["publish", "--bucket", self._bucket if bucket is None else bucket, *arguments])
        self.out, self.err = self._capsys.readouterr()
        return status

    def version(self) -> str:
        assert self() == 0
        return self.out.splitlines()[0].rstrip("/").rpartition("/")[2]

    def assert_refused(self, *arguments: str, bucket: str | None = None, says: Iterable[str] = ()) -> None:
        assert self(*arguments, bucket=bucket) == 2
        assert self.out == ""
        *_, error = self.err.splitlines()
        assert error.startswith("ecs-cd-templates: error: ")
        assert [word for word in says if word not in error] == []


@pytest.fixture
def publish(bucket: Bucket, capsys: pytest.CaptureFixture[str]) -> Publish:
    return Publish(bucket.name, capsys)


# ---- what is there afterwards ----------------------------------------------------------------------------------


def test_first_everything_then_nothing(aws: Aws, bucket: Bucket, publish: Publish) -> None:
    version = publish.version()
    expected = bundle.publication(Folder(bucket=bucket.name, region=REGION))
    assert version == expected.version
    folder = f"ecs-cd-templates/{version}/"
    assert bucket.contents() == {f"{folder}{name}": content for name, content in expected.files.items()} | {
        "ecs-cd-templates/latest.json": bucket.get("ecs-cd-templates/latest.json")["Body"].read()
    }
    latest = json.loads(bucket.get("ecs-cd-templates/latest.json")["Body"].read())
    assert latest == {
        "version": version,
        "url": expected.url,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in expected.files.items()},
    }
    types = {".yaml": "application/yaml", ".zip": "application/zip", ".json": "application/json"}
    for key in bucket.names():
        answer = bucket.get(key)
        assert answer["ContentType"] == types[Path(key).suffix]
        assert answer["ServerSideEncryption"] == "AES256"
    count = len(expected.files) + 1
    assert aws.uploads[-1].endswith("/latest.json")
    assert publish.err.splitlines() == [
        f"[{number}/{count}] uploaded: s3:/{path}" for number, path in enumerate(map(unquote, aws.uploads), start=1)
    ]
    aws.requests.clear()
    assert publish() == 0
    assert aws.uploads == []
    assert [line.split(": ")[0] for line in publish.err.splitlines()] == [
        f"[{number}/{count}] unchanged" for number in range(1, count + 1)
    ]


@pytest.mark.slow
def test_the_links_open_what_was_published(
    bucket: Bucket, publish: Publish, capsys: pytest.CaptureFixture[str]
) -> None:
    for options in (
        (),
        ("--prefix", "team/(a)!", "--nested", "--architecture", "ARM64", "--tag-mutability", "MUTABLE"),
        ("--environment", "Dev", "--environment", "Live,name=live & well", "--build-step", "Scan"),
    ):
        assert publish(*options) == 0
        published, quick_start, following = publish.out.splitlines()
        # What starts the program stands before, and is tested with the command itself.
        words = shlex.split(following.removeprefix("next: "))
        assert main([*words[words.index("links") :], "--format", "json"]) == 0
        found = json.loads(capsys.readouterr().out)
        (there,) = [link for link in found if (link["template"], link["region"]) == ("quick-start.yaml", REGION)]
        assert quick_start == f"quick start: {there['address']}"
        more = {"code-build-scan.yaml"} if "Scan" in options else set()
        assert {link["template"] for link in found} == set(catalog.templates()) | more
        for url in {link["template_url"] for link in found}:
            assert f"published: {url.rpartition('/')[0]}/" == published
            assert urlsplit(url).netloc == f"{bucket.name}.s3.{REGION}.amazonaws.com"
            template = load(bucket.get(unquote(urlsplit(url).path)[1:])["Body"].read().decode())
            for resource in template["Resources"].values():
                if resource["Type"] == "AWS::CloudFormation::Stack":
                    nested = unquote(urlsplit(resource["Properties"]["TemplateURL"]).path)[1:]
                    assert nested in bucket.names()


def test_another_content_is_another_version_and_the_old_one_stays(
    aws: Aws, bucket: Bucket, publish: Publish, small: dict[str, str]
) -> None:
    old = publish.version()
    before = bucket.contents()
    small["two.yaml"] = "changed"
    aws.requests.clear()
    new = publish.version()
    assert new != old
    after = bucket.contents()
    latest = "ecs-cd-templates/latest.json"
    assert {key: content for key, content in after.items() if key in before and key != latest} == {
        key: content for key, content in before.items() if key != latest
    }
    assert bucket.latest() == new
    assert {unquote(path).rpartition("/")[0] for path in aws.uploads[:-1]} == {f"/{bucket.name}/ecs-cd-templates/{new}"}

    small["two.yaml"] = "two"
    aws.requests.clear()
    assert publish.version() == old
    assert aws.uploads == [f"/{bucket.name}/{latest}"]
    assert bucket.latest() == old


@pytest.mark.parametrize(
    ("content", "options"),
    [(b"something else", {"ContentType": "application/yaml"}), (None, {"ContentType": "text/plain"})],
    ids=["content", "type"],
)
def test_a_file_that_is_not_as_it_was_is_put_right(
    aws: Aws, bucket: Bucket, publish: Publish, small: dict[str, str], content: bytes | None, options: dict[str, str]
) -> None:
    key = f"ecs-cd-templates/{publish.version()}/one.yaml"
    before = bucket.contents()
    bucket.put(key, before[key] if content is None else content, **options, ChecksumAlgorithm="SHA256")
    aws.requests.clear()
    assert publish() == 0
    assert aws.uploads == [f"/{bucket.name}/{key}"]
    assert bucket.contents() == before
    assert bucket.get(key)["ContentType"] == "application/yaml"


def test_what_else_is_in_the_bucket_stays(bucket: Bucket, publish: Publish, small: dict[str, str]) -> None:
    bucket.put("mine.txt", b"mine")
    bucket.put("ecs-cd-templates/mine.txt", b"mine")
    assert publish("--prefix", "") == 0
    assert publish("--prefix", "/ecs-cd-templates/") == 0
    assert bucket.contents()["mine.txt"] == bucket.contents()["ecs-cd-templates/mine.txt"] == b"mine"
    assert "latest.json" in bucket.names()


def test_every_request_names_the_owner_and_none_makes_anything_public(
    aws: Aws, bucket: Bucket, publish: Publish, small: dict[str, str]
) -> None:
    assert publish() == 0
    identity, *requests = aws.requests
    assert (identity.method, identity.path) == ("POST", "/")
    assert len(requests) > 2 * len(small)
    for request in requests:
        assert request.headers["HTTP_X_AMZ_EXPECTED_BUCKET_OWNER"] == ACCOUNT
        assert request.path == f"/{bucket.name}" or request.path.startswith(f"/{bucket.name}/ecs-cd-templates/")
        assert request.method in ("HEAD", "PUT")
        assert [name for name in request.headers if "ACL" in name or "GRANT" in name] == []


# ---- failures in the middle ------------------------------------------------------------------------------------

REFUSALS = [
    Fault("InternalError", 500),
    Fault("SlowDown", 503),
    Fault("AccessDenied", 403),
    Fault("ExpiredToken", 400),
]


def _nth(number: int, method: str, fault: Fault) -> Callable[[Request], Fault | None]:
    seen = 0

    def decide(request: Request) -> Fault | None:
        nonlocal seen
        seen += request.method == method and request.path.count("/") > 1
        return fault if seen == number and request.method == method else None

    return decide


@pytest.mark.parametrize(
    ("method", "number", "fault"),
    [
        *(("PUT", number, Fault(DROPPED)) for number in (1, 2, 3, 4)),
        *(("HEAD", number, Fault(DROPPED)) for number in (2, 4)),
        *(("PUT", 2, fault) for fault in REFUSALS),
        ("PUT", 4, Fault("AccessDenied", 403)),
    ],
    ids=str,
)
@pytest.mark.slow
def test_a_failure_in_the_middle_leaves_the_version_before(
    aws: Aws, bucket: Bucket, publish: Publish, small: dict[str, str], method: str, number: int, fault: Fault
) -> None:
    old = publish.version()
    before = bucket.contents()
    for name in small:
        small[name] += " changed"
    aws.requests.clear()
    aws.fault = _nth(number, method, fault)
    publish.assert_refused(says=["upload: 's3://", *(["s3:PutObject"] if fault.status == 403 else [])])
    assert "Because" not in publish.err or "Because of this" in publish.err
    arrived = len(aws.uploads) - (method == "PUT")
    aws.fault = lambda request: None
    assert bucket.latest() == old
    assert {key: content for key, content in bucket.contents().items() if key in before} == before

    aws.requests.clear()
    new = publish.version()
    assert new != old
    assert bucket.latest() == new
    assert len(aws.uploads) == 4 - arrived, "only what had not arrived"
    assert {key: content for key, content in bucket.contents().items() if f"/{old}/" in key} == {
        key: content for key, content in before.items() if f"/{old}/" in key
    }


def test_a_first_publication_that_fails_is_nobodys_latest(
    aws: Aws, bucket: Bucket, publish: Publish, small: dict[str, str]
) -> None:
    aws.fault = _nth(3, "PUT", Fault(DROPPED))
    publish.assert_refused()
    assert "ecs-cd-templates/latest.json" not in bucket.names()


# ---- refusals before anything is uploaded ----------------------------------------------------------------------


def _on(method: str, fault: Fault) -> Callable[[Request], Fault | None]:
    return lambda request: fault if request.method == method else None


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (_on("HEAD", Fault("AccessDenied", 403)), ["is not account 123456789012's", "s3:ListBucket"]),
        (_on("HEAD", Fault("NotFound", 404)), ["there is no bucket of this name", "aws s3 mb"]),
        (_on("HEAD", Fault("BadRequest", 400)), ["sign in again"]),
        (_on("HEAD", Fault("InternalError", 500)), ["AWS refused", "500"]),
        (_on("HEAD", Fault(DROPPED)), ["cannot be reached"]),
        (_on("POST", Fault("ExpiredToken", 403)), ["sign in again"]),
        (_on("POST", Fault("ExpiredTokenException", 400)), ["sign in again"]),
        (_on("POST", Fault("InvalidClientTokenId", 403)), ["another partition", "--region"]),
        (_on("POST", Fault("SignatureDoesNotMatch", 403)), ["secret access key"]),
        (_on("POST", Fault("AccessDenied", 403)), ["AWS refused", "AccessDenied"]),
        (_on("POST", Fault("SomethingNew", 418)), ["AWS refused", "SomethingNew", "Because of this"]),
        (_on("POST", Fault(DROPPED)), ["cannot be reached"]),
    ],
)
def test_a_refusal_says_what_to_do(
    aws: Aws, publish: Publish, fault: Callable[[Request], Fault | None], says: list[str]
) -> None:
    aws.fault = fault
    publish.assert_refused(says=says)
    assert len(publish.err.splitlines()) == 1
    assert aws.uploads == []


def test_another_accounts_bucket_is_refused(aws: Aws, bucket: Bucket, publish: Publish) -> None:
    aws.owners[bucket.name] = OTHER_ACCOUNT
    publish.assert_refused(says=[repr(bucket.name), f"is not account {ACCOUNT}'s", "use a bucket of that account"])
    assert aws.uploads == []


def test_a_bucket_that_does_not_exist_is_refused(aws: Aws, publish: Publish) -> None:
    publish.assert_refused(bucket="no-such-bucket-of-ours", says=["there is no bucket of this name"])
    assert aws.uploads == []


def test_the_region_is_the_buckets(aws: Aws, bucket: Bucket, publish: Publish, small: dict[str, str]) -> None:
    publish.assert_refused("--region", "us-east-1", says=["'us-east-1'", f"give --region {REGION}"])
    assert aws.uploads == []
    assert publish("--region", REGION) == 0
    assert f".s3.{REGION}.amazonaws.com/" in publish.out


def test_a_bucket_of_another_partition_is_refused(
    aws: Aws, bucket: Bucket, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-north-1")
    publish.assert_refused(says=["partition aws,", "credentials in aws-cn", "use a bucket of that partition"])
    assert aws.uploads == []


@pytest.mark.parametrize(
    ("region", "suffix"),
    [("cn-north-1", "amazonaws.com.cn"), ("us-gov-west-1", "amazonaws.com"), ("us-east-1", "amazonaws.com")],
)
def test_publishes_in_every_partition(
    aws: Aws, small: dict[str, str], capsys: pytest.CaptureFixture[str], region: str, suffix: str
) -> None:
    made = Bucket(f"bucket-in-{region}", region)
    publish = Publish(made.name, capsys)
    assert publish("--region", region) == 0
    published, quick_start, following = publish.out.splitlines()
    assert published.startswith(f"published: https://{made.name}.s3.{region}.{suffix}/ecs-cd-templates/")
    assert following.startswith("next: ")
    form = decode(quick_start.removeprefix("quick start: "))
    domain = {"cn-north-1": "console.amazonaws.cn", "us-gov-west-1": "console.amazonaws-us-gov.com"}
    assert form.host == f"{region}.{domain.get(region, 'console.aws.amazon.com')}"
    assert form.region == region
    assert form.template_url == f"{published.removeprefix('published: ')}quick-start.yaml"
    assert (form.stack_name, form.parameters) == ("quick-start", {})
    assert f"{made.name}.s3.{region}.{suffix}".encode() in made.contents()[f"ecs-cd-templates/{made.latest()}/one.yaml"]


def test_where_the_quick_start_lacks_a_service_there_is_no_link(
    aws: Aws, small: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    region = "af-south-1"
    assert lacking(built()["quick-start.yaml"], region), "choose a region without CodeCommit"
    made = Bucket(f"bucket-in-{region}", region)
    publish = Publish(made.name, capsys)
    assert publish("--region", region) == 0
    assert [line.partition(": ")[0] for line in publish.out.splitlines()] == ["published", "next"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, ["no credentials", "sign in with the AWS CLI"]),
        ({"AWS_SECRET_ACCESS_KEY": None}, ["no credentials"]),
        ({"AWS_PROFILE": "no-such-profile"}, ["no-such-profile"]),
        ({"AWS_DEFAULT_REGION": None}, ["--region"]),
        ({"AWS_ENDPOINT_URL": "CLOSED"}, ["cannot be reached"]),
        ({"AWS_ENDPOINT_URL": "no address"}, ["Invalid endpoint"]),
        (
            {
                "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token",
                "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/r",
                "AWS_ACCESS_KEY_ID": None,
                "AWS_SECRET_ACCESS_KEY": None,
            },
            ["credentials cannot be read", "/nowhere/token"],
        ),
    ],
)
def test_a_configuration_that_leads_nowhere_is_refused(
    publish: Publish, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str | None], says: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for name, value in changes.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}" if value == "CLOSED" else value)
    publish.assert_refused(says=says)
    assert len(publish.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--bucket", "my.bucket"], "'my.bucket'"),
        (["--bucket", "BUCKET"], "'BUCKET'"),
        (["--bucket", ""], "bucket"),
        (["--bucket", "my-bucket", "--prefix", "a/../b"], "'a/../b'"),
        (["--bucket", "my-bucket", "--region", "eu-west-9"], "'eu-west-9'"),
        (["--bucket", "my-bucket", "--architecture", "Z80"], "'Z80'"),
        (["--region", "eu-west-1"], "--bucket"),
    ],
)
def test_a_command_line_that_cannot_work_asks_aws_nothing(
    aws: Aws, capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    try:
        status: object = main(["publish", *arguments])
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert named in err
    assert aws.requests == []


def test_without_boto3_it_says_how_to_get_it(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    publish.assert_refused(says=["boto3", "in the checkout, pip install '.[aws]'", "pip install 'FILE.whl[aws]'"])


def test_an_answer_that_is_not_from_aws_is_said_so(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    class Portal(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Sign in to the network</html")

        do_GET = do_HEAD = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Portal) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        publish.assert_refused(says=["something else than AWS answered"])
        server.shutdown()


@pytest.mark.parametrize("arguments", [[], ["BUCKET="]], ids=["missing", "blank"])
def test_make_publish_wants_a_bucket(arguments: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "BUCKET"))}
    done = subprocess.run(
        ["make", "publish", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert (done.stdout, len(done.stderr.splitlines())) == ("", 1)
    assert "BUCKET is missing: make publish BUCKET=NAME" in done.stderr


# ---- the services of a settings file ---------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _versions(settings_path: str, bucket: Bucket) -> dict[str, bytes]:
    folder = Folder(bucket=bucket.name, region=REGION)
    return {
        folder.key(f"{published.version}/{name}"): content
        for service in read_settings(settings_path)
        for target in service.targets
        for published in [bundle.publication(folder, target.settings)]
        for name, content in published.files.items()
    }


@pytest.mark.slow
def test_services_are_published_and_the_next_command_opens_them(
    here: Path, aws: Aws, bucket: Bucket, publish: Publish, capsys: pytest.CaptureFixture[str]
) -> None:
    settings(ACCOUNTS)
    assert publish() == 0
    first, second, rollout, form, following = publish.out.splitlines()
    every = _versions("ecs-cd.yaml", bucket)
    found = bucket.contents()
    assert every.items() <= found.items()
    latest = json.loads(found.pop("ecs-cd-templates/latest.json"))
    assert [f"published: {each['url']}/" for each in (latest, *latest["others"])] == [first, second, rollout]
    (name,) = found.keys() - every.keys()
    assert rollout == f"published: https://{bucket.name}.s3.{REGION}.amazonaws.com/{name.removesuffix('rollout.yaml')}"

    # What the rollout launches is there, below the folder that its form proposes.
    opened = decode(form.removeprefix("rollout: "))
    assert (opened.template_url, opened.stack_name) == (f"{rollout.removeprefix('published: ')}rollout.yaml", "rollout")
    template = load(found[name].decode())
    (proposed,) = [each["Default"] for each in template["Parameters"].values()]
    sets = [each["Properties"] for each in template["Resources"].values() if "StackSet" in each["Type"]]
    for each, version in zip(sets, (first, second), strict=True):
        path = each["TemplateURL"]["Fn::Sub"].partition("/")[2]
        assert f"published: {proposed}/{path}" == f"{version}quick-start.yaml"

    words = shlex.split(following.removeprefix("next: "))
    assert main([*words[words.index("links") :], "--format", "json"]) == 0
    links = json.loads(capsys.readouterr().out)
    assert [f"published: {each['template_url']}" for each in links] == [
        f"{first}quick-start.yaml",
        f"{second}quick-start.yaml",
    ]
    aws.requests.clear()
    assert publish() == 0
    assert aws.uploads == []


def test_equal_services_are_one_version(
    here: Path, bucket: Bucket, publish: Publish, small: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    name = settings(SERVICES.replace(", tags: {team: checkout}", ""), "our services.yaml")
    assert publish("--settings", name, "--prefix", "team") == 0
    published, following = publish.out.splitlines()
    assert published.startswith("published: ")
    assert f"--prefix team --settings '{name}'" in following
    assert "others" not in json.loads(bucket.get("team/latest.json")["Body"].read())
    assert publish("--settings", name, "--service", "cart") == 0
    assert publish.out.splitlines()[-1].endswith(f"--settings '{name}' --service cart")
    words = shlex.split(publish.out.splitlines()[-1])
    assert main([*words[words.index("links") :], "--format", "json"]) == 0
    assert [each["stack_name"] for each in json.loads(capsys.readouterr().out)] == ["cart-quick-start"]


def test_one_service_rolls_nothing_out(here: Path, bucket: Bucket, publish: Publish, small: dict[str, str]) -> None:
    settings(ACCOUNTS)
    assert publish("--service", "shop") == 0
    assert "rollout" not in publish.out
    assert not any(name.endswith("rollout.yaml") for name in bucket.names())


@pytest.mark.parametrize(
    ("text", "arguments", "says"),
    [
        (SERVICES, ["--nested"], ["--nested: 'given': nested stacks are not for services"]),
        (SERVICES, ["--architecture", "ARM64"], ["--architecture: 'ARM64': the settings are in ecs-cd.yaml"]),
        (SERVICES, ["--service", "none"], ["--service: 'none'"]),
        (ACCOUNTS.replace(", region: eu-central-1", ""), [], ["rollout: 'Prod': rollout of shop: no region"]),
        ("services: {shop: {architecture: arm}}", [], ["ecs-cd.yaml:1:33: services.shop.architecture: "]),
    ],
)
def test_what_is_wrong_with_the_services_is_said_before_aws_is_asked(
    here: Path, aws: Aws, publish: Publish, text: str, arguments: list[str], says: list[str]
) -> None:
    settings(text)
    aws.requests.clear()
    publish.assert_refused(*arguments, says=says)
    assert aws.requests == []


def test_a_failure_at_the_last_version_leaves_the_latest_as_it_was(
    here: Path, aws: Aws, bucket: Bucket, publish: Publish, small: dict[str, str]
) -> None:
    settings(SERVICES)
    assert publish() == 0
    before = bucket.latest()
    settings(SERVICES.replace("/health", "/ready"))
    small["two.yaml"] = "another"
    aws.fault = lambda request: Fault("SlowDown", 503) if request.path.endswith("latest.json") else None
    publish.assert_refused()
    aws.fault = lambda request: None
    assert bucket.latest() == before
