"""`consent`: what a customer allows at any instant, all statements for an audit, and one made by an operator."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sqlalchemy import ColumnElement, func, select

from limner.app.auditing import note
from limner.app.privacy.covering import ANY_CHANNEL
from limner.app.privacy.people import Person, person_of
from limner.core.ids import customer_id
from limner.core.normal import safe_cell
from limner.core.ours import Channel
from limner.core.spans import parse_instant
from limner.flow.decisions.standing import Standing, Stated, standings, statements
from limner.flow.sources.statements import Statement, state_consent
from limner.store.ledger.consents import is_heard
from limner.store.ledger.many import among
from limner.store.ledger.tables import consents

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

Asof = str | datetime | None
_PAGE: Final = 50_000
COLUMNS: Final = (
    "seq", "customer_id", "kind", "hash", "channel", "purpose", "state", "happened_at", "received_at", "until_at",
    "uses", "source", "load", "proof", "withdrawn_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ConsentShown:
    """What a customer allows at `asof`, by what was heard before `known` (None: by all we know), and why."""

    customer_id: str
    asof: datetime
    known: datetime | None
    standings: tuple[Standing, ...]
    statements: tuple[Stated, ...]


def consent_show(shop: Workspace, customer: str, asof: Asof = None, *, known: Asof = None) -> ConsentShown:
    """The state of every purpose and channel at an instant, and the statements behind it.

    Who is who is as known today; what was said is as of the instants asked for.
    """
    person, now = person_of(shop, customer), shop.clock()
    at, heard = _instant(shop, asof) or now, _instant(shop, known)
    return _shown(shop, person, at, heard, now)


def _shown(shop: Workspace, person: Person, asof: datetime, known: datetime | None, now: datetime) -> ConsentShown:
    channels = {channel.consent or name for name, channel in shop.definitions.of(Channel).items()}
    stand = standings(shop.stores, person.traces, asof=asof, now=now, known=known, channels=sorted(channels))
    said = tuple(one for one in statements(shop.stores, person.traces, known) if one.happened_at < asof)
    return ConsentShown(person.customer_id, asof, known, stand, said)


def _instant(shop: Workspace, given: Asof) -> datetime | None:
    return parse_instant(given, shop.settings.zone) if isinstance(given, str) else given


@dataclass(frozen=True, slots=True)
class ConsentMade:
    """A statement that was written: its number, what it is good for now, and the refusals that still stand above it."""

    customer_id: str
    seq: int
    is_granted: bool
    channel: str
    purpose: str
    kind: str
    state: str
    refused_on: tuple[str, ...] = ()


def consent_grant(
    shop: Workspace,
    customer: str,
    *,
    channel: str,
    proof: str,
    purpose: str = "marketing",
    until: Asof = None,
    uses: int | None = None,
) -> ConsentMade:
    """Write that a customer allowed a purpose on a channel, and the proof of it."""
    return _state(shop, customer, (channel, purpose, proof), is_granted=True, until=until, uses=uses)


def consent_refuse(
    shop: Workspace, customer: str, *, proof: str, channel: str = ANY_CHANNEL, purpose: str = "marketing"
) -> ConsentMade:
    """Write that a customer refused a purpose on a channel (default: on all), and the proof of it. It acts at once."""
    return _state(shop, customer, (channel, purpose, proof), is_granted=False)


def _state(
    shop: Workspace,
    customer: str,
    said: tuple[str, str, str],
    *,
    is_granted: bool,
    until: Asof = None,
    uses: int | None = None,
) -> ConsentMade:
    person, now = person_of(shop, customer), shop.clock()
    on, (channel, purpose, proof) = person.strongest, said
    made = Statement(
        on.kind, on.hash, on.trace, channel, purpose, is_granted, proof, _instant(shop, until), uses
    )  # fmt: skip
    seq = state_consent(shop.stores, made, who=shop.who, now=now)
    after = _shown(shop, person, now + timedelta(microseconds=1), None, now)
    here = [one for one in after.standings if one.purpose == purpose and channel in (one.channel, ANY_CHANNEL)]
    refused = {one.kind for one in after.statements if not one.is_granted and one.trace != on.trace}
    state = here[0].state if here else ""
    above = tuple(sorted(refused)) if is_granted and state == "refused" else ()
    return ConsentMade(person.customer_id, seq, is_granted, channel, purpose, on.kind, state, above)


@dataclass(frozen=True, slots=True)
class ConsentList:
    """Statements of the ledger, newest first, or the file all of them were written into."""

    total: int
    rows: Sequence[Mapping[str, object]]
    file: str = ""


def consent_list(
    shop: Workspace,
    *,
    channel: str | None = None,
    purpose: str | None = None,
    since: Asof = None,
    until: Asof = None,
    limit: int = 20,
    output: Path | None = None,
) -> ConsentList:
    """The statements for an audit: the newest, or all of them in a CSV file. No address stands in it."""
    row = consents.c
    conditions: list[ColumnElement[bool]] = [is_heard()]
    conditions += [row.channel == channel] if channel else []
    conditions += [row.purpose == purpose] if purpose else []
    first, last = _instant(shop, since), _instant(shop, until)
    conditions += [row.happened_at >= first] if first else []
    conditions += [row.happened_at < last] if last else []
    owner = _Owner(shop)
    conditions += owner.conditions()
    with shop.stores.ledger.read() as connection:
        total = connection.execute(select(func.count()).select_from(consents).where(*conditions)).scalar_one()
    if output is None:
        found = list(_rows(shop, conditions, owner, limit))
        return ConsentList(total, found)
    _write(shop, _rows(shop, conditions, owner, None), output, total)
    return ConsentList(total, (), str(output))


def _rows(
    shop: Workspace, conditions: Sequence[ColumnElement[bool]], owner: _Owner, limit: int | None
) -> Iterator[dict[str, object]]:
    """The rows of the list, newest first, read page by page."""
    before: int | None = None
    while limit is None or limit > 0:
        many = _PAGE if limit is None else min(limit, _PAGE)
        question = select(consents).where(*conditions).order_by(consents.c.seq.desc()).limit(many)
        if before is not None:
            question = question.where(consents.c.seq < before)
        with shop.stores.ledger.read() as connection:
            found = connection.execute(question).mappings().all()
        for row in found:
            yield _row(row, owner)
        if len(found) < many:
            return
        before, limit = found[-1]["seq"], None if limit is None else limit - many


def _row(row: Mapping[Any, Any], owner: _Owner) -> dict[str, object]:
    state = "granted" if row["is_granted"] else "refused"
    values = {**row, "customer_id": owner.of(row["trace"]), "hash": bytes(row["hash"]).hex(), "state": state}
    return {name: values[name] for name in COLUMNS}


def _write(shop: Workspace, rows: Iterator[dict[str, object]], output: Path, total: int) -> None:
    fresh = output.with_name(f".{output.name}.part")
    with fresh.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for done, row in enumerate(rows, 1):
            writer.writerow([_cell(row[name]) for name in COLUMNS])
            if done % _PAGE == 0:
                shop.tell(done, total, "list")
    fresh.replace(output)
    note(shop, "consent list", {"file": str(output.resolve()), "rows": total})


def _cell(value: object) -> object:
    return "" if value is None else value.isoformat() if isinstance(value, datetime) else safe_cell(value)


class _Owner:
    """Who a trace belongs to by the published links, and which traces the actor may see."""

    def __init__(self, shop: Workspace) -> None:
        from limner.app.grounds import portrait_of
        from limner.core.errors import NotFound
        from limner.store.lake.sql import statement

        self._key, self._scope = shop.stores.hash_key, shop.who.scope
        try:
            links = portrait_of(shop).links
        except NotFound:
            links = ""
        found = shop.stores.lake.table(statement("limner.flow.decisions", "links.sql"), versions={"links": links})
        self._trace = found["trace"].to_numpy()
        self._number = found["number"].to_numpy()

    def of(self, trace: int) -> str:
        """The customer id of a trace; empty when it belongs to nobody known."""
        place = int(np.searchsorted(self._trace, trace))
        is_here = place < self._trace.size and self._trace[place] == trace
        return customer_id(self._key, int(self._number[place])) if is_here else ""

    def conditions(self) -> list[ColumnElement[bool]]:
        """Only the statements of customers the actor may see."""
        if self._scope is None:
            return []
        mine = [t for t, n in zip(self._trace.tolist(), self._number.tolist(), strict=True) if n in self._scope]
        return [among(consents.c.trace, mine)]
