"""``deploy-parameters``: writes the parameter file for a stack's next update."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from ..cfn.evaluation import Target
from ..cfn.limits import MAX_BODY_BYTES_FROM_S3
from ..errors import StackError
from ..files import beginning
from ..launch.deploy_parameters import deploy_parameters
from ..launch.parameter_files import to_text
from ..services.checking import unknown
from ..services.stacks import stacks
from .options import OK, PROGRAM, Commands, on_one_line, write
from .settings_file import SettingsFile, add_service_settings, services_file


def add_to(commands: Commands) -> None:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "deploy-parameters",
        help="write the parameter file for a stack's next update",
        description="Writes all parameters of a stack of quick-start.yaml, ecs-environment.yaml or ecs-service.yaml as "
        "it has them, but with the images that run now, which an update would undo otherwise, and with the zones that "
        "its subnets are in. A stack of a service in a settings file gets the file's values. Changes nothing.",
    )
    parser.add_argument("--stack-name", required=True, metavar="S", help="the stack's name or ARN")
    parser.add_argument("--region", metavar="R", help="the stack's; default: as AWS is configured")
    parser.add_argument("--profile", metavar="P", help="of the AWS configuration; default: as AWS is configured")
    parser.add_argument(
        "--template-file", type=Path, metavar="FILE", help="the template that the update brings: says what it restarts"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: standard output")
    add_service_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes the file, and prints the command that updates the stack with it unless there is something to do first."""
    new = None if options.template_file is None else _text(options.template_file)
    file = services_file(options)
    named = bool(options.settings or options.service)
    update = deploy_parameters(
        options.stack_name,
        region=options.region,
        profile=options.profile,
        new_template=new,
        wanted=lambda stack: {} if file is None else _wanted(file, stack, named=named),
    )
    if file is not None and update.changed:
        print(f"{PROGRAM}: {on_one_line(file.path)} changes {', '.join(update.changed)}", file=sys.stderr)
    if update.restarted is not None:
        tasks = ", ".join(update.restarted)
        told = f"starts the tasks of {tasks} anew: it needs the images in the file" if tasks else "restarts no task"
        print(f"{PROGRAM}: the template {told}", file=sys.stderr)
    for warning in update.warnings:
        print(f"{PROGRAM}: warning: {warning}", file=sys.stderr)
    text = to_text(update.values)
    if options.output is None:
        print(text, end="")
        return OK
    write(options.output.parent, {options.output.name: text})
    if not update.warnings and new is None:
        words = ["aws", "cloudformation", "update-stack", "--stack-name", options.stack_name, "--region", update.region]
        words += ["--profile", options.profile] if options.profile else []
        words += ["--use-previous-template", "--capabilities", "CAPABILITY_NAMED_IAM"]
        words += ["--parameters", f"file://{options.output}"]
        print(f"next: {shlex.join(words)}", file=sys.stderr)
    return OK


def _wanted(file: SettingsFile, own: Target, *, named: bool) -> Mapping[str, str]:
    """The values of the stack in the file; none for another team's, unless the file or the service was named."""
    known: list[str] = []
    for _, _, target in file.targets:
        if target.account in {None, own.account} and target.region in {None, own.region}:
            for stack in stacks(target):
                if stack.name == own.stack_name:
                    return stack.values
                known.append(stack.name)
    if named:
        whose = f"stack of {on_one_line(file.path)} in {own.account} and {own.region}"
        raise StackError("stack", own.stack_name, unknown(own.stack_name, known, whose))
    return {}


def _text(path: Path) -> str:
    """The template in the file. Raises :class:`StackError`."""
    try:
        content = beginning(path, MAX_BODY_BYTES_FROM_S3 + 1)
        if content is not None and len(content) <= MAX_BODY_BYTES_FROM_S3:
            return content.decode()
    except OSError as error:
        raise StackError("template", str(path), f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        pass
    raise StackError("template", str(path), "is no template: give a file that render wrote")
