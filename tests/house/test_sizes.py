"""Small things only: no module over 500 lines, no function over 60. Migrations are lists of tables, and exempt."""

from __future__ import annotations

import ast

from house.source import modules

MOST_LINES = 500
MOST_FUNCTION = 60
PACKAGES = ("limner", "limner_market")


def test_modules_are_short() -> None:
    sizes = {
        m.place: len(m.path.read_text(encoding="utf-8").splitlines()) for package in PACKAGES for m in modules(package)
    }
    assert {place: size for place, size in sizes.items() if size > MOST_LINES} == {}


def test_functions_are_short() -> None:
    long = [
        f"{m.place}:{node.lineno} {node.name} has {(node.end_lineno or 0) - node.lineno + 1} lines"
        for package in PACKAGES
        for m in modules(package)
        if ".migrations." not in m.name
        for node in ast.walk(m.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MOST_FUNCTION
    ]
    assert long == []
