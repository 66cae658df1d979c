"""Interest over a taxonomy: halves, sums, what leads nowhere, sparse columns, rules."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from pyroaring import BitMap

from limner.core.actor import OWNER
from limner.core.errors import BadDefinition, NotFound
from limner.core.exact import WEIGHT_UNIT
from limner.core.ours import Tag
from limner.core.rule import Compare
from limner.flow.tags.definition import Branch, Sign, Taxonomy
from limner.flow.tags.interest_tree import gaps
from limner.flow.tags.tag import ground_of, tag
from limner.flow.tags.taxonomies import tree
from limner.store.definitions import Definitions
from limner.store.gallery import evaluate
from limner.store.gallery.bits import to_bitmap
from shop import open_shop
from tagging import ASOF, answers, put_events, put_items, put_links

DAY = timedelta(days=1)
OWN = Taxonomy(
    "own",
    nodes=(Branch("穿/女装/裙"), Branch("穿/女装/衣"), Branch("穿/鞋", half_life=60 * DAY), Branch("玩")),
    signs=(
        Sign("穿/女装/裙", category="女装/连衣裙"), Sign("穿/女装", prefix="女装"), Sign("穿/鞋", prefix="鞋"),
        Sign("玩", keyword="桌游"),
    ),
)  # fmt: skip
FADE = Tag("fade", kind="interest_tree", type="float", half_life=30 * DAY, options={"taxonomy": "own"})


@pytest.fixture
def stores(tmp_path):
    found = open_shop(tmp_path / "shop")
    put_items(found)
    put_links(found, [(1, 0), (2, 1), (3, 2)])
    yield found
    found.close()


def compute(stores, tag_=FADE, asof=ASOF, unknown=None):
    definitions = Definitions({"tags": {tag_.id: tag_}, "taxonomies": {"own": OWN}}, {})
    draft = stores.gallery.draft()
    draft.put_living(BitMap(range(4)), 4)
    more = {} if unknown is None else {"unknown": {tag_.id: unknown}}
    tag(stores, definitions, draft, who=OWNER, asof=asof, links="links-1", only=[tag_.id], **more)
    return draft.view(asof=asof.isoformat())


def viewed(trace, days, **more):
    return {"name": "Product Viewed", "trace": trace, "happened_at": ASOF - days * DAY, **more}


def whole(version, path):
    numbers, weights = version.column(f"fade.{path}").entries()
    found = np.zeros(4, np.int64)
    found[numbers] = weights
    return found


def test_each_label_halves_by_its_own_half_life(stores):
    put_events(stores, [viewed(t, d, category=c) for t, d in ((1, 20), (2, 80)) for c in ("女装/连衣裙", "鞋/靴子")])
    version = compute(stores)
    first, second, none, _ = answers(version, "fade.穿/女装/裙")
    assert first / second == pytest.approx(4, rel=1e-8)
    assert first == pytest.approx(2 ** (-20 / 30), rel=1e-8)
    assert none == 0
    shoes = answers(version, "fade.穿/鞋")
    assert shoes[0] / shoes[1] == pytest.approx(2, rel=1e-8)


def test_children_sum_to_their_parents_bit_by_bit_and_order_does_not_matter(stores, tmp_path):
    rng = np.random.default_rng(3)
    skus = [
        viewed(int(rng.integers(1, 4)), int(rng.integers(1, 400)), item_id=f"sku{rng.integers(0, 12)}")
        for _ in range(300)
    ]
    put_events(stores, skus)
    version = compute(stores)
    # 女装/上衣 leads to 穿/女装 itself, so the parent has more than its children; 穿 is all of 女装 and 鞋
    assert (whole(version, "穿") == whole(version, "穿/女装") + whole(version, "穿/鞋")).all()
    assert (whole(version, "穿/女装") > whole(version, "穿/女装/裙") + whole(version, "穿/女装/衣"))[:3].all()
    other = open_shop(tmp_path / "other")
    put_items(other)
    put_links(other, [(1, 0), (2, 1), (3, 2)])
    for at, row in enumerate(reversed(skus)):
        put_events(other, [row], f"e{at}") if at < 20 else None
    put_events(other, list(reversed(skus))[20:], "rest")
    again = compute(other)
    for name in version.headers:
        assert version.column(name).values.tobytes() == again.column(name).values.tobytes()
    other.close()


def test_words_that_were_searched_for_count_and_what_leads_nowhere_is_told(stores):
    stores.lake.declare([("query", "text")])
    searched = {"name": "Product Searched", "trace": 2, "happened_at": ASOF - 30 * DAY}
    put_events(
        stores,
        [searched | {"p_query": "周末桌游"}, searched | {"p_query": "???"}, viewed(1, 3, category="配饰/围巾")],
    )
    said = Tag("fade", kind="interest_tree", type="float", options={"taxonomy": "own", "texts": ["p_query"]})
    assert answers(compute(stores, said), "fade.玩")[:3] == pytest.approx([0, 1, 0])
    ground = ground_of(stores, ASOF, {"links": "links-1"})
    found = gaps(said, _with(ground), "here")
    assert (found.rows, found.points, found.led_rows, found.led_points) == (3, 5, 1, 2)
    assert found.nowhere == (("", "", "???", 1, 2), ("", "配饰/围巾", "", 1, 1))


def _with(ground):
    from dataclasses import replace

    return replace(ground, trees={"own": tree(OWN, "own")})


def test_rare_nodes_weigh_more(stores):
    put_events(stores, [viewed(1, 1, category="鞋/靴子"), *(viewed(t, 1, category="女装/连衣裙") for t in (1, 2, 3))])
    plain, rare = (
        compute(stores),
        compute(stores, Tag(**{**_plain(FADE), "options": {"taxonomy": "own", "rarity": True}})),
    )
    ratio = answers(rare, "fade.穿/鞋")[0] / answers(plain, "fade.穿/鞋")[0]
    assert ratio == pytest.approx(np.log2(1 + 4 / 1))
    assert answers(rare, "fade.穿/女装/裙")[0] / answers(plain, "fade.穿/女装/裙")[0] == pytest.approx(
        np.log2(1 + 4 / 3)
    )


def _plain(tag_):
    return {name: getattr(tag_, name) for name in tag_.__slots__}


def test_rules_read_sparse_columns_and_unknown_customers_answer_no(stores):
    put_events(stores, [viewed(t, 1, category="鞋/靴子") for t in (1, 2)])
    hidden = np.array([False, True, False, False])
    version = compute(stores, unknown=hidden)
    assert set(to_bitmap(evaluate(Compare("fade.穿/鞋", ">", 0), version))) == {0}
    assert set(to_bitmap(evaluate(Compare("fade.穿/鞋", "==", 0), version))) == {2, 3}
    assert answers(version, "fade.穿/鞋")[1] is None
    assert version.headers["fade.玩"].entries == 0
    assert answers(version, "fade.玩") == [0, None, 0, 0]


def test_the_first_level_says_what_is_preferred(stores):
    put_events(
        stores,
        [viewed(1, d, category="鞋/靴子") for d in range(1, 6)] + [viewed(2, d, category="桌游") for d in range(1, 4)],
    )
    options = {"taxonomy": "own", "preference": True}
    version = compute(stores, Tag("fade", kind="interest_tree", type="float", options=options))
    worn, played = answers(version, "fade.p.穿"), answers(version, "fade.p.玩")
    assert worn[0] + played[0] == pytest.approx(1)
    assert worn[0] > 0.5 > worn[1]
    assert worn[2:] == [None, None]


def test_nothing_later_is_seen(stores):
    put_events(stores, [viewed(1, 3, category="鞋/靴子"), viewed(1, -3, category="鞋/靴子")])
    assert whole(compute(stores), "穿")[0] == pytest.approx(2 ** (-3 / 60) * WEIGHT_UNIT, abs=2)


def test_an_erased_customer_is_unknown_and_leaves_neither_number_nor_weight(stores):
    put_events(stores, [viewed(t, t, category="鞋/靴子") for t in (1, 2, 3)])
    draft = stores.gallery.draft(compute(stores))
    version = draft.seal("v1")
    again = stores.gallery.draft(version).seal("v2")
    [run] = version.column("fade.穿/鞋").sums.runs
    before = answers(version, "fade.穿/鞋")
    shoes = version.column("fade.穿/鞋")
    gone = np.int64(shoes.sums.at(shoes.header.first, 1)).tobytes()
    assert gone in (version.folder / run.files[0]).read_bytes()
    stores.gallery.overwrite(BitMap([1]))
    for name in (version.name, again.name):
        after = stores.gallery.version(name)
        assert answers(after, "fade.穿/鞋") == [before[0], None, before[2], 0]
        assert answers(after, "fade.玩") == [0, None, 0, 0]
        assert after.column("fade.穿/鞋").values.tolist() == [before[0], 0, before[2], 0]
        assert set(to_bitmap(evaluate(Compare("fade.穿/鞋", "==", 0), after))) == {3}
        weights, numbers = (after.folder / file for file in run.files)
        assert 1 not in np.frombuffer(numbers.read_bytes(), np.int32)
        assert gone not in weights.read_bytes()
    stores.gallery.overwrite(BitMap([0, 2]))
    assert answers(stores.gallery.version("v1"), "fade.穿") == [None, None, None, 0]
    assert not np.frombuffer(weights.read_bytes(), np.int64).any()


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"taxonomy": "onw"}, NotFound, "Did you mean 'own'"),
        ({"taxonomy": "own", "texts": ["p_qurey"]}, BadDefinition, "texts"),
        ({"taxonomy": "own", "rarity": 2}, BadDefinition, "rarity"),
        ({"taxonomie": "own"}, BadDefinition, "Did you mean 'taxonomy'"),
    ],
)
def test_wrong_options_are_refused(stores, options, error, said):
    with pytest.raises(error, match=said):
        compute(stores, Tag("fade", kind="interest_tree", type="float", options=options))
