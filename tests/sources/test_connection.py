"""A pipeline that starts through a connection: what is asked for, what starts it, and what is made for it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from ecs_cd_templates import (
    BUILD_STEPS,
    ENVIRONMENTS,
    Environment,
    ParameterError,
    PipelineSettings,
    RenderSettings,
    SettingsError,
    build_prerequisites,
    to_yaml,
)
from ecs_cd_templates.catalog import ALL_ENVIRONMENTS, PREREQUISITES, QUICK_START
from ecs_cd_templates.cfn.evaluation import Resolved, resolve
from ecs_cd_templates.cfn.regions import lacking, regions
from ecs_cd_templates.launch.bundle import Folder, published_settings, published_templates
from ecs_cd_templates.launch.developers_policy import developers_policy, quick_start_policy
from ecs_cd_templates.launch.links import links
from ecs_cd_templates.launch.role_policies import role_policies
from ecs_cd_templates.page import PageSettings, to_html
from ecs_cd_templates.settings import (
    AllEnvironmentsSettings,
    DeploymentPipelineSettings,
    PrerequisitesSettings,
    QuickStartSettings,
)
from ecs_cd_templates.sources import Connection
from ecs_cd_templates.sources.connection import Host
from forms import decode
from least_privilege import connection_values
from support import PARTITIONS, TARGET, data, example_values, load, most_steps, rendered

VALUES = connection_values(TARGET)
BRANCHES = {f"BranchNameFor{each.id}Env": each.id.lower() for each in ENVIRONMENTS}
SELF_HOSTED = ("GitHubEnterpriseServer", "GitLabSelfManaged")
HOST_ARN = f"arn:aws:codeconnections:{TARGET.region}:{TARGET.account}:host/My-Host-28aef605"
FOLDER = Folder(bucket="my-bucket", region="eu-west-1", prefix="p")


def settings(host: Host = "GitHub", paths: tuple[str, ...] = (), tags: tuple[str, ...] = ()) -> RenderSettings:
    """The usual environments, of which production takes these tags."""
    environments = [replace(each, release_tags=tags if each.production else ()) for each in ENVIRONMENTS]
    source = Connection(host=host, paths=paths)
    return RenderSettings(environments=environments, pipeline=PipelineSettings(source=source))


def made(name: str, chosen: RenderSettings, values: dict[str, str] | None = None) -> Resolved:
    """A template resolved with its example values, as far as it asks for them, and these."""
    asked = data(chosen)[name]["Parameters"]
    every = {**example_values(name), **BRANCHES, **VALUES, **(values or {})}
    return resolve(data(chosen)[name], {key: value for key, value in every.items() if key in asked}, TARGET)


def pipeline(name: str, chosen: RenderSettings, key: str = "Prod") -> dict[str, Any]:
    properties: dict[str, Any] = made(name, chosen).resources[f"PipelineFor{key}Env"]["Properties"]
    return properties


def approval(properties: dict[str, Any]) -> dict[str, str]:
    (found,) = (
        action["Configuration"]
        for stage in properties["Stages"]
        for action in stage["Actions"]
        if action["ActionTypeId"]["Category"] == "Approval"
    )
    configuration: dict[str, str] = found
    return configuration


@pytest.mark.parametrize("name", [ALL_ENVIRONMENTS, QUICK_START])
def test_source_is_the_repository_as_an_archive(name: str) -> None:
    (source,) = pipeline(name, settings())["Stages"][0]["Actions"]
    assert source["ActionTypeId"] == {
        "Category": "Source",
        "Owner": "AWS",
        "Provider": "CodeStarSourceConnection",
        "Version": "1",
    }
    assert source["Configuration"] == {
        **VALUES,
        "BranchName": "prod",
        "OutputArtifactFormat": "CODE_ZIP",
        # The trigger alone starts the pipeline, not every push to the branch as well.
        "DetectChanges": "false",
    }


@pytest.mark.parametrize("name", [ALL_ENVIRONMENTS, QUICK_START])
@pytest.mark.parametrize("paths", [(), ("services/cart/**", "*.json")])
@pytest.mark.parametrize("tags", [(), ("v*", "release-?")])
def test_trigger_is_for_the_branch_and_the_release_tags(
    tags: tuple[str, ...], paths: tuple[str, ...], name: str
) -> None:
    chosen = settings(paths=paths, tags=tags)
    files = {"FilePaths": {"Includes": list(paths)}} if paths else {}
    for key, own in (("Dev", ()), ("Prod", tags)):
        properties = pipeline(name, chosen, key)
        pushes: list[dict[str, Any]] = [{"Branches": {"Includes": [key.lower()]}, **files}]
        if own:
            pushes.append({"Tags": {"Includes": list(own)}})
        assert properties["Triggers"] == [
            {
                "ProviderType": "CodeStarSourceConnection",
                "GitConfiguration": {"SourceActionName": "Source", "Push": pushes},
            }
        ]
        assert properties["PipelineType"] == "V2"


def test_nothing_of_codecommit_is_left() -> None:
    for name, text in rendered(settings()).items():
        assert not re.search(r"codecommit|AWS::Events|CloudWatchEvent|events\.amazonaws", text, re.IGNORECASE), name


def test_nothing_of_a_connection_is_in_the_usual_templates() -> None:
    for name, text in rendered().items():
        assert not re.search("connection", text, re.IGNORECASE), name


def test_parameters_take_the_places_of_codecommits() -> None:
    for name in ("deployment-pipeline-with-approval.yaml", ALL_ENVIRONMENTS):
        before, after = (list(each[name]["Parameters"]) for each in (data(), data(settings())))
        expected = []
        for parameter in before:
            if parameter == "CodeCommitRepositoryName":
                expected += ["ConnectionArn", "FullRepositoryId"]
            elif parameter != "CloudWatchEventRoleName":
                expected.append(parameter.replace("CodeCommitBranch", "Branch"))
        assert after == expected


PAGES = {
    "GitHub": "https://github.com/acme/cart/commits/#{SourceVariables.CommitId}",
    "GitLab": "https://gitlab.com/acme/cart/-/commits/#{SourceVariables.CommitId}",
    "Bitbucket": "https://bitbucket.org/acme/cart/commits/#{SourceVariables.CommitId}",
}


@pytest.mark.parametrize("host", get_args(Host))
def test_approval_leads_to_the_host_if_its_address_is_known(host: Host) -> None:
    request = approval(pipeline(ALL_ENVIRONMENTS, settings(host)))
    assert request.get("ExternalEntityLink") == PAGES.get(host)
    assert request["CustomData"].startswith("Commit #{SourceVariables.CommitId} on branch prod. What goes out is all")
    assert ("link" in request["CustomData"]) == (host in PAGES)


def test_approval_says_that_the_commit_may_be_at_a_tag() -> None:
    request = approval(pipeline(ALL_ENVIRONMENTS, settings(tags=("v*",))))
    assert " on branch prod or at a release tag. " in request["CustomData"]


@pytest.mark.parametrize("host", get_args(Host))
def test_approval_fits_with_the_longest_names(host: Host) -> None:
    """1,000 characters each, counted with the commit's 40."""
    longest = {"FullRepositoryId": f"acme/{'n' * 250}", "BranchNameForProdEnv": "n" * 255}
    resources = made(ALL_ENVIRONMENTS, settings(host, tags=("v*",)), longest).resources
    for value in approval(resources["PipelineForProdEnv"]["Properties"]).values():
        assert len(value.replace("#{SourceVariables.CommitId}", "0" * 40)) <= 1_000


# What a stack makes for it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "connection"), [(PREREQUISITES, "ecs-cd"), (QUICK_START, "sample-app")])
def test_a_connection_is_made_unless_there_is_one(name: str, connection: str) -> None:
    existing = made(name, settings())
    assert "Connection" not in existing.resources
    assert "ConnectionUrl" not in existing.outputs
    new = made(name, settings(), {"ConnectionArn": ""})
    assert new.resources["Connection"] == {
        "Type": "AWS::CodeConnections::Connection",
        "Properties": {"ConnectionName": connection, "ProviderType": "GitHub"},
    }
    region = TARGET.region
    assert new.outputs["ConnectionUrl"] == (
        f"https://{region}.console.aws.amazon.com/codesuite/settings/connections?region={region}"
    )
    assert {**existing.outputs, **new.outputs}.keys() == existing.outputs.keys() | {"ConnectionUrl"}


def test_prerequisites_of_one_environment_name_their_connection_after_it() -> None:
    for environment, name in (
        (ENVIRONMENTS[0], "ecs-cd-dev"),
        (Environment(id="E" * 18, display_name="e"), None),
    ):
        chosen = replace(settings(), environments=[environment])
        parameter = data(chosen)[PREREQUISITES]["Parameters"]["ConnectionName"]
        assert parameter["Default"] == name or name is None
        assert len(parameter["Default"]) <= parameter["MaxLength"]


@pytest.mark.parametrize("name", [PREREQUISITES, QUICK_START])
@pytest.mark.parametrize("host", SELF_HOSTED)
def test_a_connection_to_a_host_of_ones_own_needs_that_host(host: Host, name: str) -> None:
    new = made(name, settings(host), {"ConnectionArn": "", "HostArn": HOST_ARN}).resources["Connection"]["Properties"]
    assert new.keys() == {"ConnectionName", "HostArn"}
    assert new["HostArn"] == HOST_ARN
    assert "Connection" not in made(name, settings(host)).resources
    with pytest.raises(ParameterError, match="Give the host of the new connection"):
        made(name, settings(host), {"ConnectionArn": ""})


@pytest.mark.parametrize("host", get_args(Host))
def test_a_host_is_asked_for_only_where_there_is_one(host: Host) -> None:
    for name in (PREREQUISITES, QUICK_START):
        assert ("HostArn" in data(settings(host))[name]["Parameters"]) == (host in SELF_HOSTED)


def test_the_forms_say_what_becomes_of_the_first_runs() -> None:
    parameter = data(settings())[QUICK_START]["Parameters"]["ConnectionArn"]
    assert "every run fails, the first ones too" in parameter["Description"]
    assert "save each pipeline again" in parameter["Description"]
    for name in (PREREQUISITES, QUICK_START):
        assert "Update pending connection" in data(settings())[name]["Outputs"]["ConnectionUrl"]["Description"]


def test_prerequisites_pass_on_what_the_pipelines_ask_for() -> None:
    outputs = made(PREREQUISITES, settings()).outputs
    left = data(settings())[ALL_ENVIRONMENTS]["Parameters"].keys() - outputs.keys()
    assert {re.sub("For[A-Za-z]+Env$", "", each) for each in left} == {
        "BranchName",
        "ECSTaskContainerName",
        "LifecyclePolicyText",
    }
    assert VALUES.items() <= outputs.items()


@pytest.mark.parametrize("value", ["", VALUES["ConnectionArn"]])
def test_next_form_is_filled_in_with_the_connection(value: str) -> None:
    url = FOLDER.url("0123456789ab")
    template = published_templates(settings(), url, nested=False)[PREREQUISITES]().to_dict()
    outputs = resolve(template, {**VALUES, "ConnectionArn": value}, TARGET).outputs
    # The ARN of a new connection is AWS's to say.
    address = outputs["LaunchDeploymentPipelineForAllEnv"].replace(
        "<Connection.ConnectionArn>", VALUES["ConnectionArn"]
    )
    assert VALUES.items() <= decode(address).parameters.items()


# What is refused -----------------------------------------------------------------------------------------------------


def test_v1_pipelines_are_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        PipelineSettings(source=Connection(), pipeline_type="V1", rollback_on_failure=False)
    assert str(caught.value) == (
        "PipelineSettings.pipeline_type: 'V1': only V2 pipelines are started through a Connection: set it to 'V2'"
    )


TAGGED = Environment(id="Prod", display_name="production", release_tags=("v*",))
BRACED = Environment(id="Prod", display_name="production", default_branch="a{b,c}")


@pytest.mark.parametrize("kind", [AllEnvironmentsSettings, PrerequisitesSettings, QuickStartSettings, RenderSettings])
def test_environments_that_the_source_cannot_have_are_refused(kind: Any) -> None:
    field = rf"{kind.__name__}\.environments"
    with pytest.raises(SettingsError, match=rf"{field}: 'release_tags v\*': of Prod need a Connection as the source"):
        kind(environments=[TAGGED])
    with pytest.raises(SettingsError, match=rf"{field}: 'default_branch a\{{b,c\}}': Give a branch's name"):
        kind(environments=[BRACED], pipeline=PipelineSettings(source=Connection()))
    kind(environments=[TAGGED], pipeline=PipelineSettings(source=Connection()))
    kind(environments=[BRACED])


def test_the_environment_of_a_single_pipeline_is_held_to_the_same() -> None:
    with pytest.raises(SettingsError, match=r"DeploymentPipelineSettings\.environment: 'release_tags v\*'"):
        DeploymentPipelineSettings(environment=TAGGED)
    DeploymentPipelineSettings(environment=TAGGED, pipeline=PipelineSettings(source=Connection()))


def test_nested_templates_have_no_tags() -> None:
    pipeline = PipelineSettings(source=Connection())
    url = "https://b.s3.eu-west-1.amazonaws.com/p"
    with pytest.raises(SettingsError, match="nested templates are the same for all environments"):
        AllEnvironmentsSettings(environments=[TAGGED], pipeline=pipeline, nested_base_url=url)
    AllEnvironmentsSettings(pipeline=pipeline, nested_base_url=url)


def test_nested_stacks_get_what_they_ask_for() -> None:
    chosen = replace(settings(), nested_base_url="https://b.s3.eu-west-1.amazonaws.com/p")
    for resource in data(chosen)[ALL_ENVIRONMENTS]["Resources"].values():
        name = resource["Properties"]["TemplateURL"].rpartition("/")[2]
        assert resource["Properties"]["Parameters"].keys() == data(chosen)[name]["Parameters"].keys()


def test_no_stack_pushes_the_sample_application() -> None:
    with pytest.raises(SettingsError, match=r"sample_app: \('bucket', 'key'\): no stack can push to this source"):
        QuickStartSettings(pipeline=PipelineSettings(source=Connection()), sample_app=("bucket", "key"))
    url = FOLDER.url("0123456789ab")
    assert published_settings(settings(), url, nested=False).sample_app is None
    assert published_settings(RenderSettings(), url, nested=False).sample_app is not None


# Where, and who may do what ------------------------------------------------------------------------------------------


def test_regions_are_those_that_have_connections() -> None:
    for name in (PREREQUISITES, QUICK_START, ALL_ENVIRONMENTS):
        template = data(settings())[name]
        found = regions(template)
        assert found["aws-cn"] == []
        assert found["aws-us-gov"] == ["us-gov-east-1", "us-gov-west-1"]
        assert {"us-east-1", "eu-west-1"} <= set(found["aws"])
        assert "me-central-1" not in found["aws"]
        assert lacking(template, "cn-north-1") == ["codestar-connections"]
    assert links(FOLDER, settings(), only_templates=[QUICK_START], only_regions=["eu-west-1"])


def test_role_policies_name_the_connection() -> None:
    policies = role_policies(VALUES, TARGET, settings())
    assert not any("events" in name for name in policies)
    (source,) = (each for each in policies["ecs-cd-codepipeline.json"]["Statement"] if each["Sid"] == "Source")
    assert source == {
        "Sid": "Source",
        "Effect": "Allow",
        "Action": ["codeconnections:UseConnection", "codestar-connections:UseConnection"],
        "Resource": [VALUES["ConnectionArn"]],
        "Condition": {
            "StringEqualsIfExists": {
                "codeconnections:FullRepositoryId": "acme/cart",
                "codestar-connections:FullRepositoryId": "acme/cart",
            }
        },
    }


def test_role_policies_need_a_connection_that_exists() -> None:
    with pytest.raises(ParameterError, match="ConnectionArn: not given: the policies name it: Give the ARN"):
        role_policies({**VALUES, "ConnectionArn": ""}, TARGET, settings())
    with pytest.raises(ParameterError, match="FullRepositoryId: not given"):
        role_policies({"ConnectionArn": VALUES["ConnectionArn"]}, TARGET, settings())


@pytest.mark.parametrize("host", get_args(Host))
def test_developers_are_denied_the_pipeline_and_the_host_protects_the_branch(host: Host) -> None:
    values = {**VALUES, "BranchNameForProdEnv": "prod"}
    for policy in (
        developers_policy(values, TARGET, settings(host)),
        quick_start_policy(values, TARGET, settings(host)),
        # The connection may be one that the stack makes.
        quick_start_policy({"FullRepositoryId": "acme/cart", "HostArn": HOST_ARN}, TARGET, settings(host))
        if host in SELF_HOSTED
        else quick_start_policy({"FullRepositoryId": "acme/cart"}, TARGET, settings(host)),
    ):
        assert policy is not None
        hosts = ["Hosts"] if host in SELF_HOSTED else []
        assert [each["Sid"] for each in policy["Statement"]] == [*hosts, "ApprovedPipelines", "Sources", "Approvals"]
        assert "codecommit" not in json.dumps(policy)


def test_the_branch_of_an_approval_is_one_that_a_trigger_takes() -> None:
    with pytest.raises(ParameterError, match=r"BranchNameForProdEnv: 'a\{b\}'"):
        developers_policy({**VALUES, "BranchNameForProdEnv": "a{b}"}, TARGET, settings())


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov"])
def test_policies_of_the_largest_settings_fit_into_a_role(partition: str) -> None:
    """IAM takes 10,240 characters of policies for a role; here with ordinary names, and the longest repository."""
    environments = [
        Environment(id=f"Environment{number:03}", display_name=f"number {number}", approval="before_build")
        for number in range(12)
    ]
    for steps in (BUILD_STEPS, most_steps()):
        pipeline = PipelineSettings(source=Connection(), steps=steps)
        template = load(
            to_yaml(build_prerequisites(PrerequisitesSettings(environments=environments, pipeline=pipeline)))
        )
        target = PARTITIONS[partition]
        values = {**connection_values(target), "FullRepositoryId": f"acme/{'n' * 250}"}
        for resource in resolve(template, values, target).resources.values():
            if resource["Type"] == "AWS::IAM::Role":
                (policy,) = resource["Properties"]["Policies"]
                assert len(json.dumps(policy["PolicyDocument"], separators=(",", ":"))) <= 10_240


def test_page_shows_the_repository_and_the_branch() -> None:
    page = to_html(PageSettings(bucket="my-templates", region="eu-west-1", templates=settings()))
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    for name in (ALL_ENVIRONMENTS, QUICK_START):
        for environment, lane in zip(ENVIRONMENTS, json.loads(text)["templates"][name]["pipelines"], strict=True):
            source = lane["steps"][0]
            assert source["kind"] == "source"
            assert source["values"] == ["${FullRepositoryId}", f"${{BranchNameFor{environment.id}Env}}"]


def test_no_partition_is_taken_for_granted() -> None:
    for host in ("GitHub", "GitLabSelfManaged"):
        for name, text in rendered(settings(host)).items():
            without_patterns = re.sub(r"AllowedPattern: .*", "", text)
            assert "arn:aws:" not in without_patterns, name


@pytest.mark.slow
@pytest.mark.parametrize("host", ["GitHub", "GitLabSelfManaged"])
def test_templates_lint_without_findings(host: Host, tmp_path: Path) -> None:
    for name, text in rendered(settings(host, paths=("services/cart/**",), tags=("v*",))).items():
        if name in (PREREQUISITES, QUICK_START) or name.startswith("deployment-pipeline"):
            (tmp_path / name).write_text(text, encoding="utf-8")
    command = [str(Path(sys.executable).with_name("cfn-lint")), *map(str, tmp_path.iterdir()), "--include-checks", "I"]
    linted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")
