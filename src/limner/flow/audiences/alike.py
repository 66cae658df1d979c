"""How a look-alike was made: what it was learned from, and how likeness falls as the reach grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from limner.core.actor import Actor
from limner.core.errors import BadInput, words
from limner.core.ours import Audience
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.cells import table
from limner.flow.audiences.likeness import Scored, scored
from limner.store.gallery.bits import pack, unpack

NOT_ALIKE = words(
    "audience_not_alike", "The audience {name!r} has the selector `{found}`; it is not made of look-alikes."
)
REACHES: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Reach:
    """A point of the curve: how many customers and their share of the pool, the likeness of the last of them (1: as the
    average seed), the share of seeds held out who score as high, and how many times more than of others that is."""

    customers: int
    share: float
    likeness: float
    seeds_found: float
    lift: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """A column that was compared: how well it alone tells seeds from others (AUC), and how far its gains spread."""

    column: str
    alone: float
    weight: float


@dataclass(frozen=True, slots=True)
class Alike:
    """A look-alike at an asof. `pool` may be chosen from; `unreachable` would have been but for consent or address
    (None: too few to tell).

    `auc` is on seeds and others held out, the other way's in `other_auc`; `left_out` says why columns were not
    compared.
    """

    audience: str
    asof: datetime
    seeds: int
    pool: int
    unreachable: int | None
    chosen: int
    likeness: float
    method: str
    auc: float
    other_auc: float | None
    curve: tuple[Reach, ...]
    columns: tuple[Compared, ...]
    left_out: Mapping[str, str]

    def __repr__(self) -> str:
        rows = [[f"{r.customers:,}", f"{r.likeness:.2f}", f"{r.seeds_found:.1%}", _times(r.lift)] for r in self.curve]
        return table(["reach", "likeness", "seeds found", "lift"], rows)

    def to_dicts(self) -> list[dict[str, object]]:
        """One row per point of the curve."""
        return [{name: getattr(one, name) for name in Reach.__slots__} for one in self.curve]


def alike(ground: Ground, audience: str, *, who: Actor) -> Alike:
    """How an audience of look-alikes was made; sizes are within the actor's scope, the curve is of the whole pool."""
    definition = ground.definitions.find(Audience, audience)
    if definition.selector != "look_alike":
        raise BadInput(NOT_ALIKE, name=audience, found=definition.selector)
    made = scored(definition, ground)
    size = ground.version.size
    seen = unpack(seen_by(who, ground.version.living_words, size), size)
    learned = made.learned
    is_card = learned.trees is None
    auc, other = (learned.card_auc, learned.trees_auc) if is_card else (learned.trees_auc or 0.5, learned.card_auc)
    return Alike(
        audience=definition.id,
        asof=ground.asof,
        seeds=made.seeds,
        pool=int((made.pool & seen).sum()),
        unreachable=made.unreachable,
        chosen=int(unpack(seen_by(who, pack(made.chosen), size), size).sum()),
        likeness=_worth(made, made.cut),
        method="linear" if is_card else "trees",
        auc=auc,
        other_auc=other,
        curve=_curve(made),
        columns=_columns(made),
        left_out=dict(made.left_out),
    )


def _worth(made: Scored, level: int) -> float:
    return float(made.learned.likeness(np.array([min(level, 65_535)]))[0])


def _curve(made: Scored) -> tuple[Reach, ...]:
    tally = np.bincount(made.levels[made.pool], minlength=65_536)
    above = np.cumsum(tally[::-1])[::-1]
    whole = int(above[0])
    seeds, others = made.aside_levels[made.aside_seeds], made.aside_levels[~made.aside_seeds]
    points = []
    for many in sorted({max(1, round(share * whole)) for share in REACHES}) if whole else ():
        level = int(np.flatnonzero(above >= many)[-1])
        found, usual = float((seeds >= level).mean()), float((others >= level).mean())
        points.append(Reach(many, many / whole, _worth(made, level), found, found / usual if usual else None))
    return tuple(points)


def _columns(made: Scored) -> tuple[Compared, ...]:
    card = made.learned.card
    found = [
        Compared(name, alone, float(gains.max() - gains.min()))
        for name, alone, gains in zip(made.names, made.learned.alone, card.gains, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: (-one.weight, one.column)))


def _times(lift: float | None) -> str:
    return "" if lift is None else f"{lift:.1f}"
