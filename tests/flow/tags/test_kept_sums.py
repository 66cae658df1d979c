"""Kept sums: an increment is the batch, bit by bit, whatever came, went or merged in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from limner.core.actor import OWNER
from limner.core.ours import Tag
from limner.flow.tags import kept_sums
from limner.flow.tags.definition import Branch, Sign, Taxonomy
from limner.flow.tags.kept_sums import moved
from limner.flow.tags.tag import tag
from limner.store.definitions import Definitions
from limner.store.gallery.sums import MOST, Sums, added
from limner.store.lake.compacting import Crowd, put_together
from shop import open_shop
from tagging import put_events, put_lines, put_links

ASOF = datetime(2026, 8, 9, 16, tzinfo=UTC)
"""Midnight of 10 August in Shanghai."""

DAY = timedelta(days=1)
SIZE, TRACES = 6, 8
OWN = Taxonomy(
    "own",
    nodes=(Branch("穿/女装/裙"), Branch("穿/女装/衣"), Branch("穿/鞋", half_life=60 * DAY), Branch("玩")),
    signs=(Sign("穿/女装/裙", category="女装/连衣裙"), Sign("穿/女装", prefix="女装"), Sign("玩", item="sku9")),
)
FADE = Tag("fade", kind="interest_tree", type="float", half_life=30 * DAY, options={"taxonomy": "own"})
RARE = Tag("fade", kind="interest_tree", type="float", half_life=30 * DAY, options={"taxonomy": "own", "rarity": True})
SEEN = (
    {"category": "女装/连衣裙"},
    {"category": "女装/上衣"},
    {"category": "鞋"},
    {"item_id": "sku9"},
    {"item_id": "sku1"},
)


class Shop:
    """A shop whose portraits follow one another."""

    def __init__(self, folder: Path, asked: Tag = FADE) -> None:
        self.stores, self.asked = open_shop(folder), asked
        self.asof, self.count, self.former = ASOF, 0, None
        self.customers = list(range(4))
        self.said = ""
        self.link()

    def link(self) -> None:
        self.count += 1
        self.links = put_links(self.stores, [(t + 1, n) for t, n in enumerate(self.customers)], f"l{self.count}")

    def event(self, trace: int, days: float, seen: int) -> dict:
        return {"name": "Product Viewed", "trace": trace, "happened_at": self.asof - days * DAY, **SEEN[seen]}

    def put(self, rows, load: int = 1) -> None:
        self.count += 1
        put_events(self.stores, rows, f"e{self.count}", load)

    def item(self, item: str, category: str) -> None:
        import pyarrow as pa

        self.count += 1
        rows = [{"item_id": item, "category": category, "happened_at": self.asof - DAY, "source": "t"}]
        self.stores.lake.append("items", f"i{self.count}", pa.Table.from_pylist(rows), load=1)

    def withdraw(self, load: int) -> None:
        with self.stores.ledger.write() as connection:
            self.stores.lake.catalog.withdraw(connection, load, ASOF)

    def run(self, former=None, asked: Tag | None = None, taxonomy: Taxonomy = OWN):
        asked = asked or self.asked
        definitions = Definitions({"tags": {"fade": asked}, "taxonomies": {"own": taxonomy}}, {})
        draft = self.stores.gallery.draft()
        draft.put_living(BitMap(range(SIZE)), SIZE)
        done = tag(
            self.stores,
            definitions,
            draft,
            who=OWNER,
            asof=self.asof,
            links=self.links,
            only=["fade"],
            former=former,
        )
        self.count += 1
        return draft.seal(f"v{self.count}"), done.passes["fade"]

    def check(self, days: int = 0, **more) -> str:
        """Go on by some days; the next portrait is that of a batch, bit by bit. How its sums were come by."""
        self.asof += days * DAY
        found, said = self.run(self.former, **more)
        batch, _ = self.run(**more)
        assert set(found.headers) == set(batch.headers)
        for name in batch.headers:
            for mine, theirs in zip(found.column(name).entries(), batch.column(name).entries(), strict=True):
                assert mine.tobytes() == theirs.tobytes(), name
        self.former = found
        return said


@pytest.fixture
def shop(tmp_path):
    found = Shop(tmp_path / "shop")
    found.put([found.event(t, d, s) for t, d, s in ((1, 3, 0), (2, 40, 1), (3, 7, 2), (4, 1, 3), (4, -2, 0))])
    assert found.check() == "first"
    yield found
    found.stores.close()


def test_a_day_is_added_and_what_was_to_come_has_come(shop):
    shop.put([shop.event(1, -0.5, 0), shop.event(2, 300, 0), shop.event(3, -30, 1)], load=2)
    assert shop.check(days=1) == "increment"
    assert shop.check(days=5) == "increment"
    assert shop.check() == "increment"
    numbers, _ = shop.former.column("fade.穿/女装/裙").entries()
    assert numbers.tolist() == [0, 1, 3]


def test_a_back_fill_is_the_batch_of_then_and_later_events_change_nothing(shop):
    asof, then = shop.asof, {name: shop.former.column(name).values.tobytes() for name in shop.former.headers}
    for turn in range(3):
        shop.put([shop.event(1 + turn, -1, turn), shop.event(4, -40, 0)])
        assert shop.check(days=2) == "increment"
    latest, shop.asof = shop.former, asof
    for former in (latest, None):
        found, said = shop.run(former)
        assert said == "first"
        assert {name: found.column(name).values.tobytes() for name in found.headers} == then


def test_lines_of_orders_count_as_events_do(shop):
    row = {"order_id": "o", "line": np.int32(1), "name": "Order Completed", "trace": 2, "category": "鞋"}
    put_lines(shop.stores, [row | {"happened_at": shop.asof - DAY}], "more")
    assert shop.check(days=1) == "increment"


def test_who_merged_takes_the_sums_along(shop):
    shop.customers = [0, 0, 2, 2]
    shop.link()
    assert shop.check(days=1) == "increment"
    assert shop.former.column("fade.穿/女装").entries()[0].tolist() == [0]
    shop.customers = [0, 0, 2, 5]
    shop.link()
    assert shop.check(days=1) == "parted"
    shop.customers = [0, 0, 2]
    shop.link()
    assert shop.check(days=1) == "parted"


def test_what_was_withdrawn_is_gone(shop):
    shop.put([shop.event(1, 1, 0)], load=2)
    assert shop.check() == "increment"
    shop.withdraw(2)
    assert shop.check() == "withdrawn"


def test_files_put_together_are_not_counted_twice(shop):
    shop.put([shop.event(1, 1, 0), shop.event(1, -1, 2)], load=7)
    shop.put([shop.event(2, 1, 0)], load=7)
    assert shop.check() == "increment"
    shop.put([shop.event(3, 1, 0), shop.event(3, -1, 0)], load=7)
    paths = shop.stores.lake.paths("events")
    assert put_together(shop.stores.lake, Crowd("events", 7, paths[1:]), ASOF)
    shop.put([shop.event(4, 1, 0)], load=7)
    assert shop.check(days=2) == "increment"


def test_a_known_item_of_another_category_is_read_anew(shop):
    shop.item("sku1", "鞋")
    shop.put([shop.event(1, 2, 4)])
    assert shop.check() == "increment"
    shop.item("sku2", "女装/上衣")
    assert shop.check(days=1) == "increment"
    shop.item("sku1", "女装/上衣")
    assert shop.check(days=1) == "items"
    shop.put([shop.event(1, 2, 4) | {"item_id": "sku3"}])
    assert shop.check(days=1) == "increment"
    shop.item("sku3", "鞋")
    assert shop.check(days=1) == "items"


def test_events_nobody_could_be_named_for_are_found_later(shop):
    shop.put([shop.event(6, 2, 0)])
    assert shop.check(days=1) == "increment"
    shop.customers += [4]
    shop.link()
    assert shop.check(days=1) == "increment"
    shop.customers += [5]
    shop.link()
    assert shop.check(days=1) == "unlinked"
    assert 5 in shop.former.column("fade.穿/女装/裙").entries()[0]


def test_another_definition_taxonomy_or_quarter_begins_anew(shop):
    assert shop.check(asked=Tag("fade", kind="interest_tree", type="float", options={"taxonomy": "own"})) == "increment"
    points = Tag(
        "fade", kind="interest_tree", type="float", options={"taxonomy": "own", "points": {"Product Viewed": 2}}
    )
    assert shop.check(asked=points) == "definition"
    other = Taxonomy("own", nodes=(*OWN.nodes, Branch("吃")), signs=OWN.signs)
    assert shop.check() == "definition"
    assert shop.check(taxonomy=other) == "definition"
    assert shop.check() == "definition"
    assert shop.check(days=60) == "landmark"


def test_rare_nodes_weigh_more_whichever_way(tmp_path):
    shop = Shop(tmp_path / "shop", RARE)
    shop.put([shop.event(t, 3, 0) for t in (1, 2, 3)] + [shop.event(1, 1, 2)])
    assert shop.check() == "first"
    shop.put([shop.event(4, 3, 2)])
    assert shop.check(days=1) == "increment"
    shop.stores.close()


def test_stretches_of_traces_are_the_whole(shop, monkeypatch):
    whole, _ = shop.run()
    monkeypatch.setattr(kept_sums, "ROWS_AT_ONCE", 2)
    parts, _ = shop.run()
    for name in whole.headers:
        assert whole.column(name).values.tobytes() == parts.column(name).values.tobytes()
    assert len(list(parts.folder.glob("*.weights"))) == 1


def test_a_run_cut_off_leaves_the_former_sums(shop):
    before = {name: shop.former.column(name).values.copy() for name in shop.former.headers}
    shop.put([shop.event(1, 1, 0), shop.event(2, 1, 0)])
    draft = shop.stores.gallery.draft()
    draft.put_living(BitMap(range(SIZE)), SIZE)
    definitions = Definitions({"tags": {"fade": FADE}, "taxonomies": {"own": OWN}}, {})
    tag(shop.stores, definitions, draft, who=OWNER, asof=shop.asof, links=shop.links, only=["fade"], former=shop.former)
    shop.stores.gallery.sweep()  # what a killed process leaves
    again = shop.stores.gallery.version(shop.former.name)
    for name, values in before.items():
        assert again.column(name).values.tobytes() == values.tobytes()
    assert shop.check() == "increment"


def test_runs_stay_few(shop):
    for turn in range(12):
        shop.put([shop.event(1 + turn % 4, 1, turn % 3)])
        assert shop.check(days=1) == "increment"
    runs = shop.former.column("fade.穿").sums.runs
    assert len(runs) <= 4
    assert {path.name for path in shop.former.folder.glob("fade-*.*s")} == {file for run in runs for file in run.files}


def test_an_erased_customer_stays_gone_in_the_next_sums(shop):
    shop.stores.gallery.overwrite(BitMap([0]))
    former = shop.stores.gallery.version(shop.former.name)
    shop.put([shop.event(2, 1, 0), shop.event(3, 1, 1)])
    found, said = shop.run(former)
    assert said == "increment"
    assert 0 not in found.column("fade.穿").entries()[0]
    assert found.column("fade.穿").value(1) > 0


EVENT = st.tuples(st.integers(1, TRACES), st.floats(-4, 400), st.integers(0, 4))
STEP = st.one_of(
    st.tuples(st.just("put"), st.lists(EVENT, min_size=1, max_size=6), st.integers(1, 4)),
    st.tuples(st.just("link"), st.lists(st.integers(0, SIZE - 1), min_size=3, max_size=TRACES)),
    st.tuples(st.just("withdraw"), st.integers(1, 4)),
    st.tuples(st.just("item"), st.sampled_from(["sku1", "sku9"]), st.sampled_from(["鞋", "女装/上衣"])),
    st.tuples(st.just("days"), st.integers(1, 30)),
)


def test_whatever_happens_an_increment_is_the_batch():
    said: set[str] = set()

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.lists(STEP, min_size=1, max_size=3), min_size=2, max_size=4))
    def check(history):
        with TemporaryDirectory() as folder:
            shop = Shop(Path(folder) / "shop")
            for steps in history:
                days = 0
                for name, *more in steps:
                    match name:
                        case "put":
                            shop.put([shop.event(*event) for event in more[0]], more[1])
                        case "link":
                            shop.customers = more[0]
                            shop.link()
                        case "withdraw":
                            shop.withdraw(more[0])
                        case "item":
                            shop.item(*more)
                        case "days":
                            days += more[0]
                said.add(shop.check(days))
            shop.stores.close()

    check()
    assert "increment" in said


SUM = st.dictionaries(st.integers(0, 12), st.integers(1, MOST), max_size=9)


@given(st.lists(SUM, max_size=5))
def test_parts_add_up(parts):
    given_ = [(np.array(sorted(p), np.int32), np.array([p[n] for n in sorted(p)], np.int64)) for p in parts if p]
    numbers, weights = added(given_)
    want = {n: min(sum(p.get(n, 0) for p in parts), MOST) for p in parts for n in p}
    assert dict(zip(numbers.tolist(), weights.tolist(), strict=True)) == want
    assert numbers.tolist() == sorted(want)


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), max_size=6))
def test_who_became_whom(pairs):
    before, now = (np.array([pair[side] for pair in pairs], np.int32) for side in (0, 1))
    found = moved(before, now)
    became: dict[int, set[int]] = {}
    for old, new in pairs:
        if old >= 0:
            became.setdefault(old, set()).add(new)
    if any(len(new) > 1 or -1 in new for new in became.values()):
        assert found is None
    else:
        assert found is not None
        want = {old: next(iter(new)) for old, new in became.items() if new != {old}}
        assert dict(zip(*(side.tolist() for side in found), strict=True)) == want


def test_no_sums_answer_nothing():
    assert Sums(Path()).answers(0, 0, 5)[0].size == 0
