"""Small counts: how portraits and counts keep from telling of one person, where a workspace asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from limner.core.errors import Refused, words

TOO_FEW = words(
    "group_too_small",
    "The {what} has fewer than {bound} customers; nothing is told of so few. Take a wider audience, or set [privacy] "
    "least_group lower.",
)


def guarded(group: int, base: int, both: int, least: int) -> None:
    """Refuse a portrait of too few, of too few left over, or against too few; nobody at all is nobody's secret.

    The difference of an audience and all others tells as much as the audience: it must be as large.
    """
    enough([("audience", group), ("base", base), ("rest of the base", base - both)], least)


def enough(counts: Iterable[tuple[str, int]], least: int) -> None:
    """Refuse what is told of groups, each with what it is called, when one of them has too few."""
    for what, found in counts:
        if 0 < found < least:
            raise Refused(TOO_FEW, what=what, bound=least)


def told(found: int | None, least: int, *beside: int) -> int | None:
    """A count that may be told: neither of a few, nor a few more or fewer than a count that stands beside it.

    Nobody at all is nobody's secret, and equal counts part nobody off. None (as before): too few to tell.

    >>> told(40, 5, 100, 40), told(3, 5), told(98, 5, 100), told(0, 5, 100)
    (40, None, None, 0)
    """
    if found is None:
        return None
    is_few = any(0 < abs(found - other) < least for other in (0, *beside))
    return None if is_few else found


def hidden(counts: Sequence[int], least: int) -> set[int]:
    """The places of counts too small to tell, with the next smallest beside those that are too few even together: the
    sum would tell of them.

    >>> sorted(hidden([50, 2, 9, 0], 5)), sorted(hidden([50, 2, 3, 0], 5)), hidden([1, 2], 1)
    ([1, 2], [1, 2], set())
    """
    small = {place for place, found in enumerate(counts) if 0 < found < least}
    if small and sum(counts[place] for place in small) < least:
        rest = [place for place, found in enumerate(counts) if found >= least]
        small |= {min(rest, key=counts.__getitem__)} if rest else set()
    return small


def moved_told(
    came: int, went: int, gone: int, size: int, least: int
) -> tuple[int | None, int | None, int | None, int | None]:
    """How many there were before, came, went and are gone of those there are now, each as far as it may be told.

    What there was before follows from the others: it is told only where all of them are.

    >>> moved_told(20, 0, 0, 100, 10), moved_told(3, 40, 0, 100, 10)
    ((80, 20, 0, 0), (None, None, 40, 0))
    """
    before, fresh = size - came + went + gone, told(came, least, size)
    left = told(went, least, before, *(() if fresh is None else (came,)))
    moves = fresh, left, told(gone, least, before)
    return None if None in moves else told(before, least, size), *moves
