"""A call of an API: who makes it, what it asks, and how it is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..iam.evaluator import Request


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whoever signs a call: ``role`` is the ARN of the role that it works with, None for whoever launches stacks.

    ``arn`` is what AWS's messages name: an assumed role's session, or a user.
    """

    account: str
    arn: str
    role: str | None = None


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a call is signed with."""

    access_key: str
    secret_key: str
    token: str | None
    caller: Caller


@dataclass(frozen=True, kw_only=True)
class Call:
    """A signed call: botocore's names of service and operation, and parameters as the operation's model has them."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    account: str
    region: str
    caller: Caller


@dataclass(frozen=True, kw_only=True)
class Job:
    """What CodePipeline hands a build beside its call: where its artifacts are, and the commit if it builds that.

    ``inputs`` and ``output`` are buckets with keys; ``kms_key`` is the ARN of the key that encrypts artifacts.
    """

    pipeline: str
    execution: str
    commit: str | None
    inputs: tuple[tuple[str, str], ...]
    output: tuple[str, str] | None
    kms_key: str | None = None


# What answers a call: the members of the operation's output shape.
Handler = Callable[[Call], Mapping[str, Any]]


class ServiceError(Exception):
    """A refusal as the API words it: ``code`` is one of the errors of the service's model."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided about a call: what it asks for, and the first of it that is denied."""

    call: Call
    asked: tuple[Request, ...] = ()
    denied: Request | None = None
