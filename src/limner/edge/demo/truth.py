"""What the market truly does, for those a plan granted or held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.core.ours import Offer
from limner.flow.decisions.facts import numbers_of
from limner.flow.decisions.plans import decisions_of, read_plan

if TYPE_CHECKING:
    from limner.app.reporting.contents import Report
    from limner.app.workspace import Workspace
    from limner_market import Market


@dataclass(frozen=True, slots=True)
class Truth:
    """The market's truth of a campaign: means per customer of both arms, money in the currency."""

    customers: int
    lift: float
    rate_with: float
    rate_without: float
    money: float


def true_of(shop: Workspace, market: Market, plan_id: int) -> Truth:
    """The true effect over everybody a plan granted or held out, each on the channel the plan chose.

    Asked before the market lives on, because a touch works on from the moment it is handed over.
    """
    import json

    kept = read_plan(shop.stores, plan_id)
    version = shop.stores.gallery.version(json.loads(kept.plan.basis)["gallery"])
    rows = [row for row in decisions_of(shop.stores, plan_id).to_pylist() if row["arm"] in ("granted", "held_out")]
    number = np.asarray([row["number"] for row in rows], np.int64)
    trace = numbers_of(version, "address.member_no", number)
    member = shop.stores.vault.open([int(t) for t in np.unique(trace) if t > 0])
    groups: dict[tuple[str, str, Any], list[str]] = {}
    for row, one in zip(rows, trace.tolist(), strict=True):
        if one in member:
            groups.setdefault((row["channel"], row["offer"], row["moment"]), []).append(member[one])
    return _mean(shop, market, groups, kept.plan.made_at)


def with_truth(made: Report, truths: Mapping[str, Truth]) -> Report:
    """A report with the market's truth beside each interval: the lift, and the money of everybody who was treated."""
    results = tuple(
        replace(
            result,
            truth_lift=truths[result.campaign].lift,
            truth_money=truths[result.campaign].money * result.treated,
        )
        if result.campaign in truths
        else result
        for result in made.results
    )
    return replace(made, results=results)


def _mean(shop: Workspace, market: Market, groups: dict[tuple[str, str, Any], list[str]], made_at: Any) -> Truth:
    offers = shop.definitions.of(Offer)
    parts = []
    for (channel, offer, moment), members in groups.items():
        truth = market.truth(
            members,
            channel=channel,
            benefit=Decimal(offers[offer].benefit),
            decided_at=made_at,
            handed_over_at=moment,
        )
        parts.append((truth.customers, truth.rate_with, truth.rate_without, truth.money))
    count = sum(part[0] for part in parts)
    if not count:
        return Truth(0, 0.0, 0.0, 0.0, 0.0)
    weight = np.asarray([part[0] for part in parts]) / count
    with_, without, money = (float(np.dot(weight, [part[i] for part in parts])) for i in (1, 2, 3))
    return Truth(count, with_ - without, with_, without, money)
