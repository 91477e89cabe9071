"""The template of an Application Load Balancer: over HTTP, or over HTTPS where there is a certificate.

One without public addresses takes requests from everywhere, too: that is whatever has a way into the VPC
(https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html), over a
peering or a VPN for instance. The addresses of the VPC would leave out those for whom such an application is, and a
template cannot look them up.
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import AWSHelperFn, Equals, If, Not, Output, Ref, Template
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

from .. import parameters
from ..cfn.intrinsics import Named, ref, sub
from ..checks import instance
from ..environments import Scope
from ..parameters import Entry, Form, Purpose, add_form, entry
from ..settings import EcsEnvironmentSettings
from ..texts import Text
from . import vpc
from .vpc import Network, after_network

# TLS 1.3 and 1.2, the latter with forward secrecy only, and keys that a quantum computer does not break: what AWS
# recommends (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html).
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
# Nothing says that GovCloud has it: there, the same without such keys.
TLS_POLICY_IN_GOVCLOUD = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"

# How long a deployment waits for open requests of the task that it stops; ELB's own default is 300 seconds.
DEREGISTRATION_SECONDS = 30

# Where requests come from, and what is said of the address because of it.
_EVERYWHERE = ("everywhere", "")
_INSIDE = ("whatever has a way into the VPC", ", which answers in the VPC and what is connected to it only")


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """Where requests come from and go to; ``ready`` refers to the listener without which ECS takes no target group."""

    security_group: Named
    target_group: Named
    ready: AWSHelperFn | None = None


def build(settings: EcsEnvironmentSettings) -> Template:
    """A template with the load balancer, in an existing VPC.

    Raises :class:`SettingsError` for what is not settings.
    """
    instance("settings", settings, EcsEnvironmentSettings)
    scope = Scope(settings.environment, only=True)
    template = Template(Description=Text("template.load-balancer"))
    public = settings.environment.public_load_balancer
    subnets = vpc.subnets(public=public)
    form = add_form(template, [*vpc.existing_entries(scope, subnets), *entries(scope)])
    vpc.require_distinct_subnets(template, form, scope, subnets)
    add_load_balancer(template, form, vpc.existing_network(form, scope, public=public), settings, scope)
    return template


def entries(scope: Scope) -> list[Entry]:
    """The form of a new load balancer."""
    specs = (parameters.CERTIFICATE, parameters.HEALTH_CHECK_PATH, parameters.DELETION_PROTECTION)
    return [entry(spec, Purpose.MAKE, scope) for spec in specs]


def existing_entries() -> list[Entry]:
    """The form of a load balancer from another stack."""
    specs = (parameters.LOAD_BALANCER_SECURITY_GROUP, parameters.TARGET_GROUP)
    return [entry(spec, Purpose.USE) for spec in specs]


def existing_load_balancer(form: Form) -> LoadBalancer:
    """The load balancer that :func:`existing_entries` ask for."""
    return LoadBalancer(
        security_group=form.of(parameters.LOAD_BALANCER_SECURITY_GROUP), target_group=form.of(parameters.TARGET_GROUP)
    )


def add_load_balancer(
    template: Template,
    form: Form,
    network: Network,
    settings: EcsEnvironmentSettings,
    scope: Scope,
) -> LoadBalancer:
    """Adds the load balancer, its listeners and target group, and outputs for them and its address."""
    everywhere, reach = _EVERYWHERE if network.public else _INSIDE
    certificate = ref(form.of(parameters.CERTIFICATE, scope))
    secure = template.add_condition(scope.name("UseHTTPS"), Not(Equals(certificate, "")))
    in_govcloud = template.add_condition("InGovCloud", Equals(Ref("AWS::Partition"), "aws-us-gov"))
    security_group = template.add_resource(
        _security_group(scope.name("LoadBalancerSecurityGroup"), network, everywhere)
    )
    template.add_resource(
        SecurityGroupIngress(
            scope.name("HTTPSIngress"),
            Condition=secure,
            GroupId=security_group.get_att("GroupId"),
            IpProtocol="tcp",
            FromPort=443,
            ToPort=443,
            CidrIp="0.0.0.0/0",
            Description=f"HTTPS from {everywhere}",
        )
    )
    # Creation needs the internet gateway; deletion of the gateway needs the public addresses gone.
    load_balancer = template.add_resource(
        after_network(
            network,
            ApplicationLoadBalancer(
                scope.name("LoadBalancer"),
                Type="application",
                Scheme="internet-facing" if network.public else "internal",
                Subnets=network.subnets,
                SecurityGroups=[security_group.get_att("GroupId")],
                LoadBalancerAttributes=[
                    LoadBalancerAttributes(Key="routing.http.drop_invalid_header_fields.enabled", Value="true"),
                    LoadBalancerAttributes(
                        Key="deletion_protection.enabled", Value=ref(form.of(parameters.DELETION_PROTECTION, scope))
                    ),
                ],
            ),
        )
    )
    target_group = template.add_resource(
        _target_group(
            scope.name("TargetGroup"), form.of(parameters.HEALTH_CHECK_PATH), network, settings.container_port
        )
    )
    forward = Action(Type="forward", TargetGroupArn=Ref(target_group))
    redirect = Action(
        Type="redirect", RedirectConfig=RedirectConfig(Protocol="HTTPS", Port="443", StatusCode="HTTP_301")
    )
    http = template.add_resource(
        Listener(
            scope.name("HTTPListener"),
            LoadBalancerArn=Ref(load_balancer),
            Protocol="HTTP",
            Port=80,
            DefaultActions=[If(secure, redirect, forward)],
        )
    )
    https = template.add_resource(
        Listener(
            scope.name("HTTPSListener"),
            Condition=secure,
            LoadBalancerArn=Ref(load_balancer),
            Protocol="HTTPS",
            Port=443,
            SslPolicy=If(in_govcloud, TLS_POLICY_IN_GOVCLOUD, TLS_POLICY),
            Certificates=[Certificate(CertificateArn=certificate)],
            DefaultActions=[forward],
        )
    )
    result = LoadBalancer(
        security_group=security_group.get_att("GroupId"),
        target_group=target_group,
        ready=If(secure, Ref(https), Ref(http)),
    )
    address = {"address": load_balancer.get_att("DNSName")}
    for name, description, value in (
        (
            "ServiceUrl",
            f"The application's address{reach}; with a certificate, let its domain name lead here",
            If(secure, sub("https://${address}", **address), sub("http://${address}", **address)),
        ),
        (parameters.LOAD_BALANCER_SECURITY_GROUP.name, "The load balancer's security group", result.security_group),
        (parameters.TARGET_GROUP.name, "The target group that the service's tasks join", ref(result.target_group)),
    ):
        template.add_output(Output(scope.name(name), Description=description, Value=value))
    return result


def _security_group(title: str, network: Network, everywhere: str) -> SecurityGroup:
    """The load balancer's group. Whoever joins the target group adds the way to it.

    The rule that leads nowhere takes the place of the one that would let everything out.
    """
    return SecurityGroup(
        title,
        GroupDescription=f"Takes requests from {everywhere} and hands them on to the service",
        VpcId=ref(network.vpc),
        SecurityGroupIngress=[
            SecurityGroupRule(
                IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0", Description=f"HTTP from {everywhere}"
            )
        ],
        SecurityGroupEgress=[
            SecurityGroupRule(IpProtocol="icmp", FromPort=0, ToPort=0, CidrIp="127.0.0.1/32", Description="Nowhere")
        ],
    )


def _target_group(title: str, path: Named, network: Network, container_port: int) -> TargetGroup:
    """The target group; a new task takes requests after two answers, 10 seconds apart."""
    return TargetGroup(
        title,
        VpcId=ref(network.vpc),
        TargetType="ip",
        Protocol="HTTP",
        Port=container_port,
        HealthCheckPath=ref(path),
        HealthCheckIntervalSeconds=10,
        HealthCheckTimeoutSeconds=5,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=3,
        Matcher=Matcher(HttpCode="200"),
        TargetGroupAttributes=[
            TargetGroupAttribute(Key="deregistration_delay.timeout_seconds", Value=str(DEREGISTRATION_SECONDS))
        ],
    )
