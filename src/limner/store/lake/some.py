"""Some rows of a table: those of some of its files, of a stretch of traces, or that came or happened since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb


@dataclass(frozen=True, slots=True)
class Some:
    """The rows of `paths` (None: of all files in sight) whose trace lies in [first, last) and that happened at or after
    `since` or came in with a sequence number greater than `after`; what is None asks for nothing."""

    paths: Sequence[str] | None = None
    traces: tuple[int, int] | None = None
    since: datetime | None = None
    after: int | None = None

    def tests(self) -> Iterator[duckdb.Expression]:
        """The conditions on rows."""
        if self.traces is not None:
            trace = duckdb.ColumnExpression("trace")
            yield trace >= duckdb.ConstantExpression(self.traces[0])
            yield trace < duckdb.ConstantExpression(self.traces[1])
        fresh = []
        if self.since is not None:
            fresh.append(duckdb.ColumnExpression("happened_at") >= duckdb.ConstantExpression(self.since))
        if self.after is not None:
            fresh.append(duckdb.ColumnExpression("seq") > duckdb.ConstantExpression(self.after))
        if fresh:
            yield fresh[0] if len(fresh) == 1 else fresh[0] | fresh[1]
