"""ThinkingData 数数: events and user properties.

Source: ThinkingData's 数据规则 and RESTful pages; what its Python client sends was read off the wire. Stamps are of
the wall clock, in the zone that `#zone_offset` names, or else in the source's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from limner.flow.sources.live.base import EVENT, PEOPLE, Answer, Bad, Body, Message, Request, Said, protocol
from limner.flow.sources.live.bodies import inflated, json_of
from limner.flow.sources.live.stamps import micros
from limner.flow.sources.live.values import body_of, each, query_of, text_of, unusable

_EVENTS: Final = ("track", "track_update", "track_overwrite")
_STATED: Final = ("user_set", "user_setOnce")
_SAID_OF: Final = ("user_add", "user_append", "user_uniq_append", "user_unset", "user_del")


@protocol("thinkingdata")
class Shushu:
    """ThinkingData, 数数."""

    routes: ClassVar[tuple[tuple[str, str], ...]] = (("POST", "/sync_server"), ("POST", "/sync_json"))
    names: ClassVar[Mapping[str, str]] = {
        "ta_app_start": "App Opened",
        "ta_app_view": "Page Viewed",
        "ta_pageview": "Page Viewed",
        "ta_app_click": "Element Clicked",
    }

    def key(self, request: Request) -> str:
        """The header `appid`, or `appid` of the query."""
        return request.headers.get("appid", "") or query_of(request).get("appid", "")

    def said(self, request: Request) -> Iterator[Said]:
        """Every record of the list."""
        return unusable(_said(request))

    def answer(self, request: Request) -> Answer:
        """The code its clients wait for."""
        return Answer(b'{"code":0,"msg":""}')


def _said(request: Request) -> Iterator[Said]:
    found = json_of(inflated(request.body))
    if isinstance(found, dict) and "data" in found:
        found = found["data"]
    for place, record in each(found, "data"):
        yield record if isinstance(record, Bad) else _record(record, place)


def _record(record: Body, place: str) -> Said:
    kind, properties = text_of(record.get("#type")), body_of(record.get("properties"))
    own = {name: value for name, value in properties.items() if not name.startswith("#")}
    name = text_of(record.get("#event_name"))
    if kind in _EVENTS and not name:
        return Bad("no event name", f"{place}.#event_name")
    if kind in _SAID_OF:
        name = f"Profile {kind.removeprefix('user_').replace('_', ' ').title()}"
    elif kind not in _EVENTS and kind not in _STATED:
        return Bad("unknown type of record", f"{place}.#type", kind[:80])
    offset = properties.get("#zone_offset")
    has_offset = isinstance(offset, int | float) and not isinstance(offset, bool) and abs(offset) <= 14
    stamp = micros(record.get("#time"))
    if stamp is not None and has_offset:
        stamp -= round(float(offset) * 3_600_000_000)  # type: ignore[arg-type]
    return Message(
        PEOPLE if kind in _STATED else EVENT,
        name,
        text_of(record.get("#uuid")) or text_of(record.get("#first_check_id")),
        stamp,
        user=text_of(record.get("#account_id")),
        anonymous=text_of(record.get("#distinct_id")),
        traits=own if kind in _STATED else {},
        properties={} if kind in _STATED else own,
        via={"Android": "app", "iOS": "app", "JS": "web", "MG": "mini"}.get(text_of(properties.get("#lib")), ""),
        session=text_of(properties.get("#session_id")),
        address=text_of(record.get("#ip")),
        is_wall=not has_offset,
    )
