"""A competitor's profile: shares of answers that somebody else found, to hold an audience against.

One row per answer: tag, answer, share, base (how many were asked). Numbers may be given as ranges: `28-35`, `<= 20`,
`65+`. Headers may be Chinese: 标签, 答案, 占比, 样本数.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from limner.core.actor import Actor
from limner.core.errors import BadInput, near, words
from limner.core.ours import Property
from limner.core.rule import And, Compare, Rule, text
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.portrait import Portrait, Trait, asked_columns, marked, trait
from limner.flow.audiences.small import guarded, hidden
from limner.maths.tgi import Share
from limner.store.gallery.bits import count

NO_ROWS = words("rival_empty", "{place} holds no row. Give one per answer: tag, answer, share, base.")
NO_HEADER = words("rival_header_missing", "{place} has no column {name!r}; it may be called {known}.")
NO_TAG = words("rival_tag_unknown", "{place}, row {row}: there is no tag {name!r} to compare.")
BAD_ANSWER = words("rival_answer_bad", "{place}, row {row}: {name!r} is {type}, and {value!r} is not {bound}.")
BAD_FIGURE = words("rival_figure_bad", "{place}, row {row}: {what} is {value!r}, it must be {bound}.")
TWICE = words("rival_answer_twice", "{place}, row {row}: the answer {value!r} of {name!r} stands there twice.")
TOO_MUCH = words("rival_shares_high", "{place}: the shares of {name!r} sum to {value}, more than 100 %.")

HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "tag": ("tag", "column", "标签", "属性", "指标", "维度"),
    "answer": ("answer", "value", "答案", "取值", "选项", "值"),
    "share": ("share", "占比", "比例", "百分比"),
    "base": ("base", "sample", "样本数", "样本量", "基数", "人数"),
}
_RANGE: Final = re.compile(r"(-?[\d.]+)\s*(?:-|–|—|~|至|到)\s*(-?[\d.]+)(?:岁|元|天|次)?")
_END: Final = re.compile(r"(<=|>=|<|>|≤|≥)\s*(-?[\d.]+)|(-?[\d.]+)\s*(\+|以上|以下)")
_OPS: Final = {"≤": "<=", "≥": ">=", "+": ">=", "以上": ">=", "以下": "<="}
_YES: Final = {"yes": True, "是": True, "true": True, "1": True, "no": False, "否": False, "false": False, "0": False}
_DIGITS: Final = 15
"""A figure, or a number of an answer, has no more digits before its point: longer ones are slips of the pen."""
_ROUNDING: Final = 1.02
"""Published shares are rounded: so far may their sum be above 1."""


@dataclass(frozen=True, slots=True)
class Stated:
    """One row: the answer, the rule that selects our customers who give it, its share, and how many were asked."""

    column: str
    answer: str
    rule: Rule
    share: float
    asked: int


@dataclass(frozen=True, slots=True)
class Rival:
    """A competitor's profile; `name` is what it is called in the portrait."""

    name: str
    stated: tuple[Stated, ...]


def rival(ground: Ground, rows: Iterable[Mapping[str, str]], *, place: str, name: str = "", first: int = 2) -> Rival:
    """Read a profile from rows of text; tags may be named by id or display name. Errors count rows from `first`."""
    given = [{_plain(key): value for key, value in row.items() if key} for row in rows]
    if not given:
        raise BadInput(NO_ROWS, place=place)
    heads = {field: _header(field, given[0], place) for field in HEADERS}
    found: list[Stated] = []
    for number, row in enumerate(given, first):
        one = _stated(ground, {field: _plain(row.get(head) or "") for field, head in heads.items()}, place, number)
        if any((one.column, one.rule) == (other.column, other.rule) for other in found):
            raise BadInput(TWICE, place=place, row=number, name=one.column, value=one.answer)
        found.append(one)
    for column in {one.column for one in found}:
        total = sum(one.share for one in found if one.column == column)
        if total > _ROUNDING:
            raise BadInput(TOO_MUCH, place=place, name=column, value=f"{total:.0%}")
    return Rival(name or place, tuple(found))


def against_rival(
    ground: Ground, asked: str | Rule, other: Rival, *, who: Actor, confidence: float = 0.95, least: int = 1
) -> Portrait:
    """An audience against a competitor's profile, two samples that share nobody; answers the profile states only."""
    rule, size = ground.rule(asked), ground.version.size
    group = seen_by(who, ground.words(rule), size)
    guarded(count(group), 0, 0, least)
    by_rule = asked_columns(ground, rule)
    pairs: list[tuple[Trait, float]] = []
    for column in dict.fromkeys(one.column for one in other.stated):
        known = count(group & ground.version.column(column).known(size))
        stated = [one for one in other.stated if one.column == column]
        cases = [count(group & ground.words(one.rule)) for one in stated]
        untold = hidden([*cases, known - sum(cases)], least)
        for place, one in enumerate(stated):
            if place not in untold and known:
                shares = Share(cases[place], known), Share(round(one.share * one.asked), one.asked), Share(0, 0)
                said = column, one.answer, text(one.rule)
                pairs.append(trait(*said, shares, confidence, is_by_rule=column in by_rule))
    ordered = sorted(marked(pairs), key=lambda t: (not t.is_supported, -abs(t.tgi - 100), t.column, t.answer))
    said_rule = asked if isinstance(asked, str) else text(rule)
    base = max(one.asked for one in other.stated)
    return Portrait(said_rule, other.name, ground.asof, count(group), base, tuple(ordered), confidence)


def _plain(said: str) -> str:
    return unicodedata.normalize("NFKC", said).strip()


def _header(field: str, row: Mapping[str, str], place: str) -> str:
    folded = {key.casefold(): key for key in row}
    for name in HEADERS[field]:
        if name in folded:
            return folded[name]
    raise BadInput(NO_HEADER, near=near(field, row), place=place, name=field, known=", ".join(HEADERS[field]))


def _stated(ground: Ground, row: Mapping[str, str], place: str, number: int) -> Stated:
    named = ground.lexicon.words("tags").get(row["tag"].casefold(), ())
    personal = {name for name, known in ground.definitions.of(Property).items() if known.is_personal}
    if len(named) != 1 or named[0].id in personal:
        known = [n for word in ground.lexicon.tags for n in (word.id, *word.names)]
        raise BadInput(NO_TAG, near=near(row["tag"], known), place=place, row=number, name=row["tag"])
    column = named[0].id
    rule = _rule(ground, column, row["answer"], place, number)
    share = _figure(row["share"].removesuffix("%"), "share", place, number)
    share = share / 100 if row["share"].endswith("%") else share
    if not 0 <= share <= 1:
        bound = "a share from 0 to 1, or a percentage"
        raise BadInput(BAD_FIGURE, place=place, row=number, what="share", value=row["share"], bound=bound)
    asked = _figure(row["base"].replace(",", ""), "base", place, number)
    if asked < 1 or asked != int(asked):
        raise BadInput(BAD_FIGURE, place=place, row=number, what="base", value=row["base"], bound="1 or more")
    return Stated(column, row["answer"], rule, float(share), int(asked))


def _figure(said: str, what: str, place: str, number: int) -> Decimal:
    try:
        found = Decimal(said)
    except InvalidOperation:
        raise BadInput(BAD_FIGURE, place=place, row=number, what=what, value=said, bound="a number") from None
    if not found.is_finite() or found.adjusted() >= _DIGITS:
        raise BadInput(BAD_FIGURE, place=place, row=number, what=what, value=said, bound="a number")
    return found


def _rule(ground: Ground, column: str, answer: str, place: str, number: int) -> Rule:
    """The rule that selects an answer: a word, yes or no, a number, a range or an open end."""
    kind = ground.version.headers[column].type
    wrong: dict[str, Any] = {"place": place, "row": number, "name": column, "type": kind, "value": answer}
    if kind == "text":
        known = ground.version.column(column).words
        if answer not in known:
            raise BadInput(BAD_ANSWER, near=near(answer, known), **wrong, bound="an answer anybody gives")
        return Compare(column, "==", answer)
    if kind == "bool":
        if answer.casefold() not in _YES:
            raise BadInput(BAD_ANSWER, **wrong, bound="yes or no")
        return Compare(column, "==", _YES[answer.casefold()])
    found = _numbers(column, answer)
    if kind not in ("int", "float", "money") or found is None:
        raise BadInput(BAD_ANSWER, **wrong, bound="a number or a range such as 28-35")
    return found


def _numbers(column: str, answer: str) -> Rule | None:
    try:
        if whole := _RANGE.fullmatch(answer):
            low, high = (Decimal(part) for part in whole.groups())
            return (
                And((Compare(column, ">=", _exact(low)), Compare(column, "<=", _exact(high)))) if low <= high else None
            )
        if end := _END.fullmatch(answer):
            op, number = (end[1], end[2]) if end[1] else (end[4], end[3])
            return Compare(column, _OPS.get(op, op), _exact(Decimal(number)))
        return Compare(column, "==", _exact(Decimal(answer)))
    except InvalidOperation:
        return None


def _exact(number: Decimal) -> int | Decimal:
    if not number.is_finite() or number.adjusted() >= _DIGITS:
        raise InvalidOperation
    return int(number) if number == number.to_integral_value() else number
