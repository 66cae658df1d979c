"""The live tail: what came in lately, message by message, and why what could not be used was not."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from limner.core.ids import identifier_hash
from limner.core.kinds import identifier_kind
from limner.core.normal import identifier, masked
from limner.flow.sources.live.base import EVENT, Bad, Said
from limner.flow.sources.live.gather import Protocols, Reading
from limner.flow.sources.live.stamps import set_right
from limner.store.ledger.columns import instant
from limner.store.ledger.erasures import buried, forgotten

if TYPE_CHECKING:
    from limner.flow.sources.definition import LiveMap
    from limner.store.definitions import Definitions
    from limner.store.stores import Stores
    from limner.store.stream import Envelope


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing a client sent: when it came, when it happened, what it is and of whom; or why it cannot be used.

    `who` are its identifiers and `values` what it states, addresses masked.
    """

    received_at: datetime
    source: str
    protocol: str
    kind: str
    name: str = ""
    happened_at: datetime | None = None
    who: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


def tail_of(stores: Stores, definitions: Definitions, source: str, *, limit: int, rejects: bool) -> tuple[Heard, ...]:
    """The newest `limit` messages of a source (empty: of all) that lie in the stream, oldest first.

    Those of persons who were erased since are left out.
    """
    from limner.flow.sources.definition import Source

    reading = Reading(definitions.of(Source), stores.settings.workspace.zone, {})
    if source:
        definitions.find(Source, source)
    kinds, erased = Protocols(), forgotten(stores.ledger)
    found: deque[Heard] = deque(maxlen=limit)
    for envelope in stores.stream.recent():
        if source in ("", envelope.source):
            for said in kinds.said(envelope):
                if not (erased and _is_of(said, reading.live(source or envelope.source), erased, stores.hash_key)):
                    heard = _heard(said, envelope, reading)
                    found += [heard] if heard.reason or not rejects else []
    return tuple(found)


def _is_of(said: Said, live: LiveMap, erased: Collection[tuple[str, bytes]], key: bytes) -> bool:
    """Whether a message names somebody of those."""
    if isinstance(said, Bad):
        return False
    named = [(live.user, said.user), (live.anonymous, said.anonymous), *said.also, *said.identifiers.items()]
    known = (identifier(kind, value) for kind, value in named if value)
    return any((one.kind, buried(identifier_hash(key, one.kind, one.value))) in erased for one in known if one.value)


def _heard(said: Said, envelope: Envelope, reading: Reading) -> Heard:
    received = instant(envelope.received_at)
    if isinstance(said, Bad):
        shown = {"place": said.place, "value": masked(said.value) or ""}
        return Heard(received, envelope.source, envelope.protocol, "bad", values=shown, reason=said.reason)
    live = reading.live(envelope.source)
    at, _ = set_right(said.happened_at, said.sent_at, envelope.received_at)
    who = {live.user: said.user, live.anonymous: said.anonymous, **said.identifiers}
    stated = said.properties if said.kind == EVENT else said.traits or said.consent
    return Heard(
        received,
        envelope.source,
        envelope.protocol,
        said.kind,
        said.name,
        instant(at),
        {kind: _shown(kind, value) for kind, value in who.items() if value},
        {str(name): masked(str(value)) or "" for name, value in stated.items()},
    )


def _shown(kind: str, value: str) -> str:
    return (masked(value) or "") if identifier_kind(kind).is_address else value
