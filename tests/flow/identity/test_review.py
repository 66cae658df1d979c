"""Matching from files to merged customers and back: the review queue."""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime

import pytest

import limner
from limner.core.errors import NotFound
from limner.edge.show import shown
from small_shop import write_shop

NOW = datetime(2026, 9, 1, 4, tzinfo=UTC)
MEMBERS = """
name: 会员
files: [data/members.csv]
identifiers: {member_no: 会员号}
traits: {full_name: 姓名, birthday: 生日, city: 城市, phone_shown: 手机, home: 地址}
traits_at: 入会日期
"""
MATCHING = """
name: 会员重复
roles: {name: full_name, birth_date: birthday, city: city, phone: phone_shown, address: home}
propose_above: 0.5
"""
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN = [
    "伟",
    "芳",
    "秀英",
    "敏",
    "静",
    "丽娟",
    "强",
    "磊",
    "洋",
    "艳",
    "晓明",
    "军",
    "杰",
    "建国",
    "涛",
    "雨欣",
    "超",
    "海燕",
    "霞",
    "平",
]


def people(count=300):
    """Members who differ in most things, and three who came twice: M0/D0, M1/D1 (by sound), M2/D2 (a slip)."""
    luck = random.Random(11)
    rows = []
    for n in range(count):
        name = luck.choice(SURNAMES) + luck.choice(GIVEN)
        day = f"19{luck.randrange(50, 99)}-{luck.randrange(1, 13):02}-{luck.randrange(1, 29):02}"
        phone = f"1{luck.randrange(30, 90)}****{luck.randrange(10_000):04}"
        where = f"{luck.choice(['人民路', '解放路', '中山路'])}{luck.randrange(1, 400)}号{luck.randrange(1, 30)}栋"
        rows.append([f"M{n}", name, day, luck.choice(["上海", "杭州", "成都", "武汉"]), phone, where])
    twins = [list(row) for row in rows[:3]]
    for n, twin in enumerate(twins):
        twin[0] = f"D{n}"
    twins[0][4] = "13" + twins[0][4][2:]
    rows[1][1], twins[1][1] = "李晓明", "里小明"
    twins[2][2] = twins[2][2][:-1] + str((int(twins[2][2][-1]) + 1) % 10)
    return [[*row, "2025-01-05"] for row in rows + twins]


def write_people(folder, rows):
    with (folder / "data" / "members.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([["会员号", "姓名", "生日", "城市", "手机", "地址", "入会日期"], *rows])


@pytest.fixture
def shop(tmp_path):
    more = {"sources__members": MEMBERS, "matching__twice": MATCHING, "identifiers__member_no": "strength: strong\n"}
    folder = write_shop(tmp_path / "shop", 3, **more)
    write_people(folder, people())
    with limner.open(folder, clock=lambda: NOW) as found:
        found.apply()
        found.collect(source="members")
        yield found


def number(shop, member):
    return shop.customer(f"member_no:{member}").show().customer_id


def waiting(shop):
    return {frozenset(pair.customers): pair.seq for pair in shop.identity.review(limit=100).pairs}


def test_pairs_wait_are_joined_when_accepted_and_part_when_taken_back(shop):
    before = shop.run().customers
    [found] = shop.identity.match()
    assert found.accepted == 0
    assert found.proposed >= 3
    seqs = [waiting(shop)[frozenset((number(shop, f"M{n}"), number(shop, f"D{n}")))] for n in range(3)]
    single = number(shop, "M0"), number(shop, "D0")
    shop.identity.accept(*seqs)
    assert shop.run().customers == before - 3
    assert number(shop, "M0") == number(shop, "D0")
    assert number(shop, "M0") in single
    [taken] = shop.identity.reject(seqs[0])
    assert taken.state == "rejected"
    assert shop.run().customers == before - 2
    assert (number(shop, "M0"), number(shop, "D0")) == single
    [again] = shop.identity.match()
    assert again.changed == 0
    assert seqs[0] not in waiting(shop).values()


def test_what_keeps_a_pair_two_is_said_when_it_is_accepted(shop):
    before = shop.run().customers
    shop.identity.match()
    seq, other = (waiting(shop)[frozenset((number(shop, f"M{n}"), number(shop, f"D{n}")))] for n in range(2))
    assert shop.identity.review().pairs[0].hindrances == ()
    (shop.folder / "identifiers" / "member_no.yaml").unlink()  # as shipped: authoritative
    shop.apply()
    shop.run()
    [found] = shop.identity.accept(seq)
    assert (found.state, found.hindrances) == ("accepted", ("member_no",))
    assert "each has a member_no of its own" in shown((found,), "en")
    assert "双方各有自己的 member_no" in shown((found,), "zh")
    assert shop.run().customers == before
    [taken] = shop.identity.reject(other)
    assert "stays two" not in shown((taken,), "en")


def test_an_operators_word_stands_above_what_is_probable(shop):
    shop.run()
    shop.identity.match()
    seq = waiting(shop)[frozenset((number(shop, "M0"), number(shop, "D0")))]
    shop.identity.accept(seq)
    shop.run()
    shop.identity.split("member_no:M0", "member_no:D0")
    shop.run()
    [found] = shop.identity.accept(seq)
    assert found.hindrances == ("apart",)


def test_the_same_run_twice_changes_nothing(shop):
    [first] = shop.identity.match()
    queue = shop.identity.review(limit=100)
    [second] = shop.identity.match()
    assert first.changed > 0
    assert second.changed == 0
    assert shop.identity.review(limit=100) == queue


def test_a_run_before_the_evidence_does_not_know_what_was_accepted(shop):
    shop.identity.match()
    late = shop.run().customers
    shop.identity.accept(*waiting(shop).values() or [p.seq for p in shop.identity.review().pairs])
    assert shop.run().customers < late
    assert shop.run("2026-08-01").customers == late


def test_above_the_threshold_pairs_join_by_themselves_and_part_when_it_is_raised(shop):
    before = shop.run().customers
    (shop.folder / "matching" / "twice.yaml").write_text(MATCHING + "accept_above: 0.9\n", encoding="utf-8")
    shop.apply()
    [found] = shop.identity.match()
    assert found.accepted >= 2
    assert shop.run().customers == before - found.accepted
    (shop.folder / "matching" / "twice.yaml").write_text(MATCHING, encoding="utf-8")
    shop.apply()
    [found] = shop.identity.match()
    assert found.accepted == 0
    assert shop.run().customers == before


def test_a_rejected_pair_is_not_accepted_by_itself(shop):
    shop.run()
    shop.identity.match()
    seq = waiting(shop)[frozenset((number(shop, "M0"), number(shop, "D0")))]
    shop.identity.reject(seq)
    (shop.folder / "matching" / "twice.yaml").write_text(MATCHING + "accept_above: 0.9\n", encoding="utf-8")
    shop.apply()
    shop.identity.match()
    shop.run()
    assert number(shop, "M0") != number(shop, "D0")
    assert number(shop, "M1") == number(shop, "D1")


def test_what_is_borne_out_no_more_lapses_and_comes_back(shop):
    shop.identity.match()
    before = [pair.seq for pair in shop.identity.review(limit=100).pairs]
    load = shop.loads()[-1].load
    shop.withdraw(load)
    [found] = shop.identity.match()
    assert found.lapsed == len(before)
    assert shop.identity.review().pairs == ()
    with pytest.raises(NotFound, match="has lapsed"):
        shop.identity.accept(before[0])
    shop.collect(source="members")
    shop.identity.match()
    assert [pair.seq for pair in shop.identity.review(limit=100).pairs] == before


def test_what_cannot_be_found_is_named(shop):
    with pytest.raises(NotFound, match="There is no proposal 99"):
        shop.identity.accept(99)
    (shop.folder / "matching" / "twice.yaml").unlink()
    shop.apply()
    with pytest.raises(NotFound, match="No matching is stated"):
        shop.identity.match()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_queue_is_shown_without_what_the_customers_stated(shop, lang):
    found = shop.identity.match()
    text = shown(found, lang)
    shop.run()
    queue = shop.identity.review()
    text += shown(queue, lang) + shown(shop.identity.reject(queue.pairs[0].seq), lang)
    assert ("形近" in text or "音同" in text) if lang == "zh" else "sounds alike" in text
    assert "****" not in text
    assert all(row[1] not in text for row in people(20))
