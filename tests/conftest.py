from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import settings

from ecs_cd_templates import RenderSettings, catalog

# How long an example takes says more about the machine than about the code.
settings.register_profile("project", deadline=None)
settings.load_profile("project")


@pytest.fixture(autouse=True, scope="session")
def _rendered_once() -> Iterator[None]:
    """Renders each catalogue once in a process, however many commands write it."""
    render = catalog.render
    once = cache(render)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "render", lambda settings=None: dict(once(settings or RenderSettings())))
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what tests have to say beyond pass and fail, also where other processes ran them."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, text in getattr(report, "user_properties", []):
                if name == "summary" and report.when == "call":
                    terminalreporter.write_line(text)
