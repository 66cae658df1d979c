"""Why a customer has a score: the parts of a learned chance add up to it, a lifetime value is the product of its figures."""

import csv
from datetime import UTC, datetime, timedelta
from math import exp

import numpy as np
import pytest

from limner.app.grounds import portrait_of
from limner.app.workspace import Workspace
from limner.edge.plain import plain
from limner.edge.show import shown
from limner.maths import bg_nbd, gamma_gamma
from limner.maths.histories import WEEK, histories
from small_shop import write_shop

pytest.importorskip("sklearn")
PEOPLE = 1_200
NOW = datetime(2026, 8, 31, 20, tzinfo=UTC)
BEST = f"member_no:M{int(np.argmax(np.random.default_rng(1).beta(1, 2, PEOPLE)))}"
SOON = (
    "name: 近期购买\nevent: Order Completed\nhorizon: 30d\nsnapshots: 3\noptions: {max_iter: 20}\n"
    "features: [recency_days, orders, net_spend, order_days]\n"
)
VALUE = "kind: clv\nevent: Order Completed\nhorizon: 91d\noptions: {margin: 0.4, weeks: 4}\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = write_shop(tmp_path_factory.mktemp("scores") / "shop", PEOPLE, models__soon=SOON, models__value=VALUE)
    rng = np.random.default_rng(1)
    rate, dear = rng.beta(1, 2, PEOPLE), rng.gamma(3, 30, PEOPLE)
    with (folder / "data" / "orders.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["订单号", "会员号", "时间", "实付"])
        for month in range(7):
            for n in np.flatnonzero(rng.random(PEOPLE) < rate):
                day = NOW - timedelta(days=30 * month + int(rng.integers(1, 29)))
                paid = f"{dear[n] * rng.gamma(4, 0.25):.2f}"
                rows.writerow([f"{month}-{n}", f"M{n}", f"{day:%Y-%m-%d %H:%M:%S}", paid])
    moments = iter(NOW + timedelta(seconds=n) for n in range(1_000_000))
    with Workspace(folder, clock=lambda: next(moments)) as found:
        found.apply()
        found.collect()
        found.run("2026-09-01")
        yield found


def test_the_parts_of_a_chance_add_up_to_it(shop):
    for customer in ("member_no:M5", "member_no:M77"):
        found = shop.why("近期购买", customer)
        made = found.made
        total = made.average + sum(share.log_odds for share in made.shares) + made.put_right
        assert total == pytest.approx(made.log_odds, abs=1e-9)
        assert 1 / (1 + exp(-total)) == pytest.approx(found.value, abs=1e-5)
        assert {share.column for share in made.shares} <= {"recency_days", "orders", "net_spend", "order_days", ""}


def test_they_are_said_by_name_in_both_languages_and_in_json(shop):
    found = shop.why("soon", "member_no:M5")
    share = next(share for share in found.made.shares if share.column)
    assert f"{share.name} ({share.column})" in shown(found, "zh")
    assert f"{share.name_en} ({share.column})" in shown(found, "en")
    assert f"{exp(share.log_odds):.3g} 倍" in shown(found, "zh")
    assert "times as high" in shown(found, "en")
    assert plain(found)["made"]["shares"][0]["log_odds"] == found.made.shares[0].log_odds


def test_a_lifetime_value_is_the_product_of_its_figures(shop):
    card = portrait_of(shop).version.card("value")
    assert card["value"]["state"] == "learned", card["value"]
    often = bg_nbd.BgNbd(*(one["value"] for one in card["parameters"]))
    each = gamma_gamma.GammaGamma(*(one["value"] for one in card["value"]["parameters"]))
    for asked in ("value", "value.alive"):
        worth = shop.why(asked, BEST).worth
        assert worth.repeats > 0
        assert worth.alive * worth.if_alive == pytest.approx(worth.purchases)
        assert worth.purchases * worth.each * 0.4 == pytest.approx(worth.value)
        rows, _ = histories(*(np.array([days]) for days in (worth.repeats, worth.last_days, worth.age_days)))
        assert often.alive(rows)[0] == pytest.approx(worth.alive, rel=1e-3)
        assert often.expected(rows, 91 / WEEK)[0] == pytest.approx(worth.purchases, rel=1e-3)
        assert each.value([worth.repeats], [worth.mean])[0] == pytest.approx(worth.each, rel=1e-3)
    found = shop.why("value", BEST)
    assert f"复购 {found.worth.repeats} 次" in shown(found, "zh")
    assert f"{found.worth.repeats} repeat purchases" in shown(found, "en")
    assert found.made is None
