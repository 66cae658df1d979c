"""What could not be used, with its place and reason; and what became of every row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from limner.core.normal import masked
from limner.flow.sources.base import PLACE_BITS
from limner.flow.sources.batches import Batch
from limner.flow.sources.desk import Desk
from limner.flow.sources.loads import Counts
from limner.flow.sources.mapping import Mapped
from limner.flow.sources.readings import template
from limner.flow.sources.sections import load_of
from limner.flow.sources.staging import ROWS

if TYPE_CHECKING:
    import pyarrow as pa

_REJECT = ("label", "value", "reason")
Values = dict[int, dict[str, int]]
"""Load → reason → single values left out."""


def reject_rows(desk: Desk, mapping: Mapped, batch: Batch) -> tuple[pa.Table, Values]:
    """The rejects of a batch: whole rows, broken lines, and single values; and the single values by load and reason."""
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = desk.ask(desk.once(("whole", id(mapping)), _whole_rows))
    single = desk.ask(desk.once(("single", id(mapping), batch.odd), lambda: _values_left_out(mapping, batch.odd)))
    single = pa.concat_tables([_plain(single), _laid(batch, "left_out")])
    both = pa.concat_tables([_plain(whole), _laid(batch, "broken"), single])
    shown = pc.dictionary_encode(both["value"]).combine_chunks()
    hidden = pa.array([masked(v) for v in shown.dictionary.to_pylist()], pa.string()).take(shown.indices)
    load = pc.shift_right(both["_line"], PLACE_BITS)
    line = pc.bit_wise_and(both["_line"], (1 << PLACE_BITS) - 1)
    files = {piece.job.load.load: piece.job.path.name for piece in batch.pieces}
    file = pa.array([files[n] for n in load.to_pylist()], pa.string())
    stamp = pa.repeat(pa.scalar(batch.pieces[0].job.load.started_at, pa.timestamp("us", tz="UTC")), both.num_rows)
    table = pa.table(
        {
            "load": load, "happened_at": stamp, "place": pc.binary_join_element_wise(file, line.cast(pa.string()), ":"),
            "column_name": both["label"], "value": hidden, "reason": both["reason"],
        }
    )  # fmt: skip
    return table, _tallied(single)


def _tallied(single: pa.Table) -> Values:
    import pyarrow as pa
    import pyarrow.compute as pc

    found: Values = {}
    if single.num_rows:
        by = pa.table({"load": pc.shift_right(single["_line"], PLACE_BITS), "reason": single["reason"]})
        for row in by.group_by(["load", "reason"]).aggregate([([], "count_all")]).to_pylist():
            found.setdefault(row["load"], {})[row["reason"]] = row["count_all"]
    return found


def _plain(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    kinds = {"_line": pa.int64(), "label": pa.string(), "value": pa.string(), "reason": pa.string()}
    return pa.table({name: table[name].cast(kind) for name, kind in kinds.items()})


def _laid(batch: Batch, name: Literal["broken", "left_out"]) -> pa.Table:
    """What the reader of a file found by itself."""
    import pyarrow as pa

    rows = [
        ((piece.job.load.load << PLACE_BITS) + line, "", text, reason)
        for piece in batch.pieces
        for line, text, reason in getattr(piece, name)
    ]
    columns = [list(c) for c in zip(*rows, strict=True)] or [[], [], [], []]
    kinds = (pa.int64(), pa.string(), pa.string(), pa.string())
    names = ("_line", *_REJECT)
    return pa.table({n: pa.array(c, k) for n, c, k in zip(names, columns, kinds, strict=True)})


def _whole_rows() -> exp.Query:
    columns = [exp.column("_line"), *(template(f"w.{c}").as_(c) for c in _REJECT)]
    return exp.select(*columns).from_(ROWS).where("NOT w IS NULL").order_by("_line")


def _values_left_out(mapping: Mapped, odd: frozenset[str]) -> exp.Query:
    """Values that could not be read in rows used otherwise; one read twice for the same reason counts once."""
    labels = {key: reading.label for key, reading in mapping.readings.items()}
    labels |= {named.key: named.label for named in mapping.identifiers}
    labels |= {one.key: one.entry.label for one in mapping.enriched}
    parts = [_left_out(labels[key], exp.column(f"{key}_raw"), exp.column(f"{key}_why")) for key in sorted(odd)]
    nothing = [exp.cast(exp.null(), "BIGINT").as_("_line"), *(exp.cast(exp.null(), "VARCHAR").as_(c) for c in _REJECT)]
    whole: exp.Query = exp.select(*nothing).where(exp.false())
    for part in parts:
        whole = exp.union(whole, part)
    once = exp.select("_line", "label", exp.func("min", exp.column("value")).as_("value"), "reason")
    return once.from_(whole.subquery("v")).group_by("_line", "label", "reason").order_by("_line", "label", "reason")


def _left_out(label: str, value: exp.Expr, why: exp.Expr) -> exp.Select:
    usable = exp.column("w").is_(exp.null())
    return (
        exp.select(exp.column("_line"), exp.Literal.string(label).as_("label"), value.as_("value"), why.as_("reason"))
        .from_(ROWS)
        .where(usable, why.copy().is_(exp.null()).not_())
    )


# ------------------------------------------------------------------------------------------------ fates


def fate(mapping: Mapped) -> exp.Expr:
    """What becomes of a row: the first of rejected, cancelled, anonymous, used that holds."""
    choice = exp.Case().when(exp.column("w").is_(exp.null()).not_(), exp.Literal.string("rejected"))
    if "f_cancelled" in mapping.flags:
        choice = choice.when(exp.column("f_cancelled"), exp.Literal.string("cancelled"))
    if any(not named.is_other for named in mapping.identifiers):
        choice = choice.when(exp.not_(exp.column("is_person")), exp.Literal.string("anonymous"))
    return choice.else_(exp.Literal.string("used"))


def counts_by_load(desk: Desk, mapping: Mapped, batch: Batch, values: Values) -> dict[int, Counts]:
    """What became of the rows of every load in a batch."""

    def build() -> exp.Query:
        wanted = [
            load_of(exp.column("_line")).as_("load"),
            fate(mapping).as_("fate"),
            template("w.reason").as_("reason"),
        ]
        rows = exp.select(*wanted, exp.Count(this=exp.Star()).as_("n")).from_(ROWS)
        return rows.group_by(*(exp.Literal.number(n) for n in (1, 2, 3)))

    fates: dict[int, dict[str, int]] = {piece.job.load.load: {} for piece in batch.pieces}
    reasons: dict[int, dict[str, int]] = {piece.job.load.load: {} for piece in batch.pieces}
    for row in desk.ask(desk.once(("fates", id(mapping)), build)).to_pylist():
        here, key = (reasons, row["reason"]) if row["fate"] == "rejected" else (fates, row["fate"])
        here[row["load"]][key] = here[row["load"]].get(key, 0) + row["n"]
    for piece in batch.pieces:
        for _, _, reason in piece.broken:
            mine = reasons[piece.job.load.load]
            mine[reason] = mine.get(reason, 0) + 1
    return {
        load: Counts(
            sum(found.values()) + sum(reasons[load].values()), found.get("used", 0), found.get("anonymous", 0),
            found.get("cancelled", 0), reasons[load], values.get(load, {}),
        )
        for load, found in fates.items()
    }  # fmt: skip
