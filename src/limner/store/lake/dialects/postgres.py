"""PostgreSQL 15 and later."""

from __future__ import annotations

from sqlglot import exp


def finish(tree: exp.Expr) -> exp.Expr:
    """Nothing to add: casts round as in DuckDB, and FILTER is its own."""
    return tree
