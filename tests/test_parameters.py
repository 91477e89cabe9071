"""What the forms ask, in words that fit the environment."""

from __future__ import annotations

import json

import pytest

from ecs_cd_templates import Environment, PipelineSettings
from ecs_cd_templates.environments import scopes
from ecs_cd_templates.stacks.deployment_pipeline import pipeline_entries


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("acceptance", "an acceptance"),
        ("edge", "an edge"),
        ("integration", "an integration"),
        ("online", "an online"),
        ("Acceptance", "an Acceptance"),
        ("user acceptance", "a user acceptance"),
        ("production", "a production"),
        ("beta", "a beta"),
        ("Production", "a Production"),
        ("hotfix", "a hotfix"),
        ("1st", "a 1st"),
    ],
)
def test_names_have_their_article(name: str, expected: str) -> None:
    staging = Environment(id="Staging", display_name="staging", approval="before_deploy")
    own = Environment(id="Own", display_name=name, approval="before_build")
    entries = {entry.name: entry for entry in pipeline_entries(scopes([own, staging]), PipelineSettings())}
    assert entries["SNSTopicName"].label == (
        f"Which SNS Topic should be used for the approval of {expected} or a staging deployment?"
    )
    (rule,) = json.loads(entries["LifecyclePolicyTextForOwnEnv"].default or "")["rules"]
    assert rule["description"] == f"LifeCycle policy for {expected} environment"
