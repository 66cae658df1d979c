"""The customers of an audience, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from limner.core.actor import Actor
from limner.core.errors import BadInput, NotFound, Refused, near, words
from limner.core.ids import customer_id
from limner.core.ours import Property
from limner.core.rule import Rule
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.cells import table
from limner.store.gallery.bits import numbers

PERSONAL = words(
    "column_personal",
    "The column {name!r} is personal; {actor} has not the role `personal`. Leave it out, or ask for it.",
)
NO_COLUMN = words("listing_column_unknown", "There is no column {name!r} to list.")
BAD_LIMIT = words("listing_limit_bad", "The page size is {value}, it must be from 1 to {bound}.")

MOST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Page:
    """Some customers of an audience. `total` counts all of them; `after` is the number the next page begins after."""

    asof: datetime
    total: int
    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, object]]
    numbers: tuple[int, ...]
    after: int | None

    def __repr__(self) -> str:
        shown = [[str(row.get(name, "")) for name in self.columns] for row in self.rows]
        return f"{table(self.columns, shown)}\n{len(self.rows):,} of {self.total:,}"

    def to_dicts(self) -> list[dict[str, object]]:
        """One row per customer; unknown answers are left out."""
        return [dict(row) for row in self.rows]


def page(
    ground: Ground,
    asked: str | Rule,
    *,
    who: Actor,
    key: bytes,
    columns: Iterable[str] = (),
    limit: int = 20,
    after: int = -1,
) -> Page:
    """The customers of an audience in order of their number, those after the number `after`.

    `key` makes customer ids. Columns named personal need the role; nobody sees a customer outside the scope.
    """
    if not 1 <= limit <= MOST:
        raise BadInput(BAD_LIMIT, value=limit, bound=MOST)
    wanted = allowed_columns(ground, columns, who)
    found = numbers(seen_by(who, ground.words(ground.rule(asked)), ground.version.size))
    first = int(np.searchsorted(found, after, side="right"))
    chosen = found[first : first + limit].tolist()
    rows = [{"customer_id": customer_id(key, n)} | ground.version.row(n, wanted) for n in chosen]
    is_more = first + limit < found.size
    return Page(ground.asof, found.size, ("customer_id", *wanted), rows, tuple(chosen), chosen[-1] if is_more else None)


def allowed_columns(ground: Ground, columns: Iterable[str], who: Actor) -> tuple[str, ...]:
    """The ids of columns by their names; personal ones are refused to who has not the role."""
    return tuple(_column(ground, name, who) for name in columns)


def _column(ground: Ground, name: str, who: Actor) -> str:
    named = ground.lexicon.words("tags").get(name.casefold(), ())
    if len(named) != 1:
        known = [n for word in ground.lexicon.tags for n in (word.id, *word.names)]
        raise NotFound(NO_COLUMN, near=near(name, known), name=name)
    column = named[0].id
    declared = ground.definitions.of(Property).get(column)
    if declared is not None and declared.is_personal and not who.may("personal"):
        raise Refused(PERSONAL, name=column, actor=who.id)
    return column
