"""The proof of an erasure: every store and every file is searched for what the person was known by."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import LargeBinary, String, and_, func, or_, select

from limner.app.privacy.traces import Needles, grep
from limner.store.ledger.tables import metadata

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.store.ledger.erasures import Masked

_AT_ONCE: Final = 2
"""Files of the lake that are searched at the same time."""

_DECODED: Final = (".parquet", ".npy", ".valid", ".roar")
"""Endings of files whose content is asked for in another way: columns are decoded, bits are looked at."""


@dataclass(frozen=True, slots=True)
class Found:
    """A place that still holds something of a person, and what."""

    place: str
    what: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What was searched and what was found. `outside` are files of the operator's own that name the person.

    `elsewhere` is where requests still lie sealed that could be neither deleted nor searched: a topic of Kafka, until
    its retention ends.
    """

    files: int
    size: int
    tables: int
    versions: int
    found: tuple[Found, ...]
    outside: tuple[str, ...]
    seconds: float
    elsewhere: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left in our stores."""
        return not self.found


def prove(shop: Workspace, masked: Masked, sought: Needles) -> Proof:
    """Search every store and file for raw forms, hashes, identifiers and numbers; nothing is changed.

    Columns of the lake are decoded and searched value by value; the ledger is asked table by table and its files, like
    all others in the workspace, are searched byte by byte; every column of every version of the gallery is looked at.
    """
    began = time.perf_counter()
    lake, versions, others = shop.stores.lake, shop.stores.gallery.versions(), list(_files(shop))
    parts = sorted(lake.folder.glob("*/*.parquet"))
    total = 1 + len(parts) + len(versions) + len(others)
    found = [*_in_ledger(shop, masked, sought), *_hits(shop, masked)]
    shop.tell(1, total, "proof")
    for done, (path, seen) in enumerate(zip(parts, _in_parts(parts, sought), strict=True), 2):
        found += [Found(f"lake: {path.relative_to(lake.folder)}", what) for what in seen]
        shop.tell(done, total, "proof")
    for done, name in enumerate(versions, 2 + len(parts)):
        found += _in_version(shop, name, masked)
        shop.tell(done, total, "proof")
    found += [Found("vault", f"address {n}") for n in range(len(shop.stores.vault.addresses(masked.traces)))]
    size, outside, wanted = 0, [], sought.in_bytes()
    for done, (path, is_ours) in enumerate(others, 2 + len(parts) + len(versions)):
        size += path.stat().st_size
        for what in sorted(set(grep(path, wanted))) if not path.name.endswith(_DECODED) else ():
            place = str(path.relative_to(shop.folder))
            found += [Found(place, what)] if is_ours else []
            outside += [] if is_ours else [place]
        shop.tell(done, total, "proof")
    tables = len(metadata.sorted_tables)
    seconds = round(time.perf_counter() - began, 3)
    elsewhere, where = shop.stores.stream.elsewhere(), tuple(sorted(set(outside)))
    return Proof(len(others), size, tables, len(versions), tuple(found), where, seconds, elsewhere)


def _files(shop: Workspace) -> Iterator[tuple[Path, bool]]:
    """Every file of the workspace and whether it is one of our stores; keys are none of anybody's business."""
    stores = shop.settings.stores
    homes = [shop.folder / "state", *(shop.folder / place for place in (stores.lake, stores.gallery))]
    homes += [shop.folder / place for place in (stores.vault, stores.ledger) if "://" not in place]
    for path in sorted(shop.folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.parent.name != "keys":
            yield path, any(path.is_relative_to(home) or str(path).startswith(str(home)) for home in homes)


def _in_ledger(shop: Workspace, masked: Masked, sought: Needles) -> Iterator[Found]:
    from limner.store.ledger.erasures import count_rows

    for name, count in count_rows(shop.stores.ledger, masked).items():
        yield Found(f"ledger: {name}", f"{count} rows")
    shortest = min(map(len, sought.long), default=0)
    with shop.stores.ledger.read() as connection:
        for table in metadata.sorted_tables:
            tests: list[Any] = []
            for column in table.c:
                if isinstance(column.type, String):
                    within = [column.contains(raw, autoescape=True) for raw in sought.long]
                    # most texts are too short to hold one: their length is told without reading them
                    tests += [and_(func.length(column) >= shortest, or_(*within))] if within else []
                    tests += [column == raw for raw in sought.short]
                elif isinstance(column.type, LargeBinary) and column.name == "hash":
                    tests += [column == mark for mark in sought.hashes]
            if tests and table.name not in ("definitions", "heads", "views"):
                count = connection.execute(select(func.count()).select_from(table).where(or_(*tests))).scalar_one()
                if count:
                    yield Found(f"ledger: {table.name}", f"{count} texts or hashes")


def _hits(shop: Workspace, masked: Masked) -> Iterator[Found]:
    for hit in shop.stores.lake.hits(masked):
        yield Found(f"lake: {hit.path}", f"{hit.rows} rows")


def _in_parts(paths: Sequence[Path], sought: Needles) -> Iterator[list[str]]:
    """What stands in each of these files of the lake, several of which are read at the same time."""
    wanted = {raw.encode(): name for raw, name in sought.long.items()}

    def look(path: Path) -> list[str]:
        return sorted(set(_in_columns(path, wanted, sought)))

    with ThreadPoolExecutor(_AT_ONCE, "limner-proof") as pool:
        yield from pool.map(look, paths)


def _in_columns(path: Path, wanted: Mapping[bytes, str], sought: Needles) -> Iterator[str]:
    """What stands in the text and hash columns of a file; the values of a column are searched as one piece first.

    Of a column that is stored as codes only the texts the codes stand for are searched.
    """
    with pq.ParquetFile(path, memory_map=True) as opened:
        schema, parts = opened.schema_arrow, opened.metadata.num_row_groups
        names = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_binary(f.type)]
        coded = [name for name in names if parts and _is_coded(opened, schema.get_field_index(name))]
    if not names:
        return
    with pq.ParquetFile(path, memory_map=True, read_dictionary=coded) as opened:
        for part in range(parts):
            rows = opened.read_row_group(part, columns=names, use_threads=False)
            for name in names:
                is_text = pa.types.is_string(schema.field(name).type)
                for chunk in rows[name].chunks:
                    texts = chunk.dictionary if name in coded else chunk
                    yield from _in_chunk(texts, wanted if is_text else sought.hashes)
                    if is_text and sought.short:
                        yield from (f"{name}: {sought.short[raw]}" for raw in _equal(name, texts, sought.short))


def _is_coded(opened: pq.ParquetFile, place: int) -> bool:
    return bool({"RLE_DICTIONARY", "PLAIN_DICTIONARY"} & set(opened.metadata.row_group(0).column(place).encodings))


_NAMED: Final = frozenset({"value", "text"})
"""Columns in which a short form would be the person's; elsewhere it is somebody's order or item number."""


def _equal(name: str, chunk: pa.Array, short: Mapping[str, str]) -> list[str]:
    if name not in _NAMED:
        return []
    hit = pc.is_in(chunk, value_set=pa.array(sorted(short), pa.string()))
    return pc.unique(chunk.filter(hit)).to_pylist() if pc.any(hit).as_py() else []


def _in_chunk(chunk: pa.Array, wanted: Mapping[bytes, str]) -> Iterator[str]:
    body = chunk.buffers()[2]
    if body is None:
        return
    view = bytes(body)
    for needle, name in wanted.items():
        if needle in view:
            test = pc.match_substring(chunk.cast(pa.binary()), needle)
            if pc.any(test).as_py():
                yield name


def _in_version(shop: Workspace, name: str, masked: Masked) -> Iterator[Found]:
    """Columns of a version that know an answer of the person, and sets that hold a number of theirs."""
    version = shop.stores.gallery.version(name)
    place = f"gallery: {name}"
    if any(number in version.living for number in masked.numbers):
        yield Found(place, "living")
    for audience in version.audiences():
        if any(number in version.members(audience) for number in masked.numbers):
            yield Found(place, f"members of {audience}")
    for column in version.headers:
        known = [number for number in masked.numbers if version.column(column).value(number) is not None]
        if known:
            yield Found(place, column)
