"""The template of everything at once: from an empty account to running environments with their pipelines.

It holds all of its resources itself. As nested stacks it would need a folder to read them from, and
every name would have to be handed down; here each name is a reference, which also puts things in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from troposphere import And, Equals, If, Not, NoValue, Or, Output, Parameter, Ref, Template
from troposphere.codecommit import S3, Code

from .. import constraints
from ..cfn.console import add_partitions
from ..cfn.intrinsics import Named
from ..parameters import (
    CODECOMMIT_GROUP,
    Field,
    add_fields,
    environment_suffix,
    pipeline_fields,
)
from ..settings import BuildKind, CodeBuildSettings, EcsEnvironmentSettings, PrerequisitesSettings, QuickStartSettings
from . import code_build, ecs_environment, prerequisites
from .deployment_pipeline import add_pipeline, require_distinct_projects
from .prerequisites import Part
from .rules import OWN_ECR_REPOSITORIES, OWN_PIPELINES, require_own

# What all environments have in common, so that it is asked once.
SHARED = (
    "ECSLaunchType",
    "ECSInstanceType",
    "ECSInstanceImageId",
    "ECSTaskContainerName",
    "ECSTaskSize",
    "HealthCheckPath",
)

_DESCRIPTIONS = {
    "CodeBuildNodejsProjectName": "Name for the CodeBuild project that runs the unit tests, and its log group.",
    "CodeBuildContainerImageProjectName": "Name for the CodeBuild project that builds the image, and its log group.",
    "CodePipelineName": "Name for the pipeline and its event rule.",
    "ECRRepositoryName": "Name for the ECR repository. With a blank lifecycle policy text it is there already.",
    "ECSInstanceType": "EC2 instance type; with Fargate there are no instances. Each environment has one at least, and "
    "a new account's quota of vCPUs may be too small for them all.",
}


def build(settings: QuickStartSettings) -> Template:
    """A template that makes all that the pipelines lean on and deploy to, and the pipelines."""
    count = len(settings.environments)
    template = Template(
        Description=f"This template deploys everything: prerequisites, {count} ECS environments, CodeBuild projects "
        f"and CI/CD pipelines. These cost money while they are there: {count} load balancers, the containers or EC2 "
        "instances, public IPv4 addresses, CloudWatch metrics and logs, pipelines, builds and stored images"
    )
    parameters = add_fields(template, fields(settings))
    _add_rules(template, parameters, settings)
    add_partitions(template)
    needed = prerequisites.add_prerequisites(
        template,
        parameters,
        PrerequisitesSettings(environments=settings.environments, pipeline=settings.pipeline),
        existing=False,
    )
    _seed(template, parameters, needed)
    repository = needed.resources[prerequisites.REPOSITORY.name]
    template.add_output(
        Output(
            "CodeCommitCloneUrl",
            Description="Where to push the application to",
            Value=repository.get_att("CloneUrlHttp"),
        )
    )
    known: dict[str, Named] = {**parameters, **_made_names(needed)}
    builds: tuple[tuple[BuildKind, Part, Part], ...] = (
        ("nodejs", prerequisites.NODEJS_PROJECT, prerequisites.NODEJS_ROLE),
        ("containerImage", prerequisites.IMAGE_PROJECT, prerequisites.IMAGE_ROLE),
    )
    for kind, project, role in builds:
        known[project.name] = code_build.add_project(
            template,
            project.name.removesuffix("Name"),
            name=parameters[project.name],
            role=needed.resources[role.name],
            settings=CodeBuildSettings(kind=kind, architecture=settings.architecture),
        )
    for environment in settings.environments:
        suffix = environment_suffix(environment)
        place = EcsEnvironmentSettings(environment=environment, architecture=settings.architecture)
        made = ecs_environment.add_environment(template, parameters, place, suffix)
        known[f"ECSServiceName{suffix}"] = made.service.get_att("Name")
        add_pipeline(template, known, environment, settings.pipeline, suffix)
    return template


def fields(settings: QuickStartSettings) -> list[Field]:
    """The fields of everything, each once and all with a default."""
    places: dict[str, Field] = {}
    for number, environment in enumerate(settings.environments):
        suffix = environment_suffix(environment)
        place = EcsEnvironmentSettings(environment=environment, architecture=settings.architecture)
        own = ecs_environment.fields(place, suffix, f"10.{number}.0.0/16")
        shared = [field for field in ecs_environment.fields(place) if field.name in SHARED]
        for field in shared + [field for field in own if field.name.removesuffix(suffix) not in SHARED]:
            places.setdefault(field.name, field)
    needed = {field.name: field for field in prerequisites.fields(settings.environments, existing=False)}
    pipelines = {field.name: field for field in _pipeline_fields(settings, {**needed, **places})}
    # Where two ask for one name, the part that makes it says what it may be.
    everything = {**pipelines, **needed, **places}
    first = [name for name in SHARED if name in everything]
    return [_made_here(everything[name]) for name in dict.fromkeys([*first, *everything])]


def _made_here(field: Field) -> Field:
    """The field, described as what this template makes, where by itself it would be another's."""
    for name, description in _DESCRIPTIONS.items():
        if field.name.startswith(name):
            return replace(field, description=description)
    return field


def _pipeline_fields(settings: QuickStartSettings, known: Mapping[str, Field]) -> Iterator[Field]:
    """What only the pipelines ask for, with a default as well, and what the repository starts with."""
    branches = {
        f"CodeCommitBranchName{environment_suffix(environment)}": environment.default_branch or environment.key.lower()
        for environment in settings.environments
    }
    for field in pipeline_fields(settings.environments):
        if field.name not in known:
            yield replace(field, default=branches.get(field.name, field.default))
    bucket, key = settings.sample_app or ("", "")
    yield Field(
        name="SampleAppBucketName",
        label="Which S3 bucket holds the archive that the repository starts with? (blank: an empty repository)",
        group=CODECOMMIT_GROUP,
        description="Bucket of a ZIP archive of the application; publishing puts the sample application's into yours.",
        constraint=constraints.OPTIONAL_BUCKET_NAME,
        default=bucket,
    )
    yield Field(
        name="SampleAppKey",
        label="Under which key? (blank: an empty repository)",
        group=CODECOMMIT_GROUP,
        description="Key of that archive. It becomes the first commit, on the branch of the first environment.",
        constraint=constraints.OBJECT_KEY,
        default=key,
    )


def _made_names(needed: prerequisites.Prerequisites) -> dict[str, Named]:
    """The names of what is made here, read off the resources, so that they are there before what uses them."""
    names: dict[str, Named] = {part.name: needed.resources[part.name] for part in prerequisites.ROLES}
    names[prerequisites.BUCKET.name] = needed.resources[prerequisites.BUCKET.name]
    names[prerequisites.REPOSITORY.name] = needed.resources[prerequisites.REPOSITORY.name].get_att("Name")
    if prerequisites.TOPIC.name in needed.resources:
        names[prerequisites.TOPIC.name] = needed.resources[prerequisites.TOPIC.name].get_att("TopicName")
    return names


def _seed(template: Template, parameters: Mapping[str, Parameter], needed: prerequisites.Prerequisites) -> None:
    """Lets the repository start with the archive, if one is named."""
    bucket, key = parameters["SampleAppBucketName"], parameters["SampleAppKey"]
    template.add_condition("HasSampleApp", And(Not(Equals(Ref(bucket), "")), Not(Equals(Ref(key), ""))))
    branch = next(name for name in parameters if name.startswith("CodeCommitBranchName"))
    archive = Code(S3=S3(Bucket=Ref(bucket), Key=Ref(key)), BranchName=Ref(parameters[branch]))
    needed.resources[prerequisites.REPOSITORY.name].Code = If("HasSampleApp", archive, NoValue)


def _add_rules(template: Template, parameters: Mapping[str, Parameter], settings: QuickStartSettings) -> None:
    """Refuses one name for two things of the same kind, which could not both be made."""
    require_distinct_projects(template, parameters)
    for own in (
        OWN_PIPELINES,
        OWN_ECR_REPOSITORIES,
        ("DistinctECSClusters", "ECSClusterName", "an ECS cluster"),
        ("DistinctTaskRoles", "ECSTaskRoleName", "a task role"),
        ("DistinctTaskExecutionRoles", "ECSTaskExecutionRoleName", "a task execution role"),
        ("DistinctAddresses", "VpcCidr", "addresses"),
    ):
        require_own(template, parameters, settings.environments, own)
    blank = [Equals(Ref(parameters[name]), "") for name in ("SampleAppBucketName", "SampleAppKey")]
    whole = {
        "Assert": Or(And(*blank), Not(Or(*blank))),
        "AssertDescription": "Give both the bucket and the key of the archive, or neither.",
    }
    template.add_rule("WholeSampleApp", {"Assertions": [whole]})
