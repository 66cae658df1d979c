"""What a load looked like in figures: rows, values filled, shares of categories, distributions, newest moment.

Rows are all rows. Everything else is counted over a part of a large load, picked by person and second, so that
neither the order of rows nor batches change them; `sampled` says one row in how many. No text of a person is kept: text
traits are counted by the first sign of a hash.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, func, insert, select
from sqlglot import exp

from limner.flow.sources.readings import template
from limner.store.lake.catalog import Sight
from limner.store.ledger.columns import micros
from limner.store.ledger.tables import figures, files, loads

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.store.lake.duckdb import DuckLake
    from limner.store.ledger import Ledger
    from limner.store.stores import Stores

CATEGORIES: Final[Mapping[str, tuple[str, ...]]] = {
    "events": ("name", "via", "category", "hour"), "lines": ("category",), "items": ("category",),
    "holdings": ("kind",), "relations": ("kind",),
}  # fmt: skip
NUMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "events": ("amount", "quantity"), "lines": ("price", "amount", "quantity"), "items": ("price",),
    "holdings": ("amount",),
}  # fmt: skip
TABLES: Final = ("events", "lines", "items", "traits", "holdings", "relations")
LOOKED_AT: Final = 50_000
"""Rows over which shares and shapes are counted."""

MOST: Final = 50
"""Categories kept of a column; the others count together."""

OTHER: Final = "…"
_PART = "given_part"
_UNCOUNTED = frozenset(
    {
        "seq",
        "load",
        "source",
        "received_at",
        "event_key",
        "day",
        "session",
        "order_id",
        "touch_id",
        "is_history",
        "extra",
        "currency",
    }
)
"""Columns that are not counted: every row has them, or they are long and say little."""

Shares = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a load brought to one table. Of traits the columns are the traits, and `rows` are people.

    `seen` of the rows were looked at: `filled` are those with a value, `categories` counts of values, `numbers` counts
    by size in four steps an octave. `newest` is in microseconds UTC.
    """

    rows: int
    seen: int = 0
    newest: int | None = None
    filled: Mapping[str, int] = field(default_factory=dict)
    categories: Mapping[str, Shares] = field(default_factory=dict)
    numbers: Mapping[str, Shares] = field(default_factory=dict)
    sampled: int = 1


ByTable = Mapping[str, Figures]


def figures_of(stores: Stores, wanted: Collection[int]) -> dict[int, dict[str, Figures]]:
    """The figures of loads, by load and table; tables they brought nothing to are left out. They may be hidden."""
    found: dict[int, dict[str, Figures]] = {load: {} for load in wanted}
    lake = stores.lake.seeing(Sight(only=frozenset(wanted)))
    for table, whole in _whole(stores.ledger, wanted).items():
        step = max(1, sum(rows for rows, _ in whole.values()) // LOOKED_AT)
        part = _part(lake, table, step)
        tallied = _traits(lake, part) if table == "traits" else _plain(lake, table, part)
        for load, (rows, newest) in whole.items():
            one = tallied.get(load, Figures(0))
            found[load][table] = replace(one, rows=one.rows if table == "traits" else rows, newest=newest, sampled=step)
    return found


def _whole(ledger: Ledger, wanted: Collection[int]) -> dict[str, dict[int, tuple[int, int | None]]]:
    """Rows and newest moment of every table and load, as the catalog knows them."""
    row = files.c
    query = select(row.table_name, row.load, func.sum(row.rows), func.max(row.max_happened_at)).where(
        row.load.in_(list(wanted)), row.seq_out.is_(None), row.table_name.in_(TABLES)
    )
    found: dict[str, dict[int, tuple[int, int | None]]] = {}
    with ledger.read() as connection:
        for table, load, rows, newest in connection.execute(query.group_by(row.table_name, row.load)):
            found.setdefault(table, {})[load] = (int(rows), _micros(newest))
    return found


def _part(lake: DuckLake, table: str, step: int) -> pa.Table:
    """One row in `step` of what loads brought to a table, in the columns that are counted."""
    columns = [name for name in lake.tables()[table].columns if name not in _UNCOUNTED]
    query = exp.select("load", *columns).from_(table)
    if step > 1:
        second = "epoch_us(happened_at) // 1000000"
        whose = f"{second} + coalesce(trace, 0)" if "trace" in columns else second
        query = query.where(template("(:s) % :n = 0", s=template(whose), n=exp.Literal.number(step)))
    return lake.table(query)


def _plain(lake: DuckLake, table: str, part: pa.Table) -> dict[int, Figures]:
    counts = [exp.Count(this=exp.column(name)).as_(name) for name in part.column_names if name != "load"]
    query = exp.select("load", exp.Count(this=exp.Star()).as_("all_rows"), *counts).from_(_PART).group_by("load")
    rows = lake.table(query, given={_PART: part}).to_pylist()
    texts = {c: _tally(lake, part, exp.column(c)) for c in CATEGORIES.get(table, ()) if c in part.column_names}
    sizes = {c: _tally(lake, part, _size(c)) for c in NUMBERS.get(table, ()) if c in part.column_names}
    return {
        row["load"]: Figures(
            row["all_rows"], row["all_rows"], None,
            {name: count for name, count in row.items() if name not in ("load", "all_rows") and count},
            {c: _most(found[row["load"]]) for c, found in texts.items() if row["load"] in found},
            {c: found[row["load"]] for c, found in sizes.items() if row["load"] in found},
        )
        for row in rows
    }  # fmt: skip


def _traits(lake: DuckLake, part: pa.Table) -> dict[int, Figures]:
    """The traits of loads: people who state each, and what they state."""
    given = {_PART: part}
    people = exp.select("load", "name", template("count(DISTINCT trace)").as_("people")).from_(_PART)
    found = lake.table(people.group_by("load", "name"), given=given).to_pylist()
    totals = exp.select("load", template("count(DISTINCT trace)").as_("people")).from_(_PART).group_by("load")
    sign = template("name || chr(31) || substr(md5(text), 1, 1)")
    size = template("name || chr(31) || CAST(:s AS VARCHAR)", s=_size("number"))
    texts, sizes = _tally(lake, part, sign), _tally(lake, part, size)
    return {
        row["load"]: Figures(
            row["people"], row["people"], None,
            {one["name"]: one["people"] for one in found if one["load"] == row["load"]},
            _parted(texts.get(row["load"], {})), _parted(sizes.get(row["load"], {})),
        )
        for row in lake.table(totals, given=given).to_pylist()
    }  # fmt: skip


def _parted(counts: Shares) -> dict[str, dict[str, int]]:
    """Counts by name and value, which stand in one text."""
    found: dict[str, dict[str, int]] = {}
    for key, count in counts.items():
        name, _, value = key.rpartition("\x1f")
        found.setdefault(name, {})[value] = count
    return found


def _size(column: str) -> exp.Expr:
    """The size of a number as a whole one that grows with it: four steps an octave, below nought mirrored."""
    value = exp.cast(exp.column(column), "DOUBLE")
    step = template("CAST(1000 + floor(4 * log2(abs(:x))) AS INT)", x=value)
    return template("CASE WHEN :x = 0 THEN 0 WHEN :x > 0 THEN :s WHEN :x < 0 THEN -:s END", x=value, s=step)


def _tally(lake: DuckLake, part: pa.Table, value: exp.Expr) -> dict[int, dict[str, int]]:
    """How often each value stands, by load."""
    query = exp.select("load", exp.cast(value, "VARCHAR").as_("value"), exp.Count(this=exp.Star()).as_("n"))
    query = query.from_(_PART).group_by(exp.Literal.number(1), exp.Literal.number(2))
    found: dict[int, dict[str, int]] = {}
    for row in lake.table(query, given={_PART: part}).to_pylist():
        if row["value"] is not None:
            found.setdefault(row["load"], {})[row["value"]] = row["n"]
    return found


def _most(counts: Mapping[str, int]) -> dict[str, int]:
    """The most frequent values; the others together."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    kept, rest = dict(ordered[:MOST]), sum(count for _, count in ordered[MOST:])
    return {**kept, **({OTHER: rest} if rest else {})}


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else micros(moment)


# ------------------------------------------------------------------------------------------------ kept


def write_figures(connection: Connection, load: int, source: str, found: ByTable) -> None:
    """Keep the figures of a load, inside the caller's transaction."""
    write_parts(connection, load, source, {table: asdict(one) for table, one in found.items()})


def write_parts(connection: Connection, load: int, source: str, parts: Mapping[str, object]) -> None:
    """Keep what a load looked like, part by part."""
    for part, body in parts.items():
        text = json.dumps(body, ensure_ascii=False, sort_keys=True)
        connection.execute(insert(figures).values(load=load, part=part, source=source, body=text))


def read_parts(ledger: Ledger, source: str, before: int | None, most: int) -> list[tuple[int, dict[str, Any]]]:
    """What the last loads in sight of a source looked like, oldest first: (load, part → body)."""
    row = loads.c
    last = select(row.load).where(row.source == source, row.state == "done").order_by(row.load.desc()).limit(most)
    if before is not None:
        last = last.where(row.load < before)
    query = select(figures.c.load, figures.c.part, figures.c.body).where(figures.c.load.in_(last))
    found: dict[int, dict[str, Any]] = {}
    with ledger.read() as connection:
        for load, part, body in connection.execute(query.order_by(figures.c.load)):
            found.setdefault(load, {})[part] = json.loads(body)
    return sorted(found.items())


def read_part(ledger: Ledger, load: int, part: str) -> dict[str, Any] | None:
    """One part of what a load looked like; None when it was never kept."""
    row = figures.c
    with ledger.read() as connection:
        body = connection.execute(select(row.body).where(row.load == load, row.part == part)).scalar_one_or_none()
    return None if body is None else json.loads(body)


def as_figures(parts: Mapping[str, Any]) -> dict[str, Figures]:
    """The tables among the parts of a load."""
    return {name: Figures(**body) for name, body in parts.items() if name in TABLES}


def tables_of(found: Sequence[ByTable]) -> Iterator[str]:
    """The tables that any of these loads brought something to."""
    yield from (table for table in TABLES if any(table in one for one in found))
