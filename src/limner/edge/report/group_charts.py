"""The drawings of a portrait: index bars with intervals, a map of tiles, a grid, hours, a line over time."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from limner.app.portraying.contents import Moment, View
from limner.edge.report.group_text import index_of
from limner.edge.report.html import Markup, Part, el
from limner.edge.report.portrait import said
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.flow.audiences.portrait import Trait

_LEAST, _MOST = 25.0, 400.0
_TILES: Final = {
    "23": (8, 0), "15": (5, 1), "11": (6, 1), "22": (8, 1), "65": (0, 2), "62": (3, 2), "64": (4, 2), "14": (5, 2),
    "13": (6, 2), "12": (7, 2), "21": (8, 2), "63": (2, 3), "61": (4, 3), "41": (5, 3), "37": (6, 3), "32": (7, 3),
    "31": (8, 3), "54": (1, 4), "51": (3, 4), "50": (4, 4), "42": (5, 4), "34": (6, 4), "33": (7, 4), "53": (3, 5),
    "52": (4, 5), "43": (5, 5), "36": (6, 5), "35": (7, 5), "71": (8, 5), "45": (4, 6), "44": (5, 6), "81": (6, 6),
    "46": (4, 7), "82": (5, 7),
}  # fmt: skip
"""Column and row of each province's tile, by the code of the province: neighbours stay near, areas are alike."""


def tone(one: Trait) -> str:
    """How an index is coloured: only what the numbers support is."""
    if not one.is_clear:
        return "even"
    step = 2 if abs(math.log(max(one.tgi, 1) / 100)) > math.log(1.5) else 1
    return f"{'over' if one.tgi > 100 else 'under'}{step}"


def index_bar(one: Trait) -> Markup:
    """The index as a dot and its interval as a bar; the scale is of ratios, from a quarter to four times."""
    width, middle = 180, 9

    def x(value: float) -> float:
        kept = min(max(value, _LEAST), _MOST)
        return round(width * math.log(kept / _LEAST) / math.log(_MOST / _LEAST), 1)

    kind = ("good" if one.tgi > 100 else "bad") if one.is_clear else "unsure"
    low, high = x(one.low), x(one.high)
    return el(
        "svg",
        el("line", class_="axis", x1=0, x2=width, y1=middle, y2=middle),
        el("line", class_="nought", x1=x(100), x2=x(100), y1=1, y2=17),
        el("rect", class_=f"range {kind}", x=low, y=middle - 4, width=max(high - low, 1.5), height=8, rx=2),
        el("circle", class_=f"dot {kind}", cx=x(one.tgi), cy=middle, r=3.6),
        class_="index",
        viewbox=f"0 0 {width} 18",
        role="img",
        aria_hidden="true",
    )


def tiles(view: View, voice: Voice) -> Markup:
    """The provinces as tiles of one size, coloured by index where it is beyond doubt."""
    known = {view.places.get(one.answer): one for one in view.traits}
    names = {code: name for name, code in view.places.items()}
    drawn: list[Part] = []
    for code, (column, row) in _TILES.items():
        one = known.get(code)
        place = f"grid-column:{column + 1};grid-row:{row + 1}"
        drawn.append(
            el(
                "div",
                el("span", names.get(code, ""), class_="word"),
                el("b", f"{one.tgi:.0f}" if one is not None and one.is_supported else "–"),
                el("small", voice.share(one.group_share) if one is not None else ""),
                class_=f"cell {tone(one) if one is not None else 'none'}",
                style=place,
            )
        )
    return el("div", drawn, class_="tilemap")


def grid(view: View, voice: Voice) -> Markup:
    """Two columns crossed: each cell its share of the audience and its index."""
    cells = {tuple(one.answer.split("\t")): one for one in view.traits}
    first, second = (sorted({one.answer.split("\t")[at] for one in view.traits}, key=_place) for at in (0, 1))
    head = el("tr", el("th", ""), [el("th", said(view.columns[1], word, voice), scope="col") for word in second])
    rows = [
        el(
            "tr",
            el("th", said(view.columns[0], a, voice), scope="row"),
            [_cell(cells.get((a, b)), voice) for b in second],
        )
        for a in first
    ]
    return el("div", el("table", el("thead", head), el("tbody", rows), class_="cross"), class_="wide")


def heat(view: View, voice: Voice) -> Markup:
    """Recency by frequency, the most recent on top and the most frequent to the right: TGI, customers with their share,
    and what they have spent on average."""
    cells = {tuple(one.answer.split("\t")): one for one in view.traits}
    recent = sorted({r for r, _ in cells}, key=int, reverse=True)
    often = sorted({f for _, f in cells}, key=int)
    head = el(
        "tr", el("th", voice.say("rfm_corner")), [el("th", voice.say("level_f", level=f), scope="col") for f in often]
    )
    rows = [
        el(
            "tr",
            el("th", voice.say("level_r", level=r), scope="row"),
            [_heat_cell(cells.get((r, f)), view, voice) for f in often],
        )
        for r in recent
    ]
    return el("div", el("table", el("thead", head), el("tbody", rows), class_="cross"), class_="wide")


def _heat_cell(one: Trait | None, view: View, voice: Voice) -> Markup:
    if one is None:
        return el("td", "–", class_="cell none")
    found, spend = index_of(one), view.spend.get(one.answer)
    lines = [
        el("b", found["tgi"] if one.is_supported else "–"),
        el("small", voice.say("count_and_share", count=voice.count(one.group), share=voice.share(one.group_share))),
        el("small", voice.say("mean_spend", amount=voice.money(spend))) if spend is not None else None,
    ]
    return el("td", lines, class_=f"cell {tone(one)}", title=voice.say("interval_of", **found))


def _place(word: str) -> tuple[int, bool, str]:
    """Where an answer stands: by its first number, "under 15" before "15-24"; words by the alphabet."""
    found = re.search(r"\d+", word)
    return int(found[0]) if found else -1, word[:1].isdigit(), word


def _cell(one: Trait | None, voice: Voice) -> Markup:
    if one is None:
        return el("td", "–", class_="cell none")
    found = index_of(one)
    title = voice.say("interval_of", **found)
    shown = found["tgi"] if one.is_supported else "–"
    return el("td", el("b", shown), el("small", voice.share(one.group_share)), class_=f"cell {tone(one)}", title=title)


def hours(view: View, voice: Voice) -> Markup:
    """The audience by hour as bars, the base as a mark on each."""
    by_hour = {int(one.answer): one for one in view.traits}
    most = max([max(one.group_share, one.base_share) for one in view.traits] + [1e-9])
    step, top, height = 30, 8, 110
    drawn: list[Part] = []
    for hour in range(24):
        one = by_hour.get(hour)
        if one is not None:
            tall, mark = one.group_share / most * height, top + height - one.base_share / most * height
            drawn += [
                el(
                    "rect", class_=f"bar {tone(one)}", x=hour * step + 4, y=round(top + height - tall, 1),
                    width=step - 8, height=round(tall, 1), rx=1.5,
                ),
                _level(hour * step + 2, step - 4, round(mark, 1)),
            ]  # fmt: skip
        if hour % 3 == 0:
            drawn.append(
                el("text", voice.say("hour", hour=hour), class_="below", x=hour * step + 15, y=top + height + 18)
            )
    return el(
        "svg", *drawn, class_="months", viewbox=f"0 0 {24 * step} {top + height + 26}", role="img", aria_hidden="true"
    )


def _level(x: float, wide: float, y: float) -> Markup:
    return el("line", class_="plumb", x1=x, x2=x + wide, y1=y, y2=y)


def over_time(moments: Sequence[Moment], voice: Voice) -> Markup:
    """The size of the audience over time as a line; each point says its number."""
    width, height, top, edge = 720, 120, 26, 60
    most = max([one.customers for one in moments] + [1])
    first, last = moments[0].asof.timestamp(), moments[-1].asof.timestamp()
    span = (last - first) or 1.0
    points = [
        (
            round(edge + (one.asof.timestamp() - first) / span * (width - 2 * edge), 1),
            round(top + height - one.customers / most * height, 1),
            one,
        )
        for one in moments
    ]
    drawn: list[Part] = [
        el("line", class_="axis", x1=0, x2=width, y1=top + height, y2=top + height),
        el("polyline", class_="line", points=" ".join(f"{x},{y}" for x, y, _ in points)),
    ]
    for place, (x, y, one) in enumerate(points):
        drawn.append(el("circle", class_="dot good", cx=x, cy=y, r=3.2))
        if place % max(1, len(points) // 6) == 0 or place == len(points) - 1:
            drawn.append(el("text", voice.count(one.customers), class_="above", x=x, y=y - 8))
            drawn.append(el("text", voice.minute(one.asof)[:10], class_="below", x=x, y=top + height + 18))
    return el(
        "svg", *drawn, class_="months", viewbox=f"0 0 {width} {top + height + 26}", role="img", aria_hidden="true"
    )
