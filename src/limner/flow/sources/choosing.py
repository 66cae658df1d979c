"""Which files a collect reads, and which source reads each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.core.errors import BadInput, NotFound, near, words
from limner.flow.sources.control import is_control
from limner.flow.sources.definition import Source
from limner.flow.sources.sql_draw import waiting

if TYPE_CHECKING:
    from limner.store.definitions import Definitions

NO_FILE = words("source_file_missing", "Source {source!r}: there is no file {pattern} in {folder}.")
NO_SUCH_FILE = words("file_missing", "There is no file {path}.")
WHICH_SOURCE = words(
    "source_unclear",
    "Which source is {path}? None of the sources' files fit it. Say limner collect SOURCE --file {path}.",
)
NO_SOURCES = words("sources_none", "There is no source yet. Write one in sources/, or run limner init --from FILES.")


def chosen(
    definitions: Definitions, sources: Sequence[str], files: Sequence[Path], folder: Path
) -> list[tuple[Source, Path]]:
    """The files of the sources named (none named: of all), or the files given, each with the source that reads it.

    Raises NotFound when there is no source, BadInput for a source or a name without a file, and for a file that fits
    none of the sources, or several.
    """
    known = definitions.of(Source)
    if not known:
        raise NotFound(NO_SOURCES)
    wanted = [definitions.find(Source, name) for name in sources] or list(known.values())
    if files:
        return [
            (source, path)
            for f in files
            for path in _paths(folder, str(f))
            if not is_control(source := _source_of(path, wanted), path)
        ]
    found = []
    for source in wanted:
        paths = files_of(source, folder)
        if not paths and sources and source.sql is None:
            raise BadInput(NO_FILE, source=source.id, pattern=", ".join(source.files) or "(none named)", folder=folder)
        found += [(source, path) for path in paths]
    return found


def _paths(folder: Path, pattern: str) -> list[Path]:
    found = list(_matching(folder, pattern))
    if not found:
        beside = [p.name for p in (folder / pattern).parent.glob("*")] if (folder / pattern).parent.is_dir() else []
        raise BadInput(NO_SUCH_FILE, near=near(Path(pattern).name, beside), path=pattern)
    return found


def files_of(source: Source, folder: Path) -> list[Path]:
    """The files of a source that are there now, its control files left out; of a database, what was drawn out of it."""
    if source.sql is not None:
        return waiting(source, folder)
    found = dict.fromkeys(path for pattern in source.files for path in _matching(folder, pattern))
    return [path for path in found if not is_control(source, path)]


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    """A file, the files of a folder and of its partitions, or what a glob fits; in the order of their names."""
    path = Path(pattern) if Path(pattern).is_absolute() else folder / pattern
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from _within(path)
    elif any(mark in pattern for mark in "*?["):
        root = Path(path.anchor) if path.is_absolute() else folder
        relative = str(path.relative_to(path.anchor)) if path.is_absolute() else pattern
        for found in sorted(root.glob(relative)):
            if found.is_dir() and "=" in found.name:
                yield from _within(found)
            elif found.is_file() and is_whole(found.name, Path(pattern).name):
                yield found


def _within(folder: Path) -> Iterator[Path]:
    """The files of a folder, then those of its partitions (`dt=2026-11-20`)."""
    entries = sorted(folder.iterdir())
    yield from (p for p in entries if p.is_file() and is_whole(p.name))
    for part in entries:
        if part.is_dir() and "=" in part.name:
            yield from _within(part)


_UNDER_WAY = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".swp", ".lock", "~")


def is_whole(name: str, asked: str = "") -> bool:
    """Whether a file is what its name says: not hidden, not a lock, not one that a tool is still writing or keeps.

    A leading underscore hides too, unless it was asked for (`_orders*.csv`).

    >>> [is_whole(name) for name in ("a.csv", "a.csv.part", ".a.csv", "~$a.xlsx", "_SUCCESS")]
    [True, False, False, False, False]
    """
    if name.startswith("_") and not asked.startswith("_"):
        return False
    return not name.startswith((".", "~$")) and not name.lower().endswith(_UNDER_WAY)


def _source_of(path: Path, known: Sequence[Source]) -> Source:
    if len(known) == 1:
        return known[0]
    fitting = [s for s in known if any(path.match(Path(p).name) or path.match(p) for p in s.files)]
    if len(fitting) != 1:
        raise BadInput(WHICH_SOURCE, near=[s.id for s in fitting], path=path.name)
    return fitting[0]
