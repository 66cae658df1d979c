"""Imports go down only: core, store beside maths, flow, app, edge. Stations do not know their sisters."""

from __future__ import annotations

import sys

from house.source import Module, modules

BELOW = {
    "core": {"core"},
    "store": {"core", "store"},
    "maths": {"core", "maths"},
    "flow": {"core", "store", "maths", "flow"},
    "app": {"core", "store", "maths", "flow", "app"},
    "edge": {"core", "store", "maths", "flow", "app", "edge"},
    "": {"core", "store", "maths", "flow", "app", "edge"},
}


def floor(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in BELOW else ""


def station(name: str) -> str:
    parts = name.split(".")
    return parts[2] if len(parts) > 2 and parts[1] == "flow" else ""


def breaches(module: Module) -> list[str]:
    found = []
    for line, name in module.imports():
        if not name.startswith("limner.") or name == "limner.__version__":
            continue
        is_up = floor(name) not in BELOW[floor(module.name)]
        is_sister = station(module.name) and station(name) not in ("", station(module.name))
        if is_up or is_sister:
            found.append(f"{module.place}:{line} imports {name}")
    return found


def test_imports_go_down_only_and_stations_import_no_sister() -> None:
    assert [breach for module in modules() for breach in breaches(module)] == []


def test_core_stands_on_the_standard_library() -> None:
    outside = [
        f"{module.place}:{line} imports {name}"
        for module in modules()
        if floor(module.name) == "core"
        for line, name in module.imports()
        if name.split(".")[0] not in {*sys.stdlib_module_names, "limner"}
    ]
    assert outside == []


def test_the_market_and_the_product_do_not_know_each_other() -> None:
    market = [(m, line, name) for m in modules("limner_market") for line, name in m.imports()]
    ours = [(m, line, name) for m in modules() for line, name in m.imports() if "demo" not in m.name]
    assert [f"{m.place}:{line}" for m, line, name in market if name.split(".")[0] == "limner"] == []
    assert [f"{m.place}:{line}" for m, line, name in ours if name.split(".")[0] == "limner_market"] == []
