"""`launch`: grant a plan's decisions, chunk by chunk. Each chunk is one ledger transaction: re-check, reserve, write
the outbox. A launch that stopped goes on where it was; one that has ended does nothing more.
"""

from __future__ import annotations

import hmac
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyroaring import BitMap
from sqlalchemy import insert, update

from limner.core.exact import to_units
from limner.core.limits import REASONS
from limner.core.ours import Campaign, Wishes
from limner.core.tell import Tell, silent
from limner.flow.decisions.candidates import Ground, Option, candidates_of
from limner.flow.decisions.decide import experiment_of, pools_of, spent_on
from limner.flow.decisions.local import OPEN
from limner.flow.decisions.plans import Kept, decisions_of
from limner.flow.decisions.share_out import NONE, share_out
from limner.store.ledger.bulk import insert_rows
from limner.store.ledger.columns import micros
from limner.store.ledger.tables import assignments, outbox, plans

if TYPE_CHECKING:
    from sqlalchemy import Connection

CHUNK = 50_000
_COLUMNS = (
    "decision", "plan_id", "campaign", "number", "trace", "channel", "offer", "message_class", "purpose", "message_key",
    "moment", "latest_at", "state", "next_try_at", "parameters", "cost", "consent_seq", "reason", "changed_at",
)  # fmt: skip
DROPPED = "changed_since_plan"
Ints = npt.NDArray[np.int64]
Parameters = Callable[[Option, Ints], Sequence[Mapping[str, object]]]
"""The values a template needs, per customer; handed in, because templates belong to channels."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a launch granted: reserved for sending, dropped on re-check (by reason, of both arms), held out."""

    plan_id: int
    reserved: int
    held_out: int
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Checked:
    """A chunk after its re-check: the reason that drops a row ("" keeps it), its moment (µs) and consent."""

    reason: npt.NDArray[np.object_]
    moment: Ints
    consent_seq: Ints


def grant(
    kept: Kept,
    campaign: Campaign,
    wishes: Wishes,
    options: tuple[Option, ...],
    ground: Ground,
    *,
    parameters: Parameters,
    tell: Tell = silent,
) -> Granted:
    """Write the outbox of a plan. Both arms are checked again at the same instant, and failures leave both.

    A held-out customer gets a `virtual` row, which holds cap and gap room and is never sent.
    """
    rows = decisions_of(ground.stores, kept.plan.plan_id)
    rows = rows.filter(pc.not_equal(rows["answer"], "refused"))
    total, at = rows.num_rows, kept.done
    _mark(ground, kept.plan.plan_id, {"state": "launching", "launched_at": kept.launched_at or ground.now})
    reserved = held = 0
    dropped: dict[str, int] = {}
    while at < total:
        part = rows.slice(at, CHUNK)
        checked = _check(part, campaign, wishes, options, ground)
        at += part.num_rows
        written = _write(part, checked, kept, campaign, options, ground, parameters, at)
        reserved, held = reserved + written[0], held + written[1]
        for reason in checked.reason[checked.reason != ""]:
            dropped[reason] = dropped.get(reason, 0) + 1
        tell(at, total, "grant")
    _mark(ground, kept.plan.plan_id, {"state": "launched"})
    return Granted(kept.plan.plan_id, reserved, held, dropped)


def _mark(ground: Ground, plan_id: int, values: Mapping[str, Any]) -> None:
    with ground.stores.ledger.write() as connection:
        connection.execute(update(plans).where(plans.c.plan_id == plan_id).values(**values))


def _check(part: pa.Table, campaign: Campaign, wishes: Wishes, options: tuple[Option, ...], ground: Ground) -> _Checked:
    count = part.num_rows
    number = part["number"].to_numpy().astype(np.int64)
    reason = np.full(count, "", object)
    moment, consent = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    offers, channels = np.asarray(part["offer"].to_pylist()), np.asarray(part["channel"].to_pylist())
    planned = part["moment"].cast(pa.int64()).to_numpy()
    held = np.asarray(part["answer"].to_pylist()) == "held_out"
    for option in options:
        mine = np.flatnonzero((offers == option.offer.id) & (channels == option.channel.id))
        if not mine.size:
            continue
        found = candidates_of(_only(wishes, number[mine]), (option,), ground)
        still = (found.stage == OPEN) & ((found.moment >= planned[mine]) | (planned[mine] < micros(ground.now)))
        pools, room = pools_of(found, ground.stores)
        budget = None if campaign.budget is None else to_units(campaign.budget) - spent_on(ground.stores, campaign.id)
        cost = np.full(found.option.size, option.price, np.int64)
        shared = share_out(still, held[mine], pools, cost, room, budget)
        took = shared.candidate != NONE
        pick = np.maximum(shared.candidate, 0)
        moment[mine] = np.where(took, found.moment[pick, np.arange(mine.size)], planned[mine])
        consent[mine] = found.consent_seq[0]
        furthest = found.stage.max(axis=0)
        names = np.asarray([*REASONS, "capacity"], object)
        why = np.where(shared.is_short_of_budget, "budget", names[np.minimum(furthest, OPEN)])
        reason[mine[~took]] = why[~took]
    return _Checked(reason, moment, consent)


def _only(wishes: Wishes, numbers: Ints) -> Wishes:
    from dataclasses import replace

    return replace(wishes, numbers=numbers)  # type: ignore[arg-type]


def _write(
    part: pa.Table,
    checked: _Checked,
    kept: Kept,
    campaign: Campaign,
    options: tuple[Option, ...],
    ground: Ground,
    parameters: Parameters,
    done: int,
) -> tuple[int, int]:
    answers = part["answer"].to_pylist()
    values = _parameters(part, options, parameters)
    entries = _entries(part, answers, checked, kept, campaign, ground, values)
    with ground.stores.ledger.write() as connection:
        insert_rows(connection, outbox, _COLUMNS, entries)
        _assign(connection, ground, part, campaign)
        connection.execute(update(plans).where(plans.c.plan_id == kept.plan.plan_id).values(done=done))
    stayed = Counter(answer for answer, reason in zip(answers, checked.reason, strict=True) if not reason)
    return stayed["granted"], stayed["held_out"]


def _entries(
    part: pa.Table,
    answers: list[str],
    checked: _Checked,
    kept: Kept,
    campaign: Campaign,
    ground: Ground,
    values: list[str],
) -> Iterator[tuple[Any, ...]]:
    """The rows of the outbox as the ledger keeps them, in the order of `_COLUMNS`."""
    now, key, reasons = micros(ground.now), ground.stores.hash_key, checked.reason.tolist()
    states = [_state(campaign, why, is_held=a == "held_out") for a, why in zip(answers, reasons, strict=True)]
    held = zip(checked.consent_seq.tolist(), states, strict=True)
    moments, decisions = checked.moment.tolist(), part["decision"].to_pylist()
    columns = {
        "decision": decisions,
        "plan_id": repeat(kept.plan.plan_id),
        "campaign": repeat(campaign.id),
        "number": part["number"].to_pylist(),
        "trace": part["trace"].fill_null(0).to_pylist(),
        "channel": part["channel"].to_pylist(),
        "offer": part["offer"].to_pylist(),
        "message_class": repeat(campaign.message_class),
        "purpose": repeat(campaign.purpose),
        "message_key": [_key(key, decision) for decision in decisions],
        "moment": moments,
        "latest_at": part["latest_at"].cast(pa.int64()).to_pylist(),
        "state": states,
        "next_try_at": moments,
        "parameters": values,
        "cost": [to_units(cost) for cost in part["cost"].to_pylist()],
        "consent_seq": [seq if state == "queued" and seq >= 0 else None for seq, state in held],
        "reason": [f"{DROPPED}:{why}" if why else "" for why in reasons],
        "changed_at": repeat(now),
    }
    return zip(*(columns[name] for name in _COLUMNS), strict=False)


def _state(campaign: Campaign, reason: str, *, is_held: bool) -> str:
    if reason:
        return "released"
    if campaign.is_rehearsal:
        return "rehearsed"
    return "virtual" if is_held else "queued"


def _parameters(part: pa.Table, options: tuple[Option, ...], parameters: Parameters) -> list[str]:
    found = ["{}"] * part.num_rows
    number = part["number"].to_numpy().astype(np.int64)
    for option in options:
        asked = {"answer": "granted", "offer": option.offer.id, "channel": option.channel.id}
        is_mine = np.logical_and.reduce([pc.equal(part[name], said).to_numpy() for name, said in asked.items()])
        mine = np.flatnonzero(is_mine)
        for i, values in zip(mine.tolist(), parameters(option, number[mine]), strict=True):
            if values:
                found[i] = json.dumps(values, ensure_ascii=False, default=str)
    return found


def _key(key: bytes, decision: int) -> str:
    """The idempotency key of a message: the same at every try, and not to be guessed."""
    return hmac.digest(key, f"message|{decision}".encode(), "sha256")[:16].hex()


def _assign(connection: Connection, ground: Ground, part: pa.Table, campaign: Campaign) -> None:
    """Write down who is in which arm, at its first use."""
    arm = np.asarray(part["arm"].to_pylist())
    number = part["number"].to_numpy()
    for experiment, name in ((experiment_of(campaign), "granted"), (experiment_of(campaign), "held_out")):
        members = BitMap(number[arm == name].tolist())
        if members:
            batch = ground.stores.ledger.take(connection, "assignment")
            connection.execute(
                insert(assignments).values(
                    experiment=experiment,
                    arm=name,
                    batch=batch,
                    assigned_at=ground.now,
                    members=members.serialize(),
                )
            )
