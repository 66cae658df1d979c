"""How good the data of a source, and of a trait, are: five dimensions, each a share with the counts behind it.

completeness: values that are there, of those the last loads could have brought (of a trait: people who have it).
validity: rows and values that could be used. uniqueness: what was not stated before. freshness: the span in which the
next load is due, over the age of the last (of a trait: people stated within a year). consistency: checks passed, of
those that said something in the last loads (of a trait: people on whom several sources agree).

The score is the mean of the dimensions that are known, from 0 to 100. The counts are shown with it: a mean hides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlglot import exp

from limner.flow.sources.definition import Source, as_field
from limner.flow.sources.duplicates import DUPLICATES
from limner.flow.sources.loads import Counts, Load, list_loads, total
from limner.flow.sources.quality.figures import as_figures, read_parts
from limner.flow.sources.quality.learnt import LAST, Rhythm, rhythm
from limner.flow.sources.quality.results import CheckResult, results_of
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from limner.store.definitions import Definitions
    from limner.store.stores import Stores

_PACKAGE = "limner.flow.sources.quality"
DIMENSIONS = ("completeness", "validity", "uniqueness", "freshness", "consistency")


@dataclass(frozen=True, slots=True)
class Dimension:
    """How much of something is good; of freshness the counts are hours."""

    good: int
    of: int

    @property
    def share(self) -> float | None:
        """The share that is good; None where there is nothing to look at."""
        return self.good / self.of if self.of else None


def score_of(dimensions: Mapping[str, Dimension]) -> float | None:
    """The mean of the shares that are known, from 0 to 100; None for none.

    >>> score_of({"validity": Dimension(9, 10), "uniqueness": Dimension(10, 10), "freshness": Dimension(0, 0)})
    95.0
    """
    known = [one.share for one in dimensions.values() if one.share is not None]
    return round(100 * sum(known) / len(known), 1) if known else None


@dataclass(frozen=True, slots=True)
class SourceQuality:
    """A source: its loads in sight and held, the dimensions, and the checks its last load broke."""

    source: str
    loads: int
    held: int
    rows: int
    last_load: int | None
    last_at: datetime | None
    is_late: bool | None
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    score: float | None = None
    broken: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True)
class TraitQuality:
    """A trait: people who have it, and the dimensions."""

    trait: str
    people: int
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    score: float | None = None


def source_quality(stores: Stores, source: str, loads: Sequence[Load], now: datetime) -> SourceQuality:
    """How good the data of one source are; `loads` are all of it. Nothing loaded yet: no dimensions."""
    mine = [load for load in loads if load.source == source]
    done = [load for load in mine if load.state == "done"]
    held = sum(load.state == "held" for load in mine)
    counts = total([load.counts for load in done])
    beat = rhythm([load.started_at for load in done], stores.settings.zone)
    results = results_of(stores.ledger, [load.load for load in done[-LAST:]])
    dimensions = {
        "completeness": _completeness(stores, source), **_of_rows(counts), "freshness": _freshness(beat, now),
        "consistency": _consistency(one for several in results.values() for one in several),
    }  # fmt: skip
    last = done[-1] if done else None
    ordered = {name: dimensions[name] for name in DIMENSIONS}
    return SourceQuality(
        source, len(done), held, counts.rows, last.load if last else None, last.started_at if last else None,
        None if beat is None else beat.is_late(now), ordered, score_of(ordered),
        tuple(one for one in results[last.load] if one.verdict == "failed") if last else (),
    )  # fmt: skip


def _completeness(stores: Stores, source: str) -> Dimension:
    """Values that are there, over the columns that any of the last loads has filled."""
    past = [as_figures(parts) for _, parts in read_parts(stores.ledger, source, None, LAST)]
    good = of = 0
    for table in {name for one in past for name in one}:
        several = [one[table] for one in past if table in one]
        for column in {name for one in several for name in one.filled}:
            good += sum(one.filled.get(column, 0) for one in several)
            of += sum(one.seen for one in several)
    return Dimension(good, of)


def _of_rows(counts: Counts) -> dict[str, Dimension]:
    twice = sum(count for reason, count in counts.rejected.items() if reason in DUPLICATES)
    wrong = sum(counts.rejected.values()) - twice + sum(counts.values.values())
    return {
        "validity": Dimension(max(0, counts.rows - wrong), counts.rows),
        "uniqueness": Dimension(counts.rows - twice, counts.rows),
    }


def _freshness(beat: Rhythm | None, now: datetime) -> Dimension:
    if beat is None:
        return Dimension(0, 0)
    due, age = (int(span / timedelta(hours=1)) for span in (beat.latest, now - beat.last_at))
    return Dimension(due, max(due, age))


def _consistency(results: Iterator[CheckResult]) -> Dimension:
    said = [one.verdict for one in results if one.verdict != "unknown"]
    return Dimension(said.count("passed"), len(said))


def trait_quality(stores: Stores, definitions: Definitions) -> tuple[TraitQuality, ...]:
    """How good each trait is, by name; no traits: nothing."""
    query = exp.select(exp.Max(this=exp.column("happened_at")).as_("newest")).from_("traits")
    newest = stores.lake.table(query).to_pylist()[0]["newest"]
    if newest is None:
        return ()
    wrong = _wrong(stores, definitions)
    rows = stores.lake.table(statement(_PACKAGE, "trait_quality.sql", newest=newest.astimezone(UTC))).to_pylist()
    return tuple(_trait(row, wrong.get(row["name"], 0)) for row in rows)


def _trait(row: Mapping[str, int], wrong: int) -> TraitQuality:
    dimensions = {
        "completeness": Dimension(row["people"], row["everybody"]),
        "validity": Dimension(row["statements"], row["statements"] + wrong),
        "uniqueness": Dimension(row["different"], row["statements"]),
        "freshness": Dimension(row["fresh"], row["people"]),
        "consistency": Dimension(row["agreed"], row["shared"]),
    }
    return TraitQuality(str(row["name"]), row["people"], dimensions, score_of(dimensions))


def _wrong(stores: Stores, definitions: Definitions) -> dict[str, int]:
    """Values of each trait that could not be read."""
    query = exp.select("source", "column_name", exp.Count(this=exp.Star()).as_("n")).from_("rejects")
    rows = stores.lake.table(query.group_by("source", "column_name")).to_pylist()
    counts = {(row["source"], row["column_name"]): row["n"] for row in rows}
    found: dict[str, int] = {}
    for key, source in definitions.of(Source).items():
        for name, reads in source.traits.items():
            found[name] = found.get(name, 0) + counts.get((key, as_field(reads).column), 0)
    return found


def late_sources(stores: Stores, now: datetime) -> dict[str, Rhythm]:
    """The sources whose next load should have come by now, with what is usual."""
    moments: dict[str, list[datetime]] = {}
    for load in list_loads(stores):
        if load.state in ("done", "held", "running"):
            moments.setdefault(load.source, []).append(load.started_at)
    beats = {source: rhythm(several, stores.settings.zone) for source, several in moments.items()}
    return {source: beat for source, beat in beats.items() if beat is not None and beat.is_late(now)}
