"""The figures of a tag's column: how many it answers, how the answers are spread, how far that moved, how right it is.

One pass over each column: different numbers are counted once, small ones by their value and others by sorting, and
quantiles, tenths and the tenths of the version before are read off the counts; words and yes/no are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from limner.maths.drift import drift
from limner.maths.proportion import wilson
from limner.store.gallery.bits import count as size_of
from limner.store.gallery.numeric import as_numbers, stored_at, stretch

if TYPE_CHECKING:
    from limner.core.ours import Tag
    from limner.store.gallery import Version
    from limner.store.gallery.column import Column

MOST_ANSWERS: Final = 20
LEAST_BASE: Final = 30
"""With fewer customers who state themselves what a tag says of them, nothing is said of how right it is."""
KEPT_DRIFTS: Final = 7
QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_SIDES: Final[tuple[Literal["left", "right"], ...]] = ("left", "right")
_NARROW: Final = 2
"""Bytes of whole numbers whose values are counted one by one."""
_TENTHS: Final = np.linspace(0, 1, 11)[1:-1]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A tag against what customers state: of `base` who state it and have the tag, `right` are told so. `usual` is the
    share that always saying the most frequent statement would have; `told` are statement, tag, customers."""

    base: int
    right: int
    low: float
    high: float
    usual: float
    told: tuple[tuple[str, str, int], ...] = ()

    @property
    def can_say(self) -> bool:
        """Whether enough customers state it."""
        return self.base >= LEAST_BASE


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the columns of a tag with several reach: how many there are, and the customers with an answer in the
    least and in the most answered one (of a column that stores no zeros: with another answer than 0)."""

    columns: int
    least_column: str
    least: int
    most_column: str
    most: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one column. `held` have an answer other than the usual one; `answers` are the most frequent ones
    with how many have them, `quantiles` those of numbers; `drift` is the stability index against the version before
    (None: there was none), `drifts` the last of them. `cuts` and `counts` are what the next version is held against,
    the last count being those of whom nothing is known. `extent` is of all columns of a tag with several. What would
    tell of too few is None or left out, and named in `too_few`."""

    column: str
    customers: int
    known: int | None
    held: int | None
    answers: Mapping[str, int] = field(default_factory=dict)
    different: int = 0
    quantiles: tuple[float | None, ...] = ()
    cuts: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    drift: float | None = None
    drifts: tuple[float, ...] = ()
    bytes: int = 0
    accuracy: Accuracy | None = None
    extent: Extent | None = None
    too_few: tuple[str, ...] = ()

    @property
    def evenness(self) -> float | None:
        """How even the answers are: 1 when every bin holds as many, 0 when all customers answer alike."""
        known = np.asarray(self.counts[:-1], np.float64)
        if known.size < 2 or not known.sum():
            return None
        shares = known[known > 0] / known.sum()
        return float(-(shares * np.log(shares)).sum() / np.log(known.size)) + 0.0


def main_column(version: Version, columns: Iterable[str], tag: str) -> str:
    """The column that sums a tag up: its own, or the one of the heaviest; else its first one (empty: it has none)."""
    known = [column for column in columns if column in version.headers]
    return next((c for c in (tag, f"top_{tag}") if c in known), known[0] if known else "")


def extent(version: Version, columns: Iterable[str]) -> Extent | None:
    """How far the columns of a tag reach; None unless there are several.

    Only what says whose answers are known is read, no answer.
    """
    known = {name: _reach(version, name) for name in columns if name in version.headers}
    if len(known) < 2:
        return None
    least, most = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    return Extent(len(known), least, known[least], most, known[most])


def _reach(version: Version, name: str) -> int:
    header = version.headers[name]
    if header.is_sparse:
        return header.entries
    return size_of(version.column(name).known(version.size) & version.living_words)


def figures(version: Version, tag: Tag, column: str, before: Figures | None, *, asof_day: int, least: int) -> Figures:
    """The figures of a tag's column over the living; of answers fewer than `least` customers have nothing is told."""
    living = np.asarray(version.living.to_array(), np.int64)
    kept, usual = version.column(column), tag.otherwise
    if kept.header.is_sparse:
        found = _over_nodes(version, tag.id, before)
    elif kept.header.type in ("text", "bool"):
        found = _counted(kept, living, usual, before, least)
    else:
        found = _measured(kept, living, usual, before, asof_day)
    pair = found.pop("pair")
    moved = None if pair is None else drift(*pair)
    drifts = (*(before.drifts if before else ()), *([] if moved is None else [moved]))[-KEPT_DRIFTS:]
    accuracy = accuracy_of(version, column, tag.declared, living) if tag.declared in version.headers else None
    size = sum(path.stat().st_size for path in _files(kept))
    return Figures(column, len(living), drift=moved, drifts=drifts, bytes=size, accuracy=accuracy, **found)


def _counted(kept: Column, living: Ints, usual: object, before: Figures | None, least: int) -> dict[str, Any]:
    """Text and yes/no: one count of the codes."""
    stored, is_known = _stored(kept, living)
    codes = stored[is_known].astype(np.int64)
    words = ("no", "yes") if kept.header.type == "bool" else kept.words
    counts = np.bincount(codes, minlength=len(words)) if words else np.zeros(0, np.int64)
    order = [i for i in np.argsort(-counts, kind="stable").tolist() if counts[i]]
    by_word = {words[i]: int(counts[i]) for i in order}
    usual = {True: "yes", False: "no"}.get(usual, usual) if isinstance(usual, bool) else usual
    told = [words[i] for i in order[:MOST_ANSWERS] if counts[i] >= least]
    unknown = len(living) - len(codes)
    kinds = tuple(told)
    pair = (
        (before.counts, [*(by_word.get(w, 0) for w in before.words), _rest(by_word, before.words), unknown])
        if before is not None
        else None
    )
    return {
        "known": len(codes),
        "held": len(codes) - by_word.get(str(usual), 0),
        "answers": {word: by_word[word] for word in told},
        "different": len(order),
        "words": kinds,
        "counts": (*(by_word[w] for w in kinds), _rest(by_word, kinds), unknown),
        "pair": pair,
    }


def _over_nodes(version: Version, tag: str, before: Figures | None) -> dict[str, Any]:
    """A tag with a sparse column per node: how many have some weight on each node; what they hold is never unknown."""
    headers = {name.removeprefix(f"{tag}."): h for name, h in version.headers.items() if name.startswith(f"{tag}.")}
    sizes = {name: header.entries for name, header in headers.items() if header.entries > 0}
    order = sorted(sizes, key=lambda name: (-sizes[name], name))
    tops = [name for name in sizes if "/" not in name]
    held = BitMap()
    for name in tops:
        held |= BitMap(version.column(f"{tag}.{name}").entries()[0])
    have, words = len(held & version.living), tuple(sorted(tops))
    rest = len(version.living) - have
    pair = (before.counts, [*(sizes.get(w, 0) for w in before.words), 0, rest]) if before is not None else None
    return {
        "known": len(version.living),
        "held": have,
        "answers": {name: sizes[name] for name in order[:MOST_ANSWERS]},
        "different": len(sizes),
        "words": words,
        "counts": (*(sizes[word] for word in words), 0, rest),
        "pair": pair,
    }


def _rest(by_word: Mapping[str, int], words: Iterable[str]) -> int:
    told = set(words)
    return sum(count for word, count in by_word.items() if word not in told)


def _measured(kept: Column, living: Ints, usual: object, before: Figures | None, asof_day: int) -> dict[str, Any]:
    """Numbers, money, days, instants: by how many have each."""
    spread = _spread(kept, living, asof_day)
    known = spread.known
    unknown = len(living) - known
    cuts = np.unique(spread.at(_TENTHS)) if known else np.empty(0)
    same = 0
    if isinstance(usual, int | float):
        first, last = (spread.below(np.array([float(usual)]), side)[0] for side in _SIDES)
        same = int(last - first)
    pair = (before.counts, spread.binned(np.asarray(before.cuts), unknown)) if before is not None else None
    return {
        "known": known,
        "held": known - same,
        "different": spread.values.size,
        "quantiles": tuple(spread.at(np.asarray(QUANTILES)).tolist()) if known else (),
        "cuts": tuple(cuts.tolist()),
        "counts": tuple(spread.binned(cuts, unknown)),
        "pair": pair,
    }


@dataclass(frozen=True, slots=True)
class _Spread:
    """The different answers, ascending, and how many have them or a smaller one, shape (n,)."""

    values: Floats
    ends: Ints

    @property
    def known(self) -> int:
        return int(self.ends[-1]) if self.ends.size else 0

    def at(self, shares: Floats) -> Floats:
        """The answers that stand at some shares of the ordered ones: none is made up between two."""
        return self.values[np.searchsorted(self.ends, np.rint(shares * (self.known - 1)), side="right")]

    def below(self, bounds: Floats, side: Literal["left", "right"]) -> Ints:
        """How many answers stand below each bound; with `right`, or at it."""
        return np.concatenate([[0], self.ends])[np.searchsorted(self.values, bounds, side=side)]

    def binned(self, cuts: Floats, unknown: int) -> list[int]:
        """How many stand between the cuts, and of how many nothing is known; an answer at a cut counts below it."""
        return [*np.diff([0, *self.below(cuts, "right").tolist(), self.known]).tolist(), unknown]


def _spread(kept: Column, living: Ints, asof_day: int) -> _Spread:
    stored, is_known = _stored(kept, living)
    stored = stored if is_known.all() else stored[is_known]
    if stored.dtype.kind == "f":
        stored = stored[~np.isnan(stored)]
    if stored.size and stored.dtype.itemsize <= _NARROW and stored.dtype.kind in "iu":
        least = int(stored.min())
        every = np.bincount(stored.astype(np.int64) - least)
        at = np.flatnonzero(every)
        different, counts = at + least, every[at]
    else:
        stored = np.sort(stored)
        starts = np.flatnonzero(np.concatenate([np.ones(min(1, stored.size), np.bool_), stored[1:] != stored[:-1]]))
        different, counts = stored[starts], np.diff(starts, append=stored.size)
    values = as_numbers(kept, different, asof_day)
    if values.size > 1 and values[0] > values[-1]:  # days before the asof go backwards
        values, counts = values[::-1], counts[::-1]
    return _Spread(values, np.cumsum(counts))


def _stored(kept: Column, living: Ints) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """The values of the living as they are stored, and which are known; where nobody is gone, as they lie."""
    is_everybody = living.size > 0 and int(living[-1]) == living.size - 1
    return stretch(kept, 0, living.size) if is_everybody else stored_at(kept, living)


def accuracy_of(version: Version, column: str, declared: str, living: Ints) -> Accuracy:
    """A column against a declared trait of the same type (text, yes/no, whole numbers)."""
    said, is_said = _words(version.column(declared), living)
    told, is_told = _words(version.column(column), living)
    both = is_said & is_told
    base = int(both.sum())
    by_pair = Counter(zip(said[both].tolist(), told[both].tolist(), strict=True))
    cells = [(a, b, n) for (a, b), n in sorted(by_pair.items(), key=lambda pair: (-pair[1], pair[0]))]
    right = sum(n for a, b, n in cells if a == b)
    by_said: dict[str, int] = {}
    for word, _, count in cells:
        by_said[word] = by_said.get(word, 0) + count
    low, high = wilson(right, base)
    shown = tuple(cells[:MOST_ANSWERS]) if base >= LEAST_BASE else ()
    return Accuracy(base, right, low, high, max(by_said.values(), default=0) / base if base else 0.0, shown)


def _words(kept: Column, living: Ints) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    stored, known = stored_at(kept, living)
    if kept.header.type == "text":
        words = np.asarray([*kept.words, ""], dtype=object)
        return words[np.where(known, stored, len(kept.words))].astype(str), known
    return stored.astype(np.int64).astype(str), known


def _files(kept: Column) -> list[Any]:
    from limner.store.gallery.column import valid_name, words_name

    names = (kept.header.file, valid_name(kept.header.file), words_name(kept.header.file))
    return [path for path in (kept.folder / name for name in names) if path.exists()]
