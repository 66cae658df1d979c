"""A consent stated by an operator: one row of the ledger, with its proof, and its line in the audit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from limner.core.actor import Actor
from limner.core.errors import BadInput, words
from limner.core.normal import without_addresses
from limner.store.ledger.tables import audit, consents

if TYPE_CHECKING:
    from limner.store.stores import Stores

NO_PROOF = words(
    "consent_without_proof",
    "A consent that somebody states for a customer needs its proof: say who asked for it and how, with --proof.",
)
NO_USES = words("consent_uses_bad", "The uses of a consent are {uses}, they must be 1 or more.")
ENDED = words("consent_ended", "The consent would end at {until}, before it begins. Name a later instant.")

OPERATOR = "operator"
"""The source of statements made by an operator."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What is stated of one identifier: channel, purpose, yes or no, until when, for how many messages, the proof."""

    kind: str
    hash: bytes
    trace: int
    channel: str
    purpose: str
    is_granted: bool
    proof: str
    until_at: datetime | None = None
    uses: int | None = None


def state_consent(stores: Stores, said: Statement, *, who: Actor, now: datetime) -> int:
    """Write a statement and who made it; its number. Addresses in the proof are masked."""
    proof = without_addresses(said.proof).strip()
    if not proof:
        raise BadInput(NO_PROOF)
    if said.uses is not None and said.uses < 1:
        raise BadInput(NO_USES, uses=said.uses)
    if said.until_at is not None and said.until_at <= now:
        raise BadInput(ENDED, until=said.until_at.isoformat())
    row: dict[str, Any] = {name: getattr(said, name) for name in said.__slots__} | {"proof": proof}
    with stores.ledger.write() as connection:
        seq = stores.ledger.take(connection, "consent")
        row |= {"seq": seq, "load": None, "source": OPERATOR, "happened_at": now, "received_at": now}
        connection.execute(insert(consents).values(**row))
        body = {"consent": seq, "channel": said.channel, "purpose": said.purpose, "proof": proof}
        verb = "consent grant" if said.is_granted else "consent refuse"
        number = stores.ledger.take(connection, "audit")
        text = json.dumps(body, ensure_ascii=False)
        connection.execute(insert(audit).values(seq=number, happened_at=now, actor=who.id, verb=verb, body=text))
    return seq
