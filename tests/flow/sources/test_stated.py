"""What the events in sight are known by follows the lake: files that come, go, and are hidden."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.app.opening import make, open_stores, settings_of
from limner.flow.sources.keys import Keys
from limner.flow.sources.known import joined
from limner.flow.sources.stated import Stated

NOW = datetime(2026, 9, 1, tzinfo=UTC)


def key(text):
    return text.encode().ljust(16, b"-")


def keys(*texts):
    return joined([key(text) for text in texts])


@given(st.lists(st.lists(st.integers(0, 60), max_size=12), max_size=8), st.lists(st.integers(0, 60), min_size=1))
def test_keys_are_a_set(batches, asked):
    def laid(numbers):
        # few different first halves: keys that share theirs must be told apart by the last
        return np.array([[n % 3, n] for n in numbers], np.uint64).reshape(-1, 2)

    known = Keys()
    for numbers in batches:
        known.add(laid(numbers))
    whole = {n for numbers in batches for n in numbers}
    assert known.known(laid(asked)).tolist() == [n in whole for n in asked]


@pytest.fixture(params=["in memory", "asked"])
def stores(request, tmp_path):
    make(tmp_path / "shop")
    found = open_stores(tmp_path / "shop", settings_of(tmp_path / "shop", {}))
    if request.param == "asked":  # as if there were more events than fit
        found.lake.rows = lambda _table: 1 << 40
    yield found
    found.close()


def append(stores, batch, *texts, load=1, source="till"):
    rows = {
        "event_key": [key(text) for text in texts],
        "order_id": list(texts),
        "name": ["Order Completed"] * len(texts),
        "source": [source] * len(texts),
        "happened_at": [NOW] * len(texts),
    }
    stores.lake.append("events", batch, pa.table(rows), load=load)


def test_what_comes_and_goes_is_followed(stores):
    stated = Stated()

    def ids(*texts):
        return stated.ids(stores.lake, "till", keys(*texts)).tolist()

    assert ids("a") == [False]
    append(stores, "1/0", "a", "b", load=1)
    append(stores, "9/0", "z", load=9, source="web")
    assert ids("a", "b", "c", "z") == [True, True, False, False]
    append(stores, "2/0", "c", load=2)
    assert ids("a", "c") == [True, True]
    stores.lake.withdraw(1, NOW)
    assert ids("a", "b", "c") == [False, False, True]


def test_orders_are_known_whatever_the_source(stores):
    import hashlib

    stated = Stated()
    append(stores, "1/0", "T1", source="web")
    asked = joined([hashlib.md5(text.encode(), usedforsecurity=False).digest() for text in ("T1", "T2")])
    assert stated.orders(stores.lake, "Order Completed", asked).tolist() == [True, False]
    assert stated.orders(stores.lake, "Order Refunded", asked).tolist() == [False, False]
