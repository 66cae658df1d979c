"""Which property of a message fills which field of an event, and which trait is an identifier."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from limner.flow.sources.definition import LiveMap


def plain(name: str) -> str:
    """A name without its way of writing.

    >>> plain("orderId") == plain("order_id") == plain("Order-ID")
    True
    """
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


@cache
def _table() -> Mapping[str, Mapping[str, list[str]]]:
    return tomllib.loads(files("limner.flow.sources.live").joinpath("fields.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields and identifiers of one source, by the names its clients use.

    >>> found = Fields.of(LiveMap(fields={"单号": "order_id"}))
    >>> found.field("单号"), found.field("productId"), found.identifier("手机号"), found.field("colour")
    ('order_id', 'item_id', 'phone', '')
    """

    fields: Mapping[str, tuple[str, int]]
    identifiers: Mapping[str, str]
    seen: dict[str, tuple[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, live: LiveMap) -> Fields:
        """Those of a source, its own names before ours."""
        table = _table()
        known = {
            plain(name): (canonical, turn)
            for canonical, names in table["fields"].items()
            for turn, name in enumerate(names, 1)
        }
        kinds = {plain(name): kind for kind, names in table["identifiers"].items() for name in names}
        known |= {plain(name): (canonical, 0) for name, canonical in live.fields.items()}
        return cls(known, kinds | {plain(name): kind for name, kind in live.identifiers.items()})

    def place(self, name: str) -> tuple[str, int]:
        """The field that a property fills, and how soon it is taken among those that fill the same; ("", 0): none."""
        found = self.seen.get(name)
        if found is None:
            found = self.fields.get(plain(name), ("", 0))
            if len(self.seen) < _MOST:
                self.seen[name] = found
        return found

    def field(self, name: str) -> str:
        """The field that a property fills; empty for none."""
        return self.place(name)[0]

    def identifier(self, name: str) -> str:
        """The kind of identifier that a trait is; empty for none."""
        return self.identifiers.get(plain(name), "")

    def split(self, properties: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Properties that fill fields, and the others. Of two that fill one field, the later stays a property."""
        filled: dict[str, Any] = {}
        by: dict[str, tuple[int, str]] = {}
        rest: dict[str, Any] = {}
        for name, value in properties.items():
            canonical, turn = self.place(name)
            if not canonical or value is None or isinstance(value, list | dict):
                rest[name] = value
                continue
            if canonical in by and by[canonical][0] <= turn:
                rest[name] = value
                continue
            if canonical in by:
                rest[by[canonical][1]] = filled[canonical]
            filled[canonical], by[canonical] = value, (turn, name)
        return filled, rest


_MOST = 10_000
"""Names of properties that are remembered; clients may send any number."""
