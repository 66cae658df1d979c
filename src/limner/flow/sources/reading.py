"""A source's file as rows: its columns and chunks, with the columns that its folders name (`dt=2026-11-20`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from limner.flow.sources.base import CHUNK_ROWS, Chunk, kind_of, options_of, reader_of
from limner.flow.sources.definition import Source

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def partition_of(path: Path) -> Mapping[str, str]:
    """The columns that the folders of a path name, outermost first.

    >>> dict(partition_of(Path("orders/dt=2026-11-20/city=%E4%B8%8A%E6%B5%B7/part-0.parquet")))
    {'dt': '2026-11-20', 'city': '上海'}
    """
    found = (folder.partition("=") for folder in path.parts[:-1])
    return {name: "" if value == _NO_VALUE else unquote(value) for name, sign, value in found if sign and name}


def columns_of(source: Source, path: Path) -> Mapping[str, str]:
    """The columns of a file as its source reads it; those its folders name come last, and give way to its own."""
    _, reader = reader_of(path, kind_of(source))
    own = reader.columns(path, options_of(source))
    return {**own, **{name: "text" for name in partition_of(path) if name not in own}}


def chunks_of(source: Source, path: Path, columns: Sequence[str], size: int = CHUNK_ROWS) -> Iterator[Chunk]:
    """The rows of a file, `size` at most at a time, with the columns named."""
    _, reader = reader_of(path, kind_of(source))
    options = options_of(source)
    named = {name: value for name, value in partition_of(path).items() if name in set(columns)}
    if named:
        own = reader.columns(path, options)
        named = {name: value for name, value in named.items() if name not in own}
    chunks = reader.chunks(path, options, [name for name in columns if name not in named], size)
    return (_beside(chunk, named) for chunk in chunks) if named else chunks


def _beside(chunk: Chunk, named: Mapping[str, str]) -> Chunk:
    import pyarrow as pa

    rows = chunk.rows
    for name, value in named.items():
        rows = rows.append_column(name, pa.repeat(pa.scalar(value, pa.string()), rows.num_rows))
    return replace(chunk, rows=rows)
