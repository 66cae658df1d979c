"""The contracts of this station: how files of a kind are read, and what a quality check is.

A source kind is a class with the methods of `Reader`, named by `@source_kind("csv")` in a module of this folder, from
an entry point `limner.sources`, or from a trusted workspace folder. A check is a function named by `@check_kind`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from limner.core.errors import BadDefinition, BadInput, near, words
from limner.core.registry import Registry

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.flow.sources.definition import Source
    from limner.store.stores import Stores

UNREADABLE_FILE = words("file_unreadable", "{path} cannot be read as {kind}: {why}. Nothing of it was taken.")
EMPTY_FILE = words("file_empty", "{path} is empty: it has no {what}. Nothing was taken.")
NO_KIND = words(
    "file_kind_unknown", "{path}: nothing is known of files ending in {suffix!r}. Known: {known}. Or write kind: csv."
)
NO_PLACE = words(
    "fixed_place_bad",
    "Source {source!r}: the column {column!r} starts at {start} and is {width} wide. Count from 1, give it a width of "
    "1 or more, and keep it within the line ({length}).",
)

CHUNK_ROWS = 1_000_000
"""Rows handled at once: what bounds the memory of a load."""

LINE = "_line"
"""The column every chunk has: the line (of a sheet: the row) a row stands on, from 1, the header included."""


PLACE_BITS = 36
"""While rows are worked on, `_line` holds load × 2^36 + line: one number says which row of which load it is."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a file is read, as far as its definition says; empty means: find out."""

    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    skip: int = 0
    quote: str = ""
    escape: str = ""
    columns: tuple[str, ...] = ()
    fixed: Laid | None = None
    strip: str = ""


@dataclass(frozen=True, slots=True)
class Laid:
    """Columns at fixed places: (name, start from 0, width), and the rest of `Fixed`."""

    columns: tuple[tuple[str, int, int], ...]
    is_bytes: bool = False
    length: int = 0
    is_trimmed: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of a file. `rows` has the columns asked for and `_line`; `broken` are rows that are not rows at all."""

    rows: pa.Table
    broken: Sequence[tuple[int, str, str]] = ()
    """(line, text, reason)"""
    done: int = 0
    total: int = 0
    """Bytes or rows read so far, and in all."""
    left_out: Sequence[tuple[int, str, str]] = ()
    """Single values of rows that are rows: (line, text, reason)"""


class Reader(Protocol):
    """One kind of file. `columns` looks at the beginning; `chunks` walks the whole, a chunk at a time."""

    suffixes: ClassVar[tuple[str, ...]]

    def columns(self, path: Path, options: ReadOptions) -> Mapping[str, str]:
        """The columns in order, each with a type in words: text, number, instant, date, bool."""
        ...

    def chunks(
        self, path: Path, options: ReadOptions, columns: Sequence[str], size: int = CHUNK_ROWS
    ) -> Iterator[Chunk]:
        """The rows, `size` at most at a time, with the columns named (those the file lacks are left out)."""
        ...


readers: Registry[type[Reader]] = Registry("source kind", "limner.flow.sources", "limner.sources")
source_kind = readers.kind


@dataclass(frozen=True, slots=True)
class Finding:
    """What a quality check says: how bad it is, about what, in numbers, and what to do."""

    check: str
    level: str
    subject: str
    count: int
    of: int
    words: str
    values: Mapping[str, object] = field(default_factory=dict)


Check = Callable[["Stores"], Sequence[Finding]]
checks: Registry[Check] = Registry("quality check", "limner.flow.sources", "limner.checks")
check_kind = checks.kind


def options_of(source: Source) -> ReadOptions:
    """How a source's files are read. BadDefinition for a column that stands nowhere."""
    laid = _laid(source) if source.fixed else None
    return ReadOptions(
        source.encoding, source.delimiter, source.sheet, source.skip, source.quote, source.escape, source.columns, laid,
        source.strip,
    )  # fmt: skip


def _laid(source: Source) -> Laid | None:
    fixed = source.fixed
    if fixed is None:
        return None
    for name, place in fixed.columns.items():
        end = place.start + place.width - 1
        if place.start < 1 or place.width < 1 or end > (fixed.length or end):
            raise BadDefinition(
                NO_PLACE, source=source.id, column=name, start=place.start, width=place.width,
                length=fixed.length or "any length",
            )  # fmt: skip
    return Laid(
        tuple((name, place.start - 1, place.width) for name, place in fixed.columns.items()),
        fixed.unit == "bytes", fixed.length, fixed.is_trimmed,
    )  # fmt: skip


def kind_of(source: Source) -> str:
    """The kind a source says its files are; empty: by their endings."""
    return source.kind or ("sql" if source.sql else "fixed" if source.fixed else "")


def reader_of(path: Path, kind: str = "") -> tuple[str, Reader]:
    """The kind of a file, by name or by its suffix, and its reader."""
    if kind:
        return kind, readers.find(kind)()
    suffix = path.suffix.lower() if path.suffix.lower() != ".gz" else Path(path.stem).suffix.lower()
    known = {ending: name for name, cls in readers for ending in cls.suffixes}
    if suffix not in known:
        raise BadInput(NO_KIND, near=near(suffix, known), path=path.name, suffix=suffix, known=", ".join(sorted(known)))
    return known[suffix], readers.find(known[suffix])()


def stripped(rows: pa.Table, characters: str) -> pa.Table:
    """Rows without these characters at either end of their texts; platforms put them there so that Excel keeps digits.

    >>> import pyarrow as pa
    >>> stripped(pa.table({"a": ["`12", None], LINE: [1, 2]}), "`")["a"].to_pylist()
    ['12', None]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not characters:
        return rows
    for place, name in enumerate(rows.column_names):
        if pa.types.is_string(rows[name].type):
            rows = rows.set_column(place, name, pc.utf8_trim(rows[name], characters))
    return rows


def headers(names: Sequence[object]) -> list[str]:
    """Column names as mappings say them: normal text, empty ones numbered, doubled ones counted.

    >>> headers([" 手机号", "", "a", "a"])
    ['手机号', 'column_2', 'a', 'a_2']
    """
    from limner.core.normal import text

    found: list[str] = []
    for place, raw in enumerate(names, 1):
        plain = text("" if raw is None else str(raw)).replace("\n", " ") or f"column_{place}"
        name, turn = plain, 1
        while name in found:
            turn += 1
            name = f"{plain}_{turn}"
        found.append(name)
    return found
