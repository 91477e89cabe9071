"""A build runs in an image that is maintained, in an environment that there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from ecs_cd_templates.rules._template import PROJECT, Path, is_known, properties, values

# https://docs.aws.amazon.com/codebuild/latest/userguide/available-runtimes.html
MAINTAINED = {
    "amazonlinux-x86_64-standard": {"5.0", "6.0"},
    "amazonlinux2-x86_64-standard": {"5.0"},
    "amazonlinux-aarch64-standard": {"3.0", "4.0"},
    "amazonlinux2-aarch64-standard": {"3.0"},
    "standard": {"7.0", "8.0"},
}
# AWS's other families, of which the page lists more than are told apart here.
_OTHERS = re.compile(r"(amazonlinux-(x86_64|aarch64)-(lambda-)|windows-|macos-|ami/|server-|lambda)")
# https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectEnvironment.html
TYPES = {
    "ARM_CONTAINER",
    "ARM_EC2",
    "ARM_LAMBDA_CONTAINER",
    "LINUX_CONTAINER",
    "LINUX_EC2",
    "LINUX_GPU_CONTAINER",
    "LINUX_LAMBDA_CONTAINER",
    "MAC_ARM",
    "WINDOWS_CONTAINER",
    "WINDOWS_EC2",
    "WINDOWS_SERVER_2019_CONTAINER",
    "WINDOWS_SERVER_2022_CONTAINER",
}


class BuildImages(CloudFormationLintRule):
    """See the module."""

    id = "E9707"
    shortdesc = "A build's image is maintained, and its kind of environment exists"
    description = (
        "An image of CodeBuild's own is one that AWS maintains, and the environment is of a type that there is"
    )
    source_url = "https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html"
    tags = ["resources", "codebuild"]  # noqa: RUF012 - cfn-lint's own form

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for each retired image and each unknown type."""
        found = []
        for path, project in properties(cfn, PROJECT):
            environment = project.get("Environment")
            if isinstance(environment, dict):
                found += [RuleMatch(where, message) for where, message in _wrong(cfn, environment, path)]
        return found


def _wrong(cfn: Any, environment: Any, path: Path) -> Iterator[tuple[Path, str]]:
    for image in values(cfn, environment.get("Image", "")):
        if is_known(image) and image.startswith("aws/codebuild/") and not _is_maintained(image):
            message = f"{image} is retired: use one such as aws/codebuild/standard:8.0"
            yield [*path, "Environment", "Image"], message
    for kind in values(cfn, environment.get("Type", "LINUX_CONTAINER")):
        if is_known(kind) and kind not in TYPES:
            message = f"there is no environment of the type {kind}: use {', '.join(sorted(TYPES))}"
            yield [*path, "Environment", "Type"], message


def _is_maintained(image: str) -> bool:
    family, _, version = image.removeprefix("aws/codebuild/").partition(":")
    if _OTHERS.match(family):
        return True
    # A version may have a date after it: 5.0-24.10.29.
    return version.partition("-")[0] in MAINTAINED.get(family, set())
