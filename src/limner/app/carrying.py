"""`audience export`: customers carried out, as a table or as hashed addresses for a platform. Asked for by a role, kept
from telling of few, written in the audit; nobody who was erased or is kept apart is in it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from limner.app.auditing import note
from limner.app.grounds import Portrait, book_of, portrait_of
from limner.app.privacy.purpose_checks import need_purpose_of
from limner.app.tags.acts import need_published
from limner.core.errors import BadInput, Refused, words
from limner.core.ids import customer_id
from limner.core.normal import safe_cell, without_addresses
from limner.core.ours import Channel
from limner.flow.audiences.base import seen_by
from limner.flow.audiences.listing import allowed_columns
from limner.flow.audiences.platforms import PLATFORMS, Platform, platform
from limner.flow.audiences.small import guarded
from limner.store.gallery.bits import count as size_of
from limner.store.gallery.bits import numbers

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.core.rule import Rule
    from limner.store.gallery import Version

NOT_EXPORT = words(
    "export_role_missing", "{actor} may not carry customers out: audience export needs the role {role!r}."
)
NO_CHANNEL = words(
    "export_without_channel",
    "An export for {platform} needs --channel: it says which address is hashed, and whose consent is asked.",
)
PLAIN_COLUMNS = words("export_columns_hashed", "An export for {platform} holds hashes only; leave --columns out.")
PLAIN_SUPPRESS = words(
    "export_suppress_plain", "--suppress makes a list for a platform. Add --format with one of {known}."
)

TABLES: Final = ("csv", "parquet")
FORMATS: Final = (*TABLES, *PLATFORMS)
_BATCH: Final = 50_000
Longs = Any


@dataclass(frozen=True, slots=True)
class Carried:
    """The file that was written: how many rows, and how many of the audience are not in it because they do not allow it
    (in a suppression pack: because they do), or have no address of that form."""

    file: str
    format: str
    asof: datetime
    rows: int
    audience: int
    not_allowed: int = 0
    no_address: int = 0
    is_suppression: bool = False


def audience_export(
    shop: Workspace,
    rule: str,
    *,
    output: Path,
    format: str = "csv",  # noqa: A002
    columns: Sequence[str] = (),
    channel: str | None = None,
    purpose: str = "marketing",
    suppress: bool = False,
) -> Carried:
    """Write the customers an audience has at the newest portrait into a file; consents are asked as they stand now.

    `csv` and `parquet` hold customer ids and `columns`. A platform's format holds one hashed address per customer, of
    the kind the channel uses, of those who allow the purpose on that channel; with `suppress` of those who do not: a
    list of whom the platform must leave out. With a channel a table too holds only those who allow it.
    """
    from limner.app.asking import ground_at

    made = platform(format) if format not in TABLES else None
    _check(shop, made, channel, columns, is_suppression=suppress)
    found = portrait_of(shop)
    ground = ground_at(shop, found.version, found.links, found.asof)
    asked = ground.rule(rule)
    _may_use(shop, asked, purpose, found)
    named = allowed_columns(ground, columns, shop.who)
    chosen = seen_by(shop.who, ground.words(asked), found.version.size)
    whole = seen_by(shop.who, found.version.living_words, found.version.size)
    if not suppress:
        guarded(size_of(chosen), size_of(whole), size_of(chosen), shop.settings.privacy.least_group)
    members = numbers(chosen).astype(np.int64)
    kept = members
    if channel is not None:
        one = shop.definitions.find(Channel, channel)
        book = book_of(shop, found.links)
        allowed = book.state(one.id, purpose, shop.clock(), members).is_allowed
        kept = members[allowed != suppress]
    fresh = output.with_name(f".{output.name}.part")
    try:
        if made is not None and channel is not None:
            rows = _hashed(shop, found, made, shop.definitions.find(Channel, channel), kept, fresh)
        else:
            rows = _table(shop, found.version, kept, named, fresh, is_parquet=format == "parquet")
        fresh.chmod(0o600)
        fresh.replace(output)
    finally:
        fresh.unlink(missing_ok=True)
    done = Carried(
        str(output.resolve()),
        format,
        found.asof,
        rows,
        len(members),
        not_allowed=len(members) - len(kept),
        no_address=len(kept) - rows,
        is_suppression=suppress,
    )
    body = {"file": done.file, "format": format, "rule": without_addresses(rule), "rows": rows, "columns": named}
    note(shop, "audience export", body | {"channel": channel, "purpose": purpose, "is_suppression": suppress})
    return done


def _may_use(shop: Workspace, asked: Rule, purpose: str, found: Portrait) -> None:
    need_purpose_of(shop, asked, purpose, found)
    need_published(shop, "audience export", asked)


def _check(
    shop: Workspace, made: Platform | None, channel: str | None, columns: Sequence[str], *, is_suppression: bool
) -> None:
    """Refuse what the actor may not do, and what does not go together."""
    for role in ("export", *(("addresses",) if made else ())):
        if not shop.who.may(role):
            raise Refused(NOT_EXPORT, actor=shop.who.id, role=role)
    if made is None:
        if is_suppression:
            raise BadInput(PLAIN_SUPPRESS, known=", ".join(PLATFORMS))
        return
    if channel is None:
        raise BadInput(NO_CHANNEL, platform=made.name)
    made.check(shop.definitions.find(Channel, channel).address)
    if columns:
        raise BadInput(PLAIN_COLUMNS, platform=made.name)


def _table(
    shop: Workspace, version: Version, members: Longs, columns: Sequence[str], path: Path, *, is_parquet: bool
) -> int:
    """Customer ids and columns, in the order of customers."""
    if is_parquet:
        _parquet(shop, version, members, columns, path)
        return len(members)
    key = shop.stores.hash_key
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["customer_id", *columns])
        for done, batch in _batches(members):
            rows = ((number, version.row(number, columns)) for number in batch.tolist())
            writer.writerows(
                [customer_id(key, number), *(safe_cell(row.get(name, "")) for name in columns)] for number, row in rows
            )
            shop.tell(done, len(members), "export")
    return len(members)


def _parquet(shop: Workspace, version: Version, members: Longs, columns: Sequence[str], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyroaring import BitMap

    from limner.store.gallery.table import to_arrow

    key, writer = shop.stores.hash_key, None
    for done, batch in _batches(members) if len(members) else [(0, members)]:
        told = to_arrow(version, columns, members=BitMap(batch))
        ids = pa.array([customer_id(key, number) for number in told["number"].to_pylist()], pa.string())
        rows = pa.table({"customer_id": ids} | {name: _plain(told[name]) for name in columns})
        writer = writer or pq.ParquetWriter(path, rows.schema, compression="zstd")
        writer.write_table(rows)
        shop.tell(done, len(members), "export")
    if writer is not None:
        writer.close()


def _plain(column: Any) -> Any:
    """A column without dictionaries: their codes differ from batch to batch."""
    import pyarrow as pa

    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _hashed(shop: Workspace, found: Portrait, made: Platform, channel: Channel, members: Longs, path: Path) -> int:
    """One hash per customer, in the order of hashes, which says nothing of who they are."""
    column = f"address.{channel.address}"
    hashes: set[str] = set()
    for done, batch in _batches(members):
        traces = _traces(found.version, column, batch)
        opened = shop.stores.vault.addresses(traces)
        told = (made.hashed(channel.address, one.raw) for one in opened.values() if one.kind == channel.address)
        hashes.update(one for one in told if one)
        shop.tell(done, len(members), "export")
    head = made.heads.get(channel.address)
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.writelines(f"{line}\n" for line in ([head] if head else []) + sorted(hashes))
    return len(hashes)


def _traces(version: Version, column: str, members: Longs) -> list[int]:
    if column not in version.headers:
        return []
    values = version.column(column).values
    here = members[members < values.size]
    return [int(trace) for trace in values[here].tolist() if trace > 0]


def _batches(members: Longs) -> Iterator[tuple[int, Longs]]:
    """The members in batches, each with how many are done after it."""
    for start in range(0, len(members), _BATCH):
        batch = members[start : start + _BATCH]
        yield start + len(batch), batch
