"""A repository on a Git host, reached through a connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, get_args

from awacs import codeconnections, codestar_connections, s3
from awacs.aws import Condition, Deny, Statement, StringEqualsIfExists
from msgspec import Meta
from troposphere import Equals, If, Not, NoValue, Or, Output, Template, codepipeline
from troposphere.codeconnections import Connection as ConnectionResource
from troposphere.codepipeline import GitConfiguration, GitPushFilter, PipelineTriggerDeclaration

from .. import actions, constraints
from ..actions import COMMIT_ID, Action
from ..cfn.console import add_partitions, console_url
from ..cfn.constraint import Constraint
from ..cfn.intrinsics import Named, ref, sub
from ..checks import one_of, patterns
from ..environments import Environment, Scope
from ..errors import NOT_GIVEN, SettingsError
from ..grants import Grant, in_own_account, objects_arn
from ..keys import about, text
from ..parameters import APPLICATION, Entry, Form, ParameterSpec, Part, Purpose, Shared, entry
from ..steps import SOURCE
from ..texts import Text
from .provider import Provider, Review, Said, Values

# https://docs.aws.amazon.com/codeconnections/latest/APIReference/API_CreateConnection.html
Host = Literal["GitHub", "GitHubEnterpriseServer", "GitLab", "GitLabSelfManaged", "Bitbucket"]

# Hosts of one's own, which AWS has to be told of first
# (https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-hosts.html).
SELF_HOSTED: tuple[Host, ...] = ("GitHubEnterpriseServer", "GitLabSelfManaged")

# What a settings file names: a connection that there is, or one to make.
_ARN_OR_NAME = Constraint(
    pattern=f"(?:{constraints.CONNECTION_NAME.pattern})|(?:{constraints.CONNECTION_ARN.pattern})",
    min_length=1,
    max_length=constraints.CONNECTION_ARN.max_length,
    message="give the ARN of a connection, or a name of 1 to 32 letters, digits, hyphens or underscores",
)

# Where the others show a commit with all before it, or, on Bitbucket, the commit alone. The address of a host of one's
# own is not known.
_HISTORY = "the linked history ends with this commit"
_PAGES = {
    "GitHub": (f"https://github.com/${{repository}}/commits/{COMMIT_ID}", _HISTORY),
    "GitLab": (f"https://gitlab.com/${{repository}}/-/commits/{COMMIT_ID}", _HISTORY),
    "Bitbucket": (f"https://bitbucket.org/${{repository}}/commits/{COMMIT_ID}", "the link shows this commit alone"),
}

GROUP = Text("group.connection")

CONNECTION = ParameterSpec(
    name="ConnectionArn",
    group=GROUP,
    constraint=constraints.CONNECTION_ARN,
    new=constraints.CONNECTION_ARN_OR_BLANK,
    default="",
)
CONNECTION_NAME = ParameterSpec(
    name="ConnectionName",
    group=GROUP,
    constraint=constraints.CONNECTION_NAME,
    default=Shared(""),
)
HOST = ParameterSpec(
    name="HostArn",
    group=GROUP,
    constraint=constraints.HOST_ARN_OR_BLANK,
    default="",
)
REPOSITORY = ParameterSpec(
    name="FullRepositoryId",
    group=GROUP,
    constraint=constraints.FULL_REPOSITORY_ID,
)
BRANCH = ParameterSpec(
    name="BranchName",
    group=GROUP,
    constraint=constraints.TRIGGER_BRANCH,
    per_environment=True,
    default=lambda environment: environment.default_branch,
)
# What is made where the ARN is blank.
CONNECTION_PART = Part(CONNECTION, "Connection")


@dataclass(frozen=True, kw_only=True)
class Connection(Provider):
    """The application is in a repository on a Git host; a trigger of each pipeline starts it.

    ``host``: what kind of host it is. ``paths``: files, as patterns such as ``services/cart/**``, of which a push must
    change one to start a pipeline; none means any file.

    A connection that is new has to be finished in the console
    (https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-update.html). A pipeline that is made before
    that is reported not to be started by pushes until it is saved again
    (https://github.com/aws-ia/terraform-aws-control_tower_account_factory/issues/589).

    What may reach a branch, or set a Git tag that starts a pipeline, is decided on the host: protect them there.

    Raises :class:`SettingsError`.
    """

    host: Host = "GitHub"
    paths: Sequence[str] = ()

    called: ClassVar[str] = "a Git host"
    keys: ClassVar[Mapping[str, Any]] = {
        "connection": Annotated[
            str,
            text(
                "The connection to the Git host: the ARN of one that there is, or a name, and then it is made",
                _ARN_OR_NAME,
                "acme",
            ),
        ],
        "repository": Annotated[
            str,
            text("The repository on the Git host, with its owner", constraints.FULL_REPOSITORY_ID, "acme/cart"),
        ],
        "host": Annotated[Host, about("What kind of Git host it is; GitHub, if nothing else is said")],
        "host_arn": Annotated[
            str,
            text("The ARN of a host of your own, for a connection that is made to it", constraints.HOST_ARN),
        ],
        "paths": Annotated[
            list[Annotated[str, about("A pattern of files")]],
            Meta(
                description="Files, as patterns, of which a push must change one to start a pipeline",
                examples=[["services/cart/**"]],
            ),
        ],
    }
    environment_keys: ClassVar[tuple[str, ...]] = ("connection",)

    action_provider: ClassVar[str] = "CodeStarSourceConnection"
    shown: ClassVar[tuple[str, ...]] = ("FullRepositoryId", "BranchName")
    needs_v2: ClassVar[bool] = True
    takes_tags: ClassVar[bool] = True
    pipeline_texts: ClassVar[str] = "triggered"
    branch: ClassVar[ParameterSpec] = BRANCH
    shared: ClassVar[tuple[ParameterSpec, ...]] = (CONNECTION, REPOSITORY)
    known_first: ClassVar[tuple[ParameterSpec, ...]] = (CONNECTION,)

    def __post_init__(self) -> None:
        one_of("Connection.host", self.host, get_args(Host))
        object.__setattr__(self, "paths", patterns("Connection.paths", self.paths, "services/cart/**"))

    @property
    def title(self) -> Text:
        """What a stack makes for it, in a list of what it makes."""
        return Text("source.connection")

    def action(self, values: Values, output: str) -> Action:
        """The commit that the trigger names, or the branch's newest.

        With filters in its trigger, a pipeline detects no other changes
        (https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-triggers.html). The artifact is an archive,
        so that builds need no permission for the connection
        (https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html).
        """
        return actions.source(
            provider=self.action_provider,
            configuration={
                "ConnectionArn": ref(values[CONNECTION]),
                "FullRepositoryId": ref(values[REPOSITORY]),
                "BranchName": ref(values[BRANCH]),
                "OutputArtifactFormat": "CODE_ZIP",
                "DetectChanges": "false",
            },
            output=output,
            grants=_use_connection(values[CONNECTION], values[REPOSITORY]),
        )

    def artifact_grants(self, bucket: Named) -> list[Grant]:
        """To set an ACL, with which the archive is put into the bucket; where the owner is enforced it has no effect.

        Without it the upload is refused (https://github.com/aws/aws-cdk/issues/13557). The permissions that AWS lists
        for any source have it, too (https://repost.aws/knowledge-center/codepipeline-access-denied-errors).
        """
        return [
            Grant(
                sid="SourceArtifact",
                actions=(s3.PutObjectAcl,),
                resources=(objects_arn(bucket),),
                condition=in_own_account(),
            )
        ]

    def review(self, values: Values, environment: Environment) -> Review:
        """The commit by its branch, and on hosts whose address is known, a link to it.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/tutorials-pipeline-variables.html has such a link.
        """
        page, hint = _PAGES.get(self.host, (None, ""))
        return Review(
            link=None if page is None else sub(page, repository=values[REPOSITORY]),
            commit="on branch ${branch}" + (" or at a release tag" if environment.release_tags else ""),
            hint=f": {hint}" if hint else "",
        )

    def triggers(self, values: Values, environment: Environment) -> list[PipelineTriggerDeclaration]:
        """A trigger for a push to exactly the branch, and for one of the environment's release tags.

        Files are told apart for branches only, and a filter is for branches or for tags
        (https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-triggers.html).
        """
        files: dict[str, Any] = {}
        if self.paths:
            files = {"FilePaths": codepipeline.GitFilePathFilterCriteria(Includes=list(self.paths))}
        branch = codepipeline.GitBranchFilterCriteria(Includes=[ref(values[BRANCH])])
        pushes = [GitPushFilter(Branches=branch, **files)]
        if environment.release_tags:
            tags = codepipeline.GitTagFilterCriteria(Includes=list(environment.release_tags))
            pushes.append(GitPushFilter(Tags=tags))
        return [
            PipelineTriggerDeclaration(
                ProviderType=self.action_provider,
                GitConfiguration=GitConfiguration(SourceActionName=SOURCE, Push=pushes),
            )
        ]

    def prerequisite_entries(self, only: Scope | None) -> list[Entry]:
        """The connection or the name of a new one, and the repository that the role may reach with it."""
        return [
            entry(CONNECTION, Purpose.MAKE),
            entry(CONNECTION_NAME, Purpose.MAKE, only),
            *self._host_entries(),
            replace(entry(REPOSITORY, Purpose.ALLOW), group=GROUP),
        ]

    def add_prerequisites(self, template: Template, form: Form, names: Values) -> dict[ParameterSpec, Named]:
        """Adds the connection, unless the form has one."""
        del names
        add_partitions(template)
        return self._add_connection(template, form, form.of(CONNECTION_NAME))

    def quick_start_entries(self) -> list[Entry]:
        """The connection, if there is one, and the repository."""
        return [
            entry(CONNECTION, Purpose.MAKE, wording="quick_start"),
            replace(
                entry(CONNECTION_NAME, Purpose.MAKE, wording="quick_start"),
                default="",
                constraint=constraints.CONNECTION_NAME_OR_BLANK,
            ),
            *self._host_entries(),
            entry(REPOSITORY, Purpose.USE),
        ]

    def add_quick_start(
        self, template: Template, form: Form, first_branch: Named, archive: tuple[str, str] | None
    ) -> dict[ParameterSpec, Named]:
        """Adds the connection, unless the form has one."""
        del first_branch, archive
        given = ref(form.of(CONNECTION_NAME))
        template.add_condition("NameConnection", Equals(given, ""))
        return self._add_connection(template, form, If("NameConnection", ref(form.of(APPLICATION)), given))

    def check_said(self, said: Mapping[str, Said], places: int) -> None:
        """Each environment has a connection; all have the repository, and the host if a new connection needs it."""
        del places
        for id_, each in said.items():
            if "connection" not in each.values:
                raise SettingsError("connection", NOT_GIVEN, f"say which connection {id_} has")
        for each in said.values():
            if "repository" not in each.values:
                raise SettingsError("repository", NOT_GIVEN, "give the owner and the repository")
            if self.made_by_name(each) and self.host in SELF_HOSTED and "host_arn" not in each.values:
                made = f"a connection to {self.host} is made to a host of yours"
                raise SettingsError("host_arn", NOT_GIVEN, f"{made}: give the host's ARN, or the ARN of a connection")

    def made_by_name(self, said: Said) -> Mapping[str, str]:
        """The connection, unless the file has its ARN.

        https://docs.aws.amazon.com/codeconnections/latest/APIReference/API_CreateConnection.html
        """
        return {} if _arn(said) else {"connection": said.values["connection"]}

    def quick_start_values(self, said: Said) -> dict[ParameterSpec, str | None]:
        """What the prerequisites' form is filled in with."""
        return self.prerequisite_values(said)

    def prerequisite_values(self, said: Said) -> dict[ParameterSpec, str | None]:
        """The connection, or the name of the one to make, and the repository."""
        return {
            CONNECTION: _arn(said) or "",
            CONNECTION_NAME: self.made_by_name(said).get("connection"),
            HOST: said.values.get("host_arn"),
            REPOSITORY: said.values["repository"],
        }

    def pipeline_values(self, said: Said) -> dict[ParameterSpec, str | None]:
        """The connection, which has no ARN before it is made, and the repository."""
        return {CONNECTION: _arn(said), REPOSITORY: said.values["repository"]}

    def denied(self, configurations: Sequence[Mapping[str, Any]]) -> list[Statement]:
        """Nothing of the repository, whose branches the host protects; another address for a host of one's own."""
        del configurations
        if self.host not in SELF_HOSTED:
            return []
        changes = [codeconnections.UpdateHost, codestar_connections.UpdateHost]
        return [Statement(Sid="Hosts", Effect=Deny, Action=changes, Resource=["*"])]

    def _host_entries(self) -> list[Entry]:
        return [entry(HOST, Purpose.MAKE)] if self.host in SELF_HOSTED else []

    def _add_connection(self, template: Template, form: Form, name: Named) -> dict[ParameterSpec, Named]:
        """Adds the connection with an output that leads to where it is finished; it is deleted with the stack.

        It has a kind of host or a host
        (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codeconnections-connection.html),
        and is pending until somebody has signed in there.
        """
        parameter = ref(form.of(CONNECTION))
        new = template.add_condition(CONNECTION_PART.condition, Equals(parameter, ""))
        host: dict[str, Any] = {"ProviderType": self.host}
        if self.host in SELF_HOSTED:
            arn = ref(form.of(HOST))
            has_host = template.add_condition("HasHost", Not(Equals(arn, "")))
            host = {"HostArn": If(has_host, arn, NoValue)}
            given = Or(Not(Equals(parameter, "")), Not(Equals(arn, "")))
            assertion = {"Assert": given, "AssertDescription": Text("rule.host")}
            template.add_rule("HostOfNewConnection", {"Assertions": [assertion]})
        connection = template.add_resource(
            ConnectionResource(CONNECTION_PART.title, Condition=new, ConnectionName=ref(name), **host)
        )
        template.add_output(
            Output(
                "ConnectionUrl",
                Condition=new,
                Description=Text("output.connection"),
                Value=console_url("codesuite/settings/connections?region=${AWS::Region}"),
            )
        )
        used = If(new, connection.get_att("ConnectionArn"), parameter)
        return {CONNECTION: used, REPOSITORY: form.of(REPOSITORY)}


def _arn(said: Said) -> str | None:
    """The ARN of the connection, if it exists."""
    connection = said.values["connection"]
    return None if constraints.CONNECTION_NAME.accepts(connection) else connection


def _use_connection(connection: Named, repository: Named) -> list[Grant]:
    """What the source action calls through the connection: the host, about this repository.

    Action and ARN have the same prefix, and older connections have the older one
    (https://docs.aws.amazon.com/dtconsole/latest/userguide/rename.html). The key comes only with calls that are about a
    repository, so the condition holds without it, too. Which of the further keys a source action sends is not
    documented (https://docs.aws.amazon.com/dtconsole/latest/userguide/security-iam.html#permissions-reference-connections-use).
    """
    keys = [f"{prefix}:FullRepositoryId" for prefix in (codeconnections.prefix, codestar_connections.prefix)]
    return [
        Grant(
            sid="Source",
            actions=(codeconnections.UseConnection, codestar_connections.UseConnection),
            resources=(ref(connection),),
            condition=Condition(StringEqualsIfExists({key: ref(repository) for key in keys})),
        )
    ]
