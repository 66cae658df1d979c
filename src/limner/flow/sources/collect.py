"""`collect`: files in, facts out. One load per file; all rows add up; a repeated file changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.core.actor import Actor
from limner.core.errors import BadInput, Full, LimnerError, NotFound, near, words
from limner.core.tell import Tell, silent
from limner.flow.sources.base import options_of, reader_of
from limner.flow.sources.definition import Source
from limner.flow.sources.loading import load_file
from limner.flow.sources.loads import Counts, begin, finish, total, withdraw
from limner.flow.sources.mapping import Mapped, mapped

if TYPE_CHECKING:
    from limner.store.definitions import Definitions
    from limner.store.stores import Stores

NO_FILE = words("source_file_missing", "Source {source!r}: there is no file {pattern} in {folder}.")
NO_SUCH_FILE = words("file_missing", "There is no file {path}.")
WHICH_SOURCE = words(
    "source_unclear", "Which source is {path}? None of the sources' files fit it. Say limner collect SOURCE --file {path}."
)
NO_SOURCES = words("sources_none", "There is no source yet. Write one in sources/, or run limner init --from FILES.")


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file."""

    load: int
    source: str
    file: str
    counts: Counts
    is_unchanged: bool = False
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """What became of all rows: rows = used + anonymous + cancelled + the rejected of every reason.

    `unchanged` counts files that had been loaded before; their rows are in no other count. `values` counts single
    values left out of rows that were used otherwise.
    """

    files: tuple[FileResult, ...] = ()

    @property
    def counts(self) -> Counts:
        """The counts of all files that were loaded now."""
        return total([f.counts for f in self.files if not f.is_unchanged])

    @property
    def rows(self) -> int:
        """Rows of the files loaded now."""
        return self.counts.rows

    @property
    def used(self) -> int:
        """Rows used, with a person behind them."""
        return self.counts.used

    @property
    def rejected(self) -> Mapping[str, int]:
        """Rows rejected, by reason."""
        return self.counts.rejected

    @property
    def unchanged(self) -> int:
        """Files that had been loaded before."""
        return sum(f.is_unchanged for f in self.files)

    @property
    def loads(self) -> tuple[int, ...]:
        """The loads made now."""
        return tuple(f.load for f in self.files if not f.is_unchanged)

    def to_dict(self) -> dict[str, Any]:
        """As plain values: rows, used, anonymous, cancelled, rejected and values by reason, unchanged, loads."""
        return {**self.counts.to_dict(), "unchanged": self.unchanged, "loads": list(self.loads)}

    def to_dicts(self) -> list[dict[str, Any]]:
        """One row per file."""
        return [
            {"load": f.load, "source": f.source, "file": f.file, "is_unchanged": f.is_unchanged, **f.counts.to_dict()}
            for f in self.files
        ]

    def __str__(self) -> str:
        c = self.counts
        lines = [f"{c.rows:,} rows: {c.used:,} used, {c.anonymous:,} anonymous, {c.cancelled:,} cancelled, "
                 f"{sum(dict(c.rejected).values()):,} rejected"]  # fmt: skip
        lines += [f"  rejected {count:,}: {reason}" for reason, count in dict(c.rejected).items()]
        lines += [f"  value left out {count:,}: {reason}" for reason, count in dict(c.values).items()]
        if self.unchanged:
            lines.append(f"  {self.unchanged} file(s) unchanged: loaded before")
        return "\n".join(lines)


def collect(
    stores: Stores,
    definitions: Definitions,
    *,
    sources: Sequence[str] = (),
    files: Sequence[Path] = (),
    folder: Path = Path(),
    who: Actor,
    now: datetime,
    tell: Tell = silent,
) -> Collected:
    """Load the files of the sources named (none named: of all), or the files given, relative to `folder`.

    A file that fails leaves nothing of itself behind and stops the run; those before it stay. A full disk leaves what
    was written of the file for the next run to go on with.
    """
    wanted = _jobs(definitions, sources, files, folder)
    sizes = [path.stat().st_size for _, path in wanted]
    found: list[FileResult] = []
    for place, (source, path) in enumerate(wanted):
        before = sum(sizes[:place])

        def told(done: int, of: int, doing: str, before: int = before, size: int = sizes[place]) -> None:
            tell(before + (size * done // of if of else 0), sum(sizes), doing)

        found.append(_collect_file(stores, definitions, source, path, who, now, told))
        tell(sum(sizes[: place + 1]), sum(sizes), path.name)
    return Collected(tuple(found))


def _collect_file(
    stores: Stores, definitions: Definitions, source: Source, path: Path, who: Actor, now: datetime, tell: Tell
) -> FileResult:
    mapping = map_file(stores, source, path)
    load, is_done = begin(stores, source, path, who, now)
    if is_done:
        return FileResult(load.load, source.id, path.name, load.counts, is_unchanged=True)
    try:
        counts = load_file(stores, definitions, mapping, path, load, tell)
    except Full:
        raise
    except LimnerError:
        withdraw(stores, load.load, who=who, now=now, state="failed")
        raise
    finish(stores, load.load, now)
    return FileResult(load.load, source.id, path.name, counts, replaces=load.replaces)


def map_file(stores: Stores, source: Source, path: Path) -> Mapped:
    """A source held against a file's columns, before anything is written."""
    _, reader = reader_of(path, source.kind)
    columns = reader.columns(path, options_of(source))
    workspace = stores.settings.workspace
    events = stores.lake.tables()["events"].columns
    properties = {name.removeprefix("p_"): kind for name, kind in events.items() if name.startswith("p_")}
    return mapped(source, columns, path, zone=workspace.zone, currency=workspace.currency, properties=properties)


def _jobs(
    definitions: Definitions, sources: Sequence[str], files: Sequence[Path], folder: Path
) -> list[tuple[Source, Path]]:
    known = definitions.of(Source)
    if not known:
        raise NotFound(NO_SOURCES)
    chosen = [definitions.find(Source, name) for name in sources] or list(known.values())
    if files:
        return [(_source_of(path, chosen, folder), path) for f in files for path in _paths(folder, str(f))]
    found = []
    for source in chosen:
        paths = list(dict.fromkeys(p for pattern in source.files for p in _matching(folder, pattern)))
        if not paths and sources:
            raise BadInput(NO_FILE, source=source.id, pattern=", ".join(source.files) or "(none named)", folder=folder)
        found += [(source, path) for path in paths]
    return found


def _paths(folder: Path, pattern: str) -> list[Path]:
    found = list(_matching(folder, pattern))
    if not found:
        beside = [p.name for p in (folder / pattern).parent.glob("*")] if (folder / pattern).parent.is_dir() else []
        raise BadInput(NO_SUCH_FILE, near=near(Path(pattern).name, beside), path=pattern)
    return found


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    """A file, the files of a folder, or what a glob fits; in the order of their names."""
    path = Path(pattern) if Path(pattern).is_absolute() else folder / pattern
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith((".", "~$")))
    elif any(mark in pattern for mark in "*?["):
        root = Path(path.anchor) if path.is_absolute() else folder
        relative = str(path.relative_to(path.anchor)) if path.is_absolute() else pattern
        yield from sorted(p for p in root.glob(relative) if p.is_file() and not p.name.startswith(("~$", ".")))


def _source_of(path: Path, chosen: Sequence[Source], folder: Path) -> Source:
    if len(chosen) == 1:
        return chosen[0]
    fitting = [s for s in chosen if any(path.match(Path(p).name) or path.match(p) for p in s.files)]
    if len(fitting) != 1:
        raise BadInput(WHICH_SOURCE, near=[s.id for s in fitting], path=path.name)
    return replace(fitting[0])
