"""Why somebody is one customer, splitting, undoing: from files to customers and back."""

from datetime import UTC, datetime

import pytest

import limner
from limner.app.opening import make
from limner.core.actor import Actor
from limner.core.errors import BadInput, Clash, NotFound, Refused
from limner.edge.show import shown

NOW = datetime(2026, 9, 1, 4, tzinfo=UTC)
SOURCES = {
    "members": "files: [data/members*.csv]\nidentifiers: {member_no: 会员号, phone: 手机}\n"
    "traits: {city: 城市}\ntraits_at: 时间\n",
    "mini": "files: [data/mini*.csv]\nidentifiers: {unionid: 微信, phone: 手机, cookie: 设备}\n"
    "traits: {level: 等级}\ntraits_at: 时间\n",
}
MEMBERS = "会员号,手机,城市,时间\nM1,13812349876,上海,2026-01-05\nM2,138****9999,杭州,2026-02-01\nM3,13812349876,成都,2026-03-01\n"
MINI = "微信,手机,设备,等级,时间\nu1,,c1,金,2026-02-05\nu9,,c9,银,2026-02-06\n"
MORE = "微信,手机,设备,等级,时间\nu1,13812349876,,金,2026-04-05\n"


@pytest.fixture
def shop(tmp_path):
    home = make(tmp_path / "shop")
    for folder in ("sources", "data"):
        (home / folder).mkdir()
    for name, text in SOURCES.items():
        (home / "sources" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (home / "data" / "members.csv").write_text(MEMBERS, encoding="utf-8")
    (home / "data" / "mini.csv").write_text(MINI, encoding="utf-8")
    with limner.open(home, clock=lambda: NOW) as found:
        found.apply()
        found.collect()
        found.run()
        yield found


def merged(shop):
    (shop.folder / "data" / "mini2.csv").write_text(MORE, encoding="utf-8")
    shop.collect()
    return shop.run()


def ids(shop, *names):
    return [shop.customer(name).show().customer_id for name in names]


def kinds(names):
    return sorted(name.partition("#")[0] for name in names)


def test_a_merge_is_explained_with_its_records(shop):
    former = ids(shop, "unionid:u1")[0]
    assert merged(shop).customers == 4
    found = shop.identity.explain("member_no:M1")
    assert kinds(one.name for one in found.identifiers) == ["cookie", "member_no", "phone", "unionid"]
    assert found.identifiers[0].kind == "member_no"
    assert {(tie.source, *kinds([tie.one, tie.other])) for tie in found.ties} == {
        ("members", "member_no", "phone"), ("mini", "cookie", "unionid"), ("mini", "phone", "unionid"),
    }  # fmt: skip
    assert [(cut.reason, cut.customer) for cut in found.cuts] == [("authoritative", ids(shop, "member_no:M3")[0])]
    assert [(one.what, one.other, one.undone_at) for one in found.history] == [("merge", former, None)]
    for lang in ("zh", "en"):
        assert "138" not in shown(found, lang)
        assert "member_no#" in shown(found, lang)
    assert "两个不同的权威编号" in shown(found, "zh")


def test_a_masked_phone_is_shown_and_joins_nobody(shop):
    found = shop.identity.explain("member_no:M2")
    assert [(cut.reason, cut.other.partition("#")[0]) for cut in found.cuts] == [("never", "masked_phone")]


def test_a_merge_undone_is_as_it_was_before(shop):
    names = ("member_no:M1", "member_no:M2", "member_no:M3", "unionid:u1", "cookie:c1", "unionid:u9")
    before = ids(shop, *names), [shop.customer(name).show() for name in names]
    merged(shop)
    assert ids(shop, "unionid:u1") == ids(shop, "member_no:M1")
    [merge] = shop.identity.merges()
    assert "limner run" in shown(shop.identity.undo(merge.seq), "en")
    with pytest.raises(Clash, match="undone already"):
        shop.identity.undo(merge.seq)
    shop.run()
    after = ids(shop, *names), [shop.customer(name).show() for name in names]
    assert after == before
    parting, again = shop.identity.merges()
    assert (parting.what, again.seq, again.undone_at) == ("parting", merge.seq, NOW)
    shop.identity.undo(parting.seq)
    assert shop.run().customers == 4
    assert ids(shop, "unionid:u1") == ids(shop, "member_no:M1")
    assert [one.undone_at is None for one in shop.identity.merges()] == [True, False, False]


def test_a_split_takes_what_hangs_on_it_and_leaves_the_rest(shop):
    merged(shop)
    mine, others = ids(shop, "member_no:M1"), ids(shop, "member_no:M2", "member_no:M3", "unionid:u9")
    found = shop.identity.split("member_no:M1", "unionid:u1", reason="借用手机")
    assert kinds(found.apart) == ["cookie", "unionid"]
    assert kinds(found.kept) == ["member_no", "phone"]
    shop.run()
    assert ids(shop, "member_no:M1", "phone:13812349876") == mine * 2
    assert ids(shop, "member_no:M2", "member_no:M3", "unionid:u9") == others
    assert ids(shop, "cookie:c1") == ids(shop, "unionid:u1") != mine
    reasons = {cut.reason for cut in shop.identity.explain("unionid:u1").cuts}
    assert reasons == {"apart"}
    shop.identity.undo(found.seq)
    shop.run()
    assert ids(shop, "cookie:c1") == mine


def test_a_split_by_the_name_explain_gives(shop):
    merged(shop)
    name = next(one.name for one in shop.identity.explain("member_no:M1").identifiers if one.kind == "cookie")
    assert shop.identity.split("member_no:M1", name).apart == (name,)
    assert shop.run().customers == 5


def test_what_cannot_be_split_or_undone_says_why(shop):
    with pytest.raises(NotFound, match="has no identifier unionid:u9"):
        shop.identity.split("member_no:M1", "unionid:u9")
    with pytest.raises(NotFound, match=r"139\*\*\*\*00"):
        shop.identity.split("member_no:M1", "phone:13900000000")
    with pytest.raises(BadInput, match="nothing would be left"):
        shop.identity.split("member_no:M1", "member_no:M1", "phone:13812349876")
    with pytest.raises(NotFound, match="no merge and no parting 77"):
        shop.identity.undo(77)


def test_a_branch_sees_and_undoes_its_own_only(shop):
    merged(shop)
    [merge] = shop.identity.merges()
    branch = shop.acting(Actor("branch", frozenset({"identity"}), frozenset({9999})))
    with pytest.raises(NotFound):
        branch.identity.explain("member_no:M1")
    with pytest.raises(NotFound, match=f"parting {merge.seq}"):
        branch.identity.undo(merge.seq)
    assert branch.identity.merges() == ()
    with pytest.raises(Refused, match="needs the role `identity`"):
        shop.acting(Actor("reader", frozenset({"analyst"}))).identity.undo(merge.seq)
