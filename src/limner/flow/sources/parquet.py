"""Parquet files, row groups at a time, with the types they have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from limner.core.errors import BadInput, Broken
from limner.flow.sources.base import CHUNK_ROWS, EMPTY_FILE, LINE, UNREADABLE_FILE, Chunk, ReadOptions, source_kind


def _file(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.stat().st_size == 0:
        raise BadInput(EMPTY_FILE, path=path, what="rows")
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise Broken(UNREADABLE_FILE, path=path, kind="Parquet", why=str(error).splitlines()[0]) from error


def _word(kind: Any) -> str:
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return "instant" if kind.tz else "wall"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    return "text"


@source_kind("parquet")
class ParquetReader:
    """Parquet as it is; a row's line is its place in the file, counted from 1."""

    suffixes: ClassVar[tuple[str, ...]] = (".parquet", ".pq")

    def columns(self, path: Path, options: ReadOptions) -> Mapping[str, str]:
        """The columns with the types they have."""
        return {field.name: _word(field.type) for field in _file(path).schema_arrow}

    def chunks(
        self, path: Path, options: ReadOptions, columns: Sequence[str], size: int = CHUNK_ROWS
    ) -> Iterator[Chunk]:
        """Rows in the order of the file."""
        import numpy as np
        import pyarrow as pa

        file = _file(path)
        known = set(file.schema_arrow.names)
        wanted = [name for name in columns if name in known]
        total, first = file.metadata.num_rows, 1
        waiting: list[Any] = []
        try:
            for batch in file.iter_batches(
                batch_size=min(size, 131_072), columns=wanted or [file.schema_arrow.names[0]]
            ):
                waiting.append(batch)
                if sum(b.num_rows for b in waiting) >= size:
                    yield _numbered(waiting, first, total)
                    first, waiting = first + sum(b.num_rows for b in waiting), []
        except (pa.ArrowInvalid, OSError) as error:
            raise Broken(UNREADABLE_FILE, path=path, kind="Parquet", why=str(error).splitlines()[0]) from error
        if waiting or first == 1:
            schema = pa.schema([file.schema_arrow.field(n) for n in wanted])
            empty = pa.table({LINE: pa.array(np.arange(0))})
            yield (
                _numbered(waiting, first, total)
                if waiting
                else Chunk(schema.empty_table().append_column(LINE, empty[LINE]), (), 0, total)
            )


def _numbered(batches: list[Any], first: int, total: int) -> Chunk:
    import numpy as np
    import pyarrow as pa

    rows = pa.Table.from_batches(batches)
    rows = rows.append_column(LINE, pa.array(np.arange(first, first + rows.num_rows)))
    return Chunk(rows, (), first + rows.num_rows - 1, total)
