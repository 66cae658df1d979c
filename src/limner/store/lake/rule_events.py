"""Behaviour as SQL: Did, Aggregate and Sequence over `events` joined with `links` (trace → number)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, TypeAlias, cast

from sqlglot import exp

from limner.core.rule.answers import holds_of_none
from limner.core.rule.resolve import PLACES, answer_type
from limner.core.rule.tree import After, Aggregate, Did, Match, Sequence, Step, Window
from limner.core.rule.windows import bounds
from limner.core.spans import need_zone
from limner.store.lake.rule_values import SqlReading, answered, compared, comparison, event_column
from limner.store.lake.sql import literal

Behaviour: TypeAlias = Did | Aggregate | Sequence
_HUGE: Final = 10**14


def behaviour_query(leaf: Behaviour, reading: SqlReading) -> exp.Query:
    """The numbers of the customers who did it, each once.

    Of an aggregate that holds for who has no such event (`holds_of_none`), those for whom it does not hold.
    """
    match leaf:
        case Did():
            return _did(leaf, reading)
        case Aggregate(function="first" | "last"):
            return _edge(leaf, reading)
        case Aggregate():
            return _aggregate(leaf, reading)
    return _sequence(leaf, reading)


def _did(leaf: Did, reading: SqlReading) -> exp.Query:
    found = _of_each(leaf.event, leaf.matching, leaf.within, reading)
    if leaf.times == 1:
        return found
    return found.having(exp.GTE(this=exp.Count(this=exp.Star()), expression=literal(leaf.times, "int")))


def _of_each(event: str, matching: tuple[Match, ...], within: Window | None, reading: SqlReading) -> exp.Select:
    """The events of each customer, grouped."""
    number = exp.column("number", table="l")
    return _events(event, matching, within, reading).select(number).group_by(number.copy())


def _aggregate(leaf: Aggregate, reading: SqlReading) -> exp.Query:
    found = _of_each(leaf.event, leaf.matching, leaf.within, reading)
    test = answered(_tested(leaf, reading))
    return found.having(exp.not_(test) if holds_of_none(leaf) else test)


def _tested(leaf: Aggregate, reading: SqlReading) -> exp.Expr:
    """What is asked of a customer's events."""
    if leaf.function == "count":
        return comparison(exp.Count(this=exp.Star()), "int", leaf.function, leaf.op, leaf.value, reading)
    column, type_ = event_column(leaf.of, reading)
    match leaf.function:
        case "distinct":
            value: exp.Expr = exp.Count(this=exp.Distinct(expressions=[column]))
        case "sum":
            value = exp.func("coalesce", exp.Sum(this=column), exp.Literal.number(0))
        case "avg":
            return _averaged(leaf, column)
        case _:
            value = exp.Min(this=column) if leaf.function == "min" else exp.Max(this=column)
    return comparison(value, answer_type(leaf.function, type_), leaf.of, leaf.op, leaf.value, reading)


def _averaged(leaf: Aggregate, column: exp.Expr) -> exp.Expr:
    """An average against a value, exactly: the sum against so many times the value."""
    many = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    op = "==" if leaf.op == "in" else leaf.op
    tests = [_average_test(column, op, cast("Decimal | int", one)) for one in many]
    return exp.or_(*tests) if tests else exp.false()


def _average_test(column: exp.Expr, op: str, value: Decimal | int) -> exp.Expr:
    if Decimal(value).copy_abs() >= _HUGE:  # no amount is as large
        is_known = exp.not_(exp.Is(this=exp.Max(this=column.copy()), expression=exp.Null()))
        return (
            is_known
            if op == "!=" or (value > 0 and op in ("<", "<=")) or (value < 0 and op in (">", ">="))
            else exp.false()
        )
    times = _decimal(exp.Count(this=column.copy()), "decimal(14, 0)")
    bound = _decimal(exp.Literal.string(format(Decimal(value), "f")), f"decimal(22, {PLACES})")
    return compared(exp.Sum(this=column.copy()), op, exp.Mul(this=bound, expression=times))


def _decimal(value: exp.Expr, kind: str) -> exp.Expr:
    return exp.cast(value, exp.DataType.build(kind, dialect="duckdb"))


def _edge(leaf: Aggregate, reading: SqlReading) -> exp.Query:
    """The value of the first event that has one, or of the last; of several at one moment the smallest or greatest."""
    column, type_ = event_column(leaf.of, reading)
    is_last = leaf.function == "last"
    moment = exp.column("happened_at", table="e")
    order = exp.Order(expressions=[exp.Ordered(this=one, desc=is_last, nulls_first=False) for one in (moment, column)])
    number = exp.column("number", table="l")
    turn = exp.Window(this=exp.RowNumber(), partition_by=[number], order=order)
    known = exp.not_(exp.Is(this=column.copy(), expression=exp.Null()))
    rows = _events(leaf.event, leaf.matching, leaf.within, reading).where(known)
    rows = rows.select(number.copy(), column.copy().as_("answer"), turn.as_("turn"))
    test = comparison(exp.column("answer", table="r"), type_, leaf.of, leaf.op, leaf.value, reading)
    is_first = exp.EQ(this=exp.column("turn", table="r"), expression=exp.Literal.number(1))
    return exp.select(exp.column("number", table="r")).from_(rows.subquery("r")).where(is_first, answered(test))


def _events(event: str, matching: tuple[Match, ...], within: Window | None, reading: SqlReading) -> exp.Select:
    """Events of one name inside a window, with the number of their customer."""
    span = None if isinstance(within, After) else within
    start, end = bounds(span, reading.asof, reading.zone)
    tests: list[exp.Expr] = [exp.EQ(this=exp.column("name", table="e"), expression=literal(event, "text"))]
    tests += _bounds(start, end, reading)
    tests += [_match(part, reading) for part in matching]
    rows = _joined().where(*tests)
    if not isinstance(within, After):
        return rows
    number, moment = exp.column("number", table="l"), exp.column("happened_at", table="e")
    last = _events(within.step.event, within.step.matching, None, reading)
    last = last.select(number, exp.Max(this=moment).as_("since")).group_by(number.copy())
    on = exp.EQ(this=exp.column("number", table="a"), expression=number.copy())
    rows = rows.join(last.subquery("a"), on=on, join_type="inner")
    return rows.where(exp.GT(this=moment.copy(), expression=exp.column("since", table="a")))


def _joined() -> exp.Select:
    on = exp.EQ(this=exp.column("trace", table="l"), expression=exp.column("trace", table="e"))
    links = exp.to_table("links").as_("l")
    return exp.Select().from_(exp.to_table("events").as_("e")).join(links, on=on, join_type="inner")


def _bounds(start: datetime | None, end: datetime, reading: SqlReading) -> list[exp.Expr]:
    moment = exp.column("happened_at", table="e")
    found: list[exp.Expr] = [exp.LT(this=moment, expression=literal(need_zone(end), "timestamp"))]
    if start is not None:
        found.append(exp.GTE(this=moment.copy(), expression=literal(start, "timestamp")))
    if reading.known is not None:
        received = exp.column("received_at", table="e")
        in_time = exp.LT(this=received, expression=literal(need_zone(reading.known), "timestamp"))
        found.append(exp.paren(exp.or_(answered(in_time), answered(exp.column("is_history", table="e")))))
    return found


def _one_of(steps: tuple[Step, ...], reading: SqlReading) -> exp.Expr:
    """Whether an event is one of some."""
    return exp.or_(*(_is_event(step, reading) for step in steps))


def _is_event(step: Step, reading: SqlReading) -> exp.Expr:
    is_named = exp.EQ(this=exp.column("name", table="e"), expression=literal(step.event, "text"))
    return exp.and_(is_named, *(answered(_match(part, reading)) for part in step.matching))


def _sequence(leaf: Sequence, reading: SqlReading) -> exp.Query:
    """One row per customer and instant with a flag per step; then, step by step, the latest first instant of a chain
    that reached the step strictly before. A sort, no self-join.

    What must not happen between breaks a chain that began strictly before it: a step goes on from those that began at
    or after the last such instant.
    """
    steps = [_is_event(step, reading) for step in leaf.steps]
    number, moment = exp.column("number", table="l"), exp.column("happened_at", table="e")
    flags = [exp.Max(this=_one_or_zero(step)).as_(f"step_{k}") for k, step in enumerate(steps)]
    if leaf.without:
        flags.append(exp.Max(this=_one_or_zero(_one_of(leaf.without, reading))).as_("barred"))
    wanted = exp.or_(*(step.copy() for step in steps), *([_one_of(leaf.without, reading)] if leaf.without else []))
    rows = (
        _joined()
        .select(number, moment, *flags)
        .where(exp.paren(wanted), *_bounds(None, reading.asof, reading))
        .group_by(number.copy(), moment.copy())
    )
    moment = exp.column("happened_at")
    first = [exp.Case().when(_is_set("step_0"), moment).as_("start_0")]
    if leaf.without:
        first.append(exp.Case().when(_is_set("barred"), moment.copy()).as_("barred_at"))
    query = exp.select(exp.Star(), *first).from_(rows.subquery("s"))
    for k in range(1, len(steps)):
        query = exp.select(exp.Star(), _goes_on(k, leaf)).from_(query.subquery("s"))
    start_column = exp.column(f"start_{len(steps) - 1}")
    done: list[exp.Expr] = [exp.not_(exp.Is(this=start_column, expression=exp.Null()))]
    if leaf.within is not None:
        seconds = exp.Literal.string(str(int(leaf.within.total_seconds())))
        span = exp.Interval(this=seconds, unit=exp.var("SECOND"))
        done.append(exp.LT(this=moment.copy(), expression=exp.Add(this=start_column.copy(), expression=span)))
    return exp.select(exp.column("number")).distinct().from_(query.subquery("s")).where(*done)


def _goes_on(k: int, leaf: Sequence) -> exp.Expr:
    """Where the chain that reaches step k began."""
    begun = _latest_before(f"start_{k - 1}")
    tests = [_is_set(f"step_{k}")]
    if leaf.without:
        barred = _latest_before("barred_at")
        whole = exp.GTE(this=begun.copy(), expression=barred)
        tests.append(exp.paren(exp.or_(exp.Is(this=barred.copy(), expression=exp.Null()), whole)))
    return exp.Case().when(exp.and_(*tests), begun).as_(f"start_{k}")


def _latest_before(column: str) -> exp.Expr:
    """The largest value of a column in the customer's strictly earlier rows; rows are distinct by instant."""
    return exp.Window(
        this=exp.Max(this=exp.column(column)),
        partition_by=[exp.column("number")],
        order=exp.Order(expressions=[exp.Ordered(this=exp.column("happened_at"), nulls_first=True)]),
        spec=exp.WindowSpec(
            kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end=exp.Literal.number(1), end_side="PRECEDING"
        ),
    )


def _is_set(flag: str) -> exp.Expr:
    return exp.EQ(this=exp.column(flag), expression=exp.Literal.number(1))


def _one_or_zero(test: exp.Expr) -> exp.Expr:
    return exp.Case().when(test, exp.Literal.number(1)).else_(exp.Literal.number(0))


def _match(part: Match, reading: SqlReading) -> exp.Expr:
    column, type_ = event_column(part.name, reading)
    return comparison(column, type_, part.name, part.op, part.value, reading)
