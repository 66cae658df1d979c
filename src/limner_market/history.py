"""Writing the years behind: every file the shop has on the day the clock stands at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copyfile

import numpy as np
import pyarrow as pa

from limner_market.baskets import BACK_LAST, Lines, at_counter, fill, join_lines, plain_baskets
from limner_market.chance import Ints, uniform
from limner_market.clicks import past_clicks
from limner_market.consents import past_consents
from limner_market.days import DAY, Period, months
from limner_market.defects import TWICE, spoil_tickets
from limner_market.files import Folder, Formats, Written, open_folder
from limner_market.habits import time_of_day
from limner_market.identifiers import Spoil
from limner_market.manifest import Ledger, Manifest
from limner_market.tables import (
    clicks_table,
    consents_table,
    items_table,
    members_table,
    mini_users_table,
    pos_table,
    refunds_table,
    sites_table,
    tmall_table,
)
from limner_market.truth import write_truth
from limner_market.world import World

Tell = Callable[[int, int, str], None]
OPENS = 10 * 3_600  # shops are open for half a day from ten
NO_CODES = pa.array([], pa.string())


def write_history(world: World, folder: Path, formats: Formats, tell: Tell | None) -> Manifest:
    """All files before now, one period after the other, so that memory holds one month at a time."""
    say = tell or (lambda done, total, words: None)
    periods = months(world.first_day, world.now_day)
    total = len(periods) + 2
    out, ledger = open_folder(folder, formats), Ledger()
    _write_lists(world, out, ledger)
    say(1, total, "lists")
    waiting = join_lines([])
    for done, month in enumerate(periods):
        lines = past_lines(world, month.first, month.last)
        waiting = write_sales(world, out, ledger, month, join_lines([waiting, lines]), NO_CODES, spoilt=True)
        clicks = past_clicks(world, month.first, month.last)
        out.add("clicks", month.word, clicks_table(world, clicks))
        ledger.count("clicks", len(clicks))
        say(done + 2, total, month.word)
    truth = write_truth(world, folder / "truth")
    written = out.close()
    twins = [_send_twice(folder, month) for month in periods if month.word == TWICE and formats == "shop"]
    say(total, total, "truth")
    return ledger.manifest(world, (*written, *twins, *truth))


def past_lines(world: World, first: int, last: int) -> Lines:
    """All order lines of the market days [first, last) before now, by time."""
    bought = world.purchases
    low, high = np.searchsorted(bought.day, [first, last])
    who, day = bought.person[low:high], bought.day[low:high]
    second = day * DAY + own_time(world, who, day)
    lines = fill(world, plain_baskets(who, second))
    return lines.rows(np.lexsort((lines.line, lines.order, lines.second)))


def own_time(world: World, who: Ints, day: Ints) -> Ints:
    """The second of the day at which each of `who` orders that day by themselves; at the counter while it is open."""
    luck = uniform(world.seed, "order/hour", who, day)
    second = time_of_day(world.people.slot[who].astype(np.int64), luck, uniform(world.seed, "order/fine", who, day))
    return np.where(at_counter(world, who, day), OPENS + second // 2, second)


def pending_lines(world: World) -> Lines:
    """Lines bought before now whose money goes back from now on."""
    lines = past_lines(world, max(world.now_day - BACK_LAST - 2, world.first_day), world.now_day)
    return lines.rows(lines.back >= world.now_day * DAY)


def write_sales(
    world: World, out: Folder, ledger: Ledger, period: Period, lines: Lines, codes: pa.Array, *, spoilt: bool
) -> Lines:
    """Orders, refunds and tickets of a period. `lines` also holds earlier lines whose refund is still to come;
    those that remain so after the period are returned."""
    start, end = period.first * DAY, period.last * DAY
    sold = lines.rows(lines.second >= start)
    back = lines.rows((lines.back >= start) & (lines.back < end))
    online, counter = sold.rows(sold.counter == 0), sold.rows(sold.counter == 1)
    out.add("tmall-orders", period.word, tmall_table(world, online, codes, end))
    out.add("tmall-refunds", period.word, refunds_table(world, back.rows(back.counter == 0)))
    tickets = pos_table(world, counter, back.rows(back.counter == 1), codes)
    if spoilt:
        broken = spoil_tickets(world, period, tickets)
        tickets = broken.table
        ledger.defect(broken.counts)
    out.add("pos", period.word, tickets)
    ledger.sales(period, sold, back)
    return lines.rows(lines.back >= end)


def _write_lists(world: World, out: Folder, ledger: Ledger) -> None:
    consents = past_consents(world)
    out.add("members", "", members_table(world))
    out.add("mini-users", "", mini_users_table(world))
    out.add("items", "", items_table(world))
    out.add("sites", "", sites_table())
    out.add("consents", "", consents_table(world, consents))
    ledger.count("members", world.people.members)
    ledger.count("mini-users", int(world.people.has_mini.sum()))
    ledger.count("consents", len(consents))
    spoil = np.bincount(world.identifiers.spoil, minlength=len(Spoil))
    ledger.defect(
        {f"phone {kind.name.lower().replace('_', ' ')}": int(spoil[kind]) for kind in Spoil if kind != Spoil.CLEAN}
    )


def _send_twice(folder: Path, month: Period) -> Written:
    first, second = folder / f"pos-{month.word}.xlsx", folder / f"pos-{month.word} (1).xlsx"
    copyfile(first, second)
    return Written("pos again", second, -1)
