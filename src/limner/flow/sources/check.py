"""Quality checks of what was collected: rows refused, data gone stale, values missing, money that looks wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from limner.core.errors import Broken
from limner.flow.sources.base import Finding, check_kind
from limner.flow.sources.loads import list_loads
from limner.store.lake.lying import stretches
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from limner.store.stores import Stores

MANY_REJECTS = 0.05
"""Share of a source's rows from which rejects are worth a warning."""

FASTEST = 60
"""Events of one device or person in a minute, above which it is no person."""

_ORDERS: Final = {
    "below_zero": (
        "wrong",
        0.0,
        (
            "orders have a negative amount, such as {first}. If these are refunds, let sources/{source}.yaml write "
            "Order Refunded for them: another entry of events, matching the column with under: 0, as the guide connect "
            "shows."
        ),
    ),
    "no_amount": ("warning", 0.0, "orders have no amount and add nothing to any sum, such as {first}."),
    "free": ("info", 0.2, "orders have the amount 0, such as {first}."),
    "nobody": ("info", 0.5, "orders name no customer, such as {first}."),
}
"""Of orders that look wrong: how bad that is, from what share of them it is said, and what is said."""

_PACKAGE = "limner.flow.sources"


@check_kind("rejects")
def rejects(stores: Stores) -> Sequence[Finding]:
    """Sources that refuse more rows than usual, with the reason most rows were refused for."""
    rows: dict[str, int] = {}
    reasons: dict[str, dict[str, int]] = {}
    for load in list_loads(stores):
        if load.state == "done":
            rows[load.source] = rows.get(load.source, 0) + load.counts.rows
            for reason, count in load.counts.rejected.items():
                mine = reasons.setdefault(load.source, {})
                mine[reason] = mine.get(reason, 0) + count
    found = []
    for source, mine in reasons.items():
        count, of = sum(mine.values()), rows[source]
        if count > MANY_REJECTS * of:
            worst = max(mine, key=lambda reason: mine[reason])
            said = f"{source}: {count:,} of {of:,} rows were refused, most for: {worst}."
            found.append(Finding("rejects", "warning", source, count, of, said, {"reason": worst}))
    return found


@check_kind("unfinished")
def unfinished(stores: Stores) -> Sequence[Finding]:
    """Loads that were cut off and not taken up again: their first rows are in, the rest are not."""
    return [
        Finding(
            "unfinished", "wrong", load.file, load.counts.rows, 0,
            f"{load.file} was cut off while it was loaded. Run limner collect to go on.", {"load": load.load},
        )
        for load in list_loads(stores)
        if load.state == "running"
    ]  # fmt: skip


@check_kind("in_place")
def lying(stores: Stores) -> Sequence[Finding]:
    """Sources with a file in place that is not as it was taken in: it stops every question that reads events."""
    wrong: dict[str, list[tuple[int, object]]] = {}
    of: Counter[str] = Counter()
    for one in {one.file.load: one.file for one in stretches(stores.lake.snapshot(), stores.ledger)}.values():
        of[one.source] += 1
        try:
            one.check(stores.lake.folder)
        except Broken as error:
            wrong.setdefault(one.source, []).append((one.load, error.params["path"]))
    return [
        Finding(
            "in_place", "wrong", source, len(mine), of[source],
            f"{source}: {len(mine):,} of {of[source]:,} files read in place have changed or gone since they were taken "
            f"in, and stop what reads events, such as {mine[0][1]}. Run limner collect {source} to read what changed "
            f"again; a file that has gone for good is taken out with limner withdraw {mine[0][0]}.",
            {"path": str(mine[0][1]), "load": mine[0][0]},
        )
        for source, mine in sorted(wrong.items())
    ]  # fmt: skip


@check_kind("held")
def held(stores: Stores) -> Sequence[Finding]:
    """Loads that broke a hard check and wait to be released or dropped."""
    return [
        Finding(
            "held", "warning", load.file, load.counts.rows, load.counts.rows,
            f"{load.file}: load {load.load} is held, nobody sees its {load.counts.rows:,} rows. Release or drop it: "
            f"limner release {load.load}, limner drop {load.load}.", {"load": load.load},
        )
        for load in list_loads(stores)
        if load.state == "held"
    ]  # fmt: skip


@check_kind("freshness")
def freshness(stores: Stores) -> Sequence[Finding]:
    """Sources whose newest event lies more than 30 days behind the newest of all."""
    found = stores.lake.table(statement(_PACKAGE, "freshness.sql")).to_pylist()
    newest = max((row["newest_day"] for row in found), default=0)
    return [
        Finding(
            "freshness", "warning", row["source"], newest - row["newest_day"], 0,
            f"{row['source']}: its newest event is {newest - row['newest_day']} days older than the newest of all.",
        )
        for row in found
        if newest - row["newest_day"] > 30
    ]  # fmt: skip


@check_kind("orders")
def orders(stores: Stores) -> Sequence[Finding]:
    """Orders that cannot be right or cannot be used: without money, with less than none, without a customer."""
    found = []
    for row in stores.lake.table(statement(_PACKAGE, "orders.sql")).to_pylist():
        source, of = row["source"], row["orders"]
        for name, (level, most, said) in _ORDERS.items():
            if row[name] > most * of:
                first = row[f"{name}_first"] or "—"
                words = f"{source}: {row[name]:,} of {of:,} {said.format(first=first, source=source)}"
                found.append(Finding(f"orders_{name}", level, source, row[name], of, words, {"first": first}))
    return found


@check_kind("refunds")
def refunds(stores: Stores) -> Sequence[Finding]:
    """Sources that gave back more than they took."""
    return [
        Finding(
            "refunds", "warning", row["source"], 0, 0,
            f"{row['source']}: more was refunded than paid over all its days: {row['refunded']} against {row['paid']}.",
            {"refunded": row["refunded"], "paid": row["paid"]},
        )
        for row in stores.lake.table(statement(_PACKAGE, "balance.sql")).to_pylist()
        if (row["refunded"] or 0) > (row["paid"] or 0) > 0
    ]  # fmt: skip


@check_kind("items")
def items(stores: Stores) -> Sequence[Finding]:
    """Items sold that the item list does not know."""
    (row,) = stores.lake.table(statement(_PACKAGE, "unknown_items.sql")).to_pylist()
    if not row["listed"] or not row["unknown"]:
        return []
    said = (
        f"{row['unknown']:,} of {row['sold']:,} items sold stand in no item list: they have no category, price or cost."
    )
    return [Finding("items", "info", "items", row["unknown"], row["sold"], said)]


@check_kind("bots")
def bots(stores: Stores) -> Sequence[Finding]:
    """Devices and persons with more events in a minute than anybody can do. Their events stay."""
    return [
        Finding(
            "bots", "warning", row["source"], row["traces"], row["events"],
            f"{row['source']}: {row['traces']:,} devices or persons had up to {row['fastest']:,} events in one minute, "
            f"which nobody can do; {row['events']:,} events in all, none was taken out.", {"fastest": row["fastest"]},
        )
        for row in stores.lake.table(statement(_PACKAGE, "bots.sql", most=FASTEST)).to_pylist()
    ]  # fmt: skip
