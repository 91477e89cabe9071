"""The command links with a settings file: whose stack each link makes, where, and with which values."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from commands import ACCOUNTS, SERVICES, Command, settings
from ecs_cd_templates.launch.bundle import Folder, publication
from ecs_cd_templates.services import read_settings
from forms import decode

LINKS = ["links", "--bucket", "my-bucket", "--bucket-region", "eu-west-1"]


def _json(command: Command, *arguments: str) -> list[dict[str, Any]]:
    assert command(*LINKS, "--format", "json", *arguments) == 0
    found: list[dict[str, Any]] = json.loads(command.out)
    return found


def test_the_quick_start_of_each_service(command: Command) -> None:
    settings(SERVICES)
    found = _json(command)
    assert [(each["stack_name"], each["template"], each["region"], each["account"]) for each in found] == [
        (f"{name}-quick-start", "quick-start.yaml", "eu-west-1", None) for name in ("shop", "cart")
    ]
    for link, service in zip(found, read_settings("ecs-cd.yaml"), strict=True):
        published = publication(Folder(bucket="my-bucket", region="eu-west-1"), service.targets[0].settings)
        assert link["template_url"] == f"{published.url}/quick-start.yaml"
        assert decode(link["address"]).stack_name == link["stack_name"]
    assert found[0]["parameters"] == {"ApplicationName": "shop"}
    assert found[1]["parameters"] == {
        "ApplicationName": "cart",
        "CodeCommitRepositoryName": "existing:cart",
        "HealthCheckPath": "/health",
    }
    assert decode(found[1]["address"]).parameters == found[1]["parameters"]


def test_each_file_that_a_command_reads_is_one_that_render_writes(command: Command) -> None:
    settings(SERVICES)
    command("render")
    templates = ["quick-start.yaml", "prerequisites.yaml", "ecs-environment.yaml", "code-build-nodejs.yaml"]
    found = _json(command, "--template", *templates)
    assert len(found) == 2 * (len(templates) + 1)
    for link in found:
        words = shlex.split(link["command"])
        named = [word.removeprefix("file://") for word in words if word.startswith("file://")]
        if "--template-file" in words:
            named.append(words[words.index("--template-file") + 1])
        assert named
        assert [name for name in named if not Path(name).is_file()] == []
        assert link["note"] == (
            f"The command reads services/{link['stack_name'].split('-')[0]}/: render it from the same settings file."
        )


def test_each_account_has_a_section_that_names_it(command: Command) -> None:
    settings(ACCOUNTS)
    assert command(*LINKS) == 0
    assert re.findall("^### .*", command.out, re.MULTILINE) == [
        "### shop-quick-start in account 111122223333: `quick-start.yaml`",
        "### shop-quick-start in account 444455556666: `quick-start.yaml`",
    ]
    assert [line.split(" |")[0] for line in command.out.splitlines() if line.startswith("| eu-")] == [
        "| eu-west-1",
        "| eu-central-1",
    ]
    for account in ("111122223333", "444455556666"):
        note = (
            f"- Sign in to account {account} first. If the bucket is another account's, its policy has to let {account}"
        )
        assert note in command.out
    assert command(*LINKS, "--format", "html") == 0
    assert command.out.count("<h3>shop-quick-start in account ") == 2
    assert command(*LINKS, "--format", "text") == 0
    assert "shop-quick-start in account 444455556666: quick-start.yaml in eu-central-1\n" in command.out
    assert [each["account"] for each in _json(command)] == ["111122223333", "444455556666"]


def test_regions_choose_among_those_of_the_file(command: Command) -> None:
    settings(ACCOUNTS)
    assert [each["account"] for each in _json(command, "--region", "eu-central-1")] == ["444455556666"]
    command.assert_refuses(*LINKS, "--region", "us-east-1")
    assert "--region: ['us-east-1']: nothing of ecs-cd.yaml is there: leave it out" in command.err
    settings(SERVICES)
    assert [each["region"] for each in _json(command, "--region", "us-east-1", "us-west-2", "--service", "shop")] == [
        "us-east-1",
        "us-west-2",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--params", "x.json"], "--params: ['x.json']: the values are in ecs-cd.yaml: say them there"),
        (["--nested"], "--nested: 'given': nested stacks are not for services of a settings file: leave it out"),
        (["--architecture", "ARM64"], "--architecture: 'ARM64': the settings are in ecs-cd.yaml"),
        (["--template", "vpc.yaml"], "--template: 'vpc.yaml': shop is not launched from it: give one of quick-start"),
        (["--service", "none"], "--service: 'none': "),
        (["--region", "cn-north-1"], "'cn-north-1'"),
    ],
)
def test_what_does_not_go_together_is_refused(command: Command, arguments: list[str], told: str) -> None:
    settings(SERVICES)
    command.assert_refuses(*LINKS, *arguments)
    assert told in command.err


def test_the_bucket_is_where_the_first_service_goes_unless_said(command: Command) -> None:
    settings(ACCOUNTS)
    assert command("links", "--bucket", "my-bucket") == 0
    assert "my-bucket.s3.eu-west-1." in command.out
    settings(SERVICES)
    command.assert_refuses("links", "--bucket", "my-bucket")
    assert "--bucket-region" in command.err


def test_a_file_of_render_is_one_for_links(command: Command) -> None:
    """The files of services have the names of templates, and of environments where there is one each."""
    settings("services: {shop: {}}\n")
    command("render")
    Path("ecs-cd.yaml").unlink()
    files = [path for path in Path("services/shop/params").iterdir() if "qa" not in path.name]
    template = "deployment-pipeline-without-approval"
    assert f"{template}.dev.json" in {path.name for path in files}
    files = [path for path in files if path.name != "ecs-environment.prod.json"]
    found = _json(command, "--region", "eu-west-1", "--params", *map(str, files))
    filled = {each["template"] for each in found if each["parameters"]}
    assert filled == {f"{path.name.partition('.')[0]}.yaml" for path in files}
    both = [f"services/shop/params/{template}.{name}.json" for name in ("dev", "qa")]
    command.assert_refuses(*LINKS, "--params", *both)
    assert f"is the second for {template}.yaml: give one" in command.err


def test_nothing_that_is_named_ends_a_table_or_an_element(command: Command) -> None:
    settings(
        'environments: [{id: Dev, display_name: "<b>|`x`", branch: "a|`b`<i>"}]\n'
        'services: {shop: {steps: [{name: Scan, display_name: "<s>|`y`"}], health_check_path: "/|`</code><script>"}}\n'
    )
    templates = ["quick-start.yaml", "ecs-environment.yaml", "code-build-scan.yaml", "prerequisites.yaml"]
    assert command(*LINKS, "--format", "html", "--template", *templates) == 0
    for tag in ("<b>", "<i>", "<s>", "<script>"):
        assert tag not in command.out
    assert command(*LINKS, "--template", *templates) == 0
    for line in command.out.splitlines():
        if line.startswith("| eu-"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 4
        elif not line.startswith("|"):
            assert not re.search(r"(?<!\\)[<`|]", re.sub("^### .*", "", line))
