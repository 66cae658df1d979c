"""What became of the audience of every launched plan: refused, held out, dropped, not sent, sent, and what followed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from limner.app.reporting.contents import Channelled, Flow, merged
from limner.core.ours import Campaign, Channel
from limner.flow.decisions.launch import DROPPED
from limner.flow.decisions.plans import Kept, decisions_of, plans_of
from limner.maths.lookup import lookup
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
    found = shop.stores.lake.table(statement("limner.app.reporting", "reached.sql"), versions={"outcomes": outcomes})
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _flow(shop: Workspace, kept: Kept, reached: Sequence[Mapping[str, Any]]) -> Flow:
    """Every decision falls into one part; those of a launch under way that have no row yet are not launched."""
    parts: dict[str, Counter[str]] = {name: Counter() for name in ("refused", "held_out", "dropped", "unsent")}
    sent = 0
    for (answer, reason, state, why), many in _fates(shop, kept.plan.plan_id):
        if answer == "refused":
            parts["refused"][reason] += many
        elif state == "released" and why.startswith(DROPPED):
            parts["dropped"][why] += many
        elif answer == "held_out":
            parts["held_out"][reason] += many
        elif state == "handed_over":
            sent += many
        else:
            parts["unsent"][_unsent(state, why)] += many
    return Flow(
        name=kept.plan.campaign,
        audience=kept.plan.audience,
        sent=sent,
        **{name: dict(counter.most_common()) for name, counter in parts.items()},  # type: ignore[arg-type]
        **{name: sum(row[name] for row in reached) for name in ("delivered", "clicked", "ordered")},
    )


def _fates(shop: Workspace, plan_id: int) -> list[tuple[tuple[str, ...], int]]:
    """How many decisions have each answer, its reason, the state of the message and the reason of that, in the order
    in which the decisions first show them."""
    decided = decisions_of(shop.stores, plan_id)
    row = outbox.c
    question = select(row.decision, row.state, row.reason).where(row.plan_id == plan_id).order_by(row.decision)
    with shop.stores.ledger.read() as connection:
        rows = connection.execute(question).all()
    decision, *texts = list(zip(*rows, strict=True)) or [(), (), ()]
    place, here = lookup(np.asarray(decision, np.int64), decided["decision"].to_numpy())
    where = np.where(here, place + 1, 0)
    fates = [decided["answer"].to_pylist(), decided["reason"].to_pylist()]
    for known, none in zip(texts, ("not_launched", ""), strict=True):
        fates.append(np.asarray([none, *known], object)[where].tolist())
    return list(Counter(zip(*fates, strict=True)).items())


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
