"""The dialects our SQL is carried to: one module each, found by its name.

A module has `finish(tree) -> tree`, what no pattern in functions.toml can say. Nothing else is needed to add a dialect
that SQLGlot knows.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Final

from sqlglot import ErrorLevel, exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types

from limner.core.errors import BadInput, NotFound, near, words
from limner.store.lake.functions import Spelling, functions
from limner.store.lake.patterns import Rewrite, rewrite

UNKNOWN_DIALECT = words("dialect_unknown", "There is no SQL dialect {name!r}. Known: {known}.")
NOT_SAID = words("sql_not_said", "{dialect} has no form of `{piece}`. Use another function, or another engine.")

DIALECTS: Final = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
"""The names of the dialects that can be written."""


def write(
    query: exp.Expr,
    dialect: str = "duckdb",
    *,
    tables: Mapping[str, Mapping[str, str]] | None = None,
    is_pretty: bool = False,
    is_given: bool = False,
) -> str:
    """A query of the lake in the SQL of an engine. `tables` gives column types; with them casts round as ours do. One
    that `is_given` away is changed in place of a copy.

    >>> write(parse_one("select count(distinct n) from t", read="duckdb"), "clickhouse")
    'SELECT uniqExact(n) FROM t SETTINGS join_use_nulls = 1, aggregate_functions_null_for_empty = 1'
    """
    tree = carry(query if is_given else query.copy(), dialect, tables=tables)
    try:
        return str(tree.sql(dialect=dialect, unsupported_level=ErrorLevel.RAISE, pretty=is_pretty, copy=False))
    except SqlglotError:
        raise _not_said(dialect, query) from None


def carry(query: exp.Expr, dialect: str, *, tables: Mapping[str, Mapping[str, str]] | None = None) -> exp.Expr:
    """A query of the lake as a tree of the engine's own functions; the tree given is changed."""
    if dialect not in DIALECTS:
        raise NotFound(UNKNOWN_DIALECT, near=near(dialect, DIALECTS), name=dialect, known=", ".join(DIALECTS))
    tree = annotate_types(query, schema=_schema(tables), dialect="duckdb")
    tree = rewrite(tree, rules(dialect), lambda piece: _not_said(dialect, piece))
    return _finish(dialect)(tree)


def _not_said(dialect: str, piece: exp.Expr) -> BadInput:
    return BadInput(NOT_SAID, dialect=dialect, piece=piece.sql(dialect="duckdb")[:200])


@cache
def rules(dialect: str) -> tuple[Rewrite, ...]:
    """The patterns of functions.toml that hold for a dialect, both sides parsed."""
    spelled = (pair for row in functions().values() for pair in row.spellings.items())
    return tuple(_rule(form, by[dialect], dialect) for form, by in spelled if dialect in by)


def _rule(form: str, spelling: Spelling, dialect: str) -> Rewrite:
    instead = parse_one(spelling, read=dialect) if spelling else None
    return Rewrite(parse_one(form, read="duckdb"), instead)


def _finish(dialect: str) -> Callable[[exp.Expr], exp.Expr]:
    finish: Callable[[exp.Expr], exp.Expr] = import_module(f"{__name__}.{dialect}").finish
    return finish


def _schema(tables: Mapping[str, Mapping[str, str]] | None) -> dict[str, object] | None:
    return {name: dict(columns) for name, columns in tables.items()} if tables else None
