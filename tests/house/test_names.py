"""Names: no reserved word as a column or stored field, and none of the words that say nothing."""

from __future__ import annotations

import ast
import keyword
import re
from dataclasses import fields, is_dataclass

import duckdb
import pytest

from house.source import modules
from limner.core import ours, world

HOOKS = {"handle_data"}
"""Names the standard library asks for (html.parser)."""

EMPTY_WORDS = {"manager", "util", "utils", "service", "handler", "processor", "data", "info", "obj", "tmp", "new_"}
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@pytest.fixture(scope="module")
def reserved() -> set[str]:
    with duckdb.connect() as connection:
        rows = connection.execute("select keyword_name from duckdb_keywords() where keyword_category = 'reserved'")
        found = {name for (name,) in rows.fetchall()}
    plain = {"at", "from", "when", "where", "window", "order", "end", "table", "column"}
    return found | plain | set(keyword.kwlist)


def stored_types() -> list[type]:
    return [
        t
        for module in (world, ours)
        for t in vars(module).values()
        if is_dataclass(t) and t.__module__ == module.__name__
    ]


def test_fields_of_stored_types_are_not_reserved(reserved: set[str]) -> None:
    assert [f"{t.__name__}.{f.name}" for t in stored_types() for f in fields(t) if f.name in reserved] == []


def test_columns_of_the_lake_are_not_reserved(reserved: set[str]) -> None:
    tables = pytest.importorskip("limner.store.lake.tables").TABLES
    assert [f"{t.name}.{c}" for t in tables.values() for c in (t.name, *t.columns) if c in reserved] == []


def test_columns_of_the_ledger_are_not_reserved(reserved: set[str]) -> None:
    tables = pytest.importorskip("limner.store.ledger.tables")
    found = [f"{t.name}.{c.name}" for t in tables.metadata.tables.values() for c in t.columns if c.name in reserved]
    assert found == []


def empty_words(name: str) -> bool:
    parts = {part.lower() for part in PARTS.findall(name)}
    return bool(parts & EMPTY_WORDS) or name.lower().lstrip("_").startswith("new_")


def test_no_module_class_or_function_has_an_empty_name() -> None:
    found = []
    for package in ("limner", "limner_market"):
        for m in modules(package):
            if empty_words(m.name.rsplit(".", 1)[-1]):
                found.append(m.place)
            kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
            found += [
                f"{m.place}:{node.lineno} {node.name}"
                for node in ast.walk(m.tree)
                if isinstance(node, kinds) and node.name not in HOOKS and empty_words(node.name)
            ]
    assert found == []
