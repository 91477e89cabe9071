"""Uploads a publication to a bucket of the caller's own account.

Every version has a folder of its own, so nothing that a link opens is ever replaced by something else.
``latest.json`` beside the versions names the one that was completed last, and is written last. Nothing
is made public: who may launch the templates is up to the bucket's own policy.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from ..catalog import RenderSettings
from ..cfn.regions import partition_of
from ..errors import INSTALL_AWS, NOT_GIVEN, MissingExtraError, PublishError, RegionError
from .bundle import (
    DEFAULT_PREFIX,
    DEFAULT_SETTINGS,
    Folder,
    Publication,
    check_bucket,
    checked_prefix,
    publication,
)

LATEST = "latest.json"

# By the end of the name. application/yaml: https://www.rfc-editor.org/rfc/rfc9512
_CONTENT_TYPES = {".yaml": "application/yaml", ".json": "application/json", ".zip": "application/zip"}

_INVALID = "these credentials are not valid, or belong to another partition: renew them, or check --region"
_SIGN_IN = "sign in again, or renew the credentials, and run this again"

# What S3 and STS answer, and what to do about it. A HEAD request is answered without a body: with a number.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
# https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
_REMEDIES = {
    "ExpiredToken": _SIGN_IN,
    "ExpiredTokenException": _SIGN_IN,
    "InvalidToken": _SIGN_IN,
    "InvalidClientTokenId": _INVALID,
    "InvalidAccessKeyId": _INVALID,
    "SignatureDoesNotMatch": "the secret access key is not the one of the access key: correct the credentials",
    "RequestTimeTooSkewed": "this machine's clock is wrong: set it",
    "RequestExpired": "this machine's clock is wrong: set it",
    "400": _SIGN_IN,
}


def publish(
    *,
    bucket: str,
    prefix: str = DEFAULT_PREFIX,
    region: str | None = None,
    settings: RenderSettings = DEFAULT_SETTINGS,
    nested: bool = False,
    progress: Callable[[str], None] = lambda _message: None,
) -> tuple[Folder, Publication]:
    """Uploads what is missing or differs; returns where, and what is there now.

    ``region`` is the bucket's own; None leaves it to the AWS configuration and to S3. ``progress`` gets a
    line for each file. The bucket must belong to the account of the credentials: every request to S3 says
    so (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html). Encrypted with
    S3's own keys, the files can be read by whoever may read the bucket, with no permission for a key.

    Raises the base error. Before a folder's files are complete, ``latest.json`` and all earlier versions
    are as they were.
    """
    check_bucket(bucket)
    prefix = checked_prefix(prefix)
    if region is not None:
        partition_of(region)
    sts, s3 = _clients(region)
    with _refusals("AWS", "credentials"):
        identity = sts.get_caller_identity()
    account, partition = identity["Account"], identity["Arn"].split(":")[1]
    folder = Folder(bucket=bucket, region=_bucket_region(s3, bucket, region, identity), prefix=prefix)
    if folder.partition != partition:
        raise RegionError(
            "region",
            folder.region,
            f"is in partition {folder.partition}, and your credentials in {partition}: use a bucket of that partition",
        )
    published = publication(folder, settings, nested=nested)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in published.files.items()}
    latest = json.dumps({"version": published.version, "url": published.url, "sha256": hashes}, indent=2) + "\n"
    # The order is what makes a failure harmless.
    uploads = [(f"{published.version}/{name}", content) for name, content in published.files.items()]
    uploads.append((LATEST, latest.encode()))
    denied = f"{identity['Arn']} needs s3:GetObject and s3:PutObject here: get them, and run this again"
    for number, (name, content) in enumerate(uploads, start=1):
        with _refusals("upload", f"s3://{bucket}/{folder.key(name)}", denied):
            done = _upload(s3, folder, name, content, account)
        progress(f"[{number}/{len(uploads)}] {'uploaded' if done else 'unchanged'}: s3://{bucket}/{folder.key(name)}")
    return folder, published


def _clients(region: str | None) -> tuple[Any, Any]:
    """The clients of STS and S3."""
    try:
        import boto3
    except ImportError:
        raise MissingExtraError("package", "boto3", INSTALL_AWS) from None
    with _refusals("AWS", "configuration"):
        session = boto3.session.Session(region_name=region)
        if session.region_name is None:
            raise RegionError("region", NOT_GIVEN, "say where the bucket is, with --region")
        try:
            return session.client("sts"), session.client("s3")
        except ValueError as error:
            raise PublishError("AWS", "configuration", f"correct this: {_one_line(error)}") from None


def _bucket_region(s3: Any, bucket: str, region: str | None, identity: dict[str, str]) -> str:
    """The region that the bucket is in, if it is the account's and can be used.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
    """
    account = identity["Account"]
    try:
        with _refusals("bucket", bucket):
            answer = s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except _AnsweredError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            remedy = f"there is no bucket of this name: aws s3 mb s3://{bucket} makes it, or give another"
        elif error.status == HTTPStatus.FORBIDDEN:
            remedy = (
                f"is not account {account}'s, or {identity['Arn']} lacks s3:ListBucket on it: use a bucket of that "
                "account, or get the permission"
            )
        else:
            raise
        raise PublishError("bucket", bucket, remedy) from None
    actual: str = answer["BucketRegion"]
    if region not in (None, actual):
        raise RegionError("region", region, f"bucket {bucket!r} is in another: give --region {actual}")
    return actual


def _upload(s3: Any, folder: Folder, name: str, content: bytes, account: str) -> bool:
    """Whether the file had to be uploaded: S3 computes the checksum of what it has."""
    target = {"Bucket": folder.bucket, "Key": folder.key(name), "ExpectedBucketOwner": account}
    checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
    content_type = _CONTENT_TYPES[name[name.rindex(".") :]]
    present = _head(s3, target)
    if present.get("ChecksumSHA256") == checksum and present.get("ContentType") == content_type:
        return False
    s3.put_object(
        **target,
        Body=content,
        ChecksumAlgorithm="SHA256",
        ContentType=content_type,
        ServerSideEncryption="AES256",
    )
    return True


def _head(s3: Any, target: dict[str, str]) -> dict[str, Any]:
    """What S3 says about the file; nothing if there is none."""
    from botocore.exceptions import ClientError

    try:
        answer: dict[str, Any] = s3.head_object(**target, ChecksumMode="ENABLED")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND:
            return {}
        raise
    return answer


class _AnsweredError(PublishError):
    """A refusal with the status of the answer."""

    def __init__(self, field: str, value: object, remedy: str, status: int) -> None:
        super().__init__(field, value, remedy)
        self.status = status


@contextmanager
def _refusals(field: str, value: str, denied: str | None = None) -> Iterator[None]:
    """Turns botocore's errors into :class:`PublishError`; ``denied`` is what to do about a lack of permission."""
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    try:
        yield
    except exceptions.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        remedy = _REMEDIES.get(code) or (denied if status == HTTPStatus.FORBIDDEN else None)
        raise _AnsweredError(field, value, remedy or f"AWS refused: {_one_line(error)}", status) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        raise PublishError(
            field, value, "no credentials are configured: sign in with the AWS CLI, or set AWS_PROFILE"
        ) from None
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise PublishError(field, value, f"AWS cannot be reached: {_one_line(error)}") from None
    except ResponseParserError:
        raise PublishError(
            field, value, "something else than AWS answered: check the proxy, and AWS_ENDPOINT_URL"
        ) from None
    except exceptions.BotoCoreError as error:
        raise PublishError(field, value, f"correct this, or sign in again: {_one_line(error)}") from None
    except OSError as error:
        # The credentials come from a file or a program that is not there.
        raise PublishError(field, value, f"the credentials cannot be read: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
