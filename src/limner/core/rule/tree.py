"""The Rule tree: And, Or, Not over nine leaves. A rule answers yes or no for every customer.

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
from limner.core.rule.windows import Ago, Between, Period

DEPTH: Final = 50
VALUES: Final = 10_000
TEXT: Final = 2_000
_STEPS: Final = 20
ORDERED: Final = ("==", "!=", "<", "<=", ">", ">=")
TEXTUAL: Final = ("contains", "starts_with", "ends_with")
OPS: Final = (*ORDERED, "in", *TEXTUAL)
FUNCTIONS: Final = ("count", "sum", "avg", "min", "max", "first", "last", "distinct")

TOO_DEEP = words("rule_too_deep", "The rule is nested more than {bound} levels deep. Name a part of it as an audience.")
TOO_LARGE = words(
    "rule_too_large", "The rule holds {size} names and values, at most {bound} are allowed. Use a tag or an audience."
)
BAD_VALUE = words("rule_value_bad", "The value {value!r} cannot stand in a rule. Use {bound}.")
BAD_OP = words("rule_op_unknown", "The comparison {op!r} is not known. Use one of {bound}.")
BAD_PART = words("rule_part_bad", "{part} in a rule is {value!r}, it must be {bound}.")

Value: TypeAlias = bool | int | Decimal | str | date | datetime | Ago
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
class Step:
    """One event of a sequence."""

    event: str
    matching: tuple[Match, ...] = ()

    def __post_init__(self) -> None:
        _check_name("Step", self.event)
        _check_matching(self.matching)


@dataclass(frozen=True, slots=True)
class After:
    """Strictly later than the customer's last event of a kind; of who has none, no event is."""

    step: Step


Window: TypeAlias = timedelta | Between | Period | After


@dataclass(frozen=True, slots=True)
class Did(Rule):
    """At least `times` events of that name, all of `matching` true of each, in a window before `asof`."""

    event: str
    times: int = 1
    within: Window | None = None
    matching: tuple[Match, ...] = ()

    def __post_init__(self) -> None:
        _check_name("Did", self.event)
        _check_window(self.within)
        _check_matching(self.matching)
        if isinstance(self.times, bool) or not isinstance(self.times, int) or not 1 <= self.times <= 1_000_000_000:
            bound = "a whole number from 1 on; for never, write not did(...)"
            raise BadDefinition(BAD_PART, part="times", value=self.times, bound=bound)


@dataclass(frozen=True, slots=True)
class Aggregate(Rule):
    """An aggregate of a customer's events of one name against a value: what was spent, how often, the last shop.

    `of` is the property that is aggregated; events without it are left out, and `count` has none. A count, sum or
    number of distinct values of no event is 0; the least, greatest, average, first and last of none are unknown, and
    answer no. `first` and `last` go by the moment; of several at one moment the smallest value is the first, the
    greatest the last. An average is compared exactly, as the sum with so many times the value.
    """

    function: str
    event: str
    of: str
    op: str
    value: Values
    within: Window | None = None
    matching: tuple[Match, ...] = ()

    def __post_init__(self) -> None:
        if self.function not in FUNCTIONS:
            raise BadDefinition(BAD_PART, part="the function", value=self.function, bound=", ".join(FUNCTIONS))
        _check_name(self.function, self.event)
        if (self.function == "count") != (self.of == ""):
            bound = "empty: a count is of events" if self.function == "count" else "the name of an event property"
            raise BadDefinition(BAD_PART, part=f"the property in {self.function}", value=self.of, bound=bound)
        _check_window(self.within)
        _check_matching(self.matching)
        _check_comparison(self, self.of or self.function)


@dataclass(frozen=True, slots=True)
class Sequence(Rule):
    """Events one after the other, other events between them allowed, but none of `without`.

    Each step lies strictly later than the one before: two events of the same instant are not a sequence. With
    `within`, the last step lies in [first, first + within). What must not happen must not lie strictly between the
    first step and the last.
    """

    steps: tuple[Step, ...]
    within: timedelta | None = None
    without: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        _check_span(self.within)
        if not isinstance(self.without, tuple) or not all(isinstance(step, Step) for step in self.without):
            raise BadDefinition(BAD_PART, part="without", value=self.without, bound="a tuple of steps")
        if len(self.without) > _STEPS:
            raise BadDefinition(BAD_PART, part="without", value=len(self.without), bound=f"at most {_STEPS} events")
        if not isinstance(self.steps, tuple) or not all(isinstance(step, Step) for step in self.steps):
            raise BadDefinition(BAD_PART, part="steps", value=self.steps, bound="a tuple of steps")
        if not 2 <= len(self.steps) <= _STEPS:
            raise BadDefinition(BAD_PART, part="steps", value=len(self.steps), bound=f"2 to {_STEPS} events")


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


@dataclass(frozen=True, slots=True)
class Top(Rule):
    """The living customers with the greatest answers to a tag (`is_bottom`: the smallest), as a share of those whose
    answer is known.

    Who has the answer x is in it when fewer than `share` of them have a greater one: equal answers share a fate, so a
    crowd at the cut makes it larger, and never smaller, than was asked for.
    """

    tag: str
    share: Decimal | int
    is_bottom: bool = False

    def __post_init__(self) -> None:
        _check_name("Top", self.tag)
        object.__setattr__(self, "share", _share(self.share))


@dataclass(frozen=True, slots=True)
class Sample(Rule):
    """A lasting random share of all customers, drawn by a salt: another salt draws another share, independent of it.

    Good for panels and trials of a rule. What proves an effect is an experiment's hold-out, which this is not.
    """

    share: Decimal | int
    salt: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", _share(self.share))
        if not isinstance(self.salt, str) or len(self.salt) > 200 or not self.salt.isprintable():
            raise BadDefinition(BAD_PART, part="the salt of sample", value=self.salt, bound="up to 200 characters")


Leaf: TypeAlias = Has | Compare | Did | Aggregate | Sequence | In | Near | Top | Sample


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
    if isinstance(value, bool | int | str | date | Ago):
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
        case Has() | Compare() | Did() | Aggregate() | Sequence() | In() | Near() | Top() | Sample():
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
        case Did(within=within, matching=matching):
            return 1 + _matching_weight(matching) + _window_weight(within)
        case Aggregate(value=value, within=within, matching=matching):
            values = len(value) if isinstance(value, tuple) else 1
            return 1 + values + _matching_weight(matching) + _window_weight(within)
        case Sequence(steps=steps, without=without):
            return sum(1 + _matching_weight(step.matching) for step in (*steps, *without))
        case _:
            return 1


def _window_weight(within: Window | None) -> int:
    return 1 + _matching_weight(within.step.matching) if isinstance(within, After) else 0


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


def _share(value: object) -> Decimal | int:
    share = _number(value, "the share")
    if not 0 < share <= 1:
        raise BadDefinition(BAD_PART, part="the share", value=str(value), bound="above 0 and at most 100%")
    return share


def _check_window(within: object) -> None:
    if not isinstance(within, Between | Period | After):
        _check_span(within)  # type: ignore[arg-type]


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


def _check_comparison(node: Compare | Match | Aggregate, name: str) -> None:
    _check_name("a comparison", name)
    if node.op not in OPS:
        raise BadDefinition(BAD_OP, op=node.op, bound=", ".join(OPS))
    if node.op != "in":
        if isinstance(node.value, tuple | list):
            raise BadDefinition(BAD_PART, part=f"the value of {name}", value=node.value, bound="one value; or use in")
        object.__setattr__(node, "value", exact(node.value))
        if node.op in TEXTUAL and (not isinstance(node.value, str) or not node.value):
            raise BadDefinition(BAD_PART, part=f"the value of {name}", value=node.value, bound="text, not empty")
        return
    if not isinstance(node.value, tuple | list):
        raise BadDefinition(BAD_PART, part=f"the list of {name}", value=node.value, bound='a list, such as ("a", "b")')
    if len(node.value) > VALUES:
        raise BadDefinition(TOO_LARGE, size=len(node.value), bound=VALUES)
    object.__setattr__(node, "value", tuple(exact(v) for v in node.value))
