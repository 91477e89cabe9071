"""The command ``ecs-cd-templates``: the only module that reads arguments, prints, and decides on exit codes."""

from __future__ import annotations

import argparse
import io
import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias, get_args

from . import catalog, parameter_files, role_policies
from .catalog import RenderSettings
from .errors import EcsCdTemplatesError, ParameterError, RegionError
from .files import changed, replace_all
from .links import BUTTON, Link, links, read_parameters_for, to_html, to_json, to_markdown, to_text
from .page import PageSettings
from .page import to_html as page_to_html
from .partitions import PARTITIONS
from .publication import DEFAULT_PREFIX, Folder
from .publish import publish
from .settings import Architecture, PipelineSettings, PipelineType, TagMutability

PROGRAM = "ecs-cd-templates"
OK, DIFFERENT, REFUSED = 0, 1, 2

ApprovalMessage = Literal["shown", "hidden"]

# The options of every command that renders: their choices, default and meaning.
_SETTINGS: tuple[tuple[str, object, str, str], ...] = (
    ("--tag-mutability", TagMutability, PipelineSettings.image_tag_mutability, "of the ECR repositories"),
    ("--pipeline-type", PipelineType, PipelineSettings.pipeline_type, "V1 cannot roll back"),
    ("--architecture", Architecture, RenderSettings.architecture, "of the build image"),
    ("--approval-message", ApprovalMessage, "shown", "of the commit, in approval requests"),
)

_FORMATS: dict[str, Callable[[Sequence[Link], str], str]] = {
    "markdown": to_markdown,
    "html": to_html,
    "json": lambda found, button: to_json(found),
    "text": lambda found, button: to_text(found),
}


class _Parser(argparse.ArgumentParser):
    """argparse, but an error is one line."""

    def error(self, message: str) -> NoReturn:
        line = " ".join(message.splitlines())
        self.exit(REFUSED, f"{self.prog}: error: {line} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    """Looks the version up only if it is asked for: a checkout that is not installed has none."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> NoReturn:
        print(f"{PROGRAM} {version(PROGRAM)}")
        parser.exit()


Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or 1 where --check finds a difference, or 2 where it refuses to go on."""
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        # A directory's name may have characters that the terminal has not.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        result: int = options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except EcsCdTemplatesError as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return REFUSED
    except OSError as error:
        # Files raise OutputError, so this is standard output; Python would try it once more, and complain, at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"{PROGRAM}: error: standard output cannot be written ({error.strerror})", file=sys.stderr)
        return REFUSED
    return result


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description="Generates the CloudFormation templates of a continuous-delivery pipeline for Amazon ECS.",
        epilog="Exit status: 0 done, 1 --check found a difference, 2 refused with nothing written.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    _add_render(commands)
    _add_list(commands)
    _add_policies(commands)
    _add_publish(commands)
    _add_links(commands)
    _add_page(commands)
    return parser


def _add_render(commands: Commands) -> None:
    render = commands.add_parser(
        "render",
        help="write the templates",
        description="Writes the templates, replacing each file whole and only if its content changes.",
    )
    render.add_argument("--output-dir", type=Path, default=Path("templates"), metavar="DIR", help="default: templates")
    render.add_argument("--check", action="store_true", help="write nothing; exit 1 and name the files that differ")
    render.add_argument(
        "--nested-base-url",
        metavar="URL",
        help="make the template of all environments of nested stacks, with the single-pipeline templates read "
        "from below this S3 address; the shape for updating a stack that was launched from nested templates",
    )
    _add_settings(render)
    render.set_defaults(run=_render)


def _add_list(commands: Commands) -> None:
    listing = commands.add_parser(
        "list", help="list the templates", description="Lists the templates that render writes."
    )
    listing.set_defaults(run=_list)


def _add_policies(commands: Commands) -> None:
    policies = commands.add_parser(
        "policies",
        help="write the roles' policies as JSON",
        description="Writes the policies of the roles in prerequisites.yaml as plain JSON with real ARNs: ROLE.json, "
        "and its trust policy ROLE.trust.json, for organisations where another team makes the roles.",
    )
    policies.add_argument("--account", required=True, metavar="ID", help="the account's 12 digits")
    policies.add_argument("--region", required=True, metavar="R", help="the pipelines' region, such as us-east-1")
    policies.add_argument(
        "--partition", choices=PARTITIONS, default="aws", help=f"{', '.join(PARTITIONS)}; default: aws"
    )
    policies.add_argument(
        "--params",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="parameter files of prerequisites.yaml, or of the templates that use the same names; "
        "what they leave out has the default of prerequisites.yaml",
    )
    policies.add_argument("--output-dir", type=Path, required=True, metavar="DIR")
    policies.set_defaults(run=_policies)


def _add_publish(commands: Commands) -> None:
    publishing = commands.add_parser(
        "publish",
        help="upload the templates to a bucket of your own",
        description="Uploads the templates and the sample application to a folder that is named after their content. "
        "Nothing is made public, and no earlier version is touched.",
    )
    _add_bucket(publishing)
    publishing.add_argument("--region", metavar="R", help="the bucket's; default: as AWS is configured, and as S3 says")
    _add_published_settings(publishing)
    publishing.set_defaults(run=_publish)


def _add_links(commands: Commands) -> None:
    linking = commands.add_parser(
        "links",
        help="print the links that launch what was published",
        description="Prints, for each template and region, the address of the console's form and the command that does "
        "the same. Asks nobody: give the same settings as to publish.",
    )
    _add_bucket(linking)
    linking.add_argument("--bucket-region", metavar="R", help="where the bucket is; default: the first --region")
    linking.add_argument(
        "--region", nargs="+", default=[], metavar="R", help="default: each that has what a template uses"
    )
    linking.add_argument(
        "--template", nargs="+", default=[], choices=catalog.templates(), metavar="T", help="default: all"
    )
    linking.add_argument(
        "--params",
        nargs="+",
        default=[],
        metavar="FILE",
        help="parameter files to fill the forms in with, each named like its template, or given as TEMPLATE=FILE",
    )
    linking.add_argument("--format", choices=_FORMATS, default="markdown", help="default: markdown")
    linking.add_argument("--button", default=BUTTON, metavar="URL", help=f"the buttons' picture; default: {BUTTON}")
    _add_published_settings(linking)
    linking.set_defaults(run=_links)


def _add_page(commands: Commands) -> None:
    page = commands.add_parser(
        "page",
        help="write a page that fills in the forms",
        description="Writes one HTML file with the forms of all templates, which checks what is typed and makes the "
        "link, the command and the parameter file of it. Asks nobody: give the same settings as to publish.",
    )
    _add_bucket(page)
    page.add_argument("--region", metavar="R", help="the bucket's, and the one to launch in unless another is chosen")
    page.add_argument(
        "-o", "--output", type=Path, default=Path("launch.html"), metavar="FILE", help="default: launch.html"
    )
    _add_published_settings(page)
    page.set_defaults(run=_page)


def _add_bucket(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bucket", required=True, metavar="B", help="a bucket of your own account")
    parser.add_argument(
        "--prefix", default=DEFAULT_PREFIX, metavar="P", help=f"the folder in the bucket; default: {DEFAULT_PREFIX}"
    )


def _add_published_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--nested",
        action="store_true",
        help="make the template of all environments of nested stacks, read from the published folder",
    )
    _add_settings(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    for setting in _SETTINGS:
        _add_choice(parser, *setting)


def _add_choice(parser: argparse.ArgumentParser, flag: str, kind: object, default: str, what: str) -> None:
    choices = get_args(kind)
    parser.add_argument(
        flag, choices=choices, default=default, help=f"{what}: {' or '.join(choices)}; default: {default}"
    )


def _settings(options: argparse.Namespace, nested_base_url: str | None = None) -> RenderSettings:
    pipeline = PipelineSettings(
        pipeline_type=options.pipeline_type,
        rollback_on_failure=options.pipeline_type == "V2",
        image_tag_mutability=options.tag_mutability,
        approval_shows_message=options.approval_message == "shown",
    )
    return RenderSettings(pipeline=pipeline, architecture=options.architecture, nested_base_url=nested_base_url)


def _render(options: argparse.Namespace) -> int:
    contents = catalog.render(_settings(options, options.nested_base_url))
    if options.check:
        different = changed(options.output_dir, contents)
        for name in different:
            print(f"differs: {options.output_dir / name}")
        return DIFFERENT if different else OK
    _write(options.output_dir, contents)
    return OK


def _write(directory: Path, contents: Mapping[str, str]) -> None:
    written = replace_all(directory, contents)
    for name in contents:
        print(f"{'written' if name in written else 'unchanged'}: {directory / name}")


def _policies(options: argparse.Namespace) -> int:
    asked = {name: build().parameters for name, build in catalog.templates().items()}
    values = parameter_files.merged(options.params, {name for parameters in asked.values() for name in parameters})
    relevant = {name: value for name, value in values.items() if name in asked["prerequisites.yaml"]}
    for name in role_policies.NAMES_OF_ONE:
        if name in values:
            remedy = f"say which it is, as prerequisites.yaml asks for it: {role_policies.NAMES_OF_ONE[name]}"
            raise ParameterError(name, values[name], remedy)
    place = role_policies.target(options.account, options.region, options.partition)
    documents = role_policies.role_policies(relevant, place)
    contents = {name: json.dumps(document, indent=2) + "\n" for name, document in documents.items()}
    _write(options.output_dir, contents)
    return OK


def _publish(options: argparse.Namespace) -> int:
    folder, published = publish(
        bucket=options.bucket,
        prefix=options.prefix,
        region=options.region,
        settings=_settings(options),
        nested=options.nested,
        progress=lambda message: print(message, file=sys.stderr),
    )
    command = [PROGRAM, "links", "--bucket", folder.bucket, "--bucket-region", folder.region]
    command += ["--prefix", folder.prefix] if folder.prefix != DEFAULT_PREFIX else []
    command += ["--nested"] if options.nested else []
    for flag, _, default, _ in _SETTINGS:
        value = getattr(options, flag.lstrip("-").replace("-", "_"))
        command += [flag, value] if value != default else []
    print(f"published: {published.url}/")
    print(f"next: {shlex.join(command)}")
    return OK


def _links(options: argparse.Namespace) -> int:
    region = options.bucket_region or next(iter(options.region), None)
    if region is None:
        raise RegionError("bucket region", None, "say where the bucket is, with --bucket-region")
    found = links(
        Folder(bucket=options.bucket, region=region, prefix=options.prefix),
        _settings(options),
        nested=options.nested,
        only_templates=options.template,
        only_regions=options.region,
        parameters=read_parameters_for(options.params),
    )
    print(_FORMATS[options.format](found, options.button), end="")
    return OK


def _page(options: argparse.Namespace) -> int:
    settings = PageSettings(
        bucket=options.bucket,
        prefix=options.prefix,
        region=options.region,
        templates=_settings(options),
        nested=options.nested,
    )
    _write(options.output.parent, {options.output.name: page_to_html(settings)})
    return OK


def _list(options: argparse.Namespace) -> int:
    for name, build in catalog.templates().items():
        print(f"{name:42} {build().description}")
    return OK
