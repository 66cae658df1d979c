"""A rule as JSON and back, and its digest.

One object per node, its key names it: {"and": […]}, {"or": […]}, {"not": …}, {"has": tag}, {"tag": …, "op": …,
"value": …}, {"did": event, "times", "within", "matching"}, {"count"|"sum"|…: event, "of", "op", "value", "within",
"matching"}, {"sequence": [step …], "within", "without": [step …]}, {"in": audience}, {"near": [lon, lat], "radius_m",
"tag"}, {"top"|"bottom": tag, "share"}, {"sample": share, "salt"}. A window is "90d", {"since", "until"},
{"during": "last month"} or {"after": step}. Dates are {"date": …}, moments told from the asof {"ago": "30d"} or
{"ahead": "7d"}, decimals too long for a float {"decimal": …}.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from limner.core.errors import BadDefinition, BadInput, near, words
from limner.core.ids import version
from limner.core.rule.tree import (
    DEPTH,
    FUNCTIONS,
    TOO_DEEP,
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
)
from limner.core.rule.windows import Ago, Between, Period, ago, period_of
from limner.core.spans import parse_span, span_text

BAD_NODE = words("rule_json_bad", "The rule's JSON is wrong at {place}: {value} is not {bound}.")
_FIELDS: Final = {
    "and": {"and"},
    "or": {"or"},
    "not": {"not"},
    "has": {"has"},
    "tag": {"tag", "op", "value"},
    "did": {"did", "times", "within", "matching"},
    **{name: {name, "of", "op", "value", "within", "matching"} for name in FUNCTIONS},
    "top": {"top", "share"},
    "bottom": {"bottom", "share"},
    "sample": {"sample", "salt"},
    "sequence": {"sequence", "within", "without"},
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
            return {"did": event, "times": times, **_window(within), **_matched(matching)}
        case Aggregate(function, event, of, op, value, within, matching):
            plain: dict[str, Any] = {function: event, **({"of": of} if of else {}), "op": op, "value": _plain(value)}
            return {**plain, **_window(within), **_matched(matching)}
        case Sequence(steps, within, without):
            plain = {"sequence": [_step(s) for s in steps], **_window(within)}
            return plain | ({"without": [_step(s) for s in without]} if without else {})
        case Top(tag, share, is_bottom):
            return {"bottom" if is_bottom else "top": tag, "share": _plain(share)}
        case Sample(share, salt):
            return {"sample": _plain(share), **({"salt": salt} if salt else {})}
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


def _window(within: Window | None) -> dict[str, Any]:
    match within:
        case None:
            return {}
        case timedelta():
            return {"within": span_text(within)}
        case Between(start, end):
            edges = {"since": start, "until": end}
            return {"within": {name: _plain(edge) for name, edge in edges.items() if edge is not None}}
        case Period():
            return {"within": {"during": str(within)}}
        case After(step):
            return {"within": {"after": _step(step)}}


def _matched(matching: tuple[Match, ...]) -> dict[str, Any]:
    return {"matching": [_match(m) for m in matching]} if matching else {}


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
        case Ago(span):
            return {"ahead" if span < timedelta() else "ago": span_text(abs(span))}
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
            return _sequence(plain, place)
        case "top" | "bottom":
            return Top(plain[key], _value(plain.get("share"), f"{place}.share"), key == "bottom")  # type: ignore[arg-type]
        case "sample":
            return Sample(_value(plain["sample"], f"{place}.sample"), plain.get("salt", ""))  # type: ignore[arg-type]
        case _ if key in FUNCTIONS:
            value, matching = _values(plain.get("value"), f"{place}.value"), plain.get("matching", [])
            return Aggregate(
                key, plain[key], plain.get("of", ""), str(plain.get("op", "==")), value, _within(plain, place),
                _matching(matching, f"{place}.matching"),
            )  # fmt: skip
    point = _values(plain["near"], f"{place}.near")
    if not isinstance(point, tuple) or len(point) != 2:
        raise _bad(f"{place}.near", plain["near"], "a point [lon, lat]")
    radius = _value(plain.get("radius_m"), f"{place}.radius_m")
    return Near(point, radius, plain.get("tag", "place"))  # type: ignore[arg-type]


def _sequence(plain: Mapping[str, Any], place: str) -> Rule:
    named = []
    for name in ("sequence", "without"):
        steps = plain.get(name, [])
        if not isinstance(steps, list):
            raise _bad(f"{place}.{name}", steps, "a list of events")
        named.append(tuple(_read_step(step, f"{place}.{name}[{i}]") for i, step in enumerate(steps)))
    return Sequence(named[0], _within(plain, place), named[1])  # type: ignore[arg-type]


def _within(plain: Mapping[str, Any], place: str) -> Window | None:
    place, within = f"{place}.within", plain.get("within")
    if within is None:
        return None
    if isinstance(within, str):
        return parse_span(within)
    if isinstance(within, Mapping):
        match sorted(within):
            case ["after"]:
                return After(_read_step(within["after"], f"{place}.after"))
            case ["during"] if isinstance(within["during"], str):
                return period_of(within["during"])
            case ["since"] | ["until"] | ["since", "until"]:
                return Between(*(_edge(within, name, place) for name in ("since", "until")))
    raise _bad(place, within, 'a span such as "90d", or an object with since and until, during, or after')


def _edge(within: Mapping[str, Any], name: str, place: str) -> date | None:
    if name not in within:
        return None
    value = _value(within[name], f"{place}.{name}")
    if not isinstance(value, date):
        raise _bad(f"{place}.{name}", within[name], 'a date such as {"date": "2026-01-31"}')
    return value


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
                case "ago" | "ahead":
                    return ago(written, is_ahead=sort == "ahead")
        except (ValueError, TypeError, InvalidOperation, AttributeError, BadInput):
            raise _bad(place, value, f"a {sort}") from None
    if isinstance(value, bool | int | str | date):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    raise _bad(place, value, 'a number, text, true, false or {"date": …}')
