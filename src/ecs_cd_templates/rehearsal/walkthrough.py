"""A rehearsal from its beginning to its end: launch, push, what each pipeline does, the answer, and the roles.

The stack is the quick start of one service, in one account and region. Whatever else its settings say is there already,
such as a network or a key, is made first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from ..environments import Environment
from ..errors import RehearsalError, SettingsError
from ..services.service import Target
from ..services.stacks import builders, quick_start_stack
from . import given
from .application import Application, refresh, take
from .aws import Aws
from .cloud_formation import Stack
from .engines import Engine
from .report import Line, Tell

# Where what is rehearsed is launched, if the settings do not say.
ACCOUNT, REGION = "123456789012", "us-east-1"

_LONGEST_BUILD = 3600


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A request for approval: what its message says, by SNS's names, and how it is answered."""

    pipeline: str
    message: str
    token: str


@dataclass(kw_only=True)
class Result:
    """What came of a rehearsal: its lines, and whether all went well."""

    lines: list[Line] = field(default_factory=list)
    passed: bool = True


Decide = Callable[[Approval], bool]


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """A service's quick start that was launched, and the application that is pushed to it."""

    aws: Aws
    application: Application
    target: Target
    stack: Stack
    tell: Tell
    decide: Decide
    pushed: set[str] = field(default_factory=set)

    def environments(self, only: Sequence[str] = ()) -> list[Environment]:
        """The target's environments, or those of these IDs; :class:`SettingsError` for one that it does not have."""
        every = list(self.target.settings.environments)
        known = {each.id: each for each in every}
        for name in only:
            if name not in known:
                raise SettingsError("--environment", name, f"is none of {', '.join(known)}")
        return [known[name] for name in dict.fromkeys(only)] if only else every

    def take_again(self) -> None:
        """Takes the application as it is in its folder now."""
        refresh(self.application)

    def push(self, environment: Environment, message: str = "Rehearse") -> bool:
        """Pushes the application to the environment's branch, and follows what that starts to its end.

        Whether the environment's pipeline ran, and no other, and all of it went well.
        """
        pipeline = self._name(environment)
        self.pushed.add(environment.id)
        before = self._executions()
        commit = self.application.commit(message)
        branch = self._push(environment)
        started = self._started(before, pipeline)
        others = sorted(set(started) - {pipeline})
        if others or pipeline not in started:
            what = ", ".join(sorted(started)) or "nothing"
            text = f"{branch} starts {what}: it should start {pipeline}, and nothing else"
            self.tell(Line(step="push", text=text, failed=True))
            return False
        self.tell(Line(step="push", text=f"{branch} → starts {pipeline}, and nothing else"))
        status = self._follow(pipeline, started[pipeline], commit)
        if status != "Succeeded":
            return False
        return self._answer(environment)

    def roles(self) -> bool:
        """Tells which calls were made with roles; whether all of them were allowed."""
        made, unused = self.aws.roles.made(), self.aws.roles.unused()
        denied = [decision for decision in made if decision.denied is not None]
        for decision in denied:
            role = (decision.call.caller.role or "").rpartition("/")[2]
            what = decision.denied
            text = f"{role} may not {what.action} on {what.resource}" if what else role
            self.tell(Line(step="roles", text=text, failed=True))
        unused = [grant for grant in unused if self._is_rehearsed(grant.role)]
        grants = f"{len(unused)} grant{'' if len(unused) == 1 else 's'} unused"
        if not denied:
            text = f"{len(made)} calls, all allowed by the role that made them; {grants}"
            self.tell(Line(step="roles", text=text))
        for grant in unused:
            name = grant.role.rpartition("/")[2]
            self.tell(Line(step="unused", subject=name, text=grant.what))
        return not denied

    def _is_rehearsed(self, role: str) -> bool:
        """Whether the role is of an environment that was pushed to; of one that is none's, it is not known."""
        name = role.rpartition("/")[2]
        others = [each for each in self.target.settings.environments if each.id not in self.pushed]
        return not any(name.startswith(f"{self._name(each)}-") for each in others)

    def address(self, environment: Environment) -> str:
        """Where the environment's application answers, on this machine."""
        cluster = service = self._name(environment)
        return self.aws.container_service.address(cluster, service)

    def _name(self, environment: Environment) -> str:
        return f"{self.target.values.application}-{environment.id.lower()}"

    def _executions(self) -> dict[str, set[str]]:
        client = self.aws.client("codepipeline")
        names = [each["name"] for each in client.list_pipelines()["pipelines"]]
        return {
            name: {
                each["pipelineExecutionId"]
                for each in client.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]
            }
            for name in names
        }

    def _started(self, before: dict[str, set[str]], wanted: str) -> dict[str, str]:
        """The new execution of each pipeline that has one, as soon as the wanted one has, or after a while."""
        end = time.monotonic() + 10
        while True:
            now = self._executions()
            new = {name: sorted(now[name] - before.get(name, set())) for name in now}
            started = {name: ids[-1] for name, ids in new.items() if ids}
            if wanted in started or time.monotonic() > end:
                return started
            time.sleep(0.1)

    def _push(self, environment: Environment) -> str:
        """Pushes the application to where the environment's pipeline has its source; returns the branch."""
        declaration = self.aws.client("codepipeline").get_pipeline(name=self._name(environment))["pipeline"]
        source = declaration["stages"][0]["actions"][0]["configuration"]
        branch: str = source["BranchName"]
        there = f"HEAD:refs/heads/{branch}"
        if "FullRepositoryId" in source:
            self.aws.git_hosts.push(source["FullRepositoryId"], self.application.copy, there)
        else:
            credentials = self.aws.cloud.launcher(self.aws.account)
            remote = self.aws.code_commit.remote(source["RepositoryName"])
            signed = self.aws.code_commit.git_environment(credentials)
            self.application.git("push", "--quiet", "--force", remote, there, environment=signed)
        return branch

    def _follow(self, pipeline: str, execution: str, commit: str) -> str:
        """The status in which the execution ends; asks for approval where it waits for one."""
        client = self.aws.client("codepipeline")
        asked: set[str] = set()
        end = time.monotonic() + _LONGEST_BUILD
        while time.monotonic() < end:
            found = client.get_pipeline_execution(pipelineName=pipeline, pipelineExecutionId=execution)
            status: str = found["pipelineExecution"]["status"]
            if status not in ("InProgress", "Stopping"):
                return status
            for stage, action, token in _waiting(client.get_pipeline_state(name=pipeline)):
                if token in asked:
                    continue
                asked.add(token)
                message = self.aws.messages.get(token, "")
                approved = self.decide(Approval(pipeline=pipeline, message=message, token=token))
                answer = "Approved" if approved else "Rejected"
                client.put_approval_result(
                    pipelineName=pipeline,
                    stageName=stage,
                    actionName=action,
                    token=token,
                    result={"status": answer, "summary": f"{answer} in a rehearsal of {commit[:8]}"},
                )
            time.sleep(0.2)
        raise RehearsalError(pipeline, execution, "did not end within an hour: look at its builds")

    def _answer(self, environment: Environment) -> bool:
        if self.aws.engine is None:
            return True
        address = self.address(environment)
        status, body = fetch(address)
        first = body.splitlines()[0][:200] if body else ""
        failed = not 200 <= status < 400  # noqa: PLR2004 - what HTTP calls success or a redirection
        self.tell(
            Line(step="answer", subject=self._name(environment), text=f'{address} → {status} "{first}"', failed=failed)
        )
        return not failed


@contextmanager
def rehearsal(
    folder: Path, target: Target, *, engine: Engine | None, tell: Tell, decide: Decide, second: float = 1.0
) -> Iterator[Rehearsal]:
    """A context with the service launched; at its end everything is stopped and removed.

    ``second`` is how long a second of a health check lasts. Raises :class:`RehearsalError`, and :class:`LaunchError`
    for a launch that failed.
    """
    account, region = place(target)
    launched = False

    def tell_later(line: Line) -> None:
        # A pipeline that is new runs once by itself, and finds no branch.
        if launched:
            tell(line)

    with Aws(account=account, region=region, engine=engine, tell=tell_later, second=second) as aws:
        application = take(folder, aws.cloud.folder / "application")
        tell(Line(step="application", text=_of_application(application)))
        for each in given.make(target, account=account, region=region):
            tell(Line(step="given", text=each))
        wanted = quick_start_stack(target)
        started = time.monotonic()
        template = builders(target.settings)[wanted.template]().to_dict()
        stack = aws.cloud_formation.create(wanted.name, template, wanted.values)
        types = {each.type for each in stack.resources.values()}
        text = f"{wanted.template}: {len(stack.resources)} resources of {len(types)} types made"
        tell(Line(step="launch", text=text, seconds=time.monotonic() - started))
        _wait_for_first_runs(aws)
        launched = True
        yield Rehearsal(aws=aws, application=application, target=target, stack=stack, tell=tell, decide=decide)


def _wait_for_first_runs(aws: Aws) -> None:
    while any(
        execution.status == "InProgress"
        for pipeline in aws.code_pipeline.pipelines.values()
        for execution in pipeline.executions
    ):
        time.sleep(0.05)


def place(target: Target) -> tuple[str, str]:
    """The account and region that the target is launched in: those that it names, or that the ARNs in it do."""
    values = target.values
    certificates = [each.certificate for each in values.environments.values()]
    arns = [each for each in (values.key, *certificates, *values.source.values()) if each and each.startswith("arn:")]
    region, account = arns[0].split(":")[3:5] if arns else (REGION, ACCOUNT)
    return target.account or account or ACCOUNT, target.region or region or REGION


def fetch(address: str) -> tuple[int, str]:
    """The status and the text of what the address answers; 0 and why if it does not."""
    try:
        with urlopen(address, timeout=10) as response:
            return response.status, response.read(100_000).decode(errors="replace")
    except HTTPError as error:
        with error:
            return error.code, error.read(100_000).decode(errors="replace")
    except (OSError, HTTPException) as error:
        return 0, str(error)


def _of_application(application: Application) -> str:
    count = len(application.files())
    files = f"{count} file{'' if count == 1 else 's'} of {application.folder}"
    if application.uncommitted is None:
        return f"{files}, which is in no Git work tree"
    if application.uncommitted:
        return f"{files}, {application.uncommitted} of them not committed: as they are now"
    return files


def _waiting(state: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Stage, action and token of each approval that is waited for."""
    for stage in state["stageStates"]:
        for action in stage.get("actionStates", []):
            latest = action.get("latestExecution", {})
            if latest.get("status") == "InProgress" and latest.get("token"):
                yield stage["stageName"], action["actionName"], latest["token"]
