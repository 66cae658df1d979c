"""Questions about many rows: a set of numbers as one value, and answers as the database keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, String, column, literal, select, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


class _Spread(FunctionElement[Any]):
    """A JSON array as rows of one column, `value`."""

    inherit_cache = True
    name = "spread"


@compiles(_Spread, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **given: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **given)})"


@compiles(_Spread, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **given: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **given)} AS JSONB))"


def among(what: ColumnElement[Any], numbers: Iterable[int]) -> ColumnElement[bool]:
    """The condition that a column is one of these whole numbers: one bound value, however many there are.

    None given: nothing is among them.
    """
    text = json.dumps([int(number) for number in numbers])
    spread = _Spread(literal(text, String)).table_valued(column("value", BigInteger))
    return what.in_(select(spread.c.value.cast(BigInteger)))


def plain(*columns: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """Columns to select as the database keeps them: instants as µs, money as ten-thousandths, truth as 0 and 1."""
    return [type_coerce(c, BigInteger) if isinstance(c.type, (TypeDecorator, Boolean)) else c for c in columns]


def beside(what: ColumnElement[str]) -> ColumnElement[str]:
    """A text column that only checks rows found by another condition.

    Planners think few rows share a state, and would walk its index past every message that waits.
    """
    return what.concat("")
