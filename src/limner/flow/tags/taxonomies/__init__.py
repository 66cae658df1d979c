"""Taxonomies: trees of at most four levels, in the order of a walk that visits each node before its children."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from limner.core.errors import BadDefinition, NotFound, near, words
from limner.core.ids import version
from limner.flow.tags.definition import Branch, Sign, Taxonomy
from limner.flow.tags.taxonomies.reading import read_csv

if TYPE_CHECKING:
    from limner.store.definitions import Definitions

UNKNOWN_TAXONOMY = words(
    "taxonomy_unknown", "There is no taxonomy {name!r}. Yours stand in taxonomies/; `default` comes with the product."
)
UNKNOWN_NODE = words("taxonomy_node_unknown", "{place}: the taxonomy has no node {path!r}.")
DEEP = words("taxonomy_deep", "{place}: {path!r} has {found} levels, at most {most} are read.")
NAMELESS = words("taxonomy_nameless", "{place}: {path!r} has a level without a name.")
NODE_TWICE = words("taxonomy_node_twice", "{place}: the node {path!r} stands here twice. Remove one.")
TOO_MANY_NODES = words("taxonomy_large", "{place}: {found} nodes, at most {most} are read.")
EMPTY = words("taxonomy_empty", "{place}: there is no node. Give `nodes`, or `like: default`.")
BAD_SIGN = words(
    "taxonomy_sign_bad", "{place}: a sign of {to!r} must have exactly one of item, category, prefix, keyword."
)

DEFAULT: Final = "default"
LEVELS: Final = 4
MOST: Final = 5_000
"""Nodes of one taxonomy at most."""
USUAL_HALF_LIFE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its place in the walk, the names from the root to it, and where its parent and its own part end.

    `code` is its place; the nodes below it are those from code + 1 to `end` − 1. `parent` is -1 at the first level.
    """

    code: int
    names: tuple[str, ...]
    parent: int
    end: int
    names_en: tuple[str, ...]
    half_life: timedelta | None

    @property
    def path(self) -> str:
        """The names joined by `/`."""
        return "/".join(self.names)

    @property
    def path_en(self) -> str:
        """The English names joined by `/`; empty where a level has none."""
        return "/".join(self.names_en) if all(self.names_en) else ""

    @property
    def level(self) -> int:
        """1 to 4."""
        return len(self.names)

    @property
    def is_leaf(self) -> bool:
        """Whether nothing stands below it."""
        return self.end == self.code + 1


@dataclass(frozen=True, slots=True)
class Tree:
    """A taxonomy ready to be used: its nodes by code, and the signs that lead to them. `mark` names its content."""

    id: str
    nodes: tuple[Node, ...]
    signs: tuple[Sign, ...] = ()
    mark: str = ""
    by_path: Mapping[str, Node] = field(default_factory=dict)

    def counts(self) -> tuple[int, ...]:
        """How many nodes each level has.

        >>> built_in().counts()
        (18, 124, 256, 313)
        """
        levels = [node.level for node in self.nodes]
        return tuple(levels.count(level) for level in range(1, max(levels, default=0) + 1))

    def above(self, node: Node) -> tuple[Node, ...]:
        """The nodes above one, the nearest first."""
        found = []
        while node.parent >= 0:
            node = self.nodes[node.parent]
            found.append(node)
        return tuple(found)


def tree(taxonomy: Taxonomy, place: str) -> Tree:
    """A taxonomy as a tree; errors name the place. Nodes above a path that are not listed themselves are there too.

    >>> [node.path for node in tree(Taxonomy("t", nodes=(Branch("旅游/机票"), Branch("游戏"))), "here").nodes]
    ['旅游', '旅游/机票', '游戏']
    """
    shared = [Branch(n.path, n.names_en[-1]) for n in built_in().nodes] if _is_like_default(taxonomy, place) else []
    branches = _merged(shared, taxonomy.nodes, place)
    if not branches:
        raise BadDefinition(EMPTY, place=place)
    if len(branches) > MOST:
        raise BadDefinition(TOO_MANY_NODES, place=place, found=len(branches), most=MOST)
    nodes = _walked(branches)
    by_path = {node.path: node for node in nodes}
    for sign in taxonomy.signs:
        if sign.to not in by_path:
            raise BadDefinition(UNKNOWN_NODE, near=near(sign.to, by_path), place=place, path=sign.to)
        if sum(map(bool, (sign.item, sign.category, sign.prefix, sign.keyword))) != 1:
            raise BadDefinition(BAD_SIGN, place=place, to=sign.to)
    mark = version(
        [[[n.path, n.path_en, n.half_life.days if n.half_life else None] for n in nodes], _plain(taxonomy.signs)]
    )
    return Tree(taxonomy.id, nodes, taxonomy.signs, mark, MappingProxyType(by_path))


@cache
def built_in() -> Tree:
    """The taxonomy that comes with the product: 18 branches, Chinese and English."""
    text = files(__name__).joinpath("default.csv").read_text(encoding="utf-8")
    return tree(Taxonomy(DEFAULT, nodes=read_csv(text, "default.csv")), "default.csv")


def trees(definitions: Definitions) -> Mapping[str, Tree]:
    """All taxonomies by id: the one that comes with the product, and over it those of the workspace."""
    own = {name: tree(one, f"taxonomies/{name}") for name, one in definitions.of(Taxonomy).items()}
    return MappingProxyType({DEFAULT: built_in(), **own})


def find(known: Mapping[str, Tree], name: str) -> Tree:
    """The taxonomy of that id."""
    if name not in known:
        raise NotFound(UNKNOWN_TAXONOMY, near=near(name, known), name=name)
    return known[name]


def _is_like_default(taxonomy: Taxonomy, place: str) -> bool:
    if taxonomy.like not in ("", DEFAULT):
        raise NotFound(UNKNOWN_TAXONOMY, near=near(taxonomy.like, [DEFAULT]), name=taxonomy.like).at(place)
    return taxonomy.like == DEFAULT


def _merged(shared: Iterable[Branch], own: Iterable[Branch], place: str) -> dict[tuple[str, ...], Branch]:
    """Every node by its names, parents that are only implied among them; own branches say more of shared ones."""
    found: dict[tuple[str, ...], Branch] = {}
    for branch in shared:
        found[tuple(branch.path.split("/"))] = branch
    seen: set[tuple[str, ...]] = set()
    for branch in own:
        names = tuple(name.strip() for name in branch.path.split("/"))
        if not all(names):
            raise BadDefinition(NAMELESS, place=place, path=branch.path)
        if len(names) > LEVELS:
            raise BadDefinition(DEEP, place=place, path=branch.path, found=len(names), most=LEVELS)
        if names in seen:
            raise BadDefinition(NODE_TWICE, place=place, path=branch.path)
        seen.add(names)
        for depth in range(1, len(names)):
            found.setdefault(names[:depth], Branch("/".join(names[:depth])))
        before = found.get(names)
        name_en = branch.name_en or (before.name_en if before else "")
        found[names] = Branch("/".join(names), name_en, branch.half_life)
    return found


def _walked(branches: Mapping[tuple[str, ...], Branch]) -> tuple[Node, ...]:
    below: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for names in branches:
        below.setdefault(names[:-1], []).append(names)
    found: list[Node] = []

    def walk(names: tuple[str, ...], parent: int, names_en: tuple[str, ...], half_life: timedelta | None) -> None:
        branch, code = branches[names], len(found)
        half_life = branch.half_life or half_life
        whole_en = (*names_en, branch.name_en)
        found.append(Node(code, names, parent, code + 1, whole_en, half_life))
        for child in below.get(names, ()):
            walk(child, code, whole_en, half_life)
        found[code] = Node(code, names, parent, len(found), whole_en, half_life)

    for root in below.get((), ()):
        walk(root, -1, (), None)
    return tuple(found)


def _plain(signs: Iterable[Sign]) -> list[list[str]]:
    return [[s.to, s.item, s.category, s.prefix, s.keyword] for s in signs]
