"""The outbox in the ledger: what is due, and what became of it. Every function is a few set statements.

A row goes queued → in_flight → handed_over | failed | released, or back to queued. `in_flight` is committed before the
provider is asked, so that after a crash the ledger names every message that may have gone out without our knowing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Integer, bindparam, cast, func, insert, literal, select, update
from sqlalchemy.sql.selectable import Select

from limner.core.errors import Busy, words
from limner.core.exact import from_units
from limner.store.ledger import Ledger
from limner.store.ledger.columns import Instant, instant
from limner.store.ledger.many import among, beside, plain
from limner.store.ledger.tables import leases, outbox, touches

ROLE: Final = "deliver"
LOST_LEASE = words(
    "delivery_lease_lost",
    "Another process has taken over the delivery of this workspace. This one stops; what was under way is sent again "
    "under the same message keys.",
)
_REASON = 80
_ROW = outbox.c


@dataclass(frozen=True, slots=True)
class Due:
    """A granted message whose moment has come."""

    decision: int
    plan_id: int
    campaign: str
    number: int
    trace: int
    channel: str
    offer: str
    message_class: str
    purpose: str
    message_key: str
    moment: datetime
    latest_at: datetime
    tries: int
    is_uncertain: bool
    parameters: Mapping[str, object]
    cost: Decimal
    consent_seq: int | None


_DUE: Final = (
    _ROW.decision,
    _ROW.plan_id,
    _ROW.campaign,
    _ROW.number,
    _ROW.trace,
    _ROW.channel,
    _ROW.offer,
    _ROW.message_class,
    _ROW.purpose,
    _ROW.message_key,
    _ROW.moment,
    _ROW.latest_at,
    _ROW.tries,
    _ROW.is_uncertain,
    _ROW.parameters,
    _ROW.cost,
    _ROW.consent_seq,
)

_PLAIN: Final = plain(*_DUE)
_PARAMETERS: Final = _DUE.index(_ROW.parameters)
_COST: Final = _DUE.index(_ROW.cost)
_INSTANTS: Final = tuple(i for i, column in enumerate(_DUE) if isinstance(column.type, Instant))


def _waiting(now: datetime, plan_id: int | None) -> list[ColumnElement[bool]]:
    plan = [] if plan_id is None else [_ROW.plan_id == plan_id]
    return [_ROW.state == "queued", _ROW.next_try_at <= now, *plan]


def due(connection: Connection, channel: str, now: datetime, most: int, plan_id: int | None = None) -> list[Due]:
    """At most `most` messages of a channel that are due, the longest due first; none: an empty list."""
    question: Select[Any] = (
        select(*_PLAIN)
        .where(_ROW.channel == channel, *_waiting(now, plan_id))
        .order_by(_ROW.next_try_at, _ROW.decision)
        .limit(most)
    )
    return [_due(row) for row in connection.execute(question).all()]


def _due(row: Any) -> Due:
    values: list[Any] = list(row)
    values[_PARAMETERS] = json.loads(values[_PARAMETERS]) if values[_PARAMETERS] != "{}" else {}
    values[_COST] = _money(values[_COST])
    for place in _INSTANTS:
        values[place] = instant(values[place])
    return Due(*values)


_money = lru_cache(maxsize=1_000)(from_units)


def due_counts(connection: Connection, now: datetime, plan_id: int | None = None) -> dict[str, int]:
    """The number of messages due by channel."""
    question = select(_ROW.channel, func.count()).where(*_waiting(now, plan_id)).group_by(_ROW.channel)
    return dict(connection.execute(question).all())


def still_queued(connection: Connection, plan_id: int | None = None) -> tuple[int, datetime | None]:
    """How many messages wait, and the next moment one is due."""
    plan = [] if plan_id is None else [_ROW.plan_id == plan_id]
    question = select(func.count(), func.min(_ROW.next_try_at, type_=Instant)).where(_ROW.state == "queued", *plan)
    count, moment = connection.execute(question).one()
    return count, moment


def beat(connection: Connection, fence: int, now: datetime) -> None:
    """Say that this process still holds the delivery; Busy when another has taken it over."""
    held = update(leases).where(leases.c.role == ROLE, leases.c.fence == fence).values(beat_at=now)
    if connection.execute(held).rowcount != 1:
        raise Busy(LOST_LEASE)


def revive(connection: Connection, now: datetime) -> int:
    """Queue again what a process that died had under way, marked uncertain; how many.

    Only the holder of the lease calls this, before it marks anything itself.
    """
    lost = (
        update(outbox)
        .where(_ROW.state == "in_flight")
        .values(state="queued", is_uncertain=True, next_try_at=now, changed_at=now)
    )
    return connection.execute(lost).rowcount


def expire(connection: Connection, now: datetime) -> int:
    """Release every queued message whose latest moment has passed; how many."""
    late = (
        update(outbox)
        .where(_ROW.state == "queued", _ROW.latest_at < now)
        .values(state="released", reason="expired", changed_at=now)
    )
    return connection.execute(late).rowcount


def mark(connection: Connection, decisions: Collection[int], now: datetime) -> set[int]:
    """Mark messages as under way, one try more; those that still were queued."""
    if not decisions:
        return set()
    under_way = (
        update(outbox)
        .where(among(_ROW.decision, decisions), beside(_ROW.state) == "queued")
        .values(state="in_flight", tries=_ROW.tries + 1, changed_at=now)
        .returning(_ROW.decision)
    )
    return set(connection.execute(under_way).scalars())


def release(connection: Connection, reasons: Mapping[int, str], now: datetime) -> None:
    """Let messages go that will not be sent, with the reason of each."""
    _end(connection, "released", reasons, ("queued", "in_flight"), now)


def fail(connection: Connection, reasons: Mapping[int, str], in_doubt: Collection[int], now: datetime) -> None:
    """Give messages up that the provider will not take, with the reason of each; it may have those in doubt."""
    if in_doubt:
        connection.execute(update(outbox).where(among(_ROW.decision, in_doubt)).values(is_uncertain=True))
    _end(connection, "failed", reasons, ("in_flight",), now)


def _end(
    connection: Connection, state: str, reasons: Mapping[int, str], before: tuple[str, ...], now: datetime
) -> None:
    by_reason: dict[str, list[int]] = {}
    for decision, reason in reasons.items():
        by_reason.setdefault(reason[:_REASON], []).append(decision)
    for reason, decisions in by_reason.items():
        gone = update(outbox).where(among(_ROW.decision, decisions), beside(_ROW.state).in_(before))
        connection.execute(gone.values(state=state, reason=reason, changed_at=now))


def move(connection: Connection, moments: Mapping[int, datetime], now: datetime) -> None:
    """Put off queued messages to a later moment."""
    if not moments:
        return
    later = (
        update(outbox)
        .where(_ROW.decision == bindparam("which"), _ROW.state == "queued")
        .values(next_try_at=bindparam("upon"), changed_at=now)
    )
    soonest = now + timedelta(seconds=1)
    connection.execute(later, [{"which": d, "upon": max(m, soonest)} for d, m in moments.items()])


@dataclass(frozen=True, slots=True)
class Again:
    """A message under way that goes back into the queue."""

    decision: int
    next_try_at: datetime
    is_uncertain: bool
    is_tried: bool
    reason: str


def put_back(connection: Connection, rows: Sequence[Again], now: datetime) -> None:
    """Queue messages again that were under way. An untried one gets its try back."""
    if not rows:
        return
    back = (
        update(outbox)
        .where(_ROW.decision == bindparam("which"), _ROW.state == "in_flight")
        .values(
            state="queued",
            next_try_at=bindparam("upon"),
            is_uncertain=_ROW.is_uncertain | bindparam("doubt"),
            tries=_ROW.tries - cast(bindparam("given_back"), Integer),
            reason=bindparam("why"),
            changed_at=now,
        )
    )
    connection.execute(
        back,
        [
            {
                "which": row.decision,
                "upon": row.next_try_at,
                "doubt": row.is_uncertain,
                "given_back": 0 if row.is_tried else 1,
                "why": row.reason[:_REASON],
            }
            for row in rows
        ],
    )


def hand_over(
    ledger: Ledger, connection: Connection, decisions: Sequence[int], costs: Mapping[int, Decimal], now: datetime
) -> int:
    """Record messages the provider has taken: state, and one touch each. `costs` holds those that differ from plan."""
    if not decisions:
        return 0
    if costs:
        priced = update(outbox).where(_ROW.decision == bindparam("which")).values(cost=bindparam("price"))
        connection.execute(priced, [{"which": d, "price": cost} for d, cost in costs.items()])
    here = [among(_ROW.decision, decisions), beside(_ROW.state) == "in_flight"]
    first = ledger.take(connection, "touch", len(decisions))
    copied = select(
        literal(first - 1) + func.row_number().over(order_by=_ROW.decision),
        _ROW.message_key,
        _ROW.plan_id,
        _ROW.campaign,
        _ROW.number,
        _ROW.trace,
        _ROW.channel,
        _ROW.offer,
        _ROW.message_class,
        literal(now, Instant),
        _ROW.tries,
        _ROW.is_uncertain,
        _ROW.cost,
    ).where(*here)
    connection.execute(insert(touches).from_select([c.name for c in touches.columns], copied))
    taken = update(outbox).where(*here).values(state="handed_over", reason="", changed_at=now)
    return connection.execute(taken).rowcount
