"""A rule as a sentence for a screen, in Chinese or English."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, Literal

from limner.core.rule.printer import percent, value_text
from limner.core.rule.tree import (
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
)
from limner.core.rule.windows import Ago, Between, Period
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
        "contains": "{name} contains {value}",
        "starts_with": "{name} starts with {value}",
        "ends_with": "{name} ends with {value}",
        "did": "did {event} at least {times} times{within}{matching}",
        "did_once": "did {event}{within}{matching}",
        "count": "the number of {event}{within}{matching}",
        "sum": "the sum of {of} over {event}{within}{matching}",
        "avg": "the average {of} of {event}{within}{matching}",
        "min": "the least {of} of {event}{within}{matching}",
        "max": "the greatest {of} of {event}{within}{matching}",
        "first": "the {of} of the first {event}{within}{matching}",
        "last": "the {of} of the last {event}{within}{matching}",
        "distinct": "the number of different {of} of {event}{within}{matching}",
        "within": " in the last {span}",
        "since": " since {start}",
        "until": " until {end}",
        "between": " from {start} to {end}",
        "during": " {period}",
        "after": " after the last {event}{matching}",
        "matching": " with {parts}",
        "sequence": "did {steps} in this order{span}{without}",
        "span": " within {span}",
        "without": " without {steps} in between",
        "then": ", then ",
        "audience": "belongs to {audience}",
        "near": "is within {metres} m of {lon}, {lat}",
        "top": "is among the top {share} by {tag}",
        "bottom": "is among the bottom {share} by {tag}",
        "sample": "is in a random {share} of all{salt}",
        "salt": " (drawn by {salt})",
        "ago": "{span} ago",
        "ahead": "{span} from now",
        "now": "today",
        "this": "this {unit}",
        "last_one": "last {unit}",
        "back": "{back} {unit}s ago",
        "day": "day",
        "week": "week",
        "month": "month",
        "quarter": "quarter",
        "year": "year",
    },
    "zh": {
        "and": "，且",
        "or": "，或",
        "not": "除（{part}）以外的所有客户",
        "has": "有「{tag}」",
        "in": "{name} 属于 {value}",
        "!=": "{name} 已知且不等于 {value}",
        "compare": "{name} {op} {value}",
        "contains": "{name} 包含 {value}",
        "starts_with": "{name} 以 {value} 开头",
        "ends_with": "{name} 以 {value} 结尾",
        "did": "{within}做过「{event}」至少 {times} 次{matching}",
        "did_once": "{within}做过「{event}」{matching}",
        "count": "{within}「{event}」{matching}的次数",
        "sum": "{within}「{event}」{matching}的「{of}」合计",
        "avg": "{within}「{event}」{matching}的「{of}」平均",
        "min": "{within}「{event}」{matching}的最小「{of}」",
        "max": "{within}「{event}」{matching}的最大「{of}」",
        "first": "{within}首次「{event}」{matching}的「{of}」",
        "last": "{within}最近一次「{event}」{matching}的「{of}」",
        "distinct": "{within}「{event}」{matching}的不同「{of}」数",
        "within": "最近 {span} ",
        "since": "自 {start} 起",
        "until": "到 {end} 为止",
        "between": "从 {start} 到 {end} ",
        "during": "{period}",
        "after": "最近一次「{event}」{matching}之后",
        "matching": "（{parts}）",
        "sequence": "依次做过 {steps}{span}{without}",
        "span": "，首尾相隔不超过 {span}",
        "without": "，其间没有 {steps}",
        "then": " → ",
        "audience": "属于客群「{audience}」",
        "near": "在 {lon}, {lat} 周围 {metres} 米内",
        "top": "「{tag}」最高的 {share} 客户",
        "bottom": "「{tag}」最低的 {share} 客户",
        "sample": "随机抽取的 {share} 客户{salt}",
        "salt": "（盐 {salt}）",
        "ago": "{span} 前",
        "ahead": "{span} 后",
        "now": "今天",
        "this": "本{unit}",
        "last_one": "上一{unit}",
        "back": "{back} 个{unit}前",
        "day": "日",
        "week": "周",
        "month": "月",
        "quarter": "季度",
        "year": "年",
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
        case Aggregate(function, event, of, op, value, within, matching):
            window, with_ = _window(within, say, names), _matching(matching, say, names)
            of = names(of) if of else ""
            name = say[function].format(event=names(event), of=of, within=window, matching=with_)
            return _comparison(say, name, op, value)
        case Sequence(steps, within, without):
            span = say["span"].format(span=span_text(within)) if within else ""
            barred = say["or"].join(_step(step, say, names) for step in without)
            none = say["without"].format(steps=barred) if without else ""
            in_order = say["then"].join(_step(step, say, names) for step in steps)
            return say["sequence"].format(steps=in_order, span=span, without=none)
        case In(audience):
            return say["audience"].format(audience=names(audience))
        case Near((lon, lat), radius):
            return say["near"].format(lon=lon, lat=lat, metres=radius)
        case Top(tag, share, is_bottom):
            return say["bottom" if is_bottom else "top"].format(tag=names(tag), share=percent(share))
        case Sample(share, salt):
            drawn = say["salt"].format(salt=salt) if salt else ""
            return say["sample"].format(share=percent(share), salt=drawn)
    raise TypeError(f"{rule!r} is not a rule")


def _did(rule: Did, say: Mapping[str, str], names: Callable[[str], str]) -> str:
    within = _window(rule.within, say, names)
    matching = _matching(rule.matching, say, names)
    key = "did" if rule.times > 1 else "did_once"
    return say[key].format(event=names(rule.event), times=rule.times, within=within, matching=matching)


def _step(step: Step, say: Mapping[str, str], names: Callable[[str], str]) -> str:
    return names(step.event) + _matching(step.matching, say, names)


def _window(within: Window | None, say: Mapping[str, str], names: Callable[[str], str]) -> str:
    match within:
        case None:
            return ""
        case timedelta():
            return say["within"].format(span=span_text(within))
        case Between(start, end):
            key = "since" if end is None else "until" if start is None else "between"
            return say[key].format(start=_value(start, say), end=_value(end, say))
        case Period(unit, back):
            key = "this" if back == 0 else "last_one" if back == 1 else "back"
            return say["during"].format(period=say[key].format(unit=say[unit], back=back))
        case After(step):
            return say["after"].format(event=names(step.event), matching=_matching(step.matching, say, names))


def _value(value: Value | None, say: Mapping[str, str]) -> str:
    if value is None:
        return ""
    if isinstance(value, Ago):
        key = "now" if not value.span else "ago" if value.span > timedelta() else "ahead"
        return say[key].format(span=span_text(abs(value.span)))
    return value_text(value)


def _comparison(say: Mapping[str, str], name: str, op: str, value: Values) -> str:
    if isinstance(value, tuple):
        return say["in"].format(name=name, value=", ".join(_value(one, say) for one in value))
    key = op if op == "!=" or op in TEXTUAL else "compare"
    return say[key].format(name=name, op="=" if op == "==" else op, value=_value(value, say))


def _matching(matching: tuple[Match, ...], say: Mapping[str, str], names: Callable[[str], str]) -> str:
    if not matching:
        return ""
    shown = [_comparison(say, names(m.name), m.op, m.value) for m in matching]
    return say["matching"].format(parts=say["and"].join(shown))
