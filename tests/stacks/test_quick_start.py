"""Everything at once: launched with nothing typed, each name said once, and nothing before what it needs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ecs_cd_templates import (
    BUILD_STEPS,
    ENVIRONMENTS,
    BuildStep,
    Environment,
    ParameterError,
    PipelineSettings,
    QuickStartSettings,
    SettingsError,
    build_quick_start,
    to_yaml,
)
from ecs_cd_templates.cfn.evaluation import resolve
from ecs_cd_templates.cfn.limits import MAX_BODY_BYTES_FROM_S3, MAX_OUTPUTS, MAX_PARAMETERS, MAX_RESOURCES
from least_privilege import ROLE_TITLES, calls, permission_problems, trust_problems
from support import PARTITIONS, TARGET, data, load, most_steps, parameters, rendered
from test_references import names_used

TEXT = rendered()["quick-start.yaml"]
TEMPLATE = data()["quick-start.yaml"]
PIPELINES = "deployment-pipeline-for-all-env.yaml"


def made(values: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
    return resolve(TEMPLATE, values or {}, TARGET).resources


def test_launches_without_typing_anything() -> None:
    assert all("Default" in parameter for parameter in TEMPLATE["Parameters"].values())
    types = [resource["Type"] for resource in made().values()]
    each = len(ENVIRONMENTS)
    for kind, count in (
        ("AWS::EC2::VPC", each),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", each),
        ("AWS::ECS::Cluster", each),
        ("AWS::ECS::Service", each),
        ("AWS::CodePipeline::Pipeline", each),
        ("AWS::ECR::Repository", each),
        ("AWS::Events::Rule", each),
        ("AWS::CodeBuild::Project", len(BUILD_STEPS)),
        ("AWS::CodeCommit::Repository", 1),
        ("AWS::S3::Bucket", 1),
        ("AWS::SNS::Topic", 1),
        ("AWS::AutoScaling::AutoScalingGroup", 0),
    ):
        assert types.count(kind) == count, kind
    assert made({"ECSLaunchType": "EC2"}).keys() > made().keys()
    on_ec2 = [resource["Type"] for resource in made({"ECSLaunchType": "EC2"}).values()]
    assert on_ec2.count("AWS::AutoScaling::AutoScalingGroup") == each


def test_names_what_costs_money() -> None:
    for cost in ("load balancers", "containers or EC2 instances", "public IPv4 addresses", "pipelines", "builds"):
        assert cost in TEMPLATE["Description"]
    assert len(TEMPLATE["Description"]) <= 1024
    assert len(TEXT.encode()) <= MAX_BODY_BYTES_FROM_S3
    assert len(TEMPLATE["Parameters"]) <= MAX_PARAMETERS
    assert len(TEMPLATE["Resources"]) <= MAX_RESOURCES


@pytest.mark.parametrize("partition", PARTITIONS)
def test_pipelines_are_those_of_the_template_of_pipelines(partition: str) -> None:
    target = PARTITIONS[partition]
    bucket = f"ecs-cd-artifacts-{target.account}-{target.region}"
    values = {**parameters(PIPELINES), "CodePipelineArtifactBucketName": bucket}
    apart = resolve(data()[PIPELINES], values, target)
    together = resolve(TEMPLATE, {}, target)
    for name, resource in apart.resources.items():
        assert together.resources[name] == resource
    for name, value in apart.outputs.items():
        assert together.outputs[name] == value


@pytest.mark.parametrize("partition", PARTITIONS)
def test_roles_are_as_tight_as_those_of_the_prerequisites(partition: str) -> None:
    target = PARTITIONS[partition]
    resources = resolve(TEMPLATE, {}, target).resources
    bucket = f"ecs-cd-artifacts-{target.account}-{target.region}"
    assert resources["ArtifactBucket"]["Properties"]["BucketName"] == bucket
    apart = resolve(data()["prerequisites.yaml"], {"CodePipelineArtifactBucketName": bucket}, target).resources
    for role in ROLE_TITLES:
        assert resources[role] == apart[role]


def test_roles_allow_what_the_pipelines_made_here_call() -> None:
    for role in ROLE_TITLES:
        properties = made()[role]["Properties"]
        assert list(permission_problems(role, properties["Policies"][0]["PolicyDocument"], TARGET)) == []
        assert list(trust_problems(role, properties["AssumeRolePolicyDocument"], TARGET)) == []


def test_codepipeline_may_pass_exactly_the_roles_of_the_tasks_made_here() -> None:
    resources = made()
    passed = next(
        statement["Resource"]
        for statement in resources["CodePipelineServiceRole"]["Properties"]["Policies"][0]["PolicyDocument"][
            "Statement"
        ]
        if statement["Action"] == ["iam:PassRole"]
    )
    roles = {
        f"arn:aws:iam::111122223333:role/{resource['Properties']['RoleName']}"
        for name, resource in resources.items()
        if re.match(r"ECSTask(Execution)?Role", name)
    }
    assert set(passed) == roles
    assert len(passed) == len(roles) == 2 * len(ENVIRONMENTS)
    for name, resource in resources.items():
        if resource["Type"] == "AWS::ECS::TaskDefinition":
            suffix = name.removeprefix("ECSTaskDefinition")
            assert resource["Properties"]["TaskRoleArn"] == f"<ECSTaskRole{suffix}.Arn>"
            assert resource["Properties"]["ExecutionRoleArn"] == f"<ECSTaskExecutionRole{suffix}.Arn>"


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.id)
def test_what_one_part_makes_is_what_the_next_asks_for(environment: Environment) -> None:
    """Each name is a reference to what it names, so that CloudFormation makes that first."""
    key, resources = environment.id, TEMPLATE["Resources"]
    pipeline = set(names_used(resources[f"PipelineFor{key}Env"]))
    assert {"ArtifactBucket", "CodePipelineServiceRole", "CodeCommitRepository"} <= pipeline
    assert {*(f"CodeBuild{step.name}Project" for step in BUILD_STEPS), f"ECSServiceFor{key}Env"} <= pipeline
    assert ("ApprovalTopic" in pipeline) == environment.approval
    assert {"CloudWatchEventRole", f"PipelineFor{key}Env"} <= set(names_used(resources[f"CWEventTriggerFor{key}Env"]))
    for step in BUILD_STEPS:
        assert f"CodeBuild{step.name}ServiceRole" in names_used(resources[f"CodeBuild{step.name}Project"])
    together = made()
    service = together[f"ECSServiceFor{key}Env"]["Properties"]
    deploy = together[f"PipelineFor{key}Env"]["Properties"]["Stages"][2]["Actions"][0]["Configuration"]
    assert deploy["ServiceName"] == service["ServiceName"]
    assert deploy["ClusterName"] == service["Cluster"]
    task = together[f"ECSTaskDefinitionFor{key}Env"]["Properties"]["ContainerDefinitions"][0]
    builds = together[f"PipelineFor{key}Env"]["Properties"]["Stages"][1]["Actions"]
    (build,) = [each["Configuration"] for each in builds if each["Name"] == "BuildContainer"]
    assert f'"CONTAINER_NAME","value":"{task["Name"]}"' in build["EnvironmentVariables"]


def test_every_call_is_for_something_made_here() -> None:
    """No name in the table of calls is one that only another template makes."""
    text = repr(made())
    for call in calls(TARGET):
        name = call.request.resource.rpartition(":")[2].rpartition("/")[2]
        if call.role == "CodePipelineServiceRole" and name.startswith("ecs-cd-"):
            assert name in text


def test_repository_starts_with_the_archive_if_one_is_named() -> None:
    values = {"SampleAppBucketName": "my-bucket", "SampleAppKey": "templates/0a1b/sample-app.zip"}
    assert "Code" not in made()["CodeCommitRepository"]["Properties"]
    with pytest.raises(ParameterError, match="or neither"):
        made({"SampleAppBucketName": "my-bucket"})
    assert made(values)["CodeCommitRepository"]["Properties"]["Code"] == {
        "S3": {"Bucket": "my-bucket", "Key": "templates/0a1b/sample-app.zip"},
        "BranchName": "master",
    }


@pytest.mark.parametrize(
    "values",
    [
        {"CodePipelineNameForQAEnv": "ecs-cd-dev"},
        {"ECRRepositoryNameForQAEnv": "ecs-cd-sample-app-prod"},
        {"ECSClusterNameForQAEnv": "ecs-cd-dev"},
        {"ECSTaskRoleNameForQAEnv": "ecs-cd-task-dev"},
        {"ECSTaskExecutionRoleNameForQAEnv": "ecs-cd-task-execution-dev"},
        {"ECSTaskRoleNameForQAEnv": "ecs-cd-task-execution-qa"},
        {"CodeBuildNodejsProjectName": "ecs-cd-build-container-image"},
        {"VpcCidrForQAEnv": "10.0.0.0/16"},
        {"CodePipelineServiceRoleName": "existing:theirs"},
        {"ECSLaunchType": "LAMBDA"},
        {"SampleAppKey": "a b"},
        {"SampleAppBucketName": "my-bucket", "SampleAppKey": "/a"},
        {"ECSTaskImageForQAEnv": "http://x/y"},
        {"ECSTaskImageForQAEnv": "UPPER/Name:tag"},
    ],
)
def test_refused(values: dict[str, str]) -> None:
    with pytest.raises(ParameterError):
        made(values)


def test_an_update_can_keep_the_image_that_runs_in_each_environment() -> None:
    registry = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
    images = {
        f"ECSTaskImageFor{environment.id}Env": f"{registry}/ecs-cd-sample-app-{environment.id.lower()}:{number:012x}"
        for number, environment in enumerate(ENVIRONMENTS)
    }
    together = made(images)
    for environment in ENVIRONMENTS:
        (container,) = together[f"ECSTaskDefinitionFor{environment.id}Env"]["Properties"]["ContainerDefinitions"]
        assert container["Image"] == images[f"ECSTaskImageFor{environment.id}Env"]


def test_form_speaks_of_what_is_made_here() -> None:
    for parameter in TEMPLATE["Parameters"].values():
        assert ".yaml" not in parameter["Description"]
        assert "need not exist yet" not in parameter["Description"]
    assert resolve(TEMPLATE, {}, TARGET).outputs["CodeCommitCloneUrl"] == "<CodeCommitRepository.CloneUrlHttp>"


def test_any_list_of_environments() -> None:
    environments = [Environment(id="Live", display_name="live", approval=False)]
    template = load(to_yaml(build_quick_start(QuickStartSettings(environments=environments, architecture="ARM64"))))
    resources = resolve(template, {}, TARGET).resources
    assert "ApprovalTopic" not in resources
    assert "PipelineForLiveEnv" in resources
    assert resources["ECSTaskDefinitionForLiveEnv"]["Properties"]["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    assert resources["CodeBuildNodejsProject"]["Properties"]["Environment"]["Type"] == "ARM_CONTAINER"
    stages = resources["PipelineForLiveEnv"]["Properties"]["Stages"]
    assert stages[0]["Actions"][0]["Configuration"]["BranchName"] == "live"


@pytest.mark.parametrize("steps", [BUILD_STEPS, most_steps()], ids=["usual steps", "most steps"])
def test_the_largest_settings_fit_into_one_template(steps: list[BuildStep]) -> None:
    environments = [
        Environment(id=f"{number:040}", display_name=f"{'w' * 76} {number}", approval=True) for number in range(8)
    ]
    template = build_quick_start(QuickStartSettings(environments=environments, pipeline=PipelineSettings(steps=steps)))
    assert len(template.parameters) <= MAX_PARAMETERS
    assert len(template.resources) <= MAX_RESOURCES
    assert len(template.outputs) <= MAX_OUTPUTS
    assert len(to_yaml(template).encode()) <= MAX_BODY_BYTES_FROM_S3
    with pytest.raises(SettingsError, match="launch the others by themselves"):
        QuickStartSettings(environments=[Environment(id=f"E{n}", display_name=f"{n}") for n in range(9)])
