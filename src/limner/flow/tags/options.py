"""Reading the options of a tag, with errors that name the place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from limner.core.errors import BadDefinition, near
from limner.core.ours import Tag
from limner.flow.tags.base import BAD_OPTION

T = TypeVar("T")


def choice(tag: Tag, option: str, among: Sequence[T], place: str, default: T) -> T:
    """One of a few values."""
    value = tag.options.get(option, default)
    for known in among:
        if type(value) is type(known) and value == known:
            return known
    bound = "one of " + ", ".join(map(repr, among))
    meant = near(str(value), map(str, among))
    raise BadDefinition(BAD_OPTION, near=meant, place=place, option=option, value=value, bound=bound)


def number(tag: Tag, option: str, place: str, default: int, least: int, most: int) -> int:
    """A whole number within bounds."""
    value = tag.options.get(option, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        bound = f"a whole number from {least} to {most}"
        raise BadDefinition(BAD_OPTION, place=place, option=option, value=value, bound=bound)
    return value


def name(tag: Tag, option: str, place: str, default: str = "") -> str:
    """A text that is not empty."""
    value = tag.options.get(option, default)
    if not isinstance(value, str) or not value:
        raise BadDefinition(BAD_OPTION, place=place, option=option, value=value, bound="a name")
    return value


def weights(tag: Tag, option: str, place: str, default: Mapping[str, int]) -> Mapping[str, int]:
    """Whole weights by event name, 1 to 1,000 each."""
    value = tag.options.get(option, default)
    if not isinstance(value, Mapping) or not value or not all(_is_weight(w) for w in value.values()):
        bound = "event names with whole weights from 1 to 1,000"
        raise BadDefinition(BAD_OPTION, place=place, option=option, value=value, bound=bound)
    return {str(event): int(weight) for event, weight in value.items()}


def _is_weight(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1000


def known_only(tag: Tag, known: Sequence[str], place: str) -> None:
    """Refuse options the kind does not have."""
    for option, value in tag.options.items():
        if option not in known:
            bound = "left out; known options: " + (", ".join(known) or "none")
            raise BadDefinition(
                BAD_OPTION, near=near(option, known), place=place, option=option, value=value, bound=bound
            )
