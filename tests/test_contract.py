"""The five templates ask for exactly what the reference's contract says, for its environments and builds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecs_cd_templates import ENVIRONMENTS, AllEnvironmentsSettings, build_all_environments, to_yaml
from support import REFERENCE, ROOT, data, load, rendered

CONTRACT = json.loads((ROOT / "tests/data/contract.json").read_text())
RENDERED = data(REFERENCE)
NESTED = load(
    to_yaml(
        build_all_environments(
            AllEnvironmentsSettings(
                environments=REFERENCE.environments,
                pipeline=REFERENCE.pipeline,
                nested_base_url="https://b.s3.us-east-1.amazonaws.com/p",
            )
        )
    )
)
IDS = [environment.id for environment in REFERENCE.environments]
ALL_ENVIRONMENTS = "deployment-pipeline-for-all-env.yaml"
FORMS = [*((name, RENDERED[name]) for name in CONTRACT), (ALL_ENVIRONMENTS, NESTED)]


def test_contract_has_57_parameters() -> None:
    assert sum(len(template["parameters"]) for template in CONTRACT.values()) == 57


def test_environments_of_the_reference_are_so_by_default() -> None:
    for environment in ENVIRONMENTS:
        if environment.id in IDS:
            assert environment == REFERENCE.environments[IDS.index(environment.id)]


@pytest.mark.parametrize(("name", "template"), FORMS)
def test_parameters(name: str, template: dict[str, Any]) -> None:
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    contract = CONTRACT[name]
    assert template["Description"] == contract["description"]
    assert [
        {
            "name": parameter,
            "type": properties["Type"],
            **({"default": properties["Default"]} if "Default" in properties else {}),
            "label": interface["ParameterLabels"][parameter]["default"],
        }
        for parameter, properties in template["Parameters"].items()
    ] == contract["parameters"]
    assert list(interface["ParameterLabels"]) == list(template["Parameters"])
    assert [
        {"label": group["Label"]["default"], "parameters": group["Parameters"]}
        for group in interface["ParameterGroups"]
    ] == contract["groups"]


@pytest.mark.parametrize(("name", "template"), FORMS)
def test_every_parameter_is_explained_and_constrained(name: str, template: dict[str, Any]) -> None:
    for parameter, properties in template["Parameters"].items():
        for wanted in ("Description", "AllowedPattern", "ConstraintDescription", "MaxLength"):
            assert properties.get(wanted), f"{name}: {parameter} has no {wanted}"


@pytest.mark.parametrize(("name", "template"), FORMS)
def test_resources_and_outputs(name: str, template: dict[str, Any]) -> None:
    if template is not RENDERED[ALL_ENVIRONMENTS]:
        types = {logical_id: resource["Type"] for logical_id, resource in template["Resources"].items()}
        assert types == CONTRACT[name]["resources"]
    assert set(CONTRACT[name]["outputs"]) <= set(template["Outputs"])


def test_self_contained_template_holds_nine_resources_inline() -> None:
    resources = RENDERED[ALL_ENVIRONMENTS]["Resources"]
    assert {logical_id: resource["Type"] for logical_id, resource in resources.items()} == {
        f"{logical_id}For{key}Env": kind
        for key in IDS
        for logical_id, kind in CONTRACT["deployment-pipeline-with-approval.yaml"]["resources"].items()
    }
    assert len(rendered(REFERENCE)[ALL_ENVIRONMENTS].encode()) <= 51_200


def test_outputs_of_all_environments() -> None:
    for template in (RENDERED[ALL_ENVIRONMENTS], NESTED):
        assert set(template["Outputs"]) == {
            f"{name}For{key}Env" for name in ("PipelineUrl", "ECRRepositoryUri") for key in IDS
        }
