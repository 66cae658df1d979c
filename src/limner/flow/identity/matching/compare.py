"""How two records agree, one role at a time: levels from different (0) to the same, −1 where one says nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from limner.flow.identity.matching.coded import Coded
from limner.flow.identity.matching.digits import Digits
from limner.maths.extras import need

Ints = npt.NDArray[np.int64]
Levels = npt.NDArray[np.int8]
Texts = Sequence[str]
Grade = Callable[[Texts, Texts], Levels]

_PAIR: Final = 32
_SURE, _TAIL = 7, 4
"""Digits two numbers must both show, and agree in, to count as one hidden behind stars, or as one tail."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One way to compare two records: its name, its levels in words from different to the same, the levels of pairs.

    `code` is the value that is the same at the last level, so that a rare one weighs more; None: all weigh alike.
    `roles` are those it reads: a block made of one of them says nothing about it.
    """

    name: str
    words: tuple[str, ...]
    roles: frozenset[str]
    of: Callable[[Ints, Ints], Levels]
    code: Ints | None = None
    counts: Ints | None = None


def alike(column: Coded, low: Ints, high: Ints, grade: Grade, same: int) -> Levels:
    """Levels of pairs of texts: `same` where equal, else as graded; each different pair of texts is graded once."""
    a, b = column.code[low], column.code[high]
    known = (a >= 0) & (b >= 0)
    found = np.full(a.size, -1, np.int8)
    found[known] = same
    differ = np.flatnonzero(known & (a != b))
    if differ.size:
        left, right = np.minimum(a, b)[differ], np.maximum(a, b)[differ]
        pair, place = np.unique(left << _PAIR | right, return_inverse=True)
        texts = column.values
        ones = [texts[at] for at in (pair >> _PAIR).tolist()]
        others = [texts[at] for at in (pair & ((1 << _PAIR) - 1)).tolist()]
        found[differ] = grade(ones, others)[place]
    return found


def equal(column: Coded, low: Ints, high: Ints) -> Levels:
    """1 the same, 0 different."""
    return alike(column, low, high, lambda ones, _: np.zeros(len(ones), np.int8), 1)


def named(part: Coded, sounds: Coded, looks: Coded, swapped: npt.NDArray[np.int64], *, is_given: bool) -> Any:
    """Levels of a part of a name: else, far, near, looks alike, sounds alike, swapped, same.

    Where surname and given name changed places the given name is `swapped` and the surname says nothing more.
    """

    def levels(low: Ints, high: Ints) -> Levels:
        found = alike(part, low, high, spelt, 6)
        open_ = (found >= 0) & (found < 6)
        for level, other in ((3, looks), (4, sounds)):
            found[open_ & (other.code[low] == other.code[high]) & (other.code[low] >= 0)] = level
        turned = open_ & (swapped[low] == swapped[high]) & (swapped[low] >= 0)
        found[turned] = 5 if is_given else -1
        return found

    return levels


def spelt(ones: Texts, others: Texts) -> Levels:
    """2 near (a slip of the pen), 1 far (begins alike), 0 else. Latin by Jaro–Winkler, Chinese by edits."""
    latin = _is_latin(ones) & _is_latin(others)
    like, edits = jaro_winkler(ones, others), changed(ones, others)
    size = np.maximum(_length(ones), _length(others))
    near = np.where(latin, like >= 0.88, (edits <= 1) & (size >= 2))
    return np.where(near, 2, latin & (like >= 0.7)).astype(np.int8)


def written(ones: Texts, others: Texts) -> Levels:
    """2 near, 1 far, 0 else, for words such as a suburb."""
    like, edits = jaro_winkler(ones, others), changed(ones, others)
    size = np.maximum(_length(ones), _length(others))
    near = (like >= 0.92) | ((edits <= 1) & (size >= 4))
    return np.where(near, 2, like >= 0.8).astype(np.int8)


def slipped(ones: Texts, others: Texts) -> Levels:
    """2 one slip, 1 two slips, 0 else; a short code (under 6) has room for one only. A hash has none."""
    edits = changed(ones, others)
    size = np.where([one[:1] == "#" for one in ones], 0, np.minimum(_length(ones), _length(others)))
    return np.where((edits <= 1) & (size >= 3), 2, (edits <= 2) & (size >= 6)).astype(np.int8)


def city_like(ones: Texts, others: Texts) -> Levels:
    """1 near, 0 else."""
    return np.asarray(written(ones, others) == 2, np.int8)


def mail_like(ones: Texts, others: Texts) -> Levels:
    """3 the same name elsewhere, 2 near as a whole, 1 a name like it, 0 else."""
    first, second = ([text.partition("@")[0] for text in texts] for texts in (ones, others))
    is_hash = np.array([text[:1] == "#" for text in ones], bool)
    same = np.array([a == b and len(a) > 2 for a, b in zip(first, second, strict=True)], bool)
    near = (changed(ones, others) <= 2) | (jaro_winkler(ones, others) >= 0.95)
    level = np.where(same, 3, np.where(near, 2, jaro_winkler(first, second) >= 0.88))
    return np.where(is_hash, 0, level).astype(np.int8)


def address_like(houses: Coded, values: Coded) -> Any:
    """Levels of addresses: else, somewhat alike, alike, the same house numbers and alike, same."""

    def graded(ones: Texts, others: Texts) -> Levels:
        like = _each("fuzz", "ratio", ones, others, np.float32) / 100.0
        return np.where(like >= 0.8, 2, like >= 0.6).astype(np.int8)

    def levels(low: Ints, high: Ints) -> Levels:
        found = alike(values, low, high, graded, 4)
        one, other = houses.code[low], houses.code[high]
        found[(found >= 1) & (found < 4) & (one == other) & (one >= 0)] = 3
        return found

    return levels


def dated(days: Digits, code: Ints) -> Any:
    """Levels of dates in eight places: else, same year, two parts of three, one slip, same."""

    def levels(low: Ints, high: Ints) -> Levels:
        a, b = code[low], code[high]
        known = (a >= 0) & (b >= 0)
        one, other = days[a], days[b]
        apart = one != other
        year, month, day = ~apart[:, :4].any(axis=1), ~apart[:, 4:6].any(axis=1), ~apart[:, 6:].any(axis=1)
        turned = (one[:, 4:6] == other[:, 6:]).all(axis=1) & (one[:, 6:] == other[:, 4:6]).all(axis=1) & year
        found = year.astype(np.int8)
        found[year.astype(np.int8) + month + day >= 2] = 2
        found[(apart.sum(axis=1) == 1) | turned | _neighbours_turned(one, other, apart)] = 3
        found[a == b] = 4
        return np.where(known, found, -1).astype(np.int8)

    return levels


def gapped(numbers: Digits, code: Ints) -> Any:
    """Levels of numbers with hidden digits: else, one slip, same tail, same as far as shown, same."""

    def levels(low: Ints, high: Ints) -> Levels:
        a, b = code[low], code[high]
        known = (a >= 0) & (b >= 0)
        one, other = numbers[a], numbers[b]
        shown = (one >= 0) & (other >= 0)
        apart = shown & (one != other)
        count, wrong = shown.sum(axis=1), apart.sum(axis=1)
        found = np.zeros(a.size, np.int8)
        found[((wrong == 1) | _neighbours_turned(one, other, apart)) & (count >= _SURE)] = 1
        found[(wrong == 0) & (count >= _TAIL)] = 2
        found[(wrong == 0) & (count >= _SURE)] = 3
        found[a == b] = 4
        return np.where(known, found, -1).astype(np.int8)

    return levels


def _neighbours_turned(one: Digits, other: Digits, apart: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether two digits side by side changed places and nothing else differs."""
    crossed = (one[:, :-1] == other[:, 1:]) & (one[:, 1:] == other[:, :-1]) & apart[:, :-1] & apart[:, 1:]
    return np.asarray((apart.sum(axis=1) == 2) & crossed.any(axis=1))


def jaro_winkler(ones: Texts, others: Texts) -> npt.NDArray[np.float32]:
    """Likeness from 0 to 1 by characters."""
    return np.asarray(_each("distance.JaroWinkler", "similarity", ones, others, np.float32), np.float32)


def changed(ones: Texts, others: Texts) -> npt.NDArray[np.int32]:
    """Characters to change, add, drop or turn with their neighbour (optimal string alignment); 3 and more are 3."""
    return np.asarray(_each("distance.OSA", "distance", ones, others, np.int32, score_cutoff=2), np.int32)


def _is_latin(texts: Texts) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.string_is_ascii(pa.array(texts, pa.string())).to_numpy(zero_copy_only=False), bool)


def _length(texts: Texts) -> npt.NDArray[np.int32]:
    return np.asarray(pc.utf8_length(pa.array(texts, pa.string())).to_numpy(), np.int32)


def _each(module: str, function: str, ones: Texts, others: Texts, kind: Any, **more: Any) -> Any:
    process = need("rapidfuzz.process", extra="identity")
    need("rapidfuzz.distance", extra="identity"), need("rapidfuzz.fuzz", extra="identity")
    place: Any = need("rapidfuzz", extra="identity")
    for name in module.split("."):
        place = getattr(place, name)
    return process.cpdist(ones, others, scorer=getattr(place, function), dtype=kind, **more)
