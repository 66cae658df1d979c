"""Receipts as the gateways report them: one row per message, status and instant."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from limner_market.chance import Ints
from limner_market.days import SHIFT, stamps
from limner_market.touches import Reception

STATUSES = ("handed_over", "delivered", "bounced", "opened", "clicked", "complained", "unsubscribed")


def receipt_rows(
    keys: pa.Array, got: Reception | None, waiting: pa.Table | None, until: int
) -> tuple[pa.Table, pa.Table]:
    """Receipts before the market second `until`, and those that come later, both by time. `waiting` are left from
    before."""
    parts = [] if waiting is None else [waiting]
    if got is not None:
        landed = got.touches.landed
        failed = np.where(landed < 0, got.touches.handed + 5, -1)
        moments = (got.touches.handed, landed, failed, got.open_at, got.click_at, got.complain_at, got.leave_at)
        parts += [_rows(keys, status, second) for status, second in zip(STATUSES, moments, strict=True)]
    if not parts:
        parts = [_rows(keys, STATUSES[0], np.zeros(len(keys), dtype=np.int64))]
    whole = pa.concat_tables(parts)
    second = np.asarray(whole["at"].combine_chunks().cast(pa.int64()).to_numpy() // 1_000_000 + SHIFT)
    place = np.argsort(second, kind="stable")
    return whole.take(pa.array(place[second[place] < until])), whole.take(pa.array(place[second[place] >= until]))


def _rows(keys: pa.Array, status: str, second: Ints) -> pa.Table:
    here = np.flatnonzero(second >= 0)
    return pa.table(
        {
            "message_key": keys.take(pa.array(here)),
            "status": pa.array([status]).take(pa.array(np.zeros(len(here), dtype=np.int64))),
            "at": stamps(second[here]),
        }
    )
