"""How the commands that call AWS do so: their clients, and in plain words what AWS or its library objects to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from ..cfn.regions import partition_of
from ..errors import INSTALL_AWS, NOT_GIVEN, AwsError, MissingExtraError, RegionError

_INVALID = "these credentials are not valid, or belong to another partition: renew them, or check --region"
_SIGN_IN = "sign in again, or renew the credentials, and run this again"

# What AWS answers, and what to do about it. A HEAD request is answered without a body: with a number.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
# https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html
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

# ECS refuses with status 400, by this code.
_DENIED = "AccessDeniedException"


class AnsweredError(AwsError):
    """A refusal with the status of the answer."""

    status = 0


def clients(*services: str, what: str, region: str | None, profile: str | None = None) -> list[Any]:
    """The clients of the services, in the region given or configured; ``what`` is what is in that region.

    Raises the base error, also where no region is known.
    """
    if region is not None:
        partition_of(region)
    try:
        import boto3
    except ImportError:
        raise MissingExtraError("package", "boto3", INSTALL_AWS) from None
    with refusals("AWS", "configuration"):
        session = boto3.session.Session(region_name=region, profile_name=profile)
        if session.region_name is None:
            raise RegionError("region", NOT_GIVEN, f"say where the {what} is, with --region")
        try:
            return [session.client(service) for service in services]
        except ValueError as error:
            raise AwsError("AWS", "configuration", f"correct this: {_one_line(error)}") from None


@contextmanager
def refusals(field: str, value: str, denied: str | None = None) -> Iterator[None]:
    """Turns botocore's errors into :class:`AwsError`; ``denied`` is what to do about a lack of permission."""
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    try:
        yield
    except exceptions.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        remedy = _REMEDIES.get(code) or (denied if status == HTTPStatus.FORBIDDEN or code == _DENIED else None)
        answered = AnsweredError(field, value, remedy or f"AWS refused: {_one_line(error)}")
        answered.status = status
        raise answered from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        raise AwsError(
            field, value, "no credentials are configured: sign in with the AWS CLI, or set AWS_PROFILE"
        ) from None
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise AwsError(field, value, f"AWS cannot be reached: {_one_line(error)}") from None
    except ResponseParserError:
        raise AwsError(
            field, value, "something else than AWS answered: check the proxy, and AWS_ENDPOINT_URL"
        ) from None
    except exceptions.BotoCoreError as error:
        raise AwsError(field, value, f"correct this, or sign in again: {_one_line(error)}") from None
    except OSError as error:
        # The credentials come from a file or a program that is not there.
        raise AwsError(field, value, f"the credentials cannot be read: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
