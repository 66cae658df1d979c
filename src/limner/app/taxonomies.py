"""`taxonomy show`, `taxonomy read`, `taxonomy gaps`: the tree of what customers may care for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from limner.app.files import write_file
from limner.core.errors import BadInput, Clash, NotFound, near, words
from limner.core.ids import slug
from limner.flow.sources.encodings import Utf8Stream, encoding_of
from limner.flow.tags.catalog import catalog, named
from limner.flow.tags.definition import Taxonomy
from limner.flow.tags.interest_tree import gaps
from limner.flow.tags.tag import ground_of
from limner.flow.tags.taxonomies import DEFAULT, UNKNOWN_NODE, find, tree, trees
from limner.flow.tags.taxonomies.reading import read_csv

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.flow.tags.taxonomies import Node, Tree

STANDS = words(
    "taxonomy_stands", "{path} stands there already. Take it away first, or read the tree under another --id."
)

NOT_OVER_A_TREE = words(
    "taxonomy_not_asked_over",
    "The tag {tag!r} is of kind {kind}. Name a tag of kind interest_tree, which has a taxonomy.",
)


@dataclass(frozen=True, slots=True)
class TaxonomyNode:
    """A node as it is shown: how many nodes stand below it, and its own half-life in days where it has one."""

    path: str
    path_en: str
    level: int
    below: int
    half_life: int | None = None


@dataclass(frozen=True, slots=True)
class TaxonomyShown:
    """A taxonomy: how many nodes each level has, and the nodes asked for."""

    id: str
    levels: tuple[int, ...]
    signs: int
    nodes: tuple[TaxonomyNode, ...]


@dataclass(frozen=True, slots=True)
class TaxonomyRead:
    """A taxonomy that was read from a CSV file, and the definition written from it."""

    id: str
    levels: tuple[int, ...]
    written: Path


@dataclass(frozen=True, slots=True)
class TaxonomyGap:
    """An item, a category path or a text that leads to no node, with its rows and their points."""

    item_id: str
    category: str
    text: str
    rows: int
    points: int


@dataclass(frozen=True, slots=True)
class TaxonomyGaps:
    """How many rows and points a tag found, how many led to nodes, and the heaviest of what leads nowhere."""

    tag: str
    rows: int
    points: int
    led_rows: int
    led_points: int
    nowhere: tuple[TaxonomyGap, ...]


def taxonomy_show(shop: Workspace, name: str = DEFAULT, *, under: str = "") -> TaxonomyShown:
    """The first level of a taxonomy; with `under`, a node and everything below it."""
    found = find(trees(shop.definitions), name)
    if not under:
        chosen = [node for node in found.nodes if node.level == 1]
    else:
        top = _node(found, under)
        chosen = list(found.nodes[top.code : top.end])
    return TaxonomyShown(found.id, found.counts(), len(found.signs), tuple(map(_shown, chosen)))


def taxonomy_read(shop: Workspace, file: Path, *, id: str = "") -> TaxonomyRead:  # noqa: A002
    """Write a definition into taxonomies/ from a CSV file; `apply` brings it into force."""
    name = slug(id or file.stem.lower(), "taxonomy")
    written = shop.folder / "taxonomies" / f"{name}.yaml"
    if written.exists():
        raise Clash(STANDS, path=written)
    with Utf8Stream(file, encoding_of(file)) as stream:
        text = stream.read().decode("utf-8")
    made = Taxonomy(name, nodes=read_csv(text, file.name))
    levels = tree(made, file.name).counts()
    write_file(written, made)
    return TaxonomyRead(name, levels, written)


def taxonomy_gaps(shop: Workspace, tag: str, asof: str | datetime | None = None, *, limit: int = 20) -> TaxonomyGaps:
    """How much of what happened up to an asof (default: the newest portrait's) leads to nodes of a tag's taxonomy."""
    from limner.app.grounds import portrait_of

    definitions = shop.definitions
    placed = named(catalog(definitions), tag)
    if placed.tag.kind != "interest_tree":
        raise BadInput(NOT_OVER_A_TREE, tag=placed.tag.id, kind=placed.tag.kind)
    found = portrait_of(shop, asof)
    ground = replace(ground_of(shop.stores, found.asof, {"links": found.links}), trees=trees(definitions))
    known = gaps(placed.tag, ground, placed.place, limit)
    rows = tuple(TaxonomyGap(*gap) for gap in known.nowhere)
    return TaxonomyGaps(placed.tag.id, known.rows, known.points, known.led_rows, known.led_points, rows)


def _node(found: Tree, wanted: str) -> Node:
    """The node of a path, in either language, or of a name that only one node bears."""
    names: Mapping[str, list[Node]] = _by_name(found)
    if wanted not in names or len(names[wanted]) > 1:
        paths = [node.path for node in names.get(wanted, ())] or near(wanted, names)
        raise NotFound(UNKNOWN_NODE, near=paths, place=f"taxonomies/{found.id}", path=wanted)
    return names[wanted][0]


def _by_name(found: Tree) -> dict[str, list[Node]]:
    names: dict[str, list[Node]] = {}
    for node in found.nodes:
        for name in {node.path, node.path_en, node.names[-1], node.names_en[-1]} - {""}:
            names.setdefault(name, []).append(node)
    return names | {node.path: [node] for node in found.nodes}


def _shown(node: Node) -> TaxonomyNode:
    days = node.half_life.days if node.half_life else None
    return TaxonomyNode(node.path, node.path_en, node.level, node.end - node.code - 1, days)
