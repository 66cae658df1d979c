"""A rule as a sentence for a screen, in Chinese or English."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

from limner.core.rule.printer import value_text
from limner.core.rule.tree import And, Compare, Did, Has, In, Match, Near, Not, Or, Rule, Sequence, Values
from limner.core.spans import span_text

Language = Literal["zh", "en"]
_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "and": " and ",
        "or": " or ",
        "not": "everyone but those with ({part})",
        "has": "{tag} holds",
        "in": "{name} is one of {value}",
        "!=": "{name} is known and not {value}",
        "compare": "{name} {op} {value}",
        "did": "did {event} at least {times} times{within}{matching}",
        "did_once": "did {event}{within}{matching}",
        "within": " in the last {span}",
        "matching": " with {parts}",
        "sequence": "did {steps} in this order{span}",
        "span": " within {span}",
        "then": ", then ",
        "audience": "belongs to {audience}",
        "near": "is within {metres} m of {lon}, {lat}",
    },
    "zh": {
        "and": "，且",
        "or": "，或",
        "not": "除（{part}）以外的所有客户",
        "has": "有「{tag}」",
        "in": "{name} 属于 {value}",
        "!=": "{name} 已知且不等于 {value}",
        "compare": "{name} {op} {value}",
        "did": "{within}做过「{event}」至少 {times} 次{matching}",
        "did_once": "{within}做过「{event}」{matching}",
        "within": "最近 {span} ",
        "matching": "（{parts}）",
        "sequence": "依次做过 {steps}{span}",
        "span": "，首尾相隔不超过 {span}",
        "then": " → ",
        "audience": "属于客群「{audience}」",
        "near": "在 {lon}, {lat} 周围 {metres} 米内",
    },
}


def sentence(rule: Rule, lang: Language = "en", names: Callable[[str], str] = str) -> str:
    """What a rule says, in words; `names` turns an id into a display name.

    >>> from datetime import timedelta
    >>> sentence(Did("Order Completed", 2, timedelta(days=90)) & ~In("vip"), "zh")
    '最近 90d 做过「Order Completed」至少 2 次，且除（属于客群「vip」）以外的所有客户'
    """
    say = _WORDS[lang]
    match rule:
        case And(parts) | Or(parts):
            inner = [sentence(p, lang, names) for p in parts]
            shown = [f"({s})" if isinstance(p, And | Or) else s for p, s in zip(parts, inner, strict=True)]
            return say["and" if isinstance(rule, And) else "or"].join(shown)
        case Not(part):
            return say["not"].format(part=sentence(part, lang, names))
        case Has(tag):
            return say["has"].format(tag=names(tag))
        case Compare(tag, op, value):
            return _comparison(say, names(tag), op, value)
        case Did():
            return _did(rule, say, names)
        case Sequence(steps, within):
            span = say["span"].format(span=span_text(within)) if within else ""
            shown = [names(s.event) + _matching(s.matching, say, names) for s in steps]
            return say["sequence"].format(steps=say["then"].join(shown), span=span)
        case In(audience):
            return say["audience"].format(audience=names(audience))
        case Near((lon, lat), radius):
            return say["near"].format(lon=lon, lat=lat, metres=radius)
    raise TypeError(f"{rule!r} is not a rule")


def _did(rule: Did, say: Mapping[str, str], names: Callable[[str], str]) -> str:
    within = say["within"].format(span=span_text(rule.within)) if rule.within else ""
    matching = _matching(rule.matching, say, names)
    key = "did" if rule.times > 1 else "did_once"
    return say[key].format(event=names(rule.event), times=rule.times, within=within, matching=matching)


def _comparison(say: Mapping[str, str], name: str, op: str, value: Values) -> str:
    if isinstance(value, tuple):
        return say["in"].format(name=name, value=", ".join(map(value_text, value)))
    key = "!=" if op == "!=" else "compare"
    return say[key].format(name=name, op="=" if op == "==" else op, value=value_text(value))


def _matching(matching: tuple[Match, ...], say: Mapping[str, str], names: Callable[[str], str]) -> str:
    if not matching:
        return ""
    shown = [_comparison(say, names(m.name), m.op, m.value) for m in matching]
    return say["matching"].format(parts=say["and"].join(shown))
