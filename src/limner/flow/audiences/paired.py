"""What is bought together: baskets of the lake, the pairings found in them, and who is next.

A basket is an order (its different items), or all that a customer bought within a span: spans are counted back from
the asof and do not overlap. Items are told by their id or by their category. What was sent back counts as bought.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from limner.core.errors import BadInput, Lacking, near, words
from limner.core.ours import Audience
from limner.core.spans import day_of
from limner.flow.audiences.base import Ground
from limner.flow.audiences.cells import table
from limner.flow.audiences.options import bad, options_of
from limner.maths.pairings import Baskets, Pairing, baskets_of, frequent, least_of, pairings
from limner.store.gallery.bits import unpack
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    import pyarrow as pa

NO_LAKE = words("pairings_no_lake", "Pairings are read off the lake's orders, and none is at hand here.")
NO_ITEM = words("pairing_item_unknown", "audiences/{name}: nobody bought {item!r} within {within} before the asof.")
NO_PAIRING = words(
    "pairing_none",
    "audiences/{name}: no pairing leads to {item!r} in {baskets:,} baskets. Lower support, confidence or lift, or name "
    "the `items` yourself.",
)
OUT_OF_BOUND = words("pairings_bound", "{option} is {value}, it must be {bound}.")
PROMOTED_SHARE: Final = Fraction(1, 2)
PROMOTED_LIFT: Final = Fraction(3, 2)
"""A pairing is driven by promotion when at least half of its baskets were sold so, and 1.5 times as many as of all."""


@dataclass(frozen=True, slots=True)
class PairingOptions:
    """How pairings are looked for, and in the selector `pairing`, whose next buy: `items` that were bought (none: those
    of any pairing that stands out) and the `next` one that was not.

    `basket` is an order, a customer's whole time, or a span of days; `within` how far back is looked; `level` whether
    things are items or categories; `most` items stand in a pairing.
    """

    items: tuple[str, ...] = ()
    next: str = ""
    basket: Literal["order", "customer"] | timedelta = "order"
    within: timedelta = field(default_factory=lambda: timedelta(days=365))
    level: Literal["item", "category"] = "item"
    support: Decimal = Decimal("0.001")
    confidence: Decimal = Decimal("0.1")
    lift: Decimal = Decimal("1.2")
    most: int = 3


def check(own: PairingOptions) -> None:
    """Hold options to their bounds."""
    day = timedelta(days=1)
    tests = (
        ("support", own.support, 0 < own.support <= 1, "a share above 0, at most 1"),
        ("confidence", own.confidence, 0 <= own.confidence <= 1, "a share from 0 to 1"),
        ("lift", own.lift, own.lift >= 0, "0 or more"),
        ("most", own.most, 2 <= own.most <= 6, "a whole number from 2 to 6"),
        ("within", own.within, own.within >= day, "one day or more"),
        ("basket", own.basket, isinstance(own.basket, str) or own.basket >= day, "order, customer, or days"),
    )
    for option, value, is_right, bound in tests:
        if not is_right:
            raise BadInput(OUT_OF_BOUND, option=option, value=value, bound=bound)


@dataclass(frozen=True, slots=True)
class Bought:
    """Baskets with what their codes stand for; `owner` is the customer of each basket, `promoted` the basket and item
    rows that were sold on promotion."""

    baskets: Baskets
    things: tuple[str, ...]
    names: tuple[str, ...]
    owner: npt.NDArray[np.int64]
    promoted: npt.NDArray[np.bool_]

    def places(self, only: npt.NDArray[np.bool_] | None = None) -> dict[int, BitMap]:
        """The baskets of each thing; of the rows marked only, where given."""
        chosen = slice(None) if only is None else only
        basket, item = self.baskets.basket[chosen], self.baskets.item[chosen]
        return {int(at): BitMap(basket[item == at].astype(np.uint32)) for at in np.unique(item)}


def bought(ground: Ground, own: PairingOptions) -> Bought:
    """The baskets of the living customers before the asof."""
    if ground.ask is None:
        raise BadInput(NO_LAKE)
    today = day_of(ground.asof, ground.lexicon.zone)
    question = statement("limner.flow.audiences", "baskets.sql", asof=ground.asof, since=today - own.within.days)
    rows = ground.ask(question)
    things, names, code = _things(rows, own.level)
    number = rows["number"].to_numpy().astype(np.int64)
    living = unpack(ground.version.living_words, ground.version.size)
    keep = (number < living.size) & (code >= 0)
    keep[keep] = living[number[keep]]
    kept = np.flatnonzero(keep)
    key = _keys(rows, number, own, today)[kept]
    order, basket = np.unique(key, return_index=True), np.unique(key, return_inverse=True)[1]
    made = baskets_of(basket, code[kept], many=order[0].size, items=len(things))
    is_promoted = np.asarray(rows["is_promoted"].to_numpy(zero_copy_only=False), np.bool_)[kept]
    cell = basket.astype(np.int64) * len(things) + code[kept]
    marked = np.isin(made.basket.astype(np.int64) * len(things) + made.item, cell[is_promoted])
    return Bought(made, things, names, number[kept][order[1]], marked)


def _things(rows: pa.Table, level: str) -> tuple[tuple[str, ...], tuple[str, ...], npt.NDArray[np.int64]]:
    """What is bought, sorted, with names, and the code of each row; -1 where a row has no category."""
    import pyarrow.compute as pc

    column = rows["item_id" if level == "item" else "category"].combine_chunks()
    things = sorted(thing for thing in pc.unique(column).to_pylist() if thing is not None)
    code = pc.fill_null(pc.index_in(column, value_set=_texts(things)), -1).to_numpy(zero_copy_only=False)
    names = dict(zip(rows["item_id"].to_pylist(), rows["name"].to_pylist(), strict=True)) if level == "item" else {}
    return tuple(things), tuple(names.get(thing) or thing for thing in things), np.asarray(code, np.int64)


def _texts(things: list[str]) -> pa.Array:
    import pyarrow as pa

    return pa.array(things, pa.string())


def _keys(rows: pa.Table, number: npt.NDArray[np.int64], own: PairingOptions, today: int) -> npt.NDArray[np.int64]:
    """A number for each basket."""
    if own.basket == "customer":
        return number
    if isinstance(own.basket, timedelta):
        back = (today - 1 - rows["day"].to_numpy().astype(np.int64)) // own.basket.days
        spans: npt.NDArray[np.int64] = number * (own.within.days // own.basket.days + 2) + back
        return spans
    order = rows["order_id"].combine_chunks().dictionary_encode()
    code = order.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    alone = len(order.dictionary) + np.arange(code.size)
    found: npt.NDArray[np.int64] = np.where(code >= 0, code, alone)
    return found


# ------------------------------------------------------------------------------------------------------------ told


@dataclass(frozen=True, slots=True)
class Told:
    """A pairing in words: the things, the one that goes with them, its counts and figures, and the share of its baskets
    that were sold on promotion."""

    things: tuple[str, ...]
    other: str
    names: tuple[str, ...]
    other_name: str
    both: int
    with_things: int
    with_other: int
    support: float
    confidence: float
    lift: float
    leverage: float
    p: float
    is_clear: bool
    promoted: float
    is_promoted: bool


@dataclass(frozen=True, slots=True)
class Pairings:
    """The pairings at an asof: what a basket was, how many, how many sets of things lie in at least `least` of them,
    and those that stand out first."""

    asof: datetime
    basket: str
    level: str
    within_days: int
    baskets: int
    things: int
    least: int
    sets: int
    pairings: tuple[Told, ...]

    def __repr__(self) -> str:
        rows = [
            [f"{' + '.join(t.names)} → {t.other_name}", f"{t.both:,}", f"{t.confidence:.1%}", f"{t.lift:.2f}"]
            for t in self.pairings[:30]
        ]
        return table(["pairing", "baskets", "confidence", "lift"], rows)

    def to_dicts(self, limit: int | None = None) -> list[dict[str, object]]:
        """One row per pairing."""
        return [{name: getattr(one, name) for name in Told.__slots__} for one in self.pairings[:limit]]


def told(ground: Ground, own: PairingOptions) -> Pairings:
    """All pairings within the bounds."""
    check(own)
    what = bought(ground, own)
    least, sets, found = _found(what, own, None)
    return Pairings(
        asof=ground.asof,
        basket=own.basket if isinstance(own.basket, str) else f"{own.basket.days}d",
        level=own.level,
        within_days=own.within.days,
        baskets=what.baskets.many,
        things=len(what.things),
        least=least,
        sets=sets,
        pairings=_promotions(what, found),
    )


def _found(what: Bought, own: PairingOptions, others: set[int] | None) -> tuple[int, int, tuple[Pairing, ...]]:
    least = least_of(Fraction(own.support), what.baskets.many)
    sets = frequent(what.baskets, least, own.most)
    found = pairings(sets, confidence=Fraction(own.confidence), lift=Fraction(own.lift), others=others)
    return least, len(sets.sets), found


def _promotions(what: Bought, found: tuple[Pairing, ...]) -> tuple[Told, ...]:
    places = what.places()
    sold = what.places(what.promoted)
    usual = Fraction(len(_union(sold, tuple(sold))), max(1, what.baskets.many))
    return tuple(_told(what, one, places, sold, usual) for one in found)


def _told(what: Bought, one: Pairing, places: dict[int, BitMap], sold: dict[int, BitMap], usual: Fraction) -> Told:
    whole = (*one.items, one.other)
    both = BitMap.intersection(*(places[at] for at in whole))
    share = Fraction(both.intersection_cardinality(_union(sold, whole)), len(both))
    return Told(
        things=tuple(what.things[at] for at in one.items),
        other=what.things[one.other],
        names=tuple(what.names[at] for at in one.items),
        other_name=what.names[one.other],
        both=one.both,
        with_things=one.with_items,
        with_other=one.with_other,
        support=one.support,
        confidence=one.confidence,
        lift=one.lift,
        leverage=one.leverage,
        p=one.p,
        is_clear=one.is_clear,
        promoted=float(share),
        is_promoted=share >= PROMOTED_SHARE and share >= PROMOTED_LIFT * usual,
    )


def _union(places: dict[int, BitMap], items: tuple[int, ...]) -> BitMap:
    return BitMap.union(*(places.get(at, BitMap()) for at in items)) if items else BitMap()


# ------------------------------------------------------------------------------------------------------ who is next


def asked_of(audience: Audience) -> PairingOptions:
    """The options of an audience, held to their bounds."""
    own = options_of(PairingOptions, audience)
    if not own.next:
        raise bad(audience, "next", own.next, "the item or category that is to be bought next")
    if own.next in own.items:
        raise bad(audience, "next", own.next, "another than those under items")
    check(own)
    return own


def next_buyers(audience: Audience, ground: Ground) -> BitMap:
    """Who bought the items of a pairing and not the one that goes with them."""
    own = asked_of(audience)
    what = bought(ground, own)
    places, code = what.places(), {thing: at for at, thing in enumerate(what.things)}
    code = {name: at for at, name in enumerate(what.names)} | code
    for thing in (*own.items, own.next):
        if thing not in code:
            within = f"{own.within.days} days"
            raise Lacking(NO_ITEM, near=near(thing, code), name=audience.id, item=thing, within=within)
    wanted = [tuple(code[thing] for thing in own.items)]
    if not own.items:
        told = _promotions(what, _found(what, own, {code[own.next]})[2])
        wanted = [tuple(code[thing] for thing in one.things) for one in told if one.is_clear and not one.is_promoted]
        if not wanted:
            raise Lacking(NO_PAIRING, name=audience.id, item=own.next, baskets=what.baskets.many)
    owners = {at: _owners(what, places[at]) for at in {code[own.next], *(at for items in wanted for at in items)}}
    have = BitMap.union(*(BitMap.intersection(*(owners[at] for at in items)) for items in wanted))
    return have - owners[code[own.next]]


def _owners(what: Bought, baskets: BitMap) -> BitMap:
    return BitMap(what.owner[np.fromiter(baskets, np.int64, len(baskets))].astype(np.uint32))
