"""Results of checks: one per check and load, kept in the ledger beside the load they speak of.

They are written in the transaction that shows or holds the load: a load never stands without what was said of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, insert, select

from limner.store.ledger.tables import check_results

if TYPE_CHECKING:
    from limner.store.ledger import Ledger

Verdict = Literal["passed", "failed", "unknown"]
Origin = Literal["declared", "learnt", "drift"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check said of a load: the value found, the bound it was held to, `bad` of `rows`, and the verdict.

    `unknown` means that there was nothing to judge, or too few loads before to judge by.
    """

    load: int
    source: str
    kind: str
    origin: Origin
    level: str
    subject: str
    value: str
    bound: str
    verdict: Verdict
    happened_at: datetime
    bad: int | None = None
    rows: int | None = None

    @property
    def holds(self) -> bool:
        """Whether it holds the load."""
        return self.verdict == "failed" and self.level == "hard"


def write_results(ledger: Ledger, connection: Connection, found: Sequence[CheckResult]) -> None:
    """Write results inside the caller's transaction."""
    if not found:
        return
    first = ledger.take(connection, "check_result", len(found))
    names = list(CheckResult.__slots__)
    rows = [{"seq": first + turn, **{name: getattr(one, name) for name in names}} for turn, one in enumerate(found)]
    connection.execute(insert(check_results), rows)


def results_of(ledger: Ledger, loads: Collection[int]) -> Mapping[int, tuple[CheckResult, ...]]:
    """The results of loads, in the order they were written; a load without any has none."""
    row = check_results.c
    query = select(check_results).where(row.load.in_(list(loads))).order_by(row.seq)
    found: dict[int, list[CheckResult]] = {load: [] for load in loads}
    with ledger.read() as connection:
        for one in connection.execute(query).mappings():
            found[one["load"]].append(_result(one))
    return {load: tuple(several) for load, several in found.items()}


def _result(row: Mapping[Any, Any]) -> CheckResult:
    return CheckResult(**{name: row[name] for name in CheckResult.__slots__})
