"""What a score is made up of: the shares of a model's inputs, or the history a lifetime value is reckoned from."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from limner.core.spans import day_of
from limner.flow.models.purchases import buyers, purchases
from limner.flow.models.reasons import reasons

if TYPE_CHECKING:
    from limner.app.grounds import Portrait
    from limner.app.workspace import Workspace
    from limner.core.ours import Model

SHOWN = 8
"""Inputs that are told one by one: those that add or take most."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one input adds to the log-odds of a score against the average customer: its column (empty: all others
    together), its names in Chinese and English, and the customer's value."""

    column: str
    name: str
    name_en: str
    value: object
    log_odds: float


@dataclass(frozen=True, slots=True)
class Made:
    """How a learned chance is made up, in log-odds: the average of `customers`, what each input adds, and what putting
    the chances right on a later period adds; they add up to `log_odds`, those of the chance."""

    average: float
    shares: tuple[Share, ...]
    put_right: float
    log_odds: float
    customers: int


@dataclass(frozen=True, slots=True)
class Worth:
    """What a lifetime value is reckoned from. Repeats, days from the first purchase to the last and to the asof, and
    the mean amount of a repeat go in; the chance to be still a customer times the purchases of one who is gives
    `purchases` within the horizon, and those times what each is worth times the margin give `value`. None: cannot be
    said."""

    repeats: int
    last_days: int
    age_days: int
    mean: float
    horizon_days: int
    alive: float
    if_alive: float | None
    purchases: float
    each: float | None
    margin: float
    value: float | None


def made_of(
    shop: Workspace,
    found: Portrait,
    model: Model,
    number: int,
    value: Callable[[str], object],
    hidden: Collection[str],
    names: Callable[[str], tuple[str, str]],
) -> Made | None:
    """The shares of a score; None where the portrait keeps nothing of the model. Columns in `hidden` stand among the
    others."""
    day = day_of(found.asof, shop.settings.zone)
    told = reasons(found.version, model.id, number, day) if model.id in found.version.headers else None
    if told is None:
        return None
    order = sorted(told.parts, key=lambda name: (-abs(told.parts[name]), name))
    shown = [name for name in order if name not in hidden and told.parts[name]][:SHOWN]
    shares = [Share(name, *names(name), value(name), told.parts[name]) for name in shown]
    rest = sum(told.parts[name] for name in order if name not in shown)
    if rest or len(shown) < len(order):
        shares.append(Share("", "", "", None, rest))
    return Made(told.average, tuple(shares), told.put_right, told.log_odds, told.customers)


def worth_of(
    shop: Workspace, found: Portrait, model: Model, number: int, value: Callable[[str], object], margin: float
) -> Worth | None:
    """The history of one customer and the expected figures it gives; None for one of whom nothing is known."""
    alive, expected, worth = (value(f"{model.id}{end}") for end in (".alive", ".purchases", ""))
    if not isinstance(alive, float) or not isinstance(expected, float):
        return None
    past = purchases(shop.stores, model, found.links, np.array([number]), found.asof, is_one=True)
    one = buyers(past)
    if not one.numbers.size:
        return None
    total = worth if isinstance(worth, float) else None
    return Worth(
        repeats=int(one.repeats[0]),
        last_days=int(one.last[0]),
        age_days=int(one.age[0]),
        mean=float(one.mean[0]),
        horizon_days=model.horizon.days,
        alive=alive,
        if_alive=expected / alive if alive else None,
        purchases=expected,
        each=total / (expected * margin) if total is not None and expected * margin else None,
        margin=margin,
        value=total,
    )
