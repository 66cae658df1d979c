"""From a chunk of a file to rows with values, traces, and for every row that cannot be used the reason."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlglot import exp

from limner.core.moments import FIRST_YEAR
from limner.flow.sources.base import LINE
from limner.flow.sources.desk import Desk
from limner.flow.sources.enriching import with_found
from limner.flow.sources.identified import with_traces
from limner.flow.sources.judging import nothing, why
from limner.flow.sources.mapping import Mapped, flag_tree, mentioned
from limner.flow.sources.plain import is_plain, is_sound
from limner.flow.sources.readings import (
    READY,
    SQL_TYPES,
    fast,
    instant_literal,
    offset_minutes,
    prepared,
    ready_name,
    slow,
    source_text,
    template,
)
from limner.flow.sources.ready import bare, with_ready
from limner.flow.sources.traces import Traces

if TYPE_CHECKING:
    import pyarrow as pa

BEGINNING = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
"""When a fact happened whose file says no date: before everything."""

CHUNK, ROWS = "given_chunk", "staged_rows"
_GIVEN_FIX = exp.select("*").from_("given_fix")


@dataclass(frozen=True, slots=True)
class Read:
    """Rows of a file with the readings and traces that are made before the engine sees them, and their columns' types.

    Of `doubtful` identifiers raw text and reason stand beside. `is_part` says that more rows are put into the same
    table, which then has every column there may be.
    """

    rows: pa.Table
    columns: dict[str, str]
    doubtful: frozenset[str]
    is_part: bool


def read(mapped: Mapped, rows: pa.Table, traces: Traces, now: datetime, *, is_part: bool = False) -> Read:
    """Read what needs no engine, and give every identifier its trace."""
    rows, odd = with_found(mapped.enriched, rows, mapped.columns, traces, is_part=is_part)
    rows, columns, unread = with_ready(mapped, rows, _kinds(mapped, rows))
    rows, columns, doubtful = with_traces(mapped, rows, columns, traces, now, is_part=is_part)
    columns |= {ready_name(f"{key}_{c}"): READY for key in odd for c in ("why", "raw")}
    return Read(rows, columns, doubtful | unread | odd, is_part)


def stage(desk: Desk, mapped: Mapped, given: Read, into: str) -> frozenset[str]:
    """Put rows into the table `into`: values, traces, the row's own moment, and why it cannot be used.

    The answer names the readings of which some value could not be read.
    """
    seen_as = (id(mapped), tuple(given.columns.items()))
    desk.give(CHUNK, given.rows)
    work = _Work(desk, mapped, given.columns, seen_as)
    inline = work.inlined()
    mended = {key: work.mend(key) for key in work.left(inline)}
    shown = frozenset(mapped.readings) if given.is_part else frozenset(mended)
    look = _Look(mapped, given.columns, shown | given.doubtful, frozenset(mended), inline)
    with desk.as_written() if mended else nullcontext():
        desk.add(into, desk.once(("look", look.shown, look.mended, _key(inline), *seen_as), look.query))
    desk.take_back(CHUNK)
    desk.drop(*(f"fix_{key}" for key in mended))
    return frozenset(key for key, has_reason in mended.items() if has_reason) | given.doubtful


Inline = Mapping[str, tuple[tuple[str, object], ...]]
"""Reading → what each of its few raw texts means; written into the query itself."""

FEW = 40


def _key(inline: Inline) -> Hashable:
    return tuple(inline.items())


def _kinds(mapped: Mapped, rows: pa.Table) -> dict[str, str]:
    """The columns of a chunk with their types; text that is its own normal form is `plain`."""
    present = [name for name in rows.column_names if name in mapped.columns]
    kinds = {name: mapped.columns[name] for name in present}
    return {name: _better(kind, rows[name]) for name, kind in kinds.items()}


def _better(kind: str, column: pa.ChunkedArray) -> str:
    if kind == "text":
        return "plain" if is_plain(column) else kind
    return f"sound_{kind}" if is_sound(column, kind) else kind


@dataclass(frozen=True, slots=True)
class _Work:
    """Finding and mending what the fast way leaves, over the chunk in hand."""

    desk: Desk
    mapped: Mapped
    columns: dict[str, str]
    seen_as: tuple[Hashable, ...]

    def inlined(self) -> Inline:
        """Names and yes-or-no of few different texts, none of them unreadable: a choice is cheaper than a join."""
        found = {}
        for key, reading in self.mapped.readings.items():
            if reading.type in ("name", "bool") and fast(reading, self.columns).is_slow is not None:
                raws = [reading.field.constant] if reading.field.constant else self._raws(key)
                values, reasons = slow(reading, raws)
                if len(raws) <= FEW and not any(reasons):
                    found[key] = tuple(zip(raws, values.to_pylist(), strict=True))
        return found

    def left(self, inline: Inline) -> list[str]:
        """The readings of which the fast way leaves something."""
        ways = {key: fast(r, self.columns).is_slow for key, r in self.mapped.readings.items() if key not in inline}
        keys = [key for key, is_slow in ways.items() if is_slow is not None]
        if not keys:
            return []

        def build() -> exp.Query:
            counts = [template("count_if(:s)", s=is_slow) for is_slow in ways.values() if is_slow is not None]
            return exp.select(*counts).from_(prepared(self.columns, CHUNK).subquery("p"))

        counts = self.desk.one(self.desk.once(("left", tuple(keys), *self.seen_as), build))
        return [key for key, count in zip(keys, counts, strict=True) if count]

    def mend(self, key: str) -> bool:
        """Read the slow way what is left: `fix_<key>` gets value or reason per text. Whether any has a reason."""
        import pyarrow as pa

        raws = self._raws(key)
        values, reasons = slow(self.mapped.readings[key], raws)
        table = pa.table({"raw": pa.array(raws, pa.string()), "value": values, "why": pa.array(reasons, pa.string())})
        self.desk.give("given_fix", table)
        self.desk.make(f"fix_{key}", _GIVEN_FIX)
        self.desk.take_back("given_fix")
        return any(reasons)

    def _raws(self, key: str) -> list[str]:
        """The different texts of a reading that need the slow way."""

        def build() -> exp.Query:
            way = fast(self.mapped.readings[key], self.columns)
            raw = exp.select(exp.cast(way.raw, "VARCHAR").as_("raw")).distinct()
            return raw.from_(prepared(self.columns, CHUNK).subquery("p")).where(way.is_slow)

        found: list[str] = self.desk.ask(self.desk.once(("raws", key, *self.seen_as), build))["raw"].to_pylist()
        return found


def extra_of(mapped: Mapped, columns: Mapping[str, str]) -> exp.Expr:
    """The columns nobody mapped as JSON text; what looks like a phone or a mail address in them is masked."""
    known = set(mentioned(mapped.source, columns))
    pairs: list[exp.Expr] = []
    for name, kind in bare(columns).items():
        if name not in known and name != LINE:
            pairs += [exp.Literal.string(name), source_text(exp.column(name, quoted=True), kind)]
    if not pairs:
        return nothing()
    whole = exp.cast(exp.Anonymous(this="json_object", expressions=pairs), "VARCHAR")
    return masked_json(whole)


def masked_json(whole: exp.Expr) -> exp.Expr:
    """JSON text without its nulls, whole phones, long numbers and mail addresses; null when nothing is left."""
    return template(
        r"nullif(regexp_replace(regexp_replace(CAST(json_merge_patch('{}', :x) AS VARCHAR), "
        r"'([0-9]{3})[0-9]{4,}([0-9]{2})', '\1****\2', 'g'), '[^\s\"@,;:]+@', '***@', 'g'), '{}')",
        x=whole,
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """The query that stages rows of a chunk. `mended` readings have a fix.

    `shown` readings and identifiers keep raw text and reason, because some value could not be read.
    """

    mapped: Mapped
    columns: dict[str, str]
    shown: frozenset[str]
    mended: frozenset[str]
    inline: Inline

    def query(self) -> exp.Select:
        """All of it: prepared, read, mended, judged."""
        judged = [_row_moment(self.mapped).as_("moment"), why(self.mapped, self.shown).as_("w")]
        return exp.select("*", *judged).from_(self._mended().subquery("mended", copy=False))

    def _read(self) -> exp.Select:
        wanted: list[exp.Expr] = [exp.column(LINE)]
        for key, reading in self.mapped.readings.items():
            way = fast(reading, self.columns)
            value = _choice(way.raw, self.inline[key]) if key in self.inline else way.value
            wanted.append(value.as_(key))
            if key in self.shown and ready_name(f"{key}_why") in self.columns:
                wanted += [exp.column(ready_name(f"{key}_{c}"), quoted=True).as_(f"{key}_{c}") for c in ("why", "raw")]
            elif key in self.shown:
                raw = exp.cast(way.raw, "VARCHAR")
                wanted.append((exp.Case().when(way.is_slow, raw) if way.is_slow else nothing()).as_(f"{key}_raw"))
            if key in self.mapped.stamps:
                wanted.append(offset_minutes(reading, self.columns).as_(f"{key}_off"))
        wanted += [exp.column(ready_name(name), quoted=True).as_(name) for name in self._identified()]
        place = f"sources/{self.mapped.source.id}"
        wanted += [flag_tree(test, self.columns, place).as_(flag) for flag, test in self.mapped.flags.items()]
        if self.mapped.source.extra == "keep":
            wanted.append(extra_of(self.mapped, self.columns).as_("extra"))
        return exp.select(*wanted).from_(prepared(self.columns, CHUNK).subquery("p"))

    def _identified(self) -> list[str]:
        """The columns that identifiers and enrichment have given."""
        found = ["trace", "is_person"]
        for named in self.mapped.identifiers:
            found.append(f"{named.key}_trace")
            found += [f"{named.key}_{c}" for c in ("why", "raw") if named.key in self.shown]
        keys = [one.key for one in self.mapped.enriched if one.key in self.shown]
        return found + [f"{key}_{c}" for key in keys for c in ("why", "raw")]

    def _mended(self) -> exp.Select:
        wanted: list[exp.Expr] = [exp.column(LINE)]
        query = exp.select().from_(self._read().subquery("c", copy=False))
        for key, reading in self.mapped.readings.items():
            kind = SQL_TYPES.get(reading.type, "VARCHAR")
            value: exp.Expr = exp.column(key, "c")
            if key in self.mended:
                value = exp.func("coalesce", value, exp.column("value", f"fix_{key}"))
                query = _join(query, f"fix_{key}", f"{key}_raw", f"fix_{key}")
            wanted.append(exp.cast(value, kind).as_(key))
            if key in self.shown:
                has_why = ready_name(f"{key}_why") in self.columns
                why = exp.column(f"{key}_why", "c") if has_why else nothing()
                why = exp.column("why", f"fix_{key}") if key in self.mended else why
                wanted += [why.as_(f"{key}_why"), exp.column(f"{key}_raw", "c")]
            if key in self.mapped.stamps:
                wanted.append(exp.column(f"{key}_off", "c"))
        wanted += [exp.column(name, "c") for name in self._identified()]
        wanted += [exp.column(flag, "c") for flag in self.mapped.flags]
        if self.mapped.source.extra == "keep":
            wanted.append(exp.column("extra", "c"))
        return query.select(*wanted)


def _choice(raw: exp.Expr, means: Sequence[tuple[str, object]]) -> exp.Expr:
    """A choice between the few texts of a reading."""
    choice = exp.Case(this=raw)
    for word, value in means:
        choice = choice.when(exp.Literal.string(word), exp.convert(value))
    return choice if means else exp.null()


def _join(query: exp.Select, table: str, raw: str, alias: str) -> exp.Select:
    same = exp.column(raw, "c").eq(exp.column("raw", alias))
    return query.join(exp.to_table(table).as_(alias), on=same, join_type="left")


def _row_moment(mapped: Mapped) -> exp.Expr:
    stamps = [exp.column(key) for key in mapped.stamps]
    first = exp.func("least", *stamps) if len(stamps) > 1 else stamps[0] if stamps else nothing("TIMESTAMPTZ")
    return exp.func("coalesce", first, instant_literal(BEGINNING))
