"""What customers allow: the consents of all their identifiers, folded per customer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from limner.maths.lookup import lookup
from limner.store.lake.sql import statement
from limner.store.ledger.consents import Folded, fold, newest

if TYPE_CHECKING:
    from limner.store.stores import Stores

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
NO_GRANT = np.iinfo(np.int64).max
_FEW = 2_000


@dataclass(frozen=True, slots=True)
class Allowed:
    """Per customer: whether a channel is allowed, and the grant that would be used (-1 where none)."""

    is_allowed: Bools
    consent_seq: Ints


class ConsentBook:
    """The links of one version, and the consents of the ledger read through them."""

    def __init__(self, stores: Stores, links_version: str) -> None:
        found = stores.lake.table(statement("limner.flow.decisions", "links.sql"), versions={"links": links_version})
        self._ledger = stores.ledger
        self._trace = found["trace"].to_numpy()
        self._number = found["number"].to_numpy().astype(np.int64)
        self._by_number = np.argsort(self._number, kind="stable")
        self._ordered = self._number[self._by_number]
        self._kept: tuple[tuple[str, str, datetime, int], Folded] | None = None

    def traces_of(self, numbers: Ints) -> npt.NDArray[np.int32]:
        """All identifiers of these customers."""
        first, last = np.searchsorted(self._ordered, numbers), np.searchsorted(self._ordered, numbers, "right")
        spans = [self._by_number[a:b] for a, b in zip(first, last, strict=True)]
        return np.asarray(self._trace[np.concatenate(spans)] if spans else np.empty(0, np.int32))

    def state(self, channel: str, purpose: str, asof: datetime, numbers: Ints, own: Collection[int] = ()) -> Allowed:
        """Who of these customers may be reached on a channel for a purpose: shape (n,).

        `own` are grants held by the caller's own reservations.
        """
        if numbers.size <= _FEW:
            said = fold(self._ledger, channel, purpose, asof, self.traces_of(numbers).tolist(), own)
        else:
            said = self._everybody(channel, purpose, asof)
        return self._per_customer(said, numbers)

    def _everybody(self, channel: str, purpose: str, asof: datetime) -> Folded:
        """The consents of all; read again only when one has come in since, or when messages use them up."""
        key = (channel, purpose, asof, newest(self._ledger))
        if self._kept is None or self._kept[0] != key:
            said = fold(self._ledger, channel, purpose, asof)
            self._kept = (key, said) if (said.left <= 0).all() else None
            return said
        return self._kept[1]

    def _per_customer(self, said: Folded, numbers: Ints) -> Allowed:
        place, here = lookup(self._trace, said.trace)
        owner = self._number[place[here]]
        order = np.argsort(numbers, kind="stable")
        at, mine = lookup(numbers[order], owner)
        slot = order[at[mine]]
        granted, seq = said.is_granted[here][mine], said.seq[here][mine]
        refused = np.zeros(numbers.size, bool)
        refused[slot[~granted & ~_used_up(said, here, mine)]] = True
        best = np.full(numbers.size, NO_GRANT, np.int64)
        np.minimum.at(best, slot[granted], seq[granted])
        allowed = (best != NO_GRANT) & ~refused
        return Allowed(allowed, np.where(allowed, best, -1))


def _used_up(said: Folded, here: Bools, mine: Bools) -> Bools:
    """Traces whose last word is a grant that is spent or over: silent, not refusing."""
    return said.is_silent[here][mine]
