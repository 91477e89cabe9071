"""A template in which nothing is wrong, and for each rule what is wrong with it when one thing is changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def _action(name: str, category: str, provider: str, configuration: dict[str, Any], **others: Any) -> dict[str, Any]:
    owner = "ThirdParty" if provider == "GitHub" else "AWS"
    type_id = {"Category": category, "Owner": owner, "Provider": provider, "Version": "1"}
    return {"Name": name, "ActionTypeId": type_id, "Configuration": configuration, **others}


def _artifact(name: str) -> list[dict[str, str]]:
    return [{"Name": name}]


LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {
                "tagStatus": "tagged",
                "tagPrefixList": ["v"],
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 30,
            },
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5},
            "action": {"type": "expire"},
        },
    ]
}
VARIABLES = [{"name": "A", "value": "#{Src.CommitId}", "type": "PLAINTEXT"}, {"name": "B", "value": "b"}]
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": ["sts:AssumeRole"]}],
}
_START = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["codepipeline:StartPipelineExecution"],
            "Resource": [{"Fn::Sub": "arn:aws:codepipeline:${AWS::Region}:${AWS::AccountId}:${Pipeline}"}],
        }
    ],
}

GOOD: dict[str, Any] = {
    "Resources": {
        "Pipeline": {
            "Type": "AWS::CodePipeline::Pipeline",
            "Properties": {
                "Name": "shop",
                "PipelineType": "V2",
                "ExecutionMode": "QUEUED",
                "RoleArn": "arn:aws:iam::123456789012:role/pipelines",
                "ArtifactStore": {"Type": "S3", "Location": "artifacts"},
                "Stages": [
                    {
                        "Name": "Source",
                        "Actions": [
                            _action(
                                "Source",
                                "Source",
                                "CodeCommit",
                                {"RepositoryName": "shop", "BranchName": "main"},
                                OutputArtifacts=_artifact("Code"),
                                Namespace="Src",
                            )
                        ],
                    },
                    {
                        "Name": "Build",
                        "Actions": [
                            _action(
                                "Image",
                                "Build",
                                "CodeBuild",
                                {"ProjectName": {"Ref": "Project"}, "EnvironmentVariables": json.dumps(VARIABLES)},
                                InputArtifacts=_artifact("Code"),
                                OutputArtifacts=_artifact("Built"),
                                RunOrder=1,
                            ),
                            _action("Ask", "Approval", "Manual", {"CustomData": "#{Src.CommitMessage}"}, RunOrder=2),
                        ],
                    },
                    {
                        "Name": "Deploy",
                        "Actions": [
                            _action(
                                "Deploy",
                                "Deploy",
                                "ECS",
                                {"ClusterName": "shop", "ServiceName": "shop"},
                                InputArtifacts=_artifact("Built"),
                            )
                        ],
                        "OnFailure": {"Result": "ROLLBACK"},
                    },
                ],
            },
        },
        "Project": {
            "Type": "AWS::CodeBuild::Project",
            "Properties": {
                "Name": "shop-image",
                "ServiceRole": "arn:aws:iam::123456789012:role/builds",
                "Source": {"Type": "CODEPIPELINE", "BuildSpec": "version: 0.2\nphases: {build: {commands: [make]}}"},
                "Artifacts": {"Type": "CODEPIPELINE"},
                "Environment": {
                    "Type": "LINUX_CONTAINER",
                    "ComputeType": "BUILD_GENERAL1_SMALL",
                    "Image": "aws/codebuild/standard:8.0",
                },
            },
        },
        "Repository": {
            "Type": "AWS::ECR::Repository",
            "Properties": {"LifecyclePolicy": {"LifecyclePolicyText": json.dumps(LIFECYCLE)}},
        },
        "EventRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": _TRUST,
                "Policies": [{"PolicyName": "start", "PolicyDocument": _START}],
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["aws.codecommit"], "detail": {"referenceName": ["main"]}},
                "Targets": [
                    {
                        "Id": "pipeline",
                        "Arn": {"Fn::Sub": "arn:aws:codepipeline:${AWS::Region}:${AWS::AccountId}:${Pipeline}"},
                        "RoleArn": {"Fn::GetAtt": ["EventRole", "Arn"]},
                    }
                ],
            },
        },
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "NetworkMode": "awsvpc",
                "ContainerDefinitions": [{"Name": "app", "Image": "a", "PortMappings": [{"ContainerPort": 8080}]}],
            },
        },
        "Group": {
            "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
            "Properties": {"TargetType": "ip", "HealthCheckTimeoutSeconds": 5, "HealthCheckIntervalSeconds": 10},
        },
        "Service": {
            "Type": "AWS::ECS::Service",
            "Properties": {
                "TaskDefinition": {"Ref": "Task"},
                "LoadBalancers": [{"ContainerName": "app", "ContainerPort": 8080, "TargetGroupArn": {"Ref": "Group"}}],
            },
        },
    }
}


@dataclass(frozen=True)
class Case:
    """One thing that is changed, which rule finds it, and what it says (a regular expression)."""

    rule: str
    what: str
    make: Callable[[dict[str, Any]], object]
    message: str


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Sets what is at the path below the resources; None takes it away."""

    def edit(template: dict[str, Any]) -> None:
        *before, last = path.split("/")
        node: Any = template["Resources"]
        for part in before:
            node = node[int(part)] if isinstance(node, list) else node[part]
        key: Any = int(last) if isinstance(node, list) else last
        if value is None:
            del node[key]
        else:
            node[key] = value

    return edit


def lifecycle(**changes: Any) -> Callable[[dict[str, Any]], None]:
    """Changes the selection of the first rule; None takes a key away."""

    def edit(template: dict[str, Any]) -> None:
        policy = json.loads(json.dumps(LIFECYCLE))
        selection = policy["rules"][0]["selection"]
        selection.update(changes)
        for key, value in changes.items():
            if value is None:
                del selection[key]
        put(TEXT, json.dumps(policy))(template)

    return edit


STAGES = "Pipeline/Properties/Stages"
SOURCE, BUILD, APPROVAL, DEPLOY = (
    f"{STAGES}/{place}" for place in ("0/Actions/0", "1/Actions/0", "1/Actions/1", "2/Actions/0")
)
TEXT = "Repository/Properties/LifecyclePolicy/LifecyclePolicyText"
ENVIRONMENT = "Project/Properties/Environment"
_OTHER_BUILD = _action(
    "Again",
    "Build",
    "CodeBuild",
    {"ProjectName": "p"},
    InputArtifacts=_artifact("Code"),
    OutputArtifacts=_artifact("Built"),
)


def _add_build(template: dict[str, Any]) -> None:
    template["Resources"]["Pipeline"]["Properties"]["Stages"][1]["Actions"].append(_OTHER_BUILD)


def _v1(template: dict[str, Any]) -> None:
    put("Pipeline/Properties/PipelineType", "V1")(template)
    put("Pipeline/Properties/ExecutionMode", None)(template)


def _v1_with_mode(template: dict[str, Any]) -> None:
    put("Pipeline/Properties/PipelineType", None)(template)
    put(f"{STAGES}/2/OnFailure", None)(template)


def _calls_docker(template: dict[str, Any]) -> None:
    text = "version: 0.2\nphases: {build: {commands: ['docker build --tag a .']}}"
    put("Project/Properties/Source/BuildSpec", text)(template)


CASES = [
    Case(
        "E9701", "a provider that there is not", put(f"{DEPLOY}/ActionTypeId/Provider", "Ecs"), "no provider Ecs: use"
    ),
    Case(
        "E9701", "an owner that there is not", put(f"{DEPLOY}/ActionTypeId/Owner", "Amazon"), "no owner Amazon: use AWS"
    ),
    Case("E9701", "a version that there is not", put(f"{DEPLOY}/ActionTypeId/Version", "2"), "no version 2: use 1"),
    Case("E9702", "no branch", put(f"{SOURCE}/Configuration/BranchName", None), "CodeCommit needs BranchName"),
    Case(
        "E9702",
        "a key that is misspelt",
        put(f"{DEPLOY}/Configuration/Filename", "a.json"),
        "knows no Filename: use FileName",
    ),
    Case("E9702", "a key that there is not", put(f"{DEPLOY}/Configuration/Zzz", "1"), "knows no Zzz: leave it out"),
    Case("E9703", "no JSON", put(f"{BUILD}/Configuration/EnvironmentVariables", "[{]"), "not valid JSON"),
    Case("E9703", "no list", put(f"{BUILD}/Configuration/EnvironmentVariables", "{}"), "is not a list"),
    Case(
        "E9703",
        "no value",
        put(f"{BUILD}/Configuration/EnvironmentVariables", '[{"name": "A"}]'),
        "without name and value",
    ),
    Case(
        "E9703",
        "a type that there is not",
        put(f"{BUILD}/Configuration/EnvironmentVariables", '[{"name": "A", "value": "a", "type": "TEXT"}]'),
        "the type TEXT: use PARAMETER_STORE, PLAINTEXT",
    ),
    Case("E9703", "a value too long", put(f"{APPROVAL}/Configuration/CustomData", "x" * 1001), "1001 characters"),
    Case(
        "E9704",
        "an artifact that nobody makes",
        put(f"{DEPLOY}/InputArtifacts/0/Name", "Else"),
        "which no action makes",
    ),
    Case(
        "E9704",
        "an artifact that is made later",
        put(f"{BUILD}/InputArtifacts/0/Name", "Built"),
        "before Image has made",
    ),
    Case("E9704", "an artifact that two make", _add_build, "which Image makes already"),
    Case("E9704", "an artifact too few", put(f"{DEPLOY}/InputArtifacts", None), "has 0 input artifacts, ECS takes 1"),
    Case("E9705", "a source of its own", put("Project/Properties/Source/Type", "CODECOMMIT"), "use CODEPIPELINE"),
    Case(
        "E9705", "artifacts of its own", put("Project/Properties/Artifacts/Type", "S3"), "Artifacts is of the type S3"
    ),
    Case("E9706", "docker without privileges", _calls_docker, "needs PrivilegedMode: true"),
    Case("E9707", "a retired image", put(f"{ENVIRONMENT}/Image", "aws/codebuild/nodejs:10.14.1"), "is retired"),
    Case("E9707", "an old version", put(f"{ENVIRONMENT}/Image", "aws/codebuild/standard:5.0"), "is retired"),
    Case("E9707", "a type that there is not", put(f"{ENVIRONMENT}/Type", "LINUX"), "no environment of the type LINUX"),
    Case("E9708", "no JSON", put(TEXT, "{"), "not valid JSON"),
    Case("E9708", "no rules", put(TEXT, "{}"), "has no rules"),
    Case("E9708", "tagged without tags", lifecycle(tagPrefixList=None), "needs either tagPrefixList or tagPatternList"),
    Case("E9708", "tags of untagged images", lifecycle(tagStatus="untagged"), "is for tagStatus tagged only"),
    Case("E9708", "no unit", lifecycle(countUnit=None), "needs countUnit days"),
    Case("E9708", "a count that there is not", lifecycle(countType="images"), "no countType images"),
    Case("E9708", "a number of none", lifecycle(countNumber=0), "use a number from 1"),
    Case(
        "E9708",
        "two of one priority",
        put(TEXT, json.dumps(LIFECYCLE).replace('"rulePriority": 2', '"rulePriority": 1')),
        "two rules of the priority 1",
    ),
    Case("E9709", "a rollback on V1", _v1, "OnFailure takes PipelineType: V2"),
    Case("E9709", "an execution mode on V1", _v1_with_mode, "ExecutionMode takes PipelineType: V2"),
    Case(
        "E9710",
        "another branch",
        put("Rule/Properties/EventPattern/detail/referenceName", ["master"]),
        "is for master, but the source of shop is main",
    ),
    Case("E9710", "no role", put("Rule/Properties/Targets/0/RoleArn", None), "needs RoleArn"),
    Case("E9711", "no namespace", put(f"{SOURCE}/Namespace", None), "no action has the namespace Src"),
    Case(
        "E9711",
        "a variable that there is not",
        put(f"{APPROVAL}/Configuration/CustomData", "#{Src.CommitID}"),
        "has no variable CommitID: use AuthorDate",
    ),
    Case(
        "E9712",
        "a role that may not start the pipeline",
        put("EventRole/Properties/Policies", None),
        "may not codepipeline:StartPipelineExecution",
    ),
    Case(
        "E9713",
        "a container that there is not",
        put("Service/Properties/LoadBalancers/0/ContainerName", "web"),
        "container web, but the task definition has app",
    ),
    Case("E9713", "a port that there is not", put("Service/Properties/LoadBalancers/0/ContainerPort", 80), "maps 8080"),
    Case("E9713", "a group of instances", put("Group/Properties/TargetType", "instance"), "type instance: use ip"),
    Case("E9713", "a long time limit", put("Group/Properties/HealthCheckTimeoutSeconds", 10), "not shorter"),
]
