"""Pipelines: from a push to a deployment, and each way in which an action can fail."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd_templates.rehearsal.calls import Call
from ecs_cd_templates.rehearsal.cloud import Cloud
from ecs_cd_templates.rehearsal.code_pipeline import CodePipeline
from ecs_cd_templates.rehearsal.roles import Roles

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/pipelines"
EVERYTHING = ("codecommit", "codebuild", "s3", "sns", "ecs", "iam")


def action(name: str, category: str, provider: str, configuration: dict[str, str], **others: Any) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": kind, "configuration": configuration, **others}


def declaration(**changes: Any) -> dict[str, Any]:
    source = action(
        "Source",
        "Source",
        "CodeCommit",
        {"RepositoryName": "app", "BranchName": "main"},
        outputArtifacts=[{"name": "Code"}],
        namespace="Src",
    )
    approve = action("Ask", "Approval", "Manual", {"CustomData": "#{Src.CommitId}"}, runOrder=1)
    build = action(
        "Image",
        "Build",
        "CodeBuild",
        {"ProjectName": "image", "EnvironmentVariables": json.dumps([{"name": "C", "value": "#{Src.CommitId}"}])},
        inputArtifacts=[{"name": "Code"}],
        outputArtifacts=[{"name": "Built"}],
        runOrder=2,
    )
    deploy = action(
        "Deploy",
        "Deploy",
        "ECS",
        {"ClusterName": "shop", "ServiceName": "shop", "DeploymentTimeout": "1"},
        inputArtifacts=[{"name": "Built"}],
    )
    return {
        "name": "shop",
        "roleArn": ROLE,
        "pipelineType": "V2",
        "artifactStore": {"type": "S3", "location": "artifacts"},
        "stages": [
            {"name": "Source", "actions": [source]},
            {"name": "Build", "actions": [approve, build]},
            {"name": "Deploy", "actions": [deploy]},
        ],
        **changes,
    }


class World:
    """Stand-ins for what a pipeline calls: a repository, builds and a service."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.branches = {"main": "1" * 40}
        self.images: Any = [{"name": "app", "imageUri": "new"}]
        self.file = "imagedefinitions.json"
        self.build_status = "SUCCEEDED"
        self.started: list[Any] = []
        self.revisions = ["old"]
        cloud.archives["CodeCommit"] = lambda *_: _zip({"app.js": "1"})
        cloud.serve(
            "codecommit",
            {
                "GetRepository": lambda _: {"repositoryMetadata": {"repositoryName": "app"}},
                "GetBranch": self._branch,
                "GetCommit": lambda call: {"commit": {"message": "change\n", "author": {}, "committer": {}}},
            },
        )
        cloud.serve("codebuild", {"StartBuild": self._start, "BatchGetBuilds": lambda _: {"builds": [self._build()]}})
        cloud.serve(
            "ecs",
            {
                "DescribeServices": lambda _: {"services": [self._service()], "failures": []},
                "DescribeTaskDefinition": lambda _: {"taskDefinition": self._definition(1), "tags": []},
                "RegisterTaskDefinition": self._register,
                "UpdateService": lambda _: {"service": self._service()},
            },
        )

    def _branch(self, call: Call) -> dict[str, Any]:
        from ecs_cd_templates.rehearsal.calls import ServiceError

        name = call.parameters["branchName"]
        if name not in self.branches:
            raise ServiceError("BranchDoesNotExistException", "The specified branch does not exist.")
        return {"branch": {"branchName": name, "commitId": self.branches[name]}}

    def _start(self, call: Call) -> dict[str, Any]:
        job = self.cloud.jobs.pop(call.parameters["idempotencyToken"])
        self.started.append((job, call.parameters))
        if job.output and self.build_status == "SUCCEEDED":
            text = self.images if isinstance(self.images, str) else json.dumps(self.images)
            bucket, key = job.output
            self.cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=_zip({self.file: text}))
        return {"build": self._build()}

    def _build(self) -> dict[str, Any]:
        contexts = [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": "npm test: exit status 1"}]
        failed = self.build_status != "SUCCEEDED"
        return {
            "id": "image:1",
            "buildComplete": True,
            "buildStatus": self.build_status,
            "phases": [{"phaseType": "BUILD", "contexts": contexts if failed else []}],
            "exportedEnvironmentVariables": [],
        }

    def _definition(self, number: int) -> dict[str, Any]:
        return {
            "family": "shop",
            "taskDefinitionArn": f"arn:aws:ecs:us-east-1:123456789012:task-definition/shop:{number}",
            "containerDefinitions": [{"name": "app", "image": self.revisions[number - 1], "cpu": 7}],
            "revision": number,
            "status": "ACTIVE",
        }

    def _register(self, call: Call) -> dict[str, Any]:
        (container,) = call.parameters["containerDefinitions"]
        assert container["cpu"] == 7
        assert "revision" not in call.parameters
        self.revisions.append(container["image"])
        return {"taskDefinition": self._definition(len(self.revisions))}

    def _service(self) -> dict[str, Any]:
        arn = self._definition(len(self.revisions))["taskDefinitionArn"]
        deployment = {"taskDefinition": arn, "rolloutState": "COMPLETED", "status": "PRIMARY"}
        return {
            "serviceName": "shop",
            "status": "ACTIVE",
            "taskDefinition": arn,
            "runningCount": 1,
            "desiredCount": 1,
            "deployments": [deployment],
        }


def _zip(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as cloud:
        Roles(cloud)
        yield cloud


@pytest.fixture
def world(cloud: Cloud) -> World:
    cloud.client("s3").create_bucket(Bucket="artifacts")
    trust = {"Effect": "Allow", "Principal": {"Service": "codepipeline.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    cloud.client("iam").create_role(RoleName="pipelines", AssumeRolePolicyDocument=document)
    allow(cloud, *EVERYTHING)
    return World(cloud)


def allow(cloud: Cloud, *services: str) -> None:
    statement = {"Effect": "Allow", "Action": [f"{service}:*" for service in services], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("iam").put_role_policy(RoleName="pipelines", PolicyName="own", PolicyDocument=document)


@pytest.fixture
def pipelines(cloud: Cloud, world: World) -> Iterator[CodePipeline]:
    pipelines = CodePipeline(cloud, poll=0.01, minute=0.05)
    yield pipelines
    pipelines.close()


def run(cloud: Cloud, *, answer: str | None = "Approved") -> tuple[str, list[dict[str, Any]]]:
    """How the newest execution of the pipeline ends, and its actions; a request for approval is answered."""
    client = cloud.client("codepipeline")
    newest = client.list_pipeline_executions(pipelineName="shop")["pipelineExecutionSummaries"][0]
    where = {"pipelineName": "shop", "pipelineExecutionId": newest["pipelineExecutionId"]}
    end = time.monotonic() + 15
    while time.monotonic() < end:
        status = client.get_pipeline_execution(**where)["pipelineExecution"]["status"]
        if status not in ("InProgress", "Stopping"):
            details = client.list_action_executions(
                pipelineName="shop", filter={"pipelineExecutionId": newest["pipelineExecutionId"]}
            )
            return status, details["actionExecutionDetails"][::-1]
        for stage in client.get_pipeline_state(name="shop")["stageStates"]:
            for state in stage["actionStates"]:
                token = state.get("latestExecution", {}).get("token")
                if token and answer:
                    result = {"status": answer, "summary": "as I said"}
                    client.put_approval_result(
                        pipelineName="shop", stageName="Build", actionName="Ask", token=token, result=result
                    )
        time.sleep(0.02)
    raise AssertionError(client.get_pipeline_state(name="shop"))


def last_error(actions: list[dict[str, Any]]) -> tuple[str, str]:
    details = actions[-1]["output"]["executionResult"]["errorDetails"]
    return actions[-1]["actionName"], details["message"]


def test_a_new_pipeline_runs_from_its_source_to_its_deployment(
    cloud: Cloud, world: World, pipelines: CodePipeline
) -> None:
    cloud.client("codepipeline").create_pipeline(pipeline=declaration())
    status, actions = run(cloud)
    assert [each["actionName"] for each in actions] == ["Source", "Ask", "Image", "Deploy"]
    assert status == "Succeeded"
    assert world.revisions == ["old", "new"]
    job, parameters = world.started[0]
    assert job.commit == "1" * 40
    assert parameters["environmentVariablesOverride"] == [{"name": "C", "value": "1" * 40}]
    assert job.inputs[0][1].startswith("shop/Code/")
    assert "task definition 1 → 2" in actions[-1]["output"]["executionResult"]["externalExecutionSummary"]
    read = cloud.client("codepipeline").get_pipeline(name="shop")["pipeline"]
    assert read == {**declaration(), "version": 1}


@pytest.mark.parametrize(
    ("change", "failing", "message"),
    [
        (lambda world: world.branches.clear(), "Source", "The specified branch does not exist."),
        (lambda world: setattr(world, "build_status", "FAILED"), "Image", "npm test: exit status 1"),
        (lambda world: setattr(world, "file", "other.json"), "Deploy", "Did not find the image definition file"),
        (lambda world: setattr(world, "images", "{"), "Deploy", "invalid JSON"),
        (lambda world: setattr(world, "images", [{"name": "web", "imageUri": "a"}]), "Deploy", "web does not exist"),
    ],
)
def test_what_fails_says_why(
    cloud: Cloud, world: World, pipelines: CodePipeline, change: Any, failing: str, message: str
) -> None:
    change(world)
    cloud.client("codepipeline").create_pipeline(pipeline=declaration())
    status, actions = run(cloud)
    assert status == "Failed"
    assert last_error(actions)[0] == failing
    assert message in last_error(actions)[1]
    assert world.revisions == ["old"]


@pytest.mark.parametrize(
    ("without", "failing"), [("codecommit", "Source"), ("s3", "Source"), ("codebuild", "Image"), ("ecs", "Deploy")]
)
def test_a_role_that_lacks_a_permission_fails_the_action(
    cloud: Cloud, world: World, pipelines: CodePipeline, without: str, failing: str
) -> None:
    allow(cloud, *(service for service in EVERYTHING if service != without))
    cloud.client("codepipeline").create_pipeline(pipeline=declaration())
    status, actions = run(cloud)
    assert status == "Failed"
    assert last_error(actions)[0] == failing
    assert f"is not authorized to perform: {without}:" in last_error(actions)[1]


@pytest.mark.parametrize(("answer", "minutes", "message"), [("Rejected", 60, "as I said"), (None, 5, "in time")])
def test_without_approval_nothing_runs(
    cloud: Cloud, world: World, pipelines: CodePipeline, answer: str | None, minutes: int, message: str
) -> None:
    asked = declaration()
    asked["stages"][1]["actions"][0]["timeoutInMinutes"] = minutes
    cloud.client("codepipeline").create_pipeline(pipeline=asked)
    status, actions = run(cloud, answer=answer)
    assert status == "Failed"
    assert last_error(actions)[0] == "Ask"
    assert message in last_error(actions)[1]
    assert world.started == []


def test_a_value_that_becomes_too_long_is_refused(cloud: Cloud, world: World, pipelines: CodePipeline) -> None:
    asked = declaration()
    asked["stages"][1]["actions"][0]["configuration"]["CustomData"] = "#{Src.CommitId}" + "x" * 961
    cloud.client("codepipeline").create_pipeline(pipeline=asked)
    status, actions = run(cloud)
    assert (status, last_error(actions)[0]) == ("Failed", "Ask")
    assert "1001 characters" in last_error(actions)[1]


def test_a_failed_deployment_is_rolled_back_to_the_last_good_execution(
    cloud: Cloud, world: World, pipelines: CodePipeline
) -> None:
    asked = declaration()
    asked["stages"][2]["onFailure"] = {"result": "ROLLBACK"}
    client = cloud.client("codepipeline")
    client.create_pipeline(pipeline=asked)
    assert run(cloud)[0] == "Succeeded"
    world.images = [{"name": "web", "imageUri": "broken"}]
    failing = client.start_pipeline_execution(name="shop")["pipelineExecutionId"]
    end = time.monotonic() + 15
    while time.monotonic() < end and len(pipelines.pipelines["123456789012", "us-east-1", "shop"].executions) < 3:
        for state in client.get_pipeline_state(name="shop")["stageStates"][1]["actionStates"]:
            if token := state.get("latestExecution", {}).get("token"):
                result = {"status": "Approved", "summary": ""}
                client.put_approval_result(
                    pipelineName="shop", stageName="Build", actionName="Ask", token=token, result=result
                )
        time.sleep(0.02)
    status, actions = run(cloud)
    assert (status, [each["actionName"] for each in actions]) == ("Succeeded", ["Deploy"])
    assert world.revisions == ["old", "new", "new"]
    where = {"pipelineName": "shop", "pipelineExecutionId": failing}
    assert client.get_pipeline_execution(**where)["pipelineExecution"]["status"] == "Failed"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stages": declaration()["stages"][:1]}, "minimum of 2 stages"),
        ({"roleArn": "arn:aws:iam::123456789012:role/missing"}, "not authorized to perform AssumeRole"),
        ({"stages": declaration()["stages"][::2]}, "Built in action Deploy is not produced"),
        ({"stages": declaration()["stages"][1:]}, "Only the first stage"),
    ],
)
def test_a_pipeline_that_cannot_run_is_refused(
    cloud: Cloud, pipelines: CodePipeline, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        cloud.client("codepipeline").create_pipeline(pipeline=declaration(**changes))


def test_an_execution_that_is_stopped_ends(cloud: Cloud, world: World, pipelines: CodePipeline) -> None:
    client = cloud.client("codepipeline")
    client.create_pipeline(pipeline=declaration())
    (execution,) = client.list_pipeline_executions(pipelineName="shop")["pipelineExecutionSummaries"]
    client.stop_pipeline_execution(pipelineName="shop", pipelineExecutionId=execution["pipelineExecutionId"])
    assert run(cloud, answer=None)[0] == "Stopped"
    assert world.started == []
