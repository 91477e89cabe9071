"""The errors that callers may catch: one base, and one subclass for each thing that can be put right."""

from __future__ import annotations


class _NotGiven:
    def __repr__(self) -> str:
        return "not given"

    def __reduce__(self) -> str:
        # A copy is the thing itself.
        return "NOT_GIVEN"


NOT_GIVEN = _NotGiven()
"""Stands for a missing value."""


class EcsCdTemplatesError(Exception):
    """Something the caller can put right.

    ``field`` names what is wrong, ``value`` is what was given (or :data:`NOT_GIVEN`) and ``remedy``
    says what to do; ``str()`` of the error is these three in one line.
    """

    _longest_shown = 80

    def __init__(self, field: str, value: object, remedy: str) -> None:
        self.field = field
        self.value = value
        self.remedy = remedy
        super().__init__(f"{field}: {_shown(value, self._longest_shown)}: {remedy}")

    def __reduce__(self) -> tuple[type[EcsCdTemplatesError], tuple[str, object, str], dict[str, object]]:
        # How copies are made, and how an error comes back from another process.
        return type(self), (self.field, self.value, self.remedy), self.__dict__


class SettingsError(EcsCdTemplatesError):
    """A setting that cannot lead to a working template; raised when the settings are made."""


class SettingsFileError(EcsCdTemplatesError):
    """Something in a settings file that must be put right; ``field`` names file, line, column and key."""


class TemplateSizeError(EcsCdTemplatesError):
    """A rendered template that is larger than CloudFormation reads from S3."""


class ParameterError(EcsCdTemplatesError):
    """A parameter value, or a combination of them, that the template refuses."""


class ParameterFileError(EcsCdTemplatesError):
    """A file that is not a parameter file, or not one for this."""


class LaunchError(EcsCdTemplatesError):
    """A stack that could not be made or changed in a rehearsal; ``field`` names the resource that failed first."""

    _longest_shown = 1000


class RehearsalError(EcsCdTemplatesError):
    """Something that keeps a rehearsal from being run."""

    # It may be a folder's name, which says most at its end.
    _longest_shown = 1000


class TemplateFileError(EcsCdTemplatesError):
    """A file that is not a CloudFormation template."""

    # A path says most at its end.
    _longest_shown = 5000


class RegionError(EcsCdTemplatesError):
    """A region that does not exist, that lacks a service, or that is in another partition."""


class BucketError(EcsCdTemplatesError):
    """A bucket, or a prefix in it, that templates cannot be launched from."""


class AwsError(EcsCdTemplatesError):
    """AWS refused, or could not be reached; what was there before is unchanged."""


class StackError(EcsCdTemplatesError):
    """A stack that is not there, or that does not tell what its next update needs."""


class MissingExtraError(EcsCdTemplatesError):
    """A package is missing that an extra of this one installs."""


class PushError(EcsCdTemplatesError):
    """Git could not push; nothing was started by it."""


# Not by the project's name: whatever a package index has under that is not ours.
INSTALL_REHEARSE = (
    "is missing: in the checkout, pip install '.[rehearse]'; with the wheel's file, pip install 'FILE.whl[rehearse]'"
)
INSTALL_CHECK = (
    "is missing: in the checkout, pip install '.[check]'; with the wheel's file, pip install 'FILE.whl[check]'"
)
INSTALL_AWS = "is missing: in the checkout, pip install '.[aws]'; with the wheel's file, pip install 'FILE.whl[aws]'"


class OutputError(EcsCdTemplatesError):
    """A file that could not be read or written; what was there before is unchanged."""

    # A path says most at its end.
    _longest_shown = 5000


def _shown(value: object, limit: int) -> str:
    """``repr`` of the value, on one line and cut to ``limit`` characters."""
    try:
        text = " ".join(repr(value).splitlines())
    except Exception:  # noqa: BLE001 - what the caller gave is any object
        text = f"a {type(value).__name__}"
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
