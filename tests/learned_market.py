"""The simulated market taken in and built, with the planted state of every customer beside it; made once a session."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from limner.app.workspace import Workspace
from limner.edge.demo.folder import Clock, prepare
from limner.edge.demo.play import FIRST
from limner.flow.decisions.facts import numbers_of
from limner_market import Market
from limner_market.states import STATES

CUSTOMERS = 8_000


@dataclass(frozen=True)
class Learned:
    """A workspace over the market, and the planted state of each customer number ("" of who is no member)."""

    folder: Path
    clock: Clock
    states: np.ndarray

    def open(self) -> Workspace:
        return Workspace(self.folder, clock=self.clock)


@cache
def learned_market() -> Learned:
    home = Path(tempfile.mkdtemp(prefix="learned-market-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    folder, clock = home / "shop", Clock(FIRST)
    prepare(folder, "nanzhi", 3)
    shutil.rmtree(folder / "models")
    market = Market(customers=CUSTOMERS, seed=3)
    market.write(folder / "data", formats="plain")
    with Workspace(folder, clock=clock) as shop:
        shop.apply()
        shop.collect()
        shop.run()
        states = _states(shop, market)
    return Learned(folder, clock, states)


def _states(shop: Workspace, market: Market) -> np.ndarray:
    from limner.app.grounds import portrait_of

    version = portrait_of(shop).version
    living = np.fromiter(version.living, np.int64)
    trace = numbers_of(version, "address.member_no", living)
    opened = shop.stores.vault.open(sorted(set(trace[trace > 0].tolist())))
    members = [opened.get(one, "") for one in trace.tolist()]
    there = np.array([bool(one) for one in members])
    rows = market.numbers([one for one in members if one])
    states = np.full(version.size, "", object)
    names = np.array([state.name for state in STATES], object)
    states[living[there]] = names[market.world.people.state[rows]]
    return states
