"""`lifecycle`: how customers moved between the stages of their life, what is to be expected, and whether it came so.

The stages are those of a tag of kind `lifecycle` at several past instants, each computed from what was known then;
who is who is what the newest portrait knows, so that a customer is the same one at all of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from limner.core.errors import BadInput, words
from limner.core.spans import midnight
from limner.flow.audiences.small import guarded, hidden
from limner.flow.tags.catalog import catalog, named
from limner.flow.tags.lifecycle import STAGES, silence_of
from limner.maths.proportion import wilson

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from limner.app.workspace import Workspace
    from limner.core.ours import Tag
    from limner.maths.stages import Ahead
    from limner.store.gallery import Version

NOT_A_LIFE = words("lifecycle_other_kind", "Tag {tag!r} is of kind {kind}. Name one of kind lifecycle.")
BAD_STEP = words("lifecycle_step_bad", "`{name}` is {value}, it must be a whole number from {least} to {most}.")

SEEN: Final = 3
"""Steps behind the asof over which moves are counted."""
_BOUNDS: Final = {"step": (7, 365), "ahead": (1, 24)}


@dataclass(frozen=True, slots=True)
class Standing:
    """Customers in a stage at the asof; None where they are too few to tell of."""

    stage: str
    customers: int | None
    share: float | None


@dataclass(frozen=True, slots=True)
class Move:
    """How many of those in stage `before` stood in stage `after` a step later: count, share and its 95 % interval; None
    where they are too few to tell of."""

    before: str
    after: str
    customers: int | None
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Expected:
    """Customers to be expected in a stage at an instant, with the interval 95 % of what may come lies in; `came` is
    what was so, in a back-test."""

    asof: datetime
    stage: str
    customers: float
    low: float
    high: float
    came: int | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """Of those in a stage one step before the asof, how many bought within the step, with a 95 % interval."""

    stage: str
    customers: int | None
    bought: int | None
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The life of customers by a tag: where they stand, the moves of the last steps put together, those who entered a
    step, what is to be expected, how the forecast one step back came true, and who bought again."""

    tag: str
    name: str
    asof: datetime
    step: int
    steps: int
    stages: tuple[Standing, ...]
    moves: tuple[Move, ...]
    entered: float
    expected: tuple[Expected, ...]
    tested: tuple[Expected, ...]
    returned: tuple[Returned, ...]

    def to_dicts(self, limit: int | None = None) -> list[dict[str, Any]]:
        """One row per move."""
        return [asdict(move) for move in self.moves[:limit]]


@dataclass(frozen=True, slots=True)
class _Moments:
    """The stage of each customer at each instant, oldest first, -1 without one; the silence of each at the last."""

    asofs: tuple[datetime, ...]
    stages: tuple[npt.NDArray[np.int64], ...]
    silence: npt.NDArray[np.int64]


def lifecycle(
    shop: Workspace,
    name: str = "lifecycle_stage",
    asof: str | datetime | None = None,
    *,
    step: int = 30,
    ahead: int = 3,
    seed: int = 0,
) -> Lifecycle:
    """The moves over the last three steps of `step` days up to an asof (default: the newest portrait's), and the
    stages `ahead` steps on. Nobody with an order: empty stages and no forecast."""
    import numpy as np

    for option, value in (("step", step), ("ahead", ahead)):
        least, most = _BOUNDS[option]
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise BadInput(BAD_STEP, name=option, value=value, least=least, most=most)
    placed = named(catalog(shop.definitions), name)
    if placed.tag.kind != "lifecycle":
        raise BadInput(NOT_A_LIFE, tag=placed.tag.id, kind=placed.tag.kind)
    found = _moments(shop, placed.tag, asof, step)
    least = shop.settings.privacy.least_group
    now = np.bincount(found.stages[-1][found.stages[-1] >= 0], minlength=len(STAGES))
    guarded(int(now.sum()), int(now.sum()), int(now.sum()), least)
    return _told(placed.tag, found, step, ahead, least, np.random.default_rng(seed))


def _moments(shop: Workspace, tag: Tag, asof: str | datetime | None, step: int) -> _Moments:
    """The stages at the asof and at the ends of the steps before it, of the customers the asker may see."""
    import numpy as np

    from limner.app.grounds import portrait_of
    from limner.app.running import snapshot
    from limner.app.snapshots import Wanted
    from limner.flow.audiences.base import seen_by
    from limner.store.gallery.bits import numbers

    portrait, zone = portrait_of(shop, asof), shop.settings.zone
    seen = numbers(seen_by(shop.who, portrait.version.living_words, portrait.version.size)).astype(np.int64)
    asofs = [midnight(portrait.asof - timedelta(days=step * back), zone) for back in range(SEEN, 0, -1)]
    silence = silence_of(tag)
    wanted = Wanted((tag.id, silence), has_traits=True, has_reach=False)
    kept = [snapshot(shop, at, wanted, portrait.links) for at in asofs]
    last = portrait.version
    if tag.id not in last.headers:
        last = snapshot(shop, portrait.asof, wanted, portrait.links)
    stages = tuple(_stages(version, tag.id, seen) for version in (*kept, last))
    return _Moments((*asofs, portrait.asof), stages, _whole(last, silence, seen))


def _stages(version: Version, column: str, seen: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The place of each customer's stage, -1 without one."""
    import numpy as np

    from limner.store.gallery.table import column_to_arrow

    kept = version.column(column)
    place = np.array([STAGES.index(word) for word in kept.words] or [0], np.int64)
    found = column_to_arrow(kept, seen)
    codes = found.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.where(codes >= 0, place[np.maximum(codes, 0)], -1)


def _whole(version: Version, column: str, seen: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Whole numbers of customers, -1 where unknown."""
    import numpy as np

    from limner.store.gallery.table import column_to_arrow

    found = column_to_arrow(version.column(column), seen).cast("int64").fill_null(-1)
    return np.asarray(found.to_numpy(zero_copy_only=False), np.int64)


def _told(tag: Tag, found: _Moments, step: int, ahead: int, least: int, rng: np.random.Generator) -> Lifecycle:
    """What the moments tell, in words and numbers."""
    import numpy as np

    from limner.maths.stages import forecast, moves

    pairs = [moves(a, b, len(STAGES)) for a, b in zip(found.stages, found.stages[1:], strict=False)]
    counts, entered = np.sum([pair[0] for pair in pairs], axis=0), np.sum([pair[1] for pair in pairs], axis=0)
    stands = [np.bincount(stages[stages >= 0], minlength=len(STAGES)) for stages in found.stages]
    expected: tuple[Expected, ...] = ()
    tested: tuple[Expected, ...] = ()
    if stands[-1].any():
        on = forecast(stands[-1], counts, entered, SEEN, ahead, rng=rng)
        expected = _expected(on, [found.asofs[-1] + timedelta(days=step * (k + 1)) for k in range(ahead)])
    if stands[-2].any():
        early = [np.sum([pair[part] for pair in pairs[:-1]], axis=0) for part in (0, 1)]
        back = forecast(stands[-2], early[0], early[1], SEEN - 1, 1, rng=rng)
        came = [standing.customers for standing in _standing(stands[-1].tolist(), least)]
        tested = _expected(back, [found.asofs[-1]], came)
    return Lifecycle(
        tag.id, tag.name, found.asofs[-1], step, SEEN,
        _standing(stands[-1].tolist(), least),
        tuple(move for place in range(len(STAGES)) for move in _moves(place, counts[place].tolist(), least)),
        float(entered.sum()) / SEEN, expected, tested,
        _returned(found, step, least),
    )  # fmt: skip


def _standing(counts: list[int], least: int) -> tuple[Standing, ...]:
    total, small = sum(counts), hidden(counts, least)
    return tuple(
        Standing(stage, None, None)
        if at in small
        else Standing(stage, counts[at], counts[at] / total if total else 0.0)
        for at, stage in enumerate(STAGES)
    )


def _moves(place: int, counts: list[int], least: int) -> list[Move]:
    total, small = sum(counts), hidden(counts, least)
    found = []
    for at, stage in enumerate(STAGES):
        if at in small or 0 < total < least:
            found.append(Move(STAGES[place], stage, None, None, None, None))
            continue
        low, high = wilson(counts[at], total)
        share = counts[at] / total if total else None
        found.append(Move(STAGES[place], stage, counts[at], share, low, high))
    return found


def _expected(on: Ahead, asofs: list[datetime], came: list[int | None] | None = None) -> tuple[Expected, ...]:
    return tuple(
        Expected(
            asof, stage,
            round(float(on.expected[at, place]), 1), float(on.low[at, place]), float(on.high[at, place]),
            None if came is None else came[place],
        )
        for at, asof in enumerate(asofs)
        for place, stage in enumerate(STAGES)
    )  # fmt: skip


def _returned(found: _Moments, step: int, least: int) -> tuple[Returned, ...]:
    """Those of each stage a step ago whose last purchase lies within the step."""
    has_bought = (found.silence >= 0) & (found.silence <= step)
    rows = []
    for place, stage in enumerate(STAGES):
        there = found.stages[-2] == place
        many, bought = int(there.sum()), int((there & has_bought).sum())
        if 0 < many < least or hidden([bought, many - bought], least):
            rows.append(Returned(stage, None, None, None, None, None))
            continue
        low, high = wilson(bought, many)
        rows.append(Returned(stage, many, bought, bought / many if many else None, low, high))
    return tuple(rows)
