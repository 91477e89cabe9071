"""Compares rendered files with those that are there, and prints what differs for a person to read."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ..cfn.differences import Difference, of_parameters, of_templates, template_from
from ..cfn.limits import MAX_BODY_BYTES_FROM_S3
from ..errors import OutputError, TemplateFileError
from ..files import beginning, changed
from ..launch.parameter_files import read_parameters
from .options import DIFFERENT, OK, on_one_line

TEMPLATES = ("*.yaml",)
"""The files of a directory of templates, as patterns."""

_MOST_PLACES = 5

# What is said of a file that differs in no value.
_UNSAID = dict.fromkeys((".json", ".yaml"), "changed: nothing but its form, such as comments or the order")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What writing files into a directory would change in it.

    ``differing``: each file that is there and would be another, with the differences. ``new``: those that are not
    there. ``left_over``: those that are there and would not be written.
    """

    differing: Mapping[str, Sequence[Difference]]
    new: Sequence[str]
    left_over: Sequence[str]
    same: int


def compared(directory: Path, contents: Mapping[str, str], patterns: Sequence[str]) -> Comparison:
    """What the files, by their paths below the directory, would change in it.

    ``patterns``: the files below the directory that are left over if they are not among these. Templates (.yaml)
    and parameter files (.json) are compared by what they say. Raises :class:`TemplateFileError`,
    :class:`ParameterFileError` and :class:`OutputError`.
    """
    names = changed(directory, contents)
    new = [name for name in names if not (directory / name).exists()]
    return Comparison(
        differing={name: _of_file(directory / name, contents[name]) for name in names if name not in new},
        new=new,
        left_over=left_over(directory, contents, patterns),
        same=len(contents) - len(names),
    )


def left_over(directory: Path, contents: Container[str], patterns: Sequence[str]) -> list[str]:
    """The paths of the files below the directory that fit a pattern and are not among the contents, sorted."""
    there = {path.relative_to(directory).as_posix() for pattern in patterns for path in directory.glob(pattern)}
    return sorted(name for name in there if name not in contents)


def show(directory: Path, comparison: Comparison) -> int:
    """Prints what a comparison with the directory found, and returns the exit status."""
    for name, differences in comparison.differing.items():
        print(on_one_line(directory / name))
        for line in _lines(differences) or [_UNSAID.get(Path(name).suffix, "changed")]:
            print(f"  {line}")
    for word, names in (("new file", comparison.new), ("left over", comparison.left_over)):
        for name in names:
            print(f"{word}: {on_one_line(directory / name)}")
    counts = {
        "differ": len(comparison.differing),
        "new": len(comparison.new),
        "left over": len(comparison.left_over),
    }
    print(", ".join(f"{word}: {count}" for word, count in [*counts.items(), ("the same", comparison.same)]), end="")
    effects = [
        f"{word}: {count}" for word in ("REPLACED", "DELETED", "FAILS") if (count := _affected(comparison, word))
    ]
    print("".join(f"; {effect}" for effect in effects))
    return DIFFERENT if any(counts.values()) else OK


def _lines(differences: Sequence[Difference]) -> list[str]:
    """A line for each difference; those of one thing that have no effect end after the first few."""
    lines: list[str] = []
    for _, those in groupby(differences, key=lambda each: each.thing):
        left = _MOST_PLACES
        more = 0
        for each in those:
            left -= not each.effect
            if each.effect or left >= 0:
                lines.append(str(each))
            else:
                more += 1
        if more:
            lines[-1] += f" (and more places: {more})"
    return lines


def _affected(comparison: Comparison, word: str) -> int:
    """How many resources this happens to, or may happen to."""
    return len(
        {
            (name, difference.thing)
            for name, differences in comparison.differing.items()
            for difference in differences
            if word in difference.effect
        }
    )


def _of_file(path: Path, text: str) -> list[Difference]:
    """What differs between the file and the text."""
    match path.suffix:
        case ".yaml":
            shown = on_one_line(path)
            return of_templates(template_from(shown, _template_text(path)), template_from(shown, text))
        case ".json":
            return of_parameters(read_parameters(path), dict(_rows(text)))
        case _:
            return []


def _rows(text: str) -> Iterator[tuple[str, str]]:
    for row in json.loads(text):
        yield row["ParameterKey"], row["ParameterValue"]


def _template_text(path: Path) -> str:
    try:
        content = beginning(path, MAX_BODY_BYTES_FROM_S3 + 1)
    except OSError as error:
        raise OutputError("file", str(path), f"cannot be read ({error.strerror})") from None
    if content is None:
        raise TemplateFileError("template", str(path), "is not a regular file: move it away")
    if len(content) > MAX_BODY_BYTES_FROM_S3:
        remedy = f"has more than the {MAX_BODY_BYTES_FROM_S3:,} bytes that CloudFormation reads: move it away"
        raise TemplateFileError("template", str(path), remedy)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise TemplateFileError("template", str(path), "is not text in UTF-8: move it away") from None
