"""A merge, its undoing and an erasure on the simulated market leave tags, audiences, touches and consents as if they had
never been otherwise.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from sqlglot import exp

from limner.app.workspace import Workspace
from limner.core.ours import Channel
from limner.edge.demo.folder import Clock, prepare
from limner.edge.demo.play import FIRST, WAVES, demo
from limner.flow.decisions.consent_book import ConsentBook
from limner.flow.decisions.taken import read_taken
from limner.store.ledger.views import current
from limner_market import Market

LINKS = """
files: [data/joined*.csv]
identifiers: {member_no: 会员号, openid: 小程序}
"""
FAR = 1 << 60
RANKS = ("rfm", "purchasing_power")
"""Lead the columns that are places among all customers: they move when somebody goes, and are held against a market without that person."""


def marks_of(shop):
    """The kind and hash behind every trace."""
    rows = shop.stores.lake.table(exp.select("trace", "kind", "hash").from_("traces")).to_pylist()
    return {row["trace"]: (row["kind"], bytes(row["hash"])) for row in rows}


def owners(shop):
    """Who is alive, by identifiers: number → the kinds and hashes of the customer."""
    marks = marks_of(shop)
    found = {}
    for row in shop.stores.lake.table(exp.select("trace", "number").from_("links")).to_pylist():
        found.setdefault(row["number"], set()).add(marks[row["trace"]])
    living = shop.stores.gallery.version(shop.run().version).living
    return {number: frozenset(own) for number, own in found.items() if number in living}


def picture(shop):
    """All that is known of every customer: columns, audiences, consents, touches; by what they are identified by."""
    ran = shop.run()
    version = shop.stores.gallery.version(ran.version)
    who, marks = owners(shop), marks_of(shop)
    numbers = np.asarray(sorted(who), np.int64)
    found = {own: {"row": readable(version.row(number), marks)} for number, own in who.items()}
    for name in version.audiences():
        for number in version.members(name):
            found[who[number]].setdefault("audiences", set()).add(name)
    book = ConsentBook(shop.stores, current(shop.stores.ledger, "lake:links").version)
    for channel in shop.definitions.of(Channel).values():
        for purpose in ("marketing", "service"):
            allowed = book.state(channel.consent or channel.id, purpose, shop.clock(), numbers).is_allowed
            for number, is_allowed in zip(numbers.tolist(), allowed.tolist(), strict=True):
                found[who[number]][channel.id, purpose] = is_allowed
    with shop.stores.ledger.read() as connection:
        taken = read_taken(connection, book, numbers, -FAR, FAR)
    for number, count in Counter(taken.number.tolist()).items():
        found[who[number]]["touches"] = count
    return found


def readable(row, marks):
    """A row whose addresses are told by what they are, not by their place in this workspace."""
    return {name: marks.get(value) if name.startswith("address.") else value for name, value in row.items()}


@pytest.fixture(scope="module", params=[pytest.param(seed, marks=pytest.mark.slow) for seed in (5, 8)])
def played(request, tmp_path_factory):
    """A market after one wave of campaigns."""
    folder = tmp_path_factory.mktemp("market") / "shop"
    demo(folder=folder, customers=2_000, seed=request.param, formats="plain", waves=1)
    (folder / "sources" / "joined.yaml").write_text(LINKS, encoding="utf-8")
    with Workspace(folder, clock=Clock(WAVES[1])) as shop:
        shop.apply()
        yield shop, random.Random(request.param)


def members(shop):
    """Member number → the number of the customer, from the shop's own list."""
    names = {}
    for path in sorted((shop.folder / "data").glob("members*.parquet")):
        names |= dict.fromkeys(pq.read_table(path)["会员号"].to_pylist())
    return [name for name in names if name]


def pairs_to_join(shop, rng, count):
    """Member numbers, and openids of somebody who clicks and has no member number."""
    who = owners(shop)
    loose = {mark for own in who.values() if not any(kind == "member_no" for kind, _ in own) for mark in own}
    traces = {trace for trace, mark in marks_of(shop).items() if mark in loose and mark[0] == "openid"}
    openids = sorted(one.raw for one in shop.stores.vault.addresses(tuple(traces)).values())
    return list(zip(rng.sample(members(shop), count), rng.sample(openids, count), strict=True))


def test_merges_undone_and_persons_erased(played):
    shop, rng = played
    before = picture(shop)
    assert sum(one.get("touches", 0) for one in before.values()) > 20
    pairs = pairs_to_join(shop, rng, 5)
    lines = "".join(f"{name},{openid}\n" for name, openid in pairs)
    (shop.folder / "data" / "joined.csv").write_text(f"会员号,小程序\n{lines}", encoding="utf-8")
    assert shop.collect(source="joined").used == len(pairs)
    merged = picture(shop)
    merges = [one for one in shop.identity.merges() if one.undone_at is None]
    assert len(merged) == len(before) - len(pairs)
    for name, _ in pairs:
        marks = next(m for m in merged if shop_mark(shop, name) in m)
        parts = [one for m, one in before.items() if m <= marks]
        assert len(parts) == 2
        assert merged[marks].get("touches", 0) == sum(one.get("touches", 0) for one in parts)
        assert merged[marks]["row"] not in [one["row"] for one in parts]
    newest = merges[: len(pairs)]
    rng.shuffle(newest)
    for one in newest:
        shop.identity.undo(one.seq)
    undone = picture(shop)
    assert undone.keys() == before.keys()
    assert {m for m in before if undone[m] != before[m]} == set()

    gone = [pairs[0][0], rng.choice(members(shop))]
    marks = {shop_mark(shop, name) for name in gone}
    for name in gone:
        assert shop.privacy.erase(f"member_no:{name}", yes=True).proof.is_clean
    after = picture(shop)
    left = {own: one for own, one in before.items() if not own & marks}
    assert after.keys() == left.keys()
    assert differences(left, after, RANKS) == {}
    shop.withdraw(max(load.load for load in shop.loads() if load.source == "joined"))
    assert differences(left, picture(shop), RANKS) == {}


def shop_mark(shop, name):
    from limner.core.ids import identifier_hash
    from limner.core.normal import identifier

    return "member_no", identifier_hash(shop.stores.hash_key, "member_no", identifier("member_no", name).value)


def differences(one, other, but=()):
    """What differs, how often: column, or part of the picture; columns that begin with `but` aside."""
    found = Counter()
    for marks in one.keys() & other.keys():
        mine, theirs = one[marks], other[marks]
        for part in mine.keys() | theirs.keys():
            if part == "row":
                rows = mine["row"], theirs["row"]
                found.update(c for c in rows[0].keys() | rows[1].keys() if rows[0].get(c) != rows[1].get(c))
            elif mine.get(part) != theirs.get(part):
                found[part] += 1
    return {name: count for name, count in found.items() if not name.startswith(but)}


def identifying(shop_folder):
    """The columns of every source that name somebody: glob → columns."""
    found = {}
    for path in (shop_folder / "sources").glob("*.yaml"):
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
        for pattern in body.get("files", ()):
            if pattern.endswith(".parquet") and body.get("identifiers"):
                found[pattern] = list(body["identifiers"].values())
    return found


def rows_of(folder, columns, names):
    """Every row of every file that shows one of these names, as (path, places), and all names these rows show."""
    places, seen = {}, set(names)
    for pattern, wanted in columns.items():
        for path in sorted(folder.glob(pattern)):
            rows = pq.read_table(path)
            mine = np.zeros(rows.num_rows, bool)
            shown = [rows[c].cast("string").to_pylist() for c in wanted if c in rows.column_names]
            for values in shown:
                mine |= np.asarray([value in names for value in values], bool)
            for values in shown:
                seen |= {values[i] for i in np.flatnonzero(mine) if values[i] and "*" not in values[i]}
            if mine.any():
                places[path] = mine
    return places, seen


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=pytest.mark.slow) for seed in (3, 4)])
def test_an_erased_person_might_never_have_been(tmp_path, seed):
    rng = random.Random(seed)
    shops = {}
    market = Market(customers=2_000, seed=seed)
    for name in ("erased", "never"):
        home = tmp_path / name
        prepare(home, "nanzhi", seed)
        market.write(home / "data", formats="plain")
        (home / "models").rename(home / "models-aside")
        shops[name] = home
    columns = identifying(shops["never"])
    [listed] = sorted((shops["never"] / "data").glob("members*.parquet"))[:1]
    for person in rng.sample(pq.read_table(listed)["会员号"].to_pylist(), 20):
        names = {person}
        while True:
            places, seen = rows_of(shops["never"], columns, names)
            if seen == names:
                break
            names = seen
        is_alone = sum(name in pq.read_table(listed)["会员号"].to_pylist() for name in names) == 1
        if is_alone and len(places) >= 3 and len(names) >= 4:
            break
    else:
        raise AssertionError("no person with enough to erase")
    for path, mine in places.items():
        rows = pq.read_table(path)
        pq.write_table(rows.filter(~mine), path)
    found = {}
    for name, home in shops.items():
        with Workspace(home, clock=Clock(FIRST + timedelta(hours=8))) as shop:
            shop.apply()
            shop.collect()
            shop.run()
            if name == "erased":
                assert shop_mark(shop, person) in {mark for marks in owners(shop).values() for mark in marks}
                assert shop.privacy.erase(f"member_no:{person}", yes=True).proof.is_clean
            found[name] = picture(shop)
    assert found["erased"].keys() == found["never"].keys()
    assert differences(found["never"], found["erased"]) == {}
