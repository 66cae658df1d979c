"""`collect`: files in, facts out. One load per file; all rows add up; a repeated file changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.core.actor import Actor
from limner.core.errors import BadInput, NotFound, near, words
from limner.core.tell import Tell, silent
from limner.flow.sources.base import options_of, reader_of
from limner.flow.sources.batches import Failed, Job
from limner.flow.sources.definition import Source
from limner.flow.sources.loading import Place, load_files
from limner.flow.sources.loads import (
    Counts,
    Progress,
    begin,
    content_hashes,
    done_before,
    forget,
    note,
    total,
    withdraw,
)
from limner.flow.sources.mapping import Mapped, mapped

if TYPE_CHECKING:
    from limner.store.definitions import Definitions
    from limner.store.stores import Stores

NO_FILE = words("source_file_missing", "Source {source!r}: there is no file {pattern} in {folder}.")
NO_SUCH_FILE = words("file_missing", "There is no file {path}.")
WHICH_SOURCE = words(
    "source_unclear",
    "Which source is {path}? None of the sources' files fit it. Say limner collect SOURCE --file {path}.",
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
        rejected = sum(c.rejected.values())
        fates = f"{c.used:,} used, {c.anonymous:,} anonymous, {c.cancelled:,} cancelled, {rejected:,} rejected"
        lines = [f"{c.rows:,} rows: {fates}"]
        lines += [f"  rejected {count:,}: {reason}" for reason, count in c.rejected.items()]
        lines += [f"  value left out {count:,}: {reason}" for reason, count in c.values.items()]
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
    given = [_Given(*one) for one in _jobs(definitions, sources, files, folder)]
    contents = content_hashes([one.path for one in given])
    found = {
        one: FileResult(load.load, one.source.id, one.path.name, load.counts, is_unchanged=True)
        for one, content in zip(given, contents, strict=True)
        if (load := done_before(stores, one.source, content)) is not None
    }
    fresh = {one: content for one, content in zip(given, contents, strict=True) if one not in found}
    total_size = sum(one.size for one in fresh)
    before = 0
    with closing(Place(stores)) as place:
        for mapping, group in _groups(stores, fresh):
            size = sum(one.size for one in group)
            told = _part(tell, before, size, total_size)
            results = _collect_group(
                stores, definitions, place, mapping, {one: fresh[one] for one in group}, who, now, told
            )
            found |= dict(zip(group, results, strict=True))
            before += size
            tell(before, total_size, mapping.source.id)
    return Collected(tuple(found[one] for one in given))


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """A file that was given, and the source that reads it."""

    source: Source
    path: Path

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size


def _part(tell: Tell, before: int, size: int, whole: int) -> Tell:
    """The progress of one group of files as a part of all."""

    def told(done: int, total: int, doing: str) -> None:
        tell(before + (size * done // total if total else 0), whole, doing)

    return told


def _groups(stores: Stores, wanted: Iterable[_Given]) -> Iterator[tuple[Mapped, list[_Given]]]:
    """Neighbouring files of one source with the same columns, with the mapping they share; all are checked first."""
    found: list[tuple[tuple[str, Any], Mapped, list[_Given]]] = []
    for one in wanted:
        columns = columns_of(one.source, one.path)
        key = (one.source.id, tuple(columns.items()))
        if found and found[-1][0] == key:
            found[-1][2].append(one)
        else:
            found.append((key, map_file(stores, one.source, one.path, columns), [one]))
    for _, mapping, group in found:
        yield mapping, group


def _collect_group(
    stores: Stores, definitions: Definitions, place: Place, mapping: Mapped, group: Mapping[_Given, str],
    who: Actor, now: datetime, tell: Tell,
) -> list[FileResult]:  # fmt: skip
    """The results of files (with the hashes of their content), in their order; one given twice is loaded once."""
    found: dict[_Given, FileResult] = {}
    jobs: dict[_Given, Job] = {}
    for one, content in group.items():
        load, is_done = begin(stores, mapping.source, one.path, content, who, now)
        if is_done or any(job.load.load == load.load for job in jobs.values()):
            found[one] = FileResult(load.load, one.source.id, one.path.name, load.counts, is_unchanged=True)
        else:
            jobs[one] = Job(one.path, load)
    for started in sorted({job.load.started_at for job in jobs.values()}):
        mine = {one: job for one, job in jobs.items() if job.load.started_at == started}
        results = _load(stores, definitions, place, mapping, list(mine.values()), who, now, tell)
        found |= dict(zip(mine, results, strict=True))
    return [found[one] for one in group]


def _load(
    stores: Stores,
    definitions: Definitions,
    place: Place,
    mapping: Mapped,
    jobs: Sequence[Job],
    who: Actor,
    now: datetime,
    tell: Tell,
) -> list[FileResult]:
    reached: dict[int, Progress] = {}
    for step in load_files(stores, definitions, place, mapping, jobs, tell):
        if isinstance(step, Failed):
            withdraw(stores, step.job.load.load, who=who, now=now, state="failed")
            begun = {number for number, progress in reached.items()} | {step.job.load.load}
            forget(stores, [job.load.load for job in jobs if job.load.load not in begun and not job.load.done])
            raise step.error
        reached[step.load] = step
    quiet = [job.load for job in jobs if job.load.load not in reached]
    note(stores, [Progress(load.load, load.done, load.counts, is_whole=True) for load in quiet], now)
    return [
        FileResult(
            job.load.load, mapping.source.id, job.path.name,
            reached[job.load.load].counts if job.load.load in reached else job.load.counts, replaces=job.load.replaces,
        )
        for job in jobs
    ]  # fmt: skip


def columns_of(source: Source, path: Path) -> Mapping[str, str]:
    """The columns of a file as its source reads it."""
    _, reader = reader_of(path, source.kind)
    return reader.columns(path, options_of(source))


def map_file(stores: Stores, source: Source, path: Path, columns: Mapping[str, str]) -> Mapped:
    """A source held against a file's columns, before anything is written."""
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
