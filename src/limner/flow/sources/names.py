"""Canonical event names, read from `names.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from limner.core.normal import text

ORDER = "Order Completed"
REFUND = "Order Refunded"
LONGEST = 128
"""The most characters of an event's name."""


@cache
def names() -> Mapping[str, tuple[str, ...]]:
    """Canonical name → its other names, the Chinese one first."""
    table = tomllib.loads(files("limner.flow.sources").joinpath("names.toml").read_text("utf-8"))
    return MappingProxyType({name: tuple(others) for name, others in table["names"].items()})


@cache
def _by_other() -> Mapping[str, str]:
    known: dict[str, str] = {}
    for name, others in names().items():
        for other in (name, *others):
            known.setdefault(other.lower(), name)
    return MappingProxyType(known)


def canonical_name(raw: str, *, among: str = "") -> str:
    """The canonical name of what a file calls an event; other names pass as they are, trimmed, at most 128 characters.

    `among` limits the answer to names that begin with it (receipts are `Message …`), and is empty when none fits.

    >>> canonical_name("加购"), canonical_name("Wheel Spun"), canonical_name("退订", among="Message ")
    ('Product Added', 'Wheel Spun', 'Message Unsubscribed')
    """
    plain = text(raw)
    if among:
        fitting = {
            other.lower(): name
            for name, others in names().items()
            for other in (name, *others)
            if name.startswith(among)
        }
        return fitting.get(plain.lower(), "")
    return _by_other().get(plain.lower(), plain[:LONGEST])


def chinese_name(name: str) -> str:
    """The Chinese name of a canonical event, or the name itself."""
    return names().get(name, (name,))[0]
