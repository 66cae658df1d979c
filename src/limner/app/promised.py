"""The traits that definitions promise: each may be named in a rule before anybody has stated a value of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from limner.core.ours import Property
from limner.flow.sources.definition import Source, as_field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from limner.core.rule.lexicon import Type
    from limner.store.definitions import Definitions

_DECLARED: Final[Mapping[str, Type]] = {
    "text": "text",
    "place": "text",
    "number": "float",
    "money": "money",
    "bool": "bool",
    "instant": "instant",
}
_UNDECLARED: Final[Mapping[str, Type]] = {
    "": "text",
    "text": "text",
    "place": "text",
    "number": "float",
    "money": "float",
    "bool": "float",
    "instant": "instant",
    "date": "instant",
}


def promised_traits(definitions: Definitions) -> dict[str, Type]:
    """The traits that sources fill, each with the type of its column to be."""
    declared = definitions.of(Property)
    found: dict[str, Type] = {}
    for source in definitions.of(Source).values():
        for name, reads in source.traits.items():
            kind = _DECLARED[declared[name].type] if name in declared else _UNDECLARED[as_field(reads).type]
            found[name] = kind
    return found
