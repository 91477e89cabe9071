"""Whether a call is signed with the secret that belongs to its access key.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,]+)/(?P<date>\d{8})/(?P<region>[^/,]+)/(?P<service>[^/,]+)/"
    r"aws4_request, ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Signature:
    """What the ``Authorization`` header of a call says."""

    access_key: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str


def read(header: str) -> Signature | None:
    """What the header says; None if it is not one of Signature Version 4."""
    match = _HEADER.fullmatch(header)
    if match is None:
        return None
    key, date, region, service, headers, signature = match.groups()
    return Signature(key, date, region, service, tuple(headers.split(";")), signature)


def is_valid(
    signature: Signature, secret: str, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> bool:
    """Whether the secret makes this signature of a request; ``path`` and ``query`` as they were sent."""
    s3 = signature.service == "s3"
    canonical = "\n".join(
        [
            method,
            quote(unquote(path), safe="/~") if s3 else quote(path, safe="/~%"),
            _canonical_query(query),
            *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in signature.headers),
            "",
            ";".join(signature.headers),
            headers.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{signature.date}/{signature.region}/{signature.service}/aws4_request"
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            headers.get("x-amz-date", ""),
            scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(key.hex(), signature.signature)


def _canonical_query(query: str) -> str:
    pairs = [part.partition("=")[::2] for part in query.split("&") if part]
    encoded = [(quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")) for name, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))
