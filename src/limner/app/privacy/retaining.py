"""`privacy retain`: what is older than the rules of retention allow goes, but for persons who must be kept."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from sqlalchemy import func, select

from limner.app.auditing import note
from limner.app.intake import READ
from limner.app.privacy.people import PACKAGE, links_of
from limner.app.privacy.rights import need_personal
from limner.core.errors import NotFound, words
from limner.core.ours import Retention
from limner.core.spans import midnight, months_before
from limner.flow.sources.definition import Source
from limner.flow.sources.names import canonical_name
from limner.store.lake import retaining as aging
from limner.store.lake.erasing import strays
from limner.store.lake.retaining import Age
from limner.store.lake.sql import statement
from limner.store.ledger.restrictions import HELD, restricted
from limner.store.ledger.tables import audit, consents, loads, outbox
from limner.store.stream.segments import DRAINED

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.store.definitions import Definitions

NO_RULES = words(
    "retention_missing",
    "No rule says how long anything is kept. Write one into retention/, such as over: events and months: 24, and run "
    "`limner apply`.",
)

VERB: Final = "privacy retain"
GOES_WITH: Final = {
    "events": ("events", "lines", "spare_events", "spare_lines"),
    "lines": ("lines", "spare_lines"),
    **{name: (name,) for name in ("traits", "holdings", "relations", "rejects")},
}
"""The tables of the lake a rule is about."""

NARROWED_BY: Final = {
    "source": (*GOES_WITH, "incoming"),
    "event": ("events", "lines"),
    "trait": ("traits",),
}
"""The fields that narrow a rule, and the tables for which they mean something."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """What one rule dropped, or would: rows (addresses, segments or files), whole files and files written anew, and
    the rows that stay because a person must be kept."""

    rule: str
    table: str
    before: datetime
    rows: int = 0
    whole: int = 0
    rewritten: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Retained:
    """What every rule dropped; with `is_dry` nothing has been done."""

    is_dry: bool
    rules: tuple[Ruled, ...]

    @property
    def rows(self) -> int:
        """How much went by all rules."""
        return sum(rule.rows for rule in self.rules)

    def __str__(self) -> str:
        return "\n".join(f"retention/{rule.rule}: {rule.rows} < {rule.before.date()}" for rule in self.rules)


def known_sources(shop: Workspace, definitions: Definitions) -> frozenset[str]:
    """The sources there are, and those that something was loaded from."""
    with shop.stores.ledger.read() as connection:
        loaded = connection.execute(select(loads.c.source).distinct()).scalars().all()
    return frozenset(definitions.of(Source)) | frozenset(loaded)


def retain(shop: Workspace, *, yes: bool = False) -> Retained:
    """Say what the rules would drop; with `yes` drop it. Cut off at any instant it goes on when it is asked again.

    A rule counts back from the last local midnight. Rules are followed one after the other, those of addresses last.
    """
    need_personal(shop, VERB)
    rules = sorted(shop.definitions.of(Retention).values(), key=lambda rule: (rule.over == "addresses", rule.id))
    if not rules:
        raise NotFound(NO_RULES)
    with shop.keeper(shop.clock(), VERB):
        kept = _held(shop)
        if yes:
            _swept(shop)
        done = []
        for place, rule in enumerate(rules):
            shop.tell(place, len(rules), rule.id)
            done.append(_followed(shop, rule, kept, yes=yes))
        shop.tell(len(rules), len(rules), "retain")
        if yes:
            note(shop, VERB, {"rules": [asdict(one) for one in done]})
    return Retained(not yes, tuple(done))


def retain_daily(shop: Workspace) -> Retained | None:
    """Follow the rules once a local day; None when there are none, or it has been done today."""
    if not shop.definitions.of(Retention):
        return None
    today = midnight(shop.clock(), shop.settings.zone)
    with shop.stores.ledger.read() as connection:
        last = connection.execute(select(func.max(audit.c.happened_at)).where(audit.c.verb == VERB)).scalar()
    return None if last is not None and last >= today else retain(shop, yes=True)


def _swept(shop: Workspace) -> None:
    """Delete what was dropped, and what a killed process wrote and never entered, once nobody can be reading it."""
    lake = shop.stores.lake
    lake.catalog.sweep(lake.folder, shop.clock() - READ)
    listed = [path for paths in lake.catalog.all_files().paths.values() for path in paths]
    listed += [path for _, path in lake.catalog.dropped()]
    last = time.time() - READ.total_seconds()
    for _, path in strays(lake.folder, listed):
        if (lake.folder / path).stat().st_mtime < last:
            (lake.folder / path).unlink(missing_ok=True)


def _followed(shop: Workspace, rule: Retention, kept: tuple[int, ...], *, yes: bool) -> Ruled:
    before = months_before(shop.clock(), rule.months, shop.settings.zone)
    found = Ruled(rule.id, rule.over, before)
    if rule.over == "addresses":
        return _addresses(shop, found, kept, yes=yes)
    if rule.over == "stream":
        count = shop.stores.stream.sweep(before.timestamp(), sys.maxsize) if yes else _drained(shop, before)
        return replace(found, rows=count, whole=count)
    if rule.over == "incoming":
        return _incoming(shop, rule, found, yes=yes)
    for table in GOES_WITH[rule.over]:
        age = Age(table, before, rule.source, rule.trait or canonical_name(rule.event), kept)
        for one in aging.find(shop.stores.lake, age):
            if yes and one.old:
                aging.drop(shop.stores.lake, one, age)
            is_touched = bool(one.old)
            found = replace(
                found,
                rows=found.rows + one.old,
                whole=found.whole + (is_touched and one.is_whole),
                rewritten=found.rewritten + (is_touched and not one.is_whole),
                kept=found.kept + one.kept,
            )
    return found


def _held(shop: Workspace) -> tuple[int, ...]:
    """Every identifier of the persons who must be kept, also those that came in or were merged after the hold."""
    traces = set(restricted(shop.stores.ledger, HELD))
    if not traces:
        return ()
    found = shop.stores.lake.table(
        statement(PACKAGE, "same.sql"), given={"asked": _asked(traces)}, versions={"links": links_of(shop)}
    )
    return tuple(sorted(traces | set(found["trace"].to_pylist())))


def _asked(traces: Collection[int]) -> object:
    import pyarrow as pa

    return pa.table({"trace": pa.array(sorted(traces), pa.int32())})


def _addresses(shop: Workspace, found: Ruled, kept: tuple[int, ...], *, yes: bool) -> Ruled:
    """The addresses of customers of whom nothing is left: no fact in the lake, no consent in force, no message; and
    those of identifiers nobody knows, which an older copy of the vault brought back."""
    lake = shop.stores.lake.seeing(shop.stores.lake.catalog.everything())
    left = lake.table(
        statement(PACKAGE, "left.sql", before=found.before),
        given={"kept": _asked({*kept, *_spoken_for(shop)})},
        versions={"links": links_of(shop)},
    )["trace"].to_numpy()
    vault = shop.stores.vault
    known = lake.table(statement(PACKAGE, "known.sql"))["trace"].to_numpy()
    here = np.asarray(vault.traces(), np.int32)
    gone = here[~np.isin(here, known) | np.isin(here, left)].tolist()
    return replace(found, rows=vault.forget(gone) if yes else len(gone))


def _spoken_for(shop: Workspace) -> set[int]:
    """The identifiers that a consent in force, or a message under way, still asks for."""
    row, sent, now = consents.c, outbox.c, shop.clock()
    is_open = row.is_granted & row.withdrawn_at.is_(None) & (row.until_at.is_(None) | (row.until_at > now))
    with shop.stores.ledger.read() as connection:
        granted = connection.execute(select(row.trace).where(is_open).distinct()).scalars().all()
        waiting = connection.execute(select(sent.trace).where(sent.state.in_(("queued", "in_flight")))).scalars().all()
    return {*granted, *waiting}


def _drained(shop: Workspace, before: datetime) -> int:
    """The segments on the disk that a sweep would take; a broker keeps its own by its own rules."""
    place = shop.settings.stores.stream
    found = (shop.folder / place).glob(f"*/*{DRAINED}") if "://" not in place else ()
    return sum(path.stat().st_mtime < before.timestamp() for path in found)


def _incoming(shop: Workspace, rule: Retention, found: Ruled, *, yes: bool) -> Ruled:
    """Files that databases were read into, and that nobody came for."""
    old = [path for path in _left_over(shop, rule.source) if path.stat().st_mtime < found.before.timestamp()]
    for path in old if yes else ():
        path.unlink(missing_ok=True)
    return replace(found, rows=len(old), whole=len(old))


def _left_over(shop: Workspace, source: str) -> Iterator[Path]:
    folder = shop.folder / "state" / "incoming"
    for path in sorted(folder.glob(f"{source or '*'}/*")):
        if path.is_file() and path.suffix in (".parquet", ".part"):
            yield path
