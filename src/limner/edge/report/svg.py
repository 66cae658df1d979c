"""The drawings of the report, as inline SVG: they carry no words that a table beside them does not say too."""

from __future__ import annotations

from collections.abc import Sequence

from limner.app.reporting.contents import Interval
from limner.edge.report.html import Markup, Part, el


def interval_bar(found: Interval, ends: tuple[float, float], tone: str, truth: float | None = None) -> Markup:
    """An interval on a scale shared with its neighbours: the bar from low to high, a dot at the estimate, a line at
    nought, and a diamond above the place of the truth where it is known."""
    width, height, edge = 220, 34, 8
    low, high = ends
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return round(edge + (min(max(value, low), high) - low) / span * (width - 2 * edge), 1)

    middle = 20
    drawn: list[Part] = [
        el("line", class_="axis", x1=edge, x2=width - edge, y1=middle, y2=middle),
        el("line", class_="nought", x1=x(0), x2=x(0), y1=8, y2=height - 2),
        el(
            "rect",
            class_=f"range {tone}",
            x=x(found.low),
            y=middle - 5,
            width=max(x(found.high) - x(found.low), 2),
            height=10,
            rx=5,
        ),
        el("circle", class_=f"dot {tone}", cx=x(found.estimate), cy=middle, r=4.5),
    ]
    if truth is not None:
        at = x(truth)
        drawn += [
            el("line", class_="plumb", x1=at, x2=at, y1=11, y2=middle + 5),
            el("polygon", class_="truth", points=f"{at},1 {at + 5},6 {at},11 {at - 5},6"),
        ]
    return el("svg", *drawn, class_="interval", viewbox=f"0 0 {width} {height}", role="img", aria_hidden="true")


def diamond() -> Markup:
    """The mark of the market's truth, for the legend."""
    shape = el("polygon", class_="truth", points="7,1 13,7 7,13 1,7")
    return el("svg", shape, class_="mark", viewbox="0 0 14 14", aria_hidden="true")


def stacked(parts: Sequence[tuple[int, str]], total: int, height: int = 44) -> Markup:
    """One bar from left to right, each part (count, class) as wide as its share of the total."""
    drawn: list[Part] = []
    at = 0.0
    for count, tone in parts:
        width = count / total * 1000 if total else 0
        gap = 1.2 if width > 3 else 0
        drawn.append(el("rect", class_=tone, x=round(at, 2), y=0, width=round(max(width - gap, 0.4), 2), height=height))
        at += width
    return el(
        "svg",
        *drawn,
        class_="stack",
        viewbox=f"0 0 1000 {height}",
        preserveAspectRatio="none",
        role="img",
        aria_hidden="true",
    )


def meter(share: float, tone: str = "plain") -> Markup:
    """A thin bar filled to a share."""
    width = round(max(0.0, min(share, 1.0)) * 100, 2)
    return el(
        "svg",
        el("rect", class_="groove", x=0, y=0, width=100, height=6),
        el("rect", class_=f"fill {tone}", x=0, y=0, width=width, height=6),
        class_="meter",
        viewbox="0 0 100 6",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def columns(
    values: Sequence[float], labels: Sequence[str], marks: Sequence[str], *, line: float | None = None
) -> Markup:
    """Upright bars with a word above and below each; `line` draws a dashed level."""
    step, top, height = 64, 22, 120
    width = max(step * len(values), step)
    most = max([*values, line or 0.0, 1e-9])
    drawn: list[Part] = []
    for place, (value, label, mark) in enumerate(zip(values, labels, marks, strict=True)):
        tall = round(value / most * height, 1)
        middle = place * step + step / 2
        drawn += [
            el("rect", class_="column", x=place * step + 10, y=top + height - tall, width=step - 20, height=tall, rx=2),
            el("text", mark, class_="above", x=middle, y=round(top + height - tall - 6, 1)),
            el("text", label, class_="below", x=middle, y=top + height + 18),
        ]
    if line is not None:
        y = round(top + height - line / most * height, 1)
        drawn.append(el("line", class_="level", x1=0, x2=width, y1=y, y2=y))
    return el(
        "svg", *drawn, class_="columns", viewbox=f"0 0 {width} {top + height + 26}", role="img", aria_hidden="true"
    )


def months(bars: Sequence[tuple[float, float, str]]) -> Markup:
    """Paid (up) and refunded (down, below the line) by month, with a word below each."""
    step, top, up, down = 40, 6, 110, 34
    paid_most = max([paid for paid, _, _ in bars] + [1e-9])
    back_most = max([back for _, back, _ in bars] + [paid_most * down / up])
    drawn: list[Part] = []
    for place, (paid, back, label) in enumerate(bars):
        x, tall, deep = place * step + 6, round(paid / paid_most * up, 1), round(back / back_most * down, 1)
        drawn += [
            el("rect", class_="paid", x=x, y=top + up - tall, width=step - 12, height=tall, rx=1.5),
            el("rect", class_="back", x=x, y=top + up + 1, width=step - 12, height=deep, rx=1.5),
        ]
        if place % max(1, len(bars) // 12) == 0:
            drawn.append(el("text", label, class_="below", x=x + (step - 12) / 2, y=top + up + down + 18))
    width = step * max(len(bars), 12)
    drawn.append(el("line", class_="nought", x1=0, x2=width, y1=top + up + 0.5, y2=top + up + 0.5))
    return el(
        "svg",
        *drawn,
        class_="months",
        viewbox=f"0 0 {width} {top + up + down + 24}",
        preserveAspectRatio="xMinYMid meet",
        role="img",
        aria_hidden="true",
    )
