"""Rules: combinations of values that CloudFormation refuses before it makes anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from troposphere import And, AWSHelperFn, Equals, Not, Or, Parameter, Ref, Template

from .. import parameters
from ..cfn.intrinsics import Named, ref
from ..environments import Scope
from ..parameters import Form, ParameterSpec
from ..texts import Text


@dataclass(frozen=True)
class Own:
    """A thing that environments cannot share: the rule that says so, its parameter, and what it is.

    With ``if_made`` they can share one that exists already, which is so if that parameter is blank.
    """

    rule: str
    spec: ParameterSpec
    thing: Text
    if_made: ParameterSpec | None = None


OWN_PIPELINES = Own("DistinctPipelines", parameters.PIPELINE_NAME, Text("thing.pipeline"))
OWN_ECR_REPOSITORIES = Own(
    "DistinctECRRepositories", parameters.ECR_REPOSITORY, Text("thing.ecr_repository"), parameters.LIFECYCLE_POLICY
)


def require_distinct(
    template: Template, name: str, among: Sequence[Named], message: Text, *, if_made: Sequence[Named] = ()
) -> None:
    """Adds a rule that refuses the same value for any two of the parameters, and says for which two.

    Names that the template makes itself are not among them: they differ as they are made. Two things may be
    the same if neither is made, which is so where the parameters beside theirs in ``if_made`` are blank.

    Inside a rule only ``Ref`` and the rule functions may stand
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html).
    """
    asked = [each for each in among if isinstance(each, Parameter)]
    made = dict(zip((each.title for each in asked), if_made, strict=True)) if if_made else {}
    assertions = [
        {
            "Assert": _different(one, other, *(made[each.title] for each in (one, other) if made)),
            "AssertDescription": Text("rule.same", message=message, one=str(one.title), other=str(other.title)),
        }
        for one, other in combinations(asked, 2)
    ]
    if assertions:
        template.add_rule(name, {"Assertions": assertions})


def require_own(template: Template, form: Form, scopes: Sequence[Scope], own: Own) -> None:
    """Adds a rule that refuses one name for two environments' own."""
    among = [form.of(own.spec, scope) for scope in scopes]
    if_made = [form.of(own.if_made, scope) for scope in scopes] if own.if_made else []
    require_distinct(template, own.rule, among, Text("rule.own", thing=own.thing), if_made=if_made)


def _different(one: Parameter, other: Parameter, *if_made: Named) -> AWSHelperFn:
    different = Not(Equals(Ref(one), Ref(other)))
    return Or(different, And(*(Equals(ref(each), "") for each in if_made))) if if_made else different
