"""A parameter file is read as it is or refused, and its values are checked."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from ecs_cd_templates.errors import (
    ParameterError,
    ParameterFileError,
)
from ecs_cd_templates.launch.links import (
    read_parameters_for,
)
from ecs_cd_templates.launch.parameter_files import check_some, merged, read_parameters
from support import built, parameters


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("\ufeff[]", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("{}", "not a list"),
        ('{"Parameters": {}}', "not a list"),
        ("null", "not a list"),
        ('["A=b"]', "entry 1"),
        ('[{"ParameterKey": "A"}]', "entry 1"),
        ('[{"ParameterKey": "A", "ParameterValue": 1}]', "entry 1"),
        ('[{"ParameterKey": "A", "ParameterValue": null}]', "entry 1"),
        ('[{"ParameterKey": "A", "ParameterValue": "b", "UsePreviousValue": true}]', "entry 1"),
        # Neither a second line, nor what a terminal obeys, nor more than fits on a screen.
        *(
            (f'[{{"ParameterKey": "{name}", "ParameterValue": "b"}}]', "entry 1 does not have the name of a parameter")
            for name in ("", "A\\n", "A\\u001b[31m", "A-b", "\u00dc", "A" * 256)
        ),
        ('[{"ParameterKey": "A", "ParameterKey": "B", "ParameterValue": "b"}]', "same key twice"),
        ('[{"ParameterKey": "A", "ParameterValue": "b"}, {"ParameterKey": "A", "ParameterValue": "b"}]', "entry 2"),
    ],
)
def test_a_parameter_file_that_is_none_is_refused(tmp_path: Path, text: str, remedy: str) -> None:
    path = tmp_path / "code-build-nodejs.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParameterFileError, match=remedy):
        read_parameters_for([str(path)])


def test_a_parameter_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "code-build-nodejs.json").write_bytes(b'[{"ParameterKey": "\xff"}]')
    for path in ("code-build-nodejs.json", "missing/code-build-nodejs.json", "code-build-nodejs.json/x"):
        with pytest.raises(ParameterFileError):
            read_parameters(tmp_path / path)
    with pytest.raises(ParameterFileError, match="rename it"):
        read_parameters(tmp_path / "a\nb.json")


@pytest.mark.parametrize("kind", ["device", "pipe", "link to a pipe", "socket", "directory"])
def test_what_is_no_regular_file_is_refused_without_reading_it(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("code-build-nodejs.json")
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to a pipe":
        os.mkfifo("pipe")
        path.symlink_to("pipe")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    else:
        path.mkdir()
    monkeypatch.setattr("builtins.open", None)
    monkeypatch.setattr("io.open", None)
    with pytest.raises(ParameterFileError, match="is not a regular file: save the values in one"):
        read_parameters(path)


def test_a_file_is_read_up_to_a_megabyte(tmp_path: Path) -> None:
    path = tmp_path / "code-build-nodejs.json"
    path.write_text("[]".ljust(1_000_000))
    assert read_parameters(path) == {}
    for size in (1_000_001, 1 << 40):
        os.truncate(path, size)
        with pytest.raises(ParameterFileError, match="has more than 1,000,000 bytes: give a parameter file"):
            read_parameters(path)


def test_several_files_are_one_set_of_values_if_they_agree(tmp_path: Path) -> None:
    for name, value in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).write_text(json.dumps([{"ParameterKey": "A", "ParameterValue": value}]))
    assert merged([tmp_path / "a", tmp_path / "b"], {"A"}) == {"A": "1"}
    with pytest.raises(ParameterFileError, match="another value"):
        merged([tmp_path / "a", tmp_path / "c"], {"A"})
    with pytest.raises(ParameterFileError, match="has a parameter 'A': leave it out"):
        merged([tmp_path / "a"], {"B"})


def test_some_values_are_checked_and_all_of_them_with_the_rules() -> None:
    name = "deployment-pipeline-for-all-env.yaml"
    check_some(built()[name], {"ECSTaskContainerName": "app"})
    for wrong in ({"ECSTaskContainerName": "no spaces"}, {"NoSuchParameter": "x"}):
        with pytest.raises(ParameterError):
            check_some(built()[name], wrong)
    same = parameters(name) | {"CodePipelineNameForQAEnv": parameters(name)["CodePipelineNameForDevEnv"]}
    with pytest.raises(ParameterError, match="pipeline of its own"):
        check_some(built()[name], same)
