"""Each text has a key and is there in every language; nothing is left of a text that is used no more."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecs_cd_templates import (
    CONTAINER_IMAGE,
    UNIT_TESTS,
    BuildStep,
    Environment,
    Launch,
    PipelineSettings,
    RenderSettings,
    RolloutSettings,
    build_rollout,
    catalog,
    texts,
)
from ecs_cd_templates.cfn.intrinsics import walk
from ecs_cd_templates.sources import Connection
from ecs_cd_templates.steps import unit_tests
from ecs_cd_templates.texts import LANGUAGES, Text, either, in_language, with_article, words

ENGLISH = words("en")


def _places(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_has_every_text_with_the_same_places(code: str) -> None:
    assert list(words(code)) == list(ENGLISH)
    for key, text in words(code).items():
        assert _places(text) == _places(ENGLISH[key]), key
        assert bool(text) == bool(ENGLISH[key]), key


def test_languages_are_the_files_english_first() -> None:
    files = {path.stem for path in Path(texts.__file__).parent.glob("*.json")}
    assert set(LANGUAGES) == files
    assert LANGUAGES[0] == "en"
    names = [words(code)["language.name"] for code in LANGUAGES]
    assert len(set(names)) == len(names)


def test_no_key_is_there_twice() -> None:
    for path in Path(texts.__file__).parent.glob("*.json"):
        keys = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=lambda pairs: [key for key, _ in pairs])
        assert len(keys) == len(set(keys)) == len(ENGLISH)


def _keys(node: Any) -> Iterator[str]:
    """The keys of all texts in the node, and of those that fill them."""
    for each in walk(node):
        if isinstance(each, Text):
            yield each.key
            for filling in each.fill.values():
                yield from _keys(filling)


def test_no_text_is_there_that_nothing_uses() -> None:
    scan = BuildStep(name="OwnCheck", display_name="own check", buildspec="scan.yml")
    several = [
        Environment(id="One", display_name="one", approval="before_build"),
        Environment(id="Two", display_name="acceptance", approval="before_deploy"),
    ]
    existing = [Environment(id="One", display_name="one", network="private_tasks")]
    used = set()
    for settings in (
        RenderSettings(),
        RenderSettings(environments=[*existing, Environment(id="Two", display_name="two", network="private")]),
        RenderSettings(environments=[*existing, Environment(id="Two", display_name="two")]),
        RenderSettings(
            environments=several, pipeline=PipelineSettings(steps=[UNIT_TESTS, CONTAINER_IMAGE, scan], own_key=True)
        ),
        RenderSettings(pipeline=PipelineSettings(steps=[unit_tests(), CONTAINER_IMAGE])),
        RenderSettings(pipeline=PipelineSettings(source=Connection(host="GitLabSelfManaged"))),
    ):
        for build in catalog.templates(settings).values():
            used |= set(_keys(build().to_dict()))
        for step in settings.pipeline.steps:
            used |= set(_keys([step.title, step.display_name]))
    launch = Launch(name="a", account="111122223333", region="eu-west-1", template_path="vpc.yaml")
    used |= set(_keys(build_rollout(RolloutSettings(launches=[launch])).to_dict()))
    # Those of the page are held to its script elsewhere.
    others = {"language.name", "group.other", "picture.source", "picture.approval", "picture.deploy"}
    assert {key for key in ENGLISH if not key.startswith("page.")} == used | others


def test_text_is_said_in_each_language_with_what_fills_it() -> None:
    label = Text(
        "parameter.ECSClusterName.make.label",
        scope=Text("scope.label", environment=Text("environment.production")),
    )
    assert label == "What is the ECS Cluster Name for the production environment?"
    assert "本番環境" in label.in_language("ja")
    own = Text("scope.one", environment="a {place} ${Name} of mine")
    assert own == "the a {place} ${Name} of mine environment"
    assert "a {place} ${Name} of mine" in own.in_language("ja")
    assert in_language("a name", "ja") == "a name"


def test_copies_keep_their_key() -> None:
    label = Text("scope.label", environment="x")
    for each in (copy.copy(label), copy.deepcopy({"a": [label]})["a"][0]):
        assert (each, each.key, each.fill) == (label, label.key, label.fill)
        assert each.in_language("ja") == label.in_language("ja")


def test_what_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError, match="no such key"):
        Text("no such key")
    with pytest.raises(KeyError, match="environment"):
        Text("scope.label")


def test_names_are_joined() -> None:
    assert either([with_article("edge")]) == "an edge"
    three = either([with_article(name) for name in ("a", "beta", "gamma")])
    assert three == "an a or a beta or a gamma"
    assert three.in_language("ja") == "aまたはbetaまたはgamma"


def test_a_language_that_lacks_a_key_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "en.json").write_text(json.dumps(dict(ENGLISH)), encoding="utf-8")
    (tmp_path / "xx.json").write_text(json.dumps({**ENGLISH, "other": "x"}), encoding="utf-8")
    monkeypatch.setattr(texts, "__file__", str(tmp_path / "__init__.py"))
    words.cache_clear()
    try:
        with pytest.raises(ValueError, match=r"xx\.json has other keys than en\.json: \['other'\]"):
            words("xx")
    finally:
        monkeypatch.undo()
        words.cache_clear()
