"""Quick-create addresses: the console's form for a new stack, opened with its values filled in.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-create-stacks-quick-create-links.html
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from ..cfn.console import FORM
from ..cfn.limits import MAX_BODY_BYTES, MAX_STACK_NAME_LENGTH
from ..cfn.partitions import PARTITIONS
from ..errors import EcsCdTemplatesError, ParameterError

# What everybody should support at least (https://www.rfc-editor.org/rfc/rfc9110#section-4.1); AWS names no limit
# of its own. Who is not signed in yet goes by way of the sign-in page, whose address contains this one
# percent-encoded (as redirect_uri and hashArgs), so it is the length in that form that counts.
MAX_ADDRESS_LENGTH = 8_000


@dataclass(frozen=True, kw_only=True)
class QuickCreate:
    """An address, the values that it fills in, and of each other value why it does not (``left_out``)."""

    address: str
    filled_in: Mapping[str, str]
    left_out: Mapping[str, str]


def quick_create(
    *,
    template_url: str,
    template: Mapping[str, Any],
    region: str,
    partition: str,
    stack_name: str,
    values: Mapping[str, str] | None = None,
) -> QuickCreate:
    """The address of the form in that region, with as many of the values as it can take.

    Quick-create ignores values for parameters that the template does not have, or that are ``NoEcho``.
    Where the address would be longer than :data:`MAX_ADDRESS_LENGTH`, the longest values are left out.
    Raises :class:`ParameterError` for a value that is not valid Unicode text, and the base error if the address is too
    long without any value.
    """
    filled_in: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for name, value in (values or {}).items():
        parameter = template.get("Parameters", {}).get(name)
        if parameter is None:
            left_out[name] = "the template has no such parameter"
        elif str(parameter.get("NoEcho", False)).lower() == "true":
            left_out[name] = "the console does not fill in what it does not show"
        else:
            filled_in[name] = value
    encoded = {name: _encoded(name, value) for name, value in filled_in.items()}

    def address() -> str:
        query = {"templateURL": _encoded("template address", template_url), "stackName": stack_name}
        query |= {f"param_{name}": encoded[name] for name in filled_in}
        text = "&".join(f"{name}={value}" for name, value in query.items())
        console = f"https://{region}.{PARTITIONS[partition].console_domain}"
        return f"{console}/{FORM.format(region=region, query=text)}"

    while len(quote(address(), safe="")) > MAX_ADDRESS_LENGTH:
        if not filled_in:
            raise EcsCdTemplatesError("address", address(), "is too long for a browser: give a shorter prefix")
        longest = max(filled_in, key=lambda name: len(encoded[name]))
        del filled_in[longest]
        left_out[longest] = "it makes the address too long; type it into the form"
    return QuickCreate(address=address(), filled_in=filled_in, left_out=left_out)


def stack_name(file_name: str) -> str:
    """The name proposed for a stack of the template: its file's, in the letters that a stack's name may have."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", PurePosixPath(file_name).stem)
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:MAX_STACK_NAME_LENGTH]


def names_roles(template: Mapping[str, Any]) -> bool:
    """Whether the template makes things of IAM, to which whoever launches it has to agree.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html
    """
    return any(resource["Type"].startswith("AWS::IAM::") for resource in template["Resources"].values())


def launch_command(
    *,
    template_file: str,
    template_url: str,
    template: Mapping[str, Any],
    size: int,
    region: str,
    stack_name: str,
    values: Mapping[str, str],
    file: str | None = None,
    tags: Sequence[tuple[str, str]] = (),
) -> str:
    """The line for AWS CLI v2 and a POSIX shell that launches the same stack, with the values or the parameter file.

    The stack gets the tags, for which the console's form has no place in its address.

    A template of at most :data:`MAX_BODY_BYTES`, its ``size``, is sent from the local file. A larger one is read from
    where it was published: ``deploy --s3-bucket`` takes no bucket of another region than the stack's
    (https://github.com/aws/aws-cli/issues/4372), ``create-stack`` the same address as the console's form does
    (https://docs.aws.amazon.com/cli/latest/reference/cloudformation/create-stack.html).
    """
    if size <= MAX_BODY_BYTES:
        verb, source, option = "deploy", ["--template-file", template_file], "--parameter-overrides"
        own = [f"{key}={value}" for key, value in tags]
        given = [f"{name}={value}" for name, value in values.items()]
    else:
        verb, source, option = "create-stack", ["--template-url", template_url], "--parameters"
        rows = [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
        given = [_json(rows)]
        own = [_json([{"Key": key, "Value": value} for key, value in tags])]
    words = ["aws", "cloudformation", verb, "--region", region, "--stack-name", stack_name, *source]
    if names_roles(template):
        words += ["--capabilities", "CAPABILITY_NAMED_IAM"]
    if tags:
        words += ["--tags", *own]
    if file:
        words += [option, f"file://{file}"]
    elif values:
        words += [option, *given]
    return shlex.join(words)


def _json(rows: Sequence[Mapping[str, str]]) -> str:
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def _encoded(name: str, value: str) -> str:
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise ParameterError(name, value, "is not valid Unicode text: type it again") from None
