"""`drain`: what was acknowledged, out of the stream and into the lake, every message once.

What is to be done is written into the ledger first: which segments, and the first batch of every load. A run that was
cut off is done again from there, with the same rows under the same names; batches that stand already are left.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, func, insert, select, update
from sqlglot import exp

from limner.core.actor import Actor
from limner.core.ours import Property
from limner.core.tell import Tell, silent
from limner.flow.sources.collect import map_file
from limner.flow.sources.definition import LiveMap, Source
from limner.flow.sources.holding import within
from limner.flow.sources.known import laid
from limner.flow.sources.live.enriching import Finders
from limner.flow.sources.live.gather import Heard, Protocols, Reading, gather
from limner.flow.sources.live.keys import Keys
from limner.flow.sources.live.rows import PARTS
from limner.flow.sources.live.settling import guards, hear, hidden_days
from limner.flow.sources.live.source import Rows, source_of
from limner.flow.sources.loading import Place, load_files, remembered
from limner.flow.sources.loads import STANDING, Counts, load_of, total
from limner.flow.sources.pairs import Pairs
from limner.flow.sources.readings import instant_literal
from limner.flow.sources.stated import Stated
from limner.flow.sources.stream import Failed, Job, Run
from limner.flow.sources.traces import Traces
from limner.store.lake.compacting import LIVE
from limner.store.ledger.columns import instant, micros
from limner.store.ledger.tables import drains, loads
from limner.store.stream import Segment, Waiting

if TYPE_CHECKING:
    from limner.store.definitions import Definitions
    from limner.store.stores import Stores

AT_ONCE: Final = 16 << 20
"""Bytes of small segments that are drained together."""

REMEMBERED: Final = timedelta(days=3)
"""How long a message is known again, at least a day less."""

_NUMBERS: Final = 16
"""Batch numbers that one drain of a load may use."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain brought into the lake: segments, the counts of each load, and how many segments wait still.

    `gone` are requests that the stream has lost before they were drained.
    `held` are the loads among them whose rows nobody sees until they are released.
    """

    segments: int = 0
    loads: Mapping[int, Counts] = field(default_factory=dict)
    waiting: int = 0
    gone: int = 0
    held: tuple[int, ...] = ()

    @property
    def counts(self) -> Counts:
        """The counts of all loads."""
        return total(list(self.loads.values()))

    def __str__(self) -> str:
        counts = self.counts
        told = f"drained {self.segments} segments: {counts.rows:,} rows, {sum(counts.rejected.values()):,} rejected"
        told += f"; held: {', '.join(str(load) for load in self.held)}" if self.held else ""
        return told + (f"; {self.gone:,} requests were deleted from the stream before" if self.gone else "")

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        gone = {"gone": self.gone} if self.gone else {}
        held = {"held": list(self.held)} if self.held else {}
        return {"segments": self.segments, "waiting": self.waiting, **gone, **held, **self.counts.to_dict()}


def together(steps: Sequence[Drained]) -> Drained:
    """Several drains as one."""
    counts: dict[int, Counts] = {}
    for step in steps:
        for load, more in step.loads.items():
            counts[load] = counts.get(load, Counts()) + more
    waiting, gone = steps[-1].waiting if steps else 0, sum(step.gone for step in steps)
    held = tuple(sorted({load for step in steps for load in step.held}))
    return Drained(sum(step.segments for step in steps), counts, waiting, gone, held)


@dataclass(frozen=True, slots=True)
class _Intent:
    """What is to be done: segments, and of every source its load, the first batch's number and the first line.

    When it `is_in`, all rows are in the lake and only the stream has to hear of it.
    """

    drain: int
    segments: tuple[Segment, ...]
    places: Mapping[str, tuple[int, int, int]]
    is_in: bool = False


class Drain:
    """The drain of one workspace. It remembers traces and keys from one time to the next; for one thread."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._kinds = Protocols()
        self._finders = Finders(stores.settings.enrich)
        self._traces: Traces | None = None
        self._keys: dict[str, Keys] = {}
        self._pairs: dict[int, Pairs] = {}
        self._upcoming = 0
        self._stated = Stated()

    def close(self) -> None:
        """Let go of what is remembered."""
        if self._traces is not None:
            self._traces.close()

    def step(self, definitions: Definitions, *, who: Actor, now: datetime, tell: Tell = silent) -> Drained:
        """Bring in the segments that wait, as many as fit in one batch; or what was cut off before.

        The caller holds the keeper's lease. Raises what keeps rows from being written; the segments stay then.
        """
        stores, stream = self._stores, self._stores.stream
        reading = _reading(stores, definitions)
        self._catch_up()
        intent = _unfinished(stores)
        if intent is not None and intent.is_in:
            _let_go(stores, intent)
            intent = None
        waiting = Waiting() if intent else stream.waiting(AT_ONCE)
        segments = intent.segments if intent else waiting.segments
        if not segments:
            return Drained(gone=waiting.gone)
        first = {source: line for source, (_, _, line) in intent.places.items()} if intent else {}
        heard = self._heard(segments, reading, now, first)
        if intent is None:
            guarded = {name for name in heard if guards(reading.sources.get(name))}
            intent = _begin(stores, segments, heard, guarded, who, now)
        done = {
            intent.places[source][0]: self._load(definitions, reading, source, mine, intent, tell)
            for source, mine in heard.items()
        }
        held = tuple(
            load for name, mine in heard.items() if (load := self._judged(reading, name, mine, intent, who, now))
        )
        _finish(stores, intent)
        self._remember(heard, now)
        self._upcoming = intent.drain + 1
        left = waiting.left if waiting.segments else len(stream.waiting(AT_ONCE).segments)
        return Drained(len(segments), done, left, waiting.gone, held)

    def _judged(
        self, reading: Reading, name: str, heard: Heard, intent: _Intent, who: Actor, now: datetime
    ) -> int | None:
        """Hold what came to the checks of its source; the load, when it is held."""
        stores, number = self._stores, intent.places[name][0]
        source = reading.sources.get(name) or Source(id=name, live=LiveMap())
        hear(stores, source, load_of(stores, number), heard.newest, who=who, now=now)
        return number if load_of(stores, number).state == "held" else None

    def _catch_up(self) -> None:
        """Forget what is remembered when another process has drained since, for it knows what this one does not."""
        with self._stores.ledger.read() as connection:
            upcoming = self._stores.ledger.peek(connection, "drain")
        if upcoming != self._upcoming:
            self._keys.clear()
            self._pairs.clear()
        self._upcoming = upcoming

    def _heard(
        self, segments: Sequence[Segment], reading: Reading, now: datetime, first: Mapping[str, int]
    ) -> dict[str, Heard]:
        envelopes = [envelope for segment in segments for envelope in self._stores.stream.read(segment)]
        for source in {envelope.source for envelope in envelopes} - self._keys.keys():
            self._keys[source] = _lately(self._stores, source, now)
        return gather(envelopes, self._kinds, reading, self._keys, first or _lines(self._stores))

    def _load(
        self, definitions: Definitions, reading: Reading, name: str, heard: Heard, intent: _Intent, tell: Tell
    ) -> Counts:
        """Load what was said to one source, sort by sort; what became of it."""
        stores, (number, first, _) = self._stores, intent.places[name]
        before = load_of(stores, number).counts
        source = reading.sources.get(name) or Source(id=name, live=LiveMap())
        gathering = heard.gathering
        bad, left_out = gathering.bad, gathering.left_out
        for turn, part in enumerate(PARTS):
            columns = gathering.parts[part]
            takes_bad = part == "events" and bool(bad or left_out)
            if not columns.rows and not takes_bad:
                continue
            table, kinds = columns.table()
            rows = Rows(table, kinds, tuple(bad), tuple(left_out)) if takes_bad else Rows(table, kinds)
            types = {**gathering.types, **reading.declared}
            mapping = map_file(stores, source_of(source, part, columns, types), Path(name), kinds, self._finders)
            load = replace(load_of(stores, number), started_at=instant(heard.newest))
            if load.done > first + turn:
                continue  # this much was in
            run = Run(mapping, (Job(Path(load.file), load, rows, first + turn),))
            self._bring_in(definitions, run, tell)
        return _less(load_of(stores, number).counts, before)

    def _bring_in(self, definitions: Definitions, run: Run, tell: Tell) -> None:
        if self._traces is None:
            self._traces = Traces(self._stores)
        else:
            self._traces.renew()
        load = run.jobs[0].load
        seen = within(self._stores, [load.load]) if load.is_hidden else self._stores
        if load.load not in self._pairs:
            self._pairs[load.load] = remembered(seen, run.jobs)
        with closing(Place(self._stores, [run], self._traces, self._stated)) as place:
            for step in load_files(seen, definitions, place, run, tell, self._pairs[load.load]):
                if isinstance(step, Failed):
                    raise step.error

    def _remember(self, heard: Mapping[str, Heard], now: datetime) -> None:
        day = micros(now) // _DAY
        self._pairs = {load: self._pairs[load] for load in list(self._pairs)[-2 * len(self._keys) :]}
        for source, mine in heard.items():
            self._keys[source].add(mine.newest // _DAY, mine.keys)
            self._keys[source].forget(day - REMEMBERED.days + 1)


_DAY: Final = 86_400_000_000


def _reading(stores: Stores, definitions: Definitions) -> Reading:
    declared = {name: value.type for name, value in definitions.of(Property).items()}
    return Reading(definitions.of(Source), stores.settings.workspace.zone, declared)


def _unfinished(stores: Stores) -> _Intent | None:
    with stores.ledger.read() as connection:
        row = connection.execute(select(drains).order_by(drains.c.drain).limit(1)).mappings().first()
    if row is None:
        return None
    body = json.loads(row["body"])
    segments = tuple(Segment(*named) for named in body["segments"])
    places = {name: tuple(place) for name, place in body["places"].items()}
    return _Intent(row["drain"], segments, places, body.get("is_in", False))


def _begin(
    stores: Stores, segments: tuple[Segment, ...], heard: Mapping[str, Heard], guarded: Collection[str], who: Actor,
    now: datetime,
) -> _Intent:  # fmt: skip
    """Write down what is to be done; loads that are not there yet are begun, those of `guarded` sources hidden."""
    with stores.ledger.write() as connection:
        places = {}
        for source, mine in heard.items():
            received = instant(mine.newest)
            content = _content(stores, received)
            same = (loads.c.source == source, loads.c.content_hash == content, loads.c.state.in_(STANDING))
            row = connection.execute(select(loads.c.load, loads.c.done).where(*same)).first()
            number, done = (int(row[0]), int(row[1])) if row is not None else (0, 0)
            if row is None:
                number = stores.ledger.take(connection, "load")
                connection.execute(
                    insert(loads).values(
                        load=number, source=source, file=content, content_hash=content, state="running",
                        started_at=received, actor=who.id, is_hidden=source in guarded,
                    )
                )  # fmt: skip
            first = -(-done // _NUMBERS) * _NUMBERS
            connection.execute(update(loads).where(loads.c.load == number).values(done=first))
            places[source] = (number, first, mine.gathering.first_line)
        drain = stores.ledger.take(connection, "drain")
        intent = _Intent(drain, segments, places)
        connection.execute(insert(drains).values(drain=drain, body=_body(intent), began_at=now))
    return intent


def _body(intent: _Intent) -> str:
    segments = [[one.part, one.number, one.last] for one in intent.segments]
    return json.dumps({"segments": segments, "places": intent.places, "is_in": intent.is_in})


def _finish(stores: Stores, intent: _Intent) -> None:
    """Note that all is in, and how far the stream has been drained with it; then the stream may let go."""
    with stores.ledger.write() as connection:
        stores.stream.passed(connection, intent.segments)
        values = {"body": _body(replace(intent, is_in=True))}
        connection.execute(update(drains).where(drains.c.drain == intent.drain).values(**values))
    _let_go(stores, intent)


def _let_go(stores: Stores, intent: _Intent) -> None:
    stores.stream.drained(intent.segments)
    with stores.ledger.write() as connection:
        connection.execute(delete(drains).where(drains.c.drain == intent.drain))


def _content(stores: Stores, received: datetime) -> str:
    """What stands for the file of a live load: the local day."""
    return f"{LIVE}{received.astimezone(stores.settings.zone).date().isoformat()}"


def _lines(stores: Stores) -> dict[str, int]:
    """The line at which what is said to each source goes on: behind all rows it has had live."""
    mine = (loads.c.content_hash.like(f"{LIVE}%"), loads.c.state.in_(STANDING))
    counted = select(loads.c.source, func.max(loads.c.rows)).where(*mine).group_by(loads.c.source)
    with stores.ledger.read() as connection:
        return {source: int(rows) + 1 for source, rows in connection.execute(counted)}


def _lately(stores: Stores, source: str, now: datetime) -> Keys:
    """The keys of what was said to a source lately, out of the lake."""
    since = exp.GTE(this=exp.column("received_at"), expression=instant_literal(now - REMEMBERED))
    mine = exp.column("source").eq(exp.Literal.string(source))
    rows = within(stores, hidden_days(stores, source)).lake.table(
        exp.select("event_key", "received_at").from_("events").where(mine, since, "NOT event_key IS NULL")
    )
    keys = Keys()
    day = rows["received_at"].cast("int64").to_numpy() // _DAY
    hashes = laid(rows["event_key"])
    for one in sorted(set(day.tolist())):
        keys.add(one, hashes[day == one])
    return keys


def _less(counts: Counts, before: Counts) -> Counts:
    """What came to counts since."""

    def left(now: Mapping[str, int], then: Mapping[str, int]) -> dict[str, int]:
        return {reason: n - then.get(reason, 0) for reason, n in now.items() if n > then.get(reason, 0)}

    return Counts(
        counts.rows - before.rows, counts.used - before.used, counts.anonymous - before.anonymous,
        counts.cancelled - before.cancelled, left(counts.rejected, before.rejected), left(counts.values, before.values),
    )  # fmt: skip
