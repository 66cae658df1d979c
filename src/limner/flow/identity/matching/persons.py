"""The matcher for persons, Chinese ones above all: names by sound and by look, hidden digits, check digits, addresses.

Method: Fellegi–Sunter weights learned by expectation–maximisation (`maths.fellegi`), a rare value weighing more than a
common one (Winkler 1989: the frequency of the value in place of u). Records that state the very same are one record to
the model, so that a file given twice teaches it nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from limner.core.tell import Tell, silent
from limner.flow.identity.definition import Matching
from limner.flow.identity.matching.base import Floats, Ground, Ints, Records, Scored, trait_matcher
from limner.flow.identity.matching.compare import Comparison, Levels
from limner.flow.identity.matching.features import SHARED, Features, features
from limner.flow.identity.matching.meeting import Meeting, meeting
from limner.flow.identity.matching.unique import Unique, apart, unique_records
from limner.maths.fellegi import Block, Model, learn, patterns, score

_SLICE: Final = 1 << 20
_RANDOM: Final = 500_000
"""Random pairs by which chance agreement is counted; a smaller file's pairs are all taken."""
_LEARNED: Final = 300_000
"""Pairs of one rule that teach; more would change nothing but the time."""


@trait_matcher("persons")
def persons(
    records: Records,
    matching: Matching,
    *,
    rng: np.random.Generator,
    ground: Ground | None = None,
    tell: Tell = silent,
) -> Scored:
    """The pairs of records that are one person with a probability of `propose_above` or more.

    Records that state the very same are paired with the first of them only, and stand for each other otherwise. Two
    records with different valid ID cards are never a pair. No records, or nobody met: no pairs.
    """
    if records.trace.size < 2:
        return Scored(*(np.empty(0, np.int64),) * 2, np.empty(0))
    unique = unique_records(records)
    rows = unique.first.size
    columns = {role: column.take(unique.first) for role, column in records.columns.items()}
    tell(0, 4, "records")
    found = features(columns, rows)
    tell(1, 4, "pairs")
    met = meeting(matching.blocking, found.keys, rows=rows, crowd=matching.crowd)
    levels = _levels(found.comparisons, met.low, met.high)
    tell(2, 4, "weights")
    model = _learned(found, met, levels, rows, rng)
    tell(3, 4, "scores")
    bits = _weighed(found, model, met.low, met.high, levels, rows)
    chance = _chance(bits, model)
    chance[apart(found.owner, met.low, met.high)] = 0.0
    kept = np.flatnonzero(chance >= matching.propose_above)
    among = Scored(met.low[kept], met.high[kept], chance[kept], level=levels[kept], bits=bits[kept])
    tell(4, 4, "scores")
    return _all(among, unique, found, model, rows, met, matching.propose_above)


def _levels(comparisons: Sequence[Comparison], low: Ints, high: Ints) -> Levels:
    found = np.empty((low.size, len(comparisons)), np.int8)
    for start in range(0, low.size, _SLICE):
        part = slice(start, start + _SLICE)
        for k, one in enumerate(comparisons):
            found[part, k] = one.of(low[part], high[part])
    return found


def _learned(found: Features, met: Meeting, levels: Levels, rows: int, rng: np.random.Generator) -> Model:
    sizes = [len(one.words) for one in found.comparisons]
    total = rows * (rows - 1) / 2
    random = patterns(_levels(found.comparisons, *_random(rows, rng)), sizes)
    blocks = []
    for rule, key in met.rules.items():
        mine = np.flatnonzero((key[met.low] == key[met.high]) & (key[met.low] >= 0))
        mine = mine[:: max(1, mine.size // _LEARNED)]
        touched = frozenset().union(*(found.roles_of[part] for part in rule))
        is_free = np.array([not (one.roles & touched) for one in found.comparisons], bool)
        blocks.append(Block(patterns(levels[mine], sizes), is_free))
    shared = [bool(one.roles & SHARED) for one in found.comparisons]
    return learn(random, blocks, patterns(levels, sizes), total, sizes, shared)


def _random(rows: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Random pairs of different rows, or all there are when they are few."""
    if rows * (rows - 1) // 2 <= _RANDOM:
        low, high = np.triu_indices(rows, 1)
        return low.astype(np.int64), high.astype(np.int64)
    low = rng.integers(0, rows, _RANDOM)
    high = (low + rng.integers(1, rows, _RANDOM)) % rows
    return np.minimum(low, high), np.maximum(low, high)


def _weighed(found: Features, model: Model, low: Ints, high: Ints, levels: Levels, rows: int) -> np.ndarray:
    """Bits of each comparison; where the same value is shared, its own frequency in place of chance in general."""
    bits = score(levels, model.weights)
    for k, one in enumerate(found.comparisons):
        if one.code is None or one.counts is None:
            continue
        same = np.flatnonzero(levels[:, k] == len(one.words) - 1)
        known = max(2, int((one.code >= 0).sum()))
        share = np.maximum(one.counts[one.code[low[same]]] - 1, 1) / (known - 1)
        bits[same, k] += np.log2(model.u[k][-1] / share).astype(np.float32)
        bits[same, k] = np.maximum(bits[same, k], 0.0)
    return bits


def _chance(bits: np.ndarray, model: Model) -> Floats:
    """The probability of each pair; one thing alone that speaks for it, such as a masked phone, proves nothing."""
    return np.asarray(np.where((bits > 0).sum(axis=1) > 1, model.chance(bits), 0.0))


def _all(among: Scored, unique: Unique, found: Features, model: Model, rows: int, met: Meeting, least: float) -> Scored:
    """The pairs of different records, and those of records that say the very same, as rows of what was given."""
    twins = np.flatnonzero(unique.count[unique.of] > 1)
    later = twins[unique.first[unique.of[twins]] != twins]
    own = unique.of[later]
    same = _levels(found.comparisons, own, own)
    bits = _weighed(found, model, own, own, same, rows)
    chance = _chance(bits, model)
    kept = chance >= least
    one = np.concatenate([unique.first[among.low], unique.first[own[kept]]])
    other = np.concatenate([unique.first[among.high], later[kept]])
    low, high = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((high, low))
    return Scored(
        low[order],
        high[order],
        np.concatenate([among.probability, chance[kept]])[order],
        tuple(one.name for one in found.comparisons),
        tuple(one.words for one in found.comparisons),
        np.concatenate([among.level, same[kept]])[order],
        np.concatenate([among.bits, bits[kept]])[order],
        found.owner[unique.of],
        met.low.size + later.size,
        met.crowded,
        met.unused,
    )
