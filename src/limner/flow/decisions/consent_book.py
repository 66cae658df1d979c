"""What customers allow: the consents of all their identifiers, folded per customer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from limner.maths.lookup import lookup
from limner.store.lake.sql import statement
from limner.store.ledger.consents import Folded, Said, folded, read_said, state_of
from limner.store.ledger.restrictions import RESTRICTED, restricted

if TYPE_CHECKING:
    from limner.store.stores import Stores

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
NO_GRANT = np.iinfo(np.int64).max
_WORTH = 20
"""Asking about one customer costs as much as reading this many consents in a row."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Per customer: whether a channel is allowed, and the grant that would be used (-1 where none)."""

    is_allowed: Bools
    consent_seq: Ints


class ConsentBook:
    """The links of one version, and the consents of the ledger read through them.

    Few customers are asked about one by one; once a channel has been asked about so many that reading its consents
    whole is cheaper, they are kept until one comes in or is withdrawn.
    """

    def __init__(self, stores: Stores, links_version: str) -> None:
        found = stores.lake.table(statement("limner.flow.decisions", "links.sql"), versions={"links": links_version})
        self._ledger = stores.ledger
        self._trace = found["trace"].to_numpy()
        self._number = found["number"].to_numpy().astype(np.int64)
        self._by_number = np.argsort(self._number, kind="stable")
        self._ordered = self._number[self._by_number]
        self._kept: dict[tuple[str, str], tuple[tuple[int, int, int], Said]] = {}
        self._asked: Counter[tuple[str, str]] = Counter()

    def traces_of(self, numbers: Ints) -> npt.NDArray[np.int32]:
        """All identifiers of these customers."""
        first, last = np.searchsorted(self._ordered, numbers), np.searchsorted(self._ordered, numbers, "right")
        count = last - first
        ahead = np.repeat(first - (np.cumsum(count) - count), count)
        return np.asarray(self._trace[self._by_number[ahead + np.arange(count.sum())]])

    def owners(self, traces: Ints, numbers: Ints) -> Ints:
        """The customer to whom each identifier belongs now; where nobody has it, the number beside it: shape (n,)."""
        place, here = lookup(self._trace, traces)
        return np.where(here, self._number[np.where(here, place, 0)], numbers) if self._trace.size else numbers

    def state(self, channel: str, purpose: str, asof: datetime, numbers: Ints, own: Collection[int] = ()) -> Allowed:
        """Who of these customers may be reached on a channel for a purpose: shape (n,).

        `own` are grants held by the caller's own reservations.
        """
        said = self._said(channel, purpose, numbers)
        found = self._per_customer(folded(self._ledger, said, asof, own), numbers)
        apart = sorted(restricted(self._ledger, RESTRICTED))
        return found if not apart else self._without(found, numbers, np.asarray(apart, np.int32))

    def _without(self, found: Allowed, numbers: Ints, traces: npt.NDArray[np.int32]) -> Allowed:
        """Nothing is allowed of customers who are kept apart."""
        place, here = lookup(self._trace, traces)
        allowed = found.is_allowed & ~np.isin(numbers, self._number[place[here]])
        return Allowed(allowed, np.where(allowed, found.consent_seq, -1))

    def _said(self, channel: str, purpose: str, numbers: Ints) -> Said:
        """The consents of these customers, and perhaps of others."""
        key, state = (channel, purpose), state_of(self._ledger)
        kept = self._kept.get(key)
        if kept is None or kept[0] != state:
            self._asked[key] += numbers.size
            if self._asked[key] * _WORTH < state[0]:
                return read_said(self._ledger, channel, purpose, self.traces_of(numbers))
            kept = self._kept[key] = (state, read_said(self._ledger, channel, purpose))
            self._asked[key] = 0
        return kept[1].of(self.traces_of(numbers)) if numbers.size * _WORTH < kept[1].trace.size else kept[1]

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
