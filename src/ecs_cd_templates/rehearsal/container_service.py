"""ECS: task definitions and services, whose tasks really run, are checked for health and replaced.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html. Instances, and what they do to
join a cluster, are not rehearsed: tasks run on this machine, whatever the launch type.
"""

from __future__ import annotations

import itertools
import math
import re
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.exceptions import ClientError

from .calls import Call, Credentials, ServiceError
from .cloud import Cloud
from .containers import Container, Image, PullError, Runner, StandIn
from .report import Tell, silent

_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<name>[^:@]+)")


@dataclass(kw_only=True)
class Task:
    """A task of a deployment. ``checks`` are how many health checks in a row came out as the last one did."""

    id: str
    container: Container | None
    healthy: bool = False
    passes: int = 0
    failures: int = 0
    started: float = field(default_factory=time.monotonic)
    reason: str = ""


@dataclass(kw_only=True)
class Deployment:
    """A deployment of a service."""

    id: str
    task_definition: str
    state: str = "IN_PROGRESS"
    reason: str = "ECS deployment in progress."
    tasks: list[Task] = field(default_factory=list)
    failed_tasks: int = 0
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(kw_only=True)
class Service:
    """A service: what it was asked to be, and its deployments, the newest first."""

    account: str
    region: str
    arn: str
    asked: dict[str, Any]
    deployments: list[Deployment]
    events: list[dict[str, Any]] = field(default_factory=list)
    last_good: str | None = None
    status: str = "ACTIVE"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    balancer: _Balancer | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def desired(self) -> int:
        """How many tasks it should have."""
        return int(self.asked.get("desiredCount", 1))


class ContainerService:
    """Serves ECS's task definitions and services.

    Without a ``runner`` no container runs, and all tasks count as healthy. ``second`` is how long a second of a health
    check lasts.
    """

    def __init__(self, cloud: Cloud, runner: Runner | None, *, second: float = 1.0, tell: Tell = silent) -> None:
        self.cloud = cloud
        self.runner = runner
        self.second = second
        self.tell = tell
        self.services: dict[tuple[str, str, str, str], Service] = {}
        self._definitions: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._numbers = itertools.count(1)
        cloud.serve(
            "ecs",
            {
                "RegisterTaskDefinition": self._register,
                "DescribeTaskDefinition": self._describe_definition,
                "DeregisterTaskDefinition": self._deregister,
                "CreateService": self._create,
                "UpdateService": self._update,
                "DescribeServices": self._describe,
                "DeleteService": self._delete,
                "ListServices": self._list,
            },
        )

    def close(self) -> None:
        """Stops every task."""
        self._closed.set()
        for thread in self._threads:
            thread.join(20)
        for service in self.services.values():
            for deployment in service.deployments:
                for task in deployment.tasks:
                    _stop(task, 2)
            if service.balancer is not None:
                service.balancer.close()

    def address(self, cluster: str, service: str) -> str:
        """Where the service's load balancer answers on this machine."""
        found = next(each for key, each in self.services.items() if key[2:] == (cluster, service))
        if found.balancer is None:
            raise KeyError(f"{service} has no load balancer")
        return found.balancer.address

    # Task definitions -------------------------------------------------------------------------------------------------

    def _register(self, call: Call) -> Mapping[str, Any]:
        family = call.parameters["family"]
        revisions = self._definitions.setdefault((call.account, call.region, family), [])
        number = len(revisions) + 1
        tags = call.parameters.get("tags", [])
        definition = {
            **{key: value for key, value in call.parameters.items() if key != "tags"},
            "revision": number,
            "status": "ACTIVE",
            "taskDefinitionArn": self._arn(call, f"task-definition/{family}:{number}"),
            "registeredAt": datetime.now(UTC),
            "registeredBy": call.caller.arn,
            "compatibilities": call.parameters.get("requiresCompatibilities", ["EC2"]),
        }
        revisions.append({"taskDefinition": definition, "tags": tags})
        return {"taskDefinition": definition, "tags": tags}

    def _arn(self, call: Call, resource: str) -> str:
        return f"arn:{self.cloud.partition}:ecs:{call.region}:{call.account}:{resource}"

    def _definition(self, account: str, region: str, name: str) -> dict[str, Any]:
        """A revision by its ARN or its family and number, or a family's newest active one."""
        family, _, number = name.rpartition("/")[2].partition(":")
        revisions = self._definitions.get((account, region, family), [])
        if number:
            found = [each for each in revisions if str(each["taskDefinition"]["revision"]) == number]
        else:
            found = [each for each in revisions if each["taskDefinition"]["status"] == "ACTIVE"][-1:]
        if not found:
            raise ServiceError("ClientException", "Unable to describe task definition.")
        return found[0]

    def _describe_definition(self, call: Call) -> Mapping[str, Any]:
        found = self._definition(call.account, call.region, call.parameters["taskDefinition"])
        tags = {"tags": found["tags"]} if "TAGS" in call.parameters.get("include", []) else {}
        return {"taskDefinition": found["taskDefinition"], **tags}

    def _deregister(self, call: Call) -> Mapping[str, Any]:
        found = self._definition(call.account, call.region, call.parameters["taskDefinition"])["taskDefinition"]
        found["status"] = "INACTIVE"
        return {"taskDefinition": found}

    # Services ---------------------------------------------------------------------------------------------------------

    def _create(self, call: Call) -> Mapping[str, Any]:
        asked = dict(call.parameters)
        cluster = str(asked.get("cluster", "default")).rpartition("/")[2]
        self._check_cluster(call, cluster)
        key = (call.account, call.region, cluster, asked["serviceName"])
        if key in self.services and self.services[key].status == "ACTIVE":
            raise ServiceError("InvalidParameterException", "Creation of service was not idempotent.")
        definition = self._definition(call.account, call.region, asked["taskDefinition"])["taskDefinition"]
        if definition["status"] != "ACTIVE":
            raise ServiceError("ClientException", "TaskDefinition is inactive")
        self._check_balancers(call, asked, definition)
        arn = self._arn(call, f"service/{cluster}/{asked['serviceName']}")
        service = Service(
            account=call.account,
            region=call.region,
            arn=arn,
            asked=asked,
            deployments=[self._deployment(definition["taskDefinitionArn"])],
        )
        if asked.get("loadBalancers"):
            service.balancer = _Balancer(service)
        self.services[key] = service
        self._tell_moto(call, cluster, asked["serviceName"])
        thread = threading.Thread(target=self._keep, args=(service,), daemon=True)
        self._threads.append(thread)
        thread.start()
        return {"service": self._told(service)}

    def _tell_moto(self, call: Call, cluster: str, name: str) -> None:
        """Makes the service known to moto, whose other services look for it there."""
        client = self.cloud.behind("ecs", account=call.account, region=call.region)
        container = {"name": "app", "image": "app", "memory": 1}
        client.register_task_definition(family=name, containerDefinitions=[container])
        client.create_service(cluster=cluster, serviceName=name, taskDefinition=name, desiredCount=0)

    def _deployment(self, task_definition: str) -> Deployment:
        return Deployment(id=f"ecs-svc/{next(self._numbers):019d}", task_definition=task_definition)

    def _check_cluster(self, call: Call, cluster: str) -> None:
        client = self.cloud.behind("ecs", account=call.account, region=call.region)
        if not client.describe_clusters(clusters=[cluster])["clusters"]:
            raise ServiceError("ClusterNotFoundException", "Cluster not found.")

    def _check_balancers(self, call: Call, asked: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
        client = self.cloud.behind("elbv2", account=call.account, region=call.region)
        containers = {each["name"]: each for each in definition["containerDefinitions"]}
        for entry in asked.get("loadBalancers", []):
            arn, name, port = entry["targetGroupArn"], entry["containerName"], entry["containerPort"]
            if name not in containers:
                message = f"The container {name} does not exist in the task definition."
                raise ServiceError("InvalidParameterException", message)
            if port not in [each["containerPort"] for each in containers[name].get("portMappings", [])]:
                message = f"The container {name} did not have a container port {port} defined."
                raise ServiceError("InvalidParameterException", message)
            (group,) = client.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
            if not group["LoadBalancerArns"]:
                message = f"The target group with targetGroupArn {arn} does not have an associated load balancer."
                raise ServiceError("InvalidParameterException", message)

    def _of(self, call: Call, name: str) -> Service:
        cluster = str(call.parameters.get("cluster", "default")).rpartition("/")[2]
        found = self.services.get((call.account, call.region, cluster, name.rpartition("/")[2]))
        if found is None:
            raise ServiceError("ServiceNotFoundException", "Service not found.")
        return found

    def _update(self, call: Call) -> Mapping[str, Any]:
        service = self._of(call, call.parameters["service"])
        if service.status != "ACTIVE":
            raise ServiceError("ServiceNotActiveException", "Service was not ACTIVE.")
        changes = {key: value for key, value in call.parameters.items() if key not in ("cluster", "service")}
        force = changes.pop("forceNewDeployment", False)
        named = changes.pop("taskDefinition", None)
        with service.lock:
            service.asked.update(changes)
            current = service.deployments[0].task_definition
            wanted = current
            if named is not None:
                definition = self._definition(call.account, call.region, named)["taskDefinition"]
                if definition["status"] != "ACTIVE":
                    raise ServiceError("ClientException", "TaskDefinition is inactive")
                wanted = definition["taskDefinitionArn"]
            if wanted != current or force:
                service.deployments.insert(0, self._deployment(wanted))
        return {"service": self._told(service)}

    def _describe(self, call: Call) -> Mapping[str, Any]:
        found, missing = [], []
        for name in call.parameters["services"]:
            try:
                found.append(self._told(self._of(call, name)))
            except ServiceError:
                missing.append({"arn": self._arn(call, f"service/{name}"), "reason": "MISSING"})
        return {"services": found, "failures": missing}

    def _list(self, call: Call) -> Mapping[str, Any]:
        cluster = str(call.parameters.get("cluster", "default")).rpartition("/")[2]
        here = (call.account, call.region, cluster)
        those = [each for key, each in self.services.items() if key[:3] == here]
        return {"serviceArns": [each.arn for each in those if each.status == "ACTIVE"]}

    def _delete(self, call: Call) -> Mapping[str, Any]:
        service = self._of(call, call.parameters["service"])
        if service.desired and not call.parameters.get("force"):
            raise ServiceError("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
        with service.lock:
            service.status = "INACTIVE"
        client = self.cloud.behind("ecs", account=call.account, region=call.region)
        client.delete_service(cluster=service.arn.split("/")[1], service=service.asked["serviceName"], force=True)
        return {"service": self._told(service)}

    def _told(self, service: Service) -> dict[str, Any]:
        """The service as its API tells it: all that was asked for, and what there is."""
        with service.lock:
            running = [task for each in service.deployments for task in each.tasks if task.healthy]
            cluster = service.arn.split("/")[1]
            place = service.arn.partition(":service/")[0]
            deployments = [
                {
                    "id": each.id,
                    "status": "ACTIVE" if number else "PRIMARY",
                    "taskDefinition": each.task_definition,
                    "desiredCount": 0 if number else service.desired,
                    "pendingCount": sum(not task.healthy for task in each.tasks),
                    "runningCount": sum(task.healthy for task in each.tasks),
                    "failedTasks": each.failed_tasks,
                    "createdAt": each.created,
                    "updatedAt": each.created,
                    "rolloutState": each.state,
                    "rolloutStateReason": each.reason,
                }
                for number, each in enumerate(service.deployments)
            ]
            asked = {
                key: value for key, value in service.asked.items() if key not in ("cluster", "role", "clientToken")
            }
            return {
                **asked,
                "serviceArn": service.arn,
                "clusterArn": f"{place}:cluster/{cluster}",
                "status": service.status,
                "taskDefinition": service.deployments[0].task_definition,
                "desiredCount": service.desired,
                "runningCount": len(running),
                "pendingCount": sum(len(each.tasks) for each in service.deployments) - len(running),
                "deployments": deployments,
                "events": service.events[:100],
                "createdAt": service.created,
            }

    # What ECS does with a service -------------------------------------------------------------------------------------

    def _keep(self, service: Service) -> None:
        """Starts, checks and stops tasks until the service is as it was asked to be, and keeps it so."""
        while not self._closed.is_set() and service.status == "ACTIVE":
            try:
                self._step(service)
            except Exception as error:  # noqa: BLE001 - the service goes on, and tells what went wrong
                _note(service, f"(service {service.asked['serviceName']}) {type(error).__name__}: {error}")
            self._closed.wait(0.1 * min(1.0, self.second))
        for deployment in service.deployments:
            for task in deployment.tasks:
                _stop(task, 2)

    def _step(self, service: Service) -> None:
        with service.lock:
            deployments = list(service.deployments)
        newest = deployments[0]
        if newest.state != "FAILED":
            while len(newest.tasks) < service.desired and not self._closed.is_set():
                task = self._start(service, newest)
                newest.tasks.append(task)
                if task.reason:
                    break
            while len(newest.tasks) > service.desired:
                _stop(newest.tasks.pop(), 2)
        for deployment in deployments:
            for task in list(deployment.tasks):
                self._check(service, deployment, task)
        healthy = sum(task.healthy for task in newest.tasks)
        if newest.state == "IN_PROGRESS" and healthy >= service.desired:
            self._complete(service, newest)
        elif newest.state == "IN_PROGRESS":
            self._break_circuit(service, newest)

    def _start(self, service: Service, deployment: Deployment) -> Task:
        definition = self._definition(service.account, service.region, deployment.task_definition)["taskDefinition"]
        identifier = uuid.uuid4().hex
        if self.runner is None:
            return Task(id=identifier, container=None, healthy=True)
        container = next(each for each in definition["containerDefinitions"] if each.get("essential", True))
        match = _ECR.match(container["image"])
        try:
            credentials = self._of_execution(definition, service)
            if match is None:
                return Task(id=identifier, container=StandIn(f"{container['image']} stands here"))
            log = self.cloud.folder / "tasks" / f"{identifier}.log"
            log.parent.mkdir(exist_ok=True)
            self._sign_in(match, credentials)
            self._open_log(container, credentials, identifier, service)
            return Task(
                id=identifier,
                container=self.runner.run(
                    Image(name=container["image"], credentials=credentials),
                    environment={each["name"]: each["value"] for each in container.get("environment", [])},
                    port=container["portMappings"][0]["containerPort"],
                    log=log,
                ),
            )
        except (PullError, ServiceError, ClientError) as error:
            reason = f"CannotPullContainerError: {error}" if isinstance(error, PullError) else str(error)
            return Task(id=identifier, container=None, reason=reason)

    def _of_execution(self, definition: Mapping[str, Any], service: Service) -> Credentials | None:
        role = definition.get("executionRoleArn")
        if role is None:
            return None
        place = service.arn.partition(":service/")[0]
        context = {"aws:SourceAccount": service.account, "aws:SourceArn": f"{place}:*"}
        return self.cloud.assume(role, "ecs-tasks", context)

    def _sign_in(self, image: re.Match[str], credentials: Credentials | None) -> None:
        """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html."""
        if credentials is None:
            return
        region, repository = image["region"], image["name"]
        self.cloud.client("ecr", region=region, credentials=credentials).get_authorization_token()
        self.cloud.check(credentials, "ecr", "BatchCheckLayerAvailability", repositoryName=repository, region=region)

    def _open_log(
        self, container: Mapping[str, Any], credentials: Credentials | None, identifier: str, service: Service
    ) -> None:
        options = container.get("logConfiguration", {}).get("options", {})
        if credentials is None or "awslogs-group" not in options:
            return
        stream = f"{options.get('awslogs-stream-prefix', 'ecs')}/{container['name']}/{identifier}"
        logs = self.cloud.client("logs", region=service.region, credentials=credentials)
        logs.create_log_stream(logGroupName=options["awslogs-group"], logStreamName=stream)
        event = {"timestamp": int(time.time() * 1000), "message": f"started {container['image']}"}
        logs.put_log_events(logGroupName=options["awslogs-group"], logStreamName=stream, logEvents=[event])

    def _check(self, service: Service, deployment: Deployment, task: Task) -> None:
        """One health check, as the target group asks for it; a task that fails too often is replaced."""
        status = task.container.poll() if task.container is not None else None
        if task.reason or status is not None:
            reason = task.reason or f"Essential container in task exited ({status})"
            self._fail(service, deployment, task, reason)
            return
        group = self._target_group(service)
        if task.container is None or group is None:
            task.healthy = True
            return
        interval = group["HealthCheckIntervalSeconds"] * self.second
        checks = task.passes + task.failures
        if time.monotonic() < task.started + checks * interval * (1 if task.healthy else 0.1):
            return
        if _answers(task.container.address, group):
            task.passes, task.failures = task.passes + 1, 0
            task.healthy = task.healthy or task.passes >= group["HealthyThresholdCount"]
            return
        task.failures, task.passes = task.failures + 1, 0
        grace = service.asked.get("healthCheckGracePeriodSeconds", 0) * self.second
        if task.failures >= group["UnhealthyThresholdCount"] and time.monotonic() > task.started + grace:
            path = group["HealthCheckPath"]
            reason = f"Task failed ELB health checks in (target-group {group['TargetGroupArn']}) at {path}"
            self._fail(service, deployment, task, reason)

    def _fail(self, service: Service, deployment: Deployment, task: Task, reason: str) -> None:
        _note(service, f"(service {service.asked['serviceName']}) (task {task.id}) {reason}")
        _stop(task, 2)
        deployment.tasks.remove(task)
        if deployment.state == "IN_PROGRESS":
            deployment.failed_tasks += 1

    def _target_group(self, service: Service) -> dict[str, Any] | None:
        entries = service.asked.get("loadBalancers", [])
        if not entries:
            return None
        client = self.cloud.behind("elbv2", account=service.account, region=service.region)
        (group,) = client.describe_target_groups(TargetGroupArns=[entries[0]["targetGroupArn"]])["TargetGroups"]
        found: dict[str, Any] = group
        return found

    def _complete(self, service: Service, deployment: Deployment) -> None:
        with service.lock:
            deployment.state, deployment.reason = "COMPLETED", f"ECS deployment {deployment.id} completed."
            service.last_good = deployment.task_definition
            old = [each for each in service.deployments if each is not deployment]
            service.deployments[:] = [each for each in service.deployments if each not in old]
        for each in old:
            for task in each.tasks:
                _stop(task, 2)
        _note(service, f"(service {service.asked['serviceName']}) has reached a steady state.")

    def _break_circuit(self, service: Service, deployment: Deployment) -> None:
        """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html."""
        breaker = service.asked.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {})
        threshold = max(3, min(200, math.ceil(0.5 * service.desired)))
        if not breaker.get("enable") or deployment.failed_tasks < threshold:
            return
        with service.lock:
            deployment.state = "FAILED"
            deployment.reason = "ECS deployment circuit breaker: tasks failed to start."
            good = service.last_good
            for task in deployment.tasks:
                _stop(task, 2)
            deployment.tasks.clear()
            name = service.asked["serviceName"]
            _note(service, f"(service {name}) (deployment {deployment.id}) deployment failed: tasks failed to start.")
            if breaker.get("rollback") and good is not None and good != deployment.task_definition:
                again = next((each for each in service.deployments if each.task_definition == good), None)
                if again is None:
                    again = self._deployment(good)
                else:
                    service.deployments.remove(again)
                again.state, again.reason = "IN_PROGRESS", "ECS deployment circuit breaker: rolling back."
                service.deployments.insert(0, again)

    def why(self, cluster: str, service: str) -> Iterator[str]:
        """What went wrong with the service's tasks, the newest first."""
        for key, each in self.services.items():
            if key[2:] == (cluster, service):
                yield from (event["message"] for event in each.events)


def _note(service: Service, message: str) -> None:
    service.events.insert(0, {"id": str(uuid.uuid4()), "createdAt": datetime.now(UTC), "message": message})


def _stop(task: Task, seconds: float) -> None:
    task.healthy = False
    if task.container is not None and task.container.poll() is None:
        task.container.stop(seconds)


def _answers(address: str, group: Mapping[str, Any]) -> bool:
    """Whether the path answers with a status that the target group takes for healthy."""
    host, _, port = address.partition(":")
    wanted = str(group.get("Matcher", {}).get("HttpCode", "200"))
    connection = HTTPConnection(host, int(port), timeout=group["HealthCheckTimeoutSeconds"])
    try:
        connection.request("GET", group["HealthCheckPath"])
        status = connection.getresponse().status
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    for part in wanted.split(","):
        least, _, most = part.partition("-")
        if int(least) <= status <= int(most or least):
            return True
    return False


class _Balancer:
    """A load balancer's part: a port that hands requests to a healthy task in turn."""

    def __init__(self, service: Service) -> None:
        balancer = self
        self._service = service
        self._turn = itertools.count()

        class Handler(BaseHTTPRequestHandler):
            def _hand_on(self) -> None:
                balancer.hand_on(self)

            # http.server's own names.
            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _hand_on  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def hand_on(self, request: BaseHTTPRequestHandler) -> None:
        """Has a task answer the request; 503 if there is no healthy one."""
        tasks = [
            task
            for deployment in list(self._service.deployments)
            for task in deployment.tasks
            if task.healthy and task.container is not None
        ]
        length = int(request.headers.get("Content-Length", 0))
        body = request.rfile.read(length) if length else None
        status, headers, content = 503, [("Content-Type", "text/plain")], b"503 Service Temporarily Unavailable\n"
        if tasks:
            task = tasks[next(self._turn) % len(tasks)]
            connection = HTTPConnection(task.container.address if task.container else "", timeout=30)
            try:
                connection.request(request.command, request.path, body, dict(request.headers))
                answer = connection.getresponse()
                status, headers, content = answer.status, answer.getheaders(), answer.read()
            except (OSError, HTTPException):
                status, headers, content = 502, [("Content-Type", "text/plain")], b"502 Bad Gateway\n"
            finally:
                connection.close()
        request.send_response(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def close(self) -> None:
        """Closes the port."""
        self._server.shutdown()
        self._server.server_close()
