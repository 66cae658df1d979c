"""Customers carried out: tables, hashes for platforms, suppression packs; who may, who is in it, what stays behind."""

import csv
import hashlib
import json

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from limner.app.workspace import Workspace
from limner.core.actor import Actor
from limner.core.errors import BadInput, NotFound, Refused
from limner.flow.audiences.platforms import PLATFORMS, every_hash
from limner.store.ledger.tables import audit
from small_shop import built_shop

ADS = "kind: file\naddress: phone\nprice: 0\noptions: {folder: lists}\n"


@pytest.fixture
def shop(tmp_path):
    folder = built_shop(tmp_path / "shop")
    (folder / "channels" / "ads.yaml").write_text(ADS, encoding="utf-8")
    rows = [[f"M{n}", "2025-01-05", "1" if n % 2 else "0"] for n in range(40)]
    with (folder / "data" / "ads.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([["会员号", "时间", "同意"], *rows])
    (folder / "sources" / "ads.yaml").write_text(
        "files: [data/ads.csv]\nidentifiers: {member_no: 会员号}\n"
        "consents:\n  - {channel: {constant: ads}, granted: 同意, happened_at: 时间}\n",
        encoding="utf-8",
    )
    with Workspace(folder) as found:
        found.apply()
        found.collect()
        found.run("2026-09-01")
        yield found


def phones(members, form="138{:08d}", how="md5"):
    return {hashlib.new(how, form.format(n).encode()).hexdigest() for n in members}


def test_a_platform_gets_the_hashes_of_those_who_allow_it(shop, tmp_path):
    done = shop.audience("orders >= 2").export(tmp_path / "a.txt", format="tencent", channel="ads")
    assert set((tmp_path / "a.txt").read_text().split()) == phones(n for n in range(10, 40) if n % 2)
    assert (done.rows, done.audience, done.not_allowed, done.no_address) == (15, 30, 15, 0)
    lines = (tmp_path / "a.txt").read_text().split()
    assert lines == sorted(lines)  # the order tells nothing
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o600
    shop.audience("orders >= 2").export(tmp_path / "b.csv", format="google", channel="ads")
    head, *hashes = (tmp_path / "b.csv").read_text().split()
    assert head == "Phone"
    assert set(hashes) == phones((n for n in range(10, 40) if n % 2), "+86138{:08d}", "sha256")


def test_a_suppression_pack_is_exactly_the_others(shop, tmp_path):
    done = shop.audience("orders >= 2").export(tmp_path / "a.txt", format="md5", channel="ads", suppress=True)
    head, *hashes = (tmp_path / "a.txt").read_text().split()
    assert head == "phone_md5"
    assert set(hashes) == phones(n for n in range(10, 40) if n % 2 == 0)
    assert done.is_suppression


def test_tables_hold_ids_and_the_columns_asked_for(shop, tmp_path):
    shop.audience("orders >= 2").export(tmp_path / "a.csv", columns=["city", "orders"])
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    assert {row["orders"] for row in rows} == {"2", "3", "4"}
    shop.audience("orders >= 2").export(tmp_path / "a.parquet", format="parquet", columns=["city", "orders"])
    told = pq.ParquetFile(tmp_path / "a.parquet").read()
    assert told["customer_id"].to_pylist() == [row["customer_id"] for row in rows]
    assert told["city"].to_pylist() == [row["city"] for row in rows]
    only = shop.audience("orders >= 2").export(tmp_path / "b.csv", channel="ads")
    assert (only.rows, only.not_allowed) == (15, 15)
    nobody = shop.audience("orders > 99").export(tmp_path / "c.parquet", format="parquet", columns=["city"])
    assert (nobody.rows, pq.ParquetFile(tmp_path / "c.parquet").read().num_rows) == (0, 0)


def test_a_cell_that_begins_like_a_formula_is_not_run(shop, tmp_path):
    with (shop.folder / "data" / "more.csv").open("w", encoding="utf-8-sig", newline="") as file:
        rows = [["会员号", "手机号", "邮箱", "城市", "姓名", "入会日期"], ["M1", "", "", "=1+1", "", "2025-02-01"]]
        csv.writer(file).writerows(rows)
    shop.collect(shop.folder / "data" / "more.csv", source="members")
    shop.run("2026-09-01")
    shop.audience("city == '=1+1'").export(tmp_path / "a.csv", columns=["city"])
    assert "'=1+1" in (tmp_path / "a.csv").read_text(encoding="utf-8-sig")


def test_only_who_has_the_role_carries_out(shop, tmp_path):
    def ask(roles, **wanted):
        acting = shop.acting(Actor("anna", frozenset(roles)))
        return acting.audience("orders >= 2").export(tmp_path / "a.csv", **wanted)

    with pytest.raises(Refused, match="role 'export'"):
        ask({"analyst"})
    assert ask({"export"}).rows == 30
    with pytest.raises(Refused, match="role 'addresses'"):
        ask({"export"}, format="meta", channel="ads")
    assert ask({"export", "addresses"}, format="meta", channel="ads").rows == 15
    with pytest.raises(Refused, match="personal"):
        ask({"export"}, columns=["姓名"])
    few = shop.acting(Actor("b", frozenset({"export"}), scope=frozenset(range(1, 15))))
    assert few.audience("orders >= 1").export(tmp_path / "b.csv").rows == 14


def test_every_export_stands_in_the_audit_without_addresses(shop, tmp_path):
    shop.audience("city != '13812345678'").export(tmp_path / "a.txt", format="md5", channel="ads")
    with shop.stores.ledger.read() as connection:
        bodies = connection.execute(select(audit.c.body).where(audit.c.verb == "audience export")).scalars().all()
    (body,) = (json.loads(text) for text in bodies)
    assert body["rows"] == 20
    assert body["channel"] == "ads"
    assert "13812345678" not in body["rule"]


def test_mistakes_are_named(shop, tmp_path):
    asked = shop.audience("orders >= 2")
    for wanted, error, match in (
        ({"format": "google"}, BadInput, "needs --channel"),
        ({"format": "gogle", "channel": "ads"}, BadInput, "Did you mean 'google'"),
        ({"format": "tencent", "channel": "mail"}, BadInput, "takes no email"),
        ({"format": "md5", "channel": "ads", "columns": ["city"]}, BadInput, "leave --columns out"),
        ({"suppress": True}, BadInput, "--format"),
        ({"channel": "adz"}, NotFound, "Did you mean 'ads'"),
        ({"columns": ["citi"]}, NotFound, "Did you mean 'city'"),
    ):
        with pytest.raises(error, match=match):
            asked.export(tmp_path / "a.csv", **wanted)
    assert list(tmp_path.glob("*.csv")) == []
    assert list(tmp_path.glob(".*part")) == []


def test_too_few_are_not_carried_out(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("LIMNER_PRIVACY_LEAST_GROUP", "11")
    with Workspace(shop.folder) as strict:
        with pytest.raises(Refused, match="fewer than 11"):
            strict.audience("orders >= 4").export(tmp_path / "a.csv")
        assert strict.audience("orders >= 3").export(tmp_path / "a.csv").rows == 20


def test_an_erased_person_leaves_what_was_written_and_is_in_nothing_new(shop, tmp_path):
    asked = shop.audience("orders >= 2")
    asked.export(tmp_path / "a.txt", format="tencent", channel="ads")
    asked.export(tmp_path / "a.parquet", format="parquet", columns=["city"])
    asked.export(tmp_path / "a.csv")
    done = shop.privacy.erase("member_no:M35", yes=True, why="asked by letter")
    assert {name.rsplit("/", 1)[-1] for name in done.lists} == {"a.txt", "a.parquet", "a.csv"}
    gone = phones([35]).pop()
    assert gone not in (tmp_path / "a.txt").read_text()
    assert pq.ParquetFile(tmp_path / "a.parquet").read().num_rows == 29
    assert len((tmp_path / "a.csv").read_text().split()) == 30
    assert asked.export(tmp_path / "b.txt", format="tencent", channel="ads").rows == 14
    shop.privacy.restrict("member_no:M33", why="asked by letter")
    assert asked.export(tmp_path / "b.txt", format="tencent", channel="ads").rows == 13


def test_addresses_take_the_form_each_platform_asks_for():

    assert (
        PLATFORMS["google"].hashed("email", "j.ane.doe@gmail.com") == hashlib.sha256(b"janedoe@gmail.com").hexdigest()
    )
    assert PLATFORMS["meta"].hashed("phone", "+8613800000000") == hashlib.sha256(b"8613800000000").hexdigest()
    assert PLATFORMS["meta"].hashed("email", "j.ane@gmail.com") == hashlib.sha256(b"j.ane@gmail.com").hexdigest()
    assert len(every_hash("phone", "+8613800000000")) == 4
    assert every_hash("member_no", "M1") == frozenset()
