"""Launched stacks, as CloudFormation and ECS tell of them: answers to HTTP requests, held to the APIs' models."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

import botocore.loaders
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.validate import ParamValidator

from ecs_cd_templates import RenderSettings, to_yaml
from ecs_cd_templates.catalog import templates
from ecs_cd_templates.cfn.evaluation import Target, resolve

ACCOUNT = "111122223333"
REGION = "eu-west-1"
FIRST_IMAGE = "public.ecr.aws/nginx/nginx-unprivileged:stable-alpine"
ZONES = ("eu-west-1b", "eu-west-1c")
PARAMS = Path(__file__).parents[1] / "params"

# So many resources does CloudFormation put on a page.
_PAGE = 100

# A client's models, which every session would read again.
_loader = cache(botocore.loaders.create_loader)


def image(environment: str, number: int = 1) -> str:
    """An image as a pipeline deploys it."""
    repository = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/sample-app-{environment}"
    return f"{repository}:{number:040x}-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


@dataclass
class Fault:
    """An error instead of an answer."""

    code: str
    status: int = 400
    message: str = "Because\nof this"


@dataclass
class Service:
    """A service with its family of task definitions and its deployments, the newest first."""

    arn: str
    cluster: str
    family: str
    container: str
    revisions: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    desired: int = 1
    _clock: Iterator[int] = field(default_factory=itertools.count)

    def register(self, image: str) -> dict[str, Any]:
        """A new revision of the family."""
        number = len(self.revisions) + 1
        self.revisions.append(
            {
                "taskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{self.family}:{number}",
                "family": self.family,
                "revision": number,
                "status": "ACTIVE",
                "containerDefinitions": [{"name": "sidecar", "image": "x"}, {"name": self.container, "image": image}],
            }
        )
        return self.revisions[-1]

    def deploy(self, image: str, state: str = "COMPLETED") -> None:
        """What the pipeline does; what was deployed before is there until this has completed."""
        self.start(self.register(image), state)

    def start(self, revision: Mapping[str, Any], state: str = "COMPLETED") -> None:
        """A deployment of the revision."""
        created = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=next(self._clock))
        deployment = {
            "id": f"ecs-svc/{created.minute}",
            "status": "PRIMARY",
            "taskDefinition": revision["taskDefinitionArn"],
            "createdAt": created,
            "desiredCount": self.desired,
            "rolloutState": state,
        }
        before = [] if state == "COMPLETED" else [{**each, "status": "ACTIVE"} for each in self.deployments]
        self.deployments = [deployment, *before]


@dataclass
class Stack:
    """A stack whose services run what they were launched with."""

    name: str
    template: dict[str, Any]
    body: str
    parameters: dict[str, str]
    outputs: dict[str, str]
    resources: list[dict[str, Any]]
    services: dict[str, Service]
    status: str = "CREATE_COMPLETE"

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{self.name}/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


def stack_of(file_name: str, settings: RenderSettings | None = None, name: str = "shop", **given: str) -> Stack:
    """A stack that was launched from the template with its example values and those given."""
    return deepcopy(_launched(file_name, settings, name, tuple(given.items())))


@cache
def _launched(file_name: str, settings: RenderSettings | None, name: str, given: tuple[tuple[str, str], ...]) -> Stack:
    template = templates(settings)[file_name]()
    content = template.to_dict()
    examples = {row["ParameterKey"]: row["ParameterValue"] for row in _rows(file_name)}
    values = {key: value for key, value in examples.items() if key in content["Parameters"]} | dict(given)
    resolved = resolve(content, values, Target(account=ACCOUNT, region=REGION, stack_name=name))
    complete = {key: str(values.get(key, each.get("Default"))) for key, each in content["Parameters"].items()}
    services: dict[str, Service] = {}
    resources = []
    for title, resource in resolved.resources.items():
        properties = resource.get("Properties", {})
        identity = f"{title}-id"
        if resource["Type"] == "AWS::ECS::Cluster":
            identity = properties["ClusterName"]
        if resource["Type"] == "AWS::ECS::Service":
            cluster, family = properties["Cluster"], properties["ServiceName"]
            identity = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{cluster}/{family}"
            definition = resolved.resources[title.replace("ECSService", "ECSTaskDefinition")]["Properties"]
            (container,) = definition["ContainerDefinitions"]
            services[title] = Service(arn=identity, cluster=cluster, family=family, container=container["Name"])
            services[title].deploy(container["Image"])
        resources.append(
            {
                "LogicalResourceId": title,
                "PhysicalResourceId": identity,
                "ResourceType": resource["Type"],
                "LastUpdatedTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
                "ResourceStatus": "CREATE_COMPLETE",
            }
        )
    zones = {
        key: ZONES[int(key[len("AvailabilityZone")]) - 1]
        for key in resolved.outputs
        if key.startswith("AvailabilityZone")
    }
    return Stack(
        name=name,
        template=content,
        body=to_yaml(template),
        parameters=complete,
        outputs={key: str(value) for key, value in resolved.outputs.items()} | zones,
        # In no order that would help: the services last.
        resources=sorted(resources, key=lambda each: each["ResourceType"] == "AWS::ECS::Service"),
        services=services,
    )


def _rows(file_name: str) -> list[dict[str, str]]:
    path = (PARAMS / file_name).with_suffix(".json")
    rows: list[dict[str, str]] = json.loads(path.read_text()) if path.exists() else []
    return rows


@dataclass
class Aws:
    """The two services, with faults on demand."""

    stacks: list[Stack] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    fault: Callable[[str], Fault | None] = lambda call: None

    def send(self, request: Any) -> AWSResponse:
        """The answer to a request."""
        service = urlsplit(request.url).netloc.split(".")[0]
        assert urlsplit(request.url).netloc == f"{service}.{REGION}.amazonaws.com"
        if service == "ecs":
            name = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
            arguments = json.loads(request.body)
        else:
            arguments = dict(parse_qsl(request.body if isinstance(request.body, str) else request.body.decode()))
            name = arguments.pop("Action")
        self.calls.append(f"{'cloudformation' if service == 'cloudformation' else service}:{name}")
        fault = self.fault(self.calls[-1])
        answer = None if fault else getattr(self, f"_{name}")(arguments)
        if isinstance(answer, Fault):
            fault, answer = answer, None
        if answer is not None:
            _check(service, name, answer)
        body = _json(answer, fault) if service == "ecs" else _xml_body(name, answer, fault)
        response = AWSResponse(request.url, fault.status if fault else 200, {}, None)
        response._content = body.encode()
        return response

    def _stack(self, name: str) -> Stack | Fault:
        found = [stack for stack in self.stacks if name in (stack.name, stack.arn)]
        return found[0] if found else Fault("ValidationError", 400, f"Stack with id {name} does not exist")

    def _DescribeStacks(self, arguments: Mapping[str, str]) -> Any:  # noqa: N802 - AWS's name
        stack = self._stack(arguments["StackName"])
        if isinstance(stack, Fault):
            return stack
        typed = {name for name, each in stack.template["Parameters"].items() if "SSM" in each["Type"]}
        return {
            "Stacks": [
                {
                    "StackName": stack.name,
                    "StackId": stack.arn,
                    "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
                    "StackStatus": stack.status,
                    # No order is promised.
                    "Parameters": [
                        {"ParameterKey": name, "ParameterValue": value}
                        | ({"ResolvedValue": "ami-0123456789abcdef0"} if name in typed else {})
                        for name, value in sorted(stack.parameters.items(), reverse=True)
                    ],
                    "Outputs": [
                        {"OutputKey": name, "OutputValue": value} for name, value in sorted(stack.outputs.items())
                    ],
                }
            ]
        }

    def _GetTemplate(self, arguments: Mapping[str, str]) -> Any:  # noqa: N802 - AWS's name
        stack = self._stack(arguments["StackName"])
        return stack if isinstance(stack, Fault) else {"TemplateBody": stack.body}

    def _ListStackResources(self, arguments: Mapping[str, str]) -> Any:  # noqa: N802 - AWS's name
        stack = self._stack(arguments["StackName"])
        if isinstance(stack, Fault):
            return stack
        at = int(arguments.get("NextToken", "0"))
        more = {"NextToken": str(at + _PAGE)} if at + _PAGE < len(stack.resources) else {}
        return {"StackResourceSummaries": stack.resources[at : at + _PAGE], **more}

    def _DescribeServices(self, arguments: Mapping[str, Any]) -> Any:  # noqa: N802 - AWS's name
        (arn,) = arguments["services"]
        for service in self._services():
            if (service.arn, service.cluster) == (arn, arguments["cluster"]):
                told = {"serviceArn": arn, "serviceName": service.family, "deployments": service.deployments}
                return {"services": [told | {"desiredCount": service.desired, "status": "ACTIVE"}], "failures": []}
        return {"services": [], "failures": [{"arn": arn, "reason": "MISSING"}]}

    def _DescribeTaskDefinition(self, arguments: Mapping[str, str]) -> Any:  # noqa: N802 - AWS's name
        asked = arguments["taskDefinition"]
        revisions = [revision for service in self._services() for revision in service.revisions]
        active = [each for each in revisions if each["family"] == asked and each["status"] == "ACTIVE"]
        found = [each for each in revisions if each["taskDefinitionArn"] == asked] or active[-1:]
        return {"taskDefinition": found[0]} if found else Fault("ClientException")

    def _services(self) -> Iterator[Service]:
        for stack in self.stacks:
            yield from stack.services.values()


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def _check(service: str, name: str, answer: Any) -> None:
    report = ParamValidator().validate(answer, _model(service).operation_model(name).output_shape)
    assert not report.has_errors(), report.generate_report()


def _json(answer: Any, fault: Fault | None) -> str:
    if fault:
        return json.dumps({"__type": f"com.amazonaws.ecs#{fault.code}", "message": fault.message})
    return json.dumps(answer, default=datetime.timestamp)


def _xml_body(name: str, answer: Any, fault: Fault | None) -> str:
    if fault:
        error = f"<Error><Type>Sender</Type><Code>{fault.code}</Code><Message>{escape(fault.message)}</Message></Error>"
        return f"<ErrorResponse>{error}</ErrorResponse>"
    return f"<{name}Response><{name}Result>{_xml(answer)}</{name}Result></{name}Response>"


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{key}>{_xml(each)}</{key}>" for key, each in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(each)}</member>" for each in value)
    return value.isoformat() if isinstance(value, datetime) else escape(str(value))


def answering(monkeypatch: pytest.MonkeyPatch) -> Aws:
    """The services in the place of AWS, and credentials for them."""
    aws = Aws()
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", lambda session, request: aws.send(request))
    monkeypatch.setattr("botocore.session.create_loader", _loader)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(name, value)
    return aws
