"""The place to deploy to: what its templates mean, together and apart, and what their forms refuse."""

from __future__ import annotations

import copy
import importlib
import ipaddress
import json
import math
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from troposphere import Template

import ecs_cd_templates
from creation_order import Order, out_of_order
from ecs_cd_templates import (
    ENVIRONMENTS,
    EcsEnvironmentSettings,
    Environment,
    ParameterError,
    PrerequisitesSettings,
    SettingsError,
    build_ecs_environment,
    to_yaml,
)
from ecs_cd_templates.cfn.evaluation import Resolved, Target, check_parameters, resolve
from ecs_cd_templates.cfn.regions import services
from ecs_cd_templates.environments import Scope, scopes
from ecs_cd_templates.iam.evaluator import Request, is_allowed, may_assume
from ecs_cd_templates.parameters import add_form, name_of
from ecs_cd_templates.stacks import ecs_environment, prerequisites, vpc
from support import PARTITIONS, ROOT, TARGET, data, load, parameters

untyped: Any = ecs_cd_templates

TOGETHER = "ecs-environment.yaml"
# In the order in which they are launched.
APART = ("vpc.yaml", "load-balancer.yaml", "ecs-cluster.yaml", "ecs-service.yaml")
TEMPLATES = data()
VALUES = parameters(TOGETHER)
SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}
ACCOUNT = "111122223333"

# The launch types that a form offers; EC2 adds resources of these types, and only of these.
LAUNCH_TYPES = ("FARGATE", "EC2")
EC2_TYPES = {
    "AWS::IAM::InstanceProfile",
    "AWS::EC2::LaunchTemplate",
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::AutoScaling::LifecycleHook",
    "AWS::ECS::CapacityProvider",
    "AWS::ECS::ClusterCapacityProviderAssociations",
}


def certificate(partition: str) -> str:
    region = PARTITIONS[partition].region
    return f"arn:{partition}:acm:{region}:{ACCOUNT}:certificate/12345678-1234-1234-1234-123456789abc"


def together(target: Target = TARGET, **changes: str) -> Resolved:
    return resolve(TEMPLATES[TOGETHER], {**VALUES, **changes}, target)


def apart(target: Target, **changes: str) -> Resolved:
    """The four templates one after the other, each with the outputs of those before it."""
    target_group = (
        f"arn:{target.partition}:elasticloadbalancing:{target.region}:{ACCOUNT}:targetgroup/name/0123456789abcdef"
    )
    known = {**VALUES, **changes}
    resources: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    for name in APART:
        template = TEMPLATES[name]
        part = resolve(template, {key: known[key] for key in template["Parameters"] if key in known}, target)
        assert not resources.keys() & part.resources.keys()
        resources.update(part.resources)
        outputs.update(part.outputs)
        # What stands here for an ARN is none, and the next form would refuse it.
        known.update({key: target_group if key == "TargetGroupArn" else value for key, value in part.outputs.items()})
    return Resolved(json.loads(json.dumps(resources).replace(target_group, "<TargetGroup>")), outputs)


def without_order(resources: dict[str, Any]) -> dict[str, Any]:
    """The resources without what only says when they are made."""
    return {
        name: {key: value for key, value in resource.items() if key not in ("DependsOn", "Metadata")}
        for name, resource in resources.items()
    }


def properties(resources: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = resources[name]["Properties"]
    return found


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("launch_type", LAUNCH_TYPES)
@pytest.mark.parametrize("partition", PARTITIONS)
def test_four_templates_make_what_the_one_makes(partition: str, launch_type: str, secure: bool) -> None:
    target = PARTITIONS[partition]
    changes = {"ECSLaunchType": launch_type, "CertificateArn": certificate(partition) if secure else ""}
    one, four = together(target, **changes), apart(target, **changes)
    assert without_order(one.resources) == without_order(four.resources)
    assert one.outputs == four.outputs


def test_outputs_carry_the_names_that_the_next_templates_ask_for() -> None:
    known: set[str] = set()
    for name in APART:
        asked = TEMPLATES[name]["Parameters"]
        made_elsewhere = {key for key, value in asked.items() if value["Type"].startswith("AWS::EC2::")}
        assert made_elsewhere | {key for key, value in asked.items() if "Default" not in value} <= known
        known |= set(TEMPLATES[name]["Outputs"])
    assert known == set(TEMPLATES[TOGETHER]["Outputs"])
    # The zones are an output, for the next update of the template that asks for them.
    own = known - TEMPLATES["vpc.yaml"]["Parameters"].keys()
    assert set(TEMPLATES[TOGETHER]["Parameters"]) == {
        key for name in APART for key in TEMPLATES[name]["Parameters"] if key not in own or key in VALUES
    }
    pipeline = TEMPLATES["deployment-pipeline-without-approval.yaml"]["Parameters"]
    for name in ("ECSClusterName", "ECSServiceName", "ECSTaskContainerName", "ECRRepositoryName"):
        assert name in pipeline
        assert name in known


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.id)
def test_proposed_names_are_those_that_roles_and_pipelines_use(environment: Environment) -> None:
    scope, settings = Scope(environment), EcsEnvironmentSettings(environment=environment)
    proposed = {entry.name: entry.default for entry in ecs_environment.entries(settings, Scope(environment, only=True))}
    roles = {
        entry.spec.name: entry.default
        for entry in prerequisites.entries(PrerequisitesSettings())
        if entry.spec.per_environment and entry.name == name_of(entry.spec, scope)
    }
    shared = proposed.keys() & roles.keys()
    assert shared >= {"ECSClusterName", "ECSServiceName", "ECRRepositoryName", "ECSTaskRoleName"}
    assert {name: proposed[name] for name in shared} == {name: roles[name] for name in shared}
    pipelines = parameters("deployment-pipeline-for-all-env.yaml")
    for name in ("ECSClusterName", "ECSServiceName", "ECRRepositoryName"):
        assert pipelines[scope.name(name)] == proposed[name]
    assert pipelines["ECSTaskContainerName"] == proposed["ECSTaskContainerName"]
    assert proposed["EnvironmentName"] == environment.display_name


@pytest.mark.parametrize("partition", PARTITIONS)
def test_network(partition: str) -> None:
    target = PARTITIONS[partition]
    resources = together(target, VpcCidr="192.168.16.0/20").resources
    assert properties(resources, "VPC")["CidrBlock"] == "192.168.16.0/20"
    # Without a resolver the agent and the application find no service of AWS.
    assert properties(resources, "VPC")["EnableDnsSupport"] is True
    assert properties(resources, "VPC")["EnableDnsHostnames"] is True
    subnets = [properties(resources, f"PublicSubnet{number}") for number in (1, 2)]
    # What needs a public address asks for one itself.
    assert [subnet["MapPublicIpOnLaunch"] for subnet in subnets] == [False, False]
    assert [subnet["CidrBlock"] for subnet in subnets] == ["192.168.16.0/22", "192.168.20.0/22"]
    assert properties(resources, "DefaultRoute") == {
        "RouteTableId": "<PublicRouteTable>",
        "DestinationCidrBlock": "0.0.0.0/0",
        "GatewayId": "<InternetGateway>",
    }
    for number in (1, 2):
        association = properties(resources, f"PublicSubnet{number}Route")
        assert association == {"SubnetId": f"<PublicSubnet{number}>", "RouteTableId": "<PublicRouteTable>"}


# Every template that makes subnets asks for their zones.
WITH_SUBNETS = ("vpc.yaml", TOGETHER, "quick-start.yaml")


def zones(template: str, target: Target, values: dict[str, str]) -> tuple[list[str], list[str]]:
    """The zones of the environments' first subnets, and of their second ones."""
    resources = resolve(TEMPLATES[template], values, target).resources
    found: tuple[list[str], list[str]] = ([], [])
    for name, each in resources.items():
        if each["Type"] == "AWS::EC2::Subnet":
            found["2" in name].append(each["Properties"]["AvailabilityZone"])
    return found


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("template", WITH_SUBNETS)
def test_zones_are_those_that_are_given_or_those_that_aws_proposes(template: str, partition: str) -> None:
    target = PARTITIONS[partition]
    count = len(ENVIRONMENTS) if template == "quick-start.yaml" else 1
    given = {f"AvailabilityZone{n}": f"{target.region}{letter}" for n, letter in enumerate("fc", start=1)}
    for values, letters in (({}, "ab"), (given, "fc")):
        first, second = (f"{target.region}{letter}" for letter in letters)
        assert zones(template, target, values) == ([first] * count, [second] * count)


@pytest.mark.parametrize("template", WITH_SUBNETS)
def test_zones_are_given_both_or_none_and_never_one_twice(template: str) -> None:
    """An Application Load Balancer needs two, and one of each kind could come out as the same."""
    one, other = "AvailabilityZone1", "AvailabilityZone2"
    for values in ({one: "us-east-1a"}, {other: "us-east-1a"}, {one: "us-east-1a", other: ""}):
        with pytest.raises(ParameterError, match="Give both availability zones, or leave both blank"):
            check_parameters(TEMPLATES[template], values)
    with pytest.raises(ParameterError, match="Each subnet is in an availability zone of its own"):
        check_parameters(TEMPLATES[template], {one: "us-east-1a", other: "us-east-1a"})
    for values in ({}, {one: "", other: ""}, {one: "us-east-1b", other: "us-east-1a"}):
        check_parameters(TEMPLATES[template], values)


@pytest.mark.parametrize("template", WITH_SUBNETS)
def test_zones_that_were_proposed_can_be_kept_by_giving_them(template: str) -> None:
    """At each update AWS may propose others, and a subnet cannot move: an output says which to give."""
    values = {"AvailabilityZone1": "us-east-1a", "AvailabilityZone2": "us-east-1b"}
    proposed, kept = (resolve(TEMPLATES[template], each, TARGET) for each in ({}, values))
    assert kept.resources == proposed.resources
    outputs = {name: value for name, value in proposed.outputs.items() if name.startswith("AvailabilityZone")}
    assert outputs
    for name, value in outputs.items():
        number, suffix = re.fullmatch(r"AvailabilityZone([12])(.*)", name).groups()  # type: ignore[union-attr]
        assert value == f"<PublicSubnet{number}{suffix}.AvailabilityZone>"
        assert f"AvailabilityZone{number}" in TEMPLATES[template]["Parameters"]
        assert f"give it as AvailabilityZone{number}" in TEMPLATES[template]["Outputs"][name]["Description"]


@pytest.mark.parametrize("partition", PARTITIONS)
def test_without_a_certificate_http_serves(partition: str) -> None:
    made = together(PARTITIONS[partition])
    listeners = [name for name, resource in made.resources.items() if resource["Type"].endswith("::Listener")]
    assert listeners == ["HTTPListener"]
    assert properties(made.resources, "HTTPListener")["DefaultActions"] == [
        {"Type": "forward", "TargetGroupArn": "<TargetGroup>"}
    ]
    assert "HTTPSIngress" not in made.resources
    assert made.outputs["ServiceUrl"] == "http://<LoadBalancer.DNSName>"
    assert made.resources["ECSService"]["Metadata"] == {"CreatedAfter": ["<HTTPListener>", "ecs-cd-dev"]}


@pytest.mark.parametrize("partition", PARTITIONS)
def test_with_a_certificate_https_serves_and_http_redirects(partition: str) -> None:
    made = together(PARTITIONS[partition], CertificateArn=certificate(partition))
    assert properties(made.resources, "HTTPListener")["DefaultActions"] == [
        {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
    ]
    https = properties(made.resources, "HTTPSListener")
    assert (https["Protocol"], https["Port"]) == ("HTTPS", 443)
    # TLS 1.3 and 1.2 with forward secrecy, and keys that a quantum computer does not break
    # (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html).
    # Nothing says that GovCloud has the newest one.
    newest, known = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    assert https["SslPolicy"] == (known if partition == "aws-us-gov" else newest)
    assert https["Certificates"] == [{"CertificateArn": certificate(partition)}]
    assert https["DefaultActions"] == [{"Type": "forward", "TargetGroupArn": "<TargetGroup>"}]
    assert openings([properties(made.resources, "HTTPSIngress")]) == [("tcp", 443, 443, "0.0.0.0/0")]
    assert made.outputs["ServiceUrl"] == "https://<LoadBalancer.DNSName>"
    assert made.resources["ECSService"]["Metadata"] == {"CreatedAfter": ["<HTTPSListener>", "ecs-cd-dev"]}


def test_load_balancer() -> None:
    resources = together(HealthCheckPath="/healthz").resources
    balancer = properties(resources, "LoadBalancer")
    assert (balancer["Scheme"], balancer["Type"]) == ("internet-facing", "application")
    assert {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"} in balancer[
        "LoadBalancerAttributes"
    ]
    group = properties(resources, "TargetGroup")
    assert (group["TargetType"], group["Protocol"], group["HealthCheckPath"]) == ("ip", "HTTP", "/healthz")
    assert group["TargetGroupAttributes"] == [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
    # A new task takes requests after 20 seconds, and one that does not answer any more takes none after 30.
    assert (group["HealthCheckIntervalSeconds"], group["HealthCheckTimeoutSeconds"]) == (10, 5)
    assert (group["HealthyThresholdCount"], group["UnhealthyThresholdCount"]) == (2, 3)
    assert group["Matcher"] == {"HttpCode": "200"}
    ours = properties(resources, "LoadBalancerSecurityGroup")
    assert openings(ours["SecurityGroupIngress"]) == [("tcp", 80, 80, "0.0.0.0/0")]


@pytest.mark.parametrize("launch_type", LAUNCH_TYPES)
@pytest.mark.parametrize("secure", [False, True])
def test_load_balancer_reaches_the_service_and_nothing_else(secure: bool, launch_type: str) -> None:
    changes = {"ECSLaunchType": launch_type, "CertificateArn": certificate("aws") if secure else ""}
    for made in (together, apart):
        resources = made(TARGET, **changes).resources
        own = properties(resources, "LoadBalancerSecurityGroup")["SecurityGroupEgress"]
        # Without a rule of its own, a group lets everything out: this one leads nowhere.
        assert own
        for rule in own:
            assert ipaddress.ip_network(rule["CidrIp"]).is_loopback
            assert "DestinationSecurityGroupId" not in rule
        (added,) = [each for each in resources.values() if each["Type"] == "AWS::EC2::SecurityGroupEgress"]
        rule = added["Properties"]
        assert rule["GroupId"] == "<LoadBalancerSecurityGroup.GroupId>"
        assert rule["DestinationSecurityGroupId"] == "<ServiceSecurityGroup.GroupId>"
        assert openings([rule]) == [("tcp", 8080, 8080, None)]
        assert not {"CidrIpv6", "DestinationPrefixListId"} & rule.keys()
        assert properties(resources, "LoadBalancer")["SecurityGroups"] == [rule["GroupId"]]


@pytest.mark.parametrize("template", [TOGETHER, "load-balancer.yaml"])
def test_load_balancer_is_protected_from_deletion_only_if_asked_to(template: str) -> None:
    """A protected one cannot be rolled back: the first launch, if anything else failed, would end in ROLLBACK_FAILED.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
    """
    form = TEMPLATES[template]["Parameters"]["LoadBalancerDeletionProtection"]
    assert form["Default"] == "false"
    assert "in the way of a launch that fails" in form["Description"]
    for value in ("false", "true"):
        values = {**parameters(template), "LoadBalancerDeletionProtection": value}
        attributes = properties(resolve(TEMPLATES[template], values, TARGET).resources, "LoadBalancer")
        assert {"Key": "deletion_protection.enabled", "Value": value} in attributes["LoadBalancerAttributes"]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.id)
def test_container_insights_are_kept_in_production_only_unless_asked_for(environment: Environment) -> None:
    template = load(to_yaml(build_ecs_environment(EcsEnvironmentSettings(environment=environment))))
    usual = "enabled" if environment.id == "Prod" else "disabled"
    assert template["Parameters"]["ContainerInsights"]["Default"] == usual
    assert insights(resolve(template, {}, TARGET).resources) == usual
    for value in ("disabled", "enabled", "enhanced"):
        assert insights(resolve(template, {"ContainerInsights": value}, TARGET).resources) == value


def insights(resources: dict[str, Any]) -> str:
    (setting,) = properties(resources, "ECSCluster")["ClusterSettings"]
    assert setting["Name"] == "containerInsights"
    return str(setting["Value"])


@pytest.mark.parametrize("partition", PARTITIONS)
def test_with_fargate_there_is_nothing_of_ec2(partition: str) -> None:
    resources = together(PARTITIONS[partition]).resources
    assert not {resource["Type"] for resource in resources.values()} & EC2_TYPES
    assert not [name for name in resources if name.startswith("Instance")]
    assert "ec2.amazonaws" not in json.dumps(resources)
    service = properties(resources, "ECSService")
    assert service["LaunchType"] == "FARGATE"
    assert service["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "ENABLED"
    assert properties(resources, "ECSTaskDefinition")["RequiresCompatibilities"] == ["FARGATE"]


@pytest.mark.parametrize("partition", PARTITIONS)
def test_with_ec2_instances_come_and_go_with_the_tasks(partition: str) -> None:
    target = PARTITIONS[partition]
    resources = together(target, ECSLaunchType="EC2").resources
    fargate = together(target).resources
    extra = {resources[name]["Type"] for name in resources.keys() - fargate.keys()}
    assert extra == EC2_TYPES | {"AWS::IAM::Role", "AWS::EC2::SecurityGroup"}
    service = properties(resources, "ECSService")
    # The cluster's own strategy applies where a service has neither.
    assert not {"LaunchType", "CapacityProviderStrategy"} & service.keys()
    assert service["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"
    assert properties(resources, "ECSTaskDefinition")["RequiresCompatibilities"] == ["EC2"]
    association = properties(resources, "CapacityProviderAssociation")
    assert association == {
        "Cluster": "ecs-cd-dev",
        "CapacityProviders": ["<CapacityProvider>"],
        "DefaultCapacityProviderStrategy": [{"CapacityProvider": "<CapacityProvider>", "Weight": 1}],
    }
    provider = properties(resources, "CapacityProvider")
    assert provider["Name"] == "ec2-ecs-cd-dev"
    # Less than 100 would pay for instances that wait for tasks.
    assert provider["AutoScalingGroupProvider"]["ManagedScaling"] == {"Status": "ENABLED", "TargetCapacity": 100}
    group = properties(resources, "AutoScalingGroup")
    # Twice the most tasks that the form takes: each has room for its successor, even with one to an instance.
    assert (group["MinSize"], group["MaxSize"]) == ("0", "20")
    # ECS manages only instances that start after the capacity provider, and that carry its tag.
    assert {"Key": "AmazonECSManaged", "Value": "true", "PropagateAtLaunch": True} in group["Tags"]
    assert group["VPCZoneIdentifier"] == ["<PublicSubnet1>", "<PublicSubnet2>"]


def openings(rules: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What each rule of a security group lets through."""
    return [tuple(rule.get(key) for key in ("IpProtocol", "FromPort", "ToPort", "CidrIp")) for rule in rules]


def test_instances() -> None:
    resources = together(ECSLaunchType="EC2", ECSInstanceType="t3.large").resources
    data = properties(resources, "InstanceLaunchTemplate")["LaunchTemplateData"]
    assert data["InstanceType"] == "t3.large"
    assert data["ImageId"] == "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
    assert data["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    # The root device of the image, which is 30 GiB itself; nothing of it outlives the instance.
    assert data["BlockDeviceMappings"] == [
        {
            "DeviceName": "/dev/xvda",
            "Ebs": {"VolumeType": "gp3", "VolumeSize": 30, "Encrypted": True, "DeleteOnTermination": True},
        }
    ]
    (interface,) = data["NetworkInterfaces"]
    assert interface["AssociatePublicIpAddress"] is True
    assert b64decode(data["UserData"]).decode().splitlines() == [
        "#!/bin/bash",
        "cat >> /etc/ecs/ecs.config <<'END'",
        "ECS_CLUSTER=ecs-cd-dev",
        "ECS_AWSVPC_BLOCK_IMDS=true",
        "END",
    ]
    assert interface["Groups"] == ["<InstanceSecurityGroup.GroupId>"]
    instances = properties(resources, "InstanceSecurityGroup")
    assert "SecurityGroupIngress" not in instances
    assert openings(instances["SecurityGroupEgress"]) == [("tcp", 443, 443, "0.0.0.0/0")]


def test_service() -> None:
    resources = together(ECSTaskSize="1024 CPU units, 4096 MiB").resources
    definition = properties(resources, "ECSTaskDefinition")
    assert (definition["Cpu"], definition["Memory"], definition["NetworkMode"]) == ("1024", "4096", "awsvpc")
    assert definition["RuntimePlatform"] == {"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"}
    (container,) = definition["ContainerDefinitions"]
    assert (container["Name"], container["Image"]) == ("app", EcsEnvironmentSettings().first_image)
    assert not {"Command", "EntryPoint"} & container.keys(), "a deployment would keep it"
    assert {"Name": "ENVIRONMENT", "Value": "development"} in container["Environment"]
    # A task whose only container has stopped is replaced.
    assert container["Essential"] is True
    assert container["PortMappings"] == [{"ContainerPort": 8080, "Protocol": "tcp"}]
    assert container["LogConfiguration"] == {
        "LogDriver": "awslogs",
        "Options": {"awslogs-group": "<LogGroup>", "awslogs-region": TARGET.region, "awslogs-stream-prefix": "ecs"},
    }
    # A name that CloudFormation makes up is in nobody's way, so a log group that stayed would only cost money.
    assert (resources["LogGroup"]["DeletionPolicy"], resources["LogGroup"]["UpdateReplacePolicy"]) == ("Delete",) * 2
    service = properties(resources, "ECSService")
    assert (service["ServiceName"], service["Cluster"]) == ("ecs-cd-sample-app-dev", "ecs-cd-dev")
    assert service["EnableExecuteCommand"] is False
    assert service["DeploymentConfiguration"] == {
        "MinimumHealthyPercent": 100,
        "MaximumPercent": 200,
        "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
    }
    (ingress,) = properties(resources, "ServiceSecurityGroup")["SecurityGroupIngress"]
    assert ingress["SourceSecurityGroupId"] == "<LoadBalancerSecurityGroup.GroupId>"
    assert "CidrIp" not in ingress
    # Whom the application calls is not known.
    egress = properties(resources, "ServiceSecurityGroup")["SecurityGroupEgress"]
    assert openings(egress) == [("-1", None, None, "0.0.0.0/0")]


@pytest.mark.parametrize("launch_type", LAUNCH_TYPES)
def test_an_update_leaves_the_service_the_image_that_was_deployed(launch_type: str) -> None:
    """The service names a family, which means its newest revision, and that is the deployed one.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
    """
    resources = together(ECSLaunchType=launch_type).resources
    # The family that the stack's own task definition began: another one for each that an update makes.
    assert properties(resources, "ECSService")["TaskDefinition"] == "<ECSTaskDefinition>"
    assert "Family" not in properties(resources, "ECSTaskDefinition")


@pytest.mark.parametrize("launch_type", LAUNCH_TYPES)
@pytest.mark.parametrize(
    ("count", "least", "most"),
    [("0", "0", "0"), ("1", "1", "1"), ("10", "10", "10"), ("2-2", "2", "2"), ("1-4", "1", "4"), ("2-10", "2", "10")],
)
def test_the_number_of_tasks_is_no_business_of_the_service(count: str, least: str, most: str, launch_type: str) -> None:
    """So that changing it does not touch the service; with 0 the environment pauses.

    https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html: the number follows
    at once where it is outside of the new range.
    """
    usual = together(ECSLaunchType=launch_type).resources
    resources = together(ECSLaunchType=launch_type, ECSTaskCount=count).resources
    touched = {name for name in usual.keys() | resources.keys() if usual.get(name) != resources.get(name)}
    assert touched <= {"ScalableTarget", "ScalingPolicy"}
    assert "DesiredCount" not in properties(resources, "ECSService")
    assert properties(resources, "ScalableTarget") == {
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": "service/ecs-cd-dev/ecs-cd-sample-app-dev",
        "MinCapacity": least,
        "MaxCapacity": most,
    }
    if least == most:
        assert "ScalingPolicy" not in resources
        return
    policy = properties(resources, "ScalingPolicy")
    assert (policy["PolicyType"], policy["ScalingTargetId"]) == ("TargetTrackingScaling", "<ScalableTarget>")
    assert policy["TargetTrackingScalingPolicyConfiguration"] == {
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
        "TargetValue": 60,
    }


def test_every_port_is_the_sample_applications_and_both_images_are_well_on_the_path() -> None:
    dockerfile = (ROOT / "sample-app/Dockerfile").read_text()
    (exposed,) = re.findall(r"^EXPOSE (\d+)$", dockerfile, re.MULTILINE)
    resources = together().resources
    port = int(exposed)
    (container,) = properties(resources, "ECSTaskDefinition")["ContainerDefinitions"]
    assert [mapping["ContainerPort"] for mapping in container["PortMappings"]] == [port]
    assert {"Name": "PORT", "Value": exposed} in container["Environment"]
    assert properties(resources, "TargetGroup")["Port"] == port
    assert [each["ContainerPort"] for each in properties(resources, "ECSService")["LoadBalancers"]] == [port]
    (ingress,) = properties(resources, "ServiceSecurityGroup")["SecurityGroupIngress"]
    for rule in (ingress, properties(resources, "LoadBalancerEgress")):
        assert (rule["FromPort"], rule["ToPort"]) == (port, port)
    # https://github.com/nginx/docker-nginx-unprivileged: it listens on 8080 and has a page at /.
    assert (port, container["Image"].partition(":")[0]) == (8080, "public.ecr.aws/nginx/nginx-unprivileged")
    path = properties(resources, "TargetGroup")["HealthCheckPath"]
    assert path == "/"
    assert f"app.get('{path}'," in (ROOT / "sample-app/app.js").read_text()


ORDER = Order(TEMPLATES[TOGETHER])


@pytest.mark.parametrize("zones", [{}, {"AvailabilityZone1": "us-east-1c", "AvailabilityZone2": "us-east-1d"}])
@pytest.mark.parametrize("count", ["0", "1", "1-4"])
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("launch_type", LAUNCH_TYPES)
def test_order_of_creation_and_deletion(launch_type: str, secure: bool, count: str, zones: dict[str, str]) -> None:
    choice = {"ECSLaunchType": launch_type, "CertificateArn": certificate("aws") if secure else ""}
    before = ORDER.made_before(ORDER.conditions({**VALUES, **choice, **zones, "ECSTaskCount": count}))
    cases = ["new", launch_type, "HTTPS" if secure else "HTTP", *(["scales"] if "-" in count else [])]
    assert out_of_order(before, cases) == []


@pytest.mark.parametrize("title", ["LoadBalancer", "ECSService", "AutoScalingGroup", "CapacityProvider"])
def test_a_dependency_that_is_missing_is_noticed(title: str) -> None:
    template = copy.deepcopy(TEMPLATES[TOGETHER])
    del template["Resources"][title]["DependsOn"]
    order = Order(template)
    before = order.made_before(order.conditions({**VALUES, "ECSLaunchType": "EC2"}))
    assert {later for later, _ in out_of_order(before, ["new", "EC2", "HTTP"])} == {title}


def test_nothing_keeps_instances_from_being_deleted() -> None:
    """The hook that ECS would make under this name stays when the capacity provider is gone: ours is deleted then.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/enable-managed-instance-draining.html
    """
    resources = together(ECSLaunchType="EC2").resources
    provider = properties(resources, "CapacityProvider")["AutoScalingGroupProvider"]
    assert (provider["ManagedTerminationProtection"], provider["ManagedDraining"]) == ("DISABLED", "ENABLED")
    assert properties(resources, "DrainingHook") == {
        "AutoScalingGroupName": "<AutoScalingGroup>",
        "LifecycleHookName": "ecs-managed-draining-termination-hook",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        # With nobody there to answer, an instance goes all the same.
        "DefaultResult": "CONTINUE",
        "HeartbeatTimeout": 3600,
    }
    assert not [name for name, each in resources.items() if "DeletionPolicy" in each and name != "LogGroup"]


@pytest.mark.parametrize("launch_type", LAUNCH_TYPES)
def test_a_task_has_time_to_become_healthy_before_ecs_replaces_it(launch_type: str) -> None:
    resources = together(ECSLaunchType=launch_type).resources
    grace = properties(resources, "ECSService")["HealthCheckGracePeriodSeconds"]
    group = properties(resources, "TargetGroup")
    assert grace == 60
    assert grace > group["HealthCheckIntervalSeconds"] * group["HealthyThresholdCount"]


# What is allowed for, in seconds: a new task until it runs (network interface, image, start), an instance for it where
# there is no room, the container to end when it is told to, which is ECS's own default, and ECS to notice.
STARTS = {"FARGATE": 90, "EC2": 60}
INSTANCE_STARTS = 240
CONTAINER_ENDS = 30
NOTICED = 10


@pytest.mark.parametrize("pipelines", ["deployment-pipeline-without-approval.yaml", "quick-start.yaml"])
@pytest.mark.parametrize("desired", range(1, 11))
@pytest.mark.parametrize("launch_type", LAUNCH_TYPES)
def test_a_broken_image_is_given_up_before_the_pipeline_gives_up(
    launch_type: str, desired: int, pipelines: str
) -> None:
    """The deploy action waits for its own timeout, also when ECS has put the old image back long since.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html: half of the tasks have
    to fail, at least 3 and at most 200.
    """
    resources = together(ECSLaunchType=launch_type).resources
    service, group = properties(resources, "ECSService"), properties(resources, "TargetGroup")
    configuration = service["DeploymentConfiguration"]
    assert configuration["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    # As many tasks at a time as there may be beside the old ones, which all stay.
    assert configuration["MinimumHealthyPercent"] == 100
    at_once = desired * (configuration["MaximumPercent"] - 100) // 100
    failures = min(max(3, math.ceil(desired / 2)), 200)
    rounds = math.ceil(failures / at_once)
    unhealthy = group["UnhealthyThresholdCount"] * group["HealthCheckIntervalSeconds"]
    attributes = {each["Key"]: each["Value"] for each in group["TargetGroupAttributes"]}
    deregistered = int(attributes["deregistration_delay.timeout_seconds"])
    judged = max(service["HealthCheckGracePeriodSeconds"], unhealthy) + NOTICED
    seconds = rounds * (STARTS[launch_type] + judged + deregistered + CONTAINER_ENDS)
    if launch_type == "EC2":
        seconds += INSTANCE_STARTS
    timeouts = set(re.findall(r"'DeploymentTimeout': '(\d+)'", repr(TEMPLATES[pipelines])))
    assert timeouts == {"15"}
    (minutes,) = timeouts
    assert seconds < int(minutes) * 60


def policies(resources: dict[str, Any], role: str) -> list[dict[str, Any]]:
    return [policy["PolicyDocument"] for policy in properties(resources, role).get("Policies", [])]


def calls(role: str, target: Target) -> dict[tuple[str, str], dict[str, str]]:
    """What the role has to be allowed: action and resource, with the condition keys that come with the call."""
    place = f"{target.region}:{ACCOUNT}"
    if role == "ECSTaskRole":
        return {}
    if role == "ECSTaskExecutionRole":
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
        repository = f"arn:{target.partition}:ecr:{place}:repository/ecs-cd-sample-app-dev"
        stream = f"arn:{target.partition}:logs:{place}:log-group:<LogGroup>:log-stream:ecs/app/0123"
        pull = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
        return {
            ("ecr:GetAuthorizationToken", "*"): {},
            **{(f"ecr:{action}", repository): {} for action in pull},
            **{(f"logs:{action}", stream): {} for action in ("CreateLogStream", "PutLogEvents")},
        }
    # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEC2ContainerServiceforEC2Role.html
    cluster = f"arn:{target.partition}:ecs:{place}:cluster/ecs-cd-dev"
    instance = f"arn:{target.partition}:ecs:{place}:container-instance/ecs-cd-dev/0123"
    on_cluster = (
        *("RegisterContainerInstance", "DeregisterContainerInstance", "SubmitTaskStateChange"),
        *("SubmitContainerStateChange", "SubmitAttachmentStateChanges"),
    )
    return {
        ("ecs:DiscoverPollEndpoint", "*"): {},
        **{(f"ecs:{action}", cluster): {} for action in on_cluster},
        **{(f"ecs:{action}", instance): {"ecs:cluster": cluster} for action in ("Poll", "StartTelemetrySession")},
    }


def all_actions() -> Iterator[str]:
    for service in ("ecr", "ecs", "logs", "iam", "s3", "sts", "ssm", "secretsmanager", "kms"):
        module = importlib.import_module(f"awacs.{service}")
        for value in vars(module).values():
            if type(value).__name__ == "Action" and getattr(value, "action", None):
                yield f"{service}:{value.action}"


def nearby(resource: str, context: dict[str, str], target: Target) -> Iterator[tuple[str, dict[str, str]]]:
    """The resource itself, and those of other names, accounts, regions and clusters, each as a call to it comes."""
    yield resource, context
    for old, new in (
        ("ecs-cd", "xecs-cd"),
        ("-dev", "-dev2"),
        ("<LogGroup>", "<LogGroup>2"),
        (ACCOUNT, "999999999999"),
        (target.region, "eu-west-9"),
    ):
        if old in resource:
            yield resource.replace(old, new), {key: value.replace(old, new) for key, value in context.items()}
    if context:
        yield resource, {}


@pytest.mark.parametrize("role", ["ECSTaskRole", "ECSTaskExecutionRole", "InstanceRole"])
@pytest.mark.parametrize("partition", PARTITIONS)
def test_each_role_may_do_what_it_is_for_and_nothing_else(partition: str, role: str) -> None:
    target = PARTITIONS[partition]
    documents = policies(together(target, ECSLaunchType="EC2").resources, role)
    expected = calls(role, target)
    tried: list[tuple[str, dict[str, str]]] = [("*", {})]
    for (_, resource), context in expected.items():
        # Several calls are to the same resource.
        tried += [near for near in nearby(resource, context, target) if near not in tried]
    actions = {*all_actions(), *(action for action, _ in expected)}
    for action in actions:
        for resource, context in tried:
            # A call without a resource is the same whatever resource it is tried with.
            wanted = expected.get((action, resource)) == context or (action, "*") in expected
            assert is_allowed(documents, Request(action, resource, context)) == wanted, f"{action} on {resource}"


@pytest.mark.parametrize("role", ["ECSTaskRole", "ECSTaskExecutionRole"])
@pytest.mark.parametrize("partition", PARTITIONS)
def test_only_tasks_of_this_account_and_region_have_the_tasks_roles(partition: str, role: str) -> None:
    target = PARTITIONS[partition]
    trust = properties(together(target).resources, role)["AssumeRolePolicyDocument"]
    arn = f"arn:{partition}:iam::{ACCOUNT}:role/{role}"
    task = f"arn:{partition}:ecs:{target.region}:{ACCOUNT}:task/ecs-cd-dev/0123"

    def trusts(source: str, account: str = ACCOUNT, service: str = "ecs-tasks") -> bool:
        context = {"aws:SourceAccount": account, "aws:SourceArn": source}
        return may_assume(trust, Request("sts:AssumeRole", arn, context, f"{service}.amazonaws.com"))

    assert trusts(task)
    assert not trusts(task, service="ecs")
    assert not trusts(task, service="ec2")
    assert not trusts(task, account="999999999999")
    assert not trusts(task.replace(ACCOUNT, "999999999999"))
    assert not trusts(task.replace(target.region, "eu-west-9"))
    assert not trusts(task.replace(":ecs:", ":ec2:"))
    assert not may_assume(trust, Request("sts:AssumeRole", arn, {}, "ecs-tasks.amazonaws.com"))
    user = f"arn:{partition}:iam::{ACCOUNT}:user/somebody"
    assert not may_assume(
        trust, Request("sts:AssumeRole", arn, {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": task}, user)
    )


@pytest.mark.parametrize("partition", PARTITIONS)
def test_only_ec2_has_the_instances_role(partition: str) -> None:
    target = PARTITIONS[partition]
    trust = properties(together(target, ECSLaunchType="EC2").resources, "InstanceRole")["AssumeRolePolicyDocument"]
    arn = f"arn:{partition}:iam::{ACCOUNT}:role/instance"
    for service, expected in (("ec2", True), ("ecs", False), ("ecs-tasks", False)):
        request = Request("sts:AssumeRole", arn, {}, f"{service}.{SUFFIXES[partition]}")
        assert may_assume(trust, request) == expected


HOSTILE = {
    "VpcCidr": (
        *("", "*", "10.0.0.0", "10.0.0.0/8", "10.0.0.0/15", "10.0.0.0/21", "10.0.0.0/24", "10.0.0.0/28"),
        *("10.0.16.0/19", "10.0.8.0/20", "10.0.0.1/16", "10.1.1.0/16", "192.168.0.0/15", "192.169.0.0/16"),
        *("172.15.0.0/16", "172.17.0.0/16", "172.32.0.0/16", "8.8.0.0/16", "100.64.0.0/16", "169.254.0.0/16"),
        *("10.0.0.0/16\n", " 10.0.0.0/16", "10.0.0.0/16,10.1.0.0/16", "010.0.0.0/16", "fd00::/16", "${X}"),
    ),
    "CertificateArn": ("none", "arn", "*", "https://example.com", "certificate/12345678-1234-1234-1234-123456789abc"),
    "HealthCheckPath": ("", "healthz", "/a b", "http://x/", "/" + "p" * 1024),
    "ECSLaunchType": ("", "fargate", "Ec2", "EXTERNAL", "FARGATE_SPOT", "FARGATE,EC2"),
    "ECSInstanceType": ("", "t3.nano", "t3", "t4g.small", "T3.small", "m5.large"),
    "ECSTaskSize": ("", "256", "256 CPU units, 4096 MiB", "256 CPU units, 511 MiB", "0 CPU units, 0 MiB"),
    "ECSTaskCount": ("", "-1", "11", "0-2", "2-1", "1-11", "1-", "1 - 2", "1.5", "one", "1000000"),
    "AvailabilityZone1": ("us-east-1", "a", "us-east-1a,us-east-1b", "use1-az1", "us-east-1a\n", "us-east-1-atl-1a"),
    "AvailabilityZone2": ("us-east-1", "*", "US-EAST-1A", "${AWS::Region}a"),
    "ContainerInsights": ("", "true", "Enabled", "on"),
    "LoadBalancerDeletionProtection": ("", "yes", "True", "enabled"),
    "ECSClusterName": ("", "a b", "c" * 256, "arn:aws:ecs:us-east-1:111122223333:cluster/name"),
    "ECSServiceName": ("", "a b", "s" * 256, "a/b"),
    "ECSTaskRoleName": ("", "a b", "path/name", "n" * 65, "arn:aws:iam::111122223333:role/name"),
    "ECSTaskExecutionRoleName": ("", "a b", "path/name", "n" * 65),
    "ECSTaskImage": ("", "a b", "image@latest", "$(id)", "image:tag\n", "i" * 328),
    "EnvironmentName": ("", " ", " development", "two\nlines", "w" * 81),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in HOSTILE.items() for value in values])
def test_hostile_values_are_refused_at_every_form_that_asks(name: str, value: str) -> None:
    for template in (TOGETHER, *APART):
        if name in TEMPLATES[template]["Parameters"]:
            with pytest.raises(ParameterError) as caught:
                check_parameters(TEMPLATES[template], {**parameters(template), name: value})
            assert caught.value.field == name


@pytest.mark.parametrize("partition", PARTITIONS)
def test_an_arn_that_is_no_certificates_is_refused(partition: str) -> None:
    good = certificate(partition)
    check_parameters(TEMPLATES[TOGETHER], {**VALUES, "CertificateArn": good})
    for bad in (
        good.replace(":acm:", ":iam:"),
        # A region that only another partition has.
        good.replace(PARTITIONS[partition].region, "cn-north-1" if partition == "aws" else "us-east-1"),
        good.replace(":certificate/", ":certificate-authority/"),
        good.replace(PARTITIONS[partition].region, ""),
        good.replace(ACCOUNT, "1234"),
        good.replace(f"arn:{partition}", "arn:aws-other"),
        good[:-1],
        good + "0",
        good.upper(),
        f" {good}",
        f"{good}\n",
        f"{good},{good}",
    ):
        with pytest.raises(ParameterError, match="CertificateArn"):
            check_parameters(TEMPLATES[TOGETHER], {**VALUES, "CertificateArn": bad})


def test_rules_refuse_what_cannot_work() -> None:
    with pytest.raises(ParameterError, match="ECSTaskRoleName and ECSTaskExecutionRoleName are the same"):
        together(ECSTaskRoleName="one", ECSTaskExecutionRoleName="one")
    for name in APART[1:]:
        values = parameters(name)
        with pytest.raises(ParameterError, match="PublicSubnet1Id and PublicSubnet2Id are the same"):
            check_parameters(TEMPLATES[name], {**values, "PublicSubnet2Id": values["PublicSubnet1Id"]})


@pytest.mark.parametrize("architecture", ["X86_64", "ARM64"])
def test_tasks_that_are_larger_than_the_instances_are_refused(architecture: Any) -> None:
    # https://aws.amazon.com/ec2/instance-types/t3/; a tenth of it is the instance's own.
    room = {"small": 0.9 * 2048, "medium": 0.9 * 4096, "large": 0.9 * 8192, "xlarge": 0.9 * 16384}
    template = load(to_yaml(build_ecs_environment(EcsEnvironmentSettings(architecture=architecture))))
    form = template["Parameters"]
    for instance_type in form["ECSInstanceType"]["AllowedValues"]:
        for size in form["ECSTaskSize"]["AllowedValues"]:
            values = {**VALUES, "ECSInstanceType": instance_type, "ECSTaskSize": size}
            check_parameters(template, {**values, "ECSLaunchType": "FARGATE"})
            fits = int(size.split(" ")[3]) <= room[instance_type.partition(".")[2]]
            with nullcontext() if fits else pytest.raises(ParameterError, match=f"A {instance_type} instance"):
                check_parameters(template, {**values, "ECSLaunchType": "EC2"})


def test_every_task_size_is_one_that_fargate_has() -> None:
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
    memory = {512: (1, 2, 3, 4), 1024: range(2, 9), 2048: range(4, 17), 4096: range(8, 31)}
    legal = {(256, 512), (256, 1024), (256, 2048)} | {(cpu, 1024 * gb) for cpu, each in memory.items() for gb in each}
    for size in TEMPLATES[TOGETHER]["Parameters"]["ECSTaskSize"]["AllowedValues"]:
        cpu, mib = re.fullmatch(r"(\d+) CPU units, (\d+) MiB", size).groups()  # type: ignore[union-attr]
        assert (int(cpu), int(mib)) in legal


def test_architecture_picks_instances_image_and_platform() -> None:
    settings = EcsEnvironmentSettings(architecture="ARM64")
    template = load(to_yaml(build_ecs_environment(settings)))
    values = {**VALUES, "ECSLaunchType": "EC2", "ECSInstanceType": "t4g.small"}
    resources = resolve(template, values, TARGET).resources
    data = properties(resources, "InstanceLaunchTemplate")["LaunchTemplateData"]
    assert data["ImageId"] == "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id"
    assert properties(resources, "ECSTaskDefinition")["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    assert {value.partition(".")[0] for value in template["Parameters"]["ECSInstanceType"]["AllowedValues"]} == {"t4g"}
    assert template["Parameters"]["ECSInstanceType"]["Default"] == "t4g.small"


def test_settings_change_what_they_say() -> None:
    settings = EcsEnvironmentSettings(
        container_port=3000,
        first_image="example.com/own:1",
        cpu_target_percent=75,
        log_retention_days=7,
    )
    values = {**VALUES, "ECSTaskCount": "1-2"}
    resources = resolve(load(to_yaml(build_ecs_environment(settings))), values, TARGET).resources
    assert properties(resources, "TargetGroup")["Port"] == 3000
    assert openings([properties(resources, "LoadBalancerEgress")]) == [("tcp", 3000, 3000, None)]
    (container,) = properties(resources, "ECSTaskDefinition")["ContainerDefinitions"]
    assert (container["Image"], container["PortMappings"][0]["ContainerPort"]) == ("example.com/own:1", 3000)
    policy = properties(resources, "ScalingPolicy")["TargetTrackingScalingPolicyConfiguration"]
    assert policy["TargetValue"] == 75
    assert properties(resources, "LogGroup")["RetentionInDays"] == 7


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"environment": "Dev"}, "environment"),
        ({"architecture": "arm64"}, "architecture"),
        *(({"cpu_target_percent": percent}, "cpu_target_percent") for percent in (9, 91, "60", True, 60.5, None)),
        *(({"container_port": port, "first_image": "x"}, "container_port") for port in (0, 65536, "8080", True)),
        ({"container_port": 80}, "container_port"),
        *(({"first_image": image}, "first_image") for image in ("", "a b", None, "i" * 328)),
        *(({"log_retention_days": days}, "log_retention_days") for days in (0, 2, "7", None, 10_000)),
    ],
)
def test_settings_that_cannot_work_are_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        untyped.EcsEnvironmentSettings(**change)
    assert caught.value.field == f"EcsEnvironmentSettings.{field}"


def test_three_environments_fit_into_one_template() -> None:
    """As parts with a scope, each is what it is alone; a parameter that is not one for each environment is shared."""
    template = Template(Description="three")
    every = scopes(ENVIRONMENTS)
    settings = {scope: EcsEnvironmentSettings(environment=scope.environment) for scope in every}
    entries = {entry.name: entry for scope in every for entry in ecs_environment.entries(settings[scope], scope)}
    labels = [entry.label for entry in entries.values()]
    assert len(labels) == len(set(labels))
    assert {entry.name for entry in entries.values() if not entry.spec.per_environment} == {
        "HealthCheckPath",
        "ECSLaunchType",
        "ECSInstanceType",
        "ECSInstanceImageId",
        "ECSTaskContainerName",
        "AvailabilityZone1",
        "AvailabilityZone2",
    }
    form = add_form(template, entries.values())
    vpc.add_zones(template, form)
    for scope in every:
        ecs_environment.add_environment(template, form, settings[scope], scope)
    whole = load(to_yaml(template))
    values = {"ECSLaunchType": "EC2"}
    together = resolve(whole, values, TARGET)
    for scope in every:
        alone = resolve(load(to_yaml(build_ecs_environment(settings[scope]))), values, TARGET)
        suffix = scope.name("")
        own = {name: each for name, each in together.resources.items() if name.endswith(suffix)}
        text = json.dumps(own).replace(suffix, "").replace(f"stack-{scope.environment.id.lower()}", "stack")
        assert unsigned(json.loads(text)) == unsigned(alone.resources)
        outputs = {name: each for name, each in together.outputs.items() if name.endswith(suffix)}
        assert json.loads(json.dumps(outputs).replace(suffix, "")) == alone.outputs
    with pytest.raises(ParameterError, match="ECSTaskRoleNameForQAEnv"):
        check_parameters(whole, {"ECSTaskRoleNameForQAEnv": "ecs-cd-task-execution-qa"})


def unsigned(resources: dict[str, Any]) -> dict[str, Any]:
    """The resources without the user data, in whose encoding no name can be replaced."""
    resources.get("InstanceLaunchTemplate", {})["Properties"]["LaunchTemplateData"].pop("UserData")
    return resources


def test_part_alone_needs_only_its_own_services() -> None:
    assert services(TEMPLATES["vpc.yaml"]) == {"ec2"}
    assert services(TEMPLATES["load-balancer.yaml"]) == {"ec2", "elbv2"}
    assert services(TEMPLATES["ecs-cluster.yaml"]) == {"autoscaling", "ec2", "ecs"}
    assert services(TEMPLATES["ecs-service.yaml"]) == {"application-autoscaling", "ec2", "ecs", "logs"}


@pytest.mark.parametrize("cluster", ["c", "ecs-cd-dev", "aws", "FARGATE_1", "c" * 251])
def test_cluster_of_any_name_has_a_capacity_provider_that_ecs_takes(cluster: str) -> None:
    """As https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html says."""
    target = Target(account=ACCOUNT, region="us-east-1", stack_name="ecs-" + "s" * 124)
    values = {**parameters("ecs-cluster.yaml"), "ECSLaunchType": "EC2", "ECSClusterName": cluster}
    name = properties(resolve(TEMPLATES["ecs-cluster.yaml"], values, target).resources, "CapacityProvider")["Name"]
    assert re.fullmatch(r"(?!(?i:aws|ecs|fargate))[A-Za-z0-9_-]{1,255}", name)
    longest = int(TEMPLATES["ecs-cluster.yaml"]["Parameters"]["ECSClusterName"]["MaxLength"])
    assert len(name) - len(cluster) + longest <= 255


# What the templates need of the stand-in for CloudFormation.


def resolved(value: Any) -> Any:
    template = {
        "Parameters": {"Text": {"Type": "String", "Default": "256 CPU units, 512 MiB"}},
        "Resources": {
            "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "name"}},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "role"}},
            "Service": {"Type": "AWS::ECS::Service", "Properties": {"ServiceName": "service"}},
            "X": {"Type": "AWS::SNS::Topic", "Properties": {"X": value}},
        },
    }
    return resolve(template, {}, PARTITIONS["aws-cn"]).resources["X"]["Properties"]["X"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::Cidr": ["10.0.16.0/20", "4", "10"]}, ["10.0.16.0/22", "10.0.20.0/22", "10.0.24.0/22", "10.0.28.0/22"]),
        ({"Fn::Select": [1, {"Fn::Cidr": ["10.0.0.0/24", 2, 7]}]}, "10.0.0.128/25"),
        ({"Fn::GetAZs": ""}, ["cn-north-1a", "cn-north-1b", "cn-north-1c"]),
        ({"Fn::GetAZs": {"Ref": "AWS::Region"}}, ["cn-north-1a", "cn-north-1b", "cn-north-1c"]),
        ({"Fn::Base64": {"Fn::Sub": "${Cluster}"}}, "bmFtZQ=="),
        ({"Fn::Split": [" ", {"Ref": "Text"}]}, ["256", "CPU", "units,", "512", "MiB"]),
        ({"Ref": "Cluster"}, "name"),
        ({"Ref": "Role"}, "role"),
        ({"Fn::GetAtt": ["Service", "Name"]}, "service"),
        # A service's ARN is not its name.
        ({"Ref": "Service"}, "<Service>"),
    ],
)
def test_intrinsics(value: Any, expected: Any) -> None:
    assert resolved(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::Cidr": ["10.0.0.0/24", 2, 8]},
        {"Fn::Cidr": ["10.0.0.0/24", 1, 9]},
        {"Fn::Cidr": ["10.0.0.1/24", 1, 4]},
        {"Fn::Cidr": ["10.0.0.0/33", 1, 4]},
    ],
)
def test_blocks_that_do_not_fit(value: Any) -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0|new prefix|netmask"):
        resolved(value)
