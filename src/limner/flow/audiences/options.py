"""Reading the options of a selector, with errors that name the audience."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from limner.core.definition import read
from limner.core.errors import BadDefinition, words
from limner.core.ours import Audience
from limner.core.rule import Has, In, Lexicon, Rule, parse, resolve

BAD_OPTION = words("selector_option_bad", "audiences/{name}: the option {option!r} is {value!r}, it must be {bound}.")

T = TypeVar("T")


def options_of(kind: type[T], audience: Audience) -> T:
    """The options of an audience as the selector's own type."""
    return read(kind, audience.options, f"audiences/{audience.id}: options")


def bad(audience: Audience, option: str, value: object, bound: str) -> BadDefinition:
    """The error of an option out of its bound."""
    return BadDefinition(BAD_OPTION, name=audience.id, option=option, value=value, bound=bound)


def rule_named(asked: str, lexicon: Lexicon) -> Rule:
    """A rule, or the name of an audience, as a resolved rule."""
    named = lexicon.words("audiences").get(asked.strip().casefold(), ())
    if len(named) == 1:
        return In(named[0].id)
    return resolve(parse(asked), lexicon, text=asked)


def columns_named(names: Sequence[str], lexicon: Lexicon) -> tuple[str, ...]:
    """The ids of columns by any of their names; an unknown one is a BadDefinition with near names."""
    found = [resolve(Has(name), lexicon) for name in names]
    return tuple(leaf.tag for leaf in found if isinstance(leaf, Has))
