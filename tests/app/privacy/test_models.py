"""Models and a person's word: who is kept apart, or refuses profiling, is not learned from and not scored."""

import csv
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from limner.app.workspace import Workspace
from limner.core.errors import BadDefinition
from small_shop import write_shop

pytest.importorskip("sklearn")
PEOPLE = 1_200
NOW = datetime(2026, 8, 31, 20, tzinfo=UTC)
MODEL = (
    "event: Order Completed\nhorizon: 30d\nsnapshots: 3\noptions: {max_iter: 10}\npurposes: [marketing, profiling]\n"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = write_shop(tmp_path_factory.mktemp("models") / "shop", PEOPLE, models__soon=MODEL)
    rng = np.random.default_rng(1)
    rate = rng.beta(1, 2, PEOPLE)
    with (folder / "data" / "orders.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["订单号", "会员号", "时间", "实付"])
        for month in range(7):
            for n in np.flatnonzero(rng.random(PEOPLE) < rate):
                day = NOW - timedelta(days=30 * month + int(rng.integers(1, 29)))
                rows.writerow([f"{month}-{n}", f"M{n}", f"{day:%Y-%m-%d %H:%M:%S}", "100"])
    moments = iter(NOW + timedelta(seconds=n) for n in range(1_000_000))
    with Workspace(folder, clock=lambda: next(moments)) as found:
        found.apply()
        found.collect()
        found.run("2026-09-02")
        yield found


def score(shop, who):
    return shop.customer(who).show().traits.get("soon", shop.customer(who).show().tags.get("soon"))


def card(shop):
    from limner.app.grounds import portrait_of

    return portrait_of(shop).version.card("soon")


def test_a_restricted_person_is_skipped_in_training_and_scoring_and_comes_back(shop):
    before = card(shop)
    assert before["state"] == "learned", before.get("reason")
    assert score(shop, "member_no:M5") is not None
    shop.privacy.restrict("member_no:M5", why="a letter")
    shop.run("2026-09-03")
    after = card(shop)
    assert after["customers"] == before["customers"] - 1
    assert [p["customers"] for p in after["saw"]] == [p["customers"] - 1 for p in before["saw"]]
    assert score(shop, "member_no:M5") is None
    shop.privacy.restrict("member_no:M5", why="settled", lift=True)
    shop.run("2026-09-04")
    assert card(shop)["customers"] == before["customers"]
    assert score(shop, "member_no:M5") is not None


def test_who_refuses_profiling_is_skipped_and_their_tags_stay(shop):
    shop.consent("member_no:M6").refuse(purpose="profiling", proof="a letter")
    before = card(shop)
    shop.run("2026-09-05")
    after = card(shop)
    assert after["apart"] == 1
    assert after["customers"] == before["customers"] - 1
    assert score(shop, "member_no:M6") is None
    assert score(shop, "member_no:M7") is not None
    assert shop.customer("member_no:M6").show().tags["orders"] >= 0


def test_a_model_reads_only_what_may_be_used_for_its_purposes(shop):
    tag = shop.folder / "tags" / "spent.yaml"
    tag.parent.mkdir(exist_ok=True)
    tag.write_text("sql: sum(amount)\ntype: money\nover: orders\npurposes: [analysis]\n", encoding="utf-8")
    shop.apply()
    shop.run("2026-09-06")
    names = {feature["name"] for feature in card(shop)["features"]}
    assert "spent" not in names
    assert "orders" in names
    model = shop.folder / "models" / "soon.yaml"
    model.write_text(MODEL + "features: [orders, spent]\n", encoding="utf-8")
    with pytest.raises(BadDefinition, match="models/soon: 'soon' is for marketing, profiling and stands on 'spent'"):
        shop.apply()
