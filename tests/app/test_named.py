"""A header names the trait that is read from it, unless it would mean two things."""

from __future__ import annotations

from types import SimpleNamespace

from limner.app.named import column_names
from limner.core.definition import read
from limner.flow.sources.definition import Source
from limner.store.definitions import Definitions

TAGS = {"orders": SimpleNamespace(tag=SimpleNamespace(name="订单数", name_en="Orders", kind="statistic"))}


def names(**traits):
    sources = {
        name: read(
            Source, {"id": name, "files": ["x.csv"], "identifiers": {"member_no": "会员号"}, "traits": found}, name
        )
        for name, found in traits.items()
    }
    return column_names(Definitions({"sources": sources}, {}), TAGS)


def test_a_header_names_its_trait():
    assert names(members={"city": "城市", "level": {"column": "等级"}}) == {
        "orders": ("订单数", "Orders"), "city": ("城市",), "level": ("等级",),
    }  # fmt: skip


def test_a_header_of_two_traits_or_of_a_tag_names_none():
    assert names(members={"city": "地区", "orders_said": "订单数"}, crm={"region": "地区"}) == {
        "orders": ("订单数", "Orders")
    }
    assert names(members={"city": "城市"}, crm={"city": "城市"})["city"] == ("城市",)
