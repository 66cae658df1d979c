"""CSV and other delimited text: encoding and delimiter found, quoted newlines allowed, ragged rows kept as broken."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from limner.core.errors import BadInput, Broken, words
from limner.flow.sources.base import (
    CHUNK_ROWS,
    EMPTY_FILE,
    LINE,
    UNREADABLE_FILE,
    Chunk,
    ReadOptions,
    headers,
    source_kind,
    stripped,
)
from limner.flow.sources.encodings import Utf8Stream, encoding_of, mark_of

DELIMITERS = (",", "\t", ";", "|", "，")
RAGGED = "wrong number of columns"
BAD_MARK = words(
    "csv_mark_bad", '{path}: {name} is {value!r}, it must be one character such as "; quote may also be none.'
)
_BLOCK = 8 << 20
_PREAMBLE, _NARROW = 40, 3
_PREAMBLE, _NARROW = 40, 3
_CODED = re.compile(r"\\x([0-9a-fA-F]{2})|\\t")
_STAND_INS = ("\x1f", "\x02", "\x03", "\x04")
"""Characters that no text means anything by; one of them stands for a delimiter of several characters."""
_LOOKED_AT = 200


def delimiter_of(sample: str, stated: str = "") -> str:
    """The delimiter that cuts most lines into the same number of columns; ties go to the one that cuts into more.

    >>> delimiter_of("a;b;c\\n1,5;2;3\\n2,5;3;4\\n")
    ';'
    >>> delimiter_of("", r"\\x01"), delimiter_of("", "|@|")
    ('\\x01', '|@|')
    """
    if stated:
        return "\t" if stated == "tab" else _CODED.sub(_character, stated)

    def fit(delimiter: str) -> tuple[float, int]:
        rows = filter(any, csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter))
        widths = [len(row) for row in islice(rows, _LOOKED_AT)]
        width, count = Counter(widths).most_common(1)[0] if widths else (1, 0)
        return (count / len(widths), width) if width > 1 else (0.0, 1)

    try:
        return max(DELIMITERS, key=fit)
    except csv.Error:
        return ","


def _character(code: re.Match[str]) -> str:
    return "\t" if code[0] == "\\t" else chr(int(code[1], 16))


@dataclass(frozen=True, slots=True)
class Layout:
    """How a delimited file is laid out: `names` of its columns, `first` lines before its first row.

    `cut` is the character that Arrow cuts at: the delimiter, or what is put in its place where that is not one
    character of one byte.
    """

    encoding: str
    delimiter: str
    cut: str
    quote: str
    escape: str
    names: tuple[str, ...]
    first: int

    @property
    def is_swapped(self) -> bool:
        """Whether another character stands for the delimiter while the file is read."""
        return self.cut != self.delimiter


def _sample(path: Path, encoding: str) -> str:
    with Utf8Stream(path, encoding) as stream:
        head = io.BufferedReader(stream).read(256 << 10).decode("utf-8", "ignore")
    cut = head.rfind("\n")
    return head[: cut + 1] if cut > 0 and len(head) >= (250 << 10) else head


def _quote(stated: str, delimiter: str, path: Path) -> str:
    """The quote character; none: empty. Files cut at odd delimiters seldom have one."""
    if stated == "none":
        return ""
    if len(stated) > 1 or not stated.isascii():
        raise BadInput(BAD_MARK, path=path, name="quote", value=stated)
    return stated or ('"' if delimiter in DELIMITERS else "")


@lru_cache(maxsize=256)
def _layout_of(path: Path, options: ReadOptions, _mark: object) -> Layout:
    encoding = encoding_of(path, options.encoding)
    sample = _sample(path, encoding)
    lines = io.StringIO(sample, newline="").readlines()[options.skip :]
    body = "".join(lines)
    delimiter = delimiter_of(body, options.delimiter)
    quote = _quote(options.quote, delimiter, path)
    if len(options.escape) > 1 or not options.escape.isascii():
        raise BadInput(BAD_MARK, path=path, name="escape", value=options.escape)
    plain = len(delimiter) == 1 and delimiter.isascii()
    cut = delimiter if plain else next(mark for mark in _STAND_INS if mark not in delimiter)
    if options.columns:
        if not any(line.strip() for line in lines):
            raise BadInput(EMPTY_FILE, path=path, what="rows")
        return Layout(encoding, delimiter, cut, quote, options.escape, options.columns, options.skip)
    swapped = body if plain else body.replace(cut, "").replace(delimiter, cut)
    how = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(io.StringIO(swapped, newline=""), delimiter=cut, escapechar=options.escape or None, **how)
    try:
        head, line = header_of(reader)
    except csv.Error as error:
        raise Broken(UNREADABLE_FILE, path=path, kind="CSV", why=str(error)) from error
    if not head:
        raise BadInput(EMPTY_FILE, path=path, what="header")
    return Layout(encoding, delimiter, cut, quote, options.escape, tuple(headers(head)), options.skip + line)


def header_of(reader: Any) -> tuple[list[str], int]:
    """The header among the first records, and the line it ends on: the first record half as full as the fullest.

    Bills and reports begin with lines of a title, an account, a span of days. A file of less than four columns begins
    with its header. Empty when every record is.
    """
    seen: list[tuple[list[str], int, int]] = []
    for row in reader:
        filled = sum(bool(cell.strip()) for cell in row)
        if filled:
            seen.append((row, reader.line_num, filled))
        if len(seen) == _PREAMBLE:
            break
    fullest = max((filled for *_, filled in seen), default=0)
    least = fullest / 2 if fullest > _NARROW else 1
    return next(((row, line) for row, line, filled in seen if filled >= least), ([], 0))


@source_kind("csv")
class CsvReader:
    """Delimited text of any of the known encodings, packed with gzip or not."""

    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".txt", ".tsv")

    def columns(self, path: Path, options: ReadOptions) -> Mapping[str, str]:
        """The header, or the names stated; everything is text."""
        return dict.fromkeys(_layout_of(path, options, mark_of(path)).names, "text")

    def chunks(
        self, path: Path, options: ReadOptions, columns: Sequence[str], size: int = CHUNK_ROWS
    ) -> Iterator[Chunk]:
        """Rows in the order of the file; a row of another width is broken, an empty line is nothing."""
        layout = _layout_of(path, options, mark_of(path))
        wanted = [name for name in layout.names if name in set(columns)]
        ragged: list[tuple[int, str]] = []
        total = path.stat().st_size
        with Utf8Stream(path, layout.encoding) as stream:
            batches = _batches(stream, path, layout, wanted, ragged)
            for rows, broken in _in_lines(batches, ragged, layout.first, size):
                yield Chunk(stripped(rows, options.strip), broken, min(stream.tell_bytes(), total), total)


def _batches(
    stream: Utf8Stream, path: Path, layout: Layout, wanted: Sequence[str], ragged: list[tuple[int, str]]
) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    def odd(row: Any) -> str:
        ragged.append((row.number, row.text.replace(layout.cut, layout.delimiter)))
        return "skip"

    source = pa.PythonFile(_Swapped(stream, layout) if layout.is_swapped else stream, mode="r")
    names = list(layout.names)
    try:
        reader = pa_csv.open_csv(
            source,
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=_BLOCK, skip_rows=layout.first, column_names=names
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=layout.cut,
                quote_char=layout.quote or False,
                escape_char=layout.escape or False,
                newlines_in_values=bool(layout.quote or layout.escape),
                ignore_empty_lines=False,
                invalid_row_handler=odd,
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                check_utf8=False,
                include_columns=list(wanted) or names[:1],
            ),
        )
        yield from (_restored(batch, layout) for batch in reader) if layout.is_swapped and layout.quote else reader
    except pa.ArrowInvalid as error:
        if "Empty CSV file" in str(error):
            return
        raise Broken(UNREADABLE_FILE, path=path, kind="CSV", why=str(error).splitlines()[0]) from error


def _restored(batch: Any, layout: Layout) -> Any:
    """The delimiter back in the values that hold it inside quotes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [pc.replace_substring(column, layout.cut, layout.delimiter) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


class _Swapped(io.RawIOBase):
    """A stream with one character for the delimiter, which is all Arrow takes; where that stood, it is dropped."""

    def __init__(self, stream: Utf8Stream, layout: Layout) -> None:
        self._stream, self._mark, self._cut, self._rest = stream, layout.delimiter.encode(), layout.cut.encode(), b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found = b""
        while not found:
            block = (self._stream.read(size) or b"").replace(self._cut, b"")
            whole = self._rest + block
            if not whole:
                break
            ends = range(1, len(self._mark)) if block else ()
            keep = max((n for n in ends if whole.endswith(self._mark[:n])), default=0)
            self._rest = whole[len(whole) - keep :]
            found = whole[: len(whole) - keep].replace(self._mark, self._cut)
        return found


def _in_lines(
    batches: Iterator[Any], ragged: list[tuple[int, str]], first: int, size: int
) -> Iterator[tuple[Any, list[tuple[int, str, str]]]]:
    """Put line numbers to rows, drop empty lines, and gather batches into chunks of about `size` rows.

    Arrow counts records; a record with newlines inside stands on several lines, so the newlines are counted too.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    records, line, waiting, broken = 0, first, [], []
    for batch in batches:
        ours = [r for r in ragged if r[0] is not None]
        ragged.clear()
        table, records, line, found = _numbered(batch, ours, records, line, first)
        broken += found
        blank = None
        for name in table.column_names[:-1]:
            is_blank = pc.equal(table[name], "")
            blank = is_blank if blank is None else pc.and_(blank, is_blank)
        waiting.append(table.filter(pc.invert(blank)) if blank is not None and pc.any(blank).as_py() else table)
        if sum(t.num_rows for t in waiting) >= size:
            yield pa.concat_tables(waiting), broken
            waiting, broken = [], []
    broken += [(first + number, text, RAGGED) for number, text in ragged]
    if waiting or broken:
        yield pa.concat_tables(waiting) if waiting else pa.table({LINE: pa.array([], pa.int64())}), broken


def _numbered(
    batch: Any,
    ragged: list[tuple[int, str]],
    records: int,
    line: int,
    first: int,
) -> tuple[Any, int, int, list[tuple[int, str, str]]]:
    """The batch with `_line`; `records` counts records so far, `line` is the last line used."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    table = pa.Table.from_batches([batch])
    newlines = np.zeros(table.num_rows, dtype=np.int64)
    for name in table.column_names:
        inside = pc.count_substring(table[name], "\n")
        if pc.max(inside).as_py():
            newlines += inside.to_numpy()
    total = table.num_rows + len(ragged)
    is_odd = np.zeros(total, dtype=bool)
    base = records + first
    places = [number - base - 1 for number, _ in ragged]
    is_odd[[p for p in places if 0 <= p < total]] = True
    if int(is_odd.sum()) != len(ragged):
        is_odd[:] = False
        is_odd[table.num_rows :] = True
    height = np.ones(total, dtype=np.int64)
    height[~is_odd] += newlines
    starts = line + 1 + np.concatenate([[0], np.cumsum(height)[:-1]])
    found = [(int(starts[p]), text, RAGGED) for p, (_, text) in zip(np.flatnonzero(is_odd), ragged, strict=True)]
    table = table.append_column(LINE, pa.array(starts[~is_odd]))
    return table, records + total, int(line + height.sum()), found
