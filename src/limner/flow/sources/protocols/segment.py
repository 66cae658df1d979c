"""Segment's HTTP API, which RudderStack's clients speak too: batches and single calls.

Source: Segment's and RudderStack's HTTP API references; what their clients send was read off the wire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import msgspec

from limner.flow.sources.live.base import EVENT, OK, PEOPLE, Answer, Bad, Body, Message, Request, Said, protocol
from limner.flow.sources.live.bodies import Unusable, inflated
from limner.flow.sources.live.stamps import micros
from limner.flow.sources.live.values import basic_user, body_of, each, text_of, unusable, whole_json

_SINGLE: Final[Mapping[str, str]] = {
    "t": "track", "track": "track", "i": "identify", "identify": "identify", "p": "page", "page": "page",
    "s": "screen", "screen": "screen", "a": "alias", "alias": "alias", "g": "group", "group": "group",
}  # fmt: skip
"""The last part of a path → the type of call."""

_BATCHES: Final = ("batch", "b", "import")


class _Key(msgspec.Struct):
    writeKey: str | None = None  # noqa: N815 - the client's word


_key = msgspec.json.Decoder(_Key)


@protocol("segment")
class Segment:
    """Segment and RudderStack."""

    routes: ClassVar[tuple[tuple[str, str], ...]] = (
        *(("POST", f"/v1/{tail}") for tail in (*_BATCHES, *_SINGLE)),
        *(("POST", f"/{tail}") for tail in (*_BATCHES, *_SINGLE) if len(tail) == 1),
        ("POST", "/v1/m"),
        ("GET", "/v1/projects/*"),
    )
    names: ClassVar[Mapping[str, str]] = {
        "Products Searched": "Product Searched",
        "Product List Viewed": "Product List Viewed",
        "Checkout Started": "Order Placed",
        "Product Added to Wishlist": "Product Favorited",
        "Application Opened": "App Opened",
        "Signed Out": "Signed Out",
    }

    def key(self, request: Request) -> str:
        """The user of Basic authentication, or `writeKey` of the body (the browser's way)."""
        if request.method == "GET":
            return request.path.split("/")[3]
        found = basic_user(request.headers)
        if found:
            return found
        try:
            return _key.decode(inflated(request.body)).writeKey or ""
        except (msgspec.MsgspecError, Unusable, ValueError, RecursionError):
            return ""

    def said(self, request: Request) -> Iterator[Said]:
        """Every call of a batch, or the one call."""
        return unusable(_said(request))

    def answer(self, request: Request) -> Answer:
        """The settings that the browser's client asks for first; else that it was taken."""
        if request.method != "GET":
            return OK
        host = request.headers.get("host", "")
        scheme = request.headers.get("x-forwarded-proto", "http")
        inner = {"apiKey": request.path.split("/")[3], "apiHost": f"{host}/v1", "protocol": scheme}
        settings = {"integrations": {"Segment.io": inner}, "plan": {}, "enabledMiddleware": {}, "metrics": {}}
        return Answer(msgspec.json.encode(settings))


def _said(request: Request) -> Iterator[Said]:
    tail = request.path.rsplit("/", 1)[-1]
    if request.method == "GET" or tail == "m":
        return
    whole = whole_json(request)
    if tail not in _BATCHES:
        whole = {"batch": [{**body_of(whole), "type": _SINGLE[tail]}]} if isinstance(whole, dict) else whole
    if not isinstance(whole, dict) or not isinstance(whole.get("batch"), list):
        yield Bad("no batch", "", str(whole)[:80])
        return
    sent, context = micros(whole.get("sentAt")), body_of(whole.get("context"))
    for place, call in each(whole["batch"], "batch"):
        yield call if isinstance(call, Bad) else _call(call, place, sent, context)


def _call(call: Body, place: str, sent: int | None, shared: Body) -> Said:
    kind = text_of(call.get("type"))
    context = {**shared, **body_of(call.get("context"))}
    properties, traits = body_of(call.get("properties")), dict(body_of(context.get("traits")))
    name = ""
    if kind == "track":
        name = text_of(call.get("event"))
        if not name:
            return Bad("no event name", f"{place}.event")
    elif kind in ("page", "screen"):
        name, properties = "Page Viewed", _page(call, properties)
    elif kind == "identify":
        traits |= body_of(call.get("traits"))
    elif kind == "group":
        traits |= {"group_id": text_of(call.get("groupId"))}
    elif kind != "alias":
        return Bad("unknown type of call", f"{place}.type", kind[:80])
    campaign = text_of(body_of(context.get("campaign")).get("name"))
    if campaign and "campaign" not in properties:
        properties = {**properties, "campaign": campaign}
    products = properties.get("products")
    stamp = call.get("originalTimestamp") or call.get("timestamp")
    return Message(
        EVENT if name else PEOPLE,
        name,
        text_of(call.get("messageId")),
        micros(stamp),
        micros(call.get("sentAt")) or sent,
        user=text_of(call.get("userId")),
        anonymous=text_of(call.get("previousId")) or text_of(call.get("anonymousId")),
        traits=traits,
        properties=properties,
        products=tuple(p for p in products if isinstance(p, Mapping)) if isinstance(products, list) else (),
        via=_via(kind, context),
        session=text_of(context.get("sessionId")),
        agent=text_of(context.get("userAgent")),
        address=text_of(context.get("ip")),
    )


def _page(call: Body, properties: Body) -> dict[str, Any]:
    found = dict(properties)
    if text_of(call.get("name")):
        found.setdefault("page", call["name"])
    if text_of(call.get("category")):
        found.setdefault("page_category", call["category"])
    return found


def _via(kind: str, context: Body) -> str:
    device = text_of(body_of(context.get("device")).get("type")).lower()
    if kind == "screen" or device in ("ios", "android"):
        return "app"
    return "web" if context.get("page") or text_of(context.get("userAgent")).startswith("Mozilla") else ""
