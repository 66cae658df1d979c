"""Whose data may not be used for a purpose: the consents of all identifiers, folded per customer, as columns.

A purpose that asks for express consent is covered when an identifier of the customer grants it on some channel and none
refuses it there. Any other purpose is covered until the customer has refused it for every channel (`*`), and is again
once some channel grants it. Grants and refusals count as everywhere: of one identifier the latest statement speaks, at
the same instant a refusal wins, a refusal on any identifier of the customer stands above grants on others.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from limner.maths.lookup import lookup
from limner.store.ledger.consents import ANY_PURPOSE, Folded, fold
from limner.store.ledger.ledger import Ledger
from limner.store.ledger.tables import consents

ANY_CHANNEL = "*"
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Owners:
    """Who is who, as columns: identifiers in ascending order, the customer of each, and one more than the largest
    number."""

    trace: npt.NDArray[np.int32]
    number: npt.NDArray[np.int64]
    size: int


def uncovered(ledger: Ledger, purpose: str, owners: Owners, asof: datetime, *, is_express: bool) -> Bools:
    """The customers whose word does not cover a purpose at `asof`, shape (size,): entry i is customer number i."""
    everywhere = fold(ledger, ANY_CHANNEL, purpose, asof)
    covered = np.zeros(owners.size, bool) if is_express else ~_refused(everywhere, owners)
    if is_express or not covered.all():
        covered |= _granted(everywhere, owners)
        for channel in _channels(ledger, purpose):
            covered |= _granted(fold(ledger, channel, purpose, asof), owners)
    return ~covered


def _channels(ledger: Ledger, purpose: str) -> Collection[str]:
    """The channels on which anybody said anything about a purpose, beside what was said of all."""
    row = consents.c
    question = select(row.channel).where(row.purpose.in_((purpose, ANY_PURPOSE)), row.channel != ANY_CHANNEL).distinct()
    with ledger.read() as connection:
        return sorted(connection.execute(question).scalars())


def _refused(said: Folded, owners: Owners) -> Bools:
    place, here = lookup(owners.trace, said.trace)
    found = np.zeros(owners.size, bool)
    found[owners.number[place[here & ~said.is_granted & ~said.is_silent]]] = True
    return found


def _granted(said: Folded, owners: Owners) -> Bools:
    place, here = lookup(owners.trace, said.trace)
    found = np.zeros(owners.size, bool)
    found[owners.number[place[here & said.is_granted]]] = True
    return found & ~_refused(said, owners)
