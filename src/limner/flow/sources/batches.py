"""Files cut into batches: a large file into several, small files of one source together, whole orders."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp

from limner.core.errors import Full, LimnerError
from limner.core.tell import Tell
from limner.flow.sources.ahead import ahead
from limner.flow.sources.base import CHUNK_ROWS, LINE, PLACE_BITS, Chunk, options_of, reader_of
from limner.flow.sources.desk import Desk
from limner.flow.sources.loads import Load
from limner.flow.sources.mapping import Mapped
from limner.flow.sources.readings import template
from limner.flow.sources.staging import ROWS, Read, read, stage
from limner.flow.sources.traces import Traces

if TYPE_CHECKING:
    import pyarrow as pa

_STAGED = "staged_all"


@dataclass(frozen=True, slots=True)
class Job:
    """One file to load."""

    path: Path
    load: Load


@dataclass(frozen=True, slots=True)
class Piece:
    """What one load gives to a batch: the batch's number within the load, broken lines, whether it is the last."""

    job: Job
    number: int
    is_last: bool
    broken: tuple[tuple[int, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of a batch lie in `ROWS`; `odd` are the readings of which some value could not be read."""

    pieces: tuple[Piece, ...]
    odd: frozenset[str]


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be read to its end; what came before it stands in the batches before."""

    job: Job
    error: LimnerError


@dataclass(slots=True)
class _Waiting:
    """Pieces gathered for the next batch, their rows, and how far each file has been read."""

    pieces: list[Piece] = field(default_factory=list)
    tables: list[pa.Table] = field(default_factory=list)
    far: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(table.num_rows for table in self.tables)

    def without(self, job: Job) -> _Waiting:
        """What does not come from a file."""
        kept = [place for place, piece in enumerate(self.pieces) if piece.job is not job]
        return _Waiting(
            [self.pieces[place] for place in kept],
            [self.tables[place] for place in kept],
            [self.far[place] for place in kept],
        )


def batches(
    desk: Desk, mapping: Mapped, jobs: Sequence[Job], traces: Traces, tell: Tell
) -> Generator[Batch | Failed, None, None]:
    """The batches of files that share a mapping, in an order that depends on nothing but the files.

    While the rows of one batch are staged and stated, the next one's identifiers become traces, and the rows of the one
    after it are read.
    """
    if mapping.lines is not None:
        with closing(_parts_ahead(mapping, [Job(job.path, _from_start(job.load)) for job in jobs])) as parts:
            yield from _by_order(desk, mapping, jobs, parts, traces, tell)
        return
    with closing(ahead(_ready(mapping, jobs, traces), lambda _: 1, 1)) as found:
        for one in found:
            if isinstance(one, Failed):
                yield one
                return
            waiting, rows = one
            for step in waiting.far:
                tell(*step)
            desk.drop(ROWS)
            yield Batch(tuple(waiting.pieces), stage(desk, mapping, rows, ROWS))


def _ready(mapping: Mapped, jobs: Sequence[Job], traces: Traces) -> Iterator[tuple[_Waiting, Read] | Failed]:
    """What `_gathered` finds, with the readings and traces that are made before the engine sees a row."""
    import pyarrow as pa

    with closing(_gathered(mapping, jobs)) as found:
        for waiting in found:
            if isinstance(waiting, Failed):
                yield waiting
                return
            rows = pa.concat_tables(waiting.tables, promote_options="permissive")
            yield waiting, read(mapping, rows, traces, waiting.pieces[0].job.load.started_at)


def _gathered(mapping: Mapped, jobs: Sequence[Job]) -> Generator[_Waiting | Failed, None, None]:
    waiting = _Waiting()
    with closing(_parts_ahead(mapping, jobs)) as parts:
        for job in jobs:
            try:
                for number, chunk, is_last in _until_end(parts):
                    if waiting.rows and waiting.rows + chunk.rows.num_rows > CHUNK_ROWS:
                        yield waiting
                        waiting = _Waiting()
                    waiting.pieces.append(Piece(job, number, is_last, tuple(chunk.broken)))
                    waiting.tables.append(placed(chunk.rows, job.load.load))
                    waiting.far.append((chunk.done, chunk.total, job.path.name))
                    if not is_last:
                        yield waiting
                        waiting = _Waiting()
            except Full:
                raise
            except LimnerError as error:
                waiting = waiting.without(job)
                if waiting.pieces:
                    yield waiting
                yield Failed(job, error)
                return
    if waiting.pieces:
        yield waiting


def placed(rows: pa.Table, load: int) -> pa.Table:
    """The rows with their place (load and line) in `_line`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    place = pc.add(rows[LINE], pa.scalar(load << PLACE_BITS, pa.int64()))
    return rows.set_column(rows.schema.get_field_index(LINE), LINE, place)


_Part = tuple[int, Chunk, bool]
"""A chunk, its number in the file, and whether it is the last."""


def _parts_ahead(mapping: Mapped, jobs: Sequence[Job]) -> Generator[_Part | None, None, None]:
    """The chunks of all files, none at the end of each, read ahead of their use, over the ends of files.

    An error comes where the file's next chunk would.
    """
    return ahead(_parts(mapping, jobs), lambda part: part[1].rows.num_rows if part else 0, CHUNK_ROWS // 2)


def _until_end(parts: Iterator[_Part | None]) -> Iterator[_Part]:
    for part in parts:
        if part is None:
            return
        yield part


def _parts(mapping: Mapped, jobs: Sequence[Job]) -> Iterator[_Part | None]:
    """The chunks of all files, and none at the end of each."""
    for job in jobs:
        yield from _numbered(mapping, job)
        yield None


def _numbered(mapping: Mapped, job: Job) -> Iterator[_Part]:
    """The chunks of a file that are still to be done, each with its number and whether it is the last."""
    _, reader = reader_of(job.path, mapping.source.kind)
    found = reader.chunks(job.path, options_of(mapping.source), mapping.used_columns, CHUNK_ROWS)
    before: tuple[int, Chunk] | None = None
    for number, chunk in enumerate(found):
        if before is not None and before[0] >= job.load.done:
            yield *before, False
        before = (number, chunk)
    if before is not None and before[0] >= job.load.done:
        yield *before, True


# ------------------------------------------------------------------------------------------------ order lines


def _by_order(
    desk: Desk, mapping: Mapped, jobs: Sequence[Job], parts: Iterator[_Part | None], traces: Traces, tell: Tell
) -> Iterator[Batch | Failed]:
    """Whole files first, for an order's lines may stand anywhere in one; then batches that hold whole orders."""
    unit: list[tuple[Job, tuple[tuple[int, str, str], ...]]] = []
    odd: frozenset[str] = frozenset()
    waiting: list[pa.Table] = []
    for job in jobs:
        broken: list[tuple[int, str, str]] = []
        mine: list[pa.Table] = []
        try:
            for _, chunk, _ in _until_end(parts):
                tell(chunk.done, chunk.total, job.path.name)
                broken += chunk.broken
                mine.append(placed(chunk.rows, job.load.load))
                if sum(t.num_rows for t in (*waiting, *mine)) >= CHUNK_ROWS and not unit:
                    odd |= _stage_more(desk, mapping, mine, traces, job, is_part=True)
                    mine = []
        except Full:
            raise
        except LimnerError as error:
            if unit:
                odd |= _stage_more(desk, mapping, waiting, traces, unit[0][0])
                yield from _buckets(desk, mapping, unit, odd)
            yield Failed(job, error)
            return
        unit.append((job, tuple(broken)))
        waiting += mine
        if desk.has(_STAGED) or sum(t.num_rows for t in waiting) >= CHUNK_ROWS:
            odd |= _stage_more(desk, mapping, waiting, traces, job)
            yield from _buckets(desk, mapping, unit, odd)
            unit, odd, waiting = [], frozenset(), []
    if unit:
        odd |= _stage_more(desk, mapping, waiting, traces, unit[0][0])
        yield from _buckets(desk, mapping, unit, odd)


def _from_start(load: Load) -> Load:
    from dataclasses import replace

    return replace(load, done=0)


def _stage_more(
    desk: Desk, mapping: Mapped, tables: Sequence[pa.Table], traces: Traces, job: Job, *, is_part: bool = False
) -> frozenset[str]:
    """Stage rows beside those staged before; `is_part` says that more are to come."""
    import pyarrow as pa

    if not tables:
        return frozenset()
    whole = pa.concat_tables(tables, promote_options="permissive")
    rows = read(mapping, whole, traces, job.load.started_at, is_part=is_part or desk.has(_STAGED))
    return stage(desk, mapping, rows, _STAGED)


def _buckets(
    desk: Desk, mapping: Mapped, unit: Sequence[tuple[Job, tuple[tuple[int, str, str], ...]]], odd: frozenset[str]
) -> Iterator[Batch]:
    """One batch for files that were staged together; a file that fills the desk alone is cut by order."""
    rows = int(desk.one(exp.select(exp.Count(this=exp.Star())).from_(_STAGED))[0]) if desk.has(_STAGED) else 0
    count = max(1, -(-rows // CHUNK_ROWS)) if len(unit) == 1 else 1
    orders = [exp.column(part.fields["order_id"]) for part in mapping.of("events")]
    for number in range(count):
        query = exp.select("*").from_(_STAGED)
        if count > 1:
            bucket = template(
                "hash(coalesce(:o, '')) % :n", o=exp.func("coalesce", *orders), n=exp.Literal.number(count)
            )
            desk.make(ROWS, query.where(bucket.eq(exp.Literal.number(number))))
        elif desk.has(_STAGED):
            desk.rename(_STAGED, ROWS)
        else:
            desk.drop(ROWS)
        pieces = tuple(
            Piece(job, number, number == count - 1, broken if number == 0 else ())
            for job, broken in unit
            if number >= job.load.done
        )
        if pieces:
            yield Batch(pieces, odd)
    desk.drop(_STAGED)
