"""Consents and receipts: what customers allowed goes to the ledger, what providers report becomes events of a touch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import repeat
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select
from sqlglot import exp

from limner.core.normal import without_addresses
from limner.core.ours import Channel
from limner.flow.sources.desk import Desk
from limner.flow.sources.mapping import Part
from limner.flow.sources.readings import template
from limner.flow.sources.sections import Making, day_of, hour_of, load_of, stacked
from limner.store.ledger.bulk import insert_rows
from limner.store.ledger.columns import micros
from limner.store.ledger.many import among
from limner.store.ledger.tables import batches, consents, touches

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.store.definitions import Definitions
    from limner.store.stores import Stores

UNKNOWN_MESSAGE = "unknown message"
DUPLICATE_RECEIPT = "duplicate receipt"
REFUSING = ("Message Unsubscribed", "Message Complained")
"""Receipts after which the channel is refused."""


def consent_rows(making: Making) -> exp.Query | None:
    """The statements of consent among the rows, each on the row's strongest identifier."""
    parts: list[exp.Query] = []
    for part in making.mapped.of("consents"):
        fields = part.fields
        wanted = [load_of(exp.column("_line")).as_("load"), exp.column("trace")]
        wanted.append(exp.column(fields["happened_at"]).as_("happened_at"))
        wanted += [exp.column(fields["channel"]).as_("channel"), exp.column(fields["granted"]).as_("is_granted")]
        purpose = exp.column(fields["purpose"]) if "purpose" in fields else exp.Literal.string("marketing")
        wanted.append(exp.func("coalesce", purpose, exp.Literal.string("marketing")).as_("purpose"))
        for name, kind in (("until_at", "TIMESTAMPTZ"), ("uses", "INT"), ("proof", "VARCHAR")):
            value: exp.Expr = exp.column(fields[name]) if name in fields else exp.null()
            wanted.append(exp.cast(value, kind).as_(name))
        usable = exp.column("w").is_(exp.null())
        test = exp.and_(usable, exp.column(part.flag)) if part.flag else usable
        parts.append(exp.select(*wanted).from_(making.rows).where(test))
    whole = stacked(parts)
    if whole is None:
        return None
    return exp.select("*").from_(whole.subquery("c")).where("NOT trace IS NULL").order_by("trace", "happened_at")


def write_consents(stores: Stores, rows: pa.Table, turn: str, source: str, now: datetime) -> None:
    """Write the consents of several loads once; a batch that stands there already is left."""
    import pyarrow.compute as pc

    for load in pc.unique(rows["load"]).to_pylist():
        mine = rows.filter(pc.equal(rows["load"], load))
        _write_load(stores, mine, f"load/{load}/{turn}", load, source, now)


def _write_load(stores: Stores, rows: pa.Table, batch: str, load: int, source: str, now: datetime) -> None:
    with stores.ledger.write() as connection:
        known = select(batches.c.rows).where(batches.c.table_name == "consents", batches.c.batch_id == batch)
        if connection.execute(known).first() is not None:
            return
        first = stores.ledger.take(connection, "consent", rows.num_rows)
        insert_rows(connection, consents, _COLUMNS, _consents(rows, first, load, source, now))
        connection.execute(insert(batches).values(table_name="consents", batch_id=batch, rows=rows.num_rows))


_COLUMNS = (
    "seq", "load", "source", "kind", "hash", "trace", "channel", "purpose", "is_granted", "happened_at", "received_at",
    "until_at", "uses", "proof",
)  # fmt: skip


def _consents(rows: pa.Table, first: int, load: int, source: str, now: datetime) -> Iterator[tuple[Any, ...]]:
    """The rows as the ledger keeps them, in the order of `_COLUMNS`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    proofs = pc.fill_null(rows["proof"].cast(pa.string()), "").to_pylist()
    shown = {proof: without_addresses(proof) for proof in set(proofs)}
    stamp = pa.timestamp("us", tz="UTC")
    moments = {name: rows[name].cast(stamp).cast(pa.int64()).to_pylist() for name in ("happened_at", "until_at")}
    return zip(
        range(first, first + rows.num_rows),
        repeat(load),
        repeat(source),
        rows["kind"].to_pylist(),
        rows["hash"].to_pylist(),
        rows["trace"].to_pylist(),
        rows["channel"].to_pylist(),
        rows["purpose"].to_pylist(),
        rows["is_granted"].to_pylist(),
        moments["happened_at"],
        repeat(micros(now)),
        moments["until_at"],
        rows["uses"].to_pylist(),
        [shown[proof] for proof in proofs],
        strict=False,
    )


# ------------------------------------------------------------------------------------------------ receipts


def mark_receipts(desk: Desk, making: Making, stores: Stores) -> None:
    """Bring the touches of the receipts to the desk (`receipt_touches`); mark rows that fit none or come again."""
    for part in making.mapped.of("receipts"):
        key = exp.column(part.fields["message_key"])
        keys = desk.ask(exp.select(key.as_("message_key")).distinct().from_(making.rows).where("w IS NULL"))
        desk.give("given_touches", _touches(stores, keys["message_key"].to_pylist()))
        desk.make("receipt_touches", exp.select("*").from_("given_touches"))
        desk.take_back("given_touches")
        known = exp.select("message_key").from_("receipt_touches").subquery()
        _mark(desk, making, part, exp.not_(exp.In(this=key.copy(), query=known)), UNKNOWN_MESSAGE)
        _mark_again(desk, making, stores, part)


def _touches(stores: Stores, keys: list[str]) -> pa.Table:
    import pyarrow as pa

    row = touches.c
    wanted = (row.message_key, row.touch_id, row.trace, row.campaign, row.channel)
    with stores.ledger.read() as connection:
        found = connection.execute(select(*wanted).where(among(row.message_key, keys))).all()
    columns: list[list[Any]] = [list(c) for c in zip(*found, strict=True)] or [[], [], [], [], []]
    types = (pa.string(), pa.int64(), pa.int32(), pa.string(), pa.string())
    names = ("message_key", "touch_id", "trace", "campaign", "channel")
    return pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})


def receipt_key(part: Part) -> exp.Expr:
    """16 bytes of message, status and moment: what makes two receipts one."""
    fields = part.fields
    return template(
        "unhex(md5(:k || '|' || :s || '|' || CAST(epoch_us(:t) AS VARCHAR)))",
        k=exp.column(fields["message_key"]), s=exp.column(fields["status"]), t=exp.column(fields["happened_at"]),
    )  # fmt: skip


def _mark_again(desk: Desk, making: Making, stores: Stores, part: Part) -> None:
    is_message = template("starts_with(name, 'Message ')")
    known = exp.select("event_key").from_("events").where(is_message, "NOT event_key IS NULL")
    desk.give("given_keys", stores.lake.table(known))
    rows = exp.select("_line", receipt_key(part).as_("k")).from_(making.rows).where("w IS NULL").subquery("r")
    order = exp.Order(expressions=[exp.Ordered(this=exp.column("_line"))])
    turn = exp.Window(this=exp.RowNumber(), partition_by=[exp.column("k")], order=order)
    numbered = exp.select("_line", "k", turn.as_("turn")).from_(rows).subquery("n")
    here = exp.In(this=exp.column("k"), query=exp.select("event_key").from_("given_keys").subquery())
    desk.make("rows_twice", exp.select("_line").from_(numbered).where(exp.or_(exp.column("turn") > 1, here)))
    desk.take_back("given_keys")
    twice = exp.In(this=exp.column("_line"), query=exp.select("_line").from_("rows_twice").subquery())
    _mark(desk, making, part, twice, DUPLICATE_RECEIPT)


def _mark(desk: Desk, making: Making, part: Part, test: exp.Expr, reason: str) -> None:
    key = part.fields["message_key"]
    label = making.mapped.readings[key].label
    value = template("{'reason': :r, 'label': :l, 'value': :v}", r=reason, l=label, v=exp.column(key))
    desk.update(
        exp.Update(
            this=exp.to_table(making.rows),
            expressions=[exp.EQ(this=exp.column("w"), expression=value)],
            where=exp.Where(this=exp.and_(exp.column("w").is_(exp.null()), test)),
        )
    )


def receipt_events(making: Making) -> exp.Query | None:
    """Receipts as events of the touch they speak of."""
    parts: list[exp.Query] = []
    for part in making.mapped.of("receipts"):
        happened = exp.column(part.fields["happened_at"])
        wanted = [
            *making.common(happened), exp.column(part.fields["status"]).as_("name"),
            day_of(making, happened).as_("day"),
            hour_of(making, happened, exp.column(part.fields["happened_at"] + "_off")).as_("hour"),
            exp.column("trace", "t").as_("trace"), exp.column("touch_id", "t"),
            exp.column("channel", "t").as_("via"), exp.column("campaign", "t").as_("p_campaign"),
            receipt_key(part).as_("event_key"), exp.false().as_("is_history"),
        ]  # fmt: skip
        same = exp.column(part.fields["message_key"], "r").eq(exp.column("message_key", "t"))
        found = exp.select(*wanted).from_(exp.to_table(making.rows).as_("r"))
        found = found.join("receipt_touches AS t", on=same).where(exp.column("w", "r").is_(exp.null()))
        parts.append(found)
    return stacked(parts)


def refusals(making: Making, definitions: Definitions) -> exp.Query | None:
    """The consents that receipts take back: the channel's consent is refused from the receipt's moment on."""
    parts: list[exp.Query] = []
    named = {name: c.consent or name for name, c in definitions.of(Channel).items()}
    for part in making.mapped.of("receipts"):
        channel: exp.Expr = exp.column("channel", "t")
        if named:
            case = exp.Case(this=channel)
            for name, consent in named.items():
                case = case.when(exp.Literal.string(name), exp.Literal.string(consent))
            channel = case.else_(channel.copy())
        wanted = [
            load_of(exp.column("_line", "r")).as_("load"),
            exp.column("trace", "t"), exp.column(part.fields["happened_at"], "r").as_("happened_at"),
            channel.as_("channel"), exp.false().as_("is_granted"), exp.Literal.string("marketing").as_("purpose"),
            exp.cast(exp.null(), "TIMESTAMPTZ").as_("until_at"), exp.cast(exp.null(), "INT").as_("uses"),
            exp.column(part.fields["status"], "r").as_("proof"),
        ]  # fmt: skip
        same = exp.column(part.fields["message_key"], "r").eq(exp.column("message_key", "t"))
        says_no = exp.In(
            this=exp.column(part.fields["status"], "r"), expressions=[exp.Literal.string(n) for n in REFUSING]
        )
        found = exp.select(*wanted).from_(exp.to_table(making.rows).as_("r"))
        found = found.join("receipt_touches AS t", on=same)
        found = found.where(exp.column("w", "r").is_(exp.null()), says_no)
        parts.append(found)
    return stacked(parts)


def batch_name(load: int, number: int) -> str:
    """The name of one batch of a load."""
    return f"load/{load}/{number}"
