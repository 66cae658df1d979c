"""A load held to its checks: every check gives a result, whatever it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlglot import exp

from limner.core.errors import BadDefinition, near, words
from limner.core.spans import span_text
from limner.flow.sources.holding import alone, within
from limner.flow.sources.loads import Load, list_loads
from limner.flow.sources.quality.compiled import Answer, Asked, ask, asked
from limner.flow.sources.quality.declared import DRIFTING, CheckRule, placed
from limner.flow.sources.quality.learnt import FEWEST, LAST, Learnt
from limner.flow.sources.quality.places import TABLES, find
from limner.flow.sources.quality.results import CheckResult, Verdict
from limner.flow.sources.quality.said import number, percent, said_span
from limner.store.lake.sql import statement
from limner.store.ledger.tables import consents

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.flow.sources.definition import Source
    from limner.store.stores import Stores

NO_REFERENCE = words("check_reference_unknown", "{place}: exists_in names {name!r}. Write {known} or traits.NAME.")

_PACKAGE = "limner.flow.sources.quality"
_REFERENCES = ("items.item_id", "sites.site_id", "events.order_id", "lines.item_id", "events.item_id")


@dataclass(frozen=True, slots=True)
class Past:
    """What came before a load from the same source: the loads that stand, newest last."""

    loads: tuple[Load, ...] = ()

    @property
    def volumes(self) -> list[int]:
        """Rows of each load."""
        return [load.counts.rows for load in self.loads]


def past_of(stores: Stores, source: str, before: int) -> Past:
    """The last loads of a source in sight that began before one."""
    found = [load for load in list_loads(stores) if load.source == source and load.state == "done"]
    return Past(tuple(load for load in found if load.load < before)[-LAST:])


def compiled(source: Source, columns: Mapping[str, Mapping[str, str]]) -> list[Asked | None]:
    """The checks of a source as aggregates, in order. Raises BadDefinition for what they speak of and is not there."""
    for place, rule in placed(source):
        table, _, column = rule.exists_in.partition(".")
        is_known = not rule.exists_in or (table in TABLES and (table == "traits" or column in columns.get(table, ())))
        if not is_known:
            known = ", ".join(_REFERENCES[:2])
            raise BadDefinition(
                NO_REFERENCE, near=near(rule.exists_in, _REFERENCES), place=place, name=rule.exists_in, known=known
            )
    return [asked(source, rule, columns, place) for place, rule in placed(source)]


def columns_of(stores: Stores) -> Mapping[str, Mapping[str, str]]:
    """The columns of the lake, declared properties included."""
    return {name: table.columns for name, table in stores.lake.tables().items()}


def judged(
    stores: Stores, source: Source, load: Load, now: datetime, taught: Sequence[Learnt] = ()
) -> list[CheckResult]:
    """The results of a source's declared checks over a load, which may be hidden; no checks: nothing.

    `taught` are the learnt checks over it, for those whose bound is learnt. The same rows give the same results in
    whatever order and batches they came.
    """
    if not source.checks:
        return []
    checks = compiled(source, columns_of(stores))
    rows = [one for one in checks if one is not None and not one.rule.learnt]
    own = alone(stores, load.load)
    given = {"consents": _consents(stores, load.load)} if any(one.table == "consents" for one in rows) else {}
    answers = iter(ask(rows, own, within(stores, [load.load]), given))
    past = past_of(stores, source.id, load.load)
    judge = _Judge(load, own, past, now)
    found = []
    for one, rule, (place, _) in zip(checks, source.checks, placed(source), strict=True):
        if rule.learnt or rule.check in DRIFTING:
            found.append(judge.of_learnt(rule, taught_of(source, rule, columns_of(stores), place), taught))
        else:
            found.append(judge.of_rows(one, next(answers)) if one is not None else judge.of_load(rule))
    return found


def taught_of(source: Source, rule: CheckRule, columns: Mapping[str, Mapping[str, str]], place: str) -> str:
    """The subject under which the check of a rule is learnt."""
    if rule.check == "volume":
        return "rows"
    if rule.check == "freshness":
        return "happened_at"
    return str(find(source, rule.column, rule.event, columns, place))


def _consents(stores: Stores, load: int) -> pa.Table:
    import pyarrow as pa

    row = consents.c
    names = ("channel", "purpose", "is_granted", "happened_at", "until_at", "uses", "proof")
    with stores.ledger.read() as connection:
        found = connection.execute(select(*(row[name] for name in names)).where(row.load == load)).all()
    stamp = pa.timestamp("us", tz="UTC")
    types = (pa.string(), pa.string(), pa.bool_(), stamp, stamp, pa.int32(), pa.string())
    columns: list[Sequence[Any]] = list(zip(*found, strict=True)) or [()] * len(names)
    return pa.table({n: pa.array(list(c), t) for n, c, t in zip(names, columns, types, strict=True)})


@dataclass(frozen=True, slots=True)
class _Judge:
    """Holds answers to bounds."""

    load: Load
    own: Stores
    past: Past
    now: datetime

    def of_rows(self, one: Asked, answer: Answer) -> CheckResult:
        """The result of a check that was asked of rows."""
        rule, subject = one.rule, one.subject
        if rule.check == "freshness":
            return self._fresh(rule, subject, answer)
        if rule.check == "sum":
            past = [] if rule.usual is None else self._sums(one)
            return self._between(rule, subject, answer.value or Decimal(0), past, answer.rows)
        share = Decimal(answer.bad or 0) / answer.rows if answer.rows else Decimal(0)
        most = rule.at_most if rule.check == "null_share" else rule.allow
        verdict = _verdict(answer.rows, is_good=share <= (most or 0))
        bound = {"range": _ends(rule), "reference": rule.exists_in, "pattern": rule.pattern}.get(rule.check, "")
        bound = "|".join(rule.values) if rule.check == "accepted" else bound
        said = f"{bound} ≤ {percent(most or Decimal(0))}".strip()
        return self._result(rule, subject, percent(share), said, verdict, answer.bad, answer.rows)

    def of_load(self, rule: CheckRule) -> CheckResult:
        """The result of a check that the counts of the load answer."""
        counts = self.load.counts
        if rule.check == "volume":
            return self._between(rule, "rows", Decimal(counts.rows), [Decimal(v) for v in self.past.volumes], 1)
        if rule.check == "pace":
            (row,) = self.own.lake.table(statement(_PACKAGE, "pace.sql")).to_pylist()
            most = rule.at_most or Decimal(0)
            verdict = _verdict(row["events"], is_good=row["fastest"] <= most)
            said = (f"{row['fastest']:,}", f"≤ {number(most)}")
            return self._result(rule, "events", *said, verdict, None, row["events"])
        bad = sum(counts.rejected.values()) if rule.check == "rejects" else counts.anonymous
        share = Decimal(bad) / counts.rows if counts.rows else Decimal(0)
        verdict = _verdict(counts.rows, is_good=share <= (rule.at_most or 0))
        bound = f"≤ {percent(rule.at_most or Decimal(0))}"
        return self._result(rule, "rows", percent(share), bound, verdict, bad, counts.rows)

    def of_learnt(self, rule: CheckRule, subject: str, taught: Sequence[Learnt]) -> CheckResult:
        """The result of a check whose bound is learnt, or of a drift that is held to a bound of its own."""
        one = next((one for one in taught if (one.check, one.subject) == (rule.check, subject)), None)
        if one is not None and not rule.learnt and rule.at_most is not None:
            is_good = Decimal(one.value) <= rule.at_most
            one = replace(one, bound=f"≤ {number(rule.at_most)}", is_good=is_good)
        return learnt_result(self.load, rule, "+".join(rule.subjects) or subject, one, self.now)

    def _fresh(self, rule: CheckRule, subject: str, answer: Answer) -> CheckResult:
        most = rule.within or timedelta(0)
        if answer.value is None:
            return self._result(rule, subject, "", f"≤ {span_text(most)}", "unknown", None, 0)
        age = self.load.started_at - answer.value
        verdict = _verdict(answer.rows, is_good=age <= most)
        return self._result(rule, subject, said_span(age), f"≤ {span_text(most)}", verdict, None, answer.rows)

    def _sums(self, one: Asked) -> list[Decimal]:
        """The same sum over each load before."""
        total = one.value or exp.null()
        found = []
        for load in self.past.loads:
            query = exp.select(total.as_("value")).from_(one.table)
            (row,) = alone(self.own, load.load).lake.table(query).to_pylist()
            found.append(row["value"] or Decimal(0))
        return found

    def _between(
        self, rule: CheckRule, subject: str, value: Decimal, past: Sequence[Decimal], rows: int
    ) -> CheckResult:
        """A number held to its ends, or to what is usual."""
        if rule.usual is None:
            is_good = (rule.at_least is None or value >= rule.at_least) and (
                rule.at_most is None or value <= rule.at_most
            )
            verdict: Verdict = "passed" if is_good else "failed"
            return self._result(rule, subject, number(value), _ends(rule), verdict, None, rows)
        if len(past) < FEWEST:
            return self._result(rule, subject, number(value), f"{len(past)}/{FEWEST}", "unknown", None, rows)
        middle = median(past)
        room = rule.usual * abs(middle)
        verdict = "passed" if middle - room <= value <= middle + room else "failed"
        bound = f"{number(middle)} ± {percent(rule.usual)}"
        return self._result(rule, subject, number(value), bound, verdict, None, rows)

    def _result(
        self, rule: CheckRule, subject: str, value: str, bound: str, verdict: Verdict, bad: int | None, rows: int
    ) -> CheckResult:
        named = f"{subject} ({rule.event})" if rule.event else subject
        return CheckResult(
            self.load.load, self.load.source, rule.check, "declared", rule.level, named[:200], value, bound, verdict,
            self.now, bad, rows,
        )  # fmt: skip


def learnt_result(load: Load, rule: CheckRule, subject: str, one: Learnt | None, now: datetime) -> CheckResult:
    """The result of a declared check whose bound is learnt."""
    verdict: Verdict = "unknown" if one is None or one.is_good is None else "passed" if one.is_good else "failed"
    said = ("", "", None, None) if one is None else (one.value, one.bound, one.bad, one.rows)
    value, bound, bad, rows = said
    return CheckResult(
        load.load, load.source, rule.check, "declared", rule.level, subject[:200], value, bound, verdict, now, bad, rows
    )


def _verdict(rows: int, *, is_good: bool) -> Verdict:
    return "unknown" if not rows else "passed" if is_good else "failed"


def _ends(rule: CheckRule) -> str:
    return " ".join(_each_end(rule))


def _each_end(rule: CheckRule) -> Iterator[str]:
    if rule.at_least is not None:
        yield f"≥ {number(rule.at_least)}"
    if rule.at_most is not None:
        yield f"≤ {number(rule.at_most)}"
