"""What the pipelines lean on: made by default, left out where it is there already, and named alike everywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecs_cd_templates import (
    BuildStep,
    Environment,
    ParameterError,
    PipelineSettings,
    PrerequisitesSettings,
    SettingsError,
    build_prerequisites,
    to_yaml,
)
from ecs_cd_templates.cfn.evaluation import Resolved, resolve
from ecs_cd_templates.cfn.intrinsics import walk
from ecs_cd_templates.cfn.limits import MAX_BODY_BYTES
from ecs_cd_templates.cli import main
from ecs_cd_templates.constraints import EXISTING
from ecs_cd_templates.environments import ENVIRONMENTS
from ecs_cd_templates.launch.role_policies import role_policies
from ecs_cd_templates.stacks import prerequisites
from ecs_cd_templates.steps import BUILD_STEPS
from support import PARTITIONS, REFERENCE, TARGET, data, key_arn, load, most_steps, parameters, rendered

NAME = "prerequisites.yaml"
TEMPLATE = data()[NAME]
BUCKET = "ecs-cd-artifacts-111122223333-us-east-1"


PARTS = prerequisites.parts(ENVIRONMENTS, PipelineSettings())


def made(values: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
    return resolve(TEMPLATE, values or {}, TARGET).resources


def test_launches_without_typing_anything() -> None:
    assert all("Default" in parameter for parameter in TEMPLATE["Parameters"].values())
    types = {name: resource["Type"] for name, resource in made().items()}
    assert types == {
        "ArtifactBucket": "AWS::S3::Bucket",
        "ArtifactBucketPolicy": "AWS::S3::BucketPolicy",
        "ApprovalTopic": "AWS::SNS::Topic",
        "CodeCommitRepository": "AWS::CodeCommit::Repository",
        **{f"{step.name}BuildLogs": "AWS::Logs::LogGroup" for step in BUILD_STEPS},
        "CodePipelineServiceRole": "AWS::IAM::Role",
        **{f"CodeBuild{step.name}ServiceRole": "AWS::IAM::Role" for step in BUILD_STEPS},
        "CloudWatchEventRole": "AWS::IAM::Role",
    }
    # With the reference's environments and builds it needs no bucket; with more it can.
    assert len(rendered(REFERENCE)[NAME].encode()) <= MAX_BODY_BYTES


def test_defaults_and_example_files_are_the_same_names() -> None:
    """The outputs of a launch with the defaults are what the other templates' example files hold."""
    outputs = resolve(TEMPLATE, {}, TARGET).outputs
    assert outputs == resolve(TEMPLATE, parameters(NAME), TARGET).outputs
    asked = parameters("deployment-pipeline-for-all-env.yaml")
    shared = set(asked) & set(outputs)
    assert {name: outputs[name] for name in shared} == {name: asked[name] for name in shared}
    assert set(data()["deployment-pipeline-for-all-env.yaml"]["Parameters"]) - shared == {
        *(f"CodeCommitBranchNameFor{environment.id}Env" for environment in ENVIRONMENTS),
        *(f"LifecyclePolicyTextFor{environment.id}Env" for environment in ENVIRONMENTS),
        "ECSTaskContainerName",
    }
    for step in BUILD_STEPS:
        builds = parameters(step.file_name)
        assert builds["CodeBuildProjectName"] == outputs[f"CodeBuild{step.name}ProjectName"]
        assert builds["CodeBuildServiceRoleName"] == outputs[f"CodeBuild{step.name}ServiceRoleName"]


# What is not made if the name of the part is marked as existing.
OF_PART = {
    "CodePipelineArtifactBucketName": {"ArtifactBucket", "ArtifactBucketPolicy"},
    "SNSTopicName": {"ApprovalTopic"},
    "CodeCommitRepositoryName": {"CodeCommitRepository"},
    "CodePipelineServiceRoleName": {"CodePipelineServiceRole"},
    **{f"CodeBuild{step.name}ServiceRoleName": {f"CodeBuild{step.name}ServiceRole"} for step in BUILD_STEPS},
    "CloudWatchEventRoleName": {"CloudWatchEventRole"},
    **{f"CodeBuild{step.name}ProjectName": {f"{step.name}BuildLogs"} for step in BUILD_STEPS},
}


@pytest.mark.parametrize("name", OF_PART)
def test_each_part_can_be_left_out_and_is_used_by_its_name(name: str) -> None:
    before, default = made(), resolve(TEMPLATE, {}, TARGET).outputs[name]
    launched = resolve(TEMPLATE, {name: EXISTING + default}, TARGET)
    assert set(before) - set(launched.resources) == OF_PART[name]
    # Everything else is as if it had been made here, and the name goes on without the mark.
    assert {key: value for key, value in before.items() if key in launched.resources} == launched.resources
    assert launched.outputs == resolve(TEMPLATE, {}, TARGET).outputs
    assert EXISTING not in json.dumps(launched.resources)
    label = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterLabels"][name]["default"]
    assert f"{EXISTING}NAME if it exists already" in label


def test_every_part_can_be_left_out_at_once() -> None:
    outputs = resolve(TEMPLATE, {}, TARGET).outputs
    assert made({part.spec.name: EXISTING + outputs[part.spec.name] for part in PARTS}) == {}


def test_an_existing_role_may_have_a_path() -> None:
    launched = resolve(TEMPLATE, {"CodePipelineServiceRoleName": "existing:service-role/MyRole"}, TARGET)
    assert launched.outputs["CodePipelineServiceRoleName"] == "service-role/MyRole"


def test_email_subscription_only_with_an_address() -> None:
    subscription = made({"ApprovalEmailAddress": "ops@example.com"})["ApprovalSubscription"]["Properties"]
    assert subscription == {"TopicArn": "<ApprovalTopic>", "Protocol": "email", "Endpoint": "ops@example.com"}
    values = {"ApprovalEmailAddress": "ops@example.com", "SNSTopicName": "existing:theirs"}
    subscription = made(values)["ApprovalSubscription"]["Properties"]
    assert subscription["TopicArn"] == "arn:aws:sns:us-east-1:111122223333:theirs"


def test_bucket_is_hardened() -> None:
    resources = made({"ArtifactExpirationInDays": "42"})
    bucket = resources["ArtifactBucket"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    properties = bucket["Properties"]
    assert properties["BucketName"] == BUCKET
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    # A file that is replaced or deleted by mistake is still there for a day.
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", "42")
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    kept = resources["ArtifactBucketPolicy"]
    assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    policy = resources["ArtifactBucketPolicy"]["Properties"]
    assert policy["Bucket"] == BUCKET
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", ["s3:*"])
    assert statement["Resource"] == [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_rest_is_hardened_too() -> None:
    resources = made({"LogRetentionInDays": "14"})
    assert resources["ApprovalTopic"]["Properties"]["KmsMasterKeyId"] == "alias/aws/sns"
    repository = resources["CodeCommitRepository"]
    assert (repository["DeletionPolicy"], repository["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    for title, project in ((f"{step.name}BuildLogs", parameters(step.file_name)) for step in BUILD_STEPS):
        # One that stayed would be in the way of the next stack.
        assert (resources[title]["DeletionPolicy"], resources[title]["UpdateReplacePolicy"]) == ("Delete", "Delete")
        assert resources[title]["Properties"] == {
            "LogGroupName": f"/aws/codebuild/{project['CodeBuildProjectName']}",
            "RetentionInDays": "14",
        }


def test_build_projects_write_to_the_log_groups_and_work_with_the_roles_made_here() -> None:
    resources = made()
    for step in BUILD_STEPS:
        name, logs, role = step.file_name, f"{step.name}BuildLogs", f"CodeBuild{step.name}ServiceRole"
        template = data()[name]
        project = resolve(template, parameters(name), TARGET).resources["CodeBuildProject"]["Properties"]
        group = project["LogsConfig"]["CloudWatchLogs"]["GroupName"]
        assert group == resources[logs]["Properties"]["LogGroupName"]
        assert project["ServiceRole"].endswith(f":role/{resources[role]['Properties']['RoleName']}")


def test_without_an_approval_there_is_no_topic_and_no_permission_for_one() -> None:
    environments = [Environment(id="Dev", display_name="development")]
    text = to_yaml(build_prerequisites(PrerequisitesSettings(environments=environments)))
    assert "sns" not in text.lower()
    assert "Approval" not in text.replace("Artifacts and approvals", "")


# Production can have prerequisites of its own, beside those of the environments that anybody may push to.

SHARED, ALONE = ("Dev", "QA"), ("Prod",)


def launched(ids: tuple[str, ...], values: dict[str, str] | None = None) -> Resolved:
    environments = [environment for environment in ENVIRONMENTS if environment.id in ids]
    template = build_prerequisites(PrerequisitesSettings(environments=environments)).to_dict()
    return resolve(template, values or {}, TARGET)


def test_names_proposed_for_one_environment_have_its_id() -> None:
    outputs = launched(ALONE).outputs
    assert all("-prod" in name for key, name in outputs.items() if key != "CodeCommitRepositoryName")
    assert {"CodePipelineArtifactBucketName", "SNSTopicName", "CodePipelineServiceRoleName"} < outputs.keys()
    assert outputs["CodePipelineArtifactBucketName"] == f"{BUCKET}-prod"
    # Where several share them they do not, and the repository is one for all.
    everything = launched((*SHARED, *ALONE)).outputs
    part_names = {part.spec.name for part in PARTS}
    assert not any(everything[name].endswith("-prod") for name in part_names)
    assert outputs["CodeCommitRepositoryName"] == everything["CodeCommitRepositoryName"]


def test_two_launches_beside_each_other_share_no_name_but_the_repository() -> None:
    shared = launched(SHARED)
    repository = shared.outputs["CodeCommitRepositoryName"]
    alone = launched(ALONE, {"CodeCommitRepositoryName": EXISTING + repository})
    assert not names_made(shared) & names_made(alone)
    assert set(shared.outputs.values()) & set(alone.outputs.values()) == {repository}
    # The roles of one work on nothing of the other's, and are taken on for nothing of the other's. A task definition
    # is tagged while it is registered, when there is nothing yet that could be the other's.
    account = "us-east-1:111122223333"
    both = {f"arn:aws:codecommit:{account}:{repository}", f"arn:aws:ecs:{account}:task-definition/*:*"}
    assert arns(shared) & arns(alone) == both


def names_made(launch: Resolved) -> set[tuple[str, str]]:
    """Each name that the launch takes, with what it is a name of."""
    resources = [resource for resource in launch.resources.values() if resource["Type"] != "AWS::S3::BucketPolicy"]
    names = {
        (resource["Type"], value)
        for resource in resources
        for key, value in resource["Properties"].items()
        if key in {"BucketName", "LogGroupName", "RepositoryName", "RoleName", "TopicName"}
    }
    assert len(names) == len(resources)
    return names


def arns(launch: Resolved) -> set[str]:
    """Every ARN in the launch's policies."""
    return {
        text
        for resource in launch.resources.values()
        for text in walk(resource)
        if isinstance(text, str) and text.startswith("arn:")
    }


def test_the_form_says_that_a_bucket_is_reached_as_a_whole() -> None:
    assert "read and write all of it" in TEMPLATE["Parameters"]["CodePipelineArtifactBucketName"]["Description"]
    resources = made({"CodePipelineArtifactBucketName": "existing:theirs"})
    roles = [name for name in resources if name.endswith("Role") and name != "CloudWatchEventRole"]
    assert len(roles) == 1 + len(BUILD_STEPS)
    assert all("arn:aws:s3:::theirs/*" in json.dumps(resources[name]) for name in roles)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("CodePipelineArtifactBucketName", value)
            for value in (
                "Upper",
                "a..b",
                "ab",
                "1.2.3.4",
                "-ab",
                "ab-",
                "xn--ab",
                "abc-s3alias",
                "a" * 64,
                "existing:",
                "a b",
            )
        ),
        *(("SNSTopicName", value) for value in ("", "a.fifo", "a b", "existing:", "existing:a b", "arn:aws:sns:r:1:t")),
        *(("CodeCommitRepositoryName", value) for value in ("", "a.git", "a/b", "existing:a.git", "existing: a")),
        *(
            ("CodePipelineServiceRoleName", value)
            for value in ("", "path/name", "a b", "r" * 65, "existing:/r", "existing:a*/r")
        ),
        *(("CloudWatchEventRoleName", value) for value in ("existing:arn:aws:iam::1:role/r", "${AWS::Region}")),
        *(("CodeBuildNodejsProjectName", value) for value in ("a", "-ab", "a.b", "existing:a")),
        *(("ApprovalEmailAddress", value) for value in ("a", "a@b", "a b@c.d", "a@b.c\n", "a@b@c.d")),
        *(("ArtifactExpirationInDays", value) for value in ("0", "3651", "-1", "1.5", "")),
        *(("LogRetentionInDays", value) for value in ("0", "2", "forever")),
        *(
            ("ECSTaskRoleNameForDevEnv", value)
            for value in ("", "a*", "a*/b", "a?", "${aws:username}", "existing:r", "/r")
        ),
        *(("ECSTaskExecutionRoleNameForProdEnv", value) for value in ("*", "arn:aws:iam::111122223333:role/r")),
        *(("CodePipelineNameForDevEnv", value) for value in ("", "*", "a@b", "p" * 65)),
        *(("ECRRepositoryNameForQAEnv", value) for value in ("*", "A", "a//b")),
        *(("ECSClusterNameForQAEnv", value) for value in ("*", "a/b", "")),
        *(("ECSServiceNameForQAEnv", value) for value in ("*", "a/b", "")),
    ],
)
def test_names_that_aws_would_refuse_or_a_policy_would_widen(name: str, value: str) -> None:
    with pytest.raises(ParameterError) as caught:
        made({name: value})
    assert caught.value.field == name


def test_one_existing_role_may_serve_both_builds() -> None:
    shared = {
        "CodeBuildNodejsServiceRoleName": "existing:builds",
        "CodeBuildContainerImageServiceRoleName": "existing:builds",
    }
    assert resolve(TEMPLATE, shared, TARGET).outputs["CodeBuildNodejsServiceRoleName"] == "builds"
    # Their policies differ, so they cannot be written under one name.
    with pytest.raises(ParameterError, match="a name of its own"):
        role_policies(shared, TARGET)


def test_settings() -> None:
    many = [Environment(id=f"E{number}", display_name=f"number {number}") for number in range(13)]
    with pytest.raises(SettingsError, match="split the list"):
        PrerequisitesSettings(environments=many)


@pytest.mark.parametrize("steps", [BUILD_STEPS, most_steps()], ids=["usual steps", "most steps"])
@pytest.mark.parametrize("partition", PARTITIONS)
def test_policies_of_the_largest_settings_fit_into_a_role(partition: str, steps: list[BuildStep]) -> None:
    """IAM takes 10,240 characters of policies for a role, not counting white space; here with ordinary names."""
    environments = [
        Environment(id=f"Environment{number:03}", display_name=f"number {number}", approval="before_build")
        for number in range(12)
    ]
    settings = PrerequisitesSettings(environments=environments, pipeline=PipelineSettings(steps=steps, own_key=True))
    template = load(to_yaml(build_prerequisites(settings)))
    values = {"KmsKeyArn": key_arn(PARTITIONS[partition])}
    for resource in resolve(template, values, PARTITIONS[partition]).resources.values():
        if resource["Type"] == "AWS::IAM::Role":
            (policy,) = resource["Properties"]["Policies"]
            assert len(json.dumps(policy["PolicyDocument"], separators=(",", ":"))) <= 10_240
            trust = resource["Properties"]["AssumeRolePolicyDocument"]
            # The default quota for a trust policy.
            assert len(json.dumps(trust, separators=(",", ":"))) <= 2_048


# The command that writes the same policies for another team.

COMMAND = ["policies", "--account", "111122223333", "--region", "us-east-1"]
PARAMS = [f"params/{name}.json" for name in ("prerequisites", "deployment-pipeline-for-all-env")]


def written(directory: Any) -> dict[str, Any]:
    return {path.name: json.loads(path.read_text()) for path in directory.iterdir()}


def test_policies_are_those_of_the_template(tmp_path: Any) -> None:
    assert main([*COMMAND, "--params", *PARAMS, "--output-dir", str(tmp_path)]) == 0
    expected = {}
    for resource in made().values():
        if resource["Type"] == "AWS::IAM::Role":
            role = resource["Properties"]
            expected[f"{role['RoleName']}.json"] = role["Policies"][0]["PolicyDocument"]
            expected[f"{role['RoleName']}.trust.json"] = role["AssumeRolePolicyDocument"]
    files = written(tmp_path)
    # Developers have one beside them, which is no role's.
    assert files.pop("developers.deny.json")["Statement"]
    assert files == expected
    assert len(expected) == 2 * len(prerequisites.roles(PipelineSettings()))
    assert "Fn::" not in json.dumps(expected)


def test_policies_for_parts_that_others_own(tmp_path: Any) -> None:
    rows = [
        {"ParameterKey": "CodePipelineServiceRoleName", "ParameterValue": "existing:service-role/Theirs"},
        {"ParameterKey": "CodePipelineArtifactBucketName", "ParameterValue": "Legacy.Bucket"},
        {"ParameterKey": "SNSTopicName", "ParameterValue": "existing:theirs"},
        {"ParameterKey": "CodeCommitBranchNameForProdEnv", "ParameterValue": "prod"},
    ]
    (tmp_path / "own.json").write_text(json.dumps(rows))
    directory = tmp_path / "policies"
    assert main([*COMMAND, "--params", str(tmp_path / "own.json"), "--output-dir", str(directory)]) == 0
    # The pipelines' own file has the same names without the mark.
    (tmp_path / "plain.json").write_text(json.dumps(rows).replace("existing:", ""))
    both = [str(tmp_path / "own.json"), str(tmp_path / "plain.json")]
    assert main([*COMMAND, "--params", *both, "--output-dir", str(directory)]) == 0
    text = json.dumps(written(directory)["Theirs.json"])
    assert "arn:aws:s3:::Legacy.Bucket/*" in text
    assert "111122223333:theirs" in text
    assert EXISTING not in text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"--account": "12345"}, "account: '12345'"),
        ({"--account": "1111-2222-3333"}, "account"),
        ({"--account": "\u0661\u0662" * 6}, "account"),
        ({"--region": "us-east"}, "region: 'us-east'"),
        ({"--region": "cn-north-1"}, "region: 'cn-north-1'"),
        ({"--region": "us-gov-west-1"}, "region"),
        ({"--region": "us-east-1\n"}, "region"),
        ({"--partition": "aws-cn"}, "region: 'us-east-1'"),
        ({"--partition": "aws-mars"}, "--partition"),
        ({"--region": "us-eats-1"}, "region: 'us-eats-1'"),
        ({"--params": "nowhere.json"}, "nowhere.json"),
        ({"--params": "params/code-build-nodejs.json"}, "CodeBuildProjectName"),
        ({"--params": "params/deployment-pipeline-with-approval.json"}, "CodePipelineNameForDevEnv"),
        ({"--params": "README.md"}, "README.md"),
    ],
)
def test_bad_input_writes_nothing(
    changes: dict[str, str], field: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "policies"
    options = {"--account": "111122223333", "--region": "us-east-1", "--params": PARAMS[0], **changes}
    arguments = ["policies", "--output-dir", str(directory), *(part for option in options.items() for part in option)]
    try:
        status = main(arguments)
    except SystemExit as exit_:
        status = int(exit_.code or 0)
    output = capsys.readouterr()
    assert (status, output.out) == (2, "")
    assert output.err.count("\n") == 1
    assert field in output.err
    assert not directory.exists()
