"""In every template each name leads somewhere, nothing is declared in vain, and artifacts come before their use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_cd_templates import AllEnvironmentsSettings, Environment, RenderSettings, build_all_environments, to_yaml
from ecs_cd_templates.cfn.evaluation import resolve
from support import NETWORKS, TARGET, data, load, rendered

RENDERED = data()
BASE_URL = "https://b.s3.us-east-1.amazonaws.com/p"


def walk(node: Any) -> Iterator[tuple[str, Any]]:
    """Each key below the node with its value."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            yield from walk(value)
    elif isinstance(node, list):
        for item in node:
            yield from walk(item)


def names_used(node: Any) -> Iterator[str]:
    """Each parameter, resource and pseudo parameter that the node refers to."""
    for key, value in walk(node):
        if key == "Ref":
            yield value
        elif key == "Fn::GetAtt":
            yield value[0]
        elif key == "Fn::Sub":
            text, local = value if isinstance(value, list) else (value, {})
            yield from (name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text) if name not in local)


def conditions_used(template: dict[str, Any]) -> set[str]:
    """Each condition that a resource, an output or another condition names."""
    named = {value for key, value in walk(template) if key == "Condition" and isinstance(value, str)}
    return named | {value[0] for key, value in walk(template) if key == "Fn::If"}


def check(template: dict[str, Any]) -> None:
    known = set(template["Parameters"]) | set(template["Resources"])
    body = [template.get(section, {}) for section in ("Rules", "Conditions", "Resources", "Outputs")]
    used = set(names_used(body))
    pseudo = {name for name in used if name.startswith("AWS::")}
    assert used - pseudo <= known, f"leads nowhere: {used - pseudo - known}"
    assert pseudo <= {*TARGET.pseudo_parameters(), "AWS::NoValue"}
    assert conditions_used(template) == set(template.get("Conditions", {}))
    mappings = {value[0] for key, value in walk(body) if key == "Fn::FindInMap"}
    assert mappings == set(template.get("Mappings", {}))
    used_by_resources = set(names_used([template.get("Conditions", {}), template["Resources"]]))
    assert set(template["Parameters"]) <= used_by_resources, "a parameter is asked for in vain"
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::CodePipeline::Pipeline":
            check_stages(resource["Properties"]["Stages"])


def check_stages(stages: list[dict[str, Any]]) -> None:
    """An artifact is made once, and by an action that runs before the one that takes it."""
    made: set[str] = set()
    for stage in stages:
        for action in sorted(stage["Actions"], key=lambda action: int(action.get("RunOrder", 1))):
            for artifact in action.get("InputArtifacts", []):
                assert artifact["Name"] in made, f"{action['Name']} takes {artifact['Name']} before it is made"
            for artifact in action.get("OutputArtifacts", []):
                assert artifact["Name"] not in made
                made.add(artifact["Name"])
        orders = [action.get("RunOrder", 1) for action in stage["Actions"]]
        assert len(orders) == len(set(orders)), "actions that should follow each other run at once"
    # Before everything else that the pipeline does, or before the deployment.
    build = stages[1]["Actions"]
    orders = [action["RunOrder"] for action in build]
    for action in build:
        if action["ActionTypeId"]["Category"] == "Approval":
            assert action["RunOrder"] in (min(orders), max(orders))


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", RENDERED)
def test_catalogue(name: str, network: str) -> None:
    check(data(NETWORKS[network])[name])


def test_check_sees_a_dangling_reference() -> None:
    broken = load(rendered()["deployment-pipeline-with-approval.yaml"])
    broken["Resources"]["Pipeline"]["Properties"]["Name"] = {"Ref": "CodePiplineName"}
    with pytest.raises(AssertionError, match="leads nowhere"):
        check(broken)


def test_check_sees_an_artifact_that_is_used_too_early() -> None:
    broken = load(rendered()["deployment-pipeline-with-approval.yaml"])
    broken["Resources"]["Pipeline"]["Properties"]["Stages"][1]["Actions"][2]["RunOrder"] = 0
    with pytest.raises(AssertionError, match="before it is made"):
        check(broken)


ids = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=18)
display_names = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x2FFF, exclude_categories=("C", "Z")), min_size=1, max_size=80
).filter(lambda name: not re.search(r"[$#]\{|\{\{", name))
environments = st.lists(
    st.builds(
        Environment,
        id=ids,
        display_name=display_names,
        approval=st.sampled_from([None, "before_build", "before_deploy"]),
        default_branch=st.sampled_from([None, "main", "release/1.2"]),
        images_to_keep=st.integers(1, 1000),
    ),
    min_size=1,
    max_size=6,
    unique_by=(lambda environment: environment.id.lower(), lambda environment: environment.display_name.lower()),
)


# With a pipeline that waits before its deployment.
SINGLE = data(RenderSettings(environments=[Environment(id="A", display_name="a", approval="before_deploy")]))


def values_for(template: dict[str, Any]) -> dict[str, str]:
    """A legal value for each parameter without a default, no two alike."""
    return {
        name: f"value-{number}"
        for number, (name, properties) in enumerate(template["Parameters"].items())
        if "Default" not in properties
    }


@settings(max_examples=20)
@given(environments)
def test_any_list_of_environments(chosen: list[Environment]) -> None:
    flat = load(to_yaml(build_all_environments(AllEnvironmentsSettings(environments=chosen))))
    nested = load(
        to_yaml(build_all_environments(AllEnvironmentsSettings(environments=chosen, nested_base_url=BASE_URL)))
    )
    check(flat)
    check(nested)
    for section in ("Metadata", "Parameters", "Rules"):
        assert flat[section] == nested[section]
    assert set(flat["Outputs"]) == set(nested["Outputs"])
    assert ("SNSTopicName" in flat["Parameters"]) == any(environment.approval for environment in chosen)
    resources = resolve(flat, values_for(flat), TARGET).resources
    assert len(resources) == 3 * len(chosen)
    for environment in chosen:
        stages = resources[f"PipelineFor{environment.id}Env"]["Properties"]["Stages"]
        at = {None: None, "before_build": 0, "before_deploy": -1}[environment.approval]
        names = [action["Name"] for action in stages[1]["Actions"]]
        assert names.count("Approval") == (at is not None)
        assert at is None or names[at] == "Approval"
    stacks = resolve(nested, values_for(nested), TARGET).resources
    for environment in chosen:
        properties = stacks[f"CodePipeLineFor{environment.id}Env"]["Properties"]
        inner = SINGLE[properties["TemplateURL"].removeprefix(f"{BASE_URL}/")]
        assert set(properties["Parameters"]) == set(inner["Parameters"])
        name = properties["Parameters"]["CodePipelineName"]
        inside = resolve(inner, properties["Parameters"], TARGET).resources
        assert inside["Pipeline"]["Properties"] == resources[f"PipelineFor{environment.id}Env"]["Properties"]
        assert inside["Pipeline"]["Properties"]["Name"] == name
