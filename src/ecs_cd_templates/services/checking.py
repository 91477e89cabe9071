"""Whether a document has the shape of a settings file, and if not, where and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import inspect

from ..errors import NOT_GIVEN, SettingsFileError
from ..sources import KEYS
from .reading import Document, KeyPath, Unquoted, shown
from .shape import Defaults, EnvironmentOverride, SettingsFile

_MOST_NAMED = 30
# Where the keys belong that one looks for in a service.
_ELSEWHERE = dict.fromkeys((each.name for each in msgspec.structs.fields(EnvironmentOverride)), "an environment")
_ELSEWHERE |= dict.fromkeys(KEYS, "source")


def checked(document: Document) -> SettingsFile:
    """What the document says. Raises :class:`SettingsFileError` where it has not this shape."""
    try:
        return msgspec.convert(document.data, SettingsFile)
    except msgspec.ValidationError as error:
        # msgspec does not say under which key of a mapping it found something.
        wrong = next(_wrong(document, (), document.data, msgspec.inspect.type_info(SettingsFile), {}), None)
        raise wrong or document.error((), shown(document.data), f"has not the right shape ({error})") from None


def unknown(value: str, known: Iterable[str], what: str) -> str:
    """What to do about a name that is not known: the nearest one, or all that there are."""
    names = list(known)
    near = get_close_matches(value, names, n=1)
    some = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    return f"is no {what}: " + (f"is {near[0]} meant?" if near else f"use one of {some}")


def _wrong(
    document: Document, path: KeyPath, value: Any, kind: inspect.Type, extra: Mapping[str, str]
) -> Iterator[SettingsFileError]:
    """All that is wrong with the value, in the order of the file; what is missing comes last."""
    if isinstance(kind, inspect.Metadata):
        yield from _wrong(document, path, value, kind.type, kind.extra or extra)
    elif isinstance(kind, inspect.UnionType):
        # Each choice here is between a word or a number and a record.
        record, word = sorted(kind.types, key=lambda each: not isinstance(each, inspect.StructType))
        if isinstance(value, dict):
            yield from _wrong(document, path, value, record, extra)
        else:
            for error in _wrong(document, path, value, word, extra):
                yield document.error(path, error.value, f"{error.remedy}, or {_keys_of(record)}")
    elif isinstance(kind, inspect.StructType):
        yield from _wrong_record(document, path, value, kind)
    elif isinstance(kind, inspect.DictType):
        yield from _wrong_mapping(document, path, value, kind)
    elif isinstance(kind, inspect.ListType):
        yield from _wrong_list(document, path, value, kind)
    else:
        remedy = _wrong_scalar(value, kind, extra)
        if remedy:
            yield document.error(path, written_value(value), remedy)


def _wrong_record(
    document: Document, path: KeyPath, value: Any, kind: inspect.StructType
) -> Iterator[SettingsFileError]:
    known = {each.encode_name: each for each in kind.fields}
    if not isinstance(value, dict):
        yield document.error(path, written_value(value), f"must be {_keys_of(kind)}")
        return
    for key, each in value.items():
        if key in known:
            yield from _wrong(document, (*path, key), each, known[key].type, {})
        else:
            remedy = unknown(key, known, "key here")
            if key in _ELSEWHERE and issubclass(kind.cls, Defaults):
                remedy = f"is a key of {_ELSEWHERE[key]}: say it there"
            yield document.error((*path, key), key, remedy, key=True)
    for name, field in known.items():
        if field.required and name not in value:
            yield document.error((*path, name), NOT_GIVEN, "is missing: say it here")


def _keys_of(kind: inspect.Type) -> str:
    names = [each.encode_name for each in kind.fields] if isinstance(kind, inspect.StructType) else []
    return f"a mapping, with keys such as {', '.join(names[:3])}"


def _wrong_mapping(
    document: Document, path: KeyPath, value: Any, kind: inspect.DictType
) -> Iterator[SettingsFileError]:
    if not isinstance(value, dict):
        yield document.error(path, written_value(value), "must be a mapping of names, such as {name: …}")
        return
    if len(value) < (kind.min_length or 0):
        yield document.error(path, written_value(value), "is empty: say at least one")
    for key, each in value.items():
        for error in _wrong(document, path, key, kind.key_type, {}):
            yield document.error((*path, key), key, error.remedy, key=True)
        yield from _wrong(document, (*path, key), each, kind.value_type, {})


def _wrong_list(document: Document, path: KeyPath, value: Any, kind: inspect.ListType) -> Iterator[SettingsFileError]:
    if not isinstance(value, list):
        yield document.error(path, written_value(value), "must be a list, such as [one, two]")
        return
    least, most = kind.min_length or 0, len(value) if kind.max_length is None else kind.max_length
    if not least <= len(value) <= most:
        few = f"{least}" if least == most else f"{least} or more"
        count = few if len(value) < least else f"at most {most}"
        yield document.error(path, written_value(value), f"has {len(value)}: give {count}")
    for number, each in enumerate(value):
        yield from _wrong(document, (*path, number), each, kind.item_type, {})


def _wrong_text(value: Any, kind: inspect.StrType, remedy: str) -> str:
    """What to do about the value, or nothing."""
    if not isinstance(value, str):
        if value is None:
            return "nothing is said here: give a text, or leave the key out"
        return (
            "must be a text" if isinstance(value, dict | list) else "YAML does not read this as text: put it in quotes"
        )
    longest = len(value) if kind.max_length is None else kind.max_length
    fits = (kind.min_length or 0) <= len(value) <= longest and re.search(kind.pattern or "", value)
    return "" if fits else remedy


def _wrong_number(value: Any, kind: inspect.IntType) -> str:
    """What to do about the value, or nothing."""
    if not isinstance(value, int) or isinstance(value, bool):
        return "must be a whole number, with neither quotes nor leading zeros"
    least, most = kind.ge, kind.le
    if (least is None or value >= least) and (most is None or value <= most):
        return ""
    return f"must be a whole number from {least} to {most}"


def _wrong_choice(value: Any, kind: inspect.LiteralType) -> str:
    """What to do about the value, or nothing."""
    fits = isinstance(value, str) and value in kind.values
    return "" if fits else f"must be one of {', '.join(map(str, kind.values))}"


def _wrong_scalar(value: Any, kind: inspect.Type, extra: Mapping[str, str]) -> str:
    """What to do about the value, or nothing."""
    if isinstance(kind, inspect.StrType):
        return _wrong_text(value, kind, extra.get("remedy", "is not possible here"))
    if isinstance(kind, inspect.IntType):
        return _wrong_number(value, kind)
    if isinstance(kind, inspect.LiteralType):
        return _wrong_choice(value, kind)
    return "" if isinstance(value, bool) else "write true or false"


def written_value(value: Any) -> object:
    """What an error shows of the value: what the file has where that is no text."""
    if value is None or isinstance(value, bool):
        return Unquoted({None: "nothing", True: "true", False: "false"}[value])
    return shown(value)
