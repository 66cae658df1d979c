"""Names become ids, values become values of the column's type, and circles of audiences are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, Literal, cast

from limner.core.errors import BadDefinition, BadInput, Words, near, words
from limner.core.rule.lexicon import AudienceWord, Lexicon, PropertyWord, TagWord, Type, Word
from limner.core.rule.parser import find_name
from limner.core.rule.tokens import where
from limner.core.rule.tree import (
    ORDERED,
    TEXTUAL,
    After,
    Aggregate,
    And,
    Compare,
    Did,
    Has,
    In,
    Match,
    Near,
    Not,
    Or,
    Rule,
    Sample,
    Sequence,
    Step,
    Top,
    Value,
    Values,
    Window,
    check_size,
    leaves,
)
from limner.core.rule.windows import Ago
from limner.core.spans import parse_instant

UNKNOWN: Final = {
    "tags": words("rule_tag_unknown", "There is no tag {name!r}.{place}"),
    "events": words("rule_event_unknown", "There is no event {name!r}.{place}"),
    "audiences": words("rule_audience_unknown", "There is no audience {name!r}.{place}"),
    "properties": words("rule_property_unknown", "There is no event property {name!r}.{place}"),
}
AMBIGUOUS = words("rule_name_ambiguous", "The name {name!r} stands for several: {ids}. Write the id.{place}")
_NOT = "it cannot be compared with {value!r} by {op}. "
BAD_TYPES: Final[Mapping[Type, Words]] = {
    "int": words("rule_int_bad", "{name} holds whole numbers, " + _NOT + "Write a number without quotes.{place}"),
    "float": words("rule_float_bad", "{name} holds numbers, " + _NOT + "Write a number without quotes.{place}"),
    "money": words("rule_money_bad", "{name} holds amounts, " + _NOT + "Write a number without quotes.{place}"),
    "bool": words("rule_bool_bad", "{name} holds yes or no, " + _NOT + "Write == true or == false.{place}"),
    "text": words(
        "rule_text_bad", "{name} holds text, " + _NOT + "Use ==, !=, in or contains, with text in quotes.{place}"
    ),
    "day": words("rule_day_bad", "{name} holds days, " + _NOT + "Write a date such as 2026-01-31.{place}"),
    "instant": words(
        "rule_instant_bad", "{name} holds instants, " + _NOT + "Write 2026-01-31 or 2026-01-31T08:00:00+08:00.{place}"
    ),
}
BAD_OF: Final[Mapping[bool, Words]] = {
    True: words(
        "rule_sum_bad",
        "{name} cannot be added up exactly by {function}. Declare it as money (properties/), or use a whole number."
        "{place}",
    ),
    False: words("rule_order_bad", "{name} has no order that {function} could go by. Use a number or a date.{place}"),
}
NO_ORDER = words("rule_top_bad", "{name} holds text or yes and no, which have no top. Use a number or a date.{place}")
ADDED: Final[Mapping[str, tuple[Type, ...]]] = {
    "sum": ("int", "money"),
    "avg": ("int", "money"),
    "min": ("int", "money", "float", "day", "instant"),
    "max": ("int", "money", "float", "day", "instant"),
}
"""The types of what some functions aggregate; the others take any."""
PLACES: Final = 8
"""The digits behind the point a value may have that an average is compared with: what every reader can hold exactly."""
FINE_AVERAGE = words(
    "rule_average_fine",
    "An average cannot be compared with {value}: write at most {most} digits behind the point.{place}",
)
ONE_DAY = words("rule_one_day_bad", "{name} holds instants; != with a date is not possible here. Use < or >=.{place}")
CYCLE = words("rule_cycle", "The audience {name!r} refers to itself: {path}.")

Sort = Literal["tags", "events", "audiences", "properties"]


def resolve(rule: Rule, lexicon: Lexicon, *, text: str = "", audience: str = "") -> Rule:
    """The rule with ids for names and values of the right type.

    `text` is what the rule was parsed from, so that an error can point into it; `audience` is the id of the audience
    that is being defined. A date compared with an instant means the whole local day.

    >>> words = Lexicon(tags=(TagWord("orders", "int", ("订单数",)),))
    >>> resolve(Compare("订单数", ">", 3), words)
    Compare(tag='orders', op='>', value=3)
    >>> resolve(Compare("ordres", ">", 3), words, text="ordres > 3")
    Traceback (most recent call last):
    limner.core.errors.BadDefinition: There is no tag 'ordres'.
    1:1
    ordres > 3
    ^ Did you mean 'orders'?
    """
    resolver = _Resolver(lexicon, text)
    resolved = check_size(resolver.rule(rule))
    resolver.check_circle(resolved, (audience,) if audience else ())
    return resolved


class _Resolver:
    def __init__(self, lexicon: Lexicon, text: str) -> None:
        self.lexicon, self.text = lexicon, text
        self._safe: set[str] = set()

    def rule(self, rule: Rule) -> Rule:
        match rule:
            case And(parts) | Or(parts):
                return type(rule)(tuple(self.rule(part) for part in parts))
            case Not(part):
                return Not(self.rule(part))
            case Has(tag):
                return Has(self.find("tags", tag).id)
            case Compare():
                return self._compare(rule)
            case Did():
                event, within = self._event(rule.event), self._window(rule.within)
                return replace(rule, event=event, within=within, matching=self._matching(rule.matching))
            case Aggregate():
                return self._aggregate(rule)
            case Sequence(steps, _, without):
                named, barred = (tuple(self._step(step) for step in several) for several in (steps, without))
                return replace(rule, steps=named, without=barred)
            case In(audience):
                return In(self.find("audiences", audience).id)
            case Near():
                return self._near(rule)
            case Top():
                return self._top(rule)
            case Sample():
                return rule
        raise TypeError(f"{rule!r} is not a rule")

    def find(self, sort: Sort, name: str, more: Iterable[str] = ()) -> Word:
        """The one word of that name; `more` are names that may have been meant besides."""
        among = self.lexicon.words(sort)
        found = among.get(name.strip().casefold(), ())
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(sorted(w.id for w in found))
            raise self.fail(AMBIGUOUS, name, name=name, ids=ids)
        ids_and_names = [*more, *(n for w in getattr(self.lexicon, sort) for n in (w.id, *w.names))]
        raise self.fail(UNKNOWN[sort], name, near=near(name, ids_and_names), name=name)

    def fail(self, code: Words, subject: str, /, near: Iterable[str] = (), **params: object) -> BadDefinition:
        """The error, with the place of its subject in the text."""
        start = find_name(self.text, subject) if self.text else None
        place = ""
        if start is not None:
            found = where(self.text, start)
            place = f"\n{found['line']}:{found['column']}\n{found['snippet']}"
        return BadDefinition(code, near=tuple(near), place=place, **params)

    def _event(self, name: str) -> str:
        if not self.lexicon.events or name.strip().casefold() in self.lexicon.words("events"):
            return self.find("events", name).id if self.lexicon.events else name
        seen = self.lexicon.seen() if self.lexicon.seen is not None else ()
        if name in seen:
            return name
        return self.find("events", name, seen).id

    def _step(self, step: Step) -> Step:
        return replace(step, event=self._event(step.event), matching=self._matching(step.matching))

    def _window(self, within: Window | None) -> Window | None:
        return After(self._step(within.step)) if isinstance(within, After) else within

    def _aggregate(self, rule: Aggregate) -> Rule:
        """The aggregate by ids; a date against an instant means the local day, as everywhere."""
        event, within = self._event(rule.event), self._window(rule.within)
        known = replace(rule, event=event, within=within, matching=self._matching(rule.matching))
        if not rule.of:
            return replace(known, value=self.values(rule.function, "int", rule.op, rule.value))
        word = cast("PropertyWord", self.find("properties", rule.of))
        allowed = ADDED.get(rule.function)
        if allowed is not None and word.type not in allowed:
            raise self.fail(BAD_OF[rule.function in ("sum", "avg")], rule.of, name=rule.of, function=rule.function)
        known, type_ = replace(known, of=word.id), answer_type(rule.function, word.type)
        if type_ == "instant" and _has_date(rule.value):
            return self._days(lambda op, value: replace(known, op=op, value=value), rule.of, rule.op, rule.value)
        values = self.values(rule.of, type_, rule.op, rule.value)
        if rule.function == "avg":
            self._need_coarse(values, rule.of)
        return replace(known, value=values)

    def _need_coarse(self, values: Values, name: str) -> None:
        for one in values if isinstance(values, tuple) else (values,):
            exponent = one.normalize().as_tuple().exponent if isinstance(one, Decimal) else 0
            if isinstance(exponent, int) and -exponent > PLACES:
                raise self.fail(FINE_AVERAGE, name, value=one, most=PLACES)

    def _top(self, rule: Top) -> Top:
        word = cast("TagWord", self.find("tags", rule.tag))
        if word.type in ("text", "bool"):
            raise self.fail(NO_ORDER, rule.tag, name=rule.tag)
        return replace(rule, tag=word.id)

    def _near(self, rule: Near) -> Near:
        for part in ("lon", "lat"):
            self.find("tags", f"{rule.tag}.{part}")
        return rule

    def _compare(self, rule: Compare) -> Rule:
        word = cast("TagWord", self.find("tags", rule.tag))
        if word.type == "instant" and _has_date(rule.value):
            return self._days(lambda op, value: Compare(word.id, op, value), rule.tag, rule.op, rule.value)
        return Compare(word.id, rule.op, self.values(rule.tag, word.type, rule.op, rule.value))

    def _days(self, make: Callable[[str, Value], Rule], name: str, op: str, value: Values) -> Rule:
        """A date against an instant: the local day [midnight, next midnight)."""
        many = value if isinstance(value, tuple) else (value,)
        parts = [self._one_day(make, name, "==" if op == "in" else op, one) for one in many]
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _one_day(self, make: Callable[[str, Value], Rule], name: str, op: str, value: Value) -> Rule:
        edges = self._edges(value)
        if edges is None:
            return make(op, cast("Value", self.values(name, "instant", op, value)))
        start, end = edges
        match op:
            case "==":
                return And((make(">=", start), make("<", end)))
            case "!=":
                return Or((make("<", start), make(">=", end)))
            case "<" | ">=":
                return make(op, start)
            case "<=" | ">":
                return make("<" if op == "<=" else ">=", end)
        raise self.fail_type(name, "instant", op, value)

    def _edges(self, value: Value) -> tuple[Value, Value] | None:
        """The first instant of a day and that of the next; None for what is no day."""
        if isinstance(value, Ago):
            return None if value.days is None else (value, Ago(value.span - timedelta(days=1)))
        day = _as_date(value)
        if day is None:
            return None
        start, end = (datetime.combine(d, time(), self.lexicon.zone).astimezone(UTC) for d in (day, _next(day)))
        return start, end

    def _matching(self, matching: tuple[Match, ...]) -> tuple[Match, ...]:
        kept: list[Match] = []
        for part in matching:
            word = cast("PropertyWord", self.find("properties", part.name))
            if word.type == "instant" and not isinstance(part.value, tuple) and _has_date(part.value):
                kept += self._match_day(word.id, part)
                continue
            kept.append(Match(word.id, part.op, self.values(part.name, word.type, part.op, part.value)))
        return tuple(kept)

    def _match_day(self, column: str, part: Match) -> list[Match]:
        if part.op == "!=":
            raise self.fail(ONE_DAY, part.name, name=part.name)
        value = cast("Value", part.value)
        rule = self._one_day(lambda op, one: Compare(column, op, one), part.name, part.op, value)
        return [Match(leaf.tag, leaf.op, leaf.value) for leaf in leaves(rule) if isinstance(leaf, Compare)]

    def values(self, name: str, type_: Type, op: str, value: Values) -> Values:
        """The value or list of values, of the column's type."""
        allowed = {"bool": ("==", "!=", "in"), "text": ("==", "!=", "in", *TEXTUAL)}.get(type_, (*ORDERED, "in"))
        if op not in allowed:
            raise self.fail_type(name, type_, op, value)
        if isinstance(value, tuple):
            return tuple(self.value(name, type_, op, one) for one in value)
        return self.value(name, type_, op, value)

    def value(self, name: str, type_: Type, op: str, value: Value) -> Value:
        """One value, of the column's type."""
        match type_:
            case "int" | "float" | "money":
                if isinstance(value, int | Decimal) and not isinstance(value, bool):
                    return value
                raise self.fail_type(name, type_, op, value)
            case "bool":
                if isinstance(value, bool):
                    return value
                raise self.fail_type(name, type_, op, value)
            case "text":
                if isinstance(value, str):
                    return value
                raise self.fail_type(name, type_, op, value)
            case "day":
                day = value if isinstance(value, Ago) and value.days is not None else _as_date(value)
                if day is not None:
                    return day
                raise self.fail_type(name, type_, op, value)
        return self._instant(name, op, value)

    def _instant(self, name: str, op: str, value: Value) -> datetime | Ago:
        try:
            if isinstance(value, datetime | Ago):
                return value
            if isinstance(value, str):
                return parse_instant(value, self.lexicon.zone)
        except BadInput:
            pass
        raise self.fail_type(name, "instant", op, value)

    def fail_type(self, name: str, type_: Type, op: str, value: Values) -> BadDefinition:
        """The error of a value that does not fit its column."""
        return self.fail(BAD_TYPES[type_], name, name=name, value=shown_value(value), op=op)

    def check_circle(self, rule: Rule, path: tuple[str, ...]) -> None:
        """Follow the audiences a rule names; an error when the path comes back to itself."""
        for leaf in leaves(rule):
            if not isinstance(leaf, In):
                continue
            word = cast("AudienceWord", self.find("audiences", leaf.audience))
            if word.id in path:
                circle = (*path[path.index(word.id) :], word.id)
                raise BadDefinition(CYCLE, name=word.id, path=" → ".join(circle))
            if word.rule is not None and word.id not in self._safe:
                self.check_circle(word.rule, (*path, word.id))
                self._safe.add(word.id)


def answer_type(function: str, of: Type) -> Type:
    """The type of what an aggregate answers.

    >>> answer_type("distinct", "text"), answer_type("sum", "money"), answer_type("avg", "int")
    ('int', 'money', 'money')
    """
    if function in ("count", "distinct"):
        return "int"
    return "money" if function == "avg" else of


def bad_type(type_: Type, name: str, op: str, value: Values) -> BadDefinition:
    """The error of a resolved rule whose value does not fit its column."""
    return BadDefinition(BAD_TYPES[type_], name=name, value=shown_value(value), op=op, place="")


def shown_value(value: Values) -> object:
    """A value as an error names it."""
    if isinstance(value, tuple):
        return tuple(shown_value(one) for one in value[:5])
    return str(value) if isinstance(value, Decimal | date | Ago) else value


def _has_date(value: Values) -> bool:
    many = value if isinstance(value, tuple) else (value,)
    return any(_as_date(one) is not None or (isinstance(one, Ago) and one.days is not None) for one in many)


def _as_date(value: Value) -> date | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and len(value) == 10:
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return None


def _next(day: date) -> date:
    return day + timedelta(days=1)
