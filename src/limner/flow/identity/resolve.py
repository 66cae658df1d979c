"""`resolve`: identifiers in, links out. Numbers are lifelong: a merge keeps the smaller one, none is used again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
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
from limner.flow.identity.increment import (
    Again,
    Made,
    counted,
    counted_on,
    is_noted_last,
    live_files,
    nearest,
    neighbourhood,
    noted_again,
    remember,
    touched,
)
from limner.flow.identity.joining import REASONS, Evidence, Joined, join
from limner.flow.identity.named import Longs, named, named_among, sightings
from limner.flow.identity.numbers import Minted, is_held_later, note_merges, numbered, read_mints
from limner.flow.identity.partings import Parting, is_heard, marks_of_partings, read_partings
from limner.flow.identity.review import accepted
from limner.maths.lookup import lookup
from limner.store.definitions import load_kinds
from limner.store.lake.parted import differing
from limner.store.lake.parted import publish as publish_parts
from limner.store.lake.parted import read as read_parts

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


@dataclass(frozen=True, slots=True)
class _Found:
    """New rows of links and cuts, and the numbers minted before: of all customers, or of those looked at `again` since
    the version `base`."""

    links: pa.Table
    cuts: pa.Table
    mints: Minted
    looked_at: int
    base: str = ""
    again: Again | None = None


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
    partings = [one for one in read_partings(stores.ledger) if is_heard(one, asof)]
    alike = accepted(stores, asof) if has_accepted else Pairs(np.empty(0, np.int32), np.empty(0, np.int32))
    pairs = np.stack([alike.low, alike.high], axis=1)
    made = Made(version, asof, basis(stores), tuple(live_files(stores)), tuple(one.seq for one in partings), pairs)
    before = nearest(stores, asof)
    question = _Question(stores, load_kinds(stores.ledger), partings, made, now)
    found = None if afresh or before is None else _again(question, before, tell)
    found = found or _afresh(question, tell)
    tell(2, 3, "numbers")
    merged = _noted(question, found, before) if has_accepted else 0
    for view, rows in (("cuts", found.cuts), ("links", found.links)):
        _publish(question, found, view, rows)
    made = replace(made, counts=_counted(question, found, before))
    remember(stores, made, is_noted=has_accepted)
    tell(3, 3, "links")
    return _resolved(stores, made, merged, found.looked_at)


def _noted(question: _Question, found: _Found, before: Made | None) -> int:
    """Write down which numbers were retired and which live again; how many were retired."""
    stores, made = question.stores, question.made
    links, mints = found.links, found.mints
    if found.again is not None and before is not None:
        is_next = is_noted_last(stores, before.version) and not is_held_later(stores, before.asof, made.asof)
        if not is_next:
            mine = lookup(
                found.again.traces, (whole := _of_version(stores, "links", before.version))["trace"].to_numpy()
            )
            links = pa.concat_tables([whole.filter(pa.array(~mine[1])), links]).sort_by("trace")
            mints = read_mints(stores)
    rows = links["trace"].to_numpy(), links["number"].to_numpy()
    previous = before.version if before else None
    return note_merges(stores, rows, mints, asof=made.asof, now=question.now, previous=previous)


def _publish(question: _Question, found: _Found, view: str, rows: pa.Table) -> None:
    """Write a version: whole, or the parts in which rows have changed, the others taken over."""
    lake, version = question.stores.lake, question.made.version
    if found.again is None:
        lake.publish(view, version, rows)
        return
    table, old = lake.declared(view), getattr(found.again, view)
    changed = differing(table, old, rows)
    kept = read_parts(lake, view, found.base, changed)
    ends = [
        lookup(found.again.traces, kept[name].to_numpy())[1]
        for name in ("trace", "beside")
        if name in kept.schema.names
    ]
    mine = np.logical_and.reduce(ends)
    fresh = np.isin(rows["trace"].to_numpy() // table.span, changed)
    whole = pa.concat_tables([kept.filter(pa.array(~mine)), rows.filter(pa.array(fresh)).cast(kept.schema)])
    publish_parts(lake, view, version, whole, base=found.base, changed=changed)


def note(stores: Stores, version: str, *, asof: datetime, now: datetime, previous: str | None) -> int:
    """Write down the merges of a version that was made before and comes into force again; how many are new."""
    links = _of_version(stores, "links", version)
    found = links["trace"].to_numpy(), links["number"].to_numpy()
    count = note_merges(stores, found, read_mints(stores), asof=asof, now=now, previous=previous)
    noted_again(stores, version)
    return count


def _afresh(question: _Question, tell: Tell) -> _Found:
    """Links and cuts out of all records."""
    seen, together = named(question.stores, question.made.asof, question.kinds)
    tell(1, 3, "links")
    joined = join(seen, together, question.stores.settings.identity, _evidence(question, seen.trace))
    mints = read_mints(question.stores)
    return _Found(*_tables(question, seen, joined, seen.is_seen, mints), mints, int(seen.is_seen.sum()))


def _again(question: _Question, before: Made, tell: Tell) -> _Found | None:
    """Links and cuts of what has changed since an earlier version; None when that cannot be said."""
    stores, made = question.stores, question.made
    changed = touched(stores, before, made, question.partings)
    again = None if changed is None else neighbourhood(stores, changed, before, made)
    if again is None:
        return None
    seen, together = named_among(stores, made.asof, question.kinds, again.traces)
    tell(1, 3, "links")
    inside = lookup(again.traces, seen.trace)[1]
    evidence = _evidence(question, seen.trace)
    joined = join(seen, together, stores.settings.identity, evidence, inside)
    mints = read_mints(stores, again.traces)
    rows = _tables(question, seen, joined, inside & seen.is_seen, mints)
    return _Found(*rows, mints, again.traces.size, before.version, again)


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


def _tables(question: _Question, seen: Seen, joined: Joined, mine: Flags, mints: Minted) -> tuple[pa.Table, pa.Table]:
    """The rows of `links` and `cuts` for the places that are asked for."""
    trace, root, part = (seen.trace[places] for places in (mine, joined.label[mine], joined.part[mine]))
    number = numbered(question.stores, trace, root, mints, question.now)
    has_person = np.zeros(int(number.max(initial=-1)) + 1, np.bool_)
    has_person[number[seen.where("is_person")[mine]]] = True
    links = pa.table({"trace": trace, "number": number, "is_identified": has_person[number], "part": part})
    reasons = pa.DictionaryArray.from_arrays(pa.array(joined.cuts.reason), pa.array(REASONS)).cast(pa.string())
    ends = {name: seen.trace[place] for name, place in (("trace", joined.cuts.place), ("beside", joined.cuts.beside))}
    return links, pa.table({**ends, "reason": reasons})


def _counted(question: _Question, found: _Found, before: Made | None) -> tuple[int, int, int]:
    """Customers, identified customers and numbers of the new version."""
    if found.again is None or before is None:
        return counted(found.links)
    on_top = counted_on(before, found.again, found.links)
    return on_top or counted(_of_version(question.stores, "links", question.made.version))


def _resolved(stores: Stores, made: Made, merged: int, looked_at: int) -> Resolved:
    """What stands in a version, counted."""
    cuts = _of_version(stores, "cuts", made.version)
    reason = np.asarray(cuts["reason"].to_pylist(), object)
    ends = {name: cuts[name].to_numpy() for name in ("trace", "beside")}
    let_go = np.unique(np.concatenate([end[reason == "too_large"] for end in ends.values()]))
    return Resolved(
        version=made.version,
        asof=made.asof,
        customers=made.counts[0],
        identified=made.counts[1],
        merged=merged,
        hubs=int(np.unique(ends["trace"][reason == "hub"]).size),
        too_large=int(let_go.size),
        parted=int(np.isin(reason, ["apart", "authoritative", "verified"]).sum()),
        moved=int((reason == "changed_hands").sum()),
        size=made.counts[2],
        looked_at=looked_at,
    )
