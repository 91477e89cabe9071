"""What several commands share: options, the settings that they make, and how files are written."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, get_args

from ..catalog import RenderSettings
from ..environments import ENVIRONMENTS, Environment
from ..errors import EcsCdTemplatesError, SettingsError
from ..files import replace_all
from ..launch.bundle import DEFAULT_PREFIX
from ..services.shape import ApprovalMessage
from ..settings import Architecture, PipelineSettings, PipelineType, TagMutability
from ..steps import CONTAINER_IMAGE, PLACES, UNIT_TESTS, BuildStep, placed, usual_further

PROGRAM = "ecs-cd-templates"
_MODULE = "ecs_cd_templates"

# The last is what a shell says of a program that Ctrl-C ended.
OK, DIFFERENT, REFUSED, INTERRUPTED = 0, 1, 2, 130

# The options with a choice, of every command that renders: their choices, default and meaning.
_CHOICES: tuple[tuple[str, object, str, str], ...] = (
    (
        "--tag-mutability",
        TagMutability,
        PipelineSettings.image_tag_mutability,
        "may a pushed tag be changed in ECR",
    ),
    ("--pipeline-type", PipelineType, PipelineSettings.pipeline_type, "pipelines of type V1 cannot roll back"),
    ("--architecture", Architecture, RenderSettings.architecture, "the processor that images are built for and run on"),
    ("--approval-message", ApprovalMessage, "hidden", "the commit's message in approval requests"),
)

# The option that makes a setting; an error about the setting is one about the option.
_OPTIONS = {
    f"{RenderSettings.__name__}.nested_base_url": "--nested-base-url",
    f"{RenderSettings.__name__}.environments": "--environment",
    f"{Environment.__name__}.id": "--environment",
    f"{Environment.__name__}.display_name": "--environment name",
    f"{Environment.__name__}.default_branch": "--environment branch",
    f"{Environment.__name__}.approval": "--environment approval",
    f"{PipelineSettings.__name__}.steps": "--build-step",
    f"{BuildStep.__name__}.name": "--build-step",
    f"{BuildStep.__name__}.action": "--build-step",
    f"{BuildStep.__name__}.display_name": "--build-step name",
    f"{BuildStep.__name__}.buildspec": "--build-step buildspec",
    f"{BuildStep.__name__}.after": "--build-step after",
}


class Parser(argparse.ArgumentParser):
    """argparse, but an error is one line, and an option is written out."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **settings})

    def error(self, message: str) -> NoReturn:
        """Exits with the message."""
        line = "".join(each if each.isprintable() else repr(each)[1:-1] for each in message)
        _, *command = self.prog.split()
        self.exit(REFUSED, f"{self.prog}: error: {line} (see {command_line([*command, '--help'])})\n")


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001 - argparse has no other name for it


def add_bucket(parser: argparse.ArgumentParser) -> None:
    """Adds the options that name the folder of a bucket."""
    parser.add_argument("--bucket", required=True, metavar="B", help="a bucket of your own account")
    parser.add_argument(
        "--prefix", default=DEFAULT_PREFIX, metavar="P", help=f"the folder in the bucket; default: {DEFAULT_PREFIX}"
    )


def add_published_settings(parser: argparse.ArgumentParser) -> None:
    """Adds the options of what is published."""
    parser.add_argument(
        "--nested",
        action="store_true",
        help="make the template of all environments of nested stacks, read from the published folder",
    )
    add_settings(parser)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Adds the options of what is rendered."""
    add_environments(parser)
    _add_builds_and_choices(parser)


def add_environments(parser: argparse.ArgumentParser) -> None:
    """Adds the option of an environment; :func:`environments_of` reads it."""
    usual = ", ".join(environment.id for environment in ENVIRONMENTS)
    parser.add_argument(
        "--environment",
        action="append",
        default=[],
        metavar="ID[,name=TEXT][,branch=BRANCH][,approval[=before_deploy]][,production]",
        help="an environment; give the option once for each, in the order in which forms list them and a new one "
        "last, so that the others keep their networks and images, such as "
        f"Staging,name=staging,branch=next,approval. {usual} are the usual ones, with their names, branches and "
        "approval, and the default. With approval everything waits for a person, with approval=before_deploy the "
        "deployment does; production has Container Insights",
    )


def environments_of(options: argparse.Namespace) -> Sequence[Environment]:
    """The environments that the options ask for. Raises :class:`SettingsError`."""
    return [_environment(text) for text in options.environment] or ENVIRONMENTS


def _add_builds_and_choices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--build-step",
        action="append",
        default=[],
        metavar="NAME[,name=TEXT][,buildspec=FILE][,after=STEP][,privileged]",
        help="a further build in every pipeline, such as SecurityScan,buildspec=buildspec_scan.yml, which is a file of "
        f"the application; it runs after the tests or what after= names: {', '.join(PLACES)} or another step's NAME",
    )
    for flag, kind, default, what in _CHOICES:
        choices = get_args(kind)
        parser.add_argument(
            flag, choices=choices, default=default, help=f"{what}: {' or '.join(choices)}; default: {default}"
        )


def render_settings(options: argparse.Namespace, nested_base_url: str | None = None) -> RenderSettings:
    """The settings that the options ask for. Raises :class:`SettingsError`."""
    pipeline = PipelineSettings(
        pipeline_type=options.pipeline_type,
        rollback_on_failure=options.pipeline_type == "V2",
        image_tag_mutability=options.tag_mutability,
        approval_shows_message=options.approval_message == "shown",
        steps=_steps(options.build_step),
    )
    return RenderSettings(
        environments=environments_of(options),
        pipeline=pipeline,
        architecture=options.architecture,
        nested_base_url=nested_base_url,
    )


def arguments_of(options: argparse.Namespace) -> list[str]:
    """The options that differ from their defaults, for another command's line."""
    arguments: list[str] = []
    for flag in ("--environment", "--build-step"):
        for value in getattr(options, _name(flag)):
            arguments += [flag, value]
    for flag, _, default, _ in _CHOICES:
        value = getattr(options, _name(flag))
        arguments += [flag, value] if value != default else []
    return arguments


def command_line(arguments: Sequence[str]) -> str:
    """The line that runs this program with the arguments, for a POSIX shell in the same directory."""
    script = Path(sys.argv[0])
    program = [_as_typed(script)] if script.stem == PROGRAM else [_as_typed(Path(sys.executable)), "-m", _MODULE]
    return shlex.join([*program, *arguments])


def _as_typed(path: Path) -> str:
    """The name of the program at the path if a shell finds it there, or the path, from here where that is shorter."""
    found = shutil.which(path.name)
    if found is not None and Path(found).absolute() == path.absolute():
        return path.name
    if not path.is_absolute():
        return _from_here(str(path))
    try:
        return min(str(path), _from_here(os.path.relpath(path)), key=len)
    except (OSError, ValueError):  # the directory is gone, or on another drive
        return str(path)


def _from_here(path: str) -> str:
    """The relative path, not to be taken for a name on PATH or, with an equals sign, for a variable."""
    return path if path.startswith(".") else f"./{path}"


def of_option(error: EcsCdTemplatesError) -> EcsCdTemplatesError:
    """The error, about the option where its setting came from one."""
    if not isinstance(error, SettingsError):
        return error
    option = _OPTIONS.get(error.field)
    return SettingsError(option, error.value, error.remedy) if option else error


def write(target: Path, contents: Mapping[str, str]) -> None:
    """Writes the files whose content changes, and prints a line for each file."""
    print_written(target, contents, replace_all(target, contents))


def print_written(target: Path, contents: Iterable[str], written: Sequence[str]) -> None:
    """Prints a line for each file, which says whether it was written."""
    for name in contents:
        print(f"{'written' if name in written else 'unchanged'}: {on_one_line(target / name)}")


def on_one_line(path: Path) -> str:
    """The path as it is, or as Python writes it if it does not fit on a line."""
    return str(path) if str(path).isprintable() else repr(str(path))


def directory(text: str) -> Path:
    """The directory that an option names."""
    if not text:
        raise argparse.ArgumentTypeError("give a directory")
    return Path(text)


def _environment(text: str) -> Environment:
    """The usual environment of this ID with what the option says otherwise, or a new one."""
    name, *parts = text.split(",")
    switches = {"approval": "before_build", "production": ""}
    fields = dict(_fields("--environment", text, parts, {"name", "branch", "approval"}, switches))
    usual = {environment.id: environment for environment in ENVIRONMENTS}
    changes: dict[str, Any] = {}
    if "name" in fields:
        changes["display_name"] = fields["name"]
    if "branch" in fields:
        changes["default_branch"] = fields["branch"]
    if "approval" in fields:
        changes["approval"] = fields["approval"]
    if "production" in fields:
        changes["production"] = True
    if name in usual:
        return replace(usual[name], **changes)
    for known in usual:
        if known.lower() == name.lower():
            raise SettingsError("--environment", text, f"differs from the usual {known} in case only: write {known}")
    return Environment(**{"id": name, "display_name": name, **changes})


def _steps(texts: Sequence[str]) -> tuple[BuildStep, ...]:
    """The usual steps, and those that the texts describe in their places among them."""
    return placed(UNIT_TESTS, CONTAINER_IMAGE, [*map(_build_step, texts), *usual_further()])


def _build_step(text: str) -> tuple[BuildStep, str]:
    """The step that the text describes, and what it comes after."""
    name, *parts = text.split(",")
    fields = dict(_fields("--build-step", text, parts, {"name", "buildspec", "after"}, {"privileged": ""}))
    step = BuildStep(
        name=name,
        display_name=fields.get("name"),
        buildspec=fields.get("buildspec"),
        privileged="privileged" in fields,
    )
    return step, fields.get("after", "tests")


def _fields(
    flag: str, text: str, parts: Sequence[str], texts: set[str], switches: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """The fields of an option's value: ``field=TEXT``, or a switch by itself with what it stands for."""
    seen: set[str] = set()
    for part in parts:
        field, equals, value = part.partition("=")
        if field not in (texts if equals else switches):
            known = [*(f"{each}=…" for each in sorted(texts)), *sorted(switches)]
            raise SettingsError(flag, text, f"{part!r} is not one of {', '.join(known)}, and a text has no comma here")
        if field in seen:
            raise SettingsError(flag, text, f"says {field!r} twice: say it once")
        seen.add(field)
        yield field, value if equals else switches[field]


def _name(flag: str) -> Any:
    return flag.removeprefix("--").replace("-", "_")
