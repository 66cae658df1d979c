"""From a shop's own words to nodes: items, category paths, and words in what was searched for or read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from limner.flow.tags.taxonomies import Node, Tree

SHORTEST: Final = 2
"""Characters a node's own name must have to be looked for in texts."""


class Found(Protocol):
    """What answers one thing that happened: the code of a node, or None."""

    def __call__(self, item: str, category: str, text: str) -> int | None: ...


def plain(text: str) -> str:
    """A text as signs are compared: full-width forms narrowed, letters small, spaces around `/` gone."""
    narrow = unicodedata.normalize("NFKC", text).casefold()
    return "/".join(part.strip() for part in narrow.split("/"))


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs of a tree, ready to be asked. The most exact speaks: the item, its category path, the longest prefix of
    it, the deepest level of it that is named like a node, a keyword in it; and of a text, its longest keyword."""

    items: dict[str, int]
    categories: dict[str, int]
    prefixes: dict[str, int]
    names: dict[str, int]
    keywords: re.Pattern[str] | None
    by_keyword: dict[str, int]

    def __call__(self, item: str, category: str, text: str) -> int | None:
        """The code of the node these lead to, or None.

        >>> from limner.flow.tags.taxonomies import built_in
        >>> tree = built_in()
        >>> tree.nodes[signs_of(tree)("", "", "想买硬笔书法字帖")].path
        '教育/兴趣培训/书法/硬笔书法'
        """
        if item and item in self.items:
            return self.items[item]
        if category:
            found = self._category(plain(category))
            if found is not None:
                return found
        return self._word(plain(text)) if text else None

    def _category(self, path: str) -> int | None:
        if path in self.categories:
            return self.categories[path]
        for prefix in _prefixes(path):
            if prefix in self.prefixes:
                return self.prefixes[prefix]
        for name in reversed(path.split("/")):
            if name in self.names:
                return self.names[name]
        return self._word(path)

    def _word(self, text: str) -> int | None:
        """The node of the longest keyword in a text; of equally long ones the first in the text."""
        if self.keywords is None:
            return None
        found = max(self.keywords.finditer(text), key=lambda match: len(match[1]), default=None)
        return None if found is None else self.by_keyword[found[1]]


def signs_of(tree: Tree) -> Signs:
    """What leads to the nodes of a tree: the signs that are written, and the nodes' own paths and names.

    A name that several nodes bear leads nowhere. Signs that are written go before names.
    """
    by_path = tree.by_path
    own = _names(tree)
    words = {name: code for name, code in own.items() if len(name) >= SHORTEST}
    words |= {plain(sign.keyword): by_path[sign.to].code for sign in tree.signs if sign.keyword}
    longest = sorted(words, key=lambda word: (-len(word), word))
    pattern = re.compile(f"(?=({'|'.join(map(re.escape, longest))}))") if longest else None
    paths = {plain(node.path): node.code for node in tree.nodes}
    paths |= {plain(node.path_en): node.code for node in tree.nodes if node.path_en}
    return Signs(
        items={sign.item: by_path[sign.to].code for sign in tree.signs if sign.item},
        categories=paths | {plain(sign.category): by_path[sign.to].code for sign in tree.signs if sign.category},
        prefixes={plain(sign.prefix).rstrip("/"): by_path[sign.to].code for sign in tree.signs if sign.prefix},
        names=own,
        keywords=pattern,
        by_keyword=words,
    )


def _names(tree: Tree) -> dict[str, int]:
    """Node names that only one node bears, in both languages."""
    found: dict[str, set[int]] = {}
    for node in tree.nodes:
        for name in _own_names(node):
            found.setdefault(plain(name), set()).add(node.code)
    return {name: codes.pop() for name, codes in found.items() if len(codes) == 1}


def _own_names(node: Node) -> Iterator[str]:
    yield node.names[-1]
    if node.names_en[-1]:
        yield node.names_en[-1]


def _prefixes(path: str) -> Iterator[str]:
    """The path and the paths above it, the longest first."""
    while path:
        yield path
        path = path.rpartition("/")[0]
