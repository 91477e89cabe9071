"""A rollout has a stack set for each launch, and launches one account of an application after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint

from ecs_cd_templates import Launch, RolloutSettings, build_rollout, to_yaml
from ecs_cd_templates.cfn.evaluation import resolve
from ecs_cd_templates.cfn.limits import MAX_RESOURCES
from ecs_cd_templates.cfn.regions import regions
from ecs_cd_templates.rollouts import MAX_LAUNCHES
from support import PARTITIONS, load
from test_references import check

FOLDER = "https://bucket.s3.eu-west-1.amazonaws.com/p"
UNITS = ("ou-ab12-cdef3456", "r-ab12")
DEV, PROD = "111122223333", "444455556666"


def _launch(name: str = "cart", account: str = DEV, region: str = "eu-west-1", **more: Any) -> Launch:
    return Launch(name=name, account=account, region=region, template_path="0.1.0/quick-start.yaml", **more)


LAUNCHES = (
    _launch("cart", DEV, parameters={"ApplicationName": "cart", "ECSTaskCountForDevEnv": "2"}, tags=[("team", "one")]),
    _launch("shop-two", DEV),
    _launch("cart", PROD),
    _launch("cart", PROD, "us-east-1"),
    _launch("shop-two", PROD),
)
SERVICE_MANAGED = RolloutSettings(launches=LAUNCHES, permissions="service_managed", organizational_units=UNITS)
SETTINGS = (RolloutSettings(launches=LAUNCHES, published_url=FOLDER), SERVICE_MANAGED)


def _data(settings: RolloutSettings) -> dict[str, Any]:
    return load(to_yaml(build_rollout(settings)))


def _resolved(settings: RolloutSettings, partition: str = "aws") -> dict[str, dict[str, Any]]:
    return resolve(_data(settings), {"TemplatesUrl": FOLDER}, PARTITIONS[partition]).resources


def test_each_launch_is_a_stack_set() -> None:
    resources = _resolved(SETTINGS[0])
    assert list(resources) == [
        "Cart111122223333EuWest1",
        "ShopTwo111122223333EuWest1",
        "Cart444455556666EuWest1",
        "Cart444455556666UsEast1",
        "ShopTwo444455556666EuWest1",
    ]
    first = resources["Cart111122223333EuWest1"]["Properties"]
    assert first == {
        "StackSetName": "cart-111122223333-eu-west-1",
        "Description": "0.1.0/quick-start.yaml for cart",
        "TemplateURL": f"{FOLDER}/0.1.0/quick-start.yaml",
        "Parameters": [
            {"ParameterKey": "ApplicationName", "ParameterValue": "cart"},
            {"ParameterKey": "ECSTaskCountForDevEnv", "ParameterValue": "2"},
        ],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "StackInstancesGroup": [{"DeploymentTargets": {"Accounts": [DEV]}, "Regions": ["eu-west-1"]}],
        "OperationPreferences": {"FailureToleranceCount": 0, "MaxConcurrentCount": 1},
        "ManagedExecution": {"Active": True},
        "Tags": [{"Key": "team", "Value": "one"}],
        "PermissionModel": "SELF_MANAGED",
        "AdministrationRoleARN": "arn:aws:iam::111122223333:role/AWSCloudFormationStackSetAdministrationRole",
        "ExecutionRoleName": "AWSCloudFormationStackSetExecutionRole",
    }


def test_the_launches_of_a_name_wait_for_each_other_in_order() -> None:
    resources = _data(SETTINGS[0])["Resources"]
    assert {title: resource["DependsOn"] for title, resource in resources.items() if "DependsOn" in resource} == {
        "Cart444455556666EuWest1": "Cart111122223333EuWest1",
        "Cart444455556666UsEast1": "Cart444455556666EuWest1",
        "ShopTwo444455556666EuWest1": "ShopTwo111122223333EuWest1",
    }


def test_a_stack_set_outlives_the_rollout() -> None:
    for resource in _data(SETTINGS[0])["Resources"].values():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


@pytest.mark.parametrize(("delegated", "call_as"), [(False, "SELF"), (True, "DELEGATED_ADMIN")])
def test_service_managed_launches_only_in_the_account(delegated: bool, call_as: str) -> None:
    settings = RolloutSettings(
        launches=[_launch()], permissions="service_managed", organizational_units=UNITS, delegated_admin=delegated
    )
    (stack_set,) = _resolved(settings).values()
    properties = stack_set["Properties"]
    assert properties["StackInstancesGroup"] == [
        {
            "DeploymentTargets": {
                "Accounts": [DEV],
                "OrganizationalUnitIds": list(UNITS),
                "AccountFilterType": "INTERSECTION",
            },
            "Regions": ["eu-west-1"],
        }
    ]
    assert properties["AutoDeployment"] == {"Enabled": False}
    assert (properties["PermissionModel"], properties["CallAs"]) == ("SERVICE_MANAGED", call_as)
    assert not {"AdministrationRoleARN", "ExecutionRoleName"} & properties.keys()


def test_own_roles_are_those_of_every_stack_set() -> None:
    launch = _launch(region="cn-north-1")
    settings = RolloutSettings(launches=[launch], administration_role="path/Admin", execution_role="Execution")
    (stack_set,) = _resolved(settings, "aws-cn").values()
    properties = stack_set["Properties"]
    assert properties["AdministrationRoleARN"] == "arn:aws-cn:iam::111122223333:role/path/Admin"
    assert properties["ExecutionRoleName"] == "Execution"


@pytest.mark.parametrize("partition", PARTITIONS)
def test_outputs_are_the_stack_sets_and_where_to_see_them(partition: str) -> None:
    target = PARTITIONS[partition]
    outputs = resolve(_data(SETTINGS[0]), {}, target).outputs
    *stack_sets, address = outputs
    assert [outputs[title] for title in stack_sets] == [f"<{title}>" for title in stack_sets]
    assert stack_sets == list(_resolved(SETTINGS[0]))
    domain = {"aws": "console.aws.amazon.com", "aws-cn": "console.amazonaws.cn"}.get(
        partition, "console.amazonaws-us-gov.com"
    )
    assert outputs[address] == (
        f"https://{target.region}.{domain}/cloudformation/home?region={target.region}#/stacksets"
    )


@pytest.mark.parametrize("settings", SETTINGS, ids=["self-managed", "service-managed"])
def test_every_name_leads_somewhere(settings: RolloutSettings) -> None:
    check(_data(settings))


@pytest.mark.parametrize("settings", SETTINGS, ids=["self-managed", "service-managed"])
def test_linters_find_nothing_in_any_region(settings: RolloutSettings, tmp_path: Path) -> None:
    found = regions(_data(settings))
    everywhere: Any = sorted(region for those in found.values() for region in those)
    assert lint(to_yaml(build_rollout(settings)), config=ManualArgs(regions=everywhere, include_checks=["I"])) == []


def test_form_proposes_the_folder_if_it_is_known() -> None:
    known, unknown = (_data(settings)["Parameters"] for settings in SETTINGS)
    assert known["TemplatesUrl"]["Default"] == FOLDER
    assert "Default" not in unknown["TemplatesUrl"]


def test_the_most_launches_fit_and_render_the_same_twice() -> None:
    launches = [_launch(f"service-{n}", parameters={"ApplicationName": f"s{n}"}) for n in range(MAX_LAUNCHES)]
    settings = RolloutSettings(launches=launches)
    text = to_yaml(build_rollout(settings))
    assert text == to_yaml(build_rollout(settings))
    assert len(load(text)["Outputs"]) == 200
    assert len(load(text)["Resources"]) == MAX_LAUNCHES < MAX_RESOURCES
