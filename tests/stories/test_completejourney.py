"""Complete Journey: the example takes every row, and a portrait says of families what is true of families."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from limner.app.collecting import collect
from limner.app.defining import apply
from limner.app.running import run
from limner.app.workspace import Workspace
from limner.edge.demo.folder import Clock, prepare

FOLDER = Path(os.environ.get("LIMNER_TEST_DATA", "")) / "completejourney"
FILES = {
    "products": "products.parquet",
    "households": "demographics.parquet",
    "baskets": "transactions_sample.parquet",
}
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="LIMNER_TEST_DATA holds no Complete Journey files")


def test_families_have_a_portrait(tmp_path):
    home = tmp_path / "shop"
    prepare(home, "completejourney", seed=1)
    with Workspace(home, clock=Clock(datetime(2018, 1, 1, 5, tzinfo=UTC))) as shop:
        apply(shop)
        rows = [collect(shop, source=name, file=[FOLDER / file]).counts.rows for name, file in FILES.items()]
        assert rows == [92_331, 801, 75_000]
        run(shop)
        found = shop.audience("families").portrait(
            cross=["age", "income"], belief=['age in ("35-44", "45-54")'], output=tmp_path / "page.html"
        )
    assert found.group == 288
    married = next(one for one in found.traits if one.answer == "Married")
    assert married.is_clear
    assert married.low > 100
    assert found.beliefs[0].verdict == "agrees"
    assert {view.key for view in found.views} >= {"cross", "rfm", "hours", "items", "categories"}
    assert all(any(digit.isdigit() for digit in sentence) for sentence in found.text)
