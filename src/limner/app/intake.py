"""`key`, `drain`, `tail`: what clients send live."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from limner.app.listening import judge_days
from limner.core.errors import BadInput, words
from limner.flow.sources.live.drain import Drain, Drained, together
from limner.flow.sources.live.tail import Heard, tail_of
from limner.flow.sources.live.write_keys import WriteKey, list_keys, make_key, revoke_key
from limner.store.ledger.erasures import erased_since

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

NO_COUNT = words("tail_limit_wrong", "`limit` is {limit}, it must be 0 or more: so many messages are shown at most.")

READ: Final = timedelta(minutes=10)
"""How long a reader may go on with files that have been replaced."""

KEPT_SECONDS: Final = 600
KEPT_BYTES: Final = 64 << 20
"""How long, and how much of what was drained stays to be looked at by `tail`."""


def key_make(shop: Workspace, source: str, *, key: str | None = None, note: str = "") -> WriteKey:
    """Make a write key for a live source, or let one that clients have already write to it. It is shown this once."""
    import secrets

    given = key or secrets.token_urlsafe(24)
    return make_key(shop.stores, shop.definitions, source, given, note=note, who=shop.who, now=shop.clock())


def key_list(shop: Workspace) -> tuple[WriteKey, ...]:
    """The write keys, by their last letters."""
    return list_keys(shop.stores)


def key_revoke(shop: Workspace, ends_in: str) -> tuple[WriteKey, ...]:
    """Refuse a write key from now on; a running server hears of it within a second."""
    return revoke_key(shop.stores, ends_in, now=shop.clock())


def drain(shop: Workspace) -> Drained:
    """Bring what was acknowledged into the lake, now, and judge the days that are over. A server does it by itself."""
    worker = Drain(shop.stores)
    try:
        done = together(tuple(drain_all(shop, worker)))
        judge_days(shop)
        return done
    finally:
        worker.close()


def drain_all(shop: Workspace, worker: Drain) -> Iterator[Drained]:
    """The steps of bringing in whatever waits; the keeper's lease is held for each."""
    while True:
        now = shop.clock()
        with shop.keeper(now, "drain"):
            shop.declare()
            done = worker.step(shop.definitions, who=shop.who, now=now, tell=shop.tell)
        if done.segments:
            yield done
        if not done.segments or not done.waiting:
            break
    _tidy(shop)
    if erased_since(shop.stores.ledger, shop.clock() - READ):
        shop.stores.stream.sweep(before=float("inf"))
    else:
        shop.stores.stream.sweep(time.time() - KEPT_SECONDS, KEPT_BYTES)


def _tidy(shop: Workspace) -> None:
    """Put the small files of live loads together, and delete those that nobody can be reading any more."""
    from limner.store.lake.compacting import crowds, put_together

    lake = shop.stores.lake
    now = shop.clock()
    if not crowds(lake):
        return
    with shop.keeper(now, "drain"):
        for crowd in crowds(lake):
            put_together(lake, crowd, now)
        lake.catalog.sweep(lake.folder, now - READ)


def tail(shop: Workspace, source: str | None = None, *, limit: int = 20, rejects: bool = False) -> tuple[Heard, ...]:
    """The newest that clients sent and still lies in the stream: what became messages, and what could not be used.

    Addresses are masked. With `rejects`, only what could not be used.
    """
    if limit < 0:
        raise BadInput(NO_COUNT, limit=limit)
    return tail_of(shop.stores, shop.definitions, source or "", limit=limit, rejects=rejects)
