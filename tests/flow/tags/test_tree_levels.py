"""Four levels against two on a market with planted tastes: whom an offer of one leaf reaches."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from pyroaring import BitMap

from limner.core.actor import OWNER
from limner.core.ours import Tag
from limner.flow.tags.tag import tag
from limner.flow.tags.taxonomies import built_in
from limner.store.definitions import Definitions
from shop import open_shop
from tagging import ASOF, put_events, put_links

SIZE, ACTS, TARGETED = 600, 12, 60


def test_four_levels_find_more_of_those_who_answer_than_two(tmp_path):
    """Each customer loves one leaf: seven of ten acts go to it, the others anywhere under the same second level. Those
    who love the leaf of an offer answer it with 30 %, others with 3 %. The same customers are chosen from twice."""
    rng = np.random.default_rng(7)
    leaves = [n for n in built_in().nodes if n.level == 4 and n.path.startswith(("旅游/机票/", "生活服务/宠物/"))]
    under = {two: [n for n in leaves if n.names[:2] == two] for two in {n.names[:2] for n in leaves}}
    loved = [leaves[int(rng.integers(len(leaves)))] for _ in range(SIZE)]
    rows = []
    for number, leaf in enumerate(loved):
        near = under[leaf.names[:2]]
        for _ in range(ACTS):
            node = leaf if rng.random() < 0.7 else near[int(rng.integers(len(near)))]
            moment = ASOF - timedelta(hours=int(rng.integers(1, 1400)))
            rows.append({"name": "Product Viewed", "trace": number + 1, "happened_at": moment, "category": node.path})
    stores = open_shop(tmp_path / "shop")
    put_links(stores, [(number + 1, number) for number in range(SIZE)])
    put_events(stores, rows)
    draft = stores.gallery.draft()
    draft.put_living(BitMap(range(SIZE)), SIZE)
    asked = Tag("hobby", kind="interest_tree", type="float", options={"taxonomy": "default"})
    tag(
        stores,
        Definitions({"tags": {"hobby": asked}}, {}),
        draft,
        who=OWNER,
        asof=ASOF,
        links="links-1",
        only=["hobby"],
    )
    version = draft.view()
    answers = {4: [], 2: []}
    for offered in leaves:
        chance = np.array([0.30 if leaf == offered else 0.03 for leaf in loved])
        said_yes = rng.random(SIZE) < chance
        for level in answers:
            index = version.column(f"hobby.{'/'.join(offered.names[:level])}").values
            answers[level] += said_yes[np.argsort(-index, kind="stable")[:TARGETED]].tolist()
    four, two = (np.array(answers[level], float) for level in (4, 2))
    gain = four.mean() - two.mean()
    error = np.sqrt(four.var() / four.size + two.var() / two.size)
    assert gain - 1.96 * error > 0.05
    stores.close()
