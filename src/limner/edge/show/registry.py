"""Who shows which result: a function names the type it shows, as module and class; nothing is imported early."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias, TypeVar

from limner.edge.voice import Voice

Show: TypeAlias = Callable[[Any, Voice], str]
F = TypeVar("F", bound=Callable[..., str])

_ONE: dict[str, Show] = {}
_MANY: dict[str, Show] = {}


def shows(*names: str) -> Callable[[F], F]:
    """The decorator that says which results a function shows: `@shows("limner.app.planning:Planned")`."""

    def name(function: F) -> F:
        _ONE.update(dict.fromkeys(names, function))
        return function

    return name


def shows_many(*names: str) -> Callable[[F], F]:
    """The same for a list of such results."""

    def name(function: F) -> F:
        _MANY.update(dict.fromkeys(names, function))
        return function

    return name


def find(kind: type) -> Show | None:
    """The function that shows a type, or the nearest of its bases."""
    return _nearest(kind, _ONE)


def find_many(kind: type) -> Show | None:
    """The function that shows a list of a type."""
    return _nearest(kind, _MANY)


def registered() -> tuple[str, ...]:
    """The names of all types that are shown, as module:class."""
    _scan()
    return tuple(sorted({*_ONE, *_MANY}))


def _nearest(kind: type, among: dict[str, Show]) -> Show | None:
    _scan()
    names = (f"{base.__module__}:{base.__qualname__}" for base in kind.__mro__)
    return next((among[name] for name in names if name in among), None)


@cache
def _scan() -> None:
    package = importlib.import_module(__package__ or "")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
