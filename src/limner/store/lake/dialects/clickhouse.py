"""ClickHouse. Casts to whole numbers cut, and two settings make outer joins and empty groups answer *unknown*."""

from __future__ import annotations

from sqlglot import exp

SETTINGS = {"join_use_nulls": 1, "aggregate_functions_null_for_empty": 1}


def finish(tree: exp.Expr) -> exp.Expr:
    """Round before casting to a whole number (ClickHouse rounds decimals away from zero and floats to even, as DuckDB
    casts), and add the settings to a query."""
    broken = (exp.DataType.Type.FLOAT, exp.DataType.Type.DOUBLE, exp.DataType.Type.DECIMAL)
    for cast in list(tree.find_all(exp.Cast)):
        if cast.to.is_type(*exp.DataType.INTEGER_TYPES) and cast.this.is_type(*broken):
            cast.set("this", exp.Anonymous(this="round", expressions=[cast.this]))
    if isinstance(tree, exp.Query):
        settings = [
            exp.EQ(this=exp.var(name), expression=exp.Literal.number(value)) for name, value in SETTINGS.items()
        ]
        tree.set("settings", settings)
    return tree
