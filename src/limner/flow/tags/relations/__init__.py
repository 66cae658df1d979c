"""What a tag may be asked over: relations of one row per thing with the customer's number, each a `.sql` file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from limner.core.errors import BadDefinition, near, words
from limner.store.lake.sql import load, statement
from limner.store.lake.tables import LakeTable

if TYPE_CHECKING:
    from sqlglot import exp

UNKNOWN_RELATION = words("relation_unknown", "{place}: there is nothing called {name!r} to ask over. Known: {known}.")

SQL_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "int8": "tinyint",
        "int32": "int",
        "int64": "bigint",
        "float64": "double",
        "bool": "boolean",
        "text": "text",
        "money": "decimal(18,4)",
        "instant": "timestamptz",
        "hash": "blob",
    }
)
"""The SQL type of each column type of the lake."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation: what one row is, its columns (name → SQL type), what a window is cut by, and the lake's table that
    gives it the columns in `plain` as they are."""

    name: str
    means: str
    columns: Mapping[str, str]
    moment: str = ""
    day: str = ""
    over: str = ""
    like: str = ""
    plain: frozenset[str] = frozenset()


def relations(tables: Mapping[str, LakeTable]) -> Mapping[str, Relation]:
    """The relations by name, with the columns of the lake's tables as they are declared now.

    >>> from limner.store.lake.tables import TABLES
    >>> relations(TABLES)["orders"].columns["net"]
    'decimal(18,4)'
    """
    found = {}
    for name, row in _rows().items():
        like = tables[row["like"]].columns if "like" in row else {}
        columns = {column: SQL_TYPES[kind] for column, kind in like.items()}
        own = {column: kind for column, (kind, _means) in row["columns"].items()}
        more = {key: row[key] for key in ("moment", "day", "over", "like") if key in row}
        plain = frozenset(columns) - frozenset(own)
        found[name] = Relation(name, row["means"], MappingProxyType(columns | own), plain=plain, **more)
    return MappingProxyType(found)


def find(known: Mapping[str, Relation], name: str, place: str) -> Relation:
    """The relation of a name."""
    if name not in known:
        raise BadDefinition(
            UNKNOWN_RELATION, near=near(name, known), place=place, name=name, known=", ".join(sorted(known))
        )
    return known[name]


def rows_of(relation: Relation, known: Mapping[str, Relation], asof: datetime) -> exp.Query:
    """The query of a relation at an asof."""
    file = f"{relation.name}.sql"
    given: dict[str, object] = {}
    for name, kind in load(__name__, file).needs.items():
        given[name] = rows_of(known[name], known, asof) if kind == "table" else asof
    return statement(__name__, file, **given)


@cache
def _rows() -> Mapping[str, dict[str, Any]]:
    text = files(__name__).joinpath("relations.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))
