"""The launched plans and what the ledger knows of their decisions: moment, touch, cost, and the terms they had."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import and_, not_, select

from limner.core.ours import Campaign, Offer
from limner.store.ledger.many import plain
from limner.store.ledger.tables import consents, outbox, plans, touches
from limner.store.versions import as_it_was

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from limner.store.definitions import Definitions
    from limner.store.stores import Stores

DROPPED = "changed_since_plan"
"""The reason of decisions that left both arms at launch begins with this word."""

_STAMP = pa.timestamp("us", tz="UTC")
_MONEY = pa.decimal128(18, 4)
_MICRO = timedelta(microseconds=1)
_SENT = pa.schema(
    [
        ("decision", pa.int64()),
        ("moment", _STAMP),
        ("until_at", _STAMP),
        ("touch_id", pa.int64()),
        ("cost", _MONEY),
    ]
)
_TERMS = pa.schema(
    [
        ("plan_id", pa.int64()),
        ("offer", pa.string()),
        ("goal", pa.string()),
        ("coupon", pa.string()),
        ("benefit", _MONEY),
    ]
)
_REFUSALS = pa.schema([("trace", pa.int32()), ("happened_at", _STAMP)])


@dataclass(frozen=True, slots=True)
class Launched:
    """Three small tables for the lake: the decisions that were launched, the terms of their offers, and refusals."""

    sent: pa.Table
    terms: pa.Table
    refusals: pa.Table


def launched(stores: Stores, definitions: Definitions) -> Launched:
    """What the ledger knows of every launched decision that was not dropped at launch.

    Goal and window are those of the campaign's version the plan was made from, not of the one in force today.
    """
    with stores.ledger.read() as connection:
        made = connection.execute(select(plans).where(plans.c.state != "made")).mappings().all()
        campaigns = {
            row["plan_id"]: as_it_was(connection, definitions, Campaign, row["campaign"], row["campaign_version"])
            for row in made
        }
        sent = _sent(connection, {plan: campaign.goal.within for plan, campaign in campaigns.items()})
        refusals = _refusals(connection)
    terms = [row for plan, campaign in campaigns.items() for row in _terms(plan, campaign, definitions)]
    return Launched(sent, pa.Table.from_pylist(terms, schema=_TERMS), refusals)


def _sent(connection: Connection, spans: dict[int, timedelta]) -> pa.Table:
    """The decisions with their windows, read as whole numbers: there may be millions of them."""
    row = outbox.c
    columns = plain(row.decision, row.plan_id, row.moment, touches.c.touch_id, touches.c.cost)
    question = (
        select(*columns)
        .join(touches, touches.c.message_key == row.message_key, isouter=True)
        .where(row.plan_id.in_(list(spans)), not_(and_(row.state == "released", row.reason.startswith(DROPPED))))
    )
    decision, plan, moment, touch, cost = _columns(connection.execute(question).all(), 5)
    ends = [at + spans[one] // _MICRO for at, one in zip(moment, plan, strict=True)]
    return pa.table([decision, _stamps(moment), _stamps(ends), touch, _money(cost)], _SENT)


def _refusals(connection: Connection) -> pa.Table:
    row = consents.c
    question = select(*plain(row.trace, row.happened_at)).where(row.is_granted.is_(False), row.withdrawn_at.is_(None))
    trace, happened_at = _columns(connection.execute(question).all(), 2)
    return pa.table([trace, _stamps(happened_at)], _REFUSALS)


def _columns(rows: Sequence[Any], count: int) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True)) or [()] * count


def _stamps(micros: Sequence[int]) -> pa.Array:
    return pa.array(micros, pa.int64()).cast(_STAMP)


def _money(units: Sequence[int | None]) -> pa.Array:
    """Ten-thousandths as decimals."""
    shifted = pc.multiply(pa.array(units, pa.int64()).cast(pa.decimal128(19, 0)), pa.scalar(Decimal("0.0001")))
    return shifted.cast(_MONEY)


def _terms(plan: int, campaign: Campaign, definitions: Definitions) -> Iterable[dict[str, object]]:
    known = definitions.of(Offer)
    for name in campaign.offers:
        offer = known.get(name, Offer(name))
        yield {
            "plan_id": plan,
            "offer": name,
            "goal": campaign.goal.event,
            "coupon": offer.coupon,
            "benefit": offer.benefit,
        }
