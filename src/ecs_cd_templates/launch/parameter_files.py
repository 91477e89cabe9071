"""Parameter files in the list format of ``aws cloudformation``, checked against the template they are for."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..cfn.evaluation import check_parameters
from ..constraints import ResourceName
from ..errors import ParameterFileError
from ..files import beginning

# Room for the most parameters of the greatest length that a template may have.
_MAX_BYTES = 1_000_000

_KEYS = {"ParameterKey", "ParameterValue"}
_EXAMPLE = 'give a list such as [{"ParameterKey": "NAME", "ParameterValue": "VALUE"}]'


def read_parameters(path: Path) -> dict[str, str]:
    """The values in the file, by parameter. Raises :class:`ParameterFileError`."""
    try:
        return _values(_rows(path))
    except _RefusedError as refused:
        raise ParameterFileError("parameter file", str(path), str(refused)) from None


def to_text(values: Mapping[str, str]) -> str:
    """The text of a file with the values, in their order; in ASCII, which every reader takes for the same."""
    rows = [json.dumps({"ParameterKey": name, "ParameterValue": value}) for name, value in values.items()]
    return "[\n" + ",\n".join(f"  {row}" for row in rows) + "\n]\n"


def merged(paths: Sequence[Path], known: Container[str]) -> dict[str, str]:
    """The values in all of the files, which may repeat each other but not differ, save for the mark of what exists.

    Raises :class:`ParameterFileError`, also for a parameter that is not one of ``known``.
    """
    values: dict[str, str] = {}
    for path in paths:
        for name, value in read_parameters(path).items():
            if name not in known:
                raise ParameterFileError(
                    "parameter file",
                    str(path),
                    f"no template of these environments and builds has a parameter {name!r}: leave it out",
                )
            if ResourceName.parse(values.setdefault(name, value)).name != ResourceName.parse(value).name:
                raise ParameterFileError(
                    "parameter file", str(path), f"{name!r} has another value in another file: give one of the two"
                )
    return values


def check_some(template: Mapping[str, Any], values: Mapping[str, str]) -> None:
    """Raises :class:`ParameterError` for a value that the template refuses; values may be missing.

    The template's rules are checked where no value is missing.
    """
    parameters = template.get("Parameters", {})
    present = {name: parameter for name, parameter in parameters.items() if name in values}
    check_parameters({"Parameters": present}, values)
    if all(name in values or "Default" in parameter for name, parameter in parameters.items()):
        check_parameters(template, values)


class _RefusedError(Exception):
    """What is wrong with a parameter file, and what to do."""


def _rows(path: Path) -> list[Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        entry = dict(pairs)
        if len(entry) < len(pairs):
            raise _RefusedError("an entry says the same key twice: say it once")
        return entry

    if not str(path).isprintable():
        raise _RefusedError("its name does not fit on a line: rename it")
    try:
        content = beginning(path, _MAX_BYTES + 1)
    except OSError as error:
        raise _RefusedError(f"cannot be read ({error.strerror})") from None
    if content is None:
        raise _RefusedError("is not a regular file: save the values in one, and give that")
    if len(content) > _MAX_BYTES:
        raise _RefusedError(f"has more than {_MAX_BYTES:,} bytes: give a parameter file")
    try:
        rows = json.loads(content.decode(), object_pairs_hook=once)
    # RecursionError: JSON nested deeper than Python reads.
    except (ValueError, RecursionError):
        raise _RefusedError(f"is not JSON in UTF-8: {_EXAMPLE}") from None
    if not isinstance(rows, list):
        raise _RefusedError(f"is not a list: {_EXAMPLE}")
    return rows


def _values(rows: list[Any]) -> dict[str, str]:
    values: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or set(row) != _KEYS or not all(isinstance(text, str) for text in row.values()):
            raise _RefusedError(f"entry {number} is not of that form: {_EXAMPLE}")
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
        if not re.fullmatch(r"[A-Za-z0-9]{1,255}", row["ParameterKey"]):
            raise _RefusedError(
                f"entry {number} does not have the name of a parameter: give 1 to 255 letters and digits"
            )
        if row["ParameterKey"] in values:
            raise _RefusedError(f"entry {number} gives {row['ParameterKey']!r} a second value: leave one out")
        values[row["ParameterKey"]] = row["ParameterValue"]
    return values
