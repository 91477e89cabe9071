"""A settings file to begin with: one service, with a comment for what may be said as well."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ..constraints import CONNECTION_NAME
from ..environments import Environment
from ..sources.connection import Host
from .reading import scalar
from .schema import SCHEMA_FILE_NAME, SCHEMA_LINE

_TEXT = """\
{schema_line}
# Your services and the pipelines that deliver them. {schema_file} has every key, with what it means and takes;
# an editor that reads the line above offers them. What stands behind a # here may be said as well.

# What every service has that does not say otherwise.
defaults:
  architecture: X86_64
  tag_mutability: IMMUTABLE
  # port: 8080
  # health_check_path: /
  # approval_email: ops@example.com
  # tests: {{buildspec: buildspec_tests.yml}}
  # steps: [{{name: SecurityScan, buildspec: buildspec_scan.yml, after: tests}}]
  # tags: {{team: checkout}}

# In the order in which code goes through them; a new one comes last, so that the others keep their networks.
environments:
{environments}
services:
  {service}:
    source:
{source}
    # What the service has otherwise in one environment.
    # environments: {{{last}: {{tasks: {{min: 2, max: 6}}}}}}
"""

_ENVIRONMENT = """\
  - id: {id}
    display_name: {display_name}
    branch: {branch}
    approval: {approval}
    production: {production}
    # tasks: 1
    # size: {{cpu: 256, memory: 512}}
"""

_CODECOMMIT = """\
      # It is made. With existing:{service} one that there is would be used.
      codecommit: {service}"""

_CONNECTION = """\
      # {what}
      connection: {connection}
      host: {host}
      repository: {repository}
      # paths: ["src/**"]"""


def codecommit(service: str) -> str:
    """The source of a service whose CodeCommit repository is made."""
    return _CODECOMMIT.format(service=service)


def on_host(host: Host, repository: str, connection: str) -> str:
    """The source of a service whose repository is on a Git host, reached through this connection, a name or an ARN."""
    made = "It is made, and waits until you finish it once in the console. The ARN of one that there is goes, too."
    what = made if CONNECTION_NAME.accepts(connection) else "A connection that there is."
    fill = {"connection": connection, "host": host, "repository": repository}
    return _CONNECTION.format(what=what, **{key: written(value) for key, value in fill.items()})


def text(service: str, source: str, environments: Sequence[Environment]) -> str:
    """The text of a file with this service, its source from one of the functions above, and these environments."""
    return _TEXT.format(
        schema_line=SCHEMA_LINE,
        schema_file=SCHEMA_FILE_NAME,
        service=service,
        source=source,
        environments="".join(map(_environment, environments)),
        last=written(environments[-1].id),
    )


def _environment(environment: Environment) -> str:
    return _ENVIRONMENT.format(
        id=written(environment.id),
        display_name=written(str(environment.display_name)),
        branch=written(environment.default_branch or environment.id.lower()),
        approval=environment.approval or "none",
        production=str(environment.production).lower(),
    )


def written(value: str) -> str:
    """The text as YAML: as it is where every reader takes it for that, and otherwise in quotes."""
    plain = re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9 :._/-]*[A-Za-z0-9])?", value) and ": " not in value
    return value if plain and scalar(value) == value else json.dumps(value, ensure_ascii=False)
