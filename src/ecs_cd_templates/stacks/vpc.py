"""The template of a network: a VPC with two public subnets.

The form asks for the VPC's CIDR block and derives the subnets' from it. Two typed blocks could
overlap, and CloudFormation has no way to refuse that at the form: a rule compares whole values and
computes nothing
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html).
"""

from __future__ import annotations

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
from ..environments import Scope
from ..parameters import Entry, Form, Purpose, add_form, entry
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
    """A VPC, its public subnets, and what must be there before anything in them can reach the internet."""

    vpc: Named
    subnets: list[AWSHelperFn | str]
    ready: tuple[AWSObject, ...] = ()


def after_network(network: Network, resource: AnyResource) -> AnyResource:
    """The resource, made once the network leads to the internet, and deleted while it still does."""
    if network.ready:
        resource.DependsOn = [each.title for each in network.ready]
    return resource


def build(settings: EcsEnvironmentSettings) -> Template:
    """A template with the VPC, and outputs that the templates of load balancer, cluster and service ask for.

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


def existing_entries() -> list[Entry]:
    """The form of a VPC from another stack."""
    return [entry(spec, Purpose.USE) for spec in (parameters.VPC, *parameters.PUBLIC_SUBNETS)]


def existing_network(template: Template, form: Form) -> Network:
    """The network that :func:`existing_entries` ask for."""
    subnets = [form.of(spec) for spec in parameters.PUBLIC_SUBNETS]
    require_distinct(template, "DistinctSubnets", subnets, Text("rule.own_zone"))
    return Network(vpc=form.of(parameters.VPC), subnets=[ref(subnet) for subnet in subnets])


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
    subnets: list[AWSHelperFn | str] = []
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
        subnets.append(Ref(subnet))
        ready.append(template.add_resource(association))
        template.add_output(Output(scope.name(spec.name), Description="A public subnet of the VPC", Value=Ref(subnet)))
        description = f"The zone of {spec.name}; give it as {zone.name} when you update the stack"
        value = subnet.get_att("AvailabilityZone")
        template.add_output(Output(scope.name(zone.name), Description=description, Value=value))
    template.add_output(Output(scope.name(parameters.VPC.name), Description="The VPC", Value=Ref(vpc)))
    return Network(vpc=vpc, subnets=subnets, ready=tuple(ready))
