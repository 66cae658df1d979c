"""What `measure` found, as values that print."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

from limner.flow.measures.base import Unit
from limner.maths.lift import Estimate
from limner.maths.verdict import Guard, Step, Verdict

SUSPECT_BELOW = 0.001
"""A sample ratio with a smaller p-value means that the arms are not what was drawn."""


@dataclass(frozen=True, slots=True)
class ArmFound:
    """One arm: customers, how many converted and what they paid, gave back, cost and brought."""

    arm: str
    customers: int
    converted: int
    orders: int
    revenue: Decimal
    refunds: Decimal
    margin: Decimal
    benefit: Decimal
    contact_cost: Decimal
    money: Decimal

    @property
    def rate(self) -> float | None:
        """Share converted; None without customers."""
        return self.converted / self.customers if self.customers else None


@dataclass(frozen=True, slots=True)
class Lift:
    """One metric compared between the arms; None when there was nothing to compare."""

    metric: str
    unit: Unit
    found: Estimate | None
    bound: float | None = None

    @property
    def is_breached(self) -> bool:
        """Whether a guardrail lies wholly beyond its bound."""
        return (
            self.bound is not None and self.found is not None and Guard(self.metric, self.found, self.bound).is_breached
        )

    def to_json(self) -> Mapping[str, object]:
        """The metric with estimate and interval; nulls where there is none."""
        found = self.found
        return {
            "metric": self.metric,
            "unit": self.unit,
            "estimate": found.estimate if found else None,
            "low": found.low if found else None,
            "high": found.high if found else None,
            "p_value": found.p_value if found else None,
            "treated": found.treated if found else None,
            "control": found.control if found else None,
            "bound": self.bound,
            "is_breached": self.is_breached,
        }


@dataclass(frozen=True, slots=True)
class Channelled:
    """How far the messages of one channel came; `cost` is contact and benefit."""

    channel: str
    granted: int
    sent: int
    delivered: int
    opened: int
    clicked: int
    converted: int
    revenue: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Ratio:
    """The check of arm sizes: the share that was to be held out, the share that was, and how likely that is."""

    planned: float
    found: float
    p_value: float

    @property
    def is_broken(self) -> bool:
        """Whether the arms cannot be what was drawn."""
        return self.p_value < SUSPECT_BELOW


@dataclass(frozen=True, slots=True)
class Measured:
    """A campaign against its hold-out.

    `money` is the incremental money of all granted customers together, `hold_out_price` what leaving the control alone
    cost; both are None when they are not to be trusted (`ratio.is_broken`) or there is no control. Only decisions whose
    window is over count; while there is none, all count and the result is preliminary. `open_decisions` wait until
    `open_until`. `mixed` customers were met in both arms and are left out; `universal` ones are left alone by every
    campaign and are in neither arm.
    """

    campaign: str
    name: str
    experiment: str
    asof: datetime
    arms: tuple[ArmFound, ...]
    lifts: tuple[Lift, ...]
    metric: str
    money: Estimate | None
    hold_out_price: Estimate | None
    ratio: Ratio | None
    verdict: Verdict
    step: Step
    more_customers: int | None
    funnel: tuple[Channelled, ...] = ()
    is_preliminary: bool = False
    open_decisions: int = 0
    open_until: datetime | None = None
    mixed: int = 0
    universal: int = 0
    uncosted_orders: int = 0

    def arm(self, name: str) -> ArmFound | None:
        """An arm by its name."""
        return next((arm for arm in self.arms if arm.arm == name), None)

    def lift(self, metric: str | None = None) -> Lift | None:
        """A metric's lift; by default the experiment's own."""
        return next((lift for lift in self.lifts if lift.metric == (metric or self.metric)), None)

    @property
    def guardrails(self) -> tuple[Lift, ...]:
        """The lifts that have a bound."""
        return tuple(lift for lift in self.lifts if lift.bound is not None)

    def to_dicts(self, limit: int | None = None) -> list[dict[str, object]]:
        """One row per arm."""
        return [asdict(arm) | {"rate": arm.rate} for arm in self.arms[:limit]]

    def to_json(self) -> Mapping[str, object]:
        """The document of `measure --json`; its keys are stable."""
        own = self.lift()
        return {
            "campaign": self.campaign,
            "name": self.name,
            "experiment": self.experiment,
            "asof": self.asof,
            "arms": self.to_dicts(),
            "lift": {**(own.to_json() if own else {"metric": self.metric}), "verdict": self.verdict.value},
            "metrics": [lift.to_json() for lift in self.lifts],
            "money": _interval(self.money),
            "hold_out_price": _interval(self.hold_out_price),
            "verdict": self.verdict.value,
            "next_step": self.step.value,
            "more_customers": self.more_customers,
            "sample_ratio": asdict(self.ratio) | {"is_broken": self.ratio.is_broken} if self.ratio else None,
            "funnel": [asdict(row) for row in self.funnel],
            "is_preliminary": self.is_preliminary,
            "open_decisions": self.open_decisions,
            "open_until": self.open_until,
            "mixed": self.mixed,
            "universal": self.universal,
            "uncosted_orders": self.uncosted_orders,
        }

    def __repr__(self) -> str:
        return "\n".join(_lines(self))


def _interval(found: Estimate | None) -> dict[str, float] | None:
    return None if found is None else {"estimate": found.estimate, "low": found.low, "high": found.high}


def _lines(measured: Measured) -> Iterable[str]:
    yield f"{measured.name} · {measured.experiment} · {measured.asof:%Y-%m-%d %H:%M %Z}"
    yield f"{'arm':<10}{'customers':>11}{'converted':>11}{'rate':>9}{'revenue':>16}{'money':>14}"
    for arm in measured.arms:
        rate = "–" if arm.rate is None else f"{arm.rate:.2%}"
        yield f"{arm.arm:<10}{arm.customers:>11,}{arm.converted:>11,}{rate:>9}{arm.revenue:>16,.2f}{arm.money:>14,.2f}"
    for lift in measured.lifts:
        mark = (
            "" if lift.bound is None else f"  accepted {lift.bound:+.2%}" + ("  BREACHED" if lift.is_breached else "")
        )
        yield f"{lift.metric:<12}{_said(lift.found, lift.unit)}{mark}"
    yield f"{'in all':<12}{_said(measured.money, 'money')}"
    more = "" if not measured.more_customers else f", {measured.more_customers:,} more customers"
    yield f"verdict: {measured.verdict.value.replace('_', ' ')}; next: {measured.step.value.replace('_', ' ')}{more}"
    ratio = measured.ratio
    if ratio is not None and ratio.is_broken:
        yield (
            f"the arms are not what was drawn: {ratio.found:.2%} held out, planned {ratio.planned:.2%} "
            f"(p = {ratio.p_value:.1g}); no money is stated"
        )
    if measured.open_decisions:
        note = "preliminary: " if measured.is_preliminary else ""
        until = f"{measured.open_until:%Y-%m-%d %H:%M %Z}"
        yield f"{note}{measured.open_decisions:,} windows are still open, the last until {until}"


def _said(found: Estimate | None, unit: Unit) -> str:
    if found is None:
        return "nothing to compare"
    ends = [found.estimate, found.low, found.high]
    said = [f"{value:+.2%}" if unit == "share" else f"{value:+,.2f}" for value in ends]
    return f"{said[0]} [{said[1]}, {said[2]}]"


@dataclass(frozen=True, slots=True)
class Earned:
    """What several campaigns earned together, against doing nothing, with the interval of their sum."""

    campaigns: int
    left_out: int
    money: Estimate | None

    def to_json(self) -> Mapping[str, object]:
        """The sum with its interval, and how many campaigns could not be counted."""
        return {"campaigns": self.campaigns, "left_out": self.left_out, "money": _interval(self.money)}


def earned(measured: Sequence[Measured]) -> Earned:
    """The sum of the campaigns' money: the estimates are independent, so their squared errors add.

    Campaigns without a trusted figure, or with a preliminary one, are left out and counted.

    >>> earned([]).money is None
    True
    """
    counted = [one.money for one in measured if one.money is not None and not one.is_preliminary]
    if not counted:
        return Earned(0, len(measured), None)
    total = sum(one.estimate for one in counted)
    half = math.sqrt(sum(((one.high - one.low) / 2) ** 2 for one in counted))
    treated, control = sum(one.treated for one in counted), sum(one.control for one in counted)
    p_value = _two_sided(total, half, counted[0].level)
    money = Estimate(total, total - half, total + half, p_value, treated, control, counted[0].level)
    return Earned(len(counted), len(measured) - len(counted), money)


def _two_sided(total: float, half: float, level: float) -> float:
    from statistics import NormalDist

    if not half:
        return 1.0 if not total else 0.0
    z = abs(total) / half * NormalDist().inv_cdf((1 + level) / 2)
    return 2 * (1 - NormalDist().cdf(z))
