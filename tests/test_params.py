"""The example parameter files: complete, accepted by the forms, and consistent with each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecs_cd_templates.cfn.evaluation import check_parameters
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
    pipelines = [parameters(name) for name in RENDERED if name.startswith("deployment-pipeline-")]
    own = {"CodePipelineName", "CodeCommitBranchName", "ECRRepositoryName", "ECSClusterName", "ECSServiceName"}
    values: dict[str, set[str]] = {}
    for each in pipelines:
        for key, value in each.items():
            if key not in own:
                values.setdefault(key, set()).add(value)
    assert {key: found for key, found in values.items() if len(found) > 1} == {}
    everything = pipelines[0]
    for step in BUILD_STEPS:
        assert everything[step.project.name] == parameters(step.file_name)["CodeBuildProjectName"]
    with_approval = parameters("deployment-pipeline-with-approval.yaml")
    assert all(everything[f"{key}ForProdEnv"] == with_approval[key] for key in own)
