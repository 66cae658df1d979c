"""The answers of many columns, counted in any audience: several columns share one code, and one histogram counts them.

A customer's codes in as many columns as fit are the digits of one number of 16 bits (mixed radix). The members of an
audience are counted by that number, and each column's answers are sums over it: six columns of five buckets cost what
one would. The numbers of a large version are kept in a file beside it, so that only the first portrait of a version
reads its columns.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from limner.flow.audiences.answers import Answers, Bytes, answers_of
from limner.flow.audiences.buckets import FEW_VALUES, MOST_TEXTS
from limner.store.gallery import Column, Version
from limner.store.gallery.bits import Words, count, unpack
from limner.store.gallery.codes import Codes, keep_codes, open_codes

LARGE: Final = 50_000
"""From this many customers on the codes are kept."""
STATES: Final = 1 << 16
_OPEN: Final = 6
"""Codes that wait for more columns at the same time."""
_AT_ONCE: Final = 8
"""Columns read before they are put together."""
_CHUNK: Final = 1 << 17
_NAME: Final = "portrait"
Ints: TypeAlias = NDArray[np.int64]


@dataclass(slots=True)
class Mix:
    """The columns that share one code, the first the highest digit; `codes` has shape (size of the gallery,)."""

    parts: list[Answers]
    codes: Codes

    @property
    def states(self) -> int:
        """How many different codes there are."""
        return math.prod(part.many for part in self.parts)

    def put(self, part: Answers, codes: Bytes) -> None:
        """One more digit."""
        self.codes *= np.uint16(part.many)
        self.codes += codes
        self.parts.append(part)

    def counted(self, members: Ints | None) -> Ints:
        """How many of some customers (None: of all) have each code, shape (states,)."""
        found, many = np.zeros(self.states, np.int64), self.codes.size if members is None else members.size
        for first in range(0, many, _CHUNK):
            part = slice(first, first + _CHUNK)
            here = self.codes[part] if members is None else self.codes.take(members[part], mode="clip")
            found += np.bincount(here, minlength=found.size)
        return found

    def tallies(self, counted: Ints) -> dict[str, list[int]]:
        """By column how many have each code of its own."""
        shape, found = [part.many for part in self.parts], {}
        for place, part in enumerate(self.parts):
            wide = counted.reshape(math.prod(shape[:place]), shape[place], -1)
            found[part.column] = wide.sum(axis=(0, 2)).tolist()
        return found


@dataclass(frozen=True, slots=True)
class Gathered:
    """The answers of columns over a version; `everybody`, where they are kept, by column how many living customers
    have each code, and `digest` stands for the living."""

    answers: tuple[Answers, ...]
    mixes: tuple[Mix, ...]
    everybody: Mapping[str, list[int]]
    digest: str = ""


def gather(version: Version, columns: Iterable[str], *, base: Words | None = None, threads: int = 2) -> Gathered:
    """The answers of columns, read off all living customers; with `base`, off those in it, and nothing is kept.

    Columns nobody has a known answer in are left out.
    """
    wanted = list(columns)
    if base is None and version.size >= LARGE:
        found = _kept(version, wanted, threads)
        if found is None and _keep(version, wanted, threads):
            found = _kept(version, wanted, threads)
        if found is not None:
            return found
    mixes = tuple(_mixed(_read(version, wanted, version.living_words if base is None else base, threads), version.size))
    return Gathered(_in_order(mixes, wanted), mixes, {})


def sizes(gathered: Gathered, groups: Sequence[Words], version: Version, threads: int) -> list[list[Sequence[int]]]:
    """How many of each group have each code: [group][column][code]. Equal groups are counted once, and of a group of
    more than half of everybody those who are not in it."""
    digests = [digest_of(group) for group in groups]
    different = dict(zip(digests, groups, strict=True))
    found = {digest: gathered.everybody for digest in different if digest and digest == gathered.digest}
    asked = [(digest, *_side(gathered, group, version)) for digest, group in different.items() if digest not in found]
    work = [(mix, members) for _, members, _ in asked for mix in gathered.mixes]
    with ThreadPoolExecutor(max(1, threads), "tally") as pool:
        done = iter(list(pool.map(lambda todo: todo[0].tallies(todo[0].counted(todo[1])), work)))
    for digest, _, is_rest in asked:
        tallies = {name: tally for told in islice(done, len(gathered.mixes)) for name, tally in told.items()}
        found[digest] = _rest(gathered.everybody, tallies) if is_rest else tallies
    return [[found[digest][one.column] for one in gathered.answers] for digest in digests]


def digest_of(found: Words) -> str:
    """A short name of a set."""
    return hashlib.blake2b(found.tobytes(), digest_size=12).hexdigest()


def _side(gathered: Gathered, group: Words, version: Version) -> tuple[Ints, bool]:
    """The members to count, or those of the living who are not: the fewer; and which of both it is."""
    living = version.living_words
    many = count(group)
    is_rest = bool(gathered.digest) and 2 * many > count(living) and count(group & living) == many
    chosen = living & ~group if is_rest else group
    return np.flatnonzero(unpack(chosen, version.size)), is_rest


def _rest(everybody: Mapping[str, list[int]], tallies: Mapping[str, list[int]]) -> dict[str, list[int]]:
    return {
        name: [whole - part for whole, part in zip(everybody[name], tally, strict=True)]
        for name, tally in tallies.items()
    }


def _read(version: Version, columns: Iterable[str], base: Words, threads: int) -> Iterator[tuple[Answers, Bytes]]:
    waiting = iter(columns)
    with ThreadPoolExecutor(max(1, threads), "answers") as pool:
        while some := list(islice(waiting, _AT_ONCE)):
            read = pool.map(lambda name: answers_of(_opened(version, name), base, version.size), some)
            yield from (one for one in read if one is not None)


def _opened(version: Version, name: str) -> Column:
    """A column opened for one reading: the version would keep its file mapped."""
    version.column(name)  # an unknown name is its error
    return Column(version.folder, version.headers[name])


def _mixed(read: Iterable[tuple[Answers, Bytes]], size: int) -> Iterator[Mix]:
    """Columns put together as they come: each into the first code with room for it."""
    waiting: list[Mix] = []
    for part, codes in read:
        mix = next((one for one in waiting if one.states * part.many <= STATES), None)
        if mix is None:
            if len(waiting) == _OPEN:
                fullest = max(waiting, key=lambda one: one.states)
                waiting.remove(fullest)
                yield fullest
            mix = Mix([], np.zeros(size, np.uint16))
            waiting.append(mix)
        mix.put(part, codes)
    yield from waiting


def _in_order(mixes: Iterable[Mix], wanted: Sequence[str]) -> tuple[Answers, ...]:
    known = {part.column: part for mix in mixes for part in mix.parts}
    return tuple(known[name] for name in wanted if name in known)


def _keep(version: Version, columns: Sequence[str], threads: int) -> bool:
    """Make the codes of these columns and keep them; whether they could be kept."""
    told: dict[str, Any] = {"digest": digest_of(version.living_words), "columns": list(columns), "mixes": []}
    widest = math.log2(MOST_TEXTS + 2)
    bits = sum(widest if version.headers[name].type == "text" else math.log2(FEW_VALUES + 2) for name in columns)
    most = math.ceil(bits / (math.log2(STATES) - widest)) + _OPEN
    return keep_codes(version, _NAME, _made(version, columns, threads, told["mixes"]), most, told)


def _made(version: Version, columns: Sequence[str], threads: int, told: list[Any]) -> Iterator[Codes]:
    living = version.living_words
    absent = np.flatnonzero(~unpack(living, version.size))
    for mix in _mixed(_read(version, columns, living, threads), version.size):
        everybody = mix.tallies(mix.counted(None) - mix.counted(absent))
        told.append([
            {"labels": part.labels, "rules": part.rules, "has_others": part.has_others, "column": part.column,
             "everybody": everybody[part.column]}
            for part in mix.parts
        ])  # fmt: skip
        yield mix.codes


def _kept(version: Version, wanted: Sequence[str], threads: int) -> Gathered | None:
    """The answers of the columns asked for, of the codes that are kept; those not among them are made now."""
    kept = open_codes(version, _NAME)
    if kept is None:
        return None
    asked, mixes, everybody = set(wanted), [], {}
    for told, codes in zip(kept.told["mixes"], kept.rows, strict=True):
        if asked & {one["column"] for one in told}:
            everybody.update({one["column"]: one["everybody"] for one in told})
            parts = [
                Answers(one["column"], tuple(one["labels"]), tuple(one["rules"]), one["has_others"]) for one in told
            ]
            mixes.append(Mix(parts, codes))
    missing = asked - set(kept.told["columns"])
    if missing:
        living, absent = version.living_words, np.flatnonzero(~unpack(version.living_words, version.size))
        for mix in _mixed(_read(version, [n for n in wanted if n in missing], living, threads), version.size):
            everybody.update(mix.tallies(mix.counted(None) - mix.counted(absent)))
            mixes.append(mix)
    return Gathered(_in_order(mixes, wanted), tuple(mixes), everybody, kept.told["digest"])
