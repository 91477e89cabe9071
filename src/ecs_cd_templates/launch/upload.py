"""Uploads a publication to a bucket of the caller's own account.

Every version has a folder of its own, so nothing that a link opens is ever replaced by something else.
``latest.json`` beside the versions names the one that was completed last, and is written last. Nothing
is made public: who may launch the templates is up to the bucket's own policy.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from ..catalog import RenderSettings
from ..errors import AwsError, RegionError
from .aws import AnsweredError, clients, refusals
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
    folder, (published,) = publish_all(
        bucket=bucket,
        prefix=prefix,
        region=region,
        publications=lambda folder: [publication(folder, settings, nested=nested)],
        progress=progress,
    )
    return folder, published


def publish_all(
    *,
    bucket: str,
    prefix: str,
    region: str | None,
    publications: Callable[[Folder], Sequence[Publication]],
    progress: Callable[[str], None] = lambda _message: None,
) -> tuple[Folder, list[Publication]]:
    """The same for several publications at once; ``latest.json`` names the first, and below it all of them."""
    check_bucket(bucket)
    prefix = checked_prefix(prefix)
    sts, s3 = clients("sts", "s3", what="bucket", region=region)
    with refusals("AWS", "credentials"):
        identity = sts.get_caller_identity()
    account, partition = identity["Account"], identity["Arn"].split(":")[1]
    folder = Folder(bucket=bucket, region=_bucket_region(s3, bucket, region, identity), prefix=prefix)
    if folder.partition != partition:
        raise RegionError(
            "region",
            folder.region,
            f"is in partition {folder.partition}, and your credentials in {partition}: use a bucket of that partition",
        )
    every = list(publications(folder))
    # The order is what makes a failure harmless.
    uploads = [(f"{each.version}/{name}", content) for each in every for name, content in each.files.items()]
    first, *others = map(_latest, every)
    latest = json.dumps({**first, "others": others} if others else first, indent=2) + "\n"
    uploads.append((LATEST, latest.encode()))
    denied = f"{identity['Arn']} needs s3:GetObject and s3:PutObject here: get them, and run this again"
    for number, (name, content) in enumerate(uploads, start=1):
        with refusals("upload", f"s3://{bucket}/{folder.key(name)}", denied):
            done = _upload(s3, folder, name, content, account)
        progress(f"[{number}/{len(uploads)}] {'uploaded' if done else 'unchanged'}: s3://{bucket}/{folder.key(name)}")
    return folder, every


def _latest(published: Publication) -> dict[str, Any]:
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in published.files.items()}
    return {"version": published.version, "url": published.url, "sha256": hashes}


def _bucket_region(s3: Any, bucket: str, region: str | None, identity: dict[str, str]) -> str:
    """The region that the bucket is in, if it is the account's and can be used.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
    """
    account = identity["Account"]
    try:
        with refusals("bucket", bucket):
            answer = s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except AnsweredError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            remedy = f"there is no bucket of this name: aws s3 mb s3://{bucket} makes it, or give another"
        elif error.status == HTTPStatus.FORBIDDEN:
            remedy = (
                f"is not account {account}'s, or {identity['Arn']} lacks s3:ListBucket on it: use a bucket of that "
                "account, or get the permission"
            )
        else:
            raise
        raise AwsError("bucket", bucket, remedy) from None
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
