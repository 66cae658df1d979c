"""`collect`: files in, facts out. One load per file; all rows add up; a repeated file changes nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.core.actor import Actor
from limner.core.tell import Tell, silent
from limner.flow.sources.choosing import chosen
from limner.flow.sources.control import verify
from limner.flow.sources.cursors import note_cursor
from limner.flow.sources.definition import Source
from limner.flow.sources.enrich import Enriching
from limner.flow.sources.enriching import Make
from limner.flow.sources.failures import fail, failing
from limner.flow.sources.holding import Shift, shift, withdraw, within
from limner.flow.sources.in_place import need_parquet
from limner.flow.sources.loading import Place, load_files
from limner.flow.sources.loads import (
    Counts,
    Load,
    Progress,
    begin,
    done_before,
    forget,
    note,
    total,
)
from limner.flow.sources.mapping import Mapped, mapped
from limner.flow.sources.marks import Given, with_contents
from limner.flow.sources.quality.judged import (
    Judged,
    Look,
    is_guarded,
    judge_loads,
    look,
    shapes_before,
    write_judged,
)
from limner.flow.sources.quality.results import CheckResult
from limner.flow.sources.quality.shape import Shape, shape_of
from limner.flow.sources.reading import columns_of
from limner.flow.sources.sql_draw import end_of
from limner.flow.sources.stream import Failed, Job, Run
from limner.flow.sources.versions import older_loads, read_through
from limner.store.definitions import load_kinds
from limner.store.lake.in_place import touched

if TYPE_CHECKING:
    from limner.store.definitions import Definitions
    from limner.store.stores import Stores


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file."""

    load: int
    source: str
    file: str
    counts: Counts
    is_unchanged: bool = False
    replaces: int | None = None
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Collected:
    """What became of all rows: rows = used + anonymous + cancelled + the rejected of every reason.

    `unchanged` counts files that had been loaded before; their rows are in no other count. `values` counts single
    values left out of rows that were used otherwise. `broken` are the declared checks that the loads made now have
    broken, and how their files have drifted; what a held load brought is seen by no reader until it is released.
    """

    files: tuple[FileResult, ...] = ()
    broken: tuple[CheckResult, ...] = ()

    @property
    def held(self) -> tuple[int, ...]:
        """The loads that are held, those of files given again included."""
        return tuple(f.load for f in self.files if f.is_held)

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
        return {
            **self.counts.to_dict(),
            "unchanged": self.unchanged,
            "loads": list(self.loads),
            "held": list(self.held),
        }

    def to_dicts(self) -> list[dict[str, Any]]:
        """One row per file."""
        return [
            {
                "load": f.load,
                "source": f.source,
                "file": f.file,
                "is_unchanged": f.is_unchanged,
                "is_held": f.is_held,
                **f.counts.to_dict(),
            }
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
        if self.held:
            lines.append(f"  held: {', '.join(str(load) for load in self.held)}")
        return "\n".join(lines)


def collect(  # noqa: PLR0913
    stores: Stores,
    definitions: Definitions,
    *,
    sources: Sequence[str] = (),
    files: Sequence[Path] = (),
    folder: Path = Path(),
    replaces: int | None = None,
    who: Actor,
    now: datetime,
    tell: Tell = silent,
) -> Collected:
    """Load the files of the sources named (none named: of all), or the files given, relative to `folder`.

    `replaces` names a load whose place they take: it goes when they come, and stays while they are held.

    A file that fails leaves nothing of itself behind, is written down as failed with the reason, and stops the run;
    those before it stay. A full disk leaves what was written of the file for the next run to go on with.
    """
    wanted_files = sorted(chosen(definitions, sources, files, folder), key=lambda one: not one[0].in_place)
    given = with_contents(stores, wanted_files, folder)
    taken_over = () if replaces is None else (replaces,)
    found = {
        one: _known(one, load)
        for one in given
        if (load := done_before(stores, one.source, one.content, taken_over)) is not None
    }
    for one, same in found.items():
        if one.source.in_place:
            touched(stores.ledger, stores.lake.folder, same.load)
    fresh = [one for one in given if one not in found]
    named = older_loads(stores, fresh, given, folder)
    older: Mapping[Given, Sequence[int]] = {one: (*named.get(one, ()), *taken_over) for one in fresh}
    older = {one: several for one, several in older.items() if several}
    passed = [load for one, several in older.items() if one.source.in_place for load in several]
    stores = replace(stores, lake=stores.lake.passing(passed))
    taken: set[int] = set()
    wanted = _groups(stores, fresh, older, who, now)
    looks = _looks(stores, wanted)
    groups = [_begun(stores, *group, looks, older, taken, who, now) for group in wanted]
    total_size = sum(one.size for one in fresh)
    before, left = 0, deque(groups)
    judged: list[Judged] = []
    try:
        with closing(Place(stores, [run for group in groups for run in group.runs])) as place:
            while left:
                group = left.popleft()
                told = _part(tell, before, group.size, total_size)
                results, several = _collect_group(stores, definitions, place, group, who, now, told)
                found |= results
                judged += several
                before += group.size
                tell(before, total_size, group.mapping.source.id)
    finally:
        forget(stores, [job.load.load for group in left for job in group.jobs.values() if job.load.started_at == now])
    broken = tuple(result for one in judged for result in one.broken if result.origin != "learnt")
    return Collected(tuple(found[one] for one in given), broken)


def _known(one: Given, load: Load) -> FileResult:
    """The result of a file that was given before."""
    is_held = load.state == "held"
    return FileResult(load.load, one.source.id, one.path.name, load.counts, is_unchanged=True, is_held=is_held)


def _part(tell: Tell, before: int, size: int, whole: int) -> Tell:
    """The progress of one group of files as a part of all."""

    def told(done: int, total: int, doing: str) -> None:
        tell(before + (size * done // total if total else 0), whole, doing)

    return told


def _groups(
    stores: Stores, wanted: Sequence[Given], older: Mapping[Given, Sequence[int]], who: Actor, now: datetime
) -> list[tuple[Mapped, list[Given]]]:
    """Neighbouring files of one source with the same columns, with the mapping they share; all are checked first."""
    found: list[tuple[tuple[str, Any], Mapped, list[Given]]] = []
    replacing = {one.source.id for one in older}
    for one in wanted:
        with failing(stores, one, who, now):
            need_parquet(one.source, one.path)
            columns = columns_of(one.source, one.path)
            key = (one.source.id, tuple(columns.items()))
            if found and found[-1][0] == key:
                found[-1][2].append(one)
            else:
                found.append((key, map_file(stores, one.source, one.path, columns), [one]))
            verify(one.source, one.path)
            if one.source.id in replacing:
                read_through(one)
    return [(mapping, group) for _, mapping, group in found]


def _looks(stores: Stores, groups: Sequence[tuple[Mapped, Sequence[Given]]]) -> dict[Given, Look]:
    """A look at the head of every file, held against the files of its source before it."""
    found: dict[Given, Look] = {}
    before: dict[str, list[Shape]] = {}
    for mapping, group in groups:
        source = mapping.source
        past = before.setdefault(source.id, shapes_before(stores, source))
        for one in group:
            found[one] = look(source, shape_of(source, one.path, mapping.columns), past)
            if not found[one].holds:
                past.append(found[one].shape)
    return found


@dataclass(frozen=True, slots=True)
class _Group:
    """Files that share a mapping: those to be loaded, the results of the others, and what loads take the place of."""

    mapping: Mapped
    jobs: Mapping[Given, Job]
    others: Mapping[Given, FileResult]
    replaced: Mapping[int, tuple[int, ...]]
    looks: Mapping[int, Look]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(one.size for one in (*self.jobs, *self.others))

    @property
    def runs(self) -> list[Run]:
        """The files begun at the same moment, those taken up again first; the hidden ones by themselves."""
        found: dict[tuple[datetime, bool], list[Job]] = {}
        for job in self.jobs.values():
            found.setdefault((job.load.started_at, job.load.is_hidden), []).append(job)
        return [Run(self.mapping, tuple(found[key])) for key in sorted(found)]


def _begun(
    stores: Stores, mapping: Mapped, group: Sequence[Given], looks: Mapping[Given, Look],
    older: Mapping[Given, Sequence[int]], taken: set[int], who: Actor, now: datetime,
) -> _Group:  # fmt: skip
    """Begin the loads of files; one given twice is loaded once. `taken` are the loads begun, of any group."""
    others: dict[Given, FileResult] = {}
    jobs: dict[Given, Job] = {}
    replaced: dict[int, tuple[int, ...]] = {}
    found: dict[int, Look] = {}
    for one in group:
        seen_as = looks[one]
        is_hidden = mapping.source.in_place or is_guarded(mapping.source, seen_as)
        old = older.get(one, ())
        begun = begin(stores, mapping.source, one.path, one.place, one.content, old, who, now, is_hidden=is_hidden)
        load = begun.load
        if load.state != "running" or load.load in taken:
            others[one] = _known(one, load)
        else:
            taken.add(load.load)
            if one.source.sql is not None and (ended := end_of(one.path)) is not None:
                note_cursor(stores, one.source, load.load, ended)
            found[load.load] = seen_as
            jobs[one] = Job(one.path, load)
            replaced[load.load] = begun.replaced
    return _Group(mapping, jobs, others, replaced, found)


def _collect_group(
    stores: Stores, definitions: Definitions, place: Place, group: _Group, who: Actor, now: datetime, tell: Tell
) -> tuple[dict[Given, FileResult], list[Judged]]:
    """The results of files, and what their checks say.

    Loads whose place they take are withdrawn: before the rows come, or where these are hidden until they are judged, in
    the moment in which they come into sight.
    """
    found = dict(group.others)
    judged: list[Judged] = []
    for run in group.runs:
        old = {job.load.load: group.replaced[job.load.load] for job in run.jobs}
        if not run.is_hidden:
            for load in (load for several in old.values() for load in several):
                withdraw(stores, load, who=who, now=now)
        seen = within(stores, old, [n for several in old.values() for n in several]) if run.is_hidden else stores
        results = _load(seen, definitions, place, group, run, who, now, tell)
        if run.is_hidden:
            loads = {job.load.load: replace(job.load, counts=results[job.load.load].counts) for job in run.jobs}
            several = _settled(stores, run.mapping.source, loads, group.looks, old, who, now)
            judged += several
            held = {one.load.load for one in several if one.holds}
            results = {load: replace(one, is_held=load in held) for load, one in results.items()}
        else:
            loads = {job.load.load: replace(job.load, counts=results[job.load.load].counts) for job in run.jobs}
            several = judge_loads(stores, run.mapping.source, list(loads.values()), group.looks, now)
            write_judged(stores, several, now)
            judged += several
        found |= {one: results[job.load.load] for one, job in group.jobs.items() if job in run.jobs}
    return found, judged


def _settled(
    stores: Stores, source: Source, loads: Mapping[int, Load], looks: Mapping[int, Look],
    old: Mapping[int, tuple[int, ...]], who: Actor, now: datetime,
) -> list[Judged]:  # fmt: skip
    """Judge hidden loads that are whole; those that pass come into sight at once, in the place of older ones."""
    judged = judge_loads(stores, source, list(loads.values()), looks, now)
    shown = {one.load.load: one.load.counts for one in judged if not one.holds}
    held = {one.load.load: one.load.counts for one in judged if one.holds}
    gone = {number: "withdrawn" for load in shown for number in old[load]}
    entries = [entry for one in judged for entry in one.entries(stores.ledger, now)]
    shift(stores, Shift(shown, held, gone), who=who, now=now, entries=entries)
    return judged


def _load(
    stores: Stores, definitions: Definitions, place: Place, group: _Group, run: Run,
    who: Actor, now: datetime, tell: Tell,
) -> dict[int, FileResult]:  # fmt: skip
    """The results of a run of files, by load."""
    reached: dict[int, Progress] = {}
    for step in load_files(stores, definitions, place, run, tell):
        if isinstance(step, Failed):
            one = next(one for one, job in group.jobs.items() if job is step.job)
            fail(stores, one, step.job.load.load, step.error, who, now)
            begun = {number for number, progress in reached.items()} | {step.job.load.load}
            untouched = [job.load for job in run.jobs if job.load.load not in begun and job.load.started_at == now]
            forget(stores, [load.load for load in untouched])
            raise step.error
        reached[step.load] = step
    quiet = [job.load for job in run.jobs if job.load.load not in reached]
    whole = [Progress(load.load, load.done, load.counts, is_whole=True, is_hidden=run.is_hidden) for load in quiet]
    note(stores, whole, now)
    return {
        job.load.load: FileResult(
            job.load.load, run.mapping.source.id, job.path.name,
            reached[job.load.load].counts if job.load.load in reached else job.load.counts, replaces=job.load.replaces,
        )
        for job in run.jobs
    }  # fmt: skip


def map_file(
    stores: Stores, source: Source, path: Path, columns: Mapping[str, str], enrich: Make | None = None
) -> Mapped:
    """A source held against a file's columns, before anything is written; `enrich` makes its enrichments, else new."""
    settings = stores.settings.enrich
    workspace = stores.settings.workspace
    events = stores.lake.tables()["events"].columns
    properties = {name.removeprefix("p_"): kind for name, kind in events.items() if name.startswith("p_")}
    return mapped(
        source, columns, path, zone=workspace.zone, currency=workspace.currency, properties=properties,
        enrich=enrich or (lambda kind, finds: Enriching.of(kind, settings, finds)), kinds=load_kinds(stores.ledger),
    )  # fmt: skip
