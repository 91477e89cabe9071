"""The templates of the settings files under examples/, written for other programs to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from troposphere import Template

from ecs_cd_templates.catalog import templates
from ecs_cd_templates.cfn.evaluation import Target
from ecs_cd_templates.cfn.rendering import to_yaml
from ecs_cd_templates.launch.parameter_files import to_text
from ecs_cd_templates.services import read_file
from ecs_cd_templates.services.files import ROLLOUT, folder, rollout
from ecs_cd_templates.services.stacks import stacks
from ecs_cd_templates.stacks import rollout as rollout_template

EXAMPLES = Path(__file__).parents[1] / "examples"

# Where an example is launched that names no place, and where its templates are published.
ACCOUNT = "111122223333"
REGION = "eu-west-1"
PUBLISHED_URL = f"https://templates.s3.{REGION}.amazonaws.com/services/"


@dataclass(frozen=True)
class Example:
    """A template on disk and as data, with values for it on disk as well, and where it is launched."""

    template: Path
    content: Mapping[str, Any]
    parameters: Path
    place: Target


def write(directory: Path) -> Iterator[Example]:
    """Writes the examples' templates below the directory; of those that are alike, one."""
    seen: set[str] = set()

    def written(path: str, made: Template, values: Mapping[str, str], place: Target) -> Iterator[Example]:
        text = to_yaml(made)
        if text not in seen:
            seen.add(text)
            template = directory / path
            template.parent.mkdir(parents=True, exist_ok=True)
            template.write_text(text, encoding="utf-8")
            # Defaults are in the template; cfn-lint takes the name of a parameter in Systems Manager for its value.
            template.with_suffix(".json").write_text(to_text(values), encoding="utf-8")
            yield Example(template, made.to_dict(), template.with_suffix(".json"), place)

    for file in sorted(EXAMPLES.rglob("*.yaml")):
        name = "-".join(file.relative_to(EXAMPLES).with_suffix("").parts)
        services = read_file(file)
        for service in services.services:
            for target in service.targets:
                builders = templates(target.settings)
                place = Target(account=target.account or ACCOUNT, region=target.region or REGION)
                for stack in stacks(target):
                    path = f"{name}/{folder(service, target)}/{stack.template}"
                    yield from written(path, builders[stack.template](), stack.differing, place)
        settings = rollout(services, published_url=PUBLISHED_URL)
        if settings is not None:
            place = Target(account=ACCOUNT, region=REGION)
            yield from written(f"{name}/{ROLLOUT}", rollout_template.build(settings), {}, place)
