"""What customers will be worth: purchases to come, who is still there, and how the forecast tracked what came."""

from __future__ import annotations

from limner.app.reporting.contents import Foresight, Report
from limner.edge.report.html import Markup, Part, el
from limner.edge.report.tables import section, table
from limner.edge.voice import DASH, Voice


def foresights(report: Report, voice: Voice) -> Markup | None:
    """One article for each model of value; None without."""
    if not report.foresights:
        return None
    found = [_one(one, voice) for one in report.foresights]
    return section("foresights", voice, found, note=voice.say("foresights_note"))


def _one(found: Foresight, voice: Voice) -> Markup:
    asked = voice.say("foresight_question", days=found.horizon_days, count=voice.count(found.buyers))
    low, high = found.low, found.high
    between = (
        voice.say("interval", low=f"{low:,.0f}", high=f"{high:,.0f}") if low is not None and high is not None else ""
    )
    worth = DASH if found.value is None else voice.money(found.value)
    tiles = [
        _tile(voice.say("foresight_purchases"), f"{found.purchases:,.0f}", between),
        _tile(voice.say("foresight_alive"), DASH if found.alive is None else f"{found.alive:,.0f}", ""),
        _tile(voice.say("foresight_value"), worth, ""),
    ]
    return el(
        "article",
        el("h3", voice.name(found.name, found.name_en, found.model), " ", el("small", asked)),
        el("div", tiles, class_="tiles"),
        el("div", _tracking(found, voice), _parameters(found, voice), class_="beside"),
    )


def _tile(word: str, figure: str, under: str) -> Markup:
    return el("div", el("span", word, class_="word"), el("b", figure), el("small", under or None), class_="tile")


def _tracking(found: Foresight, voice: Voice) -> Part:
    """Cumulative repeat purchases week by week after a fit that saw none of these weeks: expected dashed, observed
    drawn through."""
    if not found.weeks:
        return None
    worst = voice.say("foresight_worst", weeks=len(found.weeks), share=voice.share(found.worst_error))
    return el("figure", el("figcaption", voice.say("foresight_tracking")), _curves(found, voice), el("p", worst))


def _curves(found: Foresight, voice: Voice) -> Markup:
    width, height, top, edge = 640, 170, 24, 40
    most = max([*(expected for _, expected, _ in found.weeks), *(seen for *_, seen in found.weeks), 1.0])
    last = max(found.weeks[-1][0], 1)

    def point(week: int, value: float) -> tuple[float, float]:
        return round(edge + week / last * (width - 2 * edge), 1), round(top + height * (1 - value / most), 1)

    expected = [point(0, 0.0), *(point(week, value) for week, value, _ in found.weeks)]
    observed = [point(0, 0.0), *(point(week, value) for week, _, value in found.weeks)]
    drawn: list[Part] = [
        el("line", class_="axis", x1=0, x2=width, y1=top + height, y2=top + height),
        el("polyline", class_="foreseen", points=_points(expected)),
        el("polyline", class_="observed", points=_points(observed)),
        *(el("circle", class_="dot good", cx=x, cy=y, r=3) for x, y in observed[1:]),
    ]
    step = max(1, len(found.weeks) // 6)
    for place, (week, _, seen) in enumerate(found.weeks):
        if place % step == 0 or place == len(found.weeks) - 1:
            x, y = point(week, seen)
            drawn.append(el("text", voice.say("foresight_week", week=week), class_="below", x=x, y=top + height + 18))
            if place:
                drawn.append(el("text", voice.count(seen), class_="above", x=x, y=y - 8))
    return el(
        "svg", *drawn, class_="columns", viewbox=f"0 0 {width} {top + height + 26}", role="img", aria_hidden="true"
    )


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _parameters(found: Foresight, voice: Voice) -> Part:
    heads = [voice.say(word) for word in ("foresight_parameter", "foresight_estimate", "foresight_interval")]
    rows: list[list[Part]] = []
    for name, value, low, high in found.parameters:
        between = DASH if low is None or high is None else voice.say("interval", low=f"{low:.3f}", high=f"{high:.3f}")
        rows.append([name, f"{value:.3f}", between])
    return el("figure", el("figcaption", voice.say("foresight_parameters")), table(heads, rows))
