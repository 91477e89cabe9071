"""The builds that every pipeline runs, one after the other: unit tests, container image, and whatever else is wanted.

A record here is all that it takes: the action in each pipeline, the template of the CodeBuild project,
the parameters, the project's role with its permissions, and what the launch page says follow from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from . import constraints, grants
from .checks import flag, instance, one_of, text, whole_number
from .environments import checked_display_name
from .errors import NOT_GIVEN, SettingsError
from .grants import BuildResources, Grant
from .parameters import CODEBUILD_GROUP, ROLES_GROUP, ParameterSpec, Shared
from .texts import ENGLISH, Text, words

# A name is in logical IDs, in a file's name, and in the names that are proposed for project and role.
# These limits are ours: names of roles, which have the step's in them, stay within IAM's 64 characters; eight
# environments with seven steps fit into one stack, and twelve stay below the 10,240 characters that IAM takes of one
# role's policies.
MAX_STEP_NAME_LENGTH = 19
MAX_STEPS = 7

# https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html
BUILD_MINUTES = 5, 2160

# What the pipelines' other actions and their artifact are called.
SOURCE, APPROVAL, DEPLOY = "Source", "Approval", "Deploy"
SOURCE_ARTIFACT = "SourceArtifact"

# Those that Linux containers have, on x86-64 and on ARM alike; new accounts may be refused anything larger than the
# smallest (https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-compute-types.html#environment.types).
COMPUTE_TYPES = tuple(f"BUILD_GENERAL1_{size}" for size in ("SMALL", "MEDIUM", "LARGE", "XLARGE", "2XLARGE"))

# What a further step can come after besides another step.
PLACES = ("source", "tests", "image")

# What an application's other roles are called: a step of one of these names would want the same role name.
OTHER_ROLES = ("Pipeline", "Events", "Task", "Execution")


@dataclass(frozen=True, kw_only=True)
class BuildStep:
    """A build: a CodeBuild project of its own, and an action in every pipeline that runs it.

    ``name``: 1 to 19 ASCII letters and digits, the first a capital, such as ``SecurityScan``; parameters, logical IDs
    and the template's file are named after it. ``display_name`` says in labels what it is, 1 to 80 characters on one
    line; by default the name in words, such as ``security scan``. ``buildspec``: the file in the application that
    says what to run, by default ``buildspec_securityScan.yml``. ``grants``: what its role may do besides writing its
    log, reading artifacts, and writing them if it has an ``output``. ``privileged``: whether Docker may run in it.
    ``output``: the artifact that it passes on, if any; later steps get what the last one passed on. ``pushes_image``:
    it pushes the container image, which its role then may, and passes on the image definitions that are deployed;
    exactly one step does.
    Steps after it find these in a directory of their own, beside the application:
    ``$CODEBUILD_SRC_DIR_BuildContainerArtifact``, if that is the ``output``. ``action``: the action's name, by
    default the step's. ``texts`` begins the keys of its texts. ``image``: what it runs in, a maintained CodeBuild
    image of the pipelines' architecture, or an image of your own that CodeBuild may pull without the step's role,
    because it is public or its ECR repository lets CodeBuild
    (https://docs.aws.amazon.com/codebuild/latest/userguide/sample-ecr.html); None takes the newest maintained Amazon
    Linux image. ``compute_type``: one of :data:`COMPUTE_TYPES`. ``timeout_minutes``: 5 to 2160
    (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html). ``cache``: keep for the next
    build, on the machine and as long as that is there, the directories that the buildspec lists under ``cache``, and
    Docker's layers where Docker may run. What one build leaves there, all later ones of the project use, whichever
    branch they are of (https://docs.aws.amazon.com/codebuild/latest/userguide/caching-local.html).

    Raises :class:`SettingsError`.
    """

    name: str
    display_name: str | None = None
    buildspec: str | None = None
    grants: Sequence[Callable[[BuildResources], list[Grant]]] = ()
    privileged: bool = False
    output: str | None = None
    pushes_image: bool = False
    action: str | None = None
    texts: str = "step"
    image: str | None = None
    compute_type: str = COMPUTE_TYPES[0]
    timeout_minutes: int = 30
    cache: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(rf"[A-Z][A-Za-z0-9]{{0,{MAX_STEP_NAME_LENGTH - 1}}}", text("BuildStep.name", self.name)):
            remedy = f"use 1 to {MAX_STEP_NAME_LENGTH} ASCII letters and digits, the first a capital: 'SecurityScan'"
            raise SettingsError("BuildStep.name", self.name, remedy)
        for field, default in (
            ("display_name", _words(self.name, " ")),
            ("buildspec", f"buildspec_{_camel_case(self.name)}.yml"),
            ("action", self.name),
        ):
            if getattr(self, field) is None:
                object.__setattr__(self, field, default)
        checked_display_name("BuildStep.display_name", self.display_name, "security scan")
        # A path within the source; https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
        path = text("BuildStep.buildspec", self.buildspec)
        if not re.fullmatch(r"(?!-)[A-Za-z0-9_./-]{1,255}", path) or {"", ".", ".."} & set(path.split("/")):
            remedy = "give the file's path within the application, such as 'buildspec_scan.yml'"
            raise SettingsError("BuildStep.buildspec", self.buildspec, remedy)
        flag("BuildStep.privileged", self.privileged)
        flag("BuildStep.pushes_image", self.pushes_image)
        if not isinstance(self.grants, Sequence) or isinstance(self.grants, str) or not all(map(callable, self.grants)):
            raise SettingsError("BuildStep.grants", self.grants, "give a list of functions such as grants.report_tests")
        object.__setattr__(self, "grants", tuple(self.grants))
        # https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_OutputArtifact.html
        for field, value in (("action", self.action), ("output", self.output)):
            if value is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", text(f"BuildStep.{field}", value)):
                raise SettingsError(f"BuildStep.{field}", value, "use 1 to 100 letters, digits, hyphens or underscores")
        if self.pushes_image and self.output is None:
            raise SettingsError("BuildStep.output", NOT_GIVEN, "name the artifact with the image definitions")
        self._check_machine()
        if f"{text('BuildStep.texts', self.texts)}.title" not in words(ENGLISH):
            remedy = "there are no texts whose keys begin so: add them in texts/, or leave this out"
            raise SettingsError("BuildStep.texts", self.texts, remedy)

    def _check_machine(self) -> None:
        if self.image is not None and not re.fullmatch(r"[!-~]+", text("BuildStep.image", self.image)):
            raise SettingsError("BuildStep.image", self.image, "give an image address without spaces")
        one_of("BuildStep.compute_type", self.compute_type, COMPUTE_TYPES)
        whole_number("BuildStep.timeout_minutes", self.timeout_minutes, *BUILD_MINUTES)
        flag("BuildStep.cache", self.cache)

    @property
    def file_name(self) -> str:
        """The file that the template of its project is rendered to."""
        return f"code-build-{_camel_case(self.name)}.yaml"

    @property
    def project(self) -> ParameterSpec:
        """The parameter that names its project, in the templates that use it."""
        return self._parameter(
            f"CodeBuild{self.name}ProjectName", "project", default=Shared(f"build-{_words(self.name, '-')}")
        )

    @property
    def role(self) -> ParameterSpec:
        """The parameter that names its project's role, in the templates that make it."""
        return self._parameter(
            f"CodeBuild{self.name}ServiceRoleName",
            "role",
            constraint=constraints.ROLE_NAME,
            new=constraints.NEW_ROLE_NAME,
            allowed=constraints.NAMED_ROLE,
            make_group=ROLES_GROUP,
            default=Shared(f"codebuild-{_words(self.name, '-')}"),
        )

    @property
    def own_project(self) -> ParameterSpec:
        """The parameter that names the project, in the template of this project alone."""
        return self._parameter("CodeBuildProjectName", "own_project")

    @property
    def own_role(self) -> ParameterSpec:
        """The parameter that names the project's role, in the template of this project alone."""
        return self._parameter("CodeBuildServiceRoleName", "own_role", constraint=constraints.ROLE_NAME)

    @property
    def title(self) -> Text:
        """What the launch page's picture calls it."""
        return self.text("title")

    def text(self, key: str) -> Text:
        """A text of its own."""
        return Text(f"{self.texts}.{key}", **dict(self._fill))

    def grants_for(self, build: BuildResources) -> list[Grant]:
        """All that its role may do."""
        functions = [grants.build_basics, *self.grants, *([grants.image_push] if self.pushes_image else [])]
        allowed: list[Grant] = []
        for function in functions:
            own = function(build)
            if not isinstance(own, list) or not all(isinstance(grant, Grant) for grant in own):
                raise SettingsError("BuildStep.grants", function, "must return a list of Grant")
            allowed += own
        return allowed

    @property
    def _fill(self) -> tuple[tuple[str, str], ...]:
        return (("step", str(self.display_name)), ("file", self.file_name), ("buildspec", str(self.buildspec)))

    def _parameter(self, name: str, texts: str, **changes: Any) -> ParameterSpec:
        fields = {"group": CODEBUILD_GROUP, "constraint": constraints.BUILD_PROJECT, **changes}
        return ParameterSpec(name=name, texts=f"{self.texts}.{texts}", fill=self._fill, **fields)


def _words(name: str, separator: str) -> str:
    """The words of the name in lower case, with this between them."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", separator, name).lower()


def _camel_case(name: str) -> str:
    return f"{name[:1].lower()}{name[1:]}"


UNIT_TESTS = BuildStep(
    name="Nodejs",
    display_name=Text("step.Nodejs.display_name"),
    action="BuildApp",
    buildspec="buildspec_nodejs.yml",
    grants=(grants.report_tests,),
    output="BuildAppArtifact",
    texts="step.Nodejs",
)
CONTAINER_IMAGE = BuildStep(
    name="ContainerImage",
    display_name=Text("step.ContainerImage.display_name"),
    action="BuildContainer",
    buildspec="buildspec_containerImage.yml",
    # Docker's daemon starts inside the build container in privileged mode only
    # (https://docs.aws.amazon.com/codebuild/latest/userguide/sample-docker.html).
    privileged=True,
    output="BuildContainerArtifact",
    pushes_image=True,
    texts="step.ContainerImage",
)
BUILD_STEPS = (UNIT_TESTS, CONTAINER_IMAGE)
"""The unit tests, then the container image."""


def unit_tests(buildspec: str = "buildspec_tests.yml", **fields: Any) -> BuildStep:
    """Unit tests in any language, to take the place of :data:`UNIT_TESTS`, whose texts are about Node.js.

    ``fields``: more of the :class:`BuildStep`, such as its ``image`` or ``cache``. Raises :class:`SettingsError`.
    """
    return BuildStep(
        name="UnitTests",
        display_name=Text("step.UnitTests.display_name"),
        buildspec=buildspec,
        grants=UNIT_TESTS.grants,
        output=UNIT_TESTS.output,
        texts="step.UnitTests",
        **fields,
    )


def usual_further() -> list[tuple[BuildStep, str]]:
    """The usual steps besides the unit tests and the container image, as :func:`placed` takes them."""
    places = {UNIT_TESTS: "tests", CONTAINER_IMAGE: "image"}
    before = ["source", *(places.get(step, step.name) for step in BUILD_STEPS)]
    return [pair for pair in zip(BUILD_STEPS, before, strict=False) if pair[0] not in places]


def placed(tests: BuildStep, image: BuildStep, further: Sequence[tuple[BuildStep, str]]) -> tuple[BuildStep, ...]:
    """All steps in the order in which they run: tests, image, and each further step after what is beside it.

    That is one of :data:`PLACES`, namely ``source`` for right at the start, ``tests`` or ``image``, or the name of
    any other step, given earlier or later. Steps after the same one stay in the order in which they are given. Raises
    :class:`SettingsError` for a step that comes after none of these, or in the end after itself.
    """
    for _, after in further:
        text("BuildStep.after", after)
    order: list[BuildStep] = []
    waiting = list(further)
    for place, first in zip(PLACES, ([], [tests], [image]), strict=True):
        reached = {place, *(step.name for step in first)}
        order += first
        while (ready := next((each for each in waiting if each[1] in reached), None)) is not None:
            waiting.remove(ready)
            order.append(ready[0])
            reached.add(ready[0].name)
    if waiting:
        _refuse_place({step.name: after for step, after in waiting}, [*PLACES, *(step.name for step in order)])
    return tuple(order)


def _refuse_place(waiting: Mapping[str, str], choices: Sequence[str]) -> NoReturn:
    """Raises the error about the step that keeps the others waiting."""
    name = after = next(iter(waiting))
    passed: set[str] = set()
    while after in waiting and after not in passed:
        passed.add(after)
        name, after = after, waiting[after]
    problem = f"is itself after {name}" if after in waiting else "is no step"
    remedy = f"{problem}: set what {name} comes after to one of {', '.join(choices)}"
    raise SettingsError("BuildStep.after", after, remedy)


def checked_steps(name: str, steps: object) -> tuple[BuildStep, ...]:
    """The steps as a tuple, if each has names of its own and one of them pushes the image.

    Raises :class:`SettingsError` with this name.
    """
    if not isinstance(steps, Sequence) or isinstance(steps, str):
        raise SettingsError(name, steps, "give a list or a tuple of BuildStep")
    for step in steps:
        instance(name, step, BuildStep)
    if len(steps) > MAX_STEPS:
        remedy = f"a pipeline takes at most {MAX_STEPS}, the unit tests and the container image among them"
        raise SettingsError(name, f"{len(steps)} steps", remedy)
    others = {"name": OTHER_ROLES, "action": (SOURCE, APPROVAL, DEPLOY), "output": (SOURCE_ARTIFACT,)}
    for attribute in ("name", "display_name", "action", "output"):
        first: dict[str, BuildStep] = {}
        for step in steps:
            value = getattr(step, attribute)
            if value is None:
                continue
            field = f"BuildStep.{attribute}"
            if value.lower() in first:
                other = first[value.lower()].name
                remedy = f"is also the {attribute} of the step {other}: give each step its own"
                raise SettingsError(field, value, remedy)
            first[value.lower()] = step
            if value.lower() in map(str.lower, others.get(attribute, ())):
                raise SettingsError(
                    field, value, f"is the {attribute} of something else in the pipelines: choose another"
                )
    if sum(step.pushes_image for step in steps) != 1:
        raise SettingsError(name, [step.name for step in steps], "set pushes_image for exactly one step")
    return tuple(steps)
