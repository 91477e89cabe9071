"""The command that rehearses: what it refuses, and a rehearsal without an engine."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from ecs_cd_templates.cli import main

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--app", "missing"], "--app: 'missing': is no folder"),
        (["--environment", "Stage"], "'Stage': is none of Dev, QA, Prod"),
        (["--settings", str(ROOT / "examples" / "ten-services.yaml")], "name one of them"),
        (["--engine", "other"], "invalid choice"),
    ],
)
def test_what_cannot_be_tried_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT / "sample-app")
    engine = [] if "--engine" in arguments else ["--engine", "none"]
    assert main(["rehearse", *arguments, *engine]) == 2
    assert message in capsys.readouterr().err


def test_without_an_engine_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecs_cd_templates.rehearsal.engines.shutil.which", lambda _: None)
    assert main(["rehearse", "--app", str(ROOT / "sample-app")]) == 2
    assert "apt-get install buildah docker-registry" in capsys.readouterr().err


def test_without_its_extra_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import ecs_cd_templates.rehearsal

    monkeypatch.setitem(sys.modules, "ecs_cd_templates.rehearsal.engines", None)
    monkeypatch.delattr(ecs_cd_templates.rehearsal, "engines", raising=False)
    assert main(["rehearse"]) == 2
    assert "[rehearse]" in capsys.readouterr().err


@pytest.mark.slow
def test_a_failing_test_lets_no_image_be_built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = tmp_path / "app"
    app.mkdir()
    shutil.copy(ROOT / "sample-app" / "buildspec_containerImage.yml", app)
    spec = {
        "version": "0.2",
        "phases": {"build": {"commands": ["echo 1 test failed; exit 1"]}},
        "artifacts": {"files": "*"},
    }
    (app / "buildspec_nodejs.yml").write_text(json.dumps(spec), encoding="utf-8")
    status = main(["rehearse", "--app", str(app), "--engine", "none", "--environment", "Dev", "--format", "json"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert status == 1
    steps = [line["step"] for line in lines if line.get("step", "") not in ("unused", "")]
    assert steps == ["application", "launch", "push", "source", "build", "build", "roles"]
    assert "exit status 1" in lines[4]["text"]
    assert any(line["text"] == "1 test failed" for line in lines)
    (roles,) = [line["text"] for line in lines if line.get("step") == "roles"]
    assert "all allowed by the role that made them" in roles
    assert lines[1]["text"].startswith("quick-start.yaml: 107 resources")
