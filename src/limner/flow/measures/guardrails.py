"""What must not get worse: opt-outs, complaints, returns.

A treated customer can answer a message and a held-out one cannot, so a difference of nought is not to be asked of
opt-outs; each guardrail states how much is accepted. Beyond it, with the whole interval, a campaign is harmful.
"""

from __future__ import annotations

from typing import ClassVar

from limner.flow.measures.base import Arm, Unit, metric
from limner.maths.lift import Estimate, proportion, ratio


class _Share:
    unit: ClassVar[Unit] = "share"
    flags: ClassVar[tuple[str, ...]]
    amounts: ClassVar[tuple[str, ...]] = ()
    products: ClassVar[tuple[tuple[str, str], ...]] = ()
    bound: ClassVar[float | None]

    def compare(self, treated: Arm, control: Arm, *, level: float) -> Estimate | None:
        """Difference of two shares."""
        column = self.flags[0]
        return proportion(treated.sums[column], control.sums[column], level=level)


@metric("opt_out")
class OptOut(_Share):
    """Share of customers who withdrew a consent or unsubscribed inside the window; one point more is accepted."""

    flags: ClassVar[tuple[str, ...]] = ("is_opted_out",)
    bound: ClassVar[float | None] = 0.01


@metric("complaint")
class Complaint(_Share):
    """Share of customers who complained; two in a thousand more are accepted."""

    flags: ClassVar[tuple[str, ...]] = ("is_complained",)
    bound: ClassVar[float | None] = 0.002


@metric("return")
class Return:
    """Share of buyers who sent something back within seven days of an order at least so old; five points more are
    accepted."""

    unit: ClassVar[Unit] = "share"
    flags: ClassVar[tuple[str, ...]] = ("is_returned", "is_ripe")
    amounts: ClassVar[tuple[str, ...]] = ()
    products: ClassVar[tuple[tuple[str, str], ...]] = (("is_returned", "is_ripe"),)
    bound: ClassVar[float | None] = 0.05

    def compare(self, treated: Arm, control: Arm, *, level: float) -> Estimate | None:
        """Difference of two ratios; None when an arm has no buyer, or nobody returned anything."""
        if min(treated.customers, control.customers) < 2:
            return None
        return ratio(treated.pair("is_returned", "is_ripe"), control.pair("is_returned", "is_ripe"), level=level)
