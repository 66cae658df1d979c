"""The portrait of an audience as one HTML file: style and drawings inside, no scripts, nothing fetched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from limner.app.portraying.contents import Portrayed, View
from limner.app.reporting.writers import writer
from limner.edge.report.group_charts import grid, heat, hours, index_bar, over_time, tiles
from limner.edge.report.group_text import against, answer_of, belief_said, cell_of, index_of, voice_of
from limner.edge.report.html import Markup, Part, el, join, style
from limner.edge.report.page import css, written
from limner.edge.report.tables import section, table
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.flow.audiences.portrait import Trait

_LANGUAGES = {"zh": "zh-Hans", "en": "en"}
MOST_ROWS = 24
_TABLES = ("province", "city", "country", "rfm", "categories", "items")


@writer(".html", ".htm", of=Portrayed)
def write(found: Portrayed, path: Path) -> Path:
    """Write the page, all of it or nothing."""
    return written(portrait_page(found), path)


def portrait_page(found: Portrayed) -> str:
    """The whole file as text, in the portrait's own language."""
    voice = voice_of(found)
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", voice.say("title", name=found.name)),
        style(css() + _own_css()),
    )
    parts: tuple[Callable[[Portrayed, Voice], Part], ...] = (
        _told,
        _beliefs,
        _apart,
        _trend,
        _places,
        *map(_shown, _MORE),
    )
    foot = voice.say("footer", made_at=voice.minute(found.made_at) if found.made_at else "", zone=found.zone)
    body = el("body", el("main", _masthead(found, voice), [part(found, voice) for part in parts], el("footer", foot)))
    whole = join(el("html", head, body, lang=_LANGUAGES.get(found.lang, "en")))
    return f"<!doctype html>\n{whole.text}\n"


@cache
def _own_css() -> str:
    return resources.files(__package__ or "").joinpath("group.css").read_text("utf-8")


def _masthead(found: Portrayed, voice: Voice) -> Part:
    bar = el(
        "header",
        el("span", found.workspace, class_="brand"),
        el("span", voice.say("portrait_of")),
        el("span", voice.say("as_of", day=voice.minute(found.asof)), class_="asof"),
    )
    return [bar, el("h1", found.name), el("p", el("code", found.written), class_="note") if found.written else None]


def _told(found: Portrayed, voice: Voice) -> Part:
    return el("ul", [el("li", one) for one in found.text[: len(found.text) - len(found.beliefs)]], class_="told")


def _beliefs(found: Portrayed, voice: Voice) -> Part:
    if not found.beliefs:
        return None
    rows = [
        el("div", el("b", voice.say(f"verdict_{one.verdict}")), belief_said(one, voice), class_=one.verdict)
        for one in found.beliefs
    ]
    return section("beliefs", voice, el("div", rows, class_="beliefs"), note=voice.say("beliefs_note"))


def _apart(found: Portrayed, voice: Voice) -> Part:
    if not found.traits:
        return section("apart", voice, el("p", voice.say("nothing"), class_="quiet")) if found.group else None
    free = [one for one in found.traits if not one.is_by_rule]
    clear = sorted((one for one in free if one.is_clear), key=lambda t: -abs(t.group_share - t.base_share))
    shown = sorted(clear[:MOST_ROWS], key=lambda t: -t.tgi)
    note = voice.say(
        "apart_note", compared=voice.count(len(found.traits)), clear=voice.count(len(clear)), shown=len(shown)
    )
    own = [one for one in found.traits if one.is_by_rule and one.is_clear][:8]
    rest = [one for one in free if not one.is_clear]
    return section(
        "apart",
        voice,
        _rows([(answer_of(found, one, voice), one) for one in shown], found, voice) if shown else None,
        _folded("by_rule", own, found, voice),
        _folded("not_clear", rest[:MOST_ROWS], found, voice),
        note=note,
    )


def _folded(key: str, traits: Sequence[Trait], found: Portrayed, voice: Voice) -> Part:
    if not traits:
        return None
    rows = _rows([(answer_of(found, one, voice), one) for one in traits], found, voice)
    return el("details", el("summary", voice.say(key, count=len(traits))), rows)


def _rows(named: Sequence[tuple[str, Trait]], found: Portrayed, voice: Voice, other: str = "") -> Markup:
    heads = [
        "",
        voice.say("share"),
        other or against(found, voice),
        voice.say("customers"),
        "TGI",
        voice.say("interval"),
        "",
    ]
    rows: list[list[Part]] = []
    for name, one in named:
        index = index_of(one)
        kind = ("good" if one.tgi > 100 else "bad") if one.is_clear else "quiet"
        shown = index["tgi"] if one.is_supported else voice.say("too_few")
        shares: list[Part] = [voice.share(one.group_share), voice.share(one.base_share), voice.count(one.group)]
        rows.append([name, *shares, el("b", shown, class_=kind), voice.say("between", **index), index_bar(one)])
    return table(heads, rows)


def _trend(found: Portrayed, voice: Voice) -> Part:
    if len(found.trend) < 2:
        return None
    heads = ["", voice.say("customers"), voice.say("of_all"), *(answer_of(found, one, voice) for one in found.trend_of)]
    rows: list[list[Part]] = [
        [
            voice.minute(one.asof)[:10],
            voice.count(one.customers),
            voice.share(one.customers / one.everybody if one.everybody else 0.0),
            *("–" if share is None else voice.share(share) for share in one.shares),
        ]
        for one in found.trend
    ]
    return section("trend", voice, over_time(found.trend, voice), table(heads, rows), note=voice.say("trend_note"))


def _places(found: Portrayed, voice: Voice) -> Part:
    view = found.view("province")
    if view is None:
        return None
    return section("province", voice, tiles(view, voice), _table(found, view, voice), note=voice.say("tiles_note"))


_MORE = ("city", "country", "cross", "rfm", "rfm_grid", "hours", "categories", "items")


def _shown(key: str) -> Callable[[Portrayed, Voice], Part]:
    def show(found: Portrayed, voice: Voice) -> Part:
        view = found.view(key)
        if view is None:
            return None
        drawn = {"cross": grid, "rfm_grid": heat, "hours": hours}.get(key)
        parts = [drawn(view, voice)] if drawn else []
        listed = [_table(found, view, voice)] if key in _TABLES else []
        return section(key, voice, *parts, *listed, note=voice.say(f"{key}_note"))

    return show


def _table(found: Portrayed, view: View, voice: Voice) -> Markup:
    shown = (
        view.traits if view.key in ("rfm", "items", "categories") else sorted(view.traits, key=lambda t: -t.group)[:20]
    )
    other = voice.word("answers", "everybody") if found.is_rival else ""
    return _rows([(cell_of(view, one, voice), one) for one in shown], found, voice, other)
