"""JSON lines the quick way: whole blocks of plain objects, one a line, whose wanted values are texts or null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from limner.flow.sources.plain import laid

if TYPE_CHECKING:
    import pyarrow as pa

_OPEN, _SHUT, _END = b"{}\n"
_WORK: Final = 1 << 20
Keys = tuple[str, ...]


def quick_rows(lines: pa.Array, wanted: Mapping[str, Keys]) -> pa.Table | None:
    """The wanted columns of lines that end in a newline each; None when the block needs a closer look.

    Every line must begin and end with a brace. Then no object reaches over a line's end, and as many objects as lines
    are one a line.
    """
    import pyarrow as pa
    import pyarrow.json as pa_json

    if not wanted or not _is_braced(lines):
        return None
    tree = _tree(wanted)
    if tree is None:
        return None
    schema = pa.schema(_fields(tree))
    try:
        found = pa_json.read_json(
            pa.BufferReader(lines.buffers()[2]),
            read_options=pa_json.ReadOptions(block_size=_WORK),
            parse_options=pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowInvalid:
        return None
    if found.num_rows != len(lines):
        return None
    return pa.table({name: _down(found, keys) for name, keys in wanted.items()})


def quick_columns(head: bytes) -> list[str] | None:
    """The names in lines of flat objects, in the order they first come; None when some value is an object."""
    import pyarrow as pa
    import pyarrow.json as pa_json

    try:
        schema = pa_json.read_json(pa.BufferReader(head), pa_json.ReadOptions(block_size=max(len(head), 1))).schema
    except pa.ArrowInvalid:
        return None
    return None if any(pa.types.is_struct(kind) for kind in schema.types) else list(schema.names)


def _is_braced(lines: pa.Array) -> bool:
    import numpy as np

    data, lengths = laid(lines)
    if not lengths.size or int(lengths.min()) < 3:
        return False
    ends = np.cumsum(lengths)
    starts = ends - lengths
    return bool((data[starts] == _OPEN).all() and (data[ends - 2] == _SHUT).all() and (data[ends - 1] == _END).all())


def _tree(wanted: Mapping[str, Keys]) -> dict[str, Any] | None:
    """The keys as a tree; None when one leads through another's value."""
    root: dict[str, Any] = {}
    for keys in wanted.values():
        place = root
        for key in keys[:-1]:
            place = place.setdefault(key, {})
            if place is None:
                return None
        if place.get(keys[-1], ...) is not ...:
            return None
        place[keys[-1]] = None
    return root


def _fields(tree: Mapping[str, Any]) -> list[pa.Field]:
    import pyarrow as pa

    return [pa.field(key, pa.string() if part is None else pa.struct(_fields(part))) for key, part in tree.items()]


def _down(table: pa.Table, keys: Keys) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    column = table[keys[0]]
    return pc.struct_field(column, list(keys[1:])) if len(keys) > 1 else column
