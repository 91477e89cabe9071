"""Whether each resource is made after those that it needs: those that it refers to, and those that only AWS knows of.

A resource is made after those that it refers to anywhere or names in ``DependsOn``, and deleted before them
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-dependson.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ..cfn.evaluation import Evaluator
from ..cfn.intrinsics import intrinsic, references
from .finding import Finding
from .parts import Resources, by_type

_DEPENDS_ON = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-dependson.html"
_SERVICE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html"
_SCALING = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"
    "aws-resource-applicationautoscaling-scalabletarget.html"
)
_PROVIDERS = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"
    "aws-resource-ecs-clustercapacityproviderassociations.html"
)


def check(template: Mapping[str, Any], evaluator: Evaluator, resolved: Resources) -> Iterator[Finding]:
    """What is made too early; ``evaluator`` knows how conditions turn out, ``resolved`` are the resources then."""
    waits = {
        title: set(waits_for(template["Resources"][title], evaluator)) & set(template["Resources"])
        for title in resolved
    }
    for title, those in waits.items():
        for missing in sorted(those - set(resolved)):
            text = f"waits for {missing}, which is not made with these values"
            yield Finding(where=title, check="order", text=text, source=_DEPENDS_ON)
    known = {title: those & set(resolved) for title, those in waits.items()}
    try:
        order = list(TopologicalSorter(known).static_order())
    except CycleError as error:
        circle = " for ".join(reversed(error.args[1]))
        yield Finding(where=error.args[1][0], check="order", text=f"waits for itself: {circle}", source=_DEPENDS_ON)
        return
    before: dict[str, set[str]] = {}
    for title in order:
        before[title] = known[title].union(*(before[each] for each in known[title]))
    for later, earlier, why, source in _needs(resolved):
        if later != earlier and earlier not in before[later]:
            text = f"may be made before {earlier}, {why}: name that in DependsOn"
            yield Finding(where=later, check="order", text=text, source=source)


def waits_for(resource: Mapping[str, Any], evaluator: Evaluator) -> Iterator[str]:
    """What the resource refers to or depends on: titles and parameters, of each ``Fn::If`` the side that is taken."""
    depends_on = resource.get("DependsOn", [])
    yield from [depends_on] if isinstance(depends_on, str) else depends_on
    for part in ("Properties", "Metadata"):
        yield from references(_taken(resource.get(part, {}), evaluator))


def _taken(node: Any, evaluator: Evaluator) -> Any:
    """The node with the side of each ``Fn::If`` that is taken."""
    function = intrinsic(node)
    if function is not None and function[0] == "If":
        condition, yes, no = function[1]
        return _taken(yes if evaluator.condition(condition) else no, evaluator)
    if isinstance(node, dict):
        return {key: _taken(value, evaluator) for key, value in node.items()}
    if isinstance(node, list):
        return [_taken(item, evaluator) for item in node]
    return node


# What is needed without a reference: the later and the earlier resource, why, and where AWS says so.
Need = tuple[str, str, str, str]


def _needs(resolved: Resources) -> Iterator[Need]:
    of = by_type(resolved)
    for needs in (_of_services, _of_scaling, _of_routes):
        yield from needs(of)
    for policy, properties in of.get("AWS::IAM::Policy", {}).items():
        names = set(map(str, properties.get("Roles", [])))
        for pipeline, its in of.get("AWS::CodePipeline::Pipeline", {}).items():
            if str(its.get("RoleArn", "")).rpartition("/")[2] in names:
                yield pipeline, policy, "which its role needs as soon as the pipeline is made", _DEPENDS_ON


def _of_services(of: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[Need]:
    for service, properties in of.get("AWS::ECS::Service", {}).items():
        groups = {each.get("TargetGroupArn") for each in properties.get("LoadBalancers", [])}
        for listener, its in of.get("AWS::ElasticLoadBalancingV2::Listener", {}).items():
            if groups & set(_forwards_to(its)):
                yield service, listener, "without which ECS refuses its target group", _SERVICE
        for association, its in of.get("AWS::ECS::ClusterCapacityProviderAssociations", {}).items():
            if str(its.get("Cluster")) == str(properties.get("Cluster")):
                yield service, association, "which gives its cluster the capacity that it runs on", _PROVIDERS


def _of_scaling(of: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[Need]:
    targets = of.get("AWS::ApplicationAutoScaling::ScalableTarget", {})
    for target, properties in targets.items():
        for service, its in of.get("AWS::ECS::Service", {}).items():
            if str(properties.get("ResourceId", "")).endswith(f"/{its.get('ServiceName')}"):
                yield target, service, "which it scales", _SCALING
    for policy, properties in of.get("AWS::ApplicationAutoScaling::ScalingPolicy", {}).items():
        for target, its in targets.items():
            if properties.get("ResourceId") is not None and properties["ResourceId"] == its.get("ResourceId"):
                yield policy, target, "which it sets", _SCALING


def _of_routes(of: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[Need]:
    for route, properties in of.get("AWS::EC2::Route", {}).items():
        for attachment, its in of.get("AWS::EC2::VPCGatewayAttachment", {}).items():
            gateway = properties.get("GatewayId")
            if gateway is not None and gateway == its.get("InternetGatewayId"):
                yield route, attachment, "without which its gateway leads nowhere", _DEPENDS_ON


def _forwards_to(listener: Mapping[str, Any]) -> Iterator[Any]:
    for action in listener.get("DefaultActions", []):
        yield action.get("TargetGroupArn")
        for group in action.get("ForwardConfig", {}).get("TargetGroups", []):
            yield group.get("TargetGroupArn")
