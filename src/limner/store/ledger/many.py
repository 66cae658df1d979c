"""Questions about many rows: a set of numbers as one value, and answers as the database keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    column,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

_NONE = np.empty(0, np.int64)


class _Spread(FunctionElement[Any]):
    """A JSON array as rows of one column, `value`."""

    inherit_cache = True
    name = "spread"


@compiles(_Spread, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **given: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **given)})"


@compiles(_Spread, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **given: Any) -> str:
    return f"jsonb_array_elements_text(CAST({compiler.process(element.clauses, **given)} AS JSONB))"


def among(what: ColumnElement[Any], values: Iterable[int] | Iterable[str]) -> ColumnElement[bool]:
    """The condition that a column is one of these whole numbers, or texts: one bound value, however many there are.

    None given: nothing is among them.
    """
    given = [value if isinstance(value, str) else int(value) for value in values]
    spread = _Spread(literal(json.dumps(given), String)).table_valued(column("value", String))
    if isinstance(what.type, String):
        return what.in_(select(spread.c.value))
    return what.in_(select(spread.c.value.cast(BigInteger)))


def plain(*columns: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """Columns to select as the database keeps them: instants as µs, money as ten-thousandths, truth as 0 and 1."""
    return [_plain(one) for one in columns]


def _plain(one: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(one.type, Boolean):
        return one.cast(Integer)
    return type_coerce(one, BigInteger) if isinstance(one.type, TypeDecorator) else one


def numbers(connection: Connection, question: Select[Any], absent: int = -1) -> list[npt.NDArray[np.int64]]:
    """The answer of a question in whole numbers, one array per column, in one order; NULL is `absent`.

    SQLite hands a column over as one JSON text, five times as fast as rows; one text holds some fifty million rows.
    """
    asked = question.subquery()
    if connection.dialect.name != "sqlite":
        rows = connection.execute(select(*(func.coalesce(c, absent) for c in asked.c))).all()
        return [np.asarray(column, np.int64) for column in zip(*rows, strict=True)] or [_NONE] * len(asked.c)
    texts = select(*(func.json_group_array(func.coalesce(c, absent), type_=String) for c in asked.c))
    return [np.fromstring(text[1:-1], np.int64, sep=",") for text in connection.execute(texts).one()]


def beside(what: ColumnElement[str]) -> ColumnElement[str]:
    """A text column that only checks rows found by another condition.

    Planners think few rows share a state, and would walk its index past every message that waits.
    """
    return what.concat("")
