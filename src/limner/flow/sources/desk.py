"""The engine's working table of one collect: temporary tables on a cursor of the lake, asked by trees only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp, parse_one

from limner.core.errors import Broken, Full, words

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.store.lake.duckdb import DuckLake

NO_ROOM = words("collect_full", "There is no room left for collecting: {why}. Free some space, then run this again.")
NOT_WORKED = words("collect_failed", "The rows could not be worked on: {why}")


class Desk:
    """Temporary tables and the questions put to them. Close it when done."""

    def __init__(self, lake: DuckLake) -> None:
        self.cursor = lake.cursor()
        self._place = lake.folder
        self._made: set[str] = set()

    def make(self, name: str, rows: exp.Query) -> None:
        """A temporary table out of a query, in the place of one of that name."""
        self._run(exp.Create(this=exp.to_table(name), kind="TABLE", expression=rows, replace=True, properties=_TEMPORARY.copy()))
        self._made.add(name)

    def add(self, name: str, rows: exp.Query) -> None:
        """Add the answer of a query to a temporary table, made when it is not there."""
        if name not in self._made:
            self.make(name, rows)
        else:
            self._run(exp.Insert(this=exp.to_table(name), expression=rows, by_name=True))

    def update(self, statement: exp.Update) -> None:
        """Change a temporary table."""
        self._run(statement)

    def has(self, name: str) -> bool:
        """Whether a temporary table stands there."""
        return name in self._made

    def drop(self, *names: str) -> None:
        """Take temporary tables away."""
        for name in names:
            if name in self._made:
                self._run(_DROP.copy().transform(lambda n, to=name: exp.to_table(to) if isinstance(n, exp.Table) else n))
                self._made.discard(name)

    def give(self, name: str, rows: pa.Table) -> None:
        """Let an Arrow table be asked by name."""
        self.cursor.register(name, rows)

    def take_back(self, name: str) -> None:
        """Forget an Arrow table."""
        self.cursor.unregister(name)

    def ask(self, query: exp.Query) -> pa.Table:
        """The whole answer of a query."""
        with said(self._place):
            return self.cursor.sql(query.sql(dialect="duckdb")).to_arrow_table()

    def one(self, query: exp.Query) -> tuple[Any, ...]:
        """The one row of a query."""
        with said(self._place):
            found = self.cursor.execute(query.sql(dialect="duckdb")).fetchone()
        return found or ()

    def _run(self, statement: exp.Expression) -> None:
        with said(self._place):
            self.cursor.execute(statement.sql(dialect="duckdb"))

    def close(self) -> None:
        """Take everything away: temporary tables go with their cursor."""
        self._made.clear()
        self.cursor.close()


_DROP = parse_one("DROP TABLE place", dialect="duckdb")
_TEMPORARY = exp.Properties(expressions=[exp.TemporaryProperty()])


@contextmanager
def said(place: Path) -> Iterator[None]:
    """The engine's errors in our words."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        why = str(error).splitlines()[0]
        raise Full(NO_ROOM, place=place, why=why) from error
    except duckdb.Error as error:
        raise Broken(NOT_WORKED, place=place, why=str(error).splitlines()[0]) from error
