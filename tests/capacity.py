"""A model of the EC2 instances under an ECS service: how they come, how they go, and what becomes of the tasks.

What the resources are set to comes from rendered templates. Whatever AWS may do in one of several ways, it does in
every way here: which instance takes a task, which one is taken away, what happens first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from ecs_cd_templates.cfn.intrinsics import references

# The hook with which ECS holds an instance until its tasks are elsewhere
# (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/enable-managed-instance-draining.html).
ECS_HOOK = "ecs-managed-draining-termination-hook"

Resources = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Rules:
    """What the resources say. ``room``: how many tasks an instance takes."""

    desired: int
    room: int
    least_healthy: int
    most_tasks: int
    most_instances: int
    scaled: bool
    drained: bool
    protected: bool


def only(resources: Resources, kind: str) -> dict[str, Any]:
    """The properties of the one resource of the type."""
    (found,) = (each.get("Properties", {}) for each in resources.values() if each["Type"] == kind)
    properties: dict[str, Any] = found
    return properties


def rules(resources: Resources, room: int) -> Rules:
    """The rules of a service on a cluster.

    The least number of healthy tasks is rounded up and the most down
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html). Instances come only
    for tasks with a capacity provider strategy, which one with a launch type has not
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-scaling-behavior.html). Termination
    protection needs the group's scale-in protection as well
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-termination-protection.html), and draining is
    on where nothing is said of it
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/enable-managed-instance-draining.html).
    """
    service = only(resources, "AWS::ECS::Service")
    group = only(resources, "AWS::AutoScaling::AutoScalingGroup")
    provider = only(resources, "AWS::ECS::CapacityProvider")["AutoScalingGroupProvider"]
    association = only(resources, "AWS::ECS::ClusterCapacityProviderAssociations")
    desired = int(only(resources, "AWS::ApplicationAutoScaling::ScalableTarget")["MinCapacity"])
    deployment = service["DeploymentConfiguration"]
    strategy = [each["CapacityProvider"] for each in association["DefaultCapacityProviderStrategy"] if each["Weight"]]
    return Rules(
        desired=desired,
        room=room,
        least_healthy=-(-desired * deployment["MinimumHealthyPercent"] // 100),
        most_tasks=desired * deployment["MaximumPercent"] // 100,
        most_instances=int(group["MaxSize"]),
        scaled=provider["ManagedScaling"]["Status"] == "ENABLED"
        and "LaunchType" not in service
        and bool(strategy)
        and set(strategy) <= set(association["CapacityProviders"]),
        drained=provider.get("ManagedDraining", "ENABLED") == "ENABLED",
        protected=provider["ManagedTerminationProtection"] == "ENABLED"
        and bool(group.get("NewInstancesProtectedFromScaleIn")),
    )


@dataclass(frozen=True, order=True)
class Instance:
    """An instance's tasks: those that stay, those that have to go, those that are not healthy yet."""

    staying: int = 0
    leaving: int = 0
    starting: int = 0
    draining: bool = False

    @property
    def tasks(self) -> int:
        return self.staying + self.leaving + self.starting


@dataclass(frozen=True)
class State:
    """The instances, the tasks without a place, how many deployments may follow, and whether all was well once."""

    instances: tuple[Instance, ...] = ()
    waiting: int = 0
    deployments: int = 0
    was_stable: bool = False

    @property
    def healthy(self) -> int:
        return sum(each.staying + each.leaving for each in self.instances)

    def settled(self, rules: Rules) -> bool:
        """Whether the tasks run, and nothing is under way."""
        staying = sum(each.staying for each in self.instances)
        return staying == sum(each.tasks for each in self.instances) == rules.desired and not (
            self.waiting or any(each.draining for each in self.instances)
        )


def steps(state: State, rules: Rules, *, scale_in: bool = True) -> Iterator[tuple[str, State]]:
    """Whatever may happen next, in words and with what it leads to."""
    possible = [*_tasks(state, rules), *_scale_out(state, rules)]
    if scale_in:
        possible += _scale_in(state, rules)
    if not possible and not state.settled(rules):
        possible = list(_held_too_long(state))
    for words, after in [*possible, *_deployment(state, rules)]:
        # One that is drained has nothing to wait for.
        instances = tuple(sorted(each for each in after.instances if each.tasks or not each.draining))
        yield words, replace(after, instances=instances, was_stable=after.was_stable or after.settled(rules))


def _tasks(state: State, rules: Rules) -> Iterator[tuple[str, State]]:
    """What the service's scheduler does.

    It starts tasks up to the most, and stops one that has to go while the least stay healthy: "If the minimum is
    100%, the service scheduler can't remove existing tasks until the replacement tasks are considered healthy"
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateContainerInstancesState.html).
    """
    wanted = sum(each.staying + each.starting for each in state.instances) + state.waiting
    every = sum(each.tasks for each in state.instances) + state.waiting
    if wanted < rules.desired and every < rules.most_tasks:
        yield "a task is wanted", replace(state, waiting=state.waiting + 1)
    for number, each in enumerate(state.instances):
        if state.waiting and not each.draining and each.tasks < rules.room:
            placed = _with(state, number, replace(each, starting=each.starting + 1))
            yield "a task is placed", replace(placed, waiting=state.waiting - 1)
        if each.starting:
            healthy = replace(each, starting=each.starting - 1, staying=each.staying + 1)
            yield "a task is healthy", _with(state, number, healthy)
        if each.leaving and state.healthy > rules.least_healthy:
            yield "a task is stopped", _with(state, number, replace(each, leaving=each.leaving - 1))


def _scale_out(state: State, rules: Rules) -> Iterator[tuple[str, State]]:
    """Instances for the tasks that wait, and two where there are none.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-scaling-behavior.html and
    https://github.com/aws/containers-roadmap/issues/1716
    """
    active = [each for each in state.instances if not each.draining]
    missing = state.waiting - sum(rules.room - each.tasks for each in active)
    if rules.scaled and missing > 0:
        needed = -(-missing // rules.room)
        started = min(needed if active else max(2, needed), rules.most_instances - len(active))
        if started > 0:
            yield "instances start", replace(state, instances=(*state.instances, *[Instance()] * started))


def _scale_in(state: State, rules: Rules) -> Iterator[tuple[str, State]]:
    """As many instances fewer as are empty, or less. Which ones go is the Auto Scaling group's affair.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-scaling-behavior.html; where instances with
    tasks are protected, empty ones
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-termination-protection.html).
    """
    active = [number for number, each in enumerate(state.instances) if not each.draining]
    empty = [number for number in active if not state.instances[number].tasks]
    if rules.scaled and not state.waiting:
        for surplus in range(1, len(empty) + 1):
            for taken in combinations(empty if rules.protected else active, surplus):
                yield "instances are taken away", _taken_away(state, taken, rules)


def _taken_away(state: State, taken: tuple[int, ...], rules: Rules) -> State:
    """With draining the instances stay until their tasks are gone; tasks that are not healthy yet stop at once.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-instance-draining.html
    """
    if not rules.drained:
        return _without(state, taken)
    for number in taken:
        each = state.instances[number]
        state = _with(state, number, Instance(leaving=each.staying + each.leaving, draining=True))
    return state


def _held_too_long(state: State) -> Iterator[tuple[str, State]]:
    """An instance that cannot be drained is gone after 48 hours, with its tasks.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-instance-draining.html
    """
    for number, each in enumerate(state.instances):
        if each.draining:
            yield "an instance is gone after 48 hours", _without(state, (number,))


def _deployment(state: State, rules: Rules) -> Iterator[tuple[str, State]]:
    """A deployment: other tasks in the place of all that run."""
    if state.deployments and state.settled(rules):
        leaving = tuple(replace(each, staying=0, leaving=each.staying) for each in state.instances)
        yield "a deployment starts", replace(state, instances=leaving, deployments=state.deployments - 1)


def _with(state: State, number: int, instance: Instance) -> State:
    instances = state.instances
    return replace(state, instances=(*instances[:number], instance, *instances[number + 1 :]))


def _without(state: State, numbers: tuple[int, ...]) -> State:
    left = tuple(each for number, each in enumerate(state.instances) if number not in numbers)
    return replace(state, instances=left)


def outages(rules: Rules, deployments: int = 1) -> list[str]:
    """Each way to fewer healthy tasks than wanted, after all was well once; and each dead end."""
    first = State(deployments=deployments)
    ways: dict[State, tuple[str, ...]] = {first: ()}
    before: dict[State, list[State]] = {first: []}
    found = []
    queue = [first]
    for state in queue:
        if state.was_stable and state.healthy < rules.desired:
            found.append(f"{state.healthy} of {rules.desired} tasks: {', '.join(ways[state])}")
            continue
        for words, after in steps(state, rules):
            if after not in ways:
                ways[after] = (*ways[state], words)
                before[after] = []
                queue.append(after)
            before[after].append(state)
    good = [state for state in ways if state.settled(rules)]
    reached = set(good)
    for state in good:
        more = [each for each in before[state] if each not in reached]
        reached.update(more)
        good.extend(more)
    return found or [f"stuck: {', '.join(ways[state])}" for state in ways if state not in reached]


def straight(rules: Rules) -> bool:
    """Whether the tasks start and are deployed once where nothing is taken away."""
    state = State(deployments=1)
    while not (state.settled(rules) and not state.deployments):
        possible = next(steps(state, rules, scale_in=False), None)
        if possible is None:
            return False
        state = possible[1]
    return True


def deletion(template: Mapping[str, Any], resources: Resources) -> list[str]:
    """What goes wrong in any order in which CloudFormation may delete the stack: what refers to another goes first.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-dependson.html
    """
    referring = _referring(template, resources)
    wrong: dict[str, None] = {}
    first = frozenset(title for title in resources if resources[title]["Type"] in _DELETED)
    put = {ECS_HOOK} if _drains(resources) else set()
    put |= {each["Properties"]["LifecycleHookName"] for each in resources.values() if each["Type"] == HOOK}
    queue = [(first, frozenset(put))]
    for there, hooks in queue:
        for title in sorted(there):
            if referring[title] & there:
                continue
            left = there - {title}
            after, words = _deleted(resources, title, left, hooks)
            wrong.update(dict.fromkeys(words))
            if (left, after) not in queue:
                queue.append((left, after))
    return list(wrong)


HOOK = "AWS::AutoScaling::LifecycleHook"
GROUP = "AWS::AutoScaling::AutoScalingGroup"
PROVIDER = "AWS::ECS::CapacityProvider"
ASSOCIATION = "AWS::ECS::ClusterCapacityProviderAssociations"
CLUSTER = "AWS::ECS::Cluster"
SERVICE = "AWS::ECS::Service"
_DELETED = (HOOK, GROUP, PROVIDER, ASSOCIATION, CLUSTER, SERVICE)


def _deleted(
    resources: Resources, title: str, left: frozenset[str], hooks: frozenset[str]
) -> tuple[frozenset[str], list[str]]:
    """The hooks on the group after a resource was deleted, and what that ran into.

    - While the capacity provider is there, ECS answers its hook, and may put it back. Afterwards nobody does.
    - "If there are any outstanding lifecycle actions, they are completed first"
      (https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteLifecycleHook.html).
    - Instances that ECS protects keep the group (https://github.com/aws/containers-roadmap/issues/2862).
    - A cluster with instances cannot be deleted, nor can a provider be taken from one whose services use it
      (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html and
      https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCapacityProvider.html).
    """
    kinds = {resources[each]["Type"] for each in left}
    wrong = []
    match resources[title]["Type"]:
        case "AWS::AutoScaling::LifecycleHook":
            hooks -= {resources[title]["Properties"]["LifecycleHookName"]}
            if PROVIDER in kinds and _drains(resources):
                hooks |= {ECS_HOOK}
        case "AWS::AutoScaling::AutoScalingGroup":
            if hooks and PROVIDER not in kinds:
                wrong.append(f"instances wait for {', '.join(sorted(hooks))}, and nobody answers")
            if _provider(resources)["ManagedTerminationProtection"] == "ENABLED":
                wrong.append("instances are protected")
        case "AWS::ECS::Cluster" if GROUP in kinds:
            wrong.append("the cluster has instances")
        case "AWS::ECS::ClusterCapacityProviderAssociations" | "AWS::ECS::CapacityProvider" if SERVICE in kinds:
            wrong.append("the service uses the capacity provider")
    return hooks, wrong


def _provider(resources: Resources) -> dict[str, Any]:
    provider: dict[str, Any] = only(resources, PROVIDER)["AutoScalingGroupProvider"]
    return provider


def _drains(resources: Resources) -> bool:
    return bool(_provider(resources).get("ManagedDraining", "ENABLED") == "ENABLED")


def _referring(template: Mapping[str, Any], resources: Resources) -> dict[str, set[str]]:
    """For each resource those that come before it in a deletion, at any distance."""
    direct: dict[str, set[str]] = {title: set() for title in resources}
    for title in resources:
        resource = template["Resources"][title]
        depends_on = resource.get("DependsOn", [])
        named = {depends_on} if isinstance(depends_on, str) else set(depends_on)
        for each in (named | set(references(resource))) & set(resources):
            direct[each].add(title)

    def every(title: str) -> set[str]:
        found: set[str] = set()
        queue = [title]
        for each in queue:
            queue.extend(direct[each] - found)
            found |= direct[each]
        return found

    return {title: every(title) for title in resources}
