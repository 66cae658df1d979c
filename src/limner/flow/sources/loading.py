"""Writing what batches state: every batch once, its events last, so that a cut-off run is taken up where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlglot import exp

from limner.core.tell import Tell
from limner.flow.sources import sections
from limner.flow.sources.batches import Batch, batches
from limner.flow.sources.behind import Behind
from limner.flow.sources.consents import (
    batch_name,
    consent_rows,
    mark_receipts,
    receipt_events,
    refusals,
    write_consents,
)
from limner.flow.sources.desk import Desk
from limner.flow.sources.duplicates import mark_duplicates, put_aside
from limner.flow.sources.in_place import found_in_place, write_beside
from limner.flow.sources.loads import Counts, Progress, counts_ahead, note, note_ahead
from limner.flow.sources.mapping import Mapped
from limner.flow.sources.pairs import Pairs, identifier_rows
from limner.flow.sources.rejects import counts_by_load, reject_rows
from limner.flow.sources.sections import Making, offset_of
from limner.flow.sources.spares import SPARE_EVENTS, SPARE_LINES
from limner.flow.sources.staging import ROWS
from limner.flow.sources.stated import Stated
from limner.flow.sources.stream import Failed, Job, Piece, Run, stream
from limner.flow.sources.traces import Traces
from limner.store.lake.in_place import InPlace, known

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.store.definitions import Definitions
    from limner.store.stores import Stores

_SPARES = "spare_rows"
_TABLES: Sequence[tuple[str, Callable[[Making], exp.Query | None]]] = (
    ("lines", sections.order_lines),
    ("traits", sections.traits),
    ("items", sections.items),
    ("holdings", sections.holdings),
    ("relations", sections.relations),
    ("sites", sections.sites),
)


class Place:
    """The working place of one collect: the desk, the traces known, and the rows of its files, read ahead.

    It is opened when there is a file to load. `traces` known before are used and left open, and what is `stated` too.
    """

    def __init__(
        self, stores: Stores, runs: Sequence[Run], traces: Traces | None = None, stated: Stated | None = None
    ) -> None:
        self._closing = ExitStack()
        self.stated = stated or Stated()
        if not runs:
            return
        with ExitStack() as opened:
            self.desk = Desk(stores.lake)
            opened.callback(self.desk.close)
            self.traces = traces or Traces(stores)
            if traces is None:
                opened.callback(self.traces.close)
            self.ready = opened.enter_context(closing(stream(runs, self.traces)))
            self._closing = opened.pop_all()

    def close(self) -> None:
        """Take everything away."""
        self._closing.close()


def load_files(
    stores: Stores, definitions: Definitions, place: Place, run: Run, tell: Tell, pairs: Pairs | None = None
) -> Iterator[Progress | Failed]:
    """Bring in files that share a mapping; says after every batch how far each load is, and stops at a failure.

    A batch is written while the next is read and staged, and is in before the next is written. `pairs` are those of
    identifiers that these loads have told before; they are read from the lake when they are not at hand.
    """
    place.desk.clear()
    counts = {job.load.load: job.load.counts for job in run.jobs}
    pairs = remembered(stores, run.jobs) if pairs is None else pairs
    files = known(stores.ledger, counts) if run.mapping.source.in_place else {}
    writing = _Writing(place.desk, stores, definitions, run.mapping, place.traces, place.stated, pairs, counts, files)
    steps: list[Progress] = []
    with closing(writing.behind), closing(batches(place.desk, run.mapping, place.ready, tell)) as found:
        for batch in found:
            writing.behind.settle()
            yield from steps
            if isinstance(batch, Failed):
                yield batch
                return
            steps = writing.write(batch)
        writing.behind.settle()
        yield from steps


def remembered(stores: Stores, jobs: Sequence[Job]) -> Pairs:
    """The pairs of identifiers that a cut-off run has written; they are not written again."""
    pairs = Pairs()
    has = stores.lake.catalog.has_batch
    begun = [
        exp.Literal.number(job.load.load)
        for job in jobs
        if job.load.done or has("identifiers", batch_name(job.load.load, 0))  # cut off before its first batch was noted
    ]
    if begun:
        beside = exp.func("coalesce", exp.column("with_trace"), exp.column("trace")).as_("trace")
        rows = exp.select("load", exp.column("trace").as_("own"), beside, exp.column("happened_at").as_("moment"))
        rows = rows.from_("identifiers").where(exp.In(this=exp.column("load"), expressions=begun))
        pairs.new(stores.lake.table(rows), ["own"])
    return pairs


def _name(piece: Piece) -> str:
    return batch_name(piece.job.load.load, piece.number)


@dataclass
class _Writing:
    """Writing what batches state; `counts` are those of each load as far as it has come.

    `files` are those that are read in place, by load.
    """

    desk: Desk
    stores: Stores
    definitions: Definitions
    mapping: Mapped
    traces: Traces
    stated: Stated
    pairs: Pairs
    counts: Mapping[int, Counts]
    files: dict[int, InPlace]
    behind: Behind = field(default_factory=Behind)

    def write(self, batch: Batch) -> list[Progress]:
        """Have a batch written. Once its events are in, the batch is in, with the counts noted before.

        Before that its addresses are in the vault.
        """
        started = batch.pieces[0].job.load.started_at
        if any(self.stores.lake.catalog.has_batch("events", _name(piece)) for piece in batch.pieces):
            steps = [_step(piece, counts_ahead(self.stores, piece.job.load.load)) for piece in batch.pieces]
        elif not self.desk.has(ROWS):
            steps = [_step(piece, Counts()) for piece in batch.pieces]
        else:
            steps = self._stated(batch, started)
        self.behind.hand(lambda: note(self.stores, steps, started))
        self.counts = {**self.counts, **{step.load: step.counts for step in steps}}
        return steps

    def _stated(self, batch: Batch, started: datetime) -> list[Progress]:
        """Hand over the rows of all tables, the events last."""
        desk, stores, mapping, counts = self.desk, self.stores, self.mapping, self.counts
        making = Making(mapping, ROWS, started, exp.Literal.number(0))
        mark_duplicates(desk, making, stores.lake, self.stated)
        mark_receipts(desk, making, stores)
        making = replace(making, day_offset=offset_of(desk, ROWS, stores.settings.workspace.zone))
        names = {piece.job.load.load: _name(piece) for piece in batch.pieces}
        append = partial(self._append, names, making.shared)
        self._write_identifiers(append, making)
        for table, build in _TABLES:
            append(table, _asked(desk, making, table, build))
        _write_spares(desk, append, making)
        rejects, values = reject_rows(desk, mapping, batch)
        append("rejects", rejects)
        for turn, query in enumerate((consent_rows(making), refusals(making, self.definitions))):
            if query is not None:
                place = f"{batch.pieces[0].number}/{turn}"
                rows = self.traces.beside(desk.ask(query))
                self.behind.hand(partial(write_consents, stores, rows, place, mapping.source.id, started))
        new = counts_by_load(desk, mapping, batch, values)
        steps = [_step(piece, counts[piece.job.load.load] + new[piece.job.load.load]) for piece in batch.pieces]
        self.behind.hand(self.traces.sealed())
        self.behind.hand(lambda: note_ahead(stores, steps, counts))
        if mapping.source.in_place:
            self._lay_beside(batch, making)
            return steps
        events = sections.orders if mapping.lines else sections.events
        append("events", _asked(desk, making, "events", receipt_events if mapping.source.receipts else events))
        return steps

    def _lay_beside(self, batch: Batch, making: Making) -> None:
        """Hand over what must stand beside files that are read in place."""
        for piece in batch.pieces:
            load = piece.job.load.load
            found = found_in_place(self.desk, making, self.stores, piece.job.path, load, self.files.get(load))
            if found is not None:
                self.files[load] = found.file
                self.behind.hand(partial(write_beside, self.stores.lake, _name(piece), found, making.shared))

    def _write_identifiers(self, append: _Append, making: Making) -> None:
        query = sections.named(making)
        if query is None:
            return
        rows = self.desk.ask(query)
        if rows.num_rows:
            found = self.pairs.new(rows, sections.own_traces(making.mapped))
            append("identifiers", identifier_rows(found, self.traces.known))

    def _append(self, names: Mapping[int, str], shared: Mapping[str, object], table: str, rows: pa.Table) -> None:
        if rows.num_rows:
            self.behind.hand(lambda: _append_rows(self.stores, table, names, rows, shared))


_Append = Callable[[str, "pa.Table"], None]
"""Hands over the rows of a table."""


def _step(piece: Piece, counts: Counts) -> Progress:
    return Progress(piece.job.load.load, piece.number + 1, counts, piece.is_last, piece.job.load.is_hidden)


def _asked(desk: Desk, making: Making, table: str, build: Callable[[Making], exp.Query | None]) -> pa.Table:
    """The rows of a table that a batch states."""
    key = (table, making.rows, id(making.mapped), making.received_at, making.day_offset.sql())
    empty = exp.select(exp.Literal.number(0).as_("load")).where(exp.false())
    return desk.ask(desk.once(key, lambda: build(making) or empty))


def _append_rows(
    stores: Stores, table: str, names: Mapping[int, str], rows: pa.Table, shared: Mapping[str, object]
) -> None:
    """Append the rows of each load as a batch of its own, all under one commit."""
    import pyarrow.compute as pc

    if len(names) == 1:
        ((load, name),) = names.items()
        stores.lake.append_many(table, [(name, rows, load)], filled=shared)
        return
    parts = [
        (names[load], rows.filter(pc.equal(rows["load"], load)), load) for load in pc.unique(rows["load"]).to_pylist()
    ]
    stores.lake.append_many(table, parts, filled=shared)


def _write_spares(desk: Desk, append: _Append, making: Making) -> None:
    """Duplicates are kept aside, for the day the load that stated them first is withdrawn."""
    if not put_aside(desk, making, _SPARES):
        return
    aside = replace(making, rows=_SPARES)
    events = sections.orders if making.mapped.lines else sections.events
    append(SPARE_LINES, _asked(desk, aside, SPARE_LINES, sections.order_lines))
    append(SPARE_EVENTS, _asked(desk, aside, SPARE_EVENTS, events))
    desk.drop(_SPARES)
