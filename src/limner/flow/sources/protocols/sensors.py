"""神策 Sensors Analytics: events, sign-ups, profiles, and identities bound and unbound.

Source: 神策's data format and 数据接入 API pages; what its clients send was read off the wire. Its Python client
sends no message id: a resent event of it cannot be told from a new one, unless the source says `repeats: content`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, ClassVar, Final

from limner.flow.sources.live.base import EVENT, OK, PEOPLE, UNBIND, Answer, Bad, Body, Message, Request, Said, protocol
from limner.flow.sources.live.stamps import micros
from limner.flow.sources.live.values import body_of, each, query_of, sent_json, text_of, unusable

_GIF: Final = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
"""A picture of one transparent point: what the browser's client asks for."""

_IDENTITIES: Final[Mapping[str, str]] = {
    "$identity_mobile": "phone",
    "$identity_email": "email",
    "$identity_mp_unionid": "unionid",
    "$identity_unionid": "unionid",
    "$identity_mp_openid": "openid",
    "$identity_openid": "openid",
    "$identity_idfv": "device_id",
    "$identity_android_id": "device_id",
    "$identity_oaid": "device_id",
    "$identity_android_uuid": "device_id",
    "$identity_ios_uuid": "device_id",
}
_USER: Final = "$identity_login_id"
_ANONYMOUS: Final = ("$identity_cookie_id", "$identity_anonymous_id", "$identity_distinct_id", "$identity_idfa")
_NO_TRAITS: Final = ("$is_login_id", "$lib", "$lib_version", "$ip", "$project", "$token")
_BINDING: Final = ("track_id_bind", "track_signup")
_STATED: Final = ("profile_set", "profile_set_once")
_SAID_OF: Final = ("profile_increment", "profile_append", "profile_unset", "profile_delete")


@protocol("sensors")
class Sensors:
    """神策."""

    routes: ClassVar[tuple[tuple[str, str], ...]] = (
        ("POST", "/sa"),
        ("GET", "/sa"),
        ("POST", "/sa.gif"),
        ("GET", "/sa.gif"),
    )
    names: ClassVar[Mapping[str, str]] = {
        "$pageview": "Page Viewed",
        "$AppViewScreen": "Page Viewed",
        "$MPViewScreen": "Page Viewed",
        "$SignUp": "Signed Up",
        "$AppStart": "App Opened",
        "$MPLaunch": "App Opened",
        "$WebClick": "Element Clicked",
        "$AppClick": "Element Clicked",
        "$MPClick": "Element Clicked",
        "PayOrder": "Order Completed",
        "payOrder": "Order Completed",
        "SubmitOrder": "Order Placed",
        "ViewProduct": "Product Viewed",
        "AddToShoppingCart": "Product Added",
    }

    def key(self, request: Request) -> str:
        """`token` of the query."""
        return query_of(request).get("token", "")

    def said(self, request: Request) -> Iterator[Said]:
        """Every record of `data_list` or `data`."""
        return unusable(_said(request))

    def answer(self, request: Request) -> Answer:
        """A picture to the browser, JSON to the others."""
        return Answer(_GIF, "image/gif") if request.path.endswith(".gif") or request.method == "GET" else OK


def _said(request: Request) -> Iterator[Said]:
    for place, record in each(sent_json(request, "data_list", "data"), "data_list"):
        if isinstance(record, Bad):
            yield record
            continue
        said = _record(record, place)
        yield said
        if record.get("type") in _BINDING and isinstance(said, Message):
            yield from _each_bound(said)
        if record.get("type") == "track_signup" and isinstance(said, Message) and said.user:
            # a record that does not say which of the two its id is, may name the user where it names the visitor
            yield Message(PEOPLE, happened_at=said.happened_at, user=said.user, anonymous=said.user)


def _each_bound(said: Message) -> Iterator[Message]:
    """A binding as an event of each identifier: a pair is kept at its first moment, and this may be its second."""
    alone = [{"user": said.user}, {"anonymous": said.anonymous}] + [
        {"identifiers": {kind: value}} for kind, value in said.identifiers.items()
    ]
    named: list[dict[str, Any]] = [one for one in alone if any(one.values())]
    mark = sha256(repr((said.user, said.anonymous, sorted(said.identifiers.items()))).encode()).hexdigest()[:16]
    for turn, one in enumerate(named if len(named) > 1 else []):
        known = f"{said.message_id}/{turn}" if said.message_id else ""
        yield Message(
            EVENT, "Identifier Bound", known, said.happened_at, said.sent_at, properties={"bond": mark}, **one
        )


def _record(record: Body, place: str) -> Said:
    kind = text_of(record.get("type"))
    properties = body_of(record.get("properties"))
    own = {name: value for name, value in properties.items() if not _is_ours(name)}
    said = _Said(record, properties, own)
    if kind in ("track", "track_signup"):
        name = text_of(record.get("event")) or ("$SignUp" if kind == "track_signup" else "")
        return said.message(EVENT, name, properties=own) if name else Bad("no event name", f"{place}.event")
    if kind in ("track_id_bind", "track_id_unbind"):
        return said.message(PEOPLE if kind == "track_id_bind" else UNBIND)
    if kind in _STATED:
        return said.message(PEOPLE, traits=_traits(properties))
    if kind in _SAID_OF:
        return said.message(EVENT, f"Profile {kind.removeprefix('profile_').title()}", properties=own)
    if kind.startswith("item_"):
        return Bad("items come from a file", f"{place}.type", kind)
    return Bad("unknown type of record", f"{place}.type", kind[:80])


class _Said:
    """A record and what it says of who, when and where."""

    def __init__(self, record: Body, properties: Body, own: Mapping[str, Any]) -> None:
        self.record, self.properties, self.own = record, properties, own

    def message(
        self, kind: str, name: str = "", *, traits: Body | None = None, properties: Body | None = None
    ) -> Message:
        """The message of a record."""
        user, anonymous = self._who()
        stamp, sent = micros(self.record.get("time")), micros(self.record.get("_flush_time"))
        return Message(
            kind,
            name,
            self._id(),
            stamp,
            sent,
            user=user,
            anonymous=anonymous,
            identifiers=self._identifiers(),
            traits=traits or {},
            properties=properties or {},
            via=_via(self.properties),
            session=text_of(self.properties.get("$event_session_id")),
            address=text_of(self.properties.get("$ip")),
        )

    def _id(self) -> str:
        track = text_of(self.record.get("_track_id"))
        # the number alone is short; with the stamp it is the record's own
        return f"{track}/{text_of(self.record.get('time'))}" if track else ""

    def _who(self) -> tuple[str, str]:
        record, ids = self.record, body_of(self.record.get("identities"))
        distinct, first = text_of(record.get("distinct_id")), text_of(record.get("original_id"))
        user, anonymous = text_of(ids.get(_USER)), next((text_of(ids[n]) for n in _ANONYMOUS if ids.get(n)), "")
        if ids:
            return user, anonymous
        if record.get("type") == "track_signup" or self.properties.get("$is_login_id") or record.get("login_id"):
            return text_of(record.get("login_id")) or distinct, first or text_of(record.get("anonymous_id"))
        return "", distinct

    def _identifiers(self) -> dict[str, str]:
        ids = body_of(self.record.get("identities"))
        return {kind: text_of(ids[name]) for name, kind in _IDENTITIES.items() if text_of(ids.get(name))}


def _traits(properties: Body) -> dict[str, Any]:
    return {name.removeprefix("$"): value for name, value in properties.items() if name not in _NO_TRAITS}


def _is_ours(name: str) -> bool:
    return name.startswith("$") and name not in ("$url", "$title", "$referrer", "$screen_name", "$utm_campaign")


def _via(properties: Body) -> str:
    lib = text_of(properties.get("$lib"))
    if lib in ("js", "JS"):
        return "web"
    if lib.startswith("MiniProgram") or lib in ("AlipayMini", "BaiduMini", "BytedanceMini", "quick"):
        return "mini"
    return "app" if lib in ("iOS", "Android", "HarmonyOS") else ""
