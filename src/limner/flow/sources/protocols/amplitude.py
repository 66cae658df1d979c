"""Amplitude's HTTP API v2 and batch upload.

Source: Amplitude's HTTP V2 API reference; what its clients send was read off the wire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import msgspec

from limner.flow.sources.live.base import EVENT, PEOPLE, Answer, Bad, Body, Message, Request, Said, protocol
from limner.flow.sources.live.bodies import Unusable, inflated
from limner.flow.sources.live.stamps import micros
from limner.flow.sources.live.values import body_of, each, text_of, unusable, whole_json

_NO_EVENT: Final = ("$identify", "$groupidentify")


class _Key(msgspec.Struct):
    api_key: str | None = None


_key = msgspec.json.Decoder(_Key)


@protocol("amplitude")
class Amplitude:
    """Amplitude."""

    routes: ClassVar[tuple[tuple[str, str], ...]] = (("POST", "/2/httpapi"), ("POST", "/batch/amplitude"))
    names: ClassVar[Mapping[str, str]] = {
        "[Amplitude] Page Viewed": "Page Viewed",
        "session_start": "App Opened",
        "[Amplitude] Revenue": "Order Completed",
        "revenue_amount": "Order Completed",
    }

    def key(self, request: Request) -> str:
        """`api_key` of the body."""
        try:
            return _key.decode(inflated(request.body)).api_key or ""
        except (msgspec.MsgspecError, Unusable, ValueError, RecursionError):
            return ""

    def said(self, request: Request) -> Iterator[Said]:
        """Every event."""
        return unusable(_said(request))

    def answer(self, request: Request) -> Answer:
        """The code its clients wait for; without it they send again."""
        return Answer(b'{"code":200,"events_ingested":1,"payload_size_bytes":1,"server_upload_time":1}')


def _said(request: Request) -> Iterator[Said]:
    whole = body_of(whole_json(request))
    if not isinstance(whole.get("events"), list):
        yield Bad("no events", "events")
        return
    sent = micros(whole.get("client_upload_time"))
    for place, event in each(whole["events"], "events"):
        yield event if isinstance(event, Bad) else _event(event, place, sent)


def _event(event: Body, place: str, sent: int | None) -> Said:
    name = text_of(event.get("event_type"))
    if not name:
        return Bad("no event name", f"{place}.event_type")
    said = body_of(event.get("user_properties"))
    traits: dict[str, Any] = {}
    for verb, given in said.items():
        if verb in ("$set", "$setOnce"):
            traits |= body_of(given)
        elif not verb.startswith("$"):
            traits[verb] = given
    properties: dict[str, Any] = dict(body_of(event.get("event_properties")))
    for field, own in _FIELDS.items():
        if event.get(field) is not None:
            properties.setdefault(own, event[field])
    return Message(
        PEOPLE if name in _NO_EVENT else EVENT,
        name,
        text_of(event.get("insert_id")) or text_of(event.get("uuid")),
        micros(event.get("time")),
        sent,
        user=text_of(event.get("user_id")),
        anonymous=text_of(event.get("device_id")),
        traits=traits,
        properties=properties,
        via={"Web": "web", "iOS": "app", "Android": "app"}.get(text_of(event.get("platform")), ""),
        session=text_of(event.get("session_id")) if event.get("session_id") != -1 else "",
        agent=text_of(event.get("user_agent")),
        address=text_of(event.get("ip")),
    )


_FIELDS: Final[Mapping[str, str]] = {"revenue": "amount", "quantity": "quantity", "productId": "item_id"}
"""Fields of an event beside its properties → what we call them."""
