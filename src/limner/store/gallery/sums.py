"""Kept sums: whole numbers per code and customer, in runs that are added up when they are read.

A run is two files, the weights and the customers' numbers, in the order of codes and, within one, of numbers; `starts`
says where each code begins. What comes in later is a run of its own, so that a day costs what the day brought; runs are
put together when the older is less than twice the younger. The answer at an asof is the sum times one factor per code,
rounded to whole numbers of 2^-32. The list of runs is a small file of the version; versions share runs as hard links.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int32]
Weights = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]
Part = tuple[Numbers, Weights]

MOST: Final = 1 << 58
"""Where a sum stops growing."""

STRETCH: Final = 1 << 18
"""Customers added up at once: their sums stay in the processor's cache."""

_ANSWER_MOST: Final = (1 << 62) - 1024


@dataclass(frozen=True)
class Run:
    """One run: the name its files begin with, and where each code begins in them (one place more than codes)."""

    name: str
    starts: tuple[int, ...]

    @property
    def entries(self) -> int:
        """How many sums it holds."""
        return self.starts[-1]

    @property
    def files(self) -> tuple[str, ...]:
        """The files of weights and of numbers; none without entries."""
        return (f"{self.name}.weights", f"{self.name}.numbers") if self.entries else ()


@dataclass(frozen=True)
class Sums:
    """The runs of a version, oldest first, the factor of each code, and what they were made from."""

    folder: Path
    runs: tuple[Run, ...] = ()
    factors: tuple[float, ...] = ()
    basis: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def _open(self) -> tuple[tuple[Weights, Numbers], ...]:
        return tuple(opened(self.folder, run) for run in self.runs)

    def body(self) -> dict[str, Any]:
        """What is written of it."""
        runs = [{"name": run.name, "starts": list(run.starts)} for run in self.runs]
        return {"runs": runs, "factors": list(self.factors), "basis": dict(self.basis)}

    def files(self) -> tuple[str, ...]:
        """The files of all runs."""
        return tuple(file for run in self.runs for file in run.files)

    def entries(self, first: int, last: int) -> int:
        """How many sums stand for the codes from `first` to before `last`, those of one customer in several runs each
        for itself."""
        return sum(run.starts[last] - run.starts[first] for run in self.runs)

    def parts(self, code: int) -> list[Part]:
        """The sums of a code in each run that has any."""
        found = []
        for run, (weights, numbers) in zip(self.runs, self._open, strict=True):
            start, end = run.starts[code], run.starts[code + 1]
            if end > start:
                found.append((numbers[start:end], weights[start:end]))
        return found

    def kept(self, code: int) -> Part:
        """The customers of a code, ascending, and their sums."""
        return added([_distinct(part) for part in self.parts(code)])

    def layers(self, code: int) -> Iterator[tuple[Numbers, Floats]]:
        """Run by run, the customers it speaks of and their answers with it: what a later run says of somebody goes
        before an earlier one. Answers are weights at the asof in whole numbers of 2^-32."""
        before: list[Part] = []
        for numbers, weights in self.parts(code):
            sums = np.minimum(_found(before, numbers) + weights, MOST) if before else weights
            yield numbers, rounded(sums, self.factors[code])
            before.append((numbers, weights))

    def _shares(self, code: int) -> Iterator[Part]:
        """Run by run, the customers it speaks of and what it adds to their answers."""
        factor, before = self.factors[code], list[Part]()
        for numbers, weights in self.parts(code):
            if before:
                sums = np.minimum(_found(before, numbers), MOST)
                yield numbers, aged(np.minimum(sums + weights, MOST), factor) - aged(sums, factor)
            else:
                yield numbers, aged(weights, factor)
            before.append((numbers, weights))

    def stretches(self, first: int, last: int, size: int) -> Iterator[tuple[int, Weights]]:
        """The answers of all customers on the codes from `first` to before `last`: the number each stretch begins with,
        and its answers; the array is written anew for the next one."""
        parts = [part for code in range(first, last) for part in self._shares(code)]
        starts = np.arange(0, size, STRETCH)
        places = [np.searchsorted(numbers, [*starts.tolist(), size]).tolist() for numbers, _ in parts]
        whole = np.empty(min(size, STRETCH), np.int64)
        for turn, start in enumerate(starts.tolist()):
            total = whole[: size - start]
            total.fill(0)
            for (numbers, weights), place in zip(parts, places, strict=True):
                here = slice(place[turn], place[turn + 1])
                total[numbers[here] - start] += weights[here]
            yield start, np.minimum(total, _ANSWER_MOST, out=total)

    def answers(self, first: int, last: int, size: int) -> Part:
        """The customers with weight on codes from `first` to before `last`, ascending, and their answers."""
        found = []
        for start, total in self.stretches(first, last, size) if self.entries(first, last) else ():
            here = np.flatnonzero(total)
            found.append(((here + start).astype(np.int32), total[here]))
        return _end_to_end(found)

    def answer(self, first: int, last: int, number: int) -> int:
        """The weight of one customer at the asof."""
        codes = [code for code in range(first, last) if self.has(code)]
        kept = np.array([self.at(code, number) for code in codes], np.int64)
        weights = aged(kept, np.array([self.factors[code] for code in codes]))
        total: int = sum(weights.tolist())
        return min(total, _ANSWER_MOST)

    def has(self, code: int) -> bool:
        """Whether anybody has a sum for a code."""
        return any(run.starts[code + 1] > run.starts[code] for run in self.runs)

    def at(self, code: int, number: int) -> int:
        """The sum of one customer."""
        return int(self.of(code, np.array([number], np.int32))[0])

    def of(self, code: int, wanted: Numbers) -> Weights:
        """The sums of some customers, 0 where there is none; shape (n,)."""
        return _found(self.parts(code), wanted)


_NONE: Final[Part] = (np.empty(0, np.int32), np.empty(0, np.int64))


def aged(weights: Weights, factor: float | NDArray[np.float64]) -> Weights:
    """Sums times a factor, rounded to whole numbers, half to even."""
    return rounded(weights, factor).astype(np.int64)


def rounded(weights: Weights, factor: float | NDArray[np.float64]) -> Floats:
    """The same whole numbers as floats."""
    found: Floats = np.multiply(weights, factor)
    np.rint(found, out=found)
    return np.minimum(found, _ANSWER_MOST, out=found)


def _found(parts: Sequence[Part], wanted: Numbers) -> Weights:
    """The sums of some customers over parts, 0 where there is none."""
    found = np.zeros(wanted.size, np.int64)
    for numbers, weights in parts:
        place = np.minimum(np.searchsorted(numbers, wanted), numbers.size - 1)
        found += np.where(numbers[place] == wanted, weights[place], 0)
    return found


def _end_to_end(parts: Sequence[Part]) -> Part:
    return tuple(np.concatenate(side) for side in zip(*parts, strict=True)) if parts else _NONE  # type: ignore[return-value]


def added(parts: Sequence[Part]) -> Part:
    """Parts with ascending numbers as one: whoever is in several has the sum, whoever has no sum left is left out."""
    if len(parts) < 2:
        return parts[0] if parts else _NONE
    whole = sorted(parts, key=lambda part: part[0].size)
    *less, most = whole
    rest = _joined(less)
    if 4 * rest[0].size > most[0].size:
        numbers, weights = _joined(whole)
    else:
        numbers, weights = _put_into(most, rest)
    if not (is_left := weights != 0).all():
        numbers, weights = numbers[is_left], weights[is_left]
    return numbers, weights


def _joined(parts: Sequence[Part]) -> Part:
    """Parts of like size: set in order of their first numbers, and sorted where that is not enough."""
    if len(parts) == 1:
        return parts[0]
    ordered = sorted(parts, key=lambda part: int(part[0][0]))
    numbers = np.concatenate([part[0] for part in ordered])
    weights = np.concatenate([part[1] for part in ordered])
    steps = np.diff(numbers)
    if (steps > 0).all():
        return numbers, weights
    order = np.argsort(numbers, kind="stable")
    numbers, weights = numbers[order], weights[order]
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    return numbers[starts], np.minimum(np.add.reduceat(weights, starts), MOST)


def _put_into(most: Part, rest: Part) -> Part:
    """A small part put into a large one."""
    place = np.searchsorted(most[0], rest[0])
    is_there = most[0][np.minimum(place, most[0].size - 1)] == rest[0]
    weights = most[1].copy()
    weights[place[is_there]] = np.minimum(weights[place[is_there]] + rest[1][is_there], MOST)
    if is_there.all():
        return most[0], weights
    is_more = ~is_there
    where = place[is_more]
    return np.insert(most[0], where, rest[0][is_more]), np.insert(weights, where, rest[1][is_more])


def _distinct(part: Part) -> Part:
    """Without the copies of neighbours an erasure leaves."""
    numbers, weights = part
    is_first = np.diff(numbers, prepend=np.int32(-1)) > 0
    return part if is_first.all() else (numbers[is_first], weights[is_first])


def opened(folder: Path, run: Run) -> tuple[Weights, Numbers]:
    """The weights and numbers of a run, mapped."""
    if not run.entries:
        return np.empty(0, np.int64), np.empty(0, np.int32)
    weights, numbers = run.files
    return _mapped(folder / weights, np.int64), _mapped(folder / numbers, np.int32)


def _mapped(path: Path, kind: type[np.integer[Any]]) -> NDArray[Any]:
    with path.open("rb") as handle:
        return np.frombuffer(mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ), kind)


def read(path: Path) -> Sums:
    """The sums listed in a file."""
    found = path.stat()
    return _read(path, found.st_ino, found.st_mtime_ns)


@lru_cache(maxsize=16)
def _read(path: Path, _file: int, _written: int) -> Sums:
    body = json.loads(path.read_text(encoding="utf-8"))
    runs = tuple(Run(run["name"], tuple(run["starts"])) for run in body["runs"])
    return Sums(path.parent, runs, tuple(body["factors"]), body["basis"])


def erase(sums: Sums, chosen: NDArray[np.int64], is_first: Any) -> None:
    """Write the sum of a neighbour of the same code that stays over every sum of some customers, so that neither number
    nor weight is left; `is_first` says of a file whether it has not been rewritten yet, under whatever name.

    Where nobody of a code stays, its sums say that customer 0 has none.
    """
    is_chosen = np.zeros(int(chosen.max()) + 1, np.bool_)
    is_chosen[chosen] = True
    for run in sums.runs:
        if run.entries and is_first(sums.folder / run.files[1]):
            _erase_run(sums.folder, run, is_chosen)


_AT_ONCE: Final = 1 << 22


def _erase_run(folder: Path, run: Run, is_chosen: NDArray[np.bool_]) -> None:
    weights = np.memmap(folder / run.files[0], np.int64, "r+")
    numbers = np.memmap(folder / run.files[1], np.int32, "r+")
    gone = [
        start + np.flatnonzero(_is_among(numbers[start : start + _AT_ONCE], is_chosen))
        for start in range(0, run.entries, _AT_ONCE)
    ]
    places = np.concatenate(gone)
    if not places.size:
        return
    starts = np.asarray(run.starts, np.int64)
    codes = np.searchsorted(starts, places, side="right") - 1
    begins = np.flatnonzero((np.diff(places, prepend=-2) > 1) | (np.diff(codes, prepend=-1) > 0))
    for group in np.split(places, begins[1:]):
        first, last = int(group[0]), int(group[-1])
        low, high = starts[code := int(np.searchsorted(starts, first, side="right")) - 1], starts[code + 1]
        near = first - 1 if first > low else last + 1 if last + 1 < high else -1
        numbers[first : last + 1] = numbers[near] if near >= 0 else 0
        weights[first : last + 1] = weights[near] if near >= 0 else 0
    numbers.flush()
    weights.flush()


def _is_among(numbers: Numbers, is_chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    last = is_chosen.size - 1
    found: NDArray[np.bool_] = is_chosen[np.minimum(numbers, last)] & (numbers <= last)
    return found
