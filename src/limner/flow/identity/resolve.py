"""`resolve`: identifiers in, links out. Numbers are lifelong: a merge keeps the smaller one, none is used again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from sqlglot import exp

from limner.core.actor import Actor
from limner.core.ids import version as hash_of
from limner.core.kinds import Kinds
from limner.core.tell import Tell, silent
from limner.flow.identity.base import MATCHERS, Flags, Ints, Pairs, Seen
from limner.flow.identity.increment import Made, live_files, nearest, neighbourhood, remember, touched
from limner.flow.identity.joining import REASONS, Evidence, Joined, join
from limner.flow.identity.named import Longs, named, named_among, sightings
from limner.flow.identity.numbers import note_merges, numbered, read_mints
from limner.flow.identity.partings import Parting, marks_of_partings, read_partings
from limner.flow.identity.review import accepted
from limner.maths.lookup import lookup
from limner.store.definitions import load_kinds

if TYPE_CHECKING:
    from limner.store.stores import Stores

VERSION = 2
"""Raised when the same input must give another answer."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a resolve found: living customers, how many are identified, what was merged and what was cut off.

    `hubs` counts identifiers shared by too many, `too_large` those let go by a customer that was too large; `parted`
    counts pairs that join nobody because they would bring a contradiction together, `moved` those of phones that have
    changed hands. `looked_at` is how many identifiers were looked at again; the others stayed as they were.
    """

    version: str
    asof: datetime
    customers: int
    identified: int
    merged: int
    hubs: int
    too_large: int
    parted: int
    moved: int
    size: int
    looked_at: int

    @property
    def anonymous(self) -> int:
        """Customers known by devices only."""
        return self.customers - self.identified


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of the stores, read once."""

    stores: Stores
    kinds: Kinds
    partings: list[Parting]
    made: Made
    now: datetime
    mints: tuple[Ints, Ints]


def basis(stores: Stores) -> str:
    """A mark of all that decides beside the records and the moment: limits, kinds, matchers."""
    own = {name: asdict(kind) for name, kind in load_kinds(stores.ledger).own.items()}
    limits = asdict(stores.settings.identity)
    return hash_of({"v": VERSION, "limits": limits, "kinds": own, "matchers": [name for name, _ in MATCHERS]})


def said(stores: Stores) -> Mapping[str, object]:
    """What a view of the links depends on beside the files of identifiers: for the name of the view."""
    return {"basis": basis(stores), "partings": [one.seq for one in read_partings(stores.ledger)]}


def resolve(
    stores: Stores,
    version: str,
    *,
    who: Actor,
    asof: datetime,
    now: datetime,
    tell: Tell = silent,
    has_accepted: bool = True,
    afresh: bool = False,
) -> Resolved:
    """Link every trace seen before `asof` to its customer's number, and write the links under `version`.

    Only customers touched since the nearest earlier version are looked at again, unless `afresh`; both ways give the
    same links. Nobody seen: no links, and a result of zeros. The same identifiers give the same links whatever ran in
    between. Without `has_accepted` the pairs accepted in review are left out: who is who by records alone; such links
    are no history, and merge nobody.
    """
    tell(0, 3, "identifiers")
    partings = read_partings(stores.ledger)
    alike = accepted(stores, asof) if has_accepted else Pairs(np.empty(0, np.int32), np.empty(0, np.int32))
    pairs = np.stack([alike.low, alike.high], axis=1)
    made = Made(version, asof, basis(stores), tuple(live_files(stores)), tuple(one.seq for one in partings), pairs)
    before = nearest(stores, asof)
    question = _Question(stores, load_kinds(stores.ledger), partings, made, now, read_mints(stores))
    found = None if afresh or before is None else _again(question, before, tell)
    links, cuts, looked_at = found or _afresh(question, tell)
    tell(2, 3, "numbers")
    merged = _noted(question, links, before) if has_accepted else 0
    stores.lake.publish("cuts", version, cuts)
    stores.lake.publish("links", version, links)
    remember(stores, made)
    tell(3, 3, "links")
    return _resolved(made, links, cuts, merged, looked_at)


def _noted(question: _Question, links: pa.Table, before: Made | None) -> int:
    """Write down which numbers were retired and which live again; how many were retired."""
    return note_merges(
        question.stores,
        (links["trace"].to_numpy(), links["number"].to_numpy()),
        question.mints,
        asof=question.made.asof,
        now=question.now,
        previous=before.version if before else None,
    )


def note(stores: Stores, version: str, *, asof: datetime, now: datetime, previous: str | None) -> int:
    """Write down the merges of a version that was made before and comes into force again; how many are new."""
    links = _of_version(stores, "links", version)
    found = links["trace"].to_numpy(), links["number"].to_numpy()
    return note_merges(stores, found, read_mints(stores), asof=asof, now=now, previous=previous)


def _afresh(question: _Question, tell: Tell) -> tuple[pa.Table, pa.Table, int]:
    """Links and cuts out of all records."""
    seen, together = named(question.stores, question.made.asof, question.kinds)
    tell(1, 3, "links")
    joined = join(seen, together, question.stores.settings.identity, _evidence(question, seen.trace))
    return (*_tables(question, seen, joined, seen.is_seen), int(seen.is_seen.sum()))


def _again(question: _Question, before: Made, tell: Tell) -> tuple[pa.Table, pa.Table, int] | None:
    """Links and cuts out of an earlier version and what has changed since; None when that cannot be done."""
    stores, made = question.stores, question.made
    changed = touched(stores, before, made, question.partings)
    if changed is None:
        return None
    links = _of_version(stores, "links", before.version)
    again = neighbourhood(stores, changed, links, made)
    if again is None:
        return None
    seen, together = named_among(stores, made.asof, question.kinds, again)
    tell(1, 3, "links")
    inside = lookup(again, seen.trace)[1]
    evidence = _evidence(question, seen.trace)
    joined = join(seen, together, stores.settings.identity, evidence, inside)
    new_links, new_cuts = _tables(question, seen, joined, inside & seen.is_seen)
    cuts = _of_version(stores, "cuts", before.version)
    mine = np.zeros(int(max(again[-1:].max(initial=0), links["trace"].to_numpy().max(initial=0))) + 1, np.bool_)
    mine[again] = True
    both = mine[cuts["trace"].to_numpy()] & mine[cuts["beside"].to_numpy()]
    kept_links = links.filter(pa.array(~mine[links["trace"].to_numpy()]))
    whole = pa.concat_tables([kept_links, new_links]).sort_by("trace") if new_links.num_rows else kept_links
    return whole, pa.concat_tables([cuts.filter(pa.array(~both)), new_cuts]), again.size


def _of_version(stores: Stores, view: str, version: str) -> pa.Table:
    columns = list(stores.lake.tables()[view].columns)
    return stores.lake.table(exp.select(*columns).from_(view), versions={view: version})


def _evidence(question: _Question, traces: Ints) -> Evidence:
    """What is known beside the pairs, for these sorted traces."""
    stores, asof = question.stores, question.made.asof
    place, here = lookup(traces, question.made.accepted.ravel())
    both = here.reshape(-1, 2).all(axis=1)
    ends = np.sort(place.reshape(-1, 2)[both].astype(np.int32), axis=1)

    def seen_with(wanted: Ints) -> tuple[Ints, Ints, Longs, Longs]:
        return sightings(stores, asof, wanted)

    def firsts(low: Ints, high: Ints) -> Longs:
        known_low, known_high, first, _ = sightings(stores, asof, np.unique(np.concatenate([low, high])))
        known = known_low.astype(np.int64) << 32 | known_high
        at, here = lookup(known, low.astype(np.int64) << 32 | high)
        found = np.full(low.size, np.iinfo(np.int64).max)
        found[here] = first[at[here]]
        return found

    return Evidence(
        seen_with, firsts, marks_of_partings(question.partings, traces), Pairs(ends[:, 0].copy(), ends[:, 1].copy())
    )


def _tables(question: _Question, seen: Seen, joined: Joined, mine: Flags) -> tuple[pa.Table, pa.Table]:
    """The rows of `links` and `cuts` for the places that are asked for."""
    trace, root, part = (seen.trace[places] for places in (mine, joined.label[mine], joined.part[mine]))
    number = numbered(question.stores, trace, root, question.mints, question.now)
    has_person = np.zeros(int(number.max(initial=-1)) + 1, np.bool_)
    has_person[number[seen.where("is_person")[mine]]] = True
    links = pa.table({"trace": trace, "number": number, "is_identified": has_person[number], "part": part})
    reasons = pa.DictionaryArray.from_arrays(pa.array(joined.cuts.reason), pa.array(REASONS)).cast(pa.string())
    ends = {name: seen.trace[place] for name, place in (("trace", joined.cuts.place), ("beside", joined.cuts.beside))}
    return links, pa.table({**ends, "reason": reasons})


def _resolved(made: Made, links: pa.Table, cuts: pa.Table, merged: int, looked_at: int) -> Resolved:
    number = links["number"].to_numpy()
    lives = np.zeros(int(number.max(initial=-1)) + 1, np.int8)
    lives[number] = 1
    lives[number[links["is_identified"].to_numpy(zero_copy_only=False)]] = 2
    reason = np.asarray(cuts["reason"].to_pylist(), object)
    ends = {name: cuts[name].to_numpy() for name in ("trace", "beside")}
    let_go = np.unique(np.concatenate([end[reason == "too_large"] for end in ends.values()]))
    return Resolved(
        version=made.version,
        asof=made.asof,
        customers=int((lives > 0).sum()),
        identified=int((lives == 2).sum()),
        merged=merged,
        hubs=int(np.unique(ends["trace"][reason == "hub"]).size),
        too_large=int(let_go.size),
        parted=int(np.isin(reason, ["apart", "authoritative", "verified"]).sum()),
        moved=int((reason == "changed_hands").sum()),
        size=int(lives.size),
        looked_at=looked_at,
    )
