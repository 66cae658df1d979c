"""The report as a value: every number a director's page shows, and nothing about how it looks.

Shares lie in 0-1, money is in the workspace's currency, counts are customers unless they say otherwise. A number that
cannot be known is None. Everything is plain, so `limner report --json` is this value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import hypot, isfinite
from pathlib import Path

LOSING = frozenset({"loses_money", "harmful"})
"""Verdicts that say: stop."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between a low and a high end."""

    estimate: float
    low: float
    high: float

    def times(self, count: float) -> Interval:
        """The same for `count` customers in all.

        >>> Interval(0.5, 0.25, 1.0).times(-2)
        Interval(estimate=-1.0, low=-2.0, high=-0.5)
        """
        ends = sorted((self.low * count, self.high * count))
        return Interval(self.estimate * count, ends[0], ends[1])


def added(parts: tuple[Interval, ...]) -> Interval | None:
    """The sum of independent estimates: their half-widths add as squares. None of them: None.

    >>> added((Interval(10, 7, 13), Interval(20, 16, 24)))
    Interval(estimate=30, low=25.0, high=35.0)
    """
    if not parts:
        return None
    total = sum(part.estimate for part in parts)
    below = hypot(*(part.estimate - part.low for part in parts))
    above = hypot(*(part.high - part.estimate for part in parts))
    return Interval(total, total - below, total + above)


@dataclass(frozen=True, slots=True)
class Guard:
    """A guardrail in both arms, and the difference with how much of it is accepted."""

    name: str
    treated: float
    control: float
    difference: Interval
    bound: float
    is_breached: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """One measured experiment of a campaign. `lift` is a difference of shares, `money` the whole treated arm's.

    `truth_lift` and `truth_money` stand where a simulated market has said what is true.
    """

    campaign: str
    name: str
    experiment: str
    offers: tuple[str, ...]
    plans: tuple[int, ...]
    began_at: datetime | None
    until_at: datetime | None
    is_complete: bool
    is_contacted: bool
    is_stopped: bool
    treated: int
    control: int
    rate: float
    control_rate: float
    lift: Interval | None
    money: Interval | None
    verdict: str
    step: str
    more: int | None = None
    guards: tuple[Guard, ...] = ()
    ratio_p: float | None = None
    truth_lift: float | None = None
    truth_money: float | None = None

    @property
    def is_losing(self) -> bool:
        """Whether it should not go on."""
        return self.is_contacted and self.verdict in LOSING

    @property
    def holdout_price(self) -> Interval | None:
        """What not sending to the hold-out has cost; below zero it has saved money."""
        if self.money is None or not self.treated or not self.is_contacted:
            return None
        return self.money.times(self.control / self.treated)


@dataclass(frozen=True, slots=True)
class Flow:
    """What became of an audience. `refused`, `held_out`, `dropped` and `unsent` are by reason."""

    name: str
    audience: int
    refused: Mapping[str, int] = field(default_factory=dict)
    held_out: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    unsent: Mapping[str, int] = field(default_factory=dict)
    sent: int = 0
    delivered: int = 0
    clicked: int = 0
    ordered: int = 0

    @property
    def parts(self) -> tuple[tuple[str, str, int], ...]:
        """(group, reason, customers) of everybody, in the order they fall away; `sent` last."""
        groups = (("refused", self.refused), ("held_out", self.held_out), ("dropped", self.dropped))
        rows = [(group, why, n) for group, found in (*groups, ("unsent", self.unsent)) for why, n in found.items() if n]
        return (*rows, ("sent", "", self.sent))

    @property
    def adds_up(self) -> bool:
        """Whether the parts are the audience, to the customer."""
        return sum(part[2] for part in self.parts) == self.audience


def merged(name: str, flows: tuple[Flow, ...]) -> Flow | None:
    """Several flows as one; None when there is none."""
    if not flows:
        return None

    def both(field_name: str) -> dict[str, int]:
        total: dict[str, int] = {}
        for flow in flows:
            for why, count in getattr(flow, field_name).items():
                total[why] = total.get(why, 0) + count
        return dict(sorted(total.items(), key=lambda pair: -pair[1]))

    counts = {n: sum(getattr(f, n) for f in flows) for n in ("audience", "sent", "delivered", "clicked", "ordered")}
    return Flow(name, **counts, **{n: both(n) for n in ("refused", "held_out", "dropped", "unsent")})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Channelled:
    """How far the messages of a channel came. `opened` is known only where a channel reports it."""

    channel: str
    name: str
    granted: int
    sent: int
    delivered: int
    opened: int
    clicked: int
    ordered: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Compliance:
    """Every touch looked at again, one by one: how many broke a rule. `touches` is how many were looked at."""

    touches: int
    without_consent: int
    at_night: int
    over_cap: int


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of the rows of all loads. `until_at` is the last thing known to have happened.

    `held` are files that broke a hard check, with their rows: nothing of them is counted anywhere.
    """

    rows: int = 0
    used: int = 0
    anonymous: int = 0
    cancelled: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    files: int = 0
    until_at: datetime | None = None
    held: tuple[tuple[str, int], ...] = ()

    @property
    def rejected_rows(self) -> int:
        """Rows rejected for any reason."""
        return sum(self.rejected.values())


@dataclass(frozen=True, slots=True)
class Month:
    """Paid and refunded in one local month (such as 2026-08) by one source."""

    month: str
    source: str
    orders: int
    refunds: int
    paid: Decimal
    refunded: Decimal

    @property
    def net(self) -> Decimal:
        """Paid less refunded."""
        return self.paid - self.refunded


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The money by month and source, and the same net revenue summed a second way: customer by customer.

    `customers` is the net of all portraits, `nobody` that of orders without a customer; both are None without a
    portrait.
    """

    months: tuple[Month, ...] = ()
    customers: Decimal | None = None
    nobody: Decimal | None = None

    @property
    def paid(self) -> Decimal:
        """Paid in all."""
        return sum((m.paid for m in self.months), Decimal(0))

    @property
    def refunded(self) -> Decimal:
        """Refunded in all."""
        return sum((m.refunded for m in self.months), Decimal(0))

    @property
    def net(self) -> Decimal:
        """Paid less refunded."""
        return self.paid - self.refunded

    @property
    def difference(self) -> Decimal | None:
        """What the two ways of summing differ by; zero when all is well."""
        if self.customers is None or self.nobody is None:
            return None
        return self.net - self.customers - self.nobody


@dataclass(frozen=True, slots=True)
class Spread:
    """How the answers to one tag or trait are spread over the base. `is_ordered`: the answers have an order."""

    column: str
    name: str
    name_en: str
    unit: str
    known: int
    customers: int
    parts: tuple[tuple[str, int], ...]
    is_ordered: bool = False


@dataclass(frozen=True, slots=True)
class RfmClass:
    """One of the eight classes: its customers and what they have spent, returns taken off."""

    name: str
    customers: int
    money: Decimal


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that sets an audience apart: shares in audience and base, TGI with its interval."""

    column: str
    name: str
    name_en: str
    answer: str
    share: float
    base_share: float
    tgi: float
    low: float
    high: float | None


@dataclass(frozen=True, slots=True)
class Apart:
    """What sets the audience of a campaign apart from everybody."""

    audience: str
    name: str
    rule: str
    customers: int
    base: int
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A model card. Calibration rows are (predicted, observed, customers); lifts are by decile, best first;
    features are (column, Chinese name, English name, importance)."""

    model: str
    name: str
    name_en: str
    event: str
    horizon_days: int
    customers: int
    base_rate: float
    random_auc: float | None
    temporal_auc: float | None
    calibration_error: float | None = None
    calibration: tuple[tuple[float, float, int], ...] = ()
    lifts: tuple[float, ...] = ()
    features: tuple[tuple[str, str, str, float], ...] = ()
    trained_on: tuple[str, ...] = ()
    tested_on: str = ""


@dataclass(frozen=True, slots=True)
class Foresight:
    """What a model of value says of all buyers within its horizon: purchases with their 95 % interval, how many are
    still there, and money. `weeks` are (week, expected, observed) repeat purchases, cumulative, after a fit that saw
    none of them; parameters are (name, value, low, high)."""

    model: str
    name: str
    name_en: str
    horizon_days: int
    buyers: int
    purchases: float
    low: float | None
    high: float | None
    alive: float | None
    value: float | None
    weeks: tuple[tuple[int, float, int], ...] = ()
    worst_error: float = 0.0
    parameters: tuple[tuple[str, float, float | None, float | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Base:
    """Everybody known at the asof."""

    customers: int = 0
    identified: int = 0
    spreads: tuple[Spread, ...] = ()
    rfm: tuple[RfmClass, ...] = ()

    @property
    def anonymous(self) -> int:
        """Customers known by a device only."""
        return self.customers - self.identified


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report. `file` is where it is to be written, `lang` in which language."""

    workspace: str
    currency: str
    zone: str
    lang: str
    asof: datetime
    made_at: datetime
    intake: Intake
    reconciled: Reconciled
    base: Base = Base()
    results: tuple[Result, ...] = ()
    flows: tuple[Flow, ...] = ()
    compliance: Compliance | None = None
    apart: tuple[Apart, ...] = ()
    cards: tuple[Card, ...] = ()
    foresights: tuple[Foresight, ...] = ()
    channels: tuple[Channelled, ...] = ()
    file: Path | None = None

    def to_json(self) -> Mapping[str, object]:
        """The document of `report --json`: the fields, and the sums of all campaigns."""
        plain: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        sums = {"earned": self.earned, "holdout_price": self.holdout_price, "flow": self.flow}
        return plain | sums | {"net": self.reconciled.net, "is_contacted": self.is_contacted}

    @property
    def is_contacted(self) -> bool:
        """Whether any message of any campaign has gone out."""
        return any(result.is_contacted for result in self.results)

    @property
    def earned(self) -> Interval | None:
        """How much more all campaigns have earned than doing nothing."""
        found = tuple(r.money for r in self.results if r.is_contacted and r.money and isfinite(r.money.estimate))
        return added(found)

    @property
    def flow(self) -> Flow | None:
        """All campaigns as one flow."""
        return merged("", self.flows)

    @property
    def holdout_price(self) -> Interval | None:
        """What not sending to the hold-outs has cost."""
        return added(tuple(p for r in self.results if (p := r.holdout_price) is not None))
