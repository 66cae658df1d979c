"""Money by month and source, and the same money summed customer by customer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from limner.app.reporting.contents import Intake, Month, Reconciled
from limner.core.spans import EPOCH
from limner.flow.sources.definition import Source
from limner.flow.sources.loads import list_loads, total
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from limner.app.grounds import Portrait
    from limner.app.workspace import Workspace

_PACKAGE = "limner.app.reporting"
NET = "net_spend"


def intake_of(shop: Workspace, asof: datetime | None) -> Intake:
    """What became of the rows of every load that stands, and the last event before `asof` (None: not asked for)."""
    every = list_loads(shop.stores)
    loads = [load for load in every if load.state == "done"]
    counts = total([load.counts for load in loads])
    until = statement(_PACKAGE, "until.sql", asof=asof) if asof else None
    rows = shop.stores.lake.table(until).to_pylist() if until else []
    return Intake(
        rows=counts.rows,
        used=counts.used,
        anonymous=counts.anonymous,
        cancelled=counts.cancelled,
        rejected=dict(counts.rejected),
        files=len(loads),
        until_at=rows[0]["until_at"] if rows else None,
        held=tuple((load.file, load.counts.rows) for load in every if load.state == "held"),
    )


def reconciled_of(shop: Workspace, asof: datetime, portrait: Portrait | None) -> Reconciled:
    """The money by month and source before an instant; with a portrait, also summed through its customers."""
    days = shop.stores.lake.table(statement(_PACKAGE, "money.sql", asof=asof)).to_pylist()
    names = {name: source.name or name for name, source in shop.definitions.of(Source).items()}
    months = tuple(_months(days, names))
    if portrait is None or portrait.asof != asof or NET not in portrait.version.headers:
        return Reconciled(months)
    versions = {"links": portrait.links}
    found = shop.stores.lake.table(statement(_PACKAGE, "nobody.sql", asof=asof), versions=versions).to_pylist()
    return Reconciled(months, _net_of_customers(portrait), found[0]["net"] or Decimal(0))


def _months(days: Iterable[dict[str, Any]], names: dict[str, str]) -> Iterable[Month]:
    found: dict[tuple[str, str], list[Any]] = {}
    for row in days:
        month = (EPOCH + timedelta(days=row["day"])).strftime("%Y-%m")
        sums = found.setdefault((month, row["source"]), [0, 0, Decimal(0), Decimal(0)])
        for place, column in enumerate(("orders", "refunds", "paid", "refunded")):
            sums[place] += row[column] or 0
    for (month, source), (orders, refunds, paid, refunded) in sorted(found.items()):
        yield Month(month, names.get(source, source), int(orders), int(refunds), paid, refunded)


def _net_of_customers(portrait: Portrait) -> Decimal:
    import numpy as np

    from limner.flow.decisions.facts import numbers_of

    numbers = np.asarray((portrait.version.living | portrait.version.hidden).to_array(), np.int64)
    return Decimal(int(numbers_of(portrait.version, NET, numbers).sum())).scaleb(-4)
