"""The proof of an erasure: every store and every file is searched for what the person was known by."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import LargeBinary, String, func, or_, select

from limner.app.privacy.traces import Needles, grep
from limner.store.ledger.tables import metadata

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.store.ledger.erasures import Masked

_DECODED: Final = (".parquet", ".npy", ".valid", ".roar")
"""Endings of files whose content is asked for in another way: columns are decoded, bits are looked at."""


@dataclass(frozen=True, slots=True)
class Found:
    """A place that still holds something of a person, and what."""

    place: str
    what: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What was searched and what was found. `outside` are files of the operator's own that name the person."""

    files: int
    size: int
    tables: int
    versions: int
    found: tuple[Found, ...]
    outside: tuple[str, ...]
    seconds: float

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
    found = [*_in_ledger(shop, masked, sought), *_in_lake(shop, masked, sought)]
    versions = shop.stores.gallery.versions()
    for name in versions:
        found += _in_version(shop, name, masked)
    found += [Found("vault", f"address {n}") for n in range(len(shop.stores.vault.addresses(masked.traces)))]
    files = size = 0
    outside = []
    for path, is_ours in _files(shop):
        files, size = files + 1, size + path.stat().st_size
        if path.name.endswith(_DECODED):
            continue
        for what in sorted(set(grep(path, sought.in_bytes()))):
            place = str(path.relative_to(shop.folder))
            found += [Found(place, what)] if is_ours else []
            outside += [] if is_ours else [place]
    tables = len(metadata.sorted_tables)
    seconds = round(time.perf_counter() - began, 3)
    return Proof(files, size, tables, len(versions), tuple(found), tuple(sorted(set(outside))), seconds)


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
    with shop.stores.ledger.read() as connection:
        for table in metadata.sorted_tables:
            tests: list[Any] = []
            for column in table.c:
                if isinstance(column.type, String):
                    tests += [column.contains(raw, autoescape=True) for raw in sought.long]
                    tests += [column == raw for raw in sought.short]
                elif isinstance(column.type, LargeBinary) and column.name == "hash":
                    tests += [column == mark for mark in sought.hashes]
            if tests and table.name not in ("definitions", "heads", "views"):
                count = connection.execute(select(func.count()).select_from(table).where(or_(*tests))).scalar_one()
                if count:
                    yield Found(f"ledger: {table.name}", f"{count} texts or hashes")


def _in_lake(shop: Workspace, masked: Masked, sought: Needles) -> Iterator[Found]:
    lake = shop.stores.lake
    for hit in lake.hits(masked):
        yield Found(f"lake: {hit.path}", f"{hit.rows} rows")
    wanted = {raw.encode(): name for raw, name in sought.long.items()}
    for path in sorted(lake.folder.glob("*/*.parquet")):
        for what in sorted(set(_in_columns(path, wanted, sought))):
            yield Found(f"lake: {path.relative_to(lake.folder)}", what)


def _in_columns(path: Path, wanted: Mapping[bytes, str], sought: Needles) -> Iterator[str]:
    """What stands in the text and hash columns of a file; the values of a column are searched as one piece first."""
    with pq.ParquetFile(path, memory_map=True) as opened:
        schema = opened.schema_arrow
        names = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_binary(f.type)]
        for part in range(opened.metadata.num_row_groups if names else 0):
            rows = opened.read_row_group(part, columns=names, use_threads=False)
            for name in names:
                is_text = pa.types.is_string(schema.field(name).type)
                for chunk in rows[name].chunks:
                    yield from _in_chunk(chunk, wanted if is_text else sought.hashes)
                    if is_text and sought.short:
                        yield from (f"{name}: {sought.short[raw]}" for raw in _equal(name, chunk, sought.short))


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
