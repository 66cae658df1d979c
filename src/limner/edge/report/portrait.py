"""The portrait: how the base is spread, the eight RFM classes, and what sets each audience apart."""

from __future__ import annotations

import re

from limner.app.reporting.contents import Answer, Apart, Report, RfmClass, Spread
from limner.edge.report.html import Markup, Part, el
from limner.edge.report.svg import meter
from limner.edge.report.tables import section, table
from limner.edge.voice import Voice

_LONG = re.compile(r"\d+\.\d{3,}")
_GRID = (
    ("重要价值", "重要发展", "重要保持", "重要挽留"),
    ("一般价值", "一般发展", "一般保持", "一般挽留"),
)


def base(report: Report, voice: Voice) -> Markup | None:
    """How the answers to key tags are spread over all customers; None before anything has been built."""
    found = report.base
    if not found.customers:
        return None
    facts = voice.say(
        "base_note",
        customers=voice.count(found.customers),
        identified=voice.count(found.identified),
        anonymous=voice.count(found.anonymous),
    )
    return section("base", voice, el("div", [_spread(s, voice) for s in found.spreads], class_="spreads"), note=facts)


def _spread(spread: Spread, voice: Voice) -> Markup:
    most = max((count for _, count in spread.parts), default=0)
    rows = [_part(spread, answer, count, most, voice) for answer, count in spread.parts]
    known = voice.say("known", share=voice.share(spread.known / spread.customers if spread.customers else 0, 0))
    title = voice.name(spread.name, spread.name_en, voice.word("traits", spread.column))
    unit = voice.say("unit", unit=voice.word("units", spread.unit)) if spread.unit else ""
    return el("figure", el("figcaption", title, el("small", unit, " ", known)), el("ul", rows), class_="spread")


def _part(spread: Spread, answer: str, count: int, most: int, voice: Voice) -> Markup:
    return el(
        "li",
        el("span", said(spread.column, answer, voice), class_="word"),
        meter(count / most if most else 0),
        el("small", voice.share(count / spread.known if spread.known else 0), title=voice.count(count)),
    )


def said(column: str, answer: str, voice: Voice) -> str:
    """An answer in the reader's language, where it is one of our own words; the ends of a bucket without long tails.

    >>> said("avg_order", "(268.3333, 388.75]", Voice("en")), said("rate", "> 0.0593159", Voice("en"))
    ('(268.33, 388.75]', '> 0.059')
    """
    if column.startswith("rfm"):
        return voice.word("rfm", answer)
    return voice.word("answers", _LONG.sub(_short, answer) if answer[:1] in "(≤>" else answer)


def _short(found: re.Match[str]) -> str:
    value = float(found[0])
    return f"{value:.2f}".rstrip("0").rstrip(".") if value >= 1 else f"{value:.2g}"


def rfm(report: Report, voice: Voice) -> Markup | None:
    """The eight classes as a grid of two rows, with customers and what they have spent."""
    classes = {found.name: found for found in report.base.rfm}
    if not classes:
        return None
    customers = sum(found.customers for found in classes.values())
    money = sum(float(found.money) for found in classes.values())
    cells = [_cell(classes.get(name), name, customers, money, voice) for row in _GRID for name in row]
    return section("rfm", voice, el("div", cells, class_="rfm"), note=voice.say("rfm_note"))


def _cell(found: RfmClass | None, name: str, customers: int, money: float, voice: Voice) -> Markup:
    count, spent = (found.customers, found.money) if found else (0, 0)
    share = float(spent) / money if money else 0.0
    heat = min(5, int(share * 12))
    return el(
        "div",
        el("span", voice.word("rfm", name), class_="word"),
        el("b", voice.count(count)),
        el("small", voice.say("of_customers_share", share=voice.share(count / customers if customers else 0))),
        el("b", voice.money(spent), class_="spent"),
        el("small", voice.say("of_money_share", share=voice.share(share))),
        class_=f"heat{heat}",
    )


def audiences(report: Report, voice: Voice) -> Markup | None:
    """What sets the audience of each campaign apart from everybody."""
    if not report.apart:
        return None
    return section(
        "audiences", voice, [_audience(apart, voice) for apart in report.apart], note=voice.say("audiences_note")
    )


def _audience(apart: Apart, voice: Voice) -> Markup:
    heads = [voice.say(h) for h in ("head_answer", "head_share", "head_base", "head_tgi", "head_interval")]
    rows = [_answer(answer, voice) for answer in apart.answers]
    size = voice.say("audience_size", count=voice.count(apart.customers), base=voice.count(apart.base))
    return el(
        "article",
        el("h3", apart.name, " ", el("small", size)),
        el("p", el("code", apart.rule), class_="note") if apart.rule else None,
        table(heads, rows) if rows else el("p", voice.say("nothing_apart"), class_="quiet"),
    )


def _answer(answer: Answer, voice: Voice) -> list[Part]:
    name = voice.name(answer.name, answer.name_en, voice.word("traits", answer.column))
    high = "∞" if answer.high is None else f"{answer.high:.0f}"
    return [
        voice.say("answer", name=name, answer=said(answer.column, answer.answer, voice)),
        voice.share(answer.share),
        voice.share(answer.base_share),
        el("b", f"{answer.tgi:.0f}", class_="good" if answer.tgi > 100 else "bad"),
        voice.say("interval", low=f"{answer.low:.0f}", high=high),
    ]
