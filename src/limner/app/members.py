"""Families opened: their members as they stand in a portrait, and a tag or a member found by what it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from limner.app.named import member_names
from limner.core.errors import NotFound, near
from limner.flow.audiences.small import told
from limner.flow.tags.catalog import UNKNOWN_TAG, Placed, named
from limner.store.gallery.bits import unpack

if TYPE_CHECKING:
    from limner.store.gallery import Version


@dataclass(frozen=True, slots=True)
class Member:
    """One tag of a family: its column, its names, and how many customers have an answer that is not none or zero (None:
    too few to tell)."""

    id: str
    name: str
    name_en: str
    customers: int | None


def opened(known: Mapping[str, Placed], version: Version, name: str) -> tuple[Placed, str]:
    """The tag of an id or display name and its column; the column is a member's where the name is one's.

    Raises NotFound with names of tags and members that may have been meant.
    """
    try:
        placed = named(known, name)
    except NotFound as error:
        members = member_names(known, version.headers)
        for column, names in members.items():
            if name == column or name in names:
                return known[column.partition(".")[0]], column
        words = [word for column, names in members.items() for word in (column, *names) if word]
        raise NotFound(UNKNOWN_TAG, near=(*error.near, *near(name, words))[:3], name=name) from None
    return placed, placed.tag.id


def listed_members(placed: Placed, version: Version, least: int = 1) -> Sequence[Member]:
    """The members of a family that a version holds, in the order of its columns; none for any other tag. What tells of
    fewer than `least` customers, by itself or beside everybody or the member before, is not told."""
    if placed.tag.kind != "family":
        return ()
    names = member_names({placed.tag.id: placed}, version.headers)
    sizes = [_having(version, column) for column in names]
    beside = [len(version.living), *sizes]
    return tuple(
        Member(column, *pair, told(size, least, beside[0], beside[at]))
        for at, ((column, pair), size) in enumerate(zip(names.items(), sizes, strict=True))
    )


def _having(version: Version, name: str) -> int:
    column = version.column(name)
    values = np.asarray(column.values)
    having = unpack(column.known(version.size) & version.living_words, version.size)[: len(values)]
    if column.header.type == "text":
        return int(having.sum())
    return int((having & (values[: len(having)] != 0)).sum())
