"""Which earlier loads a file takes the place of: the file of that name, or what was in its partition before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from sqlalchemy import select

from limner.flow.sources.definition import Source
from limner.flow.sources.loads import STANDING
from limner.flow.sources.marks import Given, Seen, file_mark, seen_files
from limner.flow.sources.reading import chunks_of
from limner.store.ledger.tables import loads

if TYPE_CHECKING:
    from limner.store.stores import Stores


def older_loads(
    stores: Stores, fresh: Sequence[Given], given: Sequence[Given], folder: Path
) -> Mapping[Given, list[int]]:
    """The loads whose place each fresh file takes, oldest first; none where its source says `replaces: never`.

    `given` are all files of the run: a load whose content is still among them under another name stays.
    """
    wanted = [one for one in fresh if replaces_of(one.source) != "never"]
    if not wanted:
        return {}
    standing = _standing(stores, {one.source.id for one in wanted})
    here = {(one.source.id, one.content) for one in given}
    seen = seen_files(stores, {one.source.id for one in wanted})
    claimed: set[int] = set()
    found: dict[Given, list[int]] = {}
    for one in wanted:
        for load, source, place, content in standing:
            if load in claimed or source != one.source.id or not place or (source, content) in here:
                continue
            if _takes(one, place) and (place == one.place or not _stands(one.source, folder, place, content, seen)):
                claimed.add(load)
                found.setdefault(one, []).append(load)
    return found


def _standing(stores: Stores, sources: set[str]) -> Sequence[tuple[int, str, str, str]]:
    row = loads.c
    query = select(row.load, row.source, row.place, row.content_hash)
    query = query.where(row.source.in_(sources), row.state.in_(STANDING)).order_by(row.load)
    with stores.ledger.read() as connection:
        return [(number, source, place, content) for number, source, place, content in connection.execute(query)]


def replaces_of(source: Source) -> str:
    """What a file of a known name is.

    A database read whole takes the place of its last reading; parts of it do not. A table read in place is what it is.
    """
    if source.sql is not None:
        return "never" if source.sql.cursor else "by_name"
    return "by_partition" if source.in_place else source.replaces


def _takes(one: Given, place: str) -> bool:
    """Whether a file takes the place of what came from `place`, as its source says."""
    if replaces_of(one.source) == "by_name":
        return place == one.place
    mine = partition_folder(one.place)
    return place == one.place if mine is None else partition_folder(place) == mine


def partition_folder(place: str) -> str | None:
    """The folder of the partition a file is in; None when it is in none.

    >>> partition_folder("orders/dt=2026-11-20/part-0.csv"), partition_folder("orders/a.csv")
    ('orders/dt=2026-11-20', None)
    """
    folders = PurePosixPath(place).parent
    while folders.parts and "=" not in folders.name:
        folders = folders.parent
    return str(folders) if "=" in folders.name else None


def _stands(source: Source, folder: Path, place: str, content: str, seen: Mapping[tuple[str, str], Seen]) -> bool:
    """Whether a file is still there as it was loaded."""
    path = folder / place
    known = seen.get((source.id, place))
    return path.is_file() and known is not None and known.content == content and known.mark == file_mark(source, path)


def read_through(one: Given) -> None:
    """Read a file to its end: nothing is taken out for one that cannot be read. Raises what its reader does."""
    for _ in chunks_of(one.source, one.path, ()):
        pass
