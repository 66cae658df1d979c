"""The engine's working place of one collect: tables of its own beside the lake, asked by trees only."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp, parse_one

from limner.core.errors import Broken, Busy, Full, words

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.store.lake.duckdb import DuckLake

NO_ROOM = words("collect_full", "There is no room left for collecting: {why}. Free some space, then run this again.")
NOT_WORKED = words("collect_failed", "The rows could not be worked on: {why}")
AT_WORK = words(
    "collect_at_work", "Another collect is at work in this process. Wait for it to end, then run this again."
)

_OPEN = ("ATTACH ':memory:' AS collect_desk", "USE collect_desk")
_CLOSE = ("USE memory", "DETACH collect_desk")
_DROP = parse_one("DROP TABLE place", dialect="duckdb")
_RENAME = parse_one("ALTER TABLE place RENAME TO other", dialect="duckdb")


class Desk:
    """Tables for as long as one collect lasts, and the questions put to them. Close it when done.

    Not for two threads: one file after the other is what keeps the memory bounded.
    """

    def __init__(self, lake: DuckLake) -> None:
        import duckdb

        self.cursor = lake.cursor()
        self._place = lake.folder
        self._made: set[str] = set()
        self._texts: dict[Hashable, str] = {}
        try:
            for word in _OPEN:
                self.cursor.execute(word)
        except duckdb.BinderException as error:
            raise Busy(AT_WORK) from error

    def once(self, key: Hashable, build: Callable[[], exp.Query]) -> str:
        """A query in the engine's words, built at the first use of its key: many files ask the same."""
        if key not in self._texts:
            self._texts[key] = build().sql(dialect="duckdb")
        return self._texts[key]

    def make(self, name: str, rows: exp.Query | str) -> None:
        """A table out of a query, in the place of one of that name."""
        self.drop(name)
        with said(self._place):
            self.cursor.sql(_text(rows)).create(name)
        self._made.add(name)

    def add(self, name: str, rows: exp.Query | str) -> None:
        """Add the answer of a query to a table, column by column in order; the table is made when it is not there."""
        if name not in self._made:
            self.make(name, rows)
            return
        with said(self._place):
            self.cursor.sql(_text(rows)).insert_into(name)

    @contextmanager
    def as_written(self) -> Iterator[None]:
        """Run queries as they are written: an Arrow table tells no size, the planner would hash the large side."""
        self.cursor.execute("PRAGMA disable_optimizer")
        try:
            yield
        finally:
            self.cursor.execute("PRAGMA enable_optimizer")

    def view(self, name: str, rows: exp.Query | str) -> None:
        """A query that can be asked by name, worked out anew each time."""
        with said(self._place):
            self.cursor.sql(_text(rows)).create_view(name, replace=True)

    def update(self, statement: exp.Update | exp.Delete) -> None:
        """Change a table."""
        with said(self._place):
            self.cursor.execute(statement.sql(dialect="duckdb"))

    def has(self, name: str) -> bool:
        """Whether a table stands there."""
        return name in self._made

    def drop(self, *names: str) -> None:
        """Take tables away."""
        for name in names:
            if name in self._made:
                tree = _DROP.transform(lambda n, to=name: exp.to_table(to) if isinstance(n, exp.Table) else n)
                with said(self._place):
                    self.cursor.execute(tree.sql(dialect="duckdb"))
                self._made.discard(name)

    def clear(self) -> None:
        """Take away every table, and the words of queries."""
        self.drop(*self._made)
        self._texts.clear()

    def rename(self, name: str, to: str) -> None:
        """Call a table by another name, in the place of one of that name."""
        self.drop(to)
        names = {"place": name, "other": to}
        tree = _RENAME.transform(lambda n: exp.to_table(names[n.name]) if isinstance(n, exp.Table) else n)
        with said(self._place):
            self.cursor.execute(tree.sql(dialect="duckdb"))
        self._made = (self._made - {name}) | {to}

    def give(self, name: str, rows: pa.Table) -> None:
        """Let an Arrow table be asked by name."""
        self.cursor.register(name, rows)

    def take_back(self, name: str) -> None:
        """Forget an Arrow table."""
        self.cursor.unregister(name)

    def ask(self, query: exp.Query | str) -> pa.Table:
        """The whole answer of a query."""
        with said(self._place):
            return self.cursor.sql(_text(query)).to_arrow_table()

    def one(self, query: exp.Query | str) -> tuple[Any, ...]:
        """The one row of a query."""
        with said(self._place):
            return self.cursor.execute(_text(query)).fetchone() or ()

    def close(self) -> None:
        """Take everything away."""
        for word in _CLOSE:
            self.cursor.execute(word)
        self.cursor.close()


def _text(query: exp.Query | str) -> str:
    return query if isinstance(query, str) else query.sql(dialect="duckdb")


@contextmanager
def said(place: Path) -> Iterator[None]:
    """The engine's errors in our words."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise Full(NO_ROOM, place=place, why=str(error).splitlines()[0]) from error
    except duckdb.Error as error:
        raise Broken(NOT_WORKED, place=place, why=str(error).splitlines()[0]) from error
