"""The story the market was calibrated for: three campaigns, what they promise and what they truly do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from limner_market.days import ZONE


@dataclass(frozen=True, slots=True)
class StoryCampaign:
    """One campaign: whom it is for (in words over behaviour the shop can see), what it offers and what is true of it.

    `benefit` in yuan (0 for words only), `hour` of the day it is handed over, `hold_out` the share left alone;
    `rate_with` and `lift` are the truth over 14 days by text message, as probabilities.
    """

    key: str
    name: str
    audience: str
    channel: str
    benefit: Decimal
    hour: int
    hold_out: float
    rate_with: float
    lift: float
    verdict: str


@dataclass(frozen=True, slots=True)
class Story:
    """The brand, its clock, and the campaigns of each wave with the day each wave ends."""

    brand: str
    now: datetime
    waves: tuple[tuple[datetime, tuple[StoryCampaign, ...]], ...]


_WAVERING = "favourites_30d >= 2 and orders_30d == 0 and discount_share >= 0.5"
_BEST = "orders_365d >= 3 and recency_days <= 120 and discount_share < 0.5"
_SILENT = "recency_days > 180 and orders >= 2 and net_spend >= 300"

_A = StoryCampaign("A", "种草未拔", _WAVERING, "sms", Decimal(40), 20, 0.40, 0.086, 0.0264, "works")
_B = StoryCampaign("B", "老客上新礼", _BEST, "sms", Decimal(50), 11, 0.15, 0.142, 0.0020, "loses money")
_C = StoryCampaign("C", "沉睡唤醒", _SILENT, "sms", Decimal(0), 10, 0.50, 0.0265, 0.0065, "works")
_A_HALVED = StoryCampaign("A2", "种草未拔·减半", _WAVERING, "sms", Decimal(20), 20, 0.40, 0.080, 0.0200, "works")
_NOW = datetime(2026, 9, 1, tzinfo=ZONE)

STORY = Story(
    brand="南枝",
    now=_NOW,
    waves=((_NOW + timedelta(days=15), (_A, _B, _C)), (_NOW + timedelta(days=30), (_A_HALVED, _C))),
)
