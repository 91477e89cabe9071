"""The command that says what is wrong in templates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecs_cd_templates.cli import main

ROOT = Path(__file__).parents[2]
TEMPLATE, PARAMS = ROOT / "templates" / "code-build-nodejs.yaml", ROOT / "params" / "code-build-nodejs.json"


def edited(tmp_path: Path, old: str, new: str, name: str = "code-build-nodejs.yaml") -> Path:
    text = (ROOT / "templates" / name).read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / name
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_nothing_is_found_in_a_template_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(TEMPLATE), "--params", str(PARAMS)]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "0 findings\n")


def test_a_finding_names_file_place_and_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = edited(tmp_path, "Type: CODEPIPELINE\n        BuildSpec", "Type: GITHUB\n        BuildSpec")
    assert main(["check", str(path), "--params", str(PARAMS)]) == 1
    captured = capsys.readouterr()
    assert f"{path}: Resources/CodeBuildProject/Properties/Source: Source is of the type GITHUB" in captured.out
    assert "use CODEPIPELINE (https://docs.aws.amazon.com/" in captured.out
    assert "[E9705]" in captured.out
    assert captured.err == "1 finding\n"


def test_what_no_linter_sees_is_found_with_the_parameters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = [{"ParameterKey": "CodeBuildProjectName", "ParameterValue": "not a name!"}]
    params = tmp_path / "params.json"
    params.write_text(json.dumps(values), encoding="utf-8")
    assert main(["check", str(TEMPLATE), "--params", str(params)]) == 1
    assert "CodeBuildProjectName" in capsys.readouterr().out


def test_without_values_it_says_what_was_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(TEMPLATE)]) == 0
    assert "without --params, only linted" in capsys.readouterr().err


def test_the_findings_can_be_had_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = edited(tmp_path, "Type: CODEPIPELINE\n        BuildSpec", "Type: GITHUB\n        BuildSpec")
    assert main(["check", str(path), "--params", str(PARAMS), "--format", "json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert set(row) == {"file", "where", "check", "text", "source"}
    assert row["file"] == str(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), ("Resources: [", "is not a CloudFormation template"), (b"\xff\xfe", "is no text")],
)
def test_a_file_that_is_no_template_is_refused(
    tmp_path: Path, content: str | bytes | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "template.yaml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["check", str(path)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert str(path) in captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--region", "nowhere"], "is no region"),
        ([str(TEMPLATE), "--params", str(PARAMS)], "is for one template"),
        (["--params", "missing.json"], "missing.json"),
    ],
)
def test_arguments_that_cannot_be_are_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(TEMPLATE), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_without_cfn_lint_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cfnlint.api", None)
    assert main(["check", str(TEMPLATE), "--params", str(PARAMS)]) == 2
    assert "cfn-lint: is missing" in capsys.readouterr().err.replace("'", "")
