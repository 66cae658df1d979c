"""Small counts in the catalogue: what of a tag's figures may be told where [privacy] least_group asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from limner.flow.audiences.small import hidden, told
from limner.flow.tags.figures import QUANTILES, Accuracy, Extent, Figures


def told_answers(counts: Mapping[str, int], known: int, customers: int, least: int) -> dict[str, int | None]:
    """How many have each answer; None where that is too few, or would tell of the others that are.

    What is left of the `known` has other answers; of whom nothing is known are beside them.

    >>> told_answers({"a": 60, "b": 38}, 100, 100, 5), told_answers({"a": 60, "b": 38}, 98, 100, 5)
    ({'a': 60, 'b': None}, {'a': 60, 'b': None})
    """
    unknown, rest = customers - known, known - sum(counts.values())
    parts = [*counts.values(), max(rest, 0), *([unknown] if unknown < least else [])]
    untold = hidden(parts, least)
    return {answer: None if at in untold else n for at, (answer, n) in enumerate(counts.items())}


def told_figures(found: Figures, least: int, *, is_tree: bool = False) -> Figures:
    """The figures of a column as far as they tell of no fewer than `least` customers; what is kept back is named in
    `too_few`. The answers of a tree (`is_tree`) are paths: a branch holds what its twigs hold.

    A customer may have the least answer alone: quantiles are told that as many stand at or beyond on either side.
    """
    if least <= 1:
        return found
    exact = found.known or 0
    if is_tree:
        answers = _told_paths(found, least)
    else:
        counted = told_answers(found.answers, exact, found.customers, least)
        answers = {answer: n for answer, n in counted.items() if n is not None}
    are_all = len(answers) == len(found.answers)
    known = told(exact, least, found.customers)
    kept = replace(
        found,
        known=known,
        held=_told_held(found, least, are_all=are_all or is_tree),
        answers=answers,
        quantiles=_told_quantiles(found, least),
        accuracy=_told_accuracy(found.accuracy, least),
        extent=_told_extent(found, least),
    )
    if any(0 < count < least for count in found.counts):
        kept = replace(kept, cuts=(), counts=(), words=())
    names = ("known", "held", "answers", "quantiles", "counts", "accuracy", "extent")
    return replace(kept, too_few=tuple(name for name in names if getattr(kept, name) != getattr(found, name)))


def _told_paths(found: Figures, least: int) -> dict[str, int]:
    """The nodes of a tree that may be told, beside everybody and the node above."""
    sizes = found.answers
    return {
        path: size
        for path, size in sizes.items()
        if told(size, least, found.customers, *[sizes[up] for up in [path.rpartition("/")[0]] if up in sizes])
        is not None
    }


def _told_held(found: Figures, least: int, *, are_all: bool) -> int | None:
    """How many have another answer than the usual one: with those who are known it tells how many have that."""
    if found.held is None or (not are_all and found.held != found.known):
        return None
    return told(found.held, least, found.known or 0, found.customers)


def _told_quantiles(found: Figures, least: int) -> tuple[float | None, ...]:
    many = found.known or 0
    ranks = (round(share * (many - 1)) for share in QUANTILES)
    return tuple(
        value if least <= rank + 1 and rank <= many - least else None
        for value, rank in zip(found.quantiles, ranks, strict=False)
    )


def _told_accuracy(found: Accuracy | None, least: int) -> Accuracy | None:
    """How right a tag is; nothing where those who are told wrongly, or rightly, or unusually are too few."""
    if found is None:
        return None
    usual = round(found.usual * found.base)
    if None in (told(found.base, least), told(found.right, least, found.base), told(usual, least, found.base)):
        return None
    cells = [n for _, _, n in found.told]
    is_told = not hidden([*cells, found.base - sum(cells)], least)
    return found if is_told else replace(found, told=())


def _told_extent(found: Figures, least: int) -> Extent | None:
    one = found.extent
    if one is None or None in (told(n, least, found.customers) for n in (one.least, one.most)):
        return None
    return one if told(one.least, least, one.most) is not None else None
