"""The review queue: pairs that matchers on traits propose, what an operator said of them, and what was accepted.

A pair is kept by two traces, so that it outlives every merge. An accepted pair joins its customers as one record that
stated both would, under the same guards; taken back, the customers part again at the next run. A pair an operator has
rejected is not proposed again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sqlalchemy import Connection, insert, select, update

from limner.core.actor import Actor
from limner.core.errors import NotFound, words
from limner.core.ids import version
from limner.flow.identity.base import Pairs
from limner.store.ledger.many import among, numbers
from limner.store.ledger.tables import audit, proposals

if TYPE_CHECKING:
    from limner.store.stores import Stores

AUTO: Final = "matcher"
"""Who accepted a pair that stood above the operator's threshold."""
STATES: Final = ("proposed", "accepted", "rejected", "lapsed")

UNKNOWN_PROPOSAL = words(
    "proposal_unknown", "There is no proposal {seq}. `limner identity review` lists those that wait."
)
LAPSED = words(
    "proposal_lapsed",
    "Proposal {seq} has lapsed: what was known of the two no longer bears it. Run `limner identity match` first.",
)


@dataclass(frozen=True, slots=True)
class Proposed:
    """A pair of traces taken for one person: how probable, on what evidence, and what became of it."""

    seq: int
    matching: str
    matcher: str
    low: int
    high: int
    probability: float
    evidence: Mapping[str, Any]
    state: str
    asof: datetime
    proposed_at: datetime
    decided_at: datetime | None = None
    actor: str = ""


def accepted(stores: Stores, asof: datetime) -> Pairs:
    """The pairs accepted, by an operator or above the threshold, on what was known before `asof`; sorted.

    An acceptance belongs to the asof its evidence was read at: a portrait of an earlier day does not know it.
    """
    row = proposals.c
    question = select(row.low, row.high).where(row.state == "accepted", row.asof <= asof).order_by(row.low, row.high)
    with stores.ledger.read() as connection:
        low, high = numbers(connection, question)
    return Pairs(low.astype(np.int32), high.astype(np.int32))


def accepted_mark(stores: Stores, asof: datetime) -> str:
    """A mark of the accepted pairs at an asof; empty when there are none."""
    pairs = accepted(stores, asof)
    return version([pairs.low.tolist(), pairs.high.tolist()]) if pairs.low.size else ""


def listed(stores: Stores, *, state: str = "proposed", limit: int = 20) -> tuple[Proposed, ...]:
    """The pairs in a state, the most probable first."""
    row = proposals
    question = select(row).where(row.c.state == state).order_by(row.c.probability.desc(), row.c.seq).limit(limit)
    with stores.ledger.read() as connection:
        return tuple(_proposed(found) for found in connection.execute(question).mappings())


def counted(stores: Stores) -> dict[str, int]:
    """How many pairs are in each state."""
    from sqlalchemy import func

    row = proposals.c
    with stores.ledger.read() as connection:
        found: dict[str, int] = dict(connection.execute(select(row.state, func.count()).group_by(row.state)).all())
    return {state: int(found.get(state, 0)) for state in STATES}


def decide(stores: Stores, seqs: Sequence[int], state: str, *, who: Actor, now: datetime) -> tuple[Proposed, ...]:
    """Accept or reject pairs, all or none; what is already so stays as it is. The pairs as they then stand.

    Rejecting an accepted pair takes the acceptance back. A lapsed pair can only be rejected.
    """
    row = proposals
    with stores.ledger.write() as connection:
        known = {found["seq"]: found for found in connection.execute(
            select(row).where(among(row.c.seq, seqs))).mappings()}  # fmt: skip
        for seq in seqs:
            if seq not in known:
                raise NotFound(UNKNOWN_PROPOSAL, seq=seq)
            if state == "accepted" and known[seq]["state"] == "lapsed":
                raise NotFound(LAPSED, seq=seq)
        changing = [s for s in seqs if known[s]["state"] != state or known[s]["actor"] == AUTO]
        if changing:
            values = {"state": state, "decided_at": now, "actor": who.id}
            connection.execute(update(row).where(among(row.c.seq, changing)).values(**values))
            _note(stores, connection, f"identity {state}", {"proposals": changing}, who, now)
        rows = connection.execute(select(row).where(among(row.c.seq, seqs)).order_by(row.c.seq)).mappings().all()
    return tuple(_proposed(found) for found in rows)


def kept(stores: Stores) -> tuple[Proposed, ...]:
    """Every pair ever proposed, in the order of their numbers."""
    with stores.ledger.read() as connection:
        return tuple(_proposed(f) for f in connection.execute(select(proposals).order_by(proposals.c.seq)).mappings())


def write(
    stores: Stores,
    fresh: Sequence[Mapping[str, Any]],
    changed: Mapping[int, Mapping[str, Any]],
    body: Mapping[str, Any],
    *,
    who: Actor,
    now: datetime,
) -> None:
    """Write what a run of a matcher changed, in one transaction with its entry in the audit, if any."""
    if not fresh and not changed:
        return
    with stores.ledger.write() as connection:
        if fresh:
            first = stores.ledger.take(connection, "proposal", len(fresh))
            rows = [{**row, "seq": first + at, "evidence": _text(row["evidence"])} for at, row in enumerate(fresh)]
            connection.execute(insert(proposals), rows)
        for seq, values in changed.items():
            said = {**values, "evidence": _text(values["evidence"])} if "evidence" in values else dict(values)
            connection.execute(update(proposals).where(proposals.c.seq == seq).values(**said))
        _note(stores, connection, "identity match", body, who, now)


def _text(evidence: Mapping[str, Any]) -> str:
    return json.dumps(evidence, ensure_ascii=False, sort_keys=True)


def _note(
    stores: Stores, connection: Connection, verb: str, body: Mapping[str, Any], who: Actor, now: datetime
) -> None:
    text = json.dumps(body, ensure_ascii=False)
    seq = stores.ledger.take(connection, "audit")
    connection.execute(insert(audit).values(seq=seq, happened_at=now, actor=who.id, verb=verb, body=text))


def _proposed(row: Mapping[Any, Any]) -> Proposed:
    return Proposed(**{**row, "evidence": json.loads(row["evidence"])})
