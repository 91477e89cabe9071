"""CodePipeline: its pipelines and their executions, stage by stage.

https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html
"""

from __future__ import annotations

import secrets
import string
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .calls import Call, ServiceError
from .cloud import Cloud
from .pipeline_actions import PROVIDERS, ActionError, Approval, Artifact, Work, resolved, said_of
from .report import Line, Tell, silent

_LETTERS = string.ascii_letters + string.digits
_RUNNING = ("InProgress", "Stopping")


@dataclass(kw_only=True)
class ActionRun:
    """A run of an action in an execution."""

    id: str
    stage: str
    name: str
    provider: tuple[str, str]
    status: str = "InProgress"
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    summary: str = ""
    external_id: str = ""
    error: ActionError | None = None
    approval: Approval | None = None


@dataclass(kw_only=True)
class Execution:
    """An execution of a pipeline, of the version that it had when it began."""

    id: str
    pipeline: Mapping[str, Any]
    version: int
    revision: str | None = None
    status: str = "InProgress"
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    runs: list[ActionRun] = field(default_factory=list)
    commit: str | None = None
    summary: str = ""
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    stage: int = 0
    rollback_of: str | None = None
    # Stops once its running actions have ended, or abandons these too.
    stops: bool = False
    abandons: bool = False
    # The actions of its stage that a retry leaves as they are.
    kept: frozenset[str] = frozenset()


@dataclass(kw_only=True)
class Pipeline:
    """A pipeline, with its executions, the oldest first."""

    account: str
    region: str
    declaration: dict[str, Any]
    tags: dict[str, str]
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    executions: list[Execution] = field(default_factory=list)
    # Who is in each stage, and who waits for it: the newest takes the place of the one that waits.
    inside: dict[int, str] = field(default_factory=dict)
    waiting: dict[int, str] = field(default_factory=dict)
    condition: threading.Condition = field(default_factory=threading.Condition)


class CodePipeline:
    """Serves CodePipeline's API, and runs what is started.

    ``minute`` is how many seconds a minute of a time limit lasts, ``poll`` how many pass between two looks.
    """

    def __init__(self, cloud: Cloud, *, tell: Tell = silent, poll: float = 0.2, minute: float = 60.0) -> None:
        self.cloud = cloud
        self.tell = tell
        self.poll = poll
        self.minute = minute
        self.pipelines: dict[tuple[str, str, str], Pipeline] = {}
        self._threads: list[threading.Thread] = []
        self._closed = threading.Event()
        cloud.serve(
            "codepipeline",
            {
                "CreatePipeline": self._create,
                "UpdatePipeline": self._update,
                "GetPipeline": self._get,
                "DeletePipeline": self._delete,
                "ListPipelines": self._list,
                "StartPipelineExecution": self._start,
                "StopPipelineExecution": self._stop,
                "GetPipelineState": self._state,
                "GetPipelineExecution": self._get_execution,
                "ListPipelineExecutions": self._list_executions,
                "ListActionExecutions": self._list_actions,
                "PutApprovalResult": self._put_approval,
                "RetryStageExecution": self._retry,
                "ListTagsForResource": self._list_tags,
            },
        )

    def close(self) -> None:
        """Stops all executions."""
        self._closed.set()
        for pipeline in self.pipelines.values():
            with pipeline.condition:
                pipeline.condition.notify_all()
        for thread in self._threads:
            thread.join(10)

    # Pipelines --------------------------------------------------------------------------------------------------------

    def _create(self, call: Call) -> Mapping[str, Any]:
        declaration = deepcopy(dict(call.parameters["pipeline"]))
        key = (call.account, call.region, declaration["name"])
        if key in self.pipelines:
            raise ServiceError("PipelineNameInUseException", f"A pipeline with name '{key[2]}' already exists")
        self._check(declaration)
        declaration["version"] = 1
        tags = {tag["key"]: tag["value"] for tag in call.parameters.get("tags", [])}
        pipeline = Pipeline(account=call.account, region=call.region, declaration=declaration, tags=tags)
        self.pipelines[key] = pipeline
        # A pipeline that is new runs once by itself
        # (https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-create.html).
        self._begin(pipeline)
        return {"pipeline": declaration, "tags": call.parameters.get("tags", [])}

    def _update(self, call: Call) -> Mapping[str, Any]:
        declaration = deepcopy(dict(call.parameters["pipeline"]))
        pipeline = self._of(call, declaration["name"])
        self._check(declaration)
        declaration["version"] = pipeline.declaration["version"] + 1
        pipeline.declaration = declaration
        return {"pipeline": declaration}

    def _check(self, declaration: Mapping[str, Any]) -> None:
        """Raises :class:`ServiceError` for what the API refuses.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
        """

        def refuse(message: str, kind: str = "InvalidStructureException") -> None:
            raise ServiceError(kind, message)

        if self.cloud.role(declaration["roleArn"]) is None:
            refuse(f"CodePipeline is not authorized to perform AssumeRole on role {declaration['roleArn']}")
        stages = declaration["stages"]
        if len(stages) < 2:  # noqa: PLR2004 - so says the page
            refuse("Pipeline has only 1 stage(s). There should be a minimum of 2 stages in a pipeline")
        v2 = declaration.get("pipelineType", "V1") == "V2"
        for stage in stages:
            if not v2 and {"onFailure", "onSuccess", "beforeEntry"} & set(stage):
                refuse(f"Pipeline of type V1 cannot have conditions or rollback in stage {stage['name']}")
        if not v2 and declaration.get("triggers"):
            refuse("Triggers are for pipelines of type V2")
        for number, stage in enumerate(stages):
            for action in stage["actions"]:
                _check_action(action, first=number == 0)
        for message in _wrong_artifacts(stages):
            refuse(message)

    def _of(self, call: Call, name: str) -> Pipeline:
        pipeline = self.pipelines.get((call.account, call.region, name))
        if pipeline is None:
            message = f"Account '{call.account}' does not have a pipeline with name '{name}'"
            raise ServiceError("PipelineNotFoundException", message)
        return pipeline

    def _get(self, call: Call) -> Mapping[str, Any]:
        pipeline = self._of(call, call.parameters["name"])
        name = pipeline.declaration["name"]
        arn = f"arn:{self.cloud.partition}:codepipeline:{pipeline.region}:{pipeline.account}:{name}"
        return {"pipeline": pipeline.declaration, "metadata": {"pipelineArn": arn, "created": pipeline.created}}

    def _delete(self, call: Call) -> Mapping[str, Any]:
        pipeline = self.pipelines.pop((call.account, call.region, call.parameters["name"]), None)
        for execution in pipeline.executions if pipeline else ():
            execution.stops = execution.abandons = True
        return {}

    def _list(self, call: Call) -> Mapping[str, Any]:
        place = (call.account, call.region)
        here = [each for each in self.pipelines.values() if (each.account, each.region) == place]
        return {
            "pipelines": [
                {
                    "name": each.declaration["name"],
                    "version": each.declaration["version"],
                    "pipelineType": each.declaration.get("pipelineType", "V1"),
                    "executionMode": each.declaration.get("executionMode", "SUPERSEDED"),
                    "created": each.created,
                }
                for each in here
            ]
        }

    def _list_tags(self, call: Call) -> Mapping[str, Any]:
        pipeline = self._of(call, call.parameters["resourceArn"].rpartition(":")[2])
        return {"tags": [{"key": key, "value": value} for key, value in pipeline.tags.items()]}

    # Executions -------------------------------------------------------------------------------------------------------

    def _start(self, call: Call) -> Mapping[str, Any]:
        pipeline = self._of(call, call.parameters["name"])
        revisions = call.parameters.get("sourceRevisions", [])
        execution = self._begin(pipeline, revision=revisions[0]["revisionValue"] if revisions else None)
        return {"pipelineExecutionId": execution.id}

    def _begin(
        self,
        pipeline: Pipeline,
        *,
        revision: str | None = None,
        again: Execution | None = None,
        stage: int = 0,
    ) -> Execution:
        execution = Execution(
            id=str(uuid.uuid4()),
            pipeline=deepcopy(pipeline.declaration),
            version=pipeline.declaration["version"],
            revision=revision,
        )
        if again is not None:
            execution.rollback_of, execution.stage = again.id, stage
            execution.commit, execution.summary = again.commit, again.summary
            execution.artifacts, execution.variables = dict(again.artifacts), dict(again.variables)
        pipeline.executions.append(execution)
        thread = threading.Thread(target=self._run, args=(pipeline, execution), daemon=True)
        self._threads.append(thread)
        thread.start()
        return execution

    def _run(self, pipeline: Pipeline, execution: Execution) -> None:
        """Takes the execution from stage to stage; never raises."""
        stages = execution.pipeline["stages"]
        while execution.stage < len(stages):
            number = execution.stage
            if not self._enter(pipeline, execution, number):
                return
            try:
                passed = self._stage(pipeline, execution, stages[number])
            finally:
                self._leave(pipeline, number)
            if not passed:
                with pipeline.condition:
                    stopped = execution.stops or self._closed.is_set()
                    execution.status = "Stopped" if stopped else "Failed"
                if not stopped:
                    self._on_failure(pipeline, execution, stages[number], number)
                return
            execution.kept = frozenset()
            execution.stage += 1
            with pipeline.condition:
                # Together with the status: a stop that comes now finds an execution that has ended, or ends it.
                if execution.stops:
                    execution.status = "Stopped"
                    return
                if execution.stage == len(stages):
                    execution.status = "Succeeded"

    def _enter(self, pipeline: Pipeline, execution: Execution, number: int) -> bool:
        """Whether the execution may enter the stage, which it does; it waits while another is inside.

        Queued executions do not overtake each other.
        https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html#how-it-works-executions
        """
        mode = execution.pipeline.get("executionMode", "SUPERSEDED")
        if mode == "PARALLEL":
            return True
        with pipeline.condition:
            if mode == "SUPERSEDED" and number in pipeline.waiting:
                older = pipeline.waiting[number]
                next(each for each in pipeline.executions if each.id == older).status = "Superseded"
                pipeline.condition.notify_all()
            if mode == "SUPERSEDED":
                pipeline.waiting[number] = execution.id
            try:
                while number in pipeline.inside or (mode == "QUEUED" and _is_behind(pipeline, execution, number)):
                    pipeline.condition.wait(self.poll)
                    if execution.status == "Superseded":
                        return False
                    if execution.stops or self._closed.is_set():
                        execution.status = "Stopped"
                        return False
            finally:
                if pipeline.waiting.get(number) == execution.id:
                    del pipeline.waiting[number]
            pipeline.inside[number] = execution.id
            return True

    def _leave(self, pipeline: Pipeline, number: int) -> None:
        with pipeline.condition:
            pipeline.inside.pop(number, None)
            pipeline.condition.notify_all()

    def _stage(self, pipeline: Pipeline, execution: Execution, stage: Mapping[str, Any]) -> bool:
        """Runs the stage's actions, those of one order side by side; whether all of them succeeded."""
        todo = [action for action in stage["actions"] if action["name"] not in execution.kept]
        for order in sorted({action.get("runOrder", 1) for action in todo}):
            if execution.stops:
                return False
            actions = [action for action in todo if action.get("runOrder", 1) == order]
            outcomes: list[bool] = []

            def run(action: Mapping[str, Any], outcomes: list[bool] = outcomes) -> None:
                outcomes.append(self._action(pipeline, execution, stage, action))

            threads = [threading.Thread(target=run, args=(action,), daemon=True) for action in actions]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if len(outcomes) < len(actions) or not all(outcomes):
                return False
        return True

    def _action(
        self, pipeline: Pipeline, execution: Execution, stage: Mapping[str, Any], action: Mapping[str, Any]
    ) -> bool:
        kind = action["actionTypeId"]
        provider = (kind["category"], kind["provider"])
        run = ActionRun(id=str(uuid.uuid4()), stage=stage["name"], name=action["name"], provider=provider)
        execution.runs.append(run)
        started = time.monotonic()
        try:
            work = self._work(pipeline, execution, stage, action, run)
            PROVIDERS[provider](work)
        except Exception as error:  # noqa: BLE001 - whatever it is, the action has failed, and says so
            run.error = said_of(error)
            run.status = "Abandoned" if execution.abandons or self._closed.is_set() else "Failed"
            run.summary = run.error.message
            self._say(pipeline, run, execution, time.monotonic() - started)
            return False
        run.status, run.summary, run.external_id = "Succeeded", work.summary, work.external_id
        if work.commit is not None and kind["category"] == "Source":
            execution.commit, execution.summary = work.commit, work.summary
        if "namespace" in action:
            execution.variables[action["namespace"]] = work.variables
        self._say(pipeline, run, execution, time.monotonic() - started)
        return True

    def _work(
        self,
        pipeline: Pipeline,
        execution: Execution,
        stage: Mapping[str, Any],
        action: Mapping[str, Any],
        run: ActionRun,
    ) -> Work:
        name = execution.pipeline["name"]
        arn = f"arn:{self.cloud.partition}:codepipeline:{pipeline.region}:{pipeline.account}:{name}"
        context = {"aws:SourceArn": arn, "aws:SourceAccount": pipeline.account}
        variables = {"codepipeline": {"PipelineExecutionId": execution.id}, **execution.variables}
        inputs = [execution.artifacts[each["name"]] for each in action.get("inputArtifacts", [])]
        output = None
        for each in action.get("outputArtifacts", []):
            # https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts.html#concepts-artifacts
            key = f"{name[:20]}/{each['name'][:10]}/{''.join(secrets.choice(_LETTERS) for _ in range(7))}"
            output = Artifact(execution.pipeline["artifactStore"]["location"], key)
            execution.artifacts[each["name"]] = output
        sources = {
            artifact["name"]
            for source in execution.pipeline["stages"][0]["actions"]
            for artifact in source.get("outputArtifacts", [])
        }
        primary = action.get("inputArtifacts", [{"name": ""}])
        return Work(
            cloud=self.cloud,
            account=pipeline.account,
            region=pipeline.region,
            pipeline=execution.pipeline,
            stage=stage["name"],
            action=action,
            execution=execution.id,
            action_execution=run.id,
            configuration={key: resolved(value, variables) for key, value in action.get("configuration", {}).items()},
            credentials=self.cloud.assume(execution.pipeline["roleArn"], "codepipeline", context),
            commit=execution.commit,
            revision=execution.revision,
            inputs=tuple(inputs),
            output=output,
            builds_source=bool(primary) and primary[0]["name"] in sources,
            stopped=lambda: execution.abandons or self._closed.is_set(),
            poll=self.poll,
            minute=self.minute,
            ask=lambda request: setattr(run, "approval", request),
        )

    def _on_failure(self, pipeline: Pipeline, execution: Execution, stage: Mapping[str, Any], number: int) -> None:
        """Rolls the stage back, if it says so, to the last execution of this structure that succeeded in it.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html
        """
        if stage.get("onFailure", {}).get("result") != "ROLLBACK" or execution.rollback_of is not None:
            return
        good = [
            each
            for each in pipeline.executions
            if each is not execution and each.version == execution.version and each.stage > number
        ]
        if good:
            self._begin(pipeline, again=good[-1], stage=number)

    def _say(self, pipeline: Pipeline, run: ActionRun, execution: Execution, seconds: float) -> None:
        category, provider = run.provider
        step = {"CodeBuild": "build", "ECS": "deploy", "Manual": "approval"}.get(provider, category.lower())
        name = pipeline.declaration["name"]
        if run.error is not None:
            text = f"{run.name}: {run.error.message}"
        elif category == "Source":
            text = f"commit {(execution.commit or '')[:8]}"
        elif provider == "Manual":
            text = "approved"
        else:
            text = run.summary or f"{run.name} succeeded"
        if provider == "CodeBuild" and run.error is None:
            # The build itself tells more.
            return
        self.tell(Line(step=step, subject=name, text=text, seconds=seconds, failed=run.error is not None))

    # What the API tells -----------------------------------------------------------------------------------------------

    def _stop(self, call: Call) -> Mapping[str, Any]:
        pipeline = self._of(call, call.parameters["pipelineName"])
        execution = self._execution(pipeline, call.parameters["pipelineExecutionId"])
        abandons = call.parameters.get("abandon", False)
        with pipeline.condition:
            if execution.status not in _RUNNING:
                raise ServiceError("PipelineExecutionNotStoppableException", f"{execution.id} has ended already")
            if execution.abandons or (execution.stops and not abandons):
                raise ServiceError("DuplicatedStopRequestException", f"{execution.id} is stopping already")
            execution.abandons, execution.stops, execution.status = abandons, True, "Stopping"
            pipeline.condition.notify_all()
        return {"pipelineExecutionId": execution.id}

    def _execution(self, pipeline: Pipeline, identifier: str) -> Execution:
        for execution in pipeline.executions:
            if execution.id == identifier:
                return execution
        raise ServiceError("PipelineExecutionNotFoundException", f"there is no execution {identifier}")

    def _get_execution(self, call: Call) -> Mapping[str, Any]:
        pipeline = self._of(call, call.parameters["pipelineName"])
        execution = self._execution(pipeline, call.parameters["pipelineExecutionId"])
        revision = {"revisionId": execution.commit or "", "revisionSummary": execution.summary, "name": "Source"}
        return {
            "pipelineExecution": {
                "pipelineName": execution.pipeline["name"],
                "pipelineVersion": execution.version,
                "pipelineExecutionId": execution.id,
                "status": execution.status,
                "artifactRevisions": [revision] if execution.commit else [],
                "executionType": "ROLLBACK" if execution.rollback_of else "STANDARD",
            }
        }

    def _list_executions(self, call: Call) -> Mapping[str, Any]:
        pipeline = self._of(call, call.parameters["pipelineName"])
        return {
            "pipelineExecutionSummaries": [
                {"pipelineExecutionId": each.id, "status": each.status, "startTime": each.started}
                for each in reversed(pipeline.executions)
            ]
        }

    def _list_actions(self, call: Call) -> Mapping[str, Any]:
        pipeline = self._of(call, call.parameters["pipelineName"])
        wanted = call.parameters.get("filter", {}).get("pipelineExecutionId")
        details = []
        for execution in pipeline.executions:
            for run in execution.runs if wanted in (None, execution.id) else ():
                result: dict[str, Any] = {
                    "externalExecutionId": run.external_id,
                    "externalExecutionSummary": run.summary,
                }
                if run.error is not None:
                    result["errorDetails"] = {"code": run.error.code, "message": run.error.message}
                details.append(
                    {
                        "pipelineExecutionId": execution.id,
                        "actionExecutionId": run.id,
                        "pipelineVersion": execution.version,
                        "stageName": run.stage,
                        "actionName": run.name,
                        "startTime": run.started,
                        "status": run.status,
                        "output": {"executionResult": result},
                    }
                )
        return {"actionExecutionDetails": details[::-1]}

    def _state(self, call: Call) -> Mapping[str, Any]:
        pipeline = self._of(call, call.parameters["name"])
        runs = {(run.stage, run.name): run for execution in pipeline.executions for run in execution.runs}
        stages = []
        for number, stage in enumerate(pipeline.declaration["stages"]):
            actions = []
            for action in stage["actions"]:
                state: dict[str, Any] = {"actionName": action["name"]}
                run = runs.get((stage["name"], action["name"]))
                if run is not None:
                    state["latestExecution"] = {
                        "actionExecutionId": run.id,
                        "status": run.status,
                        "summary": run.summary,
                        "externalExecutionId": run.external_id,
                        **({"token": run.approval.token} if run.approval and run.status == "InProgress" else {}),
                    }
                    if run.error is not None:
                        details = {"code": run.error.code, "message": run.error.message}
                        state["latestExecution"]["errorDetails"] = details
                actions.append(state)
            latest = {}
            if number in pipeline.inside:
                latest = {"latestExecution": {"pipelineExecutionId": pipeline.inside[number], "status": "InProgress"}}
            stages.append({"stageName": stage["name"], "actionStates": actions, **latest})
        name, version = pipeline.declaration["name"], pipeline.declaration["version"]
        return {"pipelineName": name, "pipelineVersion": version, "stageStates": stages}

    def _put_approval(self, call: Call) -> Mapping[str, Any]:
        pipeline = self._of(call, call.parameters["pipelineName"])
        for execution in pipeline.executions:
            for run in execution.runs:
                request = run.approval
                if request is None or (run.stage, run.name) != (
                    call.parameters["stageName"],
                    call.parameters["actionName"],
                ):
                    continue
                if request.token == call.parameters["token"]:
                    if request.answer is not None or run.status != "InProgress":
                        raise ServiceError("ApprovalAlreadyCompletedException", "The approval was answered already")
                    request.by = call.caller.arn
                    request.answer = dict(call.parameters["result"])
                    return {"approvedAt": datetime.now(UTC)}
        raise ServiceError("InvalidApprovalTokenException", "The approval token is not valid")

    def _retry(self, call: Call) -> Mapping[str, Any]:
        pipeline = self._of(call, call.parameters["pipelineName"])
        execution = self._execution(pipeline, call.parameters["pipelineExecutionId"])
        name, stages = call.parameters["stageName"], execution.pipeline["stages"]
        if name not in [stage["name"] for stage in stages]:
            raise ServiceError("StageNotFoundException", f"The pipeline has no stage {name}")
        if execution.status != "Failed" or stages[execution.stage]["name"] != name:
            raise ServiceError("StageNotRetryableException", f"The stage {name} has not failed")
        last = {run.name: run.status for run in execution.runs if run.stage == name}
        only_failed = call.parameters["retryMode"] == "FAILED_ACTIONS"
        kept = [action for action, status in last.items() if only_failed and status == "Succeeded"]
        execution.kept = frozenset(kept)
        execution.status = "InProgress"
        thread = threading.Thread(target=self._run, args=(pipeline, execution), daemon=True)
        self._threads.append(thread)
        thread.start()
        return {"pipelineExecutionId": execution.id}


def _is_behind(pipeline: Pipeline, execution: Execution, number: int) -> bool:
    """Whether an execution that began earlier has still to pass the stage."""
    earlier = pipeline.executions[: pipeline.executions.index(execution)]
    return any(each.status in _RUNNING and each.stage <= number for each in earlier)


def _check_action(action: Mapping[str, Any], *, first: bool) -> None:
    kind = action["actionTypeId"]
    if (kind["category"], kind["provider"]) not in PROVIDERS:
        name = f"{kind['category']} {kind['owner']} {kind['provider']} {kind['version']}"
        message = f"ActionType ({name}) in action {action['name']} is not available"
        raise ServiceError("InvalidActionDeclarationException", message)
    if len(action.get("outputArtifacts", [])) > 1:
        # CodeBuild's secondary artifacts (https://docs.aws.amazon.com/codebuild/latest/userguide/sample-multi-in-out.html)
        # are not rehearsed.
        message = f"Action {action['name']} has several output artifacts; a rehearsal knows one for each action"
        raise ServiceError("InvalidActionDeclarationException", message)
    if (kind["category"] == "Source") != first:
        message = "Only the first stage can have source actions, and it has no others"
        raise ServiceError("InvalidStructureException", message)


def _wrong_artifacts(stages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What is wrong with the order in which artifacts are made and used."""
    made: set[str] = set()
    for stage in stages:
        for action in sorted(stage["actions"], key=lambda each: each.get("runOrder", 1)):
            for artifact in action.get("inputArtifacts", []):
                if artifact["name"] not in made:
                    yield f"Input artifact {artifact['name']} in action {action['name']} is not produced before"
            for artifact in action.get("outputArtifacts", []):
                if artifact["name"] in made:
                    yield f"Output artifact {artifact['name']} in action {action['name']} is produced twice"
                made.add(artifact["name"])
