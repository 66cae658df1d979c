"""One way to find kinds: a name on a class or function in a module of the station, or an entry point."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from limner.core.errors import Clash, NotFound, near, words

NAMED_TWICE = words("kind_named_twice", "The {what} {name!r} is defined twice: in {first} and in {second}. Rename one.")
UNKNOWN_KIND = words("kind_unknown", "There is no {what} {name!r}. Known: {known}.")

T = TypeVar("T")


class Registry(Generic[T]):
    """The kinds of one sort. `package` is scanned at the first question, then the entry-point group `group`.

    >>> colours: Registry[type] = Registry("colour", package=None)
    >>> @colours.kind("red")
    ... class Red: ...
    >>> colours.find("red").__name__
    'Red'
    """

    def __init__(self, what: str, package: str | None, group: str | None = None) -> None:
        self.what, self._package, self._group = what, package, group
        self._found: dict[str, T] = {}
        self._is_scanned = False

    def kind(self, name: str) -> Callable[[T], T]:
        """The decorator that gives a kind its name."""

        def register(item: T) -> T:
            known = self._found.get(name)
            if known is not None and _place(known) != _place(item):
                raise Clash(NAMED_TWICE, what=self.what, name=name, first=_place(known), second=_place(item))
            self._found[name] = item
            return item

        return register

    def _scan(self) -> None:
        if self._is_scanned:
            return
        self._is_scanned = True
        if self._package is not None:
            package = importlib.import_module(self._package)
            for module in pkgutil.iter_modules(package.__path__, self._package + "."):
                importlib.import_module(module.name)
        for point in entry_points(group=self._group) if self._group else ():
            point.load()

    def find(self, name: str) -> T:
        """The kind of that name, or NotFound with names that may have been meant."""
        self._scan()
        if name not in self._found:
            known = ", ".join(sorted(self._found))
            raise NotFound(UNKNOWN_KIND, near=near(name, self._found), what=self.what, name=name, known=known)
        return self._found[name]

    def __iter__(self) -> Iterator[tuple[str, T]]:
        self._scan()
        return iter(sorted(self._found.items()))


def _place(item: object) -> str:
    return f"{getattr(item, '__module__', '?')}.{getattr(item, '__qualname__', '?')}"
