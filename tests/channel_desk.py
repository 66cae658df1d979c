"""A desk to try deliveries at: a ledger, a vault, an outbox with rows, and channels to twins."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import insert, select

from limner.core.actor import OWNER
from limner.core.ours import Channel, Content, Offer
from limner.core.settings import Settings
from limner.flow.channels.deliver import Delivered, deliver
from limner.flow.channels.terms import Lent, Recheck, all_may
from limner.flow.channels.twins import Twin
from limner.store.definitions import Definitions
from limner.store.ledger import Ledger
from limner.store.ledger.tables import outbox, touches
from limner.store.vault import Vault

if TYPE_CHECKING:
    from limner.store.stores import Stores

NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)

WORDS = {
    "mail": Content(subject="{{ name }}，新款到店", html="<p>亲爱的{{ name }}</p>"),
    "sms": Content(text="【南枝】{{ name }}，新款到店，回T退订"),
    "list": Content(text="{{ name }}：新款到店"),
}


@dataclass
class Desk:
    """A workspace's stores with a clock one can set. Customer n has trace n, address `someone<n>@example.com`."""

    home: Path
    channels: dict[str, Channel] = field(default_factory=dict)
    offers: dict[str, Offer] = field(default_factory=dict)
    now: datetime = NOON

    def __post_init__(self) -> None:
        self.ledger = Ledger.at(self.home / "ledger.db")
        self.vault = Vault(self.home / "vault.db", b"v" * 32)
        if not self.offers:
            self.offers["coupon"] = Offer("coupon", name="¥40", content=WORDS)

    @property
    def stores(self) -> Stores:
        """As a station sees them; lake and gallery are not needed."""
        parts = {"ledger": self.ledger, "vault": self.vault, "hash_key": b"h" * 32, "settings": Settings()}
        return cast("Stores", SimpleNamespace(**parts))

    @property
    def definitions(self) -> Definitions:
        """The channels and offers of this desk."""
        return Definitions({"channels": self.channels, "offers": self.offers})

    def channel(self, name: str, kind: str, options: Mapping[str, object], **more: Any) -> Channel:
        """Define a channel."""
        self.channels[name] = Channel(name, kind, options=options, **{"address": "email", **more})
        return self.channels[name]

    def queue(self, channel: str, count: int, start: int = 1, **changes: Any) -> list[str]:
        """Queue one message to each of `count` customers; the message keys."""
        numbers = range(start, start + count)
        address = changes.pop("address", "someone{}@example.com")
        self.vault.put("email", {n: address.format(n) for n in numbers})
        row = {
            "plan_id": 1,
            "campaign": "autumn",
            "channel": channel,
            "offer": "coupon",
            "message_class": "marketing",
            "purpose": "marketing",
            "moment": self.now,
            "latest_at": self.now + timedelta(days=1),
            "next_try_at": self.now,
            "state": "queued",
            "parameters": json.dumps({"name": "王小明"}),
            "cost": Decimal("0.05"),
            "changed_at": self.now,
            **changes,
        }
        keys = [f"key-{channel}-{n}" for n in numbers]
        rows = [{**row, "number": n, "trace": n, "message_key": key} for n, key in zip(numbers, keys, strict=True)]
        with self.ledger.write() as connection:
            first = self.ledger.take(connection, "decision", count)
            connection.execute(insert(outbox), [{**r, "decision": first + i} for i, r in enumerate(rows)])
        return keys

    def deliver(self, recheck: Recheck = all_may, **more: Any) -> Delivered:
        """Deliver what is due at `now`."""
        lent = Lent(self.home, {"env:KEY": "secret"}.__getitem__, recheck)
        stores, definitions = self.stores, self.definitions
        return deliver(stores, definitions, who=OWNER, now=lambda: self.now, rng=random.Random(1), lent=lent, **more)

    def rows(self) -> list[Mapping[str, Any]]:
        """The outbox."""
        with self.ledger.read() as connection:
            return [dict(r) for r in connection.execute(select(outbox).order_by(outbox.c.decision)).mappings()]

    def states(self) -> dict[str, int]:
        """Messages by state."""
        counts: dict[str, int] = {}
        for row in self.rows():
            counts[row["state"]] = counts.get(row["state"], 0) + 1
        return counts

    def touches(self) -> list[Mapping[str, Any]]:
        """The touches."""
        with self.ledger.read() as connection:
            return [dict(r) for r in connection.execute(select(touches).order_by(touches.c.touch_id)).mappings()]


@contextmanager
def running(make: Callable[[], Twin]) -> Iterator[Twin]:
    """A twin that serves from a thread of its own while the block runs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    twin = make()
    asyncio.run_coroutine_threadsafe(twin.__aenter__(), loop).result(10)
    try:
        yield twin
    finally:
        asyncio.run_coroutine_threadsafe(twin.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
