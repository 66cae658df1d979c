"""Files whose columns stand at fixed places, counted in characters or in bytes of the file's own encoding."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from limner.core.errors import BadDefinition, BadInput, Broken, words
from limner.flow.sources.base import CHUNK_ROWS, LINE, UNREADABLE_FILE, Chunk, Laid, ReadOptions, source_kind
from limner.flow.sources.encodings import Utf8Stream, encoding_of, opened

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

NO_PLACES = words(
    "fixed_places_missing",
    "{path}: say where its columns stand, such as fixed: {{columns: {{phone: {{start: 1, width: 11}}}}}}.",
)
NO_BYTES = words(
    "fixed_bytes_unclear",
    "{path} is in {encoding}: places in bytes are read of utf-8 and gb18030. Say unit: characters.",
)
TOO_SHORT = "line too short"
OTHER_LENGTH = "line of another length"

_BLOCK = 16 << 20
_BY_BYTES = frozenset({"utf-8", "gb18030", "gbk", "gb2312", "big5", "ascii", "latin-1", "iso8859-1"})
"""Encodings in which the byte 10 is always a line end."""


@source_kind("fixed")
class FixedReader:
    """Columns at fixed places, blanks around a value dropped. Needs `fixed` in its source."""

    suffixes: ClassVar[tuple[str, ...]] = ()

    def columns(self, path: Path, options: ReadOptions) -> Mapping[str, str]:
        """The columns stated; everything is text."""
        laid = _laid(path, options)
        encoding_of(path, options.encoding)  # an empty file says so
        return {name: "text" for name, _, _ in laid.columns}

    def chunks(
        self, path: Path, options: ReadOptions, columns: Sequence[str], size: int = CHUNK_ROWS
    ) -> Iterator[Chunk]:
        """Lines in the order of the file; one that is too short, or not of the length stated, is broken."""
        import pyarrow as pa

        laid, encoding = _laid(path, options), encoding_of(path, options.encoding)
        if laid.is_bytes and encoding not in _BY_BYTES:
            raise BadInput(NO_BYTES, path=path, encoding=encoding)
        total, first, waiting, broken = path.stat().st_size, 1, [], []
        wanted = set(columns)
        for lines, far in _lines(path, encoding, laid):
            count = len(lines)
            skipped = min(max(options.skip + 1 - first, 0), count)
            rows, odd = _rows(lines.slice(skipped), first + skipped, laid, encoding, wanted)
            first += count
            waiting.append(rows)
            broken += odd
            if sum(t.num_rows for t in waiting) >= size:
                yield Chunk(pa.concat_tables(waiting), broken, min(far, total), total)
                waiting, broken = [], []
        if waiting:
            yield Chunk(pa.concat_tables(waiting), broken, total, total)


def _laid(path: Path, options: ReadOptions) -> Laid:
    if options.fixed is None:
        raise BadDefinition(NO_PLACES, path=path)
    return options.fixed


def _lines(path: Path, encoding: str, laid: Laid) -> Iterator[tuple[pa.Array, int]]:
    """The lines without their ends, as bytes or as text, and how many bytes of the file have been read."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    rest, is_first = b"", True
    stream: Any = opened(path) if laid.is_bytes else Utf8Stream(path, encoding)
    kind = pa.binary() if laid.is_bytes else pa.string()
    with stream:
        while True:
            block = _read(stream, path)
            whole = rest + (block.removeprefix(codecs.BOM_UTF8) if is_first else block)
            is_first = False
            cut = whole.rfind(b"\n") + 1 if block else len(whole)
            rest, whole = whole[cut:], whole[:cut]
            if whole:
                whole = whole if whole.endswith(b"\n") else whole + b"\n"
                ends = np.flatnonzero(np.frombuffer(whole, dtype=np.uint8) == 10).astype(np.int32)
                starts = np.concatenate([np.zeros(1, np.int32), ends[:-1] + 1])
                raw = _slices(whole, starts, ends, kind)
                is_long = pc.ends_with(raw, pattern="\r")
                if pc.any(is_long).as_py():
                    raw = _slices(whole, starts, ends - is_long.to_numpy(zero_copy_only=False), kind)
                yield raw, stream.tell() if laid.is_bytes else stream.tell_bytes()
            if not block:
                return


def _read(stream: Any, path: Path) -> bytes:
    try:
        return bytes(stream.read(_BLOCK) or b"")
    except (OSError, EOFError, zlib.error) as error:
        raise Broken(UNREADABLE_FILE, path=path, kind="a packed file", why=str(error)) from error


def _slices(whole: bytes, starts: np.ndarray, ends: np.ndarray, kind: pa.DataType) -> pa.Array:
    """Pieces of bytes as an array."""
    import numpy as np
    import pyarrow as pa

    first = starts.astype(np.int64)
    sizes = ends.astype(np.int64) - first
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    places = np.repeat(first - offsets[:-1], sizes) + np.arange(offsets[-1])
    held = np.frombuffer(whole, np.uint8)[places]
    return pa.Array.from_buffers(
        kind, len(sizes), [None, pa.py_buffer(offsets.astype(np.int32).tobytes()), pa.py_buffer(held.tobytes())]
    )


def _rows(
    lines: pa.Array, first: int, laid: Laid, encoding: str, wanted: set[str]
) -> tuple[pa.Table, list[tuple[int, str, str]]]:
    """The lines cut into columns, empty lines left out, and those that cannot be cut."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    sizes = pc.binary_length(lines) if laid.is_bytes else pc.utf8_length(lines)
    sizes = np.asarray(sizes).astype(np.int64)
    numbers = np.arange(first, first + len(lines))
    is_there = sizes > 0
    least = max(start for _, start, _ in laid.columns) + 1
    is_odd, why = _odd(sizes, laid, least)
    is_odd &= is_there
    broken = [
        (int(numbers[at]), _text(lines[int(at)].as_py(), encoding), why) for at in np.flatnonzero(is_odd).tolist()
    ]
    kept = pa.array(is_there & ~is_odd)
    lines = lines.filter(kept)
    cut = {
        name: _cells(lines, start, start + width, encoding, is_bytes=laid.is_bytes)
        for name, start, width in laid.columns
        if name in wanted
    }
    return pa.table({**cut, LINE: pa.array(numbers).filter(kept)}), broken


def _odd(found: np.ndarray, laid: Laid, least: int) -> tuple[np.ndarray, str]:
    import numpy as np

    if laid.length:
        return (found > laid.length if laid.is_trimmed else found != laid.length), OTHER_LENGTH
    return (np.zeros(len(found), bool) if laid.is_trimmed else found < least), TOO_SHORT


def _cells(lines: pa.Array, start: int, stop: int, encoding: str, *, is_bytes: bool) -> pa.Array:
    """One column as text without the blanks around it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not is_bytes:
        return pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(lines, start, stop))
    cells = pc.binary_slice(lines, start, stop)
    held = b"".join(cells.to_pylist())
    if held.isascii() and b"\x00" not in held:
        return pc.utf8_trim_whitespace(cells.cast(pa.string()))
    return pc.utf8_trim_whitespace(pa.array([_text(cell, encoding) for cell in cells.to_pylist()], pa.string()))


def _text(line: bytes | str, encoding: str) -> str:
    """Bytes as text; a character cut in two, or none of the encoding, shows as lost."""
    return codecs.decode(line, encoding, "replace").replace("\x00", "") if isinstance(line, bytes) else line
