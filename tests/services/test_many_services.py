"""The files of services, and that many services cost no more than a few."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from ecs_cd_templates.catalog import templates
from ecs_cd_templates.cfn.rendering import to_yaml
from ecs_cd_templates.services import files as module
from ecs_cd_templates.services import stacks as stacks_module
from ecs_cd_templates.services.files import files
from services.files import CONNECTION, services

ALIKE = {f"s{n:03}": {"source": {"codecommit": f"s{n:03}"}} for n in range(40)}
# As in a repository with all services.
APART = {
    f"s{n:03}": {"source": {"connection": CONNECTION, "repository": "acme/shop", "paths": [f"s{n:03}/**"]}}
    for n in range(4)
}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The text of each template that is made from now on."""
    texts: list[str] = []

    def noting(template: Any) -> str:
        texts.append(to_yaml(template))
        return texts[-1]

    monkeypatch.setattr(module, "to_yaml", noting)
    for remembering in (module._text, stacks_module._form, stacks_module.builders):
        remembering.cache_clear()
    return texts


def test_services_that_want_the_same_are_rendered_once(made: list[str]) -> None:
    every = [files(service.targets[0]) for service in services({"services": ALIKE}).services]
    assert len(every) == len(ALIKE)
    assert len(made) == len(templates())
    assert {tuple(path for path in each if path.startswith("templates/")) for each in every} == {
        tuple(f"templates/{name}" for name in templates())
    }


def test_of_services_that_want_something_else_only_the_templates_that_differ_are_rendered(made: list[str]) -> None:
    every = [files(service.targets[0]) for service in services({"services": APART}).services]
    # The quick start, the prerequisites, and the templates of all pipelines, of one without and of one with approval.
    assert len(made) == len(templates()) + 5 * (len(every) - 1)


def test_files_of_many_services_do_not_stay_in_memory() -> None:
    """Once the templates that they share are there: otherwise it would be the more, the more services there are."""
    every = [service.targets[0] for service in services({"services": ALIKE}).services]

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            for target in every[:count]:
                files(target)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    files(every[0])
    one, all_of_them = peak(1), peak(len(every))
    assert all_of_them < 2 * one + 100_000
