"""The template of a network: a VPC with two public subnets; and the networks that exist already.

The form asks for the VPC's CIDR block and derives the subnets' from it. Two typed blocks could
overlap, and CloudFormation has no way to refuse that at the form: a rule compares whole values and
computes nothing
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html).

Who has a network already gives its VPC and subnets. From private ones, tasks and instances reach AWS through a NAT
gateway, or through VPC endpoints: ``ecr.api``, ``ecr.dkr`` and ``logs``, and a gateway for S3, which has the images'
layers; with EC2 instances also ``ecs``, ``ecs-agent`` and ``ecs-telemetry``
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html). No endpoint leads to public.ecr.aws
(https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html): without a NAT gateway, the image that a
service starts with is one that the endpoints do lead to. A load balancer sends requests only to tasks in its own
availability zones
(https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from troposphere import (
    And,
    AWSHelperFn,
    AWSObject,
    Cidr,
    Equals,
    GetAZs,
    If,
    Not,
    Or,
    Output,
    Ref,
    Select,
    Tags,
    Template,
)
from troposphere.ec2 import VPC, InternetGateway, Route, RouteTable, Subnet, SubnetRouteTableAssociation
from troposphere.ec2 import VPCGatewayAttachment as GatewayAttachment

from .. import parameters
from ..cfn.intrinsics import Named, ref, sub
from ..checks import instance
from ..environments import Environment, Scope
from ..parameters import Entry, Form, ParameterSpec, Purpose, add_form, entry
from ..settings import EcsEnvironmentSettings
from ..texts import Text
from .rules import require_distinct

AnyResource = TypeVar("AnyResource", bound=AWSObject)

# /22 subnets, 1,019 addresses each: one for every task, every instance and up to 100 for the load balancer
# (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html). The
# smallest VPC that the form takes holds four.
SUBNET_BITS = 10

_ZONES_GIVEN = "AvailabilityZonesGiven"


@dataclass(frozen=True, kw_only=True)
class Network:
    """A VPC and the subnets in it for something: whether this has public addresses there, and what must be there first.

    What is ``ready`` leads to the internet; in a network that exists it does already, as far as it ever will.
    """

    vpc: Named
    subnets: list[AWSHelperFn | str]
    public: bool
    ready: tuple[AWSObject, ...] = ()


def after_network(network: Network, resource: AnyResource) -> AnyResource:
    """The resource, made once the network leads to the internet, and deleted while it still does."""
    if network.ready:
        resource.DependsOn = [each.title for each in network.ready]
    return resource


def build(settings: EcsEnvironmentSettings) -> Template:
    """A template with the VPC, and outputs that the templates of load balancer, cluster and service ask for.

    They ask for them where the environment's network is new or public.

    Raises :class:`SettingsError` for what is not settings.
    """
    instance("settings", settings, EcsEnvironmentSettings)
    scope = Scope(settings.environment, only=True)
    template = Template(Description=Text("template.vpc"))
    form = add_form(template, entries(scope))
    add_zones(template, form)
    add_vpc(template, form, scope)
    return template


def entries(scope: Scope) -> list[Entry]:
    """The form of a new VPC."""
    return [
        entry(parameters.VPC_CIDR, Purpose.MAKE, scope),
        *(entry(spec, Purpose.MAKE) for spec in parameters.AVAILABILITY_ZONES),
    ]


def add_zones(template: Template, form: Form) -> None:
    """Adds the rule for the two zones, which are given together or left to CloudFormation, and the condition for it.

    CloudFormation proposes the zones that have a default subnet, in an order that is not promised, and some take no
    load balancer or no Fargate task. What it proposes is asked for again at every update. Another answer would put
    the subnets elsewhere, which EC2 refuses while their addresses are in use: the update fails and nothing is
    replaced, but no update succeeds before the zones are given
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getavailabilityzones.html).
    """
    one, other = (ref(form.of(spec)) for spec in parameters.AVAILABILITY_ZONES)
    blank = Equals(one, ""), Equals(other, "")
    template.add_condition(_ZONES_GIVEN, Not(blank[0]))
    whole = {"Assert": Or(And(*blank), Not(Or(*blank))), "AssertDescription": Text("rule.both_zones")}
    distinct = {"Assert": Or(blank[0], Not(Equals(one, other))), "AssertDescription": Text("rule.own_zone")}
    template.add_rule("AvailabilityZones", {"Assertions": [whole, distinct]})


def subnets(*, public: bool) -> tuple[ParameterSpec, ...]:
    """The parameters of the subnets in which something has public addresses, or has none."""
    return parameters.PUBLIC_SUBNETS if public else parameters.PRIVATE_SUBNETS


def every_subnet(environment: Environment) -> tuple[ParameterSpec, ...]:
    """The parameters of the subnets for the load balancer and for the tasks, which may be the same."""
    kinds = (environment.public_load_balancer, environment.public_tasks)
    return tuple(dict.fromkeys(spec for public in kinds for spec in subnets(public=public)))


def existing_entries(scope: Scope, among: Sequence[ParameterSpec]) -> list[Entry]:
    """The form of a VPC that exists already, with these subnets."""
    wording = "" if scope.environment.public_load_balancer else "private"
    return [
        entry(parameters.VPC, Purpose.USE, scope, wording=wording),
        *(entry(spec, Purpose.USE, scope) for spec in among),
    ]


def require_distinct_subnets(template: Template, form: Form, scope: Scope, among: Sequence[ParameterSpec]) -> None:
    """Adds the rule that :func:`existing_entries` name no subnet twice."""
    message = Text("rule.own_zone" if len(among) == len(subnets(public=True)) else "rule.own_subnets")
    require_distinct(template, scope.name("DistinctSubnets"), [form.of(spec, scope) for spec in among], message)


def existing_network(form: Form, scope: Scope, *, public: bool) -> Network:
    """The network of :func:`existing_entries`, with its subnets in which something has public addresses, or none."""
    found = [ref(form.of(spec, scope)) for spec in subnets(public=public)]
    return Network(vpc=form.of(parameters.VPC, scope), subnets=found, public=public)


def add_vpc(template: Template, form: Form, scope: Scope) -> Network:
    """Adds the VPC with its subnets, gateway and routes, and an output for each ID and zone.

    The template needs :func:`add_zones`.
    """
    name = "${AWS::StackName}" + ("" if scope.only else f"-{scope.environment.id.lower()}")
    vpc = template.add_resource(
        VPC(
            scope.name("VPC"),
            CidrBlock=ref(form.of(parameters.VPC_CIDR, scope)),
            EnableDnsHostnames=True,
            EnableDnsSupport=True,
            Tags=Tags(Name=sub(name)),
        )
    )
    gateway = template.add_resource(InternetGateway(scope.name("InternetGateway"), Tags=Tags(Name=sub(name))))
    attachment = template.add_resource(
        GatewayAttachment(scope.name("InternetGatewayAttachment"), VpcId=Ref(vpc), InternetGatewayId=Ref(gateway))
    )
    table = template.add_resource(RouteTable(scope.name("PublicRouteTable"), VpcId=Ref(vpc)))
    route = template.add_resource(
        Route(
            scope.name("DefaultRoute"),
            DependsOn=[attachment.title],
            RouteTableId=Ref(table),
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=Ref(gateway),
        )
    )
    made: list[AWSHelperFn | str] = []
    ready: list[AWSObject] = [route]
    for number, (spec, zone) in enumerate(
        zip(parameters.PUBLIC_SUBNETS, parameters.AVAILABILITY_ZONES, strict=True), start=1
    ):
        # What needs a public address asks for one itself.
        subnet = template.add_resource(
            Subnet(
                scope.name(f"PublicSubnet{number}"),
                VpcId=Ref(vpc),
                AvailabilityZone=If(_ZONES_GIVEN, ref(form.of(zone)), Select(number - 1, GetAZs(""))),
                CidrBlock=Select(
                    number - 1, Cidr(vpc.get_att("CidrBlock"), len(parameters.PUBLIC_SUBNETS), SUBNET_BITS)
                ),
                MapPublicIpOnLaunch=False,
                Tags=Tags(Name=sub(f"{name}-public-{number}")),
            )
        )
        association = SubnetRouteTableAssociation(
            scope.name(f"PublicSubnet{number}Route"), SubnetId=Ref(subnet), RouteTableId=Ref(table)
        )
        made.append(Ref(subnet))
        ready.append(template.add_resource(association))
        template.add_output(Output(scope.name(spec.name), Description="A public subnet of the VPC", Value=Ref(subnet)))
        description = f"The zone of {spec.name}; give it as {zone.name} when you update the stack"
        value = subnet.get_att("AvailabilityZone")
        template.add_output(Output(scope.name(zone.name), Description=description, Value=value))
    template.add_output(Output(scope.name(parameters.VPC.name), Description="The VPC", Value=Ref(vpc)))
    return Network(vpc=vpc, subnets=made, public=True, ready=tuple(ready))
