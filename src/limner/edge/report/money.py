"""The reconciliation: paid, refunded and net, by month and by source."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from limner.app.reporting.contents import Month, Report
from limner.edge.report.html import Markup, el
from limner.edge.report.svg import months as drawing
from limner.edge.report.tables import section, table
from limner.edge.voice import Voice


def reconciliation(report: Report, voice: Voice) -> Markup:
    """Months as a drawing and a table, sources as a table, and the second way of summing."""
    rows = report.reconciled.months
    if not rows:
        return section("reconciliation", voice, el("p", voice.say("no_orders"), class_="quiet"))
    by_month = _grouped(rows, "month")
    bars = [(float(paid), float(back), month[2:]) for month, (_, _, paid, back) in by_month.items()]
    return section(
        "reconciliation",
        voice,
        drawing(bars),
        el(
            "div",
            _table("head_source", _grouped(rows, "source"), voice),
            _second_way(report, voice),
            class_="beside uneven",
        ),
        el(
            "details",
            el("summary", voice.say("every_month")),
            _table("head_month", by_month, voice),
            open=True,
        ),
        note=voice.say("reconciliation_note"),
    )


Sums = tuple[int, int, Decimal, Decimal]


def _grouped(rows: Sequence[Month], by: str) -> dict[str, Sums]:
    found: dict[str, Sums] = {}
    for row in rows:
        orders, refunds, paid, back = found.get(getattr(row, by), (0, 0, Decimal(0), Decimal(0)))
        sums = (orders + row.orders, refunds + row.refunds, paid + row.paid, back + row.refunded)
        found[getattr(row, by)] = sums
    return dict(sorted(found.items()))


def _table(first: str, groups: dict[str, Sums], voice: Voice) -> Markup:
    heads = [voice.say(h) for h in (first, "orders", "paid", "refunds", "refunded", "net")]
    whole = [_cells(name, sums, voice) for name, sums in groups.items()]
    total: Sums = (0, 0, Decimal(0), Decimal(0))
    for sums in groups.values():
        total = (total[0] + sums[0], total[1] + sums[1], total[2] + sums[2], total[3] + sums[3])
    return table(heads, whole, _cells(voice.say("in_all"), total, voice))


def _cells(name: str, sums: Sums, voice: Voice) -> list[str]:
    orders, refunds, paid, back = sums
    return [
        name,
        voice.count(orders),
        voice.money(paid, digits=2),
        voice.count(refunds),
        voice.money(back, digits=2),
        voice.money(paid - back, digits=2),
    ]


def _second_way(report: Report, voice: Voice) -> Markup | None:
    found = report.reconciled
    if found.customers is None or found.nobody is None or found.difference is None:
        return None
    rows = [
        [voice.say("net_of_orders"), voice.money(found.net, digits=2)],
        [voice.say("net_of_customers"), voice.money(found.customers, digits=2)],
        [voice.say("net_of_nobody"), voice.money(found.nobody, digits=2)],
    ]
    total = [voice.say("difference"), voice.money(found.difference, digits=2)]
    return table([voice.say("two_ways"), voice.say("net")], rows, total)
