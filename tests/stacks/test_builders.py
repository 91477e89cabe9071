"""Every builder refuses what is not its settings, in one line that says what they should be."""

from __future__ import annotations

from typing import Any

import pytest

import ecs_cd_templates
from ecs_cd_templates import RenderSettings, SettingsError, render
from ecs_cd_templates.catalog import templates

# Read through Any: a type checker would refuse this before we could.
untyped: Any = ecs_cd_templates
SAMPLES = (
    *("x", ("bucket",), ("bucket", 1), (1, "key"), ["bucket", "key"], ("bucket", "key", "x")),
    # A blank is no name any more: the archive's place is in the template, and no form asks for it.
    *(("", ""), ("", "key"), ("bucket", ""), ("A B", "key"), ("ab", "key"), ("arn:aws:s3:::bucket", "key")),
    *(("bucket", "/key"), ("bucket", "a b"), ("bucket", "a\n"), ("bucket", "\u00fc"), ("bucket", "k" * 1025)),
)
BUILDERS = [name for name in ecs_cd_templates.__all__ if name.startswith("build_")]


@pytest.mark.parametrize("value", [None, "settings", RenderSettings()])
@pytest.mark.parametrize("name", BUILDERS)
def test_what_is_not_settings_is_refused(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=r"^settings: .*: must be of type \w+Settings$"):
        getattr(untyped, name)(value)


def test_the_catalogue_refuses_it_too() -> None:
    something: Any = "settings"
    for function in (templates, render):
        with pytest.raises(SettingsError, match="must be of type RenderSettings"):
            function(something)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *(({"sample_app": value}, "RenderSettings.sample_app") for value in SAMPLES),
        ({"environments": ()}, "RenderSettings.environments"),
        ({"environments": "Dev"}, "RenderSettings.environments"),
        ({"pipeline": None}, "RenderSettings.pipeline"),
        ({"architecture": "arm"}, "RenderSettings.architecture"),
        ({"nested_base_url": "x"}, "RenderSettings.nested_base_url"),
    ],
)
def test_settings_of_a_rendering_are_checked_when_they_are_made(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        untyped.RenderSettings(**changes)
    assert caught.value.field == field
