"""The names columns go by in rules: a tag's own in both languages, and for a trait the header it is read from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from limner.flow.sources.definition import Source, as_field
from limner.flow.tags.axes import names_of

if TYPE_CHECKING:
    from limner.flow.tags.catalog import Placed
    from limner.store.definitions import Definitions


def column_names(
    definitions: Definitions, tags: Mapping[str, Placed], columns: Iterable[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Column → its other names; those of members of families among `columns` too.

    A header that stands for two traits, or is a tag's name, names no trait.
    """
    found = {name: tuple(n for n in (placed.tag.name, placed.tag.name_en) if n) for name, placed in tags.items()}
    found |= {name: tuple(n for n in pair if n) for name, pair in member_names(tags, columns).items()}
    taken = {name.casefold() for names in found.values() for name in names}
    headers: dict[str, set[str]] = {}
    for source in definitions.of(Source).values():
        for trait, reads in source.traits.items():
            header = as_field(reads).column
            if header and header.casefold() not in taken:
                headers.setdefault(header, set()).add(trait)
    for header, traits in sorted(headers.items()):
        if len(traits) == 1:
            [trait] = traits
            found[trait] = (*found.get(trait, ()), header)
    return found


def member_names(tags: Mapping[str, Placed], columns: Iterable[str]) -> dict[str, tuple[str, str]]:
    """The Chinese and the English name of each of these columns that is a member of a family."""
    families = {name: placed for name, placed in tags.items() if placed.tag.kind == "family"}
    found = {}
    for column in columns if families else ():
        family = families.get(column.partition(".")[0])
        if family is not None and column != family.tag.id:
            found[column] = names_of(family.tag, column, family.place)
    return found
