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


def _arn(service: str, resource: str) -> str:
    regions = "|".join(f"{name}:{service}:{partition.region_pattern}" for name, partition in PARTITIONS.items())
    return f"arn:(?:{regions}):[0-9]{{12}}:{resource}"


_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

# https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id
KMS_KEY_ARN = Constraint(
    pattern=f"^{_arn('kms', f'key/(?:{_UUID}|mrk-[0-9a-f]{{32}})')}$",
    max_length=200,
    message="give the ARN of a key, not of an alias: arn:aws:kms:REGION:ACCOUNT:key/ID",
)

# https://docs.aws.amazon.com/codeconnections/latest/APIReference/API_CreateConnection.html; older ARNs have the older
# prefix (https://docs.aws.amazon.com/dtconsole/latest/userguide/rename.html).
_CONNECTIONS = "(?:codeconnections|codestar-connections)"
CONNECTION_ARN = Constraint(
    pattern=f"^{_arn(_CONNECTIONS, f'connection/{_UUID}')}$", max_length=256, message="give the ARN of a connection"
)
CONNECTION_NAME = Constraint(pattern=r"^[A-Za-z0-9_-]+$", min_length=1, max_length=32, message="give a name")
HOST_ARN = Constraint(
    pattern=f"^{_arn(_CONNECTIONS, 'host/[A-Za-z0-9_.-]+')}$", max_length=256, message="give the ARN of a host"
)

# https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html
FULL_REPOSITORY_ID = Constraint(
    pattern=r"^(?![\s\S]*\.git$)[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+$",
    min_length=3,
    max_length=255,
    message="give the owner and the repository, such as acme/cart",
)
