"""What the market truly does, for those a plan granted or held out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from limner.app.reporting.results import TRUTH
from limner.core.ours import Offer
from limner.flow.decisions.facts import numbers_of
from limner.flow.decisions.plans import decisions_of, read_plan
from limner.maths.distinct import distinct

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.flow.measures.measured import Measured
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
    kept = read_plan(shop.stores, plan_id)
    version = shop.stores.gallery.version(json.loads(kept.plan.basis)["gallery"])
    rows = decisions_of(shop.stores, plan_id)
    rows = rows.filter(pc.is_in(rows["arm"], pa.array(["granted", "held_out"])))
    trace = numbers_of(version, "address.member_no", rows["number"].to_numpy().astype(np.int64))
    opened = shop.stores.vault.open(distinct(trace[trace > 0]).tolist())
    member = np.asarray([opened.get(one, "") for one in trace.tolist()], object)
    moment = rows["moment"].cast(pa.int64()).cast(pa.string())
    key = pc.binary_join_element_wise(rows["channel"], rows["offer"], moment, "|").to_numpy()
    groups = {}
    for one, first in zip(*np.unique(key, return_index=True), strict=True):
        treated = tuple(rows[name][int(first)].as_py() for name in ("channel", "offer", "moment"))
        groups[treated] = member[(key == one) & (member != "")].tolist()
    return _mean(shop, market, groups, kept.plan.made_at)


def keep_truths(shop: Workspace, truths: Mapping[str, Truth], measured: Mapping[str, Measured]) -> None:
    """Write what is true where the report reads it: by experiment, the lift, and the money of the whole treated arm."""
    path = shop.folder / "state" / TRUTH
    told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name, truth in truths.items():
        arm = measured[name].arm("granted")
        told[measured[name].experiment] = {"lift": truth.lift, "money": truth.money * (arm.customers if arm else 0)}
    path.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")


def _mean(shop: Workspace, market: Market, groups: Mapping[Any, list[str]], made_at: Any) -> Truth:
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
