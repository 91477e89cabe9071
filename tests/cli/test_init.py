"""The command init."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from commands import Command
from ecs_cd_templates import read_settings
from ecs_cd_templates.services.schema import SCHEMA_LINE, text
from ecs_cd_templates.services.starting import written
from ecs_cd_templates.sources import CodeCommit, Connection

ARN = "arn:aws:codeconnections:eu-west-1:111122223333:connection/1234abcd-12ab-34cd-56ef-1234567890ab"
HOSTED = ["--repository", "acme/group/shop"]
SOURCES: dict[str, list[list[str]]] = {
    "codecommit": [[]],
    "github": [HOSTED, [*HOSTED, "--connection", "acme"], [*HOSTED, "--connection", ARN]],
    "gitlab": [HOSTED],
    "bitbucket": [HOSTED],
    "githubenterpriseserver": [[*HOSTED, "--connection", ARN]],
    "gitlabselfmanaged": [[*HOSTED, "--connection", ARN]],
}
ENVIRONMENTS = [
    [],
    ["--environment", "QA", "--environment", "Live,name=yes: # no,branch=1.0,approval=before_deploy,production"],
    ["--environment", "Prod", "--environment", "0,name=- a 'b' \"c\"", "--environment", "NO,name=日本"],
]


@pytest.mark.parametrize(
    ("source", "more", "environments"),
    [
        (source, more, environments)
        for (source, choices), environments in itertools.product(SOURCES.items(), ENVIRONMENTS)
        for more in choices
    ],
)
def test_what_it_writes_can_be_read_with_and_without_what_it_proposes(
    command: Command, source: str, more: list[str], environments: list[str]
) -> None:
    assert command("init", "--service", "shop", "--source", source, *more, *environments) == 0
    assert command.out == "written: ecs-cd.yaml\nwritten: ecs-cd.schema.json\n"
    content = Path("ecs-cd.yaml").read_text(encoding="utf-8")
    assert content.splitlines()[0] == SCHEMA_LINE
    assert Path("ecs-cd.schema.json").read_text(encoding="utf-8") == text()
    (service,) = read_settings(Path("ecs-cd.yaml"))
    (target,) = service.targets
    assert service.name == "shop"
    kind = target.settings.pipeline.source
    assert isinstance(kind, CodeCommit if source == "codecommit" else Connection)
    if isinstance(kind, Connection):
        assert kind.host.lower() == source
        assert target.values.source == {
            "repository": "acme/group/shop",
            "connection": more[-1] if "--connection" in more else "shop",
        }
    # The environments are those that the other commands take from the same options, where there is no settings file.
    Path("ecs-cd.yaml").rename("written.yaml")
    assert command("list", *environments) == 0
    proposed = re.sub(r"^( *)# (\w+: )", r"\1\2", content, flags=re.MULTILINE)
    assert proposed != content
    Path("proposed.yaml").write_text(proposed, encoding="utf-8")
    (service,) = read_settings(Path("proposed.yaml"))
    assert [step.name for step in service.targets[0].settings.pipeline.steps][:2] == ["UnitTests", "SecurityScan"]


def test_environments_are_those_of_the_option(command: Command) -> None:
    assert command("init", "--service", "shop", *ENVIRONMENTS[1], "-o", "new/my.yaml") == 0
    assert command.out == "written: new/my.yaml\nwritten: new/ecs-cd.schema.json\n"
    (service,) = read_settings("new/my.yaml")
    qa, live = service.targets[0].settings.environments
    assert (qa.id, qa.display_name, qa.approval) == ("QA", "quality assurance", None)
    assert (live.display_name, live.default_branch, live.approval) == ("yes: # no", "1.0", "before_deploy")
    assert live.production


def test_it_replaces_nothing(command: Command) -> None:
    Path("ecs-cd.yaml").write_text("mine", encoding="utf-8")
    command.assert_refuses("init", "--service", "shop")
    assert "'ecs-cd.yaml': is there already with another content" in command.err
    Path("ecs-cd.yaml").unlink()
    Path("ecs-cd.yaml").symlink_to("nowhere")
    command.assert_refuses("init", "--service", "shop")
    Path("ecs-cd.yaml").unlink()
    Path("ecs-cd.schema.json").write_text("{}", encoding="utf-8")
    command.assert_refuses("init", "--service", "shop")
    assert "'ecs-cd.schema.json': is there already with another content" in command.err


def test_what_is_there_with_the_same_content_stays(command: Command) -> None:
    assert command("init", "--service", "shop") == 0
    assert command("init", "--service", "shop") == 0
    assert command.out == "unchanged: ecs-cd.yaml\nunchanged: ecs-cd.schema.json\n"
    assert command("init", "--service", "cart", "-o", "cart.yaml") == 0
    assert command.out == "written: cart.yaml\nunchanged: ecs-cd.schema.json\n"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--service"),
        (["--service", "Shop"], "--service: 'Shop': Use 2 to 20"),
        (["--service", "shop", "--source", "svn"], "'svn'"),
        (["--service", "shop", "--source", "github"], "--repository: not given: Give owner and repository"),
        (["--service", "shop", "--source", "github", "--repository", "shop"], "--repository: 'shop': Give owner"),
        (["--service", "shop", "--repository", "acme/shop"], "--repository: 'acme/shop': is for a Git host"),
        (["--service", "shop", "--connection", "acme"], "--connection: 'acme': is for a Git host"),
        (["--service", "shop", "--source", "gitlabselfmanaged", *HOSTED], "--connection: not given: give the ARN"),
        (
            ["--service", "shop", "--source", "githubenterpriseserver", *HOSTED, "--connection", "acme"],
            "--connection: 'acme': give the ARN",
        ),
        (
            ["--service", "shop", "--source", "github", *HOSTED, "--connection", "a b"],
            "services.shop.source.connection: 'a b'",
        ),
        (["--service", "shop", "--environment", "shared"], "environments[0].id: 'shared'"),
        (["--service", "shop", "--environment", "A", "--environment", "A"], "environments[1].id: 'A'"),
        (["--service", "shop", "--environment", "A,branch=a b"], "--environment branch: 'a b'"),
        (["--service", "shop", "-o", "ecs-cd.schema.json"], "--output: 'ecs-cd.schema.json'"),
        (["--service", "shop", "-o", "."], "--output: '.'"),
        (["--service", "shop", "-o", "/proc/x/y.yaml"], "/proc/x"),
    ],
)
def test_what_it_refuses(command: Command, arguments: list[str], named: str) -> None:
    command.assert_refuses("init", *arguments)
    assert named in command.err


@pytest.mark.parametrize(
    ("value", "yaml"),
    [
        ("main", "main"),
        ("release/1.2", "release/1.2"),
        ("quality assurance", "quality assurance"),
        (ARN, ARN),
        ("1.0", '"1.0"'),
        ("on", '"on"'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ('a"b', '"a\\"b"'),
        ("日本", '"日本"'),
        ("-", '"-"'),
    ],
)
def test_texts_are_in_quotes_where_they_must(value: str, yaml: str) -> None:
    assert written(value) == yaml
