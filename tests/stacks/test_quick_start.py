"""Everything at once: launched with nothing typed, each name made of one, and nothing shared that a build writes to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_cd_templates import (
    BUILD_STEPS,
    ENVIRONMENTS,
    BuildStep,
    Environment,
    ParameterError,
    PipelineSettings,
    QuickStartSettings,
    RenderSettings,
    SettingsError,
    build_quick_start,
    costs,
    to_yaml,
)
from ecs_cd_templates.cfn.evaluation import Resolved, Target, resolve
from ecs_cd_templates.cfn.limits import MAX_BODY_BYTES_FROM_S3, MAX_OUTPUTS, MAX_PARAMETERS, MAX_RESOURCES
from ecs_cd_templates.environments import Scope
from ecs_cd_templates.stacks.deployment_pipeline import file_name
from support import PARTITIONS, TARGET, data, load, most_steps, rendered
from test_references import names_used

TEXT = rendered()["quick-start.yaml"]
TEMPLATE = data()["quick-start.yaml"]
ID = [environment.id for environment in ENVIRONMENTS]


def launched(target: Target = TARGET, template: Mapping[str, Any] = TEMPLATE, **values: str) -> Resolved:
    return resolve(template, values, target)


def made(**values: str) -> dict[str, dict[str, Any]]:
    return resolve(TEMPLATE, values, TARGET).resources


def test_launches_without_typing_anything() -> None:
    assert all("Default" in parameter for parameter in TEMPLATE["Parameters"].values())
    assert len(TEMPLATE["Parameters"]) <= 26
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
        ("AWS::CodeBuild::Project", len(BUILD_STEPS) * each),
        ("AWS::CodeCommit::Repository", 1),
        ("AWS::S3::Bucket", each),
        ("AWS::SNS::Topic", 1),
        ("AWS::AutoScaling::AutoScalingGroup", 0),
    ):
        assert types.count(kind) == count, kind
    on_ec2 = [resource["Type"] for resource in made(ECSLaunchType="EC2").values()]
    assert on_ec2.count("AWS::AutoScaling::AutoScalingGroup") == each


def test_form_is_grouped_by_environment_where_environments_differ() -> None:
    groups = {
        group["Label"]["default"]: group["Parameters"]
        for group in TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    }
    assert list(groups)[-len(ID) :] == [f"The {each.display_name} environment" for each in ENVIRONMENTS]
    for label, names in groups.items():
        own = [environment for environment in ENVIRONMENTS if label == f"The {environment.display_name} environment"]
        for name in names:
            assert name.endswith("Env") == bool(own)
            assert not own or name.endswith(f"For{own[0].id}Env")
    assert [name for names in groups.values() for name in names] == list(TEMPLATE["Parameters"])


def test_says_what_it_costs() -> None:
    for cost in ("load balancers", "containers or EC2 instances", "public IPv4 addresses", "pipelines", "builds"):
        assert cost in TEMPLATE["Description"]
    assert f"about {costs.total(ENVIRONMENTS)} US dollars a month" in TEMPLATE["Description"]
    assert len(TEMPLATE["Description"]) <= 1024
    assert len(TEXT.encode()) <= MAX_BODY_BYTES_FROM_S3
    assert len(TEMPLATE["Resources"]) <= MAX_RESOURCES


def test_costs_follow_from_what_is_made() -> None:
    types = [resource["Type"] for resource in made().values()]
    parts = {cost.what: cost.count for cost in costs.idle(ENVIRONMENTS)}
    assert parts["load balancers"] == types.count("AWS::ElasticLoadBalancingV2::LoadBalancer")
    assert parts["tasks"] == types.count("AWS::ECS::Service")
    balanced = sum(
        len(resource["Properties"]["Subnets"])
        for resource in made().values()
        if resource["Type"] == "AWS::ElasticLoadBalancingV2::LoadBalancer"
    )
    assert parts["public IPv4 addresses"] == balanced + parts["tasks"]
    insights = [
        resource["Properties"]["ClusterSettings"][0]["Value"]
        for resource in made().values()
        if resource["Type"] == "AWS::ECS::Cluster"
    ]
    assert parts["Container Insights"] == insights.count("enabled") == 1
    # Smallest task, of both kinds of address, for one environment: within a dollar of what adding up by hand gives.
    assert 35 < costs.total(ENVIRONMENTS[:1]) < 38


# One name ------------------------------------------------------------------------------------------------------------

# The properties that hold a name which has to be the only one in an account, a region or the world.
NAMES = re.compile(r"Name$")


def names(application: str, **values: str) -> dict[tuple[str, str], str]:
    """Each name that the launch takes, by logical ID and property."""
    return {
        (title, key): value
        for title, resource in made(ApplicationName=application, **values).items()
        for key, value in resource["Properties"].items()
        if NAMES.search(key) and not value.startswith("<")
    }


def kinds(application: str, **values: str) -> dict[str, set[str]]:
    """The names by what they must be unique among: things of one type."""
    found: dict[str, set[str]] = {}
    for (title, _), name in names(application, **values).items():
        found.setdefault(TEMPLATE["Resources"][title]["Type"], set()).add(name)
    return found


@pytest.mark.parametrize("launch_type", ["FARGATE", "EC2"])
def test_every_name_is_made_of_the_application_and_the_environment(launch_type: str) -> None:
    short, long = (names(name, ECSLaunchType=launch_type) for name in ("zz", "q-12345678901234567z"))
    assert short.keys() == long.keys()
    for (title, key), name in short.items():
        kind = TEMPLATE["Resources"][title]["Type"]
        if kind in ("AWS::AutoScaling::LifecycleHook", "AWS::ApplicationAutoScaling::ScalingPolicy"):
            continue  # Of one group, of one service.
        assert name.count("zz") == 1, (title, key, name)
        # Nothing else of it depends on the name.
        assert long[title, key] == name.replace("zz", "q-12345678901234567z")
        environment = re.search(r"For(\w+)Env$", title)
        assert not environment or f"zz-{environment[1].lower()}" in name, (title, name)
    assert len(short) > 40


APPLICATION = re.compile(TEMPLATE["Parameters"]["ApplicationName"]["AllowedPattern"].replace("$", r"\Z"))
WORDS = st.lists(st.text("ab1", min_size=1, max_size=3), min_size=1, max_size=4).map("-".join)
LEGAL = WORDS.filter(lambda name: 2 <= len(name) <= 20 and APPLICATION.match(name) is not None)
# What follows the application's name, and could be the end of another's.
TAILS = sorted({name.split("zz-", 1)[-1] for name in names("zz", ECSLaunchType="EC2").values() if "zz-" in name})


@given(LEGAL, st.one_of(LEGAL, st.sampled_from(TAILS)))
def test_two_applications_share_no_name(one: str, tail: str) -> None:
    """Nor where one is called like the beginning of the other, followed by what names are made with."""
    for other in {tail, f"{one}-{tail}", f"{one}{tail}"} - {one}:
        for kind, patterns in PATTERNS.items():
            ours = {pattern.format(one) for pattern in patterns}
            assert not ours & {pattern.format(other) for pattern in patterns}, (kind, one, other)


PATTERNS = {
    kind: {name.replace("zz", "{}") for name in found}
    for kind, found in kinds("zz", ECSLaunchType="EC2").items()
    # A lifecycle hook's name is its group's affair, a scaling policy's its service's.
    if kind not in ("AWS::AutoScaling::LifecycleHook", "AWS::ApplicationAutoScaling::ScalingPolicy")
}


def test_things_of_one_kind_have_the_same_number_of_words_after_the_applications_name() -> None:
    """With more in one than in another, an application could be called so that two names are the same."""
    assert "{}-dev-task" in PATTERNS["AWS::IAM::Role"]
    for kind, patterns in PATTERNS.items():
        assert len({pattern.count("-") - pattern.startswith("ec2-") for pattern in patterns}) == 1, kind


def test_the_bucket_has_no_name_of_ours() -> None:
    """Bucket names are the world's, and the bucket stays when the stack goes: it is in the way of nothing."""
    for environment in ID:
        assert "BucketName" not in made()[f"ArtifactBucketFor{environment}Env"]["Properties"]


@pytest.mark.parametrize("name", ["a", "A-b", "1ab", "ab-", "-ab", "a--b", "a_b", "a.b", "a" * 21, "", "ab\n", "äb"])
def test_names_that_no_application_may_have(name: str) -> None:
    with pytest.raises(ParameterError) as caught:
        made(ApplicationName=name)
    assert caught.value.field == "ApplicationName"


# What belongs to whom ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.id)
def test_pipelines_are_those_of_the_template_of_one(partition: str, environment: Environment) -> None:
    target, scope = PARTITIONS[partition], Scope(environment)
    together = launched(target)
    own = {title: resource for title, resource in together.resources.items() if title.endswith(scope.name(""))}
    name = f"sample-app-{environment.id.lower()}"
    values = {
        "CodePipelineName": name,
        "CodePipelineServiceRoleName": f"{name}-pipeline",
        "CodePipelineArtifactBucketName": "the-bucket",
        "SNSTopicName": "sample-app-approvals",
        "CodeCommitRepositoryName": "sample-app",
        "CodeCommitBranchName": environment.default_branch or environment.id.lower(),
        "CodeBuildNodejsProjectName": f"{name}-nodejs",
        "CodeBuildContainerImageProjectName": f"{name}-containerimage",
        "ECRRepositoryName": name,
        "ECSTaskContainerName": "app",
        "ECSClusterName": name,
        "ECSServiceName": name,
        "LifecyclePolicyText": own[scope.name("ECRRepository")]["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"],
        "CloudWatchEventRoleName": f"{name}-events",
    }
    template = data()[file_name(environment)]
    apart = resolve(template, {key: value for key, value in values.items() if key in template["Parameters"]}, target)
    for title, resource in apart.resources.items():
        there = {**own[scope.name(title)]["Properties"]}
        if title == "Pipeline":
            there["ArtifactStore"] = {"Type": "S3", "Location": "the-bucket"}
        assert there == resource["Properties"]
    for title, value in apart.outputs.items():
        assert together.outputs[scope.name(title)] == value


@pytest.mark.parametrize("environment", ID)
def test_codepipeline_may_pass_exactly_the_roles_of_its_own_tasks(environment: str) -> None:
    resources = made()
    (passed,) = (
        statement["Resource"]
        for statement in resources[f"CodePipelineServiceRoleFor{environment}Env"]["Properties"]["Policies"][0][
            "PolicyDocument"
        ]["Statement"]
        if statement["Action"] == ["iam:PassRole"]
    )
    task = resources[f"ECSTaskDefinitionFor{environment}Env"]["Properties"]
    assert task["TaskRoleArn"] == f"<ECSTaskRoleFor{environment}Env.Arn>"
    assert task["ExecutionRoleArn"] == f"<ECSTaskExecutionRoleFor{environment}Env.Arn>"
    assert passed == [
        f"arn:aws:iam::111122223333:role/{resources[f'{role}For{environment}Env']['Properties']['RoleName']}"
        for role in ("ECSTaskRole", "ECSTaskExecutionRole")
    ]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.id)
def test_what_one_part_makes_is_what_the_next_asks_for(environment: Environment) -> None:
    """Each name is a reference to what it names, so that CloudFormation makes that first."""
    key, resources = environment.id, TEMPLATE["Resources"]
    pipeline = set(names_used(resources[f"PipelineFor{key}Env"]))
    assert {f"ArtifactBucketFor{key}Env", f"CodePipelineServiceRoleFor{key}Env", "CodeCommitRepository"} <= pipeline
    projects = {f"CodeBuild{step.name}ProjectFor{key}Env" for step in BUILD_STEPS}
    assert {*projects, f"ECSServiceFor{key}Env"} <= pipeline
    assert ("ApprovalTopic" in pipeline) == bool(environment.approval)
    # Nothing of another environment, but for what has to be there before.
    properties = set(names_used(resources[f"PipelineFor{key}Env"]["Properties"]))
    assert not [name for name in properties if re.search(r"For\w+Env$", name) and not name.endswith(f"For{key}Env")]
    assert f"CloudWatchEventRoleFor{key}Env" in names_used(resources[f"CWEventTriggerFor{key}Env"])
    for step in BUILD_STEPS:
        role = f"CodeBuild{step.name}ServiceRoleFor{key}Env"
        assert role in names_used(resources[f"CodeBuild{step.name}ProjectFor{key}Env"])
    together = made()
    service = together[f"ECSServiceFor{key}Env"]["Properties"]
    deploy = together[f"PipelineFor{key}Env"]["Properties"]["Stages"][2]["Actions"][0]["Configuration"]
    assert deploy["ServiceName"] == service["ServiceName"]
    assert deploy["ClusterName"] == service["Cluster"]
    task = together[f"ECSTaskDefinitionFor{key}Env"]["Properties"]["ContainerDefinitions"][0]
    builds = together[f"PipelineFor{key}Env"]["Properties"]["Stages"][1]["Actions"]
    (build,) = [each["Configuration"] for each in builds if each["Name"] == "BuildContainer"]
    assert f'"CONTAINER_NAME","value":"{task["Name"]}"' in build["EnvironmentVariables"]
    trigger = together[f"CWEventTriggerFor{key}Env"]["Properties"]
    assert trigger["Targets"][0]["Arn"].endswith(f":{together[f'PipelineFor{key}Env']['Properties']['Name']}")


def test_rules_start_each_pipeline_on_its_own_branch() -> None:
    resources = made(CodeCommitBranchNameForQAEnv="release/1.2")
    branches = {}
    for environment in ID:
        pattern = resources[f"CWEventTriggerFor{environment}Env"]["Properties"]["EventPattern"]
        assert pattern["resources"] == ["arn:aws:codecommit:us-east-1:111122223333:sample-app"]
        (branches[environment],) = pattern["detail"]["referenceName"]
    assert branches == {"Dev": "master", "QA": "release/1.2", "Prod": "prod"}


# The repository ------------------------------------------------------------------------------------------------------


def test_an_existing_repository_is_used_and_not_made() -> None:
    before, after = launched(), launched(CodeCommitRepositoryName="existing:My.App")
    assert before.resources.keys() - after.resources.keys() == {"CodeCommitRepository"}
    source = after.resources["PipelineForDevEnv"]["Properties"]["Stages"][0]["Actions"][0]["Configuration"]
    assert source["RepositoryName"] == "My.App"
    assert before.outputs["CodeCommitCloneUrl"].endswith(".amazonaws.com/v1/repos/sample-app")
    assert after.outputs["CodeCommitCloneUrl"].endswith(".amazonaws.com/v1/repos/My.App")
    assert "My.App" in str(after.resources["CodePipelineServiceRoleForDevEnv"])
    assert "existing:" not in str(after)
    # Taken down and launched again, nobody has to delete their source.
    assert before.resources["CodeCommitRepository"]["DeletionPolicy"] == "RetainExceptOnCreate"


@pytest.mark.parametrize("value", ["my-app", "existing:", "existing:a b", "existing:a.git", "existing:*", "Existing:a"])
def test_a_repository_is_new_or_said_to_exist(value: str) -> None:
    with pytest.raises(ParameterError, match="existing: in front"):
        made(CodeCommitRepositoryName=value)


def test_repository_starts_with_the_archive_that_was_published() -> None:
    assert "Code" not in made()["CodeCommitRepository"]["Properties"]
    settings = QuickStartSettings(sample_app=("my-bucket", "templates/0a1b/sample-app.zip"))
    template = load(to_yaml(build_quick_start(settings)))
    resources = launched(template=template, CodeCommitBranchNameForDevEnv="main").resources
    assert resources["CodeCommitRepository"]["Properties"]["Code"] == {
        "S3": {"Bucket": "my-bucket", "Key": "templates/0a1b/sample-app.zip"},
        "BranchName": "main",
    }


# What the environments do not share ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cidr", "expected"),
    [
        ("10.0.0.0/16", ["10.0.0.0/20", "10.0.16.0/20", "10.0.32.0/20"]),
        ("192.168.64.0/18", ["192.168.64.0/20", "192.168.80.0/20", "192.168.96.0/20"]),
    ],
)
def test_one_network_is_cut_for_the_environments(cidr: str, expected: list[str]) -> None:
    resources = made(VpcCidr=cidr)
    assert [resources[f"VPCFor{environment}Env"]["Properties"]["CidrBlock"] for environment in ID] == expected
    for environment, block in zip(ID, expected, strict=True):
        first = resources[f"PublicSubnet1For{environment}Env"]["Properties"]["CidrBlock"]
        assert first == block.replace("/20", "/22")


@pytest.mark.parametrize("cidr", ["10.0.0.0/19", "10.0.0.0/20", "10.0.32.0/18", "172.17.0.0/16", "8.8.0.0/16"])
def test_networks_that_do_not_hold_all_environments(cidr: str) -> None:
    with pytest.raises(ParameterError, match="/16 to /18"):
        made(VpcCidr=cidr)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_the_smallest_network_that_the_form_takes_holds_any_number_of_environments(count: int) -> None:
    environments = [Environment(id=f"E{number}", display_name=f"number {number}") for number in range(count)]
    template = build_quick_start(QuickStartSettings(environments=environments)).to_dict()
    longest = next(
        length
        for length in range(20, 15, -1)
        if re.match(template["Parameters"]["VpcCidr"]["AllowedPattern"], f"10.0.0.0/{length}")
    )
    resources = launched(template=template, VpcCidr=f"10.0.0.0/{longest}").resources
    blocks = {resources[f"VPCForE{number}Env"]["Properties"]["CidrBlock"] for number in range(count)}
    assert len(blocks) == count
    assert 2 ** (20 - longest) < 2 * count


def test_container_insights_where_they_are_asked_for() -> None:
    def kept(**values: str) -> list[str]:
        resources = made(**values)
        return [
            resources[f"ECSClusterFor{environment}Env"]["Properties"]["ClusterSettings"][0]["Value"]
            for environment in ID
        ]

    assert kept() == ["disabled", "disabled", "enabled"]
    assert kept(ContainerInsights="none") == ["disabled"] * 3
    assert kept(ContainerInsights="all") == ["enabled"] * 3


def test_only_production_is_protected_and_not_before_it_is_there() -> None:
    def protected(**values: str) -> list[str]:
        resources = made(**values)
        return [
            attribute["Value"]
            for environment in ID
            for attribute in resources[f"LoadBalancerFor{environment}Env"]["Properties"]["LoadBalancerAttributes"]
            if attribute["Key"] == "deletion_protection.enabled"
        ]

    # A protected load balancer could not be deleted when a launch fails.
    assert protected() == ["false"] * 3
    assert protected(LoadBalancerDeletionProtection="true") == ["false", "false", "true"]


def test_an_update_can_keep_the_image_that_runs_in_each_environment() -> None:
    registry = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
    images = [f"{registry}/sample-app-{key.lower()}@sha256:{number:064x}" for number, key in enumerate(ID)]
    together = made(ECSTaskImages=",".join(images))
    for environment, image in zip(ID, images, strict=True):
        (container,) = together[f"ECSTaskDefinitionFor{environment}Env"]["Properties"]["ContainerDefinitions"]
        assert container["Image"] == image


@pytest.mark.parametrize(
    "images", ["a:1", "a:1,b:1", "a:1,b:1,c:1,d:1", "a:1,b:1,", ",a:1,b:1,c:1", "a:1,b:1,c:1,", "a:1, b:1,c:1", "A,b,c"]
)
def test_as_many_images_as_environments(images: str) -> None:
    with pytest.raises(ParameterError, match="for each environment, in their order"):
        made(ECSTaskImages=images)


@pytest.mark.parametrize(
    "values",
    [
        {"ECSLaunchType": "LAMBDA"},
        {"ECSTaskCountForQAEnv": "11"},
        {"AvailabilityZone1": "us-east-1a"},
        {"ContainerInsights": "enabled"},
        {"ECSLaunchType": "EC2", "ECSTaskSizeForQAEnv": "2048 CPU units, 8192 MiB"},
        {"CertificateArnForDevEnv": "arn:aws:iam::111122223333:server-certificate/x"},
    ],
)
def test_refused(values: dict[str, str]) -> None:
    with pytest.raises(ParameterError):
        made(**values)


def test_each_environment_has_tasks_of_its_own_size() -> None:
    sizes = dict(
        zip(ID, ("256 CPU units, 512 MiB", "512 CPU units, 1024 MiB", "2048 CPU units, 8192 MiB"), strict=True)
    )
    resources = made(**{f"ECSTaskSizeFor{key}Env": size for key, size in sizes.items()})
    for key, size in sizes.items():
        task = resources[f"ECSTaskDefinitionFor{key}Env"]["Properties"]
        assert f"{task['Cpu']} CPU units, {task['Memory']} MiB" == size
    with pytest.raises(ParameterError, match="no room for a task with 2048 MiB for the quality assurance environment"):
        made(ECSLaunchType="EC2", ECSTaskSizeForQAEnv="512 CPU units, 2048 MiB")


def test_settings_of_the_containers_are_those_of_every_environment() -> None:
    image = "registry.example.com/own:1"
    settings = QuickStartSettings(container_port=3000, first_image=image, cpu_target_percent=75)
    template = build_quick_start(settings).to_dict()
    resources = resolve(template, {f"ECSTaskCountFor{key}Env": "1-2" for key in ID}, TARGET).resources
    assert "answer 200 on port 3000" in template["Parameters"]["ECSTaskImages"]["Description"]
    for key in ID:
        (container,) = resources[f"ECSTaskDefinitionFor{key}Env"]["Properties"]["ContainerDefinitions"]
        assert (container["Image"], container["PortMappings"][0]["ContainerPort"]) == (image, 3000)
        assert resources[f"TargetGroupFor{key}Env"]["Properties"]["Port"] == 3000
        assert resources[f"LoadBalancerEgressFor{key}Env"]["Properties"]["ToPort"] == 3000
        policy = resources[f"ScalingPolicyFor{key}Env"]["Properties"]["TargetTrackingScalingPolicyConfiguration"]
        assert policy["TargetValue"] == 75


def test_settings_of_a_rendering_get_to_every_template_with_containers() -> None:
    settings = RenderSettings(container_port=3000, first_image="registry.example.com/own:1", cpu_target_percent=75)
    for name in ("quick-start.yaml", "ecs-environment.yaml", "ecs-service.yaml"):
        text = rendered(settings)[name]
        assert "registry.example.com/own:1" in text
        assert "TargetValue: 75" in text
        assert "8080" not in text
    assert "Port: 3000" in rendered(settings)["load-balancer.yaml"]


def test_form_speaks_of_what_is_made_here() -> None:
    for parameter in TEMPLATE["Parameters"].values():
        assert ".yaml" not in parameter["Description"]
        assert "need not exist yet" not in parameter["Description"]
    # Scaling from zero starts two instances an environment, of two vCPUs each.
    assert "6 instances with 12 vCPUs" in TEMPLATE["Parameters"]["ECSInstanceType"]["Description"]


def test_any_list_of_environments() -> None:
    environments = [Environment(id="Live", display_name="live")]
    template = load(to_yaml(build_quick_start(QuickStartSettings(environments=environments, architecture="ARM64"))))
    resources = launched(template=template).resources
    assert "ApprovalTopic" not in resources
    assert "PipelineForLiveEnv" in resources
    assert resources["ECSTaskDefinitionForLiveEnv"]["Properties"]["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    assert resources["CodeBuildNodejsProjectForLiveEnv"]["Properties"]["Environment"]["Type"] == "ARM_CONTAINER"
    stages = resources["PipelineForLiveEnv"]["Properties"]["Stages"]
    assert stages[0]["Actions"][0]["Configuration"]["BranchName"] == "live"
    assert "ApprovalEmailAddress" not in template["Parameters"]
    # Without an environment that is called production, nothing is said of one.
    assert "production" not in to_yaml(build_quick_start(QuickStartSettings(environments=environments)))


@pytest.mark.parametrize("steps", [BUILD_STEPS, most_steps()], ids=["usual steps", "most steps"])
def test_the_largest_settings_fit_into_one_template(steps: list[BuildStep]) -> None:
    environments = [
        Environment(id=f"{number:018}", display_name=f"{'w' * 76} {number}", approval="before_build", production=True)
        for number in range(8)
    ]
    template = build_quick_start(QuickStartSettings(environments=environments, pipeline=PipelineSettings(steps=steps)))
    assert len(template.parameters) <= MAX_PARAMETERS
    assert len(template.resources) <= MAX_RESOURCES
    assert len(template.outputs) <= MAX_OUTPUTS
    assert len(to_yaml(template).encode()) <= MAX_BODY_BYTES_FROM_S3
    with pytest.raises(SettingsError, match="launch the others by themselves"):
        QuickStartSettings(environments=[Environment(id=f"E{n}", display_name=f"{n}") for n in range(9)])
