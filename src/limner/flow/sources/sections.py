"""From staged rows to the rows of each table of the lake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from sqlglot import exp

from limner.core.moments import offsets
from limner.flow.sources.base import PLACE_BITS
from limner.flow.sources.desk import Desk
from limner.flow.sources.judging import signed_amount
from limner.flow.sources.mapping import Mapped, Part
from limner.flow.sources.readings import instant_literal, template
from limner.flow.sources.staging import BEGINNING, masked_json

LATE = timedelta(days=1)
"""What reaches a live source this long after it happened is history."""


@dataclass(frozen=True, slots=True)
class Making:
    """What the rows of one load have in common: where they come from, when we knew, and the local clock's offsets."""

    mapped: Mapped
    rows: str
    received_at: datetime
    day_offset: exp.Expr
    """Seconds to add to an instant to get the workspace's wall time."""

    @property
    def source(self) -> exp.Expr:
        """The source's id as a literal."""
        return exp.Literal.string(self.mapped.source.id)

    def common(self, happened: exp.Expr, line: str = "_line") -> list[exp.Expr]:
        """The columns every fact has beside `shared`; the load is that of the row (of an order: of its first line)."""
        return [load_of(exp.column(line)).as_("load"), happened.as_("happened_at")]

    @property
    def shared(self) -> Mapping[str, object]:
        """The columns that say the same of every fact."""
        return {"source": self.mapped.source.id, "received_at": self.received_at}


def load_of(line: exp.Expr) -> exp.Expr:
    """The load of a row."""
    return template("CAST(:line >> :bits AS BIGINT)", line=line, bits=exp.Literal.number(PLACE_BITS))


@lru_cache(maxsize=64)
def _steps(zone: str, first: int, last: int) -> tuple[tuple[datetime, int], ...]:
    return offsets(ZoneInfo(zone), datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 2, tzinfo=UTC))


def offset_of(desk: Desk, rows: str, zone: str) -> exp.Expr:
    """The zone's offset in seconds at `moment`, as plain arithmetic over the years the rows span."""

    def build() -> exp.Query:
        moment = exp.column("moment")
        return exp.select(exp.func("min", moment), exp.func("max", moment.copy())).from_(rows)

    low, high = desk.one(desk.once(("span", rows), build))
    return offset_between((low, high), zone)


def offset_between(span: tuple[datetime | None, datetime | None], zone: str) -> exp.Expr:
    """The zone's offset in seconds at `moment`, over the years from one moment to another; 0 for none."""
    low, high = span
    if low is None or high is None:
        return exp.Literal.number(0)
    low, high = low.astimezone(UTC), high.astimezone(UTC)
    steps = _steps(zone, max(low, BEGINNING).year, high.year)
    if len(steps) == 1:
        return exp.Literal.number(steps[0][1])
    choice = exp.Case()
    for since, seconds in reversed(steps[1:]):
        late = exp.GTE(this=exp.Placeholder(this="moment"), expression=instant_literal(since))
        choice = choice.when(late, exp.Literal.number(seconds))
    return choice.else_(exp.Literal.number(steps[0][1]))


def _local(making: Making, happened: exp.Expr) -> exp.Expr:
    """Microseconds of the workspace's wall clock."""
    seconds = making.day_offset.copy().transform(
        lambda node: happened.copy() if isinstance(node, exp.Placeholder) and node.name == "moment" else node
    )
    return template("epoch_us(:t) + CAST(:s AS BIGINT) * 1000000", t=happened, s=seconds)


def day_of(making: Making, happened: exp.Expr) -> exp.Expr:
    """The local day as days since 1970-01-01."""
    return template("CAST((:us) // 86400000000 AS INT)", us=_local(making, happened))


def hour_of(making: Making, happened: exp.Expr, written: exp.Expr | None) -> exp.Expr:
    """The local hour: by the offset the stamp was written with when it has one, else the workspace's."""
    local = _local(making, happened)
    if written is not None:
        own = template("epoch_us(:t) + CAST(:m AS BIGINT) * 60000000", t=happened, m=written)
        local = exp.Case().when(written.copy().is_(exp.null()).not_(), own).else_(local)
    return template("CAST(((:us) // 3600000000) % 24 AS TINYINT)", us=local)


def usable(part: Part | None = None) -> exp.Expr:
    """Whether a staged row can be used, and is taken by a part."""
    usable = exp.column("w").is_(exp.null())
    return exp.and_(usable, exp.column(part.flag)) if part and part.flag else usable


def _columns(part: Part, names: Sequence[str]) -> Iterator[exp.Expr]:
    for name in names:
        if name in part.fields:
            yield exp.column(part.fields[name]).as_(name)


# ------------------------------------------------------------------------------------------------ events


def events(making: Making) -> exp.Query | None:
    """One event per row and part that takes it."""
    parts = [event(making, part) for part in making.mapped.of("events")]
    return stacked(parts)


def stacked(parts: Sequence[exp.Query]) -> exp.Query | None:
    """Queries one under the other, their columns matched by name; None for none."""
    whole: exp.Query | None = None
    for part in parts:
        whole = part if whole is None else exp.Union(this=whole, expression=part, distinct=False, by_name=True)
    return whole


def event_key(making: Making, key: str) -> exp.Expr:
    """16 bytes of the source and the file's own event id."""
    return template("unhex(md5(:s || '|' || :x))", s=making.mapped.source.id, x=exp.column(key))


def event(making: Making, part: Part) -> exp.Select:
    """The events of the rows that a part takes."""
    happened = exp.column(part.fields["happened_at"])
    written = exp.column(part.fields["happened_at"] + "_off")
    wanted = making.common(happened)
    wanted += [exp.column(part.fields["name"]).as_("name"), day_of(making, happened).as_("day")]
    wanted += [hour_of(making, happened, written).as_("hour"), exp.column("trace")]
    wanted += _columns(part, ("via", "session", "order_id", "item_id", "category", "quantity"))
    if "event_id" in part.fields:
        wanted.append(event_key(making, part.fields["event_id"]).as_("event_key"))
    if "amount" in part.fields:
        wanted.append(signed_amount(exp.column(part.fields["name"]), exp.column(part.fields["amount"])).as_("amount"))
        wanted.append(exp.Literal.string(making.mapped.currency).as_("currency"))
    wanted += [exp.column(key).as_(f"p_{name}") for name, key in part.properties.items()]
    wanted.append(is_history(making, happened).as_("is_history"))
    extra = _loose(making, part)
    if extra is not None:
        wanted.append(extra.as_("extra"))
    return exp.select(*wanted).from_(making.rows).where(usable(part))


def is_history(making: Making, happened: exp.Expr) -> exp.Expr:
    """Whether a fact is history, which starts no live journey: what a source says, or what came in a day late."""
    if making.mapped.source.is_history or making.mapped.source.live is None:
        return exp.Boolean(this=making.mapped.source.is_history)
    return exp.LT(this=happened.copy(), expression=instant_literal(making.received_at - LATE))


def _loose(making: Making, part: Part, pick: Callable[[exp.Expr], exp.Expr] = lambda column: column) -> exp.Expr | None:
    """Undeclared properties and kept columns as one JSON text; `pick` makes one value of those of several rows."""
    keeps = making.mapped.source.extra == "keep" and not part.fields.get("extra")
    stated = pick(exp.column(part.fields.get("extra", "extra"))) if keeps or "extra" in part.fields else None
    if not part.loose:
        return stated if keeps or stated is None else masked_json(stated)
    pairs = [p for name, key in part.loose.items() for p in (exp.Literal.string(name), pick(exp.column(key)))]
    own = exp.cast(exp.Anonymous(this="json_object", expressions=pairs), "VARCHAR")
    if stated is None:
        return masked_json(own)
    return masked_json(template("json_merge_patch(coalesce(CAST(:x AS VARCHAR), '{}'), :own)", x=stated, own=own))


# ------------------------------------------------------------------------------------------------ orders with lines


def order_lines(making: Making) -> exp.Query | None:
    """The lines of orders with what they share of their order, one row per line."""
    lines = making.mapped.lines
    if lines is None:
        return None
    return stacked([_lines_of(making, part, lines) for part in making.mapped.of("events")])


def _lines_of(making: Making, part: Part, lines: Part) -> exp.Select:
    order, name = exp.column(part.fields["order_id"]), exp.column(part.fields["name"])
    own = exp.Window(this=None, partition_by=_sameevent(part))

    def over(function: exp.Expr) -> exp.Expr:
        window = own.copy()
        window.set("this", function)
        return window

    happened = over(exp.func("min", exp.column(part.fields["happened_at"])))
    first = exp.Order(expressions=[exp.Ordered(this=exp.column("_line"))])
    row = exp.Window(this=exp.RowNumber(), partition_by=[e.copy() for e in own.args["partition_by"]], order=first)
    trace = over(exp.ArgMin(this=exp.column("trace"), expression=exp.column("_line")))
    wanted = [
        *making.common(exp.column("order_at")), order.as_("order_id"),
        exp.cast(row, "INT").as_("line"), name.as_("name"),
        exp.column("order_trace").as_("trace"),
        *_columns(lines, ("item_id", "category", "quantity", "price", "list_price")),
        signed_amount(name, line_amount(lines, part)).as_("amount"),
        day_of(making, exp.column("order_at")).as_("day"),
        hour_of(making, exp.column("order_at"), exp.column("order_off")).as_("hour"),
        is_history(making, exp.column("order_at")).as_("is_history"),
    ]  # fmt: skip
    off = over(exp.ArgMin(this=exp.column(part.fields["happened_at"] + "_off"), expression=exp.column("_line")))
    inner = exp.select(
        "*", happened.as_("order_at"), trace.as_("order_trace"), off.as_("order_off")
    ).from_(making.rows).where(usable(part))  # fmt: skip
    return exp.select(*wanted).from_(inner.subquery("of_order"))


def _sameevent(part: Part) -> list[exp.Expr]:
    """What order lines must share to be one event: load, name, order number, and the event id if it has one."""
    keys = [part.fields[name] for name in ("name", "order_id", "event_id") if name in part.fields]
    return [load_of(exp.column("_line")), *(exp.column(key) for key in keys)]


def line_amount(lines: Part, event: Part) -> exp.Expr:
    """What was paid for a line: the event's amount per line, the line's own amount, or quantity × price."""
    if event.is_per_line and "amount" in event.fields:
        return exp.column(event.fields["amount"])
    if "amount" in lines.fields:
        return exp.column(lines.fields["amount"])
    if "price" not in lines.fields:
        return exp.cast(exp.null(), "DECIMAL(18,4)")
    quantity = exp.column(lines.fields["quantity"]) if "quantity" in lines.fields else exp.Literal.number(1)
    return times(quantity, exp.column(lines.fields["price"]))


def times(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """An exact product of two decimals, rounded half away from zero to four places."""
    return template("CAST(CAST(:a AS DECIMAL(18,4)) * CAST(:b AS DECIMAL(18,4)) AS DECIMAL(18,4))", a=left, b=right)


def orders(making: Making) -> exp.Query | None:
    """One event per order of a file of order lines."""
    lines = making.mapped.lines
    if lines is None:
        return None
    return stacked([_order(making, part, lines) for part in making.mapped.of("events")])


def _first(column: exp.Expr) -> exp.Expr:
    return exp.ArgMin(this=column, expression=exp.column("_line"))


def _sum(column: exp.Expr) -> exp.Expr:
    return exp.cast(exp.Sum(this=column), "DECIMAL(18,4)")


def _order(making: Making, part: Part, lines: Part) -> exp.Select:
    name, order = exp.column(part.fields["name"]), exp.column(part.fields["order_id"])
    written = _first(exp.column(part.fields["happened_at"] + "_off"))
    wanted = [
        exp.func("min", exp.column(part.fields["happened_at"])).as_("order_at"),
        written.as_("order_off"),
        exp.func("min", exp.column("_line")).as_("order_line"),
        name.as_("name"), order.as_("order_id"), _first(exp.column("trace")).as_("trace"),
        *(_first(exp.column(part.fields[f])).as_(f) for f in ("via", "session") if f in part.fields),
        _only(lines, "item_id").as_("item_id"), _only(lines, "category").as_("category"),
    ]  # fmt: skip
    if "quantity" in lines.fields:
        quantity = exp.column(lines.fields["quantity"])
        wanted.append(signed_amount(name, _sum(quantity)).as_("quantity"))
    paid = _sum(line_amount(lines, part))
    if "amount" in part.fields and not part.is_per_line:
        paid = _first(exp.column(part.fields["amount"]))
    wanted.append(signed_amount(name, paid).as_("amount"))
    if "event_id" in part.fields:
        wanted.append(event_key(making, part.fields["event_id"]).as_("event_key"))
    extra = _loose(making, part, _first) if "extra" in part.fields else None
    if extra is not None:
        wanted.append(extra.as_("extra"))
    wanted += _order_properties(making, part, lines)
    grouped = exp.select(*wanted).from_(making.rows).where(usable(part))
    grouped = grouped.group_by(*_sameevent(part))
    happened = exp.column("order_at")
    outer = [
        *making.common(happened, "order_line"), day_of(making, happened).as_("day"),
        hour_of(making, happened, exp.column("order_off")).as_("hour"),
        exp.Literal.string(making.mapped.currency).as_("currency"),
        is_history(making, happened).as_("is_history"),
    ]  # fmt: skip
    inner = exp.Star(except_=[exp.column(c) for c in ("order_at", "order_off", "order_line")])
    return exp.select(inner, *outer).from_(grouped.subquery("grouped"))


def _only(lines: Part, field: str) -> exp.Expr:
    """The item of an order that has only one; orders of several say nothing themselves."""
    if field not in lines.fields:
        return exp.cast(exp.null(), "VARCHAR")
    column = exp.column(lines.fields[field])
    return template("CASE WHEN min(:c) = max(:c) THEN min(:c) END", c=column)


def _order_properties(making: Making, part: Part, lines: Part) -> list[exp.Expr]:
    found = []
    for name, key in part.properties.items():
        column = exp.column(key)
        is_money = making.mapped.readings[key].type == "money"
        found.append((_sum(column) if is_money else _first(column)).as_(f"p_{name}"))
    if "list_amount" not in part.properties and "list_price" in lines.fields:
        quantity = exp.column(lines.fields["quantity"]) if "quantity" in lines.fields else exp.Literal.number(1)
        listed = times(template("abs(:q)", q=quantity), exp.column(lines.fields["list_price"]))
        found.append(_sum(listed).as_("p_list_amount"))
    return found


# ------------------------------------------------------------------------------------------------ people


def named(making: Making) -> exp.Query | None:
    """The usable rows with the traces of their own identifiers (`own_traces`); None when rows name nobody."""
    own = own_traces(making.mapped)
    if not own:
        return None
    wanted = [load_of(exp.column("_line")).as_("load"), exp.column("trace"), exp.column("moment")]
    return exp.select(*wanted, *(exp.column(name) for name in own)).from_(making.rows).where(usable())


def own_traces(mapped: Mapped) -> list[str]:
    """The columns of staged rows with the traces of a row's own identifiers."""
    return [f"{named.key}_trace" for named in mapped.identifiers if not named.is_other]


def traits(making: Making) -> exp.Query | None:
    """One row per stated trait."""
    parts = []
    for name, key in making.mapped.traits.items():
        type_ = making.mapped.readings[key].type
        value: Mapping[str, exp.Expr] = {"text": exp.column(key)}
        if type_ == "float":
            value = {"number": exp.column(key)}
        elif type_ in ("instant", "date"):
            value = {"instant": exp.column(key)}
        elif type_ == "bool":
            value = {"number": exp.cast(exp.column(key), "DOUBLE")}
        wanted = [*making.common(exp.column("moment")), exp.column("trace"), exp.Literal.string(name).as_("name")]
        wanted += [v.as_(column) for column, v in value.items()]
        stated = exp.and_(usable(), exp.column("trace").is_(exp.null()).not_(), exp.column(key).is_(exp.null()).not_())
        rows = exp.select(*wanted).from_(making.rows).where(stated)
        # what is live comes in any order: another value may yet come between two that are alike
        parts.append(rows if making.mapped.source.live else _changes(rows, ["trace"], [exp.column(key)]))
    return stacked(parts)


def _changes(rows: exp.Select, keys: Sequence[str], values: Sequence[exp.Expr]) -> exp.Select:
    """Of rows that state the same of a key one after the other, the first: a list read off order lines stays short."""
    order = exp.Order(expressions=[exp.Ordered(this=exp.column(c)) for c in ("moment", "_line")])
    by = [load_of(exp.column("_line")), *(exp.column(k) for k in keys)]

    def before(value: exp.Expr) -> exp.Expr:
        return exp.Window(this=exp.Lag(this=value), partition_by=[b.copy() for b in by], order=order.copy())

    turn = exp.Window(this=exp.RowNumber(), partition_by=[b.copy() for b in by], order=order.copy())
    same = [exp.NullSafeEQ(this=value.copy(), expression=before(value.copy())) for value in values]
    return rows.qualify(exp.or_(turn.eq(exp.Literal.number(1)), exp.not_(exp.paren(exp.and_(*same)))))


def items(making: Making) -> exp.Query | None:
    """One row per item."""
    fields = ("item_id", "name", "category", "price", "cost", "on_sale_at", "off_sale_at")
    return _plain(making, "items", fields, exp.column("moment"), keeps_extra=True)


def sites(making: Making) -> exp.Query | None:
    """One row per store or branch."""
    fields = ("site_id", "name", "org", "longitude", "latitude")
    return _plain(making, "sites", fields, exp.column("moment"), keeps_extra=True)


def _plain(
    making: Making, section: str, fields: Sequence[str], happened: exp.Expr, *, keeps_extra: bool = False
) -> exp.Query | None:
    parts = []
    for part in making.mapped.of(section):
        wanted = [*making.common(happened), *_columns(part, fields)]
        if keeps_extra and making.mapped.source.extra == "keep":
            wanted.append(exp.column("extra"))
        key, *rest = [part.fields[f] for f in fields if f in part.fields]
        rows = exp.select(*wanted).from_(making.rows).where(usable(part))
        parts.append(_changes(rows, [key], [exp.column(c) for c in rest] or [exp.column(key)]))
    return stacked(parts)


def holdings(making: Making) -> exp.Query | None:
    """One row per holding and row of the file; its amount is dated when it was opened."""
    parts = []
    for part in making.mapped.of("holdings"):
        opened = exp.column(part.fields["opened_at"])
        wanted = [*making.common(opened), exp.column("trace")]
        wanted += _columns(part, ("kind", "item_id", "opened_at", "closed_at", "amount"))
        if "amount" in part.fields:
            wanted.append(opened.as_("amount_at"))
        parts.append(exp.select(*wanted).from_(making.rows).where(usable(part)))
    return stacked(parts)


def relations(making: Making) -> exp.Query | None:
    """One row per relation; the other side is a trace or an operator."""
    others = {named.key for named in making.mapped.identifiers if named.is_other}
    parts = []
    for place, part in enumerate(making.mapped.of("relations")):
        wanted = [*making.common(exp.column(part.fields["happened_at"])), exp.column("trace")]
        wanted += _columns(part, ("kind", "operator", "until_at"))
        if f"o{place}" in others:
            wanted.append(exp.column(f"o{place}_trace").as_("other_trace"))
        parts.append(exp.select(*wanted).from_(making.rows).where(usable(part)))
    return stacked(parts)
