"""What is said of loads that are whole, and whether they may come into sight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from limner.flow.sources.loads import Load
from limner.flow.sources.quality.alerts import HELD, Sighting, close, held_key, key_of, see, sighting_of
from limner.flow.sources.quality.judging import judged
from limner.flow.sources.quality.results import CheckResult, write_results

if TYPE_CHECKING:
    from limner.flow.sources.definition import Source
    from limner.store.ledger import Ledger
    from limner.store.stores import Stores


@dataclass(frozen=True, slots=True)
class Judged:
    """A load and the results of its checks."""

    load: Load
    results: tuple[CheckResult, ...]

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
    """Results, and the alerts they open and close."""
    write_results(ledger, connection, found.results)
    close(connection, [key_of(result) for result in found.results if result.verdict == "passed"], now)
    seen = [sighting_of(result) for result in found.broken]
    if found.holds:
        seen.append(
            Sighting(held_key(found.load.load), HELD, "hard", found.load.source, found.load.file, found.load.load)
        )
    see(ledger, connection, seen, now)


def write_judged(stores: Stores, found: Sequence[Judged], now: datetime) -> None:
    """Write down what is said of loads that are in sight already."""
    with stores.ledger.write() as connection:
        for one in found:
            _written(stores.ledger, one, now, connection)


def is_guarded(source: Source) -> bool:
    """Whether the loads of a source are hidden until they have been judged: it has checks that hold."""
    return any(rule.level == "hard" for rule in source.checks)


def judge_loads(stores: Stores, source: Source, loads: Sequence[Load], now: datetime) -> list[Judged]:
    """What is said of each of these loads."""
    return [Judged(load, tuple(judged(stores, source, load, now))) for load in loads]
