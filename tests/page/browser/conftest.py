"""A launch page in a real browser; whatever a test does there, it must not ask the network or report an error."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from chromium import chromium
from playwright.sync_api import Browser, Page

from ecs_cd_templates import catalog
from ecs_cd_templates.page import PageSettings, to_html

SETTINGS = PageSettings(bucket="my-templates", region="eu-west-1")


@cache
def _text(settings: PageSettings, catalogue: object) -> str:
    """The page; the catalogue that is in place decides, too."""
    return to_html(settings)


class LaunchPages:
    """Opens launch pages, and keeps what they asked for and what they complained of."""

    def __init__(self, browser: Browser, directory: Path) -> None:
        self._browser = browser
        self._directory = directory
        self._numbers = itertools.count()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._closing: list[Any] = []

    def __call__(
        self,
        settings: PageSettings = SETTINGS,
        *,
        template: str | None = None,
        size: tuple[int, int] = (1280, 900),
        **options: Any,
    ) -> Page:
        path = self._directory / f"launch-{next(self._numbers)}.html"
        path.write_text(_text(settings, catalog.templates), encoding="utf-8")
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]}, **{"locale": "en-US", **options}
        )
        self._closing.append(context)
        context.set_default_timeout(5_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        # Counted first, and then not let out.
        context.on("request", lambda request: self.requests.append(request.url))
        context.route(lambda url: not url.startswith(("file:", "data:", "blob:")), lambda route: route.abort())
        page = context.new_page()
        page.on("console", lambda message: self.errors.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(path.as_uri())
        if template is not None:
            page.select_option("#w-template", template)
        return page

    def close(self) -> None:
        for context in self._closing:
            context.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def launch_page(browser: Browser, tmp_path: Path) -> Iterator[LaunchPages]:
    pages = LaunchPages(browser, tmp_path)
    yield pages
    pages.close()
    assert pages.errors == []
    others = [url for url in pages.requests if not url.startswith((tmp_path.as_uri(), "data:", "blob:"))]
    assert others == [], "the page asked for something else than itself"
