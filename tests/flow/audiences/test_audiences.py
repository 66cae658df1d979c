"""Audiences over a small shop whose every answer is known."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
import sqlglot
from pyroaring import BitMap

from limner.core.actor import OWNER, Actor
from limner.core.errors import BadDefinition, BadInput, NotFound, Refused
from limner.core.ours import Audience, Property, Tag
from limner.core.rule import Compare
from limner.flow.audiences import SELECTORS, Ground, count, overlap, page, portrait, select, vocabulary
from limner.flow.audiences.behaviour import LakeBehaviour, said, seen_events
from limner.flow.identity import resolve
from limner.store.definitions import Definitions
from shop import NOW, open_shop, put_identifiers

SIZE = 1000
AGE = np.arange(SIZE) * 7 % 61 + 10
AUDIENCES = {
    "loyal": Audience("loyal", "订单数 >= 3", name="老客"),
    "young": Audience("young", {"tag": "age", "op": "<", "value": 30}),
    "both": Audience("both", "in audience(老客) and in audience(young)"),
    "all": Audience("all", selector="everyone"),
    "known": Audience("known", selector="everyone", options={"identified": True}),
}
DEFINITIONS = Definitions(
    {
        "audiences": AUDIENCES,
        "tags": {"orders": Tag("orders", name="订单数", name_en="Orders")},
        "properties": {"phone_hint": Property("phone_hint", "text", is_personal=True)},
    }
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    found = open_shop(tmp_path_factory.mktemp("audiences") / "shop")
    yield found
    found.close()


@pytest.fixture(scope="module")
def version(stores):
    rng = np.random.default_rng(1)
    draft = stores.gallery.draft()
    draft.put_living(BitMap(range(SIZE)) - BitMap([5]))
    draft.put("orders", np.arange(SIZE) % 5, type="int")
    draft.put("age", AGE, np.arange(SIZE) % 7 != 0, type="int")
    draft.put("net", rng.integers(0, 10**9, SIZE), type="money")
    draft.put("city", ["上海" if i % 5 >= 3 else "杭州" for i in range(SIZE)], type="text")
    draft.put("is_identified", np.arange(SIZE) % 2 == 0, type="bool")
    draft.put("reach.sms", np.arange(SIZE) % 4 == 0, type="bool")
    draft.put("address.phone", np.arange(SIZE), type="int")
    draft.put("phone_hint", ["138" for _ in range(SIZE)], type="text")
    return draft.seal("base")


@pytest.fixture(scope="module")
def ground(stores, version):
    return grounded(stores, version)


def grounded(stores, version, definitions=DEFINITIONS, **more):
    words = vocabulary(version, definitions, stores.lake.tables()["events"], stores.settings.zone)
    return Ground(version, definitions, words, NOW, **more)


def test_a_count_tells_identified_anonymous_and_reachable(ground):
    found = count(ground, "订单数 >= 3", who=OWNER)
    chosen = [n for n in range(SIZE) if n % 5 >= 3 and n != 5]
    assert found.count == len(chosen)
    assert found.identified == sum(n % 2 == 0 for n in chosen)
    assert found.identified + found.anonymous == found.count
    assert found.reachable == {"sms": sum(n % 4 == 0 for n in chosen)}
    assert "identified" in repr(found)
    assert found.to_dicts()[0]["count"] == len(chosen)
    assert count(ground, "老客", who=OWNER).count == len(chosen)
    assert count(ground, Compare("Orders", ">=", 3), who=OWNER).count == len(chosen)


def test_a_scope_is_a_wall(ground):
    few = Actor("branch", scope=BitMap([3, 4, 5, 8, 100]))
    assert count(ground, "订单数 >= 3", who=few).count == 3
    assert count(ground, "not 订单数 >= 3", who=few).count == 1
    assert count(ground, "loyal", who=Actor("b", scope=frozenset({3, 4}))).count == 2
    assert page(ground, "all", who=few, key=b"k").numbers == (3, 4, 8, 100)
    assert overlap(ground, ["all", "loyal"], who=few).shared == ((4, 3), (3, 3))
    assert portrait(ground, "loyal", who=few).base == 4


def test_members_follow_definitions_through_one_another(ground):
    loyal = {n for n in range(SIZE) if n % 5 >= 3} - {5}
    young = {n for n in range(SIZE) if AGE[n] < 30 and n % 7} - {5}
    assert set(ground.members("both")) == loyal & young
    assert set(ground.members("known")) == {n for n in range(SIZE) if n % 2 == 0}
    assert len(ground.members("all")) == SIZE - 1


def test_select_writes_every_audience_and_a_changed_one_is_not_read_back(stores, version):
    draft = stores.gallery.draft(version)
    told = []
    chosen = select(grounded(stores, draft.view()), draft, who=OWNER, tell=lambda *args: told.append(args))
    sealed = draft.seal("selected")
    assert chosen.members["all"] == SIZE - 1
    assert chosen.to_dicts()[0] == {"audience": "all", "members": SIZE - 1}
    assert "loyal" in repr(chosen)
    assert told[-1] == (5, 5, "audiences")
    assert sealed.audiences() == tuple(sorted(AUDIENCES))
    again = grounded(stores, sealed)
    assert again.members("loyal") is sealed.members("loyal")
    changed = Definitions(
        {**DEFINITIONS.by_folder, "audiences": {**AUDIENCES, "loyal": Audience("loyal", "订单数 >= 4", name="老客")}}
    )
    fresh = grounded(stores, sealed, changed)
    assert set(fresh.members("loyal")) == {n for n in range(SIZE) if n % 5 == 4}
    assert fresh.members("both") != sealed.members("both")
    assert fresh.members("young") is sealed.members("young")


def test_a_page_goes_on_where_the_last_one_ended(ground):
    first = page(ground, "loyal", who=OWNER, key=b"k", columns=["订单数", "city"], limit=3)
    assert first.numbers == (3, 4, 8)
    assert [row["orders"] for row in first.rows] == [3, 4, 3]
    assert first.columns == ("customer_id", "orders", "city")
    second = page(ground, "loyal", who=OWNER, key=b"k", limit=3, after=first.after)
    assert second.numbers == (9, 13, 14)
    assert page(ground, "loyal", who=OWNER, key=b"k", limit=1000).after is None
    assert "上海" in repr(first)
    assert len({row["customer_id"] for row in first.to_dicts()}) == 3


def test_personal_columns_ask_for_the_role(ground):
    with pytest.raises(Refused, match="personal"):
        page(ground, "loyal", who=Actor("a"), key=b"k", columns=["phone_hint"])
    assert page(ground, "loyal", who=Actor("a", frozenset({"personal"})), key=b"k", columns=["phone_hint"]).rows
    with pytest.raises(NotFound, match="'city'"):
        page(ground, "loyal", who=OWNER, key=b"k", columns=["ctiy"])
    with pytest.raises(BadInput):
        page(ground, "loyal", who=OWNER, key=b"k", limit=0)


def test_overlap_is_a_matrix(ground):
    found = overlap(ground, ["老客", "age < 30", "orders == 9"], who=OWNER)
    loyal, young = found.shared[0][0], found.shared[1][1]
    both = len(ground.members("both"))
    assert found.shared[0][1] == found.shared[1][0] == both
    assert found.share(0, 1) == both / loyal
    assert found.jaccard(0, 1) == both / (loyal + young - both)
    assert (found.share(2, 0), found.jaccard(2, 2)) == (None, None)
    assert len(found.to_dicts()) == 6
    assert "老客" in repr(found)


def test_a_portrait_finds_what_was_planted_and_nothing_else(ground):
    found = portrait(ground, "订单数 >= 3", who=OWNER)
    shanghai = next(t for t in found.traits if (t.column, t.answer) == ("city", "上海"))
    assert shanghai.group_share == 1
    assert shanghai.tgi == pytest.approx(100 / shanghai.base_share)
    assert shanghai.is_clear
    assert {t.column for t in found.traits if t.is_clear} == {"city", "orders"}
    assert {t.column for t in found.traits} == {"city", "orders", "age", "net", "is_identified"}
    first = [t for t in found.traits if t.is_supported]
    assert [abs(t.tgi - 100) for t in first] == sorted((abs(t.tgi - 100) for t in first), reverse=True)
    assert "上海" in repr(found)
    assert found.to_dicts(limit=1)[0]["column"] == found.traits[0].column


def test_a_portrait_against_itself_is_100_everywhere(ground):
    found = portrait(ground, "loyal", "loyal", who=OWNER)
    assert {round(t.tgi, 9) for t in found.traits} == {100}
    assert not any(t.is_clear for t in found.traits)
    assert sum(t.base for t in found.traits if t.column == "net") == found.base


def test_a_portrait_of_three_is_marked(ground):
    found = portrait(ground, "orders >= 3 and age == 13 and net < 200000", who=OWNER)
    assert found.group < 30
    assert not any(t.is_supported or t.is_clear for t in found.traits)
    assert portrait(ground, "orders > 99", who=OWNER).traits == ()


def test_what_is_wrong_is_said(stores, version, ground):
    for rule, error in (("ordres > 3", "orders"), ("in audience(loyl)", "loyal"), ("did('x') and", "<end>")):
        with pytest.raises(BadDefinition, match=error):
            count(ground, rule, who=OWNER)
    with pytest.raises(NotFound, match="no events are at hand"):
        count(ground, "did('x')", who=OWNER)
    circle = {"a": Audience("a", "in audience(b)"), "b": Audience("b", "in audience(a)")}
    broken = grounded(stores, version, Definitions({"audiences": circle}))
    with pytest.raises(BadDefinition, match="refers to itself"):
        broken.members("a")
    for audience in (Audience("x"), Audience("x", selector="everyone", options={"identified": 3})):
        with pytest.raises(BadDefinition):
            grounded(stores, version, Definitions({"audiences": {"x": audience}})).members("x")
    with pytest.raises(NotFound, match="selector"):
        grounded(stores, version, Definitions({"audiences": {"x": Audience("x", selector="rul")}})).members("x")


PROBES = {
    "clusters": {"columns": ["orders", "net"], "k": 2},
    "look_alike": {"seeds": "orders >= 4", "size": 20},
}


def test_every_selector_stays_among_the_living(ground):
    for name, made in SELECTORS:
        if name == "pairing":  # it asks the lake, and has tests of its own
            continue
        options = PROBES.get(name, {})
        found = made(Audience("probe", "订单数 >= 0" if name == "rule" else "", selector=name, options=options), ground)
        assert found <= ground.version.living


def test_behaviour_is_asked_of_the_lake(tmp_path):
    stores = open_shop(tmp_path / "shop")
    put_identifiers(stores, [[("member_no", f"M{i}")] for i in range(4)])
    resolve(stores, "l1", who=OWNER, asof=NOW, now=NOW)
    moments = [NOW - timedelta(days=d) for d in (1, 2, 40, 3, 0)]
    stores.lake.append("events", "b1", pa.table({
        "trace": pa.array([1, 1, 2, 3, 4], pa.int32()), "name": ["Order Completed"] * 5,
        "happened_at": pa.array(moments, pa.timestamp("us", "UTC")),
        "received_at": pa.array(moments, pa.timestamp("us", "UTC")),
        "amount": pa.array([Decimal(a) for a in ("10", "200", "300", "50", "999")], pa.decimal128(18, 4)),
        "source": ["test"] * 5, "p_coupon": ["A", None, "A", "B", "A"],
    }))  # fmt: skip
    asked = sqlglot.parse_one("select number from links order by trace")
    numbers = stores.lake.table(asked, versions={"links": "l1"})["number"].to_pylist()
    draft = stores.gallery.draft()
    draft.put_living(BitMap(numbers))
    words = vocabulary(draft.view(), Definitions(), stores.lake.tables()["events"], stores.settings.zone)
    behaviour = LakeBehaviour(stores.lake, "l1", NOW, words, stores.lake.catalog.seq())
    ground = Ground(draft.view(), Definitions(), words, NOW, behaviour)

    def who(rule):
        return [numbers.index(n) for n in ground.members_of(rule)]

    assert who("did('Order Completed')") == [0, 1, 2]
    assert who("did('Order Completed', within=30d)") == [0, 2]
    assert who("did('Order Completed', times=2)") == [0]
    assert who("did('Order Completed', 金额 >= 100, coupon == 'A')") == [1]
    assert who("not did('Order Completed', amount >= 100)") == [2, 3]
    assert who("sequence('Order Completed', step('Order Completed', amount < 100))") == [0]
    for dialect in ("duckdb", "spark", "clickhouse", "postgres"):
        assert "Order Completed" in said(ground.rule("did('Order Completed', within=30d)"), ground, dialect)
    assert behaviour.name.startswith("l1|")
    assert seen_events(stores.lake) == {"Order Completed"}
    stores.close()


def test_nobody_lives(stores):
    draft = stores.gallery.draft()
    draft.put_living(BitMap())
    ground = grounded(stores, draft.view())
    assert count(ground, "all", who=OWNER).count == 0
    assert portrait(ground, "all", who=OWNER).traits == ()
