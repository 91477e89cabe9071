"""The template of a network: a VPC with two public subnets.

The form asks for the VPC's CIDR block and derives the subnets' from it. Two typed blocks could
overlap, and CloudFormation has no way to refuse that at the form: a rule compares whole values and
computes nothing
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from troposphere import AWSObject, Cidr, GetAZs, Output, Parameter, Ref, Select, Tags, Template
from troposphere.ec2 import VPC, InternetGateway, Route, RouteTable, Subnet, SubnetRouteTableAssociation
from troposphere.ec2 import VPCGatewayAttachment as GatewayAttachment

from .. import constraints
from ..cfn.intrinsics import Named, sub
from ..constraints import Constraint
from ..parameters import NETWORK_GROUP, Field, add_fields, for_scope, own_or_shared
from ..settings import EcsEnvironmentSettings
from .rules import require_distinct

Made = TypeVar("Made", bound=AWSObject)

# An Application Load Balancer needs two availability zones.
SUBNET_IDS = ("PublicSubnet1Id", "PublicSubnet2Id")

# /22 subnets, 1,019 addresses each: one for every task, every instance and up to 100 for the load balancer
# (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html). The
# smallest VPC that the form takes holds four.
SUBNET_BITS = 10


@dataclass(frozen=True, kw_only=True)
class Network:
    """A VPC, its public subnets, and what must be there before anything in them can reach the internet."""

    vpc: Named
    subnets: list[Ref]
    ready: tuple[AWSObject, ...] = ()


def after_network(network: Network, resource: Made) -> Made:
    """The resource, made once the network leads to the internet, and deleted while it still does."""
    if network.ready:
        resource.DependsOn = [each.title for each in network.ready]
    return resource


def build(settings: EcsEnvironmentSettings) -> Template:
    """A template with the VPC, and outputs that the templates of load balancer, cluster and service ask for."""
    template = Template(Description="This template deploys a VPC with two public subnets for an ECS environment")
    add_vpc(template, add_fields(template, fields(settings)), settings)
    return template


def fields(settings: EcsEnvironmentSettings, suffix: str = "", cidr: str = "10.0.0.0/16") -> list[Field]:
    """The fields of a VPC that is made; ``cidr`` is what the form proposes."""
    field = Field(
        name="VpcCidr",
        label="Which addresses should the VPC have{scope}?",
        group=NETWORK_GROUP,
        description="Private network in CIDR notation. Two subnets that cannot overlap are cut from it, "
        "each with 1,019 addresses.",
        constraint=constraints.VPC_CIDR,
        default=cidr,
    )
    return for_scope([field], settings.environment, suffix)


def given_fields() -> list[Field]:
    """The fields for a VPC that another stack made."""
    return [
        Field(
            name="VpcId",
            label="Which VPC should be used?",
            group=NETWORK_GROUP,
            description="Existing VPC, with an internet gateway.",
            constraint=Constraint(words="Choose a VPC of this account in the region of this stack."),
            type="AWS::EC2::VPC::Id",
        ),
        *(
            Field(
                name=name,
                label=f"Which public subnet should be used as number {number}?",
                group=NETWORK_GROUP,
                description="Existing subnet of this VPC with a route to its internet gateway, in an availability zone "
                "of its own.",
                constraint=Constraint(words="Choose a public subnet of the VPC."),
                type="AWS::EC2::Subnet::Id",
            )
            for number, name in enumerate(SUBNET_IDS, start=1)
        ),
    ]


def given(template: Template, parameters: Mapping[str, Parameter]) -> Network:
    """The network that :func:`given_fields` asks for."""
    subnets = [parameters[name] for name in SUBNET_IDS]
    require_distinct(template, "DistinctSubnets", subnets, "Each subnet is in an availability zone of its own")
    return Network(vpc=parameters["VpcId"], subnets=[Ref(subnet) for subnet in subnets])


def add_vpc(
    template: Template, parameters: Mapping[str, Parameter], settings: EcsEnvironmentSettings, suffix: str = ""
) -> Network:
    """Adds the VPC with its subnets, gateway and routes, and an output for each ID."""
    cidr = own_or_shared(parameters, suffix)["VpcCidr"]
    name = "${AWS::StackName}" + (f"-{settings.environment.key.lower()}" if suffix else "")
    vpc = template.add_resource(
        VPC(
            f"VPC{suffix}",
            CidrBlock=Ref(cidr),
            EnableDnsHostnames=True,
            EnableDnsSupport=True,
            Tags=Tags(Name=sub(name)),
        )
    )
    gateway = template.add_resource(InternetGateway(f"InternetGateway{suffix}", Tags=Tags(Name=sub(name))))
    attachment = template.add_resource(
        GatewayAttachment(f"InternetGatewayAttachment{suffix}", VpcId=Ref(vpc), InternetGatewayId=Ref(gateway))
    )
    table = template.add_resource(RouteTable(f"PublicRouteTable{suffix}", VpcId=Ref(vpc)))
    route = template.add_resource(
        Route(
            f"DefaultRoute{suffix}",
            DependsOn=[attachment.title],
            RouteTableId=Ref(table),
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=Ref(gateway),
        )
    )
    subnets: list[Ref] = []
    ready: list[AWSObject] = [route]
    for number, output in enumerate(SUBNET_IDS):
        # What needs a public address asks for one itself.
        subnet = template.add_resource(
            Subnet(
                f"PublicSubnet{number + 1}{suffix}",
                VpcId=Ref(vpc),
                AvailabilityZone=Select(number, GetAZs("")),
                CidrBlock=Select(number, Cidr(Ref(cidr), len(SUBNET_IDS), SUBNET_BITS)),
                MapPublicIpOnLaunch=False,
                Tags=Tags(Name=sub(f"{name}-public-{number + 1}")),
            )
        )
        association = SubnetRouteTableAssociation(
            f"PublicSubnet{number + 1}Route{suffix}", SubnetId=Ref(subnet), RouteTableId=Ref(table)
        )
        subnets.append(Ref(subnet))
        ready.append(template.add_resource(association))
        template.add_output(Output(f"{output}{suffix}", Description="A public subnet of the VPC", Value=Ref(subnet)))
    template.add_output(Output(f"VpcId{suffix}", Description="The VPC", Value=Ref(vpc)))
    return Network(vpc=vpc, subnets=subnets, ready=tuple(ready))
