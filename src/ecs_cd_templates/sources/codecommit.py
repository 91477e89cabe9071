"""A CodeCommit repository in the pipelines' own account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from awacs import codecommit, codepipeline
from awacs.aws import Condition, Deny, Null, Statement, StringEqualsIfExists
from troposphere import AWSHelperFn, Equals, If, Join, Output, Split, Template
from troposphere.codecommit import S3, Code, Repository
from troposphere.events import Rule, Target

from .. import actions, constraints, grants
from ..actions import Action
from ..cfn.console import console_url
from ..cfn.intrinsics import RETAIN, Named, ref, role_arn, sub
from ..constraints import EXISTING, ResourceName, existing_only, or_existing
from ..environments import Environment, Scope
from ..errors import ParameterError, SettingsError
from ..grants import Grant
from ..keys import text
from ..parameters import (
    APPLICATION,
    CODEPIPELINE_GROUP,
    ROLES_GROUP,
    Entry,
    Form,
    ParameterSpec,
    Part,
    Purpose,
    Shared,
    entry,
)
from ..texts import Text
from .provider import Provider, Review, Said, StartingRole, Values

GROUP = Text("group.codecommit")

REPOSITORY = ParameterSpec(
    name="CodeCommitRepositoryName",
    group=GROUP,
    constraint=constraints.CODECOMMIT_REPOSITORY,
    default="ecs-cd-sample-app",
)
BRANCH = ParameterSpec(
    name="CodeCommitBranchName",
    group=GROUP,
    constraint=constraints.BRANCH,
    per_environment=True,
    default=lambda environment: environment.default_branch,
)
EVENT_ROLE = ParameterSpec(
    name="CloudWatchEventRoleName",
    group=CODEPIPELINE_GROUP,
    make_group=ROLES_GROUP,
    constraint=constraints.ROLE_NAME,
    new=constraints.NEW_ROLE_NAME,
    allowed=constraints.NAMED_ROLE,
    default=Shared("events"),
)
REPOSITORY_PART = Part(REPOSITORY, "CodeCommitRepository")
EVENT_ROLE_PART = Part(EVENT_ROLE, "CloudWatchEventRole")

# What makes, changes or removes a branch, from Git and through the API; each says which branch
# (https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodecommit.html).
_BRANCH_CHANGES = (
    codecommit.CreateBranch,
    codecommit.CreateCommit,
    codecommit.DeleteBranch,
    codecommit.DeleteFile,
    codecommit.GitPush,
    codecommit.MergeBranchesByFastForward,
    codecommit.MergeBranchesBySquash,
    codecommit.MergeBranchesByThreeWay,
    codecommit.MergePullRequestByFastForward,
    codecommit.MergePullRequestBySquash,
    codecommit.MergePullRequestByThreeWay,
    codecommit.PutFile,
)
# Renamed, the repository would have another ARN, and its branches would be open.
_REPOSITORY_CHANGES = (codecommit.DeleteRepository, codecommit.UpdateRepositoryName)


@dataclass(frozen=True, kw_only=True)
class CodeCommit(Provider):
    """The application is in a CodeCommit repository of the account; an event rule starts each pipeline."""

    called: ClassVar[str] = "a CodeCommit repository"
    keys: ClassVar[Mapping[str, Any]] = {
        "codecommit": Annotated[
            str,
            text(
                "A CodeCommit repository: the service's name, and then it is made, or existing:NAME for yours",
                or_existing(constraints.CODECOMMIT_REPOSITORY, constraints.CODECOMMIT_REPOSITORY),
                "existing:shop",
            ),
        ]
    }

    action_provider: ClassVar[str] = "CodeCommit"
    shown: ClassVar[tuple[str, ...]] = ("RepositoryName", "BranchName")
    takes_first_commit: ClassVar[bool] = True
    branch: ClassVar[ParameterSpec] = BRANCH
    shared: ClassVar[tuple[ParameterSpec, ...]] = (REPOSITORY,)
    parts: ClassVar[tuple[Part, ...]] = (REPOSITORY_PART,)
    role_parts: ClassVar[tuple[Part, ...]] = (EVENT_ROLE_PART,)
    role_words: ClassVar[Mapping[ParameterSpec, str]] = {EVENT_ROLE: "events"}

    @property
    def title(self) -> Text:
        """What a stack makes for it, in a list of what it makes."""
        return Text("source.codecommit")

    def action(self, values: Values, output: str) -> Action:
        """The branch's newest commit, fetched when an event says so.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeCommit.html
        """
        return actions.source(
            provider=self.action_provider,
            configuration={
                "RepositoryName": ref(values[REPOSITORY]),
                "BranchName": ref(values[BRANCH]),
                "PollForSourceChanges": "false",
            },
            output=output,
            grants=[
                Grant(
                    sid="Source",
                    actions=(
                        codecommit.CancelUploadArchive,
                        codecommit.GetBranch,
                        codecommit.GetCommit,
                        codecommit.GetRepository,
                        codecommit.GetUploadArchiveStatus,
                        codecommit.UploadArchive,
                    ),
                    resources=(repository_arn(values[REPOSITORY]),),
                )
            ],
        )

    def review(self, values: Values, environment: Environment) -> Review:
        """The commit by its branch, and a link to the repository's history.

        A commit's own page shows what that commit changes, and not what other commits it brings along.
        """
        del environment
        path = "codesuite/codecommit/repositories/${repository}/commits?region=${AWS::Region}"
        return Review(
            link=console_url(path, repository=values[REPOSITORY]),
            commit="on branch ${branch}",
            hint=": choose the branch in the linked history to see it",
        )

    def rule(self, scope: Scope, pipeline: Named, values: Values) -> Rule:
        """The event rule that starts the pipeline on a push to exactly its branch.

        It names the pipeline, which comes after it:
        https://docs.aws.amazon.com/codepipeline/latest/userguide/triggering.html.
        """
        return Rule(
            scope.name("CWEventTrigger"),
            Name=ref(pipeline),
            Description=sub("Starts the pipeline ${name}", name=pipeline),
            EventPattern={
                "source": ["aws.codecommit"],
                "detail-type": ["CodeCommit Repository State Change"],
                "resources": [repository_arn(values[REPOSITORY])],
                "detail": {
                    "event": ["referenceCreated", "referenceUpdated"],
                    "referenceType": ["branch"],
                    "referenceName": [ref(values[BRANCH])],
                },
            },
            Targets=[Target(Arn=grants.pipeline_arn(pipeline), Id="Pipeline", RoleArn=role_arn(values[EVENT_ROLE]))],
        )

    def starting_roles(self, pipelines: Sequence[Named]) -> list[StartingRole]:
        """The role with which the event rules start the pipelines, whose names the rules have.

        EventBridge says which rule it takes the role for
        (https://docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html), and
        needs one permission (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html).
        """
        starting = Grant(
            sid="StartPipelines",
            actions=(codepipeline.StartPipelineExecution,),
            resources=tuple(grants.pipeline_arn(pipeline) for pipeline in pipelines),
        )
        return [
            StartingRole(
                part=EVENT_ROLE_PART,
                description="The role with which event rules start the pipelines",
                trust=grants.trust("events", grants.own_resource([_rule_arn(pipeline) for pipeline in pipelines])),
                grants=[starting],
            )
        ]

    def prerequisite_entries(self, only: Scope | None) -> list[Entry]:
        """The repository's name."""
        del only
        return [entry(REPOSITORY, Purpose.MAKE, existing=True)]

    def add_prerequisites(self, template: Template, form: Form, names: Values) -> dict[ParameterSpec, Named]:
        """Adds the repository, unless it exists already."""
        del form
        _add_repository(template, names[REPOSITORY], REPOSITORY_PART.condition)
        return {REPOSITORY: names[REPOSITORY]}

    def quick_start_entries(self) -> list[Entry]:
        """The repository's name, if it exists already."""
        new = entry(REPOSITORY, Purpose.MAKE, wording="quick_start")
        return [replace(new, default="", constraint=existing_only(REPOSITORY.constraint))]

    def add_quick_start(
        self, template: Template, form: Form, first_branch: Named, archive: tuple[str, str] | None
    ) -> dict[ParameterSpec, Named]:
        """Adds the repository, named like the application, unless one that exists is named."""
        parameter = ref(form.of(REPOSITORY))
        new = REPOSITORY_PART.condition
        template.add_condition(new, Equals(parameter, ""))
        code = None
        if archive is not None:
            bucket, key = archive
            code = Code(S3=S3(Bucket=bucket, Key=key), BranchName=ref(first_branch))
        repository = _add_repository(template, form.of(APPLICATION), new, code)
        name = If(new, repository.get_att("Name"), Join("", Split(EXISTING, parameter)))
        template.add_output(
            Output(
                "CodeCommitCloneUrl",
                Description="Where to push the application to",
                # https://docs.aws.amazon.com/codecommit/latest/userguide/regions.html
                Value=sub("https://git-codecommit.${AWS::Region}.${AWS::URLSuffix}/v1/repos/${name}", name=name),
            )
        )
        return {REPOSITORY: name}

    def check_said(self, said: Mapping[str, Said], places: int) -> None:
        """There is one repository, in one account and region, and a new one is named like the application."""
        each = next(iter(said.values()))
        name = each.values.get("codecommit")
        if places > 1:
            remedy = "is in one account and region, and the environments are in several: give a connection"
            raise SettingsError("source" if name is None else "codecommit", name or "CodeCommit", remedy)
        if name not in (None, each.application) and not _repository(each).existing:
            own, existing = each.application, ResourceName(str(name), existing=True)
            remedy = f"is made for the service, and named like it: give {own}, or {existing} for one of yours"
            raise SettingsError("codecommit", name, remedy)

    def quick_start_values(self, said: Said) -> dict[ParameterSpec, str | None]:
        """The repository that exists, or blank for a new one, which is named like the application."""
        repository = _repository(said)
        return {REPOSITORY: str(repository) if repository.existing else ""}

    def prerequisite_values(self, said: Said) -> dict[ParameterSpec, str | None]:
        """The repository, marked if it exists."""
        return {REPOSITORY: str(_repository(said))}

    def pipeline_values(self, said: Said) -> dict[ParameterSpec, str | None]:
        """The repository's name."""
        return {REPOSITORY: _repository(said).name}

    def denied(self, configurations: Sequence[Mapping[str, Any]]) -> list[Statement]:
        """What changes the branches, or removes the repository's name.

        A push asks twice, first without the key: Null leaves that to the second time, as AWS requires of every policy
        that denies GitPush (https://docs.aws.amazon.com/codecommit/latest/userguide/how-to-conditional-branch.html).
        Raises :class:`ParameterError` for a branch that a policy would read as something else.
        """
        for branch in (each["BranchName"] for each in configurations):
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
            if "${" in branch:
                raise ParameterError("branch", branch, "a policy reads ${ as a variable: rename the branch")
        # All environments share it.
        (repository,) = {each["RepositoryName"] for each in configurations}
        branches = dict.fromkeys(f"refs/heads/{each['BranchName']}" for each in configurations)
        to_these = Condition(
            [
                StringEqualsIfExists({"codecommit:References": list(branches)}),
                Null({"codecommit:References": "false"}),
            ]
        )
        arn = [repository_arn(repository)]
        return [
            Statement(
                Sid="ApprovedBranches", Effect=Deny, Action=list(_BRANCH_CHANGES), Resource=arn, Condition=to_these
            ),
            Statement(Sid="Repository", Effect=Deny, Action=list(_REPOSITORY_CHANGES), Resource=arn),
        ]


def repository_arn(repository: Named) -> AWSHelperFn:
    """The ARN of the CodeCommit repository with this name."""
    return sub("arn:${AWS::Partition}:codecommit:${AWS::Region}:${AWS::AccountId}:${repository}", repository=repository)


def _repository(said: Said) -> ResourceName:
    """The repository, which is the application's unless another one is named."""
    return ResourceName.parse(said.values.get("codecommit", said.application))


def _rule_arn(rule: Named) -> AWSHelperFn:
    """The ARN of the event rule with this name, on the default bus."""
    return sub("arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/${rule}", rule=rule)


def _add_repository(template: Template, name: Named, condition: str, code: Code | None = None) -> Repository:
    """Adds the repository, retained: it holds the application, which may start with ``code``."""
    starts_with: dict[str, Any] = {} if code is None else {"Code": code}
    return template.add_resource(
        Repository(
            REPOSITORY_PART.title,
            Condition=condition,
            DeletionPolicy=RETAIN,
            UpdateReplacePolicy="Retain",
            RepositoryName=ref(name),
            **starts_with,
        )
    )
