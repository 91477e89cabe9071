from __future__ import annotations

from typing import Any

from ecs_cd_templates.cfn.evaluation import Resolved
from ecs_cd_templates.launch.updates import Revision, images_needed, revisions_in_the_way


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


FAMILY = "arn:aws:ecs:us-east-1:111122223333:task-definition/app"


def in_the_way(used: tuple[int, str], *active: tuple[int, str]) -> list[int]:
    one, *others = (Revision(f"{FAMILY}:{number}", (image,)) for number, image in (used, *active))
    return [int(each.rpartition(":")[2]) for each in revisions_in_the_way(one, others)]


def test_every_newer_revision_is_in_the_way() -> None:
    assert in_the_way((9, "a"), (9, "a"), (8, "b")) == []
    assert in_the_way((9, "a"), (9, "a"), (11, "c"), (10, "a"), (1, "a")) == [11, 10]


def test_where_the_used_one_is_not_active_older_ones_are_too_up_to_one_with_its_image() -> None:
    assert in_the_way((9, "a"), (8, "a"), (7, "b")) == []
    assert in_the_way((9, "a"), (10, "c"), (8, "b"), (7, "a"), (6, "b")) == [10, 8]
    assert in_the_way((9, "a"), (8, "b"), (7, "c")) == [8, 7]
