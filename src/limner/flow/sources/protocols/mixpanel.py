"""Mixpanel's ingestion API: track, import and engage.

Source: Mixpanel's API reference; what its clients send was read off the wire. The Node client sends no `$insert_id`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from limner.flow.sources.live.base import EVENT, PEOPLE, Answer, Bad, Body, Message, Request, Said, protocol
from limner.flow.sources.live.bodies import Unusable
from limner.flow.sources.live.stamps import micros
from limner.flow.sources.live.values import body_of, each, sent_json, text_of, unusable

_DEVICE: Final = "$device:"
_JOINING: Final = ("$identify", "$create_alias", "$merge")
_STATED: Final = ("$set_once", "$set")


@protocol("mixpanel")
class Mixpanel:
    """Mixpanel."""

    routes: ClassVar[tuple[tuple[str, str], ...]] = tuple(
        (method, f"{path}{end}")
        for method in ("POST", "GET")
        for path in ("/track", "/engage", "/import")
        for end in ("", "/")
        if method == "POST" or path != "/import"
    )
    names: ClassVar[Mapping[str, str]] = {"$mp_web_page_view": "Page Viewed", "$screen": "Page Viewed"}

    def key(self, request: Request) -> str:
        """The token that the first record carries."""
        try:
            found = sent_json(request, "data")
        except Unusable:
            return ""
        first = body_of(found[0] if isinstance(found, list) and found else found)
        return text_of(first.get("$token")) or text_of(body_of(first.get("properties")).get("token"))

    def said(self, request: Request) -> Iterator[Said]:
        """Every record."""
        return unusable(_said(request))

    def answer(self, request: Request) -> Answer:
        """A 1, or what `verbose` and the import ask for."""
        if request.path.startswith("/import"):
            return Answer(b'{"code":200,"status":"OK","num_records_imported":0}')
        return Answer(b'{"status":1,"error":null}') if "verbose=1" in request.query + _form(request) else Answer(b"1")


def _form(request: Request) -> str:
    return request.body[-200:].decode("utf-8", errors="replace")


def _said(request: Request) -> Iterator[Said]:
    people = request.path.startswith("/engage")
    for place, record in each(sent_json(request, "data"), "data"):
        if isinstance(record, Bad):
            yield record
        else:
            yield _person(record, place) if people else _event(record, place)


def _who(distinct: str) -> tuple[str, str]:
    return ("", distinct.removeprefix(_DEVICE)) if distinct.startswith(_DEVICE) else (distinct, "")


def _event(record: Body, place: str) -> Said:
    name, properties = text_of(record.get("event")), body_of(record.get("properties"))
    if not name:
        return Bad("no event name", f"{place}.event")
    user, anonymous = _who(text_of(properties.get("distinct_id")))
    also = ""
    if name in _JOINING:
        given = properties.get("$distinct_ids")
        others = given if isinstance(given, list) else [properties.get("alias"), properties.get("$anon_id")]
        for other in (text_of(one) for one in others):
            also = other if other and other != user and not other.startswith(_DEVICE) else also
            anonymous = other.removeprefix(_DEVICE) if other.startswith(_DEVICE) else anonymous
        user = user or text_of(properties.get("$identified_id"))
    own = {n: value for n, value in properties.items() if not n.startswith(("$", "mp_")) and n not in _OURS}
    return Message(
        PEOPLE if name in _JOINING else EVENT,
        name,
        text_of(properties.get("$insert_id")),
        micros(properties.get("time")),
        user=text_of(properties.get("$user_id")) or user,
        anonymous=text_of(properties.get("$device_id")) or anonymous,
        also=also,
        properties=own,
        via="web" if properties.get("mp_lib") == "web" else "",
        address=text_of(properties.get("ip")),
    )


_OURS: Final = ("token", "distinct_id", "time", "ip")


def _person(record: Body, place: str) -> Said:
    user, anonymous = _who(text_of(record.get("$distinct_id")))
    if not user and not anonymous:
        return Bad("no identifier", f"{place}.$distinct_id")
    stamp = micros(record.get("$time"))
    traits: dict[str, Any] = {}
    for verb in _STATED:
        traits |= {name.removeprefix("$"): value for name, value in body_of(record.get(verb)).items()}
    added = body_of(record.get("$add"))
    if added and not traits:
        return Message(EVENT, "Profile Increment", happened_at=stamp, user=user, anonymous=anonymous, properties=added)
    return Message(PEOPLE, happened_at=stamp, user=user, anonymous=anonymous, traits=traits)
