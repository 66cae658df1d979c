"""The mappings of platforms over their sample files: every row has one fate, the money is exact, refunds are positive."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter
import yaml
from sqlalchemy import insert

from intake import NOW, Intake
from limner.app.packs import pack_folder
from limner.app.starting import init
from limner.app.workspace import Workspace
from limner.core.definition import read
from limner.flow.sources.definition import Source
from limner.flow.sources.draft import draft
from limner.flow.sources.recognise import Ready, recognised
from limner.store.ledger.tables import touches

HOME = pack_folder("platforms")
SAMPLES = HOME / "samples"
D = Decimal

GOLDEN = {
    # rows, used, anonymous, cancelled, rejected, paid orders, paid, refunds, refunded
    "tmall-orders": (26, 21, 1, 2, {"duplicate order": 1, "totals row": 1}, 22, "8408.90", 2, "617.50"),
    "jd-orders": (31, 25, 3, 3, {}, 17, "7349.70", 0, "0"),
    "youzan-orders": (23, 18, 2, 2, {"totals row": 1}, 20, "5730.40", 2, "133.75"),
    "wechat-shop-orders": (20, 13, 6, 1, {}, 15, "3784.80", 2, "509.00"),
    "douyin-orders": (22, 5, 15, 2, {}, 16, "3836.66", 2, "431.32"),
    "wechat-pay-bill": (26, 23, 0, 1, {"wrong number of columns": 2}, 21, "4847.10", 2, "99.89"),
    "wechat-bill": (26, 22, 0, 0, {"neither income nor spending": 2, "own spending": 2}, 20, "3774.99", 2, "1079.00"),
    "alipay-bill": (26, 0, 23, 0, {"wrong number of columns": 3}, 20, "3741.60", 3, "178.90"),
    "pos-tickets": (38, 23, 9, 4, {"totals row": 2}, 14, "5742.51", 2, "1210.00"),
}


def mapping(name: str) -> str:
    return (HOME / "sources" / f"{name}.yaml").read_text(encoding="utf-8")


def collected(folder: Path, *names: str) -> tuple[Intake, list]:
    shop = Intake(folder, *(mapping(name) for name in names))
    return shop, [shop.load(str(SAMPLES / f"{name}.csv"), source=name) for name in names]


def money(shop: Intake, name: str) -> tuple[int, Decimal]:
    (row,) = shop.ask(f"SELECT count(*) AS n, coalesce(sum(amount), 0) AS paid FROM events WHERE name = '{name}'")
    return row["n"], row["paid"]


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_rows_and_money(name, tmp_path):
    rows, used, anonymous, cancelled, rejected, orders, paid, refunds, refunded = GOLDEN[name]
    shop, (found,) = collected(tmp_path, name)
    counts = found.counts
    assert (counts.rows, counts.used, counts.anonymous, counts.cancelled) == (rows, used, anonymous, cancelled)
    assert dict(counts.rejected) == rejected
    assert rows == used + anonymous + cancelled + sum(rejected.values())
    assert money(shop, "Order Completed") == (orders, D(paid))
    assert money(shop, "Order Refunded") == (refunds, D(refunded))
    assert shop.one("SELECT count(*) FROM events WHERE amount < 0") == 0
    assert shop.one("SELECT count(*) FROM events WHERE name NOT IN ('Order Completed', 'Order Refunded')") == 0
    shop.stores.close()


def plain_rows(name: str, encoding: str, above: int = 0, below: int = 0) -> list[dict[str, str]]:
    """The rows of a sample read the plainest way there is."""
    text = (SAMPLES / f"{name}.csv").read_bytes().decode(encoding).lstrip("\ufeff")
    lines = text.splitlines()[above:]
    body = "\n".join(lines[: len(lines) - below])
    return [
        {(k or "").strip(): (v or "").strip("\t`' ") for k, v in row.items()}
        for row in csv.DictReader(io.StringIO(body))
    ]


def test_the_money_of_the_golden_table_by_other_means():
    """The sums of the samples, added up without the product."""

    def added(values) -> Decimal:
        return sum((D(value.strip("¥￥-").replace(",", "")) for value in values), D(0))

    tmall = {r["订单编号"]: r for r in plain_rows("tmall-orders", "gb18030", below=1)}.values()
    assert added(r["买家实际支付金额"] for r in tmall) == D(GOLDEN["tmall-orders"][6])
    assert added(r["退款金额"] for r in tmall if r["退款金额"] != "无退款申请") == D(GOLDEN["tmall-orders"][8])
    jd = {r["订单号"]: r for r in plain_rows("jd-orders", "gb18030")}.values()
    alive = [r for r in jd if not any(word in r["订单状态"] for word in ("删除", "取消", "等待付款"))]
    assert added(r["应付金额"] for r in alive) == D(GOLDEN["jd-orders"][6])
    youzan = plain_rows("youzan-orders", "utf-8-sig", below=1)
    assert added(r["订单实付金额"] for r in youzan) == D(GOLDEN["youzan-orders"][6])
    assert added(r["订单已退款金额"] for r in youzan) == D(GOLDEN["youzan-orders"][8])
    shop = plain_rows("wechat-shop-orders", "utf-8-sig")
    assert added(r["订单实际支付金额"] for r in {r["订单号"]: r for r in shop}.values()) == D("3784.80")
    assert added(r["商品已退款金额"] for r in shop) == D("509.00")
    douyin = [r for r in plain_rows("douyin-orders", "utf-8-sig") if r["支付完成时间"]]
    assert added(r["订单应付金额"] for r in douyin) == D("3836.66")
    assert added(r["订单应付金额"] for r in douyin if r["售后状态"] == "退款成功") == D("431.32")
    bill = plain_rows("wechat-pay-bill", "utf-8-sig", below=2)
    assert added(r["订单金额"] for r in bill) == D("4847.10")
    assert added(r["申请退款金额"] for r in bill) == D("99.89")
    phone = plain_rows("wechat-bill", "utf-8-sig", above=16)
    assert added(r["金额(元)"] for r in phone if r["收/支"] == "收入") == D("3774.99")
    alipay = plain_rows("alipay-bill", "gb18030", above=4, below=3)
    assert added(r["订单金额（元）"] for r in alipay if r["业务类型"] == "交易") == D("3741.60")
    assert added(r["订单金额（元）"] for r in alipay if r["业务类型"] == "退款") == D("178.90")
    pos = [r for r in plain_rows("pos-tickets", "gb18030", below=2) if r["小票状态"] == "已结账"]
    assert added(r["实收金额"] for r in pos if int(r["数量"]) > 0) == D("5742.51")
    assert added(r["实收金额"] for r in pos if int(r["数量"]) < 0) == D("1210.00")


def test_one_order_seen_in_the_shop_and_in_the_bill_counts_once(tmp_path):
    shop, (_, bill) = collected(tmp_path, "youzan-orders", "wechat-pay-bill")
    assert bill.counts.rejected == {"duplicate order": 5, "wrong number of columns": 2}
    orders, paid = money(shop, "Order Completed")
    doubled = shop.one("SELECT sum(amount) FROM spare_events")
    assert (orders, paid) == (20 + 21 - 5, D("5730.40") + D("4847.10") - doubled)
    shop.stores.close()


def test_all_platforms_together_add_up_and_come_twice_for_nothing(tmp_path):
    shop, found = collected(tmp_path, *GOLDEN)
    twice = shop.one("SELECT sum(amount) FROM spare_events WHERE source = 'wechat-pay-bill'")
    paid = sum((D(row[6]) for row in GOLDEN.values()), D(0)) - twice
    assert money(shop, "Order Completed")[1] == paid
    assert money(shop, "Order Refunded")[1] == sum(D(row[8]) for row in GOLDEN.values())
    assert sum(f.counts.rows for f in found) == sum(row[0] for row in GOLDEN.values())
    again = [shop.load(str(SAMPLES / f"{name}.csv"), source=name) for name in GOLDEN]
    assert [f.rows for f in again] == [0] * len(GOLDEN)
    shop.stores.close()


def test_members_say_what_their_columns_hold(tmp_path):
    shop, (found,) = collected(tmp_path, "members")
    assert (found.rows, found.used, found.rejected) == (32, 31, {"totals row": 1})
    assert dict(found.counts.values) == {
        "address with a district of several cities": 7, "id card destroyed by a spreadsheet": 2,
        "not a name of a person": 1, "phone destroyed by a spreadsheet": 1, "placeholder phone": 1,
        "wrong check digit of an id card": 1,
    }  # fmt: skip
    kinds = {r["kind"]: r["n"] for r in shop.ask("SELECT kind, count(DISTINCT trace) AS n FROM identifiers GROUP BY 1")}
    assert kinds == {"member_no": 30, "phone": 24, "id_card": 25}
    traits = {r["name"]: r["n"] for r in shop.ask("SELECT name, count(*) AS n FROM traits GROUP BY 1")}
    assert (traits["birthday"], traits["city"], traits["surname"]) == (25, 19, 29)
    shop.stores.close()


def test_customers_of_wecom_and_who_looks_after_them(tmp_path):
    shop, (found,) = collected(tmp_path, "wecom-customers")
    assert (found.used, found.rejected) == (24, {"no identifier": 1})
    owners = {r["operator"]: r["n"] for r in shop.ask("SELECT operator, count(*) AS n FROM relations GROUP BY 1")}
    assert owners == {"daogou01": 12, "daogou02": 12}
    shop.stores.close()


def test_receipts_of_a_gateway(tmp_path):
    shop = Intake(tmp_path, mapping("sms-receipts"), "{id: m, files: [m*], identifiers: {member_no: num}}")
    shop.put("m.csv", "num,x\nA,1\n")
    shop.load(source="m")
    trace = shop.one("SELECT trace FROM identifiers")
    with shop.stores.ledger.write() as connection:
        for n in range(20):
            connection.execute(insert(touches).values(
                touch_id=n + 1, message_key=f"m-{n:06d}", plan_id=1, campaign="back", number=1, trace=trace, channel="sms",
                offer="o", message_class="marketing", handed_over_at=NOW - timedelta(days=29), attempts=1,
                is_uncertain=False, cost=0,
            ))  # fmt: skip
    found = shop.load(str(SAMPLES / "sms-receipts.csv"), source="sms-receipts")
    assert found.rejected == {"duplicate receipt": 1, "unknown message": 1}
    events = {r["name"]: r["n"] for r in shop.ask("SELECT name, count(*) AS n FROM events GROUP BY 1")}
    assert events == {"Message Delivered": 9, "Message Bounced": 11, "Message Unsubscribed": 1}
    shop.stores.close()


def ready() -> list[Ready]:
    texts = [(path, path.read_text(encoding="utf-8")) for path in sorted((HOME / "sources").glob("*.yaml"))]
    return [Ready(read(Source, yaml.safe_load(text), path.name), text) for path, text in texts]


@pytest.mark.parametrize("path", sorted(SAMPLES.iterdir()), ids=lambda path: path.stem)
def test_a_file_of_a_platform_is_recognised_by_its_columns(path, tmp_path):
    renamed = tmp_path / f"下载 (3){path.suffix}"
    renamed.write_bytes(path.read_bytes())
    found = recognised(renamed, ready())
    assert found is not None
    assert found.source.id == path.stem


def test_a_sheet_with_title_lines_is_recognised_too(tmp_path):
    path = tmp_path / "账单.xlsx"
    lines = (SAMPLES / "wechat-bill.csv").read_text(encoding="utf-8-sig").splitlines()
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate(csv.reader(lines)):
            sheet.write_row(place, 0, [cell for cell in row if cell or place > 15])
    found = recognised(path, ready())
    assert found is not None
    assert found.source.id == "wechat-bill"
    shop = Intake(tmp_path, mapping("wechat-bill"))
    assert shop.load(str(path), source="wechat-bill").rows == 26
    assert money(shop, "Order Completed") == (20, D("3774.99"))
    shop.stores.close()


def test_other_files_are_nobodys(tmp_path):
    plain = tmp_path / "orders.csv"
    plain.write_text(
        "订单编号,会员卡号,商品名称,数量,实付金额,付款时间\n1,A1,裙,1,89,2026-01-01 10:02\n", encoding="utf-8"
    )
    empty = tmp_path / "empty.csv"
    empty.write_text("", encoding="utf-8")
    assert recognised(plain, ready()) is None
    assert recognised(empty, ready()) is None
    (made,) = draft([plain], folder=tmp_path, ready=ready())
    assert made.source.id != "tmall-orders"


def test_a_workspace_from_files_uses_the_ready_mapping_and_loads_unedited(tmp_path):
    files = []
    for name in ("alipay-bill", "wechat-pay-bill", "douyin-orders"):
        files.append(tmp_path / f"导出-{name[:4]}.csv")
        files[-1].write_bytes((SAMPLES / f"{name}.csv").read_bytes())
    made = init(tmp_path / "shop", files=files)
    assert {d.source.id for d in made.drafts} == {"alipay-bill", "wechat-pay-bill", "douyin-orders"}
    assert "Recognised" in str(made.drafts[0])
    with Workspace(tmp_path / "shop") as shop:
        found = shop.collect()
        assert (found.rows, found.counts.anonymous) == (26 + 26 + 22, 23 + 15)


def test_a_masked_account_is_nobodys(tmp_path):
    """Two people may share jd_4003***: it identifies neither."""
    shop, (found,) = collected(tmp_path, "jd-orders")
    assert dict(found.counts.values) == {"masked identifier": 4}
    kinds = {r["kind"]: r["n"] for r in shop.ask("SELECT kind, count(DISTINCT trace) AS n FROM identifiers GROUP BY 1")}
    assert kinds["jd_account"] == 6
    shop.stores.close()


def test_the_pack_brings_the_mappings_and_not_the_samples(tmp_path):
    made = init(tmp_path / "shop", pack="platforms")
    assert "sources/tmall-orders.yaml" in made.files
    assert not list((tmp_path / "shop").rglob("*.csv"))
    assert not (tmp_path / "shop" / "samples").exists()
