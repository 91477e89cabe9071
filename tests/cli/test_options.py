"""Every command takes environments and build steps, and an error about a setting is one about its option."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from commands import Command
from ecs_cd_templates import (
    BUILD_STEPS,
    UNIT_TESTS,
    BuildStep,
    Environment,
    PipelineSettings,
    RenderSettings,
    environments,
)
from ecs_cd_templates.catalog import templates
from support import rendered

TWO = ["--environment", "Dev", "--environment", "Live,name=live site,branch=live,approval,production"]
STEP = ["--build-step", "OwnCheck,buildspec=scan.yml,privileged"]
SCAN = BuildStep(name="OwnCheck", display_name="own check", buildspec="scan.yml", privileged=True)


def _with_scan() -> list[BuildStep]:
    """The usual steps, with the scan after the unit tests."""
    steps = list(BUILD_STEPS)
    steps.insert(steps.index(UNIT_TESTS) + 1, SCAN)
    return steps


SETTINGS = RenderSettings(
    environments=[
        environments.ENVIRONMENTS[0],
        Environment(
            id="Live", display_name="live site", default_branch="live", approval="before_build", production=True
        ),
    ],
    pipeline=PipelineSettings(steps=_with_scan()),
)
BUCKET = ["--bucket", "my-bucket", "--region", "eu-west-1"]


def test_render_and_list(command: Command) -> None:
    assert command("render", *TWO, *STEP) == 0
    for name, text in rendered(SETTINGS).items():
        assert Path("templates", name).read_text(encoding="utf-8") == text
    assert command("render", "--check", *TWO, *STEP) == 0
    assert command("render", "--check", *TWO) == 1
    assert command("list", *TWO, *STEP) == 0
    assert [line.split()[0] for line in command.out.splitlines()] == list(templates(SETTINGS))


def test_policies(command: Command) -> None:
    Path("p.json").write_text("[]", encoding="utf-8")
    place = ["--account", "111122223333", "--region", "us-east-1", "--params", "p.json", "--output-dir", "policies"]
    assert command("policies", *place, *TWO, *STEP) == 0
    assert Path("policies/ecs-cd-codebuild-own-check.json").exists()
    pipelines = json.loads(Path("policies/ecs-cd-events.json").read_text(encoding="utf-8"))["Statement"][0]["Resource"]
    assert [arn.rpartition(":")[2] for arn in pipelines] == ["ecs-cd-dev", "ecs-cd-live"]
    # What the names that other templates ask for may mean depends on the environments.
    rows = [{"ParameterKey": "ECSClusterName", "ParameterValue": "c"}]
    Path("p.json").write_text(json.dumps(rows), encoding="utf-8")
    command.assert_refuses("policies", *place, *TWO)
    assert "ECSClusterNameForDevEnv or ECSClusterNameForLiveEnv" in command.err
    rows = [{"ParameterKey": "CodeBuildProjectName", "ParameterValue": "c2"}]
    Path("p.json").write_text(json.dumps(rows), encoding="utf-8")
    command.assert_refuses("policies", *place, *STEP)
    *before, last = [step.project.name for step in _with_scan()]
    assert f"asks for it: {', '.join(before)} or {last}\n" in command.err


def test_links(command: Command) -> None:
    names = ["quick-start.yaml", "code-build-ownCheck.yaml"]
    assert command("links", *BUCKET, *TWO, *STEP, "--format", "json", "--template", *names) == 0
    assert [link["template"] for link in json.loads(command.out)] == names
    command.assert_refuses("links", *BUCKET, "--template", "code-build-ownCheck.yaml")
    assert (
        "template: 'code-build-ownCheck.yaml': there is no such template: give one of quick-start.yaml" in command.err
    )
    # A file belongs to the template that it is named like, which there may be with these settings only.
    rows = [{"ParameterKey": "CodeBuildProjectName", "ParameterValue": "scan"}]
    Path("code-build-ownCheck.json").write_text(json.dumps(rows), encoding="utf-8")
    file = ["--params", "code-build-ownCheck.json"]
    assert command("links", *BUCKET, *STEP, *file, "--format", "json") == 0
    assert "param_CodeBuildProjectName=scan" in command.out
    command.assert_refuses("links", *BUCKET, *file)


def test_page(command: Command) -> None:
    assert command("page", *BUCKET, *TWO, *STEP) == 0
    text = Path("launch.html").read_text(encoding="utf-8")
    assert "CodePipelineNameForLiveEnv" in text
    assert "live site" in text
    assert "CodeBuildOwnCheckProjectName" in text
    assert "ForProdEnv" not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("QA", environments.ENVIRONMENTS[1]),
        # What is said of a usual one changes that, and nothing else.
        ("Dev,branch=main", replace(environments.ENVIRONMENTS[0], default_branch="main")),
        ("Prod,branch=main", replace(environments.ENVIRONMENTS[-1], default_branch="main")),
        (
            "QA,name=tests,approval",
            replace(environments.ENVIRONMENTS[1], display_name="tests", approval="before_build"),
        ),
        ("QA,production", replace(environments.ENVIRONMENTS[1], production=True)),
        ("Prod,approval=before_deploy", replace(environments.ENVIRONMENTS[-1], approval="before_deploy")),
        ("New", Environment(id="New", display_name="New")),
        ("New,approval", Environment(id="New", display_name="New", approval="before_build")),
        ("New,approval=before_build", Environment(id="New", display_name="New", approval="before_build")),
        (
            "New,approval=before_deploy,production",
            Environment(id="New", display_name="New", approval="before_deploy", production=True),
        ),
        ("New,name=a = b", Environment(id="New", display_name="a = b")),
    ],
)
def test_environments(text: str, expected: Environment, command: Command) -> None:
    settings = RenderSettings(environments=[expected])
    assert command("render", "--environment", text) == 0
    assert Path("templates/quick-start.yaml").read_text(encoding="utf-8") == rendered(settings)["quick-start.yaml"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--environment", ""], "--environment: '': use 1 to 18"),
        (["--environment", "A-b"], "--environment: 'A-b': use 1 to 18"),
        (["--environment", "A,name="], "--environment name: '': use 1 to 80"),
        (["--environment", "A,branch=a b"], "--environment branch: 'a b': Give a branch's name"),
        (["--environment", "prod"], "--environment: 'prod': differs from the usual Prod in case only: write Prod"),
        (["--environment", "A,name=${AWS::Region}"], "--environment name: '${AWS::Region}': leave out ${, #{ and {{"),
        (["--environment", "A,name=EU, West"], "and a text has no comma here"),
        (["--build-step", "BuildApp"], "--build-step: 'BuildApp': is also the action of the step Nodejs"),
        (["--build-step", "NodeJS"], "--build-step: 'NodeJS': is also the name of the step Nodejs"),
        (["--output-dir", ""], "argument --output-dir: give a directory"),
        (["--env", "Dev"], "unrecognized arguments: --env Dev"),
        (["--environment", "A" * 19], f"--environment: '{'A' * 19}': use 1 to 18"),
        (
            ["--environment", "A,approval=yes"],
            "--environment approval: 'yes': must be one of before_build, before_deploy",
        ),
        (["--environment", "A,approval="], "--environment approval: '': must be one of before_build, before_deploy"),
        (["--environment", "A,approval,approval=before_deploy"], "says 'approval' twice: say it once"),
        (
            ["--environment", "A,production=yes"],
            "'production=yes' is not one of approval=…, branch=…, name=…, approval, production",
        ),
        (["--environment", "A,nam=x"], "'nam=x' is not one of"),
        (["--environment", "A,name=x,name=y"], "says 'name' twice: say it once"),
        (["--environment", "A", "--environment", "a"], "--environment: 'a': is also that of the environment A"),
        ([part for n in range(9) for part in ("--environment", f"E{n}")], "--environment: '9 environments'"),
        (["--build-step", "scan"], "--build-step: 'scan': use 1 to 19"),
        (["--build-step", "Scan,buildspec=/x"], "--build-step buildspec: '/x': give the file's path"),
        (
            ["--build-step", "Scan,after=Tests"],
            "--build-step after: 'Tests': is no step: set what Scan comes after to one of source, tests, image, Nodejs",
        ),
        (
            ["--build-step", "A,after=B", "--build-step", "B,after=A"],
            "--build-step after: 'A': is itself after B: set what B",
        ),
        (["--build-step", "Nodejs"], "--build-step: 'Nodejs': is also the name of the step Nodejs"),
        (["--build-step", "Deploy"], "--build-step: 'Deploy': is the action of something else in the pipelines"),
        (["--build-step", "Task"], "--build-step: 'Task': is the name of something else in the pipelines"),
        (["--nested-base-url", "http://x"], "--nested-base-url: 'http://x': give an https address"),
    ],
)
def test_an_error_names_the_option(options: list[str], message: str, command: Command) -> None:
    command.assert_refuses("render", *options)
    assert message in command.err
    assert "Settings." not in command.err


def test_what_is_not_given_is_not_called_none(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "nowhere")
    command.assert_refuses("publish", "--bucket", "my-bucket")
    assert command.err == "ecs-cd-templates: error: region: not given: say where the bucket is, with --region\n"
    command.assert_refuses("links", "--bucket", "my-bucket")
    assert "bucket region: not given: say where the bucket is, with --bucket-region" in command.err


def test_the_options_are_explained(command: Command) -> None:
    for name in ("render", "list", "policies", "publish", "links", "page"):
        assert command(name, "--help") == 0
        usage = "--environment ID[,name=TEXT][,branch=BRANCH][,approval[=before_deploy]][,production]"
        assert usage in " ".join(command.out.split())
        assert "--build-step NAME" in command.out


def test_steps_after_the_same_one_stay_in_the_order_in_which_they_were_given(command: Command) -> None:
    assert command("list", "--build-step", "First", "--build-step", "Second", "--build-step", "Zero,after=Nodejs") == 0
    names = [line.split()[0] for line in command.out.splitlines()]
    own = [
        name for name in names if name in {"code-build-first.yaml", "code-build-second.yaml", "code-build-zero.yaml"}
    ]
    assert own == ["code-build-first.yaml", "code-build-second.yaml", "code-build-zero.yaml"]
    assert names.index(own[0]) == names.index("code-build-nodejs.yaml") + 1 or len(BUILD_STEPS) > 2


def test_steps_have_their_places_whatever_order_they_are_given_in(command: Command) -> None:
    given = ("Last,after=Late", "Late,after=image", "Middle,after=tests", "Early,after=source")
    assert command("list", *(part for text in given for part in ("--build-step", text))) == 0
    builds = [name for line in command.out.splitlines() if (name := line.split()[0]).startswith("code-build-")]
    usual = [step.file_name for step in BUILD_STEPS]
    early, *usual_and_middle, late, last = builds
    assert (early, late, last) == ("code-build-early.yaml", "code-build-late.yaml", "code-build-last.yaml")
    assert [name for name in usual_and_middle if name in usual] == usual
    assert builds.index("code-build-middle.yaml") == builds.index("code-build-nodejs.yaml") + 1


def test_a_path_that_does_not_fit_on_a_line_is_written_out(command: Command) -> None:
    assert command("render", "--output-dir", "a\nb") == 0
    assert len(command.out.splitlines()) == len(templates())
    assert command.out.splitlines()[0] == "written: 'a\\nb/quick-start.yaml'"
