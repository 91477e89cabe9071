"""The template that rolls published templates out to several accounts, with a stack set for each launch.

It is launched in one account, and makes nothing there but stack sets. What it needs:

- Self-managed: in that account the administration role, which whoever launches may pass on, and in each of the
  others the execution role, which trusts it and may make all that the templates have
  (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html).
- Service-managed: trusted access between StackSets and AWS Organizations
  (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ActivateOrganizationsAccess.html).
  StackSets makes the roles; with them it makes no nested stacks
  (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-custom-execution-role.html).
- The published templates, which whoever launches can read; and for the quick start with the sample application, its
  archive beside them, which CloudFormation reads with the rights of each account: the bucket's policy has to allow it.

A parameter of an AWS-specific or Systems Manager type is an ordinary value here. CloudFormation looks it up in the
account of its caller, which for a stack of a stack set is the role in the other account: for the latter it needs
``ssm:GetParameters`` (AWS's page says nothing of stack sets, neither that they take such parameters nor that not:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/systems-manager-parameter-types.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from troposphere import Output, Ref, Tags, Template
from troposphere.cloudformation import (
    AutoDeployment,
    DeploymentTargets,
    ManagedExecution,
    OperationPreferences,
    Parameter,
    StackInstances,
    StackSet,
)

from .. import parameters
from ..cfn.console import add_partitions, console_url
from ..cfn.intrinsics import RETAIN, Named, role_arn, sub
from ..checks import instance
from ..parameters import Purpose, add_form, entry
from ..rollouts import Launch, RolloutSettings
from ..texts import Text


def build(settings: RolloutSettings) -> Template:
    """A template with a stack set for each launch, and for the launches of one name an order.

    A launch that fails fails the rollout: CloudFormation then takes back what the others changed in this update,
    unless the stack is launched so that it keeps what was made ("Preserve successfully provisioned resources",
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html). A launch that is
    left out of a later template keeps its stack set and its stack: delete them where they are no longer wanted.

    Raises :class:`SettingsError` for what is not settings.
    """
    instance("settings", settings, RolloutSettings)
    template = Template(Description=Text("template.rollout", launches=str(len(settings.launches))))
    asked = replace(entry(parameters.TEMPLATES_URL, Purpose.USE), default=settings.published_url)
    folder = add_form(template, [asked]).of(parameters.TEMPLATES_URL)
    add_partitions(template)
    permissions = _permissions(settings)
    targets = _targets(settings)
    last: dict[str, StackSet] = {}
    for launch in settings.launches:
        title = re.sub("(?:^|-)(.)", lambda start: start[1].upper(), launch.stack_set)
        stack_set = template.add_resource(_stack_set(title, launch, folder, permissions, targets))
        if launch.name in last:
            stack_set.DependsOn = last[launch.name].title
        last[launch.name] = stack_set
        template.add_output(Output(title, Description=f"Stack set {launch.stack_set}", Value=Ref(stack_set)))
    template.add_output(
        Output(
            "StackSetsUrl",
            Description="Where the stack sets are, with the state of each account",
            Value=console_url("cloudformation/home?region=${AWS::Region}#/stacksets"),
        )
    )
    return template


def _permissions(settings: RolloutSettings) -> dict[str, Any]:
    """The properties that say with which rights the stacks are made."""
    if settings.permissions == "self_managed":
        return {
            "PermissionModel": "SELF_MANAGED",
            "AdministrationRoleARN": role_arn(settings.administration_role),
            "ExecutionRoleName": settings.execution_role,
        }
    return {
        "PermissionModel": "SERVICE_MANAGED",
        "AutoDeployment": AutoDeployment(Enabled=False),
        "CallAs": "DELEGATED_ADMIN" if settings.delegated_admin else "SELF",
    }


def _targets(settings: RolloutSettings) -> dict[str, Any]:
    """The properties that say in which part of the organization the account is.

    Without the filter, the template would be launched in every account of the units
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html).
    """
    if settings.permissions == "self_managed":
        return {}
    return {"OrganizationalUnitIds": list(settings.organizational_units), "AccountFilterType": "INTERSECTION"}


def _stack_set(
    title: str, launch: Launch, folder: Named, permissions: Mapping[str, Any], targets: Mapping[str, Any]
) -> StackSet:
    """The stack set of one launch, which is kept when the rollout is deleted: its stack has the images and the data."""
    return StackSet(
        title,
        DeletionPolicy=RETAIN,
        UpdateReplacePolicy="Retain",
        StackSetName=launch.stack_set,
        Description=f"{launch.template_path} for {launch.name}",
        TemplateURL=sub("${folder}/" + launch.template_path, folder=folder),
        Parameters=[Parameter(ParameterKey=key, ParameterValue=value) for key, value in launch.parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
        StackInstancesGroup=[
            StackInstances(
                DeploymentTargets=DeploymentTargets(Accounts=[launch.account], **targets), Regions=[launch.region]
            )
        ],
        # One stack, and it must not fail.
        OperationPreferences=OperationPreferences(FailureToleranceCount=0, MaxConcurrentCount=1),
        # Operations that are in each other's way wait instead of failing.
        ManagedExecution=ManagedExecution(Active=True),
        Tags=Tags(dict(launch.tags)),
        **permissions,
    )
