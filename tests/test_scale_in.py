"""On EC2 a running task is always left when instances go, and no instance is left when the stack goes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from capacity import HOOK, SERVICE, deletion, outages, rules, straight
from deployments import changed
from ecs_cd_templates.cfn.evaluation import resolve
from ecs_cd_templates.constraints import MAX_TASKS
from support import NETWORKS, TARGET, data, network_values, parameters

Template = dict[str, Any]

ENVIRONMENT = "ecs-environment.yaml"
QUICK_START = "quick-start.yaml"
TEMPLATES = [(ENVIRONMENT, "new"), (ENVIRONMENT, "private"), (QUICK_START, "new"), (QUICK_START, "mixed")]


def resources(template: Template, name: str, tasks: str = "1") -> list[dict[str, dict[str, Any]]]:
    """The resources of each environment in the template, on EC2 and with so many tasks."""
    counts = {each: tasks for each in template["Parameters"] if each.startswith("ECSTaskCount")}
    given = parameters(name) | network_values(template)
    values = {each: given[each] for each, asked in template["Parameters"].items() if "Default" not in asked}
    every = resolve(template, {**values, **counts, "ECSLaunchType": "EC2"}, TARGET).resources
    suffixes = [title.removeprefix("CapacityProvider") for title, each in every.items() if each["Type"] == PROVIDER[0]]
    return [{title: each for title, each in every.items() if title.endswith(suffix)} for suffix in suffixes]


@pytest.mark.parametrize(("name", "network"), TEMPLATES)
@pytest.mark.parametrize("tasks", ["1", "2"])
@pytest.mark.parametrize("room", [1, 2, 3])
def test_a_running_task_is_always_left(name: str, network: str, tasks: str, room: int) -> None:
    for each in resources(data(NETWORKS[network])[name], name, tasks):
        assert outages(rules(each, room)) == []


@pytest.mark.parametrize(("name", "network"), TEMPLATES)
@pytest.mark.parametrize("room", [1, 2])
def test_the_most_tasks_find_room_during_a_deployment(name: str, network: str, room: int) -> None:
    for each in resources(data(NETWORKS[network])[name], name, str(MAX_TASKS)):
        assert straight(rules(each, room))


DEPLOYMENT = (SERVICE, "DeploymentConfiguration")
ASSOCIATION = ("AWS::ECS::ClusterCapacityProviderAssociations", "DefaultCapacityProviderStrategy", 0, "Weight")
PROVIDER = ("AWS::ECS::CapacityProvider", "AutoScalingGroupProvider")
GROUP = "AWS::AutoScaling::AutoScalingGroup"


@pytest.mark.parametrize(
    ("path", "value", "tasks", "wrong"),
    [
        ((*PROVIDER, "ManagedDraining"), "DISABLED", "1", "0 of 1 tasks: .*instances are taken away"),
        ((*DEPLOYMENT, "MinimumHealthyPercent"), 0, "1", "0 of 1 tasks: .*a task is stopped"),
        ((*DEPLOYMENT, "MinimumHealthyPercent"), 50, "2", "1 of 2 tasks: .*a task is stopped"),
        ((*DEPLOYMENT, "MaximumPercent"), 100, "1", "0 of 1 tasks: .*gone after 48 hours"),
        ((GROUP, "MaxSize"), "1", "1", "stuck: .*a deployment starts"),
        ((*PROVIDER, "ManagedScaling", "Status"), "DISABLED", "1", "stuck: a task is wanted"),
        ((SERVICE, "LaunchType"), "EC2", "1", "stuck: a task is wanted"),
        (ASSOCIATION, 0, "1", "stuck: a task is wanted"),
    ],
)
def test_other_settings_leave_none_or_never_start(path: tuple[Any, ...], value: Any, tasks: str, wrong: str) -> None:
    other = changed(data()[ENVIRONMENT], *path, value=value)
    (each,) = resources(other, ENVIRONMENT, tasks)
    assert re.search(wrong, "\n".join(outages(rules(each, room=1))))


@pytest.mark.parametrize(
    ("name", "network"), [*TEMPLATES, ("ecs-cluster.yaml", "new"), ("ecs-cluster.yaml", "private")]
)
def test_a_deletion_leaves_no_instance_waiting(name: str, network: str) -> None:
    template = data(NETWORKS[network])[name]
    for each in resources(template, name):
        assert deletion(template, each) == []


def without_hook(template: Template) -> Template:
    copied: Template = json.loads(json.dumps(template))
    del copied["Resources"]["DrainingHook"], copied["Resources"]["CapacityProvider"]["DependsOn"]
    return copied


def without_order(template: Template) -> Template:
    copied: Template = json.loads(json.dumps(template))
    del copied["Resources"]["CapacityProvider"]["DependsOn"]
    return copied


def with_instances_of_any_cluster(template: Template) -> Template:
    text = json.dumps({title: each for title, each in template["Resources"].items() if title != "ECSService"})
    text = text.replace('{"Ref": "ECSCluster"}', '"cluster"').replace("${ECSCluster}", "cluster")
    return {**template, "Resources": template["Resources"] | json.loads(text)}


def without_service_after_cluster(template: Template) -> Template:
    copied: Template = json.loads(json.dumps(template))
    del copied["Resources"]["ECSService"]["Metadata"]
    return copied


@pytest.mark.parametrize(
    ("mutant", "wrong"),
    [
        (without_hook, "nobody answers"),
        (without_order, "nobody answers"),
        (lambda template: changed(template, HOOK, "LifecycleHookName", value="another"), "nobody answers"),
        (
            lambda template: changed(template, *PROVIDER, "ManagedTerminationProtection", value="ENABLED"),
            "instances are protected",
        ),
        (with_instances_of_any_cluster, "the cluster has instances"),
        (without_service_after_cluster, "the service uses the capacity provider"),
    ],
)
def test_other_templates_leave_some(mutant: Callable[[Template], Template], wrong: str) -> None:
    other = mutant(data()[ENVIRONMENT])
    (each,) = resources(other, ENVIRONMENT)
    assert re.search(wrong, "\n".join(deletion(other, each)))
