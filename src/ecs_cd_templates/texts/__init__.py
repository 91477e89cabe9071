"""The texts of the forms and of the launch page, by key: ``en.json``, and a file like it for each other language.

A file's name is its language's code (https://www.rfc-editor.org/rfc/bcp/bcp47.txt). Every file has the
same keys; ``{name}`` in a text stands for what fills it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Self

ENGLISH = "en"

LANGUAGES: tuple[str, ...] = tuple(
    sorted((path.stem for path in Path(__file__).parent.glob("*.json")), key=lambda code: (code != ENGLISH, code))
)
"""The codes of the languages, English first."""


class Text(str):  # noqa: SLOT000 - it has two attributes
    """An English text that knows its key and what fills it, so that it can be said in other languages.

    A ``KeyError`` if there is no text of this key, or nothing to fill a placeholder in it with.
    """

    key: str
    fill: Mapping[str, str]

    def __new__(cls, key: str, **fill: str) -> Self:
        """The text of this key, with what fills its placeholders."""
        text = super().__new__(cls, _said(key, fill, ENGLISH))
        text.key = key
        text.fill = fill
        return text

    def in_language(self, code: str) -> str:
        """The text in one of :data:`LANGUAGES`; what fills it, too, as far as it has a key."""
        return _said(self.key, self.fill, code)

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, str]]:
        # How copies are made.
        return (self.key,), dict(self.fill)


def in_language(text: str, code: str) -> str:
    """The text in one of :data:`LANGUAGES`; a name that somebody chose is the same in each."""
    return text.in_language(code) if isinstance(text, Text) else text


def with_article(name: str) -> Text:
    """The name after *a* or *an*, in languages that have such a thing."""
    return Text("article.an" if name[:1].lower() in "aeio" else "article.a", name=name)


def either(names: list[Text]) -> Text:
    """The names, of which there is at least one, joined by *or*."""
    *before, last = names
    return Text("or", one=either(before), other=last) if before else last


def in_order(names: Sequence[str]) -> str:
    """The names, of which there is at least one, with commas between them."""
    *before, last = names
    return Text("comma", one=in_order(before), other=last) if before else last


@cache
def words(code: str) -> Mapping[str, str]:
    """All texts of the language, by key."""
    texts: dict[str, str] = json.loads((Path(__file__).parent / f"{code}.json").read_text(encoding="utf-8"))
    if code != ENGLISH and texts.keys() != words(ENGLISH).keys():
        raise ValueError(
            f"{code}.json has other keys than {ENGLISH}.json: {sorted(texts.keys() ^ words(ENGLISH).keys())}"
        )
    return texts


def _said(key: str, fill: Mapping[str, str], code: str) -> str:
    def filled(match: re.Match[str]) -> Any:
        return in_language(fill[match.group(1)], code)

    return re.sub(r"\{(\w+)\}", filled, words(code)[key])
