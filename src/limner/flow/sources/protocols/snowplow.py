"""Snowplow's tracker protocol: POST of a payload, GET of one event.

Source: Snowplow's tracker protocol; what its trackers send was read off the wire. Trackers carry no key of their own:
the application id (`aid`) is the write key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from limner.flow.sources.live.base import EVENT, Answer, Bad, Body, Message, Request, Said, protocol
from limner.flow.sources.live.bodies import Unusable, from_base64, json_of
from limner.flow.sources.live.stamps import micros
from limner.flow.sources.live.values import body_of, each, query_of, text_of, unusable, whole_json

_KINDS: Final[Mapping[str, str]] = {"pv": "Page Viewed", "tr": "Order Completed", "pp": "Page Pinged"}
_TRANSACTION: Final[Mapping[str, str]] = {"tr_id": "order_id", "tr_tt": "amount", "tr_cu": "currency"}


@protocol("snowplow")
class Snowplow:
    """Snowplow."""

    routes: ClassVar[tuple[tuple[str, str], ...]] = (("POST", "/com.snowplowanalytics.snowplow/tp2"), ("GET", "/i"))
    names: ClassVar[Mapping[str, str]] = {
        "add_to_cart": "Product Added",
        "transaction": "Order Completed",
        "product_view": "Product Viewed",
        "link_click": "Element Clicked",
    }

    def key(self, request: Request) -> str:
        """The application id of the first event."""
        try:
            first = next((one for _, one in _events(request)), {})
        except Unusable:
            return ""
        return "" if isinstance(first, Bad) else text_of(first.get("aid"))

    def said(self, request: Request) -> Iterator[Said]:
        """Every event."""
        return unusable(_said(request))

    def answer(self, request: Request) -> Answer:
        """That it was taken."""
        return Answer(b"ok", "text/plain")


def _events(request: Request) -> Iterator[tuple[str, Body | Bad]]:
    if request.method == "GET":
        yield "query", query_of(request)
    else:
        yield from each(body_of(whole_json(request)).get("data", []), "data")


def _said(request: Request) -> Iterator[Said]:
    for place, event in _events(request):
        yield event if isinstance(event, Bad) else _event(event, place)


def _event(event: Body, place: str) -> Said:
    kind = text_of(event.get("e"))
    properties: dict[str, Any] = {own: event[name] for name, own in _TRANSACTION.items() if name in event}
    if kind == "ue":
        name, stated = _self_described(event)
        properties |= stated
    elif kind == "se":
        name = text_of(event.get("se_ac"))
        said = {"event_category": "se_ca", "label": "se_la", "property": "se_pr", "value": "se_va"}
        properties |= {own: event[field] for own, field in said.items() if field in event}
    else:
        name = _KINDS.get(kind, "")
    if not name:
        return Bad("unknown type of event", f"{place}.e", kind[:80])
    properties |= {own: event[name_] for own, name_ in (("url", "url"), ("page", "page")) if event.get(name_)}
    return Message(
        EVENT,
        name,
        text_of(event.get("eid")),
        micros(event.get("ttm")) or micros(event.get("dtm")),
        micros(event.get("stm")) if not event.get("ttm") else None,
        user=text_of(event.get("uid")),
        anonymous=text_of(event.get("duid")) or text_of(event.get("nuid")) or text_of(event.get("tnuid")),
        properties=properties,
        via={"web": "web", "mob": "app", "app": "app"}.get(text_of(event.get("p")), ""),
        session=text_of(event.get("sid")),
        agent=text_of(event.get("ua")),
        address=text_of(event.get("ip")),
    )


def _self_described(event: Body) -> tuple[str, dict[str, Any]]:
    """The name of a self-describing event's schema, and its data."""
    text = text_of(event.get("ue_pr"))
    found = json_of(text.encode()) if text else json_of(from_base64(text_of(event.get("ue_px"))))
    inner = body_of(body_of(found).get("data"))
    schema = text_of(inner.get("schema"))
    parts = schema.removeprefix("iglu:").split("/")
    return parts[1] if len(parts) > 1 else "", dict(body_of(inner.get("data")))
