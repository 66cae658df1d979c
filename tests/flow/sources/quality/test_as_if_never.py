"""Whatever is held, dropped and released in between: dropped is as if never come, released as if never held."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flow.sources.quality.test_holding import GUARDED, LATER, views
from intake import HEAD, NOW, ORDERS, Intake
from limner.core.actor import OWNER
from limner.flow.sources import drop, list_loads, release

ROW = st.tuples(
    st.integers(0, 8), st.integers(0, 4), st.sampled_from([5, 20, 99_999]), st.sampled_from(["已付款", "已关闭"])
)
FILES = st.lists(st.lists(ROW, min_size=1, max_size=4), min_size=1, max_size=3)


def content(rows):
    """Orders of a few numbers by a few members: files repeat one another's."""
    lines = [f"A{o},1391234867{m},M{m},{a},{s},2026-08-0{1 + o} 10:00" for o, m, a, s in rows]
    return HEAD + "\n".join(lines) + "\n"


def shops(folder):
    held, free = Intake(folder / "held", GUARDED), Intake(folder / "free", ORDERS)
    free.stores = replace(free.stores, hash_key=held.stores.hash_key)
    return held, free


def money(shop):
    """The orders every reader sees, whichever file they are taken from."""
    return shop.ask("select order_id, count(*) as n from events group by 1 order by 1")


def told(shop):
    return {name: rows for name, rows in views(shop).items() if name != "rejects"}


@given(FILES)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_dropped_loads_were_never_there(files):
    with tempfile.TemporaryDirectory() as folder:
        held, free = shops(Path(folder))
        for turn, rows in enumerate(files):
            now = NOW + timedelta(minutes=turn)
            found = held.load(held.put(f"orders{turn}.csv", content(rows)), now=now)
            if not found.held:
                free.load(free.put(f"orders{turn}.csv", content(rows)), now=now)
            assert told(held) == told(free)
        for load in list_loads(held.stores):
            if load.state == "held":
                drop(held.stores, load.load, why="", who=OWNER, now=LATER)
        assert told(held) == told(free)


@given(FILES)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_load_released_at_once_was_never_held(files):
    with tempfile.TemporaryDirectory() as folder:
        held, free = shops(Path(folder))
        for turn, rows in enumerate(files):
            now = NOW + timedelta(minutes=turn)
            for load in held.load(held.put(f"orders{turn}.csv", content(rows)), now=now).held:
                state = {one.load: one.state for one in list_loads(held.stores)}
                if state[load] == "held":
                    release(held.stores, load, why="", who=OWNER, now=now)
            free.load(free.put(f"orders{turn}.csv", content(rows)), now=now)
        assert views(held) == views(free)
        assert [one.counts for one in list_loads(held.stores)] == [one.counts for one in list_loads(free.stores)]


@given(FILES, st.randoms(use_true_random=False))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_released_in_any_order_no_order_is_lost_or_doubled(files, chance):
    with tempfile.TemporaryDirectory() as folder:
        held, free = shops(Path(folder))
        for turn, rows in enumerate(files):
            held.load(held.put(f"orders{turn}.csv", content(rows)), now=NOW + timedelta(minutes=turn))
            free.load(free.put(f"orders{turn}.csv", content(rows)), now=NOW + timedelta(minutes=turn))
        waiting = [load.load for load in list_loads(held.stores) if load.state == "held"]
        chance.shuffle(waiting)
        for load in waiting:
            release(held.stores, load, why="", who=OWNER, now=LATER)
        assert money(held) == money(free)
        counts = [load.counts for load in list_loads(held.stores)]
        assert all(c.rows == c.used + c.anonymous + c.cancelled + sum(c.rejected.values()) for c in counts)
