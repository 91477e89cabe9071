"""``publish``: uploads the templates to a bucket of the caller's own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from ..catalog import QUICK_START
from ..cfn.reading import from_yaml
from ..cfn.regions import lacking
from ..cfn.rendering import to_yaml
from ..launch.bundle import DEFAULT_PREFIX, Folder, Publication, flat_templates, publication, publication_of
from ..launch.quick_create import quick_create, stack_name
from ..launch.upload import publish, publish_all
from ..services.files import ROLLOUT, rollout
from ..stacks import rollout as rollout_template
from .options import (
    OK,
    Commands,
    add_bucket,
    add_published_settings,
    arguments_of,
    command_line,
    render_settings,
)
from .settings_file import SettingsFile, add_service_settings, refuse_nested, settings_file


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
    add_service_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Uploads, and prints the quick start's link and the command that prints all links."""
    file = settings_file(options)
    if file is not None:
        return _services(options, file)
    settings = render_settings(options)
    folder, published = publish(
        bucket=options.bucket,
        prefix=options.prefix,
        region=options.region,
        settings=settings,
        nested=options.nested,
        progress=lambda message: print(message, file=sys.stderr),
    )
    command = _links(folder)
    command += ["--nested"] if options.nested else []
    print(f"published: {published.url}/")
    quick_start = flat_templates(settings)[QUICK_START]().to_dict()
    if not lacking(quick_start, folder.region):
        print(f"quick start: {_address(folder, published, QUICK_START, quick_start)}")
    print(f"next: {command_line([*command, *arguments_of(options)])}")
    return OK


def _services(options: argparse.Namespace, file: SettingsFile) -> int:
    """Uploads the templates of all services, each version once, and what rolls them out."""
    refuse_nested(options)
    distinct = dict.fromkeys(target.settings for _, _, target in file.targets)

    def publications(folder: Folder) -> list[Publication]:
        every = [publication(folder, settings) for settings in distinct]
        settings = rollout(file.services, published_url=folder.url("").rstrip("/"))
        if settings is not None:
            every.append(publication_of(folder, {ROLLOUT: to_yaml(rollout_template.build(settings)).encode()}))
        return every

    folder, published = publish_all(
        bucket=options.bucket,
        prefix=options.prefix,
        region=options.region,
        publications=publications,
        progress=lambda message: print(message, file=sys.stderr),
    )
    for each in published:
        print(f"published: {each.url}/")
    if ROLLOUT in published[-1].files:
        template = from_yaml(published[-1].files[ROLLOUT].decode())
        print(f"rollout: {_address(folder, published[-1], ROLLOUT, template)}")
    print(f"next: {command_line([*_links(folder), *file.arguments])}")
    return OK


def _address(folder: Folder, published: Publication, name: str, template: Mapping[str, Any]) -> str:
    """Where the console has the form of this template."""
    form = quick_create(
        template_url=f"{published.url}/{name}",
        template=template,
        region=folder.region,
        partition=folder.partition,
        stack_name=stack_name(name),
    )
    return form.address


def _links(folder: Folder) -> list[str]:
    """The words of the command that prints the links to what is in the folder."""
    command = ["links", "--bucket", folder.bucket, "--bucket-region", folder.region]
    return [*command, *(["--prefix", folder.prefix] if folder.prefix != DEFAULT_PREFIX else [])]
