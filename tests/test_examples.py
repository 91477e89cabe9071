"""Every settings file that people start from, rendered, launched in mind, and proven: names, order, least privilege."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creation_order import Order
from ecs_cd_templates.catalog import ALL_ENVIRONMENTS, PREREQUISITES, QUICK_START
from ecs_cd_templates.cfn.evaluation import check_parameters
from ecs_cd_templates.cfn.rendering import to_yaml
from ecs_cd_templates.constraints import APPLICATION_NAME, EXISTING
from ecs_cd_templates.environments import MAX_ID_LENGTH
from ecs_cd_templates.services import read_file
from ecs_cd_templates.services.files import rollout
from ecs_cd_templates.stacks import rollout as rollout_template
from ecs_cd_templates.steps import MAX_STEP_NAME_LENGTH
from launched_services import EVERY_LAUNCH, EXAMPLES, Launch, launches, launches_of, shared_names
from least_privilege import (
    UNSCOPED,
    System,
    attacks,
    belongings,
    own_roles,
    permission_problems,
    trust_problems,
)
from services.files import KEY, services
from support import TARGET, load
from test_references import check

# All of it takes longer than everything else.
pytestmark = pytest.mark.slow

WAYS = ("quick_start", "parts")


def distinct(path: Path) -> Iterator[Launch]:
    """One of those launches of the file that differ from each other in names only."""
    seen = set()
    for launch in launches(path):
        target = launch.target
        existing = str(target.values.source.get("codecommit")).startswith(EXISTING)
        shape = (replace(target.settings, tags=()), existing, target.account, target.region)
        if shape not in seen:
            seen.add(shape)
            yield launch


DISTINCT = [each for each in EVERY_LAUNCH if each.values[0] in {one for path in EXAMPLES for one in distinct(path)}]


# What is rendered ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("launch", EVERY_LAUNCH)
def test_every_template_takes_its_values_and_is_made_in_order(launch: Launch) -> None:
    used = set()
    for stack in launch.stacks:
        template, values = launch.template(stack), launch.values(stack)
        assert values == stack.values
        assert set(values) == set(template["Parameters"])
        check_parameters(template, values)
        order = Order(template)
        order.made_before(order.conditions(values))
        assert launch.resolved[stack.file].resources
        used.add(stack.template)
    templates = {name.removeprefix("templates/") for name in launch.files if name.startswith("templates/")}
    # The others are parts of these, or for an approval that no environment here has.
    assert all(name.startswith(("vpc", "load-", "ecs-", "deployment-pipeline-")) for name in templates - used)
    assert {QUICK_START, PREREQUISITES, ALL_ENVIRONMENTS} < used
    assert {name for name in launch.files if name.startswith("params/")} == {
        f"params/{stack.file}" for stack in launch.stacks
    }


@pytest.mark.parametrize("launch", DISTINCT)
def test_every_name_in_its_templates_leads_somewhere(launch: Launch) -> None:
    for name, text in launch.files.items():
        if name.startswith("templates/"):
            check(load(text))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_rollout_launches_every_target_that_has_a_place(path: Path) -> None:
    made = rollout(read_file(path))
    placed = [launch for launch in launches(path) if launch.target.account and launch.target.region]
    assert (made is None) == (not placed)
    if made is not None:
        template = load(to_yaml(rollout_template.build(made)))
        check(template)
        stack_sets = [each["Properties"] for each in template["Resources"].values()]
        assert len(stack_sets) == len(placed)
        for stack_set, launch in zip(stack_sets, placed, strict=True):
            (quick_start,) = (stack for stack in launch.stacks if stack.template == QUICK_START)
            given = {each["ParameterKey"]: each["ParameterValue"] for each in stack_set["Parameters"]}
            assert given == dict(quick_start.differing)


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_no_two_services_or_targets_of_an_example_make_a_thing_of_the_same_name(path: Path) -> None:
    assert shared_names(launches(path)) == []


def test_things_of_the_same_name_are_found() -> None:
    (shop, cart), again = two("shop", "cart"), two("shop", "cart")[0]
    assert shared_names((shop, cart)) == []
    assert len(shared_names((shop, cart, replace_name(again)))) > 20


def two(*names: str) -> tuple[Launch, ...]:
    return launches_of(services({"services": {name: {"source": {"codecommit": name}} for name in names}}).services)


def replace_name(launch: Launch) -> Launch:
    """The same under another name, as if names came from elsewhere."""
    return Launch(replace(launch.service, name="another"), launch.target)


@pytest.mark.parametrize("launch", EVERY_LAUNCH)
def test_names_agree_across_the_templates_of_a_service(launch: Launch) -> None:
    for system in (launch.quick_start, launch.parts):
        assert list(leading_nowhere(system, launch)) == []
    # A pipeline is the same from the template of all of them and from the one of its own.
    (together,) = launch.of(ALL_ENVIRONMENTS)
    pipelines = {
        each["Properties"]["Name"]: each["Properties"]
        for each in together.resources.values()
        if each["Type"] == "AWS::CodePipeline::Pipeline"
    }
    alone = [
        each["Properties"]
        for stack in launch.stacks
        if stack.template.startswith("deployment-pipeline-with")
        for each in launch.resolved[stack.file].resources.values()
        if each["Type"] == "AWS::CodePipeline::Pipeline"
    ]
    environments = launch.target.settings.environments
    assert len(alone) == len([each for each in environments if not each.release_tags])
    assert len(pipelines) == len(environments)
    for each in alone:
        assert each == pipelines[each["Name"]]


def leading_nowhere(system: System, launch: Launch) -> Iterator[str]:
    """What one resource of the system calls another, and no resource is called."""
    place = f"{system.target.region}:{system.target.account}"

    def made(kind: str, key: str) -> set[str]:
        return {each[key] for each in system.of_type(kind).values() if key in each}

    clusters, ecs = made("AWS::ECS::Cluster", "ClusterName"), made("AWS::ECS::Service", "ServiceName")
    projects = made("AWS::CodeBuild::Project", "Name")
    roles = {f"arn:aws:iam::{system.target.account}:role/{name}" for name in made("AWS::IAM::Role", "RoleName")}
    topics = {f"arn:aws:sns:{place}:{name}" for name in made("AWS::SNS::Topic", "TopicName")}
    repositories = made("AWS::CodeCommit::Repository", "RepositoryName")
    existing = str(launch.target.values.source.get("codecommit"))
    if existing.startswith(EXISTING):
        repositories |= {existing.removeprefix(EXISTING)}
    images = {
        f"{system.target.account}.dkr.ecr.{system.target.region}.amazonaws.com/{name}"
        for name in made("AWS::ECR::Repository", "RepositoryName")
    }
    buckets = {each.get("BucketName") for each in system.of_type("AWS::S3::Bucket").values()}
    every_pipeline = system.of_type("AWS::CodePipeline::Pipeline")
    pipelines = {f"arn:aws:codepipeline:{place}:{each['Name']}" for each in every_pipeline.values()}
    uses: list[tuple[Any, set[Any]]] = [
        *((each["ServiceRole"], roles) for each in system.of_type("AWS::CodeBuild::Project").values()),
        *((each["Targets"][0]["RoleArn"], roles) for each in system.of_type("AWS::Events::Rule").values()),
        *((each["Targets"][0]["Arn"], pipelines) for each in system.of_type("AWS::Events::Rule").values()),
    ]
    for pipeline in every_pipeline.values():
        uses.append((pipeline["RoleArn"], roles))
        if not pipeline["ArtifactStore"]["Location"].startswith("<"):
            uses.append((pipeline["ArtifactStore"]["Location"], buckets))
        for action in (each for stage in pipeline["Stages"] for each in stage["Actions"]):
            said = action["Configuration"]
            match action["ActionTypeId"]["Provider"]:
                case "CodeCommit":
                    uses.append((said["RepositoryName"], repositories))
                case "CodeStarSourceConnection":
                    uses.append((said["ConnectionArn"], {launch.target.values.source.get("connection")}))
                    uses.append((said["FullRepositoryId"], {launch.target.values.source.get("repository")}))
                case "Manual":
                    uses.append((said["NotificationArn"], topics))
                case "ECS":
                    uses += [(said["ClusterName"], clusters), (said["ServiceName"], ecs)]
                case "CodeBuild":
                    uses.append((said["ProjectName"], projects))
                    for variable in json.loads(said.get("EnvironmentVariables", "[]")):
                        if variable["name"] == "ECR_REPOSITORY_URI":
                            uses.append((variable["value"], images))
    assert len(uses) > 7 * len(every_pipeline)
    for name, there in uses:
        if name not in there:
            yield f"{name} is none of {sorted(map(str, there))}"


LONGEST_NAME = "a" * (APPLICATION_NAME.max_length or 0)
# Words that names are made of, so that one service's name with them is like another's without.
WORDS = ("a", "b", "dev", "shared", "prod", "pipeline", "nodejs", "task", "approvals", "1")
service_names = st.one_of(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map("-".join).filter(APPLICATION_NAME.accepts),
    st.just(LONGEST_NAME),
    st.just(LONGEST_NAME[:-1]),
    st.just(f"{LONGEST_NAME[:-4]}-dev"[: len(LONGEST_NAME)]),
)
ids = st.sampled_from(["Dev", "Prod", "A", "a1", "Nodejs", "Pipeline", "Task", "X" * MAX_ID_LENGTH, "x9" * 20])
steps = st.lists(
    st.sampled_from(["Dev", "A", "Lint", "Own", "S" * MAX_STEP_NAME_LENGTH, "Aa" * (MAX_STEP_NAME_LENGTH // 2)]),
    max_size=2,
    unique_by=str.lower,
)


@settings(max_examples=6)
@given(
    st.lists(service_names, min_size=3, max_size=8, unique=True),
    st.lists(ids.map(lambda id_: id_[:MAX_ID_LENGTH]), min_size=1, max_size=2, unique_by=str.lower),
    steps,
)
def test_the_same_holds_of_any_services(chosen: list[str], environments: list[str], further: list[str]) -> None:
    said = {
        "environments": [
            {"id": id_, "display_name": f"environment {id_}", "branch": id_, "approval": "before_deploy"}
            for id_ in environments
        ],
        "defaults": {"launch_type": "EC2", "steps": [{"name": name, "after": "source"} for name in further]},
        "services": {name: {"source": {"codecommit": name}} for name in chosen},
    }
    every = launches_of(services(said).services)
    assert len(every) == len(chosen)
    assert shared_names(every) == []
    for launch in every[:1]:
        for system in (launch.quick_start, launch.parts):
            assert list(leading_nowhere(system, launch)) == []


# Least privilege -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("launch", DISTINCT)
def test_each_role_may_do_what_its_pipeline_calls_and_nothing_else(launch: Launch, way: str) -> None:
    system = getattr(launch, way)
    assert len(system.roles) >= 3
    for role in system.roles:
        assert list(permission_problems(role, system.permissions(role), system)) == []
        assert list(trust_problems(role, system.trust(role), system)) == []


@pytest.mark.parametrize("launch", DISTINCT)
def test_nothing_of_one_environment_reaches_another(launch: Launch) -> None:
    system = launch.quick_start
    for attacker in launch.ids:
        victims = [arn for id_ in launch.ids if id_ != attacker for arn in belongings(system, id_)]
        for role in own_roles(system, attacker):
            assert attacks(system.permissions(role), system.target, victims) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("launch", DISTINCT)
def test_nothing_of_one_service_reaches_another(launch: Launch, way: str) -> None:
    every = next(launches(path) for path in EXAMPLES if launch in launches(path))
    assert list(reaches(launch, every, way)) == []


# Names as near to each other as they can be, with one key for all of them.
NEAR = ("a1", "a1-dev", "a1-shared", "a1-dev-task", "a1-dev-pipeline-dev")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NEAR)
def test_nothing_of_one_service_reaches_another_whose_name_begins_like_its_own(name: str, way: str) -> None:
    every = launches_of(
        services(
            {
                "defaults": {"key": KEY},
                "environments": [{"id": "Dev"}, {"id": "Prod"}],
                "services": {each: {"source": {"codecommit": each}} for each in NEAR},
            }
        ).services
    )
    (launch,) = (each for each in every if each.name == name)
    assert list(reaches(launch, every, way)) == []


def reaches(launch: Launch, every: tuple[Launch, ...], way: str) -> Iterator[str]:
    """What a role of the service may do to what belongs to others in the same account and region.

    A pipeline's role has calls that take no resource, and uses the connection that its service shares with others.
    """
    system = getattr(launch, way)
    victims = dict.fromkeys(
        arn
        for other in every
        if other.service is not launch.service and other.place == launch.place
        for id_ in other.ids
        for arn in belongings(getattr(other, way), id_)
    )
    of_builds_and_tasks = {role for id_ in launch.ids for role in own_roles(system, id_)}
    for role in dict.fromkeys((*system.roles, *sorted(of_builds_and_tasks))):
        for request in attacks(system.permissions(role), launch.place, list(victims)):
            shared = request.action in UNSCOPED or request.resource == launch.target.values.source.get("connection")
            if role in of_builds_and_tasks or not shared:
                yield f"{role}: {request.action} on {request.resource} with {dict(request.context)}"


def test_what_reaches_another_service_is_found() -> None:
    shop, cart = two("shop", "cart")
    victims = belongings(cart.quick_start, "Dev")
    assert len(set(victims)) > 15
    role = own_roles(shop.quick_start, "Dev")[0]
    policy = shop.quick_start.permissions(role)
    for victim in victims:
        wider = {"Effect": "Allow", "Action": [f"{victim.split(':')[2]}:*"], "Resource": [victim]}
        found = attacks({**policy, "Statement": [*policy["Statement"], wider]}, TARGET, victims)
        assert {request.resource for request in found} == {victim}
