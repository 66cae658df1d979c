"""What became of the audience of every launched plan: refused, held out, dropped, not sent, sent, and what followed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select

from limner.app.reporting.contents import Channelled, Flow, merged
from limner.core.ours import Campaign, Channel
from limner.flow.decisions.launch import DROPPED
from limner.flow.decisions.plans import Kept, decisions_of, plans_of
from limner.store.lake.sql import statement
from limner.store.ledger.tables import outbox

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

_STEPS = ("delivered", "opened", "clicked", "ordered")


def flows_of(shop: Workspace, reached: Sequence[Mapping[str, Any]]) -> tuple[Flow, ...]:
    """One flow per campaign, over all its launched plans, oldest first. They add up to the customer."""
    names = shop.definitions.of(Campaign)
    by_campaign: dict[str, list[Flow]] = {}
    for kept in launched(shop):
        mine = [row for row in reached if row["plan_id"] == kept.plan.plan_id]
        by_campaign.setdefault(kept.plan.campaign, []).append(_flow(shop, kept, mine))
    found = [(merged(_name(names, campaign), tuple(flows))) for campaign, flows in by_campaign.items()]
    return tuple(flow for flow in found if flow is not None)


def launched(shop: Workspace) -> list[Kept]:
    """The plans that have been launched, oldest first."""
    return [kept for kept in plans_of(shop.stores) if kept.state != "made"]


def _name(known: Mapping[str, Campaign], campaign: str) -> str:
    found = known.get(campaign)
    return (found.name if found else "") or campaign


def reached_of(shop: Workspace, outcomes: str) -> list[dict[str, Any]]:
    """What the outcomes say of the messages, by plan and channel."""
    found: pa.Table = shop.stores.lake.table(
        statement("limner.app.reporting", "reached.sql"), versions={"outcomes": outcomes}
    )
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _flow(shop: Workspace, kept: Kept, reached: Sequence[Mapping[str, Any]]) -> Flow:
    """The granted are sent, not sent, dropped, or not yet in the outbox; the held out are kept or dropped."""
    decided = decisions_of(shop.stores, kept.plan.plan_id)
    states, gone = _outbox(shop, kept.plan.plan_id)
    is_gone = pc.is_in(decided["decision"], value_set=pa.array(gone, pa.int64()))
    held = decided.filter(pc.and_(pc.equal(decided["answer"], "held_out"), pc.invert(is_gone)))
    dropped = Counter({why: n for (state, why), n in states.items() if state == "dropped"})
    unsent = Counter({_unsent(state, why): 0 for (state, why) in states if state not in ("sent", "dropped", "held")})
    for (state, why), count in states.items():
        if state not in ("sent", "dropped", "held"):
            unsent[_unsent(state, why)] += count
    seen = sum(states.values())
    missing = kept.plan.granted + kept.plan.held_out - seen
    waiting = {"not_launched": missing} if missing > 0 else {}
    counts = {name: sum(row[name] for row in reached) for name in ("delivered", "clicked", "ordered")}
    held_out = Counter(held["reason"].to_pylist())
    if missing > 0:  # a launch under way: held-out customers whose rows are still to come are counted as held out
        waiting["not_launched"] = kept.plan.audience - sum(
            [sum(kept.plan.refused.values()), sum(held_out.values()), sum(dropped.values()), sum(unsent.values()),
             states.get(("sent", ""), 0)]
        )  # fmt: skip
    return Flow(
        name=kept.plan.campaign,
        audience=kept.plan.audience,
        refused=dict(kept.plan.refused),
        held_out=dict(held_out),
        dropped=dict(dropped),
        unsent=dict(unsent) | waiting,
        sent=states.get(("sent", ""), 0),
        **counts,
    )


def _outbox(shop: Workspace, plan_id: int) -> tuple[Counter[tuple[str, str]], list[int]]:
    """(state, reason) → rows of a plan, and the decisions that were dropped at launch from both arms."""
    row = outbox.c
    states: Counter[tuple[str, str]] = Counter()
    gone = []
    with shop.stores.ledger.read() as connection:
        for decision, state, reason in connection.execute(
            select(row.decision, row.state, row.reason).where(row.plan_id == plan_id)
        ):
            if state == "released" and reason.startswith(DROPPED):
                states["dropped", reason] += 1
                gone.append(decision)
            elif state == "handed_over":
                states["sent", ""] += 1
            else:
                states["held" if state == "virtual" else state, reason] += 1
    return states, gone


def _unsent(state: str, reason: str) -> str:
    """The word of a message that has not gone out: only a release says more of its reason."""
    return f"{state}:{reason.partition(':')[0]}" if state == "released" and reason else state


def channels_of(shop: Workspace, reached: Sequence[Mapping[str, Any]]) -> tuple[Channelled, ...]:
    """How far the messages of each channel came, over all plans; the busiest first."""
    known = shop.definitions.of(Channel)
    found: dict[str, Counter[str]] = {}
    costs: dict[str, Decimal] = {}
    for row in reached:
        sums = found.setdefault(row["channel"], Counter())
        sums.update({name: row[name] for name in ("granted", "sent", *_STEPS)})
        costs[row["channel"]] = costs.get(row["channel"], Decimal(0)) + (row["cost"] or Decimal(0))
    made = [
        Channelled(
            channel=channel,
            name=(known[channel].name if channel in known else "") or channel,
            cost=costs[channel],
            **{name: sums[name] for name in ("granted", "sent", *_STEPS)},
        )
        for channel, sums in found.items()
    ]
    return tuple(sorted(made, key=lambda one: -one.granted))
