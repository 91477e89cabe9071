"""Services: deployments, health, the circuit breaker, and what answers at the load balancer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd_templates.rehearsal.cloud import Cloud
from ecs_cd_templates.rehearsal.container_service import ContainerService
from ecs_cd_templates.rehearsal.containers import Image, PullError, StandIn
from ecs_cd_templates.rehearsal.walkthrough import fetch

pytestmark = pytest.mark.slow

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Runner:
    """Runs images named like what they answer; ``broken`` ends at once, ``missing`` cannot be pulled."""

    def run(self, image: Image, *, environment: Mapping[str, str], port: int, log: Path) -> StandIn:
        name = image.name.rpartition(":")[2]
        if name == "missing":
            raise PullError(f"{image.name}: not found")
        container = StandIn(name)
        if name == "broken":
            container.stop(0)
        return container


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as cloud:
        yield cloud


@pytest.fixture
def service(cloud: Cloud) -> Iterator[ContainerService]:
    service = ContainerService(cloud, Runner(), second=0.01)
    yield service
    service.close()


def prepare(cloud: Cloud) -> str:
    """A cluster, a role, and a target group with a listener, whose ARN is returned."""
    ec2, elb = cloud.client("ec2"), cloud.client("elbv2")
    cloud.client("iam").create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps(TRUST))
    cloud.client("ecs").create_cluster(clusterName="shop")
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"][:2]]
    balancer = elb.create_load_balancer(Name="shop", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    group = elb.create_target_group(
        Name="shop",
        Protocol="HTTP",
        Port=8080,
        TargetType="ip",
        VpcId=ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2,
        HealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    action = {"Type": "forward", "TargetGroupArn": group}
    elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[action])
    return str(group)


def register(cloud: Cloud, tag: str, **others: Any) -> str:
    container = {"name": "app", "image": f"{REGISTRY}:{tag}", "portMappings": [{"containerPort": 8080}]}
    answer = cloud.client("ecs").register_task_definition(
        family="shop",
        containerDefinitions=[container],
        executionRoleArn="arn:aws:iam::123456789012:role/execution",
        **others,
    )
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def create(cloud: Cloud, group: str, tag: str, **others: Any) -> None:
    cloud.client("ecs").create_service(
        cluster="shop",
        serviceName="shop",
        taskDefinition=register(cloud, tag),
        desiredCount=1,
        loadBalancers=[{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}],
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        **others,
    )


def told(cloud: Cloud) -> dict[str, Any]:
    found: dict[str, Any] = cloud.client("ecs").describe_services(cluster="shop", services=["shop"])["services"][0]
    return found


def until(cloud: Cloud, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        service = told(cloud)
        if holds(service):
            return service
        time.sleep(0.02)
    raise AssertionError(told(cloud))


def is_steady(service: dict[str, Any]) -> bool:
    return len(service["deployments"]) == 1 and service["deployments"][0]["rolloutState"] == "COMPLETED"


def test_a_new_revision_takes_the_place_of_the_old(cloud: Cloud, service: ContainerService) -> None:
    create(cloud, prepare(cloud), "first")
    until(cloud, is_steady)
    address = service.address("shop", "shop")
    assert fetch(address) == (200, "first\n")
    second = register(cloud, "second")
    cloud.client("ecs").update_service(cluster="shop", service="shop", taskDefinition=second)
    assert len(told(cloud)["deployments"]) == 2
    steady = until(cloud, is_steady)
    assert (steady["taskDefinition"], steady["runningCount"]) == (second, 1)
    assert service.address("shop", "shop") == address
    assert fetch(address) == (200, "second\n")


@pytest.mark.parametrize("tag", ["broken", "missing"])
def test_a_revision_that_does_not_start_is_given_up(cloud: Cloud, service: ContainerService, tag: str) -> None:
    create(cloud, prepare(cloud), "first")
    good = until(cloud, is_steady)["taskDefinition"]
    cloud.client("ecs").update_service(cluster="shop", service="shop", taskDefinition=register(cloud, tag))
    given_up = "deployment failed: tasks failed to start"
    until(cloud, lambda _: any(given_up in line for line in service.why("shop", "shop")))
    back = until(cloud, lambda each: is_steady(each) and each["taskDefinition"] == good)
    assert back["runningCount"] == 1
    assert fetch(service.address("shop", "shop")) == (200, "first\n")


def test_task_definitions_are_read_back_and_counted(cloud: Cloud, service: ContainerService) -> None:
    platform = {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}
    first = register(cloud, "first", runtimePlatform=platform, tags=[{"key": "a", "value": "b"}])
    ecs = cloud.client("ecs")
    found = ecs.describe_task_definition(taskDefinition=first, include=["TAGS"])
    assert (found["taskDefinition"]["runtimePlatform"], found["tags"]) == (platform, [{"key": "a", "value": "b"}])
    second = register(cloud, "second")
    assert second.endswith(":2")
    assert ecs.describe_task_definition(taskDefinition="shop")["taskDefinition"]["taskDefinitionArn"] == second
    ecs.deregister_task_definition(taskDefinition=second)
    assert ecs.describe_task_definition(taskDefinition="shop")["taskDefinition"]["taskDefinitionArn"] == first
    with pytest.raises(ClientError, match="Unable to describe task definition"):
        ecs.describe_task_definition(taskDefinition="other")


def test_a_service_is_read_back_as_it_was_asked_for(cloud: Cloud, service: ContainerService) -> None:
    create(cloud, prepare(cloud), "first", healthCheckGracePeriodSeconds=60, propagateTags="SERVICE")
    found = told(cloud)
    assert (found["healthCheckGracePeriodSeconds"], found["propagateTags"]) == (60, "SERVICE")
    assert found["loadBalancers"][0]["containerPort"] == 8080
    assert found["clusterArn"].endswith(":cluster/shop")
    cloud.client("ecs").delete_service(cluster="shop", service="shop", force=True)
    assert told(cloud)["status"] == "INACTIVE"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"containerName": "web"}, "The container web does not exist"),
        ({"containerPort": 80}, "did not have a container port 80"),
    ],
)
def test_what_does_not_fit_is_refused(
    cloud: Cloud, service: ContainerService, changes: dict[str, Any], message: str
) -> None:
    entry = {"targetGroupArn": prepare(cloud), "containerName": "app", "containerPort": 8080, **changes}
    with pytest.raises(ClientError, match=message):
        cloud.client("ecs").create_service(
            cluster="shop", serviceName="shop", taskDefinition=register(cloud, "first"), loadBalancers=[entry]
        )


def test_without_a_healthy_task_the_load_balancer_says_so(cloud: Cloud, service: ContainerService) -> None:
    create(cloud, prepare(cloud), "missing")
    assert fetch(service.address("shop", "shop"))[0] == 503
