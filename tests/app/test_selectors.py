"""Learned audiences of the simulated market, from a definition's file to the members a run selects."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from learned_market import learned_market
from limner.app.workspace import Workspace
from limner.core.errors import BadDefinition, BadInput, Refused
from limner.edge.cli import commands
from limner.edge.demo.folder import Clock
from limner.edge.demo.play import FIRST
from limner.flow.audiences import likeness
from limner.maths.stability import agreement

CLUSTERS = """
- id: segments
  name: 行为分群
  selector: clusters
  options:
    columns: [net_spend_365d, orders_365d, recency_days, views_30d, favourites_90d, discount_share]
    log: [net_spend_365d, orders_365d, recency_days, views_30d, favourites_90d]
    unknown: middle
    among: is_identified
- {id: first-segment, selector: clusters, options: {of: segments, cluster: 1}}
- {id: second-segment, selector: clusters, options: {of: segments, cluster: 2}}
"""


@pytest.fixture(scope="module")
def market():
    return learned_market()


@pytest.fixture
def folder(market, tmp_path):
    return shutil.copytree(market.folder, tmp_path / "shop")


def opened(folder):
    return Workspace(folder, clock=Clock(FIRST))


def write(folder, text):
    (folder / "audiences" / "learned.yaml").write_text(text, encoding="utf-8")


def test_clusters_of_the_market_are_stable_and_stay(folder, market, monkeypatch):
    write(folder, CLUSTERS)
    with opened(folder) as shop:
        shop.apply()
        first = shop.run().audiences
        found = shop.audience("segments").clusters()
        assert found.stability.mean >= 0.9
        assert found.stability.k >= 3
        assert sum(one.customers for one in found.clusters) == first["segments"]
        sizes = {one.label: one.customers for one in found.clusters}
        assert (first["first-segment"], first["second-segment"]) == (sizes[1], sizes[2])
        assert sizes[1] == max(sizes.values())
        assert shop.run().is_unchanged
        again = shop.run("2026-09-02")
        assert again.audiences["first-segment"] == pytest.approx(first["first-segment"], rel=0.05)
        assert shop.audience("segments").clusters().fitted_at == found.fitted_at
    with monkeypatch.context() as patch:
        patch.setenv("LIMNER_PRIVACY_LEAST_GROUP", str(found.rows))
        with opened(folder) as shop, pytest.raises(Refused, match="cluster"):
            shop.audience("segments").clusters()
    shown = json.loads(_said(folder, "audience", "clusters", "行为分群", "--json"))
    assert len(shown["clusters"]) == found.stability.k
    assert "聚类" in _said(folder, "audience", "clusters", "segments")


def test_clusters_tell_the_planted_states_apart(folder, market):
    write(folder, CLUSTERS)
    with opened(folder) as shop:
        shop.apply()
        shop.run()
        from limner.app.asking import ground_at
        from limner.app.grounds import portrait_of
        from limner.core.ours import Audience
        from limner.flow.audiences.clustering import put

        found = portrait_of(shop)
        ground = ground_at(shop, found.version, found.links, found.asof)
        labels = put(ground.definitions.find(Audience, "segments"), ground).labels
    planted = np.isin(market.states, ["sleeping", "loyal", "wavering"]) & (labels > 0)
    assert agreement(labels[planted], market.states[planted].astype(str)) > 0.5


def test_a_wrong_option_is_found_when_it_is_applied(folder):
    write(folder, CLUSTERS.replace("recency_days,", "recensy_days,"))
    with opened(folder) as shop, pytest.raises(BadDefinition, match="Did you mean 'recency_days'"):
        shop.apply()


def _said(folder, *words):
    done = CliRunner().invoke(commands(), [*words, "--workspace", str(folder)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


ALIKE = """
- {id: staff, name: 员工, rule: city == "无"}
- id: like-waverers
  name: 像犹豫的人
  selector: look_alike
  options: {seeds: is_seed, size: 1000, exclude: [员工], reachable: none}
"""


def test_look_alikes_of_the_market_find_a_planted_state_as_well_as_an_oracle(market):
    """Seeds are three in ten of those who waver; the rest are to be found among everybody."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_val_predict

    from limner.app.asking import ground_at
    from limner.app.grounds import portrait_of
    from limner.core.ours import Audience
    from limner.flow.audiences.likeness import scored
    from limner.maths.arms import shares
    from limner.store.definitions import Definitions
    from limner.store.gallery.numeric import NUMERIC, numbers_at

    with market.open() as shop:
        found = portrait_of(shop)
        trait = np.array(market.states == "wavering")
        seed = trait & (shares(np.arange(trait.size), 5) < 0.3)
        draft = shop.stores.gallery.draft(found.version)
        try:
            draft.put("is_seed", seed, type="bool")
            version = draft.view()
            ground = ground_at(shop, version, found.links, found.asof)
            many = int((trait & ~seed).sum())
            asked = Audience(
                "like", selector="look_alike", options={"seeds": "is_seed", "size": many, "reachable": "none"}
            )
            ground = _with(ground, Definitions({**ground.definitions.by_folder, "audiences": {"like": asked}}))
            made = scored(asked, ground)
            living = np.fromiter(version.living, np.int64)
            names = [n for n in made.names if version.headers[n].type in NUMERIC]
            matrix = np.column_stack([numbers_at(version.column(n), living, 0) for n in names])
        finally:
            draft.discard()
    oracle = HistGradientBoostingClassifier(random_state=1)
    chance = cross_val_predict(oracle, matrix, trait[living], method="predict_proba")[:, 1]
    pool = ~seed[living]
    best = living[pool][np.argsort(-chance[pool], kind="stable")[:many]]
    assert made.chosen.sum() == many
    assert not made.chosen[seed].any()
    recall, most = trait[made.chosen].sum() / many, trait[best].sum() / many
    assert most > 0.6
    assert recall >= 0.95 * most


def _with(ground, definitions):
    from dataclasses import replace

    return replace(ground, definitions=definitions)


def test_look_alikes_are_chosen_by_a_run_and_shown(folder, monkeypatch):
    text = ALIKE.replace("seeds: is_seed", "seeds: favourites_30d >= 2").replace("size: 1000", "share: 0.1")
    write(folder, text.replace('city == "无"', "orders >= 100"))
    with opened(folder) as shop:
        shop.apply()
        members = shop.run().audiences["like-waverers"]
        shown = shop.audience("like-waverers").lookalike()
        assert shown.chosen == members
        assert "favourites_30d" in shown.left_out
        assert shown.auc > 0.6
        assert shop.run().is_unchanged
        write(folder, text.replace('city == "无"', "orders >= 50"))  # asked before any run has selected it
        shop.apply()
        first = shop.audience("like-waverers").lookalike()
        monkeypatch.setattr(likeness, "learn", None)
        assert shop.audience("like-waverers").lookalike() == first
        least = first.curve[0].customers + 1
    with monkeypatch.context() as patch:
        patch.setenv("LIMNER_PRIVACY_LEAST_GROUP", str(least))
        with opened(folder) as shop:
            assert shop.audience("like-waverers").lookalike().curve == first.curve[1:]
    with opened(folder) as shop:
        write(folder, text.replace('city == "无"', "orders >= 100"))
        shop.apply()
    said = _said(folder, "audience", "lookalike", "像犹豫的人")
    assert "相似度" in said
    assert "种子由它圈定" in said
    assert json.loads(_said(folder, "audience", "lookalike", "like-waverers", "--json"))["pool"] == shown.pool
    write(folder, ALIKE.replace("seeds: is_seed", "seeds: favourites_30d >= 2, columns: [favourites_30d, orders]"))
    with opened(folder) as shop, pytest.raises(BadDefinition, match="favourites_30d"):
        shop.apply()


def test_pairings_of_the_market_are_those_of_an_independent_count(market):
    import duckdb

    from limner.app.grounds import portrait_of

    with market.open() as shop:
        made = shop.pairings(support="0.0003", confidence="0.02", lift="1", most=2, limit=0)
        again = shop.pairings(support="0.0003", confidence="0.02", lift="1", most=2, limit=5)
        found = portrait_of(shop)
        import sqlglot

        lines = shop.stores.lake.table(sqlglot.parse_one("SELECT order_id, item_id, name, day, trace FROM lines"))
        links = shop.stores.lake.table(
            sqlglot.parse_one("SELECT trace, number FROM links"), versions={"links": found.links}
        )
    assert again.pairings == made.pairings[:5]
    assert "→" in repr(made)
    assert made.to_dicts(1)[0]["both"] >= made.least
    day = int((FIRST.date() - __import__("datetime").date(1970, 1, 1)).days) - 365
    with duckdb.connect() as connection:
        connection.register("lines", lines)
        connection.register("links", links)
        query = """
            CREATE TEMP TABLE b AS SELECT DISTINCT order_id, item_id FROM lines JOIN links USING (trace)
            WHERE name = 'Order Completed' AND day >= ? AND item_id IS NOT NULL"""
        connection.execute(query, [day])
        many = connection.execute("SELECT count(DISTINCT order_id) FROM b").fetchone()[0]
        pairs = connection.execute(
            "SELECT x.item_id, y.item_id, count(*) FROM b x JOIN b y ON x.order_id = y.order_id AND x.item_id <> y.item_id "
            "GROUP BY ALL HAVING count(*) >= ?",
            [made.least],
        ).fetchall()
        singles = dict(connection.execute("SELECT item_id, count(*) FROM b GROUP BY ALL").fetchall())
    assert made.baskets == many
    wanted = {
        (a, b): n for a, b, n in pairs if n * 100 >= 2 * singles[a] and n * many >= singles[a] * singles[b]
    }  # fmt: skip
    assert {(one.things[0], one.other): one.both for one in made.pairings} == wanted


PAIRING = """
- {id: next-accessory, selector: pairing, options: {items: [A], next: B, level: category}}
"""


def test_who_bought_one_thing_and_not_yet_the_other_is_an_audience(folder, monkeypatch):
    with opened(folder) as shop:
        made = shop.pairings(level="category", basket="customer", support="0.005", confidence="0", lift="0", most=2)
        assert made.pairings
        one = made.pairings[0]
        write(folder, PAIRING.replace("[A]", f"['{one.things[0]}']").replace("B", f"'{one.other}'"))
        shop.apply()
        members = shop.run().audiences["next-accessory"]
        assert members == one.with_things - one.both
        least = sorted(one.both for one in made.pairings)[1]
        with monkeypatch.context() as patch:
            patch.setenv("LIMNER_PRIVACY_LEAST_GROUP", str(least))
            with opened(folder) as other:
                few = other.pairings(
                    level="category", basket="customer", support="0.005", confidence="0", lift="0", most=2
                )
                assert {one.both for one in few.pairings} == {n.both for n in made.pairings if n.both >= least}
        for basket in ("order", "30d"):
            assert shop.pairings(level="category", basket=basket, support="0.0005").baskets > 0
        write(folder, PAIRING.replace("[A]", "['没有的']").replace("B", f"'{one.other}'"))
        shop.apply()
        assert "没有的" in str(shop.run().refused["next-accessory"])
    said = _said(folder, "pairings", "--level", "category", "--support", "0.0005", "--lift", "0", "--confidence", "0")
    assert "置信度" in said
    with opened(folder) as shop, pytest.raises(BadInput, match="support is 2"):
        shop.pairings(support="2")
    write(folder, PAIRING.replace(", next: B", ""))
    with opened(folder) as shop, pytest.raises(BadDefinition, match="bought next"):
        shop.apply()
