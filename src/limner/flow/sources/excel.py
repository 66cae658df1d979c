"""Excel and OpenDocument sheets: every cell as the text a person would type, numbers without a stray ".0"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, ClassVar

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
)

NO_SHEET = words("sheet_unknown", "{path} has no sheet {sheet!r}. It has: {known}.")
_LOOKED_AT = 20


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
        rows = _sheet(path, options).to_python(skip_empty_area=False, nrows=options.skip + _LOOKED_AT)
        head = _head(rows, options.skip)
        return dict.fromkeys(headers(_trimmed(rows[head])), "text")

    def chunks(
        self, path: Path, options: ReadOptions, columns: Sequence[str], size: int = CHUNK_ROWS
    ) -> Iterator[Chunk]:
        """Rows below the header; rows without any filled cell are nothing."""
        import pyarrow as pa

        rows = _sheet(path, options).to_python(skip_empty_area=False)
        head = _head(rows, options.skip)
        names = headers(_trimmed(rows[head]))
        places = [(name, place) for place, name in enumerate(names) if name in set(columns)]
        for start in range(head + 1, len(rows), size):
            part = [
                (line, row)
                for line, row in enumerate(rows[start : start + size], start + 1)
                if any(cell not in ("", None) for cell in row)
            ]
            table = {name: pa.array([cell_text(row[place]) for _, row in part], pa.string()) for name, place in places}
            table[LINE] = pa.array([line for line, _ in part], pa.int64())
            yield Chunk(pa.table(table), (), min(start + size, len(rows)), len(rows))


def _trimmed(row: Sequence[object]) -> list[object]:
    cells = list(row)
    while cells and cells[-1] in ("", None):
        cells.pop()
    return cells
