"""Settings files as text: what is refused, where, and that nothing else ever happens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_cd_templates.errors import SettingsFileError
from ecs_cd_templates.services import read_settings, read_settings_text
from ecs_cd_templates.services.reading import MAX_BYTES, read_text, scalar
from services.files import CODECOMMIT, FULL, refused, written


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "ecs-cd.yaml:1:1: the file: is empty"),
        ("# nothing\n", "ecs-cd.yaml:1:1: the file: is empty"),
        ("- a", "ecs-cd.yaml:1:1: a list: is not a mapping"),
        ("a", "ecs-cd.yaml:1:1: 'a': is not a mapping"),
        ("a: [1\n", "ecs-cd.yaml:2:1: the file: is not YAML"),
        ("a: 1\n\tb: 2", "use spaces, not a tab"),
        ("x:\n  a: b\n  a: c", "ecs-cd.yaml:3:3: x: 'a': stands in line 2, column 3 already: say it once"),
        ("a: &x b", "ecs-cd.yaml:1:4: a: &x: is an anchor"),
        ("a: [&x [b]]", "ecs-cd.yaml:1:5: a[0]: &x: is an anchor"),
        ("a: [b, *x]", "ecs-cd.yaml:1:8: a[1]: *x: is an alias"),
        ("x: {<<: {a: b}}", "ecs-cd.yaml:1:5: x: '<<': is a merge key"),
        ("a: !!python/object/apply:os.system [ls]", "ecs-cd.yaml:1:4: a: tag:yaml.org,2002:python/object/apply:"),
        ("a: !Ref b", "ecs-cd.yaml:1:4: a: !Ref: is a tag"),
        ("!!str a: b", "ecs-cd.yaml:1:1: tag:yaml.org,2002:str: is a tag"),
        ("? [a]\n: b", "ecs-cd.yaml:1:3: a list: cannot be a key"),
        ("a: b\n---\nc: d", "ecs-cd.yaml:2:1: the file: has a second document"),
        ('a: "x\\u0000"', r"ecs-cd.yaml:1:4: a: 'x\x00': does not fit on one line"),
        ('"a\\nb": c', r"ecs-cd.yaml:1:1: 'a\nb': does not fit on one line"),
        ('a: "\\uD800"', "ecs-cd.yaml:1:"),
        ("a: |\n  b\n", r"ecs-cd.yaml:1:4: a: 'b\n': does not fit on one line"),
        ("a: b\nc: \x07", r"ecs-cd.yaml:2:4: '\x07': is a control character"),
        (b"a: b\nc: \xff", "ecs-cd.yaml:2:1: the file: is not text in UTF-8"),
        ("a: b".encode("utf-16"), "ecs-cd.yaml:1:1: the file: is not text in UTF-8"),
        ("a: " + "[" * 100_000, "is more than 12 levels deep"),
        ("a: " + "{a: " * 100_000, "is more than 12 levels deep"),
        ("- " * 100_000, "is more than 12 levels deep"),
        ("? " * 100_000, "cannot be a key"),
    ],
)
def test_what_is_refused(text: str | bytes, told: str) -> None:
    assert told in refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "1.0",
        "1e3",
        "0123",
        "012345678901",
        "0x1F",
        "0o17",
        "1_000",
        "1:30",
        "2024-01-01",
        "yes",
        "on",
        "No",
        ".inf",
        "+1",
    ],
)
def test_what_readers_of_yaml_do_not_agree_on_needs_quotes(text: str) -> None:
    line = refused(f"services:\n  shop:\n    tags:\n      a: {text}\n")
    assert line == f"ecs-cd.yaml:4:10: services.shop.tags.a: {text}: YAML does not read this as text: put it in quotes"
    (service,) = read_settings_text("ecs-cd.yaml", f"services: {{shop: {{tags: {{a: '{text}'}}}}}}".encode()).services
    assert service.targets[0].settings.tags == (("a", text),)


@given(st.text("0123456789+-._:eExXoOaAyYnNsStTfFlLuU ~", max_size=12))
def test_what_is_read_without_quotes_is_what_yaml_1_1_reads(text: str) -> None:
    try:
        expected = yaml.safe_load(f"[{text}]")[0]
        read = read_text("f", f"a: [{text}]".encode()).at(("a", 0))
    except (yaml.YAMLError, SettingsFileError, IndexError, ValueError, AttributeError):
        return
    if isinstance(read, str | int | None):
        assert read == expected
        assert isinstance(read, bool) == isinstance(expected, bool)


def test_places_are_those_of_keys_and_values() -> None:
    document = read_text("f", b"a:\n  b: [x, {c: y}]\n")
    assert document.data == {"a": {"b": ["x", {"c": "y"}]}}
    assert document.keys == {("a",): (1, 1), ("a", "b"): (2, 3), ("a", "b", 1, "c"): (2, 11)}
    assert document.values[("a", "b", 1, "c")] == (2, 14)
    assert document.values[()] == (1, 1)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    text = "\ufeffservices:\r\n  shop: {}\r\n"
    assert [service.name for service in read_settings_text("f", text.encode()).services] == ["shop"]


@pytest.mark.parametrize("name", ["missing.yaml", "directory", "pipe", "a\0b", "big.yaml"])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "big.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(SettingsFileError) as error:
        read_settings(tmp_path / name)
    assert len(str(error.value).splitlines()) == 1


def test_a_file_of_the_most_bytes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"services: {shop: {}}\n".ljust(MAX_BYTES, b"#"))
    assert [service.name for service in read_settings(path)] == ["shop"]


def test_a_name_that_does_not_fit_on_a_line_is_written_so_that_it_does(tmp_path: Path) -> None:
    path = tmp_path / "a\nb.yaml"
    path.write_text("services: {}", encoding="utf-8")
    with pytest.raises(SettingsFileError, match=r"b\.yaml'?:1:11: services: a mapping: is empty") as error:
        read_settings(path)
    assert len(str(error.value).splitlines()) == 1


TEXTS = [written(FULL), written(CODECOMMIT)]


def _only_refuses(content: bytes) -> None:
    try:
        read_settings_text("ecs-cd.yaml", content)
    except SettingsFileError as error:
        line = str(error)
        assert len(line.splitlines()) == 1
        line.encode()


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_no_bytes_bring_it_down(content: bytes) -> None:
    _only_refuses(content)


@given(st.text("services: {}[]\n-#&*!|>'\"%@`?,\\x0é\u2028\t", max_size=60))
@settings(max_examples=150, deadline=None)
def test_no_text_brings_it_down(text: str) -> None:
    _only_refuses(text.encode())


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_no_change_of_a_file_brings_it_down(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(TEXTS))
    at = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 8))
    new = data.draw(st.text("ab0:-{}[]#&*!'\"\n \\", max_size=4))
    _only_refuses((text[:at] + new + text[at + length :]).encode())


def test_scalars() -> None:
    assert [scalar(text) for text in ("", "~", "null", "true", "FALSE", "0", "-7", "12", "a", "=")] == [
        None,
        None,
        None,
        True,
        False,
        0,
        -7,
        12,
        "a",
        "=",
    ]
