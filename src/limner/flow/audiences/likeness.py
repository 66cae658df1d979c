"""Look-alikes: learned from seeds and a sample of the pool, put to the whole pool block by block, cut exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from limner.core.definition import as_mapping
from limner.core.errors import BadDefinition, Lacking, words
from limner.core.ids import version as version_of
from limner.core.ours import Audience, Property
from limner.core.rule import Has, In, Or, Rule, leaves
from limner.flow.audiences.base import Ground, Reads, columns_of
from limner.flow.audiences.fits import Fit
from limner.flow.audiences.options import bad, columns_named, options_of, rule_named
from limner.maths.arms import salt, shares
from limner.maths.likeness import Bins, Codes, Likeness, bins_of, learn, likeness_of, told_alone
from limner.store.gallery.bits import BLOCK, Words, unpack
from limner.store.gallery.column import CONTACT
from limner.store.gallery.numeric import NUMERIC, stored_at, stretch

if TYPE_CHECKING:
    from limner.core.rule import Lexicon
    from limner.store.definitions import Definitions
    from limner.store.gallery import Column, Version

FEW_SEEDS = words(
    "look_alike_few_seeds",
    "audiences/{name}: {found} seeds in the pool's reach are too few to learn from; it takes {least}. Take a wider "
    "audience as seeds.",
)
NO_POOL = words("look_alike_no_pool", "audiences/{name}: the pool has {found} customers beside the seeds, too few.")
LEAK = words(
    "look_alike_leak",
    "audiences/{name}: the seeds {seeds} are chosen by the column {column!r}; whoever is like them in it is one of "
    "them. Leave it out of `columns`.",
)
NO_FEATURES = words("look_alike_no_columns", "audiences/{name}: no column is left to compare customers by: {why}.")

LEAST_SEEDS: Final = 50
MOST_SEEDS: Final = 20_000
MOST_POOL: Final = 80_000
"""Seeds and others that are learned from, drawn by a hash of their number."""
TELLS_ALL: Final = 0.98
"""A column that alone tells seeds from others this well defines them, and is left out where no columns are named."""
_MOST_WORDS: Final = 200
LEARNER: Final = 1
"""Counted up when the same rows teach something else: fits kept before are then not used."""

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LookAlike:
    """The options of the selector `look_alike`.

    `seeds` (an audience or a rule) are who the others shall be like; `pool` who may be chosen (none: everybody),
    without the seeds and those in `exclude` (staff, test accounts). `columns` are compared (none: all that may be),
    `without` some. `size`, `share` of the pool or a least `likeness` says how many; `reachable` is `any` channel,
    `none` asked, or the name of one.
    """

    seeds: str = ""
    pool: str = ""
    exclude: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    size: int | None = None
    share: float | None = None
    likeness: float | None = None
    reachable: str = "any"
    method: Literal["auto", "linear", "trees"] = "auto"


def asked_of(audience: Audience, lexicon: Lexicon) -> LookAlike:
    """The options of an audience, held to their bounds."""
    own = options_of(LookAlike, audience)
    named = [option for option in ("size", "share", "likeness") if getattr(own, option) is not None]
    tests = (
        ("seeds", own.seeds, bool(own.seeds), "an audience or a rule"),
        (" ".join(named) or "size", len(named), len(named) == 1, "one of size, share and likeness, and one only"),
        ("size", own.size, own.size is None or own.size >= 1, "a whole number from 1"),
        ("share", own.share, own.share is None or 0 < own.share <= 1, "a share above 0, at most 1"),
        ("likeness", own.likeness, own.likeness is None or 0 < own.likeness <= 1, "a number above 0, at most 1"),
    )
    for option, value, is_right, bound in tests:
        if not is_right:
            raise bad(audience, option, value, bound)
    if own.reachable not in ("any", "none"):
        columns_named([f"reach.{own.reachable}"], lexicon)
    return own


def reads_of(audience: Audience, definitions: Definitions, lexicon: Lexicon) -> Reads:
    """The columns named, and the audiences and rules of seeds, pool and exclusions; a leak is a BadDefinition."""
    own = asked_of(audience, lexicon)
    columns = columns_named(own.columns, lexicon)
    columns_named(own.without, lexicon)
    rules = tuple(rule_named(asked, lexicon) for asked in (own.seeds, own.pool, *own.exclude) if asked)
    for column in columns:
        if column in defining(rules[0], definitions, lexicon):
            raise BadDefinition(LEAK, name=audience.id, seeds=own.seeds, column=column)
    return Reads(frozenset(columns), rules)


def defining(rule: Rule, definitions: Definitions, lexicon: Lexicon) -> frozenset[str]:
    """The columns a rule reads, and those of the audiences it names."""
    from limner.flow.audiences.base import reads_of as stands_on

    found, waiting, seen = set(columns_of(rule)), [rule], set[str]()
    while waiting:
        for leaf in leaves(waiting.pop()):
            if isinstance(leaf, In) and leaf.audience not in seen:
                seen.add(leaf.audience)
                reads = stands_on(definitions.find(Audience, leaf.audience), definitions, lexicon)
                found |= reads.columns.union(*map(columns_of, reads.rules))
                waiting += reads.rules
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Scored:
    """The pool with the level of each customer's score, the likeness that was learned, and what it was learned from.

    `levels`, `pool` and `chosen` have shape (size of the gallery,); `pool` are those who may be chosen: reachable, and
    neither seeds nor excluded.
    """

    learned: Likeness
    names: tuple[str, ...]
    left_out: Mapping[str, str]
    levels: npt.NDArray[np.uint16]
    pool: Bools
    chosen: Bools
    cut: int
    seeds: int
    aside_levels: npt.NDArray[np.uint16]
    aside_seeds: Bools
    unreachable: int


def scored(audience: Audience, ground: Ground) -> Scored:
    """Learn, score the pool, and cut it."""
    own = asked_of(audience, ground.lexicon)
    reads = ground.reads(audience)
    key = f"look-alike|{version_of(as_mapping(audience))}"
    if key in ground.kept:
        found: Scored = ground.kept[key]
        return found
    size = ground.version.size
    seeds = unpack(ground.words(reads.rules[0]), size)
    pool = unpack(ground.version.living_words if not own.pool else ground.words(reads.rules[1]), size) & ~seeds
    for rule in reads.rules[2 if own.pool else 1 :]:
        out = unpack(ground.words(rule), size)
        pool &= ~out
        seeds &= ~out
    names, left_out = _columns(audience, own, ground, reads)
    numbers, is_seed = _sample(audience, seeds, pool)
    drawn = int(is_seed.sum())
    prior = int(seeds.sum()) / drawn * (numbers.size - drawn) / int(pool.sum())
    fit, rows = _fit(audience, own, ground, (names, left_out), (numbers, is_seed, prior))
    learned, names, left_out = likeness_of(fit["likeness"]), tuple(fit["columns"]), left_out | fit["left_out"]
    levels = _levels(ground, learned, names, pool)
    may = pool & _reach(own, ground)
    cut, chosen = _cut(own, learned, levels, may, salt(audience.id))
    made = Scored(
        learned, names, left_out, levels, may, chosen, cut, int(seeds.sum()),
        learned.level(learned.score([code[rows] for code in _codes(ground.version, learned, names, numbers)])),
        is_seed[rows], int((pool & ~may).sum()),
    )  # fmt: skip
    ground.kept[key] = made
    return made


# ---------------------------------------------------------------------------------------------------------- learning


def _columns(
    audience: Audience, own: LookAlike, ground: Ground, reads: Reads
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The columns that are compared, and why others are not."""
    if own.columns:
        named = columns_named(own.columns, ground.lexicon)
        wrong = {name: why for name in named if (why := _why_not(ground.version.column(name)))}
        if wrong:
            raise BadDefinition(NO_FEATURES, name=audience.id, why=_said(wrong))
        return named, {}
    personal = {name for name, declared in ground.definitions.of(Property).items() if declared.is_personal}
    define = defining(reads.rules[0], ground.definitions, ground.lexicon)
    without = set(columns_named(own.without, ground.lexicon))
    left_out: dict[str, str] = {}
    for name in ground.version.headers:
        if name.startswith(CONTACT) or name.endswith((".lon", ".lat")):
            continue
        if name in define:
            left_out[name] = "seeds"
        elif name in without:
            left_out[name] = "without"
        elif name in personal:
            left_out[name] = "personal"
        elif name in ground.barred:
            left_out[name] = "purpose"
        elif why := _why_not(ground.version.column(name)):
            left_out[name] = why
    kept = sorted(n for n in ground.version.headers if n not in left_out and not n.startswith(CONTACT))
    return tuple(n for n in kept if not n.endswith((".lon", ".lat"))), left_out


def _why_not(column: Column) -> str:
    if column.header.type == "text":
        return "words" if len(column.words) > _MOST_WORDS else ""
    return "" if column.header.type in NUMERIC else "type"


def _said(left_out: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({why})" for name, why in sorted(left_out.items())) or "there is none"


def _sample(audience: Audience, seeds: Bools, pool: Bools) -> tuple[Ints, Bools]:
    """Numbers to learn from, ascending, and which of them are seeds."""
    like, others = np.flatnonzero(seeds), np.flatnonzero(pool)
    if like.size < LEAST_SEEDS:
        raise Lacking(FEW_SEEDS, name=audience.id, found=like.size, least=LEAST_SEEDS)
    if others.size < LEAST_SEEDS:
        raise Lacking(NO_POOL, name=audience.id, found=others.size)
    drawn = salt(f"sample|{audience.id}")
    numbers = np.sort(np.concatenate([_some(like, MOST_SEEDS, drawn), _some(others, MOST_POOL, drawn)]))
    return numbers, seeds[numbers]


def _some(numbers: Ints, most: int, drawn: int) -> Ints:
    """At most so many of the numbers, by lot."""
    if numbers.size <= most:
        return numbers
    return numbers[np.argpartition(shares(numbers, drawn), most)[:most]]


Sample = tuple[Ints, Bools, float]
"""The numbers learned from, which of them are seeds, and the prior."""


def _fit(
    audience: Audience, own: LookAlike, ground: Ground, columns: tuple[tuple[str, ...], dict[str, str]], sample: Sample
) -> tuple[Mapping[str, Any], Ints]:
    """What was learned, and which rows were held out; `columns` are those to compare, and why others are not.

    A fit is named by every value it is learned from, so one that is kept is what would be learned now.
    """
    names, (numbers, is_seed, prior) = columns[0], sample
    aside = shares(numbers, salt(f"aside|{audience.id}")) < 0.2
    told = hashlib.sha256(repr((LEARNER, audience.id, own.method, bool(own.columns), names, prior)).encode())
    read = (array for name in names for array in stored_at(ground.version.column(name), numbers))
    for part in chain((numbers, is_seed), read):
        told.update(f"|{part.dtype}|{part.size}|".encode())
        told.update(np.ascontiguousarray(part).data)
    name = f"likeness-{told.hexdigest()}"
    kept = ground.shelf.latest(name, ground.asof)
    if kept is None:
        kept = Fit(
            name, ground.asof, _learned(audience, own, ground.version, columns, (*sample, aside)), by_content=True
        )
        ground.shelf.keep(kept)
    return kept.body, np.flatnonzero(aside)


def _learned(
    audience: Audience,
    own: LookAlike,
    version: Version,
    columns: tuple[tuple[str, ...], dict[str, str]],
    sample: tuple[Ints, Bools, float, Bools],
) -> dict[str, Any]:
    """A fit: the likeness, the columns it compares, and why not others of those it was given."""
    (names, before), (numbers, is_seed, prior, aside) = columns, sample
    left_out: dict[str, str] = {}
    found: dict[str, tuple[Bins, Codes]] = {}
    for name in names:
        stored, known = stored_at(version.column(name), numbers)
        one = bins_of(stored, known) if known.any() else Bins(())
        code = one.codes(stored, known)
        if code.min() == code.max():
            left_out[name] = "one answer"
        elif not own.columns and told_alone(code, is_seed, one.many) >= TELLS_ALL:
            left_out[name] = "tells all"
        else:
            found[name] = one, code
    if not found:
        raise Lacking(NO_FEATURES, name=audience.id, why=_said(before | left_out))
    bins, codes = zip(*found.values(), strict=True)
    made = learn(bins, codes, is_seed, aside, method=own.method, seed=salt(audience.id) % 2**32, prior=prior)
    return {"likeness": made.as_mapping(), "columns": list(found), "left_out": left_out}


# ----------------------------------------------------------------------------------------------------------- scoring


def _codes(version: Version, learned: Likeness, names: Sequence[str], numbers: Ints) -> list[Codes]:
    return [
        one.codes(*stored_at(version.column(name), numbers)) for one, name in zip(learned.card.bins, names, strict=True)
    ]


def _levels(ground: Ground, learned: Likeness, names: Sequence[str], pool: Bools) -> npt.NDArray[np.uint16]:
    """The level of every customer of the pool, two blocks at a time; two bytes a customer is all that is kept."""
    size = pool.size
    levels = np.zeros(size, np.uint16)
    columns = [ground.version.column(name) for name in names]
    gains = None if learned.trees is not None else [_lookup(*pair) for pair in _looked(learned, columns)]

    def one(first: int) -> None:
        last = min(first + BLOCK, size)
        if not pool[first:last].any():
            return
        if gains is None:
            codes = [b.codes(*stretch(c, first, last)) for b, c in zip(learned.card.bins, columns, strict=True)]
            levels[first:last] = learned.level(learned.score(codes))
            return
        scores = np.full(last - first, learned.card.start, np.float32)
        for look, column in zip(gains, columns, strict=True):
            scores += look(*stretch(column, first, last))
        levels[first:last] = learned.level(scores)

    with ThreadPoolExecutor(max(1, ground.threads), "likeness") as pool_of:
        for _ in pool_of.map(one, range(0, size, BLOCK)):
            pass
    return levels


def _looked(learned: Likeness, columns: Sequence[Column]) -> Iterator[tuple[Bins, npt.NDArray[np.float32], Column]]:
    for one, gains, column in zip(learned.card.bins, learned.card.gains, columns, strict=True):
        yield one, gains.astype(np.float32), column


def _lookup(one: Bins, gains: npt.NDArray[np.float32], column: Column) -> Any:
    """What turns a stretch of stored values into gains: a table of all values where there are few, else by bins."""
    dtype = np.dtype(column.header.dtype)
    has_nulls = column.header.has_nulls
    if dtype.itemsize > 2 or column.header.type == "bool":
        return lambda stored, known: gains[one.codes(stored, known)]
    limits = np.iinfo(dtype)
    table = gains[one.codes(np.arange(limits.min, limits.max + 1, dtype=np.int64).astype(dtype), None)]
    table = np.roll(table, limits.min)
    unsigned = np.dtype(f"u{dtype.itemsize}")

    def looked(stored: npt.NDArray[Any], known: Bools) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = table[np.ascontiguousarray(stored).view(unsigned)]
        return np.where(known, found, gains[-1]) if has_nulls or not known.all() else found

    return looked


def _reach(own: LookAlike, ground: Ground) -> Bools:
    """Whom a message may reach: on the channel named, or on any; everybody where none is asked or there are none."""
    size = ground.version.size
    names = [name for name in sorted(ground.version.headers) if name.startswith("reach.")]
    if own.reachable == "none" or (own.reachable == "any" and not names):
        return np.ones(size, np.bool_)
    asked = names if own.reachable == "any" else [f"reach.{own.reachable}"]
    rules: tuple[Rule, ...] = tuple(Has(name) for name in asked)
    found: Words = ground.words(rules[0] if len(rules) == 1 else Or(rules))
    return unpack(found, size)


def _cut(own: LookAlike, learned: Likeness, levels: npt.NDArray[np.uint16], may: Bools, mix: int) -> tuple[int, Bools]:
    """The lowest level that is chosen, and who is: exactly as many as asked, within a level by a hash of the number."""
    tally = np.bincount(levels[may], minlength=65_536)
    above = np.cumsum(tally[::-1])[::-1]
    if own.likeness is not None:
        worth = learned.likeness(np.arange(65_536))
        cut = int(np.argmax(worth >= own.likeness)) if (worth >= own.likeness).any() else 65_536
        return cut, may & (levels >= cut)
    many = own.size if own.size is not None else round(float(own.share or 0) * int(above[0]))
    if many >= above[0]:
        return 0, may
    cut = int(np.flatnonzero(above >= many)[-1])
    chosen = may & (levels > cut)
    at = np.flatnonzero(may & (levels == cut))
    order = np.argsort(shares(at, mix), kind="stable")
    chosen[at[order[: many - int(np.count_nonzero(chosen))]]] = True
    return cut, chosen
