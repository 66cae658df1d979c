"""Where the reading of a database ended, in force as long as its load stands."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from limner.flow.sources.definition import Source
from limner.store.ledger.tables import cursors, loads

if TYPE_CHECKING:
    from limner.store.stores import Stores

_MARK = 16
_KINDS: Mapping[str, Callable[[str], Any]] = {
    "instant": datetime.fromisoformat, "day": date.fromisoformat, "whole": int, "decimal": Decimal, "float": float,
    "text": str,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class High:
    """The last value of a cursor column."""

    value: Any

    def packed(self) -> str:
        """As text that `unpacked` reads again."""
        value = self.value
        match value:
            case datetime():
                kind, text = "instant", value.isoformat()
            case date():
                kind, text = "day", value.isoformat()
            case int():
                kind, text = "whole", str(value)
            case Decimal():
                kind, text = "decimal", str(value)
            case float():
                kind, text = "float", repr(value)
            case _:
                kind, text = "text", str(value)
        return json.dumps([kind, text], ensure_ascii=False)

    @classmethod
    def unpacked(cls, text: str) -> High:
        """The value of a packed text.

        >>> High.unpacked(High(Decimal("1.50")).packed()).value
        Decimal('1.50')
        """
        kind, value = json.loads(text)
        return cls(_KINDS[kind](value))


@dataclass(frozen=True, slots=True)
class Cursor:
    """The column, its last value, and the marks (16 bytes each) of the rows within the overlap before it."""

    column: str
    high: High
    seen: bytes

    def seen_set(self) -> frozenset[bytes]:
        """The marks one by one."""
        return frozenset(self.seen[at : at + _MARK] for at in range(0, len(self.seen), _MARK))

    def packed(self) -> str:
        """As text that `unpacked` reads again."""
        return json.dumps([self.column, self.high.packed(), base64.b64encode(self.seen).decode()], ensure_ascii=False)

    @classmethod
    def unpacked(cls, text: str) -> Cursor:
        """The cursor of a packed text."""
        column, high, seen = json.loads(text)
        return cls(column, High.unpacked(high), base64.b64decode(seen))


def last_cursor(stores: Stores, source: Source) -> Cursor | None:
    """Where the newest load of a source that stands ended; None when there is none, and all is still to be read."""
    row = cursors.c
    query = select(row.cursor_name, row.high, row.seen).join(loads, loads.c.load == row.load)
    query = query.where(row.source == source.id, loads.c.state.in_(("done", "held"))).order_by(row.load.desc()).limit(1)
    with stores.ledger.read() as connection:
        found = connection.execute(query).first()
    return Cursor(found[0], High.unpacked(found[1]), bytes(found[2])) if found else None


def note_cursor(stores: Stores, source: Source, load: int, ended: Cursor) -> None:
    """Write down where a load's reading ended; it is in force once the load is done. Twice changes nothing."""
    with stores.ledger.write() as connection:
        if connection.execute(select(cursors.c.load).where(cursors.c.load == load)).first() is None:
            connection.execute(
                insert(cursors).values(
                    load=load, source=source.id, cursor_name=ended.column, high=ended.high.packed(), seen=ended.seen
                )
            )  # fmt: skip
