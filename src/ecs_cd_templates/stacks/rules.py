"""Rules: combinations of values that CloudFormation refuses before it makes anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from troposphere import Equals, Not, Parameter, Ref, Template

from .. import parameters
from ..cfn.intrinsics import Named
from ..environments import Scope
from ..parameters import Form, ParameterSpec
from ..texts import Text


@dataclass(frozen=True)
class Own:
    """A thing that environments cannot share: the rule that says so, its parameter, and what it is."""

    rule: str
    spec: ParameterSpec
    thing: Text


OWN_PIPELINES = Own("DistinctPipelines", parameters.PIPELINE_NAME, Text("thing.pipeline"))
OWN_ECR_REPOSITORIES = Own("DistinctECRRepositories", parameters.ECR_REPOSITORY, Text("thing.ecr_repository"))


def require_distinct(template: Template, name: str, among: Sequence[Named], message: Text) -> None:
    """Adds a rule that refuses the same value for any two of the parameters, and says for which two.

    Names that the template makes itself are not among them: they differ as they are made.
    Inside a rule only ``Ref`` and the rule functions may stand
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html).
    """
    assertions = [
        {
            "Assert": Not(Equals(Ref(one), Ref(other))),
            "AssertDescription": Text("rule.same", message=message, one=str(one.title), other=str(other.title)),
        }
        for one, other in combinations([each for each in among if isinstance(each, Parameter)], 2)
    ]
    if assertions:
        template.add_rule(name, {"Assertions": assertions})


def require_own(template: Template, form: Form, scopes: Sequence[Scope], own: Own) -> None:
    """Adds a rule that refuses one name for two environments' own."""
    among = [form.of(own.spec, scope) for scope in scopes]
    require_distinct(template, own.rule, among, Text("rule.own", thing=own.thing))
