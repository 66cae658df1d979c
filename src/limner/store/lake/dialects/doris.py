"""Apache Doris. It has no FILTER on an aggregate: a case inside it does the same."""

from __future__ import annotations

from sqlglot import exp


def finish(tree: exp.Expr) -> exp.Expr:
    """Turn `agg(x) filter (where c)` into `agg(case when c then x end)`."""
    for filtered in list(tree.find_all(exp.Filter)):
        aggregate, condition = filtered.this, filtered.expression.this
        if isinstance(aggregate.this, exp.Star):
            aggregate.set("this", exp.Literal.number(1))
        operand = aggregate.this
        if isinstance(operand, exp.Distinct):
            operand.set("expressions", [_when(condition, piece) for piece in operand.expressions])
        elif operand is not None:
            aggregate.set("this", _when(condition, operand))
        if filtered is tree:
            whole: exp.Expr = aggregate
            return whole
        filtered.replace(aggregate)
    return tree


def _when(condition: exp.Expr, value: exp.Expr) -> exp.Case:
    return exp.Case().when(condition.copy(), value.copy())
