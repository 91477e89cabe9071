from __future__ import annotations

from typing import Any

from ecs_cd_templates.cfn.evaluation import Resolved
from ecs_cd_templates.launch.updates import images_needed


def task_definition(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def needed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return images_needed(Resolved(before, {}), Resolved(after, {}))


def test_what_changes_registers_anew() -> None:
    one = {"Changed": task_definition(Cpu="256"), "Same": task_definition(Cpu="256")}
    other = {"Changed": task_definition(Cpu="512"), "Same": task_definition(Cpu="256"), "New": task_definition()}
    assert needed(one, other) == ["Changed", "New"]
    assert needed(one, one) == []


def test_so_does_what_refers_to_a_resource_that_is_made_again() -> None:
    definition = task_definition(TaskRoleArn="<Role.Arn>", Options={"awslogs-group": "<Logs>"}, Volume="<Volume>")
    role, logs = resource("AWS::IAM::Role", RoleName="one", Policies=[1]), resource("AWS::Logs::LogGroup")
    before = {"Role": role, "Logs": logs, "Volume": resource("AWS::EFS::FileSystem", Encrypted=True), "D": definition}
    for same in (
        {"Role": resource("AWS::IAM::Role", RoleName="one", Policies=[2])},
        {"Logs": resource("AWS::Logs::LogGroup", RetentionInDays=1)},
        {"Other": resource("AWS::IAM::Role", RoleName="two")},
    ):
        assert needed(before, before | same) == []
    for other in (
        {"Role": resource("AWS::IAM::Role", RoleName="two", Policies=[1])},
        {"Role": resource("AWS::IAM::Role", RoleName="one", Path="/app/", Policies=[1])},
        {"Logs": resource("AWS::Logs::LogGroup", LogGroupName="app")},
        {"Logs": resource("AWS::IAM::Role")},
        # What another kind of resource is made again for is not known here.
        {"Volume": resource("AWS::EFS::FileSystem", Encrypted=False)},
    ):
        assert needed(before, before | other) == ["D"]
