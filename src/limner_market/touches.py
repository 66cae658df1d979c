"""What the shop's gateways received: whom a message reaches, what it does there, and the receipts that go back."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from limner_market.chance import Floats, Ints, uniform
from limner_market.consents import CHANNELS
from limner_market.days import DAY, second_of
from limner_market.response import FATIGUE, GATEWAYS, MEMORY, on_day, strength
from limner_market.world import World

Mask = NDArray[np.bool_]
COLUMNS = ("message_key", "channel", "address", "campaign", "offer", "benefit", "coupon", "handed_over_at")
NOBODY = -1
_WIDE = 1 << 34  # more than any market second; person * _WIDE + second sorts by person, then time
_COMPLAINTS = 0.0002
_UNWANTED = 0.05  # share of complaints among messages to people who had said no


@dataclass(frozen=True, slots=True)
class Touches:
    """One row per message that counted. `effect` is the summed extra daily chance, 0 when it was not delivered
    (`landed` −1)."""

    person: Ints
    channel: Ints
    handed: Ints
    landed: Ints
    effect: Floats
    benefit_fen: Ints
    code: Ints

    def __len__(self) -> int:
        return len(self.person)

    def rows(self, which: Ints | Mask) -> Touches:
        """The touches at the given places, or where the mask is true."""
        return Touches(*(getattr(self, f.name)[which] for f in fields(self)))


def no_touches() -> Touches:
    """No message at all."""
    none = np.zeros(0, dtype=np.int64)
    return Touches(none, none, none, none, np.zeros(0), none, none)


def join_touches(first: Touches, second: Touches) -> Touches:
    """Both, in this order."""
    return Touches(*(np.concatenate([getattr(first, f.name), getattr(second, f.name)]) for f in fields(Touches)))


def added_on(landed: Touches, day: int, total: int) -> Floats:
    """What delivered touches add to the chance of an order on a market day, for each of `total` persons."""
    if len(landed) == 0:
        return np.zeros(total)
    worth = on_day(landed.effect, day - landed.landed // DAY)
    return np.asarray(np.bincount(landed.person, worth, minlength=total), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages as arrays: each key once, the earliest first."""

    key: pa.Array
    channel: Ints
    person: Ints
    handed: Ints
    benefit_fen: Ints
    coupon: pa.Array

    def __len__(self) -> int:
        return len(self.key)


def read_messages(world: World, table: pa.Table, known: pa.Array, clock: int, until: int) -> Messages:
    """Check and read what the gateways received. Keys among `known`, or seen before in the table, are left out.

    A message handed over before `clock` counts from `clock` on. Money is yuan; `handed_over_at` needs a zone.
    """
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise ValueError(f"messages lack the columns {', '.join(missing)}; they need {', '.join(COLUMNS)}")
    handed = _seconds(table["handed_over_at"].combine_chunks())
    if len(handed) and int(handed.max()) >= until:
        raise ValueError("a message is handed over at or after `until`; play it in the call whose period holds it")
    channel = _channels(table["channel"].combine_chunks())
    keys = table["message_key"].combine_chunks().cast(pa.string())
    place = np.argsort(handed, kind="stable")
    place = place[~pc.is_in(keys, value_set=known).to_numpy(zero_copy_only=False)[place]]
    coded = keys.dictionary_encode().indices.to_numpy()
    place = place[np.sort(np.unique(coded[place], return_index=True)[1])]
    chosen = pa.array(place)
    benefit = pc.round(pc.multiply(pc.fill_null(table["benefit"].combine_chunks().cast(pa.float64()), 0.0), 100.0))
    return Messages(
        key=keys.take(chosen),
        channel=channel[place],
        person=_find(world, channel[place], table["address"].combine_chunks().cast(pa.string()).take(chosen)),
        handed=np.maximum(handed[place], clock),
        benefit_fen=benefit.cast(pa.int64()).to_numpy()[place],
        coupon=table["coupon"].combine_chunks().cast(pa.string()).take(chosen),
    )


def _seconds(instants: pa.Array) -> Ints:
    if not pa.types.is_timestamp(instants.type) or instants.type.tz is None:
        raise ValueError(f"handed_over_at is {instants.type}; it must be a timestamp with a zone")
    epoch = second_of(pa.scalar(0, pa.timestamp("s", "UTC")).as_py())
    return np.asarray(instants.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy() // 1_000_000 + epoch)


def _channels(names: pa.Array) -> Ints:
    found = pc.index_in(names.cast(pa.string()), value_set=pa.array(CHANNELS))
    if found.null_count:
        other = pc.unique(names.filter(pc.is_null(found))).to_pylist()
        raise ValueError(f"unknown channel {other[0]!r}; the market has {', '.join(CHANNELS)}")
    return np.asarray(found.to_numpy(), dtype=np.int64)


def _find(world: World, channel: Ints, address: pa.Array) -> Ints:
    """The person behind each address, NOBODY where there is none."""
    people, named = world.people, world.identifiers
    person = np.full(len(channel), NOBODY, dtype=np.int64)
    digits = pc.utf8_slice_codeunits(pc.replace_substring_regex(address, r"[^0-9]", ""), -11, None)
    sets = (named.phone, named.unionid, named.openid, named.member_no)
    allowed = (None, people.has_wecom, people.has_mini, None)
    for number, names in enumerate(sets):
        here = np.flatnonzero(channel == number)
        if len(here) == 0:
            continue
        wanted = (digits if number == 0 else address).take(pa.array(here))
        found = pc.index_in(wanted, value_set=pa.array(names).cast(pa.string())).fill_null(NOBODY).to_numpy()
        gate = allowed[number]
        person[here] = np.where((found >= 0) & (True if gate is None else gate[found]), found, NOBODY)
    return person


@dataclass(frozen=True, slots=True)
class Standing:
    """What counts at the gateways before new messages: touches so far, who has opted out or said no (person ×
    channel), and the mini-program authorisations given so far as sorted person·time keys."""

    touches: Touches
    opted_out: Mask
    said_no: Mask
    grants: Ints


@dataclass(frozen=True, slots=True)
class Reception:
    """What became of messages: touches and receipts, row by row; `open_at`, `click_at`, `leave_at`, `complain_at`
    −1 when not."""

    touches: Touches
    open_at: Ints
    click_at: Ints
    leave_at: Ints
    complain_at: Ints


def grant_keys(person: Ints, second: Ints) -> Ints:
    """Sortable keys of (person, second)."""
    return np.sort(person * _WIDE + second)


def receive(world: World, standing: Standing, messages: Messages, codes: Ints) -> Reception:
    """Deliver messages, in the order of time. `codes` numbers each message's coupon (−1 for none)."""
    person, channel, handed = messages.person, messages.channel, messages.handed
    known = np.maximum(person, 0)
    day = handed // DAY
    gate = [GATEWAYS[name] for name in CHANNELS]
    share = np.array([g.delivered for g in gate])[channel]
    luck = {
        n: uniform(world.seed, f"touch/{n}", known, day, channel)
        for n in ("arrive", "open", "click", "leave", "complain", "wait")
    }
    arrives = (person >= 0) & (luck["arrive"] < share) & ~standing.opted_out[known, channel]
    arrives &= _authorised(standing, known, channel, handed, person >= 0)
    landed = np.where(arrives, handed + 2 + (luck["wait"] * 40).astype(np.int64), -1)
    tired = _before(standing.touches, known, handed, arrives)
    effect = np.zeros(len(messages))
    for number, name in enumerate(CHANNELS):
        here = np.flatnonzero(arrives & (channel == number))
        full = strength(
            world.people, world.response, known[here], name, messages.benefit_fen[here] / 100.0, handed[here]
        )
        effect[here] = full * FATIGUE ** tired[here]
    opens = arrives & (luck["open"] < np.array([g.opened for g in gate])[channel])
    pull = np.clip(world.people.word_pull[known], 0.3, 2.5)
    clicks = arrives & (luck["click"] < np.array([g.clicked for g in gate])[channel] * pull)
    leaves = arrives & (luck["leave"] < np.array([g.opt_out for g in gate])[channel] * (1.0 + 0.8 * tired))
    unwanted = np.where(standing.said_no[known, channel], _UNWANTED, _COMPLAINTS)
    minutes = 60 * (1 + (luck["wait"] ** 3 * 600).astype(np.int64))
    has_opens = np.array([g.opened > 0 for g in gate])[channel]
    return Reception(
        touches=Touches(
            person, channel, handed, landed, effect, messages.benefit_fen * arrives, np.where(arrives, codes, -1)
        ),
        open_at=np.where(opens | (clicks & has_opens), landed + minutes, -1),
        click_at=np.where(clicks, landed + minutes + 25, -1),
        leave_at=np.where(leaves, landed + minutes + 90, -1),
        complain_at=np.where(arrives & (luck["complain"] < unwanted), landed + minutes + 200, -1),
    )


def _before(earlier: Touches, person: Ints, handed: Ints, arrives: Mask) -> Ints:
    """Messages delivered to the same person in the MEMORY days before each one; of one second, the earlier row
    comes first."""
    old = earlier.rows(earlier.landed >= 0)
    keys = np.concatenate([old.person * _WIDE + old.handed, (person * _WIDE + handed)[arrives]])
    keys.sort()
    mine = person * _WIDE + handed
    since = np.searchsorted(keys, mine - MEMORY * DAY, side="left")
    lower = np.searchsorted(keys, person * _WIDE, side="left")
    return np.asarray(np.maximum(np.searchsorted(keys, mine, side="left") - np.maximum(since, lower), 0))


def _authorised(standing: Standing, person: Ints, channel: Ints, handed: Ints, known: Mask) -> Mask:
    """A mini-program message needs an authorisation of its own, given before it and not used by an earlier message."""
    mini = CHANNELS.index("mini")
    allowed = np.ones(len(person), dtype=bool)
    here = np.flatnonzero((channel == mini) & known)
    if len(here) == 0:
        return allowed
    before = standing.touches.rows((standing.touches.channel == mini) & (standing.touches.landed >= 0))
    used = (
        np.bincount(before.person, minlength=int(person[here].max()) + 1)[person[here]]
        if len(before)
        else np.zeros(len(here), np.int64)
    )
    order = np.lexsort((handed[here], person[here]))
    sorted_person = person[here][order]
    first = np.searchsorted(sorted_person, sorted_person, side="left")
    rank = np.empty(len(here), dtype=np.int64)
    rank[order] = np.arange(len(here)) - first
    low = np.searchsorted(standing.grants, person[here] * _WIDE, side="left")
    given = np.searchsorted(standing.grants, person[here] * _WIDE + handed[here], side="right") - low
    allowed[here] = used + rank < given
    return allowed
