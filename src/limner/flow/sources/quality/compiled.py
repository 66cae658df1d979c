"""Declared checks as aggregates: all that look at one table are asked in one scan of what the load brought there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from limner.flow.sources.quality.places import Place, find
from limner.flow.sources.readings import template

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.flow.sources.definition import Source
    from limner.flow.sources.quality.declared import CheckRule
    from limner.store.stores import Stores

ROW_CHECKS: Final = frozenset({"null_share", "range", "unique", "reference", "pattern", "accepted", "freshness", "sum"})
"""Checks answered by an aggregate over the rows of one table; the others are answered by the load's counts."""

PEOPLE = "people"
"""Identifiers and traits of a load together: whom it speaks of."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A check as aggregates over a table: `bad` rows of `rows`, and where it is not a share, a `value`."""

    rule: CheckRule
    subject: str
    table: str
    bad: exp.Expr | None
    rows: exp.Expr
    value: exp.Expr | None = None
    needs: str = ""
    """The place in the lake whose values it is held against."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a scan found for a check."""

    bad: int | None
    rows: int
    value: Any = None


def asked(source: Source, rule: CheckRule, columns: Mapping[str, Mapping[str, str]], place: str) -> Asked | None:
    """A check as aggregates; None for one that is answered without a scan. Raises BadDefinition for unknown columns."""
    if rule.check not in ROW_CHECKS:
        for subject in rule.subjects:
            find(source, subject, rule.event, columns, place)
        return None
    subjects = rule.subjects or (_moment(source),)
    places = [find(source, subject, rule.event, columns, place) for subject in subjects]
    return _BUILDERS[rule.check](rule, "+".join(subjects), places)


def _moment(source: Source) -> str:
    """Where the newest moment of a source stands."""
    tables = (("events", source.events), ("lines", source.lines), ("traits", source.traits_at), ("items", source.items))
    named = next((table for table, entry in tables if entry), "")
    kept = (("holdings", source.holdings), ("relations", source.relations), ("consents", source.consents))
    table = named or next((table for table, entry in kept if entry), "events")
    return f"{table}.{'opened_at' if table == 'holdings' else 'happened_at'}"


def _filled(place: Place) -> exp.Expr:
    return exp.and_(place.which, exp.not_(place.value.is_(exp.null())))


def _count(test: exp.Expr) -> exp.Expr:
    return template("count_if(:t)", t=exp.func("coalesce", test, exp.false()))


def _null_share(rule: CheckRule, subject: str, places: Sequence[Place]) -> Asked:
    (place,) = places
    if place.table == "traits":
        of = template("count(DISTINCT trace)")
        have = template("count(DISTINCT CASE WHEN :t THEN trace END)", t=_filled(place))
        return Asked(rule, subject, PEOPLE, exp.Sub(this=of.copy(), expression=have), of)
    bad = _count(exp.and_(place.which, place.value.is_(exp.null())))
    return Asked(rule, subject, place.table, bad, _count(place.which))


def _range(rule: CheckRule, subject: str, places: Sequence[Place]) -> Asked:
    (place,) = places
    low, high = (None if b is None else exp.Literal.number(format(b, "f")) for b in (rule.at_least, rule.at_most))
    tests: list[exp.Expr] = [exp.LT(this=place.size, expression=low)] if low is not None else []
    tests += [exp.GT(this=place.size, expression=high)] if high is not None else []
    return Asked(rule, subject, place.table, _count(exp.and_(place.which, exp.or_(*tests))), _count(_filled(place)))


def _unique(rule: CheckRule, subject: str, places: Sequence[Place]) -> Asked:
    whole = exp.and_(*(_filled(place) for place in places))
    values = [exp.func("coalesce", exp.cast(place.value, "VARCHAR"), exp.Literal.string("")) for place in places]
    one = values[0] if len(values) == 1 else exp.Anonymous(this="row", expressions=values)
    distinct = template("count(DISTINCT CASE WHEN :t THEN :v END)", t=whole, v=one)
    return Asked(rule, subject, places[0].table, exp.Sub(this=_count(whole.copy()), expression=distinct), _count(whole))


def _reference(rule: CheckRule, subject: str, places: Sequence[Place]) -> Asked:
    (place,) = places
    known = exp.select("value").from_(_given(rule.exists_in))
    is_known = exp.In(this=exp.cast(place.value, "VARCHAR"), query=known.subquery())
    bad = _count(exp.and_(_filled(place), exp.not_(is_known)))
    return Asked(rule, subject, place.table, bad, _count(_filled(place)), needs=rule.exists_in)


def _pattern(rule: CheckRule, subject: str, places: Sequence[Place]) -> Asked:
    (place,) = places
    fits = template("regexp_full_match(:x, :p)", x=exp.cast(place.value, "VARCHAR"), p=exp.Literal.string(rule.pattern))
    return Asked(rule, subject, place.table, _count(exp.and_(_filled(place), exp.not_(fits))), _count(_filled(place)))


def _accepted(rule: CheckRule, subject: str, places: Sequence[Place]) -> Asked:
    (place,) = places
    among = exp.In(this=exp.cast(place.value, "VARCHAR"), expressions=[exp.Literal.string(v) for v in rule.values])
    return Asked(rule, subject, place.table, _count(exp.and_(_filled(place), exp.not_(among))), _count(_filled(place)))


def _freshness(rule: CheckRule, subject: str, places: Sequence[Place]) -> Asked:
    (place,) = places
    newest = template("max(CASE WHEN :t THEN :v END)", t=place.which, v=place.value)
    return Asked(rule, subject, place.table, None, _count(_filled(place)), newest)


def _sum(rule: CheckRule, subject: str, places: Sequence[Place]) -> Asked:
    (place,) = places
    value = exp.cast(place.size, "DECIMAL(18,4)")
    whole = template("sum(CASE WHEN :t THEN :v END)", t=place.which, v=value)
    return Asked(rule, subject, place.table, None, _count(_filled(place)), whole)


_BUILDERS = {
    "null_share": _null_share, "range": _range, "unique": _unique, "reference": _reference, "pattern": _pattern,
    "accepted": _accepted, "freshness": _freshness, "sum": _sum,
}  # fmt: skip


# ------------------------------------------------------------------------------------------------ asking


@dataclass(frozen=True, slots=True)
class Scan:
    """The checks of one table, to be asked together."""

    table: str
    checks: list[Asked] = field(default_factory=list)

    def query(self) -> exp.Select:
        """One row: bad, rows and value of each check."""
        wanted = []
        for turn, one in enumerate(self.checks):
            wanted += [one.rows.as_(f"rows_{turn}"), (one.bad or exp.null()).as_(f"bad_{turn}")]
            wanted += [(one.value or exp.null()).as_(f"value_{turn}")]
        rows = exp.to_table(self.table) if self.table != PEOPLE else _people().subquery("p")
        return exp.select(*wanted).from_(rows)


def _people() -> exp.Query:
    columns = ("trace", "name", "text", "number", "instant")
    missing = [exp.cast(exp.null(), kind).as_(name) for name, kind in zip(columns[1:], _KINDS, strict=True)]
    named = exp.select("trace", *missing).from_("identifiers")
    return exp.union(exp.select(*columns).from_("traits"), named, distinct=False)


_KINDS = ("VARCHAR", "VARCHAR", "DOUBLE", "TIMESTAMPTZ")


def ask(checks: Sequence[Asked], load: Stores, whole: Stores, given: Mapping[str, pa.Table]) -> list[Answer]:
    """The answers, in order. `load` sees the load alone, `whole` what it may refer to; `given` are tables beside."""
    scans: dict[str, Scan] = {}
    for one in checks:
        scans.setdefault(one.table, Scan(one.table)).checks.append(one)
    known = {_given(needs): whole.lake.table(_values(needs)) for needs in {one.needs for one in checks if one.needs}}
    found: dict[int, Answer] = {}
    for scan in scans.values():
        (row,) = load.lake.table(scan.query(), given={**known, **given}).to_pylist()
        for turn, one in enumerate(scan.checks):
            bad = None if one.bad is None else int(row[f"bad_{turn}"] or 0)
            found[id(one)] = Answer(bad, int(row[f"rows_{turn}"] or 0), row[f"value_{turn}"])
    return [found[id(one)] for one in checks]


def _given(needs: str) -> str:
    """The name under which the values of a place are handed to a scan."""
    return "given_" + "".join(char if char.isalnum() else "_" for char in needs)


def _values(needs: str) -> exp.Select:
    """The different values of a place, as text."""
    table, _, column = needs.partition(".")
    value: exp.Expr = exp.column(column)
    query = exp.select().from_(table)
    if table == "traits":
        text = [exp.cast(exp.column(name), "VARCHAR") for name in ("text", "number", "instant")]
        value = exp.func("coalesce", *text)
        query = query.where(exp.column("name").eq(exp.Literal.string(column)))
    value = exp.cast(value, "VARCHAR")
    return query.select(value.as_("value")).distinct().where(exp.not_(value.copy().is_(exp.null())))
