"""What one more audience earns: the value of treating it apart, less what it costs to look after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from limner.core.actor import Actor
from limner.core.errors import BadInput, words
from limner.core.exact import MONEY_UNIT, from_units
from limner.core.rule import Rule, text
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.cells import shown, table
from limner.flow.audiences.listing import allowed_columns
from limner.flow.audiences.small import hidden, told
from limner.store.gallery.bits import Words, count, unpack

NOT_A_VALUE = words("worth_not_a_number", "The column {name!r} is {type}; a value is a number or an amount of money.")
NO_VALUES = words("worth_without_values", "Name the columns that say what each action is worth per customer: --values.")


@dataclass(frozen=True, slots=True)
class Addition:
    """One more audience: its customers whom no audience before it holds, the action that is best for them (empty: leave
    them alone), the policy's value with it, what it adds, and that less its fixed cost. None: too few to tell."""

    audience: str
    customers: int | None
    action: str | None
    value: Decimal | None
    gain: Decimal | None
    profit: Decimal | None

    @property
    def is_worth_it(self) -> bool | None:
        """Whether it earns more than it costs."""
        return None if self.profit is None else self.profit > 0


@dataclass(frozen=True, slots=True)
class Worth:
    """A policy that gives every audience its best action, audience by audience; `start` is one action for all."""

    asof: datetime
    customers: int | None
    actions: tuple[str, ...]
    cost: Decimal
    start: Decimal | None
    start_action: str | None
    additions: tuple[Addition, ...]

    def __repr__(self) -> str:
        rows = [
            [one.audience, shown(one.customers), one.action or "–", *map(_earned, (one.gain, one.profit))]
            for one in self.additions
        ]
        return table(["audience", "customers", "best action", "gain", "profit"], rows)

    def to_dicts(self) -> list[dict[str, object]]:
        """One row per audience."""
        return [{name: getattr(one, name) for name in Addition.__slots__} for one in self.additions]


def worth(
    ground: Ground,
    asked: Sequence[str | Rule],
    values: Sequence[str],
    *,
    cost: Decimal,
    who: Actor,
    is_greedy: bool = False,
    least: int = 1,
) -> Worth:
    """What each audience adds to a policy: value(k + 1) − value(k) − cost.

    `values` are columns, one per action: what it is worth done to a customer, after its own cost; unknown is 0, and
    doing nothing is worth 0. A customer belongs to the first audience that holds it. The value of a policy is the sum
    over its audiences, and over the rest, of the best single action for all of them. With `is_greedy` the audience that
    adds most comes next, else they stay as given. Sums are exact in ten-thousandths. The values are taken as they are:
    what a model only hopes for is not earned yet.

    Nothing is told of an audience that takes fewer than `least` of the customers before it, or leaves so few; its gain
    would follow from the policy's value, which is not told from there on.
    """
    if not values:
        raise BadInput(NO_VALUES)
    columns = allowed_columns(ground, values, who)
    size = ground.version.size
    sums = _Sums({name: _units(ground, name) for name in columns}, size)
    rest = seen_by(who, ground.version.living_words, size)
    waiting = {
        one if isinstance(one, str) else text(one): seen_by(who, ground.words(ground.rule(one)), size) for one in asked
    }
    start_action, value = sums.best(rest)
    start, customers, found, sizes = value, count(rest), [], [count(rest)]
    while waiting:
        at_hand = waiting if is_greedy else dict([next(iter(waiting.items()))])
        tried = {name: _added(sums, rest, own) for name, own in at_hand.items()}
        name = max(tried, key=lambda one: tried[one][1])
        action, gain = tried[name]
        own = waiting.pop(name) & rest
        rest = rest & ~own
        value += gain
        earned = from_units(gain)
        found.append(Addition(name, count(own), action, from_units(value), earned, earned - cost))
        sizes.append(count(rest))
    is_told = told(customers, least) is not None
    return Worth(
        ground.asof,
        customers if is_told else None,
        columns,
        cost,
        from_units(start) if is_told else None,
        start_action if is_told else None,
        tuple(_guarded(found, sizes, least)),
    )


def _guarded(found: Sequence[Addition], left: Sequence[int], least: int) -> list[Addition]:
    """The additions that may be told; `left` are those left over before the first, after it, and so on."""
    sizes = [before - after for before, after in pairwise(left)]
    untold = {at for at, size in enumerate(sizes) if told(size, least, left[at]) is None}
    untold |= hidden([*sizes, left[-1]], least)
    from_there_on = min(untold, default=len(found))
    rows = []
    for at, one in enumerate(found):
        if at in untold:
            rows.append(replace(one, customers=None, action=None, value=None, gain=None, profit=None))
        else:
            rows.append(replace(one, value=None) if at > from_there_on else one)
    return rows


def _earned(amount: Decimal | None) -> str:
    return "–" if amount is None else f"{amount:,.2f}"


class _Sums:
    """Exact sums of every action over sets of customers."""

    def __init__(self, units: Mapping[str, NDArray[np.int64]], size: int) -> None:
        self._units, self._size = units, size

    def best(self, chosen: Words) -> tuple[str, int]:
        """The best single action for a set and its value; none when every one loses."""
        mask = unpack(chosen, self._size)
        totals = {name: int(values[mask[: values.size]].sum()) for name, values in self._units.items()}
        name = max(totals, key=totals.__getitem__)
        return (name, totals[name]) if totals[name] > 0 else ("", 0)


def _added(sums: _Sums, rest: Words, own: Words) -> tuple[str, int]:
    """The best action for those of the rest whom an audience holds, and what treating them apart adds."""
    action, inside = sums.best(rest & own)
    return action, inside + sums.best(rest & ~own)[1] - sums.best(rest)[1]


def _units(ground: Ground, name: str) -> NDArray[np.int64]:
    """A column in ten-thousandths; unknown is 0."""
    column = ground.version.column(name)
    kind = column.header.type
    if kind not in ("money", "int", "float"):
        raise BadInput(NOT_A_VALUE, name=name, type=kind)
    values = np.asarray(column.values)
    units = values if kind == "money" else np.rint(values.astype(np.float64) * MONEY_UNIT)
    known = unpack(column.known(ground.version.size), ground.version.size)[: values.size]
    return np.where(known, np.nan_to_num(units) if kind == "float" else units, 0).astype(np.int64)
