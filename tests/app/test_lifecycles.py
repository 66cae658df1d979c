"""`lifecycle` over a shop of planted rhythms: moves, forecast, back-test; and over the simulated market."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

import limner
from limner.app.opening import make
from limner.core.errors import BadInput
from limner.edge.show import shown
from shop import put_identifiers
from tagging import put_events

NOW = datetime(2026, 8, 31, 16, tzinfo=UTC)  # midnight in Shanghai
DAY = timedelta(days=1)
SIZE, LONG = 600, 900


def orders(rng):
    """(trace, days before now) of orders: rhythms of everybody's own, a part of whom leave for good."""
    rows = []
    for trace in range(1, SIZE + 1):
        gap, joined = rng.gamma(4.0, 10.0), rng.uniform(0, LONG)
        leaves = joined - rng.exponential(500) if rng.random() < 0.6 else -LONG
        moment = joined
        while moment > max(leaves, -90):
            rows.append((trace, moment))
            moment -= rng.exponential(gap)
    return rows


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    home = tmp_path_factory.mktemp("life") / "shop"
    make(home)
    with limner.open(home, clock=lambda: NOW + 30 * DAY) as found:
        put_identifiers(found.stores, [[("member_no", f"M{k}")] for k in range(SIZE)], happened_at=NOW - LONG * DAY)
        rows = [
            {
                "name": "Order Completed", "trace": trace, "amount": Decimal(10),
                "order_id": f"o{at}", "happened_at": NOW - days * DAY,
            }
            for at, (trace, days) in enumerate(orders(np.random.default_rng(3)))
        ]  # fmt: skip
        put_events(found.stores, [row for row in rows if row["happened_at"] < NOW], "past")
        found.run(asof=NOW)
        yield found, [row for row in rows if row["happened_at"] >= NOW]


def test_moves_forecast_and_what_came(shop):
    found = shop[0].lifecycle()
    assert found.asof == NOW
    total = sum(one.customers for one in found.stages)
    assert total > SIZE * 0.95
    for stage in ("new", "active", "sleeping", "lost"):
        row = [move for move in found.moves if move.before == stage]
        assert sum(move.share for move in row) == pytest.approx(1)
        assert all(move.low <= move.share <= move.high for move in row)
    assert next(m for m in found.moves if (m.before, m.after) == ("lost", "lost")).share > 0.9
    assert [row.asof for row in found.expected] == [NOW + 30 * k * DAY for k in (1, 2, 3) for _ in range(4)]
    assert [row.came for row in found.tested] == [one.customers for one in found.stages]
    assert sum(row.low <= row.came <= row.high for row in found.tested) >= 3
    lost = next(row for row in found.returned if row.stage == "lost")
    assert lost.customers > 50
    assert lost.share <= 0.05
    active = next(row for row in found.returned if row.stage == "active")
    assert active.low > lost.high


def test_it_is_the_same_again_and_prints_in_both_languages(shop):
    one, two = shop[0].lifecycle(step=60, ahead=1), shop[0].lifecycle(step=60, ahead=1)
    assert one == two
    assert len(one.to_dicts(limit=5)) == 5
    assert "流失" in shown(one, "zh")
    assert "To be expected" in shown(one, "en")


@pytest.mark.parametrize(
    ("options", "match"),
    [({"step": 6}, "step"), ({"step": 400}, "365"), ({"ahead": 0}, "ahead"), ({"ahead": 25}, "24")],
)
def test_steps_that_cannot_be(shop, options, match):
    with pytest.raises(BadInput, match=match):
        shop[0].lifecycle(**options)


def test_a_tag_of_another_kind_is_refused(shop):
    with pytest.raises(BadInput, match="lifecycle"):
        shop[0].lifecycle("orders")


def test_what_happened_after_the_asof_changes_nothing(shop):
    found, later = shop
    before = found.lifecycle(asof=NOW)
    assert later
    put_events(found.stores, later, "later")
    found.run(asof=NOW)
    assert found.lifecycle(asof=NOW) == before


def test_nobody_has_ordered(tmp_path):
    make(tmp_path / "shop")
    with limner.open(tmp_path / "shop", clock=lambda: NOW) as found:
        put_identifiers(found.stores, [[("member_no", "M1")]])
        found.run(asof=NOW)
        empty = found.lifecycle()
        assert (empty.expected, empty.tested) == ((), ())
        assert "Nobody" in shown(empty, "en")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_those_called_lost_on_the_simulated_market_seldom_buy_in_ninety_days():
    from learned_market import learned_market

    with learned_market().open() as found:
        life = found.lifecycle(step=90)
    lost = next(row for row in life.returned if row.stage == "lost")
    assert lost.customers > 500
    assert lost.share <= 0.05
    others = [row for row in life.returned if row.stage != "lost"]
    assert all(row.low > lost.high for row in others)
