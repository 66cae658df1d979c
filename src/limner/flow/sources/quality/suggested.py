"""Checks suggested from what a source has brought so far, as lines of YAML to be looked through and taken over.

Each says what it is based on. A suggestion holds for all the loads it was learnt from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from limner.core.errors import NotFound, words
from limner.core.spans import span_text
from limner.flow.sources.loads import Load, list_loads
from limner.flow.sources.quality.figures import OTHER, Figures, as_figures, read_parts, tables_of
from limner.flow.sources.quality.learnt import FEWEST, LAST, Seen, seen
from limner.flow.sources.writing import flow

if TYPE_CHECKING:
    from limner.flow.sources.definition import Source
    from limner.store.stores import Stores

NOTHING_YET = words(
    "quality_nothing_learnt", "Source {source!r} has no load in sight to learn from. Run limner collect {source} first."
)
_FEW, _ROWS = 12, 100
"""Most values of a list of accepted ones; fewest rows to say anything of a column."""

_KEYS = (("items", "item_id"), ("sites", "site_id"), ("events", "event_key"))
_REFERENCES = (("lines", "item_id", "items.item_id"), ("events", "item_id", "items.item_id"))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A check and what it is based on."""

    check: Mapping[str, Any]
    because: str


@dataclass(frozen=True, slots=True)
class Suggested:
    """The checks suggested for a source, learnt from some loads."""

    source: str
    loads: int
    rows: int
    checks: tuple[Suggestion, ...]

    def to_yaml(self) -> str:
        """Lines for the source's YAML."""
        lines = [f"# learnt from {self.loads:,} loads, {self.rows:,} rows", "checks:"]
        return "\n".join([*lines, *(f"  - {flow(dict(one.check))}  # {one.because}" for one in self.checks)]) + "\n"


def suggested(stores: Stores, source: Source) -> Suggested:
    """What a source could be held to. Raises NotFound when it has brought nothing yet."""
    parts = dict(read_parts(stores.ledger, source.id, None, LAST))
    loads = [load for load in list_loads(stores) if load.load in parts]
    if not loads:
        raise NotFound(NOTHING_YET, source=source.id)
    past = [seen(load, as_figures(parts[load.load])) for load in loads]
    checks = (*_of_loads(loads, past), *_of_tables(past), *_of_keys(stores, source))
    return Suggested(source.id, len(loads), sum(load.counts.rows for load in loads), checks)


def _of_loads(loads: Sequence[Load], past: Sequence[Seen]) -> Iterator[Suggestion]:
    if len(loads) >= FEWEST:
        yield Suggestion({"check": "volume", "learnt": True}, f"{len(loads)} loads to learn from")
    else:
        yield Suggestion({"check": "volume", "at_least": 1}, "no load was empty")
    worst = max((sum(one.counts.rejected.values()) / one.counts.rows for one in loads if one.counts.rows), default=0.0)
    bound = min(1.0, _up(max(2 * worst, 0.01)))
    yield Suggestion({"check": "rejects", "at_most": bound}, f"at most {worst:.2%} of a load were refused")
    ages = [one.started_at.timestamp() - one.newest / 1e6 for one in past if one.newest is not None]
    if len(ages) >= FEWEST and max(ages) > 0:
        most = timedelta(days=math.ceil(1.5 * max(ages) / 86_400))
        yield Suggestion({"check": "freshness", "within": span_text(most)}, f"newest {max(ages) / 86_400:.1f} days old")


def _of_tables(past: Sequence[Seen]) -> Iterator[Suggestion]:
    for table in tables_of([one.tables for one in past]):
        several = [one.tables[table] for one in past if table in one.tables]
        if sum(one.seen for one in several) >= _ROWS:
            yield from _filled(table, several)
            yield from _positive(table, several)
            yield from _few(table, several)


def _filled(table: str, several: Sequence[Figures]) -> Iterator[Suggestion]:
    for column in sorted({name for one in several for name in one.filled} - {"trace", "hour"}):
        shares = [1 - one.filled.get(column, 0) / one.seen for one in several if one.seen]
        place = f"{table}.{column}"
        if max(shares) == 0 and all(one.sampled == 1 for one in several):
            yield Suggestion({"check": "null_share", "column": place, "at_most": 0}, "never empty")
        elif max(shares) <= 0.5:
            bound = min(1.0, _up(1.5 * max(shares) + 0.01))
            yield Suggestion(
                {"check": "null_share", "column": place, "at_most": bound}, f"empty in up to {max(shares):.2%}"
            )


def _positive(table: str, several: Sequence[Figures]) -> Iterator[Suggestion]:
    if any(one.sampled > 1 for one in several):
        return
    for column in sorted({name for one in several for name in one.numbers}):
        sizes = {int(size) for one in several for size in one.numbers.get(column, {})}
        if sizes and min(sizes) >= 0:
            yield Suggestion({"check": "range", "column": f"{table}.{column}", "at_least": 0}, "never below nought")


def _few(table: str, several: Sequence[Figures]) -> Iterator[Suggestion]:
    if table == "traits" or any(one.sampled > 1 for one in several):
        return
    for column in sorted({name for one in several for name in one.categories} - {"hour"}):
        values = {value for one in several for value in one.categories.get(column, {})}
        if 0 < len(values) <= _FEW and OTHER not in values:
            yield Suggestion(
                {"check": "accepted", "column": f"{table}.{column}", "values": sorted(values)},
                f"only {len(values)} different",
            )


def _of_keys(stores: Stores, source: Source) -> Iterator[Suggestion]:
    """Columns that are unique in every load, and those that always name something known."""
    mine = exp.EQ(this=exp.column("source"), expression=exp.Literal.string(source.id))
    for table, column in _KEYS:
        per_load = exp.select(
            exp.Sub(
                this=exp.Count(this=exp.column(column)),
                expression=exp.Count(this=exp.Distinct(expressions=[exp.column(column)])),
            ).as_("twice"),
            exp.Count(this=exp.column(column)).as_("n"),
        )  # fmt: skip
        rows = stores.lake.table(per_load.from_(table).where(mine.copy()).group_by("load")).to_pylist()
        if sum(row["n"] for row in rows) >= _ROWS and not any(row["twice"] for row in rows):
            yield Suggestion({"check": "unique", "column": f"{table}.{column}"}, "unique in every load")
    for table, column, known in _REFERENCES:
        row = _unknown(stores, mine, table, column)
        if row["n"] >= _ROWS and row["unknown"] <= 0.05 * row["n"]:
            check: dict[str, Any] = {"check": "reference", "column": f"{table}.{column}", "exists_in": known}
            if row["worst"]:
                check["allow"] = min(1.0, _up(2 * row["worst"]))
            yield Suggestion(check, f"{row['unknown']:,} of {row['n']:,} are unknown")


def _unknown(stores: Stores, mine: exp.Expr, table: str, column: str) -> dict[str, Any]:
    """How many values name nothing known, in all and at the worst of a load."""
    known = exp.select("item_id").from_("items").where("NOT item_id IS NULL")
    is_known = exp.In(this=exp.column(column), query=known.subquery())
    bad = exp.Anonymous(this="count_if", expressions=[exp.not_(is_known)])
    query = exp.select(exp.Count(this=exp.Star()).as_("n"), bad.as_("unknown")).from_(table)
    query = query.where(mine.copy(), exp.not_(exp.column(column).is_(exp.null()))).group_by("load")
    rows = stores.lake.table(query).to_pylist()
    worst = max((row["unknown"] / row["n"] for row in rows if row["n"]), default=0.0)
    return {"n": sum(row["n"] for row in rows), "unknown": sum(row["unknown"] for row in rows), "worst": worst}


def _up(share: float) -> float:
    """A share rounded up to a hundredth.

    >>> _up(0.0101), _up(0.02)
    (0.02, 0.02)
    """
    return math.ceil(round(share * 100, 6)) / 100
