"""The sums of both arms, from one scan of the outcomes: first per customer, then per arm."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from limner.flow.measures.base import METRICS, Arm
from limner.maths.sums import Sums
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from limner.core.actor import Actor
    from limner.store.stores import Stores

_PACKAGE = "limner.flow.measures"
_MONEY = "decimal(18, 4)"
FUNNEL_FLAGS = ("is_handed_over", "is_delivered", "is_opened", "is_clicked", "is_converted", "is_ripe")
FUNNEL_AMOUNTS = ("orders", "uncosted", "revenue", "refunds", "margin", "benefit", "contact_cost", "money")
"""Columns summed whatever the metrics ask for."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What is summed: yes-or-no columns, amounts, and products of two of them."""

    flags: tuple[str, ...]
    amounts: tuple[str, ...]
    products: tuple[tuple[str, str], ...]


def columns_of_metrics() -> Columns:
    """The columns of all metrics and of the funnel, each once."""
    kinds = [kind for _, kind in METRICS]
    return Columns(
        tuple(dict.fromkeys([*FUNNEL_FLAGS, *(c for kind in kinds for c in kind.flags)])),
        tuple(dict.fromkeys([*FUNNEL_AMOUNTS, *(c for kind in kinds for c in kind.amounts)])),
        tuple(dict.fromkeys(pair for kind in kinds for pair in kind.products)),
    )


def read_arms(
    stores: Stores,
    experiment: str,
    *,
    who: Actor,
    is_complete: bool,
    outcomes: str | None = None,
    columns: Columns | None = None,
) -> Mapping[str, Arm]:
    """Arms of an experiment by name: granted, held_out, universal, mixed; only those with customers.

    One customer is one unit: several decisions of the same experiment are added up. A customer met in more than one arm
    (two customers who turned out to be one) is `mixed`. With `is_complete` only decisions count whose window is over.
    Customers outside the actor's scope are left out.
    """
    wanted = columns or columns_of_metrics()
    versions = {"outcomes": outcomes} if outcomes else {}
    rows = _rows(experiment, is_complete=is_complete, is_scoped=who.scope is not None)
    counted = stores.lake.table(_counted(rows), given=_scope(who), versions=versions).to_pylist()[0]
    is_single = counted["decisions"] == counted["customers"]
    query = sums(units(rows, wanted, is_single=is_single), wanted)
    found = stores.lake.table(query, given=_scope(who), versions=versions).to_pylist()
    return {row["arm"]: arm_of(row, wanted) for row in found}


def _scope(who: Actor) -> dict[str, pa.Table]:
    if who.scope is None:
        return {}
    inside: Collection[int] = who.scope  # type: ignore[assignment]
    return {"scope": pa.table({"number": pa.array(list(inside), pa.int32())})}


def _rows(experiment: str, *, is_complete: bool, is_scoped: bool) -> exp.Select:
    """The decisions that count."""
    rows = exp.select("*").from_(statement(_PACKAGE, "decided.sql", experiment=experiment).subquery("d"))
    if is_complete:
        rows = rows.where(exp.column("is_complete"))
    if is_scoped:
        rows = rows.where(exp.column("number").isin(query=exp.select("number").from_("scope")))
    return rows


def _counted(rows: exp.Select) -> exp.Select:
    """How many decisions, of how many customers."""
    customers = exp.Count(this=exp.Distinct(expressions=[exp.column("number")]))
    return exp.select(exp.alias_(exp.Count(this=exp.Star()), "decisions"), exp.alias_(customers, "customers")).from_(
        rows.subquery("r")
    )


def units(rows: exp.Select, wanted: Columns, *, is_single: bool) -> exp.Select:
    """One row per customer. With `is_single`, when nobody has two decisions, the rows are the customers already: no
    grouping, which is what ten million of them take their time and memory for."""
    made = exp.select(exp.column("arm") if is_single else _arm_of()).from_(rows.subquery("r"))
    for name in wanted.flags:
        flag: exp.Expr = exp.Case().when(exp.column(name), exp.Literal.number(1)).else_(exp.Literal.number(0))
        made = made.select(exp.alias_(exp.cast(flag if is_single else exp.Max(this=flag), "bigint"), name), copy=False)
    for name in wanted.amounts:
        amount: exp.Expr = exp.column(name)
        made = made.select(
            exp.alias_(exp.cast(amount if is_single else exp.Sum(this=amount), _MONEY), name), copy=False
        )
    return made if is_single else made.group_by("number")


def _arm_of() -> exp.Expr:
    low, high = exp.Min(this=exp.column("arm")), exp.Max(this=exp.column("arm"))
    return exp.alias_(exp.Case().when(low.eq(high), low.copy()).else_(exp.Literal.string("mixed")), "arm")


def sums(customers: exp.Select, wanted: Columns) -> exp.Select:
    """One row per arm: customers, and of each column the sum and the sum of squares."""
    query = exp.select("arm", exp.alias_(exp.Count(this=exp.Star()), "customers"))
    query = query.from_(customers.subquery("u")).group_by("arm")
    for name in (*wanted.flags, *wanted.amounts):
        query = query.select(exp.alias_(exp.Sum(this=exp.column(name)), f"sum_{name}"), copy=False)
    for name in wanted.amounts:
        query = query.select(exp.alias_(exp.Sum(this=_times(name, name)), f"squares_{name}"), copy=False)
    for first, second in wanted.products:
        query = query.select(exp.alias_(exp.Sum(this=_times(first, second)), f"product_{first}_{second}"), copy=False)
    return query


def _times(first: str, second: str) -> exp.Expr:
    """The product of two columns, wide enough: decimal(18, 4) times itself overflows at a hundred thousand."""
    wide = (exp.cast(exp.column(name), "decimal(19, 4)") for name in (first, second))
    return exp.Mul(this=next(wide), expression=next(wide))


def arm_of(row: Mapping[str, Any], wanted: Columns) -> Arm:
    """An arm from its row of sums."""
    count = row["customers"]
    totals = {name: Sums.given(count, _exact(row[f"sum_{name}"])) for name in wanted.flags}
    for name in wanted.amounts:
        totals[name] = Sums.given(count, _exact(row[f"sum_{name}"]), _exact(row[f"squares_{name}"]))
    products = {pair: _exact(row[f"product_{pair[0]}_{pair[1]}"]) for pair in wanted.products}
    return Arm(row["arm"], count, totals, products)


def _exact(value: int | Decimal | None) -> Fraction:
    return Fraction(value or 0)
