"""Networks that exist: what each kind asks for, where load balancer and tasks are, and who reaches them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import pytest

from creation_order import Order
from ecs_cd_templates import ENVIRONMENTS, Environment, ParameterError, QuickStartSettings, build_quick_start, costs
from ecs_cd_templates.cfn.evaluation import Resolved, check_parameters, resolve
from ecs_cd_templates.cfn.limits import MAX_OUTPUTS, MAX_PARAMETERS, MAX_RESOURCES
from ecs_cd_templates.cfn.regions import regions
from ecs_cd_templates.environments import Network, Scope, scopes
from support import NETWORKS, PARTITIONS, TARGET, data, network_values, parameters

TOGETHER, QUICK_START = "ecs-environment.yaml", "quick-start.yaml"
APART = ("load-balancer.yaml", "ecs-cluster.yaml", "ecs-service.yaml")
EXISTING = ("public", "private_tasks", "private")
VPC = {"VpcId"}
PUBLIC = {"PublicSubnet1Id", "PublicSubnet2Id"}
PRIVATE = {"PrivateSubnet1Id", "PrivateSubnet2Id"}
NEW = {"VpcCidr", "AvailabilityZone1", "AvailabilityZone2"}
EVERY = VPC | PUBLIC | PRIVATE | NEW

# The subnets of the load balancer and those of the tasks, and whether both have public addresses.
SUBNETS = {
    "new": (PUBLIC, PUBLIC),
    "public": (PUBLIC, PUBLIC),
    "private_tasks": (PUBLIC, PRIVATE),
    "private": (PRIVATE, PRIVATE),
}

OF_A_NETWORK = {
    "AWS::EC2::VPC",
    "AWS::EC2::Subnet",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::EC2::Route",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SubnetRouteTableAssociation",
}


def launched(name: str, network: str, **values: str) -> Resolved:
    template = data(NETWORKS[network])[name]
    examples = {key: value for key, value in parameters(name).items() if key in template["Parameters"]}
    return resolve(template, {**examples, **network_values(template), **values}, TARGET)


def properties(resolved: Resolved, title: str) -> dict[str, Any]:
    found: dict[str, Any] = resolved.resources[title]["Properties"]
    return found


def asked(name: str, network: str) -> set[str]:
    """What the form asks about the network."""
    return EVERY & set(data(NETWORKS[network])[name]["Parameters"])


@pytest.mark.parametrize("network", SUBNETS)
def test_each_template_asks_for_what_it_uses(network: str) -> None:
    balancer, tasks = SUBNETS[network]
    assert asked("load-balancer.yaml", network) == VPC | balancer
    assert asked("ecs-cluster.yaml", network) == asked("ecs-service.yaml", network) == VPC | tasks
    assert asked(TOGETHER, network) == (NEW if network == "new" else VPC | balancer | tasks)
    assert asked("vpc.yaml", network) == NEW


@pytest.mark.parametrize("network", NETWORKS)
def test_the_quick_start_asks_for_each_environments_own_network(network: str) -> None:
    template = data(NETWORKS[network])[QUICK_START]
    environments = NETWORKS[network].environments
    assert ("VpcCidr" in template["Parameters"]) == any(each.network == "new" for each in environments)
    assert asked(QUICK_START, network) in (set(), NEW)
    groups = {
        group["Label"]["default"]: set(group["Parameters"])
        for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    }
    assert ("Network Settings" in groups) == ("VpcCidr" in template["Parameters"])
    for scope in scopes(environments):
        kind = scope.environment.network
        wanted = set() if kind == "new" else VPC.union(*SUBNETS[kind])
        own = groups[f"The {scope.environment.display_name} environment"]
        assert {name for name in map(scope.name, EVERY) if name in own} == {scope.name(name) for name in wanted}
        assert scope.name("ECSTaskSize") in own


@pytest.mark.parametrize("network", EXISTING)
@pytest.mark.parametrize("launch_type", ["FARGATE", "EC2"])
def test_everything_is_in_the_subnets_that_are_given(network: str, launch_type: str) -> None:
    balancer, tasks = (sorted(names) for names in SUBNETS[network])
    given = network_values(data(NETWORKS[network])[TOGETHER])
    made = launched(TOGETHER, network, ECSLaunchType=launch_type)
    assert not OF_A_NETWORK & {each["Type"] for each in made.resources.values()}
    assert properties(made, "LoadBalancer")["Subnets"] == [given[name] for name in balancer]
    service = properties(made, "ECSService")["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert service["Subnets"] == [given[name] for name in tasks]
    vpcs = {each["Properties"]["VpcId"] for each in made.resources.values() if "VpcId" in each["Properties"]}
    assert vpcs == {given["VpcId"]}
    if launch_type == "EC2":
        assert properties(made, "AutoScalingGroup")["VPCZoneIdentifier"] == service["Subnets"]


# Who has a public address, on Fargate and on EC2: the load balancer, a task, an instance.
@pytest.mark.parametrize(
    ("network", "balancer", "task", "instance"),
    [
        ("new", "internet-facing", "ENABLED", True),
        ("public", "internet-facing", "ENABLED", True),
        ("private_tasks", "internet-facing", "DISABLED", False),
        ("private", "internal", "DISABLED", False),
    ],
)
def test_public_addresses_are_where_they_are_wanted(network: str, balancer: str, task: str, *, instance: bool) -> None:
    for name, title in ((TOGETHER, "ECSService"), ("ecs-service.yaml", "ECSService")):
        for launch_type, expected in (("FARGATE", task), ("EC2", "DISABLED")):
            service = properties(launched(name, network, ECSLaunchType=launch_type), title)
            assert service["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == expected
    for name in (TOGETHER, "load-balancer.yaml"):
        assert properties(launched(name, network), "LoadBalancer")["Scheme"] == balancer
    for name in (TOGETHER, "ecs-cluster.yaml"):
        template = properties(launched(name, network, ECSLaunchType="EC2"), "InstanceLaunchTemplate")
        (interface,) = template["LaunchTemplateData"]["NetworkInterfaces"]
        assert interface["AssociatePublicIpAddress"] is instance


@pytest.mark.parametrize("launch_type", ["FARGATE", "EC2"])
@pytest.mark.parametrize("network", EXISTING)
def test_three_templates_make_what_the_one_makes(network: str, launch_type: str) -> None:
    one = launched(TOGETHER, network, ECSLaunchType=launch_type)
    given = network_values(data(NETWORKS[network])[TOGETHER])
    group = f"arn:aws:elasticloadbalancing:{TARGET.region}:{TARGET.account}:targetgroup/name/0123456789abcdef"
    known = {**given, "ECSLaunchType": launch_type}
    resources: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    for name in APART:
        template = data(NETWORKS[network])[name]
        values = {key: value for key, value in (parameters(name) | known).items() if key in template["Parameters"]}
        part = resolve(template, values, TARGET)
        resources |= part.resources
        outputs |= part.outputs
        known |= {key: group if key == "TargetGroupArn" else value for key, value in part.outputs.items()}
    assert _without_order(json.loads(json.dumps(resources).replace(group, "<TargetGroup>"))) == _without_order(
        one.resources
    )
    assert outputs == one.outputs


def _without_order(resources: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        name: {key: value for key, value in each.items() if key not in ("DependsOn", "Metadata")}
        for name, each in resources.items()
    }


@pytest.mark.parametrize("partition", PARTITIONS)
def test_an_internal_load_balancer_says_who_reaches_it(partition: str) -> None:
    """Its addresses are private, so everywhere is what has a way into the VPC; the descriptions do not say internet."""
    template = data(NETWORKS["private"])[TOGETHER]
    region = PARTITIONS[partition].region
    certificate = f"arn:{partition}:acm:{region}:111122223333:certificate/12345678-1234-1234-1234-123456789abc"
    made = resolve(template, {**network_values(template), "CertificateArn": certificate}, PARTITIONS[partition])
    group = properties(made, "LoadBalancerSecurityGroup")
    openings = [*group["SecurityGroupIngress"], properties(made, "HTTPSIngress")]
    assert [each["CidrIp"] for each in openings] == ["0.0.0.0/0"] * 2
    for text in (group["GroupDescription"], *(each["Description"] for each in openings)):
        assert "whatever has a way into the VPC" in text
        assert "everywhere" not in text
    assert "answers in the VPC and what is connected to it only" in template["Outputs"]["ServiceUrl"]["Description"]
    assert made.outputs["ServiceUrl"] == "https://<LoadBalancer.DNSName>"
    # Nobody else is let in.
    service = properties(made, "ServiceSecurityGroup")
    assert [set(each) & {"CidrIp", "SourceSecurityGroupId"} for each in service["SecurityGroupIngress"]] == [
        {"SourceSecurityGroupId"}
    ]


@pytest.mark.parametrize("name", [TOGETHER, *APART, QUICK_START])
@pytest.mark.parametrize("network", EXISTING)
def test_no_subnet_is_given_twice(name: str, network: str) -> None:
    template = data(NETWORKS[network])[name]
    values = {**parameters(name), **network_values(template)}
    values = {key: value for key, value in values.items() if key in template["Parameters"]}
    check_parameters(template, values)
    every = [Scope(each) for each in ENVIRONMENTS] if name == QUICK_START else [Scope(ENVIRONMENTS[0], only=True)]
    for scope in every:
        own = [name for name in map(scope.name, sorted(PUBLIC | PRIVATE)) if name in values]
        assert len(own) >= 2
        for one in own:
            for other in set(own) - {one}:
                with pytest.raises(ParameterError, match="are the same"):
                    check_parameters(template, {**values, one: values[other]})


def test_two_environments_may_be_in_the_same_subnets() -> None:
    template = data(NETWORKS["private"])[QUICK_START]
    values = network_values(template)
    same = {name: values[name.replace("ForQAEnv", "ForDevEnv")] for name in values if name.endswith("ForQAEnv")}
    check_parameters(template, {**values, **same})


@pytest.mark.parametrize("network", EXISTING)
def test_nothing_waits_for_a_network_that_is_there(network: str) -> None:
    order = Order(data(NETWORKS[network])[TOGETHER])
    values = network_values(order.template)
    before = order.made_before(order.conditions({**values, "ECSLaunchType": "EC2"}))
    assert before["LoadBalancer"] == {"LoadBalancerSecurityGroup"}
    assert "DependsOn" not in order.template["Resources"]["AutoScalingGroup"]
    assert order.template["Resources"]["ECSService"]["DependsOn"] == ["LoadBalancerEgress"]


def test_addresses_are_cut_for_the_new_networks_only() -> None:
    kinds: tuple[Network, ...] = ("private", "new", "public", "new", "new")
    environments = [
        Environment(id=f"E{number}", display_name=f"number {number}", network=kind) for number, kind in enumerate(kinds)
    ]
    template = build_quick_start(QuickStartSettings(environments=environments)).to_dict()
    # Three new ones fit into a /18, five would not.
    resources = resolve(template, {**network_values(template), "VpcCidr": "10.0.0.0/18"}, TARGET).resources
    blocks = {title: each["Properties"]["CidrBlock"] for title, each in resources.items() if title.startswith("VPCFor")}
    assert blocks == {
        "VPCForE1Env": "10.0.0.0/20",
        "VPCForE3Env": "10.0.16.0/20",
        "VPCForE4Env": "10.0.32.0/20",
    }
    with pytest.raises(ParameterError, match="/16 to /18"):
        check_parameters(template, {**network_values(template), "VpcCidr": "10.0.0.0/19"})


@pytest.mark.parametrize("network", NETWORKS)
def test_costs_are_those_of_what_is_made(network: str) -> None:
    environments = NETWORKS[network].environments
    made = launched(QUICK_START, network).resources
    public = 0
    for scope in scopes(environments):
        balancer = made[scope.name("LoadBalancer")]["Properties"]
        public += len(balancer["Subnets"]) * (balancer["Scheme"] == "internet-facing")
        service = made[scope.name("ECSService")]["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]
        public += service["AssignPublicIp"] == "ENABLED"
    parts = {cost.what: cost.count for cost in costs.idle(environments)}
    assert parts.get("public IPv4 addresses", 0) == public
    assert all(parts.values())
    description = data(NETWORKS[network])[QUICK_START]["Description"]
    assert ("public IPv4 addresses" in description) == bool(public)
    assert f"about {costs.total(environments)} US dollars" in description
    says = {"new": "a VPC, load balancer", "mixed": "a VPC unless one is given, load balancer"}
    assert f"for each environment {says.get(network, 'a load balancer')}, ECS service" in description


def test_what_private_subnets_need_is_said_where_they_are_asked_for() -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html."""
    for name in (TOGETHER, "ecs-cluster.yaml", "ecs-service.yaml"):
        for network in ("private_tasks", "private"):
            for subnet in PRIVATE:
                words = data(NETWORKS[network])[name]["Parameters"][subnet]["Description"]
                for need in ("NAT gateway", "ecr.api", "ecr.dkr", "logs", "s3", "ecs-agent", "ecs-telemetry"):
                    assert need in words
    assert "needs no internet gateway" in data(NETWORKS["private"])[TOGETHER]["Parameters"]["VpcId"]["Description"]
    assert "with an internet gateway" in data(NETWORKS["public"])[TOGETHER]["Parameters"]["VpcId"]["Description"]


@pytest.mark.parametrize("network", NETWORKS)
def test_every_region_that_has_the_services_is_one_to_launch_in(network: str) -> None:
    assert regions(data(NETWORKS[network])[QUICK_START]) == regions(data()[QUICK_START])


@pytest.mark.parametrize("network", get_args(Network))
def test_the_largest_settings_fit_into_one_template(network: Network) -> None:
    environments = [
        replace(ENVIRONMENTS[-1], id=f"{number:018}", display_name=f"number {number}", network=network)
        for number in range(8)
    ]
    template = build_quick_start(QuickStartSettings(environments=environments))
    assert len(template.parameters) <= MAX_PARAMETERS
    assert len(template.resources) <= MAX_RESOURCES
    assert len(template.outputs) <= MAX_OUTPUTS
    assert len(template.to_dict()["Description"]) <= 1024
