"""The first rows of a file as they would become events: what a draft shows before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from sqlglot import exp

from limner.core.moments import moment
from limner.core.normal import amount, identifier, masked
from limner.flow.sources.conditions import condition
from limner.flow.sources.definition import EventMap, Field, Reads, Source, as_field, is_read
from limner.flow.sources.looks import Look
from limner.flow.sources.names import REFUND, canonical_name

SHOWN = 5


def preview(source: Source, look: Look, zone: str = "Asia/Shanghai") -> tuple[Mapping[str, str], ...]:
    """Five rows as they would become events, traits or items. Addresses are masked."""
    rows = [row for row in look.rows[: SHOWN * 4] if any(row.values())][:SHOWN]
    return tuple(_shown(source, row, source.zone or zone) for row in rows)


def _value(reads: Reads, row: Mapping[str, str]) -> str:
    long: Field = as_field(reads)
    if long.constant:
        return long.constant
    whole = long.join.join(row.get(name, "") for name in (long.columns or (long.column,)))
    return long.words.get(whole, long.other or whole)


def _shown(source: Source, row: Mapping[str, str], zone: str) -> dict[str, str]:
    who = [identifier(kind, _value(reads, row)) for kind, reads in source.identifiers.items()]
    named = next((n for n in who if n.value and n.kind not in ("masked_phone", "masked_email")), None)
    found: dict[str, str] = {}
    event = _event_of(source, row)
    if event is not None:
        found["name"] = canonical_name(_value(event.name, row))
        found["at"] = _when(event.happened_at, row, zone)
        found["order"] = _value(event.order_id, row) if is_read(event.order_id) else ""
        money = event.amount if is_read(event.amount) else source.lines.amount if source.lines else ""
        found["amount"] = _money(money, row).removeprefix("-" if found["name"] == REFUND else "")
        found["item"] = _value(source.lines.item_id if source.lines else event.item_id, row)
    elif source.events:
        found["name"] = ""
    elif source.items:
        found |= {"item": _value(source.items.item_id, row), "called": _value(source.items.name, row)}
    elif source.sites:
        found |= {"site": _value(source.sites.site_id, row), "called": _value(source.sites.name, row)}
    else:
        found |= {name: masked(_value(reads, row)) for name, reads in source.traits.items()}
    found["who"] = f"{named.kind} {masked(named.value)}" if named else "nobody" if source.identifiers else ""
    return found


def _event_of(source: Source, row: Mapping[str, str]) -> EventMap | None:
    """The first event that a row is, by its condition; None when it is none."""
    import duckdb

    def told(name: str) -> exp.Expr:
        return exp.Literal.string(row[name]) if row.get(name) else exp.cast(exp.null(), "VARCHAR")

    for event in source.events:
        query = exp.select(condition(event.matching, told, f"sources/{source.id}"))
        if duckdb.sql(query.sql("duckdb")).fetchall()[0][0]:
            return event
    return None


def _when(reads: Reads, row: Mapping[str, str], zone: str) -> str:
    stamp = moment(_value(reads, row), ZoneInfo(zone), order=as_field(reads).order)
    return stamp.instant.astimezone(ZoneInfo(zone)).isoformat(" ", "minutes") if stamp.instant else stamp.reason or ""


def _money(reads: Reads, row: Mapping[str, str]) -> str:
    if not is_read(reads):
        return ""
    read = amount(_value(reads, row))
    return f"{read.value:.2f}" if read.value is not None else read.reason or ""
