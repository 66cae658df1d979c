"""The verb of the station: empty the outbox of what is due, each message once.

A batch goes through three steps. It is read, its words are rendered and its addresses taken from the vault. One ledger
transaction asks the gate again, releases whom it refuses, and marks the rest as under way. Then the provider is asked,
and a second transaction records its answers. A process that dies between the two leaves rows under way; the next run
sends those again under the same message keys and marks them uncertain. Nobody else can be doubled, nobody is lost.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from limner.core.actor import Actor
from limner.core.errors import Busy, LimnerError, Refused, words
from limner.core.ours import Channel
from limner.core.tell import Tell, silent
from limner.flow.channels import outbox
from limner.flow.channels.lane import Lane, Run, Tally
from limner.flow.channels.terms import Clock, Lent

if TYPE_CHECKING:
    from limner.store.definitions import Definitions
    from limner.store.stores import Stores

OUT_OF_SCOPE = words(
    "delivery_out_of_scope",
    "{actor} sees some of the customers only and cannot deliver for all of them. Name a plan of your own.",
)
HERE = words(
    "delivery_here", "This process is already delivering for the workspace {place}. Wait for it, then run this again."
)

_delivering: set[str] = set()
_door = threading.Lock()


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one delivery did. `uncertain` counts messages handed over again after an interruption that left it open
    whether the provider had them."""

    handed_over: int = 0
    by_channel: Mapping[str, int] = field(default_factory=dict)
    released: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    retried: int = 0
    uncertain: int = 0
    waiting: int = 0
    next_due_at: datetime | None = None
    cost: Decimal = Decimal(0)

    def to_dicts(self) -> list[dict[str, object]]:
        """One row per channel."""
        return [{"channel": channel, "handed_over": count} for channel, count in self.by_channel.items()]

    def __str__(self) -> str:
        parts = [f"handed over {self.handed_over:,}"]
        parts += [f"released {count:,} ({reason})" for reason, count in self.released.items()]
        parts += [f"failed {count:,} ({reason})" for reason, count in self.failed.items()]
        if self.uncertain:
            parts.append(f"{self.uncertain:,} of them again after an interruption")
        if self.waiting:
            upon = f", next due {self.next_due_at.isoformat()}" if self.next_due_at else ""
            parts.append(f"waiting {self.waiting:,}{upon}")
        return ", ".join(parts)


def deliver(
    stores: Stores,
    definitions: Definitions,
    *,
    who: Actor,
    now: Clock,
    rng: random.Random,
    lent: Lent,
    tell: Tell = silent,
    plan_id: int | None = None,
) -> Delivered:
    """Hand over what is due, of one plan or of all; the rest stays queued.

    `rng` spreads retries. A channel whose provider cannot be reached stops, its messages stay queued, the others go
    on; at the end its error is raised (Broken: it names the server and the next step). Only one process delivers at a
    time (Busy). Nothing due: an empty Delivered.
    """
    if who.scope is not None and plan_id is None:
        raise Refused(OUT_OF_SCOPE, actor=who.id)
    ledger = stores.ledger
    with _alone(ledger.place), ledger.lease(outbox.ROLE, now(), "Delivery") as fence:
        with ledger.write() as connection:
            outbox.beat(connection, fence, now())
            outbox.revive(connection, now())
            expired = outbox.expire(connection, now())
            counts = outbox.due_counts(connection, now(), plan_id)
        tally = Tally(total=sum(counts.values()), tell=tell)
        tally.released.update({"expired": expired} if expired else {})
        run = Run(stores, definitions, lent, now, rng, fence, tally, plan_id)
        errors = _deliver_all(run, sorted(counts))
        with ledger.read() as connection:
            waiting, next_due_at = outbox.still_queued(connection, plan_id)
    if errors:
        raise errors[0]
    return Delivered(
        handed_over=tally.handed_over.total(),
        by_channel=dict(tally.handed_over),
        released=dict(tally.released),
        failed=dict(tally.failed),
        retried=tally.retried,
        uncertain=tally.uncertain,
        waiting=waiting,
        next_due_at=next_due_at,
        cost=tally.cost,
    )


@contextmanager
def _alone(place: str) -> Iterator[None]:
    """One delivery per ledger in this process too: the lease tells processes apart, not threads."""
    with _door:
        if place in _delivering:
            raise Busy(HERE, place=place)
        _delivering.add(place)
    try:
        yield
    finally:
        with _door:
            _delivering.discard(place)


def _deliver_all(run: Run, names: Iterable[str]) -> list[LimnerError]:
    """Run a lane per channel; the errors of those that stopped. A channel that is gone does not stop the others."""
    lanes, errors = [], []
    for name in names:
        try:
            lanes.append(Lane(run.definitions.find(Channel, name), run))
        except LimnerError as error:
            errors.append(error)
    if lanes:
        asyncio.run(_together(lanes))
    return errors + [lane.broken for lane in lanes if lane.broken is not None]


async def _together(lanes: Iterable[Lane]) -> None:
    async with asyncio.TaskGroup() as group:
        for lane in lanes:
            group.create_task(lane.go())
