"""The rows of the campaigns: what was measured, and what the market knows to be true where it has said so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from limner.app.reporting.contents import Guard, Interval, Result
from limner.core.errors import BadInput, words
from limner.core.ours import Campaign, Offer
from limner.flow.decisions.decide import experiment_of
from limner.flow.measures.measure import trials
from limner.store.ledger.tables import plans

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.flow.measures.measured import Measured
    from limner.maths.lift import Estimate
    from limner.store.definitions import Definitions

BAD_TRUTH = words("truth_unreadable", "{path} is no truth of a market: {why}. Take the file away, or write it again.")

TRUTH = "market-truth.json"
"""In the workspace's state folder: experiment → {"lift": share, "money": in all}; a simulated market writes it."""


def results_of(
    shop: Workspace, measured: Sequence[Measured], outcomes: str, reached: Sequence[Mapping[str, Any]]
) -> tuple[Result, ...]:
    """One row per experiment, oldest first."""
    began = {trial.experiment: trial for trial in trials(shop.stores, outcomes=outcomes)}
    truth, used, definitions = truth_of(shop), _plans(shop), shop.definitions
    sent: dict[int, int] = {}
    for row in reached:
        sent[row["plan_id"]] = sent.get(row["plan_id"], 0) + row["sent"]
    rows = []
    for one in measured:
        mine = used.get(one.experiment, {})
        trial = began.get(one.experiment)
        rows.append(
            _result(
                definitions,
                one,
                plans=tuple(mine),
                span=(min(mine.values(), default=None), trial.until_at if trial else None),
                is_contacted=any(sent.get(plan) for plan in mine),
                truth=truth.get(one.experiment, {}),
            )
        )
    return tuple(rows)


def _plans(shop: Workspace) -> dict[str, dict[int, datetime]]:
    """Experiment → its launched plans with the moment of each launch."""
    from sqlalchemy import select

    row = plans.c
    found: dict[str, dict[int, datetime]] = {}
    question = select(row.experiment, row.plan_id, row.launched_at, row.made_at).where(row.state != "made")
    with shop.stores.ledger.read() as connection:
        for experiment, plan, launched_at, made_at in connection.execute(question.order_by(row.plan_id)):
            found.setdefault(experiment, {})[plan] = launched_at or made_at
    return found


def _result(
    definitions: Definitions,
    one: Measured,
    *,
    plans: tuple[int, ...],
    span: tuple[datetime | None, datetime | None],
    is_contacted: bool,
    truth: Mapping[str, float],
) -> Result:
    treated, control = one.arm("granted"), one.arm("held_out")
    lift = one.lift("conversion")
    return Result(
        campaign=one.campaign,
        name=one.name,
        experiment=one.experiment,
        offers=_offers(definitions, one),
        plans=plans,
        began_at=span[0],
        until_at=one.open_until or span[1],
        is_complete=not one.is_preliminary,
        is_contacted=is_contacted,
        is_stopped=_is_stopped(definitions, one),
        treated=treated.customers if treated else 0,
        control=control.customers if control else 0,
        rate=(treated.rate if treated else None) or 0.0,
        control_rate=(control.rate if control else None) or 0.0,
        lift=_interval(lift.found if lift else None),
        money=_interval(one.money),
        verdict=one.verdict.value,
        step=one.step.value,
        more=one.more_customers,
        guards=_guards(one),
        ratio_p=one.ratio.p_value if one.ratio else None,
        truth_lift=truth.get("lift"),
        truth_money=truth.get("money"),
    )


def _interval(found: Estimate | None) -> Interval | None:
    return None if found is None else Interval(found.estimate, found.low, found.high)


def _guards(one: Measured) -> tuple[Guard, ...]:
    return tuple(
        Guard(
            lift.metric,
            lift.found.treated,
            lift.found.control,
            Interval(lift.found.estimate, lift.found.low, lift.found.high),
            lift.bound or 0.0,
            lift.is_breached,
        )
        for lift in one.guardrails
        if lift.found is not None
    )


def _offers(definitions: Definitions, one: Measured) -> tuple[str, ...]:
    """The names of the offers that were tried: those the experiment's id holds, else those of the campaign."""
    known = definitions.of(Offer)
    _, colon, tried = one.experiment.partition(":")
    campaign = definitions.of(Campaign).get(one.campaign)
    ids = tried.split("+") if colon else list(campaign.offers) if campaign else []
    return tuple((known[name].name if name in known else "") or name for name in ids)


def _is_stopped(definitions: Definitions, one: Measured) -> bool:
    """Whether the campaign has been stopped, taken away, or goes on with another experiment."""
    campaign = definitions.of(Campaign).get(one.campaign)
    return campaign is None or campaign.is_stopped or experiment_of(campaign) != one.experiment


def truth_of(shop: Workspace) -> Mapping[str, Mapping[str, float]]:
    """The market's truth by experiment; nothing where no market has said any."""
    path = shop.folder / "state" / TRUTH
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): {key: float(value) for key, value in told.items()} for name, told in found.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise BadInput(BAD_TRUTH, path=path, why=str(error)) from None
