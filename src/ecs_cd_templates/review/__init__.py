"""What is wrong in a template that no linter can see: values, rules, roles, and the order in which things are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cfn.evaluation import Target
from ..errors import ParameterError
from . import order, roles, services
from .finding import Finding
from .resolving import foresee, foreseen

__all__ = ["Finding", "review"]


def review(template: Mapping[str, Any], values: Mapping[str, str], target: Target) -> list[Finding]:
    """All findings about a template with these parameter values, launched in this account and region.

    A value that the template refuses, or a reference that leads nowhere, is the only finding: nothing can be said of
    the rest then.
    """
    try:
        resources = foresee(template, values, target).resources
        evaluator = foreseen(template, values, target)
    except ParameterError as error:
        return [Finding(where=error.field, check="values", text=f"{error.value!r}: {error.remedy}")]
    except (KeyError, ValueError, TypeError, IndexError) as error:
        what = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        return [Finding(where="template", check="references", text=f"cannot be resolved with these values: {what}")]
    found: set[Finding] = set()
    for name, findings in (
        ("roles", roles.check(resources, target)),
        ("order", order.check(template, evaluator, resources)),
        ("services", services.check(resources)),
    ):
        try:
            found.update(findings)
        except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            # Something is not of the form that CloudFormation asks for, of which the linter says more.
            found.add(Finding(where="template", check=name, text=f"cannot be checked: {error!r}"))
    return sorted(found)
