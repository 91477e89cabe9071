"""Stacks: what is made in which order, what is left when something fails, and what an update does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ecs_cd_templates.errors import LaunchError, ParameterError
from ecs_cd_templates.rehearsal.calls import ServiceError
from ecs_cd_templates.rehearsal.cloud import Cloud
from ecs_cd_templates.rehearsal.cloud_formation import CloudFormation
from ecs_cd_templates.rehearsal.resource_types import Made, Place, ResourceType

pytestmark = pytest.mark.slow

LOG, TOPIC = "AWS::Logs::LogGroup", "AWS::SNS::Topic"


class Recorder:
    """Makes nothing, and remembers what it was asked for; refuses what is in ``refused``."""

    def __init__(self) -> None:
        self.there: dict[str, dict[str, Any]] = {}
        self.done: list[str] = []
        self.refused: set[str] = set()
        self.made = 0

    def type(self) -> ResourceType:
        return ResourceType(create=self.create, update=self.update, delete=self.delete)

    def create(self, place: Place, properties: Any) -> Made:
        self._check(f"create {place.logical_id}")
        self.made += 1
        name = f"{place.logical_id}-{self.made}"
        self.there[name] = dict(properties)
        return Made(physical_id=name, attributes={"Arn": f"arn:{name}"})

    def update(self, place: Place, made: Made, _old: Any, new: Any) -> Made:
        self._check(f"update {place.logical_id}")
        self.there[made.physical_id] = dict(new)
        return made

    def delete(self, place: Place, made: Made, _properties: Any) -> None:
        self._check(f"delete {place.logical_id}")
        del self.there[made.physical_id]

    def _check(self, what: str) -> None:
        self.done.append(what)
        if what in self.refused:
            raise ServiceError("ValidationException", f"{what} is refused")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def formation(recorder: Recorder) -> Iterator[CloudFormation]:
    with Cloud() as cloud:
        yield CloudFormation(cloud, types={LOG: recorder.type(), TOPIC: recorder.type()})


def template(**resources: Any) -> dict[str, Any]:
    return {"Parameters": {"Days": {"Type": "Number", "Default": "7"}}, "Resources": resources}


def log(name: Any, **others: Any) -> dict[str, Any]:
    return {"Type": LOG, "Properties": {"LogGroupName": name, "RetentionInDays": {"Ref": "Days"}}, **others}


CHAIN = template(
    Third=log({"Fn::Sub": "${Second.Arn}"}),
    Second={"Type": LOG, "Properties": {"LogGroupName": {"Ref": "First"}}},
    First=log("first"),
)


def test_each_resource_is_made_after_those_that_it_refers_to(formation: CloudFormation, recorder: Recorder) -> None:
    stack = formation.create("stack", CHAIN, {})
    assert recorder.done == ["create First", "create Second", "create Third"]
    assert stack.status == "CREATE_COMPLETE"
    assert recorder.there["Third-3"]["LogGroupName"] == "arn:Second-2"
    formation.delete("stack")
    assert recorder.done[3:] == ["delete Third", "delete Second", "delete First"]
    assert recorder.there == {}
    assert formation.stacks == {}


def test_conditions_depends_on_and_outputs(formation: CloudFormation, recorder: Recorder) -> None:
    made = template(
        Left=log("left", Condition="No"), One=log("one", DependsOn="Two"), Two={"Type": TOPIC, "Properties": {}}
    )
    made["Conditions"] = {"No": {"Fn::Equals": [{"Ref": "Days"}, "1"]}}
    made["Outputs"] = {"Arn": {"Value": {"Fn::GetAtt": ["One", "Arn"]}, "Export": {"Name": "one"}}}
    stack = formation.create("stack", made, {})
    assert recorder.done == ["create Two", "create One"]
    assert (stack.outputs, stack.exports) == ({"Arn": "arn:One-2"}, {"one": "arn:One-2"})
    user = template(Three={"Type": TOPIC, "Properties": {"TopicName": {"Fn::ImportValue": "one"}}})
    formation.create("user", user, {})
    assert recorder.there["Three-3"] == {"TopicName": "arn:One-2"}
    with pytest.raises(LaunchError, match="user imports from it"):
        formation.delete("stack")


@pytest.mark.parametrize("failing", ["First", "Second", "Third"])
def test_whatever_fails_nothing_is_left(formation: CloudFormation, recorder: Recorder, failing: str) -> None:
    recorder.refused = {f"create {failing}"}
    with pytest.raises(LaunchError, match=f"create {failing} is refused") as error:
        formation.create("stack", CHAIN, {})
    assert error.value.field == failing
    assert recorder.there == {}
    stack = formation.stacks["stack"]
    assert stack.status == "ROLLBACK_COMPLETE"
    assert [event.logical_id for event in stack.events if event.status == "CREATE_FAILED"] == [failing]


@pytest.mark.parametrize(("policy", "left"), [("Retain", 1), ("RetainExceptOnCreate", 0), ("Delete", 0)])
def test_what_is_kept_when_a_launch_fails(
    formation: CloudFormation, recorder: Recorder, policy: str, left: int
) -> None:
    recorder.refused = {"create Two"}
    with pytest.raises(LaunchError):
        formation.create("stack", template(One=log("one", DeletionPolicy=policy), Two=log({"Ref": "One"})), {})
    assert len(recorder.there) == left


def test_what_is_kept_when_a_stack_is_deleted(formation: CloudFormation, recorder: Recorder) -> None:
    formation.create("stack", template(One=log("one", DeletionPolicy="RetainExceptOnCreate")), {})
    assert [each.logical_id for each in formation.delete("stack").retained] == ["One"]
    assert len(recorder.there) == 1


def test_what_cannot_be_deleted_is_named(formation: CloudFormation, recorder: Recorder) -> None:
    formation.create("stack", CHAIN, {})
    recorder.refused = {"delete Second"}
    with pytest.raises(LaunchError, match="delete Second is refused"):
        formation.delete("stack")
    assert formation.stacks["stack"].status == "DELETE_FAILED"


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"Resources": {"A": {"Type": "AWS::Nothing::Here"}}}, "no resource type"),
        (template(A={"Type": LOG, "Properties": {"Name": "a"}}), r"extraneous key \[Name\] is not permitted"),
        (template(A={"Type": LOG, "Properties": {"RetentionInDays": "many"}}), "'many' is no integer"),
        (template(A=log({"Fn::GetAtt": ["B", "Missing"]}), B=log("b")), "Requested attribute Missing does not exist"),
        (template(A=log("a", DependsOn="B"), B=log("b", DependsOn="A")), "Circular dependency"),
    ],
)
def test_what_the_registry_does_not_know_is_refused(formation: CloudFormation, made: Any, message: str) -> None:
    with pytest.raises(LaunchError, match=message):
        formation.create("stack", made, {})


def test_wrong_parameters_are_refused_before_anything_is_made(formation: CloudFormation, recorder: Recorder) -> None:
    with pytest.raises(ParameterError):
        formation.create("stack", CHAIN, {"Other": "1"})
    assert recorder.done == []


def test_an_update_changes_in_place_replaces_adds_and_takes_away(formation: CloudFormation, recorder: Recorder) -> None:
    formation.create("stack", template(Kept=log("kept"), Renamed=log("old"), Gone=log("gone")), {})
    recorder.done.clear()
    new = template(Kept=log("kept"), Renamed=log("new"), New=log("new-one"))
    stack = formation.update("stack", new, {"Days": "30"})
    assert stack.status == "UPDATE_COMPLETE"
    # A log group's name cannot change, so another takes its place, and goes at the end.
    assert set(recorder.done[:3]) == {"update Kept", "create Renamed", "create New"}
    assert set(recorder.done[3:]) == {"delete Renamed", "delete Gone"}
    assert sorted(each["LogGroupName"] for each in recorder.there.values()) == ["kept", "new", "new-one"]
    with pytest.raises(LaunchError, match=r"No updates are to be performed\."):
        formation.update("stack", new, {"Days": "30"})


def test_an_update_that_fails_is_taken_back(formation: CloudFormation, recorder: Recorder) -> None:
    formation.create("stack", template(Kept=log("kept")), {})
    before = {name: dict(each) for name, each in recorder.there.items()}
    recorder.refused = {"create New"}
    with pytest.raises(LaunchError, match="create New is refused"):
        formation.update("stack", template(Kept=log("kept"), New=log({"Ref": "Kept"})), {"Days": "30"})
    assert recorder.there == before
    assert formation.stacks["stack"].status == "UPDATE_ROLLBACK_COMPLETE"


def test_a_bucket_with_objects_is_not_deleted() -> None:
    with Cloud() as cloud:
        formation = CloudFormation(cloud)
        bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "artifacts"}}
        formation.create("stack", {"Resources": {"Bucket": bucket}}, {})
        cloud.client("s3").put_object(Bucket="artifacts", Key="a", Body=b"a")
        with pytest.raises(LaunchError, match="BucketNotEmpty"):
            formation.delete("stack")
        with pytest.raises(LaunchError, match="already exists"):
            formation.create("other", {"Resources": {"Bucket": bucket}}, {})


def test_nested_stacks_hand_values_in_and_out() -> None:
    inner = (
        "Parameters: {Name: {Type: String}}\n"
        "Resources: {Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Ref Name}}}\n"
        "Outputs: {Arn: {Value: !GetAtt Log.Arn}}\n"
    )
    with Cloud() as cloud:
        cloud.client("s3").create_bucket(Bucket="templates")
        cloud.client("s3").put_object(Bucket="templates", Key="inner.yaml", Body=inner.encode())
        url = "https://templates.s3.us-east-1.amazonaws.com/inner.yaml"
        nested = {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": url, "Parameters": {"Name": "mine"}},
        }
        outer = {
            "Resources": {"Inner": nested},
            "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Arn"]}}},
        }
        formation = CloudFormation(cloud)
        stack = formation.create("outer", outer, {})
        assert stack.outputs["Arn"].endswith(":log-group:mine:*")
        assert cloud.client("logs").describe_log_groups()["logGroups"][0]["logGroupName"] == "mine"
        formation.delete("outer")
        assert cloud.client("logs").describe_log_groups()["logGroups"] == []
        assert formation.stacks == {}
