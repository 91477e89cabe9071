"""The template of an Application Load Balancer: over HTTP, or over HTTPS where there is a certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from troposphere import AWSHelperFn, Equals, If, Not, Output, Parameter, Ref, Template
from troposphere.ec2 import SecurityGroup, SecurityGroupIngress, SecurityGroupRule
from troposphere.elasticloadbalancingv2 import (
    Action,
    Certificate,
    Listener,
    LoadBalancerAttributes,
    Matcher,
    RedirectConfig,
    TargetGroup,
    TargetGroupAttribute,
)
from troposphere.elasticloadbalancingv2 import LoadBalancer as ApplicationLoadBalancer

from .. import constraints
from ..cfn.intrinsics import Named, ref, sub
from ..constraints import Constraint
from ..parameters import LOAD_BALANCER_GROUP, Field, add_fields, for_scope, own_or_shared
from ..settings import EcsEnvironmentSettings
from . import vpc
from .vpc import Network, after_network

# TLS 1.3 and 1.2, the latter with forward secrecy only: what the console proposes
# (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-grants.html).
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"

# How long a deployment waits for open requests of the task that it stops; ELB's own default is 300 seconds.
DEREGISTRATION_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """Where requests come from and go to; ``ready`` refers to the listener without which ECS takes no target group."""

    security_group: Named
    target_group: Named
    ready: AWSHelperFn | None = None


def build(settings: EcsEnvironmentSettings) -> Template:
    """A template with the load balancer, in a VPC that is there."""
    template = Template(Description="This template deploys an Application Load Balancer for an ECS service")
    asked = [*vpc.given_fields(), *fields(settings)]
    parameters = add_fields(template, asked)
    add_load_balancer(template, parameters, vpc.given(template, parameters), settings)
    return template


def fields(settings: EcsEnvironmentSettings, suffix: str = "") -> list[Field]:
    """The fields of a load balancer that is made."""
    asked = [
        Field(
            name="CertificateArn",
            label="Which certificate should HTTPS use{scope}? (blank: HTTP only)",
            group=LOAD_BALANCER_GROUP,
            description="ARN of a certificate of AWS Certificate Manager in the region of this stack. "
            "With one, HTTP redirects to HTTPS.",
            constraint=constraints.CERTIFICATE_ARN,
            default="",
        ),
        Field(
            name="HealthCheckPath",
            label="Which path says that the application is well{scope}?",
            group=LOAD_BALANCER_GROUP,
            description="Path that answers 200: with the first image, and with the application that replaces it.",
            constraint=constraints.HEALTH_CHECK_PATH,
            default="/",
        ),
    ]
    return for_scope(asked, settings.environment, suffix)


def given_fields() -> list[Field]:
    """The fields for a load balancer that another stack made."""
    return [
        Field(
            name="LoadBalancerSecurityGroupId",
            label="Which security group does the load balancer have?",
            group=LOAD_BALANCER_GROUP,
            description="Security group of the load balancer; the service takes requests from it only.",
            constraint=Constraint(words="Choose a security group of the VPC."),
            type="AWS::EC2::SecurityGroup::Id",
        ),
        Field(
            name="TargetGroupArn",
            label="Which target group should the service's tasks join?",
            group=LOAD_BALANCER_GROUP,
            description="Target group, for IP addresses, that a listener of the load balancer forwards to.",
            constraint=constraints.TARGET_GROUP_ARN,
        ),
    ]


def given(parameters: Mapping[str, Parameter]) -> LoadBalancer:
    """The load balancer that :func:`given_fields` asks for."""
    return LoadBalancer(
        security_group=parameters["LoadBalancerSecurityGroupId"], target_group=parameters["TargetGroupArn"]
    )


def add_load_balancer(
    template: Template,
    parameters: Mapping[str, Parameter],
    network: Network,
    settings: EcsEnvironmentSettings,
    suffix: str = "",
) -> LoadBalancer:
    """Adds the load balancer, its listeners and target group, and outputs for them and its address."""
    asked = own_or_shared(parameters, suffix)
    secure = template.add_condition(f"UseHTTPS{suffix}", Not(Equals(Ref(asked["CertificateArn"]), "")))
    security_group = template.add_resource(
        _security_group(f"LoadBalancerSecurityGroup{suffix}", network, settings.container_port)
    )
    template.add_resource(
        SecurityGroupIngress(
            f"HTTPSIngress{suffix}",
            Condition=secure,
            GroupId=security_group.get_att("GroupId"),
            IpProtocol="tcp",
            FromPort=443,
            ToPort=443,
            CidrIp="0.0.0.0/0",
            Description="HTTPS from everywhere",
        )
    )
    # Creation needs the internet gateway; deletion of the gateway needs the public addresses gone.
    load_balancer = template.add_resource(
        after_network(
            network,
            ApplicationLoadBalancer(
                f"LoadBalancer{suffix}",
                Type="application",
                Scheme="internet-facing",
                Subnets=network.subnets,
                SecurityGroups=[security_group.get_att("GroupId")],
                LoadBalancerAttributes=[
                    LoadBalancerAttributes(Key="routing.http.drop_invalid_header_fields.enabled", Value="true")
                ],
            ),
        )
    )
    target_group = template.add_resource(
        _target_group(f"TargetGroup{suffix}", asked["HealthCheckPath"], network, settings.container_port)
    )
    forward = Action(Type="forward", TargetGroupArn=Ref(target_group))
    redirect = Action(
        Type="redirect", RedirectConfig=RedirectConfig(Protocol="HTTPS", Port="443", StatusCode="HTTP_301")
    )
    http = template.add_resource(
        Listener(
            f"HTTPListener{suffix}",
            LoadBalancerArn=Ref(load_balancer),
            Protocol="HTTP",
            Port=80,
            DefaultActions=[If(secure, redirect, forward)],
        )
    )
    https = template.add_resource(
        Listener(
            f"HTTPSListener{suffix}",
            Condition=secure,
            LoadBalancerArn=Ref(load_balancer),
            Protocol="HTTPS",
            Port=443,
            SslPolicy=TLS_POLICY,
            Certificates=[Certificate(CertificateArn=Ref(asked["CertificateArn"]))],
            DefaultActions=[forward],
        )
    )
    made = LoadBalancer(
        security_group=security_group.get_att("GroupId"),
        target_group=target_group,
        ready=If(secure, Ref(https), Ref(http)),
    )
    address = {"address": load_balancer.get_att("DNSName")}
    for name, description, value in (
        (
            "ServiceUrl",
            "The application's address; with a certificate, let its domain name lead here",
            If(secure, sub("https://${address}", **address), sub("http://${address}", **address)),
        ),
        ("LoadBalancerSecurityGroupId", "The load balancer's security group", made.security_group),
        ("TargetGroupArn", "The target group that the service's tasks join", ref(made.target_group)),
    ):
        template.add_output(Output(f"{name}{suffix}", Description=description, Value=value))
    return made


def _security_group(title: str, network: Network, container_port: int) -> SecurityGroup:
    return SecurityGroup(
        title,
        GroupDescription="Takes requests from everywhere and hands them on to the service",
        VpcId=ref(network.vpc),
        SecurityGroupIngress=[
            SecurityGroupRule(
                IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0", Description="HTTP from everywhere"
            )
        ],
        SecurityGroupEgress=[
            SecurityGroupRule(
                IpProtocol="tcp",
                FromPort=container_port,
                ToPort=container_port,
                CidrIp="0.0.0.0/0",
                Description="The port that the containers listen on",
            )
        ],
    )


def _target_group(title: str, path: Parameter, network: Network, container_port: int) -> TargetGroup:
    """The target group; a new task takes requests after two answers, 10 seconds apart."""
    return TargetGroup(
        title,
        VpcId=ref(network.vpc),
        TargetType="ip",
        Protocol="HTTP",
        Port=container_port,
        HealthCheckPath=Ref(path),
        HealthCheckIntervalSeconds=10,
        HealthCheckTimeoutSeconds=5,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=3,
        Matcher=Matcher(HttpCode="200"),
        TargetGroupAttributes=[
            TargetGroupAttribute(Key="deregistration_delay.timeout_seconds", Value=str(DEREGISTRATION_SECONDS))
        ],
    )
