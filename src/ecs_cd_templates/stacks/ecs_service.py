"""The template of an ECS service: its task definition, roles and log group, behind a load balancer.

The service starts with a public image, so that it is stable before anything was pushed. Each
deployment replaces the image and nothing else of the task definition.

On Fargate a task has a public address, with which it pulls images and writes logs. On EC2 a task
cannot have one (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking-awsvpc.html):
the instance pulls the image and writes the logs, requests come from the load balancer within the
VPC, but a call that the application itself makes to the internet or to AWS needs a NAT gateway or
VPC endpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from awacs import ecr, logs
from troposphere import If, NoValue, Output, Parameter, Ref, Select, Split, Template
from troposphere.ec2 import SecurityGroup, SecurityGroupRule
from troposphere.ecs import (
    AwsvpcConfiguration,
    ContainerDefinition,
    DeploymentCircuitBreaker,
    DeploymentConfiguration,
    LogConfiguration,
    NetworkConfiguration,
    PortMapping,
    RuntimePlatform,
    Service,
    TaskDefinition,
)
from troposphere.ecs import Environment as EnvironmentVariable
from troposphere.ecs import LoadBalancer as ServiceLoadBalancer
from troposphere.iam import Policy, Role
from troposphere.logs import LogGroup

from .. import constraints, grants
from ..cfn.intrinsics import Named, ref, sub
from ..constraints import Constraint
from ..grants import Grant
from ..parameters import ECS_GROUP, Field, add_fields, for_scope, own_or_shared
from ..settings import EcsEnvironmentSettings
from . import ecs_cluster, load_balancer, vpc
from .ecs_cluster import Cluster
from .load_balancer import LoadBalancer
from .rules import require_distinct
from .vpc import Network, after_network

# The pairs of CPU units and MiB that the form offers, all of which Fargate takes
# (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html).
TASK_SIZES = (
    (256, 512),
    (256, 1024),
    (512, 1024),
    (512, 2048),
    (1024, 2048),
    (1024, 4096),
    (2048, 4096),
    (2048, 8192),
)
MAX_TASKS = ecs_cluster.MAX_INSTANCES // 2


@dataclass(frozen=True, kw_only=True)
class MadeService:
    """The service and the two roles that its tasks have, which a pipeline's role must be able to pass."""

    service: Service
    task_role: Role
    execution_role: Role


def build(settings: EcsEnvironmentSettings) -> Template:
    """A template with the service, in a VPC, behind a load balancer and in a cluster that are there."""
    template = Template(Description="This template deploys an ECS service that a CI/CD pipeline deploys to")
    asked = [
        *vpc.given_fields(),
        *load_balancer.given_fields(),
        *ecs_cluster.given_fields(),
        *fields(settings),
    ]
    parameters = add_fields(template, asked)
    add_service(
        template,
        parameters,
        vpc.given(template, parameters),
        load_balancer.given(parameters),
        ecs_cluster.given(template, parameters),
        settings,
    )
    return template


def task_size(cpu: int, memory: int) -> str:
    """The size as the form shows it; its first and fourth word are the numbers that ECS wants."""
    return f"{cpu} CPU units, {memory} MiB"


def fields(settings: EcsEnvironmentSettings, suffix: str = "") -> list[Field]:
    """The fields of a service that is made."""
    key = settings.environment.key.lower()
    asked = [
        Field(
            name="ECSServiceName",
            label="What is the ECS Service Name{scope}?",
            group=ECS_GROUP,
            description="Name for the ECS service; the pipelines ask for it.",
            constraint=constraints.ECS_NAME,
            default=f"ecs-cd-sample-app-{key}",
        ),
        Field(
            name="ECSTaskContainerName",
            label="What is the ECS Container Name{scope}?",
            group=ECS_GROUP,
            description="Name of the container whose image each deployment replaces; the pipelines ask for it.",
            constraint=constraints.ECS_NAME,
            default="app",
        ),
        Field(
            name="ECSTaskImage",
            label="Which image should the service start with{scope}?",
            group=ECS_GROUP,
            description=f"Image that answers 200 on port {settings.container_port}, until the first deployment "
            "replaces it. An update that changes the service or its tasks brings it back: give the running image then.",
            constraint=constraints.CONTAINER_IMAGE,
            default=settings.first_image,
        ),
        Field(
            name="ECSTaskSize",
            label="How large should a task be{scope}?",
            group=ECS_GROUP,
            description="CPU and memory of one task, in a combination that Fargate has.",
            constraint=Constraint(
                allowed_values=tuple(task_size(*size) for size in TASK_SIZES),
                words="Choose one of the combinations of CPU and memory.",
            ),
            default=task_size(*TASK_SIZES[0]),
        ),
        Field(
            name="ECSTaskCount",
            label="How many tasks should run{scope}?",
            group=ECS_GROUP,
            description="A deployment starts as many again before it stops the old ones.",
            constraint=Constraint(min_value=1, max_value=MAX_TASKS, words=f"Give a number from 1 to {MAX_TASKS}."),
            default="1",
            type="Number",
        ),
        Field(
            name="ECRRepositoryName",
            label="What is the ECR Repository Name{scope}?",
            group=ECS_GROUP,
            description="ECR repository that tasks may pull images from; the pipeline's stack makes it.",
            constraint=constraints.ECR_REPOSITORY,
            default=f"ecs-cd-sample-app-{key}",
        ),
        Field(
            name="ECSTaskRoleName",
            label="What is the name of the role that tasks have{scope}?",
            group=ECS_GROUP,
            description="Name for the role with which the application calls AWS. It starts without permissions.",
            constraint=constraints.NEW_ROLE_NAME,
            default=f"ecs-cd-task-{key}",
        ),
        Field(
            name="ECSTaskExecutionRoleName",
            label="What is the name of the role that ECS starts tasks with{scope}?",
            group=ECS_GROUP,
            description="Name for the role with which ECS pulls the image and writes the logs.",
            constraint=constraints.NEW_ROLE_NAME,
            default=f"ecs-cd-task-execution-{key}",
        ),
        Field(
            name="EnvironmentName",
            label="What is the environment called{scope}?",
            group=ECS_GROUP,
            description="The application gets it as the environment variable ENVIRONMENT.",
            constraint=constraints.ENVIRONMENT_WORDS,
            default=settings.environment.words,
        ),
    ]
    return for_scope(asked, settings.environment, suffix)


def add_service(
    template: Template,
    parameters: Mapping[str, Parameter],
    network: Network,
    balancer: LoadBalancer,
    cluster: Cluster,
    settings: EcsEnvironmentSettings,
    suffix: str = "",
) -> MadeService:
    """Adds the service with its task definition, roles, log group and security group, and outputs for their names."""
    asked = own_or_shared(parameters, suffix)
    roles = [asked["ECSTaskRoleName"], asked["ECSTaskExecutionRoleName"]]
    message = "What ECS does to start a task is not for the application to do"
    require_distinct(template, f"DistinctTaskRoles{suffix}", roles, message)
    log_group = template.add_resource(_log_group(f"LogGroup{suffix}", settings))
    task_role = template.add_resource(_task_role(f"ECSTaskRole{suffix}", asked["ECSTaskRoleName"]))
    execution_role = template.add_resource(_execution_role(f"ECSTaskExecutionRole{suffix}", asked, log_group))
    security_group = template.add_resource(
        _security_group(f"ServiceSecurityGroup{suffix}", network, balancer, settings.container_port)
    )
    task_definition = template.add_resource(
        TaskDefinition(
            f"ECSTaskDefinition{suffix}",
            Family=Ref(asked["ECSServiceName"]),
            RequiresCompatibilities=[Ref(asked["ECSLaunchType"])],
            NetworkMode="awsvpc",
            RuntimePlatform=RuntimePlatform(CpuArchitecture=settings.architecture, OperatingSystemFamily="LINUX"),
            Cpu=_word(asked["ECSTaskSize"], 0),
            Memory=_word(asked["ECSTaskSize"], 3),
            TaskRoleArn=task_role.get_att("Arn"),
            ExecutionRoleArn=execution_role.get_att("Arn"),
            ContainerDefinitions=[_container(asked, log_group, settings.container_port)],
        )
    )
    service = template.add_resource(
        Service(
            f"ECSService{suffix}",
            ServiceName=Ref(asked["ECSServiceName"]),
            Cluster=ref(cluster.name),
            TaskDefinition=Ref(task_definition),
            DesiredCount=Ref(asked["ECSTaskCount"]),
            # On EC2 the cluster's own capacity provider strategy applies, which starts instances as they are needed.
            LaunchType=If(cluster.on_ec2, NoValue, "FARGATE"),
            # The new tasks first, then the old ones away: one task is enough to stay available, and a deployment
            # whose tasks do not become healthy is given up and undone
            # (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html).
            DeploymentConfiguration=DeploymentConfiguration(
                MinimumHealthyPercent=100,
                MaximumPercent=200,
                DeploymentCircuitBreaker=DeploymentCircuitBreaker(Enable=True, Rollback=True),
            ),
            HealthCheckGracePeriodSeconds=60,
            EnableExecuteCommand=False,
            LoadBalancers=[
                ServiceLoadBalancer(
                    ContainerName=Ref(asked["ECSTaskContainerName"]),
                    ContainerPort=settings.container_port,
                    TargetGroupArn=ref(balancer.target_group),
                )
            ],
            NetworkConfiguration=NetworkConfiguration(
                AwsvpcConfiguration=AwsvpcConfiguration(
                    Subnets=network.subnets,
                    SecurityGroups=[security_group.get_att("GroupId")],
                    AssignPublicIp=If(cluster.on_ec2, "DISABLED", "ENABLED"),
                )
            ),
        )
    )
    after_network(network, service)
    # DependsOn takes no condition, but a reference anywhere in a resource has the same effect.
    ready = [each for each in (balancer.ready, cluster.ready) if each is not None]
    if ready:
        service.Metadata = {"CreatedAfter": ready}
    for name in (
        "ECSServiceName",
        "ECSTaskContainerName",
        "ECRRepositoryName",
        "ECSTaskRoleName",
        "ECSTaskExecutionRoleName",
    ):
        description = f"What the other templates ask for as {name}"
        template.add_output(Output(f"{name}{suffix}", Description=description, Value=Ref(asked[name])))
    return MadeService(service=service, task_role=task_role, execution_role=execution_role)


def _word(parameter: Parameter, number: int) -> Select:
    """One word of a parameter's value."""
    return Select(number, Split(" ", Ref(parameter)))


def _container(asked: Mapping[str, Parameter], log_group: LogGroup, port: int) -> ContainerDefinition:
    """The container. Its root file system stays writable: the first image writes to it, as do many applications."""
    return ContainerDefinition(
        Name=Ref(asked["ECSTaskContainerName"]),
        Image=Ref(asked["ECSTaskImage"]),
        Essential=True,
        PortMappings=[PortMapping(ContainerPort=port, Protocol="tcp")],
        Environment=[
            EnvironmentVariable(Name="ENVIRONMENT", Value=Ref(asked["EnvironmentName"])),
            EnvironmentVariable(Name="PORT", Value=str(port)),
        ],
        LogConfiguration=LogConfiguration(
            LogDriver="awslogs",
            Options={
                "awslogs-group": Ref(log_group),
                "awslogs-region": Ref("AWS::Region"),
                "awslogs-stream-prefix": "ecs",
            },
        ),
    )


def _log_group(title: str, settings: EcsEnvironmentSettings) -> LogGroup:
    """The log group, deleted with the stack; without a name of ours, one that was there before is not in the way."""
    return LogGroup(
        title, DeletionPolicy="Delete", UpdateReplacePolicy="Delete", RetentionInDays=settings.log_retention_days
    )


def _task_role(title: str, name: Parameter) -> Role:
    return Role(
        title,
        RoleName=Ref(name),
        Description="The role that the application has; give it what the application needs",
        AssumeRolePolicyDocument=grants.trust("ecs-tasks", grants.own_resource([_TASKS])),
    )


def _execution_role(title: str, asked: Mapping[str, Parameter], log_group: LogGroup) -> Role:
    """The role that ECS starts tasks with: it pulls from the one repository and writes to the one log group.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    """
    return Role(
        title,
        RoleName=Ref(asked["ECSTaskExecutionRoleName"]),
        Description="The role that ECS starts tasks with",
        AssumeRolePolicyDocument=grants.trust("ecs-tasks", grants.own_resource([_TASKS])),
        Policies=[
            Policy(
                PolicyName="start",
                PolicyDocument=grants.document(_image_pull(asked["ECRRepositoryName"]) + _logs(log_group)),
            )
        ],
    )


# Which task it is is not known before there is one
# (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html).
_TASKS = sub("arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:*")


def _image_pull(repository: Named) -> list[Grant]:
    """What it takes to pull an image from the repository
    (https://docs.aws.amazon.com/AmazonECR/latest/userguide/ECR_on_ECS.html).
    """
    arn = "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/${repository}"
    return [
        # A registry's token has no resource: AWS allows no less than *
        # (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html).
        Grant(sid="RegistryToken", actions=(ecr.GetAuthorizationToken,), resources=("*",)),
        Grant(
            sid="Images",
            actions=(ecr.BatchCheckLayerAvailability, ecr.BatchGetImage, ecr.GetDownloadUrlForLayer),
            resources=(sub(arn, repository=repository),),
        ),
    ]


def _logs(log_group: LogGroup) -> list[Grant]:
    """What it takes to write the container's output to the log group."""
    arn = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${group}:*"
    return [Grant(sid="Log", actions=(logs.CreateLogStream, logs.PutLogEvents), resources=(sub(arn, group=log_group),))]


def _security_group(title: str, network: Network, balancer: LoadBalancer, port: int) -> SecurityGroup:
    """The tasks' group: requests from the load balancer only; whom the application may call is not known here."""
    return SecurityGroup(
        title,
        GroupDescription="Takes requests from the load balancer",
        VpcId=ref(network.vpc),
        SecurityGroupIngress=[
            SecurityGroupRule(
                IpProtocol="tcp",
                FromPort=port,
                ToPort=port,
                SourceSecurityGroupId=ref(balancer.security_group),
                Description="Requests from the load balancer",
            )
        ],
        SecurityGroupEgress=[
            SecurityGroupRule(IpProtocol="-1", CidrIp="0.0.0.0/0", Description="What the application calls")
        ],
    )
