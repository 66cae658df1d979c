"""Nothing sees past its asof, and a withdrawn load never was."""

from datetime import timedelta

import numpy as np
import pytest
import sqlglot

from limner.app.collecting import collect, withdraw
from limner.app.defining import apply
from limner.app.planning import plan
from limner.app.running import run
from limner.app.workspace import Workspace
from limner.core.ours import Audience
from limner.edge.demo.folder import Clock, prepare
from limner.edge.demo.play import FIRST
from limner.flow.audiences.base import SELECTORS
from limner.flow.decisions.plans import decisions_of
from limner.store.gallery.table import column_to_arrow
from limner.store.ledger import views
from limner.store.ledger.tables import fits
from limner_market import Market

pytestmark = pytest.mark.filterwarnings("ignore")


AUDIENCES = """
- {id: everyone, selector: everyone}
- id: segments
  selector: clusters
  options: {columns: [net_spend_365d, orders_365d, views_30d], log: [net_spend_365d], unknown: middle, k: 3}
- id: alike
  selector: look_alike
  options: {seeds: wavering, size: 200, reachable: none, columns: [views_30d, orders_365d, discount_share]}
- id: next
  selector: pairing
  options: {items: [女装/衬衫], next: 女装/连衣裙, level: category, basket: customer, support: 0.001, confidence: 0, lift: 0}
- id: behaved
  rule: >
    did("Product Favorited", within="60d", times=2) or sequence("Product Viewed", "Order Completed", within="7d")
    or count("Order Completed", during="last month") >= 1 or top(net_spend, 5%) or sample(3%, salt="s")
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A small market with its history collected, and fifteen later days lying in another folder."""
    home = tmp_path_factory.mktemp("time") / "shop"
    prepare(home, "nanzhi")
    (home / "audiences" / "asked.yaml").write_text(AUDIENCES, encoding="utf-8")
    market = Market(customers=4_000, seed=3)
    market.write(home / "data", formats="plain")
    later = home.parent / "later"
    later.mkdir()
    clock = Clock(FIRST + timedelta(hours=8))
    with Workspace(home, clock=clock) as shop:
        apply(shop)
        collect(shop)
        market.play(None, FIRST + timedelta(days=15), later, formats="plain")
        yield shop, later, clock


def forget_views(shop):
    """Drop every view and all that was learned, as a rebuild would find them: only facts and state stay."""
    for published in views.every(shop.stores.ledger, "gallery"):
        shop.stores.lake.drop("links", str(published.body["links"]))
    for name in shop.stores.gallery.versions():
        shop.stores.gallery.drop(name)
    with shop.stores.ledger.write() as connection:
        connection.execute(views.views.delete())
        connection.execute(fits.delete())


def seen(shop):
    """Everything the newest portrait says: column → answers by number; audiences; and a plan's decisions."""
    found = views.current(shop.stores.ledger, "gallery")
    version = shop.stores.gallery.version(found.version)
    numbers = np.asarray(version.living.to_array(), np.int64)
    answers = {name: column_to_arrow(version.column(name), numbers).to_pylist() for name in version.headers}
    made = plan(shop, "wake-up")
    decisions = decisions_of(shop.stores, made.plan_id).drop_columns(["decision"]).to_pylist()
    members = {name: version.members(name) for name in version.audiences()}
    return numbers.tolist(), answers, members, decisions


def test_later_rows_change_no_tag_score_or_decision_of_an_earlier_asof(played):
    shop, later, clock = played
    assert {name for name, _ in SELECTORS} == {one.selector for one in shop.definitions.of(Audience).values()}
    assert {name: str(why) for name, why in run(shop, FIRST).refused.items()} == {}
    before = seen(shop)
    assert min(len(members) for members in before[2].values()) > 0
    assert len(before[3]) > 100
    assert any(name == "purchase_30d" for name in before[1])
    clock.moment = FIRST + timedelta(days=15)
    files = sorted(later.glob("*.parquet"))
    assert collect(shop, file=files).used > 1000
    forget_views(shop)
    run(shop, FIRST)
    clock.moment = FIRST + timedelta(hours=8)
    after = seen(shop)
    assert after[0] == before[0]
    assert {name: after[1][name] == answers for name, answers in before[1].items()} == dict.fromkeys(before[1], True)
    assert after[2:] == before[2:]


def by_hash(shop):
    """Every customer's answers under the hashes of their identifiers: numbers once given stay used up."""
    found = views.current(shop.stores.ledger, "gallery")
    version = shop.stores.gallery.version(found.version)
    query = sqlglot.parse_one(
        "SELECT t.hash, l.number FROM traces AS t JOIN links AS l ON l.trace = t.trace", dialect="duckdb"
    )
    links = shop.stores.lake.table(query, versions={"links": str(found.body["links"])}).to_pylist()
    names = [name for name in version.headers if not name.startswith("address.")]
    rows = {number: tuple(version.row(number, names).items()) for number in {row["number"] for row in links}}
    return {row["hash"]: rows[row["number"]] for row in links}


def test_a_withdrawn_load_never_was_and_a_replacement_takes_its_place(played):
    shop, later, clock = played
    clock.moment = FIRST + timedelta(days=16)
    asof = FIRST + timedelta(days=16)
    for load in [found for found in _loads(shop) if "20260901" in found.file and found.state == "done"]:
        withdraw(shop, load.load)
    run(shop, asof)
    before = by_hash(shop)
    clicks = next(later.glob("clicks*.parquet"))
    loaded = collect(shop, file=[clicks])
    run(shop, asof)
    with_load = by_hash(shop)
    assert with_load != before
    withdraw(shop, loaded.loads[0])
    run(shop, asof)
    assert by_hash(shop) == before
    again = collect(shop, file=[clicks])
    assert again.used == loaded.used
    replaced = collect(shop, file=[clicks], replaces=again.loads[0])
    assert replaced.used == loaded.used
    run(shop, asof)
    assert by_hash(shop) == with_load


def _loads(shop):
    from limner.app.collecting import loads

    return loads(shop)
