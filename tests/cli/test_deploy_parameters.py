"""The command deploy-parameters: what it writes and prints, and what it refuses."""

from __future__ import annotations

import itertools
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import Command, settings
from ecs_cd_templates.cfn.evaluation import check_parameters
from ecs_cd_templates.cfn.reading import from_yaml
from ecs_cd_templates.launch.parameter_files import read_parameters
from ecs_cd_templates.services import read_settings
from ecs_cd_templates.services.stacks import stacks
from launched import REGION, ZONES, Aws, Fault, Stack, answering, image, stack_of

ASK = ("deploy-parameters", "--stack-name", "shop")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    return answering(monkeypatch)


@pytest.fixture
def stack(aws: Aws) -> Stack:
    stack = stack_of("quick-start.yaml")
    aws.stacks.append(stack)
    for name, service in stack.services.items():
        service.deploy(image(name.removeprefix("ECSServiceFor").removesuffix("Env").lower()))
    return stack


def _expected(stack: Stack) -> dict[str, str]:
    changed = {"ECSTaskImages": ",".join(map(image, ("dev", "qa", "prod")))}
    return stack.parameters | changed | dict(zip(("AvailabilityZone1", "AvailabilityZone2"), ZONES, strict=True))


def test_it_prints_the_file(command: Command, stack: Stack) -> None:
    assert command(*ASK) == 0
    assert command.err == ""
    Path("printed.json").write_text(command.out)
    assert read_parameters(Path("printed.json")) == _expected(stack)


def test_it_writes_the_file_and_prints_the_next_command(command: Command, stack: Stack) -> None:
    assert command(*ASK, "-o", "next update/shop.json") == 0
    assert command.out == "written: next update/shop.json\n"
    assert read_parameters(Path("next update/shop.json")) == _expected(stack)
    (line,) = command.err.splitlines()
    words = shlex.split(line.removeprefix("next: "))
    assert words[:3] == ["aws", "cloudformation", "update-stack"]
    assert "--use-previous-template" in words
    given = dict(itertools.pairwise(words))
    assert (given["--stack-name"], given["--region"]) == ("shop", REGION)
    assert given["--capabilities"] == "CAPABILITY_NAMED_IAM"
    assert Path(given["--parameters"].removeprefix("file://")).is_file()
    assert "--profile" not in words

    assert command(*ASK, "-o", "next update/shop.json") == 0
    assert command.out == "unchanged: next update/shop.json\n"


def test_what_to_do_first_is_a_warning_instead_of_the_next_command(command: Command, stack: Stack) -> None:
    stack.services["ECSServiceForProdEnv"].deploy(image("prod", 2), "IN_PROGRESS")
    for options in ((), ("-o", "shop.json")):
        assert command(*ASK, *options) == 0
        (line,) = command.err.splitlines()
        assert line.startswith("ecs-cd-templates: warning: service sample-app-prod: a deployment is under way")
    assert read_parameters(Path("shop.json")) == _expected(stack)


def test_region_and_profile_are_passed_on(
    command: Command, stack: Stack, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("config").write_text("[profile team]\nregion = us-west-2\naws_access_key_id = x\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", "config")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert command(*ASK, "--region", REGION, "--profile", "team", "-o", "shop.json") == 0
    assert f"--region {REGION} --profile team" in command.err
    command.assert_refuses(*ASK, "--profile", "nobody")
    assert "nobody" in command.err


@pytest.mark.parametrize("fault", [Fault("AccessDenied", 403), Fault("SomethingNew", 500)], ids=["denied", "broken"])
@pytest.mark.parametrize(
    "call",
    [
        *("cloudformation:DescribeStacks", "cloudformation:GetTemplate", "cloudformation:ListStackResources"),
        *("ecs:DescribeServices", "ecs:DescribeTaskDefinition"),
    ],
)
def test_a_refusal_leaves_the_file_as_it_was(
    command: Command, stack: Stack, aws: Aws, monkeypatch: pytest.MonkeyPatch, fault: Fault, call: str
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    Path("shop.json").write_text("mine")
    aws.fault = lambda asked: fault if asked == call else None
    command.assert_refuses(*ASK, "-o", "shop.json")
    assert Path("shop.json").read_text() == "mine"
    assert (call in command.err) == (fault.status == 403)


def _no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")


def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")


def _no_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)


def _nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pass


@pytest.mark.parametrize(
    ("lacking", "arguments", "says"),
    [
        (_no_region, ASK, "region: not given: say where the stack is, with --region"),
        (_no_credentials, ASK, "no credentials are configured"),
        (_no_boto3, ASK, "package: 'boto3': is missing"),
        (_nothing, (*ASK, "--region", "eu-west-9"), "'eu-west-9'"),
        (_nothing, ("deploy-parameters", "--stack-name", "shp"), "there is no such stack in eu-west-1"),
        (_nothing, ("deploy-parameters", "--stack-name", ""), "stack: ''"),
        (_nothing, ("deploy-parameters",), "--stack-name"),
        (_nothing, (*ASK, "-o", ""), "is not a regular file"),
        (_nothing, (*ASK, "-o", "file/shop.json"), "'file'"),
    ],
)
def test_what_it_cannot_do_is_one_line(
    command: Command,
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    lacking: Callable[[pytest.MonkeyPatch], None],
    arguments: tuple[str, ...],
    says: str,
) -> None:
    Path("file").write_text("mine")
    lacking(monkeypatch)
    command.assert_refuses(*arguments)
    assert says in command.err


def test_its_options_are_explained(command: Command) -> None:
    assert command("deploy-parameters", "--help") == 0
    for word in ("--stack-name", "--region", "--profile", "--output", "Changes nothing"):
        assert word in command.out


def test_it_says_what_a_new_template_restarts(command: Command, stack: Stack) -> None:
    Path("new.yaml").write_text(stack.body, encoding="utf-8")
    assert command(*ASK, "--template-file", "new.yaml", "-o", "now.json") == 0
    assert command.err == "ecs-cd-templates: the template restarts no task\n"
    text = stack.body.replace("NetworkMode: awsvpc", "NetworkMode: awsvpc\n      IpcMode: none")
    Path("new.yaml").write_text(text, encoding="utf-8")
    assert command(*ASK, "--template-file", "new.yaml", "-o", "now.json") == 0
    every = ", ".join(f"ECSTaskDefinitionFor{key}Env" for key in ("Dev", "QA", "Prod"))
    assert f"starts the tasks of {every} anew: it needs the images in the file" in command.err


@pytest.mark.parametrize("file", ["nowhere.yaml", ".", "/dev/zero", "latin.yaml", "params/vpc.json"])
def test_what_is_no_template_is_refused(command: Command, stack: Stack, file: str) -> None:
    Path("latin.yaml").write_bytes(b"Parameters: \xe9")
    command.assert_refuses(*ASK, "--template-file", file)
    assert "template" in command.err


# ---- with a settings file --------------------------------------------------------------------------------------

FILE = "services: {{shop: {{health_check_path: {}, environments: {{QA: {{tasks: 2}}}}}}}}\n"


@pytest.fixture
def of_file(command: Command, aws: Aws) -> Stack:
    """The quick start of the service in the file, launched with the values that the file had."""
    settings(FILE.format("/old"))
    (service,) = read_settings("ecs-cd.yaml")
    (target,) = service.targets
    (values,) = [each.values for each in stacks(target) if each.template == "quick-start.yaml"]
    stack = stack_of("quick-start.yaml", target.settings, "shop-quick-start", **values)
    aws.stacks.append(stack)
    stack.services["ECSServiceForQAEnv"].deploy(image("qa"))
    return stack


OF_FILE = ("deploy-parameters", "--stack-name", "shop-quick-start", "-o", "update.json")


def test_the_values_of_the_file_win_but_what_runs_stays(command: Command, of_file: Stack) -> None:
    assert command(*OF_FILE) == 0
    unchanged = read_parameters(Path("update.json"))
    assert command.err.startswith("next: ")
    assert unchanged["ECSTaskImages"].split(",")[1] == image("qa")
    settings(FILE.format("/new"))
    assert command(*OF_FILE) == 0
    told, following = command.err.splitlines()
    assert told == "ecs-cd-templates: ecs-cd.yaml changes HealthCheckPath"
    assert following.startswith("next: ")
    assert read_parameters(Path("update.json")) == unchanged | {"HealthCheckPath": "/new"}
    assert command(*OF_FILE, "--service", "shop") == 0
    # An ARN is as good as the name.
    assert command(*OF_FILE[:2], of_file.arn) == 0
    assert '"/new"' in command.out


def test_a_new_environment_brings_its_first_image(command: Command, of_file: Stack) -> None:
    text = "environments: [{id: Dev}, {id: QA}, {id: Prod}, {id: Next}]\n" + FILE.format("/old")
    settings(text)
    command("render")
    template = "services/shop/templates/quick-start.yaml"
    assert command(*OF_FILE, "--template-file", template) == 0, command.err
    assert "the template starts the tasks of ECSTaskDefinitionForNextEnv anew" in command.err
    values = read_parameters(Path("update.json"))
    images = values["ECSTaskImages"].split(",")
    assert images[1] == image("qa")
    assert len(images) == 4
    template_data = from_yaml(Path(template).read_text(encoding="utf-8"))
    assert check_parameters(template_data, values) == values
    settings(text.replace("tasks: 2", "tasks: 2, size: {cpu: 1024, memory: 2048}"))
    command("render")
    assert command(*OF_FILE, "--template-file", template) == 0, command.err
    both = "ECSTaskDefinitionForQAEnv, ECSTaskDefinitionForNextEnv"
    assert f"starts the tasks of {both} anew" in command.err
    assert "ecs-cd.yaml changes " in command.err


def test_a_stack_of_no_service_is_as_it_was(command: Command, stack: Stack, of_file: Stack) -> None:
    assert command(*ASK) == 0
    assert command.err == ""
    Path("printed.json").write_text(command.out)
    assert read_parameters(Path("printed.json")) == _expected(stack)
    for named in (["--service", "shop"], ["--settings", "ecs-cd.yaml"]):
        command.assert_refuses(*ASK, *named)
        assert "stack: 'shop': is no stack of ecs-cd.yaml in 111122223333 and eu-west-1" in command.err


def test_a_stack_in_another_account_is_another(command: Command, of_file: Stack) -> None:
    text = FILE.format("/new")
    settings('environments: [{id: Dev, account: "444455556666", region: eu-west-1}]\n' + text.replace("QA", "Dev"))
    command.assert_refuses(*OF_FILE, "--service", "shop")
    assert command(*OF_FILE) == 0
    assert read_parameters(Path("update.json"))["HealthCheckPath"] == "/old"
    settings("services: {}")
    command.assert_refuses(*OF_FILE)
