"""From envelopes to messages, source by source."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from limner.flow.sources.definition import LiveMap, Source
from limner.flow.sources.known import joined
from limner.flow.sources.live.base import CONSENT, EVENT, UNBIND, Bad, Intake, Message, Request, Said, protocols
from limner.flow.sources.live.enriching import reader
from limner.flow.sources.live.keys import Keys, first_of_each, key_of
from limner.flow.sources.live.rows import Gathering

if TYPE_CHECKING:
    from limner.flow.sources.known import Halves
    from limner.store.stream import Envelope

_KEYED: Final = (EVENT, CONSENT, UNBIND)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is needed to understand what came in: the sources, the workspace's zone, the declared properties."""

    sources: Mapping[str, Source]
    zone: str
    declared: Mapping[str, str]

    def live(self, source: str) -> LiveMap:
        """What a source says of its clients; what is usual, when it is gone or says nothing."""
        found = self.sources.get(source)
        return (found.live if found else None) or LiveMap()

    def zone_of(self, source: str) -> ZoneInfo:
        """The zone a source's wall clocks stand in."""
        found = self.sources.get(source)
        return ZoneInfo((found.zone if found else "") or self.zone)


class Protocols:
    """The protocols, each made once."""

    def __init__(self) -> None:
        self.known: dict[str, Intake] = {name: cls() for name, cls in protocols}

    def said(self, envelope: Envelope) -> Iterator[Said]:
        """What an envelope says. This is the call of a kind: whatever it raises is a reason, and stops nobody else."""
        kind = self.known.get(envelope.protocol)
        if kind is None:
            yield Bad("unknown protocol", value=envelope.protocol)
            return
        path, _, query = envelope.path.partition("?")
        method, _, path = path.partition(" ")
        try:
            for said in kind.said(Request(method, path, query, {}, envelope.body)):
                yield _with_place(said, envelope)
        except Exception as error:
            yield Bad("the protocol failed", value=type(error).__name__)


def _with_place(said: Said, envelope: Envelope) -> Said:
    """What is said, with the device and the address the request came from where it names none of its own."""
    if isinstance(said, Bad) or (said.agent and said.address) or not said.via:
        return said
    return replace(said, agent=said.agent or envelope.agent, address=said.address or envelope.address)


@dataclass(slots=True)
class Heard:
    """What was said to one source, and the keys of it."""

    gathering: Gathering
    newest: int
    keys: Halves


def gather(
    envelopes: Iterable[Envelope],
    kinds: Protocols,
    reading: Reading,
    known: Mapping[str, Keys],
    first: Mapping[str, int],
) -> dict[str, Heard]:
    """What envelopes say, by source. `known` are the keys of what was said before, `first` the line each begins at."""
    said: dict[str, list[tuple[Said, int]]] = {}
    for envelope in envelopes:
        mine = said.setdefault(envelope.source, [])
        mine += [(one, envelope.received_at) for one in kinds.said(envelope)]
    return {
        source: _heard(source, mine, kinds, reading, known.get(source), first.get(source, 1))
        for source, mine in sorted(said.items())
        if mine  # an empty batch says nothing
    }


def _heard(
    source: str, said: list[tuple[Said, int]], kinds: Protocols, reading: Reading, known: Keys | None, first: int
) -> Heard:
    live = reading.live(source)
    raw = [_key(source, one, live) for one, _ in said]
    keyed = [key for key in raw if key]
    keys = joined(keyed)
    again = ~first_of_each(raw)
    if known is not None and keyed:
        again[[place for place, key in enumerate(raw) if key]] |= known.known(keys)
    gathering = Gathering(live, reading.zone_of(source), frozenset(reading.declared), _names(kinds), first)
    gathering.texts = reader(reading.sources.get(source))
    for (one, received_at), is_again in zip(said, again.tolist(), strict=True):
        gathering.add(_by_content(one, live), received_at, "yes" if is_again else "")
    newest = max(received_at for _, received_at in said)
    return Heard(gathering, newest, np.unique(keys, axis=0) if len(keys) else keys)


def _names(kinds: Protocols) -> dict[str, str]:
    """What all protocols call their events, and we do."""
    found: dict[str, str] = {}
    for kind in kinds.known.values():
        found |= kind.names
    return found


def _key(source: str, one: Said, live: LiveMap) -> bytes:
    """The key of a message that is known again; empty for those that are not."""
    if isinstance(one, Bad) or one.kind not in _KEYED:
        return b""
    message_id = _by_content(one, live).message_id  # type: ignore[union-attr]
    return key_of(source, message_id) if message_id else b""


def _by_content(one: Said, live: LiveMap) -> Said:
    """A message without an id gets one of its content, where the source asks for it."""
    if isinstance(one, Bad) or one.message_id or live.repeats == "id" or one.happened_at is None:
        return one
    return replace(one, message_id=f"content/{_digest(one)}")


def _digest(one: Message) -> str:
    plain: list[Any] = [one.kind, one.name, one.happened_at, one.user, one.anonymous, one.also]
    plain += [dict(one.identifiers), dict(one.traits), dict(one.properties), list(one.products), dict(one.consent)]
    return sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()[:32]
