"""A service stays available when ECS takes an instance away that it does not need any more.

ECS starts two instances for the first task and takes one of them away after a quarter of an hour, with or without tasks
on it (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-scaling-behavior.html). What happens to the
tasks is played through here, with what the rendered template says:

- An instance that is drained gets no new tasks, and a task on it is stopped only as far as the service's least healthy
  percent leaves enough others; successors are started up to its greatest percent
  (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateContainerInstancesState.html).
- Without draining, the instance ends with its tasks, and ECS starts others then
  (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-instance-draining.html).
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ecs_cd_templates.cfn.evaluation import resolve
from support import TARGET, data, parameters

NAME = "ecs-environment.yaml"
HOOK = "ecs-managed-draining-termination-hook"


def resources_of(template: dict[str, Any], count: str = "1") -> dict[str, Any]:
    values = {**parameters(NAME), "ECSLaunchType": "EC2", "ECSTaskCount": count}
    return {name: each["Properties"] for name, each in resolve(template, values, TARGET).resources.items()}


def is_drained(resources: dict[str, Any]) -> bool:
    """Whether ECS hears of an instance that is to end, and moves its tasks first."""
    provider = resources["CapacityProvider"]["AutoScalingGroupProvider"]
    # ECS looks for its hook by this name and uses the one that is there.
    hook = resources.get("DrainingHook", {"LifecycleHookName": HOOK})
    return bool(provider["ManagedDraining"] == "ENABLED" and hook["LifecycleHookName"] == HOOK)


def least_running(resources: dict[str, Any], on_instance: int, elsewhere: int) -> int:
    """How many healthy tasks there are at the worst moment, while an instance with so many of them is taken away."""
    desired = on_instance + elsewhere
    configuration = resources["ECSService"]["DeploymentConfiguration"]
    least_healthy = -(-desired * configuration["MinimumHealthyPercent"] // 100)
    most = desired * configuration["MaximumPercent"] // 100
    if not is_drained(resources):
        return elsewhere
    running = [desired]
    while on_instance or elsewhere < desired:
        # At worst as many are stopped as may be, before any successor is there.
        stopped = min(on_instance, on_instance + elsewhere - least_healthy)
        on_instance -= stopped
        running.append(on_instance + elsewhere)
        # Where there is no room on another instance, one is started.
        successors = min(most - on_instance - elsewhere, desired - elsewhere)
        elsewhere += successors
        assert stopped or successors, "the instance never becomes empty, and ends with its tasks after an hour"
    return min(running)


PLACES = [(here, desired - here) for desired in range(1, 11) for here in range(desired + 1)]


@pytest.mark.parametrize(("on_instance", "elsewhere"), PLACES)
def test_every_task_has_a_successor_before_it_is_stopped(on_instance: int, elsewhere: int) -> None:
    resources = resources_of(data()[NAME], count=str(on_instance + elsewhere))
    assert least_running(resources, on_instance, elsewhere) == on_instance + elsewhere


def test_there_is_room_for_the_successors() -> None:
    """Even with one task to an instance."""
    assert int(resources_of(data()[NAME])["AutoScalingGroup"]["MaxSize"]) >= 2 * 10


@pytest.mark.parametrize(
    ("resource", "path", "value"),
    [
        ("CapacityProvider", ("AutoScalingGroupProvider", "ManagedDraining"), "DISABLED"),
        ("DrainingHook", ("LifecycleHookName",), "another"),
        ("ECSService", ("DeploymentConfiguration", "MinimumHealthyPercent"), 0),
    ],
)
def test_without_one_of_these_the_only_task_would_be_lost(resource: str, path: tuple[str, ...], value: Any) -> None:
    template = copy.deepcopy(data()[NAME])
    *outer, last = path
    place = template["Resources"][resource]["Properties"]
    for key in outer:
        place = place[key]
    place[last] = value
    assert least_running(resources_of(template), on_instance=1, elsewhere=0) == 0


def test_a_service_that_can_neither_start_nor_stop_a_task_is_noticed() -> None:
    template = copy.deepcopy(data()[NAME])
    template["Resources"]["ECSService"]["Properties"]["DeploymentConfiguration"]["MaximumPercent"] = 100
    with pytest.raises(AssertionError, match="never becomes empty"):
        least_running(resources_of(template), on_instance=1, elsewhere=0)
