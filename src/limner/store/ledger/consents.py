"""Reading consents: what each identifier allows at an instant, folded from the rows of the ledger.

Of one identifier (trace), channel and purpose the latest row speaks; at the same instant a refusal wins. A customer is
reachable when at least one identifier grants and none refuses: a refusal on any identifier wins until a later grant on
the same identifier. A grant ends at `until_at`; one with `uses` is good for that many messages.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, Connection, func, or_, select, type_coerce

from limner.store.ledger.columns import micros
from limner.store.ledger.ledger import Ledger
from limner.store.ledger.tables import consents, outbox

Ints = npt.NDArray[np.int64]
ANY_PURPOSE = "*"
_CHUNK = 5_000
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Folded:
    """The state of consents of one channel and purpose, one entry per trace that said anything: shape (n,) each.

    `seq` names the grant that would be used; `left` how many uses it has (-1: no limit). A trace that neither grants
    nor refuses (its last grant is used up or over) is silent.
    """

    trace: npt.NDArray[np.int32]
    is_granted: npt.NDArray[np.bool_]
    is_silent: npt.NDArray[np.bool_]
    seq: Ints
    left: Ints


def fold(
    ledger: Ledger,
    channel: str,
    purpose: str,
    asof: datetime,
    traces: Collection[int] | None = None,
    own: Collection[int] = (),
) -> Folded:
    """What every trace (or those given) allows on a channel for a purpose at `asof`; nobody: empty arrays.

    `own` are the grants the caller's reservations hold, one entry each: they do not count as used by others.
    """
    row = consents
    happened_at, until_at = (type_coerce(column, BigInteger) for column in (row.c.happened_at, row.c.until_at))
    question = (
        select(row.c.trace, row.c.seq, row.c.is_granted, happened_at, until_at, row.c.uses)
        .where(
            row.c.channel.in_((channel, ANY_PURPOSE)),
            row.c.purpose.in_((purpose, ANY_PURPOSE)),
            row.c.happened_at < asof,
            or_(row.c.withdrawn_at.is_(None), row.c.is_granted.is_(False)),
        )
        .order_by(row.c.trace, row.c.happened_at, row.c.is_granted.desc(), row.c.seq)
    )
    with ledger.read() as connection:
        if traces is None:
            found = list(connection.execute(question))
        else:
            wanted = sorted({int(trace) for trace in traces})
            found = []
            for start in range(0, len(wanted), _CHUNK):
                part = question.where(row.c.trace.in_(wanted[start : start + _CHUNK]))
                found.extend(connection.execute(part))
        used = _used(connection, [row[1] for row in found if row[5] is not None])
    for seq in own:
        used[seq] = used.get(seq, 0) - 1
    return _folded(found, used, micros(asof))


def _used(connection: Connection, grants: list[int]) -> dict[int, int]:
    """How many messages each of these grants has carried or is held for."""
    used: dict[int, int] = {}
    for start in range(0, len(grants), _CHUNK):
        question = (
            select(outbox.c.consent_seq, func.count())
            .where(
                outbox.c.consent_seq.in_(grants[start : start + _CHUNK]),
                outbox.c.state.in_(("queued", "in_flight", "handed_over")),
            )
            .group_by(outbox.c.consent_seq)
        )
        used.update((row[0], row[1]) for row in connection.execute(question))
    return used


def newest(ledger: Ledger) -> int:
    """The newest consent's number; 0 when there is none."""
    with ledger.read() as connection:
        return int(connection.execute(select(func.max(consents.c.seq))).scalar() or 0)


def _folded(rows: Collection[Any], used: dict[int, int], asof: int) -> Folded:
    columns = list(zip(*rows, strict=True)) or [()] * 6
    trace, seq = np.asarray(columns[0], np.int32), np.asarray(columns[1], np.int64)
    granted = np.asarray(columns[2], bool)
    until = np.asarray([_NEVER if end is None else end for end in columns[4]], np.int64)
    left = np.asarray(
        [-1 if uses is None else uses - used.get(grant, 0) for grant, uses in zip(columns[1], columns[5], strict=True)],
        np.int64,
    )
    open_grant = granted & (until > asof) & (left != 0)
    ends = np.flatnonzero(np.diff(trace, append=-1)) if rows else np.empty(0, np.int64)
    last_is_refusal = ~granted[ends]
    # of a trace whose last word is not a refusal, the oldest grant that still has uses after its last refusal counts
    group = np.cumsum(np.diff(trace, prepend=trace[0] if rows else 0) != 0) if rows else np.empty(0, np.int64)
    refusal_at = np.full(ends.size, -1, np.int64)
    position = np.arange(trace.size)
    np.maximum.at(refusal_at, group[~granted], position[~granted])
    usable = open_grant & (position > refusal_at[group]) if rows else open_grant
    chosen = np.full(ends.size, _NEVER)
    np.minimum.at(chosen, group[usable], position[usable])
    is_granted = (chosen < _NEVER) & ~last_is_refusal
    pick = np.where(is_granted, chosen, ends)
    is_silent = ~is_granted & ~last_is_refusal
    return Folded(trace[ends], is_granted, is_silent, seq[pick], np.where(is_granted, left[pick], 0))
