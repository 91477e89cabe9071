"""The text of a settings file as plain data, with the line and column of each key and value.

It is read event by event, so that nesting is bounded before anything is made of it: a text of two million brackets ends
with an error as a typing mistake does. What YAML 1.1 and YAML 1.2 read differently (https://yaml.org/spec/1.2.2/ and
https://yaml.org/type/) is not guessed at: it has to be put in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from ..errors import SettingsFileError
from ..files import beginning

MAX_BYTES = 2_000_000
MAX_DEPTH = 12

KeyPath: TypeAlias = tuple[str | int, ...]
Place: TypeAlias = tuple[int, int]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_YAML_1_1: Any = yaml.resolver.Resolver()
# The core schema of YAML 1.2, which editors follow, as far as it reads something else than a string.
_NUMBER = re.compile(
    r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_PLAIN_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_NULLS = ("", "~", "null", "Null", "NULL")
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# Controls, the line breaks that only Unicode has, and halves of characters.
_NOT_ON_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LONGEST_KEY_SHOWN = 80


@dataclass(frozen=True)
class Unquoted:
    """A text that errors show as it is.

    In the data it is one without quotes that not every reader of YAML takes for the same: a date, ``1.0``, ``on``.
    """

    text: str

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Document:
    """What a file says, and where: ``values`` and ``keys`` have the place of each value and of each key."""

    name: str
    data: Any
    values: dict[KeyPath, Place] = field(default_factory=dict)
    keys: dict[KeyPath, Place] = field(default_factory=dict)

    def at(self, path: KeyPath) -> Any:
        """The value at the path, which is there."""
        value = self.data
        for step in path:
            value = value[step]
        return value

    def error(self, path: KeyPath, value: object, remedy: str, *, key: bool = False) -> SettingsFileError:
        """The error about the value at the path, or its key; where it is not there, about what it should be in."""
        found = path
        while found and found not in self.values:
            found = found[:-1]
        place = self.keys.get(path) if key else None
        return _error(self.name, place or self.values[found], path, value, remedy)


def read(path: Path) -> Document:
    """The file as data. Raises :class:`SettingsFileError`.

    The file is a regular one of at most 2,000,000 bytes in UTF-8, with a single YAML document that is a mapping; keys
    stand once; anchors, aliases, merge keys, tags and characters that do not fit on a line are refused.
    """
    name = str(path) if str(path).isprintable() else repr(str(path))
    try:
        content = beginning(path, MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no file can be called that"
        raise SettingsFileError("settings file", str(path), f"cannot be read ({reason})") from None
    if content is None:
        raise SettingsFileError("settings file", str(path), "is not a regular file: save the settings in one")
    if len(content) > MAX_BYTES:
        raise SettingsFileError("settings file", str(path), f"has more than {MAX_BYTES:,} bytes: split it")
    return read_text(name, content)


def read_text(name: str, content: bytes) -> Document:
    """The content of the file of this name as data. Raises :class:`SettingsFileError`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _error(name, (line, 1), (), NOTHING, "is not text in UTF-8: save it as that") from None
    unseen = re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]", text)
    if unseen:
        at = unseen.start()
        place = (text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
        raise _error(name, place, (), unseen[0], "is a control character: leave it out")
    try:
        document = _document(name, yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = " ".join(str(error.problem or error.context).split())
        remedy = "use spaces, not a tab" if mark and text[mark.index : mark.index + 1] == "\t" else "correct it here"
        raise _error(name, place, (), NOTHING, f"is not YAML ({problem}): {remedy}") from None
    except yaml.YAMLError as error:
        raise _error(name, (1, 1), (), NOTHING, f"is not YAML ({' '.join(str(error).split())[:200]})") from None
    if not isinstance(document.data, dict):
        raise document.error((), shown(document.data), "is not a mapping: begin with a key such as services:")
    return document


NOTHING = Unquoted("the file")


def shown(value: object) -> object:
    """What an error shows of the value: of a mapping or a list, that it is one."""
    return Unquoted("a mapping" if isinstance(value, dict) else "a list") if isinstance(value, dict | list) else value


_Node: TypeAlias = yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent


@dataclass
class _Open:
    """A mapping or a list that is being read: its path, and the key whose value comes next."""

    data: dict[str, Any] | list[Any]
    path: KeyPath
    key: str | None = None

    @property
    def next(self) -> KeyPath:
        """The path of what comes next."""
        if isinstance(self.data, list):
            return (*self.path, len(self.data))
        return self.path if self.key is None else (*self.path, self.key)

    def put(self, value: Any) -> None:
        """Takes what came next."""
        if isinstance(self.data, list):
            self.data.append(value)
        elif self.key is not None:
            self.data[self.key] = value
            self.key = None


def _document(name: str, events: Iterator[yaml.Event]) -> Document:
    """What the events tell. The outermost is a list, of which the only document is the only item."""
    document = Document(name, [])
    opened = [_Open(document.data, ())]
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent) and document.data:
            raise _error(name, _place(event), (), NOTHING, "has a second document: leave one, and no --- before it")
        if isinstance(event, yaml.AliasEvent):
            remedy = "is an alias: write it out, or say it once in defaults"
            raise _error(name, _place(event), opened[-1].next[1:], Unquoted(f"*{event.anchor}"), remedy)
        if isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            opened.pop()
        if isinstance(event, yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent):
            _take(document, opened, event)
    if not document.data:
        raise _error(name, (1, 1), (), NOTHING, "is empty: the command init writes one to begin with")
    return Document(name, document.data[0], _without_first(document.values), _without_first(document.keys))


def _take(document: Document, opened: list[_Open], event: _Node) -> None:
    """Takes a key, a value, or the beginning of one."""
    inside = opened[-1]
    path = inside.next
    wrong = _wrong(event)
    if wrong is not None:
        raise _error(document.name, _place(event), path[1:], *wrong)
    if isinstance(inside.data, dict) and inside.key is None:
        inside.key = _key(document, path, event)
        return
    value = _value(event)
    document.values[path] = _place(event)
    inside.put(value)
    if isinstance(value, dict | list):
        opened.append(_Open(value, path))
        if len(opened) > MAX_DEPTH:
            remedy = f"is more than {MAX_DEPTH} levels deep: nothing here is"
            raise _error(document.name, _place(event), path[1:], shown(value), remedy)


def _key(document: Document, inside: KeyPath, event: _Node) -> str:
    """The key, which is a text that is new in its mapping."""

    def refuse(value: object, remedy: str) -> SettingsFileError:
        return _error(document.name, _place(event), inside[1:], value, remedy)

    if not isinstance(event, yaml.ScalarEvent):
        raise refuse(shown(_value(event)), "cannot be a key: give a word")
    key: str = event.value
    if key == "<<" and event.implicit[0]:
        raise refuse(key, "is a merge key: write it out, or say it once in defaults")
    path = (*inside, key)
    if path in document.keys:
        line, column = document.keys[path]
        raise refuse(key, f"stands in line {line}, column {column} already: say it once")
    document.keys[path] = _place(event)
    return key


def _wrong(event: _Node) -> tuple[object, str] | None:
    """What is wrong with the event as such, and what to do."""
    if event.anchor is not None:
        return Unquoted(f"&{event.anchor}"), "is an anchor: leave it out, and say what repeats once in defaults"
    if event.tag is not None:
        return Unquoted(event.tag), "is a tag: leave it out"
    if isinstance(event, yaml.ScalarEvent) and _NOT_ON_A_LINE.search(event.value):
        return event.value, "does not fit on one line: leave out line breaks and control characters"
    return None


def _without_first(places: dict[KeyPath, Place]) -> dict[KeyPath, Place]:
    return {path[1:]: place for path, place in places.items()}


def _value(event: _Node) -> Any:
    if isinstance(event, yaml.MappingStartEvent):
        return {}
    if isinstance(event, yaml.SequenceStartEvent):
        return []
    return scalar(event.value) if event.implicit[0] else event.value


def scalar(text: str) -> Any:
    """What a text without quotes is read as."""
    if text in _NULLS:
        return None
    if text in _FLAGS:
        return _FLAGS[text]
    if _PLAIN_NUMBER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return Unquoted(text)
    tag = _YAML_1_1.resolve(yaml.ScalarNode, text, (True, False))
    return text if tag in {"tag:yaml.org,2002:str", "tag:yaml.org,2002:value"} else Unquoted(text)


def _place(event: yaml.Event) -> Place:
    mark: Any = event.start_mark
    return mark.line + 1, mark.column + 1


def _error(name: str, place: Place, path: KeyPath, value: object, remedy: str) -> SettingsFileError:
    line, column = place
    where = f": {written(path)}" if path else ""
    return SettingsFileError(f"{name}:{line}:{column}{where}", value, remedy)


def written(path: KeyPath) -> str:
    """The path as people write it: ``environments[0].branch``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            key = step if step.isprintable() else repr(step)[1:-1]
            text += f".{key[:_LONGEST_KEY_SHOWN]}"
    return text.removeprefix(".")
