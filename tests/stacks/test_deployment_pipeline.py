"""What the templates mean: every intrinsic resolved, and the pipelines compared with what they are for."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from ecs_cd_templates import (
    ENVIRONMENTS,
    AllEnvironmentsSettings,
    CodeBuildSettings,
    DeploymentPipelineSettings,
    Environment,
    ParameterError,
    PipelineSettings,
    QuickStartSettings,
    SettingsError,
    build_all_environments,
    build_code_build,
    build_deployment_pipeline,
    build_quick_start,
    to_yaml,
)
from ecs_cd_templates.catalog import RenderSettings
from ecs_cd_templates.cfn.evaluation import Resolved, Target, resolve
from ecs_cd_templates.settings import Architecture
from ecs_cd_templates.stacks import deployment_pipeline
from ecs_cd_templates.steps import BUILD_STEPS, COMPUTE_TYPES, CONTAINER_IMAGE, UNIT_TESTS, BuildStep
from support import PARTITIONS, TARGET, branch_of, data, load, parameters, rendered

BASE_URL = "https://b.s3.us-east-1.amazonaws.com/p"
ALL = "deployment-pipeline-for-all-env.yaml"
VALUES = parameters(ALL)
FLAT = data()
NESTED = data(RenderSettings(nested_base_url=BASE_URL))
CONSOLES = {
    "aws": "us-east-1.console.aws.amazon.com",
    "aws-cn": "cn-north-1.console.amazonaws.cn",
    "aws-us-gov": "us-gov-west-1.console.amazonaws-us-gov.com",
}
SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}


def flat(values: dict[str, str], target: Target) -> dict[str, Resolved]:
    """The self-contained template, taken apart into the resources and outputs of each environment."""
    whole = resolve(FLAT[ALL], values, target)
    return {environment.id: _part(whole, f"For{environment.id}Env") for environment in ENVIRONMENTS}


def nested(values: dict[str, str], target: Target) -> dict[str, Resolved]:
    """The nested stacks of each environment, with the parameters that the outer template hands them."""
    stacks = resolve(NESTED[ALL], values, target).resources
    return {
        logical_id.removeprefix("CodePipeLineFor").removesuffix("Env"): resolve(
            NESTED[stack["Properties"]["TemplateURL"].removeprefix(f"{BASE_URL}/")],
            stack["Properties"]["Parameters"],
            target,
        )
        for logical_id, stack in stacks.items()
    }


def _part(whole: Resolved, suffix: str) -> Resolved:
    def own(items: dict[str, Any]) -> dict[str, Any]:
        return {name.removesuffix(suffix): item for name, item in items.items() if name.endswith(suffix)}

    return Resolved(own(whole.resources), own(whole.outputs))


def expected_stages(environment: Environment, partition: str) -> list[dict[str, Any]]:
    """The stages of an environment's pipeline, written out by hand for the example parameters."""
    name, region = environment.id.lower(), PARTITIONS[partition].region
    branch = branch_of(environment)
    approval = {
        "Name": "Approval",
        "ActionTypeId": {"Category": "Approval", "Owner": "AWS", "Provider": "Manual", "Version": "1"},
        "Configuration": {
            "NotificationArn": f"arn:{partition}:sns:{region}:111122223333:ecs-cd-approvals",
            "ExternalEntityLink": f"https://{CONSOLES[partition]}/codesuite/codecommit/repositories/ecs-cd-sample-app"
            f"/commits?region={region}",
            "CustomData": f"Commit #{{SourceVariables.CommitId}} on branch {branch}. What goes out is all that the "
            "branch has gained since it was last deployed: choose the branch in the linked history to see it.",
        },
        "TimeoutInMinutes": 4320,
    }
    build_app = {
        "Name": "BuildApp",
        "ActionTypeId": {"Category": "Build", "Owner": "AWS", "Provider": "CodeBuild", "Version": "1"},
        "Configuration": {"ProjectName": "ecs-cd-build-nodejs"},
        "InputArtifacts": [{"Name": "SourceArtifact"}],
        "OutputArtifacts": [{"Name": "BuildAppArtifact"}],
    }
    build_container = {
        "Name": "BuildContainer",
        "ActionTypeId": {"Category": "Build", "Owner": "AWS", "Provider": "CodeBuild", "Version": "1"},
        "Configuration": {
            "ProjectName": "ecs-cd-build-container-image",
            "EnvironmentVariables": [
                {"name": "CONTAINER_NAME", "value": "app", "type": "PLAINTEXT"},
                {
                    "name": "ECR_REPOSITORY_URI",
                    "value": f"111122223333.dkr.ecr.{region}.{SUFFIXES[partition]}/ecs-cd-sample-app-{name}",
                    "type": "PLAINTEXT",
                },
            ],
        },
        "InputArtifacts": [{"Name": "BuildAppArtifact"}],
        "OutputArtifacts": [{"Name": "BuildContainerArtifact"}],
    }
    builds: dict[str, dict[str, Any]] = {"Nodejs": build_app, "ContainerImage": build_container}
    steps = [builds.get(step.name) or expected_build(step) for step in BUILD_STEPS]
    if environment.approval == "before_build":
        steps.insert(0, approval)
    if environment.approval == "before_deploy":
        steps.append(approval)
    return [
        {
            "Name": "Source",
            "Actions": [
                {
                    "Name": "Source",
                    "ActionTypeId": {"Category": "Source", "Owner": "AWS", "Provider": "CodeCommit", "Version": "1"},
                    "Namespace": "SourceVariables",
                    "Configuration": {
                        "RepositoryName": "ecs-cd-sample-app",
                        "BranchName": branch,
                        "PollForSourceChanges": "false",
                    },
                    "OutputArtifacts": [{"Name": "SourceArtifact"}],
                }
            ],
        },
        {"Name": "Build", "Actions": [{**step, "RunOrder": order} for order, step in enumerate(steps, start=1)]},
        {
            "Name": "Deploy",
            "Actions": [
                {
                    "Name": "Deploy",
                    "ActionTypeId": {"Category": "Deploy", "Owner": "AWS", "Provider": "ECS", "Version": "1"},
                    "Configuration": {
                        "ClusterName": f"ecs-cd-{name}",
                        "ServiceName": f"ecs-cd-sample-app-{name}",
                        "FileName": "imagedefinitions.json",
                        "DeploymentTimeout": "15",
                    },
                    "InputArtifacts": [{"Name": "BuildContainerArtifact"}],
                }
            ],
            "OnFailure": {"Result": "ROLLBACK"},
        },
    ]


def expected_build(step: BuildStep) -> dict[str, Any]:
    """The action of any other build: it gets what the last one before it passed on that was no image."""
    before = BUILD_STEPS[: BUILD_STEPS.index(step)]
    (*_, application) = ["SourceArtifact", *(one.output for one in before if one.output and not one.pushes_image)]
    return {
        "Name": step.action,
        "ActionTypeId": {"Category": "Build", "Owner": "AWS", "Provider": "CodeBuild", "Version": "1"},
        "Configuration": {"ProjectName": VALUES[f"CodeBuild{step.name}ProjectName"]},
        "InputArtifacts": [{"Name": application}],
        **({"OutputArtifacts": [{"Name": step.output}]} if step.output else {}),
    }


def with_variables_parsed(stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The stages with the JSON of the build variables read, as CodeBuild reads it."""
    stages = copy.deepcopy(stages)
    for stage in stages:
        for action in stage["Actions"]:
            if "EnvironmentVariables" in action["Configuration"]:
                variables = json.loads(action["Configuration"]["EnvironmentVariables"])
                action["Configuration"]["EnvironmentVariables"] = variables
    return stages


@pytest.mark.parametrize("form", [flat, nested])
@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.id)
@pytest.mark.parametrize("partition", PARTITIONS)
def test_each_pipeline_is_what_it_is_for(form: Any, environment: Environment, partition: str) -> None:
    target, name = PARTITIONS[partition], environment.id.lower()
    part = form(VALUES, target)[environment.id]
    pipeline = part.resources["Pipeline"]["Properties"]
    assert with_variables_parsed(pipeline.pop("Stages")) == expected_stages(environment, partition)
    assert pipeline == {
        "Name": f"ecs-cd-{name}",
        "PipelineType": "V2",
        "RoleArn": f"arn:{partition}:iam::111122223333:role/ecs-cd-codepipeline",
        "ArtifactStore": {"Type": "S3", "Location": "ecs-cd-artifacts-111122223333-us-east-1"},
    }


@pytest.mark.parametrize("form", [flat, nested])
@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.id)
@pytest.mark.parametrize("partition", PARTITIONS)
def test_each_trigger_starts_its_own_pipeline_on_its_own_branch(
    form: Any, environment: Environment, partition: str
) -> None:
    target = PARTITIONS[partition]
    place = f"{target.region}:111122223333"
    trigger = form(VALUES, target)[environment.id].resources["CWEventTrigger"]["Properties"]
    assert trigger["Name"] == f"ecs-cd-{environment.id.lower()}"
    assert trigger["EventPattern"] == {
        "source": ["aws.codecommit"],
        "detail-type": ["CodeCommit Repository State Change"],
        "resources": [f"arn:{partition}:codecommit:{place}:ecs-cd-sample-app"],
        "detail": {
            "event": ["referenceCreated", "referenceUpdated"],
            "referenceType": ["branch"],
            "referenceName": [branch_of(environment)],
        },
    }
    (only,) = trigger["Targets"]
    assert only["Arn"] == f"arn:{partition}:codepipeline:{place}:ecs-cd-{environment.id.lower()}"
    assert only["RoleArn"] == f"arn:{partition}:iam::111122223333:role/ecs-cd-events"


@pytest.mark.parametrize("partition", PARTITIONS)
def test_flat_and_nested_are_the_same(partition: str) -> None:
    one, other = flat(VALUES, PARTITIONS[partition]), nested(VALUES, PARTITIONS[partition])
    assert {key: (properties(part), part.outputs) for key, part in one.items()} == {
        key: (properties(part), part.outputs) for key, part in other.items()
    }


def properties(part: Resolved) -> dict[str, Any]:
    """The resources without what says only when they are made."""
    return {
        title: {key: value for key, value in resource.items() if key not in ("DependsOn", "Metadata")}
        for title, resource in part.resources.items()
    }


@pytest.mark.parametrize("form", [flat, nested])
def test_repository(form: Any) -> None:
    repository = form(VALUES, TARGET)["QA"].resources["ECRRepository"]
    assert (repository["DeletionPolicy"], repository["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    text = repository["Properties"].pop("LifecyclePolicy")["LifecyclePolicyText"]
    assert json.loads(text)["rules"][0]["selection"]["countNumber"] == 5
    assert repository["Properties"] == {
        "RepositoryName": "ecs-cd-sample-app-qa",
        "ImageScanningConfiguration": {"ScanOnPush": True},
        "ImageTagMutability": "IMMUTABLE",
    }


@pytest.mark.parametrize("form", [flat, nested])
def test_blank_lifecycle_policy_leaves_the_repository_alone(form: Any) -> None:
    parts = form({**VALUES, "LifecyclePolicyTextForQAEnv": ""}, TARGET)
    assert "ECRRepository" not in parts["QA"].resources
    assert "ECRRepository" in parts["Dev"].resources
    assert "ECRRepository" in parts["Prod"].resources
    # The pipeline pushes to it all the same.
    whole = form(VALUES, TARGET)["QA"]
    assert properties(parts["QA"])["Pipeline"] == properties(whole)["Pipeline"]
    assert parts["QA"].outputs == whole.outputs


@pytest.mark.parametrize("partition", PARTITIONS)
def test_outputs_lead_to_the_pipeline_and_the_repository(partition: str) -> None:
    target = PARTITIONS[partition]
    for environment in ENVIRONMENTS:
        name = environment.id.lower()
        assert flat(VALUES, target)[environment.id].outputs == {
            "PipelineUrl": f"https://{CONSOLES[partition]}/codesuite/codepipeline/pipelines/ecs-cd-{name}/view"
            f"?region={target.region}",
            "ECRRepositoryUri": f"111122223333.dkr.ecr.{target.region}.{SUFFIXES[partition]}/ecs-cd-sample-app-{name}",
        }


def test_nested_outputs_are_the_nested_stacks_own() -> None:
    for name, output in NESTED[ALL]["Outputs"].items():
        own, _, key = name.partition("For")
        assert output["Value"] == {"Fn::GetAtt": [f"CodePipeLineFor{key}", f"Outputs.{own}"]}
        assert own in NESTED["deployment-pipeline-with-approval.yaml"]["Outputs"]


@pytest.mark.parametrize(
    ("name", "approval"),
    [("deployment-pipeline-without-approval.yaml", False), ("deployment-pipeline-with-approval.yaml", True)],
)
def test_single_pipelines(name: str, approval: bool) -> None:
    stages = resolve(FLAT[name], parameters(name), TARGET).resources["Pipeline"]["Properties"]["Stages"]
    assert [[action["Name"] for action in stage["Actions"]] for stage in stages] == [
        ["Source"],
        [*(["Approval"] if approval else []), *(step.action for step in BUILD_STEPS)],
        ["Deploy"],
    ]


# Of each project: the file that says what it runs, and whether Docker may run in it.
BUILDS = {
    "code-build-nodejs.yaml": ("buildspec_nodejs.yml", False),
    "code-build-containerImage.yaml": ("buildspec_containerImage.yml", True),
}


@pytest.mark.parametrize("step", BUILD_STEPS, ids=lambda step: step.name)
def test_build_projects(step: BuildStep) -> None:
    name = step.file_name
    buildspec, privileged = BUILDS.get(name, (step.buildspec, step.privileged))
    values = parameters(name)
    project = resolve(FLAT[name], values, TARGET).resources["CodeBuildProject"]["Properties"]
    assert project == {
        "Name": values["CodeBuildProjectName"],
        "ServiceRole": f"arn:aws:iam::111122223333:role/{values['CodeBuildServiceRoleName']}",
        "Source": {"Type": "CODEPIPELINE", "BuildSpec": buildspec},
        "Artifacts": {"Type": "CODEPIPELINE"},
        "Environment": {
            "Type": "LINUX_CONTAINER",
            "ComputeType": "BUILD_GENERAL1_SMALL",
            "Image": "aws/codebuild/amazonlinux-x86_64-standard:6.0",
            "PrivilegedMode": privileged,
        },
        "LogsConfig": {
            "CloudWatchLogs": {"Status": "ENABLED", "GroupName": f"/aws/codebuild/{values['CodeBuildProjectName']}"}
        },
        "TimeoutInMinutes": 30,
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"CodePipelineNameForQAEnv": "ecs-cd-dev"}, "CodePipelineNameForDevEnv and CodePipelineNameForQAEnv"),
        ({"CodePipelineNameForProdEnv": "ecs-cd-qa"}, "CodePipelineNameForQAEnv and CodePipelineNameForProdEnv"),
        (
            {"ECRRepositoryNameForProdEnv": "ecs-cd-sample-app-dev"},
            "ECRRepositoryNameForDevEnv and ECRRepositoryNameForProdEnv",
        ),
        ({"CodeBuildNodejsProjectName": "ecs-cd-build-container-image"}, "CodeBuildNodejsProjectName"),
    ],
)
@pytest.mark.parametrize("templates", [FLAT, NESTED], ids=["flat", "nested"])
def test_rules_refuse_what_cannot_work(templates: Any, change: dict[str, str], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        resolve(templates[ALL], {**VALUES, **change}, TARGET)


@pytest.mark.parametrize(
    "name", ["deployment-pipeline-without-approval.yaml", "deployment-pipeline-with-approval.yaml"]
)
def test_single_pipelines_refuse_one_project_for_both_builds(name: str) -> None:
    values = parameters(name)
    with pytest.raises(ParameterError, match="Each build needs a CodeBuild project of its own"):
        resolve(
            FLAT[name],
            {**values, "CodeBuildNodejsProjectName": "x1", "CodeBuildContainerImageProjectName": "x1"},
            TARGET,
        )


@pytest.mark.parametrize("templates", [FLAT, NESTED], ids=["flat", "nested"])
def test_environments_may_share_a_repository_that_exists(templates: Any) -> None:
    """Blank lifecycle policies say that it does; one that is made is an environment's own."""
    shared = {"ECRRepositoryNameForQAEnv": "ecs-cd-sample-app-dev"}
    blank = {f"LifecyclePolicyTextFor{key}Env": "" for key in ("Dev", "QA")}
    resolve(templates[ALL], {**VALUES, **shared, **blank}, TARGET)
    for one in blank:
        with pytest.raises(ParameterError, match="ECR repository of its own"):
            resolve(templates[ALL], {**VALUES, **shared, one: ""}, TARGET)


@pytest.mark.parametrize("approval", ["before_build", "before_deploy"])
def test_the_approval_stands_where_the_environment_says(approval: Any) -> None:
    environments = [replace(ENVIRONMENTS[-1], approval=approval)]
    settings = RenderSettings(environments=environments)
    nested_settings = RenderSettings(environments=environments, nested_base_url=BASE_URL)
    name = deployment_pipeline.file_name(environments[0])
    (stack,) = data(nested_settings)[ALL]["Resources"].values()
    assert stack["Properties"]["TemplateURL"] == f"{BASE_URL}/{name}"
    single = data(nested_settings)[name]["Resources"]["Pipeline"]["Properties"]
    for pipeline in (single, data(settings)[ALL]["Resources"]["PipelineForProdEnv"]["Properties"]):
        actions = [action for stage in pipeline["Stages"] for action in stage["Actions"]]
        names = [action["Name"] for action in actions]
        before = names[: names.index("Approval")]
        assert before == (["Source"] if approval == "before_build" else ["Source", *(s.action for s in BUILD_STEPS)])
        # Nothing runs beside the approval, and a deployment stage that fails deploys what ran before once more.
        assert [action["RunOrder"] for action in pipeline["Stages"][1]["Actions"]] == list(range(1, len(names) - 1))
        assert [action["Name"] for action in pipeline["Stages"][2]["Actions"]] == ["Deploy"]
        assert actions[names.index("Approval")]["TimeoutInMinutes"] >= 24 * 60


def test_a_single_pipeline_with_the_later_approval_is_rendered_where_an_environment_has_it() -> None:
    assert "deployment-pipeline-with-approval-before-deploy.yaml" not in FLAT


def test_approvals_can_show_the_message() -> None:
    settings = DeploymentPipelineSettings(
        environment=ENVIRONMENTS[-1], pipeline=PipelineSettings(approval_shows_message=True)
    )
    template = build_deployment_pipeline(settings).to_dict()
    assert "#{SourceVariables.CommitMessage}" in json.dumps(template)
    # A message of any length would count against the 1,000 characters of a configuration value.
    assert "CommitMessage" not in str(FLAT)


def test_only_one_tag_can_be_pushed_again() -> None:
    settings = PipelineSettings(image_tag_mutability="IMMUTABLE_WITH_EXCLUSION")
    template = data(RenderSettings(pipeline=settings))["deployment-pipeline-without-approval.yaml"]
    repository = template["Resources"]["ECRRepository"]["Properties"]
    assert repository["ImageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert repository["ImageTagMutabilityExclusionFilters"] == [
        {"ImageTagMutabilityExclusionFilterType": "WILDCARD", "ImageTagMutabilityExclusionFilterValue": "latest"}
    ]


@pytest.mark.parametrize("minutes", [0, 1439, 86401, 1440.0, "1440", True])
def test_an_approval_waits_a_day_at_least(minutes: Any) -> None:
    with pytest.raises(SettingsError, match=r"PipelineSettings\.approval_timeout_minutes"):
        PipelineSettings(approval_timeout_minutes=minutes)


def test_settings_change_what_they_say() -> None:
    plain = PipelineSettings(
        pipeline_type="V1",
        rollback_on_failure=False,
        deployment_timeout_minutes=60,
        approval_timeout_minutes=1440,
        image_tag_mutability="MUTABLE",
        scan_on_push=False,
    )
    environment = Environment(id="Prod", display_name="production", approval="before_build")
    template = load(
        to_yaml(build_deployment_pipeline(DeploymentPipelineSettings(environment=environment, pipeline=plain)))
    )
    name = "deployment-pipeline-with-approval.yaml"
    resources = resolve(template, parameters(name), TARGET).resources
    stages = resources["Pipeline"]["Properties"]["Stages"]
    assert resources["Pipeline"]["Properties"]["PipelineType"] == "V1"
    assert all("OnFailure" not in stage for stage in stages)
    assert stages[2]["Actions"][0]["Configuration"]["DeploymentTimeout"] == "60"
    assert stages[1]["Actions"][0]["TimeoutInMinutes"] == 1440
    assert "CommitId" in stages[1]["Actions"][0]["Configuration"]["CustomData"]
    assert resources["ECRRepository"]["Properties"]["ImageTagMutability"] == "MUTABLE"
    assert resources["ECRRepository"]["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": False}


def test_build_settings_change_what_they_say() -> None:
    step = replace(CONTAINER_IMAGE, compute_type="BUILD_GENERAL1_LARGE", timeout_minutes=5)
    settings = CodeBuildSettings(step=step, architecture="ARM64", build_logs=False)
    properties = load(to_yaml(build_code_build(settings)))["Resources"]["CodeBuildProject"]["Properties"]
    assert properties["Environment"] == {
        "Type": "ARM_CONTAINER",
        "ComputeType": "BUILD_GENERAL1_LARGE",
        "Image": "aws/codebuild/amazonlinux-aarch64-standard:4.0",
        "PrivilegedMode": True,
    }
    assert properties["LogsConfig"] == {"CloudWatchLogs": {"Status": "DISABLED"}}
    assert properties["TimeoutInMinutes"] == 5
    assert "Cache" not in properties


@pytest.mark.parametrize("architecture", ["X86_64", "ARM64"])
@pytest.mark.parametrize("size", COMPUTE_TYPES)
def test_each_size_of_machine_is_there_for_each_processor(size: str, architecture: Architecture) -> None:
    own = "public.ecr.aws/docker/library/python:3.13"
    step = replace(UNIT_TESTS, compute_type=size, image=own)
    template = load(to_yaml(build_code_build(CodeBuildSettings(step=step, architecture=architecture))))
    environment = template["Resources"]["CodeBuildProject"]["Properties"]["Environment"]
    assert (environment["ComputeType"], environment["Image"]) == (size, own)


@pytest.mark.parametrize(
    ("step", "modes"),
    [(UNIT_TESTS, ["LOCAL_CUSTOM_CACHE"]), (CONTAINER_IMAGE, ["LOCAL_CUSTOM_CACHE", "LOCAL_DOCKER_LAYER_CACHE"])],
)
def test_a_cache_keeps_docker_layers_only_where_docker_runs(step: BuildStep, modes: list[str]) -> None:
    settings = QuickStartSettings(
        pipeline=PipelineSettings(
            steps=[
                replace(UNIT_TESTS, cache=step is UNIT_TESTS),
                replace(CONTAINER_IMAGE, cache=step is CONTAINER_IMAGE),
            ]
        )
    )
    resources = load(to_yaml(build_quick_start(settings)))["Resources"].values()
    projects = [each["Properties"] for each in resources if each["Type"] == "AWS::CodeBuild::Project"]
    cached = [each for each in projects if "Cache" in each]
    assert [each["Source"]["BuildSpec"] for each in cached] == [step.buildspec] * len(settings.environments)
    assert all(each["Cache"] == {"Type": "LOCAL", "Modes": modes} for each in cached)


def test_nested_stacks_can_be_updated_in_place() -> None:
    """Nothing that would be replaced under a name that is taken differs from the reference.

    There the rule and the pipeline carry CodePipelineName, the repository ECRRepositoryName and no
    encryption settings, and each stack the logical ID of the contract.
    """
    changed = data(RenderSettings(pipeline=PipelineSettings(image_tag_mutability="MUTABLE"), nested_base_url=BASE_URL))
    for name in ("deployment-pipeline-without-approval.yaml", "deployment-pipeline-with-approval.yaml"):
        resources = changed[name]["Resources"]
        assert resources["Pipeline"]["Properties"]["Name"] == {"Ref": "CodePipelineName"}
        assert resources["CWEventTrigger"]["Properties"]["Name"] == {"Ref": "CodePipelineName"}
        assert "EventBusName" not in resources["CWEventTrigger"]["Properties"]
        assert resources["ECRRepository"]["Properties"]["RepositoryName"] == {"Ref": "ECRRepositoryName"}
        assert "EncryptionConfiguration" not in resources["ECRRepository"]["Properties"]
        assert resources["ECRRepository"]["Properties"]["ImageTagMutability"] == "MUTABLE"


def test_configuration_values_stay_below_the_limit_with_the_longest_names() -> None:
    """An action's configuration value ends at 1,000 characters; the commit message is not known here."""
    name = "deployment-pipeline-with-approval.yaml"
    longest = {
        "CodePipelineName": "p" * 64,
        "SNSTopicName": "t" * 256,
        "CodeCommitRepositoryName": "r" * 100,
        "CodeCommitBranchName": "b" * 256,
        "ECRRepositoryName": "e" * 256,
        "ECSTaskContainerName": "c" * 255,
        "ECSClusterName": "c" * 255,
        "ECSServiceName": "s" * 255,
    }
    values = {**parameters(name), **longest}
    for target in PARTITIONS.values():
        for stage in resolve(FLAT[name], values, target).resources["Pipeline"]["Properties"]["Stages"]:
            for action in stage["Actions"]:
                assert all(1 <= len(value) <= 1000 for value in action["Configuration"].values())


def test_no_partition_or_domain_is_written_out() -> None:
    # A service's principal has the same name in every partition.
    principals = re.compile(r"(?:Service|iam:PassedToService): [a-z-]+\.amazonaws\.com$", re.MULTILINE)
    for text in rendered().values():
        assert "arn:aws" not in text
        assert "amazonaws.com" not in principals.sub("", text)


def test_all_environments_takes_any_list() -> None:
    environments = [Environment(id="Prod", display_name="production", approval="before_build")]
    template = load(to_yaml(build_all_environments(AllEnvironmentsSettings(environments=environments))))
    assert list(template["Resources"]) == ["ECRRepositoryForProdEnv", "CWEventTriggerForProdEnv", "PipelineForProdEnv"]
    assert set(template["Rules"]) == {"DistinctBuildProjects"}
