"""The days of a live source held to its checks: at once for what is wrong already, as a whole when the day is over.

A day is one load. While it lasts, a check fails only by what later rows cannot make good: an upper end, or a share over
enough rows. Lower ends, what is usual and drift are said when the day is over. A hard check that breaks takes the day's
rows out of sight, and those that follow go there too, until somebody releases or drops them: what was acknowledged is
refused to nobody. A day that was released is not held again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, delete, select

from limner.core.actor import Actor
from limner.core.spans import span_text
from limner.flow.sources.definition import LiveMap, Source
from limner.flow.sources.holding import Shift, shift
from limner.flow.sources.loads import Counts, Load, list_loads
from limner.flow.sources.quality.alerts import close, held_key, key_of, see, sighting_of
from limner.flow.sources.quality.declared import DRIFTING, CheckRule
from limner.flow.sources.quality.figures import read_part, write_parts
from limner.flow.sources.quality.judged import Judged, judge_loads
from limner.flow.sources.quality.judging import judged
from limner.flow.sources.quality.results import CheckResult, Verdict
from limner.flow.sources.quality.said import said_span
from limner.store.lake.compacting import LIVE
from limner.store.ledger.columns import instant, micros
from limner.store.ledger.tables import alerts, check_results, figures

if TYPE_CHECKING:
    from limner.store.definitions import Definitions
    from limner.store.stores import Stores

PART: Final = "live"
"""The part of a load's figures that says how far it was judged."""

EVERY: Final = timedelta(minutes=1)
"""How long what has come may wait to be judged."""

GROWTH: Final = 1.25
"""A day that has grown so much since it was judged is judged again at once."""

GRACE: Final = timedelta(minutes=5)
"""How long after midnight a day may still get rows before it is judged as a whole."""

BACK: Final = timedelta(days=7)
"""Days before this are not judged any more."""

FEWEST_ROWS: Final = 50
"""Rows from which a share says something while the day goes on."""

_SHARES = frozenset({"null_share", "range", "reference", "pattern", "accepted", "unique", "rejects", "anonymous"})


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a day has been judged: when something came last, the rows and the moment of the last judging."""

    heard: int = 0
    rows: int = 0
    judged: int = 0
    is_whole: bool = False

    def to_dict(self) -> dict[str, int | bool]:
        """As plain values."""
        return {"heard": self.heard, "rows": self.rows, "judged": self.judged, "is_whole": self.is_whole}


def guards(source: Source | None) -> bool:
    """Whether what a source brings is hidden until it has been judged."""
    return source is not None and any(rule.level == "hard" for rule in source.checks)


def hear(
    stores: Stores, source: Source, load: Load, heard: int, *, who: Actor, now: datetime
) -> tuple[CheckResult, ...]:
    """Note what came to a day, and judge it when that is due; the checks it broke."""
    before = _reached(stores, load.load)
    reached = replace(before, heard=max(before.heard, heard))
    if load.state == "running" or (source.checks and _is_due(load, before, now)):
        return _judge(stores, source, load, reached, who, now, is_whole=False)
    if source.checks:
        with stores.ledger.write() as connection:
            _keep(connection, load, reached)
    return ()


def settle_days(stores: Stores, definitions: Definitions, *, who: Actor, now: datetime) -> tuple[Judged, ...]:
    """Judge the days that are over as a whole, and look for sources that have fallen silent."""
    found = []
    known = definitions.of(Source)
    for load in _over(stores, now):
        reached = _reached(stores, load.load)
        if not reached.is_whole or reached.rows != load.counts.rows:
            source = known.get(load.source) or Source(id=load.source, live=LiveMap())
            found.append(_whole(stores, source, load, reached, who, now))
    _look_for_silence(stores, known, now)
    return tuple(found)


def has_work(stores: Stores, definitions: Definitions, now: datetime) -> bool:
    """Whether a day waits to be judged, or a source says how long it may be silent."""
    if any(rule.check == "freshness" for source in _lives(definitions) for rule in source.checks):
        return True
    reached = ((load, _reached(stores, load.load)) for load in _over(stores, now))
    return any(not one.is_whole or one.rows != load.counts.rows for load, one in reached)


def hidden_days(stores: Stores, source: str) -> tuple[int, ...]:
    """The loads of a live source that are out of sight."""
    return tuple(load.load for load in _days(stores) if load.source == source and load.is_hidden)


# ------------------------------------------------------------------------------------------------ judging


def _judge(
    stores: Stores, source: Source, load: Load, reached: Reached, who: Actor, now: datetime, *, is_whole: bool
) -> tuple[CheckResult, ...]:
    results = judged(stores, _so_far(source), load, now) if source.checks else []
    results = [_patient(source, one) for one in results] + _silence(source, reached, load, now)
    found = Judged(load, tuple(results))
    _settle(stores, source, found, _judged_now(reached, load, now, is_whole=is_whole), who, now)
    return found.broken


def _whole(stores: Stores, source: Source, load: Load, reached: Reached, who: Actor, now: datetime) -> Judged:
    """A day that is over: all checks, what is learnt, and drift, against the days before."""
    lasting = replace(source, checks=tuple(rule for rule in source.checks if rule.check != "freshness"))
    (found,) = judge_loads(stores, lasting, [load], {}, now)
    results = tuple(one for one in found.results if one.kind != "freshness")
    found = replace(found, results=results)
    _settle(stores, source, found, _judged_now(reached, load, now, is_whole=True), who, now)
    return found


def _judged_now(reached: Reached, load: Load, now: datetime, *, is_whole: bool) -> Reached:
    return replace(reached, rows=load.counts.rows, judged=micros(now), is_whole=is_whole)


def _settle(stores: Stores, source: Source, found: Judged, reached: Reached, who: Actor, now: datetime) -> None:
    """Write down what was said of a day, and show it, hide it or leave it."""
    load = found.load
    if load.state == "done" and _was_released(stores, load.load):
        found = replace(found, results=tuple(replace(one, level="soft") for one in found.results))
    entries: list[Callable[[Connection], None]] = [partial(_forget, load.load), *found.entries(stores.ledger, now)]
    entries.append(lambda connection: _keep(connection, load, reached))
    counts: Mapping[int, Counts] = {load.load: load.counts}
    holds = found.holds and guards(source)
    if load.state == "running":
        wanted = Shift(held=counts) if holds else Shift(shown=counts)
    elif load.state == "done" and holds:
        wanted = Shift(hidden=counts)
    else:
        with stores.ledger.write() as connection:
            for entry in entries:
                entry(connection)
        return
    shift(stores, wanted, who=who, now=now, entries=entries)


def _so_far(source: Source) -> Source:
    """The checks that can be asked of a day that goes on."""

    def rules() -> Iterator[CheckRule]:
        for rule in source.checks:
            if rule.learnt or rule.check in DRIFTING or rule.check == "freshness":
                continue
            if rule.check in ("volume", "sum"):
                if rule.at_most is not None:
                    yield replace(rule, at_least=None, usual=None)
                continue
            yield rule

    return replace(source, checks=tuple(rules()))


def _patient(source: Source, one: CheckResult) -> CheckResult:
    """A share over few rows says nothing yet, unless not one row may break the check."""
    allowed = any(
        (rule.at_most if rule.check in ("null_share", "rejects", "anonymous") else rule.allow)
        for rule in source.checks
        if rule.check == one.kind
    )
    is_early = one.kind in _SHARES and one.verdict == "failed" and allowed and (one.rows or 0) < FEWEST_ROWS
    return replace(one, verdict="unknown") if is_early else one


def _silence(source: Source, reached: Reached, load: Load, now: datetime) -> list[CheckResult]:
    """Whether something has come within the span a source names."""
    found = []
    for rule in source.checks:
        if rule.check == "freshness" and rule.within is not None and not rule.learnt and reached.heard:
            age = max(now - instant(reached.heard), timedelta(0))
            verdict: Verdict = "passed" if age <= rule.within else "failed"
            said = (said_span(age), f"≤ {span_text(rule.within)}")
            one = CheckResult(load.load, source.id, "freshness", "declared", "soft", "heard", *said, verdict, now)
            found.append(one)
    return found


def _look_for_silence(stores: Stores, known: Mapping[str, Source], now: datetime) -> None:
    """Open an alert for every source that has been silent for too long, and close those of sources that speak again."""
    last: dict[str, Load] = {load.source: load for load in _days(stores) if load.state in ("running", "done", "held")}
    said: list[CheckResult] = []
    for name, source in known.items():
        if source.live is not None and source.checks and name in last:
            said += _silence(source, _reached(stores, last[name].load), last[name], now)
    if said:
        with stores.ledger.write() as connection:
            close(connection, [key_of(one) for one in said if one.verdict == "passed"], now)
            see(stores.ledger, connection, [sighting_of(one) for one in said if one.verdict == "failed"], now)


# ------------------------------------------------------------------------------------------------ what is kept


def _days(stores: Stores) -> list[Load]:
    return [load for load in list_loads(stores) if load.file.startswith(LIVE)]


def _lives(definitions: Definitions) -> Sequence[Source]:
    return [source for source in definitions.of(Source).values() if source.live is not None]


def _over(stores: Stores, now: datetime) -> list[Load]:
    """The days that are over, and not so long ago that nobody asks any more; oldest first."""
    zone = stores.settings.zone
    today, first = ((now - span).astimezone(zone).date().isoformat() for span in (GRACE, BACK))
    return [
        load
        for load in _days(stores)
        if load.state in ("done", "held") and first <= load.file.removeprefix(LIVE) < today
    ]


def _is_due(load: Load, before: Reached, now: datetime) -> bool:
    return load.counts.rows >= GROWTH * before.rows or micros(now) - before.judged >= EVERY / timedelta(microseconds=1)


def _reached(stores: Stores, load: int) -> Reached:
    body = read_part(stores.ledger, load, PART)
    return Reached() if body is None else Reached(**body)


def _keep(connection: Connection, load: Load, reached: Reached) -> None:
    row = figures.c
    connection.execute(delete(figures).where(row.load == load.load, row.part == PART))
    write_parts(connection, load.load, load.source, {PART: reached.to_dict()})


def _forget(load: int, connection: Connection) -> None:
    """What was said of a day before it was judged anew."""
    connection.execute(delete(check_results).where(check_results.c.load == load))
    connection.execute(delete(figures).where(figures.c.load == load))


def _was_released(stores: Stores, load: int) -> bool:
    """Whether somebody has let a day into sight that was held."""
    row = alerts.c
    with stores.ledger.read() as connection:
        return connection.execute(select(row.alert).where(row.alert_key == held_key(load))).first() is not None
