"""Duplicates kept aside: an order that another load had stated first comes back when that load is withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import condition, exp

from limner.flow.sources.names import ORDER, REFUND
from limner.store.lake.leaving import sides_without

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.store.lake.catalog import NewFile
    from limner.store.stores import Stores

SPARE_EVENTS, SPARE_LINES = "spare_events", "spare_lines"
_REFUND_KEYS = ("name", "order_id", "happened_at", "amount")


def prepare_revival(stores: Stores, name: str) -> Revival:
    """Make ready to bring back the spares whose event no load in sight states any more.

    Of several the one with a customer comes back, then the first. `name` says what made room for them.
    """
    if not stores.lake.rows(SPARE_EVENTS):
        return Revival()  # and nothing is read: a file in place may be what has to go
    chosen = stores.lake.table(_orphans())
    if not chosen.num_rows:
        return Revival()
    lines = stores.lake.table(_lines(), given={"given_chosen": chosen.select(["load", "name", "order_id"])})
    ready = stores.lake.prepare("lines", _by_load(lines, name))
    return Revival(chosen.num_rows, (*ready, *stores.lake.prepare("events", _by_load(chosen, name))))


def prepare_yielding(stores: Stores, hidden: Stores, load: int, name: str) -> Yielding:
    """Make ready to put aside what a hidden load states of events that have come in since by another.

    `stores` sees what is live, `hidden` that load and nothing else; `name` names the batches. Receipts that came twice
    are let go. Nothing is made ready where nothing is stated twice.
    """
    import pyarrow.compute as pc

    own = hidden.lake.table(exp.select(exp.Count(this=exp.Star()).as_("n")).from_("lines"))["n"][0].as_py()
    known = {name: stores.lake.table(query) for name, query in _known(has_lines=bool(own)).items()}
    both = hidden.lake.table(_with_turn(has_lines=bool(own)), given=known)
    twice = both.filter(both["is_twice"]).drop_columns(["is_twice"])
    if not twice.num_rows:
        return Yielding()
    kept = both.filter(pc.invert(both["is_twice"])).drop_columns(["is_twice"])
    is_receipt = pc.starts_with(twice["name"], "Message ")
    spare = twice.filter(pc.invert(is_receipt))
    given = {"given_twice": spare.select(["name", "order_id"])}
    semi, anti = (hidden.lake.table(_lines_of(kind), given=given) for kind in ("semi", "anti"))
    sides = sides_without(hidden.lake, load, twice["seq"])
    parts = (
        ("events", twice.slice(0, 0) if sides else kept),
        ("lines", anti),
        (SPARE_EVENTS, spare),
        (SPARE_LINES, semi),
    )
    ready = [one for table, rows in parts if rows.num_rows for one in stores.lake.prepare(table, [(name, rows, load)])]
    ready += [(f"{name}/{at}", file) for at, file in enumerate(sides)]
    aside = (semi if own else spare).select(["order_id", "name", "trace"])
    return Yielding(tuple(ready), aside, int(pc.sum(is_receipt).as_py() or 0))


@dataclass(frozen=True, slots=True)
class Revival:
    """Events that come back, and the files that bring them, to be entered into the catalog."""

    events: int = 0
    ready: tuple[tuple[str, NewFile], ...] = ()


@dataclass(frozen=True, slots=True)
class Yielding:
    """The files that take the place of a load's events and lines, and the rows put aside: order, name, trace.

    `receipts` is how many receipts were let go.
    """

    ready: tuple[tuple[str, NewFile], ...] = ()
    rows: pa.Table | None = None
    receipts: int = 0


def _by_load(rows: pa.Table, name: str) -> list[tuple[str, pa.Table, int | None]]:
    import pyarrow.compute as pc

    loads: list[int] = pc.unique(rows["load"]).to_pylist()
    return [(f"{name}/{load}", rows.filter(pc.equal(rows["load"], load)), load) for load in loads]


_IS_ORDER = f"name = '{ORDER}' AND NOT order_id IS NULL"
_IS_REFUND = f"name = '{REFUND}' AND NOT order_id IS NULL"


def _orphans() -> exp.Query:
    """One spare for every event that is known as an order, by an id, or as a refund, and that no row in sight states.

    An order is stated by its number as well as by an id of its own.
    """
    parts = (
        _left(_IS_ORDER, ("name", "order_id"), ("event_key",)),
        _left(f"NOT event_key IS NULL AND NOT coalesce({_IS_ORDER}, FALSE)", ("event_key",)),
        _left(f"event_key IS NULL AND {_IS_REFUND}", _REFUND_KEYS),
    )
    whole: exp.Query = parts[0]
    for part in parts[1:]:
        whole = exp.union(whole, part, distinct=False)
    return whole


def _left(which: str, keys: Sequence[str], unless: Sequence[str] = ()) -> exp.Select:
    """The first spare of each key that no event in sight has; nor may one have its `unless`."""
    order = exp.Order(
        expressions=[exp.Ordered(this=exp.column("trace").is_(exp.null())), exp.Ordered(this=exp.column("seq"))]
    )
    turn = exp.Window(this=exp.RowNumber(), partition_by=[exp.column(k) for k in keys], order=order)
    ranked = exp.select("*", turn.as_("turn")).from_(SPARE_EVENTS).where(which)
    first = exp.select(exp.Star(except_=[exp.column("turn")])).from_(ranked.subquery("r")).where("turn = 1")
    left = exp.select("s.*").from_(first.subquery("s")).join("events AS e", on=_same(keys, "s", "e"), join_type="anti")
    for key in unless:
        equal = exp.column(key, "s").eq(exp.column(key, "e"))
        left = exp.select("s.*").from_(left.subquery("s")).join("events AS e", on=equal, join_type="anti")
    return left


def _same(keys: Sequence[str], one: str, other: str) -> exp.Expr:
    return exp.and_(*(exp.NullSafeEQ(this=exp.column(k, one), expression=exp.column(k, other)) for k in keys))


def _refund_keys(*, has_lines: bool) -> Sequence[str]:
    """What makes two refunds one: order, moment and amount; in a file of order lines the order."""
    return ("order_id",) if has_lines else _REFUND_KEYS


def _known(*, has_lines: bool) -> dict[str, exp.Query]:
    """What the events in sight are known by."""
    ids = exp.select("event_key").distinct().from_("events").where("NOT event_key IS NULL")
    orders = exp.select("order_id").distinct().from_("events").where(_IS_ORDER)
    refunds = exp.select(*_refund_keys(has_lines=has_lines)).distinct().from_("events").where(_IS_REFUND)
    return {"given_ids": ids, "given_orders": orders, "given_refunds": refunds}


def _with_turn(*, has_lines: bool) -> exp.Select:
    """The events in sight, each with whether what is given states it too."""
    tests = [
        _stated("given_ids", ("event_key",), "NOT event_key IS NULL"),
        _stated("given_orders", ("order_id",), _IS_ORDER),
        _stated("given_refunds", _refund_keys(has_lines=has_lines), f"event_key IS NULL AND {_IS_REFUND}"),
    ]
    return exp.select("e.*", exp.func("coalesce", exp.or_(*tests), exp.false()).as_("is_twice")).from_("events AS e")


def _stated(given: str, keys: Sequence[str], which: str) -> exp.Expr:
    known = exp.select(exp.Literal.number(1)).from_(exp.to_table(given).as_("k")).where(_same(keys, "k", "e"))
    mine = condition(which).transform(lambda n: exp.column(n.name, "e") if isinstance(n, exp.Column) else n)
    return exp.and_(mine, exp.Exists(this=known))


def _lines_of(which: str) -> exp.Select:
    """The lines of given orders, or of all others."""
    same = _same(("name", "order_id"), "l", "t")
    return exp.select("l.*").from_("lines AS l").join("given_twice AS t", on=same, join_type=which)


def _lines() -> exp.Select:
    same = exp.and_(*(exp.column(k, "s").eq(exp.column(k, "c")) for k in ("load", "name", "order_id")))
    return (
        exp.select("s.*").from_(exp.to_table(SPARE_LINES).as_("s")).join("given_chosen AS c", on=same, join_type="semi")
    )
