"""What the quick start costs a month while nothing happens: the one table that forms and documents are made from.

Prices are those of us-east-1 without tax, as of September 2026, in US dollars: load balancers, addresses and CPU by
the hour (https://aws.amazon.com/elasticloadbalancing/pricing/, https://aws.amazon.com/vpc/pricing/,
https://aws.amazon.com/fargate/pricing/), metrics by the month (https://aws.amazon.com/cloudwatch/pricing/).
Not in it: builds, pipelines (by the minute, https://aws.amazon.com/codepipeline/pricing/), requests, logs and
stored images, which come with use; NAT gateways and VPC endpoints, which are those of a network that exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .constraints import TASK_SIZES
from .environments import Environment
from .parameters import PUBLIC_SUBNETS

HOURS = 730

LOAD_BALANCER = 0.0225 * HOURS
PUBLIC_ADDRESS = 0.005 * HOURS
_CPU, _MEMORY = TASK_SIZES[0]
TASK = (_CPU / 1024 * 0.04048 + _MEMORY / 1024 * 0.004445) * HOURS
# Some two dozen metrics for a cluster with a service, at the price of metrics of one's own.
INSIGHTS = 24 * 0.30


@dataclass(frozen=True)
class Cost:
    """A part of the costs: what, how many of it, and dollars a month for each."""

    what: str
    count: int
    each: float

    @property
    def total(self) -> float:
        """Dollars a month for all of them."""
        return self.count * self.each


def idle(environments: Sequence[Environment]) -> list[Cost]:
    """The parts for these environments with the form's defaults, on Fargate."""
    count = len(environments)
    costs = [
        Cost("load balancers", count, LOAD_BALANCER),
        Cost("public IPv4 addresses", sum(map(public_addresses, environments)), PUBLIC_ADDRESS),
        Cost("tasks", count, TASK),
        Cost("Container Insights", sum(environment.production for environment in environments), INSIGHTS),
    ]
    return [cost for cost in costs if cost.count]


def public_addresses(environment: Environment) -> int:
    """How many public IPv4 addresses the environment has: a load balancer one in each subnet, and a task one."""
    return len(PUBLIC_SUBNETS) * environment.public_load_balancer + environment.public_tasks


def total(environments: Sequence[Environment]) -> int:
    """Whole dollars a month."""
    return round(sum(cost.total for cost in idle(environments)))
