"""The command render with a settings file: each service has a folder, and all of them are written or none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from commands import ACCOUNTS, SERVICES, Command, settings, state
from ecs_cd_templates.cfn.reading import from_yaml
from ecs_cd_templates.services import Target, read_settings
from ecs_cd_templates.services.files import files

TWO = ("111122223333-eu-west-1", "444455556666-eu-central-1")


def _targets(*folders: str) -> dict[str, Target]:
    every = [target for service in read_settings("ecs-cd.yaml") for target in service.targets]
    return dict(zip(folders, every, strict=True))


def _written(*folders: str) -> dict[str, str]:
    return {
        f"{path}/{name}": text for path, target in _targets(*folders).items() for name, text in files(target).items()
    }


def _below(directory: str) -> dict[str, str]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes().decode()
        for path in Path(directory).rglob("*")
        if path.is_file()
    }


def _counts(changes: dict[str, int], directory: str = "services") -> str:
    every = {path: len(files(target)) for path, target in _targets(*changes).items()}
    return "".join(
        f"{os.path.join(directory, path)}: {changed} of {every[path]} files written\n"
        for path, changed in changes.items()
    )


def test_a_folder_for_each_service_of_the_file_that_is_found(command: Command) -> None:
    settings(SERVICES)
    assert command("render") == 0
    count = {path: len(files(target)) for path, target in _targets("shop", "cart").items()}
    assert (command.out, command.err) == (_counts(count), "")
    assert _below("services") == _written("shop", "cart")
    before = state(Path.cwd())
    assert command("render") == 0
    assert command.out == _counts({"shop": 0, "cart": 0})
    assert state(Path.cwd()) == before


def test_a_named_file_one_service_and_another_directory(command: Command) -> None:
    settings(SERVICES, "ours.yaml")
    assert command("render", "--settings", "ours.yaml", "--service", "cart", "--output-dir", "out") == 0
    assert command.out.startswith(os.path.join("out", "cart") + ": ")
    assert os.listdir("out") == ["cart"]


def test_a_folder_for_each_account_and_what_rolls_them_out(command: Command) -> None:
    settings(ACCOUNTS)
    paths = [f"shop/{each}" for each in TWO]
    assert command("render") == 0
    assert command.out.endswith("services/rollout.yaml: 1 of 1 files written\n")
    found = _below("services")
    rollout = from_yaml(found.pop("rollout.yaml"))
    assert found == _written(*paths)
    names = [
        each["Properties"]["StackSetName"]
        for each in rollout["Resources"].values()
        if each["Type"] == "AWS::CloudFormation::StackSet"
    ]
    assert names == [f"shop-{each}" for each in TWO]
    # One service is not all that the rollout has.
    assert command("render", "--service", "shop", "--output-dir", "out") == 0
    assert "rollout.yaml" not in _below("out")
    assert command("render", "--service", "shop", "--check") == 0
    settings(ACCOUNTS.replace("rollout: {permissions: self_managed}\n", ""))
    assert command("render", "--check") == 1
    assert command.out == "left over: services/rollout.yaml\n"


def test_check_names_what_differs_and_what_is_left_over(command: Command) -> None:
    settings(SERVICES)
    assert command("render", "--check") == 1
    assert command.out == "".join(f"differs: services/{name}\n" for name in _written("shop", "cart"))
    assert not Path("services").exists()
    command("render")
    assert command("render", "--check") == 0
    assert (command.out, command.err) == ("", "")
    before = state(Path.cwd())
    settings(SERVICES.replace("/health", "/ready"))
    assert command("render", "--check") == 1
    assert {line.partition(": ")[2] for line in command.out.splitlines()} == {
        f"services/cart/params/{name}"
        for name in ("ecs-environment.dev.json", "ecs-environment.prod.json", "quick-start.json")
    }
    assert command("render", "--check", "--service", "shop") == 0
    assert {name: each for name, each in state(Path.cwd()).items() if "services" in name} == {
        name: each for name, each in before.items() if "services" in name
    }


def test_a_service_that_is_gone_is_left_over(command: Command) -> None:
    settings(SERVICES)
    command("render")
    gone = sorted(name for name in _below("services") if name.startswith("shop/"))
    Path("services/shop/notes.txt").write_text("mine")
    settings(SERVICES.replace("  shop: {source: {codecommit: shop}, tags: {team: checkout}}\n", ""))
    assert command("render", "--check") == 1
    assert command.out == "".join(f"left over: services/{name}\n" for name in gone)
    assert command("render", "--check", "--service", "cart") == 0
    assert command("render", "--diff") == 1
    assert command.out.splitlines()[-1].startswith(f"differ: 0, new: 0, left over: {len(gone)}, the same: ")
    assert command("render", "--diff", "--service", "cart") == 0
    # It is named, and whoever wants it removes it.
    assert command("render") == 0
    assert set(gone) <= _below("services").keys()


def test_a_service_that_goes_to_two_accounts_leaves_its_old_folder(command: Command) -> None:
    settings("services: {shop: {source: {connection: acme, repository: acme/shop}}}\n")
    command("render")
    old = sorted(_below("services"))
    settings(ACCOUNTS)
    command("render")
    assert command("render", "--check", "--service", "shop") == 1
    assert command.out == "".join(f"left over: services/{name}\n" for name in old)


def test_diff_says_what_changes(command: Command) -> None:
    settings(SERVICES)
    command("render")
    assert command("render", "--diff") == 0
    assert command.out == f"differ: 0, new: 0, left over: 0, the same: {len(_written('shop', 'cart'))}\n"
    settings(SERVICES.replace("/health", "/ready").replace("team: checkout", "team: sales"))
    before = state(Path("services"))
    assert command("render", "--diff", "--service", "cart") == 1
    assert state(Path("services")) == before
    lines = command.out.splitlines()
    assert "services/cart/params/quick-start.json" in lines
    assert any("/health" in line and "/ready" in line for line in lines)
    assert not any(line.startswith("services/shop") for line in lines)
    assert command("render", "--diff") == 1
    assert "services/shop/templates/quick-start.yaml" in command.out.splitlines()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--nested-base-url", "https://b.s3.amazonaws.com/x"], "--nested-base-url: 'https://b.s3.amazonaws.com/x': "),
        (["--environment", "Dev"], "--environment: 'Dev': the settings are in ecs-cd.yaml: say it there"),
        (["--service", "Shop"], "--service: 'Shop': is no service of ecs-cd.yaml"),
        (["--settings", "none.yaml"], "settings file: 'none.yaml': cannot be read"),
    ],
)
@pytest.mark.parametrize("mode", [[], ["--check"], ["--diff"]], ids=["", "check", "diff"])
def test_what_does_not_go_together_is_refused(
    command: Command, arguments: list[str], told: str, mode: list[str]
) -> None:
    settings(SERVICES)
    command.assert_refuses("render", *mode, *arguments)
    assert told in command.err


def _file() -> None:
    Path("services").mkdir()
    Path("services/cart").write_text("mine")


def _link_to_nothing() -> None:
    Path("services").mkdir()
    Path("services/cart").symlink_to("none")


def _link_to_another() -> None:
    Path("services/shop").mkdir(parents=True)
    Path("services/cart").symlink_to("shop")


def _loop() -> None:
    Path("services").mkdir()
    Path("services/cart").symlink_to("cart")


def _directory_for_a_file() -> None:
    Path("services/cart/params/quick-start.json").mkdir(parents=True)


# The last service is in the way: the first one could be written.
@pytest.mark.parametrize("prepare", [_file, _link_to_nothing, _link_to_another, _loop, _directory_for_a_file])
def test_one_that_cannot_be_written_leaves_the_others_as_they_are(command: Command, prepare: object) -> None:
    settings(SERVICES)
    assert callable(prepare)
    prepare()
    command.assert_refuses("render")


def test_an_interruption_leaves_every_file_as_it_was(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(SERVICES)
    command("render")
    settings(SERVICES.replace("/health", "/ready").replace("team: checkout", "team: sales"))
    before = state(Path.cwd())
    replace, calls = os.replace, 0

    def interrupted(*arguments: object, **options: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 10:
            raise KeyboardInterrupt
        replace(*arguments, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupted)
        # pytest's has no file behind it.
        patch.setattr(sys, "stdout", None)
        assert command("render") == 130
    assert {name: each and each[2] for name, each in state(Path.cwd()).items()} == {
        name: each and each[2] for name, each in before.items()
    }


@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".",
        "a/b",
        "rollout.yaml",
        "CON",
        "Shop",
        "SHOP",
        "-x",
        "x" * 60,
        "x" * 5000,
        "sh\u00f6p",
        "\u202e",
        "a b",
        "",
    ],
    ids=lambda name: ascii(name[:12]),
)
def test_a_name_that_is_no_services(command: Command, name: str) -> None:
    settings(f'services: {{shop: {{}}, "{name}": {{}}}}\n')
    command.assert_refuses("render")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        "services: {shop: {}}".encode("utf-16"),
        b"services: {sh\0op: {}}",
        b"services: {shop: {}}\nservices: {cart: {}}",
        b"services: {shop: {}, shop: {}}",
        b"services:\n\tshop: {}",
        b"services: {shop: &a {}, cart: *a}",
        b"services: " + b"[" * 100_000,
        b"services: {shop: {}}\n#" + b"x" * 10_000_000,
        b'services: {shop: {tags: {team: "a\\nb"}}}',
        b'services: {shop: {tags: {team: "{{resolve:ssm:x}}"}}}',
        b'services: {shop: {tags: {team: "${AWS::AccountId}"}}}',
        b'services: {shop: {approval_email: "a@b.de\\n"}}',
        b'services: {shop: {approval_email: "<script>@b.de"}}',
        b"services: {shop: {source: {codecommit: shop}, log_retention_days: 2}}",
    ],
    ids=lambda content: ascii(content[:30]),
)
def test_a_file_that_is_no_settings_file_writes_nothing(command: Command, content: bytes) -> None:
    Path("ecs-cd.yaml").write_bytes(content)
    for name in ("render", "list"):
        command.assert_refuses(name)


@pytest.mark.parametrize("kind", ["directory", "fifo", "link to nothing", "/dev/zero"])
def test_what_is_no_file_is_refused(command: Command, kind: str) -> None:
    path = "ecs-cd.yaml"
    if kind == "directory":
        os.mkdir(path)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        os.symlink("none" if "link" in kind else kind, path)
    command.assert_refuses("render")
    assert "settings file: 'ecs-cd.yaml': " in command.err


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfservices: {shop: {}}\n", b"services:\r\n  shop: {}\r\n"])
def test_what_editors_on_windows_write_is_the_same(command: Command, content: bytes) -> None:
    settings("services: {shop: {}}\n")
    command("render")
    Path("ecs-cd.yaml").write_bytes(content)
    assert command("render", "--check") == 0


def test_services_work_without_botocore(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from ecs_cd_templates.cfn import regions
    from ecs_cd_templates.services import stages

    for module in ("boto3", "botocore", "botocore.session"):
        monkeypatch.setitem(sys.modules, module, None)
    regions._session.cache_clear()
    stages._exists.cache_clear()
    settings(ACCOUNTS)
    try:
        for arguments in (
            ["render"],
            ["render", "--check"],
            ["list"],
            ["policies", "--quick-start", "--output-dir", "p"],
        ):
            assert command(*arguments) == 0, command.err
    finally:
        stages._exists.cache_clear()
