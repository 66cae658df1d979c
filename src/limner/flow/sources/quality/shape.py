"""The shape of a file: its columns, what their values are, its encoding. A look at its head, before it is taken."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from limner.core.errors import LimnerError
from limner.flow.sources.base import LINE, kind_of
from limner.flow.sources.encodings import encoding_of
from limner.flow.sources.reading import chunks_of

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.flow.sources.definition import Source

LOOKED_AT: Final = 500
"""Rows looked at."""

_SURE, _ALIKE = 0.95, 0.75
_TEXT_KINDS = frozenset({"csv", "fixed", "jsonl"})
_NUMBER = r"^\s*[-+]?[¥￥$€£]?\s*[-+]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?([eE][-+]?\d+)?\s*[%元]?\s*$"
_STAMP = r"^\s*(\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([T ]+\d{1,2}:\d{2}.*)?\s*$"
_ZONED = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})\s*$"
_LONG = r"\.\d*(0{6,}|9{6,})\d{1,3}\s*$"


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """What the values of a column are: number, instant, text, or empty where none was seen.

    `is_zoned`: its stamps carry a zone. `is_float`: some decimals were written by a machine that could not hold them
    (0.30000000000000004).
    """

    type: str
    is_zoned: bool = False
    is_float: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a file in order, and the encoding of a text file (else empty)."""

    columns: Mapping[str, ColumnShape] = field(default_factory=dict)
    encoding: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        columns = {name: [one.type, one.is_zoned, one.is_float] for name, one in self.columns.items()}
        return {"columns": columns, "encoding": self.encoding}


def as_shape(body: Mapping[str, Any]) -> Shape:
    """A shape out of its plain values."""
    return Shape({name: ColumnShape(*one) for name, one in body["columns"].items()}, body["encoding"])


def shape_of(source: Source, path: Path, columns: Mapping[str, str]) -> Shape:
    """The shape of a file. A file that cannot be read has the shape of its columns: reading it will say why."""
    kind = kind_of(source) or path.suffix.lower().lstrip(".")
    is_text = kind in _TEXT_KINDS or kind in ("txt", "tsv", "gz")
    encoding = encoding_of(path, source.encoding) if is_text else ""
    rows = _head(source, path, columns)
    found = {}
    for name, stated in columns.items():
        seen = rows[name] if rows is not None and name in rows.column_names else None
        found[name] = _shape(seen, stated)
    return Shape(found, encoding)


def _head(source: Source, path: Path, columns: Mapping[str, str]) -> pa.Table | None:
    chunks = chunks_of(source, path, list(columns), LOOKED_AT)
    try:
        chunk = next(iter(chunks), None)
    except LimnerError:
        return None
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    return None if chunk is None else chunk.rows.drop_columns([LINE]).slice(0, LOOKED_AT)


def _shape(values: pa.ChunkedArray | None, stated: str) -> ColumnShape:
    """What values are; a column that is no text is what it is stated to be."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if values is None:
        return ColumnShape("")
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        is_zoned = pa.types.is_timestamp(values.type) and values.type.tz is not None
        kind = {"date": "instant"}.get(stated, stated) if values.null_count < len(values) else ""
        return ColumnShape(kind, is_zoned, pa.types.is_floating(values.type) and _is_long(values))
    text = pc.utf8_normalize(pc.utf8_trim_whitespace(values.drop_null()), form="NFKC")
    text = text.filter(pc.not_equal(text, ""))
    if not len(text):
        return ColumnShape("")

    def share(pattern: str, of: Any = text) -> float:
        return (pc.sum(pc.match_substring_regex(of, pattern)).as_py() or 0) / len(of)

    if share(_NUMBER) >= _SURE:
        return ColumnShape("number", is_float=share(_LONG) > 0)
    if share(_STAMP) >= _SURE:
        return ColumnShape("instant", is_zoned=share(_ZONED) >= _SURE)
    return ColumnShape("text")


def _is_long(values: pa.ChunkedArray) -> bool:
    """Whether numbers hold digits that no price has: 0.1 + 0.2."""
    import pyarrow.compute as pc

    known = values.drop_null().cast("float64")
    rounded = pc.round(known, 6)
    return bool(
        pc.any(pc.and_(pc.not_equal(known, rounded), pc.less(pc.abs(pc.subtract(known, rounded)), 1e-9))).as_py()
    )


# ------------------------------------------------------------------------------------------------ drift


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference of a file's shape from those before; `is_grave` when a mapped column changed its meaning."""

    kind: str
    subject: str
    was: str
    found: str
    is_grave: bool = False


def drifts(now: Shape, past: Sequence[Shape], mapped: Collection[str]) -> Iterator[Drift]:
    """How the shape of a file differs from those of the last loads, oldest first; none before: nothing."""
    if not past:
        return
    known: dict[str, ColumnShape] = {}
    for one in past:
        known |= {name: shape for name, shape in one.columns.items() if shape.type or name not in known}
    fresh = [name for name in now.columns if name not in known]
    gone = [name for name in past[-1].columns if name not in now.columns]
    for was, name in _renamed(gone, fresh):
        fresh.remove(name)
        gone.remove(was)
        yield Drift("column_renamed", was, was, name, is_grave=was in mapped)
    yield from (Drift("column_new", name, "", now.columns[name].type) for name in fresh)
    yield from (Drift("column_missing", name, known[name].type, "", is_grave=name in mapped) for name in gone)
    for name, shape in now.columns.items():
        if name in known:
            yield from _changed(name, known[name], shape, is_mapped=name in mapped)
    before = [one.encoding for one in past if one.encoding]
    if before and now.encoding and now.encoding not in before:
        yield Drift("encoding", "file", before[-1], now.encoding)


def _changed(name: str, was: ColumnShape, now: ColumnShape, *, is_mapped: bool) -> Iterator[Drift]:
    if was.type and now.type and was.type != now.type:
        yield Drift("type_changed", name, was.type, now.type, is_grave=is_mapped)
    elif was.type == now.type == "instant" and was.is_zoned and not now.is_zoned:
        yield Drift("zone_lost", name, "+08:00", "", is_grave=is_mapped)
    if now.is_float and not was.is_float and was.type == "number":
        yield Drift("floats", name, "", "0.30000000000000004")


def _renamed(gone: Sequence[str], fresh: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of a column that is gone and a new one that is called alike, the most alike first."""
    pairs = [(alike(was, name), was, name) for was in gone for name in fresh]
    found: list[tuple[str, str]] = []
    for share, was, name in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        is_free = all(was != a and name != b for a, b in found)
        if share >= _ALIKE and is_free:
            found.append((was, name))
    return found


def alike(one: str, other: str) -> float:
    """How alike two headers are, from 0 to 1; width, case, blanks and marks do not count.

    >>> alike("手机号", "手机号码") > 0.75, alike("Order ID", "order_id"), alike("金额", "城市")
    (True, 1.0, 0.0)
    """
    return SequenceMatcher(None, _plain(one), _plain(other)).ratio()


def _plain(header: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", header).casefold() if c.isalnum())
