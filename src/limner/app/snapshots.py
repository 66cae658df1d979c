"""Portraits of the past that are built for one question: they hold the columns it reads, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from limner.core.ours import Audience, Model
from limner.core.rule import In, leaves
from limner.flow.audiences.base import columns_of
from limner.flow.tags.catalog import Placed, catalog
from limner.store.gallery.column import CONTACT
from limner.store.gallery.numeric import NUMERIC

if TYPE_CHECKING:
    from limner.flow.audiences.base import Ground
    from limner.store.definitions import Definitions
    from limner.store.gallery import Header

_PLAIN = "statistic"
"""The kind of tags that read their relation and nothing else."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The parts of a portrait: which tags (None: all), and whether traits, and addresses and reach, stand in it too.

    Who lives and who is identified is always there.
    """

    tags: tuple[str, ...] | None = None
    has_traits: bool = True
    has_reach: bool = True

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self.tags is None and self.has_traits and self.has_reach


EVERYTHING = Wanted()
__all__ = ["EVERYTHING", "Wanted", "columns_of", "for_audience", "for_columns", "for_models"]


def for_columns(definitions: Definitions, headers: Mapping[str, Header], columns: Iterable[str]) -> Wanted:
    """The parts that hold these columns; `headers` are those of a portrait that has them."""
    known = catalog(definitions)
    owner = {placed.version: name for name, placed in known.items()}
    tags: set[str] = set()
    others: set[str] = set()
    for column in columns:
        header = headers.get(column)
        name = column if column in known else owner.get(header.version if header else "")
        (tags if name else others).add(name or column)
    has_reach = any(column.startswith(CONTACT) for column in others)
    has_traits = not _are_plain(known, tags) or any(not column.startswith(CONTACT) for column in others)
    return Wanted(tuple(sorted(tags)), has_traits, has_reach)


def _are_plain(known: Mapping[str, Placed], tags: Iterable[str]) -> bool:
    """Whether none of these tags may stand on a trait."""
    return all(known[name].tag.kind == _PLAIN for name in tags)


def for_audience(ground: Ground, audience: str) -> tuple[Wanted, frozenset[str]]:
    """The parts an audience is selected by, and the columns its rule reads; a selector that is no rule gets all."""
    columns: set[str] = set()
    waiting, seen = [audience], {audience}
    while waiting:
        rule = ground.rule_for(waiting.pop())
        if rule is None:
            return EVERYTHING, frozenset()
        columns |= columns_of(rule)
        named = {ground.definitions.find(Audience, leaf.audience).id for leaf in leaves(rule) if isinstance(leaf, In)}
        waiting += sorted(named - seen)
        seen |= named
    return for_columns(ground.definitions, ground.version.headers, columns), frozenset(columns)


def for_models(definitions: Definitions, headers: Mapping[str, Header]) -> Wanted:
    """The parts models may learn from: the features they name, or everything that has a number in a portrait."""
    models = definitions.of(Model).values()
    columns = {name for model in models for name in model.features}
    if all(model.features for model in models):
        return for_columns(definitions, headers, columns)
    columns |= {name for name, header in headers.items() if header.type in NUMERIC and not name.startswith(CONTACT)}
    found = for_columns(definitions, headers, columns)
    return Wanted(found.tags, has_traits=True, has_reach=found.has_reach)
