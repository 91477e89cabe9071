"""Executions: what is refused, how they end, are stopped and retried, and who goes first."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd_templates.rehearsal.calls import Call, ServiceError
from ecs_cd_templates.rehearsal.cloud import Cloud
from ecs_cd_templates.rehearsal.code_pipeline import CodePipeline, Execution
from ecs_cd_templates.rehearsal.roles import Roles

pytestmark = pytest.mark.slow

ACCOUNT, REGION = "123456789012", "eu-west-1"
BUCKET = "artifacts"
EVERYTHING: Mapping[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}
ACTIVE = ("InProgress", "Stopping")
DEFINITION = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web"


def zipped(**files: str) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_json", ".json"), text)
    return body.getvalue()


def action(category: str, provider: str, name: str, **more: Any) -> dict[str, Any]:
    owner = "ThirdParty" if provider == "GitHub" else "AWS"
    kind = {"category": category, "owner": owner, "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": kind, **more}


def source(branch: str = "main", *outputs: str) -> dict[str, Any]:
    return action(
        "Source",
        "CodeCommit",
        "Source",
        configuration={"RepositoryName": "shop", "BranchName": branch},
        outputArtifacts=[{"name": name} for name in outputs or ("Source",)],
        namespace="Commit",
    )


def build(name: str = "Image", category: str = "Build", variables: str | None = None, **more: Any) -> dict[str, Any]:
    configuration = {"ProjectName": name.lower()}
    if variables is not None:
        configuration["EnvironmentVariables"] = json.dumps([{"name": "SAID", "value": variables, "type": "PLAINTEXT"}])
    return action(category, "CodeBuild", name, configuration=configuration, inputArtifacts=[{"name": "Source"}], **more)


def image(**more: Any) -> dict[str, Any]:
    return build(outputArtifacts=[{"name": "Image"}], **more)


def ask(**more: Any) -> dict[str, Any]:
    return action("Approval", "Manual", "Approve", **more)


def deploy(**more: Any) -> dict[str, Any]:
    where = {"ClusterName": "shop", "ServiceName": "web"}
    return action("Deploy", "ECS", "Deploy", configuration=where, inputArtifacts=[{"name": "Image"}], **more)


class Place:
    """A cloud with a pipeline's role and bucket, and small services that a pipeline calls."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.pipelines = CodePipeline(cloud, poll=0.01, minute=0.02)
        self.client = cloud.client("codepipeline")
        self.commit = "1" * 40
        self.message = "Sell socks"
        self.artifact = zipped(imagedefinitions_json=json.dumps([{"name": "web", "imageUri": "repo:2"}]))
        self.failing: set[str] = set()
        self.pending: set[str] = set()
        self.builds: list[Mapping[str, Any]] = []
        self.registered: list[Mapping[str, Any]] = []
        self.running = f"{DEFINITION}:1"
        cloud.archives["CodeCommit"] = lambda *_: zipped(README="read")
        cloud.archives["CodeStarSourceConnection"] = lambda *_: ("2" * 40, "Sell hats\n", zipped(README="read"))
        cloud.serve(
            "codecommit", {each.__name__: each for each in (self.GetRepository, self.GetBranch, self.GetCommit)}
        )
        cloud.serve("codebuild", {each.__name__: each for each in (self.StartBuild, self.BatchGetBuilds)})
        cloud.serve(
            "ecs",
            {
                each.__name__: each
                for each in (
                    self.DescribeServices,
                    self.DescribeTaskDefinition,
                    self.RegisterTaskDefinition,
                    self.UpdateService,
                )
            },
        )

    def GetRepository(self, call: Call) -> Mapping[str, Any]:  # noqa: N802 - the operation
        return {"repositoryMetadata": {"repositoryName": call.parameters["repositoryName"]}}

    def GetBranch(self, call: Call) -> Mapping[str, Any]:  # noqa: N802 - the operation
        if call.parameters["branchName"] != "main":
            raise ServiceError("BranchDoesNotExistException", f"Branch {call.parameters['branchName']} does not exist")
        return {"branch": {"branchName": "main", "commitId": self.commit}}

    def GetCommit(self, call: Call) -> Mapping[str, Any]:  # noqa: N802 - the operation
        who = {"name": "Ada", "email": "ada@example.com", "date": "1767225600 +0000"}
        commit = {"commitId": call.parameters["commitId"], "message": self.message, "author": who, "committer": who}
        return {"commit": commit}

    def StartBuild(self, call: Call) -> Mapping[str, Any]:  # noqa: N802 - the operation
        job = self.cloud.jobs[call.parameters["idempotencyToken"]]
        self.builds.append(call.parameters)
        if job.output is not None:
            self.cloud.behind("s3").put_object(Bucket=job.output[0], Key=job.output[1], Body=self.artifact)
        return {"build": self._build(call.parameters["projectName"])}

    def BatchGetBuilds(self, call: Call) -> Mapping[str, Any]:  # noqa: N802 - the operation
        return {"builds": [self._build(each.partition(":")[0]) for each in call.parameters["ids"]]}

    def _build(self, name: str) -> dict[str, Any]:
        failed = name in self.failing
        contexts = [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": "make test: exit status 2"}] if failed else []
        return {
            "id": f"{name}:1",
            "buildComplete": name not in self.pending,
            "buildStatus": "IN_PROGRESS" if name in self.pending else "FAILED" if failed else "SUCCEEDED",
            "phases": [{"phaseType": "BUILD", "contexts": contexts}],
            "exportedEnvironmentVariables": [{"name": "TAG", "value": "2"}],
        }

    def DescribeServices(self, _call: Call) -> Mapping[str, Any]:  # noqa: N802 - the operation
        deployment = {"taskDefinition": self.running, "rolloutState": "COMPLETED"}
        service = {"status": "ACTIVE", "runningCount": 1, "desiredCount": 1, "taskDefinition": self.running}
        return {"services": [{**service, "deployments": [deployment]}]}

    def DescribeTaskDefinition(self, _call: Call) -> Mapping[str, Any]:  # noqa: N802 - the operation
        containers = [{"name": "web", "image": "repo:1", "cpu": 128}]
        return {
            "taskDefinition": {"taskDefinitionArn": self.running, "family": "web", "containerDefinitions": containers}
        }

    def RegisterTaskDefinition(self, call: Call) -> Mapping[str, Any]:  # noqa: N802 - the operation
        self.registered.append(call.parameters)
        return {"taskDefinition": {"taskDefinitionArn": f"{DEFINITION}:2"}}

    def UpdateService(self, call: Call) -> Mapping[str, Any]:  # noqa: N802 - the operation
        self.running = call.parameters["taskDefinition"]
        return {"service": {"serviceName": "web"}}

    def declaration(self, *stages: Any, **more: Any) -> dict[str, Any]:
        """Of stages S0, S1, ...: each an action, a list of actions, or a whole stage."""
        made = []
        for number, stage in enumerate(stages):
            actions = stage if isinstance(stage, list) else [stage]
            whole = isinstance(stage, dict) and "actions" in stage
            made.append({"name": f"S{number}", **(stage if whole else {"actions": actions})})
        return {
            "name": "shop",
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/pipeline",
            "artifactStore": {"type": "S3", "location": BUCKET},
            "stages": made,
            "pipelineType": "V2",
            **more,
        }

    def create(self, *stages: Any, **more: Any) -> Execution:
        """The first execution of a new pipeline."""
        self.client.create_pipeline(pipeline=self.declaration(*stages, **more))
        return self.executions[0]

    def start(self) -> Execution:
        found = self.client.start_pipeline_execution(name="shop")["pipelineExecutionId"]
        return next(each for each in self.executions if each.id == found)

    @property
    def executions(self) -> list[Execution]:
        return self.pipelines.pipelines[ACCOUNT, REGION, "shop"].executions

    def error(self, execution: Execution) -> str:
        (error,) = [run.error for run in execution.runs if run.error is not None]
        return error.message

    def token(self, execution: Execution) -> str:
        until(lambda: any(run.approval for run in list(execution.runs)))
        return next(run.approval.token for run in reversed(execution.runs) if run.approval)

    def answer(self, execution: Execution, status: str = "Approved", client: Any = None, stage: str = "S1") -> None:
        (client or self.client).put_approval_result(
            pipelineName="shop",
            stageName=stage,
            actionName="Approve",
            token=self.token(execution),
            result={"summary": "as I say", "status": status},
        )

    def stop(self, execution: Execution, **more: Any) -> None:
        self.client.stop_pipeline_execution(pipelineName="shop", pipelineExecutionId=execution.id, **more)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def ended(execution: Execution) -> str:
    until(lambda: execution.status not in ACTIVE)
    return execution.status


@pytest.fixture(scope="module")
def shared() -> Iterator[Cloud]:
    with Cloud(account=ACCOUNT, region=REGION) as cloud:
        Roles(cloud)
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "codepipeline.amazonaws.com"}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        cloud.client("iam").create_role(RoleName="pipeline", AssumeRolePolicyDocument=document)
        cloud.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield cloud


def allow(cloud: Cloud, *statements: Mapping[str, Any]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    cloud.client("iam").put_role_policy(RoleName="pipeline", PolicyName="all", PolicyDocument=document)


@pytest.fixture
def place(shared: Cloud) -> Iterator[Place]:
    allow(shared, EVERYTHING)
    place = Place(shared)
    yield place
    place.pipelines.close()


def refused(place: Place, code: str, *stages: Any, **more: Any) -> str:
    with pytest.raises(ClientError) as caught:
        place.client.create_pipeline(pipeline=place.declaration(*stages, **more))
    assert caught.value.response["Error"]["Code"] == code
    return str(caught.value)


def test_a_pipeline_is_read_back_as_created_and_runs_at_once(place: Place) -> None:
    declaration = place.declaration(source(), build())
    place.client.create_pipeline(pipeline=deepcopy(declaration), tags=[{"key": "team", "value": "shop"}])
    read = place.client.get_pipeline(name="shop")
    assert read["pipeline"] == {**declaration, "version": 1}
    arn = read["metadata"]["pipelineArn"]
    assert arn == f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:shop"
    assert place.client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "team", "value": "shop"}]
    (execution,) = place.executions
    assert ended(execution) == "Succeeded"
    refused(place, "PipelineNameInUseException", source(), build())


def test_what_no_pipeline_can_have_is_refused(place: Place) -> None:
    structure = "InvalidStructureException"
    assert "minimum of 2 stages" in refused(place, structure, source())
    assert "AssumeRole" in refused(place, structure, source(), build(), roleArn=f"arn:aws:iam::{ACCOUNT}:role/no")
    assert "not produced before" in refused(place, structure, source(), deploy())
    assert "produced twice" in refused(place, structure, source(), [image(), {**image(), "name": "Again"}])
    assert "first stage" in refused(place, structure, source(), source())
    assert "first stage" in refused(place, structure, build(), build())
    rolls = {"actions": [build()], "onFailure": {"result": "ROLLBACK"}}
    assert "V1" in refused(place, structure, source(), rolls, pipelineType="V1")
    other = action("Source", "GitHub", "Source", outputArtifacts=[{"name": "Source"}])
    assert "is not available" in refused(place, "InvalidActionDeclarationException", other, build())
    assert place.client.list_pipelines()["pipelines"] == []
    assert "several output" in refused(place, "InvalidActionDeclarationException", source("main", "A", "B"), build())


def test_a_run_with_all_actions_deploys_the_image_that_was_built(place: Place) -> None:
    where = {"ConnectionArn": f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/1"}
    through = action(
        "Source",
        "CodeStarSourceConnection",
        "Hats",
        configuration={**where, "FullRepositoryId": "ada/hats", "BranchName": "main"},
        outputArtifacts=[{"name": "Hats"}],
        namespace="Hats",
    )
    tests = build("Tests", "Test")
    said = "#{Commit.CommitId} #{Hats.CommitMessage} #{codepipeline.PipelineExecutionId}"
    execution = place.create([source(), through], tests, image(variables=said), ask(), deploy())
    place.answer(execution, stage="S3")
    assert ended(execution) == "Succeeded"
    (value,) = place.builds[1]["environmentVariablesOverride"]
    assert value["value"] == f"{place.commit} Sell hats {execution.id}"
    (registered,) = place.registered
    assert registered["containerDefinitions"] == [{"name": "web", "image": "repo:2", "cpu": 128}]
    assert place.running == f"{DEFINITION}:2"
    stages = place.client.get_pipeline_state(name="shop")["stageStates"]
    states = [each["latestExecution"]["status"] for stage in stages for each in stage["actionStates"]]
    assert states == ["Succeeded"] * 6


def test_a_value_has_at_most_1000_characters_once_its_variables_are_known(place: Place) -> None:
    short = len(json.dumps([{"name": "SAID", "value": "", "type": "PLAINTEXT"}]))
    place.message = "m" * (1000 - short)
    assert ended(place.create(source(), build(variables="#{Commit.CommitMessage}"))) == "Succeeded"
    place.message += "m"
    execution = place.start()
    assert ended(execution) == "Failed"
    assert "has 1001 characters" in place.error(execution)


def test_a_variable_that_there_is_not_fails_the_action(place: Place) -> None:
    execution = place.create(source(), build(variables="#{Commit.Nothing}"))
    assert ended(execution) == "Failed"
    assert "#{Commit.Nothing} cannot be resolved" in place.error(execution)


def test_an_approval_that_nobody_gives_times_out(place: Place) -> None:
    execution = place.create(source(), ask(timeoutInMinutes=5))
    assert ended(execution) == "Failed"
    assert place.error(execution) == "The approval was not given in time"


def test_an_approval_is_answered_once_with_its_own_token(place: Place) -> None:
    execution = place.create(source(), ask())
    token = place.token(execution)
    said = {"pipelineName": "shop", "stageName": "S1", "actionName": "Approve"}
    result = {"summary": "", "status": "Approved"}
    with pytest.raises(ClientError, match="InvalidApprovalToken"):
        place.client.put_approval_result(**said, token="1" * 36, result=result)
    place.client.put_approval_result(**said, token=token, result=result)
    assert ended(execution) == "Succeeded"
    with pytest.raises(ClientError, match="ApprovalAlreadyCompleted"):
        place.client.put_approval_result(**said, token=token, result=result)


def test_no_such_branch(place: Place) -> None:
    execution = place.create(source("qa"), build())
    assert ended(execution) == "Failed"
    assert place.error(execution) == "Branch qa does not exist"


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"other": ""}, "Did not find the image definition file imagedefinitions.json"),
        ({"imagedefinitions_json": "{"}, "invalid JSON"),
        ({"imagedefinitions_json": '[{"name": "db", "imageUri": "repo:2"}]'}, "container db does not exist"),
    ],
)
def test_an_artifact_that_cannot_be_deployed(place: Place, files: dict[str, str], says: str) -> None:
    place.artifact = zipped(**files)
    execution = place.create(source(), image(), deploy())
    assert ended(execution) == "Failed"
    assert says in place.error(execution)
    assert place.registered == []


def test_a_failing_build_ends_the_execution_with_what_it_said(place: Place) -> None:
    place.failing = {"image"}
    execution = place.create(source(), image(), deploy())
    assert ended(execution) == "Failed"
    assert place.error(execution) == "Build terminated with state: FAILED. make test: exit status 2"
    assert [run.name for run in execution.runs] == ["Source", "Image"]


def test_a_call_that_the_role_may_not_make_fails_the_action_with_awss_words(place: Place) -> None:
    allow(place.cloud, EVERYTHING, {"Effect": "Deny", "Action": "codebuild:StartBuild", "Resource": "*"})
    execution = place.create(source(), build())
    assert ended(execution) == "Failed"
    assert "is not authorized to perform: codebuild:StartBuild on resource: arn:aws:codebuild" in place.error(execution)
    assert place.builds == []


def test_of_those_that_wait_the_newest_takes_the_place(place: Place) -> None:
    first = place.create(source(), ask())
    place.token(first)
    second = place.start()
    until(lambda: place.pipelines.pipelines[ACCOUNT, REGION, "shop"].waiting.get(1) == second.id)
    third = place.start()
    assert ended(second) == "Superseded"
    place.answer(first)
    place.answer(third)
    assert (ended(first), ended(third)) == ("Succeeded", "Succeeded")


def test_a_stop_that_abandons_ends_the_running_action(place: Place) -> None:
    execution = place.create(source(), ask())
    place.token(execution)
    place.stop(execution, abandon=True)
    assert ended(execution) == "Stopped"
    assert [run.status for run in execution.runs] == ["Succeeded", "Abandoned"]
    with pytest.raises(ClientError, match="PipelineExecutionNotStoppable"):
        place.stop(execution)


def test_a_failed_stage_rolls_back_to_its_last_good_execution(place: Place) -> None:
    good = place.create(source(), {"actions": [image()], "onFailure": {"result": "ROLLBACK"}})
    assert ended(good) == "Succeeded"
    place.failing, place.commit = {"image"}, "3" * 40
    bad = place.start()
    assert ended(bad) == "Failed"
    until(lambda: len(place.executions) == 3)
    back = place.executions[2]
    ended(back)
    assert (back.rollback_of, back.commit, back.runs[0].stage) == (good.id, good.commit, "S1")
    assert len(place.executions) == 3


def test_a_failed_stage_is_retried_with_the_same_source(place: Place) -> None:
    place.failing = {"image"}
    execution = place.create(source(), image())
    assert ended(execution) == "Failed"
    place.failing, place.commit = set(), "3" * 40
    retry = {"pipelineName": "shop", "stageName": "S1", "pipelineExecutionId": execution.id}
    place.client.retry_stage_execution(**retry, retryMode="FAILED_ACTIONS")
    assert ended(execution) == "Succeeded"
    assert execution.commit == "1" * 40
    with pytest.raises(ClientError, match="StageNotRetryable"):
        place.client.retry_stage_execution(**retry, retryMode="FAILED_ACTIONS")


def test_an_update_while_it_runs_is_for_the_next_execution(place: Place) -> None:
    first = place.create(source(), ask(), build())
    place.token(first)
    place.client.update_pipeline(pipeline=place.declaration(source(), ask()))
    place.answer(first)
    assert ended(first) == "Succeeded"
    assert [run.name for run in first.runs] == ["Source", "Approve", "Image"]
    second = place.start()
    place.answer(second)
    assert ended(second) == "Succeeded"
    assert (first.version, second.version, len(second.runs)) == (1, 2, 2)


def test_one_that_is_stopped_while_it_waits_waits_no_more(place: Place) -> None:
    first = place.create(source(), ask())
    place.token(first)
    second = place.start()
    waiting = place.pipelines.pipelines[ACCOUNT, REGION, "shop"].waiting
    until(lambda: waiting.get(1) == second.id)
    place.stop(second)
    assert ended(second) == "Stopped"
    until(lambda: waiting == {})
    third = place.start()
    until(lambda: waiting.get(1) == third.id)
    assert second.status == "Stopped"


def test_queued_executions_keep_their_order(place: Place) -> None:
    executions = [place.create(source(), ask(), executionMode="QUEUED")]
    executions += [place.start() for _ in range(3)]
    for number, execution in enumerate(executions):
        place.token(execution)
        assert [each.id for each in executions[number + 1 :] if any(run.approval for run in each.runs)] == []
        place.answer(execution)
    assert [ended(each) for each in executions] == ["Succeeded"] * 4


def test_a_queued_execution_waits_for_earlier_ones_that_have_still_to_come(place: Place) -> None:
    first = place.create(source(), ask(), executionMode="QUEUED")
    place.answer(first, "Rejected")
    assert ended(first) == "Failed"
    # As it is retried, before it enters its stage.
    first.status = "InProgress"
    second = place.start()
    until(lambda: second.stage == 1)
    time.sleep(0.1)
    assert [run.name for run in second.runs] == ["Source"]
    first.status = "Failed"
    place.answer(second)
    assert ended(second) == "Succeeded"


def test_a_rejection_names_who_rejected(place: Place) -> None:
    execution = place.create(source(), ask())
    role = place.cloud.assume(f"arn:aws:iam::{ACCOUNT}:role/pipeline", "codepipeline")
    place.answer(execution, "Rejected", place.cloud.client("codepipeline", credentials=role))
    assert ended(execution) == "Failed"
    assert place.error(execution) == f"Rejected by {role.caller.arn}: as I say"


@pytest.mark.parametrize(("mode", "more"), [("FAILED_ACTIONS", ["Image"]), ("ALL_ACTIONS", ["Image", "Tests"])])
def test_a_retry_runs_what_failed_or_all_of_the_stage(place: Place, mode: str, more: list[str]) -> None:
    place.failing = {"image"}
    execution = place.create(source(), [build("Tests"), image(runOrder=2)])
    assert ended(execution) == "Failed"
    place.failing = set()
    retry = {"pipelineName": "shop", "pipelineExecutionId": execution.id, "retryMode": mode}
    with pytest.raises(ClientError, match="StageNotFound"):
        place.client.retry_stage_execution(**retry, stageName="S2")
    with pytest.raises(ClientError, match="StageNotRetryable"):
        place.client.retry_stage_execution(**retry, stageName="S0")
    place.client.retry_stage_execution(**retry, stageName="S1")
    assert ended(execution) == "Succeeded"
    assert sorted(run.name for run in execution.runs[3:]) == more


def test_a_stop_waits_for_the_running_action_unless_it_abandons(place: Place) -> None:
    place.pending = {"image"}
    execution = place.create(source(), image(), build("Tests"))
    until(lambda: len(place.builds) == 1)
    place.stop(execution)
    with pytest.raises(ClientError, match="DuplicatedStopRequest"):
        place.stop(execution)
    assert execution.status == "Stopping"
    place.pending = set()
    assert ended(execution) == "Stopped"
    assert [run.status for run in execution.runs] == ["Succeeded", "Succeeded"]
