"""Capacity and budget go by value; hold-outs walk along and take nothing."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.flow.decisions.share_out import NONE, share_out


def slow(open_, held, place, cost, capacity, budget):
    """One customer after the other, as the rule is told."""
    left, money = dict(capacity), budget
    chosen = []
    for i in range(open_.shape[1]):
        for k in range(open_.shape[0]):
            pool = place[k, i]
            if not open_[k, i] or left.get(pool, 1) <= 0 or (money is not None and cost[k] > money):
                continue
            chosen.append(k)
            if not held[i]:
                if pool in left:
                    left[pool] -= 1
                if money is not None:
                    money -= cost[k]
            break
        else:
            chosen.append(NONE)
    return chosen


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 30), st.integers(1, 4), st.booleans(), st.booleans())
def test_it_is_the_queue_served_one_by_one(seed, count, options, has_capacity, has_budget):
    rng = np.random.default_rng(seed)
    open_ = rng.random((options, count)) < 0.7
    held = rng.random(count) < 0.3
    place = np.repeat(rng.integers(0, 3, options)[:, None], count, axis=1)
    cost = rng.integers(0, 4, options)
    capacity = {0: int(rng.integers(0, 6)), 1: int(rng.integers(0, 6))} if has_capacity else {}
    budget = int(rng.integers(0, 20)) if has_budget else None
    found = share_out(open_, held, place, cost, capacity, budget)
    treated = ~held
    wanted = np.asarray(slow(open_, held, place, cost, capacity, budget), np.int64)
    # a held-out customer may be marked up to the next treated one who finds no room; the treated are served exactly
    assert found.candidate[treated].tolist() == wanted[treated].tolist()
    taken = found.candidate[treated & (found.candidate != NONE)]
    assert budget is None or cost[taken].sum() <= budget


def test_the_cut_is_at_one_value_for_both_arms():
    rng = np.random.default_rng(1)
    held = rng.random(100_000) < 0.2
    open_ = np.ones((1, held.size), bool)
    found = share_out(open_, held, np.zeros((1, held.size), np.int64), np.zeros(1, np.int64), {0: 30_000}, None)
    taken = found.candidate != NONE
    assert (taken & ~held).sum() == 30_000
    last = np.flatnonzero(taken).max()
    assert taken[: last + 1].all()
    assert abs((taken & held).sum() / taken.sum() - 0.2) < 0.01


def test_nobody_waits_for_nothing():
    found = share_out(np.ones((2, 0), bool), np.ones(0, bool), np.zeros((2, 0), np.int64), np.zeros(2), {}, None)
    assert found.candidate.size == 0
