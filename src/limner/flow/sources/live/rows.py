"""Messages laid out in columns, like the rows of a file: who they are of, what happened, what was stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import msgspec

from limner.flow.sources.base import LINE
from limner.flow.sources.live.base import CONSENT, EVENT, UNBIND, Bad, Message
from limner.flow.sources.live.bodies import DEEPEST
from limner.flow.sources.live.fields import Fields
from limner.flow.sources.live.stamps import set_right
from limner.flow.sources.names import LONGEST, ORDER, REFUND, canonical_name

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.flow.sources.definition import LiveMap
    from limner.flow.sources.live.enriching import Texts

LARGEST: Final = 64 << 10
"""Bytes of an event's undeclared properties as JSON; a larger object is left out."""

LINES: Final = 500
"""Lines of one order; those after are left out."""

PARTS: Final = ("people", "events", "consents", "orders")
"""The sorts of rows, in the order they are loaded."""

_LARGEST_NUMBER: Final = 10**40
_ORDERS: Final = (ORDER, REFUND)
_FIELDS: Final = ("order_id", "item_id", "category", "quantity", "amount", "currency", "session", "via")
_LINE_FIELDS: Final = ("item_id", "category", "quantity", "price", "list_price", "amount")
_CONSENT: Final = ("channel", "granted", "purpose", "until", "uses", "proof")

_encode = msgspec.json.Encoder(enc_hook=str).encode


class Columns:
    """Columns that grow row by row; a row that lacks a value has null there."""

    def __init__(self) -> None:
        self.rows = 0
        self.lines: list[int] = []
        self._values: dict[str, dict[int, Any]] = {}

    def add(self, line: int, values: Mapping[str, Any]) -> None:
        """Add a row."""
        row, known = self.rows, self._values
        for name, value in values.items():
            column = known.get(name)
            if column is None:
                column = known[name] = {}
            column[row] = value
        self.lines.append(line)
        self.rows = row + 1

    def named(self, head: str) -> list[str]:
        """The columns whose names begin so, without their head."""
        return [name.removeprefix(head) for name in self._values if name.startswith(head)]

    def table(self) -> tuple[pa.Table, dict[str, str]]:
        """All rows, and the type of each column in words."""
        import pyarrow as pa

        columns: dict[str, Any] = {LINE: pa.array(self.lines, pa.int64())}
        kinds: dict[str, str] = {}
        for name, found in self._values.items():
            stamp = name == "happened_at"
            values = [found.get(row) for row in range(self.rows)]
            columns[name] = pa.array(values, pa.timestamp("us", tz="UTC") if stamp else pa.string())
            kinds[name] = "instant" if stamp else "json" if name == "extra" else "text"
        return pa.table(columns), kinds


@dataclass(slots=True)
class Gathering:
    """What was said to one source, sort by sort, with what could not be used: (line, value, reason). `bad` are whole
    messages, `left_out` single values of messages used otherwise.

    `typed` are the declared properties of events. Lines count the messages, from 1.
    """

    live: LiveMap
    zone: ZoneInfo
    typed: frozenset[str]
    names: Mapping[str, str]
    first_line: int = 1
    parts: dict[str, Columns] = field(default_factory=lambda: {name: Columns() for name in PARTS})
    bad: list[tuple[int, str, str]] = field(default_factory=list)
    left_out: list[tuple[int, str, str]] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    """Trait → what its values are: bool, number or text."""
    line: int = 0
    texts: Texts | None = None
    """What the source's enrichment reads."""

    def __post_init__(self) -> None:
        self.line = self.first_line - 1
        self._fields = Fields.of(self.live)
        self._known: dict[str, str] = {}

    _fields: Fields = field(init=False)
    _known: dict[str, str] = field(init=False)

    def add(self, said: Message | Bad, received_at: int, key: str) -> None:
        """Take in one thing; `key` is empty, or "yes" when the same was said before."""
        self.line += 1
        if isinstance(said, Bad):
            self.bad.append((self.line, _clean(f"{said.place} {said.value}".strip()), said.reason))
            return
        values = self._who(said) | self._when(said, received_at)
        if key:
            values["again"] = key
        if self.texts is not None:
            values |= self.texts(said, _plain)
        if said.kind == EVENT:
            self._event(said, values)
        elif said.kind == CONSENT:
            given = {name: _plain(said.consent[name]) for name in _CONSENT if said.consent.get(name) is not None}
            event = {"name": f"Consent {'Given' if _is_yes(said.consent.get('granted')) else 'Refused'}"}
            self.parts["consents"].add(self.line, values | event | given | self._id(said))
        elif said.kind == UNBIND:
            self.parts["events"].add(self.line, _one_only(values) | {"name": "Identifier Unbound"} | self._id(said))
        elif any(name.startswith("id:") for name in values):
            self.parts["people"].add(self.line, values)
        else:
            self.bad.append((self.line, "", "no identifier"))

    @property
    def messages(self) -> int:
        """How many there are."""
        return self.line - self.first_line + 1

    def _id(self, said: Message) -> dict[str, str]:
        return {"event_id": _clean(said.message_id)} if said.message_id else {}

    def _when(self, said: Message, received_at: int) -> dict[str, Any]:
        stamp = said.happened_at
        if stamp is not None and said.is_wall:
            wall = datetime.fromtimestamp(stamp / 1e6, UTC).replace(tzinfo=self.zone)
            stamp = int(wall.timestamp()) * 1_000_000 + stamp % 1_000_000
        at, was_wrong = set_right(stamp, said.sent_at, received_at)
        if was_wrong:
            self.left_out.append((self.line, str(said.happened_at), "clock wrong: the moment of arrival is taken"))
        return {"happened_at": at}

    def _who(self, said: Message) -> dict[str, Any]:
        """The identifiers and traits of a message as columns."""
        live, found = self.live, {}
        if said.user:
            found[f"id:{live.user}"] = _clean(said.user)
        if said.anonymous:
            found[f"id:{live.anonymous}"] = _clean(said.anonymous)
        if said.also and said.also != said.user:
            found[f"id:{live.user}#2"] = _clean(said.also)
        for kind, value in said.identifiers.items():
            found[f"id:{_clean(kind)[:40]}"] = _clean(value)
        for name, value in said.traits.items():
            if value is None:
                continue
            kind = self._fields.identifier(name)
            if kind:
                if not isinstance(value, list | dict | bool):
                    found.setdefault(f"id:{kind}", _plain(value))
                continue
            ours = live.traits.get(name, name)
            if ours:
                plain = _clean(ours)[:80]
                kind = _kind(value)
                self.types[plain] = kind if self.types.get(plain, kind) == kind else "text"
                found[f"trait:{plain}"] = _plain(value)
        return found

    def _event(self, said: Message, values: dict[str, Any]) -> None:
        name = self._known.get(said.name)
        if name is None:
            raw = _clean(said.name)
            name = self.live.names.get(raw) or self.names.get(raw) or _canonical(raw)
            if len(self._known) < 10_000:
                self._known[said.name] = name
        filled, rest = self._fields.split(said.properties)
        values |= {field: _plain(filled[field]) for field in _FIELDS if field in filled} | self._id(said)
        values["name"] = name
        if said.via:
            values["via"] = _clean(said.via)
        if said.session:
            values["session"] = _clean(said.session)
        rest |= {field: filled[field] for field in ("price", "list_price") if field in filled}
        if name != said.name:
            rest["raw_name"] = said.name
        for prop in self.typed & rest.keys():
            values[f"prop:{prop}"] = _plain(rest.pop(prop))
        if said.products and name in _ORDERS and values.get("order_id"):
            rest.pop("products", None)
            self._keep(rest, values)
            self._lines(said, values)
            return
        self._keep(rest, values)
        self.parts["events"].add(self.line, values)

    def _keep(self, rest: dict[str, Any], values: dict[str, Any]) -> None:
        """What else an event says, as JSON; what is too large or too deep is left out, and said to be."""
        if not rest:
            return
        try:
            text = _encode(rest).decode()
        except (RecursionError, UnicodeEncodeError, ValueError, TypeError):
            flat = {name: _plain(value) for name, value in rest.items() if not isinstance(value, list | dict)}
            text = _encode(flat).decode()
        if len(text) > LARGEST:
            self.left_out.append((self.line, f"{len(text):,} bytes", "properties larger than may be"))
        elif text.count("{") + text.count("[") > DEEPEST and _depth(text) > DEEPEST:
            self.left_out.append((self.line, "", "properties nested too deeply"))
        else:
            values["extra"] = text

    def _lines(self, said: Message, values: dict[str, Any]) -> None:
        for product in said.products[:LINES]:
            filled, _ = self._fields.split(product)
            own = {f"line:{name}": _plain(filled[name]) for name in _LINE_FIELDS if name in filled}
            self.parts["orders"].add(self.line, values | own)


def _kind(value: Any) -> str:
    """What a trait's value is: bool, number or text."""
    return "bool" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "text"


def _canonical(raw: str) -> str:
    """The canonical name of an event; what a client calls a click or an opening is none of a message of ours."""
    name = canonical_name(raw)
    return raw[:LONGEST] if name.startswith("Message ") and name != raw else name


def _is_yes(value: object) -> bool:
    return value is True or str(value).lower() in ("true", "yes", "1", "granted", "是", "同意")


def _one_only(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with one identifier only: two in a row would be joined."""
    ids = [name for name in values if name.startswith("id:")]
    return {name: value for name, value in values.items() if name not in ids[1:]}


def _plain(value: Any) -> str:
    """A value as the text a file would have."""
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "" if value != value or value in (float("inf"), float("-inf")) else _number(value)
    if isinstance(value, int):
        return str(value) if abs(value) < _LARGEST_NUMBER else ""
    try:
        return _clean(_encode(value).decode())[:LARGEST]
    except (RecursionError, UnicodeEncodeError, ValueError, TypeError):
        return ""


def _number(value: float) -> str:
    """A number as it was written: 12.5, not 12.50000; 0 for its negative."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _clean(text: str) -> str:
    """Text that can be stored: halves of letters and NUL are taken out."""
    if text.isascii():
        return text.replace("\x00", "") if "\x00" in text else text
    return text.encode("utf-8", errors="ignore").decode().replace("\x00", "")


def _depth(text: str) -> int:
    deepest = depth = 0
    for letter in text:
        if letter in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "}]":
            depth -= 1
    return deepest
