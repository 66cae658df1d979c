"""What is known of the files that were seen: a file whose size and times have not changed is not read to be known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from limner.flow.sources.control import control_of
from limner.flow.sources.definition import Source
from limner.flow.sources.loads import content_hashes, mapping_version
from limner.store.ledger.tables import marks

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from limner.store.stores import Stores


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A file that was given, the source that reads it, where it lies, and the hash of what it holds.

    `place` is its path from the workspace, or its whole path when it lies elsewhere.
    """

    source: Source
    path: Path
    place: str
    content: str = ""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was last seen; `why` (a packed error) when it could not be used by the mapping of that time."""

    mark: str
    content: str
    mapping: str = ""
    why: str = ""


def given_of(source: Source, path: Path, folder: Path) -> Given:
    """A file as it is given; all that is drawn out of one database comes from one place."""
    return Given(source, path, f"sql:{source.id}" if source.sql else place_of(path, folder))


def place_of(path: Path, folder: Path) -> str:
    """Where a file lies: from the workspace's folder, or from the root.

    >>> place_of(Path("/shop/data/a.csv"), Path("/shop")), place_of(Path("/in/a.csv"), Path("/shop"))
    ('data/a.csv', '/in/a.csv')
    """
    whole, home = Path(path).absolute(), folder.absolute()
    return (whole.relative_to(home) if whole.is_relative_to(home) else whole).as_posix()


def file_mark(source: Source, path: Path) -> str:
    """What changes whenever a file (or its control file) is written, renamed or put in the place of another."""
    control = control_of(source, path)
    return " ".join(_one(part) for part in (path, control) if part is not None)


def _one(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:
        return "none"
    return f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"


def seen_files(stores: Stores, sources: Iterable[str]) -> Mapping[tuple[str, str], Seen]:
    """What is known of the files of sources, by source and place."""
    row = marks.c
    wanted = select(row.source, row.place, row.mark, row.content_hash, row.mapping_version, row.why)
    with stores.ledger.read() as connection:
        found = connection.execute(wanted.where(row.source.in_(list(sources)))).all()
    return {(source, place): Seen(*rest) for source, place, *rest in found}


def with_contents(stores: Stores, given: Sequence[tuple[Source, Path]], folder: Path) -> list[Given]:
    """The files with the hashes of what they hold. Only those that changed since they were last seen are read."""
    before = seen_files(stores, {source.id for source, _ in given})
    all_given = [given_of(source, path, folder) for source, path in given]
    current = [file_mark(one.source, one.path) for one in all_given]
    known = [before.get((one.source.id, one.place)) for one in all_given]
    fresh = [
        at for at, (seen, mark) in enumerate(zip(known, current, strict=True))
        if seen is None or seen.mark != mark or not seen.content
    ]  # fmt: skip
    hashes = dict(zip(fresh, content_hashes([all_given[at].path for at in fresh]), strict=True))
    found = [
        Given(one.source, one.path, one.place, hashes[at] if at in hashes else _content(known[at]))
        for at, one in enumerate(all_given)
    ]
    steady = [at for at in fresh if file_mark(found[at].source, found[at].path) == current[at]]
    if steady:
        with stores.ledger.write() as connection:
            for at in steady:
                _remember(connection, found[at], Seen(current[at], found[at].content))
    return found


def _content(seen: Seen | None) -> str:
    return seen.content if seen is not None else ""


def remember_failure(connection: Connection, one: Given, why: str) -> None:
    """Write down that a file, as it is now, cannot be used."""
    seen = Seen(file_mark(one.source, one.path), one.content, mapping_version(one.source), why)
    _remember(connection, one, seen)


def has_failed(one: Given, seen: Seen | None) -> bool:
    """Whether a file was tried as it is now, by its source as it is now, and failed."""
    if seen is None or not seen.why:
        return False
    return seen.mark == file_mark(one.source, one.path) and seen.mapping == mapping_version(one.source)


def _remember(connection: Connection, one: Given, seen: Seen) -> None:
    mine = (marks.c.source == one.source.id, marks.c.place == one.place)
    connection.execute(delete(marks).where(*mine))
    connection.execute(
        insert(marks).values(
            source=one.source.id, place=one.place, mark=seen.mark, content_hash=seen.content,
            mapping_version=seen.mapping, why=seen.why,
        )
    )  # fmt: skip
