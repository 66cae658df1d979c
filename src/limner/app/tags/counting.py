"""What a run keeps of its tags beside their columns: figures, seconds, and when what they read last happened."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from limner.app.privacy.purposes import owners_of
from limner.core.spans import day_of, need_zone
from limner.core.tell import Tell
from limner.flow.tags.catalog import Placed, catalog
from limner.flow.tags.figures import Accuracy, Extent, Figures, extent, figures, main_column
from limner.store.lake.sql import literal

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.store.definitions import Definitions
    from limner.store.gallery import Version


_THREADS: Final = 2
"""Columns counted at once, where the settings say nothing: each takes some forty bytes a customer meanwhile."""


class Stopwatch:
    """A `tell` that passes on what it hears, and keeps how many seconds each step took until the next was told of."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._step, self._began = tell, "", time.perf_counter()
        self.seconds: dict[str, float] = {}

    def __call__(self, done: int, total: int, words: str) -> None:
        """A step begins."""
        now = time.perf_counter()
        if self._step:
            self.seconds[self._step] = self.seconds.get(self._step, 0.0) + now - self._began
        self._step, self._began = words, now
        self._tell(done, total, words)

    def by_tag(self, known: Mapping[str, Placed], done: Mapping[str, object]) -> dict[str, float]:
        """The seconds of each tag of a run; tags of one scan share its seconds equally."""
        scans: dict[str, list[str]] = {}
        found = {}
        for name in done:
            own = self.seconds.get(f"tag {name}")
            if own is not None:
                found[name] = round(own, 6)
            else:
                scans.setdefault(f"tags over {known[name].tag.over}", []).append(name)
        for step, names in scans.items():
            if step in self.seconds:
                found.update(dict.fromkeys(names, round(self.seconds[step] / len(names), 6)))
        return found


def figures_of(
    shop: Workspace, definitions: Definitions, version: Version, links: str, asof: datetime, before: Version | None
) -> dict[str, Any]:
    """The figures of every tag of a version, by tag, and when each event last happened; `before` is the version that
    drift is told against."""
    former = before.figures().get("tags", {}) if before is not None else {}
    day, least = day_of(asof, shop.settings.zone), shop.settings.privacy.least_group
    owned: dict[str, list[str]] = {}
    for column, name in owners_of(definitions, version.headers).items():
        owned.setdefault(name, []).append(column)
    known = catalog(definitions)
    columns = {name: main_column(version, owned.get(name, ()), name) for name in known}
    wanted = [name for name, column in columns.items() if column]

    def counted(name: str) -> dict[str, Any]:
        column = columns[name]
        past = as_figures(former[name]) if name in former and former[name]["column"] == column else None
        found = figures(version, known[name].tag, column, past, asof_day=day, least=least)
        return asdict(replace(found, extent=extent(version, owned[name])))

    told = {}
    with ThreadPoolExecutor(shop.settings.limits.threads or _THREADS, "figures") as pool:
        for done, (name, one) in enumerate(zip(wanted, pool.map(counted, wanted), strict=True)):
            shop.tell(done, len(wanted), "count")
            told[name] = one
    return {"tags": told, "newest": newest(shop, links, asof)}


def as_figures(kept: Mapping[str, Any]) -> Figures:
    """Figures as they were written."""
    told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}
    if kept.get("accuracy"):
        one = kept["accuracy"]
        told["accuracy"] = Accuracy(**{**one, "told": tuple((a, b, n) for a, b, n in one["told"])})
    if kept.get("extent"):
        told["extent"] = Extent(**kept["extent"])
    return Figures(**told)


def newest(shop: Workspace, links: str, asof: datetime) -> dict[str, str]:
    """When each event last happened before an asof, by its name."""
    happened = exp.column("happened_at")
    query = (
        exp.select("name", exp.Max(this=happened).as_("happened_at"))
        .from_("events")
        .where(happened.copy() < literal(need_zone(asof), "timestamp"))
        .group_by("name")
    )
    rows = shop.stores.lake.table(query, versions={"links": links}).to_pylist()
    return {row["name"]: row["happened_at"].isoformat() for row in rows if row["name"]}


__all__ = ["Stopwatch", "as_figures", "figures_of", "newest"]
