"""`collect`, `loads`, `withdraw`: facts in, and back out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from limner.app.drawing import drawn
from limner.app.opening import need_room
from limner.app.privacy.erasing import finish_erasures
from limner.app.quality import look_for_late
from limner.core.errors import BadInput, words
from limner.flow import sources
from limner.flow.sources import Collected, Load, Withdrawn
from limner.flow.sources.loads import load_of
from limner.store.definitions import Definitions, folder_of

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

HISTORY_OR_LIVE = words("collect_history_or_live", "Rows are history or live, not both: leave out --history or --live.")


def collect(
    shop: Workspace,
    source: str | None = None,
    *,
    file: Sequence[Path] = (),
    replaces: int | None = None,
    history: bool = False,
    live: bool = False,
) -> Collected:
    """Take in the files of a source (default: of all), or the files given. The same file twice changes nothing.

    `replaces` names the load whose place they take: it is withdrawn when they come into sight. `history` and `live` say
    of this run, not its sources, whether the rows tell what was known when it happened, or what is new and may start
    something.
    """
    if history and live:
        raise BadInput(HISTORY_OR_LIVE)
    need_room(shop.folder, shop.settings)
    now = shop.clock()
    shop.declare()
    with shop.keeper(now, "collect"):
        finish_erasures(shop)
        if replaces is not None:
            load_of(shop.stores, replaces)
        said = _meant(shop.definitions, is_history=history, is_live=live)

        def load(names: Sequence[str], files: Sequence[Path] = (), replaces: int | None = None) -> Collected:
            return sources.collect(
                shop.stores,
                said,
                sources=names,
                files=files,
                folder=shop.folder,
                replaces=replaces,
                who=shop.who,
                now=now,
                tell=shop.tell,
            )

        names = (source,) if source else ()
        if file:
            found = load(names, tuple(file), replaces)
        else:
            with drawn(shop, source, lambda name: load((name,))):
                found = load(names, (), replaces)
        look_for_late(shop, now)
        return found


def _meant(definitions: Definitions, *, is_history: bool, is_live: bool) -> Definitions:
    """The definitions, with sources told for this run whether their rows are history."""
    if not (is_history or is_live):
        return definitions
    from limner.flow.sources.definition import Source

    told = {name: replace(source, is_history=is_history) for name, source in definitions.of(Source).items()}
    return Definitions({**definitions.by_folder, folder_of(Source): told}, definitions.versions)


def loads(shop: Workspace) -> tuple[Load, ...]:
    """All loads, newest last."""
    return sources.list_loads(shop.stores)


def withdraw(shop: Workspace, load: int) -> Withdrawn:
    """Take the rows of a load out of every later view; the record of it stays."""
    now = shop.clock()
    with shop.keeper(now, "withdraw"):
        return sources.withdraw(shop.stores, load, who=shop.who, now=now)
