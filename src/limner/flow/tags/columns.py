"""The columns of other tags that a rule may name: members of families, nodes of trees, levels, by id or display name.

What a rule stands on is read off definitions, not off what has happened: a member of a value nobody has shown yet is a
column all the same, so that the rule means the same at every asof.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Final

from limner.core.ours import Tag
from limner.core.rule.lexicon import TagWord
from limner.flow.tags.axes import axes_of, column_of, filled, names_of
from limner.flow.tags.base import KINDS, Cell, Ground
from limner.flow.tags.catalog import Placed

WITHOUT_OWN: Final = ("family", "interest", "interest_tree")
"""Kinds whose tags have columns, but none that is called as the tag is."""


def owner_of(known: Mapping[str, Placed], column: str) -> str:
    """The tag a column is one of, by the name of the column; empty when it is none's.

    >>> owner_of({"spend": Placed(Tag("spend", kind="family"), "")}, "spend.90d.T.恤")
    'spend'
    """
    stem, dot = column, "."
    while dot:
        if stem in known:
            return stem
        stem, dot, _ = stem.rpartition(".")
    heaviest = column.removeprefix("top_")
    is_interest = heaviest != column and heaviest in known and known[heaviest].tag.kind == "interest"
    return heaviest if is_interest else ""


def value_in(placed: Placed, column: str) -> str:
    """The value a column is about, where values are read off the rows; empty when the tag has no such column."""
    tag = placed.tag
    rest = column.removeprefix(f"{tag.id}.")
    if rest == column:
        return ""
    match tag.kind:
        case "interest":
            return rest
        case "family":
            *others, each = axes_of(tag, placed.place)
            *keys, value = rest.split(".", len(others))
            is_right = len(keys) == len(others) and all(
                key in {step.key for step in axis.steps} for axis, key in zip(others, keys, strict=True)
            )
            return value if is_right and each.is_found else ""
    return ""


class Shelf:
    """The columns of all tags, opened tag by tag when a rule names one that is not called as its tag is."""

    def __init__(self, known: Mapping[str, Placed], ground: Ground) -> None:
        self._known, self._ground = known, ground
        self._folded = {name.casefold(): placed for name, placed in known.items()}
        self._cells: dict[str, Sequence[Cell]] = {}

    def words(self, name: str) -> tuple[TagWord, ...]:
        """The words among which a name is, if it is any's; else those that may have been meant."""
        written = name.strip()
        stem = owner_of(self._folded, written.casefold())
        if stem:
            placed = self._folded[stem]
            found = self._words(placed)
            column = placed.tag.id + written[len(placed.tag.id) :]
            if written.casefold() not in {word.id.casefold() for word in found} and value_in(placed, column):
                kept = "float" if placed.tag.kind == "interest" else placed.tag.type
                found = (*found, TagWord(column, kept))
            return found
        families = [placed for placed in self._known.values() if placed.tag.kind == "family"]
        called = [
            TagWord(column, placed.tag.type, (written,))
            for placed in families
            for column in columns_called(placed.tag, written, placed.place)
        ]
        if len(called) > 1:
            there = {cell.column for placed in families for cell in self._of(placed)}
            called = [word for word in called if word.id in there] or called
        opened = (placed for placed in self._known.values() if placed.tag.kind in WITHOUT_OWN)
        return tuple(called) or tuple(word for placed in opened for word in self._words(placed))

    def _words(self, placed: Placed) -> tuple[TagWord, ...]:
        is_family = placed.tag.kind == "family"
        return tuple(
            TagWord(cell.column, cell.type, names_of(placed.tag, cell.column, placed.place) if is_family else ())
            for cell in self._of(placed)
        )

    def _of(self, placed: Placed) -> Sequence[Cell]:
        tag = placed.tag
        if tag.kind == "rule":
            return ()
        if tag.id not in self._cells:
            self._cells[tag.id] = KINDS.find(tag.kind)(tag, self._ground, placed.place).cells
        return self._cells[tag.id]


def columns_called(tag: Tag, name: str, place: str = "") -> tuple[str, ...]:
    """The columns of a family whose members are called so, whether their values have been found or not.

    >>> tag = Tag("spend", options={"member": "{window}{thing}消费", "axes": {"window": {"within": ["30d", "90d"]},
    ...     "thing": {"each": "top_category"}}})
    >>> columns_called(tag, "近90天女装消费")
    ('spend.90d.女装',)
    """
    return tuple(dict.fromkeys(_called(tag, name, place)))


def _called(tag: Tag, name: str, place: str) -> Iterator[str]:
    axes = axes_of(tag, place or f"tags/{tag.id}")
    each = axes[-1] if axes[-1].is_found else None
    written = axes[:-1] if each else axes
    for steps in product(*(axis.steps for axis in written)):
        by_axis = dict(zip((axis.name for axis in written), steps, strict=True))
        for option, field in (("member", "name"), ("member_en", "name_en")):
            text = filled(str(tag.options.get(option, "")), {key: getattr(s, field) for key, s in by_axis.items()})
            before, _, after = text.partition(f"{{{each.name}}}" if each else "\0")
            value = name[len(before) : len(name) - len(after)] if each else ""
            if text and f"{before}{value}{after}".casefold() == name.casefold() and bool(value) == bool(each):
                yield column_of(tag, [*steps, *([each.step(value)] if each else [])])
