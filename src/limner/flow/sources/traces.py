"""Identifiers made into traces: each distinct value is normalised and hashed once, known hashes keep their trace.

The raw form is seen here, on its way into the vault, and nowhere after.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlglot import exp

from limner.core.ids import identifier_hash
from limner.core.normal import EMPTY_WORDS, Normal, identifier, identifier_kind
from limner.flow.sources.desk import Desk
from limner.store.ledger.tables import tombstones

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.flow.sources.mapping import Named
    from limner.store.stores import Stores

ERASED: Final = "erased on request"
KNOWN = "known_traces"
"""The desk's table of all traces: kind, hash, trace."""


class Traces:
    """The traces known to one collect. `learn` gives every new identifier of a chunk its trace."""

    def __init__(self, stores: Stores, desk: Desk) -> None:
        self._stores = stores
        self._batch = 0
        desk.give("given_known", stores.lake.table(exp.select("kind", "hash", "trace").from_("traces")))
        desk.make(KNOWN, exp.select("*").from_("given_known"))
        desk.take_back("given_known")
        with stores.ledger.read() as connection:
            found = connection.execute(select(tombstones.c.kind, tombstones.c.hash)).all()
        self._erased = frozenset((kind, bytes(mark)) for kind, mark in found)

    def learn(self, desk: Desk, named: Named, raws: str, now: datetime) -> None:
        """Bring `seen_<key>` up to the identifiers that a query names: raw text → trace, or why there is none."""
        seen = f"seen_{named.key}"
        fresh = self._fresh(desk, raws, seen)
        if not fresh and desk.has(seen):
            return
        desk.give("given_seen", self._normal(named.kind.name, fresh))
        desk.make("fresh_seen", exp.select("*").from_("given_seen"))
        desk.take_back("given_seen")
        self._number(desk, now)
        self._keep_addresses(desk, named)
        columns = [exp.column(c, "f") for c in ("raw", "why", "usable", "person")]
        same = exp.and_(_same("f", "k", "kind"), _same("f", "k", "hash"))
        joined = exp.select(*columns, exp.column("trace", "k")).from_(exp.to_table("fresh_seen").as_("f"))
        desk.add(seen, joined.join(exp.to_table(KNOWN).as_("k"), on=same, join_type="left"))
        desk.drop("fresh_seen")

    def _fresh(self, desk: Desk, raws: str, seen: str) -> list[str]:
        """The texts among `raws` that have not been seen, each once."""
        desk.view("named_raws", raws)
        query = exp.select("r.raw").distinct().from_("named_raws AS r").where("NOT r.raw IS NULL")
        if desk.has(seen):
            query = query.join(exp.to_table(seen).as_("s"), on="r.raw = s.raw", join_type="anti")
        found: list[str] = desk.ask(query)["raw"].to_pylist()
        return found

    def _normal(self, name: str, raws: Sequence[str]) -> pa.Table:
        """Normal form, kind, hash and what it may stand for, of each raw text."""
        import pyarrow as pa

        key, erased = self._stores.hash_key, self._erased
        found = _normals(name, raws)
        marks = [identifier_hash(key, n.kind, n.value) if n.value is not None else None for n in found]
        reasons = [n.reason for n in found]
        if erased:
            gone = [mark is not None and (n.kind, mark) in erased for n, mark in zip(found, marks, strict=True)]
            marks = [None if is_gone else mark for mark, is_gone in zip(marks, gone, strict=True)]
            reasons = [ERASED if is_gone else why for why, is_gone in zip(reasons, gone, strict=True)]
        kinds = {kind: identifier_kind(kind) for kind in {n.kind for n in found}}
        persons = {kind for kind, known in kinds.items() if known.is_person}
        usable = {kind for kind, known in kinds.items() if known.strength != "never"}
        is_person = [mark is not None and n.kind in persons for n, mark in zip(found, marks, strict=True)]
        return pa.table(
            {
                "raw": pa.array(raws, pa.string()),
                "normal": pa.array([n.value for n in found], pa.string()),
                "kind": pa.array([n.kind for n in found], pa.string()),
                "hash": pa.array(marks, pa.binary()),
                "why": pa.array(reasons, pa.string()),
                "usable": pa.array([n.kind in usable for n in found], pa.bool_()),
                "person": pa.array(is_person, pa.bool_()),
            }
        )

    def _number(self, desk: Desk, now: datetime) -> None:
        """Give traces to hashes that have none, in the order of the hash; written before anything uses them."""
        import numpy as np
        import pyarrow as pa

        unknown = (
            exp.select("kind", "hash").distinct().from_("fresh_seen").where(exp.column("hash").is_(exp.null()).not_())
        )
        left = exp.except_(unknown, exp.select("kind", "hash").from_(KNOWN))
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
        desk.add(KNOWN, exp.select("*").from_("given_new"))
        desk.take_back("given_new")

    def _keep_addresses(self, desk: Desk, named: Named) -> None:
        if not named.kind.is_address:
            return
        same = exp.and_(_same("f", "k", "kind"), _same("f", "k", "hash"))
        query = (
            exp.select(exp.column("trace", "k"), exp.column("normal", "f"))
            .from_(exp.to_table("fresh_seen").as_("f"))
            .join(exp.to_table(KNOWN).as_("k"), on=same)
            .where(exp.EQ(this=exp.column("kind", "f"), expression=exp.Literal.string(named.kind.name)))
        )
        found = desk.ask(query)
        pairs = zip(found["trace"].to_pylist(), found["normal"].to_pylist(), strict=True)
        self._stores.vault.put(named.kind.name, pairs)


_PLAIN = re.compile(r"(?=.{2,32}$)[A-Za-z0-9_-]*[A-Za-z1-9][A-Za-z0-9_-]*")
"""A text of this form that is no word for nothing is its own normal form as a token."""


def _normals(name: str, raws: Sequence[str]) -> list[Normal]:
    """The normal forms of raw texts; ordinary member numbers and ids take the short way."""
    if identifier_kind(name).form != "text":
        return [identifier(name, raw) for raw in raws]
    plain = _PLAIN.fullmatch
    return [
        Normal(name, raw) if plain(raw) and raw.lower() not in EMPTY_WORDS else identifier(name, raw) for raw in raws
    ]


def _same(left: str, right: str, column: str) -> exp.Expr:
    return exp.EQ(this=exp.column(column, left), expression=exp.column(column, right))
