"""Rules: combinations of values that CloudFormation refuses before it makes anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from troposphere import Equals, Not, Parameter, Ref, Template

from ..environments import Environment
from ..parameters import environment_suffix

OWN_PIPELINES = ("DistinctPipelines", "CodePipelineName", "a pipeline")
OWN_ECR_REPOSITORIES = ("DistinctECRRepositories", "ECRRepositoryName", "an ECR repository")


def require_distinct(template: Template, name: str, parameters: Sequence[Parameter], message: str) -> None:
    """Adds a rule that refuses the same value for any two of the parameters, and says for which two.

    Inside a rule only ``Ref`` and the rule functions may stand
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html).
    """
    assertions = [
        {
            "Assert": Not(Equals(Ref(one), Ref(other))),
            "AssertDescription": f"{message}: {one.title} and {other.title} are the same.",
        }
        for one, other in combinations(parameters, 2)
    ]
    if assertions:
        template.add_rule(name, {"Assertions": assertions})


def require_own(
    template: Template,
    parameters: Mapping[str, Parameter],
    environments: Sequence[Environment],
    own: tuple[str, str, str],
) -> None:
    """Adds a rule that refuses one name for two environments' own: the rule's name, the question's, and what it is."""
    rule, question, what = own
    asked = [parameters[question + environment_suffix(environment)] for environment in environments]
    require_distinct(template, rule, asked, f"Each environment needs {what} of its own")
