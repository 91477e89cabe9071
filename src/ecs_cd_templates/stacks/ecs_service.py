"""The template of an ECS service: its task definition, roles and log group, behind a load balancer.

The service starts with a public image, so that it is stable before anything was pushed. Each
deployment registers a revision of the task definition with another image and sets the service to it;
CloudFormation hears nothing of that. So an update of the stack must not set the service back:

- How many tasks run is for Application Auto Scaling to say, and no property of the service.
- The service names a family of task definitions and no revision, which means the newest active one
  (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html): whatever else an update
  changes of the service, the deployed image stays.
- The task definition has no family of ours, so each that an update makes begins a family of its own
  (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-taskdefinition.html#cfn-ecs-taskdefinition-family).
  The service is set to the new family at once, and an update that is rolled back finds the old family as it was, its
  newest revision the one that was deployed last. No other stack's deployments are in it.
- Only an update that makes a new family needs the running image, because the task definition then has the one that
  the form names: ``ecs-cd-templates deploy-parameters`` tells it.

On Fargate a task in a public subnet has a public address, with which it pulls images and writes logs. On EC2 a task
cannot have one (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking-awsvpc.html):
the instance pulls the image and writes the logs, requests come from the load balancer within the
VPC, but a call that the application itself makes to the internet or to AWS needs a NAT gateway or
VPC endpoints. In private subnets all of that does (``vpc.py``).
"""

from __future__ import annotations

from dataclasses import replace

from awacs import ecr, logs
from troposphere import AWSHelperFn, Equals, If, Join, Not, NoValue, Output, Ref, Select, Split, Template
from troposphere.applicationautoscaling import (
    PredefinedMetricSpecification,
    ScalableTarget,
    ScalingPolicy,
    TargetTrackingScalingPolicyConfiguration,
)
from troposphere.ec2 import SecurityGroup, SecurityGroupEgress, SecurityGroupRule
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

from .. import grants, parameters
from ..cfn.intrinsics import Named, ref, sub
from ..checks import instance
from ..constraints import FARGATE
from ..environments import Scope
from ..grants import Grant
from ..parameters import Entry, Form, Purpose, add_form, entry
from ..settings import EcsEnvironmentSettings
from ..texts import Text
from . import ecs_cluster, load_balancer, vpc
from .ecs_cluster import Cluster
from .load_balancer import LoadBalancer
from .rules import require_distinct
from .vpc import Network

# How long a new task may take before a failed health check counts. A broken image is given up after three tasks
# (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html), well before the
# pipeline's deploy action times out.
GRACE_SECONDS = 60


def build(settings: EcsEnvironmentSettings) -> Template:
    """A template with the service, in an existing VPC and cluster, and behind an existing load balancer.

    Raises :class:`SettingsError` for what is not settings.
    """
    instance("settings", settings, EcsEnvironmentSettings)
    scope = Scope(settings.environment, only=True)
    template = Template(Description=Text("template.ecs-service"))
    public = settings.environment.public_tasks
    subnets = vpc.subnets(public=public)
    form = add_form(
        template,
        [
            *vpc.existing_entries(scope, subnets),
            *load_balancer.existing_entries(),
            *ecs_cluster.existing_entries(scope),
            *entries(settings, scope),
        ],
    )
    vpc.require_distinct_subnets(template, form, scope, subnets)
    add_service(
        template,
        form,
        vpc.existing_network(form, scope, public=public),
        load_balancer.existing_load_balancer(form),
        ecs_cluster.existing_cluster(template, form, scope),
        settings,
        scope,
    )
    return template


def entries(settings: EcsEnvironmentSettings, scope: Scope) -> list[Entry]:
    """The form of a new service."""
    image = entry(parameters.TASK_IMAGE, Purpose.MAKE, scope, fill={"port": str(settings.container_port)})
    return [
        entry(parameters.SERVICE, Purpose.MAKE, scope),
        entry(parameters.CONTAINER, Purpose.MAKE),
        replace(image, default=settings.first_image),
        entry(parameters.TASK_SIZE, Purpose.MAKE, scope),
        entry(parameters.TASK_COUNT, Purpose.MAKE, scope),
        entry(parameters.ECR_REPOSITORY, Purpose.USE, scope),
        entry(parameters.TASK_ROLE, Purpose.MAKE, scope),
        entry(parameters.TASK_EXECUTION_ROLE, Purpose.MAKE, scope),
        entry(parameters.ENVIRONMENT_NAME, Purpose.MAKE, scope),
    ]


def add_service(
    template: Template,
    form: Form,
    network: Network,
    balancer: LoadBalancer,
    cluster: Cluster,
    settings: EcsEnvironmentSettings,
    scope: Scope,
) -> Service:
    """Adds the service with its task definition, roles, log group and security group, and outputs for their names."""
    roles = [form.of(parameters.TASK_ROLE, scope), form.of(parameters.TASK_EXECUTION_ROLE, scope)]
    require_distinct(template, scope.name("DistinctTaskRoles"), roles, Text("rule.own_task_roles"))
    size = form.of(parameters.TASK_SIZE, scope)
    log_group = template.add_resource(_log_group(scope.name("LogGroup"), settings))
    task_role = template.add_resource(_task_role(form, scope))
    execution_role = template.add_resource(_execution_role(form, scope, log_group))
    security_group = template.add_resource(
        _security_group(scope.name("ServiceSecurityGroup"), network, balancer, settings.container_port)
    )
    requests = template.add_resource(
        SecurityGroupEgress(
            scope.name("LoadBalancerEgress"),
            GroupId=ref(balancer.security_group),
            IpProtocol="tcp",
            FromPort=settings.container_port,
            ToPort=settings.container_port,
            DestinationSecurityGroupId=security_group.get_att("GroupId"),
            Description="Requests to the service",
        )
    )
    task_definition = template.add_resource(
        TaskDefinition(
            scope.name("ECSTaskDefinition"),
            RequiresCompatibilities=[ref(form.of(parameters.LAUNCH_TYPE))],
            NetworkMode="awsvpc",
            RuntimePlatform=RuntimePlatform(CpuArchitecture=settings.architecture, OperatingSystemFamily="LINUX"),
            Cpu=_word(size, 0),
            Memory=_word(size, 3),
            TaskRoleArn=task_role.get_att("Arn"),
            ExecutionRoleArn=execution_role.get_att("Arn"),
            ContainerDefinitions=[_container(form, scope, log_group, settings.container_port)],
        )
    )
    service = template.add_resource(
        Service(
            scope.name("ECSService"),
            ServiceName=ref(form.of(parameters.SERVICE, scope)),
            Cluster=ref(cluster.name),
            TaskDefinition=_family(task_definition),
            # On EC2 the cluster's own capacity provider strategy applies, which starts instances as they are needed.
            LaunchType=If(cluster.on_ec2, NoValue, FARGATE),
            # The new tasks first, then the old ones away: one task is enough to stay available, and a deployment
            # whose tasks do not become healthy is given up and undone
            # (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html).
            DeploymentConfiguration=DeploymentConfiguration(
                MinimumHealthyPercent=100,
                MaximumPercent=200,
                DeploymentCircuitBreaker=DeploymentCircuitBreaker(Enable=True, Rollback=True),
            ),
            HealthCheckGracePeriodSeconds=GRACE_SECONDS,
            EnableExecuteCommand=False,
            LoadBalancers=[
                ServiceLoadBalancer(
                    ContainerName=ref(form.of(parameters.CONTAINER)),
                    ContainerPort=settings.container_port,
                    TargetGroupArn=ref(balancer.target_group),
                )
            ],
            NetworkConfiguration=NetworkConfiguration(
                AwsvpcConfiguration=AwsvpcConfiguration(
                    Subnets=network.subnets,
                    SecurityGroups=[security_group.get_att("GroupId")],
                    AssignPublicIp=If(cluster.on_ec2, "DISABLED", "ENABLED") if network.public else "DISABLED",
                )
            ),
        )
    )
    service.DependsOn = [*(each.title for each in network.ready), requests.title]
    # DependsOn takes no condition, but a reference anywhere in a resource has the same effect.
    ready = [each for each in (balancer.ready, cluster.ready) if each is not None]
    if ready:
        service.Metadata = {"CreatedAfter": ready}
    _add_scaling(template, form, cluster, service, settings, scope)
    for spec in (
        parameters.SERVICE,
        parameters.CONTAINER,
        parameters.ECR_REPOSITORY,
        parameters.TASK_ROLE,
        parameters.TASK_EXECUTION_ROLE,
    ):
        description = f"The value of {spec.name} for the other templates"
        value = ref(form.of(spec, scope))
        template.add_output(Output(scope.name(spec.name), Description=description, Value=value))
    return service


def _add_scaling(
    template: Template, form: Form, cluster: Cluster, service: Service, settings: EcsEnvironmentSettings, scope: Scope
) -> None:
    """Adds the least and the most tasks, between which the use of CPU decides where they differ.

    The number of tasks follows at once when one of the two changes, 0 included
    (https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html). A service
    without a number starts with one task, and an update leaves it the number that it has.
    """
    count = ref(form.of(parameters.TASK_COUNT, scope))
    least, most = (Select(number, Split("-", Join("-", [count, count]))) for number in (0, 1))
    scales = template.add_condition(scope.name("ScaleTasks"), Not(Equals(least, most)))
    target = template.add_resource(
        ScalableTarget(
            scope.name("ScalableTarget"),
            ServiceNamespace="ecs",
            ScalableDimension="ecs:service:DesiredCount",
            ResourceId=sub("service/${cluster}/${service}", cluster=cluster.name, service=service.get_att("Name")),
            MinCapacity=least,
            MaxCapacity=most,
        )
    )
    template.add_resource(
        ScalingPolicy(
            scope.name("ScalingPolicy"),
            Condition=scales,
            PolicyName="cpu",
            PolicyType="TargetTrackingScaling",
            ScalingTargetId=Ref(target),
            TargetTrackingScalingPolicyConfiguration=TargetTrackingScalingPolicyConfiguration(
                PredefinedMetricSpecification=PredefinedMetricSpecification(
                    PredefinedMetricType="ECSServiceAverageCPUUtilization"
                ),
                TargetValue=settings.cpu_target_percent,
            ),
        )
    )


def _family(task_definition: TaskDefinition) -> AWSHelperFn:
    """The family's name out of the ARN, which ends in ``task-definition/FAMILY:REVISION``."""
    return Select(0, Split(":", Select(1, Split("/", Ref(task_definition)))))


def _word(value: Named, number: int) -> AWSHelperFn:
    """One word of a value."""
    return Select(number, Split(" ", ref(value)))


def _container(form: Form, scope: Scope, log_group: LogGroup, port: int) -> ContainerDefinition:
    """The container. Its root file system stays writable: the first image writes to it, as do many applications."""
    return ContainerDefinition(
        Name=ref(form.of(parameters.CONTAINER)),
        Image=ref(form.of(parameters.TASK_IMAGE, scope)),
        Essential=True,
        PortMappings=[PortMapping(ContainerPort=port, Protocol="tcp")],
        Environment=[
            EnvironmentVariable(Name="ENVIRONMENT", Value=ref(form.of(parameters.ENVIRONMENT_NAME, scope))),
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


def _task_role(form: Form, scope: Scope) -> Role:
    return Role(
        scope.name("ECSTaskRole"),
        RoleName=ref(form.of(parameters.TASK_ROLE, scope)),
        Description="The role that the application has; give it what the application needs",
        AssumeRolePolicyDocument=grants.trust("ecs-tasks", grants.own_resource([_TASKS])),
    )


def _execution_role(form: Form, scope: Scope, log_group: LogGroup) -> Role:
    """The role that ECS starts tasks with: it pulls from the one repository and writes to the one log group.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    """
    return Role(
        scope.name("ECSTaskExecutionRole"),
        RoleName=ref(form.of(parameters.TASK_EXECUTION_ROLE, scope)),
        Description="The role that ECS starts tasks with",
        AssumeRolePolicyDocument=grants.trust("ecs-tasks", grants.own_resource([_TASKS])),
        Policies=[
            Policy(
                PolicyName="start",
                PolicyDocument=grants.document(
                    _image_pull(form.of(parameters.ECR_REPOSITORY, scope)) + _logs(log_group)
                ),
            )
        ],
    )


# Which task it is is not known before there is one
# (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html).
_TASKS = sub("arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:*")


def _image_pull(repository: Named) -> list[Grant]:
    """What it takes to pull an image from the repository.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ECR_on_ECS.html
    """
    return [
        grants.registry_token(),
        Grant(
            sid="Images",
            actions=(ecr.BatchCheckLayerAvailability, ecr.BatchGetImage, ecr.GetDownloadUrlForLayer),
            resources=(grants.ecr_repository_arn(repository),),
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
