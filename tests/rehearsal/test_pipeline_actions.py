from __future__ import annotations

import json

from ecs_cd_templates.rehearsal.cloud import Cloud
from ecs_cd_templates.rehearsal.pipeline_actions import Approval, Work, approval


def test_a_request_for_approval_links_to_the_console_of_the_partition() -> None:
    cloud = Cloud(region="cn-north-1")
    asked: list[Approval] = []

    def ask(request: Approval) -> None:
        asked.append(request)
        request.answer = {"status": "Approved", "summary": "yes"}

    work = Work(
        cloud=cloud,
        account=cloud.account,
        region=cloud.region,
        pipeline={"name": "shop"},
        stage="Approve",
        action={"name": "Ask"},
        execution="1",
        action_execution="2",
        configuration={},
        credentials=cloud.launcher(),
        commit=None,
        revision=None,
        inputs=(),
        output=None,
        builds_source=False,
        stopped=lambda: False,
        poll=0.01,
        minute=0.01,
        ask=ask,
    )
    approval(work)
    link = "https://cn-north-1.console.amazonaws.cn/codesuite/codepipeline/pipelines/shop/view"
    assert json.loads(asked[0].message)["consoleLink"] == link
    assert work.summary == "yes"
