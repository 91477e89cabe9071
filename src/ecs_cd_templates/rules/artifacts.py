"""Each artifact is made once, before it is used, and each action has as many as its provider takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from ecs_cd_templates.rules._template import GUIDE, PIPELINE, Action, actions, is_known, properties

# The numbers of artifacts that go in and come out, from and to, by category and provider.
NUMBERS = {
    ("Source", "S3"): ((0, 0), (1, 1)),
    ("Source", "CodeCommit"): ((0, 0), (1, 1)),
    ("Source", "ECR"): ((0, 0), (1, 1)),
    ("Source", "CodeStarSourceConnection"): ((0, 0), (1, 1)),
    ("Source", "GitHub"): ((0, 0), (1, 1)),
    ("Build", "CodeBuild"): ((1, 5), (0, 5)),
    ("Test", "CodeBuild"): ((1, 5), (0, 5)),
    ("Approval", "Manual"): ((0, 0), (0, 0)),
    ("Deploy", "S3"): ((1, 1), (0, 0)),
    ("Deploy", "CodeDeploy"): ((1, 1), (0, 0)),
    ("Deploy", "ElasticBeanstalk"): ((1, 1), (0, 0)),
    ("Deploy", "ECS"): ((1, 1), (0, 0)),
    ("Deploy", "CloudFormation"): ((0, 10), (0, 1)),
    ("Invoke", "Lambda"): ((0, 5), (0, 5)),
}


class Artifacts(CloudFormationLintRule):
    """See the module."""

    id = "E9704"
    shortdesc = "A pipeline's artifacts are made once, and before they are used"
    description = (
        "An input artifact is an output artifact of an action that runs before, no two actions make the same one, and "
        "each action has as many as its provider takes"
    )
    source_url = f"{GUIDE}/reference-action-artifacts.html"
    tags = ["resources", "codepipeline"]  # noqa: RUF012 - cfn-lint's own form

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for each artifact that is missing or made twice, and each wrong number."""
        found = []
        for path, pipeline in properties(cfn, PIPELINE):
            every = actions(cfn, pipeline, path)
            if every is None:
                continue
            for action, message in (*_order(every), *_numbers(every)):
                found.append(RuleMatch(action.path, f"{action.name}: {message}"))
        return found


def _order(every: list[Action]) -> Iterator[tuple[Action, str]]:
    makers: dict[str, Action] = {}
    for action in every:
        for name in action.artifacts("Output"):
            # The ways in which one action can turn out share its path.
            if is_known(name) and name in makers and makers[name].path != action.path:
                yield action, f"makes {name}, which {makers[name].name} makes already: name it otherwise"
            makers.setdefault(name, action)
    if not all(map(is_known, makers)):
        return
    for action in every:
        for name in filter(is_known, action.artifacts("Input")):
            maker = makers.get(name)
            if maker is None:
                yield action, f"takes {name}, which no action makes: take one of {', '.join(makers) or 'none'}"
            elif (maker.stage, maker.run_order) >= (action.stage, action.run_order):
                yield action, f"takes {name} before {maker.name} has made it: let it run later"


def _numbers(every: list[Action]) -> Iterator[tuple[Action, str]]:
    for action in every:
        category, owner, provider = action.kind
        if owner == "Custom" or (category, provider) not in NUMBERS:
            continue
        for direction, (least, most) in zip(("Input", "Output"), NUMBERS[category, provider], strict=True):
            given = action.values.get(f"{direction}Artifacts", [])
            if isinstance(given, list) and not least <= len(given) <= most:
                wanted = str(least) if least == most else f"{least} to {most}"
                yield action, f"has {len(given)} {direction.lower()} artifacts, {provider} takes {wanted}"
