"""The example parameter files: complete, accepted by the forms, and consistent with each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecs_cd_templates import ENVIRONMENTS, RenderSettings
from ecs_cd_templates.cfn.evaluation import Target, check_parameters, resolve
from ecs_cd_templates.steps import BUILD_STEPS
from support import FILES, REFERENCE, ROOT, data, example_values, parameters

RENDERED = data()


def test_one_file_for_each_template() -> None:
    assert {path.name for path in (ROOT / "params").iterdir()} == {name.replace(".yaml", ".json") for name in RENDERED}


@pytest.mark.parametrize("name", [name for name in RENDERED if Path(FILES[name]).exists()])
def test_list_format_without_repetition_in_the_contracts_order(name: str) -> None:
    rows = json.loads(Path(FILES[name]).read_text())
    assert all(set(row) == {"ParameterKey", "ParameterValue"} for row in rows)
    keys = [row["ParameterKey"] for row in rows]
    assert keys == [key for key in RENDERED[name]["Parameters"] if key in keys]


@pytest.mark.parametrize("name", RENDERED)
def test_values_are_complete_known_and_accepted(name: str) -> None:
    check_parameters(RENDERED[name], parameters(name))


@pytest.mark.parametrize("name", data(REFERENCE))
def test_files_lack_nothing_that_forms_for_the_references_environments_ask_for(name: str) -> None:
    """Only an environment or a build that is new needs values that no file has."""
    asked = data(REFERENCE)[name]["Parameters"]
    assert {key for key, properties in asked.items() if "Default" not in properties} <= example_values(name).keys()


def test_names_agree_across_templates() -> None:
    """A parameter that several templates ask for under one name has one value; so have the build projects."""
    together = parameters("deployment-pipeline-for-all-env.yaml")
    without = parameters("deployment-pipeline-without-approval.yaml")
    shared = together.keys() & without.keys()
    assert len(shared) > 5
    assert {key: together[key] for key in shared} == {key: without[key] for key in shared}
    for step in BUILD_STEPS:
        assert together[step.project.name] == parameters(step.file_name)["CodeBuildProjectName"]


def test_production_by_itself_shares_nothing_that_a_build_writes_to() -> None:
    """The file with an approval fits prerequisites that were rendered for production alone."""
    together = parameters("deployment-pipeline-for-all-env.yaml")
    alone = parameters("deployment-pipeline-with-approval.yaml")
    same = {key for key in together.keys() & alone.keys() if together[key] == alone[key]}
    assert same == {"CodeCommitRepositoryName", "ECSTaskContainerName"}
    settings = RenderSettings(environments=[each for each in ENVIRONMENTS if each.id == "Prod"])
    target = Target(account="111122223333", region="us-east-1")
    outputs = resolve(data(settings)["prerequisites.yaml"], {}, target).outputs
    for key, value in alone.items():
        name = key if key in outputs else f"{key}ForProdEnv"
        if name in outputs:
            assert outputs[name] == value
    assert {key for key in alone if key not in outputs and f"{key}ForProdEnv" not in outputs} == {
        "CodeCommitBranchName",
        "ECSTaskContainerName",
    }
