"""Works out from a template alone in which order CloudFormation makes its resources.

A resource is made after those that it names in ``DependsOn`` or refers to anywhere, its metadata included
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-dependson.html), and deleted
before them. Of an ``Fn::If`` only the side that is taken counts, so that no order is taken for granted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ecs_cd_templates.cfn.evaluation import Evaluator, check_parameters
from support import TARGET

# A condition, and how it must turn out.
Guard = tuple[str, bool]


class Order:
    """The order in which a template's resources are made, for any parameter values."""

    def __init__(self, template: Mapping[str, Any]) -> None:
        self.template = template
        resources = template["Resources"]
        # Parameters are there from the start.
        self._waits = {
            title: [(earlier, guards) for earlier, guards in _waits(resource) if earlier in resources]
            for title, resource in resources.items()
        }

    def deciding(self) -> list[str]:
        """The conditions on which it depends what is made and in which order."""
        resources = self.template["Resources"]
        own = {each["Condition"] for each in resources.values() if "Condition" in each}
        sides = {name for waits in self._waits.values() for _, guards in waits for name, _ in guards}
        return sorted(own | sides)

    def conditions(self, values: Mapping[str, str]) -> dict[str, bool]:
        """How each condition turns out."""
        names = check_parameters(self.template, values) | TARGET.pseudo_parameters()
        evaluator = Evaluator(self.template, names)
        return {name: evaluator.condition(name) for name in self.template.get("Conditions", {})}

    def made_before(self, conditions: Mapping[str, bool]) -> dict[str, set[str]]:
        """For each resource that is made, all that are made before it.

        An ``AssertionError`` if one waits for what is not made, or for itself.
        """
        resources = self.template["Resources"]
        there = {title for title, each in resources.items() if conditions.get(each.get("Condition"), True)}
        before: dict[str, set[str]] = {}

        def find(title: str, waiting: tuple[str, ...]) -> set[str]:
            assert title not in waiting, f"{' for '.join([*waiting, title])}: a circle"
            if title not in before:
                direct = {
                    earlier
                    for earlier, guards in self._waits[title]
                    if all(conditions[name] == wanted for name, wanted in guards)
                }
                assert direct <= there, f"{title} waits for {sorted(direct - there)}, which is not made"
                before[title] = direct.union(*[find(earlier, (*waiting, title)) for earlier in direct])
            return before[title]

        for title in there:
            find(title, ())
        return before


def _waits(resource: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Guard, ...]]]:
    depends_on = resource.get("DependsOn", [])
    for title in [depends_on] if isinstance(depends_on, str) else depends_on:
        yield title, ()
    for key in ("Properties", "Metadata"):
        yield from _referred_to(resource.get(key), ())


def _referred_to(node: Any, guards: tuple[Guard, ...]) -> Iterator[tuple[str, tuple[Guard, ...]]]:
    if isinstance(node, list):
        for each in node:
            yield from _referred_to(each, guards)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        match key, value:
            case "Ref", str(name):
                if not name.startswith("AWS::"):
                    yield name, guards
            case "Fn::GetAtt", [name, *_]:
                yield name, guards
            case "Fn::If", [condition, yes, no]:
                yield from _referred_to(yes, (*guards, (condition, True)))
                yield from _referred_to(no, (*guards, (condition, False)))
            case "Fn::Sub", _:
                text, local = value if isinstance(value, list) else (value, {})
                for name in re.findall(r"\$\{([A-Za-z0-9]+)(?:\.[A-Za-z0-9.]+)?\}", text):
                    if name not in local:
                        yield name, guards
                yield from _referred_to(local, guards)
            case _:
                yield from _referred_to(value, guards)


# What has a public address, or needs one, is there only while a new network leads to the internet.
_ON_THE_INTERNET = ("DefaultRoute", "InternetGatewayAttachment", "PublicSubnet1Route", "PublicSubnet2Route")

# Of an environment's resources, the later and the earlier, by the condition for which it matters.
_NEEDED: dict[str, list[tuple[str, str]]] = {
    "new": [(name, earlier) for name in ("LoadBalancer", "ECSService") for earlier in _ON_THE_INTERNET],
    "new, EC2": [("AutoScalingGroup", earlier) for earlier in _ON_THE_INTERNET],
    "": [
        # No health check gets to a task before, and the deployment would be given up.
        ("ECSService", "LoadBalancerEgress"),
        ("ECSService", "ECSTaskDefinition"),
        ("ECSService", "ECSTaskExecutionRole"),
        ("ECSService", "LogGroup"),
        ("ScalableTarget", "ECSService"),
    ],
    "scales": [("ScalingPolicy", "ScalableTarget")],
    # ECS refuses a target group without a listener.
    "HTTP": [("ECSService", "HTTPListener")],
    "HTTPS": [("ECSService", "HTTPSListener")],
    "FARGATE": [("ECSService", "ECSCluster")],
    "EC2": [
        # A service whose capacity provider went first is never empty; a cluster with instances cannot be deleted.
        ("ECSService", "CapacityProviderAssociation"),
        ("CapacityProviderAssociation", "CapacityProvider"),
        ("CapacityProviderAssociation", "ECSCluster"),
        # The hook goes when ECS does not answer it any more, and while the group is there.
        ("CapacityProvider", "DrainingHook"),
        ("DrainingHook", "AutoScalingGroup"),
        ("AutoScalingGroup", "InstanceProfile"),
        ("AutoScalingGroup", "ECSCluster"),
        ("InstanceProfile", "InstanceRole"),
        ("InstanceRole", "ECSCluster"),
    ],
}


def out_of_order(
    before: Mapping[str, set[str]], cases: Iterable[str], name: Callable[[str], str] = str
) -> list[tuple[str, str]]:
    """The environment's resources that are not made before another that needs them, each pair the later one first.

    ``cases``: FARGATE or EC2, HTTP or HTTPS, ``scales`` where the number of tasks is a range, and ``new`` where the
    network is.
    """
    there = {"", *cases}
    pairs = [pair for case, those in _NEEDED.items() if there.issuperset(case.split(", ")) for pair in those]
    return [(later, earlier) for later, earlier in pairs if name(earlier) not in before.get(name(later), set())]
