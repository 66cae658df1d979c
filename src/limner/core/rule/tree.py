"""The Rule tree: And, Or, Not over six leaves. A rule answers yes or no for every customer.

An unknown answer is *no* at every leaf, also for `!=`; `Not(x)` means the living customers who are not in `x`, so
`Not(age == 3)` holds where the age is unknown. Windows look back from `asof` and never past it.

Numbers in a tree are exact: int or Decimal, never float, and 100.0 is the int 100, so that one thought has one form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias

from limner.core.errors import BadDefinition, words

DEPTH: Final = 50
VALUES: Final = 10_000
TEXT: Final = 2_000
OPS: Final = ("==", "!=", "<", "<=", ">", ">=", "in")

TOO_DEEP = words("rule_too_deep", "The rule is nested more than {bound} levels deep. Name a part of it as an audience.")
TOO_LARGE = words(
    "rule_too_large", "The rule holds {size} names and values, at most {bound} are allowed. Use a tag or an audience."
)
BAD_VALUE = words("rule_value_bad", "The value {value!r} cannot stand in a rule. Use {bound}.")
BAD_OP = words("rule_op_unknown", "The comparison {op!r} is not known. Use one of {bound}.")
BAD_PART = words("rule_part_bad", "{part} in a rule is {value!r}, it must be {bound}.")

Value: TypeAlias = bool | int | Decimal | str | date | datetime
Values: TypeAlias = Value | tuple[Value, ...]


class Rule:
    """Base of all nodes; `&`, `|` and `~` join them.

    >>> Has("vip") & ~In("silent")
    And(parts=(Has(tag='vip'), Not(part=In(audience='silent'))))
    """

    __slots__ = ()

    def __and__(self, other: Rule) -> Rule:
        return And((self, other))

    def __or__(self, other: Rule) -> Rule:
        return Or((self, other))

    def __invert__(self) -> Rule:
        return Not(self)


@dataclass(frozen=True, slots=True)
class And(Rule):
    """All of two or more parts."""

    parts: tuple[Rule, ...]

    def __post_init__(self) -> None:
        _check_parts(self, "And")


@dataclass(frozen=True, slots=True)
class Or(Rule):
    """Any of two or more parts."""

    parts: tuple[Rule, ...]

    def __post_init__(self) -> None:
        _check_parts(self, "Or")


@dataclass(frozen=True, slots=True)
class Not(Rule):
    """The living customers who are not in the part."""

    part: Rule

    def __post_init__(self) -> None:
        if not isinstance(self.part, Rule):
            raise BadDefinition(BAD_PART, part="Not", value=self.part, bound="a rule")


@dataclass(frozen=True, slots=True)
class Has(Rule):
    """A yes/no tag that says yes; of any other tag, that its answer is known."""

    tag: str

    def __post_init__(self) -> None:
        _check_name("Has", self.tag)


@dataclass(frozen=True, slots=True)
class Compare(Rule):
    """A tag against a value, or against a list with `in`."""

    tag: str
    op: str
    value: Values

    def __post_init__(self) -> None:
        _check_comparison(self, self.tag)


@dataclass(frozen=True, slots=True)
class Match:
    """An event property against a value: the `matching` of Did and of a Step."""

    name: str
    op: str
    value: Values

    def __post_init__(self) -> None:
        _check_comparison(self, self.name)


@dataclass(frozen=True, slots=True)
class Did(Rule):
    """At least `times` events of that name, all of `matching` true of each, within the span before `asof`."""

    event: str
    times: int = 1
    within: timedelta | None = None
    matching: tuple[Match, ...] = ()

    def __post_init__(self) -> None:
        _check_name("Did", self.event)
        _check_span(self.within)
        _check_matching(self.matching)
        if isinstance(self.times, bool) or not isinstance(self.times, int) or not 1 <= self.times <= 1_000_000_000:
            bound = "a whole number from 1 on; for never, write not did(...)"
            raise BadDefinition(BAD_PART, part="times", value=self.times, bound=bound)


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a sequence."""

    event: str
    matching: tuple[Match, ...] = ()

    def __post_init__(self) -> None:
        _check_name("Step", self.event)
        _check_matching(self.matching)


@dataclass(frozen=True, slots=True)
class Sequence(Rule):
    """Events one after the other, other events between them allowed.

    Each step lies strictly later than the one before: two events of the same instant are not a sequence. With
    `within`, the last step lies in [first, first + within).
    """

    steps: tuple[Step, ...]
    within: timedelta | None = None

    def __post_init__(self) -> None:
        _check_span(self.within)
        if not isinstance(self.steps, tuple) or not all(isinstance(step, Step) for step in self.steps):
            raise BadDefinition(BAD_PART, part="steps", value=self.steps, bound="a tuple of steps")
        if not 2 <= len(self.steps) <= 20:
            raise BadDefinition(BAD_PART, part="steps", value=len(self.steps), bound="2 to 20 events")


@dataclass(frozen=True, slots=True)
class In(Rule):
    """A member of another audience."""

    audience: str

    def __post_init__(self) -> None:
        _check_name("In", self.audience)


@dataclass(frozen=True, slots=True)
class Near(Rule):
    """At most `radius_m` metres (great circle, WGS-84 degrees, mean radius 6,371,008.8 m) from a point (lon, lat).

    The customer's own point are the numeric columns `<tag>.lon` and `<tag>.lat`.
    """

    point: tuple[Decimal | int, Decimal | int]
    radius_m: Decimal | int
    tag: str = "place"

    def __post_init__(self) -> None:
        _check_name("Near", self.tag)
        lon, lat = (_number(part, "the point of near") for part in self.point)
        radius = _number(self.radius_m, "the radius of near")
        object.__setattr__(self, "point", (lon, lat))
        object.__setattr__(self, "radius_m", radius)
        if lon < -180 or lon > 180:
            raise BadDefinition(BAD_PART, part="longitude", value=str(lon), bound="between -180 and 180 degrees")
        if lat < -90 or lat > 90:
            raise BadDefinition(BAD_PART, part="latitude", value=str(lat), bound="between -90 and 90 degrees")
        if radius <= 0 or radius > 20_000_000:
            raise BadDefinition(BAD_PART, part="radius", value=str(self.radius_m), bound="0 to 20,000,000 metres")


Leaf: TypeAlias = Has | Compare | Did | Sequence | In | Near


def exact(value: object) -> Value:
    """A value as the tree keeps it: floats become the decimal they print as, whole decimals become ints.

    >>> exact(0.3), exact(Decimal("100.0"))
    (Decimal('0.3'), 100)
    """
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise BadDefinition(BAD_VALUE, value=value.isoformat(), bound="an instant with a zone")
        return value.astimezone(UTC)
    if isinstance(value, str) and ("\0" in value or not _is_unicode(value)):
        raise BadDefinition(BAD_VALUE, value=value[:20], bound="text without NUL and broken characters")
    if isinstance(value, str) and len(value) > TEXT:
        raise BadDefinition(BAD_VALUE, value=value[:20] + "…", bound=f"text of at most {TEXT} characters")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**30:
        raise BadDefinition(BAD_VALUE, value=str(value)[:20] + "…", bound="a number below 1e30")
    if isinstance(value, bool | int | str | date):
        return value
    raise BadDefinition(BAD_VALUE, value=value, bound="a number, text, true, false, a date or an instant")


def leaves(rule: Rule) -> Iterator[Leaf]:
    """Every leaf, left to right."""
    match rule:
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case Has() | Compare() | Did() | Sequence() | In() | Near():
            yield rule


def check_size(rule: Rule) -> Rule:
    """The rule itself; an error when it is nested over 50 levels deep or holds over 10,000 names and values."""
    size, level = 0, [rule]
    for _ in range(DEPTH):
        below: list[Rule] = []
        for node in level:
            size += _weight(node)
            below += node.parts if isinstance(node, And | Or) else (node.part,) if isinstance(node, Not) else ()
        if size > VALUES:
            raise BadDefinition(TOO_LARGE, size=size, bound=VALUES)
        if not below:
            return rule
        level = below
    raise BadDefinition(TOO_DEEP, bound=DEPTH)


def _weight(node: Rule) -> int:
    match node:
        case Compare(value=tuple() as many):
            return len(many)
        case Did(matching=matching):
            return 1 + _matching_weight(matching)
        case Sequence(steps=steps):
            return sum(1 + _matching_weight(step.matching) for step in steps)
        case _:
            return 1


def _matching_weight(matching: tuple[Match, ...]) -> int:
    return sum(len(m.value) if isinstance(m.value, tuple) else 1 for m in matching)


def _is_unicode(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _decimal(value: Decimal) -> Decimal | int:
    if not value.is_finite() or abs(value.adjusted()) > 30 or len(value.as_tuple().digits) > 28:
        raise BadDefinition(BAD_VALUE, value=str(value)[:40], bound="a number of at most 28 digits, below 1e30")
    return int(value) if value == value.to_integral_value() else value.normalize()


def _number(value: object, part: str) -> Decimal | int:
    kept = exact(value)
    if isinstance(kept, bool) or not isinstance(kept, int | Decimal):
        raise BadDefinition(BAD_PART, part=part, value=value, bound="a number")
    return kept


def _check_parts(node: And | Or, part: str) -> None:
    if not isinstance(node.parts, tuple) or not all(isinstance(p, Rule) for p in node.parts) or len(node.parts) < 2:
        raise BadDefinition(BAD_PART, part=part, value=node.parts, bound="a tuple of two or more rules")


def _check_name(part: str, name: object) -> None:
    if not isinstance(name, str) or not name.strip() or len(name) > 200 or not name.isprintable():
        raise BadDefinition(BAD_PART, part=f"the name in {part}", value=name, bound="1 to 200 printable characters")


def _check_span(span: timedelta | None) -> None:
    if span is None:
        return
    if not isinstance(span, timedelta) or span < timedelta(seconds=1) or span.microseconds:
        raise BadDefinition(BAD_PART, part="within", value=str(span), bound="a span of whole seconds such as 90d")
    if span > timedelta(days=36_525):
        raise BadDefinition(BAD_PART, part="within", value=str(span), bound="at most 36525d")


def _check_matching(matching: object) -> None:
    if not isinstance(matching, tuple) or not all(isinstance(m, Match) for m in matching):
        raise BadDefinition(BAD_PART, part="matching", value=matching, bound="a tuple of matches")


def _check_comparison(node: Compare | Match, name: str) -> None:
    _check_name("a comparison", name)
    if node.op not in OPS:
        raise BadDefinition(BAD_OP, op=node.op, bound=", ".join(OPS))
    if node.op != "in":
        if isinstance(node.value, tuple | list):
            raise BadDefinition(BAD_PART, part=f"the value of {name}", value=node.value, bound="one value; or use in")
        object.__setattr__(node, "value", exact(node.value))
        return
    if not isinstance(node.value, tuple | list):
        raise BadDefinition(BAD_PART, part=f"the list of {name}", value=node.value, bound='a list, such as ("a", "b")')
    if len(node.value) > VALUES:
        raise BadDefinition(TOO_LARGE, size=len(node.value), bound=VALUES)
    object.__setattr__(node, "value", tuple(exact(v) for v in node.value))
