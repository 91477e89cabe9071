"""What the settings file needs of other rooms until they have it: the only module to change when they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import grants
from ..cfn.constraint import Constraint
from ..cfn.partitions import PARTITIONS
from ..errors import SettingsError
from ..grants import BuildResources, Grant
from ..steps import UNIT_TESTS, BuildStep

PERMISSIONS: Mapping[str, Callable[[BuildResources], list[Grant]]] = {"test_reports": grants.report_tests}


def unit_tests(buildspec: str, **machine: Any) -> BuildStep:
    """Unit tests with a buildspec of their own, which say nothing of Node.js."""
    return BuildStep(
        name="UnitTests",
        display_name="unit tests",
        buildspec=buildspec,
        grants=UNIT_TESTS.grants,
        output=UNIT_TESTS.output,
        **machine,
    )


def placed(tests: BuildStep, image: BuildStep, further: Sequence[tuple[BuildStep, str]]) -> list[BuildStep]:
    """The steps in the order in which they run: each further one after what it names."""
    places = {"source": None, "tests": tests, "image": image}
    names = [*places, tests.name, image.name, *(step.name for step, _ in further)]
    following: dict[str, list[BuildStep]] = {}
    for step, after in further:
        usual = places.get(after)
        following.setdefault(usual.name if usual else after, []).append(step)
        if after not in names or after == step.name:
            raise SettingsError(
                "BuildStep.after", after, f"must be one of {', '.join(n for n in names if n != step.name)}"
            )
    order: list[BuildStep] = []
    waiting = [image, tests, *reversed(following.get("source", []))]
    while waiting:
        step = waiting.pop()
        order.append(step)
        waiting += reversed(following.pop(step.name, []))
    for step, after in further:
        if step not in order:
            raise SettingsError(
                "BuildStep.after", after, "leads in a circle: let one of them follow source, tests or image"
            )
    return order


_REGION = "(?:" + "|".join(partition.region_pattern for partition in PARTITIONS.values()) + ")"
_ARN = rf"arn:(?:{'|'.join(PARTITIONS)})"

# https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id-key-ARN
KMS_KEY_ARN = Constraint(
    pattern=rf"^{_ARN}:kms:{_REGION}:[0-9]{{12}}:key/[A-Za-z0-9-]{{1,64}}$",
    message="give the ARN of a key, not of an alias: arn:aws:kms:eu-west-1:111122223333:key/…",
)
# https://docs.aws.amazon.com/codeconnections/latest/APIReference/API_CreateConnection.html; older ones have another
# service's name in their ARN. What is made has a name that needs no quotes anywhere.
CONNECTION = Constraint(
    pattern=rf"^(?:{_ARN}:(?:codeconnections|codestar-connections):{_REGION}:[0-9]{{12}}:connection/[A-Za-z0-9-]{{1,64}}"
    r"|[A-Za-z0-9][A-Za-z0-9._-]{0,31})$",
    message="give the ARN of a connection, or a name of 1 to 32 letters, digits, hyphens, dots or underscores",
)
HOST_ARN = Constraint(
    pattern=rf"^{_ARN}:(?:codeconnections|codestar-connections):{_REGION}:[0-9]{{12}}:host/[A-Za-z0-9._/-]{{1,128}}$",
    message="give the ARN of a host",
)
# https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html
FULL_REPOSITORY_ID = Constraint(
    pattern=r"^[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)+$",
    max_length=256,
    message="give the owner and the repository, such as acme/cart",
)
