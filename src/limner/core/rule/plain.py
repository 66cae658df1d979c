"""A rule as JSON and back, and its digest.

One object per node, its key names it: {"and": […]}, {"or": […]}, {"not": …}, {"has": tag}, {"tag": …, "op": …,
"value": …}, {"did": event, "times", "within", "matching"}, {"sequence": [step …], "within"}, {"in": audience},
{"near": [lon, lat], "radius_m", "tag"}. Dates are {"date": …}, decimals too long for a float {"decimal": …}.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from limner.core.errors import BadDefinition, near, words
from limner.core.ids import version
from limner.core.rule.tree import (
    DEPTH,
    TOO_DEEP,
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
    Sequence,
    Step,
    Value,
    Values,
    check_size,
)
from limner.core.spans import parse_span, span_text

BAD_NODE = words("rule_json_bad", "The rule's JSON is wrong at {place}: {value} is not {bound}.")
_FIELDS: Final = {
    "and": {"and"},
    "or": {"or"},
    "not": {"not"},
    "has": {"has"},
    "tag": {"tag", "op", "value"},
    "did": {"did", "times", "within", "matching"},
    "sequence": {"sequence", "within"},
    "in": {"in"},
    "near": {"near", "radius_m", "tag"},
}


def as_json(rule: Rule) -> dict[str, Any]:
    """A rule as plain JSON values.

    >>> as_json(Compare("orders", ">=", 3))
    {'tag': 'orders', 'op': '>=', 'value': 3}
    """
    match rule:
        case And(parts):
            return {"and": [as_json(p) for p in parts]}
        case Or(parts):
            return {"or": [as_json(p) for p in parts]}
        case Not(part):
            return {"not": as_json(part)}
        case Has(tag):
            return {"has": tag}
        case Compare(tag, op, value):
            return {"tag": tag, "op": op, "value": _plain(value)}
        case Did(event, times, within, matching):
            plain: dict[str, Any] = {"did": event, "times": times, **_span(within)}
            return plain | ({"matching": [_match(m) for m in matching]} if matching else {})
        case Sequence(steps, within):
            return {"sequence": [_step(s) for s in steps], **_span(within)}
        case In(audience):
            return {"in": audience}
        case Near(point, radius, tag):
            return {"near": [_plain(p) for p in point], "radius_m": _plain(radius), "tag": tag}
    raise TypeError(f"{rule!r} is not a rule")


def from_json(plain: object) -> Rule:
    """The rule a JSON value stands for; an error names the place in it."""
    return check_size(_node(plain, "the top", 1))


def digest(rule: Rule) -> str:
    """The name of a rule by its content: 12 hex digits.

    >>> digest(Has("a")) == digest(from_json({"has": "a"}))
    True
    """
    return version(as_json(rule))


def _span(within: timedelta | None) -> dict[str, str]:
    return {"within": span_text(within)} if within else {}


def _match(part: Match) -> dict[str, Any]:
    return {"name": part.name, "op": part.op, "value": _plain(part.value)}


def _step(step: Step) -> Any:
    return {"event": step.event, "matching": [_match(m) for m in step.matching]} if step.matching else step.event


def _plain(value: Values) -> Any:
    match value:
        case tuple():
            return [_plain(v) for v in value]
        case datetime():
            return {"instant": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case Decimal():
            return float(value) if Decimal(repr(float(value))) == value else {"decimal": format(value, "f")}
    return value


def _bad(place: str, value: object, bound: str) -> BadDefinition:
    shown = repr(value)
    return BadDefinition(BAD_NODE, place=place, value=shown if len(shown) <= 60 else shown[:60] + "…", bound=bound)


def _node(plain: object, place: str, depth: int) -> Rule:
    if depth > DEPTH:
        raise BadDefinition(TOO_DEEP, bound=DEPTH)
    if not isinstance(plain, Mapping):
        raise _bad(place, plain, 'an object such as {"tag": "orders", "op": ">=", "value": 3}')
    key = next((k for k in _FIELDS if k in plain and not (k == "tag" and "near" in plain)), None)
    if key is None:
        word = str(next(iter(plain), ""))
        raise BadDefinition(
            BAD_NODE, near=near(word, _FIELDS), place=place, value=repr(word), bound="one of " + ", ".join(_FIELDS)
        )
    for name in plain:
        if name not in _FIELDS[key]:
            raise BadDefinition(
                BAD_NODE, near=near(str(name), _FIELDS[key]), place=place, value=repr(name), bound=f"a field of {key}"
            )
    if key in ("and", "or"):
        return _joined(And if key == "and" else Or, plain[key], f"{place}.{key}", depth)
    if key == "not":
        return Not(_node(plain[key], f"{place}.not", depth + 1))
    return _leaf(key, plain, place)


def _joined(node: type[And] | type[Or], parts: object, place: str, depth: int) -> Rule:
    if not isinstance(parts, list) or not parts:
        raise _bad(place, parts, "a list of one or more rules")
    rules = tuple(_node(part, f"{place}[{i}]", depth + 1) for i, part in enumerate(parts))
    return node(rules) if len(rules) > 1 else rules[0]


def _leaf(key: str, plain: Mapping[str, Any], place: str) -> Rule:
    match key:
        case "has":
            return Has(plain["has"])
        case "in":
            return In(plain["in"])
        case "tag":
            return Compare(plain["tag"], str(plain.get("op", "==")), _values(plain.get("value"), f"{place}.value"))
        case "did":
            matching = _matching(plain.get("matching", []), f"{place}.matching")
            return Did(plain["did"], plain.get("times", 1), _within(plain, place), matching)
        case "sequence":
            steps = plain["sequence"]
            if not isinstance(steps, list):
                raise _bad(f"{place}.sequence", steps, "a list of events")
            named = tuple(_read_step(step, f"{place}.sequence[{i}]") for i, step in enumerate(steps))
            return Sequence(named, _within(plain, place))
    point = _values(plain["near"], f"{place}.near")
    if not isinstance(point, tuple) or len(point) != 2:
        raise _bad(f"{place}.near", plain["near"], "a point [lon, lat]")
    radius = _value(plain.get("radius_m"), f"{place}.radius_m")
    return Near(point, radius, plain.get("tag", "place"))  # type: ignore[arg-type]


def _within(plain: Mapping[str, Any], place: str) -> timedelta | None:
    span = plain.get("within")
    if span is None:
        return None
    if not isinstance(span, str):
        raise _bad(f"{place}.within", span, 'a span such as "90d"')
    return parse_span(span)


def _read_step(step: object, place: str) -> Step:
    if isinstance(step, str):
        return Step(step)
    if not isinstance(step, Mapping) or not isinstance(step.get("event"), str) or set(step) - {"event", "matching"}:
        raise _bad(place, step, "an event name, or an object with event and matching")
    return Step(step["event"], _matching(step.get("matching", []), f"{place}.matching"))


def _matching(parts: object, place: str) -> tuple[Match, ...]:
    if not isinstance(parts, list):
        raise _bad(place, parts, "a list of comparisons")
    kept = []
    for i, part in enumerate(parts):
        if not isinstance(part, Mapping) or set(part) - {"name", "op", "value"} or "name" not in part:
            raise _bad(f"{place}[{i}]", part, "an object with name, op and value")
        op = str(part.get("op", "=="))
        kept.append(Match(part["name"], op, _values(part.get("value"), f"{place}[{i}].value")))
    return tuple(kept)


def _values(value: object, place: str) -> Values:
    if isinstance(value, list):
        return tuple(_value(v, f"{place}[{i}]") for i, v in enumerate(value))
    return _value(value, place)


def _value(value: object, place: str) -> Value:
    if isinstance(value, Mapping) and len(value) == 1:
        (sort, written), *_ = value.items()
        try:
            match sort:
                case "date":
                    return date.fromisoformat(written)
                case "instant":
                    return datetime.fromisoformat(written)
                case "decimal":
                    return Decimal(written)
        except (ValueError, TypeError, InvalidOperation):
            raise _bad(place, value, f"a {sort}") from None
    if isinstance(value, bool | int | str | date):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    raise _bad(place, value, 'a number, text, true, false or {"date": …}')
