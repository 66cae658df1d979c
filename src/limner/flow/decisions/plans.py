"""Plans: the stored decisions of a campaign. The header stands in the ledger, the decisions in the lake."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlalchemy import insert, select

from limner.core.actor import Actor
from limner.core.errors import NotFound, words
from limner.core.ours import Campaign, Plan
from limner.flow.decisions.decide import Decided, decisions_table, experiment_of
from limner.store.lake.sql import statement
from limner.store.ledger.tables import plans

if TYPE_CHECKING:
    from limner.store.stores import Stores

UNKNOWN_PLAN = words("plan_unknown", "There is no plan {plan_id}. Make one with `limner plan CAMPAIGN`.")


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan was made from."""

    asof: datetime
    gallery: str
    links: str
    campaign_version: str
    ledger_seq: int

    def as_text(self) -> str:
        """As JSON."""
        return json.dumps(
            {
                "asof": self.asof.isoformat(),
                "gallery": self.gallery,
                "links": self.links,
                "campaign_version": self.campaign_version,
                "ledger_seq": self.ledger_seq,
            },
            sort_keys=True,
        )


def write_plan(
    stores: Stores,
    campaign: Campaign,
    decided: Decided,
    basis: Basis,
    *,
    plan_id: int,
    who: Actor,
    now: datetime,
    latest: datetime,
) -> Plan:
    """Keep the decisions under the plan's id, then its header; the header is the commit."""
    with stores.ledger.write() as connection:
        first = stores.ledger.take(connection, "decision", max(decided.numbers.size, 1))
    rows = decisions_table(decided, plan_id, campaign, first, now, latest)
    stores.lake.append("decisions", f"plan:{plan_id}", rows)
    plan = Plan(
        plan_id=plan_id,
        campaign=campaign.id,
        made_at=now,
        asof=basis.asof,
        basis=basis.as_text(),
        audience=int(decided.numbers.size),
        granted=decided.count("granted"),
        held_out=decided.count("held_out"),
        refused=decided.reasons("refused"),
        cost=decided.total_cost(),
    )
    header = {
        "audience": plan.audience,
        "granted": plan.granted,
        "held_out": plan.held_out,
        "held_out_by": decided.reasons("held_out"),
        "refused": dict(plan.refused),
        "cost": str(plan.cost),
    }
    with stores.ledger.write() as connection:
        connection.execute(
            insert(plans).values(
                plan_id=plan_id,
                campaign=campaign.id,
                campaign_version=basis.campaign_version,
                experiment=experiment_of(campaign),
                made_at=now,
                asof=basis.asof,
                actor=who.id,
                basis=plan.basis,
                header=json.dumps(header, ensure_ascii=False, sort_keys=True),
                state="made",
            )
        )
    return plan


@dataclass(frozen=True, slots=True)
class Kept:
    """A plan as it stands in the ledger: the header, its state (made, launching, launched) and how far it has come."""

    plan: Plan
    state: str
    launched_at: datetime | None
    done: int
    held_out_by: Mapping[str, int]


def read_plan(stores: Stores, plan_id: int) -> Kept:
    """A plan by its id."""
    with stores.ledger.read() as connection:
        row = connection.execute(select(plans).where(plans.c.plan_id == plan_id)).mappings().first()
    if row is None:
        raise NotFound(UNKNOWN_PLAN, plan_id=plan_id)
    return _kept(row)


def plans_of(stores: Stores, campaign: str | None = None) -> list[Kept]:
    """The plans of a campaign (or all), oldest first."""
    question = select(plans).order_by(plans.c.plan_id)
    if campaign is not None:
        question = question.where(plans.c.campaign == campaign)
    with stores.ledger.read() as connection:
        return [_kept(row) for row in connection.execute(question).mappings()]


def _kept(row: Any) -> Kept:
    header = json.loads(row["header"])
    plan = Plan(
        plan_id=row["plan_id"],
        campaign=row["campaign"],
        made_at=row["made_at"],
        asof=row["asof"],
        basis=row["basis"],
        audience=header["audience"],
        granted=header["granted"],
        held_out=header["held_out"],
        refused=header["refused"],
        cost=Decimal(header["cost"]),
    )
    return Kept(plan, row["state"], row["launched_at"], row["done"], header["held_out_by"])


def decisions_of(stores: Stores, plan_id: int) -> pa.Table:
    """All decisions of a plan, best worth first, then as they were decided: the order in which launch grants."""
    return stores.lake.table(statement("limner.flow.decisions", "decisions_of.sql", plan_id=plan_id))
