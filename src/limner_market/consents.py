"""What members allowed: lasting consents by channel with their changes, and mini-program authorisations good for
one message."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from limner_market.chance import Ints, generator, uniform
from limner_market.days import DAY
from limner_market.states import State
from limner_market.world import World

CHANNELS = ("sms", "wecom", "mini", "guide")
LASTING = 0  # uses of a consent that is not used up
_CHANGED = 0.03  # share of lasting consents taken back or given again later
_QUIET_LEAVERS = 0.00002  # daily share of members who refuse text messages of their own accord


@dataclass(frozen=True, slots=True)
class Consents:
    """One row per statement of a member: channel (index into CHANNELS), granted or refused, when, and for how many
    messages (LASTING when for all); `proof` numbers the place it was given (index into PROOFS)."""

    person: Ints
    channel: NDArray[np.int8]
    granted: NDArray[np.bool_]
    second: Ints
    uses: Ints
    proof: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.person)


PROOFS = ("入会协议", "企业微信添加好友", "订阅消息弹窗", "门店纸质单", "退订回复T", "会员中心设置")


def join_consents(parts: list[Consents]) -> Consents:
    """All statements of `parts` by time, ties by person."""
    whole = Consents(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Consents)))
    place = np.lexsort((whole.channel, whole.person, whole.second))
    return Consents(*(getattr(whole, f.name)[place] for f in fields(Consents)))


def _state(who: Ints, channel: int, granted: NDArray[np.bool_], second: Ints, uses: int, proof: int) -> Consents:
    same = np.full(len(who), 1, dtype=np.int8)
    return Consents(who, same * np.int8(channel), granted, second, np.full(len(who), uses), same * np.int8(proof))


def past_consents(world: World) -> Consents:
    """Every statement before now. Each member states something about text messages on the day of joining."""
    rng = generator(world.seed, "consents")
    people = world.people
    members = np.arange(people.members)
    end = world.now_day * DAY
    joined = np.minimum(world.purchases.joined * DAY + 36_000, end - DAY // 2)
    parts = []
    asked = (
        (0, np.ones(len(members), dtype=bool), 0.975, 0),
        (1, people.has_wecom[: len(members)], 0.985, 1),
        (3, rng.random(len(members)) < 0.45, 0.93, 3),
    )
    for channel, which, share, proof in asked:
        who = members[which]
        granted = rng.random(len(who)) < share
        parts.append(_state(who, channel, granted, joined[who], LASTING, proof))
        changed = rng.random(len(who)) < _CHANGED * np.where(granted, 0.4, 1.0)
        later = joined[who] + ((end - joined[who]) * rng.random(len(who))).astype(np.int64)
        parts.append(_state(who[changed], channel, ~granted[changed], later[changed], LASTING, 5))
    parts.append(_grants(world, rng, joined, end))
    return join_consents(parts)


def _grants(world: World, rng: np.random.Generator, joined: Ints, end: int) -> Consents:
    people = world.people
    state = people.state[: people.members]
    mean = np.select([state == State.WAVERING, state == State.LOYAL, state == State.FRESH], [2.2, 1.2, 1.0], 0.15)
    count = rng.poisson(mean) * people.has_mini[: people.members]
    who = np.repeat(np.arange(people.members), count)
    second = end - 1 - (rng.random(len(who)) * 60 * DAY).astype(np.int64)
    return _state(who, 2, np.ones(len(who), dtype=bool), np.maximum(second, joined[who] + 60), 1, 2)


def grants_on(world: World, day: int) -> Consents:
    """One-message authorisations given on one market day from now on, drawn by (person, day)."""
    people = world.people
    members = np.arange(people.members)
    state = people.state[: people.members]
    chance = np.where(state == State.WAVERING, 0.035, 0.006) * people.has_mini[: people.members]
    who = np.flatnonzero(uniform(world.seed, "grants/day", members, day) < chance)
    second = day * DAY + (uniform(world.seed, "grants/second", who, day) * DAY).astype(np.int64)
    return _state(who, 2, np.ones(len(who), dtype=bool), second, 1, 2)


def opt_outs(who: Ints, channel: int, second: Ints) -> Consents:
    """Consents withdrawn on a channel (index into CHANNELS)."""
    return _state(who, channel, np.zeros(len(who), dtype=bool), second, LASTING, 4)


def base_opt_outs(world: World, day: int) -> Consents:
    """Members who refuse text messages on a market day without having been sent one, drawn by (person, day)."""
    members = np.arange(world.people.members)
    who = np.flatnonzero(uniform(world.seed, "opt-out/day", members, day) < _QUIET_LEAVERS)
    second = day * DAY + (uniform(world.seed, "opt-out/second", who, day) * DAY).astype(np.int64)
    return _state(who, 0, np.zeros(len(who), dtype=bool), second, LASTING, 5)
