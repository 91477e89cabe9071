"""What the tests read off a launch page, and how they fill it in."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from urllib.parse import unquote

from playwright.sync_api import Page, expect


def fill(page: Page, values: Mapping[str, str]) -> None:
    """Puts each value into its field as a paste does; the tests of the keyboard type."""
    page.evaluate(
        """values => {
          for (const [name, value] of Object.entries(values)) {
            const control = document.getElementById(`p-${name}`);
            control.value = value;
            control.dispatchEvent(new Event("input", { bubbles: true }));
          }
        }""",
        dict(values),
    )


def address(page: Page) -> str:
    found: str | None = page.get_attribute("#launch", "href")
    assert found is not None, page.inner_text("#status")
    return found


def decoded(link: str) -> dict[str, str]:
    """The link's query, which is behind the # of the address."""
    _, _, query = link.partition("#/stacks/create/review?")
    pairs = [pair.split("=") for pair in query.split("&")]
    return {unquote(name): unquote(value, errors="strict") for name, value in pairs}


def link_parameters(link: str) -> dict[str, str]:
    return {
        name.removeprefix("param_"): value
        for name, value in decoded(link).items()
        if name not in ("templateURL", "stackName")
    }


def command_words(page: Page) -> list[str]:
    return shlex.split(page.input_value("#command"))


def command_parameters(page: Page) -> dict[str, str]:
    words = command_words(page)
    if words[2] == "create-stack":
        return {
            row["ParameterKey"]: row["ParameterValue"] for row in json.loads(words[words.index("--parameters") + 1])
        }
    overrides = words[words.index("--parameter-overrides") + 1 :]
    return dict(override.split("=", 1) for override in overrides)


def file_parameters(page: Page) -> dict[str, str]:
    return {row["ParameterKey"]: row["ParameterValue"] for row in json.loads(page.input_value("#file"))}


def error(page: Page, name: str) -> str:
    """The message at a field, without the spaces at its ends."""
    message: str = page.inner_text(f"#p-{name}-error")
    return message.strip()


def load(page: Page, content: bytes, name: str = "values.json") -> str:
    """Loads a parameter file; returns what the page says about it."""
    page.evaluate("element('report').replaceChildren()")
    page.set_input_files("#load-file", {"name": name, "mimeType": "application/json", "buffer": content})
    expect(page.locator("#report")).not_to_be_empty()
    report: str = page.inner_text("#report")
    return report


def rows(values: Mapping[str, str]) -> bytes:
    """The values as a parameter file."""
    return json.dumps([{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]).encode()
