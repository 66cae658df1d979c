"""Identifiers made into traces: each distinct value is normalised and hashed once, known hashes keep their trace.

The raw form is seen here, on its way into the vault, and nowhere after.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlglot import exp

from limner.core.ids import identifier_hash
from limner.core.normal import identifier, identifier_kind
from limner.flow.sources.desk import Desk
from limner.store.ledger.tables import tombstones

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.flow.sources.mapping import Named
    from limner.store.stores import Stores

ERASED: Final = "erased on request"
_KNOWN = "known_traces"


class Traces:
    """The traces known to one collect. `learn` gives every new identifier of a chunk its trace."""

    def __init__(self, stores: Stores, desk: Desk) -> None:
        self._stores = stores
        self._batch = 0
        desk.give("given_known", stores.lake.table(exp.select("kind", "hash", "trace").from_("traces")))
        desk.make(_KNOWN, exp.select("*").from_("given_known"))
        desk.take_back("given_known")
        with stores.ledger.read() as connection:
            found = connection.execute(select(tombstones.c.kind, tombstones.c.hash)).all()
        self._erased = frozenset((kind, bytes(mark)) for kind, mark in found)

    def learn(self, desk: Desk, chunk: str, named: Named, now: datetime) -> None:
        """Bring `seen_<key>` up to the identifiers of a chunk: raw text → kind, hash, trace, or why there is none."""
        seen = f"seen_{named.key}"
        raws = self._fresh(desk, chunk, named.key, seen)
        if not raws and desk.has(seen):
            return
        desk.give("given_seen", self._normal(named.kind.name, raws))
        desk.make("fresh_seen", exp.select("*").from_("given_seen"))
        desk.take_back("given_seen")
        self._number(desk, now)
        self._keep_addresses(desk, named)
        columns = [exp.column(c, "f") for c in ("raw", "kind", "hash", "why", "usable", "person", "strength")]
        same = exp.and_(_same("f", "k", "kind"), _same("f", "k", "hash"))
        joined = exp.select(*columns, exp.column("trace", "k")).from_(exp.to_table("fresh_seen").as_("f"))
        desk.add(seen, joined.join(exp.to_table(_KNOWN).as_("k"), on=same, join_type="left"))
        desk.drop("fresh_seen")

    def _fresh(self, desk: Desk, chunk: str, key: str, seen: str) -> Sequence[str]:
        raw = exp.column(key)
        found = exp.select(raw.as_("raw")).distinct().from_(chunk).where(raw.copy().is_(exp.null()).not_())
        query = exp.except_(found, exp.select("raw").from_(seen)) if desk.has(seen) else found
        raws: list[str] = desk.ask(query)["raw"].to_pylist()
        return raws

    def _normal(self, name: str, raws: Sequence[str]) -> pa.Table:
        import pyarrow as pa

        key, erased = self._stores.hash_key, self._erased
        found = [identifier(name, raw) for raw in raws]
        marks = [identifier_hash(key, n.kind, n.value) if n.value is not None else None for n in found]
        reasons = [n.reason for n in found]
        if erased:
            gone = [mark is not None and (n.kind, mark) in erased for n, mark in zip(found, marks, strict=True)]
            marks = [None if is_gone else mark for mark, is_gone in zip(marks, gone, strict=True)]
            reasons = [ERASED if is_gone else why for why, is_gone in zip(reasons, gone, strict=True)]
        kinds = {n.kind: identifier_kind(n.kind) for n in found}
        return pa.table(
            {
                "raw": pa.array(raws, pa.string()),
                "normal": pa.array([n.value for n in found], pa.string()),
                "kind": pa.array([n.kind for n in found], pa.string()),
                "hash": pa.array(marks, pa.binary()),
                "why": pa.array(reasons, pa.string()),
                "usable": pa.array([kinds[n.kind].strength != "never" for n in found], pa.bool_()),
                "person": pa.array(
                    [m is not None and kinds[n.kind].is_person for n, m in zip(found, marks, strict=True)], pa.bool_()
                ),
                "strength": pa.array([kinds[n.kind].strength for n in found], pa.string()),
            }
        )

    def _number(self, desk: Desk, now: datetime) -> None:
        """Give traces to hashes that have none, in the order of the hash; written before anything uses them."""
        import numpy as np
        import pyarrow as pa

        unknown = (
            exp.select("kind", "hash").distinct().from_("fresh_seen").where(exp.column("hash").is_(exp.null()).not_())
        )
        left = exp.except_(unknown, exp.select("kind", "hash").from_(_KNOWN))
        new = desk.ask(left)
        if not new.num_rows:
            return
        new = new.sort_by([("kind", "ascending"), ("hash", "ascending")])
        with self._stores.ledger.write() as connection:
            first = self._stores.ledger.take(connection, "trace", new.num_rows)
        numbers = pa.array(np.arange(first, first + new.num_rows, dtype=np.int32))
        new = new.append_column("trace", numbers)
        stamp = pa.array([now], pa.timestamp("us", tz="UTC"))
        whole = new.append_column("received_at", pa.repeat(stamp[0], new.num_rows))
        self._stores.lake.append("traces", f"traces/{first}", whole)
        desk.give("given_new", new.select(["kind", "hash", "trace"]))
        desk.add(_KNOWN, exp.select("*").from_("given_new"))
        desk.take_back("given_new")

    def _keep_addresses(self, desk: Desk, named: Named) -> None:
        if not named.kind.is_address:
            return
        same = exp.and_(_same("f", "k", "kind"), _same("f", "k", "hash"))
        query = (
            exp.select(exp.column("trace", "k"), exp.column("normal", "f"))
            .from_(exp.to_table("fresh_seen").as_("f"))
            .join(exp.to_table(_KNOWN).as_("k"), on=same)
            .where(exp.EQ(this=exp.column("kind", "f"), expression=exp.Literal.string(named.kind.name)))
        )
        found = desk.ask(query)
        pairs = zip(found["trace"].to_pylist(), found["normal"].to_pylist(), strict=True)
        self._stores.vault.put(named.kind.name, pairs)


def _same(left: str, right: str, column: str) -> exp.Expr:
    return exp.EQ(this=exp.column(column, left), expression=exp.column(column, right))
