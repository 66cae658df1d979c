"""The tags of a workspace: the built-in packs, and the workspace's own; a tag of its own takes a built-in's place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import yaml

from limner.core.definition import as_mapping, read
from limner.core.errors import BadDefinition, Clash, NotFound, near, words
from limner.core.ids import slug
from limner.core.ids import version as version_of
from limner.core.ours import Tag
from limner.flow.tags.taxonomies import find, trees
from limner.store.definitions import Definitions

TWICE = words("tag_twice", "The tag {tag!r} is defined twice: in {first} and in {second}. Rename one.")
UNKNOWN_TAG = words(
    "tag_unknown", "There is no tag {name!r}. Built-in tags stand in limner/flow/tags/packs, your own in tags/."
)
IN_A_CIRCLE = words(
    "tag_circle",
    "The tags {tags} stand on one another in a circle, so none can be answered first. Take one out of another's rule.",
)
DEEP_PATH = words("tag_path_deep", "{place}: the path {path!r} has {found} levels, at most 4 are read.")

VERSION = 1
"""Raised when the same tags must give another answer."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A tag and the place it is written at; `tree` marks the content of the taxonomy it is asked over."""

    tag: Tag
    place: str
    tree: str = ""

    @property
    def version(self) -> str:
        """The version of the tag's column: what it asks, and the version of the station."""
        more = {"tree": self.tree} if self.tree else {}
        return version_of({"tag": as_mapping(asked(self.tag)), "station": VERSION, **more})


def asked(tag: Tag) -> Tag:
    """A tag without what changes no answer: its state, owner, class, and what it is held against."""
    return replace(tag, state="published", owner="", sensitivity="", declared="")


def catalog(definitions: Definitions) -> Mapping[str, Placed]:
    """All tags by id: built-in ones, and over them those of the workspace. Retired ones are not among them.

    >>> catalog(Definitions())["orders"].tag.name
    '订单数'
    """
    own = {name: Placed(_right(tag, f"tags/{name}"), f"tags/{name}") for name, tag in definitions.of(Tag).items()}
    asked_over = {name: str(placed.tag.options["taxonomy"]) for name, placed in own.items() if _has_tree(placed.tag)}
    known = trees(definitions) if asked_over else {}
    for name, taxonomy in asked_over.items():
        own[name] = replace(own[name], tree=find(known, taxonomy).mark)
    found = {**built_in(), **own}
    return MappingProxyType({name: placed for name, placed in found.items() if placed.tag.state != "retired"})


def _has_tree(tag: Tag) -> bool:
    return isinstance(tag.options.get("taxonomy"), str)


@cache
def built_in() -> Mapping[str, Placed]:
    """The tags of the packs that come with the product."""
    found: dict[str, Placed] = {}
    for file in sorted(files("limner.flow.tags").joinpath("packs").iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".yaml"):
            continue
        for row in yaml.safe_load(file.read_text(encoding="utf-8")):
            place = f"packs/{file.name}: {row.get('id', '?')}"
            tag = _right(read(Tag, row, place), place)
            if tag.id in found:
                raise Clash(TWICE, tag=tag.id, first=found[tag.id].place, second=place)
            found[tag.id] = Placed(tag, place)
    return MappingProxyType(found)


def named(known: Mapping[str, Placed], name: str) -> Placed:
    """The tag of that id or display name."""
    if name in known:
        return known[name]
    for placed in known.values():
        if name in (placed.tag.name, placed.tag.name_en):
            return placed
    names = [*known, *(placed.tag.name for placed in known.values() if placed.tag.name)]
    raise NotFound(UNKNOWN_TAG, near=near(name, names), name=name)


def in_order(wanted: Iterable[str], needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The tags asked for and all they stand on, each after what it stands on.

    >>> in_order(["c"], {"a": (), "b": ("a",), "c": ("a", "b")})
    ('a', 'b', 'c')
    """
    done: list[str] = []
    open_: list[str] = []

    def visit(name: str) -> None:
        if name in done:
            return
        if name in open_:
            raise BadDefinition(IN_A_CIRCLE, tags=" → ".join([*open_[open_.index(name) :], name]))
        if name not in needs:
            raise NotFound(UNKNOWN_TAG, near=near(name, needs), name=name)
        open_.append(name)
        for other in needs[name]:
            visit(other)
        open_.remove(name)
        done.append(name)

    for name in wanted:
        visit(name)
    return tuple(done)


def _right(tag: Tag, place: str) -> Tag:
    slug(tag.id, "tag")
    levels = [level for level in tag.path.split("/") if level]
    if len(levels) > 4:
        raise BadDefinition(DEEP_PATH, place=place, path=tag.path, found=len(levels))
    return tag
