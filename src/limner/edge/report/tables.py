"""Tables of numbers, the way all sections draw them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from limner.edge.report.html import Markup, Part, el
from limner.edge.voice import Voice


def table(
    heads: Sequence[str], rows: Iterable[Sequence[Part]], total: Sequence[Part] = (), class_: str = "numbers"
) -> Markup:
    """A table whose first column names the row; the others are right-aligned. `total` stands below a line."""
    head = el("thead", el("tr", [el("th", word, scope="col") for word in heads]))
    body = el("tbody", [_row(cells) for cells in rows])
    foot = el("tfoot", _row(total)) if total else None
    return el("div", el("table", head, body, foot, class_=class_), class_="wide")


def _row(cells: Sequence[Part]) -> Markup:
    first, *others = cells
    return el("tr", el("th", first, scope="row"), [el("td", cell) for cell in others])


def section(key: str, voice: Voice, *parts: Part, note: str = "", class_: str = "") -> Markup:
    """A section of the second half: a title, a note, and what it shows."""
    return el(
        "section",
        el("h2", voice.say(f"title_{key}")),
        el("p", note, class_="note") if note else None,
        *parts,
        id=key,
        class_=f"more {class_}".strip(),
    )
