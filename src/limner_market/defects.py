"""Rows broken on purpose: tickets no system should accept, added to the good ones in counts that are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from limner_market.chance import generator
from limner_market.days import Period
from limner_market.tables import money
from limner_market.world import World

BAD_DATES, NEGATIVE_PRICES, MISSING_ITEMS = "bad date", "negative price", "missing item"
_EACH = {BAD_DATES: 2, NEGATIVE_PRICES: 3, MISSING_ITEMS: 1}
TWICE = "2026-03"  # the month of tickets that was sent a second time under another name


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A month of tickets with its broken rows at the end, and how many there are of each kind."""

    table: pa.Table
    counts: dict[str, int]


def spoil_tickets(world: World, month: Period, tickets: pa.Table) -> Spoilt:
    """Add two rows without a real date, three with a negative price and one without an item to a month of tickets.

    They are copies of good rows under ticket numbers of their own; a month without tickets stays empty.
    """
    if tickets.num_rows == 0:
        return Spoilt(tickets, {})
    sales = tickets.filter(pc.greater(tickets["数量"], 0))
    rng = generator(world.seed, f"defects/{month.word}")
    total = sum(_EACH.values())
    copies = sales.take(pa.array(rng.integers(0, sales.num_rows, total)))
    kind = np.repeat(np.arange(len(_EACH)), list(_EACH.values()))
    numbers = pa.array([f"X{month.word.replace('-', '')}-{n:03d}" for n in range(total)])
    paid = np.array([round(value * 100) for value in copies["实收"].to_pylist()], dtype=np.int64)
    undated = copies["销售时间"].combine_chunks().cast(pa.int64())
    changed = {
        "小票号": numbers,
        "货号": pc.if_else(pa.array(kind == 2), "", copies["货号"].combine_chunks()),
        "实收": money(np.where(kind == 1, -np.maximum(paid, 100), paid)),
        "销售时间": pc.if_else(pa.array(kind == 0), None, undated).cast(tickets.schema.field("销售时间").type),
    }
    for name, column in changed.items():
        copies = copies.set_column(copies.schema.get_field_index(name), name, column)
    return Spoilt(pa.concat_tables([tickets, copies.cast(tickets.schema)]), dict(_EACH))
