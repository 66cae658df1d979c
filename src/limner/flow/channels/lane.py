"""One channel's part of a delivery: batches are prepared, marked, handed to the kind, and settled.

Everything but the call of the kind runs without a pause, so that several batches of a channel under way at once never
see each other half done. Addresses live from `_prepare` to the answer of the kind, and nowhere else.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from limner.core.errors import BadInput, Broken, LimnerError, words
from limner.core.ids import customer_id
from limner.core.ours import Channel, Offer
from limner.core.tell import Tell
from limner.flow.channels import outbox
from limner.flow.channels.base import KINDS, ChannelKind, Handed, Message, Post, options_of
from limner.flow.channels.content import Wording, wording
from limner.flow.channels.outbox import Again, Due
from limner.flow.channels.terms import Clock, Lent

if TYPE_CHECKING:
    from limner.store.definitions import Definitions
    from limner.store.stores import Stores

KIND_FAILED = words(
    "channel_kind_failed",
    "Channel {channel!r}: the kind {kind!r} failed: {why}. Its messages stay queued; mend it and run this again.",
)
NOT_TAKEN = words(
    "channel_takes_nothing",
    "Channel {channel!r}: the provider takes no messages: {why}. They stay queued; mend it and run this again.",
)

_LONGEST_WAIT: Final = timedelta(hours=6)
_GRACE_SECONDS: Final = 30
_MISSES: Final = 3


@dataclass(slots=True)
class Tally:
    """What the lanes did, counted as they go."""

    total: int
    tell: Tell
    done: int = 0
    uncertain: int = 0
    retried: int = 0
    cost: Decimal = Decimal(0)
    handed_over: Counter[str] = field(default_factory=Counter)
    released: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def count(self, more: int, doing: str) -> None:
        """Tell how far it is."""
        self.done += more
        self.tell(self.done, max(self.total, self.done), doing)


@dataclass(frozen=True, slots=True)
class Run:
    """What all lanes of one delivery share."""

    stores: Stores
    definitions: Definitions
    lent: Lent
    now: Clock
    rng: random.Random
    fence: int
    tally: Tally
    plan_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Prepared:
    due: Due
    message: Message
    cost: Decimal


class Lane:
    """The messages of one channel, `kind.at_once` batches at a time. `broken` says why it stopped, if it did."""

    def __init__(self, channel: Channel, run: Run) -> None:
        self.channel, self.run = channel, run
        self.broken: LimnerError | None = None
        self.is_stopped = False
        self._misses = 0
        self._wordings: dict[tuple[int, str], tuple[Wording, bool]] = {}

    async def go(self) -> None:
        """Deliver until nothing is due or the channel stops."""
        try:
            kind = self._kind()
            try:
                await kind.open()
                async with asyncio.TaskGroup() as group:
                    for _ in range(kind.at_once):
                        group.create_task(self._work(kind))
            finally:
                await kind.close()
        except* LimnerError as errors:
            self._stop(_first(errors))

    def _kind(self) -> ChannelKind[Any]:
        channel, lent = self.channel, self.run.lent
        options = options_of(channel, f"channels/{channel.id}")
        secrets = {name: lent.secret(reference) for name, reference in channel.secrets.items()}
        return KINDS.find(channel.kind)(options, Post(channel.id, lent.home, self.run.now, secrets))

    async def _work(self, kind: ChannelKind[Any]) -> None:
        while not self.is_stopped:
            batch = self._claim(kind.batch)
            if batch is None:
                return
            if batch:
                await self._hand(kind, batch)

    async def _hand(self, kind: ChannelKind[Any], batch: Sequence[_Prepared]) -> None:
        """Ask the kind, and settle its answer also when this delivery is cancelled meanwhile."""
        asked = asyncio.ensure_future(self._ask(kind, batch))
        try:
            answers = await asyncio.shield(asked)
        except asyncio.CancelledError:
            self.is_stopped = True
            self._settle(batch, await asyncio.wait_for(asked, _GRACE_SECONDS))
            raise
        self._settle(batch, answers)

    async def _ask(self, kind: ChannelKind[Any], batch: Sequence[_Prepared]) -> Sequence[Handed]:
        messages = [prepared.message for prepared in batch]
        try:
            return await kind.deliver(messages)
        except LimnerError as error:
            self._stop(error)
            return [Handed(m.key, "untried") for m in messages]
        except Exception as error:  # the call of a kind: whatever it raises, its messages are accounted for
            why = f"{type(error).__name__}: {error}"[:200]
            self._stop(Broken(KIND_FAILED, channel=self.channel.id, kind=self.channel.kind, why=why))
            return [Handed(m.key, "unknown") for m in messages]

    def _stop(self, error: LimnerError) -> None:
        self.is_stopped = True
        self.broken = self.broken or error

    def _claim(self, most: int) -> list[_Prepared] | None:
        """Prepare and mark the next batch. None: nothing is due; empty: none of those due may go."""
        run, ledger = self.run, self.run.stores.ledger
        now = run.now()
        with ledger.read() as connection:
            rows = outbox.due(connection, self.channel.id, now, most, run.plan_id)
        if not rows:
            return None
        reasons = {row.decision: "expired" for row in rows if row.latest_at < now}
        ready = self._prepare([row for row in rows if row.decision not in reasons], reasons)
        with ledger.write() as connection:
            outbox.beat(connection, run.fence, now)
            verdicts = run.lent.recheck(connection, [p.due for p in ready], now) if ready else {}
            reasons |= {d: v.reason or "refused" for d, v in verdicts.items() if v.moment is None}
            outbox.release(connection, reasons, now)
            outbox.move(connection, {d: v.moment for d, v in verdicts.items() if v.moment is not None}, now)
            marked = outbox.mark(connection, [p.due.decision for p in ready if p.due.decision not in verdicts], now)
        run.tally.released.update(reasons.values())
        run.tally.count(len(rows) - len(marked), self.channel.id)
        return [p for p in ready if p.due.decision in marked]

    def _prepare(self, rows: Sequence[Due], reasons: dict[int, str]) -> list[_Prepared]:
        """Words and addresses of a batch; what cannot be sent gets its reason."""
        addresses = self.run.stores.vault.open({row.trace for row in rows})
        ready = []
        for row in rows:
            address = addresses.get(row.trace)
            if address is None:
                reasons[row.decision] = "no_address"
                continue
            try:
                ready.append(self._written(row, address))
            except BadInput as error:
                reasons[row.decision] = ":".join(filter(None, (error.code, str(error.params.get("name", "")))))
        return ready

    def _written(self, row: Due, address: str) -> _Prepared:
        made, is_named = self._wording(row)
        public_id = customer_id(self.run.stores.hash_key, row.number) if is_named else ""
        values = made.values(row.parameters, key=row.message_key, customer_id=public_id)
        rendered = made.render(values)
        message = Message(
            key=row.message_key,
            address=address,
            rendered=rendered,
            customer_id=public_id,
            campaign=row.campaign,
            offer=row.offer,
            tries=row.tries + 1,
            values=values if made.columns else {},
        )
        return _Prepared(row, message, made.cost(rendered))

    def _wording(self, row: Due) -> tuple[Wording, bool]:
        """The words of a row's offer, and whether they name the customer."""
        key = (row.plan_id, row.offer)
        if key not in self._wordings:
            lent = self.run.lent
            find = lent.offer_of or (lambda _, name: self.run.definitions.find(Offer, name))
            offer = find(row.plan_id, row.offer)
            place = f"offers/{offer.id}: content: {self.channel.id}"
            made = wording(offer, self.channel, zone=self.run.stores.settings.zone, place=place)
            self._wordings[key] = made, "customer_id" in made.names
        return self._wordings[key]

    def _settle(self, batch: Sequence[_Prepared], answers: Sequence[Handed]) -> None:
        """Record what the provider said to each message of a batch, in one transaction."""
        run, now = self.run, self.run.now()
        said = {answer.key: answer for answer in answers}
        taken, costs, failed, in_doubt, again = [], {}, {}, [], []
        for prepared in batch:
            row = prepared.due
            answer = said.get(row.message_key) or Handed(row.message_key, "unknown", "no answer")
            if answer.answer == "taken":
                taken.append(row.decision)
                if prepared.cost != row.cost:
                    costs[row.decision] = prepared.cost
                run.tally.cost += prepared.cost
                run.tally.uncertain += row.is_uncertain
            elif answer.answer == "rejected":
                failed[row.decision] = f"rejected: {answer.words}"
            elif answer.answer != "untried" and prepared.message.tries >= self.channel.tries:
                failed[row.decision] = f"too_many_tries: {answer.words}"
                in_doubt += [row.decision] if answer.answer == "unknown" else []
            else:
                again.append(self._again(prepared, answer, now))
        with run.stores.ledger.write() as connection:
            outbox.beat(connection, run.fence, now)
            outbox.hand_over(run.stores.ledger, connection, taken, costs, now)
            outbox.fail(connection, failed, in_doubt, now)
            outbox.put_back(connection, again, now)
        run.tally.handed_over[self.channel.id] += len(taken)
        run.tally.failed.update(reason.partition(":")[0] for reason in failed.values())
        run.tally.retried += len(again)
        run.tally.count(len(batch), self.channel.id)
        self._notice(list(said.values()), len(taken))

    def _again(self, prepared: _Prepared, answer: Handed, now: datetime) -> Again:
        row, is_tried = prepared.due, answer.answer != "untried"
        wait = self.channel.backoff * (2 ** min(prepared.message.tries - 1, 20)) * self.run.rng.uniform(0.5, 1.5)
        wait = max(min(wait, _LONGEST_WAIT), answer.retry_after or timedelta(0))
        return Again(row.decision, now + wait if is_tried else now, answer.answer == "unknown", is_tried, answer.words)

    def _notice(self, answers: Sequence[Handed], taken: int) -> None:
        """Stop a channel whose provider is closed to us or asks to wait."""
        closed = next((a for a in answers if a.answer == "untried"), None)
        if closed is not None:
            self._stop(Broken(NOT_TAKEN, channel=self.channel.id, why=closed.words or "no reason given"))
        self._misses = 0 if taken or any(a.answer == "rejected" for a in answers) else self._misses + 1
        if self._misses >= _MISSES or any(a.retry_after for a in answers):
            self.is_stopped = True


def _first(errors: BaseExceptionGroup[LimnerError]) -> LimnerError:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
