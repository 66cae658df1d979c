"""What the events in sight are known by, in memory: a row that states one of them again is found without a look at the
lake.

Files of events never change, so only those that have come since are read; when one has gone, all are read anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from sqlglot import exp

from limner.flow.sources.keys import Keys
from limner.flow.sources.known import Flags, Halves, laid, whole
from limner.flow.sources.readings import template

if TYPE_CHECKING:
    from limner.store.lake.duckdb import DuckLake
    from limner.store.ledger.erasures import Masked

_TOGETHER: Final = 8
"""Files read at a time."""

_SHARE: Final = 2
"""The keys may take one part in so many of the engine's memory; beyond, the lake is asked."""

_EACH: Final = 16
_KEYS: Final = "given_keys"


@dataclass
class _Kept:
    """The keys of some files."""

    masked: Masked
    paths: frozenset[str] = frozenset()
    keys: Keys = field(default_factory=Keys)


class Stated:
    """The ids and orders of the events in sight, for the time of a collect or longer. For one thread."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}

    def ids(self, lake: DuckLake, source: str, keys: Halves) -> Flags:
        """Which `event_key`s of a source are there."""
        query = exp.select(exp.column("event_key").as_("key")).from_("events")
        query = query.where(exp.column("source").eq(exp.Literal.string(source)), "NOT event_key IS NULL")
        self._kept = {what: kept for what, kept in self._kept.items() if what[0] != "ids" or what[1] == source}
        return self._known(lake, ("ids", source), query, keys)

    def orders(self, lake: DuckLake, name: str, keys: Halves) -> Flags:
        """Which orders, by `order_key`, have an event of a name."""
        query = exp.select(order_key(exp.column("order_id")).as_("key")).from_("events")
        query = query.where(exp.column("name").eq(exp.Literal.string(name)), "NOT order_id IS NULL")
        return self._known(lake, ("orders", name), query, keys)

    def _known(self, lake: DuckLake, what: tuple[str, str], query: exp.Select, keys: Halves) -> Flags:
        if lake.rows("events") * _EACH * _SHARE > lake.limits.memory << 20:
            self._kept.pop(what, None)
            return _asked(lake, query, keys)
        return self._renewed(lake, what, query).known(keys)

    def _renewed(self, lake: DuckLake, what: tuple[str, str], query: exp.Select) -> Keys:
        """The keys of the files in sight now."""
        snapshot, paths = lake.snapshot(), lake.paths("events")
        kept = self._kept.get(what)
        if kept is None or kept.masked != snapshot.masked or not kept.paths.issubset(paths):
            kept = self._kept[what] = _Kept(snapshot.masked)
        fresh = [path for path in paths if path not in kept.paths]
        for first in range(0, len(fresh), _TOGETHER):
            some = fresh[first : first + _TOGETHER]
            kept.keys.add(laid(lake.table(query, among={"events": some})["key"]))
            kept.paths |= frozenset(some)
        return kept.keys


def order_key(order: exp.Expr) -> exp.Expr:
    """16 bytes of an order's number."""
    return template("unhex(md5(:o))", o=order)


def _asked(lake: DuckLake, query: exp.Select, keys: Halves) -> Flags:
    """Which keys a look through the lake finds."""
    import pyarrow as pa

    given = pa.table({"key": whole(keys), "place": np.arange(len(keys))})
    same = exp.column("key", "g").eq(exp.column("key", "e"))
    found = exp.select("g.place").from_(exp.to_table(_KEYS).as_("g"))
    rows = lake.table(found.join(query.subquery("e"), on=same, join_type="semi"), given={_KEYS: given})
    is_known = np.zeros(len(keys), np.bool_)
    is_known[rows["place"].to_numpy()] = True
    return is_known
