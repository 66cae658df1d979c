"""Links nobody needs any more go; portraits of every asof, and what stands on them, stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from limner.app.workspace import Workspace
from limner.flow.identity import resolve
from small_shop import built_shop

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path):
    with Workspace(built_shop(tmp_path / "shop"), clock=lambda: NOW) as found:
        found.run("2026-09-01")
        yield found


def built_over(shop):
    return {str(shop.stores.gallery.labels(name)["links"]) for name in shop.stores.gallery.versions()}


def test_links_nothing_was_built_over_go_and_all_others_stay(shop):
    lake = shop.stores.lake
    mine = shop.customer("member_no:M7").show().customer_id
    resolve(shop.stores, "spare", who=shop.who, asof=NOW - timedelta(days=9), now=NOW)
    assert "spare" in lake.catalog.versions("links")
    shop.run("2026-08-01")
    assert set(lake.catalog.versions("links")) == set(lake.catalog.versions("cuts")) == built_over(shop)
    there = {path.name for path in (lake.folder / "links").iterdir()}
    lake.catalog.sweep(lake.folder, NOW + timedelta(minutes=1))
    assert {path.name for path in (lake.folder / "links").iterdir()} <= there
    assert shop.run("2026-09-01").is_unchanged
    assert shop.customer("member_no:M7").show().customer_id == mine
    assert shop.identity.explain("member_no:M7", asof="2026-08-01").customer_id == mine


def test_files_are_deleted_ten_minutes_after_they_were_dropped(tmp_path):
    moments = [NOW]
    with Workspace(built_shop(tmp_path / "shop"), clock=lambda: moments[-1]) as shop:
        stores = shop.stores
        resolve(stores, "spare", who=shop.who, asof=NOW - timedelta(days=40), now=NOW, afresh=True)
        (spare,) = stores.lake.catalog.snapshot().of("links", "spare")
        shop.run("2026-09-01")
        assert "spare" not in stores.lake.catalog.versions("links")
        assert (stores.lake.folder / spare).exists()  # somebody may be reading it
        moments.append(NOW + timedelta(minutes=11))
        shop.run("2026-09-01")
        assert not (stores.lake.folder / spare).exists()
