"""What a pipeline must be told cannot be forgotten."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import pytest
from troposphere import Parameter, Template

from ecs_cd_templates import BUILD_STEPS, ENVIRONMENTS, Environment, PipelineSettings, parameters
from ecs_cd_templates.environments import Approval, Scope
from ecs_cd_templates.inputs import BuildInput, PipelineInputs, inputs_from_form, pipeline_parameters
from ecs_cd_templates.parameters import Purpose, add_form, entry, name_of
from ecs_cd_templates.sources import CodeCommit
from ecs_cd_templates.stacks.deployment_pipeline import pipeline_entries, stage_actions

SCOPE = Scope(ENVIRONMENTS[-1], only=True)


def _inputs() -> PipelineInputs:
    form = add_form(Template(), pipeline_entries([SCOPE], PipelineSettings(own_key=True)))
    return inputs_from_form(form, SCOPE, CodeCommit(), BUILD_STEPS, own_key=True)


def test_every_parameter_of_the_form_is_an_input() -> None:
    given: list[Parameter] = []
    for field in dataclasses.fields(PipelineInputs):
        value = getattr(_inputs(), field.name)
        if field.name == "builds":
            given += [each.project for each in value]
        elif field.name == "source":
            given += value.values()
        elif field.name != "task_roles":
            given.append(value)
    specs = pipeline_parameters(CodeCommit(), BUILD_STEPS, approval=True, own_key=True)
    assert {each.title for each in given} == {spec.name for spec in specs}
    assert len(given) == len(specs)


@pytest.mark.parametrize("missing", [field.name for field in dataclasses.fields(PipelineInputs)])
def test_a_missing_one_is_a_type_error(missing: str) -> None:
    inputs = _inputs()
    given: dict[str, Any] = {
        field.name: getattr(inputs, field.name) for field in dataclasses.fields(inputs) if field.name != missing
    }
    with pytest.raises(TypeError, match=missing):
        PipelineInputs(**given)
    with pytest.raises(TypeError):
        BuildInput(step=BUILD_STEPS[0])  # type: ignore[call-arg]


def test_one_build_pushes_the_image() -> None:
    image = [build for build in _inputs().builds if build.step.pushes_image]
    others = [build for build in _inputs().builds if not build.step.pushes_image]
    for builds in ((), others, [*others, *image, *image]):
        with pytest.raises(ValueError, match="one of a pipeline's builds pushes the image"):
            dataclasses.replace(_inputs(), builds=builds)


def test_an_approval_needs_a_topic() -> None:
    without = dataclasses.replace(_inputs(), approval_topic=None)
    for approval in get_args(Approval):
        waiting = dataclasses.replace(SCOPE.environment, approval=approval)
        with pytest.raises(ValueError, match="no topic for its request"):
            stage_actions(without, waiting, PipelineSettings())
    plain = Environment(id="Plain", display_name="plain")
    assert [action.declaration.Name for action in stage_actions(without, plain, PipelineSettings())["Build"]] == [
        step.action for step in BUILD_STEPS
    ]


def test_a_parameter_that_the_form_does_not_ask_for_is_an_error() -> None:
    form = add_form(Template(), [entry(parameters.CLUSTER, Purpose.MAKE, SCOPE)])
    assert name_of(parameters.CLUSTER, SCOPE) in form.values
    assert form.of(parameters.CLUSTER, SCOPE) is form.values["ECSClusterName"]
    with pytest.raises(KeyError, match="ECSServiceName"):
        form.of(parameters.SERVICE, SCOPE)
    with pytest.raises(KeyError, match="ECSClusterNameForProdEnv"):
        form.of(parameters.CLUSTER, Scope(SCOPE.environment))
    with pytest.raises(TypeError, match="ECSClusterName is one for each environment: say whose"):
        form.of(parameters.CLUSTER)
    with pytest.raises(TypeError, match="needs an environment"):
        parameters.CLUSTER.default_for(None)


def test_what_a_form_does_not_ask_for_can_be_made_of_what_it_asks_for() -> None:
    form = add_form(Template(), [entry(parameters.CLUSTER, Purpose.MAKE, SCOPE)])
    made = form.with_made({"ECSServiceName": "made", "ECSClusterName": "other"})
    assert (made.of(parameters.SERVICE, SCOPE), made.of(parameters.CLUSTER, SCOPE)) == ("made", "other")
    # The form itself stays as it is.
    assert form.values.keys() == {"ECSClusterName"}


STEPS = [str(step.action) for step in BUILD_STEPS]


@pytest.mark.parametrize(
    ("approval", "expected"),
    [(None, STEPS), ("before_build", ["Approval", *STEPS]), ("before_deploy", [*STEPS, "Approval"])],
)
def test_an_approval_stands_where_the_environment_says(approval: Approval | None, expected: list[str]) -> None:
    environment = dataclasses.replace(SCOPE.environment, approval=approval)
    stages = stage_actions(_inputs(), environment, PipelineSettings())
    build = [action.declaration for action in stages["Build"]]
    assert [action.Name for action in build] == expected
    # One after the other: without numbers of their own they would run at the same time.
    assert [action.RunOrder for action in build] == list(range(1, len(expected) + 1))
    assert [action.declaration.Name for action in stages["Deploy"]] == ["Deploy"]


def test_names_are_made_from_the_scope() -> None:
    several = Scope(ENVIRONMENTS[0])
    assert name_of(parameters.CLUSTER, several) == "ECSClusterNameForDevEnv"
    assert name_of(parameters.CLUSTER, SCOPE) == "ECSClusterName"
    assert name_of(parameters.CONTAINER, several) == name_of(parameters.CONTAINER) == "ECSTaskContainerName"
    assert several.name("Pipeline") == "PipelineForDevEnv"
    assert (SCOPE.name("Pipeline"), SCOPE.in_label) == ("Pipeline", "")
    assert several.in_label == " for the development environment"
    assert (SCOPE.in_sentence, several.in_sentence) == ("the environment", "the development environment")
