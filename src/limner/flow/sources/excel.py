"""Excel and OpenDocument sheets: every cell as the text a person would type, numbers without a stray ".0"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from limner.core.errors import BadInput, Broken, NotFound, near, words
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
from limner.flow.sources.encodings import mark_of

if TYPE_CHECKING:
    import pyarrow as pa

NO_SHEET = words("sheet_unknown", "{path} has no sheet {sheet!r}. It has: {known}.")
_LOOKED_AT = 20
_FEW: Final = 20_000
"""Rows of a sheet that is kept in memory until its source is read."""


def cell_text(cell: object) -> str | None:
    """A cell as text; None when it is empty.

    >>> cell_text(13812349876.0), cell_text(12.5), cell_text(datetime(2026, 9, 1)), cell_text("")
    ('13812349876', '12.5', '2026-09-01 00:00:00', None)
    """
    match cell:
        case None | "":
            return None
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        case datetime():
            return cell.isoformat(" ")
        case date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell)
        case _:
            return str(cell)


def _sheet(path: Path, options: ReadOptions) -> Any:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
        names = list(book.sheet_names)
        if options.sheet and options.sheet not in names:
            raise NotFound(
                NO_SHEET, near=near(options.sheet, names), path=path, sheet=options.sheet, known=", ".join(names)
            )
        wanted = [options.sheet] if options.sheet else names
        for name in wanted:
            sheet = book.get_sheet_by_name(name)
            if sheet.total_height:
                return sheet
    except (CalamineError, OSError, ValueError) as error:
        raise Broken(UNREADABLE_FILE, path=path, kind="Excel", why=str(error)) from error
    raise BadInput(EMPTY_FILE, path=path, what="rows")


def _head(rows: Sequence[Sequence[object]], skip: int) -> int:
    """The place of the header: the first row after `skip` with as many filled cells as the widest of the first rows."""
    filled = [sum(cell not in ("", None) for cell in row) for row in rows[skip : skip + _LOOKED_AT]]
    widest = max(filled, default=0)
    return skip + next((place for place, count in enumerate(filled) if count >= max(widest * 0.6, 1)), 0)


@source_kind("excel")
class ExcelReader:
    """xlsx, xls, xlsb and ods; the first sheet that has rows, or the one named."""

    suffixes: ClassVar[tuple[str, ...]] = (".xlsx", ".xls", ".xlsb", ".xlsm", ".ods")

    def columns(self, path: Path, options: ReadOptions) -> Mapping[str, str]:
        """The header; everything is text."""
        return dict.fromkeys(_looked(path, options, mark_of(path))[0], "text")

    def chunks(
        self, path: Path, options: ReadOptions, columns: Sequence[str], size: int = CHUNK_ROWS
    ) -> Iterator[Chunk]:
        """Rows below the header; rows without any filled cell are nothing."""
        names, kept = _looked(path, options, mark_of(path))
        rows, total = (kept, kept.num_rows) if kept is not None else _table(path, options)[1:]
        chosen = rows.select([*(name for name in names if name in set(columns)), LINE])
        for start in range(0, chosen.num_rows, size):
            yield Chunk(stripped(chosen.slice(start, size), options.strip), (), min(start + size, total), total)


@lru_cache(maxsize=64)
def _looked(path: Path, options: ReadOptions, _mark: object) -> tuple[tuple[str, ...], pa.Table | None]:
    """The header of a sheet, and its rows when they are few: small sheets come by the dozen and are read once."""
    names, rows, _ = _table(path, options)
    return names, rows if rows.num_rows <= _FEW else None


def _table(path: Path, options: ReadOptions) -> tuple[tuple[str, ...], pa.Table, int]:
    """The header of a sheet, its rows that have a filled cell as text with their line, and the number of lines."""
    import numpy as np
    import pyarrow as pa

    rows = _sheet(path, options).to_python(skip_empty_area=False)
    head = _head(rows, options.skip)
    names = tuple(headers(_trimmed(rows[head])))
    body = rows[head + 1 :]
    cells = list(zip(*body, strict=True)) if body else [()] * len(names)
    texts = [_texts(column) for column in cells]
    is_filled = np.zeros(len(body), dtype=bool)
    for column in texts:
        is_filled |= ~np.asarray(column.is_null())
    lines = pa.array(np.arange(head + 2, head + 2 + len(body)))
    table = pa.table([*texts[: len(names)], lines], names=[*names, LINE])
    return names, table if is_filled.all() else table.filter(pa.array(is_filled)), len(rows)


def _texts(cells: Sequence[object]) -> pa.Array:
    """A column of cells as text; each different cell is written once."""
    import pyarrow as pa

    kinds = set(map(type, cells))
    if bool in kinds:  # True and 1 are the same key
        return pa.array([cell_text(cell) for cell in cells], pa.string())
    written = {cell: cell_text(cell) for cell in set(cells)}
    return pa.array([written[cell] for cell in cells], pa.string())


def _trimmed(row: Sequence[object]) -> list[object]:
    cells = list(row)
    while cells and cells[-1] in ("", None):
        cells.pop()
    return cells
