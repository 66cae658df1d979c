"""What goes together in baskets: sets of items found in many of them, and what one set says of another item.

Pairs are counted by walking through the baskets once; larger sets by meeting the baskets of their parts as roaring
bitmaps (Eclat, Zaki 2000). All counts are whole numbers and all bounds are compared as fractions: what stands exactly
on a bound counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from limner.core.errors import Full, words
from limner.maths.extras import need

TOO_MANY = words(
    "pairings_too_many",
    "More than {most:,} sets of items lie in at least {least:,} baskets. Raise `support`, or lower `most`.",
)

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

MOST_SETS: Final = 500_000
"""Frequent sets that are kept at most."""
_PAIRS: Final = 1 << 24
"""Pairs counted at once."""
_CELLS: Final = 1 << 25
"""Cells of the table pairs are counted in."""


@dataclass(frozen=True, slots=True)
class Baskets:
    """Which items lie in which baskets, each once: `basket` ascending from 0 and `item` codes from 0, shape (n,) each;
    of `many` baskets, the empty ones counted, and `items` different items."""

    basket: Codes
    item: Codes
    many: int
    items: int

    def counts(self) -> Ints:
        """In how many baskets each item lies, shape (items,)."""
        return np.bincount(self.item, minlength=self.items)


@dataclass(frozen=True, slots=True)
class Frequent:
    """Sets of items, as ascending codes, that lie in at least `least` baskets, and how many; the baskets of items."""

    sets: Mapping[tuple[int, ...], int]
    least: int
    many: int
    places: Mapping[int, BitMap] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pairing:
    """Items, and one that goes with them: baskets with all of it, with the items, with the other; chance and size.

    `confidence`: its share of the items' baskets; `lift`: that over the other's share of all baskets; `leverage`: the
    share of baskets more than by chance; `p`: Fisher's exact test, that it is not more often than by chance.
    """

    items: tuple[int, ...]
    other: int
    both: int
    with_items: int
    with_other: int
    many: int
    p: float
    is_clear: bool

    @property
    def support(self) -> float:
        """The share of baskets with all of it."""
        return self.both / self.many

    @property
    def confidence(self) -> float:
        """Of the baskets with the items, the share with the other."""
        return self.both / self.with_items

    @property
    def lift(self) -> float:
        """How many times more often than by chance."""
        return self.both * self.many / (self.with_items * self.with_other)

    @property
    def leverage(self) -> float:
        """The share of baskets that has all of it, less what chance would give."""
        return self.both / self.many - self.with_items * self.with_other / self.many**2


def baskets_of(basket: npt.ArrayLike, item: npt.ArrayLike, *, many: int, items: int) -> Baskets:
    """Baskets of plain codes in any order; an item that lies twice in a basket lies there once.

    >>> baskets_of([1, 0, 0, 0], [0, 1, 0, 1], many=2, items=2).counts().tolist()
    [2, 1]
    """
    key = np.asarray(basket, np.int64) * max(items, 1) + np.asarray(item, np.int64)
    if key.size > 1 and not (key[1:] > key[:-1]).all():
        key = np.sort(key)
        key = key[np.append(True, key[1:] != key[:-1])]
    parts = np.divmod(key, max(items, 1))
    return Baskets(parts[0].astype(np.int32), parts[1].astype(np.int32), many, items)


def least_of(support: Fraction, many: int) -> int:
    """The fewest baskets that are a share of all of them, at least one; exactly on the bound counts.

    >>> least_of(Fraction("0.1"), 30), least_of(Fraction("0.1"), 31)
    (3, 4)
    """
    return max(1, -(-support.numerator * many // support.denominator))


def frequent(baskets: Baskets, least: int, most: int) -> Frequent:
    """All sets of one to `most` items that lie in at least `least` baskets. Full where there are too many to keep."""
    counts = baskets.counts()
    kept = np.flatnonzero(counts >= least)
    sets: dict[tuple[int, ...], int] = {(int(at),): int(counts[at]) for at in kept}
    code = np.full(baskets.items, -1, np.int32)
    code[kept] = np.arange(kept.size, dtype=np.int32)
    is_used = code[baskets.item] >= 0
    basket, item = baskets.basket[is_used], code[baskets.item[is_used]]
    places = _places(basket, item, kept)
    pairs = list(_pairs(basket, item, kept.size, least)) if most > 1 else []
    for first, second, both in pairs:
        sets[int(kept[first]), int(kept[second])] = both
        _hold(sets, least)
    if most > 2:
        after: dict[int, set[int]] = {}
        for first, second, _ in pairs:
            after.setdefault(int(kept[first]), set()).add(int(kept[second]))
        for first, seconds in sorted(after.items()):
            _deeper((first,), places[first], sorted(seconds), after, places, sets, least, most)
    return Frequent(sets, least, baskets.many, places)


def _hold(sets: Mapping[tuple[int, ...], int], least: int) -> None:
    if len(sets) > MOST_SETS:
        raise Full(TOO_MANY, most=MOST_SETS, least=least)


def _places(basket: Codes, item: Codes, kept: Ints) -> dict[int, BitMap]:
    """The baskets each kept item lies in."""
    order = np.argsort(item.astype(np.uint16) if kept.size <= 1 << 16 else item, kind="stable")
    ends = np.cumsum(np.bincount(item, minlength=kept.size))
    parts = np.split(basket[order].astype(np.uint32), ends[:-1]) if kept.size else []
    return {int(at): BitMap(part) for at, part in zip(kept, parts, strict=True)}


def _pairs(basket: Codes, item: Codes, many: int, least: int) -> Iterator[tuple[int, int, int]]:
    """Pairs of items in at least `least` baskets; items stand ascending within a basket.

    The table of counts has a row for every first item; where it would be too large, some rows are counted at a time.
    """
    if not item.size:
        return
    ends = np.append(np.flatnonzero(np.diff(basket)) + 1, basket.size)
    sizes = np.diff(ends, prepend=0)
    last: Codes = np.repeat(ends, sizes).astype(np.int32)
    partners: Codes = np.subtract(last, np.arange(1, basket.size + 1, dtype=np.int32), dtype=np.int32)
    rows = max(1, _CELLS // many)
    for low in range(0, many, rows):
        high = min(many, low + rows)
        table = np.zeros((high - low) * many, np.int64)
        mine = np.flatnonzero((item >= low) & (item < high) & (partners > 0))
        for part in _parts(mine, partners[mine]):
            table += np.bincount(_keys(item, part, partners[part], low, many), minlength=table.size)
        for at in np.flatnonzero(table >= least):
            yield low + int(at) // many, int(at) % many, int(table[at])


def _parts(mine: Ints, partners: Codes) -> Iterator[Ints]:
    """Places in stretches that make about _PAIRS pairs each."""
    total = np.cumsum(partners, dtype=np.int64)
    start = 0
    while start < mine.size:
        before = int(total[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(total, before + _PAIRS, side="right")))
        yield mine[start:end]
        start = end


def _keys(item: Codes, part: Ints, partners: Codes, low: int, many: int) -> Ints:
    """One number for each pair that begins at one of the places in `part`."""
    firsts = np.repeat((item[part].astype(np.int64) - low) * many, partners)
    begins = np.cumsum(partners, dtype=np.int64) - partners
    seconds = np.repeat(part + 1 - begins, partners) + np.arange(firsts.size)
    found: Ints = firsts + item[seconds]
    return found


def _deeper(
    items: tuple[int, ...],
    place: BitMap,
    seconds: Sequence[int],
    after: Mapping[int, set[int]],
    places: Mapping[int, BitMap],
    sets: dict[tuple[int, ...], int],
    least: int,
    most: int,
) -> None:
    """Every larger frequent set that begins with `items`; what may follow has been frequent with each of them."""
    for at, second in enumerate(seconds):
        follow = [later for later in seconds[at + 1 :] if later in after.get(second, ())]
        longer = (*items, second)
        if not follow or len(longer) >= most:
            continue
        both = place & places[second]
        going: list[int] = []
        for later in follow:
            count = both.intersection_cardinality(places[later])
            if count >= least:
                sets[(*longer, later)] = count
                going.append(later)
        _hold(sets, least)
        if len(going) > 1 and len(longer) + 1 < most:
            _deeper(longer, both, going, after, places, sets, least, most)


def pairings(
    found: Frequent, *, confidence: Fraction, lift: Fraction, rate: float = 0.05, others: set[int] | None = None
) -> tuple[Pairing, ...]:
    """What frequent sets say of one of their items, at least so confident and so far above chance; most telling first.

    Every pairing that frequent sets allow is tested, before it is held against the bounds, and `is_clear` says which
    stand out at a false discovery rate of `rate` (Benjamini, Hochberg 1995). One with more items is left out where
    fewer of them are as confident. `others` are the items that may be said something of (none: all).
    """
    tried = [
        (tuple(one for one in items if one != other), other, both)
        for items, both in found.sets.items()
        if len(items) > 1
        for other in items
        if others is None or other in others
    ]
    if not tried:
        return ()
    both, with_items, with_other = (
        np.array(column, np.int64)
        for column in zip(*((n, found.sets[items], found.sets[other,]) for items, other, n in tried), strict=True)
    )
    p = chance(both, with_items, with_other, found.many)
    is_clear = _clear(p, rate)
    made = [
        Pairing(items, other, n, found.sets[items], found.sets[other,], found.many, float(p[at]), bool(is_clear[at]))
        for at, (items, other, n) in enumerate(tried)
        if n * confidence.denominator >= confidence.numerator * found.sets[items]
        and n * found.many * lift.denominator >= lift.numerator * found.sets[items] * found.sets[other,]
    ]
    kept = [one for one in made if not _is_idle(one, found.sets)]
    return tuple(sorted(kept, key=lambda one: (not one.is_clear, -one.lift, -one.both, one.items, one.other)))


def _is_idle(one: Pairing, sets: Mapping[tuple[int, ...], int]) -> bool:
    """Whether fewer of the items say as much."""
    for many in range(1, len(one.items)):
        for fewer in combinations(one.items, many):
            with_both = sets[tuple(sorted((*fewer, one.other)))]
            if with_both * one.with_items >= one.both * sets[fewer]:
                return True
    return False


def chance(both: Ints, first: Ints, second: Ints, many: int) -> npt.NDArray[np.float64]:
    """The one-sided p-values of Fisher's exact test: of `many` baskets, `first` and `second` of them with either, at
    least `both` with both by chance; shape (n,) each. Where there are no more than by chance it is given as 1.

    >>> chance(np.array([3]), np.array([3]), np.array([3]), 6).round(4).tolist()
    [0.05]
    """
    log = need("scipy.special", extra="ml").gammaln
    a, k, n = (np.asarray(x, np.float64) for x in (both, first, second))

    def choose(of: npt.NDArray[np.float64], taken: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        found: npt.NDArray[np.float64] = log(of + 1) - log(taken + 1) - log(of - taken + 1)
        return found

    whole = np.full(a.shape, float(many))
    term = np.ones(a.shape)
    total = np.ones(a.shape)
    at = a.copy()
    is_more = a * many > k * n
    going = np.flatnonzero(is_more & (at < np.minimum(k, n)))
    while going.size:
        x, kk, nn = at[going], k[going], n[going]
        term[going] *= (kk - x) * (nn - x) / ((x + 1) * (many - kk - nn + x + 1))
        total[going] += term[going]
        at[going] += 1
        going = going[(at[going] < np.minimum(kk, nn)) & (term[going] > 1e-17 * total[going])]
    first_term = choose(k, a) + choose(whole - k, n - a) - choose(whole, n)
    return np.where(is_more, np.minimum(1.0, np.exp(first_term + np.log(total))), 1.0)


def _clear(p: npt.NDArray[np.float64], rate: float) -> npt.NDArray[np.bool_]:
    order = np.argsort(p, kind="stable")
    passed = np.flatnonzero(p[order] <= rate * np.arange(1, p.size + 1) / p.size)
    found = np.zeros(p.size, np.bool_)
    found[order[: passed[-1] + 1 if passed.size else 0]] = True
    return found
