"""What the keeper lends the station for one delivery, and what the gate answers when it is asked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from limner.core.ours import Offer
from limner.flow.channels.outbox import Due

Clock = Callable[[], datetime]
"""The present moment. A delivery lasts, so one instant does not do: hours and consents are asked as it goes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a message may not go now: a reason releases it, a moment puts it off."""

    reason: str = ""
    moment: datetime | None = None


Recheck = Callable[[Connection, Sequence[Due], datetime], Mapping[int, Verdict]]
"""The gate, asked again inside the transaction that marks messages as under way. It answers by `decision` for those
that may not go now; a message it does not name may go."""


def all_may(connection: Connection, rows: Sequence[Due], now: datetime) -> Mapping[int, Verdict]:
    """A gate that lets everybody through: for trying a channel alone."""
    return {}


@dataclass(frozen=True, slots=True)
class Lent:
    """The workspace's folder, the look-up of secrets, the gate, and the offers of a plan as they were when it was made
    (without `offer_of`: as they are now)."""

    home: Path
    secret: Callable[[str], str]
    recheck: Recheck
    offer_of: Callable[[int, str], Offer] | None = None
