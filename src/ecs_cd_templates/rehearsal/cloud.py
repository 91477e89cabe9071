"""The AWS that a rehearsal works in: every API on one port of the loopback interface, and credentials for it."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

from botocore.config import Config
from botocore.session import Session
from moto.iam.models import iam_backends
from moto.moto_api._internal.models import moto_api_backend
from werkzeug.serving import WSGIRequestHandler, make_server

from ..cfn.partitions import PARTITIONS, partition_by_name
from ..iam.evaluator import Request, may_assume
from .calls import Call, Caller, Credentials, Decision, Handler, Job, ServiceError
from .gateway import application

# With these variables, the AWS CLI and SDKs find no configuration, and no credentials but those of other variables.
_NO_CONFIGURATION = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Cloud:
    """A context: inside it the APIs answer, at its end the port is closed and all files are removed. One at a time.

    ``region`` is where things are unless somebody says otherwise, and decides on the partition; ``folder`` is the one
    folder that a rehearsal writes to.
    """

    def __init__(self, *, account: str = "123456789012", region: str = "us-east-1") -> None:
        self.account = account
        self.region = region
        self.partition = partition_by_name(region) or "aws"
        self.url_suffix = PARTITIONS[self.partition].url_suffix
        self.handlers: dict[tuple[str, str], Handler] = {}
        self.mounted: dict[str, Any] = {}
        self.known: dict[str, Credentials] = {}
        self.directly: set[Credentials] = set()
        self.decisions: list[Decision] = []
        self.decider: Callable[[Call], Decision] | None = None
        self.subscribers: list[Callable[[Mapping[str, Any]], None]] = []
        # What fetches a commit as a ZIP archive, by the provider of the source action.
        self.archives: dict[str, Callable[..., Any]] = {}
        # What CodePipeline hands a build, by the token of the call that starts it.
        self.jobs: dict[str, Job] = {}
        self.first_commit: Callable[..., None] | None = None
        self._launchers: dict[tuple[str, bool], Credentials] = {}
        self._lock = Lock()

    def __enter__(self) -> Self:
        # moto asks for the machine's configuration here and there: inside, there is none.
        self._environment = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        for name in self._environment:
            del os.environ[name]
        os.environ.update(_NO_CONFIGURATION)
        # moto keeps what there is for the whole process.
        moto_api_backend.reset()
        self._temporary = tempfile.TemporaryDirectory(prefix="ecs-cd-rehearsal-", ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        self._server = make_server("127.0.0.1", 0, application(self), threaded=True, request_handler=_Quiet)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._temporary.cleanup()
        for name in _NO_CONFIGURATION:
            os.environ.pop(name, None)
        os.environ.update(self._environment)

    def serve(self, service: str, operations: Mapping[str, Handler]) -> None:
        """Has these operations of the service answered by the handlers instead of moto."""
        for operation, handler in operations.items():
            self.handlers[service, operation] = handler

    def mount(self, prefix: str, application: Any) -> None:
        """Has a WSGI application answer all paths that begin like this, which no API's do."""
        self.mounted[prefix] = application

    def launcher(self, account: str | None = None) -> Credentials:
        """The credentials of somebody in the account who may do everything, as whoever launches stacks."""
        return self._user(account or self.account, directly=False)

    def client(
        self,
        service: str,
        *,
        account: str | None = None,
        region: str | None = None,
        credentials: Credentials | None = None,
    ) -> Any:
        """A client of the service that signs with these credentials, the launcher's unless they are given."""
        return self._client(service, region, credentials or self.launcher(account))

    def behind(self, service: str, *, account: str | None = None, region: str | None = None) -> Any:
        """A client whose calls go straight to moto: for handlers, which do what moto leaves out."""
        return self._client(service, region, self._user(account or self.account, directly=True))

    def assume(self, role: str, service: str, context: Mapping[str, str] | None = None) -> Credentials:
        """Credentials of the role, for the service principal (``codebuild``) that assumes it with these condition keys.

        Raises :class:`ServiceError` as STS does if the role does not exist or does not trust it.
        """
        suffix = "amazonaws.com"
        account, name = role.split(":")[4], role.rpartition("/")[2]
        found = self.role(role)
        request = Request("sts:AssumeRole", role, dict(context or {}), f"{service}.{suffix}")
        if found is None or not may_assume(found["trust"], request):
            message = f"{service}.{suffix} is not authorized to perform: sts:AssumeRole on resource: {role}"
            raise ServiceError("AccessDenied", message, 403)
        session = f"arn:{self.partition}:sts::{account}:assumed-role/{name}/{service}"
        return self._know(Caller(account=account, arn=session, role=role), token=secrets.token_hex(16))

    def role(self, arn: str) -> dict[str, Any] | None:
        """The role's ``trust`` policy and ``policies``, inline and managed, as IAM has them; None without the role."""
        account, name = arn.split(":")[4], arn.rpartition("/")[2]
        backend = iam_backends[account][arn.split(":")[1]]
        role = next((each for each in backend.roles.values() if each.arn == arn or each.name == name), None)
        if role is None:
            return None
        trust = role.assume_role_policy_document
        managed = [
            version.document
            for policy in role.managed_policies.values()
            for version in policy.versions
            if version.is_default
        ]
        documents = [*role.policies.values(), *managed]
        return {
            "trust": json.loads(trust) if isinstance(trust, str) else trust,
            "policies": [json.loads(each) if isinstance(each, str) else each for each in documents],
        }

    def publish(self, event: Mapping[str, Any]) -> None:
        """Hands an event, in EventBridge's form, to whoever subscribed to the default event bus."""
        for subscriber in self.subscribers:
            subscriber(event)

    def check(self, credentials: Credentials, service: str, operation: str, **parameters: Any) -> None:
        """Decides about what is allowed or denied like a call, but is no operation of any API's model.

        Such as ``codecommit:UploadArchive``, ``codebuild:BatchPutTestCases`` or a registry's ``ecr:PutImage``. Raises
        as :meth:`decide`; ``parameters`` may have ``region``.
        """
        region = parameters.pop("region", self.region)
        caller = credentials.caller
        call = Call(
            service=service,
            operation=operation,
            parameters=parameters,
            account=caller.account,
            region=region,
            caller=caller,
        )
        self.decide(call)

    def decide(self, call: Call) -> None:
        """Raises :class:`ServiceError`, as the service words it, if the caller may not make the call; notes it."""
        if self.decider is None:
            return
        decision = self.decider(call)
        with self._lock:
            self.decisions.append(decision)
        if decision.denied is not None:
            action, resource = decision.denied.action, decision.denied.resource
            on = "" if resource == "*" else f" on resource: {resource}"
            raise ServiceError(
                "AccessDenied" if call.service in ("s3", "sns", "iam", "sts") else "AccessDeniedException",
                f"User: {call.caller.arn} is not authorized to perform: {action}{on} "
                "because no identity-based policy allows the "
                f"{action} action",
                403 if call.service == "s3" else 400,
            )

    def environment(self, credentials: Credentials, region: str | None = None) -> dict[str, str]:
        """The environment variables with which an AWS CLI or SDK calls this cloud, and nothing else, as this caller."""
        return {
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            **({"AWS_SESSION_TOKEN": credentials.token} if credentials.token else {}),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": region or self.region,
            "AWS_REGION": region or self.region,
            **_NO_CONFIGURATION,
        }

    def _user(self, account: str, *, directly: bool) -> Credentials:
        with self._lock:
            known = self._launchers.get((account, directly))
        if known is None:
            known = self._know(Caller(account=account, arn=f"arn:{self.partition}:iam::{account}:user/launcher"))
            with self._lock:
                self._launchers[account, directly] = known
                if directly:
                    self.directly.add(known)
        return known

    def _know(self, caller: Caller, token: str | None = None) -> Credentials:
        key = ("ASIA" if token else "AKIA") + secrets.token_hex(8).upper()
        credentials = Credentials(access_key=key, secret_key=secrets.token_hex(20), token=token, caller=caller)
        with self._lock:
            self.known[key] = credentials
        return credentials

    def _client(self, service: str, region: str | None, credentials: Credentials) -> Any:
        with _CLIENTS:
            return _SESSION.create_client(
                service,
                region_name=region or self.region,
                endpoint_url=self.endpoint,
                aws_access_key_id=credentials.access_key,
                aws_secret_access_key=credentials.secret_key,
                aws_session_token=credentials.token,
                config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}, proxies={}),
            )


# What the machine has configured plays no part: a variable's name in files and in the environment, its value, its type.
_NOTHING_CONFIGURED = {
    "profile": (None, None, None, None),
    "config_file": (None, None, "/dev/null", None),
    "credentials_file": (None, None, "/dev/null", None),
}

# One for all, since it keeps the models that it read; it is not made for several threads at once.
_SESSION = Session(session_vars=_NOTHING_CONFIGURED)
_CLIENTS = Lock()


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Nothing: a rehearsal says itself what was called."""
