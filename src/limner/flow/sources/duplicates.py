"""Rows that were seen before: the same event id, or the same order through another source.

Of one order the richer row counts: one that names a customer before one that does not, then the one that came first.
An order already in the lake stays. Refunds without an id of their own are the same when order, moment and amount are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from sqlglot import exp

from limner.flow.sources.desk import Desk
from limner.flow.sources.known import distinct, laid
from limner.flow.sources.mapping import Mapped, Part
from limner.flow.sources.names import ORDER, REFUND
from limner.flow.sources.readings import template
from limner.flow.sources.sections import Making, event_key, load_of
from limner.flow.sources.stated import Stated, order_key

if TYPE_CHECKING:
    import numpy.typing as npt

    from limner.store.lake.duckdb import DuckLake

DUPLICATE_ORDER = "duplicate order"
DUPLICATE_EVENT = "duplicate event"
DUPLICATE_REFUND = "duplicate refund"
DUPLICATES = (DUPLICATE_ORDER, DUPLICATE_EVENT, DUPLICATE_REFUND)
_SEEN, _TWICE = "orders_seen", "given_twice"


def mark_duplicates(desk: Desk, making: Making, lake: DuckLake, stated: Stated) -> None:
    """Write the reason into rows that repeat what is known; `making.rows` is changed in place."""
    for part in making.mapped.of("events"):
        if "event_id" in part.fields and making.mapped.source.live is None:  # what is live is known before
            _by_id(desk, making, lake, stated, part)
        if "order_id" in part.fields:
            _by_order(desk, making, lake, stated, part)


def put_aside(desk: Desk, making: Making, into: str) -> bool:
    """Copy the rows marked as duplicates into a table of their own, as if they had not been; whether there are any."""
    reason = exp.In(this=template("w.reason"), expressions=[exp.Literal.string(r) for r in DUPLICATES])
    if not desk.one(exp.select("count(*)").from_(making.rows).where(reason))[0]:
        return False
    nothing = template("CAST(NULL AS STRUCT(reason VARCHAR, label VARCHAR, value VARCHAR))").as_("w")
    desk.make(into, exp.select(exp.Star(except_=[exp.column("w")]), nothing).from_(making.rows).where(reason.copy()))
    return True


def _taken(part: Part) -> exp.Expr:
    usable = exp.column("w").is_(exp.null())
    return exp.and_(usable, exp.column(part.flag)) if part.flag else usable


def _by_id(desk: Desk, making: Making, lake: DuckLake, stated: Stated, part: Part) -> None:
    """Mark rows whose id an event in sight has, or a row before them; lines of one load share an id."""
    line = exp.column("_line")
    key = event_key(making, part.fields["event_id"]).as_("key")
    rows = exp.select(line, key, load_of(line).as_("load")).from_(making.rows)
    found = desk.ask(rows.where(_taken(part), exp.column(part.fields["event_id"]).is_(exp.null()).not_()))
    if not found.num_rows:
        return
    lines = found["_line"].to_numpy()
    once, which = distinct(laid(found["key"]))
    first = _first_of_each(lines, which, len(once))
    if making.mapped.lines:
        load = found["load"].to_numpy()
        is_again = load != load[first[which]]
    else:
        is_again = np.arange(len(lines)) != first[which]
    _mark(desk, making, part, lines[is_again | stated.ids(lake, making.mapped.source.id, once)[which]], DUPLICATE_EVENT)


def _first_of_each(lines: npt.NDArray[np.int64], which: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """The place of the first line of each."""
    order = np.argsort(lines, kind="stable")[::-1]
    first = np.empty(count, np.int64)
    first[which[order]] = order
    return first


def _by_order(desk: Desk, making: Making, lake: DuckLake, stated: Stated, part: Part) -> None:
    name, order = exp.column(part.fields["name"]), exp.column(part.fields["order_id"])
    names = [ORDER] if "event_id" in part.fields else [ORDER, REFUND]
    for wanted in names:
        is_named = name.eq(exp.Literal.string(wanted))
        rows = exp.select(order.as_("order_id"), order_key(order).as_("key")).distinct().from_(making.rows)
        ids = desk.ask(rows.where(_taken(part), is_named, order.copy().is_(exp.null()).not_()))
        if not ids.num_rows:
            continue
        ids = ids.filter(pa.array(stated.orders(lake, wanted, laid(ids["key"])))).drop_columns(["key"])
        desk.give("given_known", lake.table(_known_refunds(), given={"given_orders": ids}) if wanted == REFUND else ids)
        desk.make(_SEEN, exp.select("*").from_("given_known"))
        desk.take_back("given_known")
        lines = desk.ask(_repeated(making.mapped, making, part, is_named))["_line"].to_numpy()
        _mark(desk, making, part, lines, DUPLICATE_ORDER if wanted == ORDER else DUPLICATE_REFUND)


def _known_refunds() -> exp.Select:
    return (
        exp.select("e.order_id", "e.happened_at", "e.amount").distinct().from_("events AS e")
        .join("given_orders AS g", on="e.order_id = g.order_id")
        .where(exp.column("name", "e").eq(exp.Literal.string(REFUND)))
    )  # fmt: skip


def _repeated(mapped: Mapped, making: Making, part: Part, is_named: exp.Expr) -> exp.Select:
    """The lines of rows whose order stands in the lake, or stood in this file in a richer row."""
    order = exp.column(part.fields["order_id"]).as_("order_id")
    wanted = [exp.column("_line"), order, exp.column("trace")]
    keys = ["order_id"]
    is_refund = is_named.expression.name == REFUND
    if is_refund and not mapped.lines:
        amount = template("abs(:a)", a=exp.column(part.fields["amount"])) if "amount" in part.fields else exp.null()
        wanted += [exp.column(part.fields["happened_at"]).as_("happened_at"), amount.as_("amount")]
        keys += ["happened_at", "amount"]
    rows = exp.select(*wanted).from_(making.rows).where(_taken(part), is_named).subquery("r")
    same = exp.and_(*(exp.NullSafeEQ(this=exp.column(k, "r"), expression=exp.column(k, "s")) for k in keys))
    if mapped.lines:
        known = exp.select("r._line").from_(rows).join(exp.to_table(_SEEN).as_("s"), on=same, join_type="semi")
        return exp.select("_line").from_(exp.union(known, _other_loads(rows.copy())).subquery("u"))
    again = _again(keys, template("trace IS NULL"), exp.column("_line"))
    numbered = exp.select("*", again.as_("turn")).from_(rows).where(exp.column("order_id").is_(exp.null()).not_())
    same_n = exp.and_(*(exp.NullSafeEQ(this=exp.column(k, "n"), expression=exp.column(k, "s")) for k in keys))
    known = exp.select("n._line").from_(numbered.subquery("n")).join(
        exp.to_table(_SEEN).as_("s"), on=same_n, join_type="semi"
    )  # fmt: skip
    twice = exp.select("m._line").from_(numbered.copy().subquery("m")).where("turn > 1")
    return exp.select("_line").from_(exp.union(known, twice).subquery("u"))


def _other_loads(rows: exp.Expr) -> exp.Select:
    """Lines of an order that another load of the same batch states better: with a customer, or earlier."""
    first = _first_load("order_id", template("trace IS NULL"), exp.column("_line"))
    ranked = exp.select("_line", first.as_("best")).from_(rows).subquery("ranked")
    return exp.select("_line").from_(ranked).where(exp.column("best").neq(load_of(exp.column("_line"))))


def _first_load(key: str, *by: exp.Expr) -> exp.Expr:
    """The load of the first row with the same key."""
    order = exp.Order(expressions=[exp.Ordered(this=b) for b in by])
    load = exp.FirstValue(this=load_of(exp.column("_line")))
    return exp.Window(this=load, partition_by=[exp.column(key)], order=order)


def _again(keys: list[str], *by: exp.Expr) -> exp.Expr:
    order = exp.Order(expressions=[exp.Ordered(this=b) for b in by])
    return exp.Window(this=exp.RowNumber(), partition_by=[exp.column(k) for k in keys], order=order)


def _mark(desk: Desk, making: Making, part: Part, lines: npt.NDArray[np.int64], reason: str) -> None:
    if not len(lines):
        return
    key = part.fields["event_id" if reason == DUPLICATE_EVENT else "order_id"]
    label = making.mapped.readings[key].label
    value = template("{'reason': :r, 'label': :l, 'value': :v}", r=reason, l=label, v=exp.column(key))
    desk.give(_TWICE, pa.table({"_line": lines}))
    is_twice = exp.In(this=exp.column("_line"), query=exp.select("_line").from_(_TWICE).subquery())
    desk.update(
        exp.Update(
            this=exp.to_table(making.rows),
            expressions=[exp.EQ(this=exp.column("w"), expression=value)],
            where=exp.Where(this=exp.and_(_taken(part), is_twice)),
        )
    )
    desk.take_back(_TWICE)
