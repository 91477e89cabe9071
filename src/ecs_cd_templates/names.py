"""The names of all that one application has, made from its name and the environment's.

No two applications share a name, not even where one application is called like the beginning of another.
Things of one kind have the same number of words after the application's name, and none of these words has a
hyphen: so from two equal names the same words can be taken away, and the applications' names that remain are
equal as well. Where a name has to be the only one of its kind in the world or is in the way of the next launch,
as a bucket's is, there is none here, and CloudFormation makes one.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import parameters
from .cfn.intrinsics import Named, sub
from .environments import Scope
from .sources import Source
from .steps import BuildStep

# What stands in the place of an environment where there is none, with the region, if that is known, after it: no
# environment has such an ID.
SHARED = "shared"

# What an application has of its own for each environment, and the word for it; none for the environment itself.
_WORDS = {
    parameters.PIPELINE_NAME: "",
    parameters.ECR_REPOSITORY: "",
    parameters.CLUSTER: "",
    parameters.SERVICE: "",
    parameters.PIPELINE_ROLE: "pipeline",
    parameters.TASK_ROLE: "task",
    parameters.TASK_EXECUTION_ROLE: "execution",
}


def of_environment(application: Named, scope: Scope, source: Source, steps: Sequence[BuildStep]) -> dict[str, Named]:
    """The names in one environment, such as ``shop-dev`` and ``shop-dev-task``, by their parameters' names."""
    # No step has one of the names above.
    own = {spec: step.name.lower() for step in steps for spec in (step.project, step.role)}
    return {
        parameters.name_of(spec, scope): _name(application, scope.environment.id.lower(), *filter(None, [word]))
        for spec, word in {**_WORDS, **source.role_words, **own}.items()
    }


def shared(application: Named, source: Source, steps: Sequence[BuildStep], region: str | None) -> dict[str, Named]:
    """The names of what all environments share, such as ``shop-shared-pipeline``, by their parameters' names.

    They have as many words as those in one environment, and no environment is called like them. With a region they are
    ``shop-sharedeuwest1-pipeline``: a role's name is taken in every region of the account
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
    """
    place = SHARED + (region or "").replace("-", "")
    specs = {spec: word for spec, word in _WORDS.items() if word and not spec.per_environment}
    own = {spec: step.name.lower() for step in steps for spec in (step.project, step.role)}
    return {
        **{spec.name: _name(application, place, word) for spec, word in {**specs, **source.role_words, **own}.items()},
        parameters.APPROVAL_TOPIC.name: topic(application),
    }


def topic(application: Named) -> Named:
    """The name of the topic for approval requests."""
    return _name(application, "approvals")


def _name(application: Named, *words: str) -> Named:
    if isinstance(application, str):
        return "-".join([application, *words])
    return sub("-".join(["${application}", *words]), application=application)
