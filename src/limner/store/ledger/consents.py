"""Reading consents: what each identifier allows at an instant, folded from the rows of the ledger.

Of one identifier (trace), channel and purpose the latest row speaks; at the same instant a refusal wins. A customer is
reachable when at least one identifier grants and none refuses: a refusal on any identifier wins until a later grant on
the same identifier. A grant ends at `until_at`; one with `uses` is good for that many messages.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from limner.store.ledger.columns import micros
from limner.store.ledger.ledger import Ledger
from limner.store.ledger.many import among, beside, numbers, plain
from limner.store.ledger.tables import consents, loads, outbox, touches

Ints = npt.NDArray[np.int64]
ANY_PURPOSE = "*"
_MANY = 5_000
_NEVER = np.iinfo(np.int64).max
_HELD = ("queued", "in_flight", "handed_over")


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


@dataclass(frozen=True, slots=True)
class Said:
    """Consents of one channel and purpose in the order in which they count: by trace, moment, grants first, number.

    Shape (n,) each; moments in microseconds UTC, `until_at` the far future for grants without an end, `uses` -1 for
    those without a limit.
    """

    trace: npt.NDArray[np.int32]
    seq: Ints
    is_granted: npt.NDArray[np.bool_]
    happened_at: Ints
    until_at: Ints
    uses: Ints

    def of(self, traces: npt.NDArray[np.int32]) -> Said:
        """The rows of these traces."""
        ordered = np.sort(traces)
        wanted = ordered[np.diff(ordered, prepend=-1) != 0]
        first, last = np.searchsorted(self.trace, wanted), np.searchsorted(self.trace, wanted, "right")
        count = last - first
        ahead = np.repeat(first - (np.cumsum(count) - count), count)
        return self.take(ahead + np.arange(count.sum()))

    def before(self, asof: int) -> Said:
        """The rows that had happened before an instant (µs)."""
        is_past = self.happened_at < asof
        return self if is_past.all() else self.take(np.flatnonzero(is_past))

    def take(self, place: Ints) -> Said:
        """The rows at these places."""
        return Said(*(getattr(self, name)[place] for name in self.__slots__))


def fold(ledger: Ledger, channel: str, purpose: str, asof: datetime) -> Folded:
    """What every trace allows on a channel for a purpose at `asof`; nobody: empty arrays."""
    return folded(ledger, read_said(ledger, channel, purpose), asof)


def read_said(
    ledger: Ledger,
    channel: str,
    purpose: str,
    traces: Collection[int] | None = None,
    known: datetime | None = None,
) -> Said:
    """All consents in force of a channel and purpose, of every trace or of those given.

    `known` asks what was in force by what we had heard before that instant: later statements are left out, and grants
    whose load was withdrawn later are still there.
    """
    row = consents.c
    in_force = [and_(row.withdrawn_at.is_(None), is_seen()), row.is_granted.is_(False)]
    question = select(*plain(row.trace, row.seq, row.is_granted, row.happened_at, row.until_at, row.uses)).where(
        row.channel.in_((channel, ANY_PURPOSE)),
        row.purpose.in_((purpose, ANY_PURPOSE)),
        or_(*in_force) if known is None else or_(*in_force, and_(row.withdrawn_at >= known, is_seen())),
    )
    if known is not None:
        question = question.where(row.received_at < known)
    if traces is not None:
        question = question.where(among(row.trace, traces))
    with ledger.read() as connection:
        trace, seq, granted, happened, until, uses = numbers(connection, question)
    until[until < 0] = _NEVER
    said = Said(trace.astype(np.int32), seq, granted > 0, happened, until, uses)
    return said.take(np.lexsort((said.seq, ~said.is_granted, said.happened_at, said.trace)))


def folded(
    ledger: Ledger, said: Said, asof: datetime, own: Collection[int] = (), handed_before: datetime | None = None
) -> Folded:
    """The state at `asof` of consents that were read before, with the uses that messages have made of them by now.

    `own` are the grants the caller's reservations hold, one entry each: they do not count as used by others. With
    `handed_before` only messages handed over before that instant count as uses, as for a question about the past.
    """
    past = said.before(micros(asof))
    is_counted = past.uses >= 0
    left = np.full(past.seq.size, -1, np.int64)
    if is_counted.any():
        with ledger.read() as connection:
            used = _used(connection, past.seq[is_counted].tolist(), handed_before)
        for seq in own:
            used[seq] = used.get(seq, 0) - 1
        spent = np.asarray([used.get(seq, 0) for seq in past.seq[is_counted].tolist()], np.int64)
        left[is_counted] = np.maximum(past.uses[is_counted] - spent, 0)
    return _folded(past, left, micros(asof))


def _used(connection: Connection, grants: list[int], handed_before: datetime | None = None) -> dict[int, int]:
    """How many messages each of these grants has carried or is held for."""
    row = outbox.c
    which = among(row.consent_seq, grants) if len(grants) <= _MANY else row.consent_seq.is_not(None)
    question = select(row.consent_seq, func.count()).group_by(row.consent_seq)
    if handed_before is None:
        question = question.where(which, beside(row.state).in_(_HELD))
    else:
        question = question.join(touches, touches.c.message_key == row.message_key)
        question = question.where(which, touches.c.handed_over_at < handed_before)
    return dict(connection.execute(question).all())


def is_seen() -> ColumnElement[bool]:
    """Whether a consent belongs to no hidden load: what a load that is held grants does not count."""
    return or_(consents.c.load.is_(None), consents.c.load.not_in(_hidden()))


def is_heard() -> ColumnElement[bool]:
    """Whether a consent is in anybody's view: a refusal always, a grant when no hidden load brings it."""
    return or_(consents.c.is_granted.is_(False), is_seen())


def is_unseen() -> ColumnElement[bool]:
    """Whether a consent belongs to a hidden load."""
    return consents.c.load.in_(_hidden())


def _hidden() -> Select[tuple[int]]:
    return select(loads.c.load).where(loads.c.is_hidden.is_(True))


def state_of(ledger: Ledger) -> tuple[int, int, int]:
    """What changes when consents come, go or show: the newest one's number, loads withdrawn, consents hidden."""
    gone = select(func.count()).select_from(loads).where(loads.c.state == "withdrawn").scalar_subquery()
    hidden = select(func.count()).select_from(consents).where(is_unseen()).scalar_subquery()
    with ledger.read() as connection:
        newest, withdrawn, unseen = connection.execute(select(func.max(consents.c.seq), gone, hidden)).one()
    return int(newest or 0), int(withdrawn), int(unseen)


def _folded(said: Said, left: Ints, asof: int) -> Folded:
    """One entry per trace: a refusal that came last, or the oldest open grant since the last refusal."""
    trace, granted = said.trace, said.is_granted
    if not trace.size:
        return Folded(trace, granted, granted, said.seq, left)
    is_open = granted & (said.until_at > asof) & (left != 0)
    starts = np.diff(trace, prepend=trace[0]) != 0
    ends = np.append(np.flatnonzero(starts) - 1, trace.size - 1)
    group, position = np.cumsum(starts), np.arange(trace.size)
    refused_at = np.full(ends.size, -1, np.int64)
    np.maximum.at(refused_at, group[~granted], position[~granted])
    usable = is_open & (position > refused_at[group])
    chosen = np.full(ends.size, _NEVER)
    np.minimum.at(chosen, group[usable], position[usable])
    last_is_refusal = ~granted[ends]
    is_granted = (chosen < _NEVER) & ~last_is_refusal
    pick = np.where(is_granted, chosen, ends)
    is_silent = ~is_granted & ~last_is_refusal
    return Folded(trace[ends], is_granted, is_silent, said.seq[pick], np.where(is_granted, left[pick], 0))
