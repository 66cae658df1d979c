"""The portrait of an audience as a value: every number its page shows, and nothing about how it looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from limner.flow.audiences.beliefs import Belief
    from limner.flow.audiences.portrait import Trait


@dataclass(frozen=True, slots=True)
class Moment:
    """The audience at an earlier asof: its members, all customers, and the share of each key answer (None: unknown)."""

    asof: datetime
    customers: int
    everybody: int
    shares: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """One view: `key` is province, city, country, cross, rfm, rfm_grid, hours, items or categories; `columns` what it
    reads.

    The answers of a cross are two with a tab between; those of an RFM grid are the levels of recency and of frequency.
    `names` say what items are called; `places` give the code of a province; `spend` is what the members of the audience
    with an answer have spent on average.
    """

    key: str
    columns: tuple[str, ...]
    traits: tuple[Trait, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    spend: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Portrayed:
    """What sets an audience apart from a base (or a competitor's profile), the views, beliefs tested, and a text.

    `traits` stand farthest from 100 first, those the numbers cannot support last; `trend` oldest first, this asof last,
    with the shares of `trend_of`. `text` is in `lang`, and each of its sentences carries its number.
    """

    rule: str
    name: str
    written: str
    against: str
    asof: datetime
    group: int
    base: int
    traits: tuple[Trait, ...]
    confidence: float
    is_rival: bool
    names: Mapping[str, tuple[str, str]]
    beliefs: tuple[Belief, ...] = ()
    trend: tuple[Moment, ...] = ()
    trend_of: tuple[Trait, ...] = ()
    views: tuple[View, ...] = ()
    text: tuple[str, ...] = ()
    workspace: str = ""
    lang: str = "zh"
    zone: str = "Asia/Shanghai"
    currency: str = "CNY"
    made_at: datetime | None = None
    file: str = ""

    def view(self, key: str) -> View | None:
        """The view of a key; None where the columns it needs are not there."""
        return next((view for view in self.views if view.key == key), None)

    def to_dicts(self, limit: int | None = None) -> list[dict[str, object]]:
        """One row per answer."""
        return [trait.to_dict() for trait in self.traits[:limit]]
