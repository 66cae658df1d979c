"""Duplicates kept aside: an order that another load had stated first comes back when that load is withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from limner.flow.sources.names import ORDER, REFUND

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.store.stores import Stores

SPARE_EVENTS, SPARE_LINES = "spare_events", "spare_lines"
_REFUND_KEYS = ("name", "order_id", "happened_at", "amount")


def revive(stores: Stores, withdrawn: int) -> int:
    """Bring back the spares whose event no load states any more; of several the one with a customer, then the first.

    Asked again for the same load it changes nothing. The number of events that came back.
    """
    chosen = stores.lake.table(_orphans())
    if not chosen.num_rows:
        return 0
    lines = stores.lake.table(_lines(), given={"given_chosen": chosen.select(["load", "name", "order_id"])})
    stores.lake.append_many("lines", _by_load(lines, withdrawn))
    return stores.lake.append_many("events", _by_load(chosen, withdrawn))


def _by_load(rows: pa.Table, withdrawn: int) -> list[tuple[str, pa.Table, int | None]]:
    import pyarrow.compute as pc

    loads: list[int] = pc.unique(rows["load"]).to_pylist()
    return [(f"revive/{withdrawn}/{load}", rows.filter(pc.equal(rows["load"], load)), load) for load in loads]


def _orphans() -> exp.Query:
    """One spare for every event that is known by an id, or as an order or refund, and that no live row states."""
    by_id = _left("event_key IS NOT NULL", ("event_key",))
    order = f"event_key IS NULL AND order_id IS NOT NULL AND name = '{ORDER}'"
    refund = f"event_key IS NULL AND order_id IS NOT NULL AND name = '{REFUND}'"
    return exp.union(
        exp.union(by_id, _left(order, ("name", "order_id")), distinct=False),
        _left(refund, _REFUND_KEYS),
        distinct=False,
    )


def _left(which: str, keys: Sequence[str]) -> exp.Select:
    same = exp.and_(*(exp.NullSafeEQ(this=exp.column(k, "s"), expression=exp.column(k, "e")) for k in keys))
    order = exp.Order(
        expressions=[exp.Ordered(this=exp.column("trace").is_(exp.null())), exp.Ordered(this=exp.column("seq"))]
    )
    turn = exp.Window(this=exp.RowNumber(), partition_by=[exp.column(k) for k in keys], order=order)
    ranked = exp.select("*", turn.as_("turn")).from_(SPARE_EVENTS).where(which)
    first = exp.select("*").from_(ranked.subquery("r")).where("turn = 1")
    left = exp.select("s.*").from_(first.subquery("s")).join("events AS e", on=same, join_type="anti")
    return exp.select(exp.Star(except_=[exp.column("turn")])).from_(left.subquery("l"))


def _lines() -> exp.Select:
    same = exp.and_(*(exp.column(k, "s").eq(exp.column(k, "c")) for k in ("load", "name", "order_id")))
    return (
        exp.select("s.*").from_(exp.to_table(SPARE_LINES).as_("s")).join("given_chosen AS c", on=same, join_type="semi")
    )
