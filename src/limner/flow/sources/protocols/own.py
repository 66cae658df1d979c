"""Our own batch: plain JSON, for whoever writes to us without a client.

POST /collect with `Authorization: Bearer KEY`: one object, a list, {"batch": [...]}, or one object per line. Fields:
`type` (event, profile, consent; event when there is a name), `name`, `id`, `at` (ISO with offset, or epoch), `user`,
`anonymous`, `identifiers` {kind: value}, `traits`, `properties`, `lines`, `via`, `session`; of a consent `channel`,
`granted`, `purpose`, `until`, `uses`, `proof`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from limner.flow.sources.live.base import (
    CONSENT,
    EVENT,
    OK,
    PEOPLE,
    Answer,
    Bad,
    Body,
    Message,
    Request,
    Said,
    protocol,
)
from limner.flow.sources.live.bodies import inflated, json_of
from limner.flow.sources.live.stamps import micros
from limner.flow.sources.live.values import basic_user, body_of, each, query_of, text_of, unusable

_CONSENT: Final = ("channel", "granted", "purpose", "until", "uses", "proof")
_KINDS: Final = (EVENT, "profile", CONSENT)


@protocol("own")
class Own:
    """Limner's own JSON."""

    routes: ClassVar[tuple[tuple[str, str], ...]] = (("POST", "/collect"),)
    names: ClassVar[Mapping[str, str]] = {}

    def key(self, request: Request) -> str:
        """A bearer token, the user of Basic authentication, `X-Write-Key`, or `key` of the query."""
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return given.strip()
        return basic_user(request.headers) or request.headers.get("x-write-key", "") or query_of(request).get("key", "")

    def said(self, request: Request) -> Iterator[Said]:
        """Every object of the batch."""
        return unusable(_said(request))

    def answer(self, request: Request) -> Answer:
        """That it was taken."""
        return OK


def _said(request: Request) -> Iterator[Said]:
    body = inflated(request.body)
    lines = [line for line in body.splitlines() if line.strip()]
    if len(lines) < 2 or not all(line.lstrip()[:1] == b"{" and line.rstrip()[-1:] == b"}" for line in lines):
        yield from _batch(json_of(body), "")
        return
    for turn, line in enumerate(lines, 1):
        yield from unusable(_line(line, f"line {turn}"))


def _line(line: bytes, place: str) -> Iterator[Said]:
    yield from _batch(json_of(line), place)


def _batch(found: object, place: str) -> list[Said]:
    batch = found.get("batch", found) if isinstance(found, Mapping) else found
    return [one if isinstance(one, Bad) else _one(one, where) for where, one in each(batch, place)]


def _one(one: Body, place: str) -> Said:
    name = text_of(one.get("name"))
    kind = text_of(one.get("type")) or (EVENT if name else "profile")
    if kind not in _KINDS:
        return Bad("unknown type", f"{place}.type", kind[:80])
    if kind == EVENT and not name:
        return Bad("no event name", f"{place}.name")
    named = body_of(one.get("identifiers"))
    lines = one.get("lines")
    return Message(
        PEOPLE if kind == "profile" else kind,
        name,
        text_of(one.get("id")),
        micros(one.get("at")),
        micros(one.get("sent_at")),
        user=text_of(one.get("user")),
        anonymous=text_of(one.get("anonymous")),
        identifiers={text_of(k): text_of(v) for k, v in named.items() if text_of(v)},
        traits=body_of(one.get("traits")),
        properties=body_of(one.get("properties")),
        products=tuple(p for p in lines if isinstance(p, Mapping)) if isinstance(lines, list) else (),
        via=text_of(one.get("via")),
        session=text_of(one.get("session")),
        agent=text_of(one.get("agent")),
        address=text_of(one.get("address")),
        consent={name: one[name] for name in _CONSENT if name in one},
    )
