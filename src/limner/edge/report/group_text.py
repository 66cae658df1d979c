"""A portrait in sentences: each carries its number, and nothing is said that the numbers do not support."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from limner.app.portraying.contents import Portrayed, View
from limner.app.portraying.tellers import teller
from limner.core.rule import parse, sentence
from limner.edge.report.portrait import said
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.flow.audiences.beliefs import Belief
    from limner.flow.audiences.portrait import Trait

MOST_SAID, MOST_RARE = 5, 2
_VIEWS = ("province", "country", "cross", "rfm", "hours", "categories", "items")
_ENOUGH = 30


def voice_of(found: Portrayed) -> Voice:
    """The voice a portrait is told in."""
    return Voice(found.lang, found.currency, found.zone, section="portrait")


@teller
def sentences(found: Portrayed) -> tuple[str, ...]:
    """The text: how many, what sets them apart, each view that says something beyond doubt, the trend, the beliefs."""
    voice = voice_of(found)
    if not found.group:
        return (voice.say("said_nobody", name=found.name, asof=voice.minute(found.asof)), *_beliefs(found, voice))
    if not found.base and not found.is_rival:
        return (_size(found, voice), voice.say("said_no_base", against=against(found, voice)), *_beliefs(found, voice))
    if _is_same(found):
        return (_size(found, voice), voice.say("said_same"), *_trend(found, voice), *_beliefs(found, voice))
    parts = [_size(found, voice), *_apart(found, voice)]
    told = {one.column for one in _chosen(found)}
    views = [view for key in _VIEWS if (view := found.view(key)) and not told & set(view.columns)]
    parts += [said_ for view in views if (said_ := _view(found, view, voice))]
    return (*parts, *_trend(found, voice), *_beliefs(found, voice))


def name_of(found: Portrayed, column: str, voice: Voice) -> str:
    """The display name of a column."""
    return voice.name(*found.names.get(column, ("", "")), voice.word("traits", column))


def answer_of(found: Portrayed, trait: Trait, voice: Voice) -> str:
    """A column and its answer, as a reader says them."""
    return voice.say("answer", name=name_of(found, trait.column, voice), answer=said(trait.column, trait.answer, voice))


def index_of(trait: Trait) -> dict[str, str]:
    """The index and its interval as text."""
    high = "∞" if trait.high == float("inf") else f"{trait.high:.0f}"
    return {"tgi": f"{trait.tgi:.0f}", "low": f"{trait.low:.0f}", "high": high}


def against(found: Portrayed, voice: Voice) -> str:
    """What the portrait compares with, as a reader says it."""
    return voice.word("answers", found.against)


def _size(found: Portrayed, voice: Voice) -> str:
    if found.is_rival:
        return voice.say(
            "said_size_rival", name=found.name, group=voice.count(found.group), against=against(found, voice)
        )
    share = found.group / found.base if found.base else 0.0
    key = "said_size" if found.against == "everybody" else "said_size_other"
    return voice.say(
        key,
        name=found.name,
        group=voice.count(found.group),
        base=voice.count(found.base),
        share=voice.share(share, 1 if share >= 0.001 else 3),
        against=against(found, voice),
    )


def _is_same(found: Portrayed) -> bool:
    """Whether the audience is all of its base: then it has nothing of its own."""
    shares = ((one.group_share, one.base_share) for one in found.traits)
    return bool(found.traits) and found.group == found.base and not found.is_rival and all(a == b for a, b in shares)


def _apart(found: Portrayed, voice: Voice) -> Iterable[str]:
    chosen = _chosen(found)
    if not chosen:
        yield voice.say("said_nothing", count=voice.count(sum(1 for one in found.traits if not one.is_by_rule)))
    for one in chosen:
        yield _told("said_more" if one.tgi > 100 else "said_less", answer_of(found, one, voice), found, one, voice)


def _chosen(found: Portrayed) -> list[Trait]:
    clear = [one for one in found.traits if one.is_clear and not one.is_by_rule]
    return [*_first(clear, MOST_SAID, is_high=True), *_first(clear, MOST_RARE, is_high=False)]


def _told(key: str, answer: str, found: Portrayed, one: Trait, voice: Voice) -> str:
    shares = {"share": voice.share(one.group_share), "base": voice.share(one.base_share)}
    return voice.say(key, answer=answer, against=against(found, voice), **shares, **index_of(one))


def _first(clear: Sequence[Trait], most: int, *, is_high: bool) -> list[Trait]:
    """The largest differences of one side, one of each column."""
    chosen: dict[str, Trait] = {}
    for one in sorted(clear, key=lambda t: -abs(t.group_share - t.base_share)):
        if (one.tgi > 100) == is_high:
            chosen.setdefault(one.column.partition(".")[0], one)
    return list(chosen.values())[:most]


def _view(found: Portrayed, view: View, voice: Voice) -> str:
    """The clearest of a view's answers; nothing when none is beyond doubt. Shares of a view are against its base."""
    by_rule = {one.column for one in found.traits if one.is_by_rule}
    clear = [one for one in view.traits if one.is_clear and one.tgi > 100]
    if not clear or by_rule & set(view.columns):
        return ""
    one = max(clear, key=lambda t: t.group_share - t.base_share)
    answer = voice.say("of_view", view=voice.say(f"view_{view.key}"), answer=cell_of(view, one, voice))
    compared = replace(found, against="everybody") if found.is_rival else found
    return _told("said_bought" if view.key in ("items", "categories") else "said_more", answer, compared, one, voice)


def cell_of(view: View, one: Trait, voice: Voice) -> str:
    """An answer of a view as a reader says it."""
    if view.key == "cross":
        parts = zip(view.columns, one.answer.split("\t"), strict=True)
        return " × ".join(said(column, word, voice) for column, word in parts)
    if view.key == "hours":
        return voice.say("hour", hour=one.answer)
    return said(one.column, view.names.get(one.answer, one.answer), voice)


def _trend(found: Portrayed, voice: Voice) -> Iterable[str]:
    if len(found.trend) > 1 and found.trend[0].customers >= _ENOUGH:
        first, last = found.trend[0], found.trend[-1]
        change = last.customers / first.customers - 1
        yield voice.say(
            "said_trend",
            day=voice.day(first.asof),
            first=voice.count(first.customers),
            last=voice.count(last.customers),
            change=("+" if change >= 0 else "") + voice.share(change),
        )


def _beliefs(found: Portrayed, voice: Voice) -> Iterable[str]:
    return (belief_said(one, voice) for one in found.beliefs)


def belief_said(one: Belief, voice: Voice) -> str:
    """What the data say of a belief."""
    key = f"said_{one.verdict}" if one.known else "said_unknown"
    return voice.say(
        key,
        belief=sentence(parse(one.rule), "zh" if voice.lang == "zh" else "en"),
        share=voice.share(one.share),
        low=voice.share(one.low),
        high=voice.share(one.high),
        known=voice.count(one.known),
        customers=voice.count(one.customers),
        most=voice.share(one.most, 0),
    )
