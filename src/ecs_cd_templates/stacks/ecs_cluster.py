"""The template of an ECS cluster: on Fargate, or on EC2 instances that come and go with the tasks.

When instances are fewer than needed ECS starts more, two for the first task, and takes those away again
that are too many, with or without tasks on them. So it drains them: each task gets a successor on another
instance before it is stopped
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-instance-draining.html).

A stack that is deleted must get rid of its instances. Managed termination protection would keep the Auto
Scaling group from ever becoming empty (https://github.com/aws/containers-roadmap/issues/2862), so it is
off. Draining puts a lifecycle hook on the group that stays when the capacity provider is gone, with nobody
left to answer it, and holds each instance for an hour. Therefore the hook is a resource of ours, under the
name that ECS gives it: deleting it comes after the capacity provider and before the group, and lets go of
whatever waits (https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteLifecycleHook.html).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from awacs import ecs
from awacs.aws import Allow, ArnEquals, Condition, PolicyDocument, Principal, Statement
from awacs.sts import AssumeRole
from troposphere import AWSHelperFn, Base64, Equals, If, Output, Ref, Template
from troposphere.autoscaling import AutoScalingGroup, LaunchTemplateSpecification, LifecycleHook
from troposphere.ec2 import (
    EBSBlockDevice,
    IamInstanceProfile,
    LaunchTemplate,
    LaunchTemplateBlockDeviceMapping,
    LaunchTemplateData,
    MetadataOptions,
    NetworkInterfaces,
    SecurityGroup,
    SecurityGroupRule,
)
from troposphere.ecs import (
    AutoScalingGroupProvider,
    CapacityProvider,
    CapacityProviderStrategy,
    ClusterCapacityProviderAssociations,
    ClusterSetting,
    ManagedScaling,
)
from troposphere.ecs import Cluster as EcsCluster
from troposphere.iam import InstanceProfile, Policy, Role

from .. import grants, parameters
from ..cfn.intrinsics import Named, ref, sub
from ..checks import instance
from ..constraints import EC2, MAX_TASKS
from ..environments import Scope
from ..grants import Grant
from ..parameters import Entry, Form, Purpose, add_form, entry
from ..settings import Architecture, EcsEnvironmentSettings
from ..texts import Text
from . import vpc
from .vpc import Network, after_network

# The instance types that the form offers, with their memory in MiB: the smallest has three network interfaces, one
# for itself and one for each of two tasks
# (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html#AvailableIpPerENI).
INSTANCE_MEMORY = {"small": 2048, "medium": 4096, "large": 8192, "xlarge": 16384}
INSTANCE_FAMILIES: dict[Architecture, str] = {"X86_64": "t3", "ARM64": "t4g"}

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html
IMAGE_PARAMETERS: dict[Architecture, str] = {
    "X86_64": "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id",
    "ARM64": "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id",
}

# Even with one task to an instance, a deployment finds room for each new task beside the old one.
MAX_INSTANCES = 2 * MAX_TASKS

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/enable-managed-instance-draining.html
DRAINING_HOOK = "ecs-managed-draining-termination-hook"

# Tasks must not reach the instance's role over the metadata service: they have their own
# (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-config.html).
USER_DATA = """#!/bin/bash
cat >> /etc/ecs/ecs.config <<'END'
ECS_CLUSTER=${cluster}
ECS_AWSVPC_BLOCK_IMDS=true
END
"""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster's name, the condition that it runs on EC2, and what must be there before it takes tasks."""

    name: Named
    on_ec2: str
    ready: AWSHelperFn | None = None


def build(settings: EcsEnvironmentSettings) -> Template:
    """A template with the cluster, whose instances, if any, are in an existing VPC.

    Raises :class:`SettingsError` for what is not settings.
    """
    instance("settings", settings, EcsEnvironmentSettings)
    scope = Scope(settings.environment, only=True)
    template = Template(Description=Text("template.ecs-cluster"))
    public = settings.environment.public_tasks
    subnets = vpc.subnets(public=public)
    form = add_form(template, [*vpc.existing_entries(scope, subnets), *entries(settings, scope)])
    vpc.require_distinct_subnets(template, form, scope, subnets)
    add_cluster(template, form, vpc.existing_network(form, scope, public=public), scope)
    return template


def entries(settings: EcsEnvironmentSettings, scope: Scope) -> list[Entry]:
    """The form of a new cluster."""
    types = tuple(instance_memory(settings.architecture))
    instance_type = entry(parameters.INSTANCE_TYPE, Purpose.MAKE)
    return [
        entry(parameters.CLUSTER, Purpose.MAKE, scope),
        entry(parameters.CONTAINER_INSIGHTS, Purpose.MAKE, scope),
        entry(parameters.LAUNCH_TYPE, Purpose.MAKE),
        replace(instance_type, constraint=replace(instance_type.constraint, allowed_values=types), default=types[0]),
        replace(entry(parameters.INSTANCE_IMAGE, Purpose.MAKE), default=IMAGE_PARAMETERS[settings.architecture]),
    ]


def existing_entries(scope: Scope) -> list[Entry]:
    """The form of a cluster from another stack."""
    return [
        entry(parameters.CLUSTER, Purpose.USE, scope, propose=False, wording="run_in"),
        entry(parameters.LAUNCH_TYPE, Purpose.USE),
    ]


def existing_cluster(template: Template, form: Form, scope: Scope) -> Cluster:
    """The cluster that :func:`existing_entries` ask for."""
    return Cluster(name=form.of(parameters.CLUSTER, scope), on_ec2=_on_ec2(template, form, scope))


def add_cluster(
    template: Template,
    form: Form,
    network: Network,
    scope: Scope,
) -> Cluster:
    """Adds the cluster, the instances if it has any, and outputs for its name and launch type.

    With Fargate it gets no capacity provider: to attach one, ECS needs its service-linked role, which an account
    gets with its first cluster and a moment too late for it. A service of launch type FARGATE needs none.
    """
    on_ec2 = _on_ec2(template, form, scope)
    cluster = template.add_resource(
        EcsCluster(
            scope.name("ECSCluster"),
            ClusterName=ref(form.of(parameters.CLUSTER, scope)),
            ClusterSettings=[
                ClusterSetting(Name="containerInsights", Value=ref(form.of(parameters.CONTAINER_INSIGHTS, scope)))
            ],
        )
    )
    association = _add_instances(template, form, cluster, network, on_ec2, scope)
    for spec, description in (
        (parameters.CLUSTER, "The ECS cluster's name, for the service and the pipelines"),
        (parameters.LAUNCH_TYPE, "What containers run on, for the service"),
    ):
        value = ref(form.of(spec, scope))
        template.add_output(Output(scope.name(spec.name), Description=description, Value=value))
    return Cluster(name=cluster, on_ec2=on_ec2, ready=If(on_ec2, Ref(association), Ref(cluster)))


def instance_memory(architecture: Architecture) -> dict[str, int]:
    """The memory in MiB of each instance type that the form offers, the smallest first."""
    return {f"{INSTANCE_FAMILIES[architecture]}.{size}": memory for size, memory in INSTANCE_MEMORY.items()}


def _on_ec2(template: Template, form: Form, scope: Scope) -> str:
    return template.add_condition(scope.name("UseEC2"), Equals(ref(form.of(parameters.LAUNCH_TYPE)), EC2))


def _add_instances(
    template: Template,
    form: Form,
    cluster: EcsCluster,
    network: Network,
    condition: str,
    scope: Scope,
) -> ClusterCapacityProviderAssociations:
    """Adds the instances' role, security group, launch template and Auto Scaling group, and joins them to the cluster.

    Each refers to the one before, so that a stack is deleted from the last to the first, the cluster after its
    instances.
    """
    role = template.add_resource(_role(scope.name("InstanceRole"), cluster, condition))
    profile = template.add_resource(
        InstanceProfile(scope.name("InstanceProfile"), Condition=condition, Roles=[Ref(role)])
    )
    security_group = template.add_resource(
        _security_group(scope.name("InstanceSecurityGroup"), network, condition=condition)
    )
    launch_template = template.add_resource(
        LaunchTemplate(
            scope.name("InstanceLaunchTemplate"),
            Condition=condition,
            LaunchTemplateData=_instance(form, cluster, profile, security_group, network),
        )
    )
    group = AutoScalingGroup(
        scope.name("AutoScalingGroup"),
        Condition=condition,
        LaunchTemplate=LaunchTemplateSpecification(
            LaunchTemplateId=Ref(launch_template), Version=launch_template.get_att("LatestVersionNumber")
        ),
        VPCZoneIdentifier=network.subnets,
        # Empty until the capacity provider is there: ECS does not manage instances that were there before it
        # (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/asg-capacity-providers.html).
        MinSize="0",
        MaxSize=str(MAX_INSTANCES),
        Tags=[
            {"Key": "Name", "Value": Ref(cluster), "PropagateAtLaunch": True},
            # ECS adds this itself, but not to what the group starts first.
            {"Key": "AmazonECSManaged", "Value": "true", "PropagateAtLaunch": True},
        ],
    )
    # An instance that cannot reach ECS does not join the cluster.
    template.add_resource(after_network(network, group))
    hook = template.add_resource(
        LifecycleHook(
            scope.name("DrainingHook"),
            Condition=condition,
            AutoScalingGroupName=Ref(group),
            LifecycleHookName=DRAINING_HOOK,
            LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
            DefaultResult="CONTINUE",
            HeartbeatTimeout=3600,
        )
    )
    provider = template.add_resource(
        CapacityProvider(
            scope.name("CapacityProvider"),
            DependsOn=hook.title,
            Condition=condition,
            # ECS refuses a name that starts with ecs, as one that CloudFormation makes of the stack's name may
            # (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html).
            Name=sub("ec2-${cluster}", cluster=form.of(parameters.CLUSTER, scope)),
            AutoScalingGroupProvider=AutoScalingGroupProvider(
                AutoScalingGroupArn=Ref(group),
                ManagedScaling=ManagedScaling(Status="ENABLED", TargetCapacity=100),
                ManagedTerminationProtection="DISABLED",
                ManagedDraining="ENABLED",
            ),
        )
    )
    return template.add_resource(
        ClusterCapacityProviderAssociations(
            scope.name("CapacityProviderAssociation"),
            Condition=condition,
            Cluster=Ref(cluster),
            CapacityProviders=[Ref(provider)],
            DefaultCapacityProviderStrategy=[CapacityProviderStrategy(CapacityProvider=Ref(provider), Weight=1)],
        )
    )


def _role(title: str, cluster: EcsCluster, condition: str) -> Role:
    """The role of the instances: what the ECS agent calls for this cluster.

    Pulling images and writing logs is the task execution role's business, on EC2 too
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html).
    """
    # EC2 is the one service here whose principal differs between partitions
    # (https://docs.amazonaws.cn/en_us/IAM/latest/UserGuide/reference_policies_elements_principal.html).
    trust = Statement(Effect=Allow, Principal=Principal("Service", sub("ec2.${AWS::URLSuffix}")), Action=[AssumeRole])
    return Role(
        title,
        Condition=condition,
        Description="The role that the ECS agent on the instances works with",
        AssumeRolePolicyDocument=PolicyDocument(Version="2012-10-17", Statement=[trust]),
        Policies=[Policy(PolicyName="agent", PolicyDocument=grants.document(_agent(cluster)))],
    )


def _agent(cluster: EcsCluster) -> list[Grant]:
    """What the agent calls, on what it may be limited to.

    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEC2ContainerServiceforEC2Role.html and
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
    """
    arn_prefix = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}"
    cluster_arn = sub(f"{arn_prefix}:cluster/${{cluster}}", cluster=cluster)
    return [
        Grant(sid="Endpoint", actions=(ecs.DiscoverPollEndpoint,), resources=("*",)),
        Grant(
            sid="Cluster",
            actions=(
                ecs.DeregisterContainerInstance,
                ecs.RegisterContainerInstance,
                ecs.SubmitAttachmentStateChanges,
                ecs.SubmitContainerStateChange,
                ecs.SubmitTaskStateChange,
            ),
            resources=(cluster_arn,),
        ),
        Grant(
            sid="Instances",
            actions=(ecs.Poll, ecs.StartTelemetrySession),
            resources=(sub(f"{arn_prefix}:container-instance/*"),),
            condition=Condition(ArnEquals({"ecs:cluster": cluster_arn})),
        ),
    ]


def _security_group(title: str, network: Network, *, condition: str) -> SecurityGroup:
    """The instances' own group: nobody calls them, tasks have network interfaces and groups of their own."""
    return SecurityGroup(
        title,
        Condition=condition,
        GroupDescription="Lets the instances reach AWS services and lets nobody in",
        VpcId=ref(network.vpc),
        SecurityGroupEgress=[
            SecurityGroupRule(
                IpProtocol="tcp",
                FromPort=443,
                ToPort=443,
                CidrIp="0.0.0.0/0",
                Description="AWS services and registries",
            )
        ],
    )


def _instance(
    form: Form, cluster: EcsCluster, profile: InstanceProfile, security_group: SecurityGroup, network: Network
) -> LaunchTemplateData:
    return LaunchTemplateData(
        ImageId=ref(form.of(parameters.INSTANCE_IMAGE)),
        InstanceType=ref(form.of(parameters.INSTANCE_TYPE)),
        IamInstanceProfile=IamInstanceProfile(Arn=profile.get_att("Arn")),
        # IMDSv2 only, and its answers do not get past the instance itself
        # (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-IMDS-new-instances.html).
        MetadataOptions=MetadataOptions(HttpTokens="required", HttpPutResponseHopLimit=1),
        NetworkInterfaces=[
            # In a public subnet, a public address is the way to ECS, ECR and the logs.
            NetworkInterfaces(
                DeviceIndex=0, AssociatePublicIpAddress=network.public, Groups=[security_group.get_att("GroupId")]
            )
        ],
        BlockDeviceMappings=[
            LaunchTemplateBlockDeviceMapping(
                DeviceName="/dev/xvda",
                Ebs=EBSBlockDevice(VolumeType="gp3", VolumeSize=30, Encrypted=True, DeleteOnTermination=True),
            )
        ],
        UserData=Base64(sub(USER_DATA, cluster=cluster)),
    )
