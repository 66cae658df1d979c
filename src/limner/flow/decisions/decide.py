"""`decide`: the one gate. Every wish is granted, held out or refused, and says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import func, select

from limner.core.exact import to_units
from limner.core.limits import REASONS
from limner.core.ours import Campaign, Wishes
from limner.flow.decisions.base import RANKERS
from limner.flow.decisions.candidates import Candidates, Ground, Option, candidates_of
from limner.flow.decisions.local import OPEN
from limner.flow.decisions.share_out import NONE, share_out
from limner.maths import arms
from limner.store.ledger.tables import outbox

if TYPE_CHECKING:
    from limner.store.stores import Stores

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_BUSY = ("queued", "in_flight", "handed_over")


@dataclass(frozen=True, slots=True)
class Held:
    """Who is held out, universally or by the campaign: shape (n,) each."""

    universal: Bools
    campaign: Bools

    @property
    def any(self) -> Bools:
        """Held out by either."""
        return self.universal | self.campaign


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision per wish, as columns in the order of the wishes' numbers.

    `answer` is granted, held_out or refused; `reason` why not (or which hold-out); `value` and `cost` in
    ten-thousandths; `moment` µs UTC, -1 for refused ones.
    """

    numbers: Ints
    answer: npt.NDArray[np.object_]
    reason: npt.NDArray[np.object_]
    option: Ints
    options: tuple[Option, ...]
    moment: Ints
    trace: Ints
    value: Ints
    cost: Ints
    candidates: Candidates

    def count(self, answer: str) -> int:
        """How many have this answer."""
        return int((self.answer == answer).sum())

    def reasons(self, answer: str = "refused") -> Mapping[str, int]:
        """How many for each reason, most first; they add up to the answer's count."""
        names, counts = np.unique(self.reason[self.answer == answer].astype(str), return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return {str(names[i]): int(counts[i]) for i in order}

    def total_cost(self) -> Decimal:
        """What the granted messages cost."""
        return Decimal(int(self.cost[self.answer == "granted"].sum())).scaleb(-4)


def decide(
    wishes: Wishes,
    options: tuple[Option, ...],
    campaign: Campaign,
    held: Held,
    ground: Ground,
) -> Decided:
    """Answer every wish. Nothing is written and nothing is reserved: the answer is a value.

    Reasons are asked in the order of `limits.REASONS`; of several candidates the one that came furthest gives the
    reason. Capacity and budget are shared out in value order, ties by a hash of number and experiment, and hold-outs
    are marked last. Source of the hold-out rule: see `share_out`.
    """
    numbers = np.asarray(wishes.numbers, np.int64)
    if not numbers.size:
        return _nobody(options)
    found = candidates_of(wishes, options, ground)
    value = _value(options, numbers, ground)
    tie = arms.shares(numbers, arms.salt(f"order|{campaign.experiment.id or campaign.id}"))
    order = np.lexsort((tie, -value))
    place, capacity = pools_of(found, ground.stores)
    cost = np.asarray([options[i].price for i in found.option], np.int64)
    budget = None if campaign.budget is None else to_units(campaign.budget) - spent_on(ground.stores, campaign.id)
    open_ = found.stage == OPEN
    shared = share_out(open_[:, order], held.any[order], place[:, order], cost, capacity, budget)
    chosen, short = np.empty_like(shared.candidate), np.empty_like(shared.is_short_of_budget)
    chosen[order], short[order] = shared.candidate, shared.is_short_of_budget
    return _answers(numbers, found, chosen, short, held, value, cost)


def _answers(
    numbers: Ints, found: Candidates, chosen: Ints, short: Bools, held: Held, value: Ints, cost: Ints
) -> Decided:
    who = np.arange(numbers.size)
    taken = chosen != NONE
    at = np.maximum(chosen, 0)
    answer = np.where(taken, "granted", "refused").astype(object)
    answer[taken & held.any] = "held_out"
    furthest = found.stage.max(axis=0)
    names = np.asarray([*REASONS, "capacity"], object)
    reason = np.where(taken, "", names[np.minimum(furthest, OPEN)]).astype(object)
    reason[~taken & (furthest == OPEN) & short] = "budget"
    reason[taken & held.campaign] = "campaign"
    reason[taken & held.universal] = "universal"
    best = np.where(taken, at, found.stage.argmax(axis=0))
    return Decided(
        numbers=numbers,
        answer=answer,
        reason=reason,
        option=found.option[best],
        options=found.options,
        moment=np.where(taken, found.moment[at, who], -1),
        trace=found.trace[best, who],
        value=value,
        cost=np.where(taken, cost[at], 0),
        candidates=found,
    )


def _nobody(options: tuple[Option, ...]) -> Decided:
    none, words = np.empty(0, np.int64), np.empty(0, object)
    flat = np.empty((1, 0), np.int64)
    return Decided(
        none, words, words, none, options, none, none, none, none,
        Candidates(options, np.zeros(1, np.int64), flat, flat, flat, flat, flat),
    )  # fmt: skip


def _value(options: tuple[Option, ...], numbers: Ints, ground: Ground) -> Ints:
    rank = RANKERS.find("value")
    best: Ints = np.max([rank(option.offer, numbers, ground.version) for option in options], axis=0)
    return best.astype(np.int64)


def pools_of(found: Candidates, stores: Stores) -> tuple[Ints, Mapping[int, int]]:
    """The pool of each candidate, (channel, local day) as one integer, and the room left in those that have a limit."""
    channels = sorted({option.channel.id for option in found.options})
    code = np.asarray([channels.index(found.options[i].channel.id) for i in found.option], np.int64)
    place = found.day * len(channels) + code[:, None]
    limits = {option.channel.id: option.channel.capacity for option in found.options}
    room: dict[int, int] = {}
    for row, option in enumerate(found.option):
        channel = found.options[option].channel.id
        capacity = limits[channel]
        if capacity is None:
            continue
        for day in np.unique(found.day[row]):
            if day >= 0:
                key = int(day) * len(channels) + channels.index(channel)
                room[key] = capacity - _used(stores, channel, int(day))
    return place, room


def _used(stores: Stores, channel: str, day: int) -> int:
    from limner.core.spans import day_start

    zone = stores.settings.zone
    row = outbox.c
    question = select(func.count()).where(
        row.channel == channel,
        row.state.in_(_BUSY),
        row.moment >= day_start(day, zone),
        row.moment < day_start(day + 1, zone),
    )
    with stores.ledger.read() as connection:
        return int(connection.execute(question).scalar_one())


def spent_on(stores: Stores, campaign: str) -> int:
    row = outbox.c
    question = select(func.coalesce(func.sum(row.cost), 0)).where(row.campaign == campaign, row.state.in_(_BUSY))
    with stores.ledger.read() as connection:
        return to_units(connection.execute(question).scalar_one() or 0)


def held_out(
    numbers: Ints, campaign: Campaign, universal: float, universal_salt: str, fixed: Mapping[str, Ints]
) -> Held:
    """Which arm each customer is in: as written down at first use, else by the salted hash. Transactional: nobody held.

    `fixed` maps an experiment and arm ("win-back|held_out") to the numbers assigned before.
    """
    if campaign.message_class == "transactional":
        nobody = np.zeros(numbers.size, bool)
        return Held(nobody, nobody.copy())
    return Held(
        _held(numbers, f"universal:{universal_salt}", universal, fixed),
        _held(numbers, experiment_of(campaign), campaign.experiment.holdout, fixed, campaign.experiment.salt),
    )


def _held(numbers: Ints, experiment: str, share: float, fixed: Mapping[str, Ints], salt: str = "") -> Bools:
    drawn = arms.shares(numbers, arms.salt(salt or experiment)) < share
    held = np.isin(numbers, fixed.get(f"{experiment}|held_out", np.empty(0, np.int64)))
    treated = np.isin(numbers, fixed.get(f"{experiment}|granted", np.empty(0, np.int64)))
    return np.asarray((drawn | held) & ~(treated & ~held))


def experiment_of(campaign: Campaign) -> str:
    """The experiment's id: a changed offer is a new experiment, an unchanged one keeps its arms."""
    return campaign.experiment.id or f"{campaign.id}:{'+'.join(campaign.offers)}"


def decisions_table(
    decided: Decided, plan_id: int, campaign: Campaign, first: int, now: datetime, latest: datetime
) -> pa.Table:
    """The decisions as rows of the lake's table; ids run from `first`."""
    count = decided.numbers.size
    stamp = pa.timestamp("us", tz="UTC")
    moment = pa.array(decided.moment, pa.int64(), mask=decided.moment < 0).cast(stamp)
    arm = decided.answer.copy()
    arm[decided.answer == "refused"] = None
    arm[decided.reason == "universal"] = "universal"
    offers = np.asarray([option.offer.id for option in decided.options], object)
    channels = np.asarray([option.channel.id for option in decided.options], object)
    return pa.table(
        {
            "source": pa.repeat("decide", count),
            "happened_at": pa.repeat(pa.scalar(now, stamp), count),
            "decision": pa.array(np.arange(first, first + count), pa.int64()),
            "plan_id": pa.repeat(pa.scalar(plan_id, pa.int64()), count),
            "campaign": pa.repeat(campaign.id, count),
            "experiment": pa.repeat(experiment_of(campaign), count),
            "number": pa.array(decided.numbers, pa.int32()),
            "trace": pa.array(decided.trace, pa.int32(), mask=decided.trace <= 0),
            "arm": pa.array(arm, pa.string()),
            "answer": pa.array(decided.answer, pa.string()),
            "reason": pa.array(decided.reason, pa.string()),
            "offer": pa.array(offers[decided.option], pa.string()),
            "channel": pa.array(channels[decided.option], pa.string()),
            "moment": moment,
            "latest_at": pa.repeat(pa.scalar(latest, stamp), count),
            "value": _money(decided.value),
            "cost": _money(decided.cost),
            "probability": pa.repeat(1.0, count),
            "is_explored": pa.repeat(pa.scalar(value=False), count),
        }
    )


def _money(units: Ints) -> pa.Array:
    """int64 ten-thousandths as decimal(18,4), without a loop: the 128-bit words of the decimals are the integers."""
    words = np.empty((units.size, 2), np.int64)
    words[:, 0], words[:, 1] = units, units >> 63
    return pa.Array.from_buffers(pa.decimal128(18, 4), units.size, [None, pa.py_buffer(words.tobytes())])
