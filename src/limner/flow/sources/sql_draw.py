"""Rows drawn out of a database into a file that waits to be loaded: what a kill leaves is drawn anew or loaded.

A reading ends in a Parquet file below `state/incoming`, complete or not there. It is loaded as any file is, in batches
that a killed run takes up again, and where the reading ended is in force once that load is done: one commit says both.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from limner.core.errors import BadDefinition, BadInput, words
from limner.core.spans import parse_span
from limner.core.tell import Tell, silent
from limner.flow.sources.base import source_kind
from limner.flow.sources.cursors import Cursor, High, last_cursor
from limner.flow.sources.definition import Source
from limner.flow.sources.mapping import mapped
from limner.flow.sources.parquet import ParquetReader
from limner.flow.sources.sql_cells import Odd, as_batch, as_text, schema_of
from limner.flow.sources.sql_place import reading, relation

if TYPE_CHECKING:
    from sqlalchemy import Connection, FromClause, Select

    from limner.store.stores import Stores

EMPTY_CURSOR = words(
    "sql_cursor_empty",
    "Source {source!r}: there are rows without a value in the cursor {column!r}; they would never be read. Choose a "
    "column that is always filled, or say query: with coalesce(…).",
)
OTHER_CURSOR = words(
    "sql_cursor_changed",
    "Source {source!r} was read by the cursor {before!r} until {high}, and now says {column!r}. Say {before!r} again, "
    "or withdraw its loads (limner withdraw LOAD) to read it from the beginning.",
)
BAD_OVERLAP = words(
    "sql_overlap_bad",
    "Source {source!r}: the overlap {overlap!r} does not go with the cursor {column!r}, whose values are {kind}. Write "
    "a span such as 10m for instants and days, a number for numbers, and none for texts.",
)
TOO_MANY_TIES = words(
    "sql_too_many_ties",
    "Source {source!r}: more than {most} rows stand within the overlap of the last value of {column!r}. Choose a finer "
    "cursor, or a shorter overlap.",
)

_ROWS: Final = 50_000
"""Rows fetched at once."""

_MOST_SEEN: Final = 4_000_000
"""Rows near the end of a reading that are kept in mind, 16 bytes each."""


@source_kind("sql")
class SqlReader(ParquetReader):
    """What was drawn out of a database, as it lies in its file."""

    suffixes: ClassVar[tuple[str, ...]] = ()


def incoming(source: Source, folder: Path) -> Path:
    """Where the rows of a source wait."""
    return folder / "state" / "incoming" / source.id


def waiting(source: Source, folder: Path) -> list[Path]:
    """What was drawn and not loaded yet, oldest first."""
    return sorted(incoming(source, folder).glob("*.parquet"))


def clear_incoming(folder: Path, source: str = "*") -> int:
    """Delete what waits of a source, or of every one; how many files. It is drawn anew by the next collect."""
    found = [path for path in (folder / "state" / "incoming").glob(f"{source}/*") if path.is_file()]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


def draw(stores: Stores, source: Source, url: str, folder: Path, tell: Tell = silent) -> Path | None:
    """Read what is new into a file; None when there is nothing. Nothing of an earlier reading may wait any more.

    A source without a cursor is read whole. Raises Broken when the database does not answer.
    """
    place = incoming(source, folder)
    for each in (place.parent, place):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)
        each.chmod(0o700)
    for left in place.glob(".*.part"):
        left.unlink()
    before = last_cursor(stores, source)
    part = place / f".{source.id}.part"
    texts: set[str] = set()
    with reading(source, url, folder) as connection:
        asked = _Asked.of(source, connection, before)
        while True:
            try:
                rows = _write(asked, connection, part, texts, tell)
                break
            except Odd as odd:
                texts.add(odd.column)
    if not rows:
        part.unlink(missing_ok=True)
        return None
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    target = place / f"{source.id}-{_next(stores)}.parquet"
    part.rename(target)
    return target


def _next(stores: Stores) -> int:
    with stores.ledger.write() as connection:
        return stores.ledger.take(connection, "drawn")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is read: the relation, the columns wanted, and from where on."""

    source: Source
    rows: FromClause
    names: tuple[str, ...]
    before: Cursor | None

    @classmethod
    def of(cls, source: Source, connection: Connection, before: Cursor | None) -> _Asked:
        found = relation(source, connection)
        sql = source.sql
        cursor, key = (sql.cursor, sql.key) if sql else ("", "")
        every = [str(name) for name in found.c.keys()]  # noqa: SIM118 - columns, not a mapping
        place = (sql.table if sql else "") or "its query"
        made = mapped(source, dict.fromkeys(every, "text"), place, zone="UTC", currency="CNY", properties={})
        wanted = {*made.used_columns, cursor, key}
        if before is not None and before.column != cursor:
            raise BadDefinition(
                OTHER_CURSOR, source=source.id, before=before.column, high=str(before.high.value), column=cursor
            )
        asked = cls(source, found, tuple(name for name in every if name in wanted) or tuple(every[:1]), before)
        asked._check(connection)
        return asked

    @property
    def cursor(self) -> str:
        """The cursor column; empty: the whole is read."""
        return self.source.sql.cursor if self.source.sql else ""

    @property
    def key(self) -> str:
        """The column that tells rows of one cursor value apart; empty: all of their columns do."""
        return self.source.sql.key if self.source.sql else ""

    def _check(self, connection: Connection) -> None:
        from sqlalchemy import literal, select

        if self.cursor:
            empty = select(literal(1)).select_from(self.rows).where(self.rows.c[self.cursor].is_(None)).limit(1)
            if connection.execute(empty).first() is not None:
                raise BadInput(EMPTY_CURSOR, source=self.source.id, column=self.cursor)

    def statement(self) -> Select[Any]:
        """The rows from the last end on, less the overlap, in the order of the cursor."""
        from sqlalchemy import select

        columns = self.rows.c
        found = select(*(columns[name] for name in self.names))
        if self.cursor and self.before is not None:
            found = found.where(columns[self.cursor] >= self.back(self.before.high.value))
        ordered = [columns[name] for name in (self.cursor, self.key) if name]
        return found.order_by(*ordered) if ordered else found

    def back(self, value: Any) -> Any:
        """A cursor's value less the overlap."""
        overlap = self.overlap_of(value)
        return value if overlap is None else value - overlap

    def overlap_of(self, value: Any) -> Any:
        """The overlap as what can be taken off such a value; None without one."""
        overlap = self.source.sql.overlap if self.source.sql else ""
        if not overlap:
            return None
        try:
            if isinstance(value, datetime | date):
                return parse_span(overlap)
            if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
                return _number(value, overlap)
        except (ValueError, ArithmeticError):
            pass
        kind = type(value).__name__
        raise BadDefinition(BAD_OVERLAP, source=self.source.id, overlap=overlap, column=self.cursor, kind=kind)


def _number(like: Any, text: str) -> Any:
    """A number of the same kind as another."""
    return type(like)(text)


def _write(asked: _Asked, connection: Connection, part: Path, texts: set[str], tell: Tell) -> int:
    """Write the rows that are new into a file, and beside them where the reading ended; how many there are."""
    import pyarrow.parquet as pq

    near = _Near(asked)
    writer: pq.ParquetWriter | None = None
    total = 0
    try:
        for rows in _fetched(asked, connection):
            fresh = [row for row in rows if near.is_new(row)] if asked.cursor else rows
            if not fresh:
                continue
            columns = list(zip(*fresh, strict=True))
            if writer is None:
                schema = schema_of(asked.names, columns, texts)
                writer = pq.ParquetWriter(part, schema, compression="zstd")
            writer.write_batch(as_batch(writer.schema, columns))
            total += len(fresh)
            tell(total, 0, asked.source.id)
        if writer is not None and asked.cursor:
            writer.add_key_value_metadata({_END: near.ended().packed()})
    finally:
        if writer is not None:
            writer.close()
    return total


_END: Final = "limner.cursor"


def _fetched(asked: _Asked, connection: Connection) -> Iterator[Sequence[Sequence[Any]]]:
    streaming = connection.execution_options(stream_results=True, yield_per=_ROWS)
    with streaming.execute(asked.statement()) as result:
        yield from result.partitions()


class _Near:
    """The rows near the end of a reading, so that the next one knows them again."""

    def __init__(self, asked: _Asked) -> None:
        self._asked = asked
        self._known = asked.before.seen_set() if asked.before else frozenset()
        self._until = asked.before.high.value if asked.before else None
        self._at = asked.names.index(asked.cursor) if asked.cursor else 0
        self._key = asked.names.index(asked.key) if asked.key else None
        self._rows: deque[tuple[Any, Sequence[Any]]] = deque()
        self._high: Any = None
        self._overlap: Any = None

    def is_new(self, row: Sequence[Any]) -> bool:
        """Whether a row was not in the reading before. Rows come in the order of the cursor."""
        value = row[self._at]
        told = (value, row[self._key]) if self._key is not None else row
        if value != self._high:
            if self._high is None:
                self._overlap = self._asked.overlap_of(value)
            self._high = value
            least = value if self._overlap is None else value - self._overlap
            while self._rows and self._is_past(self._rows[0][0], least):
                self._rows.popleft()
        self._rows.append((value, told))
        if len(self._rows) > _MOST_SEEN:
            source = self._asked.source.id
            raise BadInput(TOO_MANY_TIES, source=source, most=f"{_MOST_SEEN:,}", column=self._asked.cursor)
        is_old = bool(self._known) and (isinstance(value, str) or value <= self._until)
        return not (is_old and _mark(told) in self._known)

    @staticmethod
    def _is_past(value: Any, least: Any) -> bool:
        """Whether a value lies before the overlap; texts are only told apart: databases sort them in their own ways."""
        return bool(value != least if isinstance(value, str) else value < least)

    def ended(self) -> Cursor:
        """Where the reading ended: never before the end of the last one."""
        high, before = self._high, self._asked.before
        if before is not None and not isinstance(high, str) and before.high.value > high:
            high = before.high.value
        return Cursor(self._asked.cursor, High(high), b"".join(sorted(_mark(told) for _, told in self._rows)))


def _mark(told: Sequence[Any]) -> bytes:
    """What a row is known by."""
    return hashlib.blake2b("\x1f".join(_plain(cell) for cell in told).encode(), digest_size=16).digest()


def _plain(cell: object) -> str:
    return "\x00" if cell is None else as_text(cell) or ""


def end_of(path: Path) -> Cursor | None:
    """Where the reading of a drawn file ended; None for one that was read whole."""
    import pyarrow.parquet as pq

    found: Mapping[bytes, bytes] = pq.read_metadata(path).metadata or {}
    packed = found.get(_END.encode())
    return Cursor.unpacked(packed.decode()) if packed else None
