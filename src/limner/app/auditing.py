"""The audit: who did what, when. A line is written by every verb that shows, exports or changes personal facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import insert

from limner.store.ledger.tables import audit

if TYPE_CHECKING:
    from limner.app.workspace import Workspace


def note(shop: Workspace, verb: str, body: Mapping[str, object]) -> int:
    """Write one line; its number. The body holds no address."""
    text = json.dumps(dict(body), ensure_ascii=False, default=str)
    with shop.stores.ledger.write() as connection:
        seq = shop.stores.ledger.take(connection, "audit")
        row = {"seq": seq, "happened_at": shop.clock(), "actor": shop.who.id, "verb": verb, "body": text}
        connection.execute(insert(audit).values(**row))
    return seq
