"""The values for a stack's next update: those that it has, with the images that run and the zones that it is in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecs_cd_templates import Environment, RenderSettings, catalog
from ecs_cd_templates.cfn.evaluation import check_parameters
from ecs_cd_templates.errors import AwsError, EcsCdTemplatesError, StackError
from ecs_cd_templates.launch.deploy_parameters import NextUpdate, deploy_parameters
from ecs_cd_templates.launch.parameter_files import read_parameters, to_text
from launched import FIRST_IMAGE, REGION, ZONES, Aws, Fault, Service, Stack, answering, image, stack_of
from support import NETWORKS, ROOT, data, network_values

QUICK_START = "quick-start.yaml"
SINGLE = ("ecs-environment.yaml", "ecs-service.yaml")
CALLS = (
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate",
    "cloudformation:ListStackResources",
    "ecs:DescribeServices",
    "ecs:DescribeTaskDefinition",
)
GOOD = "deploy a good commit first, then update"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    return answering(monkeypatch)


def launch(aws: Aws, file_name: str, environments: tuple[Environment, ...] = (), **given: str) -> Stack:
    stack = stack_of(file_name, RenderSettings(environments=environments) if environments else None, **given)
    aws.stacks.append(stack)
    return stack


def only(stack: Stack) -> Service:
    (service,) = stack.services.values()
    return service


def assert_all_else_stays(stack: Stack, update: NextUpdate) -> None:
    """Every parameter is there in the template's order, and only images and blank zones are not as they were."""
    assert list(update.values) == list(stack.template["Parameters"])
    changed = {name for name, value in update.values.items() if value != stack.parameters[name]}
    assert changed <= {"ECSTaskImage", "ECSTaskImages", "AvailabilityZone1", "AvailabilityZone2"}
    assert check_parameters(stack.template, update.values) == update.values


# ---- what a new template restarts -----------------------------------------------------------------------------------


def test_a_new_template_says_whose_tasks_it_starts_anew(aws: Aws) -> None:
    stack = launch(aws, QUICK_START, ECSTaskSizeForQAEnv="1024 CPU units, 2048 MiB")
    stack.services["ECSServiceForQAEnv"].deploy(image("qa"))
    assert deploy_parameters("shop").restarted is None
    assert deploy_parameters("shop", new_template=stack.body).restarted == ()
    # The images that run do not count: they are what is to stay.
    changed = stack.body.replace("HealthCheckIntervalSeconds: 10", "HealthCheckIntervalSeconds: 20")
    assert changed != stack.body
    assert deploy_parameters("shop", new_template=changed).restarted == ()
    changed = stack.body.replace("NetworkMode: awsvpc", "NetworkMode: awsvpc\n      IpcMode: none", 1)
    assert deploy_parameters("shop", new_template=changed).restarted == ("ECSTaskDefinitionForDevEnv",)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "a: [", "Parameters", "[1]", "Parameters: {}", "{Parameters: {}, Resources: []}"),
        "{Parameters: {}, Resources: {A: {Type: B, Properties: {C: !ImportValue x}}}}",
        "{Parameters: {}, Resources: {A: {Type: B, Properties: {C: !Ref Nothing}}}}",
    ],
)
def test_what_is_no_template_is_refused(aws: Aws, text: str) -> None:
    launch(aws, QUICK_START)
    with pytest.raises(StackError, match="is not one of these templates"):
        deploy_parameters("shop", new_template=text)


# ---- what runs --------------------------------------------------------------------------------------------------


def test_each_environment_keeps_the_image_that_it_runs(aws: Aws, tmp_path: Path) -> None:
    stack = launch(aws, QUICK_START, ECSTaskSizeForDevEnv="1024 CPU units, 2048 MiB", ECSTaskCountForProdEnv="2-6")
    assert len(stack.resources) > 100, "one page would be enough"
    for environment, number in (("Prod", 3), ("Dev", 1), ("QA", 2)):
        stack.services[f"ECSServiceFor{environment}Env"].deploy(image(environment.lower(), number))
    update = deploy_parameters("shop")
    assert update.values["ECSTaskImages"].split(",") == [image("dev", 1), image("qa", 2), image("prod", 3)]
    assert (update.warnings, update.region) == ((), REGION)
    assert_all_else_stays(stack, update)
    (tmp_path / "shop.json").write_text(to_text(update.values), encoding="utf-8")
    assert read_parameters(tmp_path / "shop.json") == update.values


@pytest.mark.parametrize("ids", [("Live",), ("Z", "A", "M", "B"), ("B2", "B10", "A1", "A2", "C", "Prod", "Dev", "QA")])
def test_images_are_in_the_order_of_the_environments(aws: Aws, ids: tuple[str, ...]) -> None:
    every = tuple(Environment(id=each, display_name=each.lower(), default_branch=each.lower()) for each in ids)
    stack = launch(aws, QUICK_START, every)
    for each in ids:
        stack.services[f"ECSServiceFor{each}Env"].deploy(image(each.lower()))
    update = deploy_parameters("shop")
    assert update.values["ECSTaskImages"].split(",") == [image(each.lower()) for each in ids]
    assert_all_else_stays(stack, update)


@pytest.mark.parametrize("file_name", SINGLE)
@pytest.mark.parametrize("container", ["app", "web_1"])
def test_a_single_environment_keeps_the_image_of_its_container(aws: Aws, file_name: str, container: str) -> None:
    stack = launch(aws, file_name, ECSTaskContainerName=container)
    only(stack).deploy(image("dev"))
    update = deploy_parameters("shop")
    assert update.values["ECSTaskImage"] == image("dev")
    assert update.warnings == ()
    assert_all_else_stays(stack, update)


@pytest.mark.parametrize("file_name", [QUICK_START, *SINGLE])
def test_before_the_first_deployment_the_first_image_stays(aws: Aws, file_name: str) -> None:
    stack = launch(aws, file_name)
    update = deploy_parameters("shop")
    assert set((update.values.get("ECSTaskImages") or update.values["ECSTaskImage"]).split(",")) == {FIRST_IMAGE}
    assert update.warnings == ()
    assert_all_else_stays(stack, update)


def test_a_paused_environment_keeps_the_image_that_it_will_start_with(aws: Aws) -> None:
    stack = launch(aws, "ecs-environment.yaml", ECSTaskCount="0")
    service = only(stack)
    service.desired = 0
    service.deploy(image("dev"))
    update = deploy_parameters("shop")
    assert (update.values["ECSTaskImage"], update.values["ECSTaskCount"]) == (image("dev"), "0")
    assert update.warnings == ()


@pytest.mark.parametrize("file_name", [QUICK_START, "ecs-environment.yaml"])
def test_on_ec2_the_instances_image_stays_the_name_of_its_parameter(aws: Aws, file_name: str) -> None:
    name = "/team/golden-image"
    stack = launch(aws, file_name, ECSLaunchType="EC2", ECSInstanceImageId=name)
    update = deploy_parameters("shop")
    assert update.values["ECSInstanceImageId"] == name
    assert_all_else_stays(stack, update)


def test_a_template_in_json_is_read_as_well(aws: Aws) -> None:
    stack = launch(aws, QUICK_START)
    stack.body = json.dumps(stack.template)
    stack.services["ECSServiceForQAEnv"].deploy(image("qa"))
    update = deploy_parameters("shop")
    assert update.values["ECSTaskImages"].split(",") == [FIRST_IMAGE, image("qa"), FIRST_IMAGE]
    assert_all_else_stays(stack, update)


def test_a_stack_is_found_by_its_arn_too(aws: Aws) -> None:
    stack = launch(aws, "ecs-service.yaml")
    assert deploy_parameters(stack.arn) == deploy_parameters("shop")


# ---- deployments that did not complete ----------------------------------------------------------------------------


def _in_progress(service: Service) -> None:
    service.deploy(image("dev", 2), "IN_PROGRESS")


def _failed(service: Service) -> None:
    service.deploy(image("dev", 2), "FAILED")


def _failed_and_tried_again(service: Service) -> None:
    service.deploy(image("dev", 2), "FAILED")
    service.deploy(image("dev", 3), "IN_PROGRESS")


def _being_undone(service: Service) -> None:
    before = service.revisions[-1]
    service.deploy(image("dev", 2), "FAILED")
    service.start(before, "IN_PROGRESS")


def _undone(service: Service) -> None:
    before = service.revisions[-1]
    service.deploy(image("dev", 2), "FAILED")
    service.start(before)


def _registered_by_hand(service: Service) -> None:
    service.register(image("dev", 2))


@pytest.mark.parametrize(
    ("happens", "says"),
    [
        (_in_progress, ["a deployment is under way", "wait until it is over"]),
        (_failed_and_tried_again, ["a deployment is under way", "wait until it is over"]),
        (_being_undone, ["a deployment is under way", "wait until it is over"]),
        (_failed, ["the newest deployment failed", GOOD]),
        (_undone, ["revision 2 runs, and an update may start 3 instead", GOOD]),
        (_registered_by_hand, ["revision 2 runs, and an update may start 3 instead", GOOD]),
    ],
)
@pytest.mark.slow
def test_only_what_completed_counts_and_a_warning_says_what_to_do(
    aws: Aws, happens: Callable[[Service], None], says: list[str]
) -> None:
    stack = launch(aws, QUICK_START)
    service = stack.services["ECSServiceForDevEnv"]
    service.deploy(image("dev", 1))
    happens(service)
    update = deploy_parameters("shop")
    assert update.values["ECSTaskImages"].split(",") == [image("dev", 1), FIRST_IMAGE, FIRST_IMAGE]
    (warning,) = update.warnings
    assert warning.startswith("service sample-app-dev: ")
    assert [text for text in says if text not in warning] == []
    # As the tables of ECS are in no order either.
    service.deployments.reverse()
    assert deploy_parameters("shop") == update


def test_after_a_good_commit_there_is_nothing_to_warn_of(aws: Aws) -> None:
    stack = launch(aws, "ecs-service.yaml")
    service = only(stack)
    _undone(service)
    assert deploy_parameters("shop").warnings
    service.deploy(image("dev", 9))
    update = deploy_parameters("shop")
    assert (update.values["ECSTaskImage"], update.warnings) == (image("dev", 9), ())


def test_a_revision_that_was_taken_away_again_is_in_nobodys_way(aws: Aws) -> None:
    stack = launch(aws, "ecs-service.yaml")
    service = only(stack)
    service.register("what-an-update-would-have-started")["status"] = "INACTIVE"
    assert deploy_parameters("shop").warnings == ()
    # Nor is one that runs although it was taken away, as long as it is the newest.
    service.deploy(image("dev"))
    service.revisions[-1]["status"] = "INACTIVE"
    (warning,) = deploy_parameters("shop").warnings
    assert "revision 3 runs, and an update may start 1 instead" in warning


@pytest.mark.parametrize(
    ("state", "says"), [("IN_PROGRESS", "wait until one has"), ("FAILED", "deploy a good commit, and run this again")]
)
def test_no_image_is_guessed_where_no_deployment_completed(aws: Aws, state: str, says: str) -> None:
    stack = launch(aws, QUICK_START)
    service = stack.services["ECSServiceForQAEnv"]
    service.deployments.clear()
    service.deploy(image("qa"), state)
    with pytest.raises(StackError, match=r"^service: 'sample-app-qa': no deployment of it has completed") as refused:
        deploy_parameters("shop")
    assert says in str(refused.value)


def test_what_was_replaced_does_not_count_even_while_it_is_there(aws: Aws) -> None:
    stack = launch(aws, "ecs-service.yaml")
    service = only(stack)
    (before,) = service.deployments
    service.deploy(image("dev"))
    service.deployments.append(before)
    update = deploy_parameters("shop")
    assert (update.values["ECSTaskImage"], update.warnings) == (image("dev"), ())


def test_a_deployment_of_another_kind_counts_as_none(aws: Aws) -> None:
    stack = launch(aws, "ecs-service.yaml")
    del only(stack).deployments[0]["rolloutState"]
    with pytest.raises(StackError, match="no deployment of it has completed"):
        deploy_parameters("shop")


_STEP = st.tuples(st.sampled_from(("Dev", "QA", "Prod")), st.sampled_from(("COMPLETED", "FAILED", "undone")))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_STEP, max_size=12))
@pytest.mark.slow
def test_whatever_happened_the_last_good_image_is_named(aws: Aws, steps: list[tuple[str, str]]) -> None:
    aws.stacks.clear()
    stack = launch(aws, QUICK_START)
    expected = dict.fromkeys(("Dev", "QA", "Prod"), FIRST_IMAGE)
    for number, (name, outcome) in enumerate(steps):
        service = stack.services[f"ECSServiceFor{name}Env"]
        deployed = image(name.lower(), number)
        if outcome == "undone":
            completed = next(each for each in service.deployments if each["rolloutState"] == "COMPLETED")
            (before,) = (r for r in service.revisions if r["taskDefinitionArn"] == completed["taskDefinition"])
            service.deploy(deployed, "FAILED")
            service.start(before)
        else:
            service.deploy(deployed, outcome)
        if outcome == "COMPLETED":
            expected[name] = deployed
    update = deploy_parameters("shop")
    assert update.values["ECSTaskImages"].split(",") == list(expected.values())
    # An update is safe where the family's newest revision is the one that runs.
    at_risk = {
        service.family
        for service in stack.services.values()
        if service.deployments[0]["rolloutState"] != "COMPLETED"
        or service.deployments[0]["taskDefinition"] != service.revisions[-1]["taskDefinitionArn"]
    }
    assert {warning.split()[1].rstrip(":") for warning in update.warnings} == at_risk


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("file_name", [QUICK_START, "ecs-environment.yaml", "ecs-service.yaml"])
@pytest.mark.slow
def test_a_network_stays_as_it_is(aws: Aws, file_name: str, network: str) -> None:
    given = network_values(data(NETWORKS[network])[file_name])
    stack = launch(aws, file_name, tuple(NETWORKS[network].environments), **given)
    for service in stack.services.values():
        service.deploy(image("any"))
    update = deploy_parameters("shop", new_template=stack.body)
    assert update.values.items() >= given.items()
    assert (update.warnings, update.restarted) == ((), ())
    assert_all_else_stays(stack, update)


# ---- zones --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file_name", [QUICK_START, "ecs-environment.yaml"])
def test_zones_that_were_left_blank_are_written_down(aws: Aws, file_name: str) -> None:
    launch(aws, file_name)
    values = deploy_parameters("shop").values
    assert (values["AvailabilityZone1"], values["AvailabilityZone2"]) == ZONES


def test_zones_that_were_given_stay(aws: Aws) -> None:
    stack = launch(aws, QUICK_START, AvailabilityZone1="eu-west-1a", AvailabilityZone2="eu-west-1b")
    update = deploy_parameters("shop")
    assert (update.values["AvailabilityZone1"], update.values["AvailabilityZone2"]) == ("eu-west-1a", "eu-west-1b")
    assert_all_else_stays(stack, update)


@pytest.mark.parametrize("zone", ["eu-west-1a", None])
def test_zones_stay_blank_where_the_environments_differ(aws: Aws, zone: str | None) -> None:
    stack = launch(aws, QUICK_START)
    if zone:
        stack.outputs["AvailabilityZone2ForQAEnv"] = zone
    else:
        for name in [name for name in stack.outputs if name.startswith("AvailabilityZone1")]:
            del stack.outputs[name]
    update = deploy_parameters("shop")
    assert (update.values["AvailabilityZone1"], update.values["AvailabilityZone2"]) == ("", "")
    (warning,) = update.warnings
    assert warning.startswith("AvailabilityZone1 and AvailabilityZone2 stay blank")
    assert_all_else_stays(stack, update)


# ---- values to look at --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file_name", [QUICK_START, "ecs-service.yaml"])
def test_an_image_that_the_form_refuses_is_named(aws: Aws, file_name: str) -> None:
    stack = launch(aws, file_name)
    service = next(iter(stack.services.values()))
    service.deploy("Registry.Example.com/shop:1")
    update = deploy_parameters("shop")
    (warning,) = update.warnings
    assert re.match(r"ECSTaskImages?: the template does not take 'Registry.Example.com/shop:1[^ ]*': Give ", warning)


def test_a_branch_with_letters_that_cloudformation_does_not_tell_is_named(aws: Aws) -> None:
    stack = launch(aws, QUICK_START)
    stack.parameters["CodeCommitBranchNameForQAEnv"] = "qualit?"
    (warning,) = deploy_parameters("shop").warnings
    assert warning.startswith("CodeCommitBranchNameForQAEnv: 'qualit?' may have lost letters")


def test_letters_that_cloudformation_does_not_tell_are_named(aws: Aws) -> None:
    stack = launch(aws, "ecs-environment.yaml", HealthCheckPath="/?a=b", EnvironmentName="d?veloppement")
    update = deploy_parameters("shop")
    (warning,) = update.warnings
    assert warning.startswith("EnvironmentName: 'd?veloppement' may have lost letters")
    assert update.values == stack.parameters | dict(zip(("AvailabilityZone1", "AvailabilityZone2"), ZONES, strict=True))


@pytest.mark.parametrize("no_echo", [True, "true"])
def test_a_hidden_value_is_left_out(aws: Aws, no_echo: object) -> None:
    stack = launch(aws, "ecs-service.yaml")
    stack.template["Parameters"]["Secret"] = {"Type": "String", "NoEcho": no_echo}
    stack.body = json.dumps(stack.template)
    stack.parameters |= {"Secret": "****"}
    update = deploy_parameters("shop")
    assert "Secret" not in update.values
    (warning,) = update.warnings
    assert warning.startswith("Secret is hidden")


# ---- the stack's state --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "says"),
    [
        *((state, None) for state in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")),
        *((state, None) for state in ("IMPORT_COMPLETE", "CREATE_FAILED", "UPDATE_FAILED")),
        ("UPDATE_IN_PROGRESS", "wait until that is over"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "wait until that is over"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "wait until that is over"),
        ("DELETE_IN_PROGRESS", "wait until that is over"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
        ("ROLLBACK_FAILED", "delete it"),
        ("DELETE_FAILED", "delete it"),
    ],
)
def test_a_state_that_takes_no_update_is_named(aws: Aws, state: str, says: str | None) -> None:
    stack = launch(aws, "ecs-service.yaml")
    stack.status = state
    update = deploy_parameters("shop")
    assert len(update.warnings) == (says is not None)
    for warning in update.warnings:
        assert warning.startswith(f"the stack is in the state {state} and takes no update: ")
        assert says is not None
        assert says in warning


@pytest.mark.parametrize(
    ("state", "says"),
    [("REVIEW_IN_PROGRESS", "change set"), ("ROLLBACK_COMPLETE", "delete it"), ("DELETE_COMPLETE", "launch it again")],
)
def test_a_stack_of_which_nothing_runs_is_refused(aws: Aws, state: str, says: str) -> None:
    stack = launch(aws, "ecs-service.yaml")
    stack.status = state
    with pytest.raises(StackError, match=f"is in the state {state}, and nothing of it runs: .*{says}"):
        deploy_parameters("shop")


@pytest.mark.parametrize(
    ("state", "says"), [("CREATE_IN_PROGRESS", "wait until that is over"), ("CREATE_FAILED", "delete it, and launch")]
)
@pytest.mark.parametrize("gone", [True, False], ids=["gone", "not there"])
def test_a_service_that_the_stack_lacks_is_named(aws: Aws, state: str, says: str, *, gone: bool) -> None:
    stack = launch(aws, QUICK_START)
    stack.status = state
    (row,) = (each for each in stack.resources if each["LogicalResourceId"] == "ECSServiceForQAEnv")
    if gone:
        row["ResourceStatus"] = "DELETE_COMPLETE"
    else:
        del row["PhysicalResourceId"]
    with pytest.raises(StackError, match=f"is in the state {state} and has no service sample-app-qa: {says}"):
        deploy_parameters("shop")


def test_values_of_the_template_before_are_no_reason_to_break_down(aws: Aws) -> None:
    stack = launch(aws, "ecs-service.yaml")
    stack.status = "UPDATE_IN_PROGRESS"
    del stack.parameters["ECSTaskSize"]
    update = deploy_parameters("shop")
    assert "ECSTaskSize" not in update.values
    assert len(update.warnings) == 1


def test_a_service_that_somebody_deleted_is_named(aws: Aws) -> None:
    stack = launch(aws, QUICK_START)
    del stack.services["ECSServiceForQAEnv"]
    with pytest.raises(StackError, match="'sample-app-qa': was deleted outside of its stack"):
        deploy_parameters("shop")


def test_a_service_with_other_containers_is_named(aws: Aws) -> None:
    stack = launch(aws, "ecs-service.yaml")
    service = only(stack)
    service.container = "other"
    service.deploy(image("dev"))
    with pytest.raises(StackError, match="runs no container 'app'"):
        deploy_parameters("shop")


# ---- what it refuses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(catalog.templates()) - {QUICK_START, *SINGLE}))
def test_a_stack_of_another_of_our_templates_is_refused(aws: Aws, name: str) -> None:
    launch(aws, name)
    with pytest.raises(StackError, match=r"was not launched from quick-start\.yaml, ecs-environment\.yaml or ecs-serv"):
        deploy_parameters("shop")


@pytest.mark.parametrize(
    "body",
    [
        *("x", "[]", "[", "{}", '{"Resources": []}', '{"Resources": {"A": {}}}', '{"Resources": {"A": 1}}'),
        '{"Resources": {"A": {"Type": "AWS::ECS::Service"}}}',
        '{"Resources": {"A": {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": "arn"}}}}',
        json.dumps(
            {
                "Parameters": {},
                "Resources": {
                    "A": {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": {"Ref": "T"}, "Cluster": "c"}},
                    "T": {
                        "Type": "AWS::ECS::TaskDefinition",
                        "Properties": {"Family": "f", "ContainerDefinitions": [{"Name": "a", "Image": "nginx"}]},
                    },
                },
            }
        ),
        '{"Resources": {"A": {"Type": "Custom::Macro", "Fn::Transform": "x"}}}',
        "Resources: !Include x",
    ],
)
def test_a_stack_of_someone_elses_template_is_refused(aws: Aws, body: str) -> None:
    stack = launch(aws, "ecs-service.yaml")
    stack.body = body
    with pytest.raises(StackError, match="was not launched from"):
        deploy_parameters("shop")


def test_a_stack_that_is_not_there_is_refused(aws: Aws) -> None:
    with pytest.raises(StackError, match=f"'shop': there is no such stack in {REGION}: check the name, --region"):
        deploy_parameters("shop")


@pytest.mark.parametrize("call", CALLS)
def test_a_permission_that_is_missing_is_named(aws: Aws, call: str) -> None:
    launch(aws, QUICK_START)
    fault = Fault("AccessDeniedException", 400) if call.startswith("ecs:") else Fault("AccessDenied", 403)
    aws.fault = lambda asked: fault if asked == call else None
    with pytest.raises(AwsError, match=f"the permission {call} is missing"):
        deploy_parameters("shop")


@pytest.mark.parametrize("call", CALLS)
def test_a_token_that_expires_meanwhile_is_said_so(aws: Aws, call: str) -> None:
    launch(aws, QUICK_START)
    fault = Fault("ExpiredTokenException", 400) if call.startswith("ecs:") else Fault("ExpiredToken", 403)
    aws.fault = lambda asked: fault if asked == call else None
    with pytest.raises(AwsError, match="sign in again"):
        deploy_parameters("shop")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("lasting", [False, True], ids=["for a while", "for good"])
def test_throttling_is_waited_for(aws: Aws, monkeypatch: pytest.MonkeyPatch, call: str, *, lasting: bool) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    launch(aws, QUICK_START)
    code = "ThrottlingException" if call.startswith("ecs:") else "Throttling"

    def fault(asked: str) -> Fault | None:
        busy = asked == call and (lasting or aws.calls.count(call) <= 2)
        return Fault(code, 400, "Rate exceeded") if busy else None

    aws.fault = fault
    if lasting:
        with pytest.raises(AwsError, match="Rate exceeded"):
            deploy_parameters("shop")
    else:
        assert deploy_parameters("shop").warnings == ()


def test_every_refusal_is_one_line(aws: Aws) -> None:
    launch(aws, QUICK_START)
    for call in CALLS:
        aws.calls.clear()
        aws.fault = lambda asked: Fault("SomethingNew", 418) if asked == call else None  # noqa: B023 - within the loop
        with pytest.raises(EcsCdTemplatesError) as refused:
            deploy_parameters("shop")
        assert "AWS refused" in str(refused.value)
        assert "Because of this" in str(refused.value)
        assert len(str(refused.value).splitlines()) == 1


# ---- what it says of itself ---------------------------------------------------------------------------------------


def test_it_reads_and_does_nothing_else(aws: Aws) -> None:
    launch(aws, QUICK_START)
    deploy_parameters("shop")
    assert set(aws.calls) == set(CALLS)
    text = deploy_parameters.__doc__ or ""
    for call in CALLS:
        assert call.partition(":")[2] in text


def test_the_stack_policy_denies_what_runs_and_nothing_else() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    allow, deny = json.loads(text)["Statement"]
    assert (allow["Effect"], allow["Resource"]) == ("Allow", "*")
    assert (deny["Effect"], deny["Action"], deny["Principal"]) == ("Deny", "Update:*", "*")
    patterns = [each.removeprefix("LogicalResourceId/") for each in deny["Resource"]]
    for name in (QUICK_START, *SINGLE):
        resources = catalog.templates()[name]().to_dict()["Resources"]
        denied = {title for title in resources if any(fnmatchcase(title, pattern) for pattern in patterns)}
        what_runs = ("AWS::ECS::Service", "AWS::ECS::TaskDefinition")
        assert denied == {title for title, resource in resources.items() if resource["Type"] in what_runs}
