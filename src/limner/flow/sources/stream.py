"""The files of a collect as rows ready to be staged: read, and their identifiers made traces, ahead of their use.

Runs of files (a mapping, its files) follow one another without a stop: while the last rows of one are staged and
written, the first of the next are read.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from limner.core.errors import Full, LimnerError
from limner.flow.sources import base
from limner.flow.sources.ahead import ahead
from limner.flow.sources.base import LINE, PLACE_BITS, Chunk, options_of
from limner.flow.sources.loads import Load
from limner.flow.sources.mapping import Mapped
from limner.flow.sources.reading import chunks_of
from limner.flow.sources.staging import Read, read
from limner.flow.sources.traces import Traces

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Job:
    """One file to load. `rows` reads it where it is no file; its first batch is numbered `first`."""

    path: Path
    load: Load
    rows: base.Reader | None = None
    first: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Files that share a mapping and were begun at the same moment."""

    mapping: Mapped
    jobs: tuple[Job, ...]

    @property
    def is_hidden(self) -> bool:
        """Whether what they bring is hidden until it has been judged."""
        return any(job.load.is_hidden for job in self.jobs)


@dataclass(frozen=True, slots=True)
class Piece:
    """What one load gives to a batch: the batch's number within the load, broken lines, whether it is the last."""

    job: Job
    number: int
    is_last: bool
    broken: tuple[tuple[int, str, str], ...] = ()
    left_out: tuple[tuple[int, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be read to its end; what came before it stands in the batches before."""

    job: Job
    error: LimnerError


@dataclass(slots=True)
class Gathered:
    """Rows to be staged together, the pieces they are of, and how far each file has been read.

    Without `is_whole` more rows of the same batch are to come.
    """

    pieces: list[Piece] = field(default_factory=list)
    tables: list[pa.Table] = field(default_factory=list)
    far: list[tuple[int, int, str]] = field(default_factory=list)
    is_part: bool = False
    is_whole: bool = True

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(table.num_rows for table in self.tables)

    def without(self, job: Job) -> Gathered:
        """What does not come from a file."""
        kept = [place for place, piece in enumerate(self.pieces) if piece.job is not job]
        return Gathered(
            [self.pieces[place] for place in kept],
            [self.tables[place] for place in kept],
            [self.far[place] for place in kept],
        )


Ready = tuple[Gathered, Read | None]
"""What was gathered, and its rows with readings and traces; None when there are none."""


def stream(runs: Sequence[Run], traces: Traces) -> Generator[Ready | Failed | None, None, None]:
    """What the files of all runs hold, in their order, and none at the end of each run; it ends with a failure.

    A thread of its own makes it, a large item or some small ones ahead of the one in hand, out of rows that another
    has read ahead.
    """
    return ahead(_ready(runs, traces), _weight, base.CHUNK_ROWS // 2)


def _weight(one: Ready | Failed | None) -> int:
    return 0 if one is None or isinstance(one, Failed) else one[0].rows


def _ready(runs: Sequence[Run], traces: Traces) -> Iterator[Ready | Failed | None]:
    import pyarrow as pa

    with closing(_parts_ahead(runs)) as parts:
        for run in runs:
            gather = _in_rows if run.mapping.lines is None else _in_files
            for found in gather(run.jobs, parts):
                if isinstance(found, Failed):
                    yield found
                    return
                rows = pa.concat_tables(found.tables, promote_options="permissive") if found.tables else None
                now = run.jobs[0].load.started_at
                yield found, None if rows is None else read(run.mapping, rows, traces, now, is_part=found.is_part)
            yield None


# ------------------------------------------------------------------------------------------------ gathering

_Part = tuple[int, Chunk, bool]
"""A chunk, its number in the file, and whether it is the last."""

_Parts = Iterator[_Part | None]


def _in_rows(jobs: Sequence[Job], parts: _Parts) -> Iterator[Gathered | Failed]:
    """Large files in several batches, small ones together."""
    waiting = Gathered()
    for job in jobs:
        try:
            for number, chunk, is_last in _until_end(parts):
                if waiting.rows and waiting.rows + chunk.rows.num_rows > base.CHUNK_ROWS:
                    yield waiting
                    waiting = Gathered()
                waiting.pieces.append(Piece(job, number, is_last, tuple(chunk.broken), tuple(chunk.left_out)))
                waiting.tables.append(placed(chunk.rows, job.load.load))
                waiting.far.append((chunk.done, chunk.total, job.path.name))
                if not is_last:
                    yield waiting
                    waiting = Gathered()
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


def _in_files(jobs: Sequence[Job], parts: _Parts) -> Iterator[Gathered | Failed]:
    """Whole files, for an order's lines may stand anywhere in one; a large file comes in parts of one batch."""
    waiting = Gathered()
    for job in jobs:
        mine = Gathered(is_part=waiting.is_part)
        broken: list[tuple[int, str, str]] = []
        try:
            for _, chunk, _ in _until_end(parts):
                broken += chunk.broken
                mine.tables.append(placed(chunk.rows, job.load.load))
                mine.far.append((chunk.done, chunk.total, job.path.name))
                if mine.rows >= base.CHUNK_ROWS and not waiting.pieces:
                    yield Gathered([], mine.tables, mine.far, is_part=True, is_whole=False)
                    mine = Gathered(is_part=True)
        except Full:
            raise
        except LimnerError as error:
            if waiting.pieces:
                yield waiting
            yield Failed(job, error)
            return
        waiting.pieces.append(Piece(job, 0, is_last=True, broken=tuple(broken)))
        waiting.tables += mine.tables
        waiting.far += mine.far
        waiting.is_part = mine.is_part
        if waiting.is_part or waiting.rows >= base.CHUNK_ROWS:
            yield waiting
            waiting = Gathered()
    if waiting.pieces:
        yield waiting


def placed(rows: pa.Table, load: int) -> pa.Table:
    """The rows with their place (load and line) in `_line`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    place = pc.add(rows[LINE], pa.scalar(load << PLACE_BITS, pa.int64()))
    return rows.set_column(rows.schema.get_field_index(LINE), LINE, place)


# ------------------------------------------------------------------------------------------------ reading


def _parts_ahead(runs: Sequence[Run]) -> Generator[_Part | None, None, None]:
    """The chunks of all files, none at the end of each, read ahead of their use, over the ends of files.

    An error comes where the file's next chunk would.
    """
    return ahead(_parts(runs), lambda part: part[1].rows.num_rows if part else 0, base.CHUNK_ROWS // 2)


def _parts(runs: Sequence[Run]) -> _Parts:
    for run in runs:
        for job in run.jobs:
            yield from _numbered(run.mapping, job)
            yield None


def _until_end(parts: _Parts) -> Iterator[_Part]:
    for part in parts:
        if part is None:
            return
        yield part


def _numbered(mapping: Mapped, job: Job) -> Iterator[_Part]:
    """The chunks of a file that are still to be done, each with its number and whether it is the last.

    Of a file of order lines all are: its batches are cut by order.
    """
    columns = mapping.used_columns
    rows = job.rows.chunks(job.path, options_of(mapping.source), columns) if job.rows else None
    found = rows or chunks_of(mapping.source, job.path, columns, base.CHUNK_ROWS)
    done = job.load.done if mapping.lines is None else 0
    before: tuple[int, Chunk] | None = None
    for number, chunk in enumerate(found, job.first):
        if before is not None and before[0] >= done:
            yield *before, False
        before = (number, chunk)
    if before is not None and before[0] >= done:
        yield *before, True
