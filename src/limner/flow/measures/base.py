"""The contract of a metric: which columns of `outcomes` it sums, and how it compares two arms.

A metric is a class with `flags` (columns of noughts and ones, per customer: ever or never), `amounts` (columns summed
per customer), `products` (pairs whose products are summed), a `unit`, and `compare`. A guardrail is a metric with a
`bound`: how much worse the treated may be before the campaign is called harmful. The sums of all metrics come from one
scan of the outcomes, one row per arm, so millions of customers cost no memory here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar, Literal, Protocol

from limner.core.registry import Registry
from limner.maths.lift import Estimate, Pair
from limner.maths.sums import Sums

Unit = Literal["share", "money"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of an experiment: how many customers, and the sums of their columns."""

    name: str
    customers: int
    sums: Mapping[str, Sums] = field(default_factory=dict)
    products: Mapping[tuple[str, str], Fraction] = field(default_factory=dict)

    def total(self, column: str) -> Fraction:
        """The sum of a column; 0 where nobody is."""
        found = self.sums.get(column)
        return found.total if found else Fraction()

    def pair(self, numerator: str, denominator: str) -> Pair:
        """Two columns side by side, for a ratio."""
        return Pair(self.sums[numerator], self.sums[denominator], self.products[numerator, denominator])


class Metric(Protocol):
    """One question asked of both arms."""

    unit: ClassVar[Unit]
    flags: ClassVar[tuple[str, ...]]
    amounts: ClassVar[tuple[str, ...]]
    products: ClassVar[tuple[tuple[str, str], ...]]
    bound: ClassVar[float | None]

    def compare(self, treated: Arm, control: Arm, *, level: float) -> Estimate | None:
        """The difference between the arms; None when there is nothing to compare."""
        ...


METRICS: Registry[type[Metric]] = Registry("metric", "limner.flow.measures", "limner.metrics")
metric = METRICS.kind
"""The decorator that names a metric."""
