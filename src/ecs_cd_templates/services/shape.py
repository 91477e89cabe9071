"""What a settings file can say: its keys, what each takes, and what each means.

These are records of their own, and not the settings that templates are made from, because a file says less and more:
a key may be left out at one level and given at another, and beside what shapes a template there are the values of its
parameters. Where a key and a setting are the same thing, the choices, patterns and numbers here are the setting's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct

from .. import constraints
from ..cfn.constraint import Constraint
from ..cfn.partitions import PARTITIONS
from ..constraints import MAX_TASKS, TASK_SIZES
from ..environments import IMAGES_TO_KEEP, Approval
from ..grants import PERMISSIONS
from ..keys import Maybe, about, choice, limits, number, text
from ..parameters import NETWORK_CIDR
from ..rollouts import ADMINISTRATION_ROLE, EXECUTION_ROLE, UNIT_ID, Permissions
from ..settings import (
    APPROVAL_MINUTES,
    CPU_TARGET_PERCENT,
    DEPLOY_MINUTES,
    MAX_ENVIRONMENTS_AT_ONCE,
    PORTS,
    Architecture,
    PipelineType,
    TagMutability,
)
from ..sources import ENVIRONMENT_KEYS, KEYS, KINDS
from ..steps import BUILD_MINUTES, COMPUTE_TYPES, MAX_STEPS

ApprovalMessage = Literal["shown", "hidden"]

# This is ours: in each of a dozen accounts and regions as many as one stack holds.
MAX_ENVIRONMENTS = 12 * MAX_ENVIRONMENTS_AT_ONCE

_UNIT = Constraint(
    pattern=f"^{UNIT_ID}$",
    message="give the ID of an organizational unit, such as ou-ab12-cd34ef56, or of the root",
)
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html
_ACCOUNT = Constraint(pattern="^[0-9]{12}$", message='give the 12 digits in quotes, such as "111122223333"')
_REGION = Constraint(
    pattern=f"^(?:{'|'.join(partition.region_pattern for partition in PARTITIONS.values())})$",
    message=f"give a region such as {PARTITIONS['aws'].example_region}",
)
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
_VPC = Constraint(pattern="^vpc-(?:[0-9a-f]{8}|[0-9a-f]{17})$", message="give the ID of a VPC, such as vpc-0a1b2c3d")
_SUBNET = Constraint(
    pattern="^subnet-(?:[0-9a-f]{8}|[0-9a-f]{17})$", message="give the ID of a subnet, such as subnet-0a1b2c3d"
)
_SIZES = ", ".join(f"{cpu}/{memory}" for cpu, memory in TASK_SIZES)
_LOG_DAYS = ", ".join(constraints.LOG_RETENTION.allowed_values or ())

_PROPERTY_NAMES = {
    "maxLength": constraints.APPLICATION_NAME.max_length,
    "minLength": constraints.APPLICATION_NAME.min_length,
    "pattern": constraints.APPLICATION_NAME.pattern,
}

Machine: TypeAlias = Annotated[
    str,
    text(
        "What the build runs in: a maintained CodeBuild image that fits the architecture, or an image of yours. "
        "The default is the newest maintained Amazon Linux image",
        None,
        "aws/codebuild/amazonlinux-aarch64-standard:4.0",
    ),
]
ComputeType: TypeAlias = Annotated[str, choice("How large the machine of the build is", COMPUTE_TYPES)]
BuildMinutes: TypeAlias = Annotated[int, number("After how many minutes the build is stopped", BUILD_MINUTES)]
Cache: TypeAlias = Annotated[bool, about("Whether what one build leaves behind speeds the next one up")]
Buildspec: TypeAlias = Annotated[
    str, text("The file in the application that says what the build runs", None, "buildspec_scan.yml")
]
Region: TypeAlias = Annotated[str, text("The region that the environment is in", _REGION, "eu-west-1")]
Account: TypeAlias = Annotated[
    str, text("The account that the environment is in: 12 digits in quotes", _ACCOUNT, "111122223333")
]
KeyArn: TypeAlias = Annotated[
    str,
    text(
        "The ARN of a KMS key of yours, which artifacts, approval requests and images are encrypted with",
        constraints.KMS_KEY_ARN,
    ),
]
Subnet: TypeAlias = Annotated[str, text("The ID of a subnet", _SUBNET)]


class _Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all of them have in common: keys that are known, and in any order."""


def _record(name: str, description: str, said: Mapping[str, Any], base: type[Struct] = _Record) -> type[Struct]:
    """A record with these keys, each of which may be left out, behind those of the base."""
    fields = [(key, kind | UnsetType, UNSET) for key, kind in said.items()]
    return defstruct(name, fields, bases=(base,), namespace={"__doc__": description}, frozen=True, kw_only=True)


if TYPE_CHECKING:
    SourceEntry: TypeAlias = _Record
else:
    SourceEntry = _record(
        "SourceEntry", f"Where the application is: {', or '.join(kind.called for kind in KINDS)}.", KEYS
    )


class Build(_Record, frozen=True, kw_only=True):
    """How a usual build runs."""

    buildspec: Maybe[Buildspec] = UNSET
    image: Maybe[Machine] = UNSET
    compute_type: Maybe[ComputeType] = UNSET
    timeout_minutes: Maybe[BuildMinutes] = UNSET
    cache: Maybe[Cache] = UNSET


class Step(Build, frozen=True, kw_only=True):
    """A further build in every pipeline."""

    name: Annotated[
        str, text("Letters and digits, the first a capital; project and role are named after it", None, "SecurityScan")
    ]
    display_name: Maybe[Annotated[str, about("What forms call it; by default the name in words")]] = UNSET
    after: Maybe[
        Annotated[
            str,
            text("What it follows: source, tests, image, or the name of another step; by default tests", None, "image"),
        ]
    ] = UNSET
    privileged: Maybe[Annotated[bool, about("Whether Docker may run in it")]] = UNSET
    permissions: Maybe[
        Annotated[
            list[Annotated[str, choice("A permission", tuple(PERMISSIONS))]],
            about("What its role may do besides writing its log, and reading and writing artifacts"),
        ]
    ] = UNSET


class TaskRange(_Record, frozen=True, kw_only=True):
    """The least and the most tasks; between them, the use of CPU decides."""

    min: Annotated[int, number("The least tasks", (1, MAX_TASKS))]
    max: Annotated[int, number("The most tasks", (1, MAX_TASKS))]


class TaskSize(_Record, frozen=True, kw_only=True):
    """How large a task is."""

    cpu: Annotated[int, about(f"CPU units, of which 1024 are a vCPU; with the memory one of {_SIZES}")]
    memory: Annotated[int, about(f"MiB; with the CPU units one of {_SIZES}")]


class ExistingNetwork(_Record, frozen=True, kw_only=True):
    """A VPC that there is, and two subnets of it in each list, in two availability zones."""

    vpc: Annotated[str, text("The ID of the VPC", _VPC, "vpc-0a1b2c3d4e5f60718")]
    public_subnets: Maybe[
        Annotated[
            list[Subnet],
            Meta(
                description="Two public subnets: for the load balancer, and without private ones for the tasks",
                min_length=2,
                max_length=2,
            ),
        ]
    ] = UNSET
    private_subnets: Maybe[
        Annotated[
            list[Subnet],
            Meta(
                description="Two private subnets: for the tasks, and without public ones for the load balancer",
                min_length=2,
                max_length=2,
            ),
        ]
    ] = UNSET


class _Environment(_Record, frozen=True, kw_only=True):
    """What can be said of an environment, whatever the source."""

    branch: Maybe[
        Annotated[str, text("The branch that is deployed; by default the ID in lower case", constraints.BRANCH, "main")]
    ] = UNSET
    approval: Maybe[
        Annotated[
            Literal["none", Approval],
            about("What waits until a person approves: nothing, the builds, or the deployment"),
        ]
    ] = UNSET
    production: Maybe[
        Annotated[bool, about("Whether it is worth Container Insights and a protected load balancer")]
    ] = UNSET
    images_to_keep: Maybe[Annotated[int, number("The images that ECR keeps", IMAGES_TO_KEEP)]] = UNSET
    release_tags: Maybe[
        Annotated[
            list[Annotated[str, about("A pattern of Git tags")]],
            Meta(
                description="Git tags, as patterns, whose push starts the pipeline as well; with a connection only",
                examples=[["v*"]],
            ),
        ]
    ] = UNSET
    tasks: Maybe[
        Annotated[
            Annotated[int, Meta(ge=0, le=MAX_TASKS)] | TaskRange,
            Meta(
                description=f"How many tasks run: a number, or min and max, up to {MAX_TASKS}; 0 pauses the service",
                examples=[2, {"min": 2, "max": 6}],
            ),
        ]
    ] = UNSET
    size: Maybe[
        Annotated[TaskSize, Meta(description="How large a task is", examples=[{"cpu": 256, "memory": 512}])]
    ] = UNSET
    certificate: Maybe[
        Annotated[str, text("The ARN of the load balancer's certificate, for HTTPS", constraints.CERTIFICATE_ARN)]
    ] = UNSET
    network: Maybe[
        Annotated[Literal["new"] | ExistingNetwork, about("A new VPC, or one that there is, with the subnets to use")]
    ] = UNSET
    container_insights: Maybe[
        Annotated[
            str,
            choice("The metrics of Container Insights", constraints.CONTAINER_INSIGHTS.allowed_values or ()),
        ]
    ] = UNSET
    deletion_protection: Maybe[Annotated[bool, about("Whether the load balancer is protected from deletion")]] = UNSET
    account: Maybe[Account] = UNSET
    region: Maybe[Region] = UNSET
    key: Maybe[KeyArn] = UNSET


if TYPE_CHECKING:
    EnvironmentOverride: TypeAlias = _Environment
else:
    EnvironmentOverride = _record(
        "EnvironmentOverride", "What one service has otherwise in an environment.", ENVIRONMENT_KEYS, _Environment
    )


class EnvironmentEntry(EnvironmentOverride, frozen=True, kw_only=True):
    """An environment of every service. One of the usual IDs has what the usual one has, unless it says otherwise."""

    id: Annotated[str, text("Letters and digits; names of resources and parameters have it in them", None, "Dev")]
    display_name: Maybe[Annotated[str, text("What forms call it; by default the ID", None, "quality assurance")]] = (
        UNSET
    )


class Defaults(_Record, frozen=True, kw_only=True):
    """What every service has that does not say otherwise."""

    source: Maybe[Annotated[SourceEntry, about("Where the application is, and what starts the pipelines")]] = UNSET
    architecture: Maybe[Annotated[Architecture, about("The processor that images are built for and run on")]] = UNSET
    pipeline_type: Maybe[Annotated[PipelineType, about("Pipelines of type V1 cannot roll back")]] = UNSET
    rollback_on_failure: Maybe[
        Annotated[bool, about("Whether a failed deployment returns to the last one that succeeded; V2 only")]
    ] = UNSET
    tag_mutability: Maybe[Annotated[TagMutability, about("May a pushed tag be changed in ECR")]] = UNSET
    scan_on_push: Maybe[Annotated[bool, about("Whether ECR scans each pushed image")]] = UNSET
    approval_message: Maybe[Annotated[ApprovalMessage, about("The commit's message in approval requests")]] = UNSET
    approval_email: Maybe[
        Annotated[str, text("Who is asked for approvals by e-mail", constraints.EMAIL, "ops@example.com")]
    ] = UNSET
    approval_timeout_minutes: Maybe[
        Annotated[int, number("After how many minutes a request without an answer fails the run", APPROVAL_MINUTES)]
    ] = UNSET
    deployment_timeout_minutes: Maybe[
        Annotated[int, number("How many minutes a deployment may take", DEPLOY_MINUTES)]
    ] = UNSET
    tests: Maybe[Annotated[Build, about("The unit tests; with a buildspec of their own they need no Node.js")]] = UNSET
    image: Maybe[Annotated[Build, about("The build of the container image")]] = UNSET
    steps: Maybe[
        Annotated[list[Step], Meta(description="Further builds in every pipeline", max_length=MAX_STEPS - 2)]
    ] = UNSET
    launch_type: Maybe[Annotated[str, choice("What containers run on", constraints.LAUNCH_TYPES)]] = UNSET
    instance_type: Maybe[
        Annotated[str, text("The type of the instances, on EC2; it fits the architecture", None, "t4g.small")]
    ] = UNSET
    port: Maybe[Annotated[int, number("Where the application listens", PORTS)]] = UNSET
    first_image: Maybe[
        Annotated[
            str,
            text(
                "What a service runs until its first deployment; it answers 200 on the port",
                constraints.CONTAINER_IMAGE,
                "public.ecr.aws/nginx/nginx-unprivileged:stable-alpine",
            ),
        ]
    ] = UNSET
    cpu_target_percent: Maybe[
        Annotated[int, number("The use of CPU that is kept where there are least and most tasks", CPU_TARGET_PERCENT)]
    ] = UNSET
    health_check_path: Maybe[
        Annotated[str, text("The path that the load balancer asks for", constraints.HEALTH_CHECK_PATH, "/health")]
    ] = UNSET
    log_retention_days: Maybe[Annotated[int, about(f"How long logs are kept: {_LOG_DAYS}")]] = UNSET
    artifact_expiration_days: Maybe[
        Annotated[
            int,
            number(
                "How long artifacts are kept",
                (constraints.DAYS.min_value or 1, constraints.DAYS.max_value or 1),
            ),
        ]
    ] = UNSET
    network_cidr: Maybe[
        Annotated[
            str,
            text("The private network that new VPCs are cut from", constraints.VPC_CIDR, str(NETWORK_CIDR.default)),
        ]
    ] = UNSET
    key: Maybe[KeyArn] = UNSET
    tags: Maybe[
        Annotated[
            dict[str, Annotated[str, about("The tag's value")]],
            Meta(
                description="Tags of everything that takes tags; a service's are added to those in defaults",
                examples=[{"team": "checkout"}],
            ),
        ]
    ] = UNSET


class ServiceEntry(Defaults, frozen=True, kw_only=True):
    """One service: what it has otherwise than the defaults say."""

    environments: Maybe[
        Annotated[
            dict[str, Annotated[EnvironmentOverride, about("What it has otherwise in this environment")]],
            about("What the service has otherwise in an environment, by the environment's ID"),
        ]
    ] = UNSET


class RolloutEntry(_Record, frozen=True, kw_only=True):
    """How stack sets reach the accounts."""

    permissions: Annotated[
        Permissions, about("Whose roles make the stacks: your own in each account, or those of AWS Organizations")
    ]
    organizational_units: Maybe[
        Annotated[
            list[Annotated[str, text("The ID of a unit, or of the root", _UNIT, "r-ab12")]],
            Meta(
                description="The units that the accounts are in, best the root alone: taking a unit out deletes the "
                "stacks in its accounts; with service_managed only",
                min_length=1,
            ),
        ]
    ] = UNSET
    administration_role: Maybe[
        Annotated[
            str,
            text(
                "The name of the role that stack sets work with; with self_managed only",
                constraints.ROLE_NAME,
                ADMINISTRATION_ROLE,
            ),
        ]
    ] = UNSET
    execution_role: Maybe[
        Annotated[
            str,
            text(
                "The name of the role in each account; with self_managed only",
                constraints.NEW_ROLE_NAME,
                EXECUTION_ROLE,
            ),
        ]
    ] = UNSET
    delegated_admin: Maybe[
        Annotated[
            bool,
            about("Whether the rollout's account is a delegated administrator; with service_managed only"),
        ]
    ] = UNSET


class SettingsFile(_Record, frozen=True, kw_only=True):
    """Services on Amazon ECS, and the pipelines that deliver them: the settings file of ecs-cd-templates."""

    defaults: Maybe[Annotated[Defaults, about("What every service has that does not say otherwise")]] = UNSET
    environments: Maybe[
        Annotated[
            list[EnvironmentEntry],
            Meta(
                description="The environments of every service, a new one last; by default the usual three",
                min_length=1,
                max_length=MAX_ENVIRONMENTS,
            ),
        ]
    ] = UNSET
    services: Annotated[
        dict[
            Annotated[str, Meta(**limits(constraints.APPLICATION_NAME))],
            Annotated[ServiceEntry, about("A service; {} has all from the defaults")],
        ],
        Meta(
            description="The services, by name: everything that a service has is named after it",
            min_length=1,
            # msgspec 0.22 is the first that tells this by itself.
            extra_json_schema={"propertyNames": _PROPERTY_NAMES},
        ),
    ]
    rollout: Maybe[Annotated[RolloutEntry, about("How stack sets reach the accounts")]] = UNSET
