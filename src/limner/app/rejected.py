"""`rejects`: the rows and values that could not be used, with the place in their file and the reason."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from limner.app.auditing import note
from limner.core.normal import safe_cell
from limner.flow.sources.definition import Source
from limner.flow.sources.loads import load_of
from limner.store.lake.catalog import Sight, hidden_loads

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

COLUMNS: Final = ("load", "source", "place", "column_name", "value", "reason")
"""What is shown of a reject: addresses in `value` are masked; `column_name` is empty for a line that cannot be read."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rejects as asked for: how many there are, and the first of them by load and line; or the file with all of them.

    Those of files that are held stand among them, those of withdrawn ones do not.
    """

    total: int
    rows: Sequence[dict[str, object]] = ()
    output: str | None = None

    def __str__(self) -> str:
        return f"{self.total:,} rejects"


def rejects(
    shop: Workspace,
    load: int | None = None,
    *,
    source: str | None = None,
    reason: str | None = None,
    limit: int = 20,
    output: Path | None = None,
) -> Rejected:
    """What could not be used of a load, a source, or of all; with `output`, every one into a CSV file."""
    from sqlalchemy import select

    conditions: list[exp.Expr] = []
    if load is not None:
        conditions.append(exp.column("load").eq(exp.Literal.number(load_of(shop.stores, load).load)))
    if source is not None:
        conditions.append(exp.column("source").eq(exp.Literal.string(shop.definitions.find(Source, source).id)))
    if reason is not None:
        conditions.append(exp.column("reason").eq(exp.Literal.string(reason)))
    with shop.stores.ledger.read() as connection:
        hidden = frozenset(connection.execute(select(hidden_loads().subquery().c.load)).scalars())
    lake = shop.stores.lake.seeing(Sight(shown=hidden))
    found = exp.select(*COLUMNS, "seq").from_("rejects").where(*conditions)
    total = int(lake.table(exp.select(exp.Count(this=exp.Star()).as_("n")).from_(found.subquery("r")))["n"][0].as_py())
    ordered = found.order_by("load", "seq")
    if output is None:
        rows = lake.table(ordered.limit(limit)).drop_columns(["seq"]).to_pylist()
        return Rejected(total, rows)
    _write(lake.table(ordered).drop_columns(["seq"]).to_pylist(), output)
    note(shop, "rejects", {"file": str(output.resolve()), "rows": total})
    return Rejected(total, (), str(output))


def _write(rows: Sequence[dict[str, object]], output: Path) -> None:
    fresh = output.with_name(f".{output.name}.part")
    with fresh.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([["" if v is None else safe_cell(v) for v in row.values()] for row in rows])
    fresh.replace(output)
