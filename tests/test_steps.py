"""A build step is one record, and everything else about it follows from the record."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from awacs import s3
from botocore.session import get_session
from troposphere import GetAtt

import ecs_cd_templates
from ecs_cd_templates import (
    CONTAINER_IMAGE,
    ENVIRONMENTS,
    UNIT_TESTS,
    BuildStep,
    Environment,
    PipelineSettings,
    PrerequisitesSettings,
    QuickStartSettings,
    RenderSettings,
    SettingsError,
    build_prerequisites,
    build_quick_start,
    catalog,
    constraints,
    grants,
    names,
    to_yaml,
)
from ecs_cd_templates.cfn.evaluation import Target, resolve
from ecs_cd_templates.cfn.intrinsics import walk
from ecs_cd_templates.environments import MAX_ID_LENGTH, Scope
from ecs_cd_templates.iam.evaluator import Request, is_allowed
from ecs_cd_templates.launch.role_policies import role_policies
from ecs_cd_templates.sources import KINDS, CodeCommit
from ecs_cd_templates.stacks import prerequisites
from ecs_cd_templates.steps import MAX_STEP_NAME_LENGTH, OTHER_ROLES, placed, unit_tests, usual_further
from ecs_cd_templates.texts import LANGUAGES, Text
from support import PARTITIONS, TARGET, data, load

# Read through Any: much of what is tried here a type checker would refuse before we could.
untyped: Any = ecs_cd_templates

CONTRACT = (UNIT_TESTS, CONTAINER_IMAGE)
SCAN = BuildStep(name="OwnCheck", display_name="own check", buildspec="buildspec_scan.yml")
WITH_SCAN = RenderSettings(pipeline=PipelineSettings(steps=[UNIT_TESTS, SCAN, CONTAINER_IMAGE]))


def test_names_are_those_of_the_contract() -> None:
    assert [step.file_name for step in CONTRACT] == ["code-build-nodejs.yaml", "code-build-containerImage.yaml"]
    assert [step.project.name for step in CONTRACT] == [
        "CodeBuildNodejsProjectName",
        "CodeBuildContainerImageProjectName",
    ]
    assert [step.role.default_for(None) for step in CONTRACT] == [
        "ecs-cd-codebuild-nodejs",
        "ecs-cd-codebuild-container-image",
    ]


def test_a_step_more_is_in_every_pipeline_between_its_neighbours() -> None:
    template = data(WITH_SCAN)["quick-start.yaml"]
    resources = resolve(template, {}, TARGET).resources
    for environment in WITH_SCAN.environments:
        name = f"sample-app-{environment.id.lower()}-owncheck"
        project = resources[f"CodeBuildOwnCheckProjectFor{environment.id}Env"]["Properties"]
        assert project["Name"] == name
        assert project["Source"] == {"Type": "CODEPIPELINE", "BuildSpec": "buildspec_scan.yml"}
        assert project["Environment"]["PrivilegedMode"] is False
        assert project["ServiceRole"].endswith(f":role/{name}")
        pipeline = resources[f"PipelineFor{environment.id}Env"]["Properties"]
        builds = [
            action for action in pipeline["Stages"][1]["Actions"] if action["ActionTypeId"]["Provider"] == "CodeBuild"
        ]
        assert [action["Name"] for action in builds] == ["BuildApp", "OwnCheck", "BuildContainer"]
        tests, scan, image = builds
        assert tests["RunOrder"] < scan["RunOrder"] < image["RunOrder"]
        assert scan["Configuration"] == {"ProjectName": name}
        # It looks at what the tests passed on, and so does the image.
        assert scan["InputArtifacts"] == image["InputArtifacts"] == tests["OutputArtifacts"]
        assert "OutputArtifacts" not in scan


def test_a_step_after_the_image_gets_the_application_and_not_the_image_definitions() -> None:
    after = BuildStep(name="Sign", output="Signed")
    settings = RenderSettings(pipeline=PipelineSettings(steps=[UNIT_TESTS, CONTAINER_IMAGE, after, SCAN]))
    resources = resolve(data(settings)["quick-start.yaml"], {}, TARGET).resources
    build, deploy = resources["PipelineForDevEnv"]["Properties"]["Stages"][1:]
    tests, image, sign, scan = build["Actions"]
    # Its source, with its buildspec, is the application; beside it are the image definitions, which name the image.
    assert sign["InputArtifacts"] == [*tests["OutputArtifacts"], *image["OutputArtifacts"]]
    assert sign["Configuration"]["PrimarySource"] == tests["OutputArtifacts"][0]["Name"]
    assert scan["InputArtifacts"] == [*sign["OutputArtifacts"], *image["OutputArtifacts"]]
    assert scan["Configuration"]["PrimarySource"] == "Signed"
    assert deploy["Actions"][0]["InputArtifacts"] == image["OutputArtifacts"]


def test_a_step_before_the_tests_gets_the_source() -> None:
    for output in (None, "Generated"):
        first = BuildStep(name="Generate", output=output)
        settings = RenderSettings(pipeline=PipelineSettings(steps=[first, UNIT_TESTS, CONTAINER_IMAGE]))
        resources = resolve(data(settings)["quick-start.yaml"], {}, TARGET).resources
        generate, tests, image = resources["PipelineForDevEnv"]["Properties"]["Stages"][1]["Actions"]
        assert generate["InputArtifacts"] == [{"Name": "SourceArtifact"}]
        assert tests["InputArtifacts"] == [{"Name": output or "SourceArtifact"}]
        assert image["InputArtifacts"] == tests["OutputArtifacts"]
        assert all("PrimarySource" not in each["Configuration"] for each in (generate, tests, image))


@pytest.mark.parametrize(
    ("further", "order"),
    [
        ("", "Nodejs ContainerImage"),
        ("A:source B:tests C:image", "A Nodejs B ContainerImage C"),
        ("C:image B:tests A:source", "A Nodejs B ContainerImage C"),
        ("A:Nodejs B:tests C:Nodejs D:ContainerImage E:image", "Nodejs A B C ContainerImage D E"),
        # The order in which they are given stays, as far as each is still after its step.
        ("A:tests B:tests C:A", "Nodejs A B C ContainerImage"),
        ("C:A A:tests B:tests", "Nodejs A C B ContainerImage"),
        ("C:B B:A A:source", "A B C Nodejs ContainerImage"),
        ("D:C C:image B:A A:tests", "Nodejs A B ContainerImage C D"),
    ],
)
def test_further_steps_are_placed_after_what_they_name(further: str, order: str) -> None:
    assert [step.name for step in placed(UNIT_TESTS, CONTAINER_IMAGE, _further(further))] == order.split()


@pytest.mark.parametrize("usual", ["Nodejs ContainerImage", "Nodejs A ContainerImage B C", "A B Nodejs ContainerImage"])
def test_what_else_is_usual_stays_in_its_place(monkeypatch: pytest.MonkeyPatch, usual: str) -> None:
    known = {step.name: step for step in CONTRACT}
    listed = [known.get(name) or BuildStep(name=name) for name in usual.split()]
    monkeypatch.setattr("ecs_cd_templates.steps.BUILD_STEPS", listed)
    # Other unit tests take the place of the usual ones.
    found = [step.name for step in placed(unit_tests(), CONTAINER_IMAGE, usual_further())]
    assert found == usual.replace("Nodejs", "UnitTests").split()


@pytest.mark.parametrize(
    ("further", "message"),
    [
        ("A:Tests", "'Tests': is no step: set what A comes after to one of source, tests, image, Nodejs, Cont"),
        ("A:", "'': is no step: set what A comes after"),
        ("A:a", "'a': is no step"),
        ("A:A", "'A': is itself after A: set what A comes after to one of source, tests, image, Nodejs"),
        ("A:B B:A", "'A': is itself after B: set what B comes after"),
        ("A:B B:C C:D D:B", "'B': is itself after D: set what D comes after"),
        # What comes after such a step is not what is wrong.
        (
            "A:B B:C C:Nope D:tests",
            "'Nope': is no step: set what C comes after to one of source, tests, image",
        ),
    ],
)
def test_steps_that_have_no_place_are_refused(further: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        placed(UNIT_TESTS, CONTAINER_IMAGE, _further(further))
    assert caught.value.field == "BuildStep.after"
    assert f"BuildStep.after: {message}" in str(caught.value)


@pytest.mark.parametrize("after", [None, 1, ["tests"]])
def test_what_a_step_comes_after_is_a_name(after: Any) -> None:
    with pytest.raises(SettingsError, match=r"BuildStep\.after: .*must be a string"):
        placed(UNIT_TESTS, CONTAINER_IMAGE, [(SCAN, after)])


def _further(text: str) -> list[tuple[BuildStep, str]]:
    pairs = [each.split(":") for each in text.split()]
    return [(BuildStep(name=name), after) for name, after in pairs]


def test_unit_tests_in_another_language_take_the_place_of_those_in_nodejs() -> None:
    own = unit_tests(cache=True, compute_type="BUILD_GENERAL1_MEDIUM")
    settings = RenderSettings(pipeline=PipelineSettings(steps=[own, CONTAINER_IMAGE]))
    templates = data(settings)
    project = templates["code-build-unitTests.yaml"]["Resources"]["CodeBuildProject"]["Properties"]
    assert project["Source"]["BuildSpec"] == "buildspec_tests.yml"
    assert project["Environment"]["ComputeType"] == "BUILD_GENERAL1_MEDIUM"
    assert "Cache" in project
    policies = role_policies({}, TARGET, settings)["ecs-cd-codebuild-unit-tests.json"]
    assert "TestReports" in [statement["Sid"] for statement in policies["Statement"]]
    tests, image = templates["quick-start.yaml"]["Resources"]["PipelineForDevEnv"]["Properties"]["Stages"][1]["Actions"]
    assert tests["Name"] == "UnitTests"
    assert image["InputArtifacts"] == tests["OutputArtifacts"]
    everything = [build().to_dict() for build in catalog.templates(settings).values()]
    texts = [each for template in everything for each in walk(template) if isinstance(each, Text)]
    assert len(texts) > 100
    for language in LANGUAGES:
        assert not [text for text in texts if "node" in text.in_language(language).lower()]


def test_the_forms_name_the_buildspec_of_the_step() -> None:
    steps = [dataclasses.replace(step, buildspec=f"build/{step.name}.yml") for step in CONTRACT]
    settings = RenderSettings(pipeline=PipelineSettings(steps=steps))
    form = data(settings)["deployment-pipeline-with-approval.yaml"]["Parameters"]
    for step in steps:
        assert f"({step.buildspec})" in form[step.project.name]["Description"]


def test_permissions_are_granted_by_name() -> None:
    checking = dataclasses.replace(SCAN, grants=[*grants.PERMISSIONS.values()])
    settings = RenderSettings(pipeline=PipelineSettings(steps=[UNIT_TESTS, CONTAINER_IMAGE, checking]))
    build = role_policies({}, TARGET, settings)["ecs-cd-codebuild-own-check.json"]
    statements = {statement["Sid"]: statement for statement in build["Statement"]}
    assert statements["ImagePull"]["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    assert statements["ImageScanFindings"]["Action"] == ["ecr:DescribeImageScanFindings"]
    assert len(statements["ImagePull"]["Resource"]) == len(ENVIRONMENTS)
    assert {"TestReports", "RegistryToken"} < set(statements)
    assert all(function.__doc__ for function in grants.PERMISSIONS.values())


# The most hyphens that are put into a name: one before each capital that follows another kind of character.
CAPITALS = ("Aa" * MAX_STEP_NAME_LENGTH)[:MAX_STEP_NAME_LENGTH]


@pytest.mark.parametrize("name", [CAPITALS, CAPITALS.replace("a", "1"), "A" * MAX_STEP_NAME_LENGTH, "OwnCheck", "X"])
@pytest.mark.parametrize("key", ["x" * MAX_ID_LENGTH, "Y"])
def test_the_proposed_names_are_accepted_however_long_an_environment_and_a_step_are_called(key: str, name: str) -> None:
    """Whether the roles serve one environment, which is in their names, or all."""
    pipeline = PipelineSettings(steps=[UNIT_TESTS, BuildStep(name=name), CONTAINER_IMAGE])
    own = Environment(id=key, display_name="own")
    for environments in ([own], [own, *ENVIRONMENTS]):
        form = prerequisites.entries(PrerequisitesSettings(environments=environments, pipeline=pipeline))
        for each in form:
            assert each.default is None or each.constraint.accepts(each.default), each.name
        proposed = [each.default for each in form if each.name.endswith("ServiceRoleName")]
        assert len(proposed) == len(set(proposed)) == 4


@pytest.mark.parametrize("key", ["x" * MAX_ID_LENGTH, "Artifacts", "Y"])
@pytest.mark.slow
def test_the_bucket_of_one_environments_prerequisites_has_a_name_of_its_own_in_every_region(key: str) -> None:
    own = Environment(id=key, display_name="own")
    buckets = []
    for environments in ([own], [own, *ENVIRONMENTS]):
        settings = PrerequisitesSettings(environments=environments)
        template = load(to_yaml(build_prerequisites(settings)))
        for partition in PARTITIONS:
            regions = get_session().get_available_regions("s3", partition_name=partition)
            for region in {max(regions, key=len), min(regions, key=len)}:
                target = Target(account=TARGET.account, region=region, partition=partition)
                name = resolve(template, {}, target).outputs["CodePipelineArtifactBucketName"]
                assert constraints.NEW_BUCKET_NAME.accepts(name), name
                buckets.append(name)
    assert len(set(buckets)) == len(buckets)


LONGEST_APPLICATION = "a" * (constraints.APPLICATION_NAME.max_length or 0)


def test_every_role_of_the_longest_application_has_a_name_that_iam_takes() -> None:
    """IAM's roleNameType: 64 characters."""
    for id_length, step_length in itertools.product(range(1, MAX_ID_LENGTH + 1), range(1, MAX_STEP_NAME_LENGTH + 1)):
        scope = Scope(Environment(id="X" * id_length, display_name="x"))
        step = BuildStep(name="S" * step_length)
        made: Mapping[str, Any] = names.of_environment(
            LONGEST_APPLICATION, scope, CodeCommit(), [UNIT_TESTS, step, CONTAINER_IMAGE]
        )
        roles = {name: made[name] for name in made if "Role" in name}
        assert len(set(roles.values())) == len(roles) == 7
        for name in roles.values():
            assert re.fullmatch(r"[\w+=,.@-]{1,64}", name, re.ASCII), name


# Where each kind of resource says its name, and what the service takes.
NAMED = {
    "AWS::CodeBuild::Project": ("Name", constraints.BUILD_PROJECT),
    "AWS::CodeCommit::Repository": ("RepositoryName", constraints.CODECOMMIT_REPOSITORY),
    "AWS::CodePipeline::Pipeline": ("Name", constraints.PIPELINE_NAME),
    "AWS::ECR::Repository": ("RepositoryName", constraints.ECR_REPOSITORY),
    "AWS::ECS::CapacityProvider": ("Name", constraints.ECS_NAME),
    "AWS::ECS::Cluster": ("ClusterName", constraints.NEW_CLUSTER_NAME),
    "AWS::ECS::Service": ("ServiceName", constraints.ECS_NAME),
    "AWS::Events::Rule": ("Name", constraints.PIPELINE_NAME),
    "AWS::IAM::Role": ("RoleName", constraints.NEW_ROLE_NAME),
    "AWS::SNS::Topic": ("TopicName", constraints.TOPIC_NAME),
}


@pytest.mark.parametrize("application", [LONGEST_APPLICATION, "ab"])
@pytest.mark.parametrize(
    ("key", "step"), [("X" * MAX_ID_LENGTH, "S" * MAX_STEP_NAME_LENGTH), ("9", "S"), (CAPITALS[:MAX_ID_LENGTH], "Aa")]
)
def test_every_name_of_any_application_is_one_that_its_service_takes(application: str, key: str, step: str) -> None:
    environment = Environment(id=key, display_name="own", approval="before_deploy", production=True)
    steps = [UNIT_TESTS, BuildStep(name=step), CONTAINER_IMAGE]
    settings = QuickStartSettings(environments=[environment], pipeline=PipelineSettings(steps=steps))
    values = {"ApplicationName": application, "ECSLaunchType": "EC2"}
    resources = resolve(load(to_yaml(build_quick_start(settings))), values, TARGET).resources
    found = set()
    for title, resource in resources.items():
        name, constraint = NAMED.get(resource["Type"], ("", constraints.ECS_NAME))
        if name in resource["Properties"]:
            assert constraint.accepts(resource["Properties"][name]), title
            found.add(resource["Type"])
    assert found == NAMED.keys()


def test_its_permissions_cannot_be_forgotten() -> None:
    """Nothing of the step says so, and yet the pipelines may start it, and it may do what every build does."""
    documents = role_policies({}, TARGET, WITH_SCAN)
    project = "arn:aws:codebuild:us-east-1:111122223333:project/ecs-cd-build-own-check"
    pipeline, build = documents["ecs-cd-codepipeline.json"], documents["ecs-cd-codebuild-own-check.json"]
    for action in ("codebuild:StartBuild", "codebuild:BatchGetBuilds"):
        assert is_allowed([pipeline], Request(action, project, {}))
    group = "arn:aws:logs:us-east-1:111122223333:log-group:/aws/codebuild/ecs-cd-build-own-check:log-stream:a"
    assert is_allowed([build], Request("logs:PutLogEvents", group, {}))
    objects = "arn:aws:s3:::ecs-cd-artifacts-111122223333-us-east-1/ecs-cd-dev/a"
    assert is_allowed([build], Request("s3:GetObject", objects, {"aws:ResourceAccount": "111122223333"}))
    trust = documents["ecs-cd-codebuild-own-check.trust.json"]["Statement"][0]
    assert trust["Condition"]["ArnLike"]["aws:SourceArn"] == [project]
    assert "ecr" not in json.dumps(build)
    for name, document in documents.items():
        assert "object at" not in json.dumps(document), name


def test_iam_takes_the_description_of_a_role_whatever_the_step_is_called() -> None:
    named = dataclasses.replace(SCAN, display_name="\u691c\u67fb \u2014 \u201cown\u201d")
    settings = RenderSettings(pipeline=PipelineSettings(steps=[UNIT_TESTS, named, CONTAINER_IMAGE]))
    resources = data(settings)["prerequisites.yaml"]["Resources"].values()
    descriptions = [each["Properties"]["Description"] for each in resources if each["Type"] == "AWS::IAM::Role"]
    assert len(descriptions) == len(set(descriptions)) == 5
    # iam roleDescriptionType
    assert all(re.fullmatch(r"[\t\n\r\x20-\x7E\xA1-\xFF]{0,1000}", each) for each in descriptions)


def test_further_permissions_are_added_by_name() -> None:
    reporting = dataclasses.replace(SCAN, grants=(grants.report_tests,))
    settings = RenderSettings(pipeline=PipelineSettings(steps=[UNIT_TESTS, CONTAINER_IMAGE, reporting]))
    build = role_policies({}, TARGET, settings)["ecs-cd-codebuild-own-check.json"]
    assert [statement["Sid"] for statement in build["Statement"]] == [
        "Log",
        "ArtifactBucket",
        "Artifacts",
        "TestReports",
    ]
    assert "report-group/ecs-cd-build-own-check-*" in json.dumps(build)


def test_every_template_follows() -> None:
    names = list(catalog.templates(WITH_SCAN))
    assert names[2:5] == ["code-build-nodejs.yaml", "code-build-ownCheck.yaml", "code-build-containerImage.yaml"]
    template = data(WITH_SCAN)["code-build-ownCheck.yaml"]
    assert template["Description"] == 'This template deploys a CodeBuild project for the build step "own check"'
    values = {"CodeBuildProjectName": "scan", "CodeBuildServiceRoleName": "role"}
    assert resolve(template, values, TARGET).outputs == {"CodeBuildProjectName": "scan"}
    for name in names:
        if name.startswith("deployment-pipeline-"):
            parameters = list(data(WITH_SCAN)[name]["Parameters"])
            at = parameters.index("CodeBuildOwnCheckProjectName")
            assert parameters[at - 1] == "CodeBuildNodejsProjectName"
            assert parameters[at + 1] == "CodeBuildContainerImageProjectName"


def test_what_is_not_said_follows_from_the_name() -> None:
    assert dataclasses.replace(SCAN, buildspec="buildspec_ownCheck.yml") == BuildStep(name="OwnCheck")
    # A list is as good as a tuple, and the step can still be told from others by its value.
    listed = BuildStep(name="A", grants=[grants.report_tests])
    assert hash(listed) == hash(BuildStep(name="A", grants=(grants.report_tests,)))


def test_a_permission_on_what_only_aws_can_name_is_not_written_as_json() -> None:
    def on_the_address(_build: grants.BuildResources) -> list[grants.Grant]:
        return [grants.Grant(sid="X", actions=(s3.GetObject,), resources=(GetAtt("ArtifactBucket", "WebsiteURL"),))]

    step = BuildStep(name="A", grants=[on_the_address])
    with pytest.raises(ValueError, match=r"name what is not known: \['<ArtifactBucket\.WebsiteURL>'\]"):
        role_policies({}, TARGET, RenderSettings(pipeline=PipelineSettings(steps=[UNIT_TESTS, step, CONTAINER_IMAGE])))


@pytest.mark.parametrize("returned", [None, ["s3:GetObject"], "text"])
def test_grants_that_return_something_else_are_refused(returned: Any) -> None:
    own: Any = [lambda _build: returned]
    step = BuildStep(name="A", grants=own)
    with pytest.raises(SettingsError, match="must return a list of Grant"):
        role_policies({}, TARGET, RenderSettings(pipeline=PipelineSettings(steps=[UNIT_TESTS, step, CONTAINER_IMAGE])))


def test_whatever_pushes_the_image_may_push_it() -> None:
    own = BuildStep(name="Image", output="Images", pushes_image=True, privileged=True)
    documents = role_policies({}, TARGET, RenderSettings(pipeline=PipelineSettings(steps=[own])))
    repository = "arn:aws:ecr:us-east-1:111122223333:repository/ecs-cd-sample-app-dev"
    assert is_allowed([documents["ecs-cd-codebuild-image.json"]], Request("ecr:PutImage", repository, {}))


def _step(**changes: Any) -> Any:
    fields = {"name": "Scan", "display_name": "scan", "buildspec": "scan.yml", **changes}
    return untyped.BuildStep(**fields)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *(({"name": name}, "name") for name in ("", "scan", "Security Scan", "Security-Scan", "S" * 20, None, 1)),
        *(({"display_name": name}, "display_name") for name in ("", " a", "a\nb", "x" * 81, 1)),
        *(({"buildspec": name}, "buildspec") for name in ("", "/scan.yml", "a b.yml", 1, "s3:x", "x" * 256)),
        *(({"buildspec": name}, "buildspec") for name in (".", "./x", "../x", "a/../x", "a//b", "a/", "-x")),
        *(({"action": name}, "action") for name in ("a b", "a" * 101, 1)),
        *(({"output": name}, "output") for name in ("", "a b", 1)),
        ({"pushes_image": True}, "output"),
        ({"privileged": "yes"}, "privileged"),
        *(({"grants": value}, "grants") for value in (("s3:GetObject",), None, grants.report_tests, "text", "")),
        *(({"texts": value}, "texts") for value in ("nope", "", None)),
        *(({"image": value}, "image") for value in ("a b", "", 3)),
        *(
            ({"compute_type": value}, "compute_type")
            for value in ("small", "BUILD_GENERAL1_HUGE", "BUILD_LAMBDA_1GB", "", None, 1)
        ),
        *(({"timeout_minutes": value}, "timeout_minutes") for value in (4, 2161, "30", None)),
        ({"cache": 1}, "cache"),
    ],
)
def test_a_step_that_cannot_work_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        _step(**changes)
    assert caught.value.field == f"BuildStep.{field}"
    assert "\n" not in str(caught.value)


# What the application's other roles are called.
OTHERS = ("Pipeline", "EVENTS", "Task", "Execution")


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ((), "PipelineSettings.steps"),
        ("steps", "PipelineSettings.steps"),
        (None, "PipelineSettings.steps"),
        ([UNIT_TESTS, "scan"], "PipelineSettings.steps"),
        ([UNIT_TESTS], "PipelineSettings.steps"),
        ([CONTAINER_IMAGE, CONTAINER_IMAGE], "BuildStep.name"),
        *(([UNIT_TESTS, CONTAINER_IMAGE, BuildStep(name=name)], "BuildStep.name") for name in OTHERS),
        ([UNIT_TESTS, CONTAINER_IMAGE, dataclasses.replace(SCAN, action="BuildApp")], "BuildStep.action"),
        ([UNIT_TESTS, CONTAINER_IMAGE, dataclasses.replace(SCAN, output="BuildAppArtifact")], "BuildStep.output"),
        ([UNIT_TESTS, CONTAINER_IMAGE, dataclasses.replace(SCAN, action="Approval")], "BuildStep.action"),
        ([UNIT_TESTS, CONTAINER_IMAGE, dataclasses.replace(SCAN, output="SourceArtifact")], "BuildStep.output"),
        (
            [UNIT_TESTS, CONTAINER_IMAGE, *(_step(name=f"Scan{n}", display_name=f"scan {n}") for n in range(7))],
            "PipelineSettings.steps",
        ),
    ],
)
def test_steps_that_cannot_work_together_are_refused(steps: Any, field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        untyped.PipelineSettings(steps=steps)
    assert caught.value.field == field


def test_no_step_is_called_like_another_role_of_an_application() -> None:
    """The steps cannot ask those that know: the names, and the sources with the roles that start pipelines."""
    words = {*names._WORDS.values(), *(word for kind in KINDS for word in kind.role_words.values())}
    assert {each.lower() for each in OTHER_ROLES} == words - {""}
