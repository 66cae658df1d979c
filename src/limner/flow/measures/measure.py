"""`measure`: what a campaign changed, granted against held out, by assignment and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import select

from limner.core.actor import Actor
from limner.core.errors import NotFound, near, words
from limner.core.ours import Campaign
from limner.core.tell import Tell, silent
from limner.flow.measures.arms import read_arms
from limner.flow.measures.base import METRICS, Arm
from limner.flow.measures.measured import ArmFound, Channelled, Lift, Measured, Ratio
from limner.maths.lift import Estimate, is_sparse, sample_ratio
from limner.maths.power import more_customers
from limner.maths.verdict import Guard, Step, Verdict, judge, next_step
from limner.store.lake.sql import statement
from limner.store.ledger.tables import plans
from limner.store.versions import as_it_was

if TYPE_CHECKING:
    from limner.store.definitions import Definitions
    from limner.store.stores import Stores

NOT_LAUNCHED = words(
    "campaign_not_launched", "Campaign {campaign!r} has no outcomes yet. Plan and launch it, then `limner run`."
)
_PACKAGE = "limner.flow.measures"
_CENT = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Trial:
    """An experiment that has outcomes: its campaign, last plan, and the windows still open."""

    campaign: str
    experiment: str
    last_plan: int
    first_at: datetime
    until_at: datetime
    decisions: int
    still_open: int
    open_until: datetime | None


def trials(stores: Stores, *, outcomes: str | None = None) -> tuple[Trial, ...]:
    """Every experiment with outcomes, by campaign, oldest first."""
    versions = {"outcomes": outcomes} if outcomes else {}
    rows = stores.lake.table(statement(_PACKAGE, "experiments.sql"), versions=versions).to_pylist()
    return tuple(Trial(**row) for row in rows)


def measure(
    stores: Stores,
    definitions: Definitions,
    campaign: str,
    *,
    who: Actor,
    asof: datetime,
    experiment: str | None = None,
    outcomes: str | None = None,
    tell: Tell = silent,
) -> Measured:
    """Compare the arms of a campaign's newest experiment (or the one named) on every metric, in the actor's scope.

    Treated are the granted, control the held out, whatever became of the message afterwards. `outcomes` names a version
    of the outcomes (default: the published one), attached at `asof`. A campaign without outcomes is an error.
    """
    known = trials(stores, outcomes=outcomes)
    mine = [t for t in known if t.campaign == campaign and experiment in (None, t.experiment)]
    if not mine:
        raise NotFound(NOT_LAUNCHED, near=near(campaign, {t.campaign for t in known}), campaign=campaign)
    trial = max(mine, key=lambda t: t.last_plan)
    tell(0, 2, f"measure {campaign}")
    is_preliminary = trial.still_open == trial.decisions
    arms = read_arms(stores, trial.experiment, who=who, is_complete=not is_preliminary, outcomes=outcomes)
    tell(1, 2, f"measure {campaign}")
    definition = _as_launched(stores, definitions, trial)
    funnel = _funnel(stores, trial, outcomes) if who.scope is None else ()
    tell(2, 2, f"measure {campaign}")
    return judged(definition, trial, arms, asof=asof, funnel=funnel, is_preliminary=is_preliminary)


def judged(
    campaign: Campaign,
    trial: Trial,
    arms: Mapping[str, Arm],
    *,
    asof: datetime,
    funnel: tuple[Channelled, ...] = (),
    is_preliminary: bool = False,
) -> Measured:
    """The result of an experiment from the sums of its arms."""
    treated, control = (arms.get(name, Arm(name, 0)) for name in ("granted", "held_out"))
    ratio = _ratio(campaign, treated, control)
    is_comparable = bool(treated.customers and control.customers)
    lifts = _lifts(campaign, treated, control) if is_comparable else ()
    per_customer = next((lift.found for lift in lifts if lift.metric == "money"), None)
    if ratio is not None and ratio.is_broken:
        per_customer = None
        lifts = tuple(
            Lift(lift.metric, lift.unit, None, lift.bound) if lift.unit == "money" else lift for lift in lifts
        )
    verdict, step, more = _verdict(campaign, treated, control, lifts, ratio, is_preliminary=is_preliminary)
    return Measured(
        campaign=campaign.id,
        name=campaign.name or campaign.id,
        experiment=trial.experiment,
        asof=asof,
        arms=(_found(treated), _found(control)),
        lifts=lifts,
        metric=campaign.experiment.metric,
        money=per_customer.times(treated.customers) if per_customer else None,
        hold_out_price=per_customer.times(control.customers) if per_customer else None,
        ratio=ratio,
        verdict=verdict,
        step=step,
        more_customers=more,
        funnel=funnel,
        is_preliminary=is_preliminary,
        open_decisions=trial.still_open,
        open_until=trial.open_until,
        mixed=arms["mixed"].customers if "mixed" in arms else 0,
        universal=arms["universal"].customers if "universal" in arms else 0,
        uncosted_orders=int(treated.total("uncosted") + control.total("uncosted")),
    )


def _lifts(campaign: Campaign, treated: Arm, control: Arm) -> tuple[Lift, ...]:
    """Every metric, the experiment's own first, then gains, then its guardrails."""
    level, own = campaign.experiment.confidence, campaign.experiment.metric
    METRICS.find(own)
    made = []
    for name, kind in METRICS:
        if kind.bound is None or name in campaign.experiment.guardrails:
            made.append(Lift(name, kind.unit, kind().compare(treated, control, level=level), kind.bound))
    return tuple(sorted(made, key=lambda lift: (lift.metric != own, lift.bound is not None)))


def _ratio(campaign: Campaign, treated: Arm, control: Arm) -> Ratio | None:
    """The check of arm sizes; None without a hold-out to check."""
    planned, both = campaign.experiment.holdout, treated.customers + control.customers
    if not 0 < planned < 1 or not both:
        return None
    p_value = sample_ratio(treated.customers, control.customers, planned)
    return Ratio(planned, control.customers / both, p_value)


def _verdict(
    campaign: Campaign,
    treated: Arm,
    control: Arm,
    lifts: Sequence[Lift],
    ratio: Ratio | None,
    *,
    is_preliminary: bool,
) -> tuple[Verdict, Step, int | None]:
    found = {lift.metric: lift.found for lift in lifts}
    own, money = found.get(campaign.experiment.metric), found.get("money")
    if ratio is not None and ratio.is_broken:
        return Verdict.CANNOT_TELL, Step.CHECK_ARMS, None
    if not treated.customers or not control.customers:
        return Verdict.CANNOT_TELL, Step.KEEP_HOLD_OUT, None
    if is_preliminary or own is None:
        return Verdict.CANNOT_TELL, Step.WAIT, None
    guards = [Guard(lift.metric, lift.found, lift.bound) for lift in lifts if lift.found and lift.bound is not None]
    verdict = judge(own, _trusted(money, found["conversion"], treated, control), guards)
    more = None
    if verdict is Verdict.CANNOT_TELL:
        more = more_customers(money or own, treated.customers + control.customers)
    return verdict, next_step(verdict, more), more


def _trusted(money: Estimate | None, rate: Estimate | None, treated: Arm, control: Arm) -> Estimate | None:
    """Money as far as it may decide: a gain on a handful of buyers counts only if the rate itself rose beyond doubt.

    With few buyers in the hold-out the spread of their money is hardly seen, and its interval is too short.
    """
    few = is_sparse(treated.sums["is_converted"], control.sums["is_converted"])
    if money is not None and few and money.low > 0 and (rate is None or rate.low <= 0):
        return None
    return money


def _found(arm: Arm) -> ArmFound:
    return ArmFound(
        arm=arm.name,
        customers=arm.customers,
        converted=int(arm.total("is_converted")),
        orders=int(arm.total("orders")),
        **{name: _money(arm, name) for name in ("revenue", "refunds", "margin", "benefit", "contact_cost", "money")},
    )


def _money(arm: Arm, column: str) -> Decimal:
    total = arm.total(column)
    return (Decimal(total.numerator) / Decimal(total.denominator)).quantize(_CENT)


def _as_launched(stores: Stores, definitions: Definitions, trial: Trial) -> Campaign:
    with stores.ledger.read() as connection:
        row = connection.execute(
            select(plans.c.campaign_version).where(plans.c.plan_id == trial.last_plan)
        ).scalar_one_or_none()
        return as_it_was(connection, definitions, Campaign, trial.campaign, row or "")


def _funnel(stores: Stores, trial: Trial, outcomes: str | None) -> tuple[Channelled, ...]:
    versions = {"outcomes": outcomes} if outcomes else {}
    query = statement(_PACKAGE, "funnel.sql", experiment=trial.experiment)
    return tuple(Channelled(**row) for row in stores.lake.table(query, versions=versions).to_pylist())
