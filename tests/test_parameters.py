"""What the forms ask, in words that fit the environment."""

from __future__ import annotations

import json

import pytest

from ecs_cd_templates import Environment
from ecs_cd_templates.parameters import pipeline_fields


@pytest.mark.parametrize(
    ("words", "expected"),
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
def test_words_have_their_article(words: str, expected: str) -> None:
    staging = Environment(key="Staging", words="staging", approval=True)
    own = Environment(key="Own", words=words, approval=True)
    fields = {field.name: field for field in pipeline_fields([own, staging])}
    assert fields["SNSTopicName"].label == (
        f"Which SNS Topic should be used for the approval of {expected} or a staging deployment?"
    )
    (rule,) = json.loads(fields["LifecyclePolicyTextForOwnEnv"].default or "")["rules"]
    assert rule["description"] == f"LifeCycle policy for {expected} environment"
