"""Every service that a rehearsal needs, in one account and region, at work together."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from .calls import Call
from .cloud import Cloud
from .cloud_formation import CloudFormation
from .code_build import CodeBuild
from .code_commit import CodeCommit
from .code_pipeline import CodePipeline
from .container_service import ContainerService
from .engines import Engine
from .event_bridge import EventBridge
from .git_hosts import GitHosts
from .registry import Registry
from .report import Tell
from .roles import Roles


class Aws:
    """A context: inside it all services work, at its end they are stopped, and what they made is removed.

    ``engine`` builds and runs images; without one, nothing that needs images can be rehearsed. ``second`` is how long
    a second of a health check lasts.
    """

    def __init__(self, *, account: str, region: str, engine: Engine | None, tell: Tell, second: float = 1.0) -> None:
        self.account = account
        self.region = region
        self.engine = engine
        self._tell = tell
        self._second = second
        self._stack = ExitStack()
        # The requests for approval that were sent, by their token.
        self.messages: dict[str, str] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            cloud = self.cloud = stack.enter_context(Cloud(account=self.account, region=self.region))
            self.roles = Roles(cloud)
            self.code_commit = CodeCommit(cloud)
            self.git_hosts = GitHosts(cloud)
            self.event_bridge = EventBridge(cloud)
            cloud.archives["CodeCommit"] = self.code_commit.archive
            cloud.archives["CodeStarSourceConnection"] = self.git_hosts.archive
            cloud.serve("sns", {"Publish": self._publish})
            tools = []
            if self.engine is not None:
                self.registry = stack.enter_context(Registry(cloud))
                tools.append(self.engine.tools(self.registry))
            self.code_build = CodeBuild(cloud, tools=tools, tell=self._tell)
            stack.callback(self.code_build.close)
            self.container_service = ContainerService(cloud, self.engine, second=self._second, tell=self._tell)
            stack.callback(self.container_service.close)
            self.code_pipeline = CodePipeline(cloud, tell=self._tell)
            stack.callback(self.code_pipeline.close)
            self.cloud_formation = CloudFormation(cloud)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _publish(self, call: Call) -> Mapping[str, Any]:
        """Remembers a request for approval, and sends it."""
        message = call.parameters.get("Message", "")
        with contextlib.suppress(ValueError, KeyError, TypeError):
            self.messages[json.loads(message)["approval"]["token"]] = message
        answer = self.cloud.behind("sns", account=call.account, region=call.region).publish(**call.parameters)
        return {"MessageId": answer["MessageId"]}

    def client(self, service: str) -> Any:
        """A client of the service, as whoever launched."""
        return self.cloud.client(service)
