"""What may not stand in the code: eval, clocks and chance in core and flow, SQL made of text, broad excepts."""

from __future__ import annotations

import ast
import re

from house.source import Module, dotted, modules

CLOCKS = {
    *(
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "datetime.datetime.now",
        "date.today",
        "datetime.date.today",
    ),
    *("time.time", "time.time_ns", "time.localtime", "time.gmtime"),
}
QUERY = re.compile(
    r"^\s*(select\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|create\s+(or\s+replace\s+)?(table|view|macro)\s|"
    r"drop\s+(table|view)\s|alter\s+table\s|attach\s|copy\s+\w+\s|with\s+\w+\s+as\s)",
    re.IGNORECASE,
)
ENGINES = {"limner.store.lake.duckdb"}
"""The only modules that may speak to an engine in text: what they say is no query of the lake."""


def calls(module: Module) -> list[ast.Call]:
    return [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]


def test_nothing_is_evaluated() -> None:
    bad = {"eval", "exec", "compile", "__import__", "pickle.loads", "pickle.load", "os.system"}
    assert [f"{m.place}:{c.lineno}" for m in modules() for c in calls(m) if dotted(c.func) in bad] == []


def test_core_and_flow_read_no_clock() -> None:
    found = [
        f"{m.place}:{c.lineno} {dotted(c.func)}"
        for m in modules()
        if m.name.startswith(("limner.core", "limner.flow", "limner.maths"))
        for c in calls(m)
        if dotted(c.func) in CLOCKS
    ]
    assert found == []


def test_core_flow_and_maths_draw_no_chance_of_their_own() -> None:
    found = [
        f"{m.place}:{c.lineno} {dotted(c.func)}"
        for m in modules()
        if m.name.startswith(("limner.core", "limner.flow", "limner.maths"))
        for c in calls(m)
        if draws(c)
    ]
    assert found == []


def draws(call: ast.Call) -> bool:
    """Whether a call takes chance from nowhere; a generator made from a seed is handed on, and may be made."""
    name = dotted(call.func)
    is_seeded = bool(call.args or call.keywords)
    if name in {"random.Random", "np.random.default_rng", "numpy.random.default_rng"}:
        return not is_seeded
    return name.startswith(("random.", "secrets.", "np.random.", "numpy.random.", "uuid.uuid4"))


def text_of(node: ast.AST) -> str:
    """The first piece of text in an f-string, a sum or a `%` of strings, or a `.format` call; else empty."""
    if isinstance(node, ast.JoinedStr):
        first = node.values[0] if node.values else None
        return str(first.value) if isinstance(first, ast.Constant) else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        left = node.left
        return str(left.value) if isinstance(left, ast.Constant) and isinstance(left.value, str) else text_of(left)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return str(node.func.value.value) if isinstance(node.func.value, ast.Constant) else text_of(node.func.value)
    return ""


def test_no_query_is_put_together_from_text() -> None:
    found = [
        f"{m.place}:{node.lineno}"
        for m in modules()
        if m.name not in ENGINES
        for node in ast.walk(m.tree)
        if isinstance(node, ast.expr) and QUERY.match(text_of(node))
    ]
    assert found == []


def test_no_made_up_text_is_executed() -> None:
    verbs = {"execute", "executemany", "executescript", "sql", "query", "exec_driver_sql"}
    found = [
        f"{m.place}:{c.lineno}"
        for m in modules()
        if m.name not in ENGINES
        for c in calls(m)
        if isinstance(c.func, ast.Attribute)
        and c.func.attr in verbs
        and c.args
        and isinstance(c.args[0], ast.JoinedStr | ast.BinOp)
        and not text_of(c.args[0]).startswith("PRAGMA ")
    ]
    assert found == []


def test_broad_excepts_stand_at_the_doors_only() -> None:
    found: dict[str, int] = {}
    for m in modules():
        for node in ast.walk(m.tree):
            broad = isinstance(node, ast.ExceptHandler) and (
                node.type is None or dotted(node.type) in {"Exception", "BaseException"}
            )
            if broad and not _raises(node):
                found[m.name] = found.get(m.name, 0) + 1
    homes = ("limner.app", "limner.edge", "limner.flow.channels", "limner.flow.sources.live.gather")
    assert {name: count for name, count in found.items() if not name.startswith(homes)} == {}


def _raises(node: ast.ExceptHandler) -> bool:
    """Whether the handler ends by raising: what it catches goes on."""
    return isinstance(node.body[-1], ast.Raise)


def test_nothing_is_left_to_do() -> None:
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = [m.place for m in modules() if words.search(m.path.read_text(encoding="utf-8"))]
    found += [f"{m.place}:{c.lineno}" for m in modules() for c in calls(m) if dotted(c.func) == "NotImplementedError"]
    assert found == []
