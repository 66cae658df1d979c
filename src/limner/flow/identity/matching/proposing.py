"""From scored pairs to the review queue: what is new waits, what has been decided stays decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.core.actor import Actor
from limner.flow.identity import review
from limner.flow.identity.definition import Matching
from limner.flow.identity.matching.base import Floats, Ints, Records, Scored
from limner.flow.identity.matching.joining import joinable
from limner.flow.identity.review import AUTO, Proposed
from limner.maths.lookup import lookup
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from limner.store.stores import Stores

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Matched:
    """What a matching found: records and pairs compared, pairs that wait, were accepted by themselves, lapsed, or were
    kept from being accepted because they would join two who must stay apart; blocking rules too wide to be used."""

    matching: str
    matcher: str
    asof: datetime
    records: int
    compared: int
    proposed: int
    accepted: int
    lapsed: int
    apart: int
    changed: int
    crowded: int = 0
    unused: tuple[str, ...] = ()


def propose(
    stores: Stores, matching: Matching, records: Records, scored: Scored, *,
    links: str, asof: datetime, who: Actor, now: datetime,
) -> Matched:  # fmt: skip
    """Bring the queue up to a scoring. The same scoring again changes nothing.

    Pairs rejected, or accepted by an operator, stay as they are, by whichever traces the two are known now. A pair of
    another matching is left to it. Pairs that are borne out no more lapse, and so part again if they were accepted by
    themselves.
    """
    known = _Known.of(stores, matching, records, links)
    order = np.lexsort((scored.high, scored.low, -scored.probability))[: matching.most]
    wanted = [at for at in order.tolist() if (int(scored.low[at]), int(scored.high[at])) not in known.settled]
    pairs = [(int(scored.low[at]), int(scored.high[at])) for at in wanted]
    above = _above(scored.probability[wanted] if wanted else np.empty(0), matching)
    sure = joinable([pair for pair, is_above in zip(pairs, above, strict=True) if is_above],
                    owner=scored.owner, apart=known.apart, joined=known.joined)  # fmt: skip
    is_accepted = np.zeros(len(pairs), bool)
    is_accepted[np.flatnonzero(above)] = sure
    chosen = list(zip(wanted, pairs, is_accepted.tolist(), strict=True))
    fresh, changed = _changes(matching, records, scored, chosen, known.mine, asof=asof, now=now)
    borne = set(pairs)
    lapsed = [row for pair, row in known.mine.items() if pair not in borne] + known.gone
    lapsing = [row for row in lapsed if row.state != "lapsed"]
    changed |= {row.seq: {"state": "lapsed", "decided_at": now, "actor": ""} for row in lapsing}
    done = Matched(
        matching.id, matching.matcher, asof, int(records.trace.size), scored.compared,
        int((~is_accepted).sum()), int(is_accepted.sum()), len(lapsing), int((~sure).sum()),
        len(fresh) + len(changed), scored.crowded, scored.unused,
    )  # fmt: skip
    body = {"matching": matching.id, "new": len(fresh), "changed": len(changed), "lapsed": len(lapsing)}
    review.write(stores, fresh, changed, body, who=who, now=now)
    return done


def _above(probability: Floats, matching: Matching) -> np.ndarray:
    if matching.accept_above is None:
        return np.zeros(probability.size, bool)
    return np.asarray(probability >= matching.accept_above)


@dataclass(frozen=True, slots=True)
class _Known:
    """The queue in terms of the records now compared: pairs settled, held apart, joined; open ones of this matching;
    and those whose two are one customer, or are not compared any more."""

    settled: set[Pair]
    apart: list[Pair]
    joined: list[Pair]
    mine: dict[Pair, Proposed]
    gone: list[Proposed]

    @classmethod
    def of(cls, stores: Stores, matching: Matching, records: Records, links: str) -> _Known:
        rows = review.kept(stores)
        place = _rows_of(stores, records, links, [end for row in rows for end in (row.low, row.high)])
        known = cls(set(), [], [], {}, [])
        for at, row in enumerate(rows):
            one, other = sorted(place[2 * at : 2 * at + 2].tolist())
            known._take((one, other), row, is_mine=row.matching == matching.id)
        return known

    def _take(self, pair: Pair, row: Proposed, *, is_mine: bool) -> None:
        is_decided = row.state == "rejected" or (row.state == "accepted" and row.actor != AUTO)
        if pair[0] < 0 or pair[0] == pair[1]:
            self.gone.extend([row] if is_mine and not is_decided else [])
        elif row.state == "lapsed" or (is_mine and not is_decided):
            if pair in self.mine:
                self.gone.append(row)
            else:
                self.mine[pair] = row
        else:
            self.settled.add(pair)
            if row.state != "proposed":
                (self.apart if row.state == "rejected" else self.joined).append(pair)


def _rows_of(stores: Stores, records: Records, links: str, traces: Sequence[int]) -> Ints:
    """The record each trace belongs to now, −1 when it is not compared."""
    wanted = np.asarray(traces, np.int64)
    if not wanted.size or not records.trace.size:
        return np.full(wanted.size, -1, np.int64)
    found = stores.lake.table(statement("limner.flow.identity.matching", "links.sql"), versions={"links": links})
    trace, number = (found[name].to_numpy().astype(np.int64) for name in ("trace", "number"))
    at, here = lookup(trace, wanted)
    own, _ = lookup(trace, records.trace.astype(np.int64))
    row_of = np.full(int(number.max(initial=0)) + 1, -1, np.int64)
    row_of[number[own]] = np.arange(records.trace.size)
    return np.where(here, row_of[number[np.where(here, at, 0)]], -1)


def _changes(
    matching: Matching, records: Records, scored: Scored, chosen: Sequence[tuple[int, Pair, bool]],
    mine: Mapping[Pair, Proposed], *, asof: datetime, now: datetime,
) -> tuple[list[dict[str, Any]], dict[int, dict[str, Any]]]:  # fmt: skip
    """New rows, and what differs in those there are; `chosen`: where a pair was scored, whether it is accepted."""
    fresh: list[dict[str, Any]] = []
    changed: dict[int, dict[str, Any]] = {}
    own = {"matching": matching.id, "matcher": matching.matcher, "proposed_at": now}
    for at, pair, is_sure in chosen:
        state = "accepted" if is_sure else "proposed"
        probability = round(float(scored.probability[at]), 6)
        values: dict[str, Any] = {"state": state, "probability": probability, "evidence": scored.evidence(at)}
        row = mine.get(pair)
        if row is None:
            low, high = (int(records.trace[end]) for end in pair)
            decided: dict[str, Any] = {"decided_at": now if is_sure else None, "actor": AUTO if is_sure else ""}
            fresh.append({**own, "low": low, "high": high, "asof": asof, **decided, **values})
        elif (row.state, row.probability, dict(row.evidence)) != tuple(values.values()):
            moved = row.state != state
            decided = {"decided_at": now if is_sure else None, "actor": AUTO if is_sure else ""} if moved else {}
            back = {"asof": asof, **own} if row.state == "lapsed" else {}
            changed[row.seq] = {**values, **decided, **back}
    return fresh, changed
