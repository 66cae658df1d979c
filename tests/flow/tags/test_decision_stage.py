"""The decision stage, step by step along one purchase."""

from __future__ import annotations

from datetime import timedelta

import pytest

from limner.core.errors import BadDefinition
from limner.core.ours import Tag
from shop import open_shop
from tagging import ASOF, answers, compute, put_events, put_items, put_links

DAY = timedelta(days=1)
VIEW, ORDER = "Product Viewed", "Order Completed"
STORIES = {
    "need": [("Signed In", 3, None)],
    "search": [(VIEW, 3, "sku1")],
    "compare": [(VIEW, 3, "sku1"), (VIEW, 2, "sku5")],  # of one category
    "buy": [(VIEW, 3, "sku1"), (VIEW, 2, "sku5"), ("Product Added", 1, "sku5")],
    "after": [("Product Added", 4, "sku5"), (ORDER, 3, None), ("Signed In", 1, None)],
}
OTHERS = [
    ("search", [(VIEW, 3, "sku1"), (VIEW, 2, "sku2")]),  # of two categories
    ("search", [(VIEW, 3, "sku1"), (VIEW, 2, "sku1")]),  # one item twice
    ("search", [("Product Added", 9, "sku5"), (ORDER, 8, None), ("Product Searched", 1, None)]),
    ("need", [(ORDER, 90, None), ("Signed In", 2, None)]),
    (None, [(VIEW, 60, "sku1")]),
    (None, [("Message Handed Over", 2, None)]),
    (None, [(ORDER, 90, None)]),
]


@pytest.fixture
def stores(tmp_path):
    opened = open_shop(tmp_path / "shop")
    put_items(opened)
    yield opened
    opened.close()


def test_each_story_ends_at_its_stage(stores):
    stories = [*STORIES.items(), *OTHERS]
    put_links(stores, [(n + 1, n) for n in range(len(stories))])
    rows = [
        {"name": name, "trace": n + 1, "happened_at": ASOF - days * DAY, "item_id": item}
        for n, (_, story) in enumerate(stories)
        for name, days, item in story
    ]
    put_events(stores, rows)
    version, _ = compute(stores, only=["decision_stage"], size=len(stories) + 1)
    assert answers(version, "decision_stage") == [*(stage for stage, _ in stories), None]


def test_days_that_cannot_be(stores):
    put_links(stores, [(1, 0)])
    own = Tag("own", kind="decision_stage", type="text", options={"days": 0})
    with pytest.raises(BadDefinition, match="days"):
        compute(stores, [own], only=["own"])
