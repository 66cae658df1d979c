"""All clusters an audience is one of: sizes, centres, and how far they can be relied on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from limner.core.actor import Actor
from limner.core.errors import BadInput, words
from limner.core.ours import Audience
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.cells import table
from limner.flow.audiences.clustering import centres_of, put
from limner.flow.audiences.tables import Table
from limner.maths.stability import Stability
from limner.store.gallery.bits import unpack

if TYPE_CHECKING:
    from limner.flow.audiences.fits import Fit

NOT_CLUSTERS = words("audience_not_clusters", "The audience {name!r} has the selector `{found}`, and no clusters.")


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster: how many customers, their share of all in a cluster, and its centre in the units of the columns."""

    label: int
    customers: int
    share: float
    centre: Mapping[str, float | str]


@dataclass(frozen=True, slots=True)
class Clusters:
    """The clusters at an asof, learned at `fitted_at` on `rows` customers; `stability` of their number, and of every
    number that was tried; `unknown` customers are in none for want of an answer (None: too few to tell)."""

    audience: str
    asof: datetime
    fitted_at: datetime
    rows: int
    stability: Stability
    tried: tuple[Stability, ...]
    unknown: int | None
    clusters: tuple[Cluster, ...]

    def __repr__(self) -> str:
        columns = list(self.clusters[0].centre) if self.clusters else []
        rows = [
            [str(c.label), f"{c.customers:,}", f"{c.share:.1%}", *(_cell(c.centre[name]) for name in columns)]
            for c in self.clusters
        ]
        return table(["cluster", "customers", "share", *columns], rows)

    def to_dicts(self) -> list[dict[str, object]]:
        """One row per cluster."""
        return [{"cluster": c.label, "customers": c.customers, "share": c.share, **c.centre} for c in self.clusters]


def clusters(ground: Ground, audience: str, *, who: Actor) -> Clusters:
    """The clusters an audience names, counted within the actor's scope."""
    definition = ground.definitions.find(Audience, audience)
    if definition.selector != "clusters":
        raise BadInput(NOT_CLUSTERS, name=audience, found=definition.selector)
    found = put(definition, ground)
    body, size = found.fit.body, ground.version.size
    seen = unpack(seen_by(who, ground.version.living_words, size), size)
    tally = np.bincount(found.labels[seen], minlength=max(body["labels"]) + 1)
    whole = max(1, int(tally[1:].sum()))
    made = [
        Cluster(label, int(tally[label]), int(tally[label]) / whole, centre)
        for label, centre in zip(body["labels"], _centres(found.fit), strict=True)
    ]
    draws = int(body["stability"]["draws"])
    return Clusters(
        definition.id,
        ground.asof,
        found.fit.asof,
        int(body["rows"]),
        Stability(**body["stability"]),
        tuple(Stability(k, mean, low, draws) for k, mean, low in body["tried"]),
        found.unknown,
        tuple(sorted(made, key=lambda one: one.label)),
    )


def _centres(fit: Fit) -> list[dict[str, float | str]]:
    read, centres = Table.of(fit.body["table"]), centres_of(fit)
    plain = read.plain(centres.means)
    found: list[dict[str, float | str]] = []
    for at in range(len(centres)):
        one: dict[str, float | str] = {how.name: float(plain[at, i]) for i, how in enumerate(read.numbers)}
        for i, kind in enumerate(read.texts):
            code = int(centres.modes[at, i])
            one[kind.name] = kind.words[code] if code < len(kind.words) else ""
        found.append(one)
    return found


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
