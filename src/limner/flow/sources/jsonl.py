"""JSON lines: one object per line, nested names joined by dots (`user.phone`)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from limner.core.errors import BadInput, Broken
from limner.flow.sources.base import CHUNK_ROWS, EMPTY_FILE, LINE, UNREADABLE_FILE, Chunk, ReadOptions, source_kind
from limner.flow.sources.encodings import Utf8Stream, encoding_of, mark_of
from limner.flow.sources.json_quick import quick_columns, quick_rows

_LOOKED_AT = 5_000
_BLOCK = 16 << 20
NOT_JSON = "not a JSON object"


def _flat(value: Mapping[str, object], lead: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, part in value.items():
        if isinstance(part, dict) and part and len(lead) < 4:
            yield from _flat(part, (*lead, str(name)))
        else:
            yield (*lead, str(name))


def _paths(path: Path, encoding: str) -> Mapping[str, tuple[str, ...]]:
    """Column → the keys that lead to it, as the first lines show them."""
    return _paths_of(path, encoding, mark_of(path))


@lru_cache(maxsize=256)
def _paths_of(path: Path, encoding: str, _mark: object) -> Mapping[str, tuple[str, ...]]:
    with Utf8Stream(path, encoding) as stream:
        lines = list(islice(io.BufferedReader(stream), _LOOKED_AT))
    names = quick_columns(b"".join(lines))
    found: dict[str, tuple[str, ...]] = _looked(lines) if names is None else {name: (name,) for name in names}
    if not found:
        code, what = (UNREADABLE_FILE, {"kind": "JSON lines", "why": "no line of its beginning is a JSON object"})
        raise Broken(code, path=path, **what) if lines else BadInput(EMPTY_FILE, path=path, what="rows")
    return found


def _looked(lines: Sequence[bytes]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for raw in lines:
        try:
            value = json.loads(raw)
        except ValueError:
            continue
        if isinstance(value, dict):
            for keys in _flat(value):
                found.setdefault(".".join(keys), keys)
    return found


@source_kind("jsonl")
class JsonlReader:
    """One JSON object per line; a line that is none is broken. Lists and objects come as their JSON text."""

    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson", ".json")

    def columns(self, path: Path, options: ReadOptions) -> Mapping[str, str]:
        """The names the first lines have; everything is text."""
        return dict.fromkeys(_paths(path, encoding_of(path, options.encoding)), "text")

    def chunks(
        self, path: Path, options: ReadOptions, columns: Sequence[str], size: int = CHUNK_ROWS
    ) -> Iterator[Chunk]:
        """Objects in the order of the file."""
        import pyarrow as pa

        encoding = encoding_of(path, options.encoding)
        paths = _paths(path, encoding)
        wanted = {name: paths[name] for name in columns if name in paths}
        total, first, waiting, broken = path.stat().st_size, 1, [], []
        with Utf8Stream(path, encoding) as stream:
            for lines in _blocks(stream):
                rows, odd = _rows(lines, first, wanted)
                first += len(lines)
                waiting.append(rows)
                broken += odd
                if sum(t.num_rows for t in waiting) >= size:
                    yield Chunk(pa.concat_tables(waiting), broken, min(stream.tell_bytes(), total), total)
                    waiting, broken = [], []
            if waiting:
                yield Chunk(pa.concat_tables(waiting), broken, total, total)


def _read(stream: Utf8Stream, size: int) -> bytes:
    """The next bytes of the stream, `size` of them or a little more; fewer at the end."""
    parts, found = [], 0
    while found < size and (part := stream.block()):
        parts.append(part)
        found += len(part)
    return b"".join(parts)


def _blocks(stream: Utf8Stream) -> Iterator[Any]:
    """The lines of the stream as Arrow arrays, cut where the bytes already lie."""
    import numpy as np
    import pyarrow as pa

    rest = b""
    while True:
        block = _read(stream, _BLOCK)
        whole = rest + block
        cut = whole.rfind(b"\n") + 1 if block else len(whole)
        rest, whole = whole[cut:], whole[:cut]
        if whole:
            if not whole.endswith(b"\n"):
                whole += b"\n"
            ends = np.flatnonzero(np.frombuffer(whole, dtype=np.uint8) == 10).astype(np.int32) + 1
            offsets = np.concatenate([np.zeros(1, np.int32), ends])
            yield pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets.tobytes()), pa.py_buffer(whole))
        if not block:
            return


def _rows(lines: Any, first: int, wanted: Mapping[str, tuple[str, ...]]) -> tuple[Any, list[tuple[int, str, str]]]:
    """Columns and numbers of lines, and the lines that are no objects."""
    import numpy as np
    import pyarrow as pa

    quick = quick_rows(lines, wanted)
    if quick is None:
        return _parsed(lines, first, wanted)
    return quick.append_column(LINE, pa.array(np.arange(first, first + len(lines)))), []


def _parsed(lines: Any, first: int, wanted: Mapping[str, tuple[str, ...]]) -> tuple[Any, list[tuple[int, str, str]]]:
    """Columns taken out of the lines by DuckDB's JSON reader, and the lines that are no objects."""
    import duckdb
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    numbered = pa.table({LINE: pa.array(np.arange(first, first + len(lines))), "_json": lines})
    text = duckdb.ColumnExpression("_json")
    connection = duckdb.connect()
    try:
        connection.register("lines", numbered)
        kind = duckdb.CaseExpression(
            duckdb.FunctionExpression("json_valid", text), duckdb.FunctionExpression("json_type", text)
        )
        relation = connection.table("lines").select(duckdb.ColumnExpression(LINE), text, kind.alias("_kind"))
        marked = relation.to_arrow_table()
        is_good = pc.fill_null(pc.equal(marked["_kind"], "OBJECT"), False)  # noqa: FBT003
        odd = marked.filter(pc.invert(is_good))
        connection.register("good", marked.filter(is_good).sort_by(LINE))
        good = connection.table("good")
        picked = [
            duckdb.FunctionExpression("json_extract_string", text, duckdb.ConstantExpression(_json_path(keys)))
            for keys in wanted.values()
        ]
        rows = good.select(*picked, duckdb.ColumnExpression(LINE)).to_arrow_table().rename_columns([*wanted, LINE])
    finally:
        connection.close()
    broken = [
        (line, raw.strip(), NOT_JSON)
        for line, raw in zip(odd[LINE].to_pylist(), odd["_json"].to_pylist(), strict=True)
        if raw.strip()
    ]
    return rows, broken


def _json_path(keys: Sequence[str]) -> str:
    """Where the value lies. A JSON pointer (RFC 6901) can say every key, but would also count into lists by "0"."""
    if all(key and key != "*" and not set(key) & {'"', "\\"} for key in keys):
        return "$" + "".join(f'."{key}"' for key in keys)
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
