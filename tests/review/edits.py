"""Edits of the quick start: mistakes that people make, each of a kind, and changes that are right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Template = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What somebody does to the template, in words and as a function; mistakes are of a kind."""

    kind: str
    what: str
    make: Callable[[Template], object]


def at(template: Template, path: str) -> Any:
    """What is at the path: titles, keys and numbers, with slashes between them."""
    node: Any = template["Resources"]
    for part in path.split("/"):
        node = node[int(part)] if isinstance(node, list) else node[part]
    return node


def put(path: str, value: Any) -> Callable[[Template], None]:
    """Sets what is at the path."""

    def edit(template: Template) -> None:
        before, _, last = path.rpartition("/")
        node = at(template, before)
        node[int(last) if isinstance(node, list) else last] = value

    return edit


def drop(path: str) -> Callable[[Template], None]:
    """Takes away what is at the path, which is there."""

    def edit(template: Template) -> None:
        before, _, last = path.rpartition("/")
        node = at(template, before)
        del node[int(last) if isinstance(node, list) else last]

    return edit


def statement(template: Template, role: str, sid: str) -> Any:
    """The statement of this name in the role's policy."""
    statements = at(template, f"{role}/Properties/Policies/0/PolicyDocument/Statement")
    return next(each for each in statements if each["Sid"] == sid)


def without_action(role: str, sid: str, action: str) -> Callable[[Template], None]:
    """Takes one action out of a statement."""
    return lambda template: statement(template, role, sid)["Action"].remove(action)


def in_statement(role: str, sid: str, key: str, value: Any) -> Callable[[Template], None]:
    """Sets one key of a statement; None takes it away."""

    def edit(template: Template) -> None:
        found = statement(template, role, sid)
        if value is None:
            del found[key]
        else:
            found[key] = value

    return edit


def without_statement(role: str, sid: str) -> Callable[[Template], None]:
    """Takes a statement out of the role's policy."""

    def edit(template: Template) -> None:
        statements = at(template, f"{role}/Properties/Policies/0/PolicyDocument/Statement")
        statements.remove(statement(template, role, sid))

    return edit


def replaced(path: str, old: str, new: str) -> Callable[[Template], None]:
    """Replaces a part of a text, which is in it."""

    def edit(template: Template) -> None:
        text = at(template, path)
        assert old in text, path
        put(path, text.replace(old, new))(template)

    return edit


def after_each_other(*edits: Callable[[Template], object]) -> Callable[[Template], None]:
    """All of the edits."""

    def edit(template: Template) -> None:
        for each in edits:
            each(template)

    return edit


STAGES = "PipelineForProdEnv/Properties/Stages"
SOURCE = f"{STAGES}/0/Actions/0"
APPROVAL, TESTS, IMAGE = (f"{STAGES}/1/Actions/{number}" for number in range(3))
DEPLOY = f"{STAGES}/2/Actions/0"
VARIABLES = f"{IMAGE}/Configuration/EnvironmentVariables/Fn::Sub/0"
RULE = "CWEventTriggerForDevEnv/Properties"
PIPELINE_ROLE = "CodePipelineServiceRoleForProdEnv"
IMAGE_ROLE = "CodeBuildContainerImageServiceRoleForDevEnv"
TESTS_ROLE = "CodeBuildNodejsServiceRoleForDevEnv"
IMAGE_PROJECT = "CodeBuildContainerImageProjectForDevEnv/Properties"
TESTS_PROJECT = "CodeBuildNodejsProjectForDevEnv/Properties"
TASK = "ECSTaskDefinitionForDevEnv/Properties"
SERVICE = "ECSServiceForDevEnv/Properties"
TARGETS = "TargetGroupForDevEnv/Properties"
LIFECYCLE = "ECRRepositoryForDevEnv/Properties/LifecyclePolicy/LifecyclePolicyText"

MISTAKES = [
    Edit(kind=kind, what=what, make=make)
    for kind, what, make in (
        ("provider", "a provider that does not exist", put(f"{DEPLOY}/ActionTypeId/Provider", "Ecs")),
        ("provider", "a provider of another category", put(f"{TESTS}/ActionTypeId/Category", "Deploy")),
        ("provider", "another version of a provider", put(f"{DEPLOY}/ActionTypeId/Version", "2")),
        (
            "configuration",
            "a misspelt key",
            after_each_other(
                put(f"{DEPLOY}/Configuration/Servicename", "x"), drop(f"{DEPLOY}/Configuration/ServiceName")
            ),
        ),
        ("configuration", "no branch", drop(f"{SOURCE}/Configuration/BranchName")),
        ("configuration", "no cluster", drop(f"{DEPLOY}/Configuration/ClusterName")),
        ("configuration", "one key too many", put(f"{TESTS}/Configuration/BuildSpec", "a.yml")),
        ("variables", "no JSON", replaced(VARIABLES, "[{", "{")),
        ("variables", "a comma too many", replaced(VARIABLES, '"}]', '"},]')),
        ("variables", "a key misspelt", replaced(VARIABLES, '"name":"CON', '"nam":"CON')),
        ("variables", "a type that there is not", replaced(VARIABLES, '"PLAINTEXT"},', '"TEXT"},')),
        ("too long", "a configuration of 1,100 characters", put(f"{APPROVAL}/Configuration/CustomData", "x" * 1100)),
        ("artifact", "one that nobody makes", put(f"{DEPLOY}/InputArtifacts/0/Name", "ImageArtifact")),
        ("artifact", "one that is made later", put(f"{TESTS}/InputArtifacts/0/Name", "BuildContainerArtifact")),
        ("artifact", "one that two make", put(f"{IMAGE}/OutputArtifacts/0/Name", "BuildAppArtifact")),
        ("artifact", "a deployment without one", drop(f"{DEPLOY}/InputArtifacts")),
        ("order of actions", "the image before the tests", put(f"{IMAGE}/RunOrder", 1)),
        ("project", "a source of its own", put(f"{IMAGE_PROJECT}/Source/Type", "CODECOMMIT")),
        ("project", "no artifacts", put(f"{IMAGE_PROJECT}/Artifacts/Type", "NO_ARTIFACTS")),
        ("project", "a kind of environment that there is not", put(f"{TESTS_PROJECT}/Environment/Type", "LINUX")),
        (
            "privileged",
            "docker without it",
            after_each_other(
                put(f"{IMAGE_PROJECT}/Environment/PrivilegedMode", value=False),
                put(f"{IMAGE_PROJECT}/Source/BuildSpec", "version: 0.2\nphases: {build: {commands: [docker build .]}}"),
            ),
        ),
        (
            "build image",
            "a retired one",
            put(f"{TESTS_PROJECT}/Environment/Image", "aws/codebuild/nodejs:10.14.1-1.7.0"),
        ),
        ("build image", "an old one", put(f"{IMAGE_PROJECT}/Environment/Image", "aws/codebuild/standard:4.0")),
        ("lifecycle", "no JSON", put(LIFECYCLE, '{"rules": [}')),
        (
            "lifecycle",
            "two rules of one priority",
            replaced(
                LIFECYCLE,
                '"rules":[{',
                '"rules":[{"rulePriority":1,'
                '"selection":{"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}},{',
            ),
        ),
        ("lifecycle", "a count that there is not", replaced(LIFECYCLE, "imageCountMoreThan", "imagesMoreThan")),
        ("lifecycle", "tagged, but no tags", replaced(LIFECYCLE, '"any"', '"tagged"')),
        ("type of pipeline", "V1 with a rollback", put("PipelineForProdEnv/Properties/PipelineType", "V1")),
        (
            "type of pipeline",
            "V1 with triggers",
            after_each_other(
                put("PipelineForDevEnv/Properties/PipelineType", "V1"),
                put("PipelineForDevEnv/Properties/ExecutionMode", "QUEUED"),
            ),
        ),
        (
            "event rule",
            "for a pipeline that there is not",
            put(
                f"{RULE}/Targets/0/Arn",
                {"Fn::Sub": "arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:x"},
            ),
        ),
        (
            "event rule",
            "for another environment's branch",
            put(f"{RULE}/EventPattern/detail/referenceName", [{"Ref": "CodeCommitBranchNameForProdEnv"}]),
        ),
        ("event rule", "without a role", drop(f"{RULE}/Targets/0/RoleArn")),
        ("namespace", "one that nobody declares", drop(f"{SOURCE}/Namespace")),
        (
            "namespace",
            "a variable that there is not",
            replaced(f"{APPROVAL}/Configuration/CustomData/Fn::Sub", "CommitId", "CommitID"),
        ),
        (
            "permission missing",
            "the build cannot be started",
            without_action(PIPELINE_ROLE, "Build", "codebuild:StartBuild"),
        ),
        (
            "permission missing",
            "the source cannot be fetched",
            without_action(PIPELINE_ROLE, "Source", "codecommit:UploadArchive"),
        ),
        ("permission missing", "no approval can be asked for", without_statement(PIPELINE_ROLE, "Approval")),
        ("permission missing", "the tasks' roles cannot be passed", without_statement(PIPELINE_ROLE, "TaskRoles")),
        ("permission missing", "no tags of task definitions", without_statement(PIPELINE_ROLE, "TaskDefinitionTags")),
        ("permission missing", "the image cannot be pushed", without_action(IMAGE_ROLE, "Images", "ecr:PutImage")),
        ("permission missing", "no sign-in to the registry", without_statement(IMAGE_ROLE, "RegistryToken")),
        ("permission missing", "no test reports", without_statement(TESTS_ROLE, "TestReports")),
        (
            "permission missing",
            "the image cannot be pulled",
            without_action("ECSTaskExecutionRoleForDevEnv", "Images", "ecr:BatchGetImage"),
        ),
        (
            "permission missing",
            "the wrong repository",
            in_statement(
                IMAGE_ROLE,
                "Images",
                "Resource",
                [{"Fn::Sub": "arn:${AWS::Partition}:ecr:*:${AWS::AccountId}:repository/${ApplicationName}-qa"}],
            ),
        ),
        ("permission too wide", "every call of S3", in_statement(PIPELINE_ROLE, "Artifacts", "Action", ["s3:*"])),
        ("permission too wide", "every repository", in_statement(IMAGE_ROLE, "Images", "Resource", ["*"])),
        ("permission too wide", "roles for any service", in_statement(PIPELINE_ROLE, "TaskRoles", "Condition", None)),
        (
            "trust",
            "another service",
            put(f"{IMAGE_ROLE}/Properties/AssumeRolePolicyDocument/Statement/0/Principal/Service", "ec2.amazonaws.com"),
        ),
        (
            "trust",
            "any account's builds",
            drop(f"{IMAGE_ROLE}/Properties/AssumeRolePolicyDocument/Statement/0/Condition"),
        ),
        ("container", "another name in the build", replaced(VARIABLES, '"app"', '"web"')),
        ("container", "another name in the service", put(f"{SERVICE}/LoadBalancers/0/ContainerName", "web")),
        ("port", "another one in the service", put(f"{SERVICE}/LoadBalancers/0/ContainerPort", 3000)),
        (
            "port",
            "another one in the container",
            put(f"{TASK}/ContainerDefinitions/0/PortMappings/0/ContainerPort", 3000),
        ),
        ("target group", "instances instead of addresses", put(f"{TARGETS}/TargetType", "instance")),
        ("target group", "a time limit longer than the interval", put(f"{TARGETS}/HealthCheckTimeoutSeconds", 30)),
        (
            "security group",
            "closed at the port",
            put(
                "ServiceSecurityGroupForDevEnv/Properties/SecurityGroupIngress/0",
                {
                    "IpProtocol": "tcp",
                    "FromPort": 80,
                    "ToPort": 80,
                    "SourceSecurityGroupId": {"Fn::GetAtt": ["LoadBalancerSecurityGroupForDevEnv", "GroupId"]},
                },
            ),
        ),
        ("security group", "nothing goes out", put("LoadBalancerEgressForDevEnv/Properties/FromPort", 8081)),
        ("processor", "images for ARM", put(f"{TASK}/RuntimePlatform/CpuArchitecture", "ARM64")),
        ("order of creation", "the service before its listener", drop("ECSServiceForDevEnv/Metadata")),
        ("order of creation", "a route before its gateway", drop("DefaultRouteForDevEnv/DependsOn")),
        ("order of creation", "a circle", put("ECSClusterForDevEnv/DependsOn", ["ECSServiceForDevEnv"])),
        (
            "order of creation",
            "after what is not made",
            put("ECSClusterForDevEnv/DependsOn", ["ScalingPolicyForDevEnv"]),
        ),
        (
            "rule",
            "one that can never hold",
            lambda template: template["Rules"].update(
                {
                    "Never": {
                        "Assertions": [
                            {
                                "Assert": {"Fn::Equals": [{"Ref": "ECSLaunchType"}, "NEITHER"]},
                                "AssertDescription": "Choose neither.",
                            }
                        ]
                    }
                }
            ),
        ),
        (
            "rule",
            "a default that its pattern refuses",
            lambda template: template["Parameters"]["ApplicationName"].update(AllowedPattern="[A-Z]+"),
        ),
        (
            "deployment",
            "another environment's cluster",
            put(f"{DEPLOY}/Configuration/ClusterName", {"Fn::Sub": "${ApplicationName}-dev"}),
        ),
        ("reference", "a resource that there is not", put(f"{SERVICE}/Cluster", {"Ref": "ECSClusterForDev"})),
    )
]

RIGHT = [
    Edit(kind="right", what=what, make=make)
    for what, make in (
        ("a longer retention", put("LogGroupForDevEnv/Properties/RetentionInDays", 365)),
        ("another maintained build image", put(f"{TESTS_PROJECT}/Environment/Image", "aws/codebuild/standard:8.0")),
        ("a larger build", put(f"{TESTS_PROJECT}/Environment/ComputeType", "BUILD_GENERAL1_MEDIUM")),
        ("a longer time limit for builds", put(f"{TESTS_PROJECT}/TimeoutInMinutes", 60)),
        ("a shorter wait for approval", put(f"{APPROVAL}/TimeoutInMinutes", 60)),
        (
            "another text in the request",
            put(f"{APPROVAL}/Configuration/CustomData", "Look at #{SourceVariables.CommitId}"),
        ),
        ("a longer deployment", put(f"{DEPLOY}/Configuration/DeploymentTimeout", "30")),
        ("more images kept", replaced(LIFECYCLE, '"countNumber":5', '"countNumber":50')),
        ("one more variable", replaced(VARIABLES, "[{", '[{"name":"STAGE","value":"prod","type":"PLAINTEXT"},{')),
        (
            "one more approval",
            lambda template: at(template, f"{STAGES}/2/Actions").append(
                {
                    "Name": "Confirm",
                    "ActionTypeId": {"Category": "Approval", "Owner": "AWS", "Provider": "Manual", "Version": "1"},
                    "RunOrder": 2,
                }
            ),
        ),
        (
            "one more build",
            lambda template: at(template, f"{STAGES}/1/Actions").append(
                {
                    "Name": "Again",
                    "ActionTypeId": {"Category": "Test", "Owner": "AWS", "Provider": "CodeBuild", "Version": "1"},
                    "Configuration": {"ProjectName": {"Ref": "CodeBuildNodejsProjectForProdEnv"}},
                    "InputArtifacts": [{"Name": "SourceArtifact"}],
                    "RunOrder": 4,
                }
            ),
        ),
        (
            "a renamed output",
            lambda template: template["Outputs"].update(CloneUrl=template["Outputs"].pop("CodeCommitCloneUrl")),
        ),
        ("a tag", put("ECSClusterForDevEnv/Properties/Tags", [{"Key": "team", "Value": "shop"}])),
        ("a health check every half minute", put(f"{TARGETS}/HealthCheckIntervalSeconds", 30)),
        (
            "one more variable in the container",
            lambda template: at(template, f"{TASK}/ContainerDefinitions/0/Environment").append(
                {"Name": "LEVEL", "Value": "debug"}
            ),
        ),
        (
            "a container beside the other",
            lambda template: at(template, f"{TASK}/ContainerDefinitions").append(
                {"Name": "agent", "Image": "public.ecr.aws/docker/library/busybox:1", "Essential": False}
            ),
        ),
        ("a network without names for its hosts", put("VPCForDevEnv/Properties/EnableDnsHostnames", value=False)),
        (
            "a permission of the application's",
            put(
                "ECSTaskRoleForDevEnv/Properties/Policies",
                [
                    {
                        "PolicyName": "queue",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Action": ["sqs:SendMessage"],
                                    "Resource": [{"Fn::Sub": "arn:${AWS::Partition}:sqs:*:${AWS::AccountId}:orders"}],
                                }
                            ],
                        },
                    }
                ],
            ),
        ),
        ("tags that can be changed", put("ECRRepositoryForDevEnv/Properties/ImageTagMutability", "MUTABLE")),
        ("a queue of executions", put("PipelineForDevEnv/Properties/ExecutionMode", "QUEUED")),
        ("a second topic", lambda template: template["Resources"].update(News={"Type": "AWS::SNS::Topic"})),
    )
]
