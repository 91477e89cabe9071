"""The policy for developers is written beside the roles', or alone, and never for names that are not meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commands import ACCOUNTS, SERVICES, Command, settings
from ecs_cd_templates import PipelineSettings, RenderSettings
from ecs_cd_templates.catalog import ALL_ENVIRONMENTS, QUICK_START
from ecs_cd_templates.cli import policies
from ecs_cd_templates.launch.developers_policy import FILE_NAME, developers_policy, quick_start_policy
from ecs_cd_templates.launch.key_policy import FILE_NAME as KEY_POLICY
from ecs_cd_templates.launch.key_policy import key_policy
from support import FILES, TARGET, key_arn, parameters

PLACE = ["policies", "--account", "111122223333", "--region", "us-east-1", "--output-dir", "out"]
BOTH = [FILES["prerequisites.yaml"], FILES[ALL_ENVIRONMENTS]]


def write(path: str, **values: str) -> str:
    rows = [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
    Path(path).write_text(json.dumps(rows), encoding="utf-8")
    return path


def read() -> dict[str, Any]:
    policy: dict[str, Any] = json.loads(Path("out", FILE_NAME).read_text(encoding="utf-8"))
    return policy


def branches() -> list[str]:
    found: list[str] = read()["Statement"][0]["Condition"]["StringEqualsIfExists"]["codecommit:References"]
    return found


def test_written_beside_the_roles(command: Command) -> None:
    assert command(*PLACE, "--params", *BOTH) == 0
    assert read() == developers_policy(parameters(ALL_ENVIRONMENTS), TARGET)
    assert Path("out/ecs-cd-codepipeline.json").exists()


def test_written_alone_for_the_quick_start(command: Command) -> None:
    assert command(*PLACE, "--quick-start", "--params", FILES[QUICK_START]) == 0
    assert read() == quick_start_policy({}, TARGET)
    assert [path.name for path in Path("out").iterdir()] == [FILE_NAME]
    # It has nothing that must be typed.
    assert command(*PLACE, "--quick-start") == 0
    assert read() == quick_start_policy({}, TARGET)


def test_not_written_where_nobody_approves(command: Command) -> None:
    assert command(*PLACE, "--environment", "Dev") == 0
    assert not Path("out", FILE_NAME).exists()
    Path("out").rename("before")
    command.assert_refuses(*PLACE, "--environment", "Dev", "--quick-start")
    assert "--environment: ['Dev']: nothing to deny" in command.err


def test_a_branch_that_nobody_names_is_not_left_open(command: Command) -> None:
    assert command(*PLACE, "--params", BOTH[0]) == 0
    said = "CodeCommitBranchNameForProdEnv: not given: developers must not push to this branch: name it"
    assert f"developers.deny.json is not written: {said}" in command.err
    # Who wants the roles' policies alone has them.
    assert [path.name for path in Path("out").glob("*.deny.json")] == []
    assert len(list(Path("out").iterdir())) == 8
    # The branch that the form proposes is known.
    assert command(*PLACE, "--params", BOTH[0], "--environment", "Prod,branch=live") == 0
    assert branches() == ["refs/heads/live"]


def test_a_pipeline_of_its_own(command: Command) -> None:
    """The single pipeline's file names what the only environment has."""
    alone = FILES["deployment-pipeline-with-approval.yaml"]
    assert command(*PLACE, "--environment", "Prod", "--params", alone) == 0
    assert branches() == ["refs/heads/prod"]
    own = write(
        "own.json", CodePipelineName="release", CodeCommitBranchName="live", CodePipelineNameForProdEnv="release"
    )
    assert command(*PLACE, "--environment", "Prod", "--params", own) == 0
    assert branches() == ["refs/heads/live"]
    assert ":release/Build/Approval" in json.dumps(read())
    roles = json.loads(Path("out/ecs-cd-prod-events.json").read_text(encoding="utf-8"))
    assert roles["Statement"][0]["Resource"] == ["arn:aws:codepipeline:us-east-1:111122223333:release"]
    Path("out").rename("before")
    other = write("other.json", CodePipelineName="release", CodeCommitBranchName="x", CodePipelineNameForProdEnv="y")
    command.assert_refuses(*PLACE, "--environment", "Prod", "--params", other)
    assert "CodePipelineName: 'release': CodePipelineNameForProdEnv has another value" in command.err
    # Among several, it does not say whose it is.
    command.assert_refuses(*PLACE, "--params", write("branch.json", CodeCommitBranchName="x"))
    assert f"as {ALL_ENVIRONMENTS} asks for it: CodeCommitBranchNameForDevEnv, " in command.err


@pytest.mark.parametrize("name", ["developers.deny", "Developers.Deny"])
def test_does_not_take_the_file_of_a_role(name: str, command: Command) -> None:
    role = write("role.json", CodePipelineServiceRoleName=name, CodeCommitBranchNameForProdEnv="prod")
    command.assert_refuses(*PLACE, "--params", role)
    assert f"role name: '{name}': its file would be {FILE_NAME}, which is another: choose another" in command.err
    # Without the developers' file it is in nobody's way.
    role = write("role.json", CodePipelineServiceRoleName=name)
    assert command(*PLACE, "--params", role, "--environment", "Dev") == 0


def test_an_application_is_not_taken_for_its_defaults(command: Command) -> None:
    """Policies for other names than the application's would protect nothing."""
    application = write("app.json", ApplicationName="shop", CodeCommitBranchNameForProdEnv="prod")
    command.assert_refuses(*PLACE, "--params", application)
    assert "ApplicationName: 'shop': " in command.err
    assert "--quick-start" in command.err
    assert command(*PLACE, "--quick-start", "--params", application) == 0
    assert ":shop-prod/Build/Approval" in json.dumps(read())
    # And what the quick start does not ask for is not passed over.
    Path("out").rename("before")
    command.assert_refuses(*PLACE, "--quick-start", "--params", FILES[ALL_ENVIRONMENTS])
    assert "the template has no such parameter" in command.err


def test_statements_for_the_policy_of_an_own_key(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = RenderSettings(pipeline=PipelineSettings(own_key=True))
    monkeypatch.setattr(policies, "render_settings", lambda _options: settings)
    files = [*BOTH, write("key.json", KmsKeyArn=key_arn(TARGET))]
    assert command(*PLACE, "--params", *files) == 0
    values = parameters("prerequisites.yaml") | {"KmsKeyArn": key_arn(TARGET)}
    written = json.loads(Path("out", KEY_POLICY).read_text(encoding="utf-8"))
    assert written == key_policy(values, TARGET, settings)
    Path("out").rename("before")
    for name in ("key-policy", "Key-Policy"):
        named = {"KmsKeyArn": key_arn(TARGET), "CodeCommitBranchNameForProdEnv": "prod"}
        command.assert_refuses(*PLACE, "--params", write("role.json", CodePipelineServiceRoleName=name, **named))
        assert f"role name: '{name}': its file would be {KEY_POLICY}, which is another" in command.err


# ---- with a settings file --------------------------------------------------------------------------------------


def _read(*path: str) -> Any:
    return json.loads(Path("out", *path).read_text(encoding="utf-8"))


def test_a_folder_for_each_service(command: Command) -> None:
    settings(SERVICES)
    assert command(*PLACE) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["cart", "shop"]
    assert (Path("out/shop/shop-shared-pipeline.json")).exists()
    policy = Path("out/cart/cart-shared-pipeline.json").read_text(encoding="utf-8")
    assert ":cart" in policy
    assert "shop" not in policy
    assert _read("shop", FILE_NAME)["Statement"][0]["Condition"]["StringEqualsIfExists"] == {
        "codecommit:References": ["refs/heads/live"]
    }
    # It says nothing that the options may not say.
    first = {path.name: path.read_bytes() for path in Path("out/shop").iterdir()}
    command("render")
    files = [f"services/shop/params/{name}.json" for name in ("prerequisites", "deployment-pipeline-for-all-env")]
    Path("ecs-cd.yaml").rename("elsewhere.yaml")
    place = [word if word != "out" else "again" for word in PLACE]
    environments = ["--environment", "Dev,branch=main", "--environment", "Prod,branch=live,approval"]
    assert command(*place, *environments, "--params", *files) == 0
    assert {path.name: path.read_bytes() for path in Path("again").iterdir()} == first


def test_the_file_says_where(command: Command) -> None:
    arn = "arn:aws:codeconnections:eu-west-1:111122223333:connection/1234abcd-12ab-34cd-56ef-1234567890ab"
    settings(ACCOUNTS.replace("connection: acme", f"connection: {arn}"))
    assert command("policies", "--output-dir", "out") == 0
    policy = Path("out/shop/444455556666-eu-central-1/shop-sharedeucentral1-pipeline.json").read_text(encoding="utf-8")
    assert "444455556666" in policy
    assert "eu-central-1" in policy
    # Development waits for nobody.
    assert not Path("out/shop/111122223333-eu-west-1", FILE_NAME).exists()
    assert command("policies", "--quick-start", "--output-dir", "quick") == 0
    assert [str(path) for path in Path("quick").rglob("*.json")] == [
        f"quick/shop/444455556666-eu-central-1/{FILE_NAME}"
    ]


@pytest.mark.parametrize(
    ("text", "arguments", "told"),
    [
        (ACCOUNTS, [], "ConnectionArn of shop/111122223333-eu-west-1: not given: the policies name it: make it first"),
        (ACCOUNTS, ["--account", "999999999999"], "--account: '999999999999': the settings file says 111122223333"),
        (ACCOUNTS, ["--region", "us-east-1"], "--region: 'us-east-1': the settings file says eu-west-1"),
        (SERVICES, [], "--account: not given: say which account the pipelines are in"),
        (SERVICES, ["--account", "1"], "--region: not given"),
        (SERVICES, ["--params", "x.json"], "--params: ['x.json']: the settings file has the values: leave it out"),
        (SERVICES, [*PLACE[1:5], "--service", "none"], "--service: 'none': is no service of ecs-cd.yaml"),
        (
            SERVICES.replace("before_build", "none"),
            [*PLACE[1:5], "--quick-start"],
            "services: ['shop', 'cart']: nothing to deny: add approval to an environment",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(command: Command, text: str, arguments: list[str], told: str) -> None:
    settings(text)
    command.assert_refuses("policies", "--output-dir", "out", *arguments)
    assert told in command.err
