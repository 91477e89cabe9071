"""``publish``: uploads the templates to a bucket of the caller's own."""

from __future__ import annotations

import argparse
import sys

from ..catalog import QUICK_START
from ..cfn.regions import lacking
from ..launch.bundle import DEFAULT_PREFIX, flat_templates
from ..launch.quick_create import quick_create, stack_name
from ..launch.upload import publish
from .options import (
    OK,
    Commands,
    add_bucket,
    add_published_settings,
    arguments_of,
    command_line,
    render_settings,
)


def add_to(commands: Commands) -> None:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "publish",
        help="upload the templates to a bucket of your own",
        description="Uploads the templates and the sample application to a folder that is named after their content. "
        "Nothing is made public, and no earlier version is touched.",
    )
    add_bucket(parser)
    parser.add_argument("--region", metavar="R", help="the bucket's; default: as AWS is configured, and as S3 says")
    add_published_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Uploads, and prints the quick start's link and the command that prints all links."""
    settings = render_settings(options)
    folder, published = publish(
        bucket=options.bucket,
        prefix=options.prefix,
        region=options.region,
        settings=settings,
        nested=options.nested,
        progress=lambda message: print(message, file=sys.stderr),
    )
    command = ["links", "--bucket", folder.bucket, "--bucket-region", folder.region]
    command += ["--prefix", folder.prefix] if folder.prefix != DEFAULT_PREFIX else []
    command += ["--nested"] if options.nested else []
    print(f"published: {published.url}/")
    quick_start = flat_templates(settings)[QUICK_START]().to_dict()
    if not lacking(quick_start, folder.region):
        form = quick_create(
            template_url=f"{published.url}/{QUICK_START}",
            template=quick_start,
            region=folder.region,
            partition=folder.partition,
            stack_name=stack_name(QUICK_START),
        )
        print(f"quick start: {form.address}")
    print(f"next: {command_line([*command, *arguments_of(options)])}")
    return OK
