"""`privacy export`: everything held of a person, in one folder: a JSON document, and a CSV file of each part."""

from __future__ import annotations

import csv
import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from limner.app.auditing import note
from limner.app.privacy.people import PACKAGE, Person, person_of
from limner.app.privacy.rights import need_personal
from limner.core.errors import Clash, NotFound, words
from limner.core.normal import masked, safe_cell
from limner.flow.decisions.standing import statements
from limner.store.lake.sql import statement
from limner.store.ledger.many import among
from limner.store.ledger.tables import touches

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

THERE = words("export_exists", "{path} is there already and is not empty. Name another folder.")

DOCUMENT: Final = "person.json"
_BY_TRACE: Final = {
    "traits": "stated.sql",
    "events": "events.sql",
    "lines": "lines.sql",
    "holdings": "holdings.sql",
    "relations": "relations.sql",
}
_BY_NUMBER: Final = {"decisions": "decisions.sql", "outcomes": "outcomes.sql"}
_INTERNAL: Final = frozenset({"seq", "trace", "with_trace", "other_trace", "number", "event_key"})

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Exported:
    """Where everything of a person was written, and how many rows of each part."""

    customer_id: str
    folder: str
    rows: Mapping[str, int]
    is_masked: bool


def export(shop: Workspace, customer: str, *, output: Path) -> Exported:
    """Write everything held of a person. Addresses stand in it whole for an actor with the role `addresses`, else
    masked. Nothing is held back because it is old, withdrawn or unused."""
    need_personal(shop, "privacy export")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise Clash(THERE, path=output)
    person = person_of(shop, customer)
    is_masked = not shop.who.may("addresses")
    parts = _parts(shop, person, is_masked=is_masked)
    fresh = output.with_name(f".{output.name}.{uuid.uuid4().hex[:8]}")
    try:
        _write(fresh, person, parts, shop.clock())
        if output.exists():
            output.rmdir()
        fresh.rename(output)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    counts = {name: len(rows) for name, rows in parts.items()}
    body = {"customer": person.customer_id, "file": str(output.resolve()), "rows": counts, "is_masked": is_masked}
    note(shop, "privacy export", body)
    return Exported(person.customer_id, str(output), counts, is_masked)


def _parts(shop: Workspace, person: Person, *, is_masked: bool) -> dict[str, Rows]:
    """Everything by part; a part without rows is there and empty."""
    import pyarrow as pa

    lake = shop.stores.lake
    given = {
        "asked": pa.table({"trace": pa.array(person.traces, pa.int32())}),
        "numbered": pa.table({"number": pa.array(person.numbers, pa.int32())}),
    }
    parts: dict[str, Rows] = {"identifiers": _identifiers(shop, person, is_masked=is_masked)}
    for name, file in (_BY_TRACE | _BY_NUMBER).items():
        needs = {"numbered" if name in _BY_NUMBER else "asked"}
        rows = lake.table(statement(PACKAGE, file), given={key: given[key] for key in needs})
        parts[name] = [_known(row) for row in rows.to_pylist()]
    said = statements(shop.stores, person.traces)
    parts["consents"] = [{name: getattr(one, name) for name in one.__slots__ if name not in ("trace",)} for one in said]
    parts["touches"] = _touches(shop, person)
    parts["profile"] = _profile(shop, person)
    return parts


def _identifiers(shop: Workspace, person: Person, *, is_masked: bool) -> Rows:
    raws = shop.stores.vault.addresses(person.traces)
    found = []
    for one in person.identifiers:
        raw = raws[one.trace].raw if one.trace in raws else None
        shown = None if raw is None else masked(raw) if is_masked else raw
        found.append({"kind": one.kind, "hash": one.hash.hex(), "address": shown})
    return found


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without our own numbers and without what it does not say."""
    return {name: value for name, value in row.items() if name not in _INTERNAL and value is not None}


def _touches(shop: Workspace, person: Person) -> Rows:
    row = touches.c
    wanted = (row.touch_id, row.campaign, row.channel, row.offer, row.message_class, row.handed_over_at, row.cost)
    question = select(*wanted).where(among(row.number, person.numbers)).order_by(row.touch_id)
    with shop.stores.ledger.read() as connection:
        return [dict(found) for found in connection.execute(question).mappings()]


def _profile(shop: Workspace, person: Person) -> Rows:
    """Traits, tags and scores of the newest portrait, with what each tag asks."""
    from limner.app.grounds import portrait_of

    if person.number is None:
        return []
    try:
        found = portrait_of(shop)
    except NotFound:
        return []
    row = found.version.row(person.number)
    shown = {name: value for name, value in row.items() if not name.startswith("address.")}
    return [{"name": name, "answer": value, "asof": found.asof} for name, value in sorted(shown.items())]


def _write(folder: Path, person: Person, parts: Mapping[str, Rows], now: datetime) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    document = {"customer_id": person.customer_id, "made_at": now, **parts}
    (folder / DOCUMENT).write_text(json.dumps(document, ensure_ascii=False, indent=2, default=_plain), "utf-8")
    for name, rows in parts.items():
        heads = list(dict.fromkeys(head for row in rows for head in row))
        with (folder / f"{name}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(heads)
            writer.writerows([safe_cell(_flat(row.get(head))) for head in heads] for row in rows)


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _flat(value: object) -> object:
    return "" if value is None else value if isinstance(value, str | int | float | bool) else _plain(value)
