"""A changed phone number: two customers, one after the other in time, who live among the same things.

Neighbours are the items bought or looked at, devices and masked numbers on their records, relations, and the traits the
matching names (an address). Two are proposed when they share enough of them (support and Jaccard, Jaccard 1901), the
first had fallen silent before the second appeared, and the sharing is no chance: a rare neighbour weighs more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from limner.core.errors import BadDefinition, BadInput, words
from limner.core.spans import parse_span
from limner.core.tell import Tell, silent
from limner.flow.identity.definition import Matching
from limner.flow.identity.matching.base import Floats, Ground, Ints, Records, Scored, trait_matcher
from limner.flow.identity.matching.coded import coded
from limner.maths.blocks import meet
from limner.maths.lookup import lookup
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    import pyarrow as pa

BAD_OPTION = words("matching_option_bad", "matching {name!r}: options: {option} is {value!r}, it must be {bound}.")

_HERE: Final = "limner.flow.identity.matching"
_SORTS: Final = ("items", "devices", "relations", "traits")
_STAYS: Final = 0.5
"""How often somebody with a new number still has a neighbour of before."""
_MOST_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Options:
    """The kinds that are a number; how many neighbours must be shared, and which share of all they have; how long both
    may be seen at once, and how long after the first falls silent the second may appear."""

    kinds: tuple[str, ...] = ("phone",)
    support: int = 3
    jaccard: float = 0.2
    overlap: timedelta = timedelta(days=3)
    gap: timedelta = timedelta(days=180)


@trait_matcher("changed_number")
def changed_number(
    records: Records,
    matching: Matching,
    *,
    rng: np.random.Generator,
    ground: Ground | None = None,
    tell: Tell = silent,
) -> Scored:
    """The pairs of customers who are probably one, before and after a change of number. Without a ground: none."""
    options = options_of(matching)
    if ground is None or records.trace.size < 2:
        return Scored(*(np.empty(0, np.int64),) * 2, np.empty(0))
    uses = _uses(records, ground, options)
    tell(1, 3, "neighbours")
    held = _held(records, ground, uses)
    tell(2, 3, "pairs")
    low, high, shared = _sharing(held, matching.crowd)
    found = _judged(low, high, shared, held, uses, options, records.trace.size)
    tell(3, 3, "scores")
    kept = np.flatnonzero(found.probability >= matching.propose_above)
    return Scored(
        found.low[kept], found.high[kept], found.probability[kept], found.comparisons, found.words,
        found.level[kept], found.bits[kept], compared=found.compared, crowded=held.crowded,
    )  # fmt: skip


def options_of(matching: Matching) -> Options:
    """The options of a matching, checked.

    >>> options_of(Matching("m", matcher="changed_number", options={"support": 5, "gap": "90d"})).gap.days
    90
    """
    readers: dict[str, tuple[Any, str]] = {
        "kinds": (lambda value: (value,) if isinstance(value, str) else tuple(map(str, value)), "a list of kinds"),
        "support": (_whole, "a whole number from 1 on"),
        "jaccard": (_share, "a share above 0 and at most 1"),
        "overlap": (parse_span, "a span such as 3d"),
        "gap": (parse_span, "a span such as 180d"),
    }
    given = {}
    for name, value in matching.options.items():
        read, bound = readers.get(name, (None, "one of " + ", ".join(readers)))
        try:
            given[name] = read(value)
        except (TypeError, ValueError, BadInput):
            raise BadDefinition(BAD_OPTION, name=matching.id, option=name, value=value, bound=bound) from None
    return Options(**given)


def _whole(value: Any) -> int:
    if not isinstance(value, int) or value < 1:
        raise ValueError(value)
    return value


def _share(value: Any) -> float:
    if not 0 < float(value) <= 1:
        raise ValueError(value)
    return float(value)


@dataclass(frozen=True, slots=True)
class _Uses:
    """Per record, when it was first and last seen, in µs; −1 where it has no number to change."""

    first: Ints
    last: Ints
    row_of: Ints


@dataclass(frozen=True, slots=True)
class _Held:
    """Which record has which neighbour, each once: shape (k,) each; how many records have each neighbour."""

    row: Ints
    neighbour: Ints
    sort: Ints
    holders: Ints
    crowded: int = 0


def _uses(records: Records, ground: Ground, options: Options) -> _Uses:
    lake, versions = ground.stores.lake, {"links": ground.links}
    links = lake.table(statement(_HERE, "links.sql"), versions=versions)
    trace, number = (links[name].to_numpy().astype(np.int64) for name in ("trace", "number"))
    row_of = np.full(int(number.max(initial=0)) + 1, -1, np.int64)
    row_of[number[lookup(trace, records.trace.astype(np.int64))[0]]] = np.arange(records.trace.size)
    asked = statement(_HERE, "uses.sql", asof=ground.asof, kinds=list(options.kinds))
    found = lake.table(asked, versions=versions)
    row = row_of[found["number"].to_numpy().astype(np.int64)]
    ends = [np.full(records.trace.size, -1, np.int64) for _ in range(2)]
    for end, name in zip(ends, ("first_at", "last_at"), strict=True):
        end[row[row >= 0]] = found[name].to_numpy().astype(np.int64)[row >= 0]
    return _Uses(ends[0], ends[1], row_of)


def _held(records: Records, ground: Ground, uses: _Uses) -> _Held:
    found: pa.Table = ground.stores.lake.table(
        statement(_HERE, "neighbours.sql", asof=ground.asof), versions={"links": ground.links}
    )
    row = uses.row_of[found["number"].to_numpy().astype(np.int64)]
    sort = np.array([_SORTS.index(name) for name in found["sort"].to_pylist()], np.int64)
    value = coded(found["value"]).code
    rows, sorts, values = [row], [sort], [value]
    for role, column in sorted(records.columns.items()):
        said = coded(column).code
        rows.append(np.flatnonzero(said >= 0))
        sorts.append(np.full(rows[-1].size, _SORTS.index("traits"), np.int64))
        values.append(said[said >= 0] + 1_000_000_000 * (1 + sorted(records.columns).index(role)))
    row, sort, value = (np.concatenate(parts) for parts in (rows, sorts, values))
    keep = (row >= 0) & (uses.first[row] >= 0)
    row, sort, value = row[keep], sort[keep], value[keep]
    _, neighbour = np.unique(np.stack([sort, value]), axis=1, return_inverse=True)
    once = np.unique(np.stack([row, neighbour.reshape(-1), sort]), axis=1)
    return _Held(once[0], once[1], once[2], np.bincount(once[1]) if once.size else np.empty(0, np.int64))


def _sharing(held: _Held, crowd: int) -> tuple[Ints, Ints, Ints]:
    """Pairs of places in `held` that are one neighbour of two records: low row, high row, and the neighbour's sort."""
    met = meet(held.neighbour, crowd)
    one, other = held.row[met.low], held.row[met.high]
    return np.minimum(one, other), np.maximum(one, other), met.low


def _judged(low: Ints, high: Ints, place: Ints, held: _Held, uses: _Uses, options: Options, rows: int) -> Scored:
    pair, of = np.unique(low << 32 | high, return_inverse=True)
    one, other = pair >> 32, pair & ((1 << 32) - 1)
    shared = np.bincount(of, minlength=pair.size)
    degree = np.bincount(held.row, minlength=rows)
    jaccard = shared / np.maximum(1, degree[one] + degree[other] - shared)
    chance = np.log2(_STAYS / (held.holders[held.neighbour[place]] / rows))
    sort = held.sort[place]
    bits = np.stack([np.bincount(of[sort == k], chance[sort == k], pair.size) for k in range(len(_SORTS))], axis=1)
    counts = np.stack([np.bincount(of[sort == k], minlength=pair.size) for k in range(len(_SORTS))], axis=1)
    missed = (degree[one] + degree[other] - 2 * shared) / 2.0
    apart = missed * np.log2(1.0 - _STAYS)
    odds = bits.sum(axis=1) + apart - np.log2(max(2, rows))
    probability: Floats = 1.0 / (1.0 + np.exp2(-np.clip(odds, -500.0, 500.0)))
    is_one = _follows(one, other, uses, options) & (shared >= options.support) & (jaccard >= options.jaccard)
    level = np.where(counts > 0, np.minimum(counts, _MOST_SHOWN), -1).astype(np.int8)
    numbered = tuple(str(count) for count in range(_MOST_SHOWN + 1))
    return Scored(
        one, other, np.where(is_one, probability, 0.0), (*_SORTS, "use", "not_shared"),
        (*(numbered,) * len(_SORTS), ("one after the other",), numbered),
        np.column_stack([level, np.zeros(pair.size, np.int8), np.minimum(2 * missed, _MOST_SHOWN).astype(np.int8)]),
        np.column_stack([bits, np.zeros(pair.size), apart]).astype(np.float32), compared=int(pair.size),
    )  # fmt: skip


def _follows(one: Ints, other: Ints, uses: _Uses, options: Options) -> Any:
    """Whether one of the two was last seen before the other appeared, give or take, and not too long before."""
    first = np.where(uses.first[one] <= uses.first[other], one, other)
    second = np.where(uses.first[one] <= uses.first[other], other, one)
    between = uses.first[second] - uses.last[first]
    micro = timedelta(microseconds=1)
    outlives = uses.last[second] > uses.last[first]
    return (between >= -(options.overlap // micro)) & (between <= options.gap // micro) & outlives


changed_number.needs_ground = True  # type: ignore[attr-defined]
