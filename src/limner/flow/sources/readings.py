"""Reading a column as a type, at two speeds.

The fast way is SQL over all rows and takes what is well formed. What it cannot take is handed, each distinct value
once, to the scalar functions of `core.normal` and `core.moments`, and joined back. Both ways give the same answer; a
test holds them against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

from sqlglot import exp, parse_one

from limner.core.moments import FIRST_YEAR, LAST_YEAR, from_wall, moment
from limner.core.normal import EMPTY_WORDS, amount, is_empty, text, yes_no
from limner.flow.sources.base import LINE
from limner.flow.sources.definition import Field
from limner.flow.sources.names import canonical_name

if TYPE_CHECKING:
    import pyarrow as pa

Type = Literal["key", "text", "name", "receipt", "json", "number", "money", "bool", "instant", "date", "float"]
"""key: an id, kept as written · text · name: an event's name made canonical · receipt: a message event's name ·
json: an object's text · number, money: decimal(18,4) · float: a number as a trait keeps it · bool · instant · date: one
that may be old."""

OLDEST_DATE: Final = 1900
NOT_YES_OR_NO: Final = "neither yes nor no"
NOT_A_RECEIPT: Final = "unknown status"


@dataclass(frozen=True, slots=True)
class Reading:
    """A field read as a type. `key` is the column it fills, `label` the column of the file that a reject names."""

    key: str
    field: Field
    type: Type
    label: str
    zone: str


def template(sql: str, **parts: exp.Expr | str) -> exp.Expr:
    """A piece of SQL in our dialect with its `:names` filled by trees; text becomes a literal.

    >>> template("trim(:x) = :word", x=exp.column("a"), word="b'").sql("duckdb")
    "TRIM(a) = 'b'''"
    """
    filled = {name: exp.Literal.string(p) if isinstance(p, str) else p for name, p in parts.items()}

    def put(node: exp.Expr) -> exp.Expr:
        return filled[node.name].copy() if isinstance(node, exp.Placeholder) else node

    return _parsed(sql).copy().transform(put)


@cache
def _parsed(sql: str) -> exp.Expr:
    return parse_one(sql, dialect="duckdb")


def source_text(column: exp.Expr, kind: str) -> exp.Expr:
    """A column of prepared rows as text; floats that are whole numbers lose their point."""
    if kind.endswith("number"):
        return template(
            "CASE WHEN :x = floor(:x) AND abs(:x) < 1e15 THEN CAST(CAST(:x AS BIGINT) AS VARCHAR) "
            "ELSE CAST(:x AS VARCHAR) END",
            x=column,
        )
    return column if kind in TEXTS else exp.cast(column, "VARCHAR")


SOUND: Final = "sound_"
"""Leads the type of a column whose values all lie within what readings take; see `plain.py`."""

READY: Final = "ready"
"""Leads the type of a column that holds what a reading gives; behind it the offset in minutes its stamps share."""

TEXTS: Final = ("text", "plain")
"""Columns of text; a plain one holds nothing but its own normal form."""


def ready_name(key: str) -> str:
    """The column of a chunk that holds what a reading gives, when it was read before."""
    return f"_ready_{key}"


def is_ready_name(name: str) -> bool:
    """Whether a column was added to a chunk by reading another."""
    return name.startswith("_ready_")


def prepared(columns: Mapping[str, str], table: str) -> exp.Select:
    """The columns of a chunk with their texts trimmed and empty ones null, whatever the white space."""
    wanted: list[exp.Expr] = [exp.column(LINE)]
    for name, kind in columns.items():
        column = exp.column(name, quoted=True)
        if kind in TEXTS:
            value = template(_TRIM if kind == "text" else "nullif(:x, '')", x=exp.cast(column, "VARCHAR"))
            wanted.append(exp.alias_(value, name, quoted=True))
        else:
            wanted.append(column)
    return exp.select(*wanted).from_(table)


_WHITE = r"[\t-\r\x1c-\x20]"
_TRIM = (
    f"nullif(CASE WHEN regexp_matches(:x, '^{_WHITE}|{_WHITE}$') "
    f"THEN regexp_replace(:x, '^{_WHITE}+|{_WHITE}+$', '', 'g') ELSE :x END, '')"
)
"""What Python calls white space at the ends of ASCII text; other texts go the slow way and are trimmed there."""

_EMPTY_ASCII = tuple(sorted(word for word in EMPTY_WORDS if word.isascii() and word))


def field_text(field: Field, columns: Mapping[str, str]) -> exp.Expr:
    """The text of a field over the columns of a chunk (name → type in words), its words put in."""
    if field.constant:
        return exp.Literal.string(field.constant)
    parts = [_of(name, columns) for name in (field.columns or (field.column,))]
    whole = parts[0]
    if len(parts) > 1:
        joined = exp.Anonymous(this="concat_ws", expressions=[_literal(field.join), *parts])
        whole = exp.func("nullif", joined, _literal(""))
    if not field.words:
        return whole
    choice = exp.Case(this=whole)
    for word, means in field.words.items():
        choice = choice.when(_literal(word), _literal(means))
    return choice.else_(_literal(field.other) if field.other else whole.copy())


def _of(name: str, columns: Mapping[str, str]) -> exp.Expr:
    if name not in columns:
        return exp.cast(exp.null(), "VARCHAR")
    return source_text(exp.column(name, quoted=True), columns[name])


def _literal(value: str) -> exp.Expr:
    return exp.Literal.string(value)


@dataclass(frozen=True, slots=True)
class Fast:
    """The fast way of a reading: the value, when a row needs the slow way (None: never), and its raw text then."""

    value: exp.Expr
    is_slow: exp.Expr | None
    raw: exp.Expr


SQL_TYPES: Final[Mapping[str, str]] = {
    "number": "DECIMAL(18,4)",
    "money": "DECIMAL(18,4)",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "instant": "TIMESTAMPTZ",
    "date": "TIMESTAMPTZ",
}
"""The engine's type of what a reading gives; text otherwise."""

_PLAIN_NUMBER = r"[+-]?\d{1,13}(\.\d{1,4})?"
_WALL = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([ T]([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?)?"
_ZONED = r"\d{4}-\d{2}-\d{2}[ T]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-](0\d|1[0-4]):?[0-5]\d)"


def fast(reading: Reading, columns: Mapping[str, str]) -> Fast:
    """The fast way of a reading over the columns of a chunk."""
    field = reading.field
    raw = field_text(field, columns)
    if ready_name(reading.key) in columns:
        return Fast(exp.column(ready_name(reading.key), quoted=True), None, raw)
    is_single = bool(field.column) and not field.words and field.column in columns
    kind = columns[field.column] if is_single else "text"
    column = exp.column(field.column, quoted=True)
    match reading.type:
        case "number" | "money" | "float":
            return _fast_number(reading, raw, column, kind)
        case "instant" | "date":
            return _fast_instant(reading, raw, column, kind)
        case "bool" if kind == "bool":
            return Fast(column, None, raw)
        case "bool" | "name" | "receipt":
            nothing = exp.cast(exp.null(), SQL_TYPES.get(reading.type, "VARCHAR"))
            return Fast(nothing, template(":x IS NOT NULL", x=raw), raw)
        case "json":
            return Fast(template("CASE WHEN json_valid(:x) AND json_type(:x) = 'OBJECT' THEN :x END", x=raw), None, raw)
        case _ if kind not in TEXTS:
            return Fast(raw, None, raw)
        case _:
            if kind == "plain":
                return Fast(raw, None, raw)
            words = [exp.Literal.string(word) for word in _EMPTY_ASCII]
            is_word = exp.In(this=exp.func("lower", raw), expressions=words)
            stated = template("CASE WHEN strlen(:x) < 10 AND :w THEN NULL ELSE :x END", x=raw, w=is_word)
            is_odd = template("strlen(:x) <> length(:x) OR starts_with(:x, '=') OR contains(:x, chr(0))", x=raw)
            return Fast(template("CASE WHEN NOT (:odd) THEN :v END", odd=is_odd, v=stated), is_odd, raw)


def _fast_number(reading: Reading, raw: exp.Expr, column: exp.Expr, kind: str) -> Fast:
    sql_type = "DOUBLE" if reading.type == "float" else "DECIMAL(18,4)"
    slow: exp.Expr | None
    if kind.endswith(("number", "integer")):
        value: exp.Expr = exp.TryCast(this=column, to=exp.DataType.build("DECIMAL(18,4)", dialect="duckdb"))
        slow = None if kind.startswith(SOUND) else template(":x IS NOT NULL AND :v IS NULL", x=column, v=value)
    else:
        plain = template("regexp_full_match(:x, :form)", x=raw, form=_PLAIN_NUMBER)
        decimal = exp.TryCast(this=raw.copy(), to=exp.DataType.build("DECIMAL(18,4)", dialect="duckdb"))
        value = exp.Case().when(plain, decimal)
        slow = template(":x IS NOT NULL AND NOT :plain", x=raw, plain=plain)
    if reading.field.unit != 1:
        unit = exp.Literal.number(format(reading.field.unit, "f"))
        value = template("CAST(:v * :unit AS DECIMAL(18,4))", v=value, unit=unit)
    return Fast(exp.cast(value, sql_type) if sql_type == "DOUBLE" else value, slow, raw)


def _fast_instant(reading: Reading, raw: exp.Expr, column: exp.Expr, kind: str) -> Fast:
    zone = reading.field.zone or reading.zone
    low, high = bounds(zone, reading.type)
    parts: dict[str, exp.Expr | str] = {"x": column, "raw": raw, "zone": zone, "wall": _WALL, "zoned": _ZONED}
    match kind:
        case "sound_instant":
            return Fast(template("CAST(:x AS TIMESTAMPTZ)", **parts), None, raw)
        case "instant":
            value = template("CAST(:x AS TIMESTAMPTZ)", **parts)
        case "wall" | "date":
            value = template("timezone(:zone, CAST(:x AS TIMESTAMP))", **parts)
        case _:
            value = template(
                "CASE WHEN regexp_full_match(:raw, :wall) "
                "THEN timezone(:zone, TRY_CAST(replace(:raw, '/', '-') AS TIMESTAMP)) "
                "WHEN regexp_full_match(:raw, :zoned) THEN TRY_CAST(:raw AS TIMESTAMPTZ) END",
                **parts,
            )
    bounded = template("CASE WHEN :v >= :low AND :v < :high THEN :v END", v=value, low=low, high=high)
    return Fast(bounded, template(":raw IS NOT NULL AND :v IS NULL", raw=raw, v=bounded), raw)


def bounds(zone: str, type_: str) -> tuple[exp.Expr, exp.Expr]:
    """The first instant a reading takes and the first it no longer takes, as literals."""
    first = OLDEST_DATE if type_ == "date" else FIRST_YEAR
    ends = (datetime(first, 1, 1), datetime(LAST_YEAR + 1, 1, 1))  # noqa: DTZ001 - walls, zoned in the next line
    low, high = (instant_literal(from_wall(end, ZoneInfo(zone))) for end in ends)
    return low, high


def instant_literal(instant: datetime) -> exp.Expr:
    """An instant as a typed literal."""
    written = instant.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")
    return exp.cast(exp.Literal.string(written), "TIMESTAMPTZ")


def offset_minutes(reading: Reading, columns: Mapping[str, str]) -> exp.Expr:
    """The offset a stamp was written with, in minutes; null without one, and for Z."""
    field = reading.field
    if ready_name(f"{reading.key}_off") in columns:
        return exp.column(ready_name(f"{reading.key}_off"), quoted=True)
    if ready_name(reading.key) in columns:
        shared = columns[ready_name(reading.key)].removeprefix(READY)
        return exp.cast(exp.Literal.number(shared) if shared else exp.null(), "INT")
    is_text = bool(field.constant) or columns.get(field.column, "text") in TEXTS
    if not is_text:
        return exp.cast(exp.null(), "INT")
    return template(
        r"CASE WHEN regexp_full_match(:raw, '.*[0-9][+-]\d{2}:?\d{2}') THEN "
        r"CAST(regexp_extract(:raw, '([+-]\d{2}):?\d{2}$', 1) AS INT) * 60 + "
        r"CAST(regexp_extract(:raw, '([+-])\d{2}:?\d{2}$', 1) || regexp_extract(:raw, '(\d{2})$', 1) AS INT) END",
        raw=field_text(field, columns),
    )


def slow(reading: Reading, values: Sequence[str]) -> tuple[pa.Array, list[str | None]]:
    """The slow way: each value read by the scalar functions. Values as an Arrow array, and the reasons beside them."""
    import pyarrow as pa

    found = [_slow_one(reading, value, ZoneInfo(reading.field.zone or reading.zone)) for value in values]
    return pa.array([value for value, _ in found], _arrow_type(reading.type)), [reason for _, reason in found]


def _arrow_type(type_: Type) -> Any:
    import pyarrow as pa

    kinds = {"DECIMAL(18,4)": pa.decimal128(18, 4), "DOUBLE": pa.float64(), "BOOLEAN": pa.bool_()}
    kinds |= {"TIMESTAMPTZ": pa.timestamp("us", tz="UTC")}
    return kinds.get(SQL_TYPES.get(type_, ""), pa.string())


def _slow_one(reading: Reading, value: str, zone: tzinfo) -> tuple[object, str | None]:
    match reading.type:
        case "number" | "money" | "float":
            return _slow_number(reading, value)
        case "instant" | "date":
            first = OLDEST_DATE if reading.type == "date" else FIRST_YEAR
            stamp = moment(value, zone, order=reading.field.order, first_year=first)
            return stamp.instant, stamp.reason
        case "bool":
            answer = yes_no(value)
            return answer, NOT_YES_OR_NO if answer is None and not is_empty(text(value)) else None
        case "name":
            return canonical_name(value) or None, None
        case "receipt":
            found = canonical_name(value, among="Message ")
            return found or None, None if found else NOT_A_RECEIPT
        case _:
            plain = text(value)
            return None if is_empty(plain) else plain, None


def _slow_number(reading: Reading, value: str) -> tuple[object, str | None]:
    read = amount(value)
    if read.value is None:
        return None, read.reason
    scaled = (read.value * reading.field.unit).quantize(Decimal("0.0001"))
    return float(scaled) if reading.type == "float" else scaled, None
