"""A shop with a live source for tests: what clients send, acknowledged, and the drain that brings it in."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from intake import Intake
from limner.core.actor import OWNER
from limner.flow.sources.live import drain as draining
from limner.flow.sources.live.drain import Drain
from limner.store.stream import Envelope
from limner.store.stream.envelope import packed

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)
SOURCE = "id: web\nlive: {}\n"


class Live(Intake):
    """A shop with a live source, a writer to its stream, and a drain."""

    place = staticmethod(lambda: "")
    """Where a new shop has its stream; empty for its own folder."""

    def __init__(self, folder, *sources):
        super().__init__(folder, *(sources or (SOURCE,)), stream=self.place())
        self.writer = self.stores.stream.writer()
        self.drain = Drain(self.stores)

    def send(self, *objects, at=NOW, source="web"):
        """What a client sends in one request of our own protocol, acknowledged."""
        body = objects[0] if isinstance(objects[0], bytes) else json.dumps(list(objects)).encode()
        stamp = int(at.timestamp() * 1e6)
        self.writer.write([packed(Envelope(stamp, source, "own", "POST /collect", "", "", body))])

    def take(self, now=NOW):
        """Drain everything."""
        self.writer.close_segment()
        done = []
        while (step := self.drain.step(self.definitions, who=OWNER, now=now)).segments:
            done.append(step)
        return draining.together(done)

    def afresh(self):
        """Forget what the drain remembers, as another process would."""
        self.drain.close()
        self.drain = Drain(self.stores)

    def facts(self):
        """What the lake says, without what depends on when and in which batch it came."""
        events = "SELECT name, happened_at, order_id, item_id, amount, extra, trace FROM events ORDER BY ALL"
        lines = "SELECT order_id, line, item_id, quantity, amount FROM lines ORDER BY ALL"
        pairs = "SELECT kind, hash, min(happened_at) AS first FROM identifiers GROUP BY kind, hash ORDER BY ALL"
        traits = "SELECT name, text, number, happened_at FROM traits ORDER BY ALL"
        found = [self.ask(query) for query in (events, lines, pairs, traits)]
        hashes = {row["trace"]: row["hash"] for row in self.ask("SELECT trace, hash FROM traces")}
        for row in found[0]:
            row["trace"] = hashes.get(row["trace"])
        found[0].sort(key=str)
        return found
