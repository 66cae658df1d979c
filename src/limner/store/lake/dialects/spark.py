"""Spark 4 (and Sail). A cast to a whole number cuts there and rounds in our dialect."""

from __future__ import annotations

from sqlglot import exp

_FLOATING = frozenset({exp.DataType.Type.FLOAT, exp.DataType.Type.DOUBLE})
_EXACT = frozenset({exp.DataType.Type.DECIMAL})


def finish(tree: exp.Expr) -> exp.Expr:
    """Round before casting to a whole number: decimals half away from zero, doubles half to even, as DuckDB does."""
    for cast in list(tree.find_all(exp.Cast)):
        kind = cast.this.type.this if cast.this.type is not None else None
        if not cast.to.is_type(*exp.DataType.INTEGER_TYPES) or kind not in _FLOATING | _EXACT:
            continue
        rounded = (
            exp.Anonymous(this="BROUND", expressions=[cast.this]) if kind in _FLOATING else exp.Round(this=cast.this)
        )
        cast.set("this", rounded)
    return tree
