"""The taxonomies of a workspace: trees of what customers may care for, and how its own words lead to their nodes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from limner.core.definition import definition


@dataclass(frozen=True, slots=True)
class Branch:
    """A node by its path, the names from the root on joined by `/`. Without a half-life it has that of its parent."""

    path: str
    name_en: str = ""
    half_life: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Sign:
    """What leads to the node `to`: one item, one category path, all paths below a prefix, or a word in a text."""

    to: str
    item: str = ""
    category: str = ""
    prefix: str = ""
    keyword: str = ""


@definition("taxonomies")
@dataclass(frozen=True, slots=True)
class Taxonomy:
    """A tree of at most four levels. `like` names one that comes with the product, whose nodes it takes over first."""

    id: str
    name: str = ""
    name_en: str = ""
    like: str = ""
    nodes: tuple[Branch, ...] = ()
    signs: tuple[Sign, ...] = ()
