"""`identity match`, `review`, `accept`, `reject`: who is probably one person, and what an operator says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.app.identity import need_identity
from limner.app.running import links_name
from limner.core.errors import NotFound, words
from limner.core.ids import customer_id
from limner.core.spans import midnight, parse_instant
from limner.flow.identity import review as queue
from limner.flow.identity.definition import Matching
from limner.flow.identity.hindered import hindrances
from limner.flow.identity.matching.base import TRAIT_MATCHERS, Ground
from limner.flow.identity.matching.proposing import Matched, propose
from limner.flow.identity.matching.records import records_of
from limner.flow.identity.resolve import resolve
from limner.maths.arms import salt
from limner.store.ledger import views

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

NONE_STATED = words(
    "matching_none",
    "No matching is stated. Write one file into matching/, such as `roles: {{name: full_name, birth_date: birthday}}`, "
    "and run `limner apply`.",
)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A pair that waits or was decided: the customers it is about, how probable it is, and on what evidence.

    A customer id is empty until the next run has given the trace a customer. `hindrances` is what keeps the two from
    being one customer, accepted or not: kinds of which each has a value of its own, `apart`, `platform` or `hub`.
    """

    seq: int
    matching: str
    probability: float
    customers: tuple[str, str]
    evidence: Mapping[str, Any]
    state: str
    proposed_at: datetime
    decided_at: datetime | None
    actor: str
    hindrances: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """The pairs in one state, the most probable first, and how many there are in each state."""

    state: str
    pairs: tuple[Reviewed, ...]
    counts: Mapping[str, int] = field(default_factory=dict)

    def to_dicts(self, limit: int | None = None) -> list[dict[str, object]]:
        """One row per pair."""
        return [
            {"seq": p.seq, "probability": p.probability, "one": p.customers[0], "other": p.customers[1], **p.evidence}
            for p in self.pairs[:limit]
        ]


def match(shop: Workspace, name: str | None = None, asof: str | datetime | None = None) -> tuple[Matched, ...]:
    """Run the matchings (or one of them) and bring the review queue up to what they find; nothing is joined here.

    Customers are compared as records alone make them, so that what was accepted before is scored anew. The default asof
    is that of `run`, the last local midnight.
    """
    shop.declare()
    now = shop.clock()
    at = parse_instant(asof, shop.settings.zone) if isinstance(asof, str) else asof
    at = at or midnight(now, shop.settings.zone)
    definitions = shop.definitions
    wanted = [definitions.find(Matching, name)] if name else list(definitions.of(Matching).values())
    if not wanted:
        raise NotFound(NONE_STATED)
    with shop.keeper(now, "identity match"):
        links = _links(shop, at)
        return tuple(_matched(shop, one, links, at) for one in wanted)


def _links(shop: Workspace, asof: datetime) -> str:
    """Who is who by records alone; resolved when no run has done so."""
    links = links_name(shop.stores, asof, "")
    if not shop.stores.lake.catalog.has_batch("links", f"view:{links}"):
        resolve(shop.stores, links, who=shop.who, asof=asof, now=shop.clock(), has_accepted=False, tell=shop.tell)
    return links


def _matched(shop: Workspace, matching: Matching, links: str, asof: datetime) -> Matched:
    """Chance hangs on the matching's name and the asof alone, so that the same run proposes the same."""
    stores = shop.stores
    records = records_of(stores, matching, links, asof=asof, zone=shop.settings.zone)
    rng = np.random.default_rng(salt(f"{matching.id}|{asof.isoformat()}"))
    ground = Ground(stores, links, asof)
    scored = TRAIT_MATCHERS.find(matching.matcher)(records, matching, rng=rng, ground=ground, tell=shop.tell)
    return propose(stores, matching, records, scored, links=links, asof=asof, who=shop.who, now=shop.clock())


def review(shop: Workspace, *, state: str = "proposed", limit: int = 20) -> Queue:
    """The pairs that wait for a decision (or are in another state), the most probable first."""
    found = queue.listed(shop.stores, state=state, limit=limit)
    return Queue(state, _reviewed(shop, found), queue.counted(shop.stores))


def accept(shop: Workspace, seqs: Sequence[int]) -> tuple[Reviewed, ...]:
    """Say that these pairs are one person each; the next run joins them, under the guards all records are under: what
    will keep a pair two customers is said with it."""
    need_identity(shop, "identity accept")
    return _reviewed(shop, queue.decide(shop.stores, list(seqs), "accepted", who=shop.who, now=shop.clock()))


def reject(shop: Workspace, seqs: Sequence[int]) -> tuple[Reviewed, ...]:
    """Say that these pairs are two persons each; they are not proposed again, and part if they had been joined."""
    need_identity(shop, "identity reject")
    return _reviewed(shop, queue.decide(shop.stores, list(seqs), "rejected", who=shop.who, now=shop.clock()))


def _reviewed(shop: Workspace, found: Sequence[queue.Proposed]) -> tuple[Reviewed, ...]:
    number = _numbers(shop, [end for one in found for end in (one.low, one.high)])
    key, barred = shop.stores.hash_key, _hindrances(shop, found)
    ids = [customer_id(key, value) if value >= 0 else "" for value in number]
    return tuple(
        Reviewed(one.seq, one.matching, one.probability, (ids[2 * at], ids[2 * at + 1]), one.evidence, one.state,
                 one.proposed_at, one.decided_at, one.actor, barred[at])
        for at, one in enumerate(found)
    )  # fmt: skip


def _hindrances(shop: Workspace, found: Sequence[queue.Proposed]) -> tuple[tuple[str, ...], ...]:
    """What keeps the two of each pair apart, by the newest portrait; nothing is known before there is one."""
    published = views.current(shop.stores.ledger, "lake:links")
    if published is None or published.asof is None:
        return ((),) * len(found)
    pairs = [(one.low, one.high) for one in found]
    return hindrances(shop.stores, pairs, links=published.version, asof=published.asof)


def _numbers(shop: Workspace, traces: Sequence[int]) -> list[int]:
    """The customer numbers of traces by the newest portrait, −1 where it has none."""
    published = views.current(shop.stores.ledger, "lake:links")
    if published is None or not traces:
        return [-1] * len(traces)
    wanted = np.unique(np.asarray(traces, np.int32))
    rows = shop.stores.lake.among("links", ("trace",), wanted, columns=("trace", "number"), version=published.version)
    number = dict(zip(rows["trace"].to_pylist(), rows["number"].to_pylist(), strict=True))
    return [int(number.get(trace, -1)) for trace in traces]
