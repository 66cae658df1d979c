"""What is said of loads that are whole, and whether they may come into sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from limner.flow.sources.loads import Load, list_loads
from limner.flow.sources.mapping import every_column
from limner.flow.sources.quality import learnt
from limner.flow.sources.quality.alerts import HELD, Sighting, close, held_key, key_of, see, sighting_of
from limner.flow.sources.quality.figures import (
    ByTable,
    as_figures,
    figures_of,
    read_parts,
    write_figures,
    write_parts,
)
from limner.flow.sources.quality.judging import judged
from limner.flow.sources.quality.learnt import LAST, Learnt, Seen, seen
from limner.flow.sources.quality.results import CheckResult, write_results
from limner.flow.sources.quality.shape import Drift, Shape, as_shape, drifts

if TYPE_CHECKING:
    from limner.flow.sources.definition import Source
    from limner.store.ledger import Ledger
    from limner.store.stores import Stores

FILE = "file"
"""The part of a load's figures that says what its file looked like."""

_SHAPES = 5
"""Files before, whose shapes a file is held against."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A load, the results of its checks, and what it looked like."""

    load: Load
    results: tuple[CheckResult, ...]
    tables: ByTable = field(default_factory=dict)
    shape: Shape | None = None

    @property
    def holds(self) -> bool:
        """Whether the load must be held."""
        return any(result.holds for result in self.results)

    @property
    def broken(self) -> tuple[CheckResult, ...]:
        """The checks it broke."""
        return tuple(result for result in self.results if result.verdict == "failed")

    def entries(self, ledger: Ledger, now: datetime) -> list[Callable[[Connection], None]]:
        """What is written beside the load in the transaction that shows or holds it."""
        return [partial(_written, ledger, self, now)]


def _written(ledger: Ledger, found: Judged, now: datetime, connection: Connection) -> None:
    """Results, figures, and the alerts they open and close."""
    load = found.load
    write_results(ledger, connection, found.results)
    write_figures(connection, load.load, load.source, found.tables)
    if found.shape is not None:
        write_parts(connection, load.load, load.source, {FILE: found.shape.to_dict()})
    close(connection, [key_of(result) for result in found.results if result.verdict == "passed"], now)
    seen_now = [sighting_of(result) for result in found.broken]
    if found.holds:
        seen_now.append(Sighting(held_key(load.load), HELD, "hard", load.source, load.file, load.load))
    see(ledger, connection, seen_now, now)


def write_judged(stores: Stores, found: Sequence[Judged], now: datetime) -> None:
    """Write down what is said of loads that are in sight already."""
    with stores.ledger.write() as connection:
        for one in found:
            _written(stores.ledger, one, now, connection)


# ------------------------------------------------------------------------------------------------ shapes


@dataclass(frozen=True, slots=True)
class Look:
    """The shape of a file and how it differs from those before it."""

    shape: Shape
    drifts: tuple[Drift, ...]
    policy: str

    def is_hard(self, drift: Drift) -> bool:
        """Whether a difference holds the load: as the source says, by default a mapped column that changed."""
        return self.policy == "hold" or (self.policy != "report" and drift.is_grave)

    @property
    def holds(self) -> bool:
        """Whether the load must be held."""
        return any(self.is_hard(drift) for drift in self.drifts)


def shapes_before(stores: Stores, source: Source) -> list[Shape]:
    """The shapes of the last files in sight of a source, oldest first."""
    parts = read_parts(stores.ledger, source.id, None, _SHAPES)
    return [as_shape(body[FILE]) for _, body in parts if FILE in body]


def look(source: Source, shape: Shape, before: Sequence[Shape]) -> Look:
    """A shape held against those before."""
    return Look(shape, tuple(drifts(shape, before[-_SHAPES:], every_column(source))), source.drift)


def is_guarded(source: Source, seen_as: Look | None = None) -> bool:
    """Whether a load is hidden until it has been judged: its source has checks that hold, or its file has drifted."""
    return any(rule.level == "hard" for rule in source.checks) or (seen_as is not None and seen_as.holds)


def _drifted(load: Load, seen_as: Look | None, now: datetime) -> list[CheckResult]:
    if seen_as is None:
        return []
    return [
        CheckResult(
            load.load, load.source, one.kind, "drift", "hard" if seen_as.is_hard(one) else "soft", one.subject[:200],
            one.found, one.was, "failed", now,
        )
        for one in seen_as.drifts
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ judging


def judge_loads(
    stores: Stores, source: Source, loads: Sequence[Load], looks: Mapping[int, Look], now: datetime
) -> list[Judged]:
    """What is said of each of these loads, in their order; a load that is held teaches those after it nothing."""
    figures = figures_of(stores, [load.load for load in loads])
    past = _past(stores, source.id, min((load.load for load in loads), default=0))
    found = []
    for load in sorted(loads, key=lambda one: one.load):
        mine = seen(load, figures[load.load])
        seen_as = looks.get(load.load)
        results = _results(stores, source, mine, load, past[-LAST:], now)
        results += _drifted(load, seen_as, now)
        one = Judged(load, tuple(results), figures[load.load], seen_as.shape if seen_as else None)
        found.append(one)
        if not one.holds:
            past.append(mine)
    return found


def _past(stores: Stores, source: str, before: int) -> list[Seen]:
    """The last loads in sight of a source, as their figures show them."""
    parts = dict(read_parts(stores.ledger, source, before, LAST))
    return [seen(load, as_figures(parts[load.load])) for load in list_loads(stores) if load.load in parts]


def _results(
    stores: Stores, source: Source, mine: Seen, load: Load, past: Sequence[Seen], now: datetime
) -> list[CheckResult]:
    """Declared checks, then the learnt ones that nobody declared."""
    taught = list(learnt.learnt(mine, past, stores.settings.zone))
    results = judged(stores, source, load, now, taught)
    declared = {(rule.check, subject) for rule in source.checks for subject in rule.subjects or ("",)}
    for one in taught:
        is_declared = (one.check, one.subject) in declared or (one.check in _WHOLE and (one.check, "") in declared)
        if one.is_good is not None and not is_declared:
            results.append(_reported(load, one, now))
    return results


_WHOLE = frozenset({"volume", "freshness"})


def _reported(load: Load, one: Learnt, now: datetime) -> CheckResult:
    return CheckResult(
        load.load, load.source, one.check, "learnt", "soft", one.subject[:200], one.value, one.bound,
        "passed" if one.is_good else "failed", now, one.bad, one.rows,
    )  # fmt: skip
