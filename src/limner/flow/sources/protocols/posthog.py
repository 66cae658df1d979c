"""PostHog's capture API: batches and single events.

Source: PostHog's API pages; what its clients send was read off the wire. In PostHog any id may be anybody's: an id that
looks like one its clients make for a visitor (a UUID) is taken for an anonymous one, every other for a user's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

import msgspec

from limner.flow.sources.live.base import EVENT, PEOPLE, Answer, Bad, Body, Message, Request, Said, protocol
from limner.flow.sources.live.bodies import Unusable, inflated, is_json
from limner.flow.sources.live.stamps import micros
from limner.flow.sources.live.values import body_of, each, sent_json, text_of, unusable

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NO_EVENT: Final = ("$identify", "$set", "$create_alias", "$merge_dangerously", "$groupidentify", "$set_once")


class _Key(msgspec.Struct):
    api_key: str | None = None
    token: str | None = None


_key = msgspec.json.Decoder(_Key)


@protocol("posthog")
class PostHog:
    """PostHog."""

    routes: ClassVar[tuple[tuple[str, str], ...]] = tuple(
        ("POST", f"{path}{end}") for path in ("/batch", "/capture", "/i/v0/e", "/e") for end in ("/", "")
    )
    names: ClassVar[Mapping[str, str]] = {"$pageview": "Page Viewed", "$screen": "Page Viewed"}

    def key(self, request: Request) -> str:
        """`api_key` of the body, or `token` (of a form's `data`: whichever that says)."""
        try:
            body = inflated(request.body)
            if not is_json(body):
                found = body_of(sent_json(request, "data"))
                return text_of(found.get("api_key")) or text_of(found.get("token"))
            known = _key.decode(body)
        except (msgspec.MsgspecError, Unusable, ValueError, RecursionError):
            return ""
        return known.api_key or known.token or ""

    def said(self, request: Request) -> Iterator[Said]:
        """Every event of a batch, or the one event."""
        return unusable(_said(request))

    def answer(self, request: Request) -> Answer:
        """What its clients look for."""
        return Answer(b'{"status":1}')


def _said(request: Request) -> Iterator[Said]:
    whole = sent_json(request, "data")
    sent = micros(body_of(whole).get("sent_at"))
    for place, event in each(whole["batch"] if isinstance(whole, dict) and "batch" in whole else whole, "batch"):
        yield event if isinstance(event, Bad) else _event(event, place, sent)


def _event(event: Body, place: str, sent: int | None) -> Said:
    name, properties = text_of(event.get("event")), body_of(event.get("properties"))
    if not name:
        return Bad("no event name", f"{place}.event")
    distinct = text_of(event.get("distinct_id")) or text_of(properties.get("distinct_id"))
    user, anonymous = ("", distinct) if _UUID.fullmatch(distinct) else (distinct, "")
    other = text_of(properties.get("$anon_distinct_id")) or text_of(properties.get("alias"))
    also = ""
    if name == "$identify":
        user, anonymous = distinct, other
    elif name in ("$create_alias", "$merge_dangerously") and other != distinct:
        if _UUID.fullmatch(other):
            anonymous = anonymous or other
        elif user:
            also = other
        else:
            user = other
    traits = {**body_of(properties.get("$set_once")), **body_of(properties.get("$set")), **body_of(event.get("$set"))}
    own = {n: value for n, value in properties.items() if not n.startswith("$") and n not in ("token", "distinct_id")}
    if "$current_url" in properties:
        own.setdefault("url", properties["$current_url"])
    return Message(
        PEOPLE if name in _NO_EVENT else EVENT,
        name,
        text_of(event.get("uuid")),
        micros(event.get("timestamp")),
        sent,
        user=user,
        anonymous=anonymous,
        also=also,
        traits=traits,
        properties=own,
        via="web" if properties.get("$lib") == "web" else "",
        session=text_of(properties.get("$session_id")),
        agent=text_of(properties.get("$raw_user_agent")),
        address=text_of(properties.get("$ip")),
    )
