"""A parameter file is read as it is or refused, and its values are checked."""

from __future__ import annotations

import json
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
