"""Every verb stands at the doors its row names, and can be done."""

from __future__ import annotations

import inspect

import click
import pytest

from limner.app.verbs import VERBS, Verb
from limner.app.workspace import Workspace
from limner.edge.cli import commands

DOORS = {"cli", "python", "http"}


def at(door: str) -> list[Verb]:
    return [verb for verb in VERBS if door in verb.doors]


def names(verbs: list[Verb]) -> list[str]:
    return [verb.name for verb in verbs]


def test_no_verb_stands_twice_and_doors_are_known() -> None:
    found = names(list(VERBS))
    assert len(found) == len(set(found))
    assert [v.name for v in VERBS if not set(v.doors) <= DOORS or bool(v.http) != ("http" in v.doors)] == []


@pytest.mark.parametrize("verb", at("cli"), ids=names(at("cli")))
def test_the_command_line_has_it(verb: Verb) -> None:
    found: click.Command | None = commands()
    for word in verb.name.split():
        assert isinstance(found, click.Group)
        found = found.commands.get(word)
    assert found is not None
    assert {a.name for a in verb.arguments if a.kind != "rows"} <= {p.name for p in found.params}


@pytest.mark.parametrize("verb", at("python"), ids=names(at("python")))
def test_python_has_it(verb: Verb) -> None:
    first, _, rest = verb.name.partition(" ")
    assert hasattr(Workspace, first) or hasattr(Workspace, verb.name.replace(" ", "_"))
    method = getattr(Workspace, first, None)
    if rest and callable(method):
        answer = inspect.signature(method).return_annotation
        assert answer is not inspect.Signature.empty


@pytest.mark.parametrize("verb", list(VERBS), ids=names(list(VERBS)))
def test_it_can_be_done(verb: Verb) -> None:
    taken = inspect.signature(verb.function).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken.values())
    assert takes_any or {a.name for a in verb.arguments} <= set(taken)
    if verb.takes_asof:
        assert takes_any or "asof" in taken


def test_http_has_it() -> None:
    http = pytest.importorskip("limner.edge.http")
    routes = {(m, r.path) for r in http.routes() for m in getattr(r, "methods", ())}
    wanted = {tuple(verb.http.split(" ", 1)) for verb in at("http")}
    assert set() == {(m, p) for m, p in wanted if (m, p) not in routes}
